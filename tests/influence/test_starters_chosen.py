import numpy as np
import pyarrow as pa
import pytest

from entregent.errors import Cancelled, InputError
from entregent.influence import starters
from entregent.influence.cascades import cascades, split
from entregent.influence.starters import choose_starters
from entregent.influence.starters_forecast import clock, forecast, moments, spread_of_counts
from entregent.progress import Quiet
from entregent.results import CannotTell


def record(items):
    """Make cascades of (starter, people who take part) in order, ten minutes apart."""
    account, item, time = [], [], []
    for number, (starter, people) in enumerate(items):
        for place, who in enumerate([starter, *people]):
            account.append(who)
            item.append(f"i{number:05d}")
            time.append(600_000_000 * number + 1_000_000 * place)
    return cascades(pa.table({"account": account, "item": item, "time": pa.array(time, pa.int64())}))


def drawn(seed, items=150, people=60, starters_of=12):
    """People start at steady rates of their own and take part at steady rates of their own."""
    rng = np.random.default_rng(seed)
    start, act = rng.dirichlet(np.full(starters_of, 0.7)), rng.dirichlet(np.full(people, 0.7))
    rows = []
    for _ in range(items):
        size = 1 + rng.poisson(4)
        who = rng.choice(people, size=min(size, people), replace=False, p=(act + 1e-4) / (act + 1e-4).sum())
        rows.append((f"s{rng.choice(starters_of, p=start):02d}", [f"u{w:02d}" for w in who]))
    return record(rows)


def chosen(known, k, **options):
    return choose_starters(known, k, rng=np.random.default_rng(1), **options)


def test_two_with_the_same_audience_are_not_both_chosen():
    rng = np.random.default_rng(3)
    rows = []
    for _ in range(120):
        starter = rng.choice(["ann", "bob", "cleo"], p=[0.4, 0.36, 0.24])
        side = "x" if starter == "cleo" else "y"
        rows.append((starter, [f"{side}{w}" for w in rng.choice(30, 8, replace=False)]))
    found = chosen(record(rows), 2)
    assert "cleo" in found.ids.to_pylist()
    assert found.pair < 10
    alone = dict(zip(found.shortlist.ids.to_pylist(), found.shortlist.own, strict=True))
    assert min(alone["ann"], alone["bob"]) > alone["cleo"]
    assert found.added[0] > found.added[1] > 0


def test_who_has_stopped_is_forgotten_where_the_past_says_so():
    rows = []
    for turn in range(10):
        rows += [(f"s{turn}", [f"u{(turn + j) % 20}" for j in range(5)])] * 24
    found = chosen(record(rows), 1, ahead=6)
    assert found.ids.to_pylist() == ["s9"]
    short = sum(m.weight for m in found.memories if m.half_life <= 12)
    assert short > 0.6
    assert sum(m.weight for m in found.memories) == pytest.approx(1.0)


def test_larger_items_count_and_single_ones_hardly():
    rng = np.random.default_rng(4)
    rows = []
    for number in range(160):
        starter = ["ann", "bob"][number % 2]
        size = 12 if starter == "bob" else 4
        rows.append((starter, [f"u{w}" for w in rng.choice(200, size, replace=False)]))
    rows.insert(80, ("once", [f"u{w}" for w in range(60)]))
    found = chosen(record(rows), 1)
    assert found.ids.to_pylist() == ["bob"]
    size = dict(zip(found.shortlist.ids.to_pylist(), found.shortlist.size, strict=True))
    assert size["bob"] > 1.25 > 0.75 > size["ann"]


def test_the_interval_holds_what_is_seen():
    inside = []
    for seed in range(16):
        known = drawn(seed)
        before, later = split(known, int(np.sort(known.started())[125]))
        found = chosen(before, 3, ahead=25)
        took = np.ones(later.n_adoptions, dtype=bool)
        took[later.indptr[:-1]] = False
        starter = later.starters()[later.item()]
        age = later.time - later.started()[later.item()]
        took &= age <= found.within
        by = np.unique(later.account[took & np.isin(starter, found.people)]).size
        inside.append(found.reach.low <= by <= found.reach.high)
        assert 0 <= found.share.low <= found.share.value <= found.share.high <= 1
    assert np.mean(inside) >= 0.75


def test_forecast_is_a_distribution_and_leaves_room_for_newcomers():
    known = drawn(7)
    at = clock(known)
    for acts in (False, True):
        found = forecast(at, 15, np.random.default_rng(1), acts=acts)
        assert found.share.sum() + found.new == pytest.approx(1.0, abs=1e-6)
        assert (found.share >= 0).all()
    assert moments(150, 15).max() == 135


def test_starts_in_bouts_are_told_from_chance():
    rng = np.random.default_rng(5)
    people = [f"u{w}" for w in range(20)]

    def spread(names):
        at = clock(record([(name, list(rng.choice(people, 3, replace=False))) for name in names]))
        return spread_of_counts(at, 20, forecast(at, 20, rng))

    steady = spread([f"s{w:02d}" for w in rng.integers(0, 20, 400)])
    bouts = spread([f"s{w:02d}" for w in np.repeat(rng.integers(0, 20, 40), 10)])
    assert bouts < 1.0 < 5.0 < steady


def test_people_kept_and_left_out():
    known = drawn(2)
    codes = {name: code for code, name in enumerate(known.accounts.to_pylist())}
    free = chosen(known, 3)
    best, kept = int(free.people[0]), codes["u05"]
    found = chosen(known, 3, include=[kept], exclude=[best])
    assert found.people[0] == kept
    assert best not in found.people
    assert best not in found.shortlist.people
    everybody = chosen(known, known.n_accounts)
    assert np.unique(everybody.people).size == known.n_accounts
    assert everybody.share.value > 0.9


def test_the_same_seed_gives_the_same_people_and_a_sample_of_listeners_about_the_same_reach(monkeypatch):
    known = drawn(6, people=400)
    one, two = chosen(known, 4), chosen(known, 4)
    np.testing.assert_array_equal(one.people, two.people)
    assert one.reach == two.reach
    monkeypatch.setattr(starters, "_MOST_LISTENERS", 200)
    sampled = chosen(known, 4)
    assert sampled.reach.value == pytest.approx(one.reach.value, rel=0.15)


def test_too_little_and_what_cannot_be():
    known = drawn(1)
    few = record([("ann", ["bob"])] * 19)
    found = chosen(few, 1)
    assert isinstance(found, CannotTell)
    assert found.code == "starters.too_few"
    assert isinstance(chosen(record([(f"s{n}", []) for n in range(30)]), 1), CannotTell)
    for options in ({"k": 0}, {"k": known.n_accounts + 1}, {"k": 1, "include": [0, 1]}):
        with pytest.raises(InputError, match="people to choose"):
            choose_starters(known, rng=np.random.default_rng(1), **options)
    with pytest.raises(InputError, match="exclude"):
        chosen(known, 1, exclude=[known.n_accounts])
    with pytest.raises(InputError, match="ahead"):
        chosen(known, 1, ahead=0)
    one_moment = cascades(
        pa.table(
            {"account": ["a", "b"] * 40, "item": np.repeat(np.arange(40), 2).astype(str), "time": [5] * 80}
        )
    )
    assert chosen(one_moment, 1).reach.value >= 0


def test_can_be_stopped():
    class Impatient(Quiet):
        def cancelled(self):
            return True

    with pytest.raises(Cancelled):
        chosen(drawn(1), 1, progress=Impatient())
