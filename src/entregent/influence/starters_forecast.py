"""Who starts the next items and who takes part in them: memories of several lengths, weighed on the past."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from entregent.influence.cascades import Cascades

__all__ = ["Clock", "Forecast", "Memory", "clock", "forecast", "moments", "spread_of_counts"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_HALF_LIVES = (0.125, 0.5, 2.0, 8.0, np.inf)
"""Of memories, in units of the number of items to look ahead."""
_MOMENTS = 32
_FADING = 0.25
"""What happened this share of the items ago weighs half as much when memories are weighed."""
_TURNS = 300
_MOST_ROWS = 20_000
_SHAPES = np.geomspace(0.1, 100.0, 25)


@dataclass(frozen=True)
class Clock:
    """Acts in order of the items that had started: a clock that runs as fast as the conversation.

    Parameters
    ----------
    item : int64 array, shape (n_items,)
        Items in order of their start.
    started : int64 array, shape (n_items,)
        When, microseconds.
    starter : int32 array, shape (n_items,)
        Who started each of them.
    account : int32 array, shape (n_acts,)
        Who took part: adoptions that were no start.
    of, before : int64 arrays, shape (n_acts,)
        Place in `item` of what they took part in, and how many items had started by then.
    time : int64 array, shape (n_acts,)
    accounts : int
    """

    item: Ints
    started: Ints
    starter: NDArray[np.int32]
    account: NDArray[np.int32]
    of: Ints
    before: Ints
    time: Ints
    accounts: int


@dataclass(frozen=True)
class Memory:
    """One memory and its weight.

    Parameters
    ----------
    of : {"starts", "acts", "both", "known", "new"}
        What is counted: "both" is starts times acts; "known" is the same for everybody known, "new" is
        somebody who never acted before.
    half_life : float
        In items that started; infinite where nothing is forgotten.
    weight : float
    """

    of: str
    half_life: float
    weight: float


@dataclass(frozen=True)
class Forecast:
    """Who comes next.

    Parameters
    ----------
    share : float64 array, shape (n_accounts,)
        Chance that the next one is this account.
    new : float
        Chance that it is somebody who never acted before.
    memories : tuple of Memory
        Weights sum to 1.
    """

    share: Floats
    new: float
    memories: tuple[Memory, ...]


def clock(known: Cascades) -> Clock:
    """Put starts and acts on the clock of items.

    Parameters
    ----------
    known : Cascades

    Returns
    -------
    Clock
    """
    started = known.started()
    item = np.argsort(started, kind="stable").astype(np.int64)
    place = np.empty_like(item)
    place[item] = np.arange(item.size)
    later = np.ones(known.n_adoptions, dtype=np.bool_)
    later[known.indptr[:-1]] = False
    ordered = started[item]
    return Clock(
        item=item,
        started=ordered,
        starter=known.starters()[item],
        account=known.account[later],
        of=place[known.item()[later]],
        before=np.searchsorted(ordered, known.time[later]).astype(np.int64),
        time=known.time[later],
        accounts=known.n_accounts,
    )


def moments(items: int, ahead: int) -> Ints:
    """Return the earlier moments at which the next items are forecast to weigh the memories.

    Parameters
    ----------
    items, ahead : int
        Items known, and items to look ahead.

    Returns
    -------
    int64 array
        How many items had started at each; at most 32 moments.
    """
    last = max(items - ahead, 1)
    first = min(max(items // 4, 1), last)
    return np.unique(np.linspace(first, last, _MOMENTS).astype(np.int64))


def _memories(at: Clock, moment: int, ahead: int) -> Floats:
    """One row for each memory when `moment` items had started, summing to 1; an empty one knows all alike."""
    n = at.accounts
    when = at.started[moment] if moment < at.item.size else np.iinfo(np.int64).max
    past = np.flatnonzero(at.time < when)
    who, age = at.account[past], moment - at.before[past]
    starter, start_age = at.starter[:moment], moment - np.arange(moment)
    rows: list[Floats] = []
    for life in _HALF_LIVES:
        starts = np.bincount(starter, np.exp2(-start_age / (life * ahead)), minlength=n).astype(np.float64)
        acts = np.bincount(who, np.exp2(-age / (life * ahead)), minlength=n).astype(np.float64)
        rows += [starts, acts, starts * acts]
    seen = np.zeros(n)
    seen[starter] = 1.0
    seen[who] = 1.0
    rows.append(seen)
    out = np.array(rows, dtype=np.float64)
    out[out.sum(axis=1) == 0.0] = seen
    return np.asarray(out / np.maximum(out.sum(axis=1, keepdims=True), 1e-300), dtype=np.float64)


def forecast(at: Clock, ahead: int, rng: np.random.Generator, *, acts: bool = False) -> Forecast:
    """Forecast who starts the next items, or who takes part in them.

    Parameters
    ----------
    at : Clock
    ahead : int
        How many items to look ahead.
    rng : numpy.random.Generator
        For the people by whom memories are weighed where there are very many.
    acts : bool
        Who takes part, rather than who starts.

    Returns
    -------
    Forecast

    Notes
    -----
    What somebody started and what they took part in is remembered with
    half-lives from an eighth of `ahead` to infinite. At up to 32 earlier
    moments each memory forecasts the `ahead` items that followed, as one would
    have done then; their weights are those of the mixture that makes what
    followed likeliest (expectation and maximisation, a concave problem).
    People are shrunk towards the mean by the weight of "everybody known".
    """
    items = at.item.size
    columns, weights = [], []
    for moment in moments(items, ahead):
        rows = _memories(at, int(moment), ahead)
        if acts:
            inside = (at.of >= moment) & (at.of < moment + ahead)
            count = np.bincount(at.account[inside], minlength=at.accounts)
        else:
            count = np.bincount(at.starter[moment : moment + ahead], minlength=at.accounts)
        who = np.flatnonzero(count)
        weight = count[who] * np.exp2((moment - items) / (_FADING * items))
        if who.size > _MOST_ROWS:
            drawn = rng.choice(who.size, _MOST_ROWS, replace=False)
            weight = weight[drawn] * (weight.sum() / weight[drawn].sum())
            who = who[drawn]
        new = (rows[-1, who] == 0.0).astype(np.float64)
        columns.append(np.vstack((rows[:, who], new)))
        weights.append(weight)
    likely, weight = np.concatenate(columns, axis=1), np.concatenate(weights)
    mixture = np.full(likely.shape[0], 1.0 / likely.shape[0])
    for _ in range(_TURNS):
        part = likely * mixture[:, None]
        part *= weight / np.maximum(part.sum(axis=0), 1e-300)
        fresh = part.sum(axis=1) + 0.5
        fresh /= fresh.sum()
        if np.abs(fresh - mixture).max() < 1e-6:
            break
        mixture = fresh
    share = mixture[:-1] @ _memories(at, items, ahead)
    names = [(of, life * ahead) for life in _HALF_LIVES for of in ("starts", "acts", "both")]
    names += [("known", np.inf), ("new", np.inf)]
    memories = tuple(Memory(of, float(life), float(w)) for (of, life), w in zip(names, mixture, strict=True))
    return Forecast(share, float(mixture[-1]), memories)


def spread_of_counts(at: Clock, ahead: int, found: Forecast) -> float:
    """Return how far counts of starts spread beyond chance: the shape of a negative binomial.

    Parameters
    ----------
    at : Clock
    ahead : int
    found : Forecast
        Of starts.

    Returns
    -------
    float
        From 0.1, where people start in bouts, to 100, where only chance is left.
    """
    weight = np.array([memory.weight for memory in found.memories[:-1]])
    total = np.zeros(_SHAPES.size)
    for moment in moments(at.item.size, ahead):
        window = at.starter[moment : moment + ahead]
        mean = weight @ _memories(at, int(moment), ahead) * window.size
        mean, count = mean[mean > 0], np.bincount(window, minlength=at.accounts)[mean > 0]
        total += _likelihood(count, mean)
    return float(_SHAPES[int(total.argmax())])


def _likelihood(count: NDArray[Any], mean: Floats) -> Floats:
    """Log likelihood of counts at each shape."""
    out = np.empty(_SHAPES.size)
    some = count > 0
    c, m = count[some], mean[some]
    for place, r in enumerate(_SHAPES):
        out[place] = -r * np.log1p(mean / r).sum()
        out[place] += (gammaln(c + r) - gammaln(r) + c * (np.log(m) - np.log(r + m))).sum()
    return out
