"""Who listens to whom, as compressed sparse rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import networkit as nk
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from entregent.errors import InputError

__all__ = [
    "Graph",
    "build",
    "encode",
    "from_matrix",
    "in_degree",
    "matrix",
    "out_degree",
    "reverse",
    "subgraph",
    "to_networkit",
    "undirected",
]


@dataclass(frozen=True)
class Graph:
    """A directed weighted graph; an arc from a to b says that a listens to b.

    Parameters
    ----------
    ids : pa.Array of string, shape (n,)
        Accounts, sorted; the code of an account is its place here.
    indptr : int64 array, shape (n + 1,)
        Arcs of account i are at ``indptr[i]:indptr[i + 1]``.
    indices : int32 array, shape (m,)
        Heads of the arcs, sorted within an account.
    weights : float64 array, shape (m,)
        Sum of the weights of equal acts.
    self_loops, nulls : int
        Acts left out because actor and target are the same, or one of them
        (or the weight) is not known.
    """

    ids: pa.Array
    indptr: npt.NDArray[np.int64]
    indices: npt.NDArray[np.int32]
    weights: npt.NDArray[np.float64]
    self_loops: int = 0
    nulls: int = 0

    @property
    def n(self) -> int:
        """Number of accounts."""
        return len(self.indptr) - 1

    @property
    def m(self) -> int:
        """Number of arcs."""
        return len(self.indices)


def encode(*columns: pa.Array | pa.ChunkedArray) -> tuple[pa.Array, list[npt.NDArray[np.int32]]]:
    """Give texts dense codes, the same in all columns.

    Parameters
    ----------
    *columns : pa.Array or pa.ChunkedArray of string
        Nulls get the code -1.

    Returns
    -------
    ids : pa.Array of string, shape (n,)
        Distinct texts, sorted, so that codes do not depend on the order of rows.
    codes : list of int32 array
        One for each column.
    """
    chunks: list[pa.Array] = []
    for column in columns:
        parts = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
        chunks += [part.cast(pa.string()) for part in parts]
    encoded = pa.chunked_array(chunks, pa.string()).dictionary_encode().combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = pa.array([], pa.string()).dictionary_encode()
    order = np.asarray(pc.sort_indices(encoded.dictionary)).astype(np.int64)
    place = np.empty(len(order) + 1, dtype=np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    place[-1] = -1
    codes = place[np.asarray(encoded.indices.fill_null(-1))]
    ends = np.cumsum([len(column) for column in columns])[:-1]
    return encoded.dictionary.take(pa.array(order)), np.split(codes, ends)


def build(
    actor: pa.Array | pa.ChunkedArray,
    target: pa.Array | pa.ChunkedArray,
    weight: npt.NDArray[np.float64] | pa.Array | pa.ChunkedArray | None = None,
) -> Graph:
    """Make a graph from acts.

    Parameters
    ----------
    actor, target : pa.Array or pa.ChunkedArray of string, shape (n_acts,)
        Who acted on whose post.
    weight : float64 array, shape (n_acts,), optional
        Weight of an act; 1 unless told.

    Returns
    -------
    Graph
        Equal acts are summed, acts on oneself and acts with an unknown side
        are left out and counted. Everybody named is a node.

    Raises
    ------
    InputError
        Where lengths differ or a weight is negative or infinite.

    Examples
    --------
    >>> graph = build(pa.array(["a", "b", "a", "c", None]), pa.array(["b", "a", "b", "c", "a"]))
    >>> graph.ids.to_pylist(), graph.weights.tolist(), graph.self_loops, graph.nulls
    (['a', 'b', 'c'], [2.0, 1.0], 1, 1)
    """
    if len(actor) != len(target) or (weight is not None and len(weight) != len(actor)):
        raise InputError(
            f"There are {len(actor)} actors and {len(target)} targets"
            + ("." if weight is None else f" with {len(weight)} weights."),
            do="Give one of each for every act.",
        )
    ids, (tail, head) = encode(actor, target)
    known = (tail >= 0) & (head >= 0)
    values = np.ones(len(tail)) if weight is None else _weights(weight)
    known &= ~np.isnan(values)
    different = tail != head
    kept = known & different
    summed = sparse.coo_matrix((values[kept], (tail[kept], head[kept])), shape=(len(ids), len(ids))).tocsr()
    return from_matrix(
        ids, summed, self_loops=int((known & ~different).sum()), nulls=int(len(tail) - known.sum())
    )


def _weights(weight: Any) -> npt.NDArray[np.float64]:
    if isinstance(weight, pa.Array | pa.ChunkedArray):
        weight = weight.cast(pa.float64()).to_numpy(zero_copy_only=False)
    values = np.asarray(weight, dtype=np.float64)
    if np.isinf(values).any() or (values < 0).any():
        raise InputError("A weight is negative or infinite.", valid=("a number from 0",))
    return values


def from_matrix(ids: pa.Array, rows: Any, *, self_loops: int = 0, nulls: int = 0) -> Graph:
    """Return the graph of a SciPy matrix.

    Parameters
    ----------
    ids : pa.Array of string, shape (n,)
    rows : scipy.sparse.csr_matrix, shape (n, n)
        Weights; equal entries are summed in place.
    self_loops, nulls : int
        Acts that were left out.

    Returns
    -------
    Graph
    """
    rows.sum_duplicates()
    return Graph(
        ids,
        rows.indptr.astype(np.int64),
        rows.indices.astype(np.int32),
        rows.data.astype(np.float64),
        self_loops,
        nulls,
    )


def matrix(graph: Graph) -> sparse.csr_matrix:
    """Return the weights as a SciPy matrix of shape (n, n)."""
    return sparse.csr_matrix((graph.weights, graph.indices, graph.indptr), shape=(graph.n, graph.n))


def out_degree(graph: Graph, *, weighted: bool = False) -> npt.NDArray[np.float64]:
    """Return how many accounts each one listens to.

    Parameters
    ----------
    graph : Graph
    weighted : bool
        Return the weight of the acts instead of the number of accounts.

    Returns
    -------
    float64 array, shape (n,)
    """
    if weighted:
        return np.asarray(matrix(graph).sum(axis=1), dtype=np.float64).ravel()
    return np.diff(graph.indptr).astype(np.float64)


def in_degree(graph: Graph, *, weighted: bool = False) -> npt.NDArray[np.float64]:
    """Return how many accounts listen to each one.

    Parameters
    ----------
    graph : Graph
    weighted : bool
        Return the weight of the acts instead of the number of accounts.

    Returns
    -------
    float64 array, shape (n,)
    """
    counted = np.bincount(graph.indices, weights=graph.weights if weighted else None, minlength=graph.n)
    return counted.astype(np.float64)


def subgraph(graph: Graph, keep: npt.NDArray[np.integer[Any]]) -> Graph:
    """Return the graph among some accounts.

    Parameters
    ----------
    graph : Graph
    keep : integer array, shape (n_kept,)
        Codes, without doubles; account `keep[i]` becomes code i.

    Returns
    -------
    Graph
    """
    return from_matrix(graph.ids.take(pa.array(keep)), matrix(graph)[keep][:, keep])


def reverse(graph: Graph) -> Graph:
    """Return the graph with every arc turned round: an arc from a to b says that b listens to a."""
    return from_matrix(graph.ids, matrix(graph).T.tocsr(), self_loops=graph.self_loops, nulls=graph.nulls)


def undirected(graph: Graph) -> Graph:
    """Return the symmetric graph; the weight between two accounts is that of both directions together."""
    rows = matrix(graph)
    return from_matrix(graph.ids, (rows + rows.T).tocsr(), self_loops=graph.self_loops, nulls=graph.nulls)


def to_networkit(graph: Graph, *, directed: bool = False) -> nk.Graph:
    """Return the graph for networkit.

    Parameters
    ----------
    graph : Graph
    directed : bool
        Otherwise the weights of both directions are added.

    Returns
    -------
    networkit.Graph
        With weights, nodes numbered as in `graph`.
    """
    if directed:
        arcs = matrix(graph).tocoo()
    else:
        rows = matrix(graph)
        arcs = sparse.triu(rows + rows.T, k=1, format="coo")
    return nk.GraphFromCoo(
        (arcs.data, (arcs.row.astype(np.uint64), arcs.col.astype(np.uint64))),
        n=graph.n,
        weighted=True,
        directed=directed,
    )
