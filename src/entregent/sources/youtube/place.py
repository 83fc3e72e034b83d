"""How far a source has read, what it looks at, and what it spent of its quota."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from entregent.errors import PermanentError, TransientError
from entregent.sources.youtube.settings import YouTubeSettings

__all__ = ["Place", "Purse", "Spent", "Watch", "next_day", "read_cursor", "written_cursor"]

_PACIFIC = ZoneInfo("America/Los_Angeles")


class Spent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was spent in one day of Pacific Time, ``2024-05-01``."""

    day: str = ""
    searches: int = 0
    units: int = 0


class Watch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A video looked at: when it was published and how far its comments are read, in microseconds.

    `count` is how many comments it had then: -1 where none was read yet, None where it hides them.
    """

    published: int
    newest: int = 0
    count: int | None = -1


class Place(msgspec.Struct, forbid_unknown_fields=True):
    """The cursor of a source: when each search and channel was read last, its videos, what it spent."""

    looks: dict[str, int] = msgspec.field(default_factory=dict)
    watched: dict[str, Watch] = msgspec.field(default_factory=dict)
    spent: Spent = msgspec.field(default_factory=Spent)


def read_cursor(cursor: str | None, name: str) -> Place:
    """Read what :func:`written_cursor` wrote.

    Parameters
    ----------
    cursor : str or None
        None where the source begins.
    name : str
        Of the source, for messages.

    Returns
    -------
    Place

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
            f"The cursor {cursor[:80]!r} is none of a source of YouTube.",
            where=name,
            do="Give the source a new name.",
        ) from error


def written_cursor(place: Place) -> str:
    """Return a place as the cursor of a batch."""
    return msgspec.json.encode(place).decode()


def next_day(moment: datetime) -> datetime:
    """Return when the quota begins anew: midnight of Pacific Time.

    Examples
    --------
    >>> next_day(datetime(2024, 7, 1, 12, tzinfo=UTC)).isoformat()
    '2024-07-02T07:00:00+00:00'
    """
    day = (moment.astimezone(_PACIFIC) + timedelta(days=1)).date()
    return datetime(day.year, day.month, day.day, tzinfo=_PACIFIC).astimezone(UTC)


class Purse:
    """Counts what is asked for, before it is asked for.

    Parameters
    ----------
    settings : YouTubeSettings
    spent : Spent
    where : str
    """

    def __init__(self, settings: YouTubeSettings, spent: Spent, where: str) -> None:
        self._settings = settings
        self._where = where
        self.spent = spent

    def searches_left(self, moment: datetime) -> int:
        """Return how many searches may still be made today."""
        self._today(moment)
        return self._settings.daily_searches - self.spent.searches

    def pay(self, moment: datetime, *, search: bool = False) -> None:
        """Count one request.

        Parameters
        ----------
        moment : datetime
        search : bool
            Whether it is a search.

        Raises
        ------
        TransientError
            Where the limit is reached, until the next day.
        """
        self._today(moment)
        spent, told = self.spent, self._settings
        if (spent.searches >= told.daily_searches) if search else (spent.units >= told.daily_units):
            what = "daily_searches" if search else "daily_units"
            raise self.reached(moment, f"Raise {what} of this source where the key may ask for more.")
        self.spent = Spent(spent.day, spent.searches + search, spent.units + (not search))

    def reached(self, moment: datetime, do: str) -> TransientError:
        """Return the error that says until when is waited.

        Parameters
        ----------
        moment : datetime
        do : str
            What may help.

        Returns
        -------
        TransientError
        """
        self._today(moment)
        again = next_day(moment)
        return TransientError(
            f"The daily quota is used up: {self.told()}. It goes on at {again:%Y-%m-%d %H:%M} UTC.",
            where=self._where,
            do=do,
            retry_after=(again - moment).total_seconds(),
        )

    def told(self) -> str:
        """Return what was spent, for people."""
        spent, told = self.spent, self._settings
        return (
            f"{spent.searches} of {told.daily_searches} searches and {spent.units} of {told.daily_units}"
            f" units spent on {spent.day} (Pacific Time)"
        )

    def _today(self, moment: datetime) -> None:
        day = f"{moment.astimezone(_PACIFIC):%Y-%m-%d}"
        if self.spent.day != day:
            self.spent = Spent(day)
