import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entregent.errors import InputError
from entregent.stats.survival import survival, truncated_delays

# Freireich et al. (1963), weeks of remission under 6-MP, as in Cox and Oakes (1984), table 1.1.
WEEKS = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
RELAPSED = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]


def test_known_answer_remission():
    found = survival(WEEKS, RELAPSED)
    for week, share in [
        (6, 0.857),
        (7, 0.807),
        (10, 0.753),
        (13, 0.690),
        (16, 0.627),
        (22, 0.538),
        (23, 0.448),
    ]:
        assert found.at(week) == pytest.approx(share, abs=6e-4)
    assert found.median == 23
    assert found.median_high is None
    assert (found.n, found.ended) == (21, 9)
    assert found.at(0) == 1.0


def test_nothing_has_ended():
    found = survival([1, 2, 3], [False] * 3)
    assert found.alive.tolist() == [1, 1, 1]
    assert found.median is None


def test_one_observation():
    found = survival([4], [True])
    assert found.median == 4
    assert found.at(3.9) == 1.0


@given(
    st.lists(st.tuples(st.integers(0, 50), st.booleans()), min_size=1, max_size=60).filter(
        lambda rows: any(ended for _, ended in rows)
    )
)
def test_curve_falls_inside_its_interval(rows):
    found = survival(*zip(*rows, strict=True))
    assert np.all(np.diff(found.alive) <= 0)
    assert np.all(np.diff(found.high) <= 0)
    assert np.all((found.low <= found.alive + 1e-12) & (found.alive <= found.high + 1e-12))


@given(st.lists(st.integers(0, 50), min_size=1, max_size=60))
def test_without_censoring_it_is_the_share_left(durations):
    found = survival(durations, [True] * len(durations))
    for time in (0, 10, 49):
        assert found.at(time) == pytest.approx(np.mean(np.asarray(durations) > time))


@pytest.mark.parametrize(
    ("durations", "ended"), [([], []), ([1, 2], [True]), ([-1], [True]), ([np.nan], [True])]
)
def test_refuses(durations, ended):
    with pytest.raises(InputError):
        survival(durations, ended)


def test_delays_seen_too_often_when_quick_are_corrected():
    rng = np.random.default_rng(3)
    delay, window = rng.exponential(1.0, 40_000), rng.uniform(0, 4, 40_000)
    seen = delay <= window
    found = truncated_delays(delay[seen], window[seen], least=50)
    within_4 = 1 - np.exp(-4)
    for time in (0.25, 0.5, 1.0, 2.0):
        assert found.at(time) == pytest.approx((1 - np.exp(-time)) / within_4, abs=0.02)
    naive = np.mean(delay[seen] <= 1.0)
    assert naive > found.at(1.0) + 0.05


def test_delays_without_truncation_are_counted():
    found = truncated_delays([1, 2, 3, 4], [9, 9, 9, 9])
    np.testing.assert_allclose(found.at([0, 1, 2.5, 4, 99]), [0, 0.25, 0.5, 1, 1])


def test_one_late_act_does_not_move_the_curve():
    delays, windows = [1.0] * 50 + [2.0] * 50 + [90.0], [10.0] * 100 + [91.0]
    assert truncated_delays(delays, windows, least=20).at(1.0) == pytest.approx(0.5)
    assert truncated_delays(delays, windows, least=20).times[-1] == 2.0


@pytest.mark.parametrize(("delays", "windows"), [([], []), ([2], [1]), ([-1], [1]), ([np.nan], [1])])
def test_delays_refuse(delays, windows):
    with pytest.raises(InputError):
        truncated_delays(delays, windows)
