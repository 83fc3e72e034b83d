"""Native ids as the networks make them, for many records at a time."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from entregent.world.keys import hash_of, mixed

__all__ = ["content_ids", "decentralised_ids", "moments", "snowflakes", "texts_of", "timestamp_ids"]

_SORTABLE = np.frombuffer(b"234567abcdefghijklmnopqrstuvwxyz", dtype=np.uint8)
_BASE32 = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz234567", dtype=np.uint8)
_X_EPOCH_MS = 1_288_834_974_657
_DAY_MS = 86_400_000


def texts_of(letters: NDArray[np.uint8]) -> pa.Array:
    """Return one text per row of a matrix of ASCII letters."""
    rows, width = letters.shape
    offsets = np.arange(rows + 1, dtype=np.int64) * width
    data = pa.py_buffer(np.ascontiguousarray(letters))
    return pa.LargeStringArray.from_buffers(rows, pa.py_buffer(offsets), data)


def _letters(bits: NDArray[np.uint64], count: int, alphabet: NDArray[np.uint8]) -> NDArray[np.uint8]:
    # Twelve letters of five bits from each word; the word is mixed anew for the next twelve.
    out = np.empty((bits.size, count), dtype=np.uint8)
    for at in range(count):
        if at and at % 12 == 0:
            bits = mixed(bits + np.uint64(0x9E3779B97F4A7C15))
        out[:, at] = alphabet[((bits >> np.uint64(5 * (at % 12))) & np.uint64(31)).astype(np.int64)]
    return out


def timestamp_ids(micros: NDArray[np.int64], uids: NDArray[np.uint64]) -> pa.Array:
    """Return record keys of AT Protocol (TID): 13 sortable letters of time and clock id.

    >>> timestamp_ids(np.array([1_725_911_162_329_308]), np.array([5], dtype=np.uint64)).to_pylist()
    ['3l3qo2vxaaw27']
    """
    value = (micros.astype(np.uint64) << np.uint64(10)) | (uids & np.uint64(1023))
    out = np.empty((value.size, 13), dtype=np.uint8)
    for at in range(13):
        out[:, at] = _SORTABLE[((value >> np.uint64(60 - 5 * at)) & np.uint64(31)).astype(np.int64)]
    return texts_of(out)


def content_ids(uids: NDArray[np.uint64]) -> pa.Array:
    """Return content ids of records (CID version 1, DAG-CBOR): 59 letters."""
    start = np.broadcast_to(np.frombuffer(b"bafyrei", dtype=np.uint8), (uids.size, 7))
    return texts_of(np.concatenate((start, _letters(uids, 52, _BASE32)), axis=1))


def decentralised_ids(seed: int, accounts: int) -> pa.Array:
    """Return the ``did:plc`` of each account."""
    start = np.broadcast_to(np.frombuffer(b"did:plc:", dtype=np.uint8), (accounts, 8))
    letters = _letters(hash_of(seed, 41, np.arange(accounts)), 24, _BASE32)
    return texts_of(np.concatenate((start, letters), axis=1))


def snowflakes(
    micros: NDArray[np.int64], uids: NDArray[np.uint64], *, epoch_ms: int = _X_EPOCH_MS, bits: int = 22
) -> NDArray[np.int64]:
    """Return ids that hold the time: milliseconds since an epoch above `bits` of the uid.

    X counts from November 2010 with 22 bits below, Mastodon from 1970 with 16.
    """
    low = (uids & np.uint64((1 << bits) - 1)).astype(np.int64)
    return ((micros // 1000 - epoch_ms) << bits) | low


def moments(micros: NDArray[np.int64]) -> pa.Array:
    """Return times as ``2025-03-03T08:15:00.123Z``.

    >>> moments(np.array([1_740_989_700_123_456])).to_pylist()
    ['2025-03-03T08:15:00.123Z']
    """
    day, rest = np.divmod(micros // 1000, _DAY_MS)
    days, place = np.unique(day, return_inverse=True)
    dates = days.astype("datetime64[D]").astype(str)
    table = np.frombuffer("".join(dates).encode(), dtype=np.uint8).reshape(-1, 10)
    out = np.empty((micros.size, 24), dtype=np.uint8)
    out[:, :10] = table[place] if days.size else 0
    out[:, 10], out[:, 13], out[:, 16], out[:, 19], out[:, 23] = b"T::.Z"
    hour, rest = np.divmod(rest, 3_600_000)
    minute, rest = np.divmod(rest, 60_000)
    second, milli = np.divmod(rest, 1000)
    for at, value, digits in ((11, hour, 2), (14, minute, 2), (17, second, 2), (20, milli, 3)):
        for place_ in range(digits):
            out[:, at + place_] = 48 + value // 10 ** (digits - 1 - place_) % 10
    return texts_of(out)
