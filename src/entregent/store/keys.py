"""Recognising what is already there: keyed 128-bit digests and a hash table of them.

Ids are compared by SipHash-2-4-128 under a secret key, not by their text: 16
bytes an id instead of 70, and nobody without the key can craft two ids that
collide. Among 10^9 ids the chance of any chance collision is below 10^-20, so
digests that are equal are taken for equal ids and candidates are not compared
again. Kernels that call each other live in this one file, or their cached code
would go stale.

Aumasson and Bernstein, SipHash: a fast short-input PRF, 2012,
doi:10.1007/978-3-642-34931-7_28
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["KNOWN", "NEW", "NEWER", "Changes", "Digests", "Index", "digest", "row_digests", "warm"]

Digests: TypeAlias = npt.NDArray[np.uint64]
"""Shape ``(n, 2)``: low and high half."""

NEW, KNOWN, NEWER = 0, 1, 2


def _compiled(function: Callable[..., Any]) -> Any:
    try:
        return numba.njit(cache=True)(function)
    except RuntimeError:
        warnings.warn(
            "no directory for compiled code can be written (see NUMBA_CACHE_DIR): compiling at every start",
            RuntimeWarning,
            stacklevel=3,
        )
        return numba.njit(function)


@_compiled
def _round(v0: Any, v1: Any, v2: Any, v3: Any) -> Any:
    v0 += v1
    v1 = (v1 << np.uint64(13)) | (v1 >> np.uint64(51))
    v1 ^= v0
    v0 = (v0 << np.uint64(32)) | (v0 >> np.uint64(32))
    v2 += v3
    v3 = (v3 << np.uint64(16)) | (v3 >> np.uint64(48))
    v3 ^= v2
    v0 += v3
    v3 = (v3 << np.uint64(21)) | (v3 >> np.uint64(43))
    v3 ^= v0
    v2 += v1
    v1 = (v1 << np.uint64(17)) | (v1 >> np.uint64(47))
    v1 ^= v2
    v2 = (v2 << np.uint64(32)) | (v2 >> np.uint64(32))
    return v0, v1, v2, v3


@_compiled
def _sip(words: Any, data: Any, start: int, stop: int, k0: Any, k1: Any) -> Any:
    v0 = k0 ^ np.uint64(0x736F6D6570736575)
    v1 = k1 ^ np.uint64(0x646F72616E646F6D) ^ np.uint64(0xEE)
    v2 = k0 ^ np.uint64(0x6C7967656E657261)
    v3 = k1 ^ np.uint64(0x7465646279746573)
    whole = start + (stop - start) // 8 * 8
    last = np.uint64((stop - start) & 0xFF) << np.uint64(56)
    for place in range(whole, stop):
        last |= np.uint64(data[place]) << np.uint64(8 * (place - whole))
    for place in range(start, whole + 8, 8):
        word = words[place] if place < whole else last
        v3 ^= word
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
        v0 ^= word
    v2 ^= np.uint64(0xEE)
    for _ in range(4):
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    low = v0 ^ v1 ^ v2 ^ v3
    v1 ^= np.uint64(0xDD)
    for _ in range(4):
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    return low, v0 ^ v1 ^ v2 ^ v3


@_compiled
def _digest_rows(words: Any, data: Any, starts: Any, valid: Any, k0: Any, k1: Any, out: Any) -> None:
    for row in range(len(starts) - 1):
        if valid[row]:
            out[row, 0], out[row, 1] = _sip(
                words, data, starts[row], starts[row + 1], k0 ^ out[row, 0], k1 ^ out[row, 1]
            )


@_compiled
def _find(keys: Any, low: Any, high: Any) -> Any:
    mask = np.uint64(len(keys) - 1)
    place = np.int64(high & mask)
    while keys[place, 0] != 0 and (keys[place, 0] != low or keys[place, 1] != high):
        place = np.int64(np.uint64(place + 1) & mask)
    return place


@_compiled
def _add(keys: Any, values: Any, digests: Any, versions: Any, codes: Any, places: Any) -> int:
    added = 0
    for row in range(len(digests)):
        place = _find(keys, digests[row, 0], digests[row, 1])
        places[row] = place
        if keys[place, 0] == 0:
            keys[place, 0] = digests[row, 0]
            keys[place, 1] = digests[row, 1]
            values[place, 0] = versions[row]
            codes[row] = NEW
            added += 1
        elif versions[row] > values[place, 0]:
            values[place, 0] = versions[row]
            codes[row] = NEWER
        else:
            codes[row] = KNOWN
    return added


@_compiled
def _follow(keys: Any, values: Any, digests: Any, contents: Any, seen: Any, codes: Any) -> int:
    added = 0
    for row in range(len(digests)):
        place = _find(keys, digests[row, 0], digests[row, 1])
        if keys[place, 0] == 0:
            keys[place, 0] = digests[row, 0]
            keys[place, 1] = digests[row, 1]
            added += 1
        elif seen[row] <= values[place, 0]:
            continue
        elif codes[row] == KNOWN and values[place, 1] != contents[row]:
            codes[row] = NEW
        values[place, 0] = seen[row]
        values[place, 1] = contents[row]
    return added


@_compiled
def _holds(keys: Any, digests: Any, out: Any) -> None:
    for row in range(len(digests)):
        out[row] = keys[_find(keys, digests[row, 0], digests[row, 1]), 0] != 0


@_compiled
def _move(old: Any, old_values: Any, keys: Any, values: Any) -> None:
    for row in range(len(old)):
        if old[row, 0] != 0:
            place = _find(keys, old[row, 0], old[row, 1])
            keys[place, 0] = old[row, 0]
            keys[place, 1] = old[row, 1]
            # A loop, because assigning a slice takes two seconds to compile.
            for column in range(values.shape[1]):
                values[place, column] = old_values[row, column]


def _bytes_of(array: pa.Array) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Return the bytes behind an array and where each value starts, without a copy of the bytes."""
    validity_and_rest = array.buffers()
    n = len(array)
    if pa.types.is_string(array.type):
        starts = np.frombuffer(validity_and_rest[1], np.int32)[array.offset : array.offset + n + 1]
        data = validity_and_rest[2]
        return (
            np.frombuffer(data, np.uint8) if data is not None and data.size else np.zeros(0, np.uint8),
            starts.astype(np.int64),
        )
    width = array.type.bit_width // 8
    starts = np.arange(array.offset, array.offset + n + 1, dtype=np.int64) * width
    return np.frombuffer(validity_and_rest[1], np.uint8), starts


def _digest_array(array: pa.Array, k0: Any, k1: Any, out: Digests) -> None:
    if array.null_count == len(array):
        return
    data, starts = _bytes_of(array)
    words = np.ndarray((max(len(data) - 7, 0),), "<u8", data, strides=(1,))
    valid = (
        np.ones(len(array), bool)
        if array.null_count == 0
        else np.asarray(array.is_valid().to_numpy(zero_copy_only=False))
    )
    _digest_rows(words, data, starts, valid, k0, k1, out)


def row_digests(columns: Sequence[pa.Array | pa.ChunkedArray], key: bytes) -> Digests:
    """Return a keyed digest of each row of some columns.

    Parameters
    ----------
    columns : sequence of pa.Array or pa.ChunkedArray
        Text, or values of a fixed width of whole bytes; each ``(n,)``. A null
        differs from every value.
    key : bytes
        At least 16.

    Returns
    -------
    numpy.ndarray
        ``(n, 2)``, uint64; the lowest bit is always set.

    Examples
    --------
    >>> row_digests([pa.array(["a", "b", "a"])], bytes(16))[:, 1].tolist().count(0)
    0
    """
    k0, k1 = np.frombuffer(key[:16], "<u8").astype(np.uint64)
    out = np.zeros((len(columns[0]), 2), np.uint64)
    for number, column in enumerate(columns):
        # A null leaves the digest as it is; the number of the column keeps neighbours apart.
        of_column = k0 ^ np.uint64(number << 32)
        start = 0
        for chunk in column.chunks if isinstance(column, pa.ChunkedArray) else [column]:
            _digest_array(chunk, of_column, k1, out[start : start + len(chunk)])
            start += len(chunk)
    # An empty place of the hash table is (0, 0).
    out[:, 0] |= np.uint64(1)
    return out


def digest(text: str, key: bytes) -> str:
    """Return the keyed digest of one text as 32 hexadecimal digits.

    >>> digest("x:1", bytes(16)) == digest("x:1", bytes(15) + b"1")
    False
    """
    (pair,) = row_digests([pa.array([text], pa.string())], key)
    return bytes(pair.astype("<u8").tobytes()).hex()


class Index:
    """A set of digests, each with the highest version met.

    Parameters
    ----------
    expected : int
        Digests that will come; the table grows by itself beyond.
    width : int
        Values kept for each digest.

    Notes
    -----
    Open addressing with linear probing at a load of at most 0.6: 24 bytes for
    each place, so some 40 to 80 bytes for each digest.
    """

    def __init__(self, expected: int = 0, *, width: int = 1) -> None:
        self._width = width
        self._used = 0
        self._allocate(expected)

    def _allocate(self, expected: int) -> None:
        places = 1 << max(10, int(expected / 0.6).bit_length())
        self._keys = np.zeros((places, 2), np.uint64)
        self._values = np.zeros((places, self._width), np.int64)

    def __len__(self) -> int:
        return self._used

    def _reserve(self, more: int) -> None:
        if (self._used + more) > 0.6 * len(self._keys):
            keys, values = self._keys, self._values
            self._allocate(self._used + more)
            _move(keys, values, self._keys, self._values)

    def add(self, digests: Digests, versions: npt.NDArray[np.int64]) -> npt.NDArray[np.int8]:
        """Take up digests in order and say of each whether it was there.

        Parameters
        ----------
        digests : numpy.ndarray
            ``(n, 2)``.
        versions : numpy.ndarray
            ``(n,)``, int64.

        Returns
        -------
        numpy.ndarray
            ``(n,)``, int8: of all rows of one digest at most one is
            :data:`NEW` (it was not there before) or :data:`NEWER` (it was
            there, with lower versions only), namely the first of the highest
            version; the others are :data:`KNOWN`.
        """
        self._reserve(len(digests))
        codes = np.empty(len(digests), np.int8)
        places = np.empty(len(digests), np.int64)
        self._used += _add(self._keys, self._values, digests, versions, codes, places)
        newer = np.flatnonzero(codes == NEWER)
        if len(newer):
            first = np.isin(places[newer], places[codes == NEW])
            passed = (codes != KNOWN) & (self._values[places, 0] != versions)
            codes[newer[first]] = NEW
            codes[passed] = KNOWN
        return codes

    def follow(
        self, digests: Digests, contents: Digests, seen: npt.NDArray[np.int64], codes: npt.NDArray[np.int8]
    ) -> None:
        """Turn :data:`KNOWN` to :data:`NEW` where a state returns after another one (see `Changes`)."""
        self._reserve(len(digests))
        marks = np.ascontiguousarray(contents[:, 1]).view(np.int64)
        self._used += _follow(self._keys, self._values, digests, marks, seen, codes)

    def holds(self, digests: Digests) -> npt.NDArray[np.bool_]:
        """Return ``(n,)``: which digests are in the set."""
        out = np.zeros(len(digests), np.bool_)
        if self._used:
            _holds(self._keys, digests, out)
        return out


class Changes:
    """Which sightings of changing things tell something new.

    A sighting is new where its content was never met for that thing, or where
    it returns, later than everything known, after another content: A, B, A
    are three states, while A, A is one. Sightings that are taken up twice are
    new once.
    """

    def __init__(self, expected: int = 0) -> None:
        self._contents = Index(expected)
        self._latest = Index(expected, width=2)

    def add(self, digests: Digests, contents: Digests, seen: npt.NDArray[np.int64]) -> npt.NDArray[np.int8]:
        """Take up sightings in order; return :data:`NEW` or :data:`KNOWN` of each, ``(n,)``."""
        codes = self._contents.add(contents, np.zeros(len(contents), np.int64))
        self._latest.follow(digests, contents, seen, codes)
        return codes


def warm() -> None:
    """Compile the loops of keys now, so that nobody waits for it later."""
    texts = row_digests([pa.array(["a", None]), pa.array([1, 2])], bytes(16))
    empty = row_digests([pa.array(["", ""])], bytes(16))
    seen = np.zeros(2, np.int64)
    changes = Changes()
    for digests in (texts, empty):
        changes.add(digests, digests, seen)
    index = Index()
    index.add(row_digests([pa.array(np.arange(1000))], bytes(16)), np.zeros(1000, np.int64))
    index.holds(texts)
