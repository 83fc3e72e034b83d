"""Who listens to whom among the accounts most listened to, ready to be drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from entregent.errors import InputError
from entregent.i18n import T
from entregent.network.graph import Graph, in_degree, matrix
from entregent.network.layout import anchors, layout, radius
from entregent.results import CannotTell

__all__ = ["Picture", "picture"]

_FEWEST = 5
_GROUPS_SHOWN = 8
_OF_EACH_GROUP = 5
_SPEAKERS = 0.7
_ARCS_OF_EACH = 2


@dataclass(frozen=True)
class Picture:
    """Accounts with their places, most listened to first, and the strongest arcs among them.

    Parameters
    ----------
    node : int64 array, shape (m,)
        Codes in the graph.
    x, y : float64 array, shape (m,)
        In [0, 1] of width and height; y grows downwards.
    listeners : int64 array, shape (m,)
        Accounts that listen, in the whole graph.
    community : int32 array, shape (m,)
        -1 for none.
    anchor : tuple of str, shape (m,)
        Side of the name: ``right``, ``left``, ``above``, ``below``; empty for no name.
    arc_from, arc_to : int64 array, shape (a,)
        Listener and speaker, as places in `node`.
    arc_weight : float64 array, shape (a,)
    """

    node: npt.NDArray[np.int64]
    x: npt.NDArray[np.float64]
    y: npt.NDArray[np.float64]
    listeners: npt.NDArray[np.int64]
    community: npt.NDArray[np.int32]
    anchor: tuple[str, ...]
    arc_from: npt.NDArray[np.int64]
    arc_to: npt.NDArray[np.int64]
    arc_weight: npt.NDArray[np.float64]


def picture(
    graph: Graph,
    labels: npt.NDArray[np.int32],
    rng: np.random.Generator,
    *,
    nodes: int = 120,
    arcs: int = 360,
    names: Sequence[str] | None = None,
) -> Picture | CannotTell:
    """Choose accounts and arcs that can be read, and place them.

    Parameters
    ----------
    graph : Graph
    labels : int32 array, shape (n,)
        Communities as :func:`entregent.network.communities` numbers them.
    rng : numpy.random.Generator
    nodes, arcs : int
        Most accounts and arcs drawn.
    names : sequence of str, shape (n,), optional
        What is written beside an account; its id without the network unless told.

    Returns
    -------
    Picture or CannotTell
        The latter where fewer than five accounts have a link among them.

    Notes
    -----
    Drawn are the accounts most listened to, at least a few of each of the
    largest communities, and, with the places left, the accounts that listen to
    most of these: they show what holds the picture together. Every account
    keeps its strongest arcs, the rest of the room goes to the strongest of all.
    """
    if len(labels) != graph.n:
        raise InputError(f"{len(labels)} labels were given for {graph.n} accounts.")
    chosen = _chosen(graph, labels, nodes)
    among = matrix(graph)[chosen][:, chosen].tocoo()
    linked = np.zeros(len(chosen), dtype=bool)
    linked[among.row] = True
    linked[among.col] = True
    if linked.sum() < _FEWEST:
        return CannotTell(
            "network.no_links",
            T("The accounts most listened to do not act on each other."),
            T("At least {accounts} accounts that act on each other.", accounts=_FEWEST),
        )
    chosen = chosen[linked]
    among = matrix(graph)[chosen][:, chosen].tocoo()
    kept = _strongest(among.row, among.col, among.data, arcs)
    tail, head = among.row[kept].astype(np.int64), among.col[kept].astype(np.int64)
    weight = among.data[kept].astype(np.float64)
    listeners = in_degree(graph)[chosen]
    size = radius(listeners)
    x, y = layout(tail, head, weight, labels[chosen], size, rng)
    shown = (
        [name.partition(":")[2] or name for name in graph.ids.take(chosen).to_pylist()]
        if names is None
        else [names[i] for i in chosen]
    )
    return Picture(
        node=chosen,
        x=x,
        y=y,
        listeners=listeners.astype(np.int64),
        community=labels[chosen].astype(np.int32),
        anchor=anchors(x, y, size, shown),
        arc_from=tail,
        arc_to=head,
        arc_weight=weight,
    )


def _chosen(graph: Graph, labels: npt.NDArray[np.int32], nodes: int) -> npt.NDArray[np.int64]:
    listeners = in_degree(graph)
    order = np.argsort(-listeners, kind="stable")
    order = order[listeners[order] > 0]
    speakers = dict.fromkeys(order[: max(1, int(nodes * _SPEAKERS))].tolist())
    for group in range(_GROUPS_SHOWN):
        speakers |= dict.fromkeys(order[labels[order] == group][:_OF_EACH_GROUP].tolist())
    picked = np.array(list(speakers)[:nodes], dtype=np.int64)
    is_picked = np.zeros(graph.n)
    is_picked[picked] = 1
    links = matrix(graph).astype(bool).astype(np.float64)
    bridging = np.asarray(links @ is_picked).ravel() * (1 - is_picked)
    bridges = np.argsort(-bridging, kind="stable")[: max(0, nodes - len(picked))]
    together = np.concatenate([picked, bridges[bridging[bridges] > 1]])
    return together[np.argsort(-listeners[together], kind="stable")].astype(np.int64)


def _strongest(
    tail: npt.NDArray[np.integer],
    head: npt.NDArray[np.integer],
    weight: npt.NDArray[np.float64],
    most: int,
) -> npt.NDArray[np.int64]:
    """Return the places of the arcs to draw: the strongest of each account first, then of all."""
    order = np.lexsort((head, tail, -weight))
    seen: dict[int, int] = {}
    first, rest = [], []
    for place in order.tolist():
        ends = (int(tail[place]), int(head[place]))
        if min(seen.get(end, 0) for end in ends) < _ARCS_OF_EACH:
            first.append(place)
            for end in ends:
                seen[end] = seen.get(end, 0) + 1
        else:
            rest.append(place)
    return np.array((first + rest)[: max(most, len(first))], dtype=np.int64)
