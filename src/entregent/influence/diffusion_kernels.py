"""The compiled loops of diffusion: who could have seen which act, and the turns of the fit.

Functions that call each other share this file, because a cached kernel does
not notice that a callee elsewhere has changed.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from entregent.compiling import compiled_for_threads

__all__ = [
    "affinities",
    "attribute",
    "count_chances",
    "fill_chances",
    "grid_likelihood",
    "taste_turn",
    "weigh",
]


@compiled_for_threads
def count_chances(
    first: int,
    last: int,
    indptr: Any,
    account: Any,
    time: Any,
    shows: Any,
    pointer: Any,
    listener: Any,
    since: Any,
    at: Any,
) -> int:
    """Return how many chances to be moved some items hold; ``at`` is -1 before and after."""
    found = 0
    for i in range(first, last):
        for j in range(indptr[i], indptr[i + 1]):
            at[account[j]] = time[j]
        for j in range(indptr[i], indptr[i + 1]):
            if not shows[j]:
                continue
            now = time[j]
            p = account[j]
            for k in range(pointer[p], pointer[p + 1]):
                u = listener[k]
                if since[k] < now and (at[u] == -1 or at[u] > now):
                    found += 1
        for j in range(indptr[i], indptr[i + 1]):
            at[account[j]] = -1
    return found


@compiled_for_threads
def fill_chances(
    first: int,
    last: int,
    indptr: Any,
    account: Any,
    time: Any,
    shows: Any,
    pointer: Any,
    listener: Any,
    arc: Any,
    since: Any,
    at: Any,
    edges: Any,
    end: int,
    size: int,
    times: Any,
    most: int,
    row_act: Any,
    row_arc: Any,
    row_span: Any,
    row_event: Any,
    row_before: Any,
) -> int:
    """Write the chances: act, arc, place of the observed span in ``edges``, adoption that followed or -1.

    The last column counts the chances that the listener had before, up to
    ``most``; ``times`` is 0 before and after.
    """
    bins = edges.size - 1
    for i in range(first, last):
        for j in range(indptr[i], indptr[i + 1]):
            at[account[j]] = j
        for j in range(indptr[i], indptr[i + 1]):
            if not shows[j]:
                continue
            now = time[j]
            p = account[j]
            for k in range(pointer[p], pointer[p + 1]):
                u = listener[k]
                if since[k] >= now:
                    continue
                event = at[u]
                if event >= 0 and time[event] <= now:
                    continue
                span = (time[event] if event >= 0 else end) - now
                place = bins if span > edges[bins] else max(np.searchsorted(edges, span) - 1, 0)
                row_act[size] = j
                row_arc[size] = arc[k]
                row_span[size] = place
                row_event[size] = event if event >= 0 and place < bins else -1
                row_before[size] = min(times[u], most)
                times[u] += 1
                size += 1
        for j in range(indptr[i], indptr[i + 1]):
            at[account[j]] = -1
            p = account[j]
            for k in range(pointer[p], pointer[p + 1]):
                times[listener[k]] = 0
    return size


@compiled_for_threads
def affinities(row_act: Any, row_arc: Any, item: Any, tail: Any, mine: Any, its: Any, out: Any) -> None:
    """Fill in how well each chance's item fits the listener's taste."""
    topics = mine.shape[1]
    for row in range(row_act.size):
        i, u = item[row_act[row]], tail[row_arc[row]]
        total = np.float32(0.0)
        for k in range(topics):
            total += mine[u, k] * its[i, k]
        out[row] = total


@compiled_for_threads
def taste_turn(
    account: Any, item: Any, weight: Any, mine: Any, its: Any, scale: Any, by_account: Any, by_item: Any
) -> None:
    """Share each adoption among the subjects and add the shares up by account and by item."""
    topics = scale.size
    share = np.empty(topics)
    for j in range(account.size):
        u, i = account[j], item[j]
        total = 0.0
        for k in range(topics):
            share[k] = mine[u, k] * its[i, k] * scale[k]
            total += share[k]
        if total <= 0.0:
            continue
        for k in range(topics):
            part = weight[j] * share[k] / total
            by_account[u, k] += part
            by_item[i, k] += part


@compiled_for_threads
def weigh(
    row_act: Any, row_arc: Any, row_span: Any, row_before: Any, item: Any, tail: Any, fit: Any, reached: Any,
    again: Any, q: Any, x: Any, by_account: Any, by_item: Any, by_before: Any,
) -> None:  # fmt: skip
    """Add up the expected acts of taste on sight, per unit of the rate of account, item and repetition."""
    for row in range(row_act.size):
        i, u = item[row_act[row]], tail[row_arc[row]]
        part = fit[row] * reached[row_span[row]]
        by_before[row_before[row]] += part * q[u] * x[i]
        part *= again[row_before[row]]
        by_account[u] += part * x[i]
        by_item[i] += part * q[u]


@compiled_for_threads
def attribute(
    pointer: Any,
    rows: Any,
    row_arc: Any,
    row_span: Any,
    row_before: Any,
    item: Any,
    account: Any,
    pull: Any,
    q: Any,
    x: Any,
    affinity: Any,
    density: Any,
    sight_density: Any,
    again: Any,
    own: Any,
    moved: Any,
    seen: Any,
    total: Any,
) -> None:
    """Share each adoption between own accord, taste on sight and the pull of each earlier act.

    ``own`` is the rate of own accord of each adoption and becomes its share.
    """
    for event in range(account.size):
        rate = own[event]
        taste = q[account[event]] * x[item[event]] * affinity[event]
        for k in range(pointer[event], pointer[event + 1]):
            row = rows[k]
            moved[k] = pull[row_arc[row]] * density[row_span[row]]
            seen[k] = taste * again[row_before[row]] * sight_density[row_span[row]]
            rate += moved[k] + seen[k]
        total[event] = rate
        if rate <= 0.0:
            continue
        own[event] /= rate
        for k in range(pointer[event], pointer[event + 1]):
            moved[k] /= rate
            seen[k] /= rate


@compiled_for_threads
def grid_likelihood(
    influencer: Any, per_unit: Any, share: Any, total: Any, event: Any, exposed: Any, grid: Any, out: Any
) -> None:
    """Log likelihood of each account's adoptions at each influence on the grid, all else as it is."""
    for p in range(exposed.size):
        for g in range(grid.size):
            out[p, g] = -grid[g] * exposed[p]
    for k in range(influencer.size):
        p = influencer[k]
        rest = max(1.0 - share[k], 1e-12)
        unit = per_unit[k] / total[event[k]]
        for g in range(grid.size):
            out[p, g] += math.log(rest + grid[g] * unit)
