"""Starters: whose next items together will be taken up by most people, foretold from the past."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.special import gammaln

from entregent.clock import from_micros
from entregent.errors import InputError
from entregent.i18n import T
from entregent.influence.cascades import Cascades
from entregent.influence.starters_forecast import (
    Clock,
    Forecast,
    Memory,
    clock,
    forecast,
    spread_of_counts,
)
from entregent.progress import Progress, Quiet, check
from entregent.results import CannotTell, Estimate
from entregent.stats.intervals import check_level

__all__ = ["LEAST_ITEMS", "METHOD", "Shortlist", "Starters", "choose_starters"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Codes = NDArray[np.int32]

METHOD = "memories_of_starts"
LEAST_ITEMS = 20
_NEIGHBOURS = 20
_SHORTLIST = 200
_MOST_LISTENERS = 50_000
_TABLE = np.geomspace(1e-7, 1e4, 90)
_SUMS = 24
_BINS = 400
_PAIR_SHAPES = np.geomspace(0.05, 200.0, 25)
_PAIR_STARTERS = 50


@dataclass(frozen=True)
class Shortlist:
    """The people among whom was chosen, by the reach of each alone, the largest first; shape (n_listed,).

    Parameters
    ----------
    people : int32 array
        Codes.
    ids : pa.Array of string
    started : int64 array
        Items started so far.
    last : int64 array
        When the last one started, microseconds; -1 for none.
    starts, starts_low, starts_high : float64 arrays
        Items expected to be started among the next `ahead`, and the interval
        in which the number will be.
    size : float64 array
        People in an item of this person over those in an item of anybody, shrunk to 1.
    own, own_low, own_high : float64 arrays
        People reached by the person alone, and the interval in which the number will be.
    """

    people: Codes
    ids: pa.Array
    started: Ints
    last: Ints
    starts: Floats
    starts_low: Floats
    starts_high: Floats
    size: Floats
    own: Floats
    own_low: Floats
    own_high: Floats


@dataclass(frozen=True)
class Starters:
    """People chosen together.

    Parameters
    ----------
    people : int32 array, shape (k,)
        Codes; those to be kept first, then in the order of choice.
    ids : pa.Array of string, shape (k,)
    share : Estimate
        Share of all who take part in the next `ahead` items that take part in
        an item of the chosen. The interval is one for what will be seen.
    reach : Estimate
        The same as a number of people, each item watched for `within`.
    added : float64 array, shape (k,)
        Expected reach that each adds to those before.
    ahead : int
        Items looked ahead.
    within : int
        Microseconds.
    shortlist : Shortlist
    memories : tuple of Memory
        What of the past says who starts next, with weights.
    bouts : float
        Shape of the negative binomial of starts: small where people start in
        bouts, 100 where only chance is left.
    pair : float
        How much of a listener's past with the same starter is believed: the
        acts that weigh as much as the mean; small means much.
    """

    people: Codes
    ids: pa.Array
    share: Estimate
    reach: Estimate
    added: Floats
    ahead: int
    within: int
    shortlist: Shortlist
    memories: tuple[Memory, ...]
    bouts: float
    pair: float


def choose_starters(
    known: Cascades,
    k: int,
    *,
    rng: np.random.Generator,
    ahead: int | None = None,
    within: int | None = None,
    include: Iterable[int] = (),
    exclude: Iterable[int] = (),
    draws: int = 400,
    level: float = 0.9,
    progress: Progress | None = None,
) -> Starters | CannotTell:
    """Choose the people whose coming items will together be taken up by most.

    Parameters
    ----------
    known : Cascades
        Items with their starts; the start of an item is its first adoption.
    k : int
        How many people.
    rng : numpy.random.Generator
    ahead : int, optional
        How many items, of anybody, will start in the coming period; a tenth of
        those known unless told.
    within : int, optional
        How long an item is watched, microseconds; unless told, as long as the
        last `ahead` items took to start.
    include, exclude : iterable of int
        Codes of people to keep in and to leave out.
    draws : int
        Futures drawn for the intervals.
    level : float
    progress : Progress, optional

    Returns
    -------
    Starters or CannotTell
        The latter below 20 items, or where nobody ever took part in one.

    Raises
    ------
    InputError
        For a value out of its range.
    Cancelled
        Where `progress` says so.

    Notes
    -----
    A listener u is reached by nobody of the chosen with the probability
    ``prod_s (1 + starts_s q_su / r) ** -r``: s starts a number of items that is
    negative binomial with shape r, and u takes part in each with the chance
    q_su, the mean over sizes z of ``1 - exp(-z size_s base act_u pair_su)``.

    - `starts_s` and `act_u` are forecasts by memories of several lengths, whose
      weights are learned at earlier moments (`starters_forecast`).
    - `size_s` compares an item with the 20 that started before and after it,
      which were watched as long, and is shrunk by how far people differ from
      themselves (Buhlmann 1967).
    - `pair_su` is what u did in items of s over what was expected, with a gamma
      prior of mean 1 whose shape has the largest marginal likelihood.
    - People who never acted before will be there too: as many, and as active,
      as those who came with the last `ahead` items.

    People are chosen one by one for what each adds, which reaches at least
    1 - 1/e of the best (Nemhauser, Wolsey and Fisher 1978), among the `k` times
    4, or 200, who reach most alone. It is a forecast of what people will do anyway and
    not an effect: nothing here says what would happen if somebody were asked.

    References
    ----------
    Buhlmann 1967, https://doi.org/10.1017/S0515036100008989
    Nemhauser, Wolsey and Fisher 1978, https://doi.org/10.1007/BF01588971

    Examples
    --------
    >>> rows = [(("ann" if i % 3 else "bob") if j == 0 else f"u{(7 * i + j) % 50}", f"i{i}", 10 * i + j)
    ...         for i in range(60) for j in range(5)]
    >>> account, item, time = zip(*rows)
    >>> from entregent.influence.cascades import cascades
    >>> known = cascades(pa.table({"account": account, "item": item, "time": time}))
    >>> found = choose_starters(known, 1, rng=np.random.default_rng(1))
    >>> found.ids.to_pylist(), found.shortlist.started[:2].tolist()
    (['ann'], [40, 20])
    """
    check_level(level)
    progress = progress or Quiet()
    kept, left = _codes(known, include, "include"), _codes(known, exclude, "exclude")
    n = known.n_accounts
    if kept.size > k or not 1 <= k <= n - np.setdiff1d(left, kept).size or np.intersect1d(kept, left).size:
        raise InputError(
            f"{k} people to choose, {kept.size} to keep and {left.size} to leave out, of {n}.",
            where="starters",
            valid=("at least 1 and those to keep", "at most all that are not left out", "nobody on both"),
        )
    for name, value in (("ahead", ahead), ("within", within), ("draws", draws)):
        if value is not None and value < 1:
            raise InputError(f"{name} is {value}.", where="starters", valid=("at least 1",))
    at = clock(known)
    if known.n_items < LEAST_ITEMS or not at.account.size:
        return CannotTell(
            "starters.too_few",
            T("{items} items, and {acts} acts on them.", items=known.n_items, acts=int(at.account.size)),
            T("At least {least} items in which others took part.", least=LEAST_ITEMS),
        )
    ahead = max(1, known.n_items // 10) if ahead is None else int(ahead)
    # Memories are weighed on windows that lie in the past, whole.
    window = min(ahead, max(1, known.n_items // 3))
    progress.step("Look back at who started and who took part", 3, "forecasts")
    starts = forecast(at, window, rng)
    progress.advance(1)
    check(progress)
    acts = forecast(at, window, rng, acts=True)
    progress.advance(1)
    check(progress)
    bouts = spread_of_counts(at, window, starts)
    progress.advance(1)
    check(progress)
    model = _Model(known, at, starts, acts, bouts, ahead, window, within, rng)
    progress.step("Choose together", k, "people")
    listed = model.shortlist(k, kept, left)
    people, added = model.greedy(k, kept, listed, progress)
    progress.step("Draw futures", draws, "draws")
    share, reach = model.futures(people, draws, level, progress)
    return Starters(
        people=people,
        ids=known.accounts.take(pa.array(people)),
        share=share,
        reach=reach,
        added=added,
        ahead=ahead,
        within=model.within,
        shortlist=model.rows(np.setdiff1d(listed, left), draws, level),
        memories=starts.memories,
        bouts=bouts,
        pair=model.pair,
    )


def _codes(known: Cascades, people: Iterable[int], name: str) -> Ints:
    codes = np.unique(np.fromiter(people, dtype=np.int64))
    if codes.size and not 0 <= codes[0] <= codes[-1] < known.n_accounts:
        raise InputError(
            f"{name} holds {codes[0]} to {codes[-1]}.",
            where="starters",
            valid=(f"0 to {known.n_accounts - 1}",),
        )
    return codes


class _Model:
    """What is foretold of everybody, and the sums over those who may be reached."""

    def __init__(
        self,
        known: Cascades,
        at: Clock,
        starts: Forecast,
        acts: Forecast,
        bouts: float,
        ahead: int,
        window: int,
        within: int | None,
        rng: np.random.Generator,
    ) -> None:
        self.known, self.at, self.bouts, self.ahead, self.rng = known, at, bouts, ahead, rng
        self.starts = starts.share * ahead
        self.sizes = np.bincount(at.of, minlength=at.item.size).astype(np.float64)
        self.size, self.z = _sizes(at, self.sizes)
        steps = -np.expm1(-np.outer(_TABLE, self.z)).mean(axis=1)
        self.table = np.log(_TABLE), steps
        first = max(at.item.size - 2 * window, 0)
        last = max(at.item.size - window, first + 1)
        self.within = int(within or max(known.end - int(at.started[last - 1]), 1))
        young = (at.of >= first) & (at.of < last) & (at.time - at.started[at.of] <= self.within)
        self.base = max(float(young.sum()), 1.0) / (last - first)
        self._listeners(acts, window)
        self._pairs()

    def _listeners(self, acts: Forecast, window: int) -> None:
        """Who may be reached: those known, and others like the newcomers of late."""
        at, n = self.at, self.known.n_accounts
        moment = at.item.size - window
        seen = np.zeros(n, dtype=np.bool_)
        seen[at.starter[:moment]] = True
        seen[at.account[at.time < at.started[moment]]] = True
        count = np.bincount(at.account[at.of >= moment], minlength=n)[~seen].astype(np.float64)
        count = count[count > 0]
        if not count.size:
            count = np.ones(max(int(acts.new * self.ahead * self.base), 1))
        act = np.concatenate((acts.share, acts.new * count / count.sum()))
        self.chosen_from = act.size
        self.weight = np.ones(act.size)
        self.listener = np.arange(act.size)
        if act.size > _MOST_LISTENERS:
            half = _MOST_LISTENERS // 2
            order = np.argsort(-act, kind="stable")
            rest = self.rng.choice(order[half:], half, replace=False)
            self.listener = np.concatenate((order[:half], rest))
            self.weight = np.concatenate((np.ones(half), np.full(half, (act.size - half) / half)))
        self.act = act[self.listener]
        # Listeners without a past with a starter differ by how much they act alone.
        log = np.log(np.maximum(self.act, 1e-12))
        edges = np.linspace(log.min(), log.max() + 1e-9, _BINS + 1)
        self.bin = np.clip(np.searchsorted(edges, log, side="right") - 1, 0, _BINS - 1)
        self.bin_weight = np.bincount(self.bin, self.weight, minlength=_BINS)
        mean = np.bincount(self.bin, self.weight * self.act, minlength=_BINS)
        self.bin_act = mean / np.maximum(self.bin_weight, 1e-300)
        self.spot = np.full(act.size, -1)
        self.spot[self.listener] = np.arange(self.listener.size)

    def _pairs(self) -> None:
        """Acts of each listener in the items of each starter, and how far they say more than the mean."""
        at, n = self.at, self.known.n_accounts
        key, count = np.unique(at.starter[at.of].astype(np.int64) * n + at.account, return_counts=True)
        self.pair_starter, listener = key // n, self.spot[key % n]
        self.pair_spot, self.pair_count = listener, count
        self.pair_from = np.searchsorted(self.pair_starter, np.arange(n + 1))
        self.in_items = np.bincount(at.starter, self.sizes, minlength=n)
        most = np.argsort(-self.in_items, kind="stable")[:_PAIR_STARTERS]
        value = np.zeros(_PAIR_SHAPES.size)
        for starter in most[self.in_items[most] > 0]:
            spot, found = self._past(int(starter))
            expected = self.act * self.in_items[starter]
            for place, shape in enumerate(_PAIR_SHAPES):
                value[place] -= shape * np.log1p(expected / shape).sum()
                terms = gammaln(shape + found) - gammaln(shape) - found * np.log(shape + expected[spot])
                value[place] += terms.sum()
        self.pair = float(_PAIR_SHAPES[int(value.argmax())])

    def _past(self, starter: int) -> tuple[Ints, Ints]:
        part = slice(self.pair_from[starter], self.pair_from[starter + 1])
        spot = self.pair_spot[part]
        return spot[spot >= 0], self.pair_count[part][spot >= 0]

    def drive(self, starter: int) -> Floats:
        """Acts expected of each listener in an item of mean size of this starter."""
        expected = self.act * self.in_items[starter]
        more = self.pair / (self.pair + expected)
        spot, found = self._past(starter)
        more[spot] = (self.pair + found) / (self.pair + expected[spot])
        drive = self.act * more
        drive *= (self.act @ self.weight) / max(float(drive @ self.weight), 1e-300)
        if starter < self.spot.size and self.spot[starter] >= 0:
            drive[self.spot[starter]] = 0.0
        return np.asarray(drive * self.base * self.size[starter], dtype=np.float64)

    def binned(self, starter: int) -> tuple[Floats, Floats]:
        """The same for groups of listeners, and their numbers."""
        spot, found = self._past(starter)
        act = np.concatenate((self.bin_act, self.act[spot]))
        count = np.concatenate((np.zeros(_BINS), found))
        weight = np.concatenate((self.bin_weight, self.weight[spot]))
        weight[:_BINS] -= np.bincount(self.bin[spot], self.weight[spot], minlength=_BINS)
        drive = act * (self.pair + count) / (self.pair + act * self.in_items[starter])
        drive *= (self.act @ self.weight) / max(float(drive @ weight), 1e-300)
        return drive * self.base * self.size[starter], np.maximum(weight, 0.0)

    def missed(self, starter: int) -> Floats:
        """Chance that each listener is in no item of this starter."""
        return self._missed(starter, self.drive(starter))

    def _missed(self, starter: int, drive: Floats) -> Floats:
        x = np.log(np.maximum(drive, _TABLE[0]))
        q = np.interp(x, *self.table)
        return np.asarray(
            np.exp(-self.bouts * np.log1p(self.starts[starter] * q / self.bouts)), dtype=np.float64
        )

    def alone(self, starter: int) -> float:
        """People expected to be reached by this starter."""
        drive, weight = self.binned(starter)
        return float(weight @ (1.0 - self._missed(starter, drive)))

    def shortlist(self, k: int, kept: Ints, left: Ints) -> Ints:
        """People who reach most alone, of those who start most; those to be kept among them."""
        promise = self.starts * self.size
        promise[left] = -1.0
        most = promise.size - left.size
        first = np.argsort(-promise, kind="stable")[: min(max(10 * k, 2 * _SHORTLIST), most)]
        own = np.array([self.alone(int(starter)) for starter in first])
        order = first[np.argsort(-own, kind="stable")[: max(4 * k, _SHORTLIST)]]
        return np.union1d(order, kept)

    def greedy(self, k: int, kept: Ints, listed: Ints, progress: Progress) -> tuple[Codes, Floats]:
        """Choose by what each adds, looking again only at those who may still add most."""
        alive = self.weight.copy()
        people, added = [], []

        def take(starter: int) -> None:
            nonlocal alive
            rest = alive * self.missed(starter)
            people.append(starter)
            added.append(float(alive.sum() - rest.sum()))
            alive = rest
            progress.advance(1)
            check(progress)

        for starter in kept:
            take(int(starter))
        bound = {int(s): float(alive.sum() - alive @ self.missed(int(s))) for s in listed if s not in people}
        fresh = set(bound)
        while len(people) < k:
            best = max(bound, key=lambda s: (bound[s], -s))
            if best not in fresh:
                bound[best] = float(alive.sum() - alive @ self.missed(best))
                fresh.add(best)
                continue
            take(best)
            del bound[best]
            fresh.clear()
        return np.array(people, dtype=np.int32), np.array(added)

    def futures(
        self, people: Codes, draws: int, level: float, progress: Progress
    ) -> tuple[Estimate, Estimate]:
        """Draw what will be seen: starts in bouts, sizes, and who takes part."""
        drive = np.array([self.drive(int(s)) for s in people])
        total, reached = np.empty(draws), np.empty(draws)
        for draw in range(draws):
            counts = self._counts(self.starts[people])
            sums = np.array([self.rng.choice(self.z, c).sum() if c else 0.0 for c in counts])
            others = max(self.ahead - int(counts.sum()), 0)
            rate = sums @ drive
            rest = self.rng.choice(self.z, others).sum() * self.base * self.act
            hit = self.rng.random(rate.size) < -np.expm1(-rate)
            other = self.rng.random(rate.size) < -np.expm1(-rest)
            reached[draw] = self.weight @ hit
            total[draw] = self.weight @ (hit | other)
            progress.advance(1)
            if draw % 50 == 0:
                check(progress)
        share = np.divide(reached, total, out=np.zeros(draws), where=total > 0)
        n, as_of = self.at.item.size, from_micros(self.known.end)
        return tuple(  # type: ignore[return-value]
            Estimate(float(x.mean()), *_ends(x, level), level=level, n=n, method=METHOD, as_of=as_of)
            for x in (share, reached)
        )

    def _counts(self, mean: Floats) -> Ints:
        return self.rng.poisson(self.rng.gamma(self.bouts, 1.0, mean.size) * mean / self.bouts)

    def rows(self, listed: Ints, draws: int, level: float) -> Shortlist:
        """What is foretold of each alone."""
        at, n = self.at, self.known.n_accounts
        own, low, high, least, most = (np.empty(listed.size) for _ in range(5))
        for place, starter in enumerate(listed):
            drive, weight = self.binned(int(starter))
            own[place] = self.alone(int(starter))
            counts = self._counts(np.full(draws, self.starts[starter]))
            sums = np.array([self.rng.choice(self.z, c).sum() if c else 0.0 for c in counts])
            least[place], most[place] = _ends(counts.astype(np.float64), level)
            grid = np.concatenate(([0.0], np.geomspace(0.01, max(float(sums.max()), 0.02), _SUMS)))
            reach = -np.expm1(-np.outer(grid, drive)) @ weight
            seen = self.rng.poisson(np.interp(sums, grid, reach))
            low[place], high[place] = _ends(seen.astype(np.float64), level)
        order = np.argsort(-own, kind="stable")
        last = np.full(n, -1, dtype=np.int64)
        np.maximum.at(last, at.starter, at.started)
        who = listed[order]
        expected = self.starts[who]
        return Shortlist(
            people=who.astype(np.int32),
            ids=self.known.accounts.take(pa.array(who)),
            started=np.bincount(at.starter, minlength=n)[who].astype(np.int64),
            last=last[who],
            starts=expected,
            starts_low=np.minimum(least[order], expected),
            starts_high=np.maximum(most[order], expected),
            size=self.size[who],
            own=own[order],
            own_low=np.minimum(low[order], own[order]),
            own_high=np.maximum(high[order], own[order]),
        )


def _ends(draws: Floats, level: float) -> tuple[float, float]:
    low, high = np.quantile(draws, ((1 - level) / 2, (1 + level) / 2))
    mean = float(draws.mean())
    return min(float(low), mean), max(float(high), mean)


def _sizes(at: Clock, sizes: Floats) -> tuple[Floats, Floats]:
    """Return the size of an item of each account over that of anybody, and how sizes spread around it."""
    items, n = sizes.size, at.accounts
    whole = np.concatenate(([0.0], np.cumsum(sizes)))
    place = np.arange(items)
    low, high = np.maximum(place - _NEIGHBOURS, 0), np.minimum(place + _NEIGHBOURS + 1, items)
    around = (whole[high] - whole[low]) / (high - low)
    ratio = np.log((sizes + 1.0) / (around + 1.0))
    count = np.bincount(at.starter, minlength=n)
    mean = np.bincount(at.starter, ratio, minlength=n) / np.maximum(count, 1)
    inner = float(((ratio - mean[at.starter]) ** 2).sum()) / max(items - int((count > 0).sum()), 1)
    groups, common = int((count > 0).sum()), float(ratio.mean())
    outer = float((count * (mean - common) ** 2).sum()) - (groups - 1) * inner
    outer = max(outer / max(items - float((count**2).sum()) / items, 1e-9), 0.0)
    believed = count * outer / (count * outer + inner + 1e-12)
    size = np.exp(believed * (mean - common))
    left = sizes / np.maximum(around * size[at.starter], 1e-9)
    left = left[around > 0]
    # A mean over items, so that "anybody" stands for 1.
    size = size / (size[at.starter].sum() / items)
    return size, left / max(float(left.mean()), 1e-9)
