"""Feeds followed from servers that publish, move, fail and never answer."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import msgspec
import pytest

from entregent.errors import ConfigError, PermanentError
from entregent.sources.base import Batch
from entregent.sources.feeds import source as feeds_source
from entregent.sources.feeds.place import FeedPlace, read_cursor
from entregent.sources.feeds.settings import FeedsSettings
from entregent.sources.registry import live_source
from sources.contract import FAULTS, brought, check_source, collected
from sources.loopback import Asked, Loopback, Told, loopback

START = datetime(2024, 5, 1, 8, tzinfo=UTC)


def rss(name: str, numbers: range, extra: str = "") -> bytes:
    items = "".join(
        f"<item><title>{name} {number}</title><link>/{name}/{number}</link>"
        f"<guid isPermaLink='false'>tag:{name},2024:{number}</guid>"
        f"<pubDate>{format_datetime(START + timedelta(minutes=number))}</pubDate>"
        f"<description>&lt;p onclick='x()'&gt;Text {number}&lt;/p&gt;&lt;script&gt;x()&lt;/script&gt;"
        f"&lt;a href='../more'&gt;more&lt;/a&gt;</description></item>"
        for number in reversed(numbers)
    )
    title = f"<title>Feed {name}</title><link>https://{name}.example/</link>"
    return f"<?xml version='1.0'?><rss version='2.0'><channel>{title}{extra}{items}</channel></rss>".encode()


def ids(name: str, numbers: range) -> list[str]:
    return [f"web:tag:{name},2024:{number}" for number in numbers]


def table(server: Loopback, *names: str, **more: object) -> dict[str, object]:
    return {
        "kind": "feeds",
        "addresses": [f"{server.address}/{name}" for name in names],
        "allow_private": True,
        **more,
    }


def followed(
    told: Mapping[str, object], cursor: str | None = None, most: int = 1, seconds: float = 10.0
) -> list[Batch]:
    source = live_source("news", told)
    return asyncio.run(collected(source, cursor, lambda found: len(found) >= most, seconds=seconds))


def place(batch: Batch, address: str) -> FeedPlace:
    return read_cursor(batch.cursor, [address], "news")[address]


def overdue(batch: Batch, told: Mapping[str, object]) -> str:
    """Return the cursor as if all feeds were due again."""
    decoded = msgspec.json.decode(batch.cursor or "")
    return msgspec.json.encode(
        {"feeds": {key: [0, *rest[1:]] for key, rest in decoded["feeds"].items()}}
    ).decode()


def codes(batches: list[Batch]) -> list[str]:
    return [notice.code for batch in batches for notice in batch.notices]


def test_feeds_keep_the_contract() -> None:
    def answer(asked: Asked) -> Told:
        return Told(body=rss("one", range(5)))

    with loopback(answer) as server:
        faults = {name: (lambda name=name: server.failing(name)) for name in FAULTS}
        check_source(
            lambda: live_source("news", table(server, "one", keep_raw_days=9)),
            ids("one", range(5)),
            faults=faults,
            seconds=5,
        )


def test_several_feeds_keep_the_contract() -> None:
    with loopback(lambda asked: Told(body=rss(asked.path[1:], range(3)))) as server:
        names = [f"n{number}" for number in range(7)]
        check_source(
            lambda: live_source("news", table(server, *names)),
            [id for name in names for id in ids(name, range(3))],
            faults={},
            raw=False,
            seconds=5,
        )


def test_an_entry_is_told_in_words_with_whole_links() -> None:
    with loopback(lambda _: Told(body=rss("one", range(1)))) as server:
        post = followed(table(server, "one"))[0].posts.to_pylist()[0]
        assert post["text"] == "one 0\n\nText 0\n\nmore"
        assert post["url"].endswith("/one/0")
        assert post["links"][0].startswith("http")
    assert "x()" not in post["text"]
    assert "onclick" not in post["text"]


def test_relative_links_of_a_feed_that_names_no_site_are_those_of_its_address() -> None:
    body = (
        b"<feed xmlns='http://www.w3.org/2005/Atom'><title>t</title>"
        b"<entry><id>tag:x,2024:1</id><title>a</title><link href='../post/1'/>"
        b"<updated>2024-05-01T08:00:00Z</updated></entry></feed>"
    )
    with loopback(lambda _: Told(body=body, headers={"Content-Type": "application/atom+xml"})) as server:
        post = followed(table(server, "blog/feed"))[0].posts.to_pylist()[0]
        assert post["url"] == f"{server.address}/post/1"


def test_what_a_server_knows_of_us_is_told_again() -> None:
    def answer(asked: Asked) -> Told:
        if asked.headers.get("if-none-match") == '"v1"':
            assert asked.headers["if-modified-since"] == "Wed, 01 May 2024 08:00:00 GMT"
            return Told(304)
        return Told(
            body=rss("one", range(2)),
            headers={"ETag": '"v1"', "Last-Modified": "Wed, 01 May 2024 08:00:00 GMT"},
        )

    with loopback(answer) as server:
        told = table(server, "one")
        first = followed(told)[0]
        second = followed(told, overdue(first, told))[0]
    assert (first.rows, second.rows) == (2, 0)
    assert len(server.asked) == 2
    address = f"{server.address}/one"
    assert place(second, address).rest > place(first, address).rest


def test_the_same_bytes_are_not_read_twice() -> None:
    with loopback(lambda _: Told(body=rss("one", range(2)))) as server:
        told = table(server, "one")
        assert followed(told, overdue(followed(told)[0], told))[0].rows == 0


def test_a_feed_that_is_not_due_is_left_alone() -> None:
    with loopback(lambda _: Told(body=rss("one", range(2)))) as server:
        told = table(server, "one")
        followed(told, followed(told)[0].cursor, seconds=0.5)
        assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("extra", "headers", "least"),
    [
        ("<ttl>60</ttl>", {}, 3600),
        ("", {"Cache-Control": "public, max-age=7200"}, 7200),
        ("<ttl>99999999999</ttl>", {}, 900),
        ("", {"Cache-Control": "max-age=999999999"}, 86_400),
    ],
)
def test_a_server_says_how_soon_it_wants_to_be_asked(extra: str, headers: dict[str, str], least: int) -> None:
    with loopback(lambda _: Told(body=rss("one", range(1), extra), headers=headers)) as server:
        batch = followed(table(server, "one"))[0]
        assert place(batch, f"{server.address}/one").rest == least


def test_a_feed_that_moved_for_good_is_asked_there() -> None:
    def answer(asked: Asked) -> Told:
        if asked.path == "/old":
            return Told(301, headers={"Location": "/new"})
        return Told(body=rss("one", range(2)))

    with loopback(answer) as server:
        told = table(server, "old")
        first = followed(told)[0]
        followed(told, overdue(first, told))
    assert [asked.path for asked in server.asked] == ["/old", "/new", "/new"]


def test_a_feed_that_is_gone_is_asked_no_more_and_the_others_go_on() -> None:
    def answer(asked: Asked) -> Told:
        return Told(410) if asked.path == "/gone" else Told(body=rss("one", range(1)))

    with loopback(answer) as server:
        told = table(server, "gone", "one")
        found = followed(told, seconds=2)
        assert "feed.gone" in codes(found)
        again = overdue(found[-1], told)
        asked_before = len(server.asked)
        followed(told, again)
        assert [asked.path for asked in server.asked[asked_before:]] == ["/one"]


def test_only_feeds_that_are_gone_stop_the_source() -> None:
    with loopback(lambda _: Told(410)) as server, pytest.raises(PermanentError, match="removed for good"):
        followed(table(server, "a"), most=5)


def test_one_that_fails_is_told_once_and_asked_less_often() -> None:
    def answer(asked: Asked) -> Told:
        return Told(404) if asked.path == "/none" else Told(body=rss("one", range(1)))

    with loopback(answer) as server:
        told = table(server, "none", "one")
        found = followed(told, seconds=2)
        assert brought(found) == ids("one", range(1))
        assert codes(found).count("feed.unreachable") == 1
        assert place(found[-1], f"{server.address}/none").due > time.time() + 80_000
        second = followed(told, overdue(found[-1], told), seconds=2)
        assert "feed.unreachable" not in codes(second)


def test_a_machine_that_asks_to_wait_is_left_alone_by_all_its_feeds() -> None:
    def answer(asked: Asked) -> Told:
        return (
            Told(429, headers={"Retry-After": "3000"})
            if asked.path == "/n0"
            else Told(body=rss("x", range(1)))
        )

    with loopback(answer) as server, loopback(lambda _: Told(body=rss("y", range(1)))) as other:
        told = table(server, *(f"n{number}" for number in range(20)), per_host=1)
        told["addresses"].append(f"{other.address}/y")  # type: ignore[attr-defined]
        found = followed(told, seconds=1.5)
    assert len(server.asked) == 1
    assert brought(found) == ids("y", range(1))


def test_what_was_published_and_gone_between_two_times_is_told() -> None:
    pages = iter([rss("one", range(5)), rss("one", range(40, 45))])
    with loopback(lambda _: Told(body=next(pages))) as server:
        told = table(server, "one")
        first = followed(told)
        assert "feed.overrun" not in codes(first)
        assert "feed.overrun" in codes(followed(told, overdue(first[0], told)))


def test_broken_dates_are_told() -> None:
    body = rss("one", range(1)).replace(b"2024 08", b"2999 08")
    with loopback(lambda _: Told(body=body)) as server:
        found = followed(table(server, "one"))
    assert "time.impossible" in codes(found)
    assert brought(found) == ids("one", range(1))


@contextmanager
def many(silent: threading.Event) -> Iterator[Loopback]:
    def answer(asked: Asked) -> Told:
        if asked.path == "/silent":
            silent.wait(30)
        return Told(body=rss(asked.path[1:], range(1)))

    with loopback(answer) as server:
        yield server


def test_one_of_many_that_never_answers_delays_no_other() -> None:
    silent = threading.Event()
    names = [f"n{number}" for number in range(300)]
    with many(silent) as server:
        told = table(server, "silent", *names, per_host=20)
        wanted = {id for name in names for id in ids(name, range(1))}
        source = live_source("news", told)
        found = asyncio.run(
            collected(source, None, lambda batches: wanted <= set(brought(batches)), seconds=25)
        )
        silent.set()
    assert set(brought(found)) == wanted
    assert len(found) < 40, "Feeds are not put together."


def test_an_endless_feed_is_cut_and_told() -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b"<item>" * 1000

    def answer(asked: Asked) -> Told:
        return Told(pieces=endless()) if asked.path == "/endless" else Told(body=rss("one", range(1)))

    with loopback(answer) as server:
        found = followed(table(server, "endless", "one", most_bytes=100_000), seconds=3)
    assert "feed.unreachable" in codes(found)
    assert brought(found) == ids("one", range(1))


def test_a_feed_inside_is_refused_unless_allowed() -> None:
    with loopback(lambda _: Told(body=rss("one", range(1)))) as server:
        with pytest.raises(PermanentError, match="allow_private"):
            followed(table(server, "one", allow_private=False), most=3)
        assert server.asked == []


def test_a_feed_that_is_added_starts_and_one_taken_out_is_forgotten() -> None:
    with loopback(lambda asked: Told(body=rss(asked.path[1:], range(1)))) as server:
        first = followed(table(server, "a"))[0]
        second = followed(table(server, "b"), first.cursor)[0]
    assert brought([second]) == ids("b", range(1))
    assert "/a" not in (second.cursor or "")


def test_a_quiet_source_gives_signs_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds_source, "ALIVE_SECONDS", 0.1)
    with loopback(lambda _: Told(body=rss("one", range(1)))) as server:
        found = followed(table(server, "one"), most=3, seconds=3)
    assert [batch.rows for batch in found] == [1, 0, 0]
    assert len(server.asked) == 1


OPML = """<?xml version="1.0"?><!DOCTYPE o [<!ENTITY a "aaaa">]><opml version="2.0"><body>
<outline text="Press"><outline type="rss" text="A" xmlUrl="https://a.example/feed?x=1&amp;y=2"/></outline>
<outline type="rss" xmlUrl="https://b.example/feed"></outline></body></opml>"""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "# mine\nhttps://a.example/f\n\nhttps://b.example/f\nhttps://a.example/f\n",
            ["a.example/f", "b.example/f"],
        ),
        (OPML, ["a.example/feed?x=1&y=2", "b.example/feed"]),
    ],
)
def test_addresses_come_from_a_list_or_a_reader(tmp_path: Path, text: str, found: list[str]) -> None:
    (tmp_path / "list").write_text(text, encoding="utf-8")
    source = live_source("news", {"kind": "feeds", "addresses_from": str(tmp_path / "list")})
    assert source.feeds == tuple(f"https://{one}" for one in found)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("told", "match"),
    [
        ({}, "No feed"),
        ({"addresses": ["news.example/feed"]}, "no address"),
        ({"addresses": ["https://u:p@a.example/"]}, "no address"),
        ({"addresses": ["https://a.example/ b"]}, "no address"),
        ({"addresses": ["https://[::"]}, "no address"),
        ({"addresses": ["file:///etc/passwd"]}, "no address"),
        ({"addresses_from": "/not/there"}, "cannot be read"),
        ({"addresses": ["https://a.example/"], "every_minutes": 0.0}, "every_minutes"),
        ({"addresses": ["https://a.example/"], "slowest_minutes": 1.0}, "slowest_minutes"),
        ({"addresses": ["https://a.example/"], "at_once": 0}, "at_once"),
        ({"addresses": ["https://a.example/"], "per_host": 0}, "per_host"),
        ({"addresses": ["https://a.example/"], "most_bytes": 1}, "most_bytes"),
        ({"addresses": ["https://a.example/"], "keep_raw_days": -1}, "keep_raw_days"),
        ({"adresses": []}, "adresses"),
    ],
)
def test_bad_settings_are_told(told: dict[str, object], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        live_source("news", {"kind": "feeds", **told})


def test_defaults_are_polite() -> None:
    settings = FeedsSettings()
    assert settings.per_host <= 2
    assert settings.every_minutes >= 10
