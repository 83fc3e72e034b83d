"""Threshold model: people act once a share of those whom they listen to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, sparse, stats

from entregent.errors import InputError
from entregent.influence.judge import forward, judge
from entregent.influence.judge_kernels import crossing, quotas
from entregent.network.graph import Graph, build, matrix

__all__ = [
    "EasilyInfluenced",
    "ThresholdArcs",
    "cascade_window",
    "easily_influenced",
    "threshold_arcs",
    "threshold_cascade",
    "warm",
]

_MOST_DEGREE = 1e4


@dataclass(frozen=True)
class ThresholdArcs:
    """A graph turned round, with how many must act before each person does.

    Parameters
    ----------
    indptr : int64 array, shape (n + 1,)
    heads : int32 array, shape (m,)
    needed : int64 array, shape (n,)
    """

    indptr: NDArray[np.int64]
    heads: NDArray[np.int32]
    needed: NDArray[np.int64]


@dataclass(frozen=True)
class EasilyInfluenced:
    """People whom one other can move.

    Parameters
    ----------
    people : bool array, shape (n,)
    share : float
        Of all people.
    largest : float
        Share of all people in the largest connected group of them: the mass
        through which a topic can run.
    """

    people: NDArray[np.bool_]
    share: float
    largest: float


def threshold_arcs(graph: Graph, thresholds: ArrayLike) -> ThresholdArcs:
    """Prepare a graph for the threshold model.

    Parameters
    ----------
    graph : Graph
    thresholds : float or array, shape (n,)
        Share of those whom one listens to that must act, in [0, 1]; at least
        one of them must in any case.

    Returns
    -------
    ThresholdArcs

    Raises
    ------
    InputError
        For thresholds outside [0, 1] or a wrong number of them.
    """
    values = np.asarray(thresholds, dtype=np.float64)
    if values.shape not in ((), (graph.n,)):
        raise InputError(f"There are thresholds of shape {values.shape} for {graph.n} people.")
    if not ((values >= 0) & (values <= 1)).all():
        raise InputError("A threshold is outside [0, 1].", valid=("a number from 0 to 1",))
    needed = np.empty(graph.n, dtype=np.int64)
    quotas(graph.indptr, np.broadcast_to(values, (graph.n,)).copy(), needed)
    turned = forward(graph, np.ones(graph.m))
    return ThresholdArcs(turned.indptr, turned.heads, needed)


def threshold_cascade(arcs: ThresholdArcs, people: Iterable[int]) -> NDArray[np.bool_]:
    """Return who acts in the end where some people start.

    Parameters
    ----------
    arcs : ThresholdArcs
    people : iterable of int

    Returns
    -------
    bool array, shape (n,)

    References
    ----------
    Watts, D. J. (2002), A simple model of global cascades on random networks.
    doi:10.1073/pnas.082090499

    Examples
    --------
    >>> import pyarrow as pa
    >>> from entregent.network.graph import build
    >>> graph = build(pa.array(["b", "c", "c", "d"]), pa.array(["a", "a", "b", "e"]))
    >>> threshold_cascade(threshold_arcs(graph, 0.6), [0]).tolist()
    [True, True, True, False, False]
    """
    n = len(arcs.needed)
    start = np.array(list(people), dtype=np.int64)
    if ((start < 0) | (start >= n)).any():
        raise InputError(f"A person who starts is not in the graph of {n} people.")
    acts = np.empty(n, dtype=np.bool_)
    crossing(arcs.indptr, arcs.heads, arcs.needed, start.astype(np.int32), np.empty(n, np.int64), acts)
    return acts


def easily_influenced(graph: Graph, thresholds: ArrayLike) -> EasilyInfluenced:
    """Find the people whom one other can move, and how far they hang together.

    Parameters
    ----------
    graph : Graph
    thresholds : float or array, shape (n,)

    Returns
    -------
    EasilyInfluenced

    References
    ----------
    Watts, D. J. and Dodds, P. S. (2007), Influentials, networks, and public
    opinion formation. doi:10.1086/518527
    """
    moved = (threshold_arcs(graph, thresholds).needed == 1) & (np.diff(graph.indptr) > 0)
    codes = np.flatnonzero(moved)
    if codes.size == 0:
        return EasilyInfluenced(moved, 0.0, 0.0)
    labels = sparse.csgraph.connected_components(matrix(graph)[codes][:, codes], directed=False)[1]
    return EasilyInfluenced(moved, codes.size / graph.n, float(np.bincount(labels).max()) / graph.n)


def cascade_window(threshold: float) -> tuple[float, float] | None:
    """Return the mean degrees between which one person can set off a crowd.

    Parameters
    ----------
    threshold : float
        The same for all, in (0, 1].

    Returns
    -------
    tuple of float or None
        Lower and upper mean degree of an infinite Poisson random graph; None
        where there is no such window.

    Notes
    -----
    People whom one other can move, of degree up to 1 / threshold, hang
    together where z P(X <= floor(1 / threshold) - 2) is above 1, with X
    Poisson of mean z.

    References
    ----------
    Watts, D. J. (2002), A simple model of global cascades on random networks.
    doi:10.1073/pnas.082090499

    Examples
    --------
    >>> [round(z, 4) for z in cascade_window(0.18)]
    [1.0207, 5.7647]
    """
    if not 0.0 < threshold <= 1.0:
        raise InputError(f"The threshold is {threshold}.", valid=("a number above 0, up to 1",))
    most = int(1.0 / threshold + 1e-9) - 2
    if most < 0:
        return None

    def excess(z: float) -> float:
        return float(z * stats.poisson.cdf(most, z) - 1.0)

    peak = float(optimize.minimize_scalar(lambda z: -excess(z), bounds=(0.1, most + 4.0), method="bounded").x)
    if excess(peak) <= 0:
        return None
    high = peak
    while excess(high) > 0 and high < _MOST_DEGREE:
        high *= 2
    return (
        float(optimize.brentq(excess, 0.1, peak, xtol=1e-12)),
        float(optimize.brentq(excess, peak, high, xtol=1e-12)),
    )


def warm() -> None:
    """Compile the loops that let a topic spread forwards now, so that nobody waits for it later."""
    graph = build(pa.array(["b"]), pa.array(["a"]))
    judge(forward(graph, [0.5]), [0], np.random.default_rng(1), n_runs=2)
    threshold_cascade(threshold_arcs(graph, 0.5), [0])
