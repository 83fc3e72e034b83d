"""How far each timeline is read."""

from __future__ import annotations

import msgspec

from entregent.errors import PermanentError

__all__ = ["Place", "behind", "read_cursor", "written_cursor"]

OVERLAP_MS = 120_000
_SNOWFLAKE_FROM = 1 << 50


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All up to the id `newest` is read, which was published at `at`, in microseconds.

    A first look that is still going back is at the id `back`, and goes to `since`.
    """

    newest: str | None = None
    at: int | None = None
    back: str | None = None
    since: int = 0


def behind(id: str) -> str:
    """Return the id two minutes before another, where ids are times as those of Mastodon are.

    What came to the server late has the number of when it was written.

    >>> behind("111111111111111111"), behind("42")
    ('111111103246791111', '42')
    """
    if not (id.isascii() and id.isdigit()) or int(id) < _SNOWFLAKE_FROM:
        return id
    return str(int(id) - (OVERLAP_MS << 16))


def read_cursor(cursor: str | None, name: str) -> dict[str, Place]:
    """Read what :func:`written_cursor` wrote.

    Raises
    ------
    PermanentError
        Where it is something else.
    """
    if cursor is None:
        return {}
    try:
        return msgspec.json.decode(cursor, type=dict[str, Place])
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise PermanentError(
            f"The cursor {cursor[:80]!r} is none of a server of Mastodon.",
            where=name,
            do="Give the source a new name.",
        ) from error


def written_cursor(places: dict[str, Place]) -> str:
    """Return the places as the cursor of a batch."""
    return msgspec.json.encode(places).decode()
