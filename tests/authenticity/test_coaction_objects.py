from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from coaction_oracle import SECOND

from entregent.authenticity.objects import actions, hashtags, links, replies, reposts, texts
from entregent.errors import InputError
from entregent.records import schema

START = datetime(2024, 5, 1, 12, 0, 7, tzinfo=UTC)


def table(name: str, *rows: dict) -> pa.Table:
    filled = [{column: row.get(column) for column in schema(name).names} for row in rows]
    return pa.Table.from_pylist(filled, schema=schema(name))


def post(number: int, **more: object) -> dict:
    return {"id": f"p{number}", "account": f"a{number}", "time": START + timedelta(seconds=number), **more}


def shared(found) -> set[tuple[str, str]]:
    accounts, objects = found.accounts.to_pylist(), found.objects.to_pylist()
    return {
        (accounts[a], objects[o]) for a, o in zip(found.account.tolist(), found.object.tolist(), strict=True)
    }


def test_codes_are_places_in_sorted_names():
    found = actions(pa.array(["b", "a", "b"]), pa.array(["y", "y", "x"]), pa.array([3, 1, 2]))
    assert found.accounts.to_pylist() == ["a", "b"]
    assert (found.account.tolist(), found.object.tolist(), found.time.tolist()) == (
        [1, 0, 1],
        [1, 1, 0],
        [3, 1, 2],
    )


def test_rows_that_lack_something_are_counted():
    found = actions(
        pa.chunked_array([["a", None], ["b", "c", None]]),
        pa.array(["x", "x", None, "x", "x"]),
        pa.chunked_array([pa.array([1, 2, 3, None, None], pa.int64())]),
    )
    assert shared(found) == {("a", "x")}
    assert {notice.code: notice.count for notice in found.notices} == {
        "coaction.incomplete": 3,
        "coaction.no_time": 1,
    }


@pytest.mark.parametrize(
    ("times", "micros"),
    [
        (pa.array([START], pa.timestamp("us", tz="UTC")), START.timestamp() * SECOND),
        (pa.array([START.replace(tzinfo=None)], pa.timestamp("ms")), START.timestamp() * SECOND),
        (pa.array([1_700_000_000_123_456_789], pa.timestamp("ns")), 1_700_000_000_123_456),
        (pa.array([date(1970, 1, 3)]), 2 * 86_400 * SECOND),
        (pa.array([5], pa.int32()), 5),
    ],
)
def test_times_of_several_types(times, micros):
    assert actions(pa.array(["a"]), pa.array(["x"]), times).time.tolist() == [int(micros)]


def test_times_that_are_none_are_refused():
    with pytest.raises(InputError, match="string"):
        actions(pa.array(["a"]), pa.array(["x"]), pa.array(["2024-05-01"]))
    with pytest.raises(InputError, match="2 accounts"):
        actions(pa.array(["a", "b"]), pa.array(["x"]), pa.array([1]))
    nowhen = actions(pa.array(["a"]), pa.array(["x"]), pa.nulls(1))
    assert [notice.code for notice in nowhen.notices] == ["coaction.no_time"]


def timed(seconds):
    n = len(seconds)
    micros = pa.array((np.asarray(seconds, np.float64) * SECOND).astype(np.int64))
    return actions(pa.array([f"a{k}" for k in range(n)]), pa.array(["x"] * n), micros)


@pytest.mark.parametrize(("unit", "name"), [(86_400, "day"), (3_600, "hour"), (60, "minute")])
@pytest.mark.parametrize("offset", [0, 7_200])
def test_times_known_to_a_unit_only_are_noticed(unit, name, offset):
    seconds = np.random.default_rng(2).integers(0, 400, 200) * unit + offset
    found = timed(seconds)
    assert found.resolution == unit * SECOND
    assert [notice.code for notice in found.notices] == ["coaction.coarse_times"]
    assert name in str(found.notices[0].text)
    # A few exact times among them change nothing.
    seconds[:5] += 11
    assert timed(seconds).resolution == unit * SECOND


def test_times_to_the_second_are_fine():
    for seed in range(50):
        for n in (2, 3, 5, 200):
            found = timed(np.random.default_rng(seed).integers(0, 10**6, n))
            assert (found.resolution, found.notices) == (1, ())


def test_one_time_for_all_is_that_of_a_copy():
    found = timed([1_714_564_807] * 30 + [5, 6])
    (notice,) = found.notices
    assert (notice.code, notice.count) == ("coaction.same_instant", 30)
    assert "30 acts of 32" in str(notice.text)
    assert timed([7] * 9).notices == ()


def test_reposts():
    acts = [("repost", "a", "p1"), ("share", "b", "p1"), ("like", "c", "p1"), ("repost", "d", None)]
    interactions = table(
        "interactions",
        *({"kind": kind, "actor": actor, "object": object_, "time": START} for kind, actor, object_ in acts),
    )
    found = reposts(interactions)
    assert shared(found) == {("a", "p1"), ("b", "p1")}
    assert [notice.code for notice in found.notices] == ["coaction.incomplete"]
    assert shared(reposts(interactions, ("like",))) == {("c", "p1")}
    assert found.kind == "repost"


def test_replies():
    found = replies(table("posts", post(1, parent="p0"), post(2), post(3, parent="p0")))
    assert shared(found) == {("a1", "p0"), ("a3", "p0")}
    assert found.notices == ()


def test_links_are_cleaned_and_redirects_followed():
    posts = table(
        "posts",
        post(1, links=["https://www.example.org/a/?utm_source=x", "https://example.org/b"]),
        post(2, links=["http://sho.rt/1?fbclid=9"]),
        post(3, links=[]),
        post(4),
        post(5, links=["https://example.org/a", None, ""]),
    )
    known = {
        "http://sho.rt/1": "http://sho.rt/2",
        "http://sho.rt/2": "https://example.org/a#top",
        "http://loop.example/1": "http://loop.example/1",
    }
    found = links(posts, known)
    assert shared(found) == {
        ("a1", "https://example.org/a"),
        ("a1", "https://example.org/b"),
        ("a2", "https://example.org/a"),
        ("a5", "https://example.org/a"),
    }
    assert shared(links(posts)) >= {("a2", "http://sho.rt/1")}
    around = table("posts", post(1, links=["http://loop.example/1"]))
    assert shared(links(around, known)) == {("a1", "http://loop.example/1")}


def test_hashtags_are_folded():
    posts = table("posts", post(1, hashtags=["Grève", "SNCF"]), post(2, hashtags=["#GREVE"]))
    assert shared(hashtags(posts)) == {("a1", "greve"), ("a1", "sncf"), ("a2", "greve")}


def test_hashtags_of_chunked_and_sliced_tables():
    posts = pa.concat_tables([table("posts", post(k, hashtags=[f"t{k % 2}"])) for k in range(6)])
    assert shared(hashtags(posts.slice(1, 3))) == {("a1", "t1"), ("a2", "t0"), ("a3", "t1")}


COPY = "Le train de ce matin est encore supprimé, merci pour rien, on attend toujours une réponse"


def test_texts_that_are_nearly_the_same_are_one_object():
    posts = table(
        "posts",
        post(3, text=COPY + " !"),
        post(1, text=COPY),
        post(2, text=COPY.upper() + " vraiment"),
        post(4, text="Un tout autre propos sur la météo de demain dans les Alpes du Sud"),
        post(5, text="Merci !"),
        post(6, text="Merci !"),
        post(7),
    )
    found = texts(posts)
    # The object is named after the first in time.
    assert shared(found) == {("a1", "p1"), ("a2", "p1"), ("a3", "p1"), ("a4", "p4")}
    assert texts(posts.select(["account", "text", "time"])).objects.to_pylist() == ["1", "3"]
    assert len(texts(posts, shortest=1).objects) == 3
    assert len(texts(posts.slice(0, 0)).time) == 0


def test_empty_tables():
    for found in (
        reposts(schema("interactions").empty_table()),
        replies(schema("posts").empty_table()),
        links(schema("posts").empty_table()),
        hashtags(schema("posts").empty_table()),
        texts(schema("posts").empty_table()),
    ):
        assert (len(found.time), len(found.accounts), found.notices) == (0, 0, ())
