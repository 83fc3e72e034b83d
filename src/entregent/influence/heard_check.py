"""Do the intervals of *heard* hold what the next block of time shows?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from entregent.i18n import T
from entregent.influence.acts import UNKNOWN, Acts
from entregent.influence.heard_model import LEAST_EXPOSURE, Shape, counts, fit, predict, rates, take
from entregent.results import CannotTell
from entregent.stats.intervals import wilson

__all__ = ["Checked", "Coverage", "CoverageGroup", "block_edges", "check", "coverage", "settle"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DRAWS = 300
MOST_ACCOUNTS = 2000
MOST_POSTS = 300
LEAST_CHECKED = 30
WIDEST = 0.995
CLASSES = ((1, 1), (2, 4), (5, 19), (20, None))


@dataclass(frozen=True)
class CoverageGroup:
    """Coverage among accounts learnt from `least` to `most` posts (None: no upper bound)."""

    least: int
    most: int | None
    held: float
    checked: int


@dataclass(frozen=True)
class Coverage:
    """How often intervals learnt on the first blocks held what the next block showed.

    Parameters
    ----------
    held, checked : int
        Accounts whose interval held the mean of the next block, of those
        where at least one act was to be expected there.
    low, high : float
        Interval of their share at `level` (Wilson).
    level : float
        What the share should be.
    blocks : int
        Blocks that were learnt from; the one after was predicted.
    whole : float
        The same share where an interval that ends on a whole number holds
        that number in full. Counts are whole, so this is higher.
    quiet_held, quiet_checked : int
        Accounts of whom less than one act was to be expected.
    groups : tuple of CoverageGroup
        The share by number of posts learnt from.
    """

    held: int
    checked: int
    low: float
    high: float
    level: float
    blocks: int
    whole: float
    quiet_held: int
    quiet_checked: int
    groups: tuple[CoverageGroup, ...]


@dataclass(frozen=True)
class Checked:
    """One block predicted from those before it.

    Parameters
    ----------
    below, upto : ndarray of float64, shape (n,)
        Predicted probability of fewer people than seen, and of no more.
    posts : ndarray of int64, shape (n,)
        Posts learnt from.
    expected : ndarray of float64, shape (n,)
        Acts that were to be expected.
    blocks : int
        Blocks learnt from.
    shape : Shape
        What was learnt, a start for the next fit.
    """

    below: Floats
    upto: Floats
    posts: Ints
    expected: Floats
    blocks: int
    shape: Shape

    def held(self, level: float) -> Floats:
        """Return how much of each outcome lies in the central interval, in [0, 1].

        Counts jump: where an end of the interval falls inside the probability
        of the count seen, the part inside is what counts, so that intervals
        that are right hold a share `level` on average.
        """
        tail = (1 - level) / 2
        width = self.upto - self.below
        inside = np.minimum(self.upto, 1 - tail) - np.maximum(self.below, tail)
        point = (self.below > tail) & (self.below < 1 - tail)
        return np.where(
            width > 0, np.clip(inside, 0, None) / np.where(width > 0, width, 1), point.astype(np.float64)
        )

    def whole(self, level: float) -> NDArray[np.bool_]:
        """Return whether each outcome lies in the closed central interval."""
        tail = (1 - level) / 2
        return (self.upto > tail) & (self.below < 1 - tail)


def block_edges(time: Ints, blocks: int) -> Ints:
    """Return the inner and last edges of blocks with equal numbers of posts.

    Parameters
    ----------
    time : ndarray of int64, shape (n_posts,)
        Known times.
    blocks : int

    Returns
    -------
    ndarray of int64
        Increasing; block b holds times up to and including edge b. Fewer
        where many posts share a time.
    """
    edges = np.quantile(time, np.arange(1, blocks + 1) / blocks, method="inverted_cdf")
    return np.unique(edges).astype(np.int64)


def check(
    data: Acts, edges: Ints, learnt: int, until: int, start: Shape | None, rng: np.random.Generator
) -> Checked | None:
    """Learn on the first blocks, predict the next.

    Only acts up to the end of the last block learnt are learnt from, and
    acts up to `until` are predicted.

    Parameters
    ----------
    data : Acts
    edges : ndarray of int64
        From :func:`block_edges`.
    learnt : int
        Blocks to learn from.
    until : int
        When the outcome is read: the end of the data, for the last block.
    start : Shape, optional
        Where to start the fit.
    rng : numpy.random.Generator

    Returns
    -------
    Checked or None
        None where nobody has posts on both sides.
    """
    cut = int(edges[learnt - 1])
    known = data.time != UNKNOWN
    delays = data.delays(cut, rng)
    seen = data.reached(cut, delays)
    early = known & (data.time <= cut) & (seen >= LEAST_EXPOSURE)
    people = data.people(data.counted(cut, delays))
    if not early.any() or not people[early].any():
        return None
    block = np.searchsorted(edges, data.time[early])
    past = counts(data.account[early], block, people[early], seen[early])
    seen = data.reached(until, delays)
    late = known & (data.time > cut) & (data.time <= int(edges[learnt])) & (seen >= LEAST_EXPOSURE)
    both = np.intersect1d(past.account, data.account[late])
    if both.size == 0:
        return None
    model = fit(past, rng, start, blocks=learnt)
    if both.size > MOST_ACCOUNTS:
        both = np.sort(rng.choice(both, MOST_ACCOUNTS, replace=False))
    weights = np.concatenate([part for _, part in rates(model, take(past, both))])
    index = np.flatnonzero(late & np.isin(data.account, both))
    index = _few(data.account, index, rng)
    row = np.searchsorted(both, data.account[index])
    drawn = predict(model, weights, row, seen[index], rng, DRAWS)
    outcome = np.bincount(row, weights=data.people(data.counted(until, delays))[index], minlength=both.size)
    return Checked(
        (drawn < outcome).mean(axis=0),
        (drawn <= outcome).mean(axis=0),
        np.bincount(np.searchsorted(both, data.account[early][np.isin(data.account[early], both)])),
        (weights.astype(np.float64) @ model.grid.rates)
        * np.bincount(row, weights=seen[index], minlength=both.size),
        learnt,
        model.shape,
    )


def _few(account: Ints, index: Ints, rng: np.random.Generator) -> Ints:
    """Posts sorted by account, at most 300 of each, picked by chance: their draws would fill the time."""
    index = index[np.lexsort((rng.random(index.size), account[index]))]
    owner = account[index]
    first = np.searchsorted(owner, owner)
    return index[np.arange(index.size) - first < MOST_POSTS]


def settle(earlier: list[Checked], level: float) -> float:
    """Return the nominal level that made earlier intervals hold at `level`.

    Parameters
    ----------
    earlier : list of Checked
        Not the block whose coverage is reported.
    level : float

    Returns
    -------
    float
        `level`, unless intervals held significantly less than that; never
        narrower, at most 0.995.
    """
    if not earlier:
        return level
    loud = [one.expected >= 1 for one in earlier]
    checked = int(sum(mask.sum() for mask in loud))

    def share(nominal: float) -> float:
        return sum(float(one.held(nominal)[mask].sum()) for one, mask in zip(earlier, loud, strict=True))

    if checked < LEAST_CHECKED or float(wilson(share(level), checked, level).high) >= level:
        return level
    low, high = level, WIDEST
    for _ in range(12):
        middle = (low + high) / 2
        low, high = (middle, high) if share(middle) < level * checked else (low, middle)
    return high


def coverage(last: Checked | None, nominal: float, level: float) -> Coverage | CannotTell:
    """Sum a check up.

    Parameters
    ----------
    last : Checked or None
    nominal : float
        Level at which intervals were made, from :func:`settle`.
    level : float
        Level that is promised.

    Returns
    -------
    Coverage or CannotTell
    """
    loud = last.expected >= 1 if last is not None else np.zeros(0, dtype=np.bool_)
    checked = int(loud.sum())
    if last is None or checked < LEAST_CHECKED:
        return CannotTell(
            "heard.not_checked",
            T("Too few people posted both before and after for the intervals to be checked against time."),
            T(
                "At least {least} people who posted in an earlier and in the last stretch of time; here {n}.",
                least=LEAST_CHECKED,
                n=checked,
            ),
        )
    part = last.held(nominal)
    held = float(part[loud].sum())
    ends = wilson(held, checked, level)
    groups = []
    for least, most in CLASSES:
        inside = loud & (last.posts >= least) & (last.posts <= (most or np.inf))
        if inside.any():
            groups.append(CoverageGroup(least, most, float(part[inside].sum()), int(inside.sum())))
    return Coverage(
        round(held),
        checked,
        float(ends.low),
        float(ends.high),
        level,
        last.blocks,
        float(last.whole(nominal)[loud].mean()),
        round(float(part[~loud].sum())),
        int((~loud).sum()),
        tuple(groups),
    )
