"""Groups that were put in are found with their rows; where there are none, nothing is."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from entregent.authenticity.groups import (
    control_declared,
    control_shuffled,
    find_groups,
    recount,
)
from entregent.errors import InputError
from entregent.results import CannotTell, Estimate

SECOND = 1_000_000
ADVOCATES = {f"m{code}": "works for the house" for code in range(5)}


def acts(group: int = 10, families: bool = False, seed: int = 7) -> pa.Table:
    """Return acts of 400 accounts on 120 objects, and of five members on `group` of these."""
    rng = np.random.default_rng(seed)
    rows = []
    for object_ in range(120):
        for account in rng.choice(400, rng.integers(8, 60), replace=False):
            rows.append((f"a{account}", f"o{object_}", float(rng.exponential(20_000))))
    together = rng.choice(120, group, replace=False)
    for object_ in together:
        begun = rng.uniform(1_000, 20_000)
        for member in np.flatnonzero(rng.random(5) < 0.9):
            rows.append((f"m{member}", f"o{object_}", begun + rng.uniform(0, 20)))
    for member in range(5):
        for object_ in rng.choice(np.setdiff1d(np.arange(120), together), 6, replace=False):
            rows.append((f"m{member}", f"o{object_}", float(rng.exponential(20_000))))
    account, object_, seconds = zip(*rows, strict=True)
    table = pa.table(
        {
            "account": pa.array(account),
            "object": pa.array(object_),
            "time": pa.array([int(second * SECOND) for second in seconds]),
        }
    )
    if families:
        even = [("time", "text")[int(name[1:]) % 2] for name in object_]
        table = table.append_column("family", pa.array(even))
    return table


@pytest.fixture(scope="module")
def found():
    table = acts(families=True)
    return table, find_groups(table, window=60, rng=np.random.default_rng(1), declared=ADVOCATES)


def test_a_group_is_found_with_its_rows(found):
    table, result = found
    (group,) = result.groups
    assert group.accounts.to_pylist() == [f"m{code}" for code in range(5)]
    assert group.observed == recount(group, table)
    assert group.observed > 10 * group.expected.value
    assert group.expected.low <= group.expected.value <= group.expected.high < group.observed
    assert group.times_chance.low >= 3
    assert group.q <= 0.01
    for row in group.rows.to_pylist():
        given = table.slice(row["row"], 1).to_pylist()[0]
        assert (given["account"], given["object"]) == (row["account"], row["object"])
        assert given["time"] == round(row["time"].timestamp() * SECOND)
    assert set(group.rows["object"].to_pylist()) == set(group.objects.to_pylist())


def test_only_a_reader_makes_it_strong(found):
    (group,) = found[1].groups
    assert [signal.family for signal in group.signals] == ["text", "time"]
    assert all(signal.holds for signal in group.signals)
    assert group.lacks == ()
    assert group.grade == "strong, unread"
    assert group.read("Jeanne").grade == "strong"
    with pytest.raises(InputError):
        group.read(" ")


def test_one_family_is_only_to_look_at():
    result = find_groups(acts(), window=60, rng=np.random.default_rng(1))
    (group,) = result.groups
    assert group.read("Jeanne").grade == "to look at"
    assert [str(text) for text in group.lacks] == ["A second family of signals, as near copies of text."]


def test_advocates_are_declared(found):
    table, result = found
    (group,) = result.groups
    assert group.is_declared
    assert dict(group.declared) == ADVOCATES
    control = control_declared(table, result, ADVOCATES)
    assert (control.declared, control.found, control.labelled, control.others) == (5, 5, 5, 0)
    few = control_declared(table, result, {"m1": "a tie"})
    assert isinstance(few, CannotTell)
    assert few.code == "groups.few_declared"


def test_shuffled_times_give_nothing():
    control = control_shuffled(acts(), window=60, rng=np.random.default_rng(2), runs=5)
    assert (control.runs, control.with_groups, control.groups) == (5, 0, 0)


def test_the_same_generator_gives_the_same():
    one, two = (find_groups(acts(), window=600, rng=np.random.default_rng(3)) for _ in range(2))
    assert [group.q for group in one.groups] == [group.q for group in two.groups]
    assert len(one.groups) == len(two.groups) == 1


def test_all_objects_on_which_nobody_else_acts_say_nothing():
    rows = [(f"m{who}", f"o{what}", 1000 * what + who) for what in range(20) for who in range(4)]
    account, object_, seconds = zip(*rows, strict=True)
    table = pa.table({"account": account, "object": object_, "time": [s * SECOND for s in seconds]})
    assert find_groups(table, window=60, rng=np.random.default_rng(1)).groups == ()


@pytest.mark.parametrize("name", ["account", "object", "time"])
def test_a_column_that_lacks_is_named(name):
    with pytest.raises(InputError, match=name):
        find_groups(acts().drop_columns([name]), window=60, rng=np.random.default_rng(1))


def test_an_estimate_is_an_estimate(found):
    assert isinstance(found[1].groups[0].expected, Estimate)
