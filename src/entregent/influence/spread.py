"""Circles: which people together reach most, within limits, and how far from the best they can be."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from entregent.errors import InputError
from entregent.i18n import N, T
from entregent.influence.spread_cover import Choice, Limits, Sets, choose, limits
from entregent.influence.spread_sampler import Compared, Piece, Sampler, Sampling, prepare
from entregent.network.graph import build
from entregent.progress import Progress, Quiet, check
from entregent.results import Estimate, Notice
from entregent.stats.intervals import check_level, wilson

__all__ = ["METHOD", "MOST_COMPARED", "STOPS", "Circle", "Sampler", "circle", "prepare", "warm"]

Floats = NDArray[np.float64]

METHOD = "reverse_reachable_sets"
STOPS = ("settled", "samples", "memory", "cancelled")
MOST_COMPARED = 1000
"""People of a circle up to whom the shared audiences are computed."""

_FIRST_SETS = 4096
_FEWEST_SETS = 64
_FIRST_ENTRIES = 2**21
_MOST_SETS = 2**31 - 1
_COMPARED_ENTRIES = 2**18
_FEWEST_COMPARED, _MOST_COMPARED = 2**9, 2**14
_PER_ENTRY = 16
_PER_SET = 32
_PER_PERSON = 48
_ROUNDS = 64


@dataclass(frozen=True)
class Circle:
    """People chosen together.

    Parameters
    ----------
    people : int32 array, shape (k,)
        Codes; those to be kept first, then in the order of choice.
    ids : pa.Array of string, shape (k,)
    reach : Estimate
        People reached, themselves included, or the sum of their weights, on
        samples that were not used for the choice; `n` counts the samples.
    lower, upper : float
        With the confidence told, the circle reaches at least `lower`, and no
        group within the same limits more than `upper`.
    confidence : float
        Probability with which both bounds hold, for the model and the chances given.
    added : float64 array, shape (k,)
        Reach that each one adds to those before.
    own, own_low, own_high : float64 array, shape (k,)
        Reach of each one alone, and its interval at the level of `reach`.
    shared : float64 array, shape (k, k)
        Reach that two have in common; `own` on the diagonal.
    share : float64 array, shape (k, k)
        ``shared[i, j]`` over what i reaches, in [0, 1].
    cost : float
        Sum of the prices; 0 without prices.
    stopped : {"settled", "samples", "memory", "cancelled"}
        Why no more samples were drawn.
    samples, rounds : int
        Samples behind the choice, and how often it was made anew.
    regret : float
        How much less, as a share, the choice on a part of the samples (at
        least a quarter) covers of all of them.
    notices : tuple of Notice
    """

    people: NDArray[np.int32]
    ids: pa.Array
    reach: Estimate
    lower: float
    upper: float
    confidence: float
    added: Floats
    own: Floats
    own_low: Floats
    own_high: Floats
    shared: Floats
    share: Floats
    cost: float
    stopped: str
    samples: int
    rounds: int
    regret: float
    notices: tuple[Notice, ...] = ()

    @property
    def ratio(self) -> float:
        """The circle reaches at least this share of what the best group could reach."""
        return self.lower / self.upper if self.upper > 0 else 0.0


@dataclass(frozen=True)
class _Best:
    choice: Choice
    samples: int
    rounds: int
    regret: float


def circle(
    sampler: Sampler,
    rng: np.random.Generator,
    *,
    k: int | None = None,
    cost: ArrayLike | None = None,
    budget: float | None = None,
    include: Iterable[int] = (),
    exclude: Iterable[int] = (),
    community: ArrayLike | None = None,
    tolerance: float = 0.003,
    guarantee: float | None = None,
    most_samples: int = 2**24,
    memory_mb: int = 1024,
    confidence: float = 0.99,
    level: float = 0.9,
    threads: int = 1,
    progress: Progress | None = None,
) -> Circle:
    """Choose people who together reach most.

    Parameters
    ----------
    sampler : Sampler
        Graph, chances, model and weights of who is reached, from :func:`prepare`.
    rng : numpy.random.Generator
    k : int, optional
        Most people.
    cost, budget : array of shape (n,) and float, optional
        Price of each person, and what may be spent, in one unit.
    include, exclude : iterable of int
        Codes of people to keep in and to leave out.
    community : integer array, shape (n,), optional
        At most one person of each; -1 for people of none.
    tolerance : float
        The choice is settled where one made on half (or a quarter) of the samples covers at
        most this share less of all of them; the loss that remains is a fraction of it.
    guarantee : float, optional
        Go on until the lower bound is this share of the upper one, too.
    most_samples : int
    memory_mb : int
        Most memory for samples and tables besides the graph, in megabytes.
    confidence : float
        Of the two bounds together.
    level : float
        Of the intervals of reach.
    threads : int
        Changes the time, never the answer.
    progress : Progress, optional
        Where it says that the caller cancelled, the best circle so far is returned.

    Returns
    -------
    Circle

    Raises
    ------
    InputError
        For limits or options that nothing can satisfy.
    Cancelled
        Where the caller asked to stop before there was a first answer.

    Notes
    -----
    A sample is the set of people who could have reached somebody drawn at
    random (Borgs et al. 2014). A group reaches as many people as the share of
    samples in which it has a member, times all people. Greedy choice on one
    collection, bounds from it and from a second one (Tang et al. 2018). The
    bounds hold for whatever round it is where the work stops: round i has an
    allowance of 1 in i (i + 1).

    References
    ----------
    Borgs, C., Brautbar, M., Chayes, J. and Lucier, B. (2014), Maximizing
    social influence in nearly optimal time. doi:10.1137/1.9781611973402.70
    Tang, J., Tang, X., Xiao, X. and Yuan, J. (2018), Online processing
    algorithms for influence maximization. doi:10.1145/3183713.3183749

    Examples
    --------
    >>> from entregent.network.graph import build
    >>> graph = build(pa.array(["a", "b", "c", "e"]), pa.array(["star", "star", "star", "d"]))
    >>> found = circle(prepare(graph, np.ones(4)), np.random.default_rng(1), k=2)
    >>> found.ids.to_pylist(), round(found.reach.value)
    (['star', 'd'], 6)
    """
    check_level(level)
    for name, value in (("tolerance", tolerance), ("confidence", confidence), ("guarantee", guarantee)):
        if value is not None and not 0.0 < value < 1.0:
            raise InputError(f"{name} is {value}.", valid=("a number above 0 and below 1",))
    if not 1 <= most_samples <= _MOST_SETS:
        raise InputError(
            f"most_samples is {most_samples}.", valid=(f"a whole number from 1 to {_MOST_SETS}",)
        )
    bounds = limits(
        sampler.people, k=k, cost=cost, budget=budget, include=include, exclude=exclude, community=community
    )
    progress = progress or Quiet()
    with Sampling(sampler, threads) as sampling:
        return _Run(sampling, bounds, rng, confidence, level, progress).circle(
            tolerance, guarantee, most_samples, memory_mb
        )


class _Run:
    """One search, with what all its parts need."""

    def __init__(
        self,
        sampling: Sampling,
        bounds: Limits,
        rng: np.random.Generator,
        confidence: float,
        level: float,
        progress: Progress,
    ) -> None:
        self.sampling = sampling
        self.sampler = sampling.sampler
        self.bounds = bounds
        self.keys = rng.integers(0, 2**64, 2 + _ROUNDS, dtype=np.uint64)
        self.confidence = confidence
        self.level = level
        self.progress = progress
        self.mean: float | None = None

    def circle(self, tolerance: float, guarantee: float | None, most: int, memory_mb: int) -> Circle:
        room = self._room(memory_mb)
        sets = Sets(self.sampler.people)
        if self.bounds.include.size:
            self._hold(sets, self.bounds.include)
        best: _Best | None = None
        target, rounds, stopped = min(_FEWEST_SETS, most), 0, "samples"
        while True:
            grown = self._grow(sets, target, room)
            if grown is None:
                stopped = "cancelled"
                break
            if grown:
                if best is None:
                    raise InputError(
                        f"The first {target} samples do not fit into {memory_mb} megabytes.",
                        valid=(f"memory_mb of {math.ceil(memory_mb + grown * _PER_ENTRY / 2**20)} or more",),
                    )
                stopped = "memory"
                break
            choice = choose(sets, self.bounds)
            rounds += 1
            before = sets.covered(best.choice.people) if best is not None else 0
            regret = 1.0 - before / choice.covered if choice.covered else 1.0
            best = _Best(choice, sets.drawn, rounds, max(regret, 0.0))
            enough = regret <= tolerance and target >= min(_FIRST_SETS, most)
            if enough and (guarantee is None or self._ratio(best, sets) >= guarantee):
                stopped = "settled"
                break
            if target >= most or rounds >= _ROUNDS:
                break
            next_target = self._next(target, regret, tolerance, most, room)
            if next_target < target + target // 16 + 1:
                stopped = "memory"
                break
            if not self.bounds.priced and target >= _FIRST_SETS:
                self._hold(sets, sets.steady(choice, self.bounds))
            target = next_target
        if best is None:
            check(self.progress)
            raise InputError("No sample was drawn.")
        del sets
        return self._result(best, stopped)

    def _hold(self, sets: Sets, people: NDArray[np.int32]) -> None:
        sets.hold(people)
        self.sampling.hold(sets.held)

    def _room(self, memory_mb: int) -> int:
        fixed = self.sampler.nbytes + self.sampling.nbytes + self.sampler.people * _PER_PERSON
        left = memory_mb * 2**20 - fixed
        if left < _PER_ENTRY * max(self.sampler.people, 2**16):
            least = math.ceil((fixed + _PER_ENTRY * max(self.sampler.people, 2**16)) / 2**20)
            raise InputError(
                f"memory_mb is {memory_mb}; the graph of {self.sampler.people} people alone needs more.",
                valid=(f"{least} or more",),
            )
        return left

    def _next(self, target: int, regret: float, tolerance: float, most: int, room: int) -> int:
        mean = self.mean or 1.0
        fits = int(room / (1.1 * (mean * _PER_ENTRY + _PER_SET)))
        if target < _FIRST_SETS:
            return min(int(np.clip(_FIRST_ENTRIES / mean, 2 * target, _FIRST_SETS)), most, fits)
        return min(target * (4 if regret > 4 * tolerance else 2), most, fits)

    def _grow(self, sets: Sets, target: int, room: int) -> float | None:
        """Draw up to `target` sets; return 0, None if cancelled, or how much is too much."""
        done, size = sets.drawn, len(sets.members)
        self.progress.step(f"sampling who reaches whom ({target:,})", target - done, "samples")
        pieces: list[Piece] = []
        for piece in self.sampling.draw(self.keys[0], done, target, self.mean):
            pieces.append(piece)
            size += len(piece.members)
            done += piece.drawn
            self.progress.advance(piece.drawn)
            if size * _PER_ENTRY + done * _PER_SET > room:
                return size * target / done - room / _PER_ENTRY
            if self.progress.cancelled():
                return None
        sets.add(pieces)
        self.mean = max(size / done, 1.0)
        return 0.0

    def _chosen(self, people: NDArray[np.int32]) -> NDArray[np.int32]:
        chosen = np.full(self.sampler.people, -1, dtype=np.int32)
        chosen[people] = np.arange(len(people), dtype=np.int32)
        return chosen

    def _validated(self, best: _Best, first: int, samples: int) -> int:
        """Return how many of some sets that played no part in the choice hold anyone chosen."""
        self.progress.step("checking the circle on other samples", samples - first, "samples")
        self.sampling.hold(best.choice.people)
        met = 0
        for sets, hits in self.sampling.met(self.keys[1 + best.rounds], first, samples, self.mean):
            met += hits
            self.progress.advance(sets)
        return met

    def _compared(self, best: _Best, samples: int) -> Compared:
        """Return what some of these sets say about every two of the people chosen."""
        self.progress.step("comparing audiences", samples, "samples")
        self.sampling.hold(np.empty(0, dtype=np.int32))
        chosen = self._chosen(best.choice.people)
        people = min(len(best.choice.people), MOST_COMPARED)
        parts: list[Compared] = []
        key = self.keys[1 + best.rounds]
        first = min(_FEWEST_COMPARED, samples)
        parts += self.sampling.compared(key, 0, first, chosen, people, None)
        mean = sum(part.entries for part in parts) / first
        last = int(np.clip(_COMPARED_ENTRIES / mean, first, min(_MOST_COMPARED, samples)))
        parts += self.sampling.compared(key, first, last, chosen, people, mean)
        self.progress.advance(last)
        return Compared(
            last,
            sum(part.met for part in parts),
            sum(part.entries for part in parts),
            np.sum([part.shared for part in parts], axis=0),
            np.sum([part.added for part in parts], axis=0),
        )

    def _bounds(self, best: _Best, seen: int, met: int) -> tuple[float, float]:
        a = math.log(2.0 * best.rounds * (best.rounds + 1) / (1.0 - self.confidence))
        low = (max(math.sqrt(met + 2 * a / 9) - math.sqrt(a / 2), 0.0)) ** 2 - a / 18
        high = (math.sqrt(best.choice.most + a / 2) + math.sqrt(a / 2)) ** 2
        total = self.sampler.total
        return max(low, 0.0) / seen * total, min(high / best.samples, 1.0) * total

    def _ratio(self, best: _Best, sets: Sets) -> float:
        met = self._validated(best, 0, best.samples)
        self.sampling.hold(sets.held)
        lower, upper = self._bounds(best, best.samples, met)
        return lower / upper

    def _result(self, best: _Best, stopped: str) -> Circle:
        people, total = best.choice.people, self.sampler.total
        # After a cancel the check is shorter, so that the answer comes soon.
        seen = max(best.samples // (4 if stopped == "cancelled" else 2), min(best.samples, _FIRST_SETS))
        compared = self._compared(best, seen)
        met = compared.met + self._validated(best, compared.sets, seen)
        lower, upper = self._bounds(best, seen, met)
        span = wilson(met, seen, self.level)
        reach = Estimate(
            met / seen * total,
            min(float(span.low), met / seen) * total,
            max(float(span.high), met / seen) * total,
            self.level,
            seen,
            METHOD,
        )
        shared = compared.shared
        own = shared.diagonal()
        spans = wilson(own, np.full(len(own), compared.sets), self.level)
        scale = total / compared.sets
        common: Floats = np.asarray(shared * scale, dtype=np.float64)
        share = np.zeros(shared.shape)
        np.divide(shared, own[:, None], out=share, where=own[:, None] > 0)
        return Circle(
            people,
            self.sampler.ids.take(pa.array(people)),
            reach,
            min(lower, upper),
            upper,
            self.confidence,
            np.asarray(compared.added * scale, dtype=np.float64),
            common.diagonal().copy(),
            np.asarray(spans.low * total, dtype=np.float64),
            np.asarray(spans.high * total, dtype=np.float64),
            common,
            share,
            float(self.bounds.cost[people].sum()),
            stopped,
            best.samples,
            best.rounds,
            best.regret,
            self._notices(people, stopped),
        )

    def _notices(self, people: NDArray[np.int32], stopped: str) -> tuple[Notice, ...]:
        notices = []
        if not self.bounds.priced and len(people) < self.bounds.k:
            missing = self.bounds.k - len(people)
            notices.append(
                Notice(
                    "circle.fewer",
                    N(
                        "One person less than wanted was chosen: nobody else allowed added anything.",
                        "{n} people less than wanted were chosen: nobody else allowed added anything.",
                        missing,
                    ),
                )
            )
        if stopped == "memory":
            notices.append(
                Notice(
                    "circle.memory",
                    T("The memory allowed was used up before the choice settled: read the two bounds."),
                )
            )
        if stopped == "cancelled":
            notices.append(
                Notice("circle.cancelled", T("The search was stopped early: this is the best circle so far."))
            )
        if stopped == "samples":
            notices.append(
                Notice(
                    "circle.samples",
                    T("The samples allowed were used up before the choice settled: read the two bounds."),
                )
            )
        if len(people) > MOST_COMPARED:
            notices.append(
                Notice(
                    "circle.compared",
                    T("Shared audiences were computed for the first {n} people only.", n=MOST_COMPARED),
                )
            )
        return tuple(notices)


def warm() -> None:
    """Compile the loops of circles now, so that nobody waits for it later."""
    graph = build(pa.array(["a", "b", "c", "c"]), pa.array(["c", "c", "a", "b"]))
    for chance in (np.full(graph.m, 0.5), np.linspace(0.1, 0.9, graph.m)):
        sampler = prepare(graph, chance, audience=[1.0, 2.0, 1.0])
        circle(sampler, np.random.default_rng(1), k=1, guarantee=0.999, most_samples=2**13)
    circle(sampler, np.random.default_rng(1), cost=[1.0, 2.0, 3.0], budget=3.0, include=[0], most_samples=64)
