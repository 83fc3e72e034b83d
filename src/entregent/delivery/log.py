"""Alerts as lines of the log of the process."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import msgspec

from entregent.delivery.base import Alert, letter
from entregent.i18n import Translator
from entregent.sources import registry

__all__ = ["Log", "LogSettings", "open_channel"]

_log = logging.getLogger("entregent.alerts")


class LogSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands under a channel of kind ``log``: nothing more."""


class Log:
    """A channel that writes a warning to the logger ``entregent.alerts``."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def tell(self, alert: Alert) -> None:
        """Tell of an alert, see :class:`entregent.delivery.base.Channel`."""
        _log.warning("%s (%s)", letter(alert, Translator("en"))[0], alert.id)


def open_channel(name: str, table: Mapping[str, Any], where: str) -> Log:
    """Make the channel of its settings.

    Parameters
    ----------
    name : str
    table : mapping
        See :class:`LogSettings`.
    where : str

    Returns
    -------
    Log
    """
    registry.settings(LogSettings, table, where)
    return Log(name)
