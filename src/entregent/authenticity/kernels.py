"""The compiled loops of co-action: order, reach of a window, counting pairs.

Functions that call each other share this file, because a cached kernel does
not notice that a callee elsewhere has changed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from entregent.compiling import compiled

__all__ = ["arranged", "counted", "reached", "sorted_by", "sorted_by_time"]


@compiled
def sorted_by(codes: Any, n_codes: int, order: Any) -> Any:
    """Return rows of `order` sorted by their code, equal codes in the order they had."""
    place = np.zeros(n_codes + 1, np.int64)
    for row in order:
        place[codes[row] + 1] += 1
    for code in range(n_codes):
        place[code + 1] += place[code]
    result = np.empty(len(order), np.int32)
    for row in order:
        code = codes[row]
        result[place[code]] = row
        place[code] += 1
    return result


@compiled
def sorted_by_time(time: Any) -> Any:
    """Return rows in the order of time, by radix; rows that are in order cost one look."""
    n = len(time)
    order = np.empty(n, np.int32)
    rising = True
    least = most = time[0]
    for row in range(n):
        order[row] = row
        rising &= time[row] >= most
        least = min(least, time[row])
        most = max(most, time[row])
    if rising:
        return order
    other = np.empty(n, np.int32)
    place = np.empty(2049, np.int64)
    shift = 0
    while (most - least) >> shift:
        place[:] = 0
        for row in range(n):
            place[(((time[row] - least) >> shift) & 2047) + 1] += 1
        for digit in range(2048):
            place[digit + 1] += place[digit]
        for step in range(n):
            digit = ((time[order[step]] - least) >> shift) & 2047
            other[place[digit]] = order[step]
            place[digit] += 1
        order, other = other, order
        shift += 11
    return order


@compiled
def arranged(
    account: Any, object_: Any, time: Any, n_accounts: int, n_objects: int, first_only: bool
) -> tuple[Any, Any, Any, Any, int, int]:
    """Put actions in order of object and time.

    Parameters
    ----------
    account, object_ : ndarray of int32, shape (n,)
    time : ndarray of int64, shape (n,)
    n_accounts, n_objects : int
    first_only : bool
        Leave out an account's later acts on an object.

    Returns
    -------
    account, object_, time : ndarray, shape (n_kept,)
    starts : ndarray of int64, shape (n_objects + 1,)
        Where the actions on an object begin.
    repeated : int
        Acts on an object by an account that acted on it before.
    shared : int
        Objects on which at least two accounts act.
    """
    n = len(time)
    order = sorted_by_time(time)
    place = np.zeros(n_objects + 1, np.int64)
    for row in range(n):
        place[object_[row] + 1] += 1
    for code in range(n_objects):
        place[code + 1] += place[code]
    starts = place.copy()
    accounts, times = np.empty(n, np.int32), np.empty(n, np.int64)
    for step in range(n):
        row = order[step]
        to = place[object_[row]]
        place[object_[row]] += 1
        accounts[to] = account[row]
        times[to] = time[row]
    objects = np.empty(n, np.int32)
    latest = np.full(n_accounts, -1, np.int32)
    filled = repeated = shared = 0
    last = starts[0]
    for code in range(n_objects):
        first, last = last, starts[code + 1]
        starts[code] = filled
        different = False
        for row in range(first, last):
            one = accounts[row]
            if latest[one] == code:
                repeated += 1
                if first_only:
                    continue
            latest[one] = code
            different |= one != accounts[first]
            accounts[filled], times[filled], objects[filled] = one, times[row], code
            filled += 1
        shared += different
    starts[n_objects] = filled
    return accounts[:filled], objects[:filled], times[:filled], starts, repeated, shared


@compiled
def _pairs_within(time: Any, first: int, last: int, window: int) -> int:
    pairs = 0
    end = first
    for row in range(first, last):
        while end < last and time[end] - time[row] <= window:
            end += 1
        pairs += end - row - 1
    return pairs


@compiled
def reached(time: Any, starts: Any, windows: Any, most_pairs: int) -> tuple[Any, Any, Any, Any]:
    """Return for each action the first and one past the last action of its object within reach.

    Parameters
    ----------
    time : ndarray of int64, shape (n,)
        By object, then rising.
    starts : ndarray of int64, shape (n_objects + 1,)
    windows : ndarray of int64, shape (w,)
        Rising, in the unit of `time`.
    most_pairs : int
        An object does not count for windows in which it has more pairs of actions.

    Returns
    -------
    back, ahead : ndarray of int32, shape (n,)
        For the widest window in which the object counts.
    fitting : ndarray of int16, shape (n_objects,)
        Windows in which it counts: the first ones.
    pairs : ndarray of int64, shape (n_objects,)
        Pairs of actions within the widest window.
    """
    n = len(time)
    back, ahead = np.empty(n, np.int32), np.empty(n, np.int32)
    n_objects = len(starts) - 1
    fitting = np.full(n_objects, len(windows), np.int16)
    pairs = np.zeros(n_objects, np.int64)
    for shared in range(n_objects):
        first, last = starts[shared], starts[shared + 1]
        size = last - first
        if size < 2:
            for row in range(first, last):
                back[row] = ahead[row] = row
            continue
        widest = len(windows) - 1
        if size * (size - 1) // 2 > most_pairs:
            pairs[shared] = within = _pairs_within(time, first, last, windows[widest])
            while widest >= 0 and within > most_pairs:
                widest -= 1
                if widest >= 0:
                    within = _pairs_within(time, first, last, windows[widest])
            fitting[shared] = widest + 1
            if widest < 0:
                for row in range(first, last):
                    back[row] = ahead[row] = row
                continue
        start = end = first
        for row in range(first, last):
            while time[row] - time[start] > windows[widest]:
                start += 1
            while end < last and time[end] - time[row] <= windows[widest]:
                end += 1
            back[row], ahead[row] = start, end
    return back, ahead, fitting, pairs


@compiled
def counted(
    account: Any,
    object_: Any,
    time: Any,
    back: Any,
    ahead: Any,
    fitting: Any,
    windows: Any,
    rows: Any,
    starts: Any,
    work: Any,
    begin: int,
    end: int,
    distinct: bool,
    all_fit: bool,
    least: int,
    tally: Any,
    best: Any,
    best_object: Any,
    out_a: Any,
    out_b: Any,
    out_count: Any,
    filled: int,
) -> tuple[int, int]:
    """Count the objects that accounts `begin` to `end` share with accounts of a higher code.

    Partners of one account are counted in a dense table before the next account
    begins, so that no event is ever stored: memory is that of the actions, the
    accounts and the pairs that are kept.

    Parameters
    ----------
    account, object_, time, back, ahead : ndarray, shape (n,)
        By object and time; reach as of :func:`reached`.
    fitting : ndarray, shape (n_objects,)
        Windows in which an object counts.
    windows : ndarray of int64, shape (w,)
    rows, starts : ndarray
        Actions that reach others, by account.
    work : ndarray of int64, shape (n_accounts,)
        Most partners that an account can have.
    begin, end : int
        Accounts to do.
    distinct : bool
        No account acts twice on one object.
    all_fit : bool
        Every object counts in all windows.
    least : int
        Pairs below it in every window are not kept.
    tally : ndarray of int32, shape (n_accounts, w + 1)
        Zeros; given back as zeros. Holds differences from window to window, and last whether
        the account was met.
    best, best_object : ndarray, shape (n_accounts,)
        Where accounts repeat: narrowest window met on the object, and the object (-1 at first).
    out_a, out_b : ndarray of int32, shape (capacity,)
    out_count : ndarray of int32, shape (capacity, w)
    filled : int
        Pairs that they hold.

    Returns
    -------
    account : int
        The first that was not done: there was no room for what it may bring.
    filled : int
    """
    n_windows = len(windows)
    touched = np.empty(len(tally), np.int32)
    for one in range(begin, end):
        if starts[one + 1] - starts[one] < least:
            continue
        if filled + min(work[one], len(tally) - one - 1) > len(out_a):
            return one, filled
        n_touched = 0
        for place in range(starts[one], starts[one + 1]):
            row = rows[place]
            shared, upto = 0, n_windows
            if not (distinct and all_fit):
                shared = object_[row]
                upto = fitting[shared]
            for near in range(back[row], ahead[row]):
                two = account[near]
                if two <= one:
                    continue
                inside = 0
                if n_windows > 1:
                    gap = abs(time[near] - time[row])
                    while gap > windows[inside]:
                        inside += 1
                if not distinct:
                    if best_object[two] == shared:
                        if inside >= best[two]:
                            continue
                        tally[two, best[two]] -= 1
                        if upto < n_windows:
                            tally[two, upto] += 1
                    best_object[two] = shared
                    best[two] = inside
                if tally[two, n_windows] == 0:
                    tally[two, n_windows] = 1
                    touched[n_touched] = two
                    n_touched += 1
                tally[two, inside] += 1
                if upto < n_windows:
                    tally[two, upto] -= 1
        if not distinct:
            for place in range(n_touched):
                best_object[touched[place]] = -1
        for place in range(n_touched):
            two = touched[place]
            total = most = 0
            for inside in range(n_windows):
                total += tally[two, inside]
                tally[two, inside] = 0
                out_count[filled, inside] = total
                most = max(most, total)
            tally[two, n_windows] = 0
            if most >= least:
                out_a[filled] = one
                out_b[filled] = two
                filled += 1
    return end, filled
