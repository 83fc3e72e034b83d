"""The compiled loop of matching: which words stand in which posts, and what that decides.

Functions that call each other share this file, because a cached kernel does
not notice that a callee elsewhere has changed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from entregent.compiling import compiled_for_threads

__all__ = [
    "AND",
    "BREAK",
    "HARD",
    "NOT",
    "NOTHING",
    "OR",
    "SINGLE",
    "UNKNOWN",
    "UNSURE",
    "WORD",
    "decided",
    "enter",
    "hashed",
]

BREAK, WORD, SINGLE, NOTHING, HARD = 0, 1, 2, 3, 4
"""What a character does: ends a word, is part of one, is one, is not there, needs the slow way."""

AND, OR, NOT, UNSURE, UNKNOWN = -1, -2, -3, -4, -5
"""Steps of a program beside the numbers of anchors; ``UNSURE`` makes of a yes a perhaps."""

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
def _noted(number: Any, row: int, surely: bool, met_at: Any, sure_at: Any, here_met: Any, n_met: int) -> Any:
    """Note that an anchor stands in a text; return how many have been met in it."""
    if number < 0:
        return n_met
    if surely:
        sure_at[number] = row
    if met_at[number] == row:
        return n_met
    met_at[number] = row
    here_met[n_met] = number
    return n_met + 1


@compiled_for_threads
def _answer(ops: Any, first: int, end: int, met_at: Any, sure_at: Any, row: int, stack: Any) -> Any:
    """Work out what a query says of a text: 0 no, 1 perhaps, 2 yes (Kleene's three values)."""
    top = 0
    for place in range(first, end):
        step = ops[place]
        if step >= 0:
            stack[top] = 2 if sure_at[step] == row else 1 if met_at[step] == row else 0
            top += 1
        elif step == NOT:
            stack[top - 1] = 2 - stack[top - 1]
        elif step == UNSURE:
            stack[top - 1] = min(stack[top - 1], 1)
        elif step == UNKNOWN:
            stack[top] = 1
            top += 1
        else:
            top -= 1
            left, right = stack[top - 1], stack[top]
            stack[top - 1] = min(left, right) if step == AND else max(left, right)
    return stack[0]


@compiled_for_threads
def _is_elided(codes: Any, length: int) -> bool:
    """Whether a word before an apostrophe is one that folding sets apart; the longer ones are left to it."""
    if length == 1:
        return codes[0] in (99, 100, 106, 108, 109, 110, 115, 116)
    return length == 2 and codes[0] == 113 and codes[1] == 117


@compiled_for_threads
def _ends_token(code: Any, following: Any) -> bool:
    """Whether no token goes on after a word that ends before this character."""
    if code in (0x2E, 0x2C, 0x3A):
        # A point, comma or colon, not inside a number, a name or an address.
        return following in (0x20, 0x0A, 0x0D, 0x09)
    return code in (0x20, 0x0A, 0x0D, 0x09, 0x21, 0x22, 0x29, 0x3B, 0x3F, 0x5D, 0xA0, 0xBB, 0x202F, 0x2026)


@compiled_for_threads
def decided(
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
    sizes: Any,
    firsts_waiting: Any,
    waiting: Any,
    ops: Any,
    op_starts: Any,
    depth: int,
    rows: Any,
    watches: Any,
    sure: Any,
    hard: Any,
) -> int:
    """Read texts letter by letter and say which watches each may match, and which it surely does.

    An anchor is *met* where a text may hold its word, *sure* where the word
    stands free, so that no other token can have swallowed it. Gives how many
    pairs there are; only as many as there is room for are written. Texts that
    must be read the slow way are marked in `hard`, without pairs.
    """
    n_anchors = len(sizes)
    met_at = np.full(n_anchors, -1, np.int32)
    sure_at = np.full(n_anchors, -1, np.int32)
    asked_at = np.full(len(op_starts), -1, np.int32)
    here_met = np.empty(n_anchors, np.int64)
    stack = np.empty(depth + 1, np.int8)
    count = 0
    codes = np.empty(LONGEST + 4, np.int64)
    flags = np.empty(LONGEST + 4, np.int64)
    # Words of one run: it whole, and where it may be a hashtag of several words each of them.
    firsts = np.empty(LONGEST + 4, np.int64)
    afters = np.empty(LONGEST + 4, np.int64)
    for row in range(len(offsets) - 1):
        at, stop = offsets[row], offsets[row + 1]
        length = 0
        n_met = 0
        # Whether a word that begins here begins a token, and whether something unseen stands in it.
        free, odd, elided = True, False, False
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
                odd = True
                continue
            if kind in (HARD, WORD):
                hard[row] = True
                break
            words = 0
            whole = False
            after_elided, elided = elided, False
            if length > 0:
                whole = free and not odd and kind == BREAK
                if whole and code in (0x27, 0x2019):
                    # Of two in a row the first is set apart.
                    elided = not after_elided and _is_elided(codes, length)
                    whole = False
                elif whole and code != 0:
                    whole = _ends_token(code, np.int64(data[at]) if at < stop else 0x20)
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
            odd = False
            # What no address can hold begins a token after it.
            free = elided or code in (0x20, 0x0A, 0x0D, 0x09, 0x22, 0xA0, 0xAB, 0xBB, 0x201C, 0x202F)
            if kind == SINGLE:
                # A letter by itself needs no place in the run, which has been cut up already.
                codes[LONGEST + 3] = folds[code]
                firsts[words], afters[words] = LONGEST + 3, LONGEST + 4
                words += 1
            for word in range(words):
                first, after_it = firsts[word], afters[word]
                surely = whole and word == 0
                state = _START
                for place in range(first, after_it):
                    state = _step(state, codes[place])
                    if starts[min(place + 1 - first, LONGEST)]:
                        number = _found(keys, numbers, _finish(state, 1))
                        n_met = _noted(number, row, surely, met_at, sure_at, here_met, n_met)
                number = _found(keys, numbers, _finish(state, 0))
                n_met = _noted(number, row, surely, met_at, sure_at, here_met, n_met)
                if not ends[0]:
                    continue
                state = _START
                for place in range(after_it - 1, first - 1, -1):
                    state = _step(state, codes[place])
                    if ends[min(after_it - place, LONGEST)]:
                        number = _found(keys, numbers, _finish(state, 2))
                        n_met = _noted(number, row, surely, met_at, sure_at, here_met, n_met)
        if hard[row]:
            continue
        for one in range(n_met):
            begin = firsts_waiting[here_met[one]]
            for place in range(begin, begin + sizes[here_met[one]]):
                watch = waiting[place]
                if asked_at[watch] == row:
                    continue
                asked_at[watch] = row
                answer = _answer(ops, op_starts[watch], op_starts[watch + 1], met_at, sure_at, row, stack)
                if answer > 0:
                    if count < len(rows):
                        rows[count], watches[count], sure[count] = row, watch, answer == 2
                    count += 1
    return count
