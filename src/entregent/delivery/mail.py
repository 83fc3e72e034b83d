"""Alerts by e-mail, in French or English."""

from __future__ import annotations

import asyncio
import re
import smtplib
import ssl
from collections.abc import Mapping
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

import msgspec

from entregent.clock import zone
from entregent.delivery.base import Alert, letter
from entregent.errors import ConfigError, PermanentError, TransientError
from entregent.i18n import LANGUAGES, Translator
from entregent.sources import registry
from entregent.sources.secret import Secret, secret

__all__ = ["Mail", "MailSettings", "message", "open_channel"]

_SECONDS = 30.0
_SECURITY = ("starttls", "tls", "none")


class MailSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands under a channel of kind ``mail``.

    Parameters
    ----------
    host : str
        Of the mail server.
    sender : str
    to : list of str
    port : int
    security : {"starttls", "tls", "none"}
    user : str, optional
    password : str, optional
        ``env:NAME`` or ``file:PATH``.
    lang : {"fr", "en"}
    zone : str
        In which moments are shown.
    """

    host: str
    sender: str
    to: list[str]
    port: int = 587
    security: str = "starttls"
    user: str | None = None
    password: str | None = None
    lang: str = "en"
    zone: str = "UTC"


def message(alert: Alert, settings: MailSettings) -> EmailMessage:
    """Write the letter of an alert; sent twice, it is the same letter.

    Parameters
    ----------
    alert : :class:`~entregent.delivery.base.Alert`
    settings : MailSettings

    Returns
    -------
    email.message.EmailMessage
    """
    subject, body = letter(alert, Translator(settings.lang, zone(settings.zone)))
    made = EmailMessage(policy=SMTP)
    # What strangers wrote must not begin a header of its own.
    made["Subject"] = re.sub(r"[\r\n\t]+", " ", subject)
    made["From"] = settings.sender
    made["To"] = ", ".join(settings.to)
    made["Message-ID"] = f"<{alert.id}@entregent.invalid>"
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(body)
    return made


class Mail:
    """A channel that sends letters.

    Parameters
    ----------
    name : str
    settings : MailSettings
    password : Secret or None
    where : str
        For messages.
    context : ssl.SSLContext, optional
        What certificates are trusted; those of the system unless told.
    """

    def __init__(
        self,
        name: str,
        settings: MailSettings,
        password: Secret | None,
        where: str,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self.name = name
        self._settings = settings
        self._password = password
        self._where = where
        self._context = context

    async def tell(self, alert: Alert) -> None:
        """Tell of an alert, see :class:`entregent.delivery.base.Channel`."""
        await asyncio.to_thread(self._send, message(alert, self._settings))

    def _send(self, letter: EmailMessage) -> None:
        told = self._settings
        try:
            with self._opened() as server:
                if told.security == "starttls":
                    server.starttls(context=self._context or ssl.create_default_context())
                if told.user is not None and self._password is not None:
                    server.login(told.user, self._password.reveal())
                server.send_message(letter, told.sender, told.to)
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            raise self._failed(min(codes, default=550), "no address of `to` was accepted") from error
        except smtplib.SMTPResponseException as error:
            # What a server says to a password may repeat it.
            raise self._failed(error.smtp_code, type(error).__name__) from error
        except (ssl.SSLCertVerificationError, smtplib.SMTPNotSupportedError) as error:
            raise PermanentError(
                f"{told.host} cannot be trusted: {type(error).__name__}.",
                where=self._where,
                do="Check host, port and security.",
            ) from error
        except (OSError, smtplib.SMTPException) as error:
            raise TransientError(
                f"{told.host}:{told.port} did not take the letter: {type(error).__name__}.", where=self._where
            ) from error

    def _opened(self) -> smtplib.SMTP:
        told = self._settings
        if told.security == "tls":
            context = self._context or ssl.create_default_context()
            return smtplib.SMTP_SSL(told.host, told.port, timeout=_SECONDS, context=context)
        return smtplib.SMTP(told.host, told.port, timeout=_SECONDS)

    def _failed(self, code: int, what: str) -> TransientError | PermanentError:
        words = f"{self._settings.host} refused the letter with {code}: {what}."
        if 400 <= code < 500:
            return TransientError(words, where=self._where)
        return PermanentError(words, where=self._where, do="Check sender, to, user and password.")


def open_channel(name: str, table: Mapping[str, Any], where: str) -> Mail:
    """Make the channel of its settings.

    Parameters
    ----------
    name : str
    table : mapping
        See :class:`MailSettings`.
    where : str

    Returns
    -------
    Mail

    Raises
    ------
    ConfigError
        For an address, a language or a security that is none, or half a login.
    """
    settings = registry.settings(MailSettings, table, where)
    for address in (settings.sender, *settings.to):
        try:
            Address(addr_spec=address)
        except (ValueError, IndexError) as error:
            raise ConfigError(
                f"{address!r} is no address.", where=where, valid=("name@example.org",)
            ) from error
    if not settings.to:
        raise ConfigError("to is empty.", where=where, do="Name somebody.")
    if settings.security not in _SECURITY:
        raise ConfigError(f"security is {settings.security!r}.", where=where, valid=_SECURITY)
    if settings.lang not in LANGUAGES:
        raise ConfigError(f"lang is {settings.lang!r}.", where=where, valid=LANGUAGES)
    if (settings.user is None) != (settings.password is None):
        raise ConfigError("user and password go together.", where=where, do="Give both, or none.")
    zone(settings.zone)
    password = None
    if settings.password is not None:
        password = secret(settings.password, where=f"{where}.password")
    return Mail(name, settings, password, where)
