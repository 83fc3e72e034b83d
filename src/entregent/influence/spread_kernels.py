"""The compiled loops of circles: sampling who could have reached a person, and greedy cover.

Functions that call each other share this file, because a cached kernel does
not notice that a callee elsewhere has changed.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from entregent.compiling import compiled_for_threads

__all__ = [
    "HELD",
    "arrange",
    "compare",
    "cover",
    "enlist",
    "highest",
    "pick",
    "relabel",
    "same",
    "sample",
    "steady",
    "thin",
    "weigh",
]


HELD = 2**31 - 1
"""Mark of people at whom a set may end: it holds one of them, and nobody asks who else."""

_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_S11, _S27, _S30, _S31, _S32 = (np.uint64(shift) for shift in (11, 27, 30, 31, 32))
_LOW = np.uint64(0xFFFFFFFF)
_UNIT = 2.0**-53
_SHORT = 2.0**-32
_WORD = 2.0**32
_MOST_HAZARD = 500.0
_ONE_BY_ONE = 2.0
_LANES = 16
_SMALL = 32
_CERTAIN = 37.0  # exp(-37) is below the rounding of 1


@compiled_for_threads
def _mixed(value: Any) -> Any:
    value = (value ^ (value >> _S30)) * _FIRST
    value = (value ^ (value >> _S27)) * _SECOND
    return value ^ (value >> _S31)


def _fetching(context: Any, array: Any, at: Any) -> Any:  # noqa: ARG001
    """Ask for the line of memory that holds an element, without waiting for it."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        llvm: Any = cgutils
        ir = llvm.ir
        byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
        function = llvm.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        pointer = builder.bitcast(builder.gep(data, [arguments[1]]), byte)
        builder.call(function, [pointer, word(0), word(3), word(1)])
        return context.get_dummy_value()

    return types.none(array, types.intp), code


_fetch: Any = intrinsic(_fetching)


@compiled_for_threads
def _alias(weight: Any, size: int, total: float, keep: Any, other: Any, stack: Any) -> None:
    """Make Walker's table: place j stays with chance (keep + 1) / 2**32, else it is ``other[j]``."""
    small, large = 0, size
    scale = size / total
    for j in range(size):
        weight[j] *= scale
        if weight[j] < 1.0:
            stack[small] = j
            small += 1
        else:
            large -= 1
            stack[large] = j
    while small > 0 and large < size:
        small -= 1
        j = stack[small]
        i = stack[large]
        keep[j] = np.uint32(min(weight[j] * _WORD, _WORD - 1.0))
        other[j] = i
        weight[i] -= 1.0 - weight[j]
        if weight[i] < 1.0:
            large += 1
            stack[small] = i
            small += 1
    for place in range(small):
        keep[stack[place]] = _LOW
        other[stack[place]] = stack[place]
    for place in range(large, size):
        keep[stack[place]] = _LOW
        other[stack[place]] = stack[place]


@compiled_for_threads
def weigh(weight: Any, keep: Any, other: Any, stack: Any) -> None:
    """Fill the table by which roots are drawn in proportion to ``weight``, which is used up."""
    total = 0.0
    for v in range(weight.size):
        total += weight[v]
    _alias(weight, weight.size, total, keep, other, stack)


@compiled_for_threads
def same(indptr: Any, chance: Any) -> bool:
    """Return whether all arcs of each person have one chance."""
    for v in range(indptr.size - 1):
        for j in range(indptr[v] + 1, indptr[v + 1]):
            if chance[j] != chance[indptr[v]]:
                return False
    return True


@compiled_for_threads
def arrange(
    indptr: Any,
    indices: Any,
    chance: Any,
    threshold: bool,
    equal: bool,
    first: int,
    last: int,
    place: Any,
    quiet: Any,
    arcs: Any,
    stack: Any,
    weight: Any,
    keep: Any,
    other: Any,
) -> None:
    """Fill the tables of people ``first`` to ``last``.

    ``place[v, 0]`` is the first arc of v; ``quiet[v, 1]`` the chance that no
    arc carries, or, from 2, the word that arcs are tried one by
    one, plus the chance that all of them have where they are equal. A row of
    ``arcs`` holds, in 32 bits each, a chance, a head and another head.
    """
    for v in range(first, last):
        start = indptr[v]
        degree = indptr[v + 1] - start
        place[v, 0] = start
        quiet[v, 1] = 1.0
        if degree == 0:
            continue
        total, most = 0.0, 0.0
        for j in range(degree):
            p = chance[start + j]
            if threshold:
                weight[j] = p
            else:
                weight[j] = -math.log1p(-p) if p < 1.0 else _CERTAIN
            total += weight[j]
            most = max(most, p)
        if total == 0.0:
            continue
        if not threshold and (total >= degree or total > _MOST_HAZARD):
            quiet[v, 1] = _ONE_BY_ONE + most
            if not equal:
                for j in range(start, start + degree):
                    arcs[j, 0] = np.int32(np.uint32(max(math.ceil(chance[j] * _WORD) - 1.0, 0.0)))
                    arcs[j, 1] = indices[j]
                    arcs[j, 2] = 1 if chance[j] > 0.0 else 0
            continue
        quiet[v, 1] = max(1.0 - total, 0.0) if threshold else math.exp(-total)
        if not equal:
            _alias(weight, degree, total, keep, other, stack)
            for j in range(degree):
                arcs[start + j, 0] = np.int32(keep[j])
                arcs[start + j, 1] = indices[start + j]
                arcs[start + j, 2] = indices[start + other[j]]


@compiled_for_threads
def _reach(
    state: Any,
    root: int,
    mark: int,
    threshold: bool,
    equal: bool,
    place: Any,
    quiet: Any,
    arcs: Any,
    heads: Any,
    out: Any,
    size: Any,
) -> Any:
    """Append to ``out`` who could have reached ``root``.

    Returns the new size, or -1 as soon as somebody marked as ``HELD`` is met.
    """
    at = size
    if place[root, 1] == HELD:
        return -1
    place[root, 1] = mark
    out[size] = root
    size += 1
    while at < size:
        v = out[at]
        at += 1
        none = quiet[v, 1]
        start = np.int64(place[v, 0])
        if none >= _ONE_BY_ONE:
            for j in range(start, np.int64(place[v + 1, 0])):
                state += _STEP
                bits = _mixed(state)
                if equal:
                    if np.float64(bits >> _S11) * _UNIT + _ONE_BY_ONE >= none:
                        continue
                    u = heads[j]
                else:
                    if arcs[j, 2] == 0 or np.uint32(bits >> _S32) > np.uint32(arcs[j, 0]):
                        continue
                    u = arcs[j, 1]
                if place[u, 1] != mark:
                    if place[u, 1] == HELD:
                        return -1
                    place[u, 1] = mark
                    out[size] = u
                    size += 1
            continue
        # Points of a Poisson process fall on the row, each arc as long as its
        # hazard -log(1 - p): an arc is live where at least one does.
        state += _STEP
        product = np.float64(_mixed(state) >> _S11) * _UNIT
        if product < none:
            continue
        degree = np.uint64(np.int64(place[v + 1, 0]) - start)
        while product >= none:
            state += _STEP
            bits = _mixed(state)
            arc = start + np.int64(((bits & _LOW) * degree) >> _S32)
            if equal:
                u = heads[arc]
                product *= np.float64(bits >> _S32) * _SHORT
            else:
                u = arcs[arc, 1] if np.uint32(bits >> _S32) <= np.uint32(arcs[arc, 0]) else arcs[arc, 2]
                state += _STEP
                product *= np.float64(_mixed(state) >> _S11) * _UNIT
            if place[u, 1] != mark:
                if place[u, 1] == HELD:
                    return -1
                place[u, 1] = mark
                out[size] = u
                size += 1
            if threshold:
                break
    return size


@compiled_for_threads
def _root(state: Any, n: int, keep: Any, other: Any) -> Any:
    bits = _mixed(state)
    v = np.int64(((bits & _LOW) * np.uint64(n)) >> _S32)
    if keep.size and np.uint32(bits >> _S32) > keep[v]:
        v = np.int64(other[v])
    return v


@compiled_for_threads
def sample(
    key: Any,
    first: int,
    last: int,
    threshold: bool,
    equal: bool,
    arcs: Any,
    heads: Any,
    keep: Any,
    other: Any,
    place: Any,
    quiet: Any,
    mark: int,
    out: Any,
    ends: Any,
    store: bool,
) -> Any:
    """Draw sets from ``first`` up to ``last``, as many as surely fit, into ``out``.

    Those that hold somebody marked as ``HELD`` are drawn and left out. The
    draws of a set depend on the key and its number alone. ``mark`` must be
    above every mark in ``place[:, 1]``. Without ``store`` sets are only
    counted. Returns the number after the last set drawn, the size of all
    sets in ``out``, and how many they are.

    Waiting for memory is what costs, so several small sets are drawn in turn:
    what the next step of one will look at is fetched while the others go on.
    A set that grows is drawn again by itself, with the same result.
    """
    n = place.shape[0] - 1
    queue = np.empty((_LANES, _SMALL), np.int32)
    states = np.empty(_LANES, np.uint64)
    numbers = np.empty(_LANES, np.int64)
    at = np.empty(_LANES, np.int64)
    sizes = np.zeros(_LANES, np.int64)
    looks = np.zeros(_LANES, np.bool_)
    arc = np.empty(_LANES, np.int64)
    begin = np.empty(_LANES, np.int64)
    degree = np.empty(_LANES, np.uint64)
    product = np.empty(_LANES, np.float64)
    none = np.empty(_LANES, np.float64)
    size = np.int64(0)
    kept = 0
    number = first
    busy = 0
    lane = 0
    while True:
        lane = lane + 1 if lane + 1 < _LANES else 0
        if sizes[lane] == 0:
            if number < last and size + n + _LANES * _SMALL <= out.size:
                state = _mixed(key + np.uint64(number) * _STEP)
                root = _root(state, n, keep, other)
                _fetch(place, 4 * root)
                queue[lane, 0] = root
                states[lane], numbers[lane] = state, number
                at[lane], sizes[lane] = 0, 1
                looks[lane] = False
                number += 1
                busy += 1
            elif busy == 0:
                break
            continue
        state = states[lane]
        # 0: wait for what was asked for; 1: all are found; 2: somebody held; 3: too large to go on here.
        outcome = 0
        while True:
            if looks[lane]:
                if equal:
                    u = heads[arc[lane]]
                else:
                    high = np.uint32(_mixed(state) >> _S32)
                    u = arcs[arc[lane], 1] if high <= np.uint32(arcs[arc[lane], 0]) else arcs[arc[lane], 2]
                    state += _STEP
                    product[lane] *= np.float64(_mixed(state) >> _S11) * _UNIT
                there = False
                for i in range(sizes[lane]):
                    if queue[lane, i] == u:
                        there = True
                        break
                if not there:
                    if sizes[lane] == _SMALL:
                        outcome = 3
                        break
                    queue[lane, sizes[lane]] = u
                    sizes[lane] += 1
                    _fetch(place, 4 * np.int64(u))
                if threshold or product[lane] < none[lane]:
                    looks[lane] = False
                    if at[lane] == sizes[lane]:
                        outcome = 1
                        break
                    if at[lane] == sizes[lane] - 1:
                        break
            else:
                v = np.int64(queue[lane, at[lane]])
                if place[v, 1] == HELD:
                    outcome = 2
                    break
                none[lane] = quiet[v, 1]
                if none[lane] >= _ONE_BY_ONE:
                    outcome = 3
                    break
                at[lane] += 1
                state += _STEP
                product[lane] = np.float64(_mixed(state) >> _S11) * _UNIT
                if product[lane] < none[lane]:
                    if at[lane] == sizes[lane]:
                        outcome = 1
                        break
                    continue
                begin[lane] = place[v, 0]
                degree[lane] = np.uint64(np.int64(place[v + 1, 0]) - begin[lane])
                looks[lane] = True
            if looks[lane]:
                state += _STEP
                bits = _mixed(state)
                arc[lane] = begin[lane] + np.int64(((bits & _LOW) * degree[lane]) >> _S32)
                if equal:
                    product[lane] *= np.float64(bits >> _S32) * _SHORT
                    _fetch(heads, arc[lane])
                else:
                    _fetch(arcs, 3 * arc[lane])
                break
        states[lane] = state
        if outcome == 0:
            continue
        after = np.int64(-1)
        if outcome == 1:
            after = size + sizes[lane]
            for i in range(sizes[lane]):
                out[size + i] = queue[lane, i]
        elif outcome == 3:
            state = _mixed(key + np.uint64(numbers[lane]) * _STEP)
            root = _root(state, n, keep, other)
            after = _reach(state, root, mark, threshold, equal, place, quiet, arcs, heads, out, size)
            mark += 1
        sizes[lane] = 0
        busy -= 1
        if after >= 0:
            if store:
                size = after
                ends[kept] = size
            kept += 1
    return number, size, kept


@compiled_for_threads
def compare(
    key: Any,
    first: int,
    last: int,
    threshold: bool,
    equal: bool,
    arcs: Any,
    heads: Any,
    keep: Any,
    other: Any,
    place: Any,
    quiet: Any,
    mark: int,
    out: Any,
    chosen: Any,
    shared: Any,
    added: Any,
) -> Any:
    """Count the sets that hold people ``chosen`` (by their place in the circle), pair by pair.

    Returns how many hold anyone, and the size of all sets.
    """
    n = place.shape[0] - 1
    most = shared.shape[0]
    found = np.empty(most, np.int64)
    met = 0
    total = 0
    none = np.int64(0)
    for number in range(first, last):
        state = _mixed(key + np.uint64(number) * _STEP)
        root = _root(state, n, keep, other)
        size = _reach(state, root, mark, threshold, equal, place, quiet, arcs, heads, out, none)
        mark += 1
        total += size
        count = 0
        least = most
        held = False
        for at in range(size):
            i = chosen[out[at]]
            if i >= 0:
                held = True
                if i < most:
                    found[count] = i
                    count += 1
                    least = min(least, i)
        met += held
        if count:
            added[least] += 1
        for a in range(count):
            for b in range(count):
                shared[found[a], found[b]] += 1
    return met, total


@compiled_for_threads
def relabel(members: Any, code: Any, names: Any, known: int) -> int:
    """Number people in the order in which they first appear; return how many are known now."""
    for at in range(members.size):
        v = members[at]
        if code[v] < 0:
            code[v] = known
            names[known] = v
            known += 1
        members[at] = code[v]
    return known


@compiled_for_threads
def thin(members: Any, ends: Any, place: Any) -> Any:
    """Take out sets that hold anyone with a ``place`` from 0; return how many are left, and their size."""
    begin = size = kept = 0
    for s in range(ends.size):
        held = False
        for at in range(begin, ends[s]):
            if place[members[at]] >= 0:
                held = True
                break
        if not held:
            for at in range(begin, ends[s]):
                members[size] = members[at]
                size += 1
        begin = ends[s]
        if not held:
            ends[kept] = size
            kept += 1
    return kept, size


@compiled_for_threads
def steady(
    members: Any,
    ends: Any,
    pointer: Any,
    lists: Any,
    place: Any,
    people: Any,
    gain: Any,
    most: int,
    square: float,
    tally: Any,
    touched: Any,
    out: Any,
) -> None:
    """Find the chosen ``people`` whom nobody could replace without a clear loss.

    ``gain`` is what each person adds to all, ``most`` the highest, ``tally``
    zeros. Replacing v by u loses ``a`` sets that only v held and wins ``b``; the loss is
    clear where ``a - b`` exceeds as many standard errors as ``square`` is the square of.
    """
    for i in range(people.size):
        v = people[i]
        alone = 0
        size = 0
        for at in range(pointer[v], pointer[v + 1]):
            s = lists[at]
            begin = ends[s - 1] if s else 0
            held = 0
            for j in range(begin, ends[s]):
                held += place[members[j]] >= 0
            if held > 1:
                continue
            alone += 1
            for j in range(begin, ends[s]):
                u = members[j]
                if tally[u] == 0:
                    touched[size] = u
                    size += 1
                tally[u] += 1
        clear = alone > most and (alone - most) * float(alone - most) >= square * (alone + most)
        for j in range(size):
            u = touched[j]
            lost = alone - tally[u]
            tally[u] = 0
            if u != v and gain[u] > 0:
                ahead = float(lost - gain[u])
                clear &= ahead > 0 and ahead * ahead >= square * (lost + gain[u])
        out[i] = clear


@compiled_for_threads
def enlist(members: Any, ends: Any, pointer: Any, lists: Any) -> None:
    """Turn sets of people into lists of sets: those of v are ``lists[pointer[v]:pointer[v + 1]]``."""
    for at in range(members.size):
        pointer[members[at] + 1] += 1
    for v in range(pointer.size - 1):
        pointer[v + 1] += pointer[v]
    begin = 0
    for s in range(ends.size):
        for at in range(begin, ends[s]):
            v = members[at]
            lists[pointer[v]] = s
            pointer[v] += 1
        begin = ends[s]
    for v in range(pointer.size - 1, 0, -1):
        pointer[v] = pointer[v - 1]
    pointer[0] = 0


@compiled_for_threads
def cover(v: int, members: Any, ends: Any, pointer: Any, lists: Any, covered: Any, count: Any) -> None:
    """Take the sets of v out of everybody's count."""
    for place in range(pointer[v], pointer[v + 1]):
        s = lists[place]
        if covered[s]:
            continue
        covered[s] = 1
        for at in range(ends[s - 1] if s else 0, ends[s]):
            count[members[at]] -= 1


@compiled_for_threads
def highest(gain: Any, room: int) -> int:
    """Return the sum of the ``room`` highest numbers."""
    most = 0
    for v in range(gain.size):
        most = max(most, gain[v])
    often = np.zeros(most + 1, dtype=np.int64)
    for v in range(gain.size):
        often[gain[v]] += 1
    total = 0
    for value in range(most, 0, -1):
        taken = min(often[value], room)
        total += taken * value
        room -= taken
    return total


@compiled_for_threads
def _sink(heap: Any, key: Any, size: int, at: int) -> None:
    v = heap[at]
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        right = child + 1
        if right < size and (
            key[heap[right]] > key[heap[child]]
            or (key[heap[right]] == key[heap[child]] and heap[right] < heap[child])
        ):
            child = right
        u = heap[child]
        if key[u] < key[v] or (key[u] == key[v] and u > v):
            break
        heap[at] = u
        at = child
    heap[at] = v


@compiled_for_threads
def pick(
    most: int,
    budget: float,
    cost: Any,
    divisor: Any,
    group: Any,
    taken: Any,
    heap: Any,
    key: Any,
    size: int,
    fresh: bool,
    members: Any,
    ends: Any,
    pointer: Any,
    lists: Any,
    covered: Any,
    count: Any,
    people: Any,
) -> Any:
    """Choose up to ``most`` more people, the greatest ``count / divisor`` first.

    Keys in the heap may be too high, never too low, because counts only fall.
    Returns how many were chosen, what is left of the budget, and the size of
    the heap.
    """
    if fresh:
        for at in range(size):
            key[heap[at]] = count[heap[at]] / divisor[heap[at]]
        for at in range(size // 2 - 1, -1, -1):
            _sink(heap, key, size, at)
    chosen = 0
    while chosen < most and size > 0:
        v = heap[0]
        if cost[v] > budget or count[v] == 0 or (group[v] >= 0 and taken[group[v]]):
            size -= 1
            heap[0] = heap[size]
            _sink(heap, key, size, 0)
            continue
        now = count[v] / divisor[v]
        if now < key[v]:
            key[v] = now
            _sink(heap, key, size, 0)
            continue
        size -= 1
        heap[0] = heap[size]
        _sink(heap, key, size, 0)
        budget -= cost[v]
        if group[v] >= 0:
            taken[group[v]] = True
        people[chosen] = v
        chosen += 1
        cover(v, members, ends, pointer, lists, covered, count)
    return chosen, budget, size
