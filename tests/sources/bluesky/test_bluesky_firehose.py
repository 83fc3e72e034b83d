"""Following the firehose of a real data server, and what a broken one may send."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import libipld
import pytest

from entregent.clock import to_micros
from entregent.errors import PermanentError, TransientError
from entregent.sources.base import Batch
from entregent.sources.bluesky.firehose import FirehoseWire
from entregent.sources.bluesky.place import Place
from entregent.sources.bluesky.settings import BlueskySettings, read_settings
from entregent.sources.bluesky.source import Bluesky
from entregent.sources.registry import live_source
from sources.bluesky.box import Box
from sources.contract import brought, check_source, collected

NOW = datetime.now(UTC)
START = "firehose!0@0"


def opened(box: Box, **more: object) -> Bluesky:
    return live_source("fire", {"kind": "bluesky", "stream": "firehose", "server": box.url, **more})  # type: ignore[return-value]


def followed(
    source: Bluesky, cursor: str | None, enough: Callable[[list[Batch]], bool], seconds: float = 20.0
) -> list[Batch]:
    return asyncio.run(collected(source, cursor, enough, seconds=seconds))


def has(*ids: str, table: str = "posts") -> Callable[[list[Batch]], bool]:
    return lambda found: set(ids) <= set(brought(found, table))


def test_what_people_do_comes_through(box: Box) -> None:
    alice, bob = box.person("alice"), box.person("bob")
    post = alice.post("Bonjour à tous #salut", langs=["fr"])
    reply = bob.post("Bonjour Alice", reply={"root": post, "parent": post})
    repost = bob.write("app.bsky.feed.repost", subject=post)["uri"]
    like = bob.write("app.bsky.feed.like", subject=post)["uri"]
    follow = bob.write("app.bsky.graph.follow", subject=alice.did)["uri"]
    gone = bob.post("a slip")
    bob.delete(gone["uri"])
    alice.edit(post, "Bonjour à toutes et à tous")
    last = alice.post("that was all")
    found = followed(opened(box, keep_raw_days=3), START, has(f"bluesky:{last['uri']}"))
    rows = {row["id"]: row for batch in found for row in batch.posts.to_pylist()}
    # The last version of a post is the one that counts.
    assert rows[f"bluesky:{post['uri']}"]["text"] == "Bonjour à toutes et à tous"
    assert rows[f"bluesky:{post['uri']}"]["version"] > 0
    assert rows[f"bluesky:{reply['uri']}"]["parent"] == f"bluesky:{post['uri']}"
    acts = {row["id"]: row for batch in found for row in batch.interactions.to_pylist()}
    assert acts[f"bluesky:{repost}"]["object"] == f"bluesky:{post['uri']}"
    assert acts[f"bluesky:{like}"]["kind"] == "like"
    assert acts[f"bluesky:{follow}"]["target"] == f"bluesky:{alice.did}"
    assert f"bluesky:{gone['uri']}" in brought(found, "tombstones")
    handles = dict(zip(brought(found, "accounts"), brought(found, "accounts", "handle"), strict=True))
    assert handles[f"bluesky:{alice.did}"] == "alice.test"
    assert [notice for batch in found for notice in batch.notices] == []


def test_it_keeps_the_contract(box: Box) -> None:
    carol = box.person("carol")
    posts = [f"bluesky:{carol.post(f'post {number}')['uri']}" for number in range(12)]
    check_source(
        lambda: opened(box, keep_raw_days=3, accounts=[carol.did]), posts, faults={}, from_start=START
    )


def test_only_named_accounts_and_collections_come(box: Box) -> None:
    dora, erik = box.person("dora"), box.person("erik")
    erik.post("not asked for")
    post = dora.post("asked for")
    dora.write("app.bsky.feed.like", subject=post)
    last = dora.post("asked for, too")
    source = opened(box, accounts=[dora.did], collections=["app.bsky.feed.post"])
    found = followed(source, START, has(f"bluesky:{last['uri']}"))
    assert brought(found, "posts", "text") == ["asked for", "asked for, too"]
    assert brought(found, "interactions") == []


def test_a_server_that_is_killed_and_comes_back_costs_nothing(box: Box) -> None:
    fay = box.person("fay")
    ids = [f"bluesky:{fay.post(f'before {number}')['uri']}" for number in range(3)]
    source = opened(box, accounts=[fay.did])
    found = followed(source, START, has(*ids))
    cursor = found[-1].cursor

    async def until_killed() -> None:
        async for batch in opened(box, accounts=[fay.did]).follow(cursor):
            if batch.cursor == cursor:
                await asyncio.to_thread(box.kill)

    with pytest.raises(TransientError):
        asyncio.run(until_killed())
    with pytest.raises(TransientError, match="cannot be reached"):
        followed(source, cursor, has("nobody"))
    box.start()
    ids.append(f"bluesky:{fay.post('after')['uri']}")
    found += followed(source, cursor, has(ids[-1]))
    assert sorted(brought(found)) == sorted(ids)


def test_a_place_in_the_future_is_a_gap_and_all_that_is_there_is_read_again(box: Box) -> None:
    gus = box.person("gus")
    post = f"bluesky:{gus.post('still here')['uri']}"
    heard = NOW - timedelta(minutes=5)
    source = opened(box, accounts=[gus.did])
    found: list[Batch] = []

    async def refused() -> None:
        async for batch in source.follow(Place("firehose", 10**9, heard).written()):
            found.append(batch)

    with pytest.raises(TransientError, match="FutureCursor"):
        asyncio.run(refused())
    (gap,) = [gap for batch in found for gap in batch.gaps]
    assert (gap.start, gap.reason) == (heard, "FutureCursor")
    again = followed(source, found[-1].cursor, has(post))
    assert [gap for batch in again for gap in batch.gaps] == []


def test_a_place_that_is_too_old_is_a_gap(box: Box) -> None:
    hal = box.person("hal")
    hal.post("forgotten by the server")
    box.kill()
    box.start(BACKFILL_MS="1")
    source = opened(box, accounts=[hal.did])

    async def later() -> list[Batch]:
        following = asyncio.create_task(
            collected(source, Place("firehose", 1, NOW).written(), lambda found: bool(brought(found)))
        )
        await asyncio.sleep(1)
        await asyncio.to_thread(hal.post, "not forgotten")
        return await following

    found = asyncio.run(later())
    box.kill()
    box.start()
    (gap,) = [gap for batch in found for gap in batch.gaps]
    assert (gap.start, gap.reason) == (NOW, "OutdatedCursor")
    assert gap.end > NOW
    assert "not forgotten" in brought(found, "posts", "text")


def test_a_server_that_is_no_firehose_is_told(box: Box) -> None:
    source = opened(box, server=f"{box.url}/nothing/here")
    with pytest.raises((PermanentError, TransientError)):
        followed(source, None, has("nobody"), seconds=5)


# What a broken server may send


def frame(kind: str, **body: object) -> bytes:
    header = {"op": 1, "t": kind} if kind != "error" else {"op": -1}
    return bytes(libipld.encode_dag_cbor(header) + libipld.encode_dag_cbor(body))


def wire(**settings: object) -> FirehoseWire:
    return FirehoseWire("fire", read_settings({"stream": "firehose", **settings}, "sources.fire"), None, NOW)


IDENTITY = {"did": "did:plc:a", "handle": "a.test", "time": "2024-05-01T08:00:00.000Z"}


def test_garbage_is_counted_and_the_rest_is_read() -> None:
    heard = wire().hear(
        [
            b"",
            b"\xff" * 10,
            b"\x81" * 100_000,
            b"<html>",
            frame("#identity", **IDENTITY, seq="seven"),
            frame("#commit", seq=4, repo="did:plc:a", ops=[{"path": "nothing"}], time="x"),
            frame("#commit", seq=4, repo="did:plc:a", ops=None, time="x"),
            frame("#news", **IDENTITY, seq=6),
            frame("#identity", **IDENTITY, seq=7),
        ],
        NOW,
    )
    assert {notice.code: notice.count for notice in heard.notices} == {
        "stream.unreadable": 6,
        "stream.unknown": 1,
    }
    assert len(heard.events) == 1


def test_a_commit_without_its_records_is_counted() -> None:
    ops = [{"action": "create", "path": "app.bsky.feed.post/3k", "cid": b"\x01q\x12 " + bytes(32)}]
    told = {"seq": 4, "repo": "did:plc:a", "rev": "1", "ops": ops, "time": "2024-05-01T08:00:00Z"}
    heard = wire().hear([frame("#commit", **told, tooBig=True, blocks=b"")], NOW)
    assert [(notice.code, notice.count) for notice in heard.notices] == [("stream.incomplete", 1)]


def test_a_clock_ahead_does_not_move_the_place_into_the_future() -> None:
    one = wire()
    one.hear([frame("#identity", did="did:plc:a", handle="a.test", time="2999-01-01T00:00:00Z", seq=7)], NOW)
    assert one.place == Place("firehose", 7, NOW)


def test_what_is_too_long_is_skipped_further_each_time() -> None:
    one = FirehoseWire("fire", BlueskySettings(stream="firehose"), Place("firehose", 10, NOW), NOW)
    one.skip(1, NOW)
    assert one.place == Place("firehose", 11, NOW, exact=True)
    one.skip(2, NOW)
    assert one.place == Place("firehose", 13, NOW, exact=True)
    assert f"@{to_micros(NOW)}" in one.place.written()
