"""Settings of a source of kind ``x``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from entregent.errors import ConfigError
from entregent.sources import registry

__all__ = ["MOST_RULES", "XSettings", "read_settings"]

MOST_RULES = 1000
_MOST_LETTERS = 4096


class XSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands under a source of kind ``x``.

    Parameters
    ----------
    token : str
        Where the bearer or user token lies: ``env:NAME`` or ``file:PATH``.
    mentions_of : list of str
        Names of accounts.
    searches : list of str
        As one types them into the search of X.
    rules : list of str
        The same, streamed as it happens.
    people : list of str
        Names of accounts whose followers are counted once a day.
    days : float
        How far back the first look goes; a search at most 7.
    every_minutes : float
        How often is looked at what is not streamed.
    monthly_limit : float
        Most money to spend in a month of UTC, in the currency of the prices.
    price_post, price_person : float
        What one post and one account read cost.
    server : str
    allow_private : bool
        Whether a server of a private network may be asked.
    keep_raw_days : int
        Days to keep answers as they came; 0 keeps none.
    """

    token: str
    mentions_of: list[str] = []
    searches: list[str] = []
    rules: list[str] = []
    people: list[str] = []
    days: float = 1.0
    every_minutes: float = 15.0
    monthly_limit: float = 20.0
    price_post: float = 0.005
    price_person: float = 0.01
    server: str = "https://api.x.com"
    allow_private: bool = False
    keep_raw_days: int = 0


def read_settings(table: Mapping[str, Any], where: str) -> XSettings:
    """Read and check the table of a source.

    Parameters
    ----------
    table : mapping
        See :class:`XSettings`.
    where : str
        ``sources.NAME``, for messages.

    Returns
    -------
    XSettings

    Raises
    ------
    ConfigError
        Where the settings are no good.
    """
    told = registry.settings(XSettings, table, where)
    asked = ("mentions_of", "searches", "rules", "people")
    if not any(getattr(told, key) for key in asked):
        raise ConfigError("Nothing is asked for.", where=where, valid=asked)
    for key in asked:
        listed = getattr(told, key)
        if len(listed) > MOST_RULES or not all(
            text.strip() and len(text) <= _MOST_LETTERS for text in listed
        ):
            raise ConfigError(
                f"{key} has too many entries, or one that is empty or too long.",
                where=where,
                valid=(f"up to {MOST_RULES} of up to {_MOST_LETTERS} letters",),
            )
    if not told.server.startswith(("https://", "http://")):
        raise ConfigError(f"server is {told.server!r}.", where=where, valid=("https://...",))
    registry.in_range(
        told,
        where,
        days=(0, 7),
        every_minutes=(0.01, 100_000),
        monthly_limit=(0, 1e9),
        price_post=(0, 1e6),
        price_person=(0, 1e6),
        keep_raw_days=(0, 36_500),
    )
    names = {
        key: [name.removeprefix("@") for name in getattr(told, key)] for key in ("mentions_of", "people")
    }
    return msgspec.structs.replace(told, server=told.server.rstrip("/"), **names)
