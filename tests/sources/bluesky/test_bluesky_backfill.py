"""What was published before anybody listened: by account and by search."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from entregent.errors import ConfigError, PermanentError, TransientError
from entregent.sources.base import Batch
from entregent.sources.bluesky.views import key_of
from entregent.sources.live import LiveSource
from entregent.sources.registry import live_source
from sources.bluesky.box import Box
from sources.bluesky.loopback_xrpc import POST, LoopbackXrpc
from sources.contract import RETRY_AFTER, brought, check_source, collected

NOW = datetime.now(UTC)
ALICE, BOB = "did:plc:alice", "did:plc:bob"


def written(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.fixture
def network() -> Iterator[LoopbackXrpc]:
    """Alice published thirty posts, one an hour; seven fit on a page."""
    with LoopbackXrpc() as server:
        server.handles["alice.test"] = ALICE
        server.followers[ALICE] = 1234
        server.most = 7
        for number in range(30):
            at = NOW - timedelta(hours=30 - number)
            uri = f"at://{ALICE}/{POST}/{key_of(at)}"
            server.records[uri] = {"$type": POST, "text": f"a train, {number}", "createdAt": written(at)}
            server.indexed[uri] = written(at)
        yield server


def posts(network: LoopbackXrpc) -> list[str]:
    return [f"bluesky:{uri}" for uri, record in network.records.items() if record["$type"] == POST]


def accounts(network: LoopbackXrpc, *names: str, **more: object) -> LiveSource:
    servers = {"appview": network.url, "identities": network.url, "allow_private": True}
    table = {"kind": "bluesky-accounts", "accounts": list(names or ("alice.test",)), **servers, **more}
    return live_source("people", table)


def search(network: LoopbackXrpc, *queries: str, **more: object) -> LiveSource:
    servers = {"server": network.url, "allow_private": True}
    return live_source(
        "words", {"kind": "bluesky-search", "queries": list(queries or ("train",)), **servers, **more}
    )


def followed(
    source: LiveSource, cursor: str | None, enough: Callable[[list[Batch]], bool], seconds: float = 10.0
) -> list[Batch]:
    return asyncio.run(collected(source, cursor, enough, seconds=seconds))


@pytest.mark.parametrize("made", [accounts, search])
def test_it_keeps_the_contract(network: LoopbackXrpc, made: Callable[..., LiveSource]) -> None:
    check_source(
        lambda: made(network, days=30.0, keep_raw_days=3),
        posts(network),
        faults={
            "429": lambda: network.refusing(429, {"Retry-After": str(RETRY_AFTER)}),
            "500": lambda: network.refusing(500, {}, b"oops"),
            "html": lambda: network.refusing(200, {"Content-Type": "text/html"}, b"<html>soon</html>"),
            "gone": network.gone,
            "401": lambda: network.refusing(401, {}, b'{"error":"AuthMissing"}'),
        },
        unknown_field=lambda: network.changing(mood="fine"),
    )


@pytest.mark.parametrize("made", [accounts, search])
def test_the_first_look_goes_back_so_many_days(
    network: LoopbackXrpc, made: Callable[..., LiveSource]
) -> None:
    found = followed(made(network, days=0.5), None, lambda found: len(found) > 6, seconds=3)
    assert 11 <= len(set(brought(found))) <= 12


@pytest.mark.parametrize("made", [accounts, search])
def test_what_is_new_is_found_at_the_next_look(
    network: LoopbackXrpc, made: Callable[..., LiveSource]
) -> None:
    late = f"at://{ALICE}/{POST}/{key_of(datetime.now(UTC))}"

    def enough(found: list[Batch]) -> bool:
        if len(set(brought(found))) == 30:
            network.records[late] = {"$type": POST, "text": "a late train", "createdAt": written(NOW)}
            network.indexed[late] = written(datetime.now(UTC))
        return f"bluesky:{late}" in brought(found)

    found = followed(made(network, every_minutes=0.01, days=30.0), None, enough)
    assert len(set(brought(found))) == 31


def test_profiles_and_follows_of_accounts_that_matter(network: LoopbackXrpc) -> None:
    at = NOW - timedelta(days=900)
    uri = f"at://{ALICE}/app.bsky.graph.follow/{key_of(at)}"
    network.records[uri] = {"$type": "app.bsky.graph.follow", "subject": BOB, "createdAt": written(at)}
    found = followed(accounts(network), None, lambda found: bool(brought(found, "observations", "subject")))
    sizes = {row["metric"]: row["value"] for batch in found for row in batch.observations.to_pylist()}
    assert sizes == {"followers": 1234, "following": 7, "posts": 12}
    (follow,) = [row for batch in found for row in batch.interactions.to_pylist()]
    assert (follow["actor"], follow["target"]) == (f"bluesky:{ALICE}", f"bluesky:{BOB}")
    assert f"bluesky:{ALICE}" in brought(found, "accounts")


def test_counts_of_found_posts_are_observed(network: LoopbackXrpc) -> None:
    found = followed(search(network), None, lambda found: bool(brought(found)))
    rows = [row for batch in found for row in batch.observations.to_pylist()]
    assert {row["metric"]: row["value"] for row in rows if row["subject_kind"] == "post"} == {
        "likes": 3,
        "replies": 0,
    }


def test_an_account_that_is_gone_does_not_keep_others_from_being_read(network: LoopbackXrpc) -> None:
    source = accounts(network, "nobody.test", "alice.test", days=30.0)
    found = followed(
        source,
        None,
        lambda found: any(notice.code == "account.unreachable" for b in found for notice in b.notices),
    )
    assert len(set(brought(found))) == 30
    (notice,) = [notice for batch in found for notice in batch.notices]
    assert "nobody.test" in notice.where[0]
    with pytest.raises(PermanentError, match="resolve"):
        followed(accounts(network, "nobody.test"), None, lambda found: False)


def test_the_pace_that_a_server_allows_is_kept(network: LoopbackXrpc) -> None:
    network.headers = {"ratelimit-limit": "5", "ratelimit-remaining": "0", "ratelimit-reset": "1"}
    began = time.monotonic()
    followed(search(network), None, lambda found: len(found) == 3)
    # Three pages: the second and the third have to wait for a second each.
    assert time.monotonic() - began >= 1.5


def test_a_page_that_the_server_no_longer_knows_begins_the_look_again(network: LoopbackXrpc) -> None:
    first = followed(search(network, days=30.0), None, lambda found: len(found) == 2)
    with network.refusing(400, {}, b'{"error":"BadCursor"}', when=lambda path: "cursor=" in path):
        again = followed(search(network, days=30.0), first[-1].cursor, lambda found: bool(brought(found)))
    assert len(brought(again)) == 7


def test_a_private_network_is_not_asked_unless_allowed(network: LoopbackXrpc) -> None:
    for source in (accounts(network, allow_private=False), search(network, allow_private=False)):
        with pytest.raises(PermanentError, match="private network"):
            followed(source, None, lambda found: False)


def test_a_server_of_somebody_that_leads_inside_is_not_asked(network: LoopbackXrpc) -> None:
    # Where an account is kept is told by its owner, who may tell anything.
    network.identity = lambda did: {"service": [{"id": "#atproto_pds", "serviceEndpoint": "ftp://x/"}]}  # type: ignore[method-assign]
    with pytest.raises(PermanentError):
        followed(accounts(network, ALICE, appview=""), None, lambda found: False)


@pytest.mark.parametrize("body", [b"{}", b'{"records":[{"uri":5}]}', b'{"records":{}}', b"[", b"null"])
def test_an_answer_of_another_shape_may_pass(network: LoopbackXrpc, body: bytes) -> None:
    with (
        network.refusing(200, {"Content-Type": "application/json"}, body, when=lambda path: "xrpc" in path),
        pytest.raises(TransientError),
    ):
        followed(accounts(network, ALICE), None, lambda found: False)


@pytest.mark.parametrize(
    "table",
    [
        {"kind": "bluesky-accounts", "accounts": []},
        {"kind": "bluesky-accounts", "accounts": ["a.test"], "appview": ""},
        {"kind": "bluesky-accounts", "accounts": ["a.test"], "collections": ["com.example.thing"]},
        {"kind": "bluesky-accounts", "accounts": ["a.test"], "identities": "plc.directory"},
        {"kind": "bluesky-accounts", "accounts": ["a.test"], "days": -1.0},
        {"kind": "bluesky-search", "queries": []},
        {"kind": "bluesky-search", "queries": [" "]},
        {"kind": "bluesky-search", "queries": ["train"], "server": "wss://example.org"},
        {"kind": "bluesky-search", "queries": ["train"], "every_minutes": 0.0},
    ],
)
def test_bad_settings_are_told(table: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=r"sources\.sky"):
        live_source("sky", table)


def test_an_account_of_a_real_server_is_read_from_its_own_home(box: Box) -> None:
    ida, jon = box.person("ida"), box.person("jon")
    ids = [f"bluesky:{ida.post(f'post {number}')['uri']}" for number in range(3)]
    like = ida.write("app.bsky.feed.like", subject=jon.post("hello"))["uri"]
    follow = ida.write("app.bsky.graph.follow", subject=jon.did)["uri"]
    table = {
        "kind": "bluesky-accounts",
        "accounts": [ida.did],
        "identities": box.identities,
        "appview": "",
        "allow_private": True,
    }

    def enough(found: list[Batch]) -> bool:
        return f"bluesky:{follow}" in brought(found, "interactions")

    found = followed(live_source("people", table), None, enough)
    assert sorted(brought(found)) == sorted(ids)
    assert set(brought(found, "interactions")) == {f"bluesky:{like}", f"bluesky:{follow}"}
    late = f"bluesky:{ida.post('one more')['uri']}"
    again = followed(live_source("people", table), found[-1].cursor, lambda found: late in brought(found))
    assert brought(again) == [late]
