import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import spearmanr

from entregent.errors import Cancelled, InputError
from entregent.influence.cascades import cascades
from entregent.influence.diffusion import Diffusion, causes, chances, fit
from entregent.influence.diffusion_chances import chances_of
from entregent.network.graph import build
from entregent.progress import Quiet
from entregent.results import CannotTell
from entregent.world import WorldSettings, collected, simulate
from entregent.world.simulation import REASONS


def learned(influence, seed=5):
    world = simulate(WorldSettings(seed=seed, people=1500, days=60, influence=influence, gap_hours=0))
    known = cascades(*collected(world))
    return world, known, fit(known, rng=np.random.default_rng(1))


@pytest.fixture(scope="module")
def moved():
    return learned(2.0)


def test_influence_follows_the_truth_better_than_followers_or_reposts(moved):
    world, known, model = moved
    code = np.array(known.accounts.to_pylist(), dtype=np.int64)
    caused = np.zeros(world.population.size)
    caused[: world.population.people] = world.caused()
    caused, shares = caused[code], causes(model, known)
    found = np.bincount(known.account[shares.act], weights=shares.share, minlength=known.n_accounts)
    followers = np.diff(world.population.follows.indptr)[code]
    by_model = spearmanr(found, caused).statistic
    assert by_model > spearmanr(followers, caused).statistic + 0.1
    assert by_model > spearmanr(model.followed, caused).statistic + 0.03
    assert 0.8 < found.sum() / caused.sum() < 1.25


@pytest.mark.parametrize("seed", [5, 7])
def test_nobody_moves_anybody_where_alike_people_merely_act_alike(seed):
    world, known, model = learned(0.0, seed)
    assert world.caused().sum() == 0
    shares = causes(model, known)
    assert model.followed.sum() > 500
    assert shares.share.sum() < 0.06 * model.followed.sum()
    assert (model.influence_low[model.exposures > 0] > 0).mean() < 0.05


def test_taste_on_sight_wears_off_and_is_not_taken_for_influence(moved):
    world, known, model = moved
    assert model.again[0] == 1.0
    assert (np.diff(model.again) <= 0).all()
    shares = causes(model, known)
    reason = world.acts.reason[known.row]
    of_taste = np.isin(reason, [REASONS.index(name) for name in ("seen", "fan", "advocate")])
    assert 0.7 < shares.sight.sum() / of_taste.sum() < 1.5


def test_shares_of_each_adoption_sum_to_one(moved):
    _, known, model = moved
    shares = causes(model, known)
    led = np.repeat(np.arange(known.n_adoptions), np.diff(shares.indptr))
    whole = shares.own + shares.sight + np.bincount(led, weights=shares.share, minlength=known.n_adoptions)
    np.testing.assert_allclose(whole, 1.0, atol=1e-9)
    assert (shares.own[known.indptr[:-1]] == 1.0).all()
    item = known.item()
    assert (item[shares.act] == item[led]).all()
    assert (known.time[shares.act] < known.time[led]).all()


def test_report_says_how_the_fit_went(moved):
    _, _, model = moved
    assert isinstance(model, Diffusion)
    assert model.converged
    assert model.turns == len(model.log_likelihood) < 150
    assert model.log_likelihood[-1] > model.log_likelihood[0]
    assert model.spread.sum() == pytest.approx(1.0)
    assert 0.1 < model.half_life < 6.0
    assert (model.influence_low <= model.influence).all()
    assert (model.influence <= model.influence_high).all()


def test_chances_follow_the_arcs(moved):
    _, _, model = moved
    found = chances(model, model.exposure)
    assert found.shape == (model.exposure.m,)
    assert ((found >= 0) & (found < 1)).all()
    assert found.std() > 0
    with pytest.raises(InputError, match="accounts"):
        chances(model, build(pa.array(["a"]), pa.array(["b"])))


def test_same_seed_gives_the_same_model(moved):
    _, known, model = moved
    again = fit(known, rng=np.random.default_rng(1))
    np.testing.assert_array_equal(again.influence, model.influence)


def small(rows, arcs):
    account, item, time = zip(*rows, strict=True)
    table = pa.table({"account": account, "item": item, "time": pa.array(time, pa.int64())})
    actor, target = zip(*arcs, strict=True)
    return cascades(table, pa.table({"actor": actor, "target": target}))


def test_chances_count_who_could_see_and_did_not_act():
    known = small(
        [("a", "x", 0), ("b", "x", 100), ("c", "x", 200), ("a", "y", 50)],
        [("b", "a"), ("c", "a"), ("c", "b"), ("d", "a"), ("a", "c")],
    )
    rows = chances_of(known, Quiet(), window=1000)
    names = known.accounts.to_pylist()
    item = known.item()
    found = {
        (known.items[int(item[act])].as_py(), names[rows.tail[arc]], names[known.account[act]], event >= 0)
        for act, arc, event in zip(rows.act, rows.arc, rows.event, strict=True)
    }
    assert found == {
        ("x", "b", "a", True),
        ("x", "c", "a", True),
        ("x", "c", "b", True),
        ("x", "d", "a", False),
        ("y", "b", "a", False),
        ("y", "c", "a", False),
        ("y", "d", "a", False),
    }
    with pytest.raises(InputError, match="more than 3"):
        chances_of(known, Quiet(), window=1000, most=3)


def test_too_little_is_said():
    rng = np.random.default_rng(1)
    one = small([("a", "x", 0), ("b", "x", 10)], [("b", "a"), ("a", "a")])
    found = fit(one, rng=rng)
    assert isinstance(found, CannotTell)
    assert found.code == "diffusion.too_few"
    with pytest.raises(InputError, match="turns"):
        fit(one, rng=rng, turns=0)
    with pytest.raises(InputError, match="window"):
        fit(one, rng=rng, window=0)


def test_can_be_stopped(moved):
    class Impatient(Quiet):
        def cancelled(self):
            return True

    with pytest.raises(Cancelled):
        fit(moved[1], rng=np.random.default_rng(1), progress=Impatient())
