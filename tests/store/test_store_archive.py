"""What is appended is there once, in its latest version, and what is deleted is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_batches import START, account, act, batch, grave, hour, outcome, payload, post, seen, story, table

from entregent.clock import Period
from entregent.errors import StoreError
from entregent.i18n import N, T
from entregent.records import TABLES, Gap, schema
from entregent.results import InputFile, Notice
from entregent.sources.base import Batch
from entregent.store.archive import Archive


def rows(archive: Archive, view: str, *columns: str, period: Period | None = None) -> list[Any]:
    found = archive.scan(view, columns or None, period).read_all()
    return sorted(
        zip(*(found.column(name).to_pylist() for name in found.schema.names), strict=True), key=repr
    )


def test_a_batch_appended_twice_is_there_once(archive: Archive) -> None:
    whole = story(1, 3)[2]
    first, second = archive.append(whole), archive.append(whole)
    before = {
        view: rows(archive, view) for view in ("posts", "accounts", "interactions", "observations", "raw")
    }
    assert sum(first.new.values()) > 0
    assert sum(second.new.values()) == sum(second.replaced.values()) == 0
    for name in TABLES:
        counted = sum(part[name] for part in (first.new, first.duplicate, first.replaced, first.deleted))
        assert counted == getattr(whole, name).num_rows
    assert before == {view: rows(archive, view) for view in before}


def test_all_columns_come_back_as_they_went(archive: Archive) -> None:
    full = post(
        1,
        text="L’été à l'œuvre 🎉 \x00 fin",
        lang="fr",
        parent="x:p0",
        parent_account="x:bob",
        root="x:p0",
        quoted="x:q",
        quoted_account="x:eve",
        url="https://example.org/'quoted'",
        links=["https://a.example", None],
        hashtags=["Été"],
        mentions=["x:bob"],
        media=3,
        version=2**60,
    )
    archive.append(batch(posts=[full], raw=[payload("x:p1", '{"é": "\\u0000"}')]))
    assert archive.scan("posts").read_all().to_pylist() == [full]
    assert archive.scan("posts").schema == schema("posts")
    assert archive.scan("raw").read_all().to_pylist() == [payload("x:p1", '{"é": "\\u0000"}')]


def test_the_latest_version_is_shown_in_any_order(archive: Archive) -> None:
    archive.append(batch(posts=[post(1, version=2, text="two"), post(1, version=1, text="one")]))
    archive.append(batch(posts=[post(1, version=0, text="zero")]))
    assert rows(archive, "posts", "id", "text") == [("x:p1", "two")]
    told = archive.append(batch(posts=[post(1, version=5, text="five"), post(2)]))
    assert (told.replaced["posts"], told.new["posts"]) == (1, 1)
    assert rows(archive, "posts", "text") == [("five",), ("text of 2",)]


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 10**6), st.integers(1, 4), st.lists(st.booleans(), min_size=5, max_size=5))
def test_posts_agree_with_a_plain_model(seed: int, batches: int, compacts: list[bool]) -> None:
    told = story(seed, batches)
    with Archive.throw_away(threads=1) as archive:
        for one, compact in zip(told, compacts, strict=False):
            archive.append(one)
            if compact:
                archive.compact(START)
        found = archive.scan("posts", ["id", "version", "text"]).read_all().to_pylist()
    assert {row["id"]: row["version"] for row in found} == outcome(told)
    assert len({row["id"] for row in found}) == len(found)
    assert all(row["text"].startswith(f"{row['id']} version {row['version']} ") for row in found)


def test_reopening_knows_what_is_there(tmp_path: Path) -> None:
    told = story(3)
    with Archive.open(tmp_path, writer=True) as archive:
        for one in told:
            archive.append(one, source="s")
    with Archive.open(tmp_path, writer=True) as archive:
        again = [archive.append(one, source="s") for one in told]
        assert sum(sum(one.new.values()) + sum(one.replaced.values()) for one in again) == 0
        assert archive.cursor("s") == "5"
        assert archive.cursor("other") is None
        assert dict(rows(archive, "posts", "id", "version")) == outcome(told)


# Deletions


@pytest.mark.parametrize("compacted", [False, True])
@pytest.mark.parametrize("order", ["before", "with", "after"])
def test_a_tombstone_covers_what_came_and_what_comes(archive: Archive, order: str, compacted: bool) -> None:
    records = {
        "posts": [post(1, mentions=["x:eve"], parent="x:p9", parent_account="x:zoe"), post(2)],
        "interactions": [act(1, object="x:p1"), act(2, "x:ann")],
        "raw": [payload("x:p1"), payload("x:p2")],
        "observations": [seen("x:p1", "likes", 3, START, "post"), seen("x:p1", "followers", 3, START)],
    }
    graves = [grave("x:p1"), grave("x:i2", "repost")]
    if order == "with":
        told = archive.append(batch(**records, tombstones=graves))
        assert told.deleted == {
            **dict.fromkeys(TABLES, 0),
            "posts": 1,
            "interactions": 1,
            "raw": 1,
            "observations": 1,
        }
    else:
        first, second = (batch(**records), batch(tombstones=graves))[:: 1 if order == "after" else -1]
        archive.append(first)
        archive.append(second)
    if compacted:
        archive.compact(START)
    assert rows(archive, "posts", "id") == [("x:p2",)]
    # The act of another on the deleted post stays; what derives from the post goes.
    assert rows(archive, "interactions", "id", "object") == [("x:i1", "x:p1")]
    assert rows(archive, "raw", "id") == [("x:p2",)]
    assert rows(archive, "observations", "subject_kind") == [("account",)]
    if compacted:
        assert sum(kind.rows for name, kind in archive.contents().items() if name == "posts") == 1
        assert archive.append(batch(**records)).deleted["posts"] == 1
        assert rows(archive, "posts", "id") == [("x:p2",)]


@pytest.mark.parametrize("compacted", [False, True])
@pytest.mark.parametrize("first", [False, True])
def test_a_deleted_account_takes_its_records_along(archive: Archive, first: bool, compacted: bool) -> None:
    parts = [
        batch(
            posts=[post(1), post(2, "x:bob")],
            interactions=[act(1, "x:ann", object="x:p2"), act(2, "x:bob", object="x:p1")],
            accounts=[account("x:ann"), account("x:bob")],
            observations=[seen("x:ann", "followers", 1, START), seen("x:p1", "likes", 1, START, "post")],
            raw=[payload("x:p1"), payload("x:i1"), payload("x:p2")],
        ),
        batch(tombstones=[grave("x:ann", "account")]),
    ]
    for part in parts[:: -1 if first else 1]:
        archive.append(part)
    if compacted:
        archive.compact(START)
    assert rows(archive, "posts", "id") == [("x:p2",)]
    assert rows(archive, "accounts", "id") == [("x:bob",)]
    assert rows(archive, "interactions", "id") == [("x:i2",)]
    assert rows(archive, "observations") == []
    assert rows(archive, "raw", "id") == [("x:p2",)]


def test_an_account_and_a_post_may_share_an_id(archive: Archive) -> None:
    archive.append(batch(posts=[post(1)], accounts=[account("x:p1")], tombstones=[grave("x:p1")]))
    assert (rows(archive, "posts"), rows(archive, "accounts", "id")) == ([], [("x:p1",)])


# Views


def test_replies_quotes_and_mentions_are_interactions(archive: Archive) -> None:
    archive.append(
        batch(
            posts=[
                post(1),
                post(
                    2, "x:bob", kind="reply", parent="x:p1", quoted="x:p9", mentions=["x:eve", "x:eve", None]
                ),
                post(3, None, parent="x:p1"),
                post(4, "x:eve", parent="x:far", parent_account="x:zoe"),
            ],
            interactions=[
                act(1, object="x:p1"),
                act(2, object="x:p1", target="x:told"),
                act(3, kind="follow", target="x:ann"),
                act(4, kind="share", object="https://example.org"),
            ],
        )
    )
    assert rows(archive, "interactions", "id", "kind", "actor", "object", "target") == [
        ("x:i1", "repost", "x:bob", "x:p1", "x:ann"),
        ("x:i2", "repost", "x:bob", "x:p1", "x:told"),
        ("x:i3", "follow", "x:bob", None, "x:ann"),
        ("x:i4", "share", "x:bob", "https://example.org", None),
        ("x:p2#mention:x:eve", "mention", "x:bob", None, "x:eve"),
        ("x:p2#quote", "quote", "x:bob", "x:p9", None),
        ("x:p2#reply", "reply", "x:bob", "x:p1", "x:ann"),
        ("x:p4#reply", "reply", "x:eve", "x:far", "x:zoe"),
    ]
    assert archive.scan("interactions").schema == schema("interactions")


def test_accounts_show_the_latest_known_values(archive: Archive) -> None:
    archive.append(
        batch(
            accounts=[
                account("x:a", hour(2), handle="late", kind="person"),
                account("x:a", hour(1), handle="early", name="Ann"),
                account("x:a", hour(3)),
                account("x:a", None, handle="when?", url="u"),
                account("x:b", None),
            ]
        )
    )
    found = {row["id"]: row for row in archive.scan("accounts").read_all().to_pylist()}
    assert (
        found["x:a"] | {}
        == table(
            "accounts", account("x:a", hour(3), handle="late", kind="person", name="Ann", url="u")
        ).to_pylist()[0]
    )
    assert found["x:b"]["seen_at"] is None


def test_sightings_that_tell_nothing_new_are_not_kept(archive: Archive) -> None:
    same = [account("x:a", hour(n), handle="a") for n in range(50)]
    assert archive.append(batch(accounts=same)).new["accounts"] == 1
    back = [account("x:a", hour(60), handle="b"), account("x:a", hour(70), handle="a")]
    assert archive.append(batch(accounts=back)).new["accounts"] == 2
    assert rows(archive, "accounts", "handle") == [("a",)]


def test_the_latest_observation_may_be_that_it_is_hidden(archive: Archive) -> None:
    archive.append(
        batch(
            observations=[
                seen("x:a", "followers", 5, hour(1)),
                seen("x:a", "followers", None, hour(2)),
                seen("x:a", "likes", 7, None),
                seen("x:a", "likes", 8, hour(0)),
            ]
        )
    )
    assert rows(archive, "latest_observations", "metric", "value") == [("followers", None), ("likes", 8)]
    early = Period(None, hour(2))
    assert rows(archive, "latest_observations", "metric", "value", period=early) == [
        ("followers", 5),
        ("likes", 8),
    ]


def test_a_period_is_half_open_and_leaves_out_unknown_times(archive: Archive) -> None:
    archive.append(batch(posts=[post(1), post(2), post(3), post("x")], interactions=[act(1, object="x:p1")]))
    assert rows(archive, "posts", "id", period=Period(hour(2), hour(3))) == [("x:p2",)]
    assert rows(archive, "posts", "id", period=Period(None, hour(2))) == [("x:p1",)]
    assert len(rows(archive, "posts", "id")) == 4
    # The author of an object is found outside the period too.
    archive.append(batch(interactions=[act(2, object="x:p1", time=hour(9))]))
    assert rows(archive, "interactions", "id", "target", period=Period(hour(9), None)) == [("x:i2", "x:ann")]


def test_the_raw_payload_is_the_latest(archive: Archive) -> None:
    archive.append(batch(raw=[payload("x:p1", "old"), payload("x:p1", "new", hour(1))]))
    assert rows(archive, "raw", "payload") == [("new",)]


def test_an_empty_archive_has_empty_views(archive: Archive) -> None:
    for view in (
        "posts",
        "accounts",
        "interactions",
        "observations",
        "latest_observations",
        "raw",
        "tombstones",
    ):
        assert archive.scan(view).read_all().num_rows == 0
    assert archive.compact(START).segments_written == 0
    assert archive.contents() == {}


def test_a_name_that_does_not_exist_shows_the_valid_ones(archive: Archive) -> None:
    with pytest.raises(StoreError, match=r"no view 'post'.*latest_observations"):
        archive.scan("post")
    with pytest.raises(StoreError, match=r"no column 'author'.*account"):
        archive.scan("posts", ["author"])


# What comes with a batch


def test_gaps_are_kept_with_the_cursor(archive: Archive) -> None:
    lost = Gap("live", hour(1), hour(2), "the server was away")
    archive.append(replace(batch(cursor="7"), gaps=(lost,)), source="live")
    archive.append(replace(batch(cursor="8"), gaps=(replace(lost, end=hour(3)),)), source="live")
    assert archive.cursor("live") == "8"
    assert archive.state.gaps("live") == (replace(lost, end=hour(3)),)


def test_what_is_done_within_sees_the_new_rows_alone(archive: Archive) -> None:
    seen: list[list[str]] = []

    def within(con: sa.Connection, new: Mapping[str, pa.Table]) -> None:
        archive.state.record_gap(con, Gap("live", hour(len(seen)), hour(9), "told within"))
        seen.append(new["posts"]["id"].to_pylist() if "posts" in new else [])

    archive.append(batch(posts=[post(1)]), within=within)
    archive.append(batch(posts=[post(1), post(2)]), within=within)
    assert seen == [["x:p1"], ["x:p2"]]
    assert len(archive.state.gaps("live")) == 2


def test_nothing_is_kept_where_what_is_done_within_fails(archive: Archive) -> None:
    def within(con: sa.Connection, new: Mapping[str, pa.Table]) -> None:
        archive.state.record_gap(con, Gap("live", hour(0), hour(9), "told within"))
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        archive.append(batch(cursor="1", posts=[post(1)]), source="live", within=within)
    assert archive.cursor("live") is None
    assert not archive.state.gaps()
    assert archive.append(batch(posts=[post(1)])).new["posts"] == 1


def test_notices_are_added_up(archive: Archive) -> None:
    def broken(n: int, line: int) -> Notice:
        return Notice("file.broken_line", N("{n} broken line", "{n} broken lines", n), n, (f"f:{line}",))

    other = Notice("file.odd", T("In {name} since {when}: {why}", name="f", when=START, why=T("no reason")))
    for part in ((broken(2, 3), other), (broken(3, 9),)):
        archive.append(Batch(notices=part), source="files")
    archive.append(Batch(notices=(broken(1, 1),)), source="more")
    (lines, odd) = sorted(archive.notices("files"), key=lambda notice: notice.code)
    assert (lines.count, lines.where, str(lines.text)) == (5, ("f:3", "f:9"), "5 broken lines")
    assert odd == other
    assert {notice.count for notice in archive.notices()} == {6, 1}


def test_finished_files_are_remembered(archive: Archive) -> None:
    file = InputFile("a.jsonl", "ab" * 32, 10, 2, "mastodon")
    archive.append(Batch(finished=(file,)))
    archive.append(Batch(finished=(file, InputFile("b.jsonl", "cd" * 32, 1, 1, "csv"))))
    assert [one.name for one in archive.inputs()] == ["a.jsonl", "b.jsonl"]
    assert archive.inputs()[0] == file


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop_columns(["lang"]), "not those of the records: 'lang'"),
        (lambda t: t.append_column("x", pa.nulls(t.num_rows)), "not those of the records: 'x'"),
        (lambda t: t.select(t.schema.names[::-1]), "their order"),
        (
            lambda t: t.set_column(0, "id", t.column("id").cast(pa.large_string())),
            "'id'.*large_string.*string",
        ),
        (lambda t: t.set_column(0, "id", pa.nulls(t.num_rows, pa.string())), "'id'.*null in 1 rows"),
    ],
)
def test_a_table_that_is_not_as_the_records_say_is_refused(
    archive: Archive, change: Any, message: str
) -> None:
    with pytest.raises(StoreError, match=message):
        archive.append(Batch(posts=change(table("posts", post(1)))))
    assert archive.contents() == {}


# Compaction


def test_compaction_brings_days_together(archive: Archive) -> None:
    for n in range(12):
        archive.append(
            batch(posts=[post(hours, version=n) for hours in (n, n + 24, n + 48)] + [post(f"u{n}")])
        )
    before = rows(archive, "posts")
    done = archive.compact(START)
    names = [segment.name.split("/")[2] for segment in archive.segments("posts")]
    assert sorted(names) == ["day=unknown", "days=2024-05-01_2024-05-03"]
    assert done.segments_read >= 12
    assert rows(archive, "posts") == before
    on_disk = {str(path.relative_to(archive.home)) for path in (archive.home / "segments").rglob("*.parquet")}
    assert on_disk == {segment.name for segment in archive.segments()}
    assert archive.compact(START).segments_read == 0


def test_a_large_day_has_a_file_of_its_own(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("entregent.store.compaction.DAY_ROWS", 10)
    archive.append(batch(posts=[post(n) for n in (*range(24), 25, 50, *range(72, 90))]))
    archive.compact(START)
    places = {segment.name.split("/")[2]: segment.n_rows for segment in archive.segments("posts")}
    assert places == {"day=2024-05-01": 24, "days=2024-05-02_2024-05-03": 2, "day=2024-05-04": 18}
    assert archive.compact(START).segments_read == 0
    archive.append(batch(posts=[post(51)]))
    assert archive.compact(START).segments_read == 2


def test_compaction_drops_payloads_past_keeping(archive: Archive) -> None:
    archive.append(batch(raw=[payload("x:p1", days=1), payload("x:p2", days=3)]))
    archive.compact(START + timedelta(hours=23))
    assert len(rows(archive, "raw")) == 2
    done = archive.compact(START + timedelta(days=1))
    assert (done.removed["raw"], rows(archive, "raw", "id")) == (1, [("x:p2",)])


def test_compaction_says_what_it_removed(archive: Archive) -> None:
    archive.append(batch(posts=[post(1), post(2), post(3)]))
    archive.append(batch(posts=[post(1, version=1)], tombstones=[grave("x:p2")]))
    assert archive.compact(START).removed == {"posts": 2}
    assert archive.contents()["posts"].rows == 2
    assert "newer" not in archive.contents()


def test_a_throw_away_archive_leaves_nothing() -> None:
    with Archive.throw_away() as archive:
        home = archive.home
        archive.append(batch(posts=[post(1)]))
        assert home.is_dir()
    assert not home.exists()
    homes = []

    def fail() -> None:
        with Archive.throw_away() as archive:
            homes.append(archive.home)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert not homes[0].exists()
