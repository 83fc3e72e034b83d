"""Known answers on real retweets around protests (Kulichkina, Righetti and Waldherr 2024)."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from coaction_oracle import SECOND, joined, listed

from entregent.authenticity.coaction import coaction, shuffled
from entregent.authenticity.objects import actions
from entregent.authenticity.stream import CoactionStream

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def retweets(shared_data):
    table = pq.read_table(shared_data / "coordination_ru" / "russian_coord_tweets.parquet")
    seconds = table["timestamp_share"].to_numpy()
    return actions(table["account_id"], table["object_id"], pa.array(seconds * SECOND), kind="repost")


def test_pairs_with_two_and_five_shares_in_common(retweets):
    found = coaction(retweets, [10, 60, 600, 3600])
    assert (found.actions, found.accounts) == (34_865, 9_509)
    twice = [len(found.linked(window)[0]) for window in found.windows]
    assert twice == [2, 32, 994, 9_448]
    assert [len(found.linked(window, 5)[0]) for window in found.windows] == [0, 0, 18, 175]
    a, b, _ = found.linked(3600)
    assert len(np.union1d(a, b)) == 1_974
    assert found.notices == ()
    assert len(found.capped.object) == 0


def test_most_of_them_remain_when_times_are_shuffled(retweets):
    rng = np.random.default_rng(2021)
    pairs = [len(coaction(shuffled(retweets, rng), [3600]).a) for _ in range(20)]
    # Another shuffle had a mean of 7,092 of 5, with a standard error of about 80.
    assert abs(np.mean(pairs) - 7_092) < 300
    assert max(pairs) < 9_448


@pytest.mark.parametrize("acts", ["first", "all"])
def test_the_self_join_agrees(retweets, acts):
    windows = [60.0, 600.0]
    assert listed(coaction(retweets, windows, acts=acts, least=1)) == joined(retweets, windows, acts)


def test_the_stream_agrees(retweets):
    order = np.argsort(retweets.time, kind="stable")
    stream = CoactionStream([60, 3600], forget=365 * 86_400)
    for part in np.array_split(order, 40):
        stream.update(retweets.account[part], retweets.object[part], retweets.time[part])
    whole, found = coaction(retweets, [60, 3600]), stream.result()
    for column in ("a", "b", "count"):
        assert np.array_equal(getattr(found, column), getattr(whole, column))
