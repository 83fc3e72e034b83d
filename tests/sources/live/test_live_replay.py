"""A past conversation played as if it came now."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from entregent.errors import ConfigError, PermanentError
from entregent.sources.base import Batch
from entregent.sources.live import LiveSource
from entregent.sources.registry import live_source

START = datetime(2024, 5, 1, 8, tzinfo=UTC)


@pytest.fixture
def conversation(tmp_path: Path) -> Path:
    """Ten posts a minute apart, as Jetstream gives them."""
    lines = []
    for number in range(10):
        at = START + timedelta(minutes=number)
        lines.append(
            {
                "did": "did:plc:a",
                "time_us": int(at.timestamp() * 1e6),
                "kind": "commit",
                "commit": {
                    "rev": "1",
                    "operation": "create",
                    "collection": "app.bsky.feed.post",
                    "rkey": f"3k{number:011d}",
                    "record": {
                        "$type": "app.bsky.feed.post",
                        "text": f"post {number}",
                        "createdAt": at.isoformat(),
                    },
                    "cid": f"c{number}",
                },
            }
        )
    path = tmp_path / "posts.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def played(source: LiveSource, cursor: str | None = None, most: int = 1000) -> list[Batch]:
    async def collect() -> list[Batch]:
        found = []
        async for batch in source.follow(cursor):
            found.append(batch)
            if len(found) == most:
                break
        return found

    return asyncio.run(collect())


def texts(batches: list[Batch]) -> list[str]:
    return [text for batch in batches for text in batch.posts["text"].to_pylist()]


@pytest.mark.parametrize("speed", [0.0, 60_000.0])
def test_all_is_played_once_in_order(conversation: Path, speed: float) -> None:
    source = live_source("again", {"kind": "replay", "paths": [str(conversation)], "speed": speed})
    assert texts(played(source)) == [f"post {number}" for number in range(10)]


def test_a_paced_replay_goes_on_after_any_of_its_cursors(conversation: Path) -> None:
    source = live_source("again", {"kind": "replay", "paths": [str(conversation)], "speed": 60_000.0})
    everything = played(source)
    for number in range(1, len(everything) + 1):
        before = everything[:number]
        assert texts(before + played(source, before[-1].cursor)) == texts(everything)


def test_a_place_of_a_paced_replay_serves_one_that_is_not(conversation: Path) -> None:
    paced = live_source("again", {"kind": "replay", "paths": [str(conversation)], "speed": 60_000.0})
    fast = live_source("again", {"kind": "replay", "paths": [str(conversation)]})
    half = played(paced, most=5)
    assert set(texts(half + played(fast, half[-1].cursor))) == {f"post {number}" for number in range(10)}
    assert played(paced, played(fast)[-1].cursor) == []


def test_the_speed_counts_from_the_moment_asked_for(conversation: Path) -> None:
    table = {"kind": "replay", "paths": [str(conversation)], "speed": 600.0}
    table["pace_from"] = START + timedelta(minutes=8)
    began = time.monotonic()
    assert len(texts(played(live_source("again", table)))) == 10
    # Of nine minutes one is paced, at ten minutes a second: a tenth of a second at the least.
    assert time.monotonic() - began >= 0.1


def test_a_quiet_stretch_gives_signs_of_life(conversation: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from entregent.sources import replay

    monkeypatch.setattr(replay, "ALIVE_SECONDS", 0.02)
    source = live_source("again", {"kind": "replay", "paths": [str(conversation)], "speed": 600.0})
    found = played(source, most=4)
    assert [batch.rows for batch in found][:2] == [1, 0]


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="no such file"):
        played(live_source("again", {"kind": "replay", "paths": [str(tmp_path / "none.jsonl")]}))


@pytest.mark.parametrize("cursor", ["x", "-1.2", "3", "1.2.3"])
def test_a_cursor_of_something_else_is_told(conversation: Path, cursor: str) -> None:
    with pytest.raises(PermanentError, match="cursor"):
        played(live_source("again", {"kind": "replay", "paths": [str(conversation)]}), cursor)


@pytest.mark.parametrize(
    "change", [{"paths": []}, {"speed": -1.0}, {"speed": float("inf")}, {"pace_from": "noon"}, {"sped": 1}]
)
def test_bad_settings_are_told(conversation: Path, change: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=r"sources\.again"):
        live_source("again", {"kind": "replay", "paths": [str(conversation)], **change})
