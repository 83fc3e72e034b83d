"""Timelines of a server that speaks as Mastodon does: followed, resumed, edited, deleted, failing."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from mastodon_mock.config import MastodonMockConfig, SeedAccount, SeedConfig, StreamingConfig
from mastodon_mock.testing.server import MockServer

from entregent.errors import ConfigError
from entregent.sources.base import Batch
from entregent.sources.mastodon.place import Place, written_cursor
from entregent.sources.registry import live_source
from entregent.store.archive import Archive
from sources.contract import brought, check_source, collected
from sources.loopback import Asked, Told, loopback

PEOPLE = ("ana", "ben")


@dataclass
class Server:
    """A server that keeps statuses in memory."""

    mock: MockServer

    def ask(self, method: str, path: str, who: str = "ana", **sent: Any) -> Any:
        headers = {"Authorization": f"Bearer {who}-token"}
        answer = httpx.request(method, self.mock.base_url + path, headers=headers, json=sent or None)
        assert answer.is_success, answer.text
        return answer.json()

    def say(self, text: str, who: str = "ana", **more: Any) -> Any:
        return self.ask("POST", "/api/v1/statuses", who, status=text, **more)

    @contextmanager
    def failing(self, **effect: Any) -> Iterator[None]:
        rule = {"match": {"path_regex": "."}, "effect": {"type": "status", **effect}}
        id = httpx.post(f"{self.mock.base_url}/api/v1/_mock/faults", json=rule).json()["id"]
        try:
            yield
        finally:
            httpx.delete(f"{self.mock.base_url}/api/v1/_mock/faults/{id}")


@pytest.fixture
def server() -> Iterator[Server]:
    seed = SeedConfig(accounts=[SeedAccount(username=name, access_token=f"{name}-token") for name in PEOPLE])
    config = MastodonMockConfig(
        seed=seed, streaming=StreamingConfig(heartbeat_seconds=0.1), url_scheme="http"
    )
    with MockServer(config=config) as mock:
        config.domain = f"127.0.0.1:{mock.port}"
        yield Server(mock)


@pytest.fixture
def token(tmp_path: Path) -> str:
    path = tmp_path / "token"
    path.write_text("ben-token\n", encoding="utf-8")
    return f"file:{path}"


def table(server: str, *timelines: str, **more: Any) -> dict[str, Any]:
    return {
        "kind": "mastodon",
        "server": server,
        "timelines": list(timelines),
        "allow_private": True,
        "every_minutes": 0.01,
        **more,
    }


def follow(
    source: Any, cursor: str | None, steps: list[tuple[Callable[[], Any], Callable[[list[Batch]], bool]]]
) -> list[Batch]:
    """Follow a source, and do each next thing once it brought what was waited for."""

    async def run() -> list[Batch]:
        found: list[Batch] = []
        left = list(steps)
        async with asyncio.timeout(20), aclosing(source.follow(cursor)) as batches:
            async for batch in batches:
                found.append(batch)
                while left and left[0][1](found):
                    await asyncio.to_thread(left.pop(0)[0])
                if not left:
                    return found
        return found

    return asyncio.run(run())


@pytest.mark.parametrize("stream", [True, False])
def test_a_server_keeps_the_contract(server: Server, token: str, stream: bool) -> None:
    posts = [f"fediverse:{server.say(f'status {number}', PEOPLE[number % 2])['uri']}" for number in range(95)]
    address = [server.mock.base_url]

    @contextmanager
    def gone() -> Iterator[None]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address.append(f"http://127.0.0.1:{free.getsockname()[1]}")
        try:
            yield
        finally:
            address.pop()

    check_source(
        lambda: live_source(
            "m", table(address[-1], "public", token=token, stream=stream, days=1, keep_raw_days=3)
        ),
        posts,
        faults={
            "429": lambda: server.failing(status=429, headers={"Retry-After": "7"}),
            "500": lambda: server.failing(status=500),
            "html": lambda: server.failing(
                status=200, body="<html><title>Moved</title>", headers={"content-type": "text/html"}
            ),
            "gone": gone,
            "401": lambda: server.failing(status=401),
        },
        network="fediverse",
    )


def test_what_is_said_edited_boosted_and_deleted_is_streamed(server: Server) -> None:
    first = server.say("before anybody listened")
    said: dict[str, Any] = {}

    def say() -> None:
        said["new"] = server.say("a delay again #skyrail")
        said["gone"] = server.say("this was a mistake")

    def change() -> None:
        server.ask("PUT", f"/api/v1/statuses/{said['new']['id']}", status="no delay at all #skyrail")
        server.ask("DELETE", f"/api/v1/statuses/{said['gone']['id']}")

    source = live_source("m", table(server.mock.base_url, "public", days=1))
    found = follow(
        source,
        None,
        [
            (say, lambda found: f"fediverse:{first['uri']}" in brought(found)),
            (change, lambda found: "gone" in said and f"fediverse:{said['gone']['uri']}" in brought(found)),
            (
                lambda: None,
                lambda found: (
                    bool(brought(found, "tombstones"))
                    and brought(found).count(f"fediverse:{said['new']['uri']}") >= 2
                ),
            ),
        ],
    )
    with Archive.throw_away() as archive:
        for batch in found:
            archive.append(batch, source="m")
        kept = archive.scan("posts", ("id", "text", "version")).read_all().to_pylist()
    texts = {row["id"]: row["text"] for row in kept}
    assert set(texts) == {f"fediverse:{first['uri']}", f"fediverse:{said['new']['uri']}"}
    assert texts[f"fediverse:{said['new']['uri']}"].startswith("no delay at all")


def test_nothing_is_lost_between_two_followings(server: Server) -> None:
    first = server.say("one")
    source = lambda: live_source("m", table(server.mock.base_url, "public", days=1))  # noqa: E731
    found = follow(source(), None, [(lambda: None, lambda found: bool(brought(found)))])
    missed = [server.say(f"meanwhile {number}") for number in range(90)]
    again = follow(
        source(), found[-1].cursor, [(lambda: None, lambda found: len(set(brought(found))) >= len(missed))]
    )
    assert {f"fediverse:{one['uri']}" for one in missed} == set(brought(again)) - {
        f"fediverse:{first['uri']}"
    }


def test_boosts_and_replies_of_an_account_are_read(server: Server) -> None:
    asked = server.say("who knows more?", "ben")
    server.ask("POST", f"/api/v1/statuses/{asked['id']}/reblog")
    answer = server.say("I do", in_reply_to_id=asked["id"])
    source = live_source("m", table(server.mock.base_url, "account:ana"))
    found = asyncio.run(collected(source, None, lambda found: bool(brought(found))))
    kinds = dict(zip(brought(found), brought(found, "posts", "kind"), strict=True))
    parents = dict(zip(brought(found), brought(found, "posts", "parent"), strict=True))
    assert kinds[f"fediverse:{answer['uri']}"] == "reply"
    assert parents[f"fediverse:{answer['uri']}"] == f"fediverse:{asked['uri']}"
    assert brought(found, "interactions", "object") == [f"fediverse:{asked['uri']}"]


def test_a_hashtag_and_a_list_are_followed(server: Server, token: str) -> None:
    ana = httpx.get(f"{server.mock.base_url}/api/v1/accounts/lookup?acct=ana").json()["id"]
    server.ask("POST", f"/api/v1/accounts/{ana}/follow", "ben")
    listed = server.ask("POST", "/api/v1/lists", "ben", title="partners")["id"]
    server.ask("POST", f"/api/v1/lists/{listed}/accounts", "ben", account_ids=[ana])
    tagged, plain = server.say("#skyrail is late", "ben"), server.say("nothing to see")
    told = table(server.mock.base_url, "tag:skyrail", f"list:{listed}", token=token, days=1)
    wanted = {f"fediverse:{tagged['uri']}", f"fediverse:{plain['uri']}"}
    found = asyncio.run(collected(live_source("m", told), None, lambda found: wanted <= set(brought(found))))
    assert set(brought(found)) == wanted


def test_a_list_that_was_cut_meanwhile_has_a_gap(token: str) -> None:
    status: dict[str, Any] = {"id": "900", "uri": "https://a.example/9", "created_at": "2024-05-02T08:00:00Z"}
    status |= {"account": {"url": "https://a.example/@a", "acct": "a"}, "content": "x", "reblogs_count": 0}

    def answer(asked: Asked) -> Told:
        later = asked.query.get("min_id") == "100" and asked.path.endswith("/list/1")
        return Told(body=json.dumps([status] if later else []).encode())

    with loopback(answer) as server:
        cursor = written_cursor({"list:1": Place("100", 1_714_464_000_000_000)})
        source = live_source("m", table(server.address, "list:1", token=token, stream=False))
        found = asyncio.run(collected(source, cursor, lambda found: bool(brought(found))))
    (gap,) = [gap for batch in found for gap in batch.gaps]
    assert (gap.start.isoformat(), gap.end.isoformat()) == (
        "2024-04-30T08:00:00+00:00",
        "2024-05-02T08:00:00+00:00",
    )


def test_a_field_that_nobody_knows_is_told() -> None:
    status: dict[str, Any] = {
        "id": "900",
        "uri": "https://a.example/9",
        "created_at": "2024-05-02T08:00:00Z",
        "mood": 1,
    }
    status |= {"account": {"url": "https://a.example/@a", "acct": "a"}, "content": "x", "reblogs_count": 0}
    with loopback(
        lambda asked: Told(body=json.dumps([] if "max_id" in asked.query else [status]).encode())
    ) as server:
        source = live_source("m", table(server.address, "public", stream=False, days=30_000))
        found = asyncio.run(collected(source, None, lambda found: bool(brought(found))))
    assert [notice.code for batch in found for notice in batch.notices] == ["field.unknown"]


def test_the_pace_of_the_server_is_kept() -> None:
    def answer(asked: Asked) -> Told:
        return Told(
            body=b"[]", headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "2999-01-01T00:00:00Z"}
        )

    with loopback(answer) as server:
        source = live_source("m", table(server.address, "public", stream=False))
        asyncio.run(collected(source, None, lambda _: False, seconds=1.5))
        assert len(server.asked) == 1


def test_a_server_that_does_not_stream_is_asked(server: Server) -> None:
    said = server.say("hello")
    rule = {"match": {"path": "/api/v1/streaming/*"}, "effect": {"type": "status", "status": 401}}
    httpx.post(f"{server.mock.base_url}/api/v1/_mock/faults", json=rule)
    source = live_source("m", table(server.mock.base_url, "public"))
    found = asyncio.run(collected(source, None, lambda found: bool(brought(found))))
    assert brought(found) == [f"fediverse:{said['uri']}"]
    assert "stream.refused" in [notice.code for batch in found for notice in batch.notices]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"server": "mastodon.example"}, "https://"),
        ({"timelines": []}, "1 to 100"),
        ({"timelines": ["home"]}, "tag:WORD"),
        ({"timelines": ["list:7"]}, "token"),
        ({"days": -1}, "days"),
        ({"token": "abcdef"}, "env:NAME"),
    ],
)
def test_settings_that_are_no_good_are_told(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        live_source("m", table("https://mastodon.example", "public") | wrong)
