"""Texts that are nearly the same, found without comparing all with all."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from entregent.text.tokens import streams

__all__ = ["NearDuplicates", "jaccard", "near_duplicates", "signatures", "warm"]

EMPTY = np.uint32(0xFFFFFFFF)
"""Every place of the signature of a text without tokens."""

_UINT64 = np.uint64
MOST_IN_BUCKET = 2_000
_AT_ONCE = 100_000


@dataclass(frozen=True)
class NearDuplicates:
    """Pairs of texts that are nearly the same.

    Parameters
    ----------
    pairs : ndarray of int64, shape (m, 2)
        Rows of the signatures, the smaller first, in order. Of texts with
        equal signatures each is paired with the first only.
    similarity : ndarray of float64, shape (m,)
        Estimated Jaccard similarity.
    buckets_cut : int
        Buckets with more than 2,000 different signatures, in which only
        neighbours were compared: some pairs may be missing.
    """

    pairs: NDArray[np.int64]
    similarity: NDArray[np.float64]
    buckets_cut: int


@numba.njit(cache=True)
def _mix(value: np.uint64) -> np.uint64:
    value ^= value >> _UINT64(30)
    value *= _UINT64(0xBF58476D1CE4E5B9)
    value ^= value >> _UINT64(27)
    value *= _UINT64(0x94D049BB133111EB)
    return value ^ (value >> _UINT64(31))


@numba.njit(cache=True)
def _sign(
    tokens: NDArray[np.uint64], starts: NDArray[np.int64], shingle: int, keys: NDArray[np.uint64]
) -> NDArray[np.uint32]:
    n = len(starts) - 1
    signed = np.full((n, len(keys)), EMPTY, np.uint32)
    for row in range(n):
        first, last = starts[row], starts[row + 1]
        if first == last:
            continue
        width = min(shingle, last - first)
        for place in range(first, last - width + 1):
            value = _UINT64(0)
            for step in range(width):
                value = _mix(value + _UINT64(0x9E3779B97F4A7C15) + tokens[place + step])
            for number in range(len(keys)):
                hashed = np.uint32(_mix(value ^ keys[number]) >> _UINT64(32))
                if hashed < signed[row, number]:
                    signed[row, number] = hashed
    return signed


def signatures(
    texts: Sequence[str | None], *, size: int = 128, shingle: int = 3, seed: int = 1
) -> NDArray[np.uint32]:
    """Return MinHash signatures of texts over runs of words.

    Parameters
    ----------
    texts : sequence of str or None, length n
    size : int
        Places of a signature; the standard error of an estimated similarity
        ``s`` is ``sqrt(s * (1 - s) / size)``.
    shingle : int
        Words in a run; a shorter text is one run.
    seed : int
        Signatures can be compared where size, shingle and seed are equal.

    Returns
    -------
    ndarray of uint32, shape (n, size)
        Texts without a token have all places at 4294967295.

    References
    ----------
    A. Z. Broder, On the resemblance and containment of documents, 1997,
    doi:10.1109/SEQUEN.1997.666900.

    Examples
    --------
    >>> signatures(["Le train est en retard", "le TRAIN est en retard !"]).shape
    (2, 128)
    """
    codes: dict[str, int] = {}
    rows: list[int] = []
    starts = np.zeros(len(texts) + 1, np.int64)
    for number, text in enumerate(texts):
        for token in streams(text)[0].split() if text else ():
            code = codes.get(token)
            if code is None:
                digest = hashlib.blake2b(token.encode("utf-8", "surrogatepass"), digest_size=8).digest()
                code = codes[token] = int.from_bytes(digest, "little")
            rows.append(code)
        starts[number + 1] = len(rows)
    keys = np.random.default_rng(seed).integers(0, 2**64, size, np.uint64)
    signed: NDArray[np.uint32] = _sign(np.array(rows, np.uint64), starts, shingle, keys)
    return signed


def jaccard(a: NDArray[np.uint32], b: NDArray[np.uint32]) -> NDArray[np.float64]:
    """Estimate the Jaccard similarity of texts from their signatures.

    Parameters
    ----------
    a, b : ndarray of uint32, shape (..., size)

    Returns
    -------
    ndarray of float64, shape (...)
        0 where a text has no token.

    Examples
    --------
    >>> one, other = signatures(["Le train est en retard", "LE TRAIN EST EN RETARD"])
    >>> float(jaccard(one, other))
    1.0
    """
    same = (a == b).mean(axis=-1)
    return np.asarray(np.where(np.all(a == EMPTY, axis=-1) | np.all(b == EMPTY, axis=-1), 0.0, same))


def _bands(size: int, threshold: float) -> int:
    """Return the number of bands whose curve rises nearest below the threshold."""
    fits = [bands for bands in range(1, size + 1) if size % bands == 0]
    # At the threshold a pair must be found with 95 % at least; more bands only cost time.
    return next((bands for bands in fits if 1 - (1 - threshold ** (size // bands)) ** bands >= 0.95), size)


def near_duplicates(signed: NDArray[np.uint32], *, threshold: float = 0.8) -> NearDuplicates:
    """Find the pairs of texts whose estimated similarity reaches a threshold.

    Parameters
    ----------
    signed : ndarray of uint32, shape (n, size)
        From :func:`signatures`.
    threshold : float
        In (0, 1].

    Returns
    -------
    NearDuplicates

    Notes
    -----
    Signatures are cut into bands; texts that agree on a whole band are
    compared. The number of bands is such that a pair at the threshold is
    compared with a probability of 95 % or more; nearer ones almost surely.

    References
    ----------
    A. Z. Broder, On the resemblance and containment of documents, 1997,
    doi:10.1109/SEQUEN.1997.666900.
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold is {threshold}; it lies in (0, 1]")
    filled = np.flatnonzero(~np.all(signed == EMPTY, axis=1))
    if len(filled) == 0:
        return NearDuplicates(np.empty((0, 2), np.int64), np.empty(0), 0)
    _, first, group = np.unique(_digest(signed[filled]), return_index=True, return_inverse=True)
    leaders = filled[first]
    twins = np.flatnonzero(filled != leaders[group])
    equal = np.column_stack((leaders[group[twins]], filled[twins]))
    candidates, cut = _candidates(signed[leaders], _bands(signed.shape[1], threshold))
    similar = np.concatenate(
        [np.empty(0)]
        + [
            jaccard(signed[leaders[part[:, 0]]], signed[leaders[part[:, 1]]])
            for part in np.array_split(candidates, len(candidates) // _AT_ONCE + 1)
        ]
    )
    kept = similar >= threshold
    unequal = np.sort(leaders[candidates[kept]], axis=1)
    pairs = np.concatenate((equal, unequal))
    similarity = np.concatenate((np.ones(len(equal)), similar[kept]))
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    return NearDuplicates(pairs[order].astype(np.int64), similarity[order], cut)


def _digest(rows: NDArray[np.uint32]) -> NDArray[np.uint64]:
    mixed = np.zeros(len(rows), np.uint64)
    for column in range(rows.shape[1]):
        mixed = (mixed ^ rows[:, column]) * _UINT64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> _UINT64(29)
    return mixed


def _candidates(signed: NDArray[np.uint32], bands: int) -> tuple[NDArray[np.int64], int]:
    wide = signed.shape[1] // bands
    n = len(signed)
    found: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
    cut = 0
    for band in range(bands):
        digest = _digest(signed[:, band * wide : (band + 1) * wide])
        order = np.argsort(digest, kind="stable")
        edges = np.flatnonzero(np.diff(digest[order])) + 1
        for bucket in np.split(order, edges) if len(edges) < n - 1 else ():
            size = len(bucket)
            if size < 2:
                continue
            if size > MOST_IN_BUCKET:
                cut += 1
                left, right = bucket[:-1], bucket[1:]
            else:
                places = np.triu_indices(size, 1)
                left, right = bucket[places[0]], bucket[places[1]]
            found.append(np.minimum(left, right) * n + np.maximum(left, right))
    keys = np.unique(np.concatenate(found))
    return np.column_stack((keys // n, keys % n)).astype(np.int64), cut


def warm() -> None:
    """Compile the loops of signatures now, so that nobody waits for it later."""
    signatures(["a"])
