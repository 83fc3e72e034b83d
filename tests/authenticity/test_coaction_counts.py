from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from coaction_oracle import SECOND, coded, joined, listed, rows, window_lists
from hypothesis import given, settings
from hypothesis import strategies as st

from entregent.authenticity import coaction as module
from entregent.authenticity.coaction import coaction, evidence, first_acts, shuffled
from entregent.authenticity.objects import actions
from entregent.errors import Cancelled, InputError


@settings(max_examples=120)
@given(rows, window_lists, st.sampled_from(["first", "all"]), st.sampled_from([1, 3, 10, 10**9]))
def test_counts_are_those_of_the_self_join(rows, windows, acts, most):
    account, object_, seconds = zip(*rows, strict=True)
    shared = coded(account, object_, seconds)
    found = coaction(shared, windows, acts=acts, least=1, most_per_object=most)
    assert found.windows.tolist() == sorted(windows)
    assert listed(found) == joined(shared, sorted(windows), acts, most)


@pytest.mark.parametrize("acts", ["first", "all"])
@pytest.mark.parametrize("seed", range(6))
def test_counts_of_busy_accounts_are_those_of_the_self_join(seed, acts):
    rng = np.random.default_rng(seed)
    n = 400
    shared = coded(rng.integers(0, 12, n), rng.integers(0, 6, n), rng.integers(0, 3000, n))
    windows = [2.0, 10.0, 60.0, 600.0]
    for most in (10**9, 40, 400):
        found = coaction(shared, windows, acts=acts, least=1, most_per_object=most)
        assert listed(found) == joined(shared, windows, acts, most)
        assert (len(found.capped.object) > 0) == (most == 40 or (most == 400 and acts == "all"))


def test_a_nearer_pair_of_acts_on_the_same_object_takes_the_place_of_one_further_off():
    shared = coded([0, 1, 0, 1], [0, 0, 0, 0], [0, 50, 1000, 1002])
    assert listed(coaction(shared, [5, 60], acts="all", least=1)) == {(0, 1): (1, 1)}


@settings(max_examples=40)
@given(rows, window_lists, st.integers(0, 2**32 - 1))
def test_the_order_of_rows_and_the_names_do_not_matter(rows, windows, seed):
    account, object_, seconds = (np.array(column) for column in zip(*rows, strict=True))
    rng = np.random.default_rng(seed)
    order, other = rng.permutation(len(rows)), rng.permutation(8)
    straight = listed(coaction(coded(account, object_, seconds), windows, acts="all", least=1))
    turned = coaction(
        coded(other[account[order]], object_[order], seconds[order]), windows, acts="all", least=1
    )
    renamed = {tuple(sorted((int(other[a]), int(other[b])))): n for (a, b), n in straight.items()}
    assert listed(turned) == renamed


@settings(max_examples=40)
@given(rows, st.integers(1, 4))
def test_pairs_are_in_order_without_direction_and_never_with_oneself(rows, least):
    account, object_, seconds = zip(*rows, strict=True)
    found = coaction(coded(account, object_, seconds), [5, 30], acts="all", least=least)
    pairs = list(zip(found.a.tolist(), found.b.tolist(), strict=True))
    assert pairs == sorted(set(pairs))
    assert (found.a < found.b).all()
    assert (found.count.max(axis=1, initial=least) >= least).all()
    assert (np.diff(found.count, axis=1) >= 0).all()


@settings(max_examples=40)
@given(rows, st.integers(1, 20))
def test_where_there_are_too_many_pairs_the_strongest_stay(rows, most):
    account, object_, seconds = zip(*rows, strict=True)
    shared = coded(account, object_, seconds)
    whole = listed(coaction(shared, [30], least=1))
    found = coaction(shared, [30], least=1, most_pairs=most)
    counts = [n for (n,) in whole.values()]
    expected = next(least for least in range(1, 9) if sum(n >= least for n in counts) <= most)
    assert found.least == expected
    assert listed(found) == {pair: n for pair, n in whole.items() if n[0] >= expected}
    assert ("coaction.least_raised" in {notice.code for notice in found.notices}) == (expected > 1)


def test_tables_that_grow_and_drop_on_the_way_lose_nothing(monkeypatch):
    rng = np.random.default_rng(5)
    shared = coded(rng.integers(0, 80, 4000), rng.integers(0, 60, 4000), rng.integers(0, 500, 4000))
    whole = coaction(shared, [10, 60], least=1)
    monkeypatch.setattr(module, "_ROOM", 4)
    monkeypatch.setattr(module, "_AT_ONCE", 50)
    assert listed(coaction(shared, [10, 60], least=1)) == listed(whole)
    strongest = whole.count.max(axis=1)
    for most in (1, 5, 40, 200, 1000):
        few = coaction(shared, [10, 60], least=1, most_pairs=most)
        assert few.least == next(n for n in range(1, 100) if (strongest >= n).sum() <= most)
        assert listed(few) == {p: n for p, n in listed(whole).items() if max(n) >= few.least}


def test_ends_of_a_window_are_inside():
    shared = coded([0, 1, 0, 1], [0, 0, 1, 1], [0, 60, 0, 60.000001])
    assert listed(coaction(shared, [60], least=1)) == {(0, 1): (1,)}


def test_an_object_counts_once_however_often_both_act_on_it():
    shared = coded([0, 1] * 10, [0] * 20, range(20))
    for acts in ("first", "all"):
        assert listed(coaction(shared, [1, 86_400], acts=acts, least=1)) == {(0, 1): (1, 1)}


def test_first_acts_or_all():
    shared = coded([0, 1, 0], [0, 0, 0], [0, 1000, 1010])
    assert listed(coaction(shared, [60], least=1)) == {}
    assert listed(coaction(shared, [60], acts="all", least=1)) == {(0, 1): (1,)}


def test_a_million_acts_on_one_object_are_capped_and_said():
    n = 1_000_000
    crowd = coded([], [], [])
    names = pa.array([str(number) for number in range(n)])
    account = np.concatenate((np.arange(n), [0, 1])).astype(np.int32)
    object_ = np.concatenate((np.zeros(n), [1, 1])).astype(np.int32)
    time = np.concatenate((np.arange(n) * SECOND // 4, [0, 5])).astype(np.int64)
    shared = type(crowd)(names, pa.array(["crowd", "pair"]), account, object_, time)
    found = coaction(shared, [1, 3600], least=1)
    # Within one second there are four neighbours on each side; within an hour, thousands.
    assert found.capped.object.tolist() == [0]
    assert found.capped.windows.tolist() == [1]
    assert found.capped.pairs.tolist() == [14_400 * n - 14_400 * 14_401 // 2]
    assert len(found.a) == 4 * n - 10
    assert found.count[0].tolist() == [2, 1]
    (notice,) = found.notices
    assert (notice.code, notice.count, notice.where) == ("coaction.object_capped", 1, ("crowd",))
    at_once = coaction(
        type(crowd)(names, shared.objects, account, object_, np.zeros_like(time)), [1], least=1
    )
    assert listed(at_once) == {(0, 1): (1,)}
    assert at_once.capped.pairs.tolist() == [n * (n - 1) // 2]


def test_one_account():
    found = coaction(coded([0, 0], [0, 1], [0, 1]), [60], least=1)
    assert (len(found.a), found.objects) == (0, 0)
    assert [notice.code for notice in found.notices] == ["coaction.one_account"]


def test_nothing():
    found = coaction(coded([], [], []), [1, 60], least=1)
    assert found.count.shape == (0, 2)
    assert found.linked(60)[0].shape == (0,)


def test_what_is_reported():
    found = coaction(coded([0, 1, 2, 0], [0, 0, 1, 0], [0, 5, 0, 1], kind="link"), [60, 10, 10], least=1)
    assert (found.actions, found.accounts, found.objects, found.least) == (3, 3, 1, 1)
    assert found.parameters == {
        "kind": "link",
        "windows": [10.0, 60.0],
        "acts": "first",
        "least": 1,
        "most_per_object": module.MOST_PER_OBJECT,
        "most_pairs": module.MOST_PAIRS,
    }


@pytest.mark.parametrize("window", [-60, 0, 0.5, 86_401, float("nan"), float("inf")])
def test_windows_out_of_range_are_refused(window):
    with pytest.raises(InputError, match="86400"):
        coaction(coded([0], [0], [0]), [60, window])


@pytest.mark.parametrize(
    "wrong", [{"least": 0}, {"most_per_object": 0}, {"most_pairs": -1}, {"acts": "last"}]
)
def test_wrong_values_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        coaction(coded([0], [0], [0]), [60], **wrong)


def test_no_window_and_times_beyond_all_reason_are_refused():
    with pytest.raises(InputError, match="No window"):
        coaction(coded([0], [0], [0]), [])
    far = coded([0, 1], [0, 0], [0, 0])
    far.time[:] = [-(2**62), 2**62]
    with pytest.raises(InputError, match="microseconds"):
        coaction(far, [60])


def test_linked_gives_what_was_counted_and_refuses_the_rest():
    found = coaction(coded([0, 1, 0, 1, 0, 2], [0, 0, 1, 1, 1, 1], [0, 9, 0, 1, 0, 50]), [1, 10, 60], least=1)
    assert [column.tolist() for column in found.linked(10, 2)] == [[0], [1], [2]]
    assert [column.tolist() for column in found.linked(1)] == [[0], [1], [1]]
    with pytest.raises(InputError, match="1, 10, 60"):
        found.linked(30)
    with pytest.raises(InputError, match="not kept"):
        coaction(coded([0], [0], [0]), [1], least=3).linked(1, 2)


@settings(max_examples=40)
@given(rows, st.sampled_from(["first", "all"]))
def test_evidence_is_as_long_as_the_count_and_within_the_window(rows, acts):
    account, object_, seconds = zip(*rows, strict=True)
    shared = coded(account, object_, seconds)
    looked_at = first_acts(shared) if acts == "first" else shared
    given_acts = set(zip(shared.account.tolist(), shared.object.tolist(), shared.time.tolist(), strict=True))
    found = coaction(shared, [10], acts=acts, least=1)
    for (a, b), (n,) in listed(found).items():
        rows_behind = evidence(looked_at, a, b, 10)
        assert len(rows_behind.object) == n == len(set(rows_behind.object.tolist()))
        assert (np.abs(rows_behind.time_a - rows_behind.time_b) <= 10 * SECOND).all()
        for code, when_a, when_b in zip(
            rows_behind.object.tolist(), rows_behind.time_a.tolist(), rows_behind.time_b.tolist(), strict=True
        ):
            assert {(a, code, when_a), (b, code, when_b)} <= given_acts
    assert len(evidence(looked_at, 0, 99, 10).object) == 0


@settings(max_examples=30)
@given(rows, st.integers(0, 1000))
def test_shuffling_keeps_who_shared_what_and_when_each_thing_was_shared(rows, seed):
    account, object_, seconds = zip(*rows, strict=True)
    first = first_acts(coded(account, object_, seconds))
    mixed = shuffled(coded(account, object_, seconds), np.random.default_rng(seed))
    who = sorted(zip(first.account.tolist(), first.object.tolist(), strict=True))
    assert sorted(zip(mixed.account.tolist(), mixed.object.tolist(), strict=True)) == who
    when = sorted(zip(first.object.tolist(), first.time.tolist(), strict=True))
    assert sorted(zip(mixed.object.tolist(), mixed.time.tolist(), strict=True)) == when


def test_shuffling_is_fair():
    shared = coded([0, 1, 2], [0, 0, 0], [0, 1, 100])
    rng = np.random.default_rng(11)
    pairs = [next(iter(listed(coaction(shuffled(shared, rng), [5], least=1)))) for _ in range(600)]
    for pair in ((0, 1), (0, 2), (1, 2)):
        # 200 expected of 600, standard deviation 11.5.
        assert 150 < pairs.count(pair) < 250


class Stopped:
    def step(self, name, total=None, unit=""): ...

    def advance(self, amount, note=""): ...

    def cancelled(self):
        return True


def test_long_work_can_be_stopped():
    with pytest.raises(Cancelled):
        coaction(coded([0, 1], [0, 0], [0, 1]), [60], progress=Stopped())


def test_progress_reaches_its_total(monkeypatch):
    class Counting(Stopped):
        done = 0

        def advance(self, amount, note=""):
            self.done += amount

        def cancelled(self):
            return False

    monkeypatch.setattr(module, "_AT_ONCE", 3)
    monkeypatch.setattr(module, "_ROOM", 1)
    report = Counting()
    coaction(coded([0, 1, 2, 3], [0, 0, 0, 0], [0, 1, 2, 3]), [60], least=1, progress=report)
    assert report.done == 4


def test_windows_shorter_than_what_times_are_known_to_mean_nothing():
    days = pa.array([86_400 * SECOND * day for day in (0, 0, 1, 2)])
    shared = actions(pa.array(["a", "b", "a", "b"]), pa.array(["x", "x", "y", "y"]), days)
    found = coaction(shared, [60, 3600, 86_400], least=1)
    assert listed(found) == {(0, 1): (1, 1, 2)}
    notices = {notice.code: notice for notice in found.notices}
    assert set(notices) == {"coaction.coarse_times", "coaction.window_too_short"}
    assert notices["coaction.window_too_short"].where == ("60 s", "3600 s")
    assert "day" in str(notices["coaction.coarse_times"].text)
    assert [n.code for n in coaction(shared, [86_400]).notices] == ["coaction.coarse_times"]
