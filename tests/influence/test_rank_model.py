import numpy as np
import pytest
from scipy import stats

from entregent.influence.heard_model import (
    Counts,
    Grid,
    HeardModel,
    Shape,
    counts,
    fit,
    predict,
    rates,
    summary,
)
from entregent.influence.heard_model import _drift as drift_kernel
from entregent.influence.heard_model import _luck as luck_kernel
from entregent.influence.heard_model import _table as likelihood_table


def gather(account, people, block=None, exposure=None):
    n = len(account)
    return counts(
        np.asarray(account),
        np.zeros(n, dtype=np.int64) if block is None else np.asarray(block),
        np.asarray(people),
        np.ones(n) if exposure is None else np.asarray(exposure, dtype=float),
    )


def test_counts_are_gathered_by_account_block_and_kind():
    found = gather([2, 0, 2, 2], [5, 0, 5, 1], block=[1, 0, 1, 0])
    assert found.account.tolist() == [0, 2, 2]
    assert found.posts.sum() == 4
    assert (found.posts @ found.people).tolist() == [0.0, 1.0, 10.0]


def test_great_counts_are_rounded_to_about_one_percent():
    exact = np.array([7, 300, 4711, 1_234_567])
    found = gather([0, 1, 2, 3], exact)
    np.testing.assert_allclose(np.sort(found.people), exact, rtol=0.006)
    assert {7.0, 300.0} <= set(found.people)


def test_table_without_tail_is_near_negative_binomial():
    data = gather([0, 0, 0], [0, 3, 40])
    grid = Grid(np.log(0.1), 0.05, 140)
    found = likelihood_table(data, Shape(0.8, 0.0, 0.05), grid)
    expected = stats.nbinom.logpmf([[0], [3], [40]], 0.8, 0.8 / (0.8 + grid.rates)[None, :])
    usual = expected > -5
    np.testing.assert_allclose(found[usual], expected[usual], atol=0.02)


def test_table_with_tail_is_a_distribution_with_the_mean_it_says():
    people = np.arange(3000)
    data = Counts(np.zeros(1, dtype=np.int64), None, people.astype(float), np.ones(people.size))
    found = np.exp(likelihood_table(data, Shape(1.0, 0.3, 0.05), Grid(np.log(2.0), 0.05, 1)))[:, 0]
    assert found.sum() == pytest.approx(1, abs=1e-3)
    assert people @ found == pytest.approx(2.0, rel=0.01)
    # A power law of index 1 / 0.3: ten times as far is 10 ** -3.33 times as likely to be passed.
    ratio = found[1000:].sum() / found[100:].sum()
    assert np.log10(ratio) == pytest.approx(-1 / 0.3, abs=0.6)


def test_exposure_lowers_the_mean():
    grid = Grid(np.log(1.0), 0.05, 60)
    full = likelihood_table(gather([0], [2]), Shape(1.0, 0.2, 0.1), grid)[0]
    half = likelihood_table(gather([0], [2], exposure=[np.exp(-0.5)]), Shape(1.0, 0.2, 0.1), grid)[0]
    np.testing.assert_allclose(half[10:], full[:-10], atol=1e-5)


@pytest.mark.parametrize("drift", [0.05, 0.2, 0.7])
def test_drift_keeps_the_mean(drift):
    matrix = drift_kernel(drift, 0.05, 401)
    rate = np.exp(0.05 * (np.arange(401) - 200))
    assert matrix[200] @ rate == pytest.approx(1.0, rel=2e-3)
    np.testing.assert_allclose(matrix.sum(axis=1), 1, rtol=1e-5)


def test_luck_has_mean_one():
    first, weights, mean = luck_kernel(0.4, 0.05)
    assert weights @ np.exp(0.05 * (first + np.arange(weights.size)) - mean) == pytest.approx(1)
    first, weights, _ = luck_kernel(0.0, 0.05)
    assert weights[-first - 3 : -first + 4].sum() > 0.99


def test_shape_is_recovered():
    rng = np.random.default_rng(0)
    account = np.repeat(np.arange(1200), 8)
    block = np.tile(np.arange(8) // 2, 1200)
    rate = rng.lognormal(0.5, 1.0, 1200)[account] * rng.lognormal(-0.045, 0.3, (1200, 4))[account, block]
    found = fit(
        gather(account, rng.poisson(rate * rng.gamma(0.7, 1 / 0.7, account.size)), block), rng, blocks=4
    )
    assert found.shape.size == pytest.approx(0.7, rel=0.2)
    assert found.shape.tail < 0.15
    assert found.shape.drift == pytest.approx(0.3, abs=0.1)
    assert found.prior.sum() == pytest.approx(1)


def model_of(data, shape):
    grid = Grid(np.log(0.01), 0.05, 240)
    return HeardModel(shape, grid, np.full(240, 1 / 240))


def test_more_posts_narrow_the_interval_and_raise_the_low_end():
    data = gather([0] + [1] * 4 + [2] * 64, [6] + [6] * 4 + [6] * 64)
    model = model_of(data, Shape(1.0, 0.2, 0.05))
    _, low, high = summary(np.concatenate([w for _, w in rates(model, data)]), model.grid, 0.9)
    assert low[0] < low[1] < low[2] < 6 < high[2] < high[1] < high[0]


@pytest.mark.parametrize("tail", [0.0, 0.3, 0.6])
def test_one_viral_post_makes_no_rate(tail):
    people = [1, 0, 2, 1, 0, 1, 0, 900]
    data = gather([0] * 8, people)
    model = model_of(data, Shape(1.0, tail, 0.05))
    value, low, _ = summary(next(rates(model, data))[1], model.grid, 0.9)
    assert low[0] < 1.5
    assert value[0] < np.mean(people) / 10


def test_rates_do_not_depend_on_the_chunk():
    rng = np.random.default_rng(2)
    data = gather(np.sort(rng.integers(0, 50, 300)), rng.poisson(3, 300), rng.integers(0, 3, 300))
    model = model_of(data, Shape(1.0, 0.1, 0.2))
    whole = next(rates(model, data))
    parts = list(rates(model, data, size=7))
    np.testing.assert_array_equal(whole[0], np.concatenate([a for a, _ in parts]))
    np.testing.assert_allclose(whole[1], np.concatenate([w for _, w in parts]), rtol=1e-3, atol=1e-7)


def test_predictions_have_the_mean_of_the_rate():
    data = gather([0, 0, 1], [4, 4, 0])
    model = model_of(data, Shape(2.0, 0.1, 0.1))
    weights = next(rates(model, data))[1]
    row = np.array([0, 0, 0, 1])
    drawn = predict(model, weights, row, np.array([1.0, 1.0, 0.5, 1.0]), np.random.default_rng(0), 20_000)
    mean = weights.astype(float) @ model.grid.rates
    np.testing.assert_allclose(drawn.mean(axis=0), mean * [2.5, 1.0], rtol=0.1)
