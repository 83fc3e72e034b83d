"""Where to look for groups: tight clusters of accounts that co-act more than their habits explain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import gammainc, ndtr, ndtri

from entregent.authenticity.groups_kernels import others_near, shared_rows
from entregent.authenticity.groups_null import Background, Floats

__all__ = ["Ties", "candidates", "ties"]

_SURE = 0.5
_LEAST_OBJECTS = 2
_LIKELY = 0.1
_MOST_SEEDS = 400
_MOST_MEMBERS = 60
_SAME = 0.5

Codes = NDArray[np.int32]


@dataclass(frozen=True)
class Ties:
    """Pairs of accounts with the objects that both acted on, and the chance to be near on each.

    Parameters
    ----------
    a, b : ndarray of int32, shape (m,)
    pair, object : ndarray of int32, shape (k,)
        A pair and an object that both acted on.
    near : ndarray of bool, shape (k,)
        Whether they did within the window.
    chance : ndarray of float64, shape (k,)
        That they would, by the habits of both.
    """

    a: Codes
    b: Codes
    pair: Codes
    object: Codes
    near: NDArray[np.bool_]
    chance: Floats


def ties(ground: Background, a: Codes, b: Codes) -> Ties:
    """Return the objects of each pair and the chance of its being near on each.

    Parameters
    ----------
    ground : Background
    a, b : ndarray of int32, shape (m,)
        Pairs worth a look.

    Returns
    -------
    Ties
        Objects on which nearness is more likely than not are left out: they say nothing.

    Notes
    -----
    The crowd around an act is counted without those who are tied to either of
    the pair themselves: first everybody listed with one of them, then those
    whose tie stands against that first crowd.
    """
    pair, row_a, row_b = shared_rows(a, b, ground.rows, ground.begins, ground.object)
    near = np.abs(ground.time[row_a] - ground.time[row_b]) <= ground.window
    back, ahead = _reach(ground)
    n_accounts = len(ground.begins) - 1
    plain = np.stack((
        _inside(ground, row_a, back, ahead, b[pair]), _inside(ground, row_b, back, ahead, a[pair])
    ))  # fmt: skip
    tied = np.ones(len(a), np.bool_)
    chance = np.zeros(len(pair))
    for _ in range(2):
        friends, begins = _friends(a[tied], b[tied], n_accounts)
        others = [
            others_near(pair, row, a, b, friends, begins, back, ahead, ground.account)
            for row in (row_a, row_b)
        ]
        chance = (plain * np.stack(others)).mean(axis=0)
        kept = chance <= _SURE
        seen = np.bincount(pair[near & kept], minlength=len(a))
        expected = np.bincount(pair[kept], chance[kept], len(a))
        tied = (seen >= _LEAST_OBJECTS) & (gammainc(np.maximum(seen, 1), expected) <= _LIKELY)
    return Ties(a, b, pair[kept], ground.object[row_a[kept]], near[kept], chance[kept])


def _friends(a: Codes, b: Codes, n_accounts: int) -> tuple[Codes, NDArray[np.int64]]:
    """Return those tied to each account, and where those of an account begin."""
    one, two = np.concatenate((a, b)), np.concatenate((b, a))
    begins = np.concatenate(([0], np.cumsum(np.bincount(one, minlength=n_accounts))))
    return two[np.argsort(one, kind="stable")], begins


def _reach(ground: Background) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first row, and the row after the last, within the window of each on its object."""
    if len(ground.time) == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    # One search serves all objects: each is moved to a range of its own.
    span = int(ground.time.max() - ground.time.min()) + 2 * ground.window + 1
    key = ground.object + (ground.time - ground.time.min()) / span
    width = ground.window / span + 1e-12
    return np.searchsorted(key, key - width), np.searchsorted(key, key + width, side="right")


def _inside(
    ground: Background, row: Codes, back: NDArray[np.int64], ahead: NDArray[np.int64], who: Codes
) -> Floats:
    """Return the chance that somebody acts within the window of a row, by habitual speed."""
    known = ground.speeds
    code = ground.object[row]
    first, n = ground.starts[code], ground.starts[code + 1] - ground.starts[code]
    width = np.sqrt(known.doubt[who] ** 2 + known.noise**2)

    def below(end: NDArray[np.int64]) -> Floats:
        reached = known.mean[code] + known.spread[code] * ndtri(np.clip((end[row] - first) / n, 0, 1))
        return np.asarray(ndtr((reached - known.speed[who]) / width))

    return below(ahead) - below(back)


def candidates(found: Ties, kept: NDArray[np.bool_], n_accounts: int) -> list[Codes]:
    """Return tight clusters of at least three accounts on some of the objects, the least likely first.

    Parameters
    ----------
    found : Ties
    kept : ndarray of bool, shape (n_objects,)
        Objects to look at.
    n_accounts : int

    Returns
    -------
    list of ndarray of int32
        Codes of members, rising.

    Notes
    -----
    An edge is a pair that is near on two objects or more where its habits make
    that a chance of at most one in ten, counts being Poisson. A seed
    grows by the account with most evidence among those with an edge to at
    least half of the members (both, of two). No chain of acquaintances can form.
    """
    inside = kept[found.object]
    pair, near = found.pair[inside], found.near[inside]
    seen = np.bincount(pair[near], minlength=len(found.a))
    expected = np.bincount(pair, found.chance[inside], len(found.a))
    strong = np.flatnonzero(seen >= _LEAST_OBJECTS)
    p = gammainc(seen[strong], expected[strong])
    edge = strong[p <= _LIKELY]
    p = np.maximum(p[p <= _LIKELY], 1e-300)
    if len(edge) == 0:
        return []
    a, b, weight = found.a[edge], found.b[edge], -np.log(p)
    near_to = sparse.csr_array(
        (np.tile(weight, 2), (np.concatenate((a, b)), np.concatenate((b, a)))), (n_accounts, n_accounts)
    )
    result: list[Codes] = []
    taken: list[set[int]] = []
    order = np.argsort(p, kind="stable")
    for place in order[:_MOST_SEEDS]:
        seed = {int(a[place]), int(b[place])}
        if any(seed <= other for other in taken):
            continue
        members = _grown(near_to, seed)
        taken.append(members)
        if len(members) >= 3 and not any(
            len(members & set(other.tolist())) > _SAME * len(members | set(other.tolist()))
            for other in result
        ):
            result.append(np.array(sorted(members), np.int32))
    return result


def _grown(near_to: sparse.csr_array, seed: set[int]) -> set[int]:
    members = list(seed)
    while len(members) < _MOST_MEMBERS:
        parts = [slice(near_to.indptr[one], near_to.indptr[one + 1]) for one in members]
        who = np.concatenate([near_to.indices[part] for part in parts])
        names, place, count = np.unique(who, return_inverse=True, return_counts=True)
        weight = np.bincount(place, np.concatenate([near_to.data[part] for part in parts]))
        weight[np.isin(names, members) | (count < max(2, (len(members) + 1) // 2))] = 0
        best = int(np.argmax(weight))
        if weight[best] <= 0:
            break
        members.append(int(names[best]))
    return set(members)
