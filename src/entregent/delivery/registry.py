"""The kinds of channel known: one line each, loaded when a setting asks for one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from entregent.delivery.base import Channel
from entregent.errors import ConfigError

__all__ = ["KINDS", "channel"]

KINDS: Mapping[str, str] = {
    "log": "entregent.delivery.log",
    "file": "entregent.delivery.file",
    "webhook": "entregent.delivery.webhook",
    "mail": "entregent.delivery.mail",
}
"""Kind to the module that has ``open_channel(name, table, where)``."""


def channel(name: str, table: Mapping[str, Any]) -> Channel:
    """Make a channel of its settings; nothing is told yet.

    Parameters
    ----------
    name : str
    table : mapping
        What stands under ``[delivery.NAME]``.

    Returns
    -------
    Channel

    Raises
    ------
    ConfigError
        Where `kind` is missing or unknown, or its settings are no good.

    Examples
    --------
    >>> channel("team", {"kind": "log"}).name
    'team'
    """
    where = f"delivery.{name}"
    kind = table.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise ConfigError(
            "kind is missing." if kind is None else f"kind is {kind!r}.", where=where, valid=KINDS
        )
    made: Callable[[str, Mapping[str, Any], str], Channel] = import_module(KINDS[kind]).open_channel
    return made(name, table, where)
