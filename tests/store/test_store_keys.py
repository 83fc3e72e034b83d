"""SipHash against the vectors of its authors; the set of digests against a dictionary."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entregent.store.keys import KNOWN, NEW, NEWER, Changes, Index, digest, row_digests

# Aumasson and Bernstein's reference code, vectors_sip128 (key 00..0f, message 00, 01, ...).
PUBLISHED = [
    "a3817f04ba25a8e66df67214c7550293",
    "da87c1d86b99af44347659119b22fc45",
    "8177228da4a45dc7fca38bdef60affe4",
    "9c70b60c5267a94e5f33b6b02985ed51",
    "f88164c12d9c8faf7d0f6e7c7bcd5579",
    "1368875980776f8854527a07690e9627",
    "14eeca338b208613485ea0308fd7a15e",
    "a1f1ebbed8dbc153c0b84aa61ff08239",
    "3b62a9ba6258f5610f83e264f31497b4",
]
KEY = bytes(range(16))


@pytest.mark.parametrize("length", range(len(PUBLISHED)))
def test_digest_is_siphash_2_4_128(length: int) -> None:
    low, high = (int(half) for half in row_digests([pa.array(["".join(map(chr, range(length)))])], KEY)[0])
    expected = bytes.fromhex(PUBLISHED[length])
    assert high == int.from_bytes(expected[8:], "little")
    assert low | 1 == int.from_bytes(expected[:8], "little") | 1


@given(st.lists(st.one_of(st.none(), st.text(max_size=40)), max_size=30), st.integers(0, 5))
def test_digest_depends_on_the_value_alone(values: list[str | None], cut: int) -> None:
    whole = row_digests([pa.array(values, pa.string())], KEY)
    chunked = pa.chunked_array([pa.array(values[:cut], pa.string()), pa.array(values[cut:], pa.string())])
    assert np.array_equal(whole, row_digests([chunked], KEY))
    by_value = {value: tuple(pair) for value, pair in zip(values, whole.tolist(), strict=True)}
    assert len(set(by_value.values())) == len(by_value)
    assert [by_value[value] for value in values] == [tuple(pair) for pair in whole.tolist()]


def test_columns_are_not_run_together() -> None:
    left, right = pa.array(["ab", "a", None, ""]), pa.array(["c", "bc", "", None])
    assert len({tuple(pair) for pair in row_digests([left, right], KEY).tolist()}) == 4


def test_numbers_and_times_have_digests() -> None:
    times = pa.array([1, 2, None, 1], pa.timestamp("us", tz="UTC"))
    pairs = [tuple(pair) for pair in row_digests([times.slice(1), pa.array([1, 1, 1])], KEY).tolist()]
    assert len(set(pairs)) == 3
    assert tuple(row_digests([times.slice(3), pa.array([1])], KEY).tolist()[0]) == pairs[2]


def test_digest_of_one_text_needs_the_key() -> None:
    assert digest("x:1", KEY) == digest("x:1", KEY)
    assert digest("x:1", KEY) != digest("x:1", bytes(16))


@settings(max_examples=60)
@given(st.lists(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 4)), max_size=12), max_size=6))
def test_index_agrees_with_a_dictionary(batches: list[list[tuple[int, int]]]) -> None:
    index, known = Index(), dict[int, int]()
    for batch in batches:
        digests = row_digests([pa.array([str(item) for item, _ in batch], pa.string())], KEY)
        codes = index.add(digests, np.array([version for _, version in batch], np.int64))
        best: dict[int, tuple[int, int]] = {}
        for row, (item, version) in enumerate(batch):
            if version > best.get(item, (-1, -1))[1]:
                best[item] = (row, version)
        for row, (item, _) in enumerate(batch):
            winner, version = best[item]
            expected = KNOWN
            if row == winner and item not in known:
                expected = NEW
            elif row == winner and version > known[item]:
                expected = NEWER
            assert codes[row] == expected
        for item, (_, version) in best.items():
            known[item] = max(version, known.get(item, version))
        assert len(index) == len(known)


def test_index_grows() -> None:
    index = Index()
    ids = pa.array([str(number) for number in range(20_000)])
    digests = row_digests([ids], KEY)
    for start in range(0, 20_000, 700):
        part = digests[start : start + 700]
        assert (index.add(part, np.zeros(len(part), np.int64)) == NEW).all()
    assert index.holds(digests).all()
    assert not index.holds(row_digests([pa.array(["no", "never"])], KEY)).any()


def _sightings(changes: Changes, *states: tuple[str, str, int]) -> list[int]:
    ids, contents, seen = zip(*states, strict=True)
    who = row_digests([pa.array(ids)], KEY)
    what = row_digests([pa.array(ids), pa.array(contents)], KEY)
    return changes.add(who, what, np.array(seen, np.int64)).tolist()


def test_a_state_that_returns_is_a_change_once() -> None:
    changes = Changes()
    states = (("a", "A", 1), ("a", "A", 2), ("a", "B", 3), ("a", "A", 4), ("b", "A", 4))
    assert _sightings(changes, *states) == [NEW, KNOWN, NEW, NEW, NEW]
    assert _sightings(changes, *states) == [KNOWN] * 5


def test_an_old_sighting_does_not_return() -> None:
    changes = Changes()
    assert _sightings(changes, ("a", "A", 5), ("a", "B", 9), ("a", "A", 6)) == [NEW, NEW, KNOWN]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("ABC"), st.integers(0, 6)), min_size=1))
def test_sightings_taken_up_twice_are_new_once(states: list[tuple[str, str, int]]) -> None:
    changes = Changes()
    _sightings(changes, *states)
    assert _sightings(changes, *states) == [KNOWN] * len(states)
