import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entregent.errors import InputError
from entregent.influence.cascades import ALWAYS, cascades, split
from entregent.influence.cascades_sql import gather


def table(rows, **more):
    account, item, time = zip(*rows, strict=True)
    return pa.table({"account": account, "item": item, "time": pa.array(time, pa.int64()), **more})


def pairs(rows, times=None):
    actor, target = zip(*rows, strict=True)
    columns = {"actor": pa.array(actor, pa.string()), "target": pa.array(target, pa.string())}
    if times is not None:
        columns["time"] = pa.array(times, pa.int64())
    return pa.table(columns)


def arcs(known):
    graph, ids = known.exposure, known.accounts.to_pylist()
    tails = np.repeat(np.arange(graph.n), np.diff(graph.indptr))
    return [(ids[a], ids[b], s) for a, b, s in zip(tails, graph.indices, known.since.tolist(), strict=True)]


def test_first_act_counts_and_points_to_its_row():
    known = cascades(table([("b", "x", 5), ("a", "x", 9), ("a", "x", 2), ("c", "y", 1), ("b", "x", 3)]))
    assert known.items.to_pylist() == ["x", "y"]
    assert known.accounts.take(pa.array(known.account)).to_pylist() == ["a", "b", "c"]
    assert known.time.tolist() == [2, 3, 1]
    assert known.row.tolist() == [2, 4, 3]
    assert known.starters().tolist() == [0, 2]
    assert (known.start, known.end) == (1, 3)


def test_what_cannot_be_learned_is_said():
    known = cascades(table([("a", "x", 1), ("b", "x", 2)]))
    assert known.exposure is None
    assert known.exposure_kind == "unknown"
    assert [notice.code for notice in known.notices] == ["cascades.no_exposure"]


def test_follows_without_self_loops_and_doubles():
    follows = pairs([("a", "b"), ("a", "b"), ("a", "a"), (None, "b"), ("z", "a")])
    known = cascades(table([("a", "x", 1), ("b", "x", 2)]), follows)
    assert arcs(known) == [("a", "b", ALWAYS), ("z", "a", ALWAYS)]
    assert [(notice.code, notice.count) for notice in known.notices] == [("cascades.no_pair", 2)]
    assert (known.exposure.self_loops, known.exposure.nulls) == (1, 1)


def test_past_acts_serve_only_for_what_comes_after_the_first_of_them():
    acts = pairs([("a", "b"), ("a", "b"), ("b", "a")], [7, 4, 99])
    known = cascades(table([("a", "x", 1), ("b", "x", 10)]), None, acts)
    assert known.exposure_kind == "past"
    assert arcs(known) == [("a", "b", 4)]


def test_follows_are_preferred_to_past_acts():
    rows = table([("a", "x", 1), ("b", "x", 10)])
    assert cascades(rows, pairs([("a", "b")]), pairs([("b", "a")], [1])).exposure_kind == "follows"
    assert cascades(rows, pairs([("a", "b")]).slice(1), pairs([("b", "a")], [1])).exposure_kind == "past"


def test_incomplete_and_late_rows_are_counted():
    rows = pa.table(
        {
            "account": ["a", None, "b", "c"],
            "item": ["x", "x", None, "x"],
            "time": pa.array([1, 2, 3, 50], pa.int64()),
        }
    )
    known = cascades(rows, end=10)
    assert known.n_adoptions == 1
    assert known.notices[0].count == 3
    with pytest.raises(InputError, match="None of 4"):
        cascades(rows, end=0)


def test_missing_column_names_the_valid_ones():
    with pytest.raises(InputError, match="'item'"):
        cascades(pa.table({"account": ["a"], "time": [1]}))
    with pytest.raises(InputError, match="'target'"):
        cascades(table([("a", "x", 1)]), pa.table({"actor": ["a"]}))
    with pytest.raises(InputError, match="double"):
        cascades(pa.table({"account": ["a"], "item": ["x"], "time": [1.5]}))


def test_group_and_what_is_shown_follow_their_rows():
    rows = table(
        [("b", "x", 5), ("a", "x", 2), ("c", "y", 3)],
        group=pa.array(["sport", None, None], pa.string()),
        shows=pa.array([False, None, True]),
    )
    known = cascades(rows)
    assert known.group.tolist() == [0, -1]
    assert known.shows.tolist() == [True, False, True]


@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("xyz"), st.integers(0, 20)), min_size=1),
    st.integers(-1, 22),
)
def test_split_by_start_keeps_everything_and_leaks_nothing(rows, at):
    follows = pairs([("a", "b"), ("b", "c"), ("c", "d")], [3, 9, 15])
    known = cascades(table(rows), follows)
    before, after = split(known, at)
    assert (before.started() < at).all()
    assert (after.started() >= at).all()
    assert before.n_items + after.n_items == known.n_items
    assert (before.time < at).all()
    dropped = ((known.time >= at) & (known.started()[known.item()] < at)).sum()
    assert before.n_adoptions + after.n_adoptions + dropped == known.n_adoptions
    for part in (before, after):
        assert (np.diff(part.time)[np.diff(part.item()) == 0] >= 0).all()
    if before.exposure is not None:
        assert (before.since < at).all()
        assert before.exposure.m == before.since.size
    assert before.end < at or before.end == known.end


@pytest.fixture
def connection():
    con = duckdb.connect()
    con.sql("set TimeZone='UTC'")
    con.sql(
        "create table posts (id text, account text, time timestamptz, kind text, parent text, quoted text, "
        "hashtags text[], links text[])"
    )
    con.sql(
        "create table interactions (id text, kind text, actor text, object text, target text, "
        "time timestamptz)"
    )
    con.sql(
        """
        insert into posts values
          ('p1', 'ada', '2024-05-01 10:00Z', 'post', null, null, ['train'], ['https://a']),
          ('p2', 'bob', '2024-05-01 10:10Z', 'quote', null, 'p1', [], null),
          ('p3', 'cleo', '2024-05-01 10:20Z', 'reply', 'p2', null, ['train'], null),
          ('p4', 'dan', '2024-05-01 10:30Z', 'reply', 'unseen', null, null, null)
        """
    )
    con.sql(
        """
        insert into interactions values
          ('r1', 'repost', 'eve', 'p2', 'bob', '2024-05-01 10:40Z'),
          ('q1', 'quote', 'bob', 'p1', 'ada', '2024-05-01 10:10Z'),
          ('l1', 'like', 'fay', 'p1', 'ada', '2024-05-01 10:41Z'),
          ('f1', 'follow', 'eve', null, 'bob', '2024-05-01 09:00Z'),
          ('f2', 'follow', 'eve', null, 'ada', null)
        """
    )
    yield con
    con.close()


def test_tree_of_a_post_holds_quotes_replies_and_their_reposts(connection):
    adoptions, follows, listening = gather(connection)
    found = {(row["account"], row["item"], row["shows"]) for row in adoptions.to_pylist()}
    assert found == {
        ("ada", "posts:p1", True),
        ("bob", "posts:p1", True),
        ("cleo", "posts:p1", False),
        ("eve", "posts:p1", True),
        ("dan", "posts:p4", False),
    }
    assert [(row["actor"], row["target"], row["time"] is None) for row in follows.to_pylist()] == [
        ("eve", "ada", True),
        ("eve", "bob", False),
    ]
    assert [(row["actor"], row["target"]) for row in listening.to_pylist()] == [
        ("bob", "ada"),
        ("eve", "bob"),
    ]
    known = cascades(adoptions, follows, listening)
    assert known.exposure_kind == "follows"
    assert adoptions["evidence"].take(pa.array(known.row)).to_pylist()[:2] == ["p1", "p2"]


def test_hashtags_links_and_objects(connection):
    adoptions, _, _ = gather(connection, "hashtags", "links", "objects")
    found = sorted((row["account"], row["item"]) for row in adoptions.to_pylist())
    assert found == [
        ("ada", "hashtags:train"),
        ("ada", "links:https://a"),
        ("bob", "objects:p1"),
        ("cleo", "hashtags:train"),
        ("eve", "objects:p2"),
    ]
    with pytest.raises(InputError, match="hashtags"):
        gather(connection, "songs")
