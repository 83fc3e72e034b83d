"""Shared listeners of speakers, counted exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from entregent.errors import InputError

__all__ = ["AudienceOverlap", "overlap"]


@dataclass(frozen=True)
class AudienceOverlap:
    """How many people listen to two speakers.

    Parameters
    ----------
    shared : int64 array, shape (k, k)
        Distinct accounts that acted on both; on the diagonal, on that one.
    share : float64 array, shape (k, k)
        ``shared[i, j]`` over the listeners of i, in [0, 1]; 0 where i has none.
    """

    shared: npt.NDArray[np.int64]
    share: npt.NDArray[np.float64]


def overlap(
    listener: pa.Array | pa.ChunkedArray,
    speaker: pa.Array | pa.ChunkedArray,
    speakers: Sequence[str] | pa.Array,
) -> AudienceOverlap:
    """Count the listeners that speakers share.

    Parameters
    ----------
    listener, speaker : pa.Array or pa.ChunkedArray of string, shape (n_acts,)
        Acts in any order; the same pair counts once, unknown sides not at all.
    speakers : sequence of str, shape (k,)
        Whom to compare.

    Returns
    -------
    AudienceOverlap
        Exact counts, no estimate: they speak of the acts given and of nothing else.

    Raises
    ------
    InputError
        Where a speaker is given twice or lengths differ.

    Examples
    --------
    >>> found = overlap(pa.array(["a", "b", "a", "a"]), pa.array(["x", "x", "y", "y"]), ["x", "y"])
    >>> found.shared.tolist(), found.share.tolist()
    ([[2, 1], [1, 1]], [[1.0, 0.5], [1.0, 1.0]])
    """
    chosen = pa.array(speakers, pa.string())
    k = len(chosen)
    if len(listener) != len(speaker):
        raise InputError(f"There are {len(listener)} listeners for {len(speaker)} speakers.")
    if len(pc.unique(chosen)) != k:
        raise InputError("A speaker is given twice.", do="Give every speaker once.")
    column = pc.index_in(speaker.cast(pa.string()), value_set=chosen)
    wanted = pc.and_(pc.is_valid(column), pc.is_valid(listener))
    codes = np.asarray(column.filter(wanted).cast(pa.int64()))
    names = listener.filter(wanted)
    encoded = pa.chunked_array(names.chunks if isinstance(names, pa.ChunkedArray) else [names], names.type)
    people = encoded.dictionary_encode().combine_chunks() if len(encoded) else None
    rows = np.asarray(people.indices) if people is not None else np.empty(0, dtype=np.int64)
    listeners = len(people.dictionary) if people is not None else 0
    heard = sparse.csr_matrix((np.ones(len(rows), dtype=np.int64), (rows, codes)), shape=(listeners, k))
    heard.data[:] = 1
    shared = np.asarray((heard.T @ heard).todense(), dtype=np.int64)
    own = shared.diagonal()[:, None]
    return AudienceOverlap(shared, np.divide(shared, own, out=np.zeros((k, k)), where=own > 0))
