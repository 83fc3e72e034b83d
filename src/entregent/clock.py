"""The only caller of the wall clock, and half-open periods of time.

Everywhere else ``now`` is an argument. Inside, times are aware and UTC; zones
appear at the edge.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from entregent.errors import InputError

__all__ = ["EPOCH", "Period", "from_micros", "now", "parse_moment", "to_micros", "zone"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO = timedelta(microseconds=1)


def now() -> datetime:
    """Return the present moment, aware and UTC."""
    return datetime.now(UTC)


def to_micros(moment: datetime) -> int:
    """Return microseconds since 1970 of an aware moment.

    >>> to_micros(datetime(1970, 1, 2, tzinfo=UTC))
    86400000000
    """
    if moment.tzinfo is None:
        raise ValueError(f"a naive time was given: {moment.isoformat()}")
    return (moment - EPOCH) // _MICRO


def from_micros(micros: int) -> datetime:
    """Return the aware UTC moment of microseconds since 1970."""
    return EPOCH + micros * _MICRO


def zone(name: str) -> tzinfo:
    """Return the time zone of an IANA name, or raise an error that shows examples."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise InputError(
            f"{name!r} is not a time zone.",
            valid=("UTC", "Europe/Paris", "America/Montreal", "any other IANA name"),
        ) from error


def parse_moment(text: str, tz: tzinfo = UTC, *, end: bool = False) -> datetime:
    """Read a date or a date with a time, as people type it.

    Parameters
    ----------
    text : str
        ``2024-05-01`` or any ISO 8601 date and time.
    tz : tzinfo
        Zone of a text that names none.
    end : bool
        A bare date is the start of that day, or, with `end`, the start of the
        next one: the exclusive end of a period "until" that day.

    Returns
    -------
    datetime
        Aware, UTC.

    Raises
    ------
    InputError
        Where the text is no date.

    Examples
    --------
    >>> parse_moment("2024-05-01", end=True).isoformat()
    '2024-05-02T00:00:00+00:00'
    """
    try:
        if len(text) == 10:
            day = date.fromisoformat(text) + timedelta(days=1 if end else 0)
            return datetime.combine(day, time(), tz).astimezone(UTC)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise InputError(
            f"{text!r} is not a date.", valid=("2024-05-01", "2024-05-01T14:30", "2024-05-01T14:30+02:00")
        ) from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=tz)).astimezone(UTC)


@dataclass(frozen=True)
class Period:
    """Time from `start` up to but not including `end`; either may be open."""

    start: datetime | None = None
    end: datetime | None = None

    def __post_init__(self) -> None:
        for moment in (self.start, self.end):
            if moment is not None and moment.tzinfo is None:
                raise ValueError(f"a naive time was given: {moment.isoformat()}")
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise InputError(
                f"The period ends ({self.end.isoformat()}) before it starts ({self.start.isoformat()}).",
                do="Exchange --since and --until.",
            )

    def __contains__(self, moment: datetime) -> bool:
        return (self.start is None or self.start <= moment) and (self.end is None or moment < self.end)
