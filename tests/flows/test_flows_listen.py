"""Following several sources at once: each goes on where it was, none stops the others, nothing is lost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from entregent.errors import ConfigError, PermanentError, StoreError, TransientError
from entregent.flows import listen
from entregent.flows.listen import Listener, Standing
from entregent.records import Gap, schema
from entregent.sources.base import Batch
from entregent.store.archive import Archive

START = datetime(2024, 5, 1, 8, tzinfo=UTC)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with Archive.open(tmp_path / "home", writer=True) as opened:
        yield opened


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listen, "FIRST_WAIT", 0.01)


def posts(*numbers: int) -> pa.Table:
    rows = [
        {
            "id": f"test:{number}",
            "network": "test",
            "account": "test:a",
            "kind": "original",
            "time": START + timedelta(seconds=number),
            "text": f"post {number}",
            "version": 0,
        }
        for number in numbers
    ]
    return pa.Table.from_pylist(rows, schema=schema("posts"))


class Numbers:
    """Brings the posts 0, 1, 2 ... up to `last`; does what `trouble` says when it comes to a number, once."""

    network = "test"

    def __init__(
        self, name: str = "numbers", *, last: int = 9, trouble: dict[int, Exception] | None = None
    ) -> None:
        self.name = name
        self.last = last
        self.trouble = dict(trouble or {})
        self.opened: list[str | None] = []
        self.closed = 0

    async def follow(self, cursor: str | None) -> AsyncIterator[Batch]:
        self.opened.append(cursor)
        try:
            for number in range(0 if cursor is None else int(cursor) + 1, self.last + 1):
                if number in self.trouble:
                    raise self.trouble.pop(number)
                yield Batch(posts=posts(number), cursor=str(number), rows=1)
        finally:
            self.closed += 1


class Endless(Numbers):
    async def follow(self, cursor: str | None) -> AsyncIterator[Batch]:
        self.opened.append(cursor)
        try:
            number = 0 if cursor is None else int(cursor) + 1
            while True:
                yield Batch(posts=posts(number), cursor=str(number), rows=1)
                number += 1
                await asyncio.sleep(0.001)
        finally:
            self.closed += 1


def run(
    archive: Archive,
    *sources: Numbers,
    seconds: float | None = None,
    enough: dict[str, int] | None = None,
    **more: object,
) -> dict[str, Standing]:
    """Listen until all ends, or for some time, or until each source of `enough` brought so many batches."""
    left = dict(enough or {})

    async def listened() -> tuple[Standing, ...]:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        if seconds is not None:
            loop.call_later(seconds, stop.set)

        def count(source: Numbers, batch: Batch, new: object) -> None:
            left[source.name] -= 1
            if max(left.values()) <= 0:
                loop.call_soon_threadsafe(stop.set)

        if enough is not None:
            more["after"] = count
        listener = Listener(archive, sources, rng=np.random.default_rng(0), **more)  # type: ignore[arg-type]
        return await listener.run(stop)

    return {standing.name: standing for standing in asyncio.run(listened())}


def kept(archive: Archive) -> list[int]:
    ids = archive.scan("posts", ("id",)).read_all()["id"].to_pylist()
    return sorted(int(id.partition(":")[2]) for id in ids)


def test_all_that_comes_is_kept_with_its_cursor(archive: Archive) -> None:
    standing = run(archive, Numbers())["numbers"]
    assert (standing.state, standing.posts, standing.rows) == ("ended", 10, 10)
    assert standing.last_post == START + timedelta(seconds=9)
    assert kept(archive) == list(range(10))
    assert archive.cursor("numbers") == "9"


def test_batches_become_one_segment_at_the_end(archive: Archive) -> None:
    run(archive, Numbers())
    assert [(segment.kind, segment.n_rows) for segment in archive.segments()] == [("posts", 10)]


def test_what_cannot_become_segments_waits_and_no_source_stops(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full() -> None:
        raise StoreError("A segment could not be written: No space left on device.")

    monkeypatch.setattr(archive, "roll", full)
    monkeypatch.setattr(archive, "roll_due", lambda moment: True)
    standing = run(archive, Numbers(), now=lambda: START)["numbers"]
    assert (standing.state, standing.trouble) == ("ended", None)
    assert caplog.text.count("No space left") == 1, "it is not tried again at every batch"
    assert archive.segments() == ()
    assert kept(archive) == list(range(10))


def test_posts_go_when_they_are_no_longer_kept(archive: Archive) -> None:
    run(archive, Numbers(), keep_days={"test": 1}, now=lambda: START + timedelta(days=1, seconds=4))
    assert kept(archive) == list(range(4, 10))


def test_it_goes_on_where_it_was(archive: Archive) -> None:
    run(archive, Numbers(last=4))
    again = Numbers(last=7)
    standing = run(archive, again)["numbers"]
    assert again.opened == ["4"]
    assert standing.posts == 3
    assert kept(archive) == list(range(8))


def test_a_passing_trouble_is_waited_for_and_loses_nothing(archive: Archive) -> None:
    source = Numbers(trouble={3: TransientError("the line broke"), 6: TransientError("again")})
    standing = run(archive, source)["numbers"]
    assert source.opened == [None, "2", "5"]
    assert source.closed == 3
    assert (standing.state, standing.trouble) == ("ended", None)
    assert kept(archive) == list(range(10))


def test_the_wait_that_a_server_asks_for_is_kept(archive: Archive) -> None:
    source = Numbers(trouble={3: TransientError("too many requests", retry_after=3600.0)})
    standing = run(archive, source, seconds=3.0, now=lambda: START)["numbers"]
    assert standing.state == "waiting"
    assert standing.trouble == "too many requests"
    assert standing.retry_at is not None
    assert timedelta(seconds=3600) <= standing.retry_at - START <= timedelta(seconds=3601)
    assert source.opened == [None]


@pytest.mark.parametrize("error", [PermanentError("no such name"), ConfigError("no token")])
def test_a_lasting_trouble_stops_this_source_alone(archive: Archive, error: Exception) -> None:
    ended = run(archive, Numbers("bad", trouble={0: error}), Numbers("good"))
    assert (ended["bad"].state, ended["bad"].trouble) == ("stopped", str(error))
    assert ended["good"].state == "ended"
    assert kept(archive) == list(range(10))


def test_a_fault_in_one_source_stops_it_alone_and_is_logged(
    archive: Archive, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        ended = run(archive, Numbers("bad", trouble={2: ZeroDivisionError("oh")}), Numbers("good"))
    assert ended["bad"].state == "stopped"
    assert "ZeroDivisionError" in (ended["bad"].trouble or "")
    assert "ZeroDivisionError" in caplog.text
    assert ended["good"].state == "ended"


def test_a_full_disk_is_waited_for_and_loses_nothing(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    truly, failures = archive.append, [StoreError("The disk is full."), StoreError("The disk is full.")]

    def append(batch: Batch, **more: str) -> object:
        if batch.cursor == "4" and failures:
            raise failures.pop()
        return truly(batch, **more)

    monkeypatch.setattr(archive, "append", append)
    source = Numbers()
    assert run(archive, source)["numbers"].state == "ended"
    assert source.opened == [None, "3", "3"]
    assert kept(archive) == list(range(10))


def test_it_stops_when_asked_with_all_that_was_handed_over_kept(archive: Archive) -> None:
    one, two = Endless("one"), Endless("two")
    ended = run(archive, one, two, enough={"one": 5, "two": 5})
    assert (one.closed, two.closed) == (1, 1)
    cursors = [int(archive.cursor(name) or 0) for name in ("one", "two")]
    assert min(cursors) >= 4
    assert kept(archive) == list(range(max(cursors) + 1))
    assert all(standing.state == "live" for standing in ended.values())


def test_gaps_are_counted(archive: Archive) -> None:
    class Holed(Numbers):
        async def follow(self, cursor: str | None) -> AsyncIterator[Batch]:
            yield Batch(gaps=(Gap("holed", START, START + timedelta(hours=1), "it was reset"),), cursor="0")

    assert run(archive, Holed("holed"))["holed"].gaps == 1


def test_what_was_kept_is_handed_on_once(archive: Archive) -> None:
    seen: list[tuple[str, int, int]] = []
    run(
        archive,
        Numbers(last=2),
        after=lambda source, batch, new: seen.append((source.name, batch.rows, new.new["posts"])),
    )
    assert seen == [("numbers", 1, 1)] * 3


def test_two_sources_of_one_name_are_refused(archive: Archive) -> None:
    with pytest.raises(ConfigError, match="'a'"):
        Listener(archive, [Numbers("a"), Numbers("a")], rng=np.random.default_rng(0))
