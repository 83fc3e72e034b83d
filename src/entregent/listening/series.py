"""Counts by slots of time, in which what was not heard is missing and never zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from entregent.clock import Period, from_micros, to_micros
from entregent.errors import InputError
from entregent.stats.multiple import discoveries

__all__ = ["Rising", "Series", "count_slots", "rising", "share_of_voice"]


@dataclass(frozen=True)
class Series:
    """Counts of slots that follow each other.

    Parameters
    ----------
    start : datetime
        Where the first slot begins, aware.
    slot : timedelta
        Width of a slot.
    counts : ndarray of float64, shape (n_slots,)
        NaN where nothing is known.
    """

    start: datetime
    slot: timedelta
    counts: NDArray[np.float64]

    def time(self, number: int) -> datetime:
        """Return where a slot begins."""
        return self.start + number * self.slot

    @property
    def end(self) -> datetime:
        """Where the last slot ends."""
        return self.time(len(self.counts))


def count_slots(
    times: pa.Array | pa.ChunkedArray, period: Period, slot: timedelta, gaps: Sequence[Period] = ()
) -> Series:
    """Count moments by slots.

    Parameters
    ----------
    times : pyarrow.Array of timestamp, shape (n,)
        Null and what lies outside the period is not counted.
    period : Period
        Closed at both ends; its start is where the first slot begins. A rest
        at the end that is shorter than a slot is left out.
    slot : timedelta
    gaps : sequence of Period
        When nobody listened; an open end reaches as far as the period.

    Returns
    -------
    Series
        A slot that a gap touches is missing: what was seen of it is no count of it.

    Raises
    ------
    InputError
        For an open period or a slot that is not positive.

    Examples
    --------
    >>> from datetime import UTC
    >>> noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    >>> minute = timedelta(minutes=1)
    >>> times = pa.array([noon, noon + minute * 2.5], pa.timestamp("us", tz="UTC"))
    >>> gap = Period(noon + minute, noon + 1.5 * minute)
    >>> count_slots(times, Period(noon, noon + 4 * minute), minute, [gap]).counts
    array([ 1., nan,  1.,  0.])
    """
    if period.start is None or period.end is None:
        raise InputError("The period of a series is open.", do="Give it a start and an end.")
    if slot <= timedelta(0):
        raise InputError(f"A slot of {slot} has no width.", valid=("a time above zero",))
    start, width = to_micros(period.start), slot // timedelta(microseconds=1)
    number = (to_micros(period.end) - start) // width
    moments = times.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).drop_null()
    places = (np.asarray(moments, np.int64) - start) // width
    places = places[(places >= 0) & (places < number)]
    counts = np.bincount(places, minlength=number).astype(np.float64)
    for gap in gaps:
        first = 0 if gap.start is None else max((to_micros(gap.start) - start) // width, 0)
        after = number if gap.end is None else -((start - to_micros(gap.end)) // width)
        counts[first : max(after, 0)] = np.nan
    return Series(from_micros(start), slot, counts)


def share_of_voice(series: Sequence[Series]) -> NDArray[np.float64]:
    """Return what part each watch has of all that they count, slot by slot.

    Parameters
    ----------
    series : sequence of Series
        Of the same slots.

    Returns
    -------
    ndarray of float64, shape (n_series, n_slots)
        NaN where any is missing or nobody said anything.

    Raises
    ------
    InputError
        For series of different slots.

    Examples
    --------
    >>> from datetime import UTC
    >>> start, hour = datetime(2026, 1, 1, tzinfo=UTC), timedelta(hours=1)
    >>> one = Series(start, hour, np.array([3.0, 0.0, np.nan]))
    >>> share_of_voice([one, Series(start, hour, np.array([1.0, 0.0, 2.0]))])
    array([[0.75,  nan,  nan],
           [0.25,  nan,  nan]])
    """
    if len({(one.start, one.slot, len(one.counts)) for one in series}) > 1:
        raise InputError("The series have different slots.", do="Count them over the same period and slot.")
    counts = np.array([one.counts for one in series], np.float64)
    totals = counts.sum(axis=0)
    shares = np.full(counts.shape, np.nan)
    np.divide(counts, totals, out=shares, where=totals > 0)
    return shares


@dataclass(frozen=True)
class Rising:
    """Something said more than its own past lets expect.

    Parameters
    ----------
    key : str
    seen : int
        Now.
    expected : float
        From its own past, had it kept its share of everything.
    chance : float
        P value, corrected for how many things were looked at.
    """

    key: str
    seen: int
    expected: float
    chance: float


def rising(
    now: dict[str, int], before: dict[str, int], *, now_total: int, before_total: int, rate: float = 0.05
) -> tuple[Rising, ...]:
    """Say which hashtags, links, words or people are new, not which are frequent.

    Parameters
    ----------
    now, before : dict of str to int
        Posts (or people) with each thing now, and in the past it is compared with.
    now_total, before_total : int
        All posts now and in the past.
    rate : float
        Share of false findings that is accepted among what is given.

    Returns
    -------
    tuple of Rising
        Surest first.

    Notes
    -----
    Of all times that a thing was said, the number now is compared with a
    binomial whose chance is the share of posts that are of now (an exact
    conditional test of two Poisson rates; Przyborowski & Wilenski, 1940). What belongs to one burst
    is counted as independent, which finds too much where one account says a thing many
    times: count people rather than posts there. The rate of false findings is
    held over all things together (Benjamini & Hochberg, 1995).

    References
    ----------
    Przyborowski J., Wilenski H. (1940). Homogeneity of results in testing
    samples from Poisson series. Biometrika 31. doi:10.1093/biomet/31.3-4.313

    Examples
    --------
    >>> found = rising({"greve": 30, "train": 40}, {"train": 4000}, now_total=100, before_total=10_000)
    >>> [(one.key, one.seen) for one in found]
    [('greve', 30)]
    """
    from scipy import stats

    if not now or not now_total:
        return ()
    keys = sorted(now)
    seen = np.array([now[key] for key in keys])
    past = np.array([before.get(key, 0) for key in keys])
    chance_now = now_total / (now_total + before_total)
    # The upper tail of a binomial, its own value included.
    found = discoveries(stats.binom.sf(seen - 1, seen + past, chance_now), rate)
    # Half a time is added, so that what was never said before is not expected never.
    expected = (past + 0.5) * now_total / max(before_total, 1)
    rows = [
        Rising(keys[number], int(seen[number]), float(expected[number]), float(found.adjusted[number]))
        for number in np.flatnonzero(found.rejected)
        if seen[number] > expected[number]
    ]
    return tuple(sorted(rows, key=lambda one: (one.chance, -one.seen, one.key)))
