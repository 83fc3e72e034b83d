"""The compiled loops that let a topic spread forwards, arc by arc; apart from those that choose."""

from __future__ import annotations

from typing import Any

import numpy as np

from entregent.compiling import compiled_for_threads

__all__ = ["cascade", "crossing", "quotas"]

_TIMES = np.uint64(6364136223846793005)
_ONE = np.uint64(1)
_S18, _S27, _S31, _S32, _S59 = (np.uint64(shift) for shift in (18, 27, 31, 32, 59))
_LOW = np.uint64(0xFFFFFFFF)
_UNIT = 2.0**-32


@compiled_for_threads
def _draw(state: Any) -> float:
    """PCG XSH-RR 64/32 (O'Neill 2014): a number in [0, 1) from the state before its next step."""
    mixed = (((state >> _S18) ^ state) >> _S27) & _LOW
    turn = state >> _S59
    word = ((mixed >> turn) | (mixed << ((_S32 - turn) & _S31))) & _LOW
    return np.float64(word) * _UNIT


@compiled_for_threads
def cascade(
    indptr: Any,
    heads: Any,
    chance: Any,
    people: Any,
    worth: Any,
    keys: Any,
    threshold: bool,
    reached: Any,
) -> None:
    """Spread once for each key; ``reached`` gets the worth of everybody reached."""
    n = indptr.size - 1
    mark = np.full(n, -1, dtype=np.int32)
    met = np.full(n, -1, dtype=np.int32)
    quota = np.zeros(n)
    queue = np.empty(n, dtype=np.int32)
    for run in range(keys.size):
        step = (keys[run] << _ONE) | _ONE
        state = keys[run] * _TIMES + step
        size = 0
        total = 0.0
        for v in people:
            if mark[v] != run:
                mark[v] = run
                queue[size] = v
                size += 1
                total += worth[v]
        at = 0
        while at < size:
            v = queue[at]
            at += 1
            for j in range(indptr[v], indptr[v + 1]):
                u = heads[j]
                if mark[u] == run:
                    continue
                if threshold:
                    if met[u] != run:
                        met[u] = run
                        state = state * _TIMES + step
                        # In (0, 1]: a weight of 0 carries nothing, all weights together everything.
                        quota[u] = 1.0 - _draw(state) - 1e-9
                    quota[u] -= chance[j]
                    carried = quota[u] <= 0.0
                else:
                    state = state * _TIMES + step
                    carried = _draw(state) < chance[j]
                if carried:
                    mark[u] = run
                    queue[size] = u
                    size += 1
                    total += worth[u]
        reached[run] = total


@compiled_for_threads
def quotas(indptr: Any, thresholds: Any, needed: Any) -> None:
    """Turn thresholds into how many of those whom one listens to must act; never less than one."""
    for v in range(needed.size):
        degree = indptr[v + 1] - indptr[v]
        needed[v] = max(np.int64(np.ceil(thresholds[v] * degree - 1e-9)), 1)


@compiled_for_threads
def crossing(indptr: Any, heads: Any, needed: Any, people: Any, left: Any, acts: Any) -> int:
    """Let people act where enough of those whom they listen to do; return how many act at the end."""
    n = indptr.size - 1
    queue = np.empty(n, dtype=np.int32)
    size = 0
    for v in range(n):
        left[v] = needed[v]
        acts[v] = False
    for v in people:
        if not acts[v]:
            acts[v] = True
            queue[size] = v
            size += 1
    at = 0
    while at < size:
        v = queue[at]
        at += 1
        for j in range(indptr[v], indptr[v + 1]):
            u = heads[j]
            left[u] -= 1
            if left[u] <= 0 and not acts[u]:
                acts[u] = True
                queue[size] = u
                size += 1
    return size
