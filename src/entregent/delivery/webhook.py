"""Alerts sent to another program, signed, under the same id however often they are sent."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec

from entregent import clock
from entregent.delivery.base import Alert, payload
from entregent.errors import ConfigError
from entregent.sources import registry
from entregent.sources.secret import Secret, secret
from entregent.sources.web import Limits, Web

__all__ = ["Webhook", "WebhookSettings", "open_channel", "signature"]

_LIMITS = Limits(connect=10.0, silence=15.0, whole=30.0, most_bytes=1 << 16, redirects=0)


class WebhookSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands under a channel of kind ``webhook``.

    Parameters
    ----------
    address : str
        ``https://...``
    secret : str
        ``env:NAME`` or ``file:PATH``: what signs.
    allow_private : bool
        Whether the address may be one of a private network.
    """

    address: str
    secret: str
    allow_private: bool = False


def signature(key: str, moment: int, body: bytes) -> str:
    """Return the signature of a message: HMAC-SHA256 over the second, a full stop, and the body.

    Parameters
    ----------
    key : str
    moment : int
        Seconds since 1970, sent beside it so that an old message cannot be sent again.
    body : bytes

    Returns
    -------
    str
        As in the header ``Entregent-Signature``.

    Examples
    --------
    >>> signature("key", 0, b"{}")[:20]
    't=0,v1=7314351dd949a'
    """
    digest = hmac.new(key.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"


class Webhook:
    """A channel that posts JSON.

    Parameters
    ----------
    name : str
    settings : WebhookSettings
    key : Secret
    where : str
        For messages.
    now : callable, optional
        The clock.
    """

    def __init__(
        self,
        name: str,
        settings: WebhookSettings,
        key: Secret,
        where: str,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self.name = name
        self._settings = settings
        self._key = key
        self._where = where
        self._now = now

    async def tell(self, alert: Alert) -> None:
        """Tell of an alert, see :class:`entregent.delivery.base.Channel`."""
        body = msgspec.json.encode(payload(alert))
        moment = clock.to_micros(self._now()) // 1_000_000
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": alert.id,
            "Entregent-Signature": signature(self._key.reveal(), moment, body),
        }
        async with Web(
            self._where,
            secrets=[self._key],
            limits=_LIMITS,
            allow_private=self._settings.allow_private,
        ) as web:
            await web.post(self._settings.address, json=body, headers=headers)


def open_channel(name: str, table: Mapping[str, Any], where: str) -> Webhook:
    """Make the channel of its settings.

    Parameters
    ----------
    name : str
    table : mapping
        See :class:`WebhookSettings`.
    where : str

    Returns
    -------
    Webhook
    """
    settings = registry.settings(WebhookSettings, table, where)
    if urlsplit(settings.address).scheme not in ("https", "http"):
        raise ConfigError("address is none of the web.", where=where, valid=("https://...",))
    return Webhook(name, settings, secret(settings.secret, where=f"{where}.secret"), where)
