"""Search, back-test and stream say the same of every post; an index changes only how long it takes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from entregent.clock import Period
from entregent.flows.search import Results, search
from entregent.listening.match import Matcher
from entregent.listening.narrow import needed
from entregent.listening.query import parse
from entregent.records import schema
from entregent.sources.base import Batch
from entregent.store import fulltext
from entregent.store.archive import Archive
from entregent.store.erase import erase

START = datetime(2024, 5, 1, tzinfo=UTC)
WORDS = ["grève", "Grèves", "SNCF", "l’été", "#GrèveSNCF", "#sncf", "@sncf", "@gare_nord", "œuvre", "straße"]
WORDS += ["東京", "👍🏽", "https://www.a.fr/SNCF?x=1", "aujourd'hui", "e\u0301te\u0301", "İstanbul", "한국"]
WORDS += [
    "jean.dupont@a.frж",
    "1,5",
    "iPhone15Pro",
    "gr\u00adeve",
    "жук",
    "#東京GrèveЖук",
    "a" * 140,
    "qu'il",
]
SIGNS = [
    " ",
    "'",
    "’",
    "_",
    "-",
    "#",
    "@",
    ".",
    '"',
    "\u00a0",
    "\u0301",
    "\u200b",
    "A",
    "7",
    "l",
    "http://",
    "/",
]
TERMS = [
    *WORDS,
    "gr*",
    "*ve",
    "gr*ve",
    "*ss*",
    '"l’été SNCF"',
    "#gr*",
    "*été",
    "oeuvre",
    "strasse",
    "한*",
    "a*",
]
TERMS += ["raw:SNCF", "raw:été", "grève NEAR/1 SNCF", "(жук OR ete) NEAR/2f (sncf OR gr*)", "http*", "*.fr"]
TERMS += [
    "lang:fr",
    "hashtag:greve*",
    "mentions:sncf",
    "followers:>10",
    "author:ann*",
    "is:reply",
    "has:link",
]
QUERIES = st.recursive(
    st.sampled_from(TERMS),
    lambda inner: (
        st.builds("({} {} {})".format, inner, st.sampled_from(["AND", "OR", "", "NOT", "ET", "OU"]), inner)
        | st.builds("NOT {}".format, inner)
    ),
    max_leaves=6,
)
TEXTS = st.lists(st.sampled_from(WORDS) | st.text(max_size=4), max_size=6).map(" ".join) | st.lists(
    st.sampled_from([*WORDS, *SIGNS]), max_size=6
).map("".join)
POSTS = st.fixed_dictionaries(
    {
        "text": st.none() | TEXTS,
        "lang": st.sampled_from([None, "fr", "en"]),
        "kind": st.sampled_from(["post", "reply"]),
        "account": st.sampled_from([None, "x:1", "x:2"]),
        "hashtags": st.sampled_from([[], ["Grève"], ["SNCF", None]]),
        "mentions": st.sampled_from([[], ["x:@sncf"]]),
        "links": st.sampled_from([[], ["https://a.fr/x"]]),
        "hour": st.none() | st.integers(0, 60),
        "version": st.integers(0, 1),
    }
)


def hour(n: float) -> datetime:
    return START + timedelta(hours=n)


def table(name: str, rows: list[dict[str, Any]]) -> pa.Table:
    blank = dict.fromkeys(schema(name).names)
    return pa.Table.from_pylist([{**blank, **row} for row in rows], schema=schema(name))


def posts_of(*rows: dict[str, Any], first: int = 0) -> pa.Table:
    made = []
    for number, row in enumerate(rows, first):
        at = row.pop("hour", number)
        time = None if at is None else hour(at)
        made.append({"id": f"x:p{number}", "network": "x", "kind": "post", "version": 0, "time": time} | row)
    return table("posts", made)


PEOPLE = Batch(
    accounts=table(
        "accounts",
        [{"id": "x:1", "network": "x", "handle": "ann"}, {"id": "x:2", "network": "x", "seen_at": START}],
    ),
    observations=table(
        "observations",
        [
            {
                "subject": "x:2",
                "subject_kind": "account",
                "metric": "followers",
                "value": n,
                "seen_at": hour(n),
            }
            for n in (5, 50)
        ],
    ),
)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with Archive.open(tmp_path / "home", writer=True, threads=1) as opened:
        yield opened


@pytest.fixture(autouse=True)
def even_small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fulltext, "INDEX_FROM", 1)


def ids(results: Results) -> list[str]:
    found: list[str] = results.found.ids.column("id").to_pylist()
    return found


def indexes(archive: Archive) -> list[Path]:
    return sorted(archive.home.rglob("*.words"))


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(st.lists(POSTS, max_size=6), min_size=1, max_size=3),
    st.lists(QUERIES, min_size=1, max_size=4),
    st.lists(st.sampled_from(["", "roll", "live", "compact"]), min_size=3, max_size=3),
    st.sampled_from([(None, None), (10, None), (None, 30), (5, 50)]),
)
def test_stream_back_test_and_search_say_the_same(
    batches: list[list[dict[str, Any]]],
    queries: list[str],
    doings: list[str],
    ends: tuple[int | None, int | None],
) -> None:
    period = Period(*(None if end is None else hour(end) for end in ends))
    with Archive.throw_away(threads=1) as archive:
        archive.append(PEOPLE)
        first = 0
        for rows, doing in zip(batches, doings, strict=False):
            # Some come again, in another version; the first one was deleted.
            made = posts_of(*(dict(row) for row in rows), first=max(0, first - 2))
            first = max(0, first - 2) + len(rows)
            graves = table("tombstones", [{"id": "x:p0", "kind": "post", "time": START}])
            archive.append(
                Batch(posts=made, tombstones=graves if first > 4 else graves[:0]), live=doing == "live"
            )
            if doing == "roll":
                archive.roll()
            if doing == "compact":
                archive.compact(START)
        with archive.connection(period) as con:
            known = con.sql(
                "SELECT p.*, handle, value AS followers FROM posts p "
                "LEFT JOIN accounts a ON a.id = p.account "
                "LEFT JOIN latest_observations o ON subject = p.account AND metric = 'followers'"
            ).to_arrow_table()
        matcher = Matcher([(typed, parse(typed)) for typed in queries])
        matched = matcher.match(known)
        for typed in queries:
            answers = parse(typed).match_table(known)
            tested = sorted(known.filter(answers).column("id").to_pylist())
            rows_of = [
                row for row, key in zip(matched.rows.tolist(), matched.watches, strict=True) if key == typed
            ]
            assert sorted(known.column("id").take(pa.array(rows_of, pa.int64())).to_pylist()) == tested
            for index in (False, True):
                results = search(archive, parse(typed), period, index=index)
                assert sorted(ids(results)) == tested
                shown = results.posts()
                assert shown.column("id").to_pylist() == ids(results)
                assert all(why.matched for why in results.why(shown))


def test_the_index_spares_reading(archive: Archive) -> None:
    rows = [{"text": f"le train numéro {n}" + (" en grève" if n % 50 == 0 else "")} for n in range(500)]
    archive.append(Batch(posts=posts_of(*rows)))
    whole = search(archive, parse("grève train"), index=False)
    assert (len(whole), whole.found.shown, indexes(archive)) == (10, 500, [])
    narrowed = search(archive, parse("grève train"))
    assert (ids(narrowed), narrowed.found.shown) == (ids(whole), 10)
    assert len(indexes(archive)) == 1
    assert narrowed.posts(3).column("text").to_pylist() == [
        f"le train numéro {n} en grève" for n in (450, 400, 350)
    ]
    assert search(archive, parse("*ève")).found.shown == 10
    assert search(archive, parse("num*o 7")).found.shown == 1
    assert search(archive, parse('"train numéro"')).found.shown == 500
    assert search(archive, parse("*zzz")).found.shown == 0
    assert search(archive, parse("lang:fr OR grève")).found.shown == 500


def test_the_newest_come_first_and_what_has_no_time_last(archive: Archive) -> None:
    archive.append(
        Batch(posts=posts_of({"text": "a", "hour": None}, {"text": "a", "hour": 3}, {"text": "a", "hour": 9}))
    )
    archive.append(Batch(posts=posts_of({"text": "a", "hour": 5}, first=3)), live=True)
    found = search(archive, parse("a"))
    assert ids(found) == ["x:p2", "x:p3", "x:p1", "x:p0"]
    assert found.posts(2).column("id").to_pylist() == ["x:p2", "x:p3"]
    assert found.posts(0).num_rows == 0
    assert ids(search(archive, parse("a"), Period(hour(4), None))) == ["x:p2", "x:p3"]


def test_an_empty_archive_holds_nothing(archive: Archive) -> None:
    found = search(archive, parse("a"))
    assert (len(found), found.posts().num_rows) == (0, 0)
    assert found.posts().column_names == [*schema("posts").names, "handle", "followers"]


def test_an_index_goes_with_its_segment(archive: Archive) -> None:
    for n in range(3):
        archive.append(Batch(posts=posts_of({"text": "grève", "account": f"x:{n}"}, first=n)))
    search(archive, parse("grève"))
    assert len(indexes(archive)) == 3
    archive.compact(START)
    assert indexes(archive) == []
    assert ids(search(archive, parse("grève"))) == ["x:p2", "x:p1", "x:p0"]
    assert len(indexes(archive)) == 1
    erase(archive, "x:1", START)
    assert indexes(archive) == []
    assert ids(search(archive, parse("grève"))) == ["x:p2", "x:p0"]


def test_what_a_stopped_indexing_left_is_swept(archive: Archive) -> None:
    archive.append(Batch(posts=posts_of({"text": "grève"})))
    home = archive.home
    (segment,) = archive.segments("posts")
    left = (home / segment.name).parent / "1.part"
    orphan = (home / segment.name).parent / "00000009-abc.words"
    for path in (left, orphan):
        path.write_bytes(b"grve")
    search(archive, parse("grève"))
    archive.close()
    with Archive.open(home, writer=True):
        assert not left.exists()
        assert not orphan.exists()
        assert len(list(home.rglob("*.words"))) == 1


def test_an_index_made_of_a_segment_that_went_meanwhile_is_not_kept(archive: Archive) -> None:
    archive.append(Batch(posts=posts_of({"text": "secret", "account": "x:1"})))
    (segment,) = archive.segments("posts")
    kept = (archive.home / segment.name).read_bytes()
    erase(archive, "x:1", START)
    (archive.home / segment.name).parent.mkdir(parents=True, exist_ok=True)
    (archive.home / segment.name).write_bytes(kept)
    assert not fulltext.build(archive.home, archive.state, segment)
    assert indexes(archive) == []


@pytest.mark.parametrize("damage", [b"", b"no database", b"SQLite format 3\x00" + bytes(200)])
def test_a_damaged_index_is_made_again(archive: Archive, damage: bytes) -> None:
    archive.append(Batch(posts=posts_of({"text": "grève"}, {"text": "bus"})))
    search(archive, parse("grève"))
    (path,) = indexes(archive)
    path.write_bytes(damage)
    assert ids(search(archive, parse("grève"))) == ["x:p0"]
    assert search(archive, parse("grève")).found.shown == 1


@pytest.mark.parametrize("error", [PermissionError("no"), sqlite3.OperationalError("disk is full")])
def test_a_home_that_cannot_be_written_is_searched(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refuse(*_: object) -> None:
        raise error

    archive.append(Batch(posts=posts_of({"text": "grève"})))
    monkeypatch.setattr(fulltext, "build", refuse)
    assert ids(search(archive, parse("grève"))) == ["x:p0"]


@pytest.mark.parametrize(
    "typed",
    [
        " OR ".join(f"mot{n}" for n in range(3000)),
        "(" * 99 + "grève" + ")" * 99,
        "".join(f"(w{n} AND (v{n} OR " for n in range(49)) + "grève" + "))" * 49,
        " ".join(["grève"] * 3000),
    ],
)
def test_giant_queries_are_answered(archive: Archive, typed: str) -> None:
    archive.append(Batch(posts=posts_of({"text": "grève mot7"}, {"text": "bus"})))
    query = parse(typed)
    assert len(search(archive, query)) == sum(query.match_table(archive.scan("posts").read_all()).to_pylist())


def test_what_is_needed_is_in_every_text_that_matches() -> None:
    assert needed(parse("raw:Orange")) is None
    assert needed(parse("NOT grève")) is None
    one = needed(parse("(grève OR bus*) l’été"))
    assert one is not None
    assert [part.kind for part in one.parts] == ["one_of", "word", "word"]
