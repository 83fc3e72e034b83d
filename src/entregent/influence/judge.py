"""An independent judge of circles: let the topic spread forwards and count."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse, stats

from entregent.errors import InputError
from entregent.influence.judge_kernels import cascade
from entregent.influence.spread_chances import check_audience, check_chances
from entregent.network.graph import Graph
from entregent.progress import Progress, Quiet, check
from entregent.results import Estimate
from entregent.stats.intervals import check_level

__all__ = ["METHOD", "Forward", "forward", "judge", "runs"]

METHOD = "forward_simulation"
_PIECE = 32


@dataclass(frozen=True)
class Forward:
    """Arcs in the direction in which a topic spreads.

    Parameters
    ----------
    indptr : int64 array, shape (n + 1,)
    heads : int32 array, shape (m,)
        Who listens to each person.
    chance : float64 array, shape (m,)
    worth : float64 array, shape (n,)
        What reaching each person is worth.
    model : {"independent_cascade", "linear_threshold"}
    """

    indptr: NDArray[np.int64]
    heads: NDArray[np.int32]
    chance: NDArray[np.float64]
    worth: NDArray[np.float64]
    model: str


def forward(
    graph: Graph, chance: ArrayLike, *, model: str = "independent_cascade", audience: ArrayLike | None = None
) -> Forward:
    """Turn a graph round for simulation.

    Parameters
    ----------
    graph : Graph
    chance : array, shape (m,)
        As in :func:`entregent.influence.spread.prepare`.
    model : {"independent_cascade", "linear_threshold"}
    audience : array, shape (n,), optional
        What reaching each person is worth; 1 unless told.

    Returns
    -------
    Forward

    Raises
    ------
    InputError
        For chances or weights that cannot be used.
    """
    values = check_chances(graph, chance, model)
    worth = check_audience(graph, audience)
    turned = sparse.csr_matrix((values, graph.indices, graph.indptr), shape=(graph.n, graph.n)).tocsc()
    return Forward(turned.indptr.astype(np.int64), turned.indices.astype(np.int32), turned.data, worth, model)


def runs(
    arcs: Forward,
    people: Iterable[int],
    rng: np.random.Generator,
    n_runs: int,
    *,
    threads: int = 1,
    progress: Progress | None = None,
) -> NDArray[np.float64]:
    """Let a topic spread from some people again and again.

    Parameters
    ----------
    arcs : Forward
    people : iterable of int
        Codes of those who start; doubles count once.
    rng : numpy.random.Generator
    n_runs : int
    threads : int
        Changes the time, never the answer.
    progress : Progress, optional

    Returns
    -------
    float64 array, shape (n_runs,)
        Worth of everybody reached in each run, those who start included.

    Raises
    ------
    InputError
        For people who are not there, or no run.
    Cancelled
        Where the caller asked to stop.
    """
    n = len(arcs.worth)
    start = np.array(list(people), dtype=np.int64)
    if ((start < 0) | (start >= n)).any():
        raise InputError(f"A person of a circle is not in the graph of {n} people.")
    if n_runs < 1 or threads < 1:
        raise InputError(f"There are {n_runs} runs on {threads} threads.", valid=("whole numbers from 1",))
    progress = progress or Quiet()
    keys = rng.integers(0, 2**64, n_runs, dtype=np.uint64)
    reached = np.empty(n_runs)

    def piece(first: int) -> None:
        part = slice(first, first + _PIECE)
        cascade(
            arcs.indptr, arcs.heads, arcs.chance, start.astype(np.int32), arcs.worth, keys[part],
            arcs.model == "linear_threshold", reached[part],
        )  # fmt: skip

    progress.step("judging by simulation", n_runs, "runs")
    starts = range(0, n_runs, _PIECE)
    with ThreadPoolExecutor(threads) as pool:
        for at in range(0, len(starts), threads):
            check(progress)
            batch = starts[at : at + threads]
            list(pool.map(piece, batch))
            progress.advance(min(len(batch) * _PIECE, n_runs - batch[0]))
    return reached


def judge(
    arcs: Forward,
    people: Iterable[int],
    rng: np.random.Generator,
    *,
    n_runs: int = 1000,
    level: float = 0.9,
    threads: int = 1,
    progress: Progress | None = None,
) -> Estimate:
    """Estimate what people reach together, by simulation that shares no code with their choice.

    Parameters
    ----------
    arcs : Forward
    people : iterable of int
    rng : numpy.random.Generator
    n_runs : int
        At least 2.
    level : float
    threads : int
    progress : Progress, optional

    Returns
    -------
    Estimate
        Mean over runs, with a normal interval at `level`; `n` counts the runs.

    Raises
    ------
    InputError
        For people who are not there, or too few runs.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from entregent.network.graph import build
    >>> graph = build(pa.array(["b", "c", "d"]), pa.array(["a", "b", "c"]))
    >>> judge(forward(graph, [1.0, 1.0, 0.0]), [0], np.random.default_rng(1), n_runs=10).value
    3.0
    """
    check_level(level)
    if n_runs < 2:
        raise InputError(f"n_runs is {n_runs}.", valid=("a whole number from 2",))
    reached = runs(arcs, people, rng, n_runs, threads=threads, progress=progress)
    mean = float(reached.mean())
    half = float(stats.norm.ppf(0.5 + level / 2) * reached.std(ddof=1) / np.sqrt(n_runs))
    return Estimate(mean, mean - half, mean + half, level, n_runs, METHOD)
