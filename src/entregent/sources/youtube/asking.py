"""Searches, channels, videos and comments, asked for within the quota of the day.

https://developers.google.com/youtube/v3/docs
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from entregent import clock
from entregent.clock import from_micros, to_micros
from entregent.errors import PermanentError, TransientError
from entregent.i18n import T
from entregent.results import Notice
from entregent.sources.base import Batch
from entregent.sources.web import Web
from entregent.sources.web.allowance import retry_after
from entregent.sources.web.answer import Answer
from entregent.sources.web.paced import Paced
from entregent.sources.web.redaction import redacted
from entregent.sources.youtube.place import Place, Purse, Watch
from entregent.sources.youtube.records import Records, moment_of, number_of, text_of
from entregent.sources.youtube.settings import YouTubeSettings

__all__ = ["MOST_WATCHED", "Asker"]

AT_ONCE = 50
THREADS_AT_ONCE = 100
MOST_WATCHED = 500
OVERLAP = timedelta(hours=2)
"""A video is found by searches some time after it was published."""
ANSWERS_WITHIN = timedelta(days=1)
"""Threads no older than this before the last look are looked at again for new answers."""
_USED_UP = frozenset(("quotaExceeded", "dailyLimitExceeded"))
_TOO_FAST = frozenset(("rateLimitExceeded", "userRateLimitExceeded", "backendError"))
_PASSED_OVER = frozenset(("commentsDisabled", "videoNotFound", "playlistNotFound", "commentNotFound"))


class _Page(msgspec.Struct):
    items: list[dict[str, Any]] = []
    nextPageToken: str | None = None


class _Reason(msgspec.Struct):
    reason: str = ""


class _Error(msgspec.Struct):
    message: str = ""
    errors: list[_Reason] = []
    details: list[dict[str, Any]] = []


class _Refusal(msgspec.Struct):
    error: _Error = msgspec.field(default_factory=_Error)


class _PassedOver(Exception):
    """One thing cannot be read, which stops no other one."""


class Asker:
    """Asks for all that one source wants.

    Parameters
    ----------
    web : Web
    settings : YouTubeSettings
    place : Place
        Where the source is; moved on as it reads.
    name : str
    secret : str
        Never to be shown.
    now : callable
        The clock.
    """

    def __init__(
        self,
        web: Web,
        settings: YouTubeSettings,
        place: Place,
        name: str,
        secret: str,
        now: Callable[[], datetime],
    ) -> None:
        self._paced = Paced(web, now)
        self._settings = settings
        self._place = place
        self._name = name
        self._secret = secret
        self._now = now
        self._seen: dict[str, int | None] = {}
        self.purse = Purse(settings, place.spent, name)

    async def round(self) -> AsyncIterator[Batch]:
        """Look at everything once.

        Raises
        ------
        TransientError, PermanentError
        """
        self._seen = {}
        self._forget()
        if self._settings.channels:
            async for batch in self._channels():
                yield batch
        for query in self._settings.search:
            try:
                async for batch in self._search(query):
                    yield batch
            except TransientError:
                # Without a search left, what else there is to read is read all the same.
                if self.purse.searches_left(self._now()) > 0 or not self._place.watched.keys() | {
                    *self._settings.channels,
                    *self._settings.videos,
                }:
                    raise
        known = dict.fromkeys((*self._settings.videos, *self._place.watched))
        async for batch in self._videos([id for id in known if id not in self._seen]):
            yield batch
        if self._settings.comments:
            for id, count in self._seen.items():
                watch = self._place.watched.get(id)
                if watch is not None and watch.count != count:
                    async for batch in self._comments(id, watch, count):
                        yield batch

    def _forget(self) -> None:
        """Look no longer at videos that are too old."""
        oldest = to_micros(self._now() - timedelta(days=self._settings.days))
        kept = {
            id: watch
            for id, watch in self._place.watched.items()
            if watch.published >= oldest or id in self._settings.videos
        }
        newest = sorted(kept, key=lambda id: (id in self._settings.videos, kept[id].published), reverse=True)
        self._place.watched = {id: kept[id] for id in newest[:MOST_WATCHED]}

    def _since(self, key: str) -> datetime:
        at = self._place.looks.get(key)
        return self._now() - timedelta(days=self._settings.days) if at is None else from_micros(at) - OVERLAP

    async def _search(self, query: str) -> AsyncIterator[Batch]:
        key, begun = f"search:{query}", to_micros(self._now())
        asked = {"part": "id", "q": query, "type": "video", "order": "date", "maxResults": AT_ONCE}
        asked["publishedAfter"] = f"{self._since(key):%Y-%m-%dT%H:%M:%SZ}"
        async for page in self._pages("search", asked, search=True):
            ids = [item["id"].get("videoId") for item in page.items if isinstance(item.get("id"), dict)]
            async for batch in self._videos(self._new(ids)):
                yield batch
        self._place.looks[key] = begun
        yield Batch()

    async def _channels(self) -> AsyncIterator[Batch]:
        told = self._settings.channels
        ids = [name for name in told if not name.startswith("@")]
        found: list[dict[str, Any]] = []
        asked = [{"id": ",".join(ids[at : at + AT_ONCE])} for at in range(0, len(ids), AT_ONCE)]
        asked += [{"forHandle": name} for name in told if name.startswith("@")]
        for one in asked:
            parts = {"part": "snippet,statistics,contentDetails", "maxResults": AT_ONCE}
            items = (await self._ask("channels", {**parts, **one})).items
            if not items:
                raise PermanentError(
                    f"There is no channel {next(iter(one.values()))!r} on YouTube.",
                    where=self._name,
                    do="Check channels of this source.",
                )
            found += items
        yield self._batch(channels=found)
        for channel in found:
            details = channel.get("contentDetails")
            lists = details.get("relatedPlaylists") if isinstance(details, dict) else None
            uploads = text_of(lists.get("uploads")) if isinstance(lists, dict) else None
            if uploads is not None:
                async for batch in self._uploads(uploads):
                    yield batch

    async def _uploads(self, playlist: str) -> AsyncIterator[Batch]:
        key, begun = f"uploads:{playlist}", to_micros(self._now())
        since = self._since(key)
        asked = {"part": "contentDetails", "playlistId": playlist, "maxResults": AT_ONCE}
        try:
            async for page in self._pages("playlistItems", asked):
                ids, older = [], False
                for item in page.items:
                    details = item.get("contentDetails")
                    if not isinstance(details, dict):
                        continue
                    at = moment_of(details.get("videoPublishedAt"), self._now())
                    if at is not None and at < since:
                        older = True
                    else:
                        ids.append(details.get("videoId"))
                async for batch in self._videos(self._new(ids)):
                    yield batch
                if older:
                    break
        except _PassedOver:
            # A channel that never published anything has no such list.
            pass
        self._place.looks[key] = begun
        yield Batch()

    def _new(self, ids: Iterable[object]) -> list[str]:
        return [id for id in dict.fromkeys(ids) if isinstance(id, str) and id and id not in self._seen]

    async def _videos(self, ids: list[str]) -> AsyncIterator[Batch]:
        for at in range(0, len(ids), AT_ONCE):
            some = ids[at : at + AT_ONCE]
            items = (await self._ask("videos", {"part": "snippet,statistics", "id": ",".join(some)})).items
            authors = []
            for item in items:
                snippet, counts = item.get("snippet"), item.get("statistics")
                if not isinstance(snippet, dict) or not isinstance(item.get("id"), str):
                    continue
                authors.append(text_of(snippet.get("channelId")))
                count = number_of(counts.get("commentCount")) if isinstance(counts, dict) else None
                self._seen[item["id"]] = count
                published = moment_of(snippet.get("publishedAt"), self._now())
                self._place.watched.setdefault(item["id"], Watch(to_micros(published or self._now())))
            wanted = [author for author in dict.fromkeys(authors) if author is not None]
            channels = []
            if wanted:
                parts = {"part": "snippet,statistics", "id": ",".join(wanted), "maxResults": AT_ONCE}
                channels = (await self._ask("channels", parts)).items
            yield self._batch(items, channels)

    def _batch(self, videos: Iterable[dict[str, Any]] = (), channels: Iterable[dict[str, Any]] = ()) -> Batch:
        records = self._records()
        for channel in channels:
            records.channel(channel)
        for video in videos:
            records.video(video)
        return records.batch()

    def _records(self) -> Records:
        return Records(self._name, self._now(), self._settings.keep_raw_days)

    async def _comments(self, id: str, watch: Watch, count: int | None) -> AsyncIterator[Batch]:
        """Read threads from the newest back to a while before the last look, with their answers."""
        since = watch.newest - ANSWERS_WITHIN // timedelta(microseconds=1) if watch.newest else 0
        newest, read, cut = watch.newest, 0, False
        asked = {"part": "snippet,replies", "videoId": id, "order": "time", "textFormat": "plainText"}
        try:
            async for page in self._pages("commentThreads", {**asked, "maxResults": THREADS_AT_ONCE}):
                records = self._records()
                oldest = newest
                for thread in page.items:
                    at = await self._thread(records, thread, id)
                    newest, oldest = max(newest, at), min(oldest, at or oldest)
                read += len(page.items)
                yield records.batch()
                if since and oldest < since:
                    break
                if read >= self._settings.most_comments:
                    cut = page.nextPageToken is not None
                    break
        except _PassedOver as told:
            notice = Notice(
                "comments.disabled",
                T("The comments of a video cannot be read: it does not allow any, or is gone."),
                1,
                (f"{self._name}: {id}: {told}",),
            )
            yield Batch(notices=(notice,))
        if cut:
            notice = Notice(
                "comments.left_out",
                T("A video has more comments than are read in one look; the older ones were left out."),
                1,
                (f"{self._name}: {id}",),
            )
            yield Batch(notices=(notice,))
        self._place.watched[id] = Watch(watch.published, newest, count)
        yield Batch()

    async def _thread(self, records: Records, thread: dict[str, Any], video: str) -> int:
        """Take one thread and return when it began, 0 where that is not known."""
        snippet, replies = thread.get("snippet"), thread.get("replies")
        top = snippet.get("topLevelComment") if isinstance(snippet, dict) else None
        if not isinstance(snippet, dict) or not isinstance(top, dict):
            records.comment({}, video, None)
            return 0
        total = number_of(snippet.get("totalReplyCount")) or 0
        records.comment(top, video, text_of(snippet.get("channelId")), total)
        said: dict[str, Any] = top["snippet"] if isinstance(top.get("snippet"), dict) else {}
        author = said.get("authorChannelId")
        asked_author = text_of(author.get("value")) if isinstance(author, dict) else None
        came = replies.get("comments") if isinstance(replies, dict) else None
        answers = [one for one in came if isinstance(one, dict)] if isinstance(came, list) else []
        id = text_of(top.get("id"))
        if total > len(answers) and id is not None:
            asked = {"part": "snippet", "parentId": id, "textFormat": "plainText"}
            try:
                pages = [
                    page async for page in self._pages("comments", {**asked, "maxResults": THREADS_AT_ONCE})
                ]
                answers = [one for page in pages for one in page.items]
            except _PassedOver:
                # It was deleted in between: what came with the thread is all there is.
                pass
        for answer in answers:
            records.comment(answer, video, asked_author)
        at = moment_of(said.get("publishedAt"), self._now())
        return 0 if at is None else to_micros(at)

    async def _pages(self, path: str, asked: dict[str, Any], *, search: bool = False) -> AsyncIterator[_Page]:
        token: str | None = None
        while True:
            page = await self._ask(path, {**asked, "pageToken": token}, search=search)
            yield page
            if page.nextPageToken is None or page.nextPageToken == token:
                return
            token = page.nextPageToken

    async def _ask(self, path: str, asked: dict[str, Any], *, search: bool = False) -> _Page:
        self.purse.pay(self._now(), search=search)
        self._place.spent = self.purse.spent
        address = f"{self._settings.server}/{path}"
        answer = await self._paced.get(address, asked, allowance=path, accept=(400, 403, 404))
        if answer.status >= 400:
            raise self._refused(answer, path)
        return answer.json(_Page)

    def _refused(self, answer: Answer, path: str) -> Exception:
        """Return the error that a refusal is, by the reason that YouTube gives."""
        try:
            error = msgspec.json.decode(answer.body, type=_Refusal).error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            error = _Error()
        reasons = [one.reason for one in error.errors]
        reasons += [one["reason"] for one in error.details if isinstance(one.get("reason"), str)]
        said = redacted(error.message, [self._secret]).rstrip(".") or "it says no more"
        what = (
            f"YouTube answered {answer.status} to {path} ({reasons[0] if reasons else 'no reason'}): {said}."
        )
        if _USED_UP & {*reasons}:
            do = "Another program with the same key may have used it; the console of Google shows it."
            return self.purse.reached(self._now(), do)
        if _TOO_FAST & {*reasons}:
            wait = retry_after(answer.headers, clock.now())
            return TransientError(what, where=self._name, retry_after=wait)
        if _PASSED_OVER & {*reasons}:
            return _PassedOver(reasons[0])
        wrong_key = {"keyInvalid", "API_KEY_INVALID", "keyExpired", "accessNotConfigured"} & {*reasons}
        do = (
            "Check the key of this source, and that the YouTube Data API v3 is enabled for it."
            if wrong_key or answer.status == 403
            else "Check the settings of this source."
        )
        return PermanentError(what, where=self._name, do=do)
