"""The second protocol of Jetstream: numbers, frames, a dictionary."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
import zstandard

from entregent.errors import TransientError
from entregent.sources.base import Batch
from entregent.sources.bluesky.jetstream2 import OLDEST, NumberedJetstreamWire
from entregent.sources.bluesky.place import Place
from entregent.sources.bluesky.settings import BlueskySettings
from entregent.sources.bluesky.source import Bluesky
from entregent.sources.registry import live_source
from sources.bluesky.loopback_jetstream import event, post_id
from sources.bluesky.loopback_jetstream2 import LoopbackJetstream2, info
from sources.contract import RETRY_AFTER, brought, check_source, collected

NOW = datetime.now(UTC)
START = "jetstream2!1000000000000000@0"


@pytest.fixture
def jetstream() -> Iterator[LoopbackJetstream2]:
    events = [event(number, 1_714_550_400_000_000 + number * 1_000_000) for number in range(20)]
    with LoopbackJetstream2(events, lambda: time.time_ns() // 1000) as server:
        yield server


def opened(server: LoopbackJetstream2, **more: object) -> Bluesky:
    table = {"kind": "bluesky", "stream": "jetstream2", "server": server.url, **more}
    return live_source("sky", table)  # type: ignore[return-value]


def followed(
    source: Bluesky, cursor: str | None, enough: Callable[[list[Batch]], bool], seconds: float = 10.0
) -> list[Batch]:
    return asyncio.run(collected(source, cursor, enough, seconds=seconds))


def refused(source: Bluesky, cursor: str) -> list[Batch]:
    """Return what comes before the source says that it will come back."""
    found: list[Batch] = []

    async def run() -> None:
        async for batch in source.follow(cursor):
            found.append(batch)

    with pytest.raises(TransientError):
        asyncio.run(run())
    return found


@pytest.mark.parametrize("packed", [False, True])
def test_it_keeps_the_contract(jetstream: LoopbackJetstream2, packed: bool) -> None:
    if packed:
        jetstream.teach()

    def with_field(text: bytes) -> bytes:
        told = json.loads(text)
        told["payload"]["record"]["mood"] = "fine"
        return json.dumps(told).encode()

    check_source(
        lambda: opened(jetstream, keep_raw_days=3),
        [post_id(number) for number in range(20)],
        faults={
            "429": lambda: jetstream.refusing(429, {"Retry-After": str(RETRY_AFTER)}),
            "500": lambda: jetstream.refusing(500, body=b"oops"),
            "html": lambda: jetstream.refusing(200, {"Content-Type": "text/html"}, b"<html>soon</html>"),
            "gone": jetstream.gone,
            "401": lambda: jetstream.refusing(401),
        },
        unknown_field=lambda: jetstream.changing(with_field),
        from_start=START,
    )
    assert all(("zstdDictionary" in asked) == packed for asked in jetstream.asked)


def test_it_goes_on_at_the_last_number(jetstream: LoopbackJetstream2) -> None:
    found = followed(opened(jetstream), START, lambda found: len(set(brought(found))) == 20)
    jetstream.events.append(event(20, 1_714_550_500_000_000))
    again = followed(opened(jetstream), found[-1].cursor, lambda found: post_id(20) in brought(found))
    assert jetstream.asked[-1]["cursor"] == ["20"]
    assert set(brought(again)) == {post_id(19), post_id(20)}


def test_a_place_below_the_floor_is_a_gap(jetstream: LoopbackJetstream2) -> None:
    jetstream.first, jetstream.floor = 1000, OLDEST + 1
    heard = datetime(2024, 5, 1, 7, tzinfo=UTC)
    found = refused(opened(jetstream), Place("jetstream2", 5, heard).written())
    found += followed(opened(jetstream), found[-1].cursor, lambda found: bool(brought(found)))
    (gap,) = [gap for batch in found for gap in batch.gaps]
    assert (gap.start, gap.reason) == (heard, "OutdatedCursor")
    assert gap.end == datetime(2024, 5, 1, 8, tzinfo=UTC)
    assert post_id(0) in brought(found)


def test_numbers_that_began_anew_are_a_gap_and_all_is_read_again(jetstream: LoopbackJetstream2) -> None:
    heard = NOW - timedelta(minutes=5)
    found = refused(opened(jetstream), Place("jetstream2", 10**9, heard).written())
    found += followed(opened(jetstream), found[-1].cursor, lambda found: len(set(brought(found))) == 20)
    (gap,) = [gap for batch in found for gap in batch.gaps]
    assert (gap.start, gap.reason) == (heard, "FutureCursor")


def test_a_dictionary_that_was_retired_is_asked_for_anew(jetstream: LoopbackJetstream2) -> None:
    jetstream.teach()
    with jetstream.refusing(400, body=b'{"error":"UnknownZstdDictionary","message":"5"}'):
        refused(opened(jetstream), START)


@pytest.mark.parametrize("packed", [False, True])
def test_garbage_is_counted_and_the_rest_is_read(jetstream: LoopbackJetstream2, packed: bool) -> None:
    if packed:
        jetstream.teach()
    jetstream.events[5:5] = [
        b"",
        b"{not json",
        b"\x28\xb5\x2f\xfd broken",
        b'{"$type":"message","payload":{"seq":2}}',
        b'{"$type":"message","payload":{"$type":"x#commit","seq":-2,"did":"did:plc:a","time":"x"}}',
        b'{"$type":"message","payload":{"$type":"x#news","seq":7,"did":"did:plc:a","time":"x"}}',
        info("Weather"),
    ]
    found = followed(opened(jetstream), START, lambda found: len(set(brought(found))) == 20)
    told = {notice.code: notice.count for batch in found for notice in batch.notices}
    assert told == {"stream.unreadable": 5, "stream.unknown": 1}


def test_a_frame_that_unpacks_to_more_than_is_read_is_left_out() -> None:
    wire = NumberedJetstreamWire("sky", BlueskySettings(stream="jetstream2", most_bytes=20_000), None, NOW)
    bomb = zstandard.ZstdCompressor().compress(b" " * 50_000_000)
    heard = wire.hear([bomb], NOW)
    assert [notice.code for notice in heard.notices] == ["stream.unreadable"]


def test_an_error_frame_ends_the_stream(jetstream: LoopbackJetstream2) -> None:
    jetstream.events.insert(10, b'{"$type":"error","error":"ConsumerTooSlow","message":"read faster"}')
    assert len(set(brought(refused(opened(jetstream), START)))) == 10
