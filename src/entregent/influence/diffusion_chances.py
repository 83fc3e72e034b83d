"""Chances to be moved: who could have seen which act, for how long, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from entregent.errors import InputError
from entregent.influence.cascades import Cascades
from entregent.influence.diffusion_kernels import count_chances, fill_chances
from entregent.network.graph import Graph
from entregent.progress import Progress, check

__all__ = ["BINS", "MOST_BEFORE", "Chances", "chances_of", "listeners", "reached", "returned"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Codes = NDArray[np.int32]

BINS = 24
MOST_BEFORE = 7
_PARTS = 64
_MINUTE = 60_000_000


@dataclass(frozen=True)
class Chances:
    """One row for each act that a listener could have seen before adopting, shape (n_chances,).

    Parameters
    ----------
    act : int32 array
        The adoption that was shown.
    arc : int32 array
        The arc of the exposure graph, from who could see to who acted.
    span : int8 array
        How long it was watched, a place in `edges`; ``len(edges) - 1`` for the whole window.
    event : int32 array
        The adoption that followed within the window, or -1.
    before : int8 array
        How many chances to see the item the listener had before, up to 7.
    edges : int64 array, shape (n_bins + 1,)
        Microseconds; the last one is the window.
    tail : int32 array, shape (n_arcs,)
        Who listens, by arc.
    pointer, rows : int64 arrays, shapes (n_adoptions + 1,) and (n_followed,)
        ``rows[pointer[j]:pointer[j + 1]]`` are the chances before adoption j.
    """

    act: Codes
    arc: Codes
    span: NDArray[np.int8]
    event: Codes
    before: NDArray[np.int8]
    edges: Ints
    tail: Codes
    pointer: Ints
    rows: Ints

    @property
    def size(self) -> int:
        """Number of chances."""
        return self.act.size


def listeners(known: Cascades) -> tuple[Ints, Codes, Codes, Ints]:
    """Return who listens to each account.

    Parameters
    ----------
    known : Cascades

    Returns
    -------
    pointer : int64 array, shape (n_accounts + 1,)
    listener, arc : int32 array, shape (n_arcs,)
        Those of account p are at ``pointer[p]:pointer[p + 1]``.
    since : int64 array, shape (n_arcs,)
        From when each arc holds.
    """
    graph = known.exposure
    n = known.n_accounts
    if graph is None:
        none = np.empty(0, dtype=np.int32)
        return np.zeros(n + 1, dtype=np.int64), none, none, np.empty(0, dtype=np.int64)
    tail = np.repeat(np.arange(n, dtype=np.int32), np.diff(graph.indptr))
    arc = np.argsort(graph.indices, kind="stable").astype(np.int32)
    pointer = np.concatenate(([0], np.cumsum(np.bincount(graph.indices, minlength=n)))).astype(np.int64)
    return pointer, tail[arc], arc, known.since[arc]


def reached(spread: Floats) -> Floats:
    """Return the share of the effect of an act that falls into each observed span.

    Parameters
    ----------
    spread : float64 array, shape (n_bins,)
        Shares by delay.

    Returns
    -------
    float64 array, shape (n_bins + 1,)
        Of spans that end within each delay, and of the whole window.
    """
    whole = np.concatenate(([0.0], np.cumsum(spread)))
    return np.concatenate(((whole[:-1] + whole[1:]) / 2, [1.0]))


def returned(graph: Graph) -> NDArray[np.bool_]:
    """Return for each arc whether there is one back.

    Parameters
    ----------
    graph : Graph

    Returns
    -------
    bool array, shape (m,)
    """
    tail = np.repeat(np.arange(graph.n, dtype=np.int64), np.diff(graph.indptr))
    head = graph.indices.astype(np.int64)
    return np.isin(head * graph.n + tail, tail * graph.n + head)


def _window(known: Cascades) -> int:
    """Return the time after the start of an item in which nine in ten later adoptions fell, microseconds."""
    later = np.ones(known.n_adoptions, dtype=np.bool_)
    later[known.indptr[:-1]] = False
    age = (known.time - np.repeat(known.started(), np.diff(known.indptr)))[later]
    return max(int(np.quantile(age, 0.9)) if age.size else 0, 10 * _MINUTE)


def chances_of(
    known: Cascades, progress: Progress, *, window: int | None = None, most: int = 100_000_000
) -> Chances:
    """List the chances.

    Parameters
    ----------
    known : Cascades
    progress : Progress
    window : int, optional
        Microseconds after an act within which it can move somebody; by default
        the time in which nine in ten adoptions of an item fall.
    most : int
        More chances than this are an error; each takes about 17 bytes.

    Returns
    -------
    Chances

    Raises
    ------
    InputError
        Where there are more than `most`.
    """
    window = _window(known) if window is None else int(window)
    if window <= 0:
        raise InputError(f"The window is {window} microseconds.", where="diffusion", valid=("more than 0",))
    edges = np.concatenate(([0], np.geomspace(max(window * 1e-4, 1.0), window, BINS))).astype(np.int64)
    edges = np.unique(edges)
    pointer, who, arc, since = listeners(known)
    at = np.full(known.n_accounts, -1, dtype=np.int64)
    bounds = np.unique(np.linspace(0, known.n_items, _PARTS + 1).astype(np.int64))
    progress.step("Count who could have seen what", known.n_items, "items")
    size = 0
    for first, last in pairwise(bounds):
        size += count_chances(
            first, last, known.indptr, known.account, known.time, known.shows, pointer, who, since, at
        )
        if size > most:
            raise InputError(
                f"There are more than {most:,} chances to see an act.",
                where="diffusion",
                do="Take a shorter period, fewer items, or allow more with most_chances.",
            )
        progress.advance(int(last - first), f"{size:,} chances")
        check(progress)
    act, arcs, event = (np.empty(size, dtype=np.int32) for _ in range(3))
    span, before = np.empty(size, dtype=np.int8), np.empty(size, dtype=np.int8)
    times = np.zeros(known.n_accounts, dtype=np.int64)
    progress.step("List who could have seen what", size, "chances")
    done = 0
    for first, last in pairwise(bounds):
        listed = done
        done = fill_chances(
            first, last, known.indptr, known.account, known.time, known.shows, pointer, who, arc, since,
            at, edges, known.end, done, times, MOST_BEFORE, act, arcs, span, event, before,
        )  # fmt: skip
        progress.advance(int(done - listed))
        check(progress)
    rows = np.flatnonzero(event >= 0)
    rows = rows[np.argsort(event[rows], kind="stable")]
    counts = np.bincount(event[rows], minlength=known.n_adoptions)
    graph = known.exposure
    tail = (
        np.empty(0, dtype=np.int32)
        if graph is None
        else np.repeat(np.arange(graph.n, dtype=np.int32), np.diff(graph.indptr))
    )
    return Chances(
        act, arcs, span, event, before, edges, tail,
        np.concatenate(([0], np.cumsum(counts))).astype(np.int64), rows.astype(np.int64),
    )  # fmt: skip
