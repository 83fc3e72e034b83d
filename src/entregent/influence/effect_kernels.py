"""The compiled loops of effects: draws of causes, and a cascade without somebody's influence.

Functions that call each other share this file, because a cached kernel does
not notice that a callee elsewhere has changed.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from entregent.compiling import compiled_for_threads

__all__ = ["allot", "compare", "count_late", "draw_influence", "fill_late", "removed"]


@compiled_for_threads
def draw_influence(
    pointer: Any, hits: Any, event: Any, unit: Any, total: Any, exposed: Any, grid: Any, prior: Any,
    chance: Any, influence: Any,
) -> None:  # fmt: skip
    """Draw the influence of one account after the other, what caused each adoption summed out.

    ``hits[pointer[p]:pointer[p + 1]]`` are the chances taken after acts of p;
    ``unit`` is the rate of each per unit of influence, ``total`` the whole rate
    of each adoption, which follows the draws.
    """
    size = grid.size
    score = np.empty(size)
    for p in range(influence.size):
        old = influence[p]
        for g in range(size):
            score[g] = prior[g] - grid[g] * exposed[p]
        for at in range(pointer[p], pointer[p + 1]):
            k = hits[at]
            rest = max(total[event[k]] - old * unit[k], 1e-12 * total[event[k]])
            for g in range(size):
                score[g] += math.log(rest + grid[g] * unit[k])
        best = score[0]
        for g in range(1, size):
            best = max(best, score[g])
        whole = 0.0
        for g in range(size):
            score[g] = math.exp(score[g] - best)
            whole += score[g]
        left = chance[p] * whole
        place = 0
        while place < size - 1 and left > score[place]:
            left -= score[place]
            place += 1
        influence[p] = grid[place]
        for at in range(pointer[p], pointer[p + 1]):
            k = hits[at]
            total[event[k]] = max(total[event[k]] + (grid[place] - old) * unit[k], 1e-300)


@compiled_for_threads
def allot(pointer: Any, own: Any, moved: Any, seen: Any, chance: Any, kind: Any, via: Any) -> None:
    """Draw the cause of each adoption: 0 own accord, 1 taste on sight, 2 influence; and by which chance."""
    for j in range(own.size):
        whole = own[j]
        for k in range(pointer[j], pointer[j + 1]):
            whole += moved[k] + seen[k]
        left = chance[j] * whole - own[j]
        kind[j], via[j] = 0, -1
        if left < 0.0:
            continue
        for k in range(pointer[j], pointer[j + 1]):
            left -= seen[k]
            if left < 0.0:
                kind[j], via[j] = 1, k
                break
            left -= moved[k]
            if left < 0.0:
                kind[j], via[j] = 2, k
                break


@compiled_for_threads
def count_late(indptr: Any, account: Any, shows: Any, pointer: Any, listener: Any, at: Any) -> int:
    """Return how often an act was shown to somebody who had adopted; ``at`` is -1 before and after."""
    found = 0
    for i in range(indptr.size - 1):
        for j in range(indptr[i], indptr[i + 1]):
            if shows[j]:
                for k in range(pointer[account[j]], pointer[account[j] + 1]):
                    if at[listener[k]] >= 0:
                        found += 1
            at[account[j]] = j
        for j in range(indptr[i], indptr[i + 1]):
            at[account[j]] = -1
    return found


@compiled_for_threads
def fill_late(
    indptr: Any, account: Any, time: Any, shows: Any, pointer: Any, listener: Any, arc: Any, since: Any,
    at: Any, event: Any, act: Any, by: Any,
) -> int:  # fmt: skip
    """Write adoption, later act shown to the adopter, and arc."""
    found = 0
    for i in range(indptr.size - 1):
        for j in range(indptr[i], indptr[i + 1]):
            if shows[j]:
                for k in range(pointer[account[j]], pointer[account[j] + 1]):
                    if at[listener[k]] >= 0 and since[k] < time[j]:
                        event[found], act[found], by[found] = at[listener[k]], j, arc[k]
                        found += 1
            at[account[j]] = j
        for j in range(indptr[i], indptr[i + 1]):
            at[account[j]] = -1
    return found


@compiled_for_threads
def removed(
    person: int, begin: Any, last: Any, account: Any, kind: Any, via: Any, act: Any, pointer: Any,
    own_left: Any, moved_left: Any, seen_left: Any, late_pointer: Any, late_act: Any, late_moved: Any,
    late_seen: Any, chance: Any, gone: Any,
) -> Any:  # fmt: skip
    """Return adoptions in all and at once that go with the person's influence, given what caused what.

    Who loses the cause that came first may have acted by another one; its
    hazard is that of own accord, of acts seen before, and of later acts. The
    second pass knows which of the later acts go.
    """
    total = direct = 0
    for place in range(begin.size):
        for j in range(begin[place], last[place]):
            gone[j] = False
        for turn in range(2):
            total_here = direct_here = 0
            for j in range(begin[place], last[place]):
                if kind[j] == 0:
                    continue
                source = act[via[j]]
                at_once = kind[j] == 2 and account[source] == person
                if not at_once and not gone[source]:
                    gone[j] = False
                    continue
                hazard = own_left[j]
                for k in range(pointer[j], pointer[j + 1]):
                    if gone[act[k]]:
                        continue
                    hazard += seen_left[k]
                    if account[act[k]] != person:
                        hazard += moved_left[k]
                for k in range(late_pointer[j], late_pointer[j + 1]):
                    if turn == 1 and gone[late_act[k]]:
                        continue
                    hazard += late_seen[k]
                    if account[late_act[k]] != person:
                        hazard += late_moved[k]
                gone[j] = chance[j] < math.exp(-hazard)
                if gone[j]:
                    total_here += 1
                    direct_here += at_once
        total += total_here
        direct += direct_here
        for j in range(begin[place], last[place]):
            gone[j] = False
    return total, direct


@compiled_for_threads
def compare(
    person: int, acts: Any, when: Any, window: int, item: Any, indptr: Any, account: Any, time: Any,
    shows: Any, pointer: Any, listener: Any, since: Any, pool: Any, place: Any, before: Any, after: Any,
    at_risk: Any, exposed: Any, adopted: Any,
) -> None:  # fmt: skip
    """Fill in, by act and account of the pool, exposures by others, exposure to the person, and adoption.

    ``place`` gives the place of an account in the pool or -1. An account that
    had adopted by then is not at risk. Exposures after the act count over the
    whole window, whether or not the account adopted in it.
    """
    for r in range(acts.size):
        i = item[acts[r]]
        now = when[r]
        end = now + window
        for c in range(pool.size):
            at_risk[r, c] = True
        for j in range(indptr[i], indptr[i + 1]):
            u = account[j]
            if place[u] >= 0:
                if time[j] <= now:
                    at_risk[r, place[u]] = False
                elif time[j] <= end:
                    adopted[r, place[u]] = True
            if not shows[j] or u == person or time[j] > end:
                continue
            for k in range(pointer[u], pointer[u + 1]):
                c = place[listener[k]]
                if c >= 0 and since[k] < time[j]:
                    if time[j] <= now:
                        before[r, c] += 1
                    else:
                        after[r, c] += 1
        for k in range(pointer[person], pointer[person + 1]):
            c = place[listener[k]]
            if c >= 0 and since[k] < now:
                exposed[r, c] = True
        if place[person] >= 0:
            at_risk[r, place[person]] = False
