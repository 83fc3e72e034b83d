"""X by its API: searched, streamed, paid for, and when it fails."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from entregent.errors import ConfigError, PermanentError, TransientError
from entregent.sources.base import Batch
from entregent.sources.registry import live_source
from entregent.sources.secret import secret
from entregent.sources.x.settings import read_settings
from entregent.sources.x.source import X
from sources.contract import brought, check_source, collected
from sources.x.fake_x import FakeX


@pytest.fixture
def token(tmp_path: Path) -> str:
    path = tmp_path / "token"
    path.write_text("a-bearer-token\n", encoding="utf-8")
    return f"file:{path}"


@pytest.fixture
def fake() -> FakeX:
    made = FakeX(datetime.now(UTC))
    made.person("ana")
    return made


def table(server: str, token: str, **more: Any) -> dict[str, Any]:
    return {
        "kind": "x",
        "server": server,
        "token": token,
        "allow_private": True,
        "every_minutes": 0.01,
        **more,
    }


def some(found: list[Batch]) -> bool:
    return bool(brought(found))


def test_a_search_keeps_the_contract(fake: FakeX, token: str) -> None:
    posts = [fake.post("ana", f"skyrail {number}") for number in range(230)]
    with fake.serving() as server:
        address = [server.address]

        @contextmanager
        def gone() -> Iterator[None]:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                address.append(f"http://127.0.0.1:{free.getsockname()[1]}")
            try:
                yield
            finally:
                address.pop()

        @contextmanager
        def unknown() -> Iterator[None]:
            fake.more = {"mood": 1}
            try:
                yield
            finally:
                fake.more = {}

        def failing(name: str) -> Callable[[], Any]:
            return lambda: server.failing(name)

        check_source(
            lambda: live_source("x", table(address[-1], token, searches=["skyrail"], monthly_limit=1000)),
            posts,
            faults={name: failing(name) for name in ("429", "500", "html", "401")} | {"gone": gone},
            unknown_field=unknown,
            raw=False,
        )


def test_mentions_and_people_are_read(fake: FakeX, token: str) -> None:
    fake.person("Partner")
    wanted = fake.post("ana", "thank you @Partner")
    fake.post("ana", "nothing to see")
    with fake.serving() as server:
        told = table(server.address, token, mentions_of=["@partner"], people=["ana"])
        source = live_source("x", told)
        found = asyncio.run(
            collected(
                source, None, lambda found: some(found) and bool(brought(found, "observations", "metric"))
            )
        )
    assert brought(found) == [wanted]
    assert "followers" in brought(found, "observations", "metric")
    assert {"ana", "Partner"} <= set(brought(found, "accounts", "handle"))


def test_what_is_streamed_comes_after_what_was_missed(fake: FakeX, token: str) -> None:
    before = fake.post("ana", "skyrail before")
    fake.rules.append({"id": "1", "value": "old", "tag": "entregent x"})
    fake.rules.append({"id": "2", "value": "of another program"})

    async def run(cursor: str | None, said: list[str]) -> list[Batch]:
        found: list[Batch] = []
        source = live_source("x", table(server.address, token, rules=["skyrail"]))
        async with asyncio.timeout(20), aclosing(source.follow(cursor)) as batches:  # type: ignore[type-var]
            async for batch in batches:
                found.append(batch)
                if said[0] in brought(found) and len(said) == 1:
                    said.append(fake.post("ana", "skyrail now", stream=True))
                if set(said[1:]) and set(said) <= set(brought(found)):
                    return found
        return found

    with fake.serving() as server:
        said = [before]
        found = asyncio.run(run(None, said))
        assert {rule["value"] for rule in fake.rules} == {"of another program", "skyrail"}
        missed = fake.post("ana", "skyrail meanwhile")
        again = asyncio.run(run(found[-1].cursor, [missed]))
    assert set(said) & set(brought(again)) == set()
    assert missed in brought(again)


def test_why_x_ended_a_stream_is_told(fake: FakeX, token: str) -> None:
    error = {"title": "operational-disconnect", "disconnect_type": "UpstreamOperationalDisconnect"}
    fake.streamed.put({"errors": [error | {"detail": "This stream has been disconnected."}]})
    with fake.serving() as server:
        source = live_source("x", table(server.address, token, rules=["skyrail"]))
        with pytest.raises(TransientError, match="UpstreamOperationalDisconnect"):
            asyncio.run(collected(source, None, lambda _: False))


def test_a_rule_that_x_does_not_take_is_told(fake: FakeX, token: str) -> None:
    with fake.serving() as server:
        source = live_source("x", table(server.address, token, rules=["(skyrail"]))
        with pytest.raises(PermanentError, match="no \\) at 1"):
            asyncio.run(collected(source, None, lambda _: False))


def test_an_account_that_is_not_there_is_told(fake: FakeX, token: str) -> None:
    with fake.serving() as server:
        source = live_source("x", table(server.address, token, mentions_of=["nobody"]))
        with pytest.raises(PermanentError, match="nobody"):
            asyncio.run(collected(source, None, lambda _: False))


def test_posts_that_x_does_not_give_are_counted(fake: FakeX, token: str) -> None:
    fake.post("ana", "skyrail")
    fake.errors = [
        {"title": "Authorization Error", "resource_type": "tweet", "value": "9", "detail": "Sorry"}
    ]
    with fake.serving() as server:
        source = live_source("x", table(server.address, token, searches=["skyrail"]))
        found = asyncio.run(collected(source, None, some))
    assert "page.errors" in [notice.code for batch in found for notice in batch.notices]


def test_money_is_counted_across_restarts_and_stops_at_the_limit(fake: FakeX, token: str) -> None:
    for number in range(60):
        fake.post("ana", f"skyrail {number}")
    moment = [datetime(2024, 5, 30, 12, tzinfo=UTC)]
    fake.now = moment[0]
    for post in fake.posts:
        post["created_at"] = "2024-05-30T11:00:00.000Z"
    with fake.serving() as server:
        told = table(server.address, token, searches=["skyrail"], monthly_limit=0.7)
        settings = read_settings({key: value for key, value in told.items() if key != "kind"}, "sources.x")

        def source() -> X:
            return X("x", settings, secret(token, where="x"), now=lambda: moment[0])

        first = asyncio.run(collected(source(), None, some))
        # Four pages, each with one author at 0.01, of as many posts at 0.005 as surely fit.
        assert len(brought(first)) == 49
        assert '"money":0.285' in str(first[-1].cursor)
        assert str(first[-1].budget).endswith("of 0.70 spent in 2024-05")
        with pytest.raises(TransientError, match=r"monthly limit is reached.*2024-06") as error:
            asyncio.run(collected(source(), first[-1].cursor, lambda _: False))
        assert error.value.retry_after == timedelta(days=1, hours=12).total_seconds()
        last = '{"looks":{},"spent":{"month":"2024-05","money":0.69},"people_at":null}'
        asked = len(server.asked)
        with pytest.raises(TransientError, match=r"0\.69 of 0\.70"):
            asyncio.run(collected(source(), last, lambda _: False))
        assert len(server.asked) == asked
        moment[0] = fake.now = datetime(2024, 6, 1, tzinfo=UTC)
        fake.post("ana", "skyrail again")
        assert brought(asyncio.run(collected(source(), last, some)))


def test_a_search_that_rested_longer_than_x_reaches_back_has_a_gap(fake: FakeX, token: str) -> None:
    wanted = fake.post("ana", "skyrail")
    at = int((fake.now - timedelta(days=30)).timestamp() * 1e6)
    cursor = f'{{"looks":{{"search:skyrail":{{"since":"5","at":{at}}}}},"spent":{{}},"people_at":null}}'
    with fake.serving() as server:
        source = live_source("x", table(server.address, token, searches=["skyrail"]))
        found = asyncio.run(collected(source, cursor, some))
    assert brought(found) == [wanted]
    (gap,) = [gap for batch in found for gap in batch.gaps]
    assert timedelta(days=22) < gap.end - gap.start < timedelta(days=24)


def test_the_pace_of_x_is_kept(fake: FakeX, token: str) -> None:
    fake.remaining = 0
    with fake.serving() as server:
        source = live_source("x", table(server.address, token, searches=["skyrail"]))
        asyncio.run(collected(source, None, lambda _: False, seconds=2))
        assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({}, "Nothing is asked for"),
        ({"searches": [""]}, "searches"),
        ({"searches": ["a"], "days": 8}, "days"),
        ({"searches": ["a"], "monthly_limit": -1}, "monthly_limit"),
        ({"searches": ["a"], "token": "AAAA"}, "env:NAME"),
    ],
)
def test_settings_that_are_no_good_are_told(wrong: dict[str, Any], told: str, token: str) -> None:
    with pytest.raises(ConfigError, match=told):
        live_source("x", table("https://api.x.com", token) | wrong)
