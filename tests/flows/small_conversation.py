"""A small Bluesky conversation as a file: thirty people, some heard more than others, one gap."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

START = datetime(2024, 3, 1, 6, tzinfo=UTC)
NOW = datetime(2024, 6, 1, tzinfo=UTC)
PEOPLE = 40
DAYS = 30
GAP = (12, 15)


def did(person: int) -> str:
    return f"did:plc:person{person:02d}"


def _event(person: int, moment: datetime, collection: str, key: str, record: dict[str, Any]) -> str:
    stamp = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps(
        {
            "did": did(person),
            "time_us": int(moment.timestamp() * 1_000_000),
            "kind": "commit",
            "commit": {
                "operation": "create",
                "collection": f"app.bsky.{collection}",
                "rkey": key,
                "cid": "bafy",
                "record": {"$type": f"app.bsky.{collection}", "createdAt": stamp, **record},
            },
        },
        ensure_ascii=False,
    )


def _facets(text: str) -> Iterator[dict[str, Any]]:
    for word in text.split():
        start = len(text[: text.index(word)].encode())
        index = {"byteStart": start, "byteEnd": start + len(word.encode())}
        if word.startswith("#"):
            yield {"index": index, "features": [{"$type": "app.bsky.richtext.facet#tag", "tag": word[1:]}]}
        if word.startswith("https://"):
            yield {"index": index, "features": [{"$type": "app.bsky.richtext.facet#link", "uri": word}]}


def conversation(seed: int = 3) -> Iterator[str]:
    """Yield Jetstream lines in order of time: person k is heard in proportion to k."""
    rng = np.random.default_rng(seed)
    lines: list[tuple[datetime, str]] = []
    for person in range(PEOPLE):
        for n in range(20):
            day = int(rng.integers(0, DAYS))
            moment = START + timedelta(days=day, hours=float(rng.uniform(0, 14)))
            if GAP[0] <= day < GAP[1]:
                continue
            subject = "train" if n % 4 else "café"
            text = (
                f"Le {subject} de l’équipe n°{n} est en retard #GrèveRail https://example.org/a?utm_source=b"
            )
            key = f"p{person:02d}{n:02d}"
            uri = f"at://{did(person)}/app.bsky.feed.post/{key}"
            record = {"text": text, "langs": ["fr"] if n % 2 else [], "facets": list(_facets(text))}
            lines.append((moment, _event(person, moment, "feed.post", key, record)))
            crowd = rng.permutation(PEOPLE)[: rng.poisson(person / 8)]
            for other in crowd.tolist():
                if other == person:
                    continue
                later = moment + timedelta(minutes=float(rng.exponential(40)))
                act = {"subject": {"uri": uri, "cid": "bafy"}}
                lines.append((later, _event(other, later, "feed.repost", f"r{key}{other:02d}", act)))
    for _, line in sorted(lines):
        yield line
