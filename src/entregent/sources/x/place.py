"""How far each search is read, and what was spent."""

from __future__ import annotations

import msgspec

from entregent.errors import PermanentError
from entregent.sources.x.spending import Spent

__all__ = ["Look", "Place", "read_cursor", "written_cursor"]


class Look(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far one search is read: all up to the id `since` is, looked at last at `at`, in microseconds.

    A look under way found `newest` first and goes on at `page`.
    """

    since: str | None = None
    at: int | None = None
    newest: str | None = None
    page: str | None = None


class Place(msgspec.Struct, forbid_unknown_fields=True):
    """The cursor of a source: its looks, what it spent, and when people were counted."""

    looks: dict[str, Look] = msgspec.field(default_factory=dict)
    spent: Spent = msgspec.field(default_factory=Spent)
    people_at: int | None = None


def read_cursor(cursor: str | None, name: str) -> Place:
    """Read what :func:`written_cursor` wrote.

    Raises
    ------
    PermanentError
        Where it is something else.
    """
    if cursor is None:
        return Place()
    try:
        return msgspec.json.decode(cursor, type=Place)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise PermanentError(
            f"The cursor {cursor[:80]!r} is none of a source of X.",
            where=name,
            do="Give the source a new name.",
        ) from error


def written_cursor(place: Place) -> str:
    """Return a place as the cursor of a batch."""
    return msgspec.json.encode(place).decode()
