"""A replay does what every live source must do."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from entregent.sources.registry import live_source
from sources.contract import check_source

START = datetime(2024, 5, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize("speed", [0.0, 60_000.0])
def test_a_replay_keeps_the_contract(tmp_path: Path, speed: float) -> None:
    lines = []
    for number in range(6):
        at = START + timedelta(minutes=number)
        record = {"$type": "app.bsky.feed.post", "text": f"post {number}", "createdAt": at.isoformat()}
        commit = {"operation": "create", "collection": "app.bsky.feed.post", "rkey": f"3k{number:011d}"}
        event = {"did": "did:plc:a", "time_us": int(at.timestamp() * 1e6), "kind": "commit"}
        lines.append(json.dumps({**event, "commit": {**commit, "rev": "1", "cid": "c", "record": record}}))
    path = tmp_path / "posts.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    table = {"kind": "replay", "paths": [str(path)], "speed": speed}
    posts = [f"bluesky:at://did:plc:a/app.bsky.feed.post/3k{number:011d}" for number in range(6)]
    check_source(lambda: live_source("again", table), posts, faults={}, raw=False, network="bluesky")
