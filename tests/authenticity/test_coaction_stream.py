from __future__ import annotations

import numpy as np
import pytest
from coaction_oracle import SECOND, coded, joined, listed, rows, window_lists
from hypothesis import given, settings
from hypothesis import strategies as st

from entregent.authenticity.coaction import coaction
from entregent.authenticity.stream import CoactionStream
from entregent.errors import InputError


def fed(stream, rows, sizes):
    """Give rows to a stream in parts of given sizes."""
    start = 0
    for size in [*sizes, len(rows)]:
        part = rows[start : start + size]
        start += size
        if part:
            stream.update(*(list(column) for column in zip(*part, strict=True)))
    return stream


def in_micros(rows):
    return [(account, object_, second * SECOND) for account, object_, second in rows]


@settings(max_examples=80)
@given(rows, window_lists, st.lists(st.integers(1, 7), max_size=10))
def test_acts_in_order_give_what_all_at_once_gives(rows, windows, sizes):
    ordered = sorted(rows, key=lambda row: row[2])
    stream = fed(CoactionStream(windows), in_micros(ordered), sizes)
    account, object_, seconds = zip(*ordered, strict=True)
    whole = coaction(coded(account, object_, seconds), windows, least=1)
    found = stream.result(least=1)
    assert listed(found) == listed(whole)
    assert (found.actions, found.objects) == (whole.actions, whole.objects)
    assert found.accounts == len(set(account))
    assert found.notices == ()


@settings(max_examples=80)
@given(rows, window_lists, st.integers(0, 30), st.lists(st.integers(1, 7), max_size=10))
def test_acts_out_of_order_count_as_far_as_lateness_allows(rows, windows, late, sizes):
    kept, seen, newest, too_late = [], set(), -(10**9), 0
    for account, object_, second in rows:
        if second < newest - late:
            too_late += 1
            continue
        newest = max(newest, second)
        if (account, object_) not in seen:
            seen.add((account, object_))
            kept.append((account, object_, second))
    found = fed(CoactionStream(windows, late=late), in_micros(rows), sizes).result(least=1)
    account, object_, seconds = zip(*kept, strict=True)
    assert listed(found) == joined(coded(account, object_, seconds), sorted(windows))
    assert [notice.count for notice in found.notices] == [too_late] * (too_late > 0)


def test_many_acts_through_every_growing_table():
    rng = np.random.default_rng(3)
    n = 30_000
    account, object_ = rng.integers(0, 400, n), rng.integers(0, 3000, n)
    seconds = np.sort(rng.integers(0, 200_000, n))
    stream = CoactionStream([60, 3600, 86_400])
    taken = sum(
        stream.update(account[part], object_[part], seconds[part] * SECOND)
        for part in np.array_split(np.arange(n), 50)
    )
    whole = coaction(coded(account, object_, seconds), [60, 3600, 86_400], least=1)
    found = stream.result(least=1)
    assert taken == found.actions == whole.actions
    for column in ("a", "b", "count"):
        assert np.array_equal(getattr(found, column), getattr(whole, column))
    assert listed(stream.result(least=3)) == {p: n for p, n in listed(whole).items() if max(n) >= 3}


def test_memory_of_idle_objects_is_given_back():
    stream = CoactionStream([1], forget=10)
    for start in range(0, 200_000, 1000):
        numbers = np.arange(start, start + 1000)
        stream.update(numbers % 50, numbers // 2 % 100_000, numbers * SECOND)
    assert len(stream._following) <= 8192
    assert len(stream._seen) <= 8192
    # Each object was shared by two accounts one second apart, twice in all: closed in between.
    found = stream.result(least=1)
    assert found.count.sum() == 100_000


def test_a_forgotten_object_is_a_new_one():
    stream = CoactionStream([5], forget=100)
    fed(stream, in_micros([(0, 0, 0), (1, 0, 1), (0, 0, 50), (1, 0, 51)]), [])
    assert listed(stream.result(least=1)) == {(0, 1): (1,)}
    fed(stream, in_micros([(0, 0, 200), (1, 0, 201)]), [])
    assert listed(stream.result(least=1)) == {(0, 1): (2,)}


def test_an_object_of_a_crowd_stops_counting_and_others_go_on():
    stream = CoactionStream([1, 3600], most_per_object=100)
    crowd = [(number, 0, 2 * number) for number in range(300)]
    fed(stream, in_micros(crowd), [])
    fed(stream, in_micros([(0, 1, 700), (1, 1, 700)]), [])
    found = stream.result(least=1)
    # Act number k brings k pairs: 105 after the fifteenth, which is the last that counts for an hour.
    assert found.count[:, 1].sum() == 105 + 1
    assert found.count[:, 0].sum() == 1
    assert (found.capped.object.tolist(), found.capped.windows.tolist()) == ([0], [1])
    assert found.capped.pairs.tolist() == [105]
    assert [notice.code for notice in found.notices] == ["coaction.object_stopped"]


def test_dropped_pairs_lack_no_more_than_said():
    rng = np.random.default_rng(8)
    steady = [(number % 2, 1000 + number // 2, number // 2) for number in range(400)]
    noise = [(2 + int(a), int(o), int(s)) for a, o, s in rng.integers(0, (300, 500, 200), (4000, 3))]
    acts = sorted(steady + noise, key=lambda row: row[2])
    account, object_, seconds = zip(*acts, strict=True)
    whole = listed(coaction(coded(account, object_, seconds), [30], least=1))
    stream = fed(CoactionStream([30], most_pairs=1000), in_micros(acts), [100] * 40)
    found = stream.result(least=1)
    assert stream.missing > 0
    assert listed(found)[0, 1] == whole[0, 1] == (200,)
    for pair, (n,) in whole.items():
        assert n - stream.missing <= listed(found).get(pair, (0,))[0] <= n
    assert [notice.code for notice in found.notices] == ["coaction.pairs_dropped"]


def test_nothing_is_nothing():
    stream = CoactionStream([60])
    assert stream.update([], [], []) == 0
    assert stream.result().count.shape == (0, 1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"windows": [-1]},
        {"windows": []},
        {"windows": [60], "late": -1},
        {"windows": [60], "forget": 30},
        {"windows": [60], "most_pairs": 0},
        {"windows": [60], "most_per_object": 0},
        {"windows": [60], "forget": float("nan")},
    ],
)
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(InputError):
        CoactionStream(**wrong)


@pytest.mark.parametrize(
    "acts",
    [
        ([0, 1], [0], [0, 1]),
        ([-1], [0], [0]),
        ([0], [2**31], [0]),
        ([0], [0], [2**61]),
        ([0.5], [0], [0]),
        (["ann"], [0], [0]),
        ([[0]], [0], [0]),
    ],
)
def test_wrong_acts_are_refused_and_leave_the_stream_as_it_was(acts):
    stream = CoactionStream([60])
    stream.update([0, 1], [0, 0], [0, SECOND])
    with pytest.raises(InputError):
        stream.update(*acts)
    assert listed(stream.result(least=1)) == {(0, 1): (1,)}
    with pytest.raises(InputError, match="least"):
        stream.result(least=0)
