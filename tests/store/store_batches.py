"""Small batches for the tests of the store."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from entregent.records import TABLES, schema
from entregent.sources.base import Batch

START = datetime(2024, 5, 1, tzinfo=UTC)


def hour(n: float) -> datetime:
    return START + timedelta(hours=n)


def table(name: str, *rows: dict[str, Any]) -> pa.Table:
    blank = dict.fromkeys(schema(name).names)
    return pa.Table.from_pylist([{**blank, **row} for row in rows], schema=schema(name))


def post(number: int | str, account: str | None = "x:ann", **more: Any) -> dict[str, Any]:
    row = {
        "id": f"x:p{number}",
        "network": "x",
        "account": account,
        "kind": "post",
        "time": hour(number) if isinstance(number, int) else None,
        "text": f"text of {number}",
        "links": [],
        "hashtags": [],
        "mentions": [],
        "media": 0,
        "version": 0,
    }
    return {**row, **more}


def act(number: int | str, actor: str = "x:bob", **more: Any) -> dict[str, Any]:
    row = {"id": f"x:i{number}", "network": "x", "kind": "repost", "actor": actor, "time": hour(1)}
    return {**row, **more}


def account(id: str, seen: datetime | None = START, **more: Any) -> dict[str, Any]:
    return {"id": id, "network": id.partition(":")[0], "seen_at": seen, **more}


def seen(
    subject: str, metric: str, value: int | None, at: datetime | None, kind: str = "account"
) -> dict[str, Any]:
    return {"subject": subject, "subject_kind": kind, "metric": metric, "value": value, "seen_at": at}


def grave(id: str, kind: str = "post", time: datetime | None = START) -> dict[str, Any]:
    return {"id": id, "kind": kind, "time": time}


def payload(id: str, text: str = "{}", received: datetime = START, days: int = 30) -> dict[str, Any]:
    return {
        "id": id,
        "network": id.partition(":")[0],
        "payload": text,
        "received_at": received,
        "keep_until": received + timedelta(days=days),
    }


def batch(*, cursor: str | None = None, **rows: list[dict[str, Any]]) -> Batch:
    assert set(rows) <= set(TABLES), rows
    return Batch(cursor=cursor, **{name: table(name, *some) for name, some in rows.items()})


def story(seed: int, batches: int = 6) -> list[Batch]:
    """Return batches that hold everything: edits, duplicates, deletions, acts, accounts, payloads."""
    rng = random.Random(seed)
    told = []
    for number in range(batches):
        posts = [
            post(rng.randrange(number * 20 + 20), f"x:u{rng.randrange(5)}", version=rng.randrange(3))
            for _ in range(20)
        ]
        for row in posts:
            row["text"] = f"{row['id']} version {row['version']} " + "".join(rng.choices("abcdefgh ", k=200))
        told.append(
            batch(
                cursor=str(number),
                posts=posts,
                interactions=[
                    act(rng.randrange(number * 20 + 20), f"x:u{rng.randrange(5)}", object=row["id"])
                    for row in posts
                ],
                accounts=[
                    account(f"x:u{n}", hour(number), handle=f"u{n}v{rng.randrange(3)}") for n in range(5)
                ],
                observations=[
                    seen(f"x:u{n}", "followers", rng.randrange(99), hour(number)) for n in range(5)
                ],
                tombstones=[grave(f"x:p{rng.randrange(number * 20 + 20)}") for _ in range(2)],
                raw=[payload(row["id"], row["text"]) for row in posts[:5]],
            )
        )
    return told


def outcome(told: list[Batch]) -> dict[str, int]:
    """Return the posts that remain after batches, by id, with their versions: the plain model."""
    latest: dict[str, int] = {}
    gone: set[str] = set()
    for one in told:
        gone |= set(one.tombstones.column("id").to_pylist())
        for id, version in zip(
            *(one.posts.column(name).to_pylist() for name in ("id", "version")), strict=True
        ):
            latest[id] = max(version, latest.get(id, version))
    return {id: version for id, version in latest.items() if id not in gone}
