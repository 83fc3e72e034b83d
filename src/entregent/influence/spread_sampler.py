"""Sets of people who could have reached a person drawn at random, made in parallel and in order."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from entregent.errors import InputError
from entregent.influence.spread_chances import check_audience, check_chances
from entregent.influence.spread_kernels import arrange, meet, same, sample, weigh
from entregent.network.graph import Graph

__all__ = ["Sampler", "Sampling", "prepare"]

_MOST_ARCS = 2**31 - 1
_PIECE_ENTRIES = 2**18
_PIECE_SETS = 8192
_FIRST_PIECE = 64
_LAST_MARK = 2**31 - _PIECE_SETS - 1


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
        self._stack = ExitStack()
        self._pool = self._stack.enter_context(ThreadPoolExecutor(threads)) if threads > 1 else None

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

    def _mark(self, worker: int, sets: int) -> int:
        if self._marks[worker] > _LAST_MARK - sets:
            self._record[worker][:, 1] = 0
            self._marks[worker] = 1
        mark = self._marks[worker]
        self._marks[worker] += sets
        return mark

    def _arguments(self, worker: int, key: Any, first: int, last: int) -> tuple[Any, ...]:
        record, mark = self._record[worker], self._mark(worker, last - first)
        return (key, first, last, *self._tables, record, record.view(np.float64), mark, self._out[worker])

    def _draw(self, worker: int, key: Any, first: int, last: int) -> tuple[NDArray[np.int32], Any]:
        members, ends = [], []
        while first < last:
            part = np.empty(last - first, dtype=np.int64)
            given = (*self._arguments(worker, key, first, last), part)
            after, size = sample(*given)
            members.append(self._out[worker][:size].copy())
            ends.append(part[: after - first])
            first = after
        if len(members) == 1:
            return members[0], ends[0]
        start = np.cumsum([0, *(len(part) for part in members[:-1])])
        return np.concatenate(members), np.concatenate([e + s for e, s in zip(ends, start, strict=True)])

    def _meet(self, worker: int, key: Any, first: int, last: int, chosen: NDArray[np.int32]) -> int:
        given = (*self._arguments(worker, key, first, last), chosen)
        return int(meet(*given))

    def _batches(self, first: int, last: int, piece: int) -> Iterator[list[tuple[int, int]]]:
        while first < last:
            batch: list[tuple[int, int]] = []
            while first < last and len(batch) < self.threads:
                batch.append((first, min(first + piece, last)))
                first = batch[-1][1]
            yield batch

    def piece(self, mean: float | None) -> int:
        """Return how many sets to draw at once, where one holds `mean` people."""
        return _FIRST_PIECE if mean is None else int(np.clip(_PIECE_ENTRIES / mean, 1, _PIECE_SETS))

    def draw(
        self, key: Any, first: int, last: int, mean: float | None = None
    ) -> Iterator[tuple[NDArray[np.int32], NDArray[np.int64]]]:
        """Yield pieces of the sets from `first` up to `last`: their members, and where each set ends.

        Parameters
        ----------
        key : uint64
        first, last : int
            Numbers of sets.
        mean : float, optional
            Members to be expected in a set.

        Yields
        ------
        members : int32 array
        ends : int64 array
            One for each set of the piece.
        """
        for batch in self._batches(first, last, self.piece(mean)):
            if self._pool is None:
                yield self._draw(0, key, *batch[0])
            else:
                jobs = [self._pool.submit(self._draw, w, key, *span) for w, span in enumerate(batch)]
                yield from [job.result() for job in jobs]

    def met(
        self, key: Any, last: int, chosen: NDArray[np.int32], mean: float | None = None
    ) -> Iterator[tuple[int, int]]:
        """Yield, piece by piece, how many of the first `last` sets hold someone chosen.

        Parameters
        ----------
        key : uint64
        last : int
        chosen : int32 array, shape (n,)
            -1 for people who are not chosen.
        mean : float, optional
            Members to be expected in a set.

        Yields
        ------
        sets, met : int
        """
        for batch in self._batches(0, last, self.piece(mean)):
            if self._pool is None:
                found = [self._meet(0, key, *batch[0], chosen)]
            else:
                jobs = [self._pool.submit(self._meet, w, key, *span, chosen) for w, span in enumerate(batch)]
                found = [job.result() for job in jobs]
            for (first, end), hits in zip(batch, found, strict=True):
                yield end - first, hits
