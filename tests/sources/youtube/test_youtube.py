"""YouTube by its API: searched, listed, commented, within its quota, and when it fails."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from entregent.errors import ConfigError, PermanentError, TransientError
from entregent.sources.base import Batch
from entregent.sources.registry import live_source
from entregent.sources.secret import secret
from entregent.sources.youtube.place import next_day, read_cursor
from entregent.sources.youtube.settings import read_settings
from entregent.sources.youtube.source import YouTube
from sources.contract import brought, check_source, collected
from sources.loopback import loopback
from sources.youtube.fake_youtube import KEY, FakeYouTube, refusal


@pytest.fixture
def key(tmp_path: Path) -> str:
    path = tmp_path / "key"
    path.write_text(KEY + "\n", encoding="utf-8")
    return f"file:{path}"


@pytest.fixture
def fake() -> FakeYouTube:
    return FakeYouTube(datetime.now(UTC))


def table(server: str, key: str, **more: Any) -> dict[str, Any]:
    told = {"kind": "youtube", "server": server, "key": key, "allow_private": True, "every_minutes": 0.01}
    return told | more


def made(server: str, key: str, now: Callable[[], datetime], **more: Any) -> YouTube:
    told = {name: value for name, value in table(server, key, **more).items() if name != "kind"}
    return YouTube("y", read_settings(told, "sources.y"), secret(key, where="y"), now=now)


def has(*ids: str) -> Callable[[list[Batch]], bool]:
    return lambda found: set(ids) <= set(brought(found))


def counts(found: list[Batch]) -> dict[tuple[str, str], int | None]:
    rows = [row for batch in found for row in batch.observations.to_pylist()]
    return {(row["subject"], row["metric"]): row["value"] for row in rows}


def test_searches_and_comments_keep_the_contract(fake: FakeYouTube, key: str) -> None:
    channel = fake.channel("skyrail")
    posts = [fake.video(channel, f"Skyrail {number}") for number in range(60)]
    top = [fake.comment(posts[0], f"Nice {number}") for number in range(130)]
    answers = [fake.comment(posts[0], "Yes", parent=top[0]) for _ in range(7)]
    fake.video(channel, "Another thing")
    with loopback(fake.answer) as server:
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

        more = {"search": ["skyrail"], "keep_raw_days": 1, "daily_searches": 10**6, "daily_units": 10**6}
        check_source(
            lambda: live_source("youtube", table(address[-1], key, **more)),
            [*posts, *top, *answers],
            faults={name: failing(name) for name in ("429", "500", "html", "401")} | {"gone": gone},
            unknown_field=unknown,
        )
        assert not any(KEY in str(asked.query) for asked in server.asked)


def test_channels_comments_and_counts_are_records(fake: FakeYouTube, key: str) -> None:
    open_one, shy = fake.channel("skyrail"), fake.channel("shy", hidden=True)
    video = fake.video(open_one, "Skyrail opens")
    old = fake.video(shy, "Long ago", minutes_ago=60 * 24 * 30)
    fake.video(open_one, "Too old", minutes_ago=60 * 24 * 29)
    top = fake.comment(video, "Nice")
    answer = fake.comment(video, "Yes", parent=top)
    with loopback(fake.answer) as server:
        asked = {"channels": ["@skyrail", shy], "videos": [old.removeprefix("youtube:")]}
        source = live_source("youtube", table(server.address, key, **asked))
        found = asyncio.run(collected(source, None, has(video, old, top, answer)))
    posts = {row["id"]: row for batch in found for row in batch.posts.to_pylist()}
    assert set(posts) == {video, old, top, answer}
    assert posts[video]["text"] == "Skyrail opens\n\nSee https://example.org/a. #Tram"
    assert (posts[video]["links"], posts[video]["hashtags"]) == (["https://example.org/a"], ["Tram"])
    assert (posts[video]["kind"], posts[video]["lang"]) == ("post", "en")
    assert posts[video]["url"] == f"https://www.youtube.com/watch?v={video.removeprefix('youtube:')}"
    wanted = [("reply", video, f"youtube:{open_one}", video), ("reply", top, "youtube:UCana", video)]
    keys = ("kind", "parent", "parent_account", "root")
    assert [tuple(posts[id][name] for name in keys) for id in (top, answer)] == wanted
    seen = counts(found)
    assert seen[f"youtube:{open_one}", "followers"] == 7
    assert seen[f"youtube:{shy}", "followers"] is None
    assert (seen[video, "views"], seen[video, "replies"], seen[top, "replies"]) == (12, 2, 1)
    names = {row["id"]: row["handle"] for batch in found for row in batch.accounts.to_pylist()}
    assert names[f"youtube:{open_one}"] == "skyrail"
    assert names["youtube:UCana"] == "ana"


def test_comments_are_read_again_only_where_there_are_more(fake: FakeYouTube, key: str) -> None:
    video = fake.video(fake.channel("a"), "Skyrail")
    first = fake.comment(video, "One")
    with loopback(fake.answer) as server:
        source = live_source("youtube", table(server.address, key, search=["skyrail"]))

        def rounds(found: list[Batch]) -> bool:
            return sum(asked.path == "/search" for asked in server.asked) >= 4

        found = asyncio.run(collected(source, None, rounds))
        assert first in brought(found)
        assert sum(asked.path == "/commentThreads" for asked in server.asked) == 1
        second = fake.comment(video, "Two")
        assert second in brought(asyncio.run(collected(source, found[-1].cursor, has(second))))


def test_a_video_without_comments_is_told_and_stops_no_other(fake: FakeYouTube, key: str) -> None:
    channel = fake.channel("a")
    fake.video(channel, "Skyrail silent", silent=True)
    wanted = fake.comment(fake.video(channel, "Skyrail"), "Nice")
    fake.video(channel, "Skyrail silent too", silent=True)
    with loopback(fake.answer) as server:
        source = live_source("youtube", table(server.address, key, search=["skyrail"]))
        found = asyncio.run(collected(source, None, lambda _: False, seconds=2))
    assert wanted in brought(found)
    codes = [notice.code for batch in found for notice in batch.notices]
    assert codes.count("comments.disabled") == 2


def test_more_comments_than_are_read_are_told(fake: FakeYouTube, key: str) -> None:
    video = fake.video(fake.channel("a"), "Skyrail")
    all_of_them = [fake.comment(video, str(number)) for number in range(250)]

    def told(found: list[Batch]) -> bool:
        return "comments.left_out" in [notice.code for batch in found for notice in batch.notices]

    with loopback(fake.answer) as server:
        source = live_source("youtube", table(server.address, key, search=["skyrail"], most_comments=100))
        found = asyncio.run(collected(source, None, told))
    assert told(found)
    assert set(brought(found)) == {video, *all_of_them[150:]}


def test_the_quota_is_counted_across_restarts_and_waited_for(fake: FakeYouTube, key: str) -> None:
    moment = [datetime(2024, 7, 1, 12, tzinfo=UTC)]
    fake.now = moment[0]
    video = fake.video(fake.channel("a"), "Skyrail")
    with loopback(fake.answer) as server:

        def source() -> YouTube:
            return made(server.address, key, lambda: moment[0], search=["skyrail"], daily_units=3)

        found: list[Batch] = []

        def kept(batches: list[Batch]) -> bool:
            found.append(batches[-1])
            return False

        with pytest.raises(TransientError, match=r"3 of 3 units.*2024-07-02 07:00 UTC") as error:
            asyncio.run(collected(source(), None, kept))
        assert error.value.retry_after == timedelta(hours=19).total_seconds()
        assert video in brought(found)
        assert str(found[-1].budget).startswith("1 of 100 searches and 3 of 3 units spent on 2024-07-01")
        cursor, asked = found[-1].cursor, len(server.asked)
        with pytest.raises(TransientError):
            asyncio.run(collected(source(), cursor, lambda _: False))
        assert [one.path for one in server.asked[asked:]] == ["/search"]
        moment[0] = next_day(moment[0])
        assert brought(asyncio.run(collected(source(), cursor, has(video))))


def test_without_searches_left_the_rest_is_read_and_searches_alone_wait(fake: FakeYouTube, key: str) -> None:
    video = fake.video(fake.channel("a"), "Tram")
    with loopback(fake.answer) as server:
        told = {"search": ["skyrail"], "daily_searches": 0}
        source = live_source(
            "youtube", table(server.address, key, **told, videos=[video.removeprefix("youtube:")])
        )
        assert brought(asyncio.run(collected(source, None, has(video)))) == [video]
        asked = len(server.asked)
        with pytest.raises(TransientError, match="0 of 0 searches"):
            asyncio.run(collected(live_source("youtube", table(server.address, key, **told)), None, has("x")))
        assert len(server.asked) == asked


@pytest.mark.parametrize(
    ("refused", "kind", "wait"),
    [
        (refusal(403, "quotaExceeded"), TransientError, 19 * 3600),
        (refusal(403, "rateLimitExceeded", **{"Retry-After": "9"}), TransientError, 9),
        (refusal(429, "rateLimitExceeded", **{"Retry-After": "8"}), TransientError, 8),
        (refusal(403, "accessNotConfigured"), PermanentError, None),
        (refusal(400, "invalidParameter"), PermanentError, None),
        (refusal(503, "backendError"), TransientError, None),
    ],
)
def test_refusals_are_told_apart(
    refused: Any, kind: type[Exception], wait: float | None, fake: FakeYouTube, key: str
) -> None:
    fake.refused = refused
    with loopback(fake.answer) as server:
        noon = datetime(2024, 7, 1, 12, tzinfo=UTC)
        source = made(server.address, key, lambda: noon, search=["skyrail"])
        with pytest.raises(kind) as told:
            asyncio.run(collected(source, None, lambda _: False))
    assert getattr(told.value, "retry_after", None) == wait
    assert KEY not in str(told.value)


def test_a_wrong_key_is_told_without_showing_it(fake: FakeYouTube, tmp_path: Path) -> None:
    path = tmp_path / "wrong"
    path.write_text("not-the-right-key", encoding="utf-8")
    with loopback(fake.answer) as server:
        source = live_source("youtube", table(server.address, f"file:{path}", search=["skyrail"]))
        with pytest.raises(PermanentError, match="keyInvalid") as told:
            asyncio.run(collected(source, None, lambda _: False))
    assert "not-the-right-key" not in str(told.value)


def test_records_of_wrong_types_are_counted_and_passed_over(fake: FakeYouTube, key: str) -> None:
    channel = fake.channel("a")
    fake.video(channel, "Skyrail broken")
    fake.videos["v0000000000"]["statistics"] = {"viewCount": ["?"], "likeCount": "-3"}
    fake.videos["v0000000000"]["snippet"]["channelId"] = 5
    wanted = fake.video(channel, "Skyrail")
    fake.threads["v0000000001"].append({"id": "x", "snippet": "?"})
    with loopback(fake.answer) as server:
        source = live_source("youtube", table(server.address, key, search=["skyrail"]))
        found = asyncio.run(collected(source, None, has(wanted)))
    assert "row.incomplete" in [notice.code for batch in found for notice in batch.notices]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({}, "Nothing is asked for"),
        ({"search": [""]}, "search"),
        ({"videos": ["https://youtu.be/x"]}, "videos"),
        ({"channels": ["skyrail"]}, "channels"),
        ({"search": ["a"], "daily_units": -1}, "daily_units"),
        ({"search": ["a"], "key": "AAAA"}, "env:NAME"),
    ],
)
def test_settings_that_are_no_good_are_told(wrong: dict[str, Any], told: str, key: str) -> None:
    with pytest.raises(ConfigError, match=told):
        live_source("youtube", table("https://www.googleapis.com/youtube/v3", key) | wrong)


def test_a_cursor_of_another_source_is_refused() -> None:
    with pytest.raises(PermanentError, match="none of a source of YouTube"):
        read_cursor("[1]", "y")
