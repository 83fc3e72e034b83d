"""Groups of accounts that listen to each other more than to others, and how firm their borders are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations

import networkit as nk
import numpy as np
import numpy.typing as npt
from scipy import sparse

from entregent.i18n import T
from entregent.network.graph import Graph, from_matrix, matrix, to_networkit
from entregent.results import CannotTell

__all__ = ["Communities", "adjusted_rand", "communities"]

FEWEST_ACCOUNTS = 10
FEWEST_ARCS = 10
_MOST_ACTS = 5_000_000
_ARCS_SEARCHED = 2_000_000
_FEWEST_RUNS = 3


@dataclass(frozen=True)
class Communities:
    """A division of accounts and how much to trust it.

    Parameters
    ----------
    labels : int32 array, shape (n,)
        Number of the community, 0 being the largest; -1 for an account that
        listens to nobody and that nobody listens to, or whose community is
        smaller than `smallest`.
    sizes : int64 array, shape (k,)
        Accounts, decreasing.
    inside : float64 array, shape (k,)
        Share of the acts of members, and of the acts on members, that have
        both sides in the community.
    modularity : float
        Of the division, in [-0.5, 1].
    chance : float
        Mean modularity found by the same search where the same accounts act
        as often but on partners drawn at random. A division is worth showing
        where `modularity` is well above it.
    stability : float
        Mean adjusted Rand index between the divisions of several runs: 1 where
        the borders are always the same, 0 where they are arbitrary.
    runs : int
    """

    labels: npt.NDArray[np.int32]
    sizes: npt.NDArray[np.int64]
    inside: npt.NDArray[np.float64]
    modularity: float
    chance: float
    stability: float
    runs: int


def adjusted_rand(a: npt.NDArray[np.integer], b: npt.NDArray[np.integer]) -> float:
    """Return how alike two divisions are: 1 the same, 0 as by chance.

    Parameters
    ----------
    a, b : integer array, shape (n,)
        Labels from 0.

    Returns
    -------
    float

    References
    ----------
    Hubert, L. and Arabie, P. (1985). Comparing partitions. Journal of
    Classification 2, 193-218. doi 10.1007/BF01908075

    Examples
    --------
    >>> adjusted_rand(np.array([0, 0, 1, 1]), np.array([1, 1, 0, 0]))
    1.0
    """
    if len(a) < 2:
        return 1.0

    def pairs(counts: npt.NDArray[np.integer]) -> float:
        sizes = counts.astype(np.float64)
        return float((sizes * (sizes - 1)).sum() / 2)

    both = np.unique(a.astype(np.int64) * (int(b.max()) + 1) + b, return_counts=True)[1]
    together, in_a, in_b = pairs(both), pairs(np.bincount(a)), pairs(np.bincount(b))
    expected = in_a * in_b / (len(a) * (len(a) - 1) / 2)
    most = (in_a + in_b) / 2
    return 1.0 if most == expected else (together - expected) / (most - expected)


@contextmanager
def _one_thread() -> Iterator[None]:
    # Runs on several threads differ with the same seed.
    threads = nk.getMaxNumberOfThreads()
    nk.setNumberOfThreads(1)
    try:
        yield
    finally:
        nk.setNumberOfThreads(threads)


def _divide(graph: nk.Graph, seed: int) -> tuple[npt.NDArray[np.int64], float]:
    nk.setSeed(seed, False)
    search = nk.community.ParallelLeiden(graph, randomize=True, iterations=5)
    search.run()
    division = search.getPartition()
    division.compact()
    quality = nk.community.Modularity().getQuality(division, graph)
    return np.array(division.getVector(), dtype=np.int64), float(quality)


def communities(
    graph: Graph,
    rng: np.random.Generator,
    *,
    runs: int = 10,
    smallest: int = 3,
) -> Communities | CannotTell:
    """Divide accounts into communities.

    Parameters
    ----------
    graph : Graph
        Directions are left out: the weight between two accounts is that of both.
    rng : numpy.random.Generator
        Source of the seeds of the runs.
    runs : int
        Most searches, fewer on graphs of more than some hundred thousand arcs;
        the one of highest modularity is kept, all are compared.
    smallest : int
        Accounts of the smallest community that gets a number.

    Returns
    -------
    Communities or CannotTell
        The latter where fewer than ten accounts or ten arcs are there.

    Notes
    -----
    Leiden search for modularity as networkit has it. Modularity cannot see
    groups that are small beside the whole, and finds groups in chance too:
    read it beside `chance` and `stability`.

    References
    ----------
    Traag, V., Waltman, L. and van Eck, N. J. (2019). From Louvain to Leiden:
    guaranteeing well-connected communities. Scientific Reports 9, 5233.
    doi 10.1038/s41598-019-41695-z
    """
    touched = np.zeros(graph.n, dtype=bool)
    touched[graph.indices] = True
    touched |= np.diff(graph.indptr) > 0
    if touched.sum() < FEWEST_ACCOUNTS or graph.m < FEWEST_ARCS:
        return CannotTell(
            "network.too_small",
            T("Accounts that acted on each other: {accounts}.", accounts=int(touched.sum())),
            T("At least {accounts} accounts with {arcs} links.", accounts=FEWEST_ACCOUNTS, arcs=FEWEST_ARCS),
        )
    runs = min(runs, max(_FEWEST_RUNS, _ARCS_SEARCHED // graph.m))
    seeds = rng.integers(1, 2**31, size=runs + max(1, runs // 3))
    with _one_thread():
        whole = to_networkit(graph)
        found = [_divide(whole, int(seed)) for seed in seeds[:runs]]
        by_chance = [_divide(to_networkit(_rewired(graph, rng)), int(seed))[1] for seed in seeds[runs:]]
    best, modularity = max(found, key=lambda run: run[1])
    alike = [adjusted_rand(a[touched], b[touched]) for (a, _), (b, _) in combinations(found, 2)]
    labels, sizes = _by_size(best, touched, smallest)
    return Communities(
        labels=labels,
        sizes=sizes,
        inside=_inside(graph, labels, len(sizes)),
        modularity=modularity,
        chance=float(np.mean(by_chance)),
        stability=float(np.mean(alike)) if alike else 1.0,
        runs=runs,
    )


def _rewired(graph: Graph, rng: np.random.Generator) -> Graph:
    """Return a graph in which everybody acts, and is acted on, as often, but partners are drawn at random.

    Acts are exchanged, not arcs: a strong arc is many acts that need not stay together.
    """
    tail = np.repeat(np.arange(graph.n), np.diff(graph.indptr))
    total = graph.weights.sum()
    if (graph.weights == np.floor(graph.weights)).all() and total <= _MOST_ACTS:
        acts = graph.weights.astype(np.int64)
        tails, heads = np.repeat(tail, acts), rng.permutation(np.repeat(graph.indices, acts))
    else:
        # Weights that are no counts stand for as many acts as vary like them (Kish 1965).
        acts_alike = int(min(max(1.0, total**2 / (graph.weights**2).sum()), _MOST_ACTS))
        tails = rng.choice(tail, acts_alike, p=graph.weights / total)
        heads = rng.choice(graph.indices, acts_alike, p=graph.weights / total)
    return from_matrix(
        graph.ids,
        sparse.coo_matrix((np.ones(len(tails)), (tails, heads)), shape=(graph.n, graph.n)).tocsr(),
    )


def _by_size(
    division: npt.NDArray[np.int64], touched: npt.NDArray[np.bool_], smallest: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    counts = np.bincount(division[touched], minlength=int(division.max()) + 1)
    order = np.argsort(-counts, kind="stable")
    kept = order[counts[order] >= smallest]
    number = np.full(len(counts), -1, dtype=np.int32)
    number[kept] = np.arange(len(kept), dtype=np.int32)
    labels = np.where(touched, number[division], np.int32(-1)).astype(np.int32)
    return labels, counts[kept].astype(np.int64)


def _inside(graph: Graph, labels: npt.NDArray[np.int32], k: int) -> npt.NDArray[np.float64]:
    arcs = matrix(graph).tocoo()
    tail, head = labels[arcs.row], labels[arcs.col]
    out = np.bincount(tail[tail >= 0], weights=arcs.data[tail >= 0], minlength=k)
    into = np.bincount(head[head >= 0], weights=arcs.data[head >= 0], minlength=k)
    same = (tail == head) & (tail >= 0)
    within = np.bincount(tail[same], weights=arcs.data[same], minlength=k)
    touching = out + into - within
    share: npt.NDArray[np.float64] = np.divide(within, touching, out=np.zeros(k), where=touching > 0)
    return share
