"""How likely one person carries a topic to another: textbook rules, and the check of given chances.

Arrays follow the arcs of a :class:`~entregent.network.graph.Graph`: where a
listens to b, the chance is that b carries the topic to a.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from entregent.errors import InputError
from entregent.network.graph import Graph

__all__ = [
    "MODELS",
    "check_audience",
    "check_chances",
    "threshold_weights",
    "trivalency",
    "uniform",
    "weighted_cascade",
]

Floats = NDArray[np.float64]

MODELS = ("independent_cascade", "linear_threshold")
_ROUNDING = 1e-9


def weighted_cascade(graph: Graph) -> Floats:
    """Return chances of 1 over the number of people whom the listener listens to; shape (m,).

    References
    ----------
    Kempe, D., Kleinberg, J. and Tardos, E. (2003), Maximizing the spread of
    influence through a social network. doi:10.1145/956750.956769

    Examples
    --------
    >>> import pyarrow as pa
    >>> from entregent.network.graph import build
    >>> weighted_cascade(build(pa.array(["a", "a", "b"]), pa.array(["b", "c", "c"]))).tolist()
    [0.5, 0.5, 1.0]
    """
    degree = np.diff(graph.indptr)
    return np.repeat(1.0 / np.maximum(degree, 1), degree)


def uniform(graph: Graph, chance: float = 0.01) -> Floats:
    """Return the same chance for all arcs.

    Parameters
    ----------
    graph : Graph
    chance : float
        In [0, 1].

    Returns
    -------
    float64 array, shape (m,)
    """
    return check_chances(graph, np.full(graph.m, chance))


def trivalency(
    graph: Graph, rng: np.random.Generator, levels: Sequence[float] = (0.1, 0.01, 0.001)
) -> Floats:
    """Return chances drawn from a few levels, each as likely.

    Parameters
    ----------
    graph : Graph
    rng : numpy.random.Generator
    levels : sequence of float
        In [0, 1].

    Returns
    -------
    float64 array, shape (m,)

    References
    ----------
    Chen, W., Wang, C. and Wang, Y. (2010), Scalable influence maximization
    for prevalent viral marketing. doi:10.1145/1835804.1835934
    """
    return check_chances(graph, np.asarray(levels, dtype=np.float64)[rng.integers(len(levels), size=graph.m)])


def threshold_weights(graph: Graph) -> Floats:
    """Return weights for the linear threshold model: each arc's share of the listener's acts; shape (m,).

    Examples
    --------
    >>> import pyarrow as pa
    >>> from entregent.network.graph import build
    >>> threshold_weights(build(pa.array(["a", "a", "a"]), pa.array(["b", "b", "c"]))).round(3).tolist()
    [0.667, 0.333]
    """
    rows = np.repeat(np.arange(graph.n), np.diff(graph.indptr))
    total = np.bincount(rows, weights=graph.weights, minlength=graph.n)[rows]
    return np.divide(graph.weights, total, out=np.zeros(graph.m), where=total > 0)


def check_chances(graph: Graph, chance: ArrayLike, model: str = "independent_cascade") -> Floats:
    """Return chances as an array, or say what is wrong with them.

    Parameters
    ----------
    graph : Graph
    chance : array, shape (m,)
    model : {"independent_cascade", "linear_threshold"}

    Returns
    -------
    float64 array, shape (m,)

    Raises
    ------
    InputError
        For a wrong number of them, a value outside [0, 1] or unknown, an
        unknown model, or weights of one listener above 1 in the linear
        threshold model.
    """
    if model not in MODELS:
        raise InputError(f"{model!r} is not a model of spread.", valid=MODELS)
    values = np.ascontiguousarray(chance, dtype=np.float64)
    if values.shape != (graph.m,):
        raise InputError(
            f"There are chances of shape {values.shape} for {graph.m} arcs.", do="Give one for each arc."
        )
    wrong = ~((values >= 0.0) & (values <= 1.0))
    if wrong.any():
        first = int(np.argmax(wrong))
        raise InputError(
            f"{int(wrong.sum())} of {graph.m} chances are outside [0, 1]; "
            f"the first is {values[first]} (arc {first}).",
            valid=("a number from 0 to 1",),
        )
    if model == "linear_threshold":
        rows = np.repeat(np.arange(graph.n), np.diff(graph.indptr))
        total = np.bincount(rows, weights=values, minlength=graph.n)
        most = int(np.argmax(total)) if graph.n else 0
        if graph.n and total[most] > 1.0 + _ROUNDING:
            raise InputError(
                f"The weights of what {graph.ids[most].as_py()!r} listens to add up to {total[most]:.6g}.",
                valid=("a sum of at most 1 for each listener",),
                do="Divide them, or use threshold_weights.",
            )
    return values


def check_audience(graph: Graph, audience: ArrayLike | None) -> Floats:
    """Return what reaching each person is worth, 1 unless told.

    Parameters
    ----------
    graph : Graph
    audience : array, shape (n,), optional
        Any number from 0; 0 for people who do not matter here.

    Returns
    -------
    float64 array, shape (n,)

    Raises
    ------
    InputError
        For a graph without people, a wrong number of weights, one that is
        negative, infinite or unknown, or none above 0.
    """
    if graph.n == 0:
        raise InputError("The graph has nobody in it.", do="Give acts of people on others.")
    if audience is None:
        return np.ones(graph.n)
    values = np.array(audience, dtype=np.float64)
    if values.shape != (graph.n,):
        raise InputError(f"There are weights of shape {values.shape} for {graph.n} people.")
    if not (np.isfinite(values).all() and (values >= 0).all()):
        raise InputError("A weight of who is reached is not a number from 0.", valid=("0 or more",))
    if values.sum() <= 0:
        raise InputError("Nobody counts: all weights of who is reached are 0.", do="Give someone a weight.")
    return values
