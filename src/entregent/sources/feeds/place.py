"""Where each feed was left: its part of the cursor."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from entregent.errors import PermanentError

__all__ = ["FeedPlace", "read_cursor", "written_cursor"]


class FeedPlace(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """What is remembered of one feed.

    Parameters
    ----------
    due : int
        When it is asked again, in seconds since 1970.
    rest : int
        Seconds between the last two times that it was asked.
    etag, modified : str, optional
        What the server wants to hear again.
    digest : str
        Of the whole feed, for servers that have neither.
    failures : int
        In a row.
    moved_to : str, optional
        Where it moved for good.
    gone : bool
        Whether the server says that it was removed for good.
    known : list of str
        Digests of its newest entries.
    hub, topic : str, optional
        Where it can be subscribed, and under which name.
    lease : int
        When the subscription ends, in seconds since 1970; 0 where there is none.
    """

    due: int = 0
    rest: int = 0
    etag: str | None = None
    modified: str | None = None
    digest: str = ""
    failures: int = 0
    moved_to: str | None = None
    gone: bool = False
    known: list[str] = []
    hub: str | None = None
    topic: str | None = None
    lease: int = 0


class _Cursor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    feeds: dict[str, FeedPlace]


def read_cursor(cursor: str | None, addresses: Iterable[str], name: str) -> dict[str, FeedPlace]:
    """Return the place of each feed: one that was added starts anew, one taken out is forgotten.

    Parameters
    ----------
    cursor : str or None
    addresses : iterable of str
    name : str
        Source, for messages.

    Returns
    -------
    dict of str to FeedPlace

    Raises
    ------
    PermanentError
        Where it is none of a source of feeds.
    """
    known: dict[str, FeedPlace] = {}
    if cursor is not None:
        try:
            known = msgspec.json.decode(cursor, type=_Cursor).feeds
        except (msgspec.DecodeError, UnicodeError) as error:
            raise PermanentError(
                f"The cursor {cursor[:60]!r} is none of feeds.", where=name, do="Give the source a new name."
            ) from error
    return {address: known.get(address, FeedPlace()) for address in addresses}


def written_cursor(places: dict[str, FeedPlace]) -> str:
    """Return the cursor of the places of all feeds.

    Parameters
    ----------
    places : dict of str to FeedPlace

    Returns
    -------
    str

    Examples
    --------
    >>> read_cursor(written_cursor({"https://a.example/": FeedPlace(due=5)}), ["https://a.example/"], "x")
    {'https://a.example/': FeedPlace(due=5, rest=0, etag=None, ...)}
    """
    return msgspec.json.encode(_Cursor(places)).decode()
