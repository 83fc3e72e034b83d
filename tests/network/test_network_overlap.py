"""Shared listeners are exact counts of distinct people."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entregent.errors import InputError
from entregent.network import overlap

people = st.one_of(st.none(), st.sampled_from("abcdefgh"))
SPEAKERS = ("x", "y", "z", "nobody")


@given(st.lists(st.tuples(people, st.one_of(st.none(), st.sampled_from([*SPEAKERS[:3], "other"])))))
def test_counts_are_those_of_sets(acts):
    found = overlap(
        pa.array([a for a, _ in acts], pa.string()), pa.array([s for _, s in acts], pa.string()), SPEAKERS
    )
    sets = [{a for a, s in acts if s == speaker and a is not None} for speaker in SPEAKERS]
    for i, mine in enumerate(sets):
        for j, theirs in enumerate(sets):
            assert found.shared[i, j] == len(mine & theirs)
            assert found.share[i, j] == pytest.approx(len(mine & theirs) / len(mine) if mine else 0.0)


def test_chunked_columns_and_no_speakers():
    listener, speaker = pa.chunked_array([["a"], ["b", "a"]]), pa.chunked_array([["x", "x"], ["y"]])
    assert overlap(listener, speaker, ["y", "x"]).shared.tolist() == [[1, 1], [1, 2]]
    assert overlap(listener, speaker, []).shared.shape == (0, 0)
    empty = pa.array([], pa.string())
    assert np.array_equal(overlap(empty, empty, ["x"]).share, np.zeros((1, 1)))


def test_bad_input_stops():
    with pytest.raises(InputError, match="twice"):
        overlap(pa.array(["a"]), pa.array(["x"]), ["x", "x"])
    with pytest.raises(InputError, match="1 listeners for 2"):
        overlap(pa.array(["a"]), pa.array(["x", "y"]), ["x"])
