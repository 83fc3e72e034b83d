"""Where the actions say nothing about groups, that is what is said."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from entregent.authenticity.groups import control_shuffled, find_groups
from entregent.errors import InputError

SECOND = 1_000_000


def looked(account, object_, time, window=60.0, **more):
    table = pa.table({"account": account, "object": object_, "time": time})
    return find_groups(table, window=window, rng=np.random.default_rng(1), **more)


def spread(n: int = 3000, accounts: int = 60, objects: int = 40):
    rng = np.random.default_rng(4)
    return (
        [f"a{code}" for code in rng.integers(0, accounts, n)],
        [f"o{code}" for code in rng.integers(0, objects, n)],
        rng.integers(0, 30 * 86_400, n) * SECOND,
    )


def test_one_account():
    result = looked(["ann"] * 30, [f"o{code}" for code in range(30)], [code * SECOND for code in range(30)])
    assert result.groups == ()
    assert result.cannot_tell.code == "groups.few_accounts"
    assert "coaction.one_account" in [notice.code for notice in result.notices]


def test_nothing_at_all():
    result = looked(pa.array([], pa.string()), pa.array([], pa.string()), pa.array([], pa.int64()))
    assert result.cannot_tell.code == "groups.few_accounts"


def test_identical_times():
    account, object_, _ = spread()
    result = looked(account, object_, np.full(len(account), 5 * SECOND))
    assert result.cannot_tell.code == "groups.same_times"


def test_times_to_the_day_only():
    account, object_, time = spread(400)
    days = time // (86_400 * SECOND) * (86_400 * SECOND)
    result = looked(account, object_, days, window=3600)
    assert result.cannot_tell.code == "groups.coarse_times"
    codes = [notice.code for notice in result.notices]
    assert {"coaction.coarse_times", "coaction.window_too_short"} <= set(codes)
    assert len(codes) == len(set(codes))
    assert looked(account, object_, days, window=86_400).cannot_tell is None


def test_half_of_the_objects_would_be_empty():
    account, _, time = spread()
    result = looked(account, ["o1", "o2", "o3"] * 1000, time)
    assert result.cannot_tell.code == "groups.few_objects"


def test_times_without_a_zone_are_told():
    account, object_, time = spread()
    naive = pa.array(time, pa.timestamp("us"))
    assert "groups.no_zone" in [notice.code for notice in looked(account, object_, naive).notices]
    known = pa.array(time, pa.timestamp("us", "UTC"))
    assert "groups.no_zone" not in [notice.code for notice in looked(account, object_, known).notices]


def test_a_zone_that_is_wrong_for_all_changes_nothing():
    account, object_, time = spread()
    one, two = (looked(account, object_, time + shift * 3600 * SECOND) for shift in (0, 5))
    assert (one.tried, len(one.groups)) == (two.tried, len(two.groups))


def test_a_crowd_on_one_object_is_capped():
    account, object_, time = spread()
    crowd = 20_000
    result = looked(
        account + [f"c{code}" for code in range(crowd)],
        object_ + ["crowd"] * crowd,
        np.concatenate((time, np.arange(crowd) * SECOND // 100)),
        most_per_object=100_000,
    )
    capped = next(notice for notice in result.notices if notice.code == "coaction.object_capped")
    assert capped.where == ("crowd",)
    assert result.groups == ()


def test_the_control_abstains_too():
    table = pa.table({"account": ["ann", "bob"], "object": ["x", "x"], "time": [0, SECOND]})
    control = control_shuffled(table, window=60, rng=np.random.default_rng(1), runs=3)
    assert (control.runs, control.cannot_tell.code) == (0, "groups.few_accounts")


@pytest.mark.parametrize("wrong", [{"rate": 0}, {"splits": 0}, {"most_draws": 3}, {"window": 0.5}])
def test_numbers_out_of_range(wrong):
    with pytest.raises(InputError):
        looked(*spread(), **wrong)


def test_an_object_of_two_families():
    table = pa.table(
        {"account": ["ann", "bob"], "object": ["x", "x"], "time": [0, 1], "family": ["time", "text"]}
    )
    with pytest.raises(InputError, match="two families"):
        find_groups(table, window=60, rng=np.random.default_rng(1))
