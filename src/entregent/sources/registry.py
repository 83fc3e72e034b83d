"""The kinds of live source known: one line each, loaded when a setting asks for one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, TypeVar

import msgspec

from entregent.errors import ConfigError
from entregent.sources.live import LiveSource

__all__ = ["COMMON", "KINDS", "in_range", "live_source", "settings"]

KINDS: Mapping[str, str] = {
    "replay": "entregent.sources.replay",
    "bluesky": "entregent.sources.bluesky.source",
    "bluesky-accounts": "entregent.sources.bluesky.accounts",
    "bluesky-search": "entregent.sources.bluesky.search",
    "feeds": "entregent.sources.feeds.source",
    "files": "entregent.sources.followed.source",
    "mastodon": "entregent.sources.mastodon.source",
    "x": "entregent.sources.x.source",
    "youtube": "entregent.sources.youtube.source",
}
"""Kind to the module that has ``open_source(name, table, where)``."""

COMMON = ("kind", "keep_days")
"""Keys that every table may have."""

Settings = TypeVar("Settings", bound=msgspec.Struct)


def settings(kind: type[Settings], table: Mapping[str, Any], where: str) -> Settings:
    """Read the table of one source as the settings of its kind.

    Parameters
    ----------
    kind : type of msgspec.Struct
        Made with ``frozen=True, forbid_unknown_fields=True``.
    table : mapping
        What stands under ``[sources.NAME]``; :data:`COMMON` keys are not looked at.
    where : str
        ``sources.NAME``, for messages.

    Returns
    -------
    msgspec.Struct
        Of the class `kind`.

    Raises
    ------
    ConfigError
        For a key that this kind does not have, a value of another type, or a
        missing one; with the valid keys.
    """
    given = {key: value for key, value in table.items() if key not in COMMON}
    names = [field.encode_name for field in msgspec.structs.fields(kind)]
    unknown = [key for key in given if key not in names]
    if unknown:
        raise ConfigError(f"There is no setting {unknown[0]!r}.", where=where, valid=names)
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{str(error).replace(' - at `$.', ' at `')}.", where=where, valid=names) from error


def in_range(settings: msgspec.Struct, where: str, /, **ranges: tuple[float, float]) -> None:
    """Check that settings lie between two numbers, both included.

    Parameters
    ----------
    settings : msgspec.Struct
    where : str
        ``sources.NAME``, for messages.
    **ranges
        Name to least and most.

    Raises
    ------
    ConfigError
        For the first that does not.
    """
    for name, (least, most) in ranges.items():
        value = getattr(settings, name)
        if not least <= value <= most:
            raise ConfigError(f"{name} is {value}.", where=where, valid=(f"{least:g} to {most:g}",))


def live_source(name: str, table: Mapping[str, Any]) -> LiveSource:
    """Make a live source of its settings; nothing is asked of a server yet.

    Parameters
    ----------
    name : str
        Name of the table: the key of the source's cursor.
    table : mapping
        What stands under ``[sources.NAME]``.

    Returns
    -------
    LiveSource

    Raises
    ------
    ConfigError
        Where `kind` is missing or unknown, or its settings are no good.
    """
    where = f"sources.{name}"
    kind = table.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise ConfigError(
            "kind is missing." if kind is None else f"kind is {kind!r}.", where=where, valid=KINDS
        )
    made: Callable[[str, Mapping[str, Any], str], LiveSource] = import_module(KINDS[kind]).open_source
    return made(name, table, where)
