"""Live batches wait in the database and roll to segments: readers see no difference."""

from __future__ import annotations

import random
import resource
import sqlite3
from datetime import timedelta
from operator import itemgetter
from pathlib import Path

import pyarrow as pa
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_batches import START, account, act, batch, grave, hour, outcome, payload, post, seen, story

from entregent.clock import to_micros
from entregent.errors import StoreError
from entregent.records import Gap, schema
from entregent.sources.base import Batch
from entregent.store import hot, views
from entregent.store.archive import Archive
from entregent.store.watch_tables import mentions


def everything(archive: Archive) -> dict[str, list[tuple[object, ...]]]:
    """Return the rows of every view, in an order that does not depend on where they lie."""
    found = {}
    for view in views.VIEWS:
        table = archive.scan(view).read_all()
        found[view] = sorted((tuple(row.values()) for row in table.to_pylist()), key=repr)
    return found


def waiting(archive: Archive) -> int:
    with archive.state.read() as con:
        return sum(one.n_rows for one in hot.held(con))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.integers(0, 10**6),
    st.lists(st.tuples(st.booleans(), st.sampled_from(["", "roll", "compact"])), min_size=1, max_size=5),
)
def test_readers_see_no_difference(seed: int, doings: list[tuple[bool, str]]) -> None:
    told = story(seed, len(doings))
    with Archive.throw_away(threads=1) as plain, Archive.throw_away(threads=1) as mixed:
        for one, (live, then) in zip(told, doings, strict=True):
            assert mixed.append(one, live=live) == plain.append(one)
            if then == "roll":
                mixed.roll()
            if then == "compact":
                mixed.compact(START)
                plain.compact(START)
            assert everything(mixed) == everything(plain)
        found = mixed.scan("posts", ["id", "version"]).read_all().to_pylist()
        assert {row["id"]: row["version"] for row in found} == outcome(told)


def test_every_column_comes_back_as_it_went_in(archive: Archive) -> None:
    (row,) = batch(
        posts=[
            post(1, text="L’été \x00 🎉", links=["https://a.example", None], hashtags=["Été"], version=2**60)
        ]
    ).posts.to_pylist()
    large = batch(posts=[post(n, text="x" * 999) for n in range(2, 200)]).posts.to_pylist()
    archive.append(batch(posts=[row]), live=True)
    archive.append(batch(posts=large), live=True)
    for _ in range(2):
        table = archive.scan("posts").read_all()
        assert table.schema == schema("posts")
        assert sorted(table.to_pylist(), key=itemgetter("id")) == sorted([row, *large], key=itemgetter("id"))
        archive.roll()
    assert waiting(archive) == 0


def test_a_live_batch_makes_no_file_and_one_roll_makes_few(archive: Archive) -> None:
    for n in range(40):
        archive.append(batch(posts=[post(n)], interactions=[act(n)]), source="s", live=True)
    assert archive.segments() == ()
    assert archive.contents()["posts"].rows == 40
    assert archive.contents()["posts"].first == hour(0)
    assert archive.contents()["posts"].segments == 0
    rolled = archive.roll()
    assert (rolled.rows, rolled.segments) == (80, 2)
    assert archive.contents()["posts"].rows == 40
    assert archive.roll() == hot.Rolled(0, 0)


def test_an_old_post_does_not_make_a_segment_of_all_years(archive: Archive) -> None:
    posts = [post(n) for n in range(48)] + [post("old", time=START - timedelta(days=4000)), post("untimed")]
    archive.append(batch(posts=posts), live=True)
    archive.roll()
    found = [(segment.name.split("/")[2], segment.n_rows) for segment in archive.segments("posts")]
    assert sorted(found) == [("day=2013-05-19", 1), ("day=unknown", 1), ("days=2024-05-01_2024-05-02", 48)]


def test_large_days_have_segments_of_their_own(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hot, "DAY_ROWS", 20)
    archive.append(batch(posts=[post(n) for n in range(48)], tombstones=[grave("x:p99")]), live=True)
    archive.append(batch(posts=[post(n) for n in range(48, 53)]), live=True)
    archive.roll()
    found = [(segment.name.split("/")[2], segment.n_rows) for segment in archive.segments("posts")]
    assert sorted(found) == [("day=2024-05-01", 24), ("day=2024-05-02", 24), ("day=2024-05-03", 5)]
    assert [segment.pending for segment in archive.segments("tombstones")] == [1]


def test_it_is_time_to_roll_when_there_is_much_or_an_hour_has_passed(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not archive.roll_due(hour(0))
    archive.append(batch(posts=[post(1)]), live=True)
    assert not archive.roll_due(hour(0))
    assert not archive.roll_due(hour(0.9))
    assert archive.roll_due(hour(1))
    archive.roll()
    assert not archive.roll_due(hour(1))
    archive.append(batch(posts=[post(n) for n in range(2, 12)]), live=True)
    assert not archive.roll_due(hour(1))
    monkeypatch.setattr(hot, "ROLL_ROWS", 10)
    assert archive.roll_due(hour(1))
    home = archive.home
    archive.close()
    with Archive.open(home, writer=True) as again:
        assert again.roll_due(hour(1)), "what a stopped process left counts too"


def test_a_reader_that_began_before_a_roll_goes_on(archive: Archive) -> None:
    archive.append(batch(posts=[post(n) for n in range(10)]), live=True)
    with Archive.open(archive.home, writer=False) as reader:
        con = reader.connection()
        begun = reader.scan("posts", ["id"])
        archive.roll()
        archive.compact(START)
        assert begun.read_all().num_rows == 10
        assert con.sql("SELECT count(*) FROM posts").fetchall() == [(10,)]
        con.close()
        assert reader.scan("posts", ["id"]).read_all().num_rows == 10


def test_what_goes_with_a_batch_is_kept_with_it_or_not_at_all(archive: Archive) -> None:
    def refuse(*_: object) -> None:
        raise StoreError("No.")

    with pytest.raises(StoreError, match="No"):
        archive.append(batch(posts=[post(1)], cursor="1"), source="s", live=True, within=refuse)
    assert (waiting(archive), archive.cursor("s")) == (0, None)
    assert not archive.roll_due(hour(99))
    assert archive.append(batch(posts=[post(1)], cursor="1"), source="s", live=True).new["posts"] == 1


def test_a_roll_without_room_leaves_everything_where_it_was(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.append(batch(posts=[post(1)], accounts=[account("x:a")]), live=True)
    finish = hot.SegmentWriter.finish

    def full(self: hot.SegmentWriter, seq: int) -> object:
        if "accounts" in str(self._part):
            self.abandon()
            raise StoreError("A segment could not be written: No space left on device.")
        return finish(self, seq)

    monkeypatch.setattr(hot.SegmentWriter, "finish", full)
    with pytest.raises(StoreError, match="space"):
        archive.roll()
    assert [path for path in (archive.home / "segments").rglob("*") if path.is_file()] == []
    assert waiting(archive) == 2
    monkeypatch.undo()
    assert archive.roll().rows == 2
    assert archive.scan("posts", ["id"]).read_all().num_rows == 1


def test_damaged_rows_are_named(archive: Archive) -> None:
    archive.append(batch(posts=[post(1)]), live=True)
    with sqlite3.connect(archive.home / "state.sqlite") as con:
        con.execute("UPDATE hot SET held = x'00112233'")
    con.close()
    for read in (archive.verify, lambda: archive.scan("posts")):
        with pytest.raises(StoreError, match=r"posts of batch 1 are damaged"):
            read()


def test_rows_of_older_columns_are_read(archive: Archive) -> None:
    table = batch(posts=[post(1)]).posts.drop_columns(["media"])
    table = table.set_column(table.column_names.index("version"), "version", [pa.array([0], pa.int32())])
    with archive.state.begin() as con:
        hot.enter(con, 1, {"posts": table})
    (row,) = archive.scan("posts").read_all().to_pylist()
    assert [row] == batch(posts=[post(1, media=None)]).posts.to_pylist()


def test_raw_payloads_and_observations_wait_too(archive: Archive) -> None:
    archive.append(
        batch(raw=[payload("x:p1", days=1)], observations=[seen("x:a", "likes", 1, START)]), live=True
    )
    assert archive.scan("raw").read_all().num_rows == 1
    assert archive.compact(hour(48)).removed["raw"] == 1
    assert archive.scan("raw").read_all().num_rows == 0
    assert archive.scan("latest_observations").read_all().num_rows == 1


def test_gaps_are_read_back_by_source_and_time(archive: Archive) -> None:
    first, second = Gap("a", hour(1), hour(2), "silence"), Gap("b", hour(3), hour(5), "server lost it")
    for gap in (second, first):
        archive.state.add_gap(gap)
    assert archive.gaps() == (first, second)
    assert archive.gaps("b") == (second,)
    assert archive.gaps(since=hour(2)) == (second,)
    assert archive.gaps(since=hour(1.5), until=hour(3)) == (first,)
    assert archive.gaps(until=hour(4)) == (first, second)
    assert archive.gaps("a", hour(2)) == ()


def test_what_a_network_is_no_longer_kept_for_goes_wherever_it_lies(archive: Archive) -> None:
    def whole(network: str, at: float) -> Batch:
        name = f"{network}:p{at}"
        return batch(
            posts=[post(f"{at}", id=name, network=network, time=hour(at), text=f"secret of {network}")],
            interactions=[act(f"{at}", id=f"{network}:i{at}", network=network, time=hour(at))],
            observations=[seen(name, "likes", 3, hour(at), "post")],
            raw=[payload(name, "secret", received=hour(at))],
        )

    for live in (False, True):
        for network in ("x", "bluesky"):
            for day in (0, 9):
                archive.append(whole(network, 24 * day + live), live=live)
    archive.append(batch(posts=[post("untimed")]))
    with archive.state.begin() as con:
        for name in ("x:p0", "x:p216", "bluesky:p0", "x_y:p0"):
            con.execute(sa.insert(mentions), {"watch": "w", "post": name, "time": 0, "spans": "[]"})
        con.execute(sa.update(mentions).where(mentions.c.post == "x:p216").values(time=to_micros(hour(216))))
    done = archive.compact(hour(240), keep_days={"x": 5})
    assert done.removed == {"posts": 2, "interactions": 2, "observations": 2, "raw": 2}
    left = set(archive.scan("posts", ["id"]).read_all().column("id").to_pylist())
    assert left == {
        "x:p216",
        "x:p217",
        "bluesky:p0",
        "bluesky:p1",
        "bluesky:p216",
        "bluesky:p217",
        "x:puntimed",
    }
    with archive.state.read() as con:
        assert sorted(con.scalars(sa.select(mentions.c.post))) == ["bluesky:p0", "x:p216", "x_y:p0"]
    again = archive.compact(hour(240), keep_days={"x": 5})
    assert (sum(again.removed.values()), again.segments_written) == (0, 0)
    assert archive.compact(hour(240), keep_days={"x": 0, "bluesky": 0}).removed["posts"] == 6


def test_a_disk_that_takes_no_more_loses_nothing_that_was_kept(tmp_path: Path) -> None:
    """Live batches until the disk refuses; what was acknowledged is there, and it goes on with room again."""
    home = tmp_path / "home"
    told = [
        batch(posts=[post(n, text=random.Random(n).randbytes(400).hex())], cursor=str(n)) for n in range(400)
    ]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Archive.open(home, writer=True, threads=1) as archive:
        kept = 0
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
        try:
            for one in told:
                archive.append(one, source="s", live=True)
                kept += 1
        except StoreError:
            with pytest.raises(StoreError, match="refused"):
                archive.append(told[kept], source="s", live=True)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert 2 < kept < 400
        assert archive.cursor("s") == str(kept - 1)
        assert archive.scan("posts", ["id"]).read_all().num_rows == kept
    with Archive.open(home, writer=True, threads=1) as archive:
        assert archive.cursor("s") == str(kept - 1)
        for one in told:
            archive.append(one, source="s", live=True)
        archive.roll()
        assert archive.scan("posts", ["id"]).read_all().num_rows == 400
