import numpy as np
import pyarrow as pa
import pytest

from entregent.errors import Cancelled, InputError
from entregent.influence.cascades import cascades
from entregent.influence.diffusion import fit
from entregent.influence.effect import LEAST_ITEMS, effects, warm
from entregent.influence.effect_design import e_value
from entregent.influence.effect_kernels import removed
from entregent.progress import Quiet
from entregent.results import CannotTell, Estimate
from entregent.world import WorldSettings, collected, simulate
from entregent.world import effects as truth


def conversation(influence, seed):
    """A world as a collector sees it, its cascades and the model fitted to them."""
    settings = WorldSettings(
        seed=seed, people=600, days=60, influence=influence, homophily=0.8, gap_hours=0, buyers=1, groups=1,
        group_size=2, fast_fans=2, advocates=1,
    )  # fmt: skip
    world = simulate(settings)
    known = cascades(*collected(world))
    model = fit(known, rng=np.random.default_rng(1))
    code = np.array(known.accounts.to_pylist(), dtype=np.int64)
    top = np.argsort(-np.where(code > 0, model.followed, -1))[:15]
    found = effects(
        known, model, [known.accounts[int(p)].as_py() for p in top], rng=np.random.default_rng(2), draws=60
    )
    return world, known, model, code[top], found


@pytest.fixture(scope="module")
def moved():
    return conversation(2.0, 31)


def test_follows_the_truth(moved):
    world, _, _, codes, found = moved
    pairs = [
        (one.total.value, real.total, one.naive)
        for one, real in zip(found, truth(world, codes.tolist()), strict=True)
        if isinstance(one.total, Estimate)
    ]
    assert len(pairs) >= 10
    value, real, naive = np.array(pairs).T
    assert np.corrcoef(value, real)[0, 1] > 0.8
    assert np.abs(value - real).mean() < np.abs(naive - real).mean()
    assert 0.6 < value.sum() / real.sum() < 1.6


def test_parts_fit_together(moved):
    _, known, model, codes, found = moved
    item = known.item()
    for code, one in zip(codes, found, strict=True):
        assert one.account == f"{code:05d}"
        person = known.accounts.to_pylist().index(one.account)
        assert one.naive == one.adoption.size == int(model.followed[person])
        assert (known.account[one.act] == person).all()
        assert (item[one.act] == item[one.adoption]).all()
        assert (known.time[one.act] < known.time[one.adoption]).all()
        assert ((one.moved >= 0) & (one.moved <= 1)).all()
        if isinstance(one.total, CannotTell):
            assert one.agree is None
            assert one.sensitivity is None
            continue
        assert one.direct.value <= one.total.value + 1e-9
        assert one.direct.value <= one.moved.sum() + 1e-9 <= one.naive
        assert one.total.low <= one.total.value <= one.total.high
        assert one.total.level == 0.9
        assert one.sensitivity >= one.sensitivity_low >= 1.0
        assert one.agree is (one.design.low <= one.direct.high and one.direct.low <= one.design.high)
        assert one.agree is ("effect.disagree" not in {notice.code for notice in one.notices})


def test_nobody_has_an_effect_where_alike_people_merely_act_alike():
    _, _, _, _, found = conversation(0.0, 32)
    told = [one for one in found if isinstance(one.total, Estimate)]
    assert sum(one.naive for one in told) > 100
    assert sum(one.total.value for one in told) < 0.4 * sum(one.naive for one in told)
    # About one in twelve of such people is flagged; those of one world are alike.
    assert sum(one.total.low > 0 for one in told) <= len(told) / 3


def test_same_seed_same_answer(moved):
    _, known, model, _, found = moved
    names = [one.account for one in found]
    again = effects(known, model, names, rng=np.random.default_rng(2), draws=60)
    assert [one.total for one in again] == [one.total for one in found]


def test_removal_takes_what_came_by_it_and_leaves_what_had_another_cause():
    # 0 starts; 1 moved by 0; 2 moved by 1; 3 saw 2; 4 of own accord.
    def run(hazard):
        none, pointer = np.zeros(4), np.array([0, 0, 1, 2, 3, 3])
        own = np.array([0.0, hazard, 0.0, 0.0, 0.0])
        return removed(
            7, np.array([0]), np.array([5]), np.array([7, 1, 2, 3, 4]),
            np.array([0, 2, 2, 1, 0], dtype=np.int8), np.array([-1, 0, 1, 2, -1]), np.array([0, 1, 2]),
            pointer, own, none[:3], none[:3], np.zeros(6, dtype=np.int64), np.zeros(0, dtype=np.int64),
            np.zeros(0), np.zeros(0), np.full(5, 0.5), np.zeros(5, dtype=np.bool_),
        )  # fmt: skip

    assert run(0.0) == (3, 1)
    assert run(50.0) == (0, 0)


def small(items, listeners):
    rows = {"account": [], "item": [], "time": []}
    for item in range(items):
        for place, who in enumerate(("star", *listeners)):
            rows["account"].append(who)
            rows["item"].append(str(item))
            rows["time"].append(item * 10**9 + place * 10**6)
    return cascades(
        pa.table(rows),
        pa.table({"actor": [*listeners, "quiet"], "target": ["star"] * len(listeners) + ["star"]}),
    )


def test_says_what_is_missing():
    rng = np.random.default_rng(1)
    few = small(4, [f"l{number}" for number in range(10)])
    model = fit(few, rng=rng)
    star, listener = effects(few, model, ["star", "l1"], rng=rng, draws=50)
    assert star.total.code == star.design.code == "effect.too_few_items"
    assert str(star.total.needs).startswith(str(LEAST_ITEMS - 4))
    assert listener.total.code == "effect.no_listeners"
    assert "who told you" in str(listener.total.needs)


def test_no_exposure_and_taste_unknown():
    rng = np.random.default_rng(1)
    alone = cascades(pa.table({"account": ["a", "b"], "item": ["x", "x"], "time": [1, 2]}))
    assert effects(alone, fit(alone, rng=rng), ["a"], rng=rng)[0].total.code == "diffusion.no_exposure"
    rows = {"account": [], "item": [], "time": []}
    for item in range(40):
        for who, time in (("star", 0), (f"once{item}", 10**6)):
            rows["account"].append(who)
            rows["item"].append(str(item))
            rows["time"].append(item * 10**9 + time)
    known = cascades(
        pa.table(rows), pa.table({"actor": [f"once{item}" for item in range(40)], "target": ["star"] * 40})
    )
    assert effects(known, fit(known, rng=rng), ["star"], rng=rng)[0].total.code == "effect.taste_unknown"


def test_bad_values(moved):
    _, known, model, _, _ = moved
    rng = np.random.default_rng(1)
    with pytest.raises(InputError, match="nobody"):
        effects(known, model, ["nobody"], rng=rng)
    with pytest.raises(InputError, match="level"):
        effects(known, model, [], rng=rng, level=1.0)
    with pytest.raises(InputError, match="draws"):
        effects(known, model, [], rng=rng, draws=3)
    assert effects(known, model, [], rng=rng, draws=50) == ()

    class Impatient(Quiet):
        def cancelled(self):
            return True

    with pytest.raises(Cancelled):
        effects(known, model, [], rng=rng, progress=Impatient())


def test_e_value_of_the_paper():
    # VanderWeele and Ding 2017: a risk ratio of 3.9 has the E-value 7.26.
    assert e_value(3.9, 2.9) == pytest.approx(7.26, abs=0.005)
    assert e_value(10, 0) == e_value(10, -3) == 1.0
    assert e_value(10, 10) == float("inf")


def test_warms():
    warm()
