"""Following a Jetstream: nothing lost, nothing twice, whatever the server does."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import aclosing, suppress
from datetime import UTC, datetime, timedelta

import pytest

from entregent.clock import from_micros
from entregent.errors import ConfigError, PermanentError, TransientError
from entregent.sources.base import Batch
from entregent.sources.bluesky import source as bluesky
from entregent.sources.bluesky.settings import BlueskySettings
from entregent.sources.registry import live_source
from sources.bluesky.loopback_jetstream import LoopbackJetstream, event, post_id
from sources.bluesky.loopback_xrpc import LoopbackXrpc
from sources.contract import RETRY_AFTER, brought, check_source, collected

NOW = datetime.now(UTC)


def now_us() -> int:
    return time.time_ns() // 1000


def ago(seconds: float) -> int:
    return int((NOW - timedelta(seconds=seconds)).timestamp() * 1e6)


@pytest.fixture
def jetstream() -> Iterator[LoopbackJetstream]:
    """Twenty posts, ten seconds apart."""
    events = [event(number, ago(400 - 10 * number)) for number in range(20)]
    with LoopbackJetstream(events, now_us) as server:
        yield server


def opened(server: LoopbackJetstream, **more: object) -> bluesky.Bluesky:
    table = {"kind": "bluesky", "server": server.url, **more}
    return live_source("sky", table)  # type: ignore[return-value]


def cursor(seconds: float, *, mark: str = ":") -> str:
    return f"jetstream{mark}{ago(seconds)}@{ago(0)}"


def followed(source: bluesky.Bluesky, place: str | None, posts: int, seconds: float = 10.0) -> list[Batch]:
    return asyncio.run(
        collected(source, place, lambda found: len(set(brought(found))) >= posts, seconds=seconds)
    )


def noticed(batches: list[Batch]) -> dict[str, int]:
    return {notice.code: notice.count for batch in batches for notice in batch.notices}


def test_it_keeps_the_contract(jetstream: LoopbackJetstream) -> None:
    def with_field(text: bytes) -> bytes:
        told = json.loads(text)
        told["commit"]["record"]["mood"] = "fine"
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
        from_start=cursor(500, mark="!"),
    )


def test_what_is_asked_for(jetstream: LoopbackJetstream) -> None:
    followed(opened(jetstream, accounts=["did:plc:a"], collections=["app.bsky.feed.post"]), cursor(305), 10)
    asked = jetstream.asked[-1]
    assert asked["wantedDids"] == ["did:plc:a"]
    assert asked["wantedCollections"] == ["app.bsky.feed.post"]
    assert asked["cursor"] == [str(ago(310))]


def test_many_accounts_are_told_in_a_message(jetstream: LoopbackJetstream) -> None:
    jetstream.events.insert(0, event(99, ago(401), did="did:plc:b"))
    accounts = ["did:plc:a", *(f"did:plc:other{number}" for number in range(2000))]
    found = followed(opened(jetstream, accounts=accounts), cursor(500, mark="!"), 20)
    assert set(brought(found)) == {post_id(number) for number in range(20)}
    assert "wantedDids" not in jetstream.asked[-1]


def test_a_handle_is_followed_by_its_lasting_id(jetstream: LoopbackJetstream) -> None:
    with LoopbackXrpc() as network:
        network.handles["alice.test"] = "did:plc:a"
        found = followed(
            opened(jetstream, accounts=["alice.test"], appview=network.url), cursor(500, mark="!"), 20
        )
        assert jetstream.asked[-1]["wantedDids"] == ["did:plc:a"]
        assert len(set(brought(found))) == 20
        with pytest.raises(PermanentError, match="resolve"):
            followed(opened(jetstream, accounts=["bob.test"], appview=network.url), None, 1)


def test_edits_and_deletions_come_too(jetstream: LoopbackJetstream) -> None:
    jetstream.events += [
        event(3, ago(100), operation="update", text="better"),
        event(4, ago(99), operation="delete"),
        json.dumps(
            {
                "did": "did:plc:z",
                "time_us": ago(98),
                "kind": "account",
                "account": {"active": False, "did": "did:plc:z", "seq": 3, "status": "deleted"},
            }
        ).encode(),
        event(21, ago(97)),
    ]
    found = followed(opened(jetstream), cursor(500, mark="!"), 21)
    versions = dict(zip(brought(found), brought(found, "posts", "version"), strict=True))
    assert versions[post_id(3)] == ago(100)
    assert brought(found, "tombstones") == [post_id(4), "bluesky:did:plc:z"]
    assert brought(found, "tombstones", "kind") == ["post", "account"]


def test_a_first_start_misses_nothing_between_connecting_and_the_first_event(
    jetstream: LoopbackJetstream,
) -> None:
    source = opened(jetstream)
    (first,) = asyncio.run(collected(source, None, lambda found: True))
    assert first.cursor is not None
    jetstream.events.append(event(50, now_us()))
    assert brought(followed(opened(jetstream), first.cursor, 1)) == [post_id(50)]


def test_a_place_that_the_server_no_longer_has_is_a_gap(jetstream: LoopbackJetstream) -> None:
    jetstream.floor = ago(255)
    found = followed(opened(jetstream), cursor(300), 5)
    (gap,) = [gap for batch in found for gap in batch.gaps]
    assert (gap.source, gap.reason) == ("sky", "OutdatedCursor")
    assert gap.start == from_micros(ago(300))
    assert (gap.end - gap.start).total_seconds() == pytest.approx(50, abs=0.01)


def test_a_place_that_the_server_has_is_no_gap(jetstream: LoopbackJetstream) -> None:
    found = followed(opened(jetstream), cursor(300), 5)
    assert [gap for batch in found for gap in batch.gaps] == []


def test_a_place_ahead_of_the_servers_clock_is_a_gap(jetstream: LoopbackJetstream) -> None:
    source = opened(jetstream)

    async def late() -> list[Batch]:
        following = asyncio.create_task(
            collected(source, f"jetstream:{ago(-3600)}@{ago(60)}", lambda found: bool(brought(found)))
        )
        while not jetstream.talks:
            await asyncio.sleep(0.01)
        jetstream.events.append(event(60, now_us()))
        return await following

    found = asyncio.run(late())
    (gap,) = [gap for batch in found for gap in batch.gaps]
    assert gap.reason == "FutureCursor"
    assert gap.start == from_micros(ago(60))
    assert NOW < gap.end <= datetime.now(UTC)
    assert brought(found) == [post_id(60)]


def test_garbage_between_events_is_counted_and_costs_nothing_else(jetstream: LoopbackJetstream) -> None:
    jetstream.events[5:5] = [
        b"",
        b"\xff\xfe\x00",
        b'{"did":"did:plc:a","time_us":17',
        b"[" * 10_000,
        b'{"hello":"there"}',
        b'{"did":"did:plc:a","time_us":99999999999999999999,"kind":"commit"}',
        b'{"did":"did:plc:a","time_us":"now","kind":"commit"}',
        b"null",
    ]
    found = followed(opened(jetstream), cursor(500, mark="!"), 20)
    assert set(brought(found)) == {post_id(number) for number in range(20)}
    counted = noticed(found)
    assert counted["row.unknown"] >= 2
    assert counted["file.broken_line"] >= 2
    assert found[-1].cursor is not None
    assert found[-1].cursor.startswith(f"jetstream:{ago(210)}@")


def test_an_event_that_is_too_long_is_passed_over_once(jetstream: LoopbackJetstream) -> None:
    # A server that keeps to the longest length asked for never sends it; this one does.
    jetstream.changed = lambda text: text + b" " * 100_000 if b"post 5" in text else text
    source = opened(jetstream, most_bytes=20_000)
    found: list[Batch] = []
    tries = 0
    while len(set(brought(found))) < 19:
        place = found[-1].cursor if found else cursor(405, mark="!")
        tries += 1
        with suppress(TransientError):
            asyncio.run(_into(found, source, place))
    assert set(brought(found)) == {post_id(number) for number in range(20) if number != 5}
    assert noticed(found)["stream.too_large"] == 1
    gaps = [gap for batch in found for gap in batch.gaps]
    # Posts are ten seconds apart here: it takes a second, two, four and eight to get past one.
    assert tries == 5
    assert [(gap.end - gap.start).total_seconds() for gap in gaps] == [1, 2, 4, 8]


async def _into(found: list[Batch], source: bluesky.Bluesky, place: str | None) -> None:
    async with asyncio.timeout(10), aclosing(source.follow(place)) as batches:
        async for batch in batches:
            found.append(batch)
            if post_id(19) in brought([batch]):
                return


def test_silence_is_not_borne_for_ever(jetstream: LoopbackJetstream) -> None:
    with pytest.raises(TransientError, match="Nothing came for 2 s"):
        followed(opened(jetstream, silence_seconds=2), None, 1)


def test_named_accounts_may_be_silent(jetstream: LoopbackJetstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bluesky, "ALIVE_SECONDS", 0.5)
    assert BlueskySettings(accounts=["did:plc:a"]).patience == 0
    found = followed(opened(jetstream, accounts=["did:plc:q"]), None, 1, seconds=3)
    assert len(found) >= 2, "An answer of a server that has nothing to say is a sign of life."


def test_a_server_that_goes_away_is_told(jetstream: LoopbackJetstream) -> None:
    async def cut() -> None:
        async for batch in opened(jetstream).follow(cursor(500, mark="!")):
            if batch.posts.num_rows:
                await asyncio.to_thread(jetstream.stop)

    with pytest.raises(TransientError, match="ended the stream"):
        asyncio.run(cut())


@pytest.mark.parametrize(
    "table",
    [
        {"server": "https://example.org"},
        {"server": "wss://"},
        {"stream": "river"},
        {"accounts": ["@alice.test"]},
        {"appview": "api"},
        {"accounts": ["did:plc:a"] * 10_001},
        {"collections": []},
        {"collections": ["app.bsky.feed*"]},
        {"rewind_seconds": 0.0},
        {"silence_seconds": -1.0},
        {"most_bytes": 1},
        {"keep_raw_days": -1},
        {"acounts": []},
    ],
)
def test_bad_settings_are_told(table: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=r"sources\.sky"):
        live_source("sky", {"kind": "bluesky", **table})


def test_another_streams_place_is_a_gap(jetstream: LoopbackJetstream) -> None:
    (first,) = asyncio.run(collected(opened(jetstream), f"firehose:17@{ago(60)}", lambda found: True))
    (gap,) = first.gaps
    assert gap.reason == "OtherStream"


def test_a_certificate_that_is_not_trusted_stops_the_source() -> None:
    from sources.bluesky.certificate import self_signed

    with (
        self_signed() as context,
        LoopbackJetstream([], now_us, context) as server,
        pytest.raises(PermanentError, match="certificate"),
    ):
        followed(opened(server), None, 1)
