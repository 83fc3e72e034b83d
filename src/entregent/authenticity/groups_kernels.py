"""The compiled loops of groups: objects that pairs share, and times drawn anew.

Functions that call each other share this file, because a cached kernel does
not notice that a callee elsewhere has changed.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from entregent.compiling import compiled

__all__ = ["drawn_pairs", "others_near", "pairs_near", "shared_rows"]

_TRIES = 8


@compiled
def shared_rows(a: Any, b: Any, rows: Any, begins: Any, object_: Any) -> tuple[Any, Any, Any]:
    """Return for each pair the rows of its two acts on every object that both acted on.

    Parameters
    ----------
    a, b : ndarray of int32, shape (m,)
        Pairs of accounts.
    rows, begins : ndarray of int32, int64, shape (n,), (n_accounts + 1,)
        Rows of each account in order of object, one an object, and where those of an account begin.
    object_ : ndarray of int32, shape (n,)

    Returns
    -------
    pair, row_a, row_b : ndarray of int32, shape (k,)
        In order of pair and object.
    """
    room = 1024
    pair, row_a, row_b = np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room, np.int32)
    filled = 0
    for place in range(len(a)):
        i, last_i = begins[a[place]], begins[a[place] + 1]
        j, last_j = begins[b[place]], begins[b[place] + 1]
        if filled + min(last_i - i, last_j - j) > room:
            room = 2 * room + min(last_i - i, last_j - j)
            wider = np.empty((3, room), np.int32)
            wider[0, :filled], wider[1, :filled] = pair[:filled], row_a[:filled]
            wider[2, :filled] = row_b[:filled]
            pair, row_a, row_b = wider[0], wider[1], wider[2]
        while i < last_i and j < last_j:
            first, second = object_[rows[i]], object_[rows[j]]
            if first < second:
                i += 1
            elif second < first:
                j += 1
            else:
                pair[filled], row_a[filled], row_b[filled] = place, rows[i], rows[j]
                filled += 1
                i += 1
                j += 1
    return pair[:filled].copy(), row_a[:filled].copy(), row_b[:filled].copy()


@compiled
def others_near(
    pair: Any, row: Any, a: Any, b: Any, friends: Any, friend_begins: Any, back: Any, ahead: Any, account: Any
) -> Any:
    """Return which share of the acts around a row is not by accounts tied to either of a pair.

    Parameters
    ----------
    pair, row : ndarray of int32, shape (k,)
        In order of pair.
    a, b : ndarray of int32, shape (m,)
        Pairs of accounts.
    friends, friend_begins : ndarray of int32, int64, shape (f,), (n_accounts + 1,)
        Accounts tied to each, and where those of an account begin.
    back, ahead : ndarray of int64, shape (n,)
        First row, and the row after the last, within the window of each.
    account : ndarray of int32, shape (n,)

    Returns
    -------
    ndarray of float64, shape (k,)
        Above 0: the row itself counts as somebody else's.
    """
    share = np.empty(len(pair))
    marked = np.full(len(friend_begins), -1, np.int64)
    latest = -1
    for place in range(len(pair)):
        if pair[place] != latest:
            latest = pair[place]
            for one in (a[latest], b[latest]):
                for at in range(friend_begins[one], friend_begins[one + 1]):
                    marked[friends[at]] = latest
                marked[one] = latest
        others = 1
        for near in range(back[row[place]], ahead[row[place]]):
            others += marked[account[near]] != latest
        share[place] = others / (ahead[row[place]] - back[row[place]])
    return share


@compiled
def pairs_near(times: Any, begins: Any, window: int) -> Any:
    """Return how many pairs of `times` lie within the window, for each run of them.

    Parameters
    ----------
    times : ndarray of int64, shape (n,)
    begins : ndarray of int64, shape (k + 1,)
        Where the runs begin; pairs are counted inside of one only.
    window : int

    Returns
    -------
    ndarray of int64, shape (k,)
    """
    found = np.zeros(len(begins) - 1, np.int64)
    for run in range(len(begins) - 1):
        for i in range(begins[run], begins[run + 1]):
            for j in range(begins[run], i):
                if abs(times[i] - times[j]) <= window:
                    found[run] += 1
    return found


@compiled
def drawn_pairs(
    member: Any,
    begins: Any,
    slots: Any,
    slot_begins: Any,
    mean: Any,
    spread: Any,
    speed: Any,
    doubt: Any,
    noise: float,
    hour: Any,
    habit: Any,
    window: int,
    observed: int,
    most_above: int,
    rng: Any,
    out: Any,
) -> tuple[int, int]:
    """Draw the times of members anew and count pairs, until enough draws reach what was observed.

    Parameters
    ----------
    member : ndarray of int32, shape (e,)
        Who acts, a place in `speed`; acts on one object stand together.
    begins : ndarray of int64, shape (k + 1,)
        Where the acts on an object begin.
    slots, slot_begins : ndarray of int64, shape (s,), (k + 1,)
        Times at which each object was acted on, rising, and where those of an object begin.
    mean, spread : ndarray of float64, shape (k,)
        Of the speeds of those who acted on the object.
    speed, doubt : ndarray of float64, shape (m,)
        Posterior of each member's habitual speed: mean and standard deviation.
    noise : float
        Standard deviation from one act to the next.
    hour, habit : ndarray of int8, float64, shape (s,), (m, 24)
        Hour of the day of each slot, and the chance with which a member keeps an act at that
        hour; `habit` has no rows where hours do not count.
    window, observed, most_above : int
        Stop when `most_above` draws have at least `observed` pairs.
    rng : numpy.random.Generator
    out : ndarray of int64, shape (most draws,)
        Pairs of each draw.

    Returns
    -------
    above, draws : int
    """
    n_members, n_objects = len(speed), len(begins) - 1
    z = np.empty(n_members)
    at = np.empty(len(member), np.int64)
    by_hour = len(habit) > 0
    above = draws = 0
    while draws < len(out) and above < most_above:
        for one in range(n_members):
            z[one] = speed[one] + doubt[one] * rng.standard_normal()
        pairs = 0
        for shared in range(n_objects):
            first = slot_begins[shared]
            n = slot_begins[shared + 1] - first
            for act in range(begins[shared], begins[shared + 1]):
                one = member[act]
                chosen = first
                for _ in range(_TRIES):
                    score = (z[one] + noise * rng.standard_normal() - mean[shared]) / spread[shared]
                    share = 0.5 * math.erfc(-score * 0.7071067811865476)
                    chosen = first + min(int(share * n), n - 1)
                    if not by_hour or rng.random() < habit[one, hour[chosen]]:
                        break
                at[act] = slots[chosen]
                for other in range(begins[shared], act):
                    if abs(at[other] - at[act]) <= window:
                        pairs += 1
        out[draws] = pairs
        draws += 1
        if pairs >= observed:
            above += 1
    return above, draws
