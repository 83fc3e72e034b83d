"""Watches over what comes live: what a batch matches is kept with it, an alert is raised once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from entregent.errors import StoreError
from entregent.flows import watched
from entregent.flows.watching import Watching
from entregent.records import schema
from entregent.sources.base import Batch
from entregent.store import outbox, watches
from entregent.store.archive import Archive
from entregent.store.watches import Watch

START = datetime(2024, 5, 1, tzinfo=UTC)
NOW = datetime(2024, 7, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with Archive.open(tmp_path / "home", writer=True, threads=1, durable=False) as opened:
        yield opened


def rail(archive: Archive, name: str = "Rail", query: str = "sncf") -> Watch:
    with archive.state.begin() as con:
        return watches.add(con, name, query, lang=None, budget=1.0, hours=(6,), now=NOW)


def posts(*rows: tuple[str, datetime, str]) -> Batch:
    blank: dict[str, Any] = dict.fromkeys(schema("posts").names)
    made = [
        {
            **blank,
            "id": f"x:{id}",
            "network": "x",
            "account": f"x:by{id}",
            "kind": "post",
            "time": time,
            "text": text,
            "links": [],
            "hashtags": [],
            "mentions": [],
            "media": 0,
            "version": 0,
        }
        for id, time, text in rows
    ]
    return Batch(posts=pa.Table.from_pylist(made, schema=schema("posts")))


def days() -> list[Batch]:
    """Ten calm days and a burst in the morning of the last one."""
    rng = np.random.default_rng(4)
    calm = [
        (f"c{day}-{n}", START + day * 24 * HOUR + float(at) * HOUR, "La SNCF roule")
        for day in range(10)
        for n, at in enumerate(np.sort(rng.uniform(0, 24, 60)))
    ]
    burst = [
        (f"b{n}", START + 9 * 24 * HOUR + 8 * HOUR + n * timedelta(seconds=90), "Panne SNCF à Lyon")
        for n in range(80)
    ]
    rows = sorted(calm + burst, key=lambda row: row[1])
    return [posts(*rows[begin : begin + 25]) for begin in range(0, len(rows), 25)]


def played(archive: Archive, batches: list[Batch], restart: bool = False) -> list[str]:
    watching = Watching(archive, channels=("log",), now=lambda: NOW)
    raised = []
    for batch in batches:
        if restart:
            watching = Watching(archive, channels=("log",), now=lambda: NOW)
        archive.append(batch, live=True, within=watching.within)
        front = max(batch.posts.column("time").to_pylist())
        raised += [alert.id for alert in watching.advance(front)]
    return raised


@pytest.mark.parametrize("restart", [False, True])
def test_a_burst_raises_one_explained_alert(archive: Archive, restart: bool) -> None:
    made = rail(archive)
    raised = played(archive, days(), restart)
    with archive.state.read() as con:
        found = outbox.kept_alerts(con)
        owed = outbox.due(con, NOW)
        count = len(watches.mentions_of(con, made.id))
    assert [one.id for one in reversed(found)] == raised
    last = found[0]
    assert START + 9 * 24 * HOUR + 8 * HOUR < last.raised < START + 9 * 24 * HOUR + 10 * HOUR
    assert {"panne", "lyon"} <= {one["key"] for one in last.facts["words"]}
    assert last.facts["starters"][0] == "x:byb0"
    assert last.facts["usual"]["value"] < last.facts["seen"]
    assert {one.alert for one in owed} == set(raised)
    assert count == sum(batch.posts.num_rows for batch in days())


def test_two_watches_of_one_event_tell_once(archive: Archive) -> None:
    rail(archive)
    rail(archive, "Trouble", "sncf OR panne")
    played(archive, days())
    with archive.state.read() as con:
        by_time: dict[datetime, list[str]] = {}
        for one in outbox.kept_alerts(con):
            by_time.setdefault(one.raised, []).append(one.state)
        assert all(sorted(states) == ["joined", "new"] for states in by_time.values())
        assert len(outbox.due(con, NOW)) == len(by_time)


def test_what_a_batch_matches_is_kept_with_it_or_not_at_all(archive: Archive) -> None:
    made = rail(archive)
    watching = Watching(archive, now=lambda: NOW)

    def fails(con: Any, new: Any) -> None:
        watching.within(con, new)
        raise StoreError("The disk is full.")

    batch = posts(("1", START, "SNCF"))
    with pytest.raises(StoreError):
        archive.append(batch, live=True, within=fails)
    with archive.state.read() as con:
        assert not watches.mentions_of(con, made.id)
        assert not watches.counts_heard(con)
    for _ in range(2):
        archive.append(batch, live=True, within=watching.within)
    with archive.state.read() as con:
        (only,) = watches.mentions_of(con, made.id)
        assert only.spans == ((0, 4),)
        assert list(watches.counts_heard(con).values()) == [1]


def test_a_watch_that_is_added_meanwhile_is_taken_up(archive: Archive) -> None:
    watching = Watching(archive, now=lambda: NOW)
    archive.append(posts(("1", START, "SNCF")), live=True, within=watching.within)
    made = rail(archive)
    archive.append(posts(("2", START, "SNCF")), live=True, within=watching.within)
    assert watched.fill(archive, archive.state, made) == 2
    with archive.state.begin() as con:
        assert len(watches.mentions_of(con, made.id)) == 2
        watches.remove(con, made)
    archive.append(posts(("3", START, "SNCF")), live=True, within=watching.within)
    assert len(watching) == 0


def test_a_deleted_post_is_no_mention(archive: Archive) -> None:
    made = rail(archive)
    watching = Watching(archive, now=lambda: NOW)
    archive.append(posts(("1", START, "SNCF")), live=True, within=watching.within)
    grave = pa.Table.from_pylist([{"id": "x:1", "kind": "post", "time": START}], schema=schema("tombstones"))
    archive.append(Batch(tombstones=grave), live=True, within=watching.within)
    with archive.state.read() as con:
        assert not watches.mentions_of(con, made.id)


def test_a_long_silence_is_no_calm() -> None:
    day = 288
    found = watched.silences({0: 3, 1: 1, day: 1}, 0, day + 10)
    assert [(one.start, one.end) for one in found] == [
        (datetime(1970, 1, 1, 0, 10, tzinfo=UTC), datetime(1970, 1, 2, tzinfo=UTC))
    ]
    assert watched.silences({0: 1, 100: 1}, 0, 101) == ()


def test_the_past_of_an_empty_archive_is_not_known(archive: Archive) -> None:
    assert watched.past_of(archive) is None
    assert watched.fill(archive, archive.state, rail(archive)) == 0
