import numpy as np
import pytest

from entregent.influence.acts import UNKNOWN
from entregent.influence.heard_sql import gather
from entregent.influence.rank import Heard, heard
from entregent.results import CannotTell

duckdb = pytest.importorskip("duckdb")


@pytest.fixture
def connection():
    con = duckdb.connect()
    con.sql("set TimeZone='UTC'")
    con.sql("create table posts (id text, account text, time timestamptz)")
    con.sql("create table interactions (kind text, actor text, object text, target text, time timestamptz)")
    yield con
    con.close()


def minute(m):
    return f"2024-05-01 10:{m:02d}:00+00"


def read(con, posts, interactions):
    for row in posts:
        con.execute("insert into posts values (?, ?, ?)", row)
    for row in interactions:
        con.execute("insert into interactions values (?, ?, ?, ?, ?)", row)
    found = gather(con)
    names, ids = found.accounts.to_pylist(), found.posts.to_pylist()
    pairs = [
        (ids[p], names[a]) for p, a in zip(found.acts.post.tolist(), found.acts.actor.tolist(), strict=True)
    ]
    return found, sorted(pairs)


def test_kinds_are_counted_once_per_person_and_likes_and_own_acts_not(connection):
    _, pairs = read(
        connection,
        [("p1", "ada", minute(0)), ("r1", "bob", minute(5))],
        [
            ("repost", "bob", "p1", "ada", minute(3)),
            ("reply", "bob", "p1", "ada", minute(5)),
            ("quote", "cleo", "p1", "ada", minute(6)),
            ("like", "dan", "p1", "ada", minute(7)),
            ("follow", "dan", None, "ada", minute(7)),
            ("reply", "ada", "p1", "ada", minute(8)),
            ("repost", "eve", "elsewhere", "ada", minute(8)),
        ],
    )
    assert pairs == [("p1", "bob"), ("p1", "cleo")]


def test_first_act_counts(connection):
    found, _ = read(
        connection,
        [("p1", "ada", minute(0))],
        [
            ("quote", "bob", "p1", "ada", minute(9)),
            ("repost", "bob", "p1", "ada", minute(3)),
            ("repost", "bob", "p1", "ada", None),
        ],
    )
    assert (found.acts.acted - found.acts.time[0]).tolist() == [180_000_000]


def test_free_mentions_count_on_the_latest_post_before(connection):
    _, pairs = read(
        connection,
        [
            ("p1", "ada", minute(0)),
            ("p2", "ada", minute(10)),
            ("m1", "bob", minute(5)),
            ("m2", "cleo", minute(15)),
            ("m3", "dan", minute(20)),
            ("m4", "eve", minute(21)),
        ],
        [
            ("mention", "bob", None, "ada", minute(5)),
            ("mention", "cleo", None, "ada", minute(15)),
            # A reply to p1 that names its author: an act on p1, no free mention on p2.
            ("reply", "dan", "p1", "ada", minute(20)),
            ("mention", "dan", None, "ada", minute(20)),
            # Named before any post of theirs, by a post off the topic, or by oneself: nowhere.
            ("mention", "bob", None, "zoe", minute(5)),
            ("mention", "fay", None, "ada", minute(30)),
            ("mention", "eve", None, "eve", minute(21)),
        ],
    )
    assert pairs == [("p1", "bob"), ("p1", "dan"), ("p2", "cleo")]


def test_posts_without_author_or_time(connection):
    found, pairs = read(
        connection,
        [("p1", None, minute(0)), ("p2", "ada", None)],
        [("repost", "bob", "p1", None, minute(1)), ("repost", "bob", "p2", "ada", minute(1))],
    )
    assert pairs == [("p2", "bob")]
    assert found.acts.time.tolist() == [UNKNOWN]


def test_bare_acts_with_known_authors(connection):
    found, pairs = read(
        connection,
        [],
        [
            ("share", "bob", "item", "ada", minute(4)),
            ("share", "ada", "item", "ada", minute(2)),
            ("share", "cleo", "orphan", None, minute(4)),
        ],
    )
    assert pairs == [("item", "bob")]
    assert found.posts.to_pylist() == ["item"]
    assert (found.acts.acted - found.acts.time).tolist() == [120_000_000]


def test_bare_acts_without_authors_cannot_be_told(connection):
    found, _ = read(connection, [], [("share", "bob", "item", None, minute(4))])
    told = heard(found.acts, np.random.default_rng(0))
    assert isinstance(told, CannotTell)
    assert told.code == "heard.no_author"


def test_nothing_is_left_behind(connection):
    gather(connection)
    left = connection.sql("select table_name from duckdb_tables()").fetchall()
    assert sorted(left) == [("interactions",), ("posts",)]


@pytest.mark.data
@pytest.mark.parametrize("site", ["android", "christianity"])
def test_real_cascades(connection, shared_data, site):
    connection.sql(
        f"""insert into interactions select 'share', "user"::text, item::text, root_user::text,
        to_timestamp(seconds) from read_csv('{shared_data}/cascades-stackexchange/{site}.csv')"""
    )
    found = heard(gather(connection).acts, np.random.default_rng(0))
    assert isinstance(found, Heard)
    assert found.coverage.high >= 0.88
    assert "heard.no_silent_post" in {notice.code for notice in found.notices}
