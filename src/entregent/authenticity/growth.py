"""Followers over time, and who followed when: what stands out, and what may explain it.

A jump is a gain that the usual days do not explain; a known event near it may.
A block is a run of followers whose accounts are of other dates than those
before and after them. Neither says that anything was bought: each comes with
what else brings it about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import stats

from entregent.clock import from_micros, to_micros
from entregent.errors import InputError
from entregent.i18n import N, T, Text
from entregent.results import CannotTell, Notice
from entregent.stats.multiple import discoveries

__all__ = ["Block", "Event", "FollowerMap", "Growth", "Jump", "follower_map", "growth"]

LEAST_STEPS = 21
LEAST_FOLLOWERS = 200
REACH_DAYS = 2.0
LEAST_TIMES = 2.0
LEAST_GAIN = 10
SIZES = (25, 50, 100, 200)
"""Lengths of the runs of followers that are looked at."""

LEAST_DISTANCE = 0.3
_DAY = 86_400_000_000
_NEIGHBOURS = 10
_AROUND = 4
_TAIL, _HEAVY_TAIL = 10.0, 6.0
_RARE = 0.5
_WEEKS = 6
_MANY_EVENTS = 0.3

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Event:
    """Something known that may bring followers: a broadcast, a prize draw, a post seen widely."""

    time: datetime
    name: str


@dataclass(frozen=True)
class Jump:
    """A gain that the days around it do not explain.

    Parameters
    ----------
    start, end : datetime
        Between which two counts.
    gained : int
    expected, low, high : float
        What the days around let expect, and between which ends 90 % of usual
        gains lie.
    times : float
        Gained over expected.
    q : float
        Share of false jumps if this and all clearer ones are called so.
    events : tuple of str
        Known events near it; empty where none is known.
    """

    start: datetime
    end: datetime
    gained: int
    expected: float
    low: float
    high: float
    times: float
    q: float
    events: tuple[str, ...]


@dataclass(frozen=True)
class Growth:
    """A series of gains and its jumps.

    Parameters
    ----------
    jumps : tuple of Jump or CannotTell
        In order of time.
    series : pa.Table
        For a chart: start, end, gained, expected, low, high, jump.
    losses : int
        Steps in which the count fell.
    near_events : float
        Share of all steps near a known event: where it is large, an event
        near a jump explains little.
    cautions, innocent : tuple of Text
    notices : tuple of Notice
    """

    jumps: tuple[Jump, ...] | CannotTell
    series: pa.Table
    losses: int
    near_events: float
    cautions: tuple[Text, ...]
    innocent: tuple[Text, ...]
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True)
class Block:
    """A run of followers whose accounts are of other dates than those around them.

    Parameters
    ----------
    first, last : int
        Places in the order of following, from 1.
    since, until : datetime
        Between which four fifths of the accounts of the run were made.
    inside, around : float
        Shares of the run and of those around it made between them.
    q : float
    """

    first: int
    last: int
    since: datetime
    until: datetime
    inside: float
    around: float
    q: float


@dataclass(frozen=True)
class FollowerMap:
    """Dates of accounts by order of following.

    Parameters
    ----------
    blocks : tuple of Block or CannotTell
        In order.
    points : pa.Table
        For a chart: place, created_at, block (null outside).
    innocent : tuple of Text
    notices : tuple of Notice
    """

    blocks: tuple[Block, ...] | CannotTell
    points: pa.Table
    innocent: tuple[Text, ...]
    notices: tuple[Notice, ...] = ()


def growth(
    times: Sequence[datetime],
    followers: Sequence[int | None],
    events: Sequence[Event] = (),
    *,
    reach_days: float = REACH_DAYS,
    rate: float = 0.05,
) -> Growth:
    """Find gains of followers that the days around do not explain, and the known events near them.

    Parameters
    ----------
    times : sequence of datetime, shape (n,)
        When the count was seen, in any order.
    followers : sequence of int or None, shape (n,)
        The count; None where it was hidden.
    events : sequence of Event
        What is known to have happened.
    reach_days : float
        An event explains gains up to so many days after it.
    rate : float
        False discovery rate.

    Returns
    -------
    Growth
        Jumps cannot be told from fewer than 21 steps.

    Raises
    ------
    InputError
        For series of different lengths or a negative count.

    Notes
    -----
    The usual gain a day is the running median of its logarithm over the ten
    steps on each side, day of the week taken out where there are six weeks.
    Its spread is taken from the median absolute deviation, apart from what
    counting (Poisson) and a rounded count add, and has the tails of Student's
    t with 10 degrees of freedom, or 6 where the smallest gains lie further out
    than those allow. A jump is also at least twice and ten
    followers more than usual.

    Examples
    --------
    >>> from datetime import UTC, timedelta
    >>> days = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=k) for k in range(41)]
    >>> gains = [20, 25, 22, 18, 24] * 8
    >>> gains[30] = 900
    >>> counts = [1000, *(1000 + np.cumsum(gains)).tolist()]
    >>> found = growth(days, counts, [Event(days[30], "on television")])
    >>> [(jump.gained, jump.events) for jump in found.jumps]
    [(900, ('on television',))]
    """
    if len(times) != len(followers):
        raise InputError(f"There are {len(times)} times and {len(followers)} counts.")
    shown = {
        to_micros(time): count for time, count in zip(times, followers, strict=True) if count is not None
    }
    when = np.array(sorted(shown), np.int64)
    counts = np.array([shown[time] for time in sorted(shown)], np.int64)
    if (counts < 0).any():
        raise InputError(f"A count of followers is {int(counts.min())}.", valid=("whole numbers from 0",))
    notices = []
    hidden = sum(count is None for count in followers)
    if hidden:
        notices.append(
            Notice(
                "growth.hidden",
                N(
                    "{n} count is hidden and was left out.",
                    "{n} counts are hidden and were left out.",
                    hidden,
                ),
                hidden,
            )
        )
    unit = int(np.gcd.reduce(counts)) if len(counts) and counts.any() else 1
    if unit >= 10:
        notices.append(
            Notice(
                "growth.rounded",
                T("Counts are rounded to {unit}: smaller gains are not seen.", unit=unit),
                len(counts),
            )
        )
    gained, days = np.diff(counts), np.diff(when) / _DAY
    n = len(gained)
    near = [
        tuple(
            event.name
            for event in events
            if when[k] - reach_days * _DAY <= to_micros(event.time) <= when[k + 1]
        )
        for k in range(n)
    ]
    cautions = [
        T("A jump is a question, not an answer: it says neither why it came nor that anybody paid for it.")
    ]
    covered = float(np.mean([bool(names) for names in near])) if n else 0.0
    if covered > _MANY_EVENTS:
        cautions.append(
            T("So many events are known that most days are near one: an event near a jump explains little.")
        )
    jumps: tuple[Jump, ...] | CannotTell
    if n < LEAST_STEPS:
        usual = np.full((3, n), np.nan)
        jumps = CannotTell(
            "growth.too_few",
            N("There is {n} step between counts.", "There are {n} steps between counts.", n),
            T("At least {least}, best one a day.", least=LEAST_STEPS),
        )
    else:
        usual, p = _usual(gained, days, when, unit if unit >= 10 else 0)
        q = discoveries(p, rate).adjusted
        # What is called a jump is large too: with many days, small ones are sure as well.
        called = (
            (q <= rate) & (gained >= LEAST_TIMES * usual[0]) & (gained >= usual[0] + max(LEAST_GAIN, unit))
        )
        jumps = tuple(
            Jump(
                from_micros(int(when[k])),
                from_micros(int(when[k + 1])),
                int(gained[k]),
                float(usual[0, k]),
                float(usual[1, k]),
                float(usual[2, k]),
                float(gained[k] / max(usual[0, k], 0.5)),
                float(q[k]),
                near[k],
            )
            for k in np.flatnonzero(called)
        )
    moment = pa.timestamp("us", tz="UTC")
    starts = {jump.start for jump in jumps} if isinstance(jumps, tuple) else set()
    series = pa.table(
        {
            "start": pa.array(when[:-1], pa.int64()).cast(moment),
            "end": pa.array(when[1:], pa.int64()).cast(moment),
            "gained": pa.array(gained, pa.int64()),
            **{
                name: pa.array(values, pa.float64(), from_pandas=True)
                for name, values in zip(("expected", "low", "high"), usual, strict=True)
            },
            "jump": pa.array([from_micros(int(time)) in starts for time in when[:-1]], pa.bool_()),
        }
    )
    losses = int((gained < 0).sum())
    return Growth(jumps, series, losses, covered, tuple(cautions), _INNOCENT_JUMPS, tuple(notices))


def _usual(
    gained: NDArray[np.int64], days: Floats, when: NDArray[np.int64], rounding: int
) -> tuple[Floats, Floats]:
    """Return expected, low and high gain of each step, shape (3, n), and the chance of so large a gain."""
    n = len(gained)
    log_rate = np.log((np.maximum(gained, 0) + 0.5) / days)
    weekday = np.zeros(n)
    if n >= 7 * _WEEKS and np.allclose(days, 1.0, atol=0.2):
        day = (when[1:] // _DAY) % 7
        level = _running(log_rate, 0)
        medians = np.array([np.median((log_rate - level)[day == k]) for k in range(7)])
        weekday = (medians - np.median(medians))[day]
    middle = _running(log_rate - weekday, 1) + weekday
    expected = np.exp(middle) * days
    residual = log_rate - middle
    counting = 1.0 / np.maximum(expected, 0.5) + (rounding**2 / 6.0) / np.maximum(expected, 1.0) ** 2
    whole = (1.4826 * float(np.median(np.abs(residual - np.median(residual))))) ** 2
    own = max(whole - float(np.median(counting)), 0.1**2)
    # The running median is itself known from some twenty steps only.
    spread = np.sqrt(own + counting) * np.sqrt(1.0 + 0.5 * np.pi / (2 * _NEIGHBOURS))
    standing = residual / spread
    # Small gains tell how heavy the tails are: no jump hides among them.
    tail = _TAIL if n * stats.t.cdf(standing.min(), _TAIL) > _RARE else _HEAVY_TAIL
    p = stats.t.sf(standing, tail)
    half = stats.t.ppf(0.95, tail) * spread
    return np.stack([expected, expected * np.exp(-half), expected * np.exp(half)]), p


def _running(values: Floats, apart: int) -> Floats:
    """Return the median of the steps around each, itself and its `apart` neighbours left out."""
    n = len(values)
    result = np.empty(n)
    for k in range(n):
        low, high = max(0, k - _NEIGHBOURS), min(n, k + _NEIGHBOURS + 1)
        around = np.concatenate((values[low : max(k - apart, low)], values[k + 1 + apart : high]))
        result[k] = np.median(around)
    return result


def follower_map(created: Sequence[datetime | None], *, rate: float = 0.01) -> FollowerMap:
    """Find runs of followers whose accounts are of other dates than those around them.

    Parameters
    ----------
    created : sequence of datetime or None, shape (n,)
        When each follower's account was made, in the order of following, the
        first follower first; None where it is not public.
    rate : float
        False discovery rate over all runs looked at.

    Returns
    -------
    FollowerMap
        Blocks cannot be told from fewer than 200 dates.

    Notes
    -----
    Runs of 25, 50, 100 and 200 followers are compared with as many as four
    times their number on each side (Kolmogorov and Smirnov's distance, at
    least 0.3), so that a slow change of who follows is no block. Of blocks
    that overlap, the clearest is kept. It assumes that neighbours in the order
    of following are otherwise unrelated.

    References
    ----------
    Smirnov, N. (1939), On the estimation of the discrepancy between empirical
    curves of distribution for two independent samples.
    """
    place = np.array([k for k, time in enumerate(created) if time is not None], np.int64)
    micros = np.array([to_micros(time) for time in created if time is not None], np.int64)
    notices: tuple[Notice, ...] = ()
    missing = len(created) - len(place)
    if missing:
        notices = (
            Notice(
                "growth.no_date",
                N(
                    "{n} follower has no public date of the account and was left out.",
                    "{n} followers have no public date of the account and were left out.",
                    missing,
                ),
                missing,
            ),
        )
    moment = pa.timestamp("us", tz="UTC")
    owner: list[int | None] = [None] * len(place)
    blocks: tuple[Block, ...] | CannotTell
    if len(place) < LEAST_FOLLOWERS:
        blocks = CannotTell(
            "growth.few_dates",
            N("{n} follower has a public date.", "{n} followers have a public date.", len(place)),
            T("At least {least}, in the order in which they followed.", least=LEAST_FOLLOWERS),
        )
    else:
        found = _blocks(micros, rate)
        for number, (start, end, _) in enumerate(found, 1):
            owner[start:end] = [number] * (end - start)
        blocks = tuple(_block(micros, place, *each) for each in found)
    points = pa.table(
        {
            "place": pa.array(place + 1, pa.int64()),
            "created_at": pa.array(micros, pa.int64()).cast(moment),
            "block": pa.array(owner, pa.int64()),
        }
    )
    return FollowerMap(blocks, points, _INNOCENT_BLOCKS, notices)


def _blocks(micros: NDArray[np.int64], rate: float) -> list[tuple[int, int, float]]:
    runs, root, distance = [], [], []
    n = len(micros)
    for size in SIZES:
        if n < 3 * size:
            break
        for start in range(0, n - size + 1, size // 2):
            end = start + size
            around = _around(micros, start, end)
            runs.append((start, end))
            root.append(np.sqrt(size * len(around) / (size + len(around))))
            distance.append(_apart(micros[start:end], around))
    # The limit of Kolmogorov's distribution: exact ones cost a hundred times more and differ little here.
    p = stats.kstwobign.sf(np.array(root) * np.array(distance))
    # Runs overlap, so that their tests depend on each other.
    q = discoveries(p, rate, dependent=True).adjusted
    kept: list[tuple[int, int, float]] = []
    for k in np.lexsort((-np.array(distance), np.array(p))):
        start, end = runs[k]
        if q[k] > rate or distance[k] < LEAST_DISTANCE:
            continue
        if all(end <= other[0] or start >= other[1] for other in kept):
            kept.append((start, end, float(q[k])))
    return sorted(kept)


def _apart(one: NDArray[np.int64], other: NDArray[np.int64]) -> float:
    """Return the largest distance of two curves of distribution (Kolmogorov and Smirnov)."""
    one, other = np.sort(one), np.sort(other)
    places = np.concatenate((one, other))
    upto = np.searchsorted(one, places, "right") / len(one) - np.searchsorted(other, places, "right") / len(
        other
    )
    return float(np.abs(upto).max())


def _around(micros: NDArray[np.int64], start: int, end: int) -> NDArray[np.int64]:
    """Return as many on each side, so that a slow change cancels; at an end, those there are."""
    reach = _AROUND * (end - start)
    return np.concatenate((micros[max(0, start - reach) : start], micros[end : end + reach]))


def _block(micros: NDArray[np.int64], place: NDArray[np.int64], start: int, end: int, q: float) -> Block:
    inside, around = np.sort(micros[start:end]), _around(micros, start, end)
    width = int(np.ceil(0.8 * len(inside)))
    spans = inside[width - 1 :] - inside[: len(inside) - width + 1]
    at = int(np.argmin(spans))
    since, until = int(inside[at]), int(inside[at + width - 1])
    within = (around >= since) & (around <= until)
    return Block(
        int(place[start]) + 1,
        int(place[end - 1]) + 1,
        from_micros(since),
        from_micros(until),
        width / len(inside),
        float(within.mean()),
        q,
    )


_INNOCENT_JUMPS = (
    T("A post seen widely, a broadcast or an article that is not in the list of events."),
    T("A prize draw, a campaign or a recommendation by somebody with many followers."),
    T("The network counted anew, or removed or restored accounts."),
    T("Accounts of two people or brands were joined."),
)
_INNOCENT_BLOCKS = (
    T("A list for newcomers recommends this account: those who join follow it on their first day."),
    T("Many people came from another network at the same time."),
    T("An article or a broadcast brought people who made an account for it."),
    T("The network lists followers in another order than that of following."),
)
