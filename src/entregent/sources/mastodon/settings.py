"""Settings of a source of kind ``mastodon``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from entregent.errors import ConfigError
from entregent.sources import registry

__all__ = ["MOST_TIMELINES", "MastodonSettings", "Timeline", "read_settings", "timeline"]

MOST_TIMELINES = 100
_VALID = ("public", "public:local", "public:remote", "tag:WORD", "list:NUMBER", "account:NAME@SERVER")


class MastodonSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands under a source of kind ``mastodon``.

    Parameters
    ----------
    server : str
        ``https://...``
    timelines : list of str
        ``public``, ``public:local``, ``public:remote``, ``tag:WORD``,
        ``list:NUMBER`` or ``account:NAME@SERVER``.
    token : str, optional
        Where the access token lies: ``env:NAME`` or ``file:PATH``.
    stream : bool
        Whether what the server streams is streamed; else it is asked for.
    days : float
        How far back the first look goes.
    every_minutes : float
        How often is looked at what is not streamed.
    allow_private : bool
        Whether a server of a private network may be asked.
    keep_raw_days : int
        Days to keep statuses as they came; 0 keeps none.
    """

    server: str
    timelines: list[str]
    token: str | None = None
    stream: bool = True
    days: float = 1.0
    every_minutes: float = 5.0
    allow_private: bool = False
    keep_raw_days: int = 0


@dataclass(frozen=True)
class Timeline:
    """One timeline: where it is asked for and where it is streamed, both without the server.

    `account` is whose it is, `cut` whether the server keeps the newest only.
    """

    name: str
    path: str
    params: Mapping[str, str]
    stream: str | None = None
    account: str | None = None
    cut: bool = False


def timeline(name: str) -> Timeline | None:
    """Return the timeline of a name, None where there is none.

    >>> timeline("tag:#SkyRail").path
    '/api/v1/timelines/tag/SkyRail'
    """
    kind, _, rest = name.partition(":")
    if kind == "public" and rest in ("", "local", "remote"):
        stream = "/api/v1/streaming/public" + (f"/{rest}" if rest else "")
        return Timeline(name, "/api/v1/timelines/public", {rest: "true"} if rest else {}, stream)
    if kind == "tag" and re.fullmatch(r"#?\w+", rest):
        word = rest.removeprefix("#")
        return Timeline(name, f"/api/v1/timelines/tag/{word}", {}, f"/api/v1/streaming/hashtag?tag={word}")
    if kind == "list" and re.fullmatch(r"\w+", rest, re.ASCII):
        return Timeline(
            name, f"/api/v1/timelines/list/{rest}", {}, f"/api/v1/streaming/list?list={rest}", cut=True
        )
    if kind == "account" and re.fullmatch(r"@?[\w.-]+(@[\w.-]+(:\d+)?)?", rest):
        return Timeline(name, "/api/v1/accounts/{id}/statuses", {}, account=rest.removeprefix("@"))
    return None


def read_settings(table: Mapping[str, Any], where: str) -> MastodonSettings:
    """Read and check the table of a source.

    Parameters
    ----------
    table : mapping
        See :class:`MastodonSettings`.
    where : str
        ``sources.NAME``, for messages.

    Returns
    -------
    MastodonSettings

    Raises
    ------
    ConfigError
        Where the settings are no good.
    """
    told = registry.settings(MastodonSettings, table, where)
    if not told.server.startswith(("https://", "http://")):
        raise ConfigError(f"server is {told.server!r}.", where=where, valid=("https://...",))
    if not 1 <= len(told.timelines) <= MOST_TIMELINES:
        raise ConfigError(
            f"timelines has {len(told.timelines)} entries.", where=where, valid=(f"1 to {MOST_TIMELINES}",)
        )
    for name in told.timelines:
        if timeline(name) is None:
            raise ConfigError(f"timelines has {name!r}.", where=where, valid=_VALID)
        if name.startswith("list:") and told.token is None:
            raise ConfigError(
                f"timelines has {name!r}, and no token is set: a list belongs to an account.",
                where=where,
                do='Set token = "env:NAME" and put the access token there.',
            )
    registry.in_range(told, where, days=(0, 36_500), every_minutes=(0.01, 100_000), keep_raw_days=(0, 36_500))
    timelines = list(dict.fromkeys(told.timelines))
    return msgspec.structs.replace(told, server=told.server.rstrip("/"), timelines=timelines)
