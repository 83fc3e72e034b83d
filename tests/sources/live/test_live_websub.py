"""Feeds that come through a hub: asked for, confirmed, signed, kept before it is said so."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from urllib.parse import parse_qs, urlencode

import pytest

from entregent.errors import ConfigError, PermanentError
from entregent.sources.base import Batch
from entregent.sources.feeds import source as feeds_source
from entregent.sources.feeds.websub import is_signed
from entregent.sources.registry import live_source
from sources.contract import brought, collected
from sources.loopback import Asked, Told, loopback

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


def atom(*numbers: int) -> bytes:
    entries = "".join(
        f"<entry><id>tag:a,2024:{n}</id><title>t {n}</title><updated>2024-05-01T08:00:00Z</updated></entry>"
        for n in numbers
    )
    return f"<feed xmlns='http://www.w3.org/2005/Atom'><title>a</title>{entries}</feed>".encode()


def ids(*numbers: int) -> list[str]:
    return [f"web:tag:a,2024:{n}" for n in numbers]


def call(address: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    request = urllib.request.Request(address, data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def free_port() -> int:
    with loopback(lambda _: Told()) as server:
        return server.port


class Hub:
    """A feed and its hub on one server."""

    def __init__(self) -> None:
        self.forms: list[dict[str, str]] = []
        self.address = ""
        self.status = 202
        self.subscribed = threading.Event()

    def answer(self, asked: Asked) -> Told:
        if asked.path == "/hub":
            self.forms.append({key: value[0] for key, value in parse_qs(asked.body.decode()).items()})
            self.subscribed.set()
            return Told(self.status)
        links = f'<{self.address}/hub>; rel="hub", <{self.address}/feed>; rel="self"'
        return Told(body=atom(1), headers={"Link": links, "Content-Type": "application/atom+xml"})

    def confirm(self, **changes: str) -> tuple[int, bytes]:
        form = self.forms[-1]
        query = {
            "hub.mode": "subscribe",
            "hub.topic": form["hub.topic"],
            "hub.challenge": "c123",
            "hub.lease_seconds": "3600",
            **changes,
        }
        return call(f"{form['hub.callback']}?{urlencode(query)}")

    def send(self, body: bytes, way: str = "sha256", secret: str | None = None) -> tuple[int, bytes]:
        form = self.forms[-1]
        told = hmac.new((secret or form["hub.secret"]).encode(), body, way).hexdigest()
        headers = {"X-Hub-Signature": f"{way}={told}", "Content-Type": "application/atom+xml"}
        return call(form["hub.callback"], body, **headers)


def followed(
    script: Callable[[Hub], object], enough: int, cursor: str | None = None, hub: Hub | None = None
) -> tuple[list[Batch], object]:
    hub = hub or Hub()
    port = free_port()
    result: list[object] = []
    with loopback(hub.answer) as server:
        hub.address = server.address
        source = live_source(
            "press",
            {
                "kind": "feeds",
                "addresses": [f"{server.address}/feed"],
                "allow_private": True,
                "callback": f"http://127.0.0.1:{port}/hook",
                "listen": f"127.0.0.1:{port}",
                "secret": "env:WEBSUB",
            },
        )

        def run() -> None:
            assert hub.subscribed.wait(10)
            result.append(script(hub))

        thread = threading.Thread(target=run)
        thread.start()
        found = asyncio.run(
            collected(source, cursor, lambda batches: len(brought(batches)) > enough, seconds=4)
        )
        thread.join(10)
    return found, result[0] if result else None


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBSUB", "not so secret")
    monkeypatch.setattr(feeds_source, "ALIVE_SECONDS", 0.5)


@pytest.mark.parametrize("way", ["sha1", "sha256"])
def test_what_a_hub_sends_is_kept_before_it_is_said_so(way: str) -> None:
    def script(hub: Hub) -> object:
        return hub.confirm(), hub.send(atom(2, 3), way)

    found, result = followed(script, 3)
    assert result == ((200, b"c123"), (200, b""))
    assert brought(found) == ids(1, 2, 3)
    assert "feed.overrun" not in {notice.code for batch in found for notice in batch.notices}


def test_a_subscription_names_itself_and_shows_no_secret() -> None:
    hub = Hub()
    followed(lambda _: None, 5, hub=hub)
    form = hub.forms[0]
    assert form["hub.mode"] == "subscribe"
    assert form["hub.topic"] == f"{hub.address}/feed"
    assert "not so secret" not in str(form)
    assert len(form["hub.secret"]) == 64
    assert len(hub.forms) == 1, "A hub that does not answer is asked again and again."


def test_what_is_not_signed_is_left_out() -> None:
    def script(hub: Hub) -> object:
        hub.confirm()
        return hub.send(atom(2), secret="another"), call(hub.forms[-1]["hub.callback"], atom(3))

    found, result = followed(script, 5)
    assert result == ((202, b""), (202, b""))
    assert brought(found) == ids(1)
    assert [notice.code for batch in found for notice in batch.notices].count("feed.bad_signature") == 2


def test_what_was_not_asked_for_is_not_confirmed() -> None:
    def script(hub: Hub) -> object:
        other = hub.confirm(**{"hub.topic": "https://other.example/"})[0]
        unsubscribe = hub.confirm(**{"hub.mode": "unsubscribe"})[0]
        nobody = call(hub.forms[-1]["hub.callback"][:-4] + "0000?hub.mode=subscribe&hub.challenge=x")[0]
        before = hub.send(atom(2))[0]
        return other, unsubscribe, nobody, before

    found, result = followed(script, 5)
    assert result == (404, 404, 404, 410)
    assert brought(found) == ids(1)


def test_a_hub_that_refuses_is_told_and_the_feed_goes_on() -> None:
    hub = Hub()
    hub.status = 403
    found, _ = followed(lambda _: None, 5, hub=hub)
    assert brought(found) == ids(1)
    assert "feed.hub" in {notice.code for batch in found for notice in batch.notices}


@pytest.mark.parametrize("body", [b"", b"<html>", b"\0" * 50])
def test_what_is_no_feed_is_told_and_left_out(body: bytes) -> None:
    def script(hub: Hub) -> object:
        hub.confirm()
        return hub.send(body)[0]

    found, result = followed(script, 5)
    assert result == 200
    assert "feed.hub" in {notice.code for batch in found for notice in batch.notices}


def test_strange_requests_are_turned_away() -> None:
    def script(hub: Hub) -> object:
        hub.confirm()
        base = hub.forms[-1]["hub.callback"]
        port = int(base.split(":")[2].split("/")[0])

        async def raw() -> bytes:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"\x16\x03\x01 not http at all\r\n\r\n")
            await writer.drain()
            told = await reader.read()
            writer.close()
            return told

        with contextlib.suppress(ConnectionError):
            asyncio.run(raw())
        return call(f"{base}/../../etc/passwd")[0]

    assert followed(script, 5)[1] == 404


def test_a_signature_is_one_of_a_kind_that_is_known() -> None:
    told = hmac.new(b"s", b"b", hashlib.md5).hexdigest()
    assert not is_signed(b"b", f"md5={told}", "s")
    assert not is_signed(b"b", "", "s")
    assert not is_signed(b"b", "sha256=é", "s")


@pytest.mark.parametrize(
    ("more", "match"),
    [
        ({"callback": "news"}, "callback"),
        ({"callback": "https://a.example/x"}, "needs secret"),
        ({"callback": "https://a.example/x", "secret": "plain"}, "not written into the settings"),
    ],
)
def test_bad_settings_are_told(more: dict[str, object], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        live_source("press", {"kind": "feeds", "addresses": ["https://a.example/"], **more})


def test_a_place_that_is_taken_is_told() -> None:
    with loopback(lambda _: Told()) as server:
        table = {
            "kind": "feeds",
            "addresses": ["https://a.example/"],
            "callback": "https://a.example/x",
            "listen": f"127.0.0.1:{server.port}",
            "secret": "env:WEBSUB",
        }
        with pytest.raises((ConfigError, PermanentError), match="nothing can be taken"):
            asyncio.run(collected(live_source("press", table), None, lambda _: True, seconds=5))
