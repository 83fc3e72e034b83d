import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entregent.errors import Cancelled, InputError
from entregent.influence.acts import UNKNOWN, acts
from entregent.influence.heard_check import Checked, Coverage, block_edges, coverage, settle
from entregent.influence.heard_model import Shape
from entregent.influence.rank import METHOD, Heard, heard
from entregent.progress import Quiet
from entregent.results import CannotTell, Estimate

HOUR = 3_600_000_000
DAY = 24 * HOUR


def conversation(rate, posts, rng, *, days=60, delay=3.0, size=1.0):
    """Posts at random times, negative binomial acts, log-normal delays; acts after the end are not seen."""
    rate, posts = np.asarray(rate, dtype=float), np.asarray(posts)
    account = np.repeat(np.arange(rate.size), posts)
    when = rng.integers(0, days * DAY, account.size)
    people = rng.poisson(rate[account] * rng.gamma(size, 1 / size, account.size))
    post = np.repeat(np.arange(account.size), people)
    actor = rate.size + np.arange(post.size) - np.repeat(np.cumsum(people) - people, people)
    acted = when[post] + (delay * HOUR * rng.lognormal(0, 1, post.size)).astype(np.int64)
    seen = acted < days * DAY
    return acts(
        account, when, post[seen], actor[seen], acted[seen], rate.size + int(people.max(initial=0)) + 1
    )


@pytest.fixture(scope="module")
def world():
    rng = np.random.default_rng(11)
    rate = rng.lognormal(0, 1.2, 500)
    data = conversation(rate, 1 + rng.geometric(0.15, 500), rng)
    return rate, data, heard(data, np.random.default_rng(0))


def test_intervals_hold_the_truth(world):
    rate, _, found = world
    listed = found.order
    held = (found.low[listed] <= rate[listed]) & (rate[listed] <= found.high[listed])
    assert 0.86 <= held.mean() <= 0.96


def test_next_block_is_held(world):
    found = world[2].coverage
    assert isinstance(found, Coverage)
    assert found.low <= 0.9 <= found.high
    assert found.checked > 100
    assert sum(group.checked for group in found.groups) == found.checked
    assert sum(group.held for group in found.groups) == pytest.approx(found.held, abs=0.51)
    assert found.whole >= found.held / found.checked - 0.01


def test_order_is_by_the_lower_end(world):
    found = world[2]
    assert np.all(np.diff(found.low[found.order]) <= 0)
    assert set(found.order) == set(np.flatnonzero(found.n_posts))


def test_ahead_of_next_is_a_probability_and_near_even_for_neighbours(world):
    ahead = world[2].ahead_of_next
    assert np.isnan(ahead[-1])
    assert np.all((ahead[:-1] >= 0) & (ahead[:-1] <= 1))
    assert 0.2 < np.median(ahead[:100]) < 0.9


def test_estimate_carries_what_a_reader_needs(world):
    found = world[2]
    first = found.estimate(int(found.order[0]))
    assert isinstance(first, Estimate)
    assert first.method == METHOD
    assert first.level == 0.9
    assert first.n == found.n_posts[found.order[0]]
    assert first.as_of is not None


def test_actors_without_posts_cannot_be_told(world):
    found = world[2]
    told = found.estimate(found.n_posts.size - 1)
    assert isinstance(told, CannotTell)
    assert told.code == "heard.no_post"
    assert np.isnan(found.value[-1])


def test_same_seed_same_result(world):
    again = heard(world[1], np.random.default_rng(0))
    np.testing.assert_array_equal(again.low, world[2].low)
    np.testing.assert_array_equal(again.order, world[2].order)


def test_one_lucky_post_does_not_beat_many_good_ones():
    rng = np.random.default_rng(3)
    rate = np.r_[rng.lognormal(0, 0.8, 200), 8.0]
    data = conversation(rate, np.r_[np.full(200, 4), 60], rng)
    # Account 201 has posted once, and once only it was loud.
    lucky = np.arange(12)
    data = acts(
        np.r_[data.account, 201],
        np.r_[data.time, 5 * DAY],
        np.r_[data.post, np.full(12, data.account.size)],
        np.r_[data.actor, 300 + lucky],
        np.r_[data.acted, np.full(12, 5 * DAY + HOUR)],
        max(data.n_accounts, 320),
    )
    found = heard(data, np.random.default_rng(0))
    place = {int(account): i for i, account in enumerate(found.order)}
    assert place[200] < place[201]
    assert found.high[201] / found.low[201] > 3 * found.high[200] / found.low[200]
    assert found.value[201] < 12


def test_young_posts_are_not_held_against_anybody():
    rng = np.random.default_rng(5)
    n = 300
    rate = np.full(n, 4.0)
    data = conversation(rate, np.full(n, 6), rng, days=20, delay=30.0)
    # Half the accounts posted only in the last two days, when few acts can have come.
    late = data.time >= 18 * DAY
    found = heard(data, np.random.default_rng(0))
    raw = data.people(data.counted(None, None))
    assert raw[late].mean() < 0.7 * raw[data.time < 10 * DAY].mean()
    recent = np.unique(data.account[late])
    mean = np.bincount(data.account, weights=raw, minlength=n)[:n] / 6
    assert found.value[recent].mean() > mean[recent].mean()
    assert found.value[:n].mean() == pytest.approx(4.0, rel=0.12)


def test_posts_before_the_collection_do_not_count(world):
    data = world[1]
    found = heard(data, np.random.default_rng(0), since=20 * DAY)
    older = int((data.time < 20 * DAY).sum())
    assert found.n_posts.sum() <= data.time.size - older
    assert {n.code: n.count for n in found.notices}["heard.older_posts"] == older


def test_n_people_counts_each_person_once():
    rng = np.random.default_rng(0)
    account = np.repeat(np.arange(30), 4)
    time = rng.integers(0, DAY, account.size)
    # Person 30 acts on everything, twice.
    post = np.tile(np.arange(account.size), 2)
    data = acts(account, time, post, np.full(post.size, 30), time[post] + 1, 31)
    found = heard(data, rng)
    assert found.n_people[:30].tolist() == [1] * 30
    assert found.n_posts[:30].tolist() == [4] * 30


@pytest.mark.parametrize(
    ("account", "post", "code"),
    [
        ([], [], "heard.no_author"),
        (np.repeat(np.arange(40), 3), [], "heard.nobody_acted"),
        ([0] * 400, np.arange(400), "heard.too_few"),
        (np.arange(200), np.arange(200), "heard.too_few"),
        (np.repeat(np.arange(40), 3), [0, 1, 2], "heard.too_few"),
    ],
)
def test_too_little_cannot_be_told(account, post, code):
    account, post = np.asarray(account, dtype=np.int64), np.asarray(post, dtype=np.int64)
    data = acts(account, np.arange(account.size) * HOUR, post, np.full(post.size, 999), post * HOUR, 1000)
    found = heard(data, np.random.default_rng(0))
    assert isinstance(found, CannotTell)
    assert found.code == code
    assert str(found.reason)
    assert str(found.needs)


def test_without_times_it_is_told_but_not_checked():
    rng = np.random.default_rng(0)
    data = conversation(np.full(60, 3.0), np.full(60, 5), rng)
    bare = acts(
        data.account,
        np.full(300, UNKNOWN),
        data.post,
        data.actor,
        np.full(data.post.size, UNKNOWN),
        data.n_accounts,
    )
    found = heard(bare, rng)
    assert isinstance(found, Heard)
    assert isinstance(found.coverage, CannotTell)
    assert found.as_of is None
    codes = {notice.code: notice.count for notice in found.notices}
    assert codes["heard.posts_without_time"] == 300
    assert codes["heard.acts_without_time"] == data.post.size


def test_giant_viral_and_busy_accounts():
    rng = np.random.default_rng(9)
    rate = np.r_[np.full(100, 1.0), 2.0]
    data = conversation(rate, np.r_[np.full(100, 3), 100_000], rng)
    viral = 20_000
    data = acts(
        data.account,
        data.time,
        np.r_[data.post, np.zeros(viral, dtype=np.int64)],
        np.r_[data.actor, 1000 + np.arange(viral)],
        np.r_[data.acted, np.full(viral, data.time[0] + 1)],
        1000 + viral,
    )
    found = heard(data, rng)
    assert found.value[100] == pytest.approx(2.0, rel=0.08)
    assert found.low[100] < 2.0 < found.high[100]
    assert found.high[100] / found.low[100] < 1.6
    assert np.all(np.isfinite(found.value[:101]))
    # One post that 20,000 people shared, two that hardly anybody did: nobody knows.
    assert found.low[0] < 10
    assert found.high[0] > 1000


def test_all_posts_at_one_moment():
    rng = np.random.default_rng(0)
    account = np.repeat(np.arange(30), 4)
    post = np.repeat(np.arange(120), 2)
    actor = np.tile([30, 31], 120)
    found = heard(acts(account, np.zeros(120), post, actor, np.zeros(240), 32), rng)
    assert isinstance(found, Heard)
    assert isinstance(found.coverage, CannotTell)


def test_cancelled_is_heeded(world):
    class Stop(Quiet):
        def cancelled(self):
            return True

    with pytest.raises(Cancelled):
        heard(world[1], np.random.default_rng(0), progress=Stop())


def test_level_is_checked(world):
    with pytest.raises(InputError):
        heard(world[1], np.random.default_rng(0), level=90)


def test_acts_drop_own_and_repeated():
    data = acts([0, 1], [10, 20], [0, 0, 0, 1, 1], [0, 1, 1, 0, 0], [11, 15, 12, UNKNOWN, 30], 2)
    assert data.post.tolist() == [0, 1]
    assert data.actor.tolist() == [1, 0]
    assert data.acted.tolist() == [12, 30]


@pytest.mark.parametrize(
    "arguments",
    [
        ([0], [0, 1], [], [], [], 1),
        ([0], [0], [0], [0, 0], [0], 1),
        ([1], [0], [], [], [], 1),
        ([0], [0], [1], [0], [0], 1),
        ([0], [0], [0], [-1], [0], 1),
    ],
)
def test_acts_refuse_what_does_not_fit(arguments):
    with pytest.raises(InputError):
        acts(*arguments)


def checked(u, expected=5.0):
    u = np.asarray(u)
    n = u.size
    return Checked(u, u, np.ones(n, dtype=np.int64), np.full(n, expected), 3, Shape(1, 0, 0.1))


def test_held_shares_are_exact_for_counts():
    # A count that is 0 with probability 0.97: of what is predicted right, 90 % must be held.
    below, upto = np.zeros(2), np.array([0.97, 1.0])
    below[1] = 0.97
    one = Checked(below, upto, np.ones(2, dtype=np.int64), np.ones(2), 1, Shape(1, 0, 0.1))
    assert np.array([0.97, 0.03]) @ one.held(0.9) == pytest.approx(0.9)
    assert one.whole(0.9).tolist() == [True, False]


@settings(max_examples=50)
@given(st.floats(0.5, 0.99), st.lists(st.floats(0.01, 1), min_size=1, max_size=20))
def test_held_is_level_on_average_whatever_the_distribution(level, weights):
    edges = np.r_[0, np.cumsum(weights)] / np.sum(weights)
    n = len(weights)
    one = Checked(edges[:-1], edges[1:], np.ones(n, dtype=np.int64), np.ones(n), 1, Shape(1, 0, 0.1))
    assert np.diff(edges) @ one.held(level) == pytest.approx(level)


def test_settle_widens_only_where_earlier_blocks_ask_for_it():
    even = np.linspace(0.001, 0.999, 500)
    assert settle([], 0.9) == 0.9
    assert settle([checked(even)], 0.9) == 0.9
    assert settle([checked(0.5 + (even - 0.5) / 2)], 0.9) == 0.9
    extreme = np.where(even < 0.5, even**2 * 2, 1 - (1 - even) ** 2 * 2)
    wider = settle([checked(extreme)], 0.9)
    assert wider > 0.93
    assert checked(extreme).held(wider).mean() == pytest.approx(0.9, abs=0.01)
    assert settle([checked(extreme[:20])], 0.9) == 0.9


def test_coverage_looks_at_accounts_of_whom_something_was_expected():
    told = coverage(checked(np.full(40, 0.5)), 0.9, 0.9)
    assert isinstance(told, Coverage)
    assert (told.held, told.checked) == (40, 40)
    quiet = coverage(checked(np.full(40, 0.5), expected=0.2), 0.9, 0.9)
    assert isinstance(quiet, CannotTell)
    assert isinstance(coverage(None, 0.9, 0.9), CannotTell)


def test_block_edges_hold_equal_numbers():
    edges = block_edges(np.arange(600), 6)
    assert edges.tolist() == [99, 199, 299, 399, 499, 599]
    assert block_edges(np.zeros(50, dtype=np.int64), 6).tolist() == [0]
