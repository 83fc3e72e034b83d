"""Sets of people who could have reached a person drawn at random, made in parallel and in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from functools import partial
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Self, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from entregent.errors import InputError
from entregent.influence.spread_chances import check_audience, check_chances
from entregent.influence.spread_kernels import HELD, arrange, compare, same, sample, weigh
from entregent.network.graph import Graph

__all__ = ["Compared", "Piece", "Sampler", "Sampling", "prepare"]

_MOST_ARCS = 2**31 - 1
_PIECE_ENTRIES = 2**18
_PIECE_SETS = 2048
_FIRST_PIECE = 64
_LAST_MARK = HELD - 1

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Sampler:
    """A graph with its chances, arranged for sampling; made by :func:`prepare`.

    Parameters
    ----------
    ids : pa.Array of string, shape (n,)
    model : {"independent_cascade", "linear_threshold"}
    equal : bool
        Whether all arcs of each person have one chance.
    total : float
        Sum of the weights of who is reached.
    weighted : bool
        Whether people count differently.
    """

    ids: pa.Array
    model: str
    equal: bool
    total: float
    weighted: bool
    _record: NDArray[np.int32] = field(repr=False)
    _arcs: NDArray[np.int32] = field(repr=False)
    _heads: NDArray[np.int32] = field(repr=False)
    _keep: NDArray[np.uint32] = field(repr=False)
    _other: NDArray[np.int32] = field(repr=False)

    @property
    def people(self) -> int:
        """Number of people."""
        return len(self._record) - 1

    @property
    def nbytes(self) -> int:
        """Memory held, that of the graph left out."""
        return self._record.nbytes + self._arcs.nbytes + self._keep.nbytes + self._other.nbytes

    def _tables(self) -> tuple[Any, ...]:
        return (
            self.model == "linear_threshold", self.equal, self._arcs, self._heads, self._keep, self._other,
        )  # fmt: skip


def prepare(
    graph: Graph,
    chance: ArrayLike,
    *,
    model: str = "independent_cascade",
    audience: ArrayLike | None = None,
    threads: int = 1,
) -> Sampler:
    """Arrange a graph and its chances for sampling; worth keeping for several circles.

    Parameters
    ----------
    graph : Graph
        Who listens to whom.
    chance : array, shape (m,)
        For each arc from a to b, the chance that b carries the topic to a; in
        the linear threshold model, the weight of b for a.
    model : {"independent_cascade", "linear_threshold"}
    audience : array, shape (n,), optional
        What reaching each person is worth; 1 unless told.
    threads : int

    Returns
    -------
    Sampler

    Raises
    ------
    InputError
        For chances outside [0, 1] or other values that cannot be used.

    Notes
    -----
    A row is a line on which each arc is as long as its hazard -log(1 - p).
    Points of a Poisson process of rate 1 fall on it, and an arc is live where
    at least one does: exactly with chance p, and independent of the others.
    So the cost of a person is the number of live arcs, not of all, for equal
    and unequal chances alike. Walker's (1977) table finds the arc of a point.

    References
    ----------
    Walker, A. J. (1977), An efficient method for generating discrete random
    variables with general distributions. doi:10.1145/355744.355749
    """
    values = check_chances(graph, chance, model)
    worth = check_audience(graph, audience)
    if graph.m > _MOST_ARCS:
        raise InputError(f"There are {graph.m} arcs.", valid=(f"at most {_MOST_ARCS}",))
    if threads < 1:
        raise InputError(f"threads is {threads}.", valid=("a whole number from 1",))
    equal = bool(same(graph.indptr, values))
    # One record a person, so that looking at somebody touches memory once.
    record = np.zeros((graph.n + 1, 4), dtype=np.int32)
    record[-1, 0] = graph.m
    arcs = np.empty((0 if equal else graph.m, 3), dtype=np.int32)
    widest = int(np.diff(graph.indptr).max(initial=0))
    edges = np.searchsorted(graph.indptr, np.linspace(0, graph.m, threads + 1)).astype(int)
    edges[0], edges[-1] = 0, graph.n

    def part(number: int) -> None:
        arrange(
            graph.indptr, graph.indices, values, model == "linear_threshold", equal,
            edges[number], edges[number + 1], record, record.view(np.float64), arcs,
            np.empty(widest, np.int32), np.empty(widest), np.empty(widest, np.uint32),
            np.empty(widest, np.int32),
        )  # fmt: skip

    if threads == 1:
        part(0)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(part, range(threads)))
    weighted = bool((worth != worth[0]).any())
    total = float(worth.sum())
    keep = np.empty(graph.n if weighted else 0, dtype=np.uint32)
    other = np.empty_like(keep, dtype=np.int32)
    if weighted:
        weigh(worth, keep, other, np.empty(graph.n, np.int32))
    return Sampler(graph.ids, model, equal, total, weighted, record, arcs, graph.indices, keep, other)


@dataclass(frozen=True)
class Piece:
    """Some sets in the order of their numbers.

    Parameters
    ----------
    members : int32 array
    ends : int64 array
        Where each set ends.
    drawn : int
        How many were drawn; those that hold somebody held are not among them.
    """

    members: NDArray[np.int32]
    ends: NDArray[np.int64]
    drawn: int


class Sampling(AbstractContextManager["Sampling"]):
    """Threads and their buffers, for one run.

    Sets are numbered; what a set holds depends on the key and its number
    alone, and pieces come in order, so that the number of threads changes
    nothing but the time.
    """

    def __init__(self, sampler: Sampler, threads: int) -> None:
        if threads < 1:
            raise InputError(f"threads is {threads}.", valid=("a whole number from 1",))
        self.sampler = sampler
        self.threads = threads
        self._tables = sampler._tables()
        self._marks = [1] * threads
        self._record = [sampler._record.copy() for _ in range(threads)]
        self._out = [np.empty(sampler.people + 2 * _PIECE_ENTRIES, dtype=np.int32) for _ in range(threads)]
        self._held: NDArray[np.int32] = np.empty(0, dtype=np.int32)
        self._stack = ExitStack()
        self._pool = self._stack.enter_context(ThreadPoolExecutor(threads)) if threads > 1 else None
        self._idle: SimpleQueue[int] = SimpleQueue()
        for worker in range(threads):
            self._idle.put(worker)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def nbytes(self) -> int:
        """Memory of the buffers."""
        return sum(array.nbytes for array in (*self._record, *self._out))

    def hold(self, people: NDArray[np.int32]) -> None:
        """End sets at these people, and at nobody else, from now on; not while pieces are drawn."""
        for record in self._record:
            record[self._held, 1] = 0
            record[people, 1] = HELD
        self._held = people

    def _mark(self, worker: int, sets: int) -> int:
        if self._marks[worker] > _LAST_MARK - sets:
            self._record[worker][:, 1] = 0
            self._record[worker][self._held, 1] = HELD
            self._marks[worker] = 1
        mark = self._marks[worker]
        self._marks[worker] += sets
        return mark

    def _arguments(self, worker: int, key: Any, first: int, last: int) -> tuple[Any, ...]:
        record, mark = self._record[worker], self._mark(worker, last - first)
        return (key, first, last, *self._tables, record, record.view(np.float64), mark, self._out[worker])

    def _draw(self, worker: int, key: Any, first: int, last: int) -> Piece:
        members, ends, drawn = [], [], last - first
        while first < last:
            part = np.empty(last - first, dtype=np.int64)
            given = (*self._arguments(worker, key, first, last), part, True)
            first, size, kept = sample(*given)
            members.append(self._out[worker][:size].copy())
            ends.append(part[:kept])
        if len(members) == 1:
            return Piece(members[0], ends[0], drawn)
        start = np.cumsum([0, *(len(part) for part in members[:-1])])
        return Piece(
            np.concatenate(members),
            np.concatenate([e + s for e, s in zip(ends, start, strict=True)]),
            drawn,
        )

    def _meet(self, worker: int, key: Any, first: int, last: int) -> tuple[int, int]:
        given = (*self._arguments(worker, key, first, last), np.empty(0, dtype=np.int64), False)
        _, _, kept = sample(*given)
        return last - first, last - first - int(kept)

    def _each(self, work: Callable[..., _Result], first: int, last: int, piece: int) -> Iterator[_Result]:
        """Yield the results of pieces in order; a few are begun ahead."""
        spans = [(at, min(at + piece, last)) for at in range(first, last, piece)]
        if self._pool is None:
            for span in spans:
                yield work(0, *span)
            return

        def run(span: tuple[int, int]) -> _Result:
            worker = self._idle.get()
            try:
                return work(worker, *span)
            finally:
                self._idle.put(worker)

        jobs: deque[Future[_Result]] = deque()
        try:
            for span in spans:
                jobs.append(self._pool.submit(run, span))
                if len(jobs) > 2 * self.threads:
                    yield jobs.popleft().result()
            while jobs:
                yield jobs.popleft().result()
        finally:
            # Nobody may go on writing where the next step begins.
            for job in jobs:
                job.cancel()
            wait(jobs)

    def piece(self, mean: float | None) -> int:
        """Return how many sets to draw at once, where one holds `mean` people."""
        return _FIRST_PIECE if mean is None else int(np.clip(_PIECE_ENTRIES / mean, 1, _PIECE_SETS))

    def draw(self, key: Any, first: int, last: int, mean: float | None = None) -> Iterator[Piece]:
        """Yield the sets from `first` up to `last`.

        Parameters
        ----------
        key : uint64
        first, last : int
            Numbers of sets.
        mean : float, optional
            Members to be expected in a set.

        Yields
        ------
        Piece
        """
        return self._each(partial(_called, self._draw, key), first, last, self.piece(mean))

    def met(self, key: Any, first: int, last: int, mean: float | None = None) -> Iterator[tuple[int, int]]:
        """Yield, piece by piece, of how many sets how many hold somebody held.

        Parameters
        ----------
        key : uint64
        first, last : int
        mean : float, optional
            Members to be expected in a set.

        Yields
        ------
        sets, met : int
        """
        return self._each(partial(_called, self._meet, key), first, last, self.piece(mean))

    def compared(
        self, key: Any, first: int, last: int, chosen: NDArray[np.int32], most: int, mean: float | None
    ) -> Iterator[Compared]:
        """Yield, piece by piece, how often people chosen are in one set.

        Parameters
        ----------
        key : uint64
        first, last : int
        chosen : int32 array, shape (n,)
            Place in the circle; -1 for people who are not in it.
        most : int
            Of the circle who are compared.
        mean : float, optional
            Members to be expected in a set.

        Yields
        ------
        Compared
        """

        def work(worker: int, first: int, last: int) -> Compared:
            shared, added = np.zeros((most, most), dtype=np.int64), np.zeros(most, dtype=np.int64)
            given = (*self._arguments(worker, key, first, last), chosen, shared, added)
            met, entries = compare(*given)
            return Compared(last - first, int(met), int(entries), shared, added)

        return self._each(work, first, last, self.piece(mean))


@dataclass(frozen=True)
class Compared:
    """Of some sets: how many hold anyone chosen, their members, and counts by pair and by first."""

    sets: int
    met: int
    entries: int
    shared: NDArray[np.int64]
    added: NDArray[np.int64]


def _called(work: Callable[..., _Result], key: Any, worker: int, first: int, last: int) -> _Result:
    return work(worker, key, first, last)
