"""Counter-based random numbers: every draw is a function of what it is for.

A draw depends on the seed, its purpose and the keys of what it decides (the
item, the source, the person), never on how many draws came before. Two worlds
that differ in one person's influence therefore share every draw that does not
follow from it: common random numbers, without which the difference between
two runs would be noise.

The mixing is the finaliser of SplitMix64 (Steele, Lea and Flood 2014,
https://doi.org/10.1145/2660193.2660195). :mod:`entregent.world.kernels` holds
the same functions for single numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["hash_of", "mixed", "pick", "unit"]

_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


def mixed(value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the bits of each number, well mixed."""
    with np.errstate(over="ignore"):
        value = (value ^ (value >> np.uint64(30))) * _FIRST
        value = (value ^ (value >> np.uint64(27))) * _SECOND
        return value ^ (value >> np.uint64(31))


def hash_of(seed: int, *keys: ArrayLike) -> NDArray[np.uint64]:
    """Return one hash per row of the keys.

    Parameters
    ----------
    seed : int
        From 0.
    *keys : int or array of int, shape (n,)
        Broadcast against each other; from 0.

    Returns
    -------
    ndarray of uint64, shape (n,)

    Examples
    --------
    >>> bool((hash_of(7, 1, [4, 5]) == hash_of(7, 1, [4, 5])).all())
    True
    >>> bool((hash_of(7, 1, [4, 5]) == hash_of(8, 1, [4, 5])).any())
    False
    """
    with np.errstate(over="ignore"):
        value: Any = mixed(np.asarray([seed], dtype=np.uint64) + _STEP)
        for key in keys:
            value = mixed(value + (np.asarray(key).astype(np.uint64) + np.uint64(1)) * _STEP)
    return np.asarray(value, dtype=np.uint64)


def unit(hashes: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Return a number in [0, 1) per hash."""
    return (hashes >> np.uint64(11)).astype(np.float64) * 2.0**-53


def pick(hashes: NDArray[np.uint64], choices: int) -> NDArray[np.int64]:
    """Return a number from 0 up to but not including `choices` per hash."""
    return (unit(hashes) * choices).astype(np.int64)
