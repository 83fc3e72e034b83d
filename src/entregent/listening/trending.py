"""Hashtags that gather speed: each against its own past, all of them against chance together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from entregent.errors import InputError
from entregent.stats.multiple import discoveries
from entregent.text.folding import small_letters

__all__ = ["Trend", "trending"]


@dataclass(frozen=True)
class Trend:
    """A hashtag that gathers speed.

    Parameters
    ----------
    hashtag : str
        In small letters.
    people, before : int
        Who used it in the last hours, and in the time before.
    expected : float
        People that its own past, and how many speak now at all, let expect.
    momentum : float
        People now over people expected.
    chance : float
        P value, corrected for how many hashtags were looked at.
    """

    hashtag: str
    people: int
    before: int
    expected: float
    momentum: float
    chance: float


def trending(
    posts: pa.Table,
    now: datetime,
    *,
    window: timedelta = timedelta(hours=3),
    past: timedelta = timedelta(days=7),
    rate: float = 0.05,
    least: int = 3,
) -> tuple[Trend, ...]:
    """Say which hashtags gather speed.

    Parameters
    ----------
    posts : pyarrow.Table
        Columns `account`, `time` and `hashtags`.
    now : datetime
        End of the last hours.
    window : timedelta
        How long they are.
    past : timedelta
        Time before them that they are compared with.
    rate : float
        Share of false findings that is accepted among what is given.
    least : int
        People now that a hashtag needs.

    Returns
    -------
    tuple of Trend
        Surest first.

    Raises
    ------
    InputError
        Where the window or the past has no length.

    Notes
    -----
    Each person counts once in each stretch as long as the window, so that
    nobody makes a trend alone, and a lasting habit counts as often as it would
    now. Given how often a hashtag was used at all, the number of now is
    binomial with the share of all use that is of now, if it has no momentum of
    its own (Przyborowski & Wilenski, 1940). All hashtags of now are tested,
    and the share of false ones is held over them together (Benjamini &
    Hochberg, 1995).

    References
    ----------
    Przyborowski J., Wilenski H. (1940). Homogeneity of results in testing
    samples from Poisson series. Biometrika 31. doi:10.1093/biomet/31.3-4.313

    Benjamini Y., Hochberg Y. (1995). Controlling the false discovery rate.
    Journal of the Royal Statistical Society B 57.
    doi:10.1111/j.2517-6161.1995.tb02031.x

    Examples
    --------
    >>> from datetime import UTC
    >>> noon = datetime(2026, 1, 2, 12, tzinfo=UTC)
    >>> old = [(f"a{n}", noon - timedelta(hours=n), ["Train"]) for n in range(4, 24)]
    >>> new = [(f"b{n}", noon - timedelta(minutes=n), ["Grève"]) for n in range(1, 9)]
    >>> rows = [dict(zip(("account", "time", "hashtags"), row)) for row in old + new]
    >>> [(trend.hashtag, trend.people) for trend in trending(pa.Table.from_pylist(rows), noon)]
    [('greve', 8)]
    """
    from scipy import stats

    if window <= timedelta(0) or past < window:
        raise InputError(f"A window of {window} in {past}.", valid=("a past of one window at least",))
    times = posts.column("time")
    start, end = pa.scalar(now - window - past, times.type), pa.scalar(now, times.type)
    held = posts.filter(pc.and_(pc.greater_equal(times, start), pc.less(times, end)))
    width = window // timedelta(microseconds=1)
    last = end.cast(pa.int64()).as_py()
    back = (last - 1 - held.column("time").cast(pa.int64()).to_numpy()) // width
    seen: set[tuple[str, str | None, int]] = set()
    accounts, lists = held.column("account").to_pylist(), held.column("hashtags").to_pylist()
    for account, hashtags, place in zip(accounts, lists, back.tolist(), strict=True):
        seen.update((small_letters(tag), account, place) for tag in hashtags or ())
    counts: dict[str, list[int]] = {}
    for tag, _, place in seen:
        counts.setdefault(tag, [0, 0])[place > 0] += 1
    total_now = sum(one[0] for one in counts.values())
    total_before = sum(one[1] for one in counts.values())
    # One person who is new to it and uses five hashtags at once is no proof of five.
    tags = sorted(tag for tag, one in counts.items() if one[0] >= least)
    if not tags or not total_before:
        return ()
    people = np.array([counts[tag][0] for tag in tags])
    before = np.array([counts[tag][1] for tag in tags])
    share = total_now / (total_now + total_before)
    found = discoveries(stats.binom.sf(people - 1, people + before, share), rate)
    # Half a time is added, so that what was never used before is not expected never.
    expected = (before + 0.5) * total_now / total_before
    trends = [
        Trend(
            tags[at],
            int(people[at]),
            int(before[at]),
            float(expected[at]),
            float(people[at] / expected[at]),
            float(found.adjusted[at]),
        )
        for at in np.flatnonzero(found.rejected)
        if people[at] > expected[at]
    ]
    return tuple(sorted(trends, key=lambda one: (one.chance, -one.people, one.hashtag)))
