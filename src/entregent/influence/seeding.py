"""Few or many: a few stars, many ordinary people, anybody, or a circle, for the same money."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from entregent.errors import InputError
from entregent.i18n import T, Text
from entregent.influence.judge import forward
from entregent.influence.judge_kernels import cascade
from entregent.influence.spread import Circle, circle, prepare
from entregent.influence.spread_chances import check_audience
from entregent.influence.thresholds import threshold_arcs, threshold_cascade
from entregent.network.graph import Graph
from entregent.progress import Progress, Quiet, check
from entregent.results import CannotTell, Estimate, Notice
from entregent.stats.intervals import check_level

__all__ = ["KINDS", "METHOD", "MODELS", "FewOrMany", "Flip", "Group", "Prices", "few_or_many"]

Floats = NDArray[np.float64]

METHOD = "equal_budgets"
KINDS = ("stars", "ordinary", "random", "optimised")
MODELS = ("independent_cascade", "linear_threshold", "threshold")
_FEWEST_DRAWS = 20
_RESAMPLES = 400
_FEWEST_FLIPS = 0.5
_TOLERANCE = 0.01  # below what the luck of one cascade hides
_SAMPLES = 2**18
_FEWER = 3

_LIMITS = (
    T("Chances learned from the past are taken as true; what they do not know is not in the intervals."),
    T("Homophily can pass for influence: only an activation by lot, or staggered in time, proves an effect."),
    T("Prices are those given; what people would say, and whether it suits them, is not computed."),
    T("Reach counts who may take the topic up, not what it is worth to them or to you."),
)


@dataclass(frozen=True)
class Prices:
    """What a person costs.

    Parameters
    ----------
    fixed : float
        For anybody.
    per_follower : float
        On top, for each follower.
    fixed_range : tuple of float, optional
        Lowest and highest fixed price to try; both above 0.
    quotes : array, shape (n,), optional
        Prices that were quoted, which replace the rule; NaN where there is none.
    """

    fixed: float
    per_follower: float = 0.0
    fixed_range: tuple[float, float] | None = None
    quotes: ArrayLike | None = None

    def of(self, followers: Floats, fixed: float | None = None) -> Floats:
        """Return prices.

        Parameters
        ----------
        followers : float64 array, shape (n,)
        fixed : float, optional
            In the place of the fixed price.

        Returns
        -------
        float64 array, shape (n,)
        """
        prices = (self.fixed if fixed is None else fixed) + self.per_follower * followers
        if self.quotes is None:
            return prices
        quoted = np.asarray(self.quotes, dtype=np.float64)
        return np.where(np.isnan(quoted), prices, quoted)


@dataclass(frozen=True)
class Group:
    """What one kind of people reaches for the budget.

    Parameters
    ----------
    kind : {"stars", "ordinary", "random", "optimised"}
    fixed : float
        Fixed price at which it was computed.
    people, spent : float
        Mean over draws.
    extra : Estimate
        People reached besides those paid: mean over draws; the interval holds
        the outcome of that share of campaigns. `n` counts draws.
    mean_error : float
        Standard error of the mean.
    draws : float64 array, shape (n_draws,)
        Extra reach of each draw of people and of one cascade.
    """

    kind: str
    fixed: float
    people: float
    spent: float
    extra: Estimate
    mean_error: float
    draws: Floats


@dataclass(frozen=True)
class Flip:
    """The fixed price at which two kinds change places.

    Parameters
    ----------
    cheaper, dearer : str
        Kinds that reach more on average below and above that price.
    price : Estimate
        `n` counts the draws behind it.
    share : float
        Of the resampled draws, in how many the two change places at all.
    """

    cheaper: str
    dearer: str
    price: Estimate
    share: float


@dataclass(frozen=True)
class FewOrMany:
    """The kinds compared at one budget.

    Parameters
    ----------
    groups : tuple of :class:`~entregent.influence.seeding.Group`
        At the fixed price given.
    sweep : tuple of :class:`~entregent.influence.seeding.Group`
        At the fixed prices tried, in order; empty without a range.
    ahead : float64 array, shape (n_kinds, n_kinds)
        Share of draws in which the first reaches more than the second, half
        of equal draws included; in the order of `groups`.
    best : str or CannotTell
        The kind whose interval is above that of all others.
    flips : tuple of Flip
    budget : float
    limits : tuple of Text
        What the result does not show.
    notices : tuple of Notice
    """

    groups: tuple[Group, ...]
    sweep: tuple[Group, ...]
    ahead: Floats
    best: str | CannotTell
    flips: tuple[Flip, ...]
    budget: float
    limits: tuple[Text, ...]
    notices: tuple[Notice, ...]


def _afford(order: NDArray[np.int64], prices: Floats, budget: float) -> NDArray[np.int64]:
    """Return the people of `order`, one after the other, who can still be paid."""
    taken: list[NDArray[np.int64]] = []
    left = budget * (1 + 1e-9)
    rest = order[prices[order] <= left]
    while rest.size:
        fits = int(np.searchsorted(np.cumsum(prices[rest]), left, side="right"))
        taken.append(rest[:fits])
        left -= float(prices[rest[:fits]].sum())
        rest = rest[fits:]
        rest = rest[prices[rest] <= left]
    return np.concatenate(taken) if taken else np.empty(0, dtype=np.int64)


def _checked(
    graph: Graph,
    followers: ArrayLike,
    prices: Prices,
    budget: float,
    stars: float,
    ordinary: tuple[float, float],
) -> Floats:
    counts = np.asarray(followers, dtype=np.float64)
    if counts.shape != (graph.n,) or not (np.isfinite(counts) & (counts >= 0)).all():
        raise InputError(
            f"There are followers of shape {counts.shape} for {graph.n} people, or one number is unknown.",
            valid=("a number from 0 for each person",),
        )
    span = prices.fixed_range
    if not (prices.fixed >= 0 and prices.per_follower >= 0) or (span and not 0 < span[0] < span[1] < np.inf):
        raise InputError(
            f"The prices are {prices.fixed} fixed, {prices.per_follower} a follower, range {span}.",
            valid=("numbers from 0", "a range from above 0 upwards"),
        )
    if not 0 < budget < np.inf:
        raise InputError(f"The budget is {budget}.", valid=("a number above 0",))
    if not 0 < stars < 1 or not 0 <= ordinary[0] < ordinary[1] <= 1:
        raise InputError(f"stars is {stars} and ordinary {ordinary}.", valid=("shares between 0 and 1",))
    for fixed in {prices.fixed, *(span or ())}:
        asked = prices.of(counts, fixed)
        if asked.shape != (graph.n,) or np.isnan(asked).any() or (asked < 0).any():
            raise InputError("A quoted price is negative, or there is not one for each person (or NaN).")
        if (least := float(asked.min())) > budget and fixed == prices.fixed:
            raise InputError(
                f"The budget of {budget:g} is below every price.", valid=(f"at least {least:g}, the lowest",)
            )
    return counts


def _pools(followers: Floats, stars: float, ordinary: tuple[float, float]) -> dict[str, NDArray[np.int64]]:
    order = np.argsort(followers, kind="stable")
    n = len(order)
    top = max(round(stars * n), 1)
    low, high = int(ordinary[0] * n), max(int(ordinary[1] * n), int(ordinary[0] * n) + 1)
    return {"stars": order[n - top :], "ordinary": order[low:high], "random": order}


def few_or_many(
    graph: Graph,
    chance: ArrayLike | None,
    followers: ArrayLike,
    prices: Prices,
    budget: float,
    rng: np.random.Generator,
    *,
    model: str = "independent_cascade",
    thresholds: ArrayLike | None = None,
    audience: ArrayLike | None = None,
    stars: float = 0.01,
    ordinary: tuple[float, float] = (0.5, 0.9),
    steps: int = 7,
    draws: int = 200,
    level: float = 0.9,
    threads: int = 1,
    memory_mb: int = 1024,
    progress: Progress | None = None,
) -> FewOrMany:
    """Compare stars, ordinary people, anybody and a circle at one budget.

    Parameters
    ----------
    graph : Graph
    chance : array, shape (m,), optional
        As in :func:`entregent.influence.spread.prepare`; not used by the threshold model.
    followers : array, shape (n,)
        By which people are stars or ordinary, and priced.
    prices : Prices
    budget : float
        The same for all kinds.
    rng : numpy.random.Generator
    model : {"independent_cascade", "linear_threshold", "threshold"}
    thresholds : float or array, shape (n,), optional
        For the threshold model.
    audience : array, shape (n,), optional
        What reaching each person is worth; 1 unless told.
    stars : float
        Share of people, by followers, who are stars.
    ordinary : tuple of float
        Between which shares of people, by followers, the ordinary ones are.
    steps : int
        Fixed prices to try over the range given.
    draws : int
        Draws of people and of a cascade, at least 20.
    level : float
        Of the intervals.
    threads, memory_mb : int
        For the search of circles.
    progress : Progress, optional

    Returns
    -------
    FewOrMany

    Raises
    ------
    InputError
        For a budget below every price, or values that cannot be used.
    Cancelled
        Where the caller asked to stop.

    Notes
    -----
    A draw takes people of a kind in random order while they can be paid, and
    lets the topic spread once; audiences that overlap count once. Draw i has
    the same order and the same luck at every price. The circle is chosen
    once for each price, and only its cascades are drawn; of circles of fewer and fewer
    people, it is the one that reaches most others. Circles need chances:
    in the threshold model, where two people can do more than the sum of each,
    there is none. The price of a flip is found between the prices tried, on a
    logarithmic scale; its interval comes from resampled draws.

    References
    ----------
    Bakshy, E., Hofman, J. M., Mason, W. A. and Watts, D. J. (2011),
    Everyone's an influencer. doi:10.1145/1935826.1935845
    Watts, D. J. and Dodds, P. S. (2007), Influentials, networks, and public
    opinion formation. doi:10.1086/518527
    """
    check_level(level)
    if model not in MODELS:
        raise InputError(f"{model!r} is not a model of spread.", valid=MODELS)
    if draws < _FEWEST_DRAWS or steps < 2:
        raise InputError(
            f"There are {draws} draws and {steps} steps.",
            valid=(f"{_FEWEST_DRAWS} draws or more, 2 steps or more",),
        )
    worth = check_audience(graph, audience)
    counts = _checked(graph, followers, prices, float(budget), stars, ordinary)
    progress = progress or Quiet()
    spread_once = _spreading(graph, chance, model, thresholds, worth)
    sampler = None
    if model != "threshold":
        sampler = prepare(graph, np.asarray(chance), model=model, audience=audience, threads=threads)
    pools = _pools(counts, stars, ordinary)
    seeds = rng.integers(0, 2**63, (draws, 2))
    circle_seed = int(rng.integers(0, 2**63))

    def tried(asked: Floats, most: int) -> tuple[Circle, float]:
        """Return a circle of at most so many people, and how many others it reaches."""
        if sampler is None:
            raise InputError("The threshold model offers no circle.")
        found = circle(
            sampler,
            np.random.default_rng(circle_seed),
            k=most,
            cost=asked,
            budget=budget,
            tolerance=_TOLERANCE,
            most_samples=_SAMPLES,
            threads=threads,
            memory_mb=memory_mb,
            progress=progress,
        )
        check(progress)
        return found, found.reach.value - float(worth[found.people].sum())

    def circle_at(asked: Floats) -> Circle:
        # Where people are cheap, the whole budget would buy those who reach themselves and nobody else.
        best, gain = tried(asked, graph.n)
        fewer = len(best.people) // _FEWER
        while fewer > 0:
            other, more = tried(asked, fewer)
            if more > gain:
                best, gain = other, more
            fewer //= _FEWER
        return best

    def groups_at(fixed: float) -> tuple[Group, ...]:
        asked = prices.of(counts, fixed)
        found = []
        for place, kind in enumerate(pools):
            progress.step(f"drawing {kind}", draws, "draws")
            extra, sizes, spent = np.empty(draws), np.empty(draws), np.empty(draws)
            for i in range(draws):
                check(progress)
                order = np.random.default_rng([int(seeds[i, 0]), place]).permutation(pools[kind])
                people = _afford(order, asked, float(budget))
                extra[i] = spread_once(people, int(seeds[i, 1]))
                sizes[i], spent[i] = len(people), asked[people].sum()
                progress.advance(1)
            found.append(_group(kind, fixed, extra, sizes, spent, level))
        if sampler is not None and asked.min() <= budget:
            best = circle_at(asked)
            check(progress)
            progress.step("drawing optimised", draws, "draws")
            extra = np.array([spread_once(best.people.astype(np.int64), int(seed)) for seed in seeds[:, 1]])
            sizes, spent = np.full(draws, float(len(best.people))), np.full(draws, best.cost)
            found.append(_group("optimised", fixed, extra, sizes, spent, level))
        return tuple(found)

    groups = groups_at(prices.fixed)
    sweep: tuple[tuple[Group, ...], ...] = ()
    if prices.fixed_range is not None:
        sweep = tuple(groups_at(float(fixed)) for fixed in np.geomspace(*prices.fixed_range, steps))
    notices = [
        Notice("seeding.nobody", T("No {kind} people can be paid with this budget.", kind=_kind_text(g.kind)))
        for g in groups
        if g.people == 0
    ]
    if sampler is None:
        notices.append(
            Notice(
                "seeding.no_circle",
                T("The threshold model offers no circle: its best group cannot be bounded."),
            )
        )
    above = np.array(
        [
            [float((a.draws > b.draws).mean() + (a.draws == b.draws).mean() / 2) for b in groups]
            for a in groups
        ]
    )
    return FewOrMany(
        groups,
        tuple(group for at in sweep for group in at),
        above,
        _best(groups),
        _flips(sweep, rng, level),
        float(budget),
        _LIMITS,
        tuple(notices),
    )


def _spreading(
    graph: Graph, chance: ArrayLike | None, model: str, thresholds: ArrayLike | None, worth: Floats
) -> Callable[[NDArray[np.int64], int], float]:
    """Return a function from people and a seed to the worth of the others reached."""
    if model == "threshold":
        if thresholds is None:
            raise InputError(
                "The threshold model has no thresholds.", do="Give thresholds, one or one for each."
            )
        quotas = threshold_arcs(graph, thresholds)

        def crossed(people: NDArray[np.int64], _seed: int) -> float:
            acts = threshold_cascade(quotas, people)
            return float(worth[acts].sum() - worth[people].sum())

        return crossed
    if chance is None:
        raise InputError("There are no chances.", do="Give one for each arc, or use the threshold model.")
    arcs = forward(graph, chance, model=model, audience=worth)
    reached = np.empty(1)

    def spread(people: NDArray[np.int64], seed: int) -> float:
        keys = np.array([seed], dtype=np.uint64)
        linear = model == "linear_threshold"
        cascade(arcs.indptr, arcs.heads, arcs.chance, people.astype(np.int32), worth, keys, linear, reached)
        return float(reached[0] - worth[people].sum())

    return spread


def _group(kind: str, fixed: float, extra: Floats, sizes: Floats, spent: Floats, level: float) -> Group:
    mean = float(extra.mean())
    low, high = np.quantile(extra, [0.5 - level / 2, 0.5 + level / 2])
    return Group(
        kind,
        fixed,
        float(sizes.mean()),
        float(spent.mean()),
        Estimate.around(mean, low, high, level, len(extra), METHOD),
        float(extra.std(ddof=1) / np.sqrt(len(extra))),
        extra,
    )


def _kind_text(kind: str) -> Text:
    return {
        "stars": T("star"),
        "ordinary": T("ordinary"),
        "random": T("randomly drawn"),
        "optimised": T("jointly chosen"),
    }[kind]


def _best(groups: tuple[Group, ...]) -> str | CannotTell:
    first = max(groups, key=lambda group: group.extra.value)
    for other in groups:
        if other is not first and other.extra.high >= first.extra.low:
            return CannotTell(
                "seeding.overlap",
                T(
                    "One campaign with {first} people can reach less than one with {other} people: "
                    "the intervals overlap.",
                    first=_kind_text(first.kind),
                    other=_kind_text(other.kind),
                ),
                T("A trial with both kinds, or a greater budget, in which luck weighs less."),
            )
    return first.kind


def _crossing(fixed: Floats, gap: Floats) -> float | None:
    """Return the price where a gap that is above 0 at first goes below, or the reverse; None without."""
    signs = np.sign(gap)
    places = np.flatnonzero(signs[:-1] * signs[1:] < 0)
    if places.size == 0:
        return None
    i = int(places[0])
    part = gap[i] / (gap[i] - gap[i + 1])
    return float(np.exp(np.log(fixed[i]) + part * (np.log(fixed[i + 1]) - np.log(fixed[i]))))


def _flips(sweep: tuple[tuple[Group, ...], ...], rng: np.random.Generator, level: float) -> tuple[Flip, ...]:
    if len(sweep) < 2:
        return ()
    whole = [at for at in sweep if len(at) == len(sweep[0])]
    fixed = np.array([at[0].fixed for at in whole])
    draws = np.array([[group.draws for group in at] for at in whole])
    n = draws.shape[2]
    picks = rng.integers(0, n, (_RESAMPLES, n))
    flips = []
    for a, b in combinations(range(draws.shape[1]), 2):
        gaps = draws[:, a] - draws[:, b]
        found = _crossing(fixed, gaps.mean(axis=1))
        if found is None:
            continue
        again = [_crossing(fixed, gaps[:, pick].mean(axis=1)) for pick in picks]
        known = np.array([price for price in again if price is not None])
        if len(known) < _FEWEST_FLIPS * _RESAMPLES:
            continue
        low, high = np.quantile(known, [0.5 - level / 2, 0.5 + level / 2])
        kinds = [whole[0][a].kind, whole[0][b].kind]
        signs = np.sign(gaps.mean(axis=1))
        start = int(signs[np.flatnonzero(signs)[0]])
        price = Estimate.around(found, low, high, level, n, METHOD)
        cheaper, dearer = kinds if start > 0 else kinds[::-1]
        flips.append(Flip(cheaper, dearer, price, len(known) / _RESAMPLES))
    return tuple(flips)
