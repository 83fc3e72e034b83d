import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entregent.errors import InputError
from entregent.stats.shrinkage import BetaPrior, GammaPrior, fit_beta, fit_gamma, probability_greater

# Efron and Morris (1975), JASA 70: hits of 18 batters in their first 45 at bats of 1970.
HITS = [18, 17, 16, 15, 14, 14, 13, 12, 11, 11, 10, 10, 10, 10, 10, 9, 8, 7]
SEASON = [
    0.346,
    0.298,
    0.276,
    0.222,
    0.273,
    0.270,
    0.263,
    0.210,
    0.269,
    0.230,
    0.264,
    0.256,
    0.303,
    0.264,
    0.226,
    0.285,
    0.316,
    0.200,
]


def test_batters_are_predicted_better_than_by_their_own_average():
    interval = fit_beta(HITS, [45] * 18).posterior(HITS, [45] * 18).interval
    own = np.asarray(HITS) / 45
    shrunk = np.sum((interval.value - SEASON) ** 2)
    assert shrunk < np.sum((own - SEASON) ** 2) / 2
    assert interval.value.mean() == pytest.approx(own.mean(), abs=0.01)


def test_beta_prior_is_recovered():
    rng = np.random.default_rng(0)
    trials = rng.integers(5, 60, 4000)
    prior = fit_beta(rng.binomial(trials, rng.beta(2, 6, 4000)), trials)
    assert (prior.a, prior.b) == (pytest.approx(2, rel=0.15), pytest.approx(6, rel=0.15))


def test_gamma_prior_is_recovered_and_intervals_hold():
    rng = np.random.default_rng(1)
    rate, exposure = rng.gamma(0.7, 3.0, 4000), rng.uniform(0.5, 20, 4000)
    counts = rng.poisson(rate * exposure)
    prior = fit_gamma(counts, exposure)
    assert prior.shape == pytest.approx(0.7, rel=0.1)
    assert prior.shape / prior.rate == pytest.approx(2.1, rel=0.1)
    interval = prior.posterior(counts, exposure).interval
    assert np.mean((interval.low <= rate) & (rate <= interval.high)) == pytest.approx(0.9, abs=0.015)


def test_accounts_that_differ_by_chance_alone_share_one_value():
    rng = np.random.default_rng(4)
    counts = rng.poisson(5.0, 300)
    counts[:2] = 5
    value = fit_gamma(counts, np.ones(300)).posterior(counts, np.ones(300)).interval.value
    assert np.ptp(value) < 1.0
    assert not fit_gamma([5] * 30, [1] * 30).spread
    assert not fit_beta([5] * 30, [10] * 30).spread


@pytest.mark.parametrize(
    ("counts", "exposure"),
    [
        ([0, 0, 0], [1, 5, 9]),
        ([4], [2]),
        ([0], [1]),
        ([], []),
        ([0, 0], [0, 0]),
        ([10**9, 10**9, 3], [1, 10**6, 1]),
        ([1, 0], [10**-6, 10**6]),
        ([5, 5, 5, 5], [1, 1, 1, 1]),
    ],
)
def test_rates_of_odd_samples(counts, exposure):
    prior = fit_gamma(counts, exposure)
    assert np.isfinite([prior.shape, prior.rate]).all()
    assert prior.shape > 0
    assert prior.rate > 0
    interval = prior.posterior(counts, exposure).interval
    assert np.all((interval.low >= 0) & (interval.low <= interval.value) & (interval.value <= interval.high))


@pytest.mark.parametrize(
    ("done", "trials"),
    [
        ([0, 0, 0], [1, 5, 9]),
        ([9, 9], [9, 9]),
        ([4], [5]),
        ([], []),
        ([0], [0]),
        ([10**9, 0], [2 * 10**9, 1]),
    ],
)
def test_shares_of_odd_samples(done, trials):
    prior = fit_beta(done, trials)
    interval = prior.posterior(done, trials).interval
    assert np.all((interval.low >= 0) & (interval.low <= interval.value) & (interval.value <= interval.high))
    assert np.all(interval.high <= 1)


@settings(max_examples=20)
@given(st.lists(st.tuples(st.integers(0, 10**6), st.floats(0.01, 1e4)), min_size=2, max_size=30))
def test_posterior_lies_between_own_rate_and_common_rate(rows):
    counts, exposure = np.array(rows, dtype=float).T
    prior = fit_gamma(counts, exposure)
    common, own = prior.shape / prior.rate, counts / exposure
    value = prior.posterior(counts, exposure).interval.value
    slack = 1e-9 * (1 + np.maximum(common, own))
    assert np.all(value >= np.minimum(common, own) - slack)
    assert np.all(value <= np.maximum(common, own) + slack)


def test_probability_greater_known_answers():
    # Ratio of exponentials: P(X > Y) = rate_y / (rate_x + rate_y).
    prior = GammaPrior(1.0, 1.0, 2, True)
    first, second = prior.posterior([0], [2]), prior.posterior([0], [0])
    assert probability_greater(first, second)[0] == pytest.approx(1 / 4)
    # Beta(2, 1) against Beta(1, 1): the mean of x under 2x is 2/3.
    flat = BetaPrior(1.0, 1.0, 2, True)
    assert probability_greater(flat.posterior([1], [1]), flat.posterior([0], [0]))[0] == pytest.approx(
        2 / 3, abs=1e-3
    )


@given(st.integers(0, 50), st.integers(0, 50), st.integers(50, 99), st.integers(50, 99))
def test_probability_greater_is_complementary(a, b, n, m):
    prior = BetaPrior(2.0, 3.0, 2, True)
    first, second = prior.posterior([a], [n]), prior.posterior([b], [m])
    total = probability_greater(first, second)[0] + probability_greater(second, first)[0]
    assert total == pytest.approx(1, abs=2e-3)


def test_a_share_is_not_compared_with_a_rate():
    with pytest.raises(InputError, match="rate"):
        probability_greater(
            BetaPrior(1, 1, 1, True).posterior([1], [2]), GammaPrior(1, 1, 1, True).posterior([1], [2])
        )


@pytest.mark.parametrize(("counts", "exposure"), [([-1], [1]), ([1], [-1]), ([1], [0]), ([np.nan], [1])])
def test_rates_refuse(counts, exposure):
    with pytest.raises(InputError):
        fit_gamma(counts, exposure)


def test_shares_refuse():
    with pytest.raises(InputError):
        fit_beta([3], [2])
