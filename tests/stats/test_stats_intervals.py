import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from entregent.errors import InputError
from entregent.results import CannotTell, Estimate
from entregent.stats.intervals import bootstrap, ratio, wilson


def test_wilson_known_answer():
    # Newcombe (1998), Statistics in Medicine 17, table I, method 3: 81/263, 15/148, 0/20, 1/29.
    found = wilson([81, 15, 0, 1], [263, 148, 20, 29], level=0.95)
    np.testing.assert_allclose(found.low, [0.2553, 0.0624, 0.0, 0.0061], atol=6e-5)
    np.testing.assert_allclose(found.high, [0.3662, 0.1605, 0.1611, 0.1718], atol=6e-5)


def test_wilson_without_trials_knows_nothing():
    found = wilson([0, 3], [0, 3])
    assert np.isnan(found.value[0])
    assert (found.low[0], found.high[0]) == (0.0, 1.0)
    assert found.high[1] == 1.0


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_wilson_holds_its_share(a, b):
    found = wilson(min(a, b), max(a, b, 1))
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_wilson_agrees_with_scipy():
    ours = wilson(7, 20, level=0.9)
    theirs = stats.binomtest(7, 20).proportion_ci(0.9, method="wilson")
    assert float(ours.low) == pytest.approx(theirs.low)
    assert float(ours.high) == pytest.approx(theirs.high)


@pytest.mark.parametrize(("a", "n"), [(3, 2), (-1, 2)])
def test_wilson_refuses_what_is_no_share(a, n):
    with pytest.raises(InputError, match="successes"):
        wilson(a, n)


@pytest.mark.parametrize("level", [0.0, 1.0, 90, -0.1, float("nan")])
def test_level_must_be_a_share(level):
    with pytest.raises(InputError, match="between 0 and 1"):
        wilson(1, 2, level)


def test_ratio_known_answer():
    # Physicians' Health Study (1989): 104 of 11,037 against 189 of 11,034; Katz interval at 95 %.
    found = ratio(104, 11037, 189, 11034, level=0.95)
    assert isinstance(found, Estimate)
    assert found.value == pytest.approx(0.550, abs=5e-4)
    assert (found.low, found.high) == (pytest.approx(0.434, abs=1e-3), pytest.approx(0.698, abs=1e-3))


def test_ratio_of_nothing_cannot_be_told():
    assert isinstance(ratio(0, 10, 3, 10), CannotTell)


def test_bootstrap_of_a_mean_is_near_the_normal_interval():
    rng = np.random.default_rng(1)
    sample = rng.normal(10, 2, 400)
    found = bootstrap(sample, np.mean, rng)
    half = 1.645 * sample.std(ddof=1) / 20
    assert found.low == pytest.approx(sample.mean() - half, abs=0.03)
    assert found.high == pytest.approx(sample.mean() + half, abs=0.03)
    assert found.method == "bootstrap BCa"
    assert found.n == 400


def test_bootstrap_repeats_with_its_seed():
    sample = np.arange(20.0) ** 2
    one = bootstrap(sample, np.median, np.random.default_rng(5), method="percentile")
    assert one == bootstrap(sample, np.median, np.random.default_rng(5), method="percentile")


@pytest.mark.parametrize("sample", [[], [1.0], [1.0, 2.0], [1.0, 2.0, float("nan")]])
def test_bootstrap_of_too_little(sample):
    assert isinstance(bootstrap(sample, np.mean, np.random.default_rng(0)), CannotTell)


def test_bootstrap_of_a_constant_has_no_width():
    found = bootstrap([3.0] * 9, np.mean, np.random.default_rng(0))
    assert (found.low, found.value, found.high) == (3.0, 3.0, 3.0)


def test_bootstrap_falls_back_where_bca_is_not_defined():
    # The median of an odd sample with ties in the middle does not change when one is left out.
    found = bootstrap([1, 5, 5, 5, 5, 5, 9], np.median, np.random.default_rng(0))
    assert found.method == "bootstrap percentile"


def test_bootstrap_names_its_methods():
    with pytest.raises(InputError, match="percentile"):
        bootstrap([1, 2, 3], np.mean, np.random.default_rng(0), method="magic")
