"""Greedy cover of sampled sets within limits, and how much better any other group could have done."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from entregent.errors import InputError
from entregent.influence.spread_kernels import enlist, highest, pick, relabel, steady, thin
from entregent.influence.spread_sampler import Piece

__all__ = ["Choice", "Limits", "Sets", "choose", "limits"]

_ROUNDING = 1e-9
_EASY = 1 - 1 / np.e
_CLEAR = 3.0  # standard errors


@dataclass(frozen=True)
class Limits:
    """What a circle must keep to; made and checked by :func:`limits`."""

    k: int
    budget: float
    cost: NDArray[np.float64]
    group: NDArray[np.int32]
    groups: int
    allowed: NDArray[np.bool_]
    all_allowed: bool
    include: NDArray[np.int32]
    priced: bool
    equal_prices: bool


@dataclass(frozen=True)
class Choice:
    """People chosen on sampled sets.

    Parameters
    ----------
    people : int32 array
        Those held first, then in the order in which they were chosen.
    covered : int
        Sets that hold at least one of them.
    most : float
        No group within the limits covers more of these sets.
    gain : int32 array
        Sets that each person would add, by the codes of the sets.
    """

    people: NDArray[np.int32]
    covered: int
    most: float
    gain: NDArray[np.int32] = field(repr=False)


class Sets:
    """Sampled sets, and for each person the sets that hold him or her.

    Sets that hold somebody held are only counted. People have codes of
    their own here, in the order in which they are met, so that work grows with
    the sets and not with everybody.
    """

    def __init__(self, n: int) -> None:
        self.drawn = 0
        self.met = 0
        self.held: NDArray[np.int32] = np.empty(0, dtype=np.int32)
        self.members: NDArray[np.int32] = np.empty(0, dtype=np.int32)
        self.ends: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self.pointer: NDArray[np.int64] = np.zeros(1, dtype=np.int64)
        self.lists: NDArray[np.int32] = np.empty(0, dtype=np.int32)
        self.known = 0
        self._code = np.full(n, -1, dtype=np.int32)
        self._names = np.empty(n, dtype=np.int32)

    @property
    def names(self) -> NDArray[np.int32]:
        """Who is meant by each code; shape (known,)."""
        return self._names[: self.known]

    def add(self, pieces: Sequence[Piece]) -> None:
        """Take up more sets, which hold nobody held."""
        size = len(self.members)
        members, ends = [self.members], [self.ends]
        for piece in pieces:
            self.known = relabel(piece.members, self._code, self._names, self.known)
            members.append(piece.members)
            ends.append(piece.ends + size)
            size += len(piece.members)
            self.drawn += piece.drawn
            self.met += piece.drawn - len(piece.ends)
        self.members, self.ends = np.concatenate(members), np.concatenate(ends)
        self.pointer = np.zeros(self.known + 1, dtype=np.int64)
        self.lists = np.empty(len(self.members), dtype=np.int32)
        enlist(self.members, self.ends, self.pointer, self.lists)

    def places(self, people: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return the codes here of those of `people` who are in any set."""
        codes = self._code[people]
        return codes[codes >= 0]

    def hold(self, people: NDArray[np.int32]) -> None:
        """Only count the sets of more people from now on; call before more sets are added."""
        place = np.full(self.known, -1, dtype=np.int32)
        place[self.places(people)] = 0
        kept, size = thin(self.members, self.ends, place)
        self.met += len(self.ends) - kept
        self.members, self.ends = self.members[:size].copy(), self.ends[:kept].copy()
        self.held = np.concatenate([self.held, people])

    def covered(self, people: NDArray[np.int32]) -> int:
        """Return how many sets hold at least one of `people`, among whom are all held."""
        marks = np.zeros(len(self.ends), dtype=np.bool_)
        for v in self.places(people):
            marks[self.lists[self.pointer[v] : self.pointer[v + 1]]] = True
        return self.met + int(marks.sum())

    def steady(self, choice: Choice, bounds: Limits) -> NDArray[np.int32]:
        """Return who of a choice, besides those held, nobody could replace without a clear loss."""
        codes = self._code[choice.people[len(self.held) :]]
        place = np.full(self.known, -1, dtype=np.int32)
        place[codes] = np.arange(len(codes), dtype=np.int32)
        gain = np.where(bounds.allowed[self.names], choice.gain, 0)
        clear = np.zeros(len(codes), dtype=np.bool_)
        tally, touched = np.zeros(self.known, dtype=np.int32), np.empty(self.known, dtype=np.int32)
        steady(
            self.members, self.ends, self.pointer, self.lists, place, codes, gain, int(gain.max(initial=0)),
            _CLEAR**2, tally, touched, clear,
        )  # fmt: skip
        return self.names[codes[clear]]


def _codes(people: Iterable[int], n: int, name: str) -> NDArray[np.int32]:
    codes = np.array(list(people), dtype=np.int64)
    wrong = codes[(codes < 0) | (codes >= n)]
    if wrong.size:
        raise InputError(f"{name} names person {wrong[0]}.", valid=(f"a code from 0 to {n - 1}",))
    if np.unique(codes).size != codes.size:
        raise InputError(f"{name} names somebody twice.", do="Give everybody once.")
    return codes.astype(np.int32)


def limits(
    n: int,
    *,
    k: int | None = None,
    cost: ArrayLike | None = None,
    budget: float | None = None,
    include: Iterable[int] = (),
    exclude: Iterable[int] = (),
    community: ArrayLike | None = None,
) -> Limits:
    """Check what a circle must keep to.

    Parameters
    ----------
    n : int
        People in the graph.
    k : int, optional
        Most people.
    cost : array, shape (n,), optional
        Price of each person, from 0; infinite for people who cannot be had.
    budget : float, optional
        In the unit of `cost`.
    include, exclude : iterable of int
        Codes of people to keep in and to leave out.
    community : integer array, shape (n,), optional
        At most one person of each; -1 for people of none.

    Returns
    -------
    Limits

    Raises
    ------
    InputError
        For limits that contradict each other, that nobody can keep to, or
        that name people who are not there.
    """
    if k is None and budget is None:
        raise InputError(
            "Neither a number of people nor a budget is given.", do="Give k, or cost and budget."
        )
    if k is not None and not 1 <= k <= n:
        raise InputError(f"k is {k}, in a graph of {n} people.", valid=(f"a whole number from 1 to {n}",))
    if (cost is None) != (budget is None):
        raise InputError("Prices and a budget belong together.", do="Give both cost and budget, or k alone.")
    prices = np.zeros(n) if cost is None else np.asarray(cost, dtype=np.float64)
    if prices.shape != (n,):
        raise InputError(f"There are prices of shape {prices.shape} for {n} people.")
    if np.isnan(prices).any() or (prices < 0).any():
        raise InputError("A price is negative or unknown.", valid=("a number from 0",))
    kept, left = _codes(include, n, "include"), _codes(exclude, n, "exclude")
    if both := sorted(set(kept.tolist()) & set(left.tolist())):
        raise InputError(f"Person {both[0]} is both to be kept and to be left out.")
    allowed = np.ones(n, dtype=np.bool_)
    allowed[left] = False
    group = np.full(n, -1, dtype=np.int32)
    if community is not None:
        labels = np.asarray(community)
        if labels.shape != (n,):
            raise InputError(f"There are communities of shape {labels.shape} for {n} people.")
        named = labels >= 0
        group[named] = np.unique(labels[named], return_inverse=True)[1]
        inside = group[kept][group[kept] >= 0]
        if np.unique(inside).size != inside.size:
            raise InputError(
                "Two people to be kept are of one community, and at most one of each is wanted.",
                do="Leave one of them, or the communities, out.",
            )
    if k is not None and len(kept) > k:
        raise InputError(f"{len(kept)} people are to be kept, and k is {k}.")
    total = np.inf if budget is None else float(budget)
    if budget is not None:
        if not np.isfinite(total) or total < 0:
            raise InputError(f"The budget is {budget}.", valid=("a number from 0",))
        if kept.size and prices[kept].sum() > total * (1 + _ROUNDING):
            raise InputError(
                f"The people to be kept cost {prices[kept].sum():g}, and the budget is {total:g}."
            )
        if not allowed.any() or prices[allowed].min() > total:
            least = prices[allowed].min() if allowed.any() else np.inf
            raise InputError(
                f"The budget of {total:g} is below every price.",
                valid=(f"at least {least:g}, the lowest price",),
            )
    if not allowed.any():
        raise InputError("Everybody is left out.", do="Leave fewer people out.")
    finite = prices[allowed & np.isfinite(prices)]
    return Limits(
        n if k is None else k,
        total,
        np.ascontiguousarray(prices),
        group,
        int(group.max(initial=-1)) + 1,
        allowed,
        not left.size,
        kept,
        budget is not None,
        bool((finite == finite[0]).all()) if finite.size else True,
    )


def _rest(count: NDArray[np.int32], names: NDArray[np.int32], bounds: Limits) -> float:
    """Return a bound on how many more sets any group within the limits covers."""
    room = bounds.k - len(bounds.include)
    if not (bounds.priced or bounds.groups):
        return float(
            highest(count if bounds.all_allowed else np.where(bounds.allowed[names], count, 0), room)
        )
    there = np.flatnonzero((count > 0) & bounds.allowed[names])
    gain, open_to = count[there].astype(np.float64), names[there]
    if room <= 0 or gain.size == 0:
        return 0.0
    top = gain
    if bounds.groups:
        group = bounds.group[open_to]
        best = np.zeros(bounds.groups)
        np.maximum.at(best, group[group >= 0], gain[group >= 0])
        top = np.concatenate([best, gain[group < 0]])
    most = float(np.partition(top, -room)[-room:].sum()) if room < top.size else float(top.sum())
    if not bounds.priced:
        return most
    # The fractional knapsack is no less than any affordable group.
    price = bounds.cost[open_to]
    left = bounds.budget * (1 + _ROUNDING) - float(bounds.cost[bounds.include].sum())
    within = price <= left
    gain, price = gain[within], price[within]
    order = np.argsort(price / gain, kind="stable")
    share = np.clip(
        (left - (np.cumsum(price[order]) - price[order])) / np.maximum(price[order], 1e-300), 0, 1
    )
    return min(most, float((gain[order] * share).sum()))


def _greedy(sets: Sets, bounds: Limits, thrifty: bool) -> Choice:
    names = sets.names
    cost = bounds.cost[names] if bounds.priced else np.zeros(sets.known)
    divisor = cost if thrifty else np.ones(sets.known)
    group = bounds.group[names] if bounds.groups else np.full(sets.known, -1, dtype=np.int32)
    count = np.diff(sets.pointer).astype(np.int32)
    marks = np.zeros(len(sets.ends), dtype=np.uint8)
    taken = np.zeros(bounds.groups + 1, dtype=np.bool_)
    taken[bounds.group[sets.held][bounds.group[sets.held] >= 0]] = True
    candidate = count > 0 if bounds.all_allowed else (count > 0) & bounds.allowed[names]
    heap = np.flatnonzero(candidate).astype(np.int32)
    size = len(heap)
    heap = heap if size else np.zeros(1, dtype=np.int32)
    key = np.zeros(sets.known)
    left = bounds.budget * (1 + _ROUNDING) - float(bounds.cost[sets.held].sum())
    people = [sets.held]
    room = bounds.k - len(sets.held)
    steps = np.unique([room // 2, 3 * room // 4, room])
    most = _rest(count, names, bounds)
    done = 0
    for step in steps:
        chosen = np.empty(step - done, dtype=np.int32)
        found: tuple[Any, ...] = pick(
            step - done, left, cost, divisor, group, taken, heap, key, size, done == 0,
            sets.members, sets.ends, sets.pointer, sets.lists, marks, count, chosen,
        )  # fmt: skip
        number, left, size = found
        people.append(names[chosen[:number]])
        most = min(most, int(marks.sum()) + _rest(count, names, bounds))
        if number < step - done:
            break
        done = step
    covered = int(marks.sum())
    if not (bounds.priced or bounds.groups or sets.held.size):
        most = min(most, covered / _EASY)
    return Choice(
        np.concatenate(people).astype(np.int32),
        sets.met + covered,
        min(sets.met + most, float(sets.drawn)),
        count,
    )


def choose(sets: Sets, bounds: Limits) -> Choice:
    """Choose people who together are in many sets.

    Parameters
    ----------
    sets : Sets
        Those to be kept are among the people held.
    bounds : Limits

    Returns
    -------
    Choice

    Notes
    -----
    Greedy on sets per person. With prices, greedy on sets per price as well,
    and the better of the two (Khuller et al. 1999).

    References
    ----------
    Khuller, S., Moss, A. and Naor, J. (1999), The budgeted maximum coverage
    problem. doi:10.1016/S0020-0190(99)00031-9
    """
    plain = _greedy(sets, bounds, thrifty=False)
    if not bounds.priced or bounds.equal_prices:
        return plain
    thrifty = _greedy(sets, bounds, thrifty=True)
    better = thrifty if thrifty.covered >= plain.covered else plain
    return replace(better, most=min(plain.most, thrifty.most))
