"""Settings of a source of kind ``youtube``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from entregent.errors import ConfigError
from entregent.sources import registry

__all__ = ["YouTubeSettings", "read_settings"]

_MOST_ENTRIES = 1000
_MOST_LETTERS = 500
_VIDEO = re.compile(r"[A-Za-z0-9_-]{11}")
_CHANNEL = re.compile(r"UC[A-Za-z0-9_-]{22}|@\S{1,100}")


class YouTubeSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands under a source of kind ``youtube``.

    Parameters
    ----------
    key : str
        Where the key of the API lies: ``env:NAME`` or ``file:PATH``.
    search : list of str
        As one types them into the search of YouTube.
    channels : list of str
        Ids (``UC...``) or handles (``@name``).
    videos : list of str
        Ids, always looked at, however old they are.
    comments : bool
        Whether comments and their answers are read.
    days : float
        How far back the first look goes, and how long a video is looked at.
    every_minutes : float
        How often is looked.
    most_comments : int
        Most threads of one video read in one look, the newest first.
    daily_searches, daily_units : int
        Most calls of ``search.list``, and of all others, in a day of Pacific Time.
    server : str
    allow_private : bool
        Whether a server of a private network may be asked.
    keep_raw_days : int
        Days to keep videos and comments as they came; 0 keeps none.
    """

    key: str
    search: list[str] = []
    channels: list[str] = []
    videos: list[str] = []
    comments: bool = True
    days: float = 7.0
    every_minutes: float = 60.0
    most_comments: int = 2000
    daily_searches: int = 100
    daily_units: int = 10_000
    server: str = "https://www.googleapis.com/youtube/v3"
    allow_private: bool = False
    keep_raw_days: int = 0


def read_settings(table: Mapping[str, Any], where: str) -> YouTubeSettings:
    """Read and check the table of a source.

    Parameters
    ----------
    table : mapping
        See :class:`YouTubeSettings`.
    where : str
        ``sources.NAME``, for messages.

    Returns
    -------
    YouTubeSettings

    Raises
    ------
    ConfigError
        Where the settings are no good.
    """
    told = registry.settings(YouTubeSettings, table, where)
    asked = ("search", "channels", "videos")
    if not any(getattr(told, key) for key in asked):
        raise ConfigError("Nothing is asked for.", where=where, valid=asked)
    for key in asked:
        listed = getattr(told, key)
        if len(listed) > _MOST_ENTRIES or not all(
            text.strip() and len(text) <= _MOST_LETTERS for text in listed
        ):
            raise ConfigError(
                f"{key} has too many entries, or one that is empty or too long.",
                where=where,
                valid=(f"up to {_MOST_ENTRIES} of up to {_MOST_LETTERS} letters",),
            )
    for key, pattern, valid in (
        ("channels", _CHANNEL, ("UC and 22 letters", "@handle")),
        ("videos", _VIDEO, ("the 11 letters after v= in its address",)),
    ):
        wrong = [text for text in getattr(told, key) if not pattern.fullmatch(text)]
        if wrong:
            raise ConfigError(f"{key} has {wrong[0]!r}.", where=where, valid=valid)
    if not told.server.startswith(("https://", "http://")):
        raise ConfigError(f"server is {told.server!r}.", where=where, valid=("https://...",))
    registry.in_range(
        told,
        where,
        days=(0, 3650),
        every_minutes=(0.01, 100_000),
        most_comments=(1, 1_000_000),
        daily_searches=(0, 1e9),
        daily_units=(0, 1e9),
        keep_raw_days=(0, 36_500),
    )
    return msgspec.structs.replace(told, server=told.server.rstrip("/"))
