"""Files that grow, turn over, are cut short and come new, followed as a source."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import random
from collections.abc import Callable
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from entregent.errors import ConfigError, PermanentError, TransientError
from entregent.sources.base import Batch
from entregent.sources.followed import growing
from entregent.sources.followed import source as followed_source
from entregent.sources.live import LiveSource
from entregent.sources.registry import live_source
from sources.contract import brought, check_source, collected

START = datetime(2024, 5, 1, 8, tzinfo=UTC)


def event(number: int) -> str:
    at = START + timedelta(minutes=number)
    record = {"$type": "app.bsky.feed.post", "text": f"post {number}", "createdAt": at.isoformat()}
    commit = {"operation": "create", "collection": "app.bsky.feed.post", "rkey": f"3k{number:011d}"}
    return json.dumps(
        {
            "did": "did:plc:a",
            "time_us": int(at.timestamp() * 1e6),
            "kind": "commit",
            "commit": {**commit, "rev": "1", "cid": "c", "record": record},
        }
    )


def lines(*numbers: int) -> str:
    return "".join(event(number) + "\n" for number in numbers)


def ids(*numbers: int) -> list[str]:
    return [f"bluesky:at://did:plc:a/app.bsky.feed.post/3k{number:011d}" for number in numbers]


def opened(*paths: Path, **more: object) -> LiveSource:
    table = {
        "kind": "files",
        "paths": [str(path) for path in paths],
        "check_seconds": 0.05,
        "settle_seconds": 0.2,
    }
    return live_source("drop", {**table, **more})


def followed(source: LiveSource, posts: int, cursor: str | None = None, seconds: float = 3.0) -> list[Batch]:
    return asyncio.run(collected(source, cursor, lambda found: len(brought(found)) >= posts, seconds=seconds))


def codes(batches: list[Batch]) -> list[str]:
    return [notice.code for batch in batches for notice in batch.notices]


def in_steps(
    source: LiveSource, steps: list[tuple[int, Callable[[], object]]], posts: int, after: float = 0.3
) -> list[Batch]:
    """Follow, and do each thing once so many posts were brought; until all were, and a little longer."""
    found: list[Batch] = []

    async def run() -> None:
        async def read() -> None:
            async with aclosing(source.follow(None)) as batches:  # type: ignore[type-var]
                async for batch in batches:
                    found.append(batch)

        async def until(wanted: int) -> None:
            async with asyncio.timeout(20):
                while len(brought(found)) < wanted and not reading.done():
                    await asyncio.sleep(0.02)

        reading = asyncio.create_task(read())
        for wanted, step in steps:
            await until(wanted)
            step()
            await asyncio.sleep(0.15)
        await until(posts)
        await asyncio.wait({reading}, timeout=after)
        if reading.done():
            reading.result()
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)

    asyncio.run(run())
    return found


def append(path: Path, text: str) -> Callable[[], object]:
    def step() -> None:
        with path.open("a", encoding="utf-8") as file:
            file.write(text)

    return step


def test_a_folder_keeps_the_contract(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(lines(0, 1, 2), encoding="utf-8")
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(lines(3, 4).encode()))
    (tmp_path / "c.jsonl").write_text(lines(5, 6), encoding="utf-8")
    check_source(
        lambda: opened(tmp_path, keep_raw_days=9),
        ids(*range(7)),
        faults={},
        network="bluesky",
        seconds=4,
    )


def test_what_is_added_comes_once(tmp_path: Path) -> None:
    path = tmp_path / "posts.jsonl"
    path.write_text(lines(0, 1), encoding="utf-8")
    found = in_steps(opened(path), [(2, append(path, lines(2))), (3, append(path, lines(3, 4)))], 5)
    assert brought(found) == ids(0, 1, 2, 3, 4)


def test_a_half_written_line_waits_for_its_end(tmp_path: Path) -> None:
    path = tmp_path / "posts.jsonl"
    whole = event(1)
    path.write_text(lines(0) + whole[:40], encoding="utf-8")
    found = in_steps(opened(path), [(1, append(path, whole[40:] + "\n" + lines(2)))], 3)
    assert brought(found) == ids(0, 1, 2)
    assert codes(found) == []


def test_a_last_object_needs_no_line_end(tmp_path: Path) -> None:
    path = tmp_path / "posts.jsonl"
    path.write_text(lines(0) + event(1), encoding="utf-8")
    found = in_steps(opened(path), [(2, append(path, "\n" + lines(2)))], 3)
    assert brought(found) == ids(0, 1, 2)


def test_one_line_without_an_end_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "one.jsonl").write_text(event(7), encoding="utf-8")
    assert brought(followed(opened(tmp_path), 1)) == ids(7)


@pytest.mark.parametrize("seed", range(2))
def test_a_file_written_in_any_pieces_is_read_whole(tmp_path: Path, seed: int, monkeypatch) -> None:
    """Stopped and started again at every batch, nothing is lost and nothing comes twice."""
    monkeypatch.setattr(growing, "PIECE", 4000)
    rng = random.Random(seed)
    text = lines(*range(30)).encode()
    path = tmp_path / "posts.jsonl"
    found: list[Batch] = []
    cursor: str | None = None
    place = 0
    while place < len(text):
        step = rng.randint(1, 6000)
        with path.open("ab") as file:
            file.write(text[place : place + step])
        place += step
        if path.read_bytes().count(b"\n") == 0:
            continue
        more = followed(opened(path), 10**6, cursor, seconds=0.25)
        found += more
        cursor = next((batch.cursor for batch in reversed(found) if batch.cursor), None)
    if left := 30 - len(brought(found)):
        found += followed(opened(path), left, cursor, seconds=15)
    assert brought(found) == ids(*range(30))
    assert "file.broken_line" not in codes(found)


@pytest.mark.parametrize("named", [True, False])
def test_a_file_that_turns_over_loses_nothing(tmp_path: Path, named: bool) -> None:
    path = tmp_path / "posts.jsonl"
    path.write_text(lines(0, 1), encoding="utf-8")

    def turn() -> None:
        append(path, lines(2))()
        path.rename(tmp_path / "posts.jsonl.1")
        path.write_text(lines(3), encoding="utf-8")

    found = in_steps(opened(path if named else tmp_path), [(2, turn), (4, append(path, lines(4)))], 5)
    assert sorted(brought(found)) == ids(0, 1, 2, 3, 4)
    assert [gap for batch in found for gap in batch.gaps] == []


def test_one_that_turned_over_while_nobody_listened_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "posts.jsonl"
    path.write_text(lines(0, 1), encoding="utf-8")
    before = followed(opened(path), 2)
    append(path, lines(2))()
    path.rename(tmp_path / "posts-old.jsonl")
    path.write_text(lines(3), encoding="utf-8")
    assert brought(followed(opened(path), 2, before[-1].cursor)) == ids(2, 3)


def test_one_copied_and_cut_short_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "posts.jsonl"
    path.write_text(lines(0, 1), encoding="utf-8")
    before = followed(opened(path), 2)
    append(path, lines(2))()
    (tmp_path / "posts.jsonl.1").write_bytes(path.read_bytes())
    path.write_text(lines(3), encoding="utf-8")
    assert brought(followed(opened(path), 2, before[-1].cursor)) == ids(2, 3)


def test_one_that_is_written_anew_is_read_anew_and_the_stretch_is_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "posts.jsonl"
    path.write_text(lines(0, 1), encoding="utf-8")
    found = in_steps(opened(path), [(2, lambda: path.write_text(lines(5, 6, 7), encoding="utf-8"))], 5)
    assert brought(found) == ids(0, 1, 5, 6, 7)
    assert "file.replaced" in codes(found)
    gaps = [gap for batch in found for gap in batch.gaps]
    assert [gap.reason for gap in gaps] == ["Replaced"]
    assert timedelta(0) < gaps[0].end - gaps[0].start < timedelta(seconds=5)


def test_a_name_that_changes_is_no_new_file(tmp_path: Path) -> None:
    path = tmp_path / "b.jsonl"
    path.write_text(lines(0, 1), encoding="utf-8")
    found = in_steps(opened(tmp_path), [(2, lambda: path.rename(tmp_path / "a.jsonl"))], 2)
    assert brought(found) == ids(0, 1)


def test_new_files_of_a_folder_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(lines(0), encoding="utf-8")
    deep = tmp_path / "deep"

    def come() -> None:
        deep.mkdir()
        (deep / "b.json").write_text("[" + ",\n".join(event(n) for n in (1, 2)) + "]", encoding="utf-8")
        (tmp_path / ".hidden.jsonl").write_text(lines(9), encoding="utf-8")

    found = in_steps(opened(tmp_path), [(1, come)], 3)
    assert brought(found) == ids(0, 1, 2)


def test_a_file_that_is_read_whole_waits_until_it_is_complete(tmp_path: Path) -> None:
    packed = gzip.compress(lines(*range(50)).encode())
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(packed[:100])

    def rest() -> None:
        with path.open("ab") as file:
            file.write(packed[100:])

    found = in_steps(opened(tmp_path, settle_seconds=1.0), [(0, rest)], 50)
    assert brought(found) == ids(*range(50))
    assert "file.damaged" not in codes(found)


def test_what_is_no_conversation_is_passed_over_once_and_the_others_go_on(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello\nthere\n", encoding="utf-8")
    (tmp_path / "b.jsonl").write_text(lines(0), encoding="utf-8")
    (tmp_path / "empty").touch()
    found = in_steps(opened(tmp_path), [], 1, after=1.0)
    assert brought(found) == ids(0)
    assert codes(found).count("file.passed_over") == 1
    assert codes(followed(opened(tmp_path), 1, found[-1].cursor, seconds=0.4)) == []


def test_one_that_is_named_and_no_conversation_stops(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello\nthere\n", encoding="utf-8")
    with pytest.raises(PermanentError, match="no conversation"):
        followed(opened(tmp_path / "a.txt"), 1)


def test_a_file_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    with pytest.raises(TransientError, match="is there yet"):
        followed(opened(tmp_path / "none.jsonl"), 1)


HEADER = "account,time,text,id\n"


def row(number: int, text: str = "said") -> str:
    return f"ann,2024-05-01T08:{number:02d}:00Z,{text} {number},{number}\n"


def test_rows_of_a_table_come_as_they_are_added(tmp_path: Path) -> None:
    path = tmp_path / "posts.csv"
    path.write_text(HEADER + row(0), encoding="utf-8")
    found = in_steps(
        opened(path, network="forum", settle_seconds=2.0),
        [
            (1, append(path, row(1))),
            (2, append(path, 'ann,2024-05-01T08:02:00Z,"half of\na row')),
            (2, append(path, '",2\n' + row(3))),
            (4, append(path, "ann,2024-05-01T08:04:00Z,no end,4")),
        ],
        5,
    )
    assert brought(found) == [f"forum:{number}" for number in range(5)]
    texts = brought(found, "posts", "text")
    assert texts[2] == "half of\na row"
    assert texts[4] == "no end"
    assert codes(found) == ["table.columns_guessed"]


def test_a_quote_that_is_never_closed_does_not_stop_a_table(tmp_path: Path) -> None:
    path = tmp_path / "posts.csv"
    path.write_text(HEADER + row(0) + row(1, 'a 5" nail'), encoding="utf-8")
    assert len(brought(followed(opened(path, network="forum"), 2))) == 2


def test_lines_are_counted_from_the_start_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "posts.jsonl"
    path.write_text(lines(0, 1), encoding="utf-8")
    found = in_steps(opened(path), [(2, append(path, lines(2) + "{broken\n" + lines(3)))], 4)
    told = [notice for batch in found for notice in batch.notices]
    assert [notice.where for notice in told] == [(f"{path}:4",)]
    assert brought(found) == ids(0, 1, 2, 3)


def test_a_line_without_end_is_passed_over(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(growing, "PIECE", 1000)
    monkeypatch.setattr(growing, "LONGEST_LINE", 4000)
    path = tmp_path / "posts.jsonl"
    path.write_text(lines(0) + '{"a": "' + "x" * 10_000 + "\n" + lines(1), encoding="utf-8")
    found = followed(opened(path), 2)
    assert brought(found) == ids(0, 1)
    assert "file.value_too_long" in codes(found)


def test_a_quiet_folder_gives_signs_of_life(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(followed_source, "ALIVE_SECONDS", 0.1)
    (tmp_path / "a.jsonl").write_text(lines(0), encoding="utf-8")
    assert len(in_steps(opened(tmp_path), [], 1, after=1.0)) > 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(lines(0), encoding="utf-8")
    (tmp_path / "a.jsonl").chmod(0)
    with pytest.raises(TransientError, match="cannot be read"):
        followed(opened(tmp_path), 1)


@pytest.mark.parametrize(
    "change",
    [
        {"paths": []},
        {"paths": [""]},
        {"format": "word"},
        {"check_seconds": 0.0},
        {"settle_seconds": -1.0},
        {"keep_raw_days": -1},
        {"path": "x"},
    ],
)
def test_bad_settings_are_told(tmp_path: Path, change: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=r"sources\.drop"):
        opened(tmp_path, **change)
