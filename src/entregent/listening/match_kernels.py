"""The compiled loop of matching: which words that queries wait for stand in which posts.

Functions that call each other share this file, because a cached kernel does
not notice that a callee elsewhere has changed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from entregent.compiling import compiled_for_threads

__all__ = ["BREAK", "HARD", "NOTHING", "SINGLE", "WORD", "enter", "hashed", "met"]

BREAK, WORD, SINGLE, NOTHING, HARD = 0, 1, 2, 3, 4
"""What a character does: ends a word, is part of one, is one, is not there, needs the slow way."""

UPPER, LOWER, DIGIT = 1, 2, 4
LONGEST = 128
_START = np.uint64(0xCBF29CE484222325)
_PRIME = np.uint64(0x100000001B3)
_MIX = np.uint64(0x9E3779B97F4A7C15)


@compiled_for_threads
def _step(state: Any, code: Any) -> Any:
    return (state ^ np.uint64(code)) * _PRIME


@compiled_for_threads
def _finish(state: Any, salt: Any) -> Any:
    mixed = (state ^ (np.uint64(salt) * _MIX)) * _MIX
    mixed ^= mixed >> np.uint64(29)
    return mixed | np.uint64(1)


@compiled_for_threads
def hashed(codes: Any, salt: int) -> Any:
    """Return the key of a word (salt 0), of the start of one (1), of the reversed end of one (2)."""
    state = _START
    for code in codes:
        state = _step(state, code)
    return _finish(state, salt)


@compiled_for_threads
def enter(keys: Any, numbers: Any, key: Any, number: int) -> None:
    """Put a key into a table of open addresses that has room."""
    mask = np.uint64(len(keys) - 1)
    place = key & mask
    while keys[place] != 0 and keys[place] != key:
        place = (place + np.uint64(1)) & mask
    keys[place] = key
    numbers[place] = number


@compiled_for_threads
def _found(keys: Any, numbers: Any, key: Any) -> Any:
    mask = np.uint64(len(keys) - 1)
    place = key & mask
    while keys[place] != 0:
        if keys[place] == key:
            return numbers[place]
        place = (place + np.uint64(1)) & mask
    return -1


@compiled_for_threads
def _noted(number: Any, row: int, last: Any, rows: Any, anchors: Any, count: int) -> Any:
    """Note that an anchor stands in a text, once; return how many pairs there are now."""
    if number < 0 or last[number] == row:
        return count
    last[number] = row
    if count < len(rows):
        rows[count], anchors[count] = row, number
    return count + 1


@compiled_for_threads
def met(
    data: Any,
    offsets: Any,
    kinds: Any,
    folds: Any,
    seconds: Any,
    cases: Any,
    second_cases: Any,
    keys: Any,
    numbers: Any,
    starts: Any,
    ends: Any,
    last: Any,
    rows: Any,
    anchors: Any,
    hard: Any,
) -> int:
    """Read texts letter by letter and note which anchors stand in which.

    Gives how many pairs there are; only as many as there is room for are
    written. Texts that must be read the slow way are marked in `hard`.
    """
    count = 0
    codes = np.empty(LONGEST + 4, np.int64)
    flags = np.empty(LONGEST + 4, np.int64)
    # Words of one run: it whole, and where it may be a hashtag of several words each of them.
    firsts = np.empty(LONGEST + 4, np.int64)
    afters = np.empty(LONGEST + 4, np.int64)
    for row in range(len(offsets) - 1):
        at, stop = offsets[row], offsets[row + 1]
        length = 0
        while at <= stop:
            kind: Any = BREAK
            code: Any = 0
            if at < stop:
                byte = np.int64(data[at])
                if byte < 0x80:
                    code = byte
                    at += 1
                elif byte < 0xE0:
                    code = (byte & 0x1F) << 6 | (np.int64(data[at + 1]) & 0x3F)
                    at += 2
                elif byte < 0xF0:
                    code = (byte & 0x0F) << 12
                    code |= (np.int64(data[at + 1]) & 0x3F) << 6 | (np.int64(data[at + 2]) & 0x3F)
                    at += 3
                else:
                    code = (byte & 0x07) << 18 | (np.int64(data[at + 1]) & 0x3F) << 12
                    code |= (np.int64(data[at + 2]) & 0x3F) << 6 | (np.int64(data[at + 3]) & 0x3F)
                    at += 4
                if code < len(kinds):
                    kind = np.int64(kinds[code])
            else:
                at += 1
            if kind == WORD and length < LONGEST:
                codes[length], flags[length] = folds[code], cases[code]
                length += 1
                if seconds[code] != 0:
                    codes[length], flags[length] = seconds[code], second_cases[code]
                    length += 1
                continue
            if kind == NOTHING:
                continue
            if kind in (HARD, WORD):
                hard[row] = True
                break
            words = 0
            if length > 0:
                firsts[0], afters[0] = 0, length
                words = 1
                first = 0
                for place in range(1, length):
                    before, here = flags[place - 1], flags[place]
                    after = flags[place + 1] if place + 1 < length else 0
                    cut = (here & UPPER) != 0 and ((before & UPPER) == 0 or (after & LOWER) != 0)
                    cut = cut or (here & DIGIT) != (before & DIGIT)
                    # An address of ASCII letters may end where letters of another script go on.
                    cut = cut or (codes[place] < 128) != (codes[place - 1] < 128)
                    if cut:
                        firsts[words], afters[words] = first, place
                        words += 1
                        first = place
                if first > 0:
                    firsts[words], afters[words] = first, length
                    words += 1
                length = 0
            if kind == SINGLE:
                # A letter by itself needs no place in the run, which has been cut up already.
                codes[LONGEST + 3] = folds[code]
                firsts[words], afters[words] = LONGEST + 3, LONGEST + 4
                words += 1
            for word in range(words):
                first, after_it = firsts[word], afters[word]
                state = _START
                for place in range(first, after_it):
                    state = _step(state, codes[place])
                    if starts[min(place + 1 - first, LONGEST)]:
                        number = _found(keys, numbers, _finish(state, 1))
                        count = _noted(number, row, last, rows, anchors, count)
                number = _found(keys, numbers, _finish(state, 0))
                count = _noted(number, row, last, rows, anchors, count)
                if not ends[0]:
                    continue
                state = _START
                for place in range(after_it - 1, first - 1, -1):
                    state = _step(state, codes[place])
                    if ends[min(after_it - place, LONGEST)]:
                        number = _found(keys, numbers, _finish(state, 2))
                        count = _noted(number, row, last, rows, anchors, count)
    return count
