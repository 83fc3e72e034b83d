"""Searches, mentions, people and the filtered stream, asked for within the limits of the month.

https://docs.x.com/x-api
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from entregent.clock import from_micros, to_micros
from entregent.errors import PermanentError, TransientError
from entregent.records import Gap
from entregent.sources.web import Web
from entregent.sources.web.paced import Paced
from entregent.sources.x.place import Look, Place
from entregent.sources.x.settings import XSettings
from entregent.sources.x.spending import Purse, Spent

__all__ = ["FIELDS", "Asker", "Piece"]

KEEP_ALIVE_SECONDS = 45.0
PEOPLE_AT_ONCE = 100
PEOPLE_EVERY = timedelta(days=1)
RECENT = timedelta(days=7) - timedelta(minutes=5)
USER_FIELDS = "created_at,description,name,public_metrics,username,verified_type"
FIELDS: Mapping[str, str] = {
    "tweet.fields": "attachments,author_id,conversation_id,created_at,edit_history_tweet_ids,entities,"
    "in_reply_to_user_id,lang,note_tweet,public_metrics,referenced_tweets",
    "user.fields": USER_FIELDS,
    "expansions": "author_id,referenced_tweets.id",
}


@dataclass(frozen=True)
class Piece:
    """One answer, and the place that is reached with it."""

    page: bytes | None = None
    looks: Mapping[str, Look] | None = None
    spent: Spent | None = None
    people_at: int | None = None
    gaps: tuple[Gap, ...] = ()


class _User(msgspec.Struct):
    id: str
    username: str


class _Users(msgspec.Struct):
    data: list[_User] = []


class _Rule(msgspec.Struct):
    value: str
    id: str = ""
    tag: str | None = None


class _Rules(msgspec.Struct):
    data: list[_Rule] = []
    errors: list[dict[str, Any]] = []


Put = Callable[[Piece], Awaitable[None]]


class Asker:
    """Asks for all that one source wants.

    Parameters
    ----------
    web : Web
    settings : XSettings
    place : Place
        Where the source begins.
    name : str
    now : callable
        The clock.
    """

    def __init__(
        self, web: Web, settings: XSettings, place: Place, name: str, now: Callable[[], datetime]
    ) -> None:
        self._web = web
        self._paced = Paced(web, now)
        self._settings = settings
        self._looks = dict(place.looks)
        self._people_at = place.people_at
        self._name = name
        self._now = now
        self.purse = Purse(settings, place.spent, name)

    async def look_again_and_again(self, put: Put) -> None:
        """Search, read mentions and count people, for ever.

        Raises
        ------
        TransientError, PermanentError
        """
        ids = await self._ids(self._settings.mentions_of, put)
        while True:
            for query in self._settings.searches:
                await self._search(f"search:{query}", query, put)
            for name, id in ids.items():
                await self._look(f"mentions:{name}", f"/2/users/{id}/mentions", {}, "pagination_token", put)
            await self._people(put)
            await asyncio.sleep(60 * self._settings.every_minutes)

    async def _ids(self, names: list[str], put: Put) -> dict[str, str]:
        found: dict[str, str] = {}
        for first in range(0, len(names), PEOPLE_AT_ONCE):
            page = await self._users(names[first : first + PEOPLE_AT_ONCE], put, None)
            found |= {user.username.lower(): user.id for user in page.data}
        missing = [name for name in names if name.lower() not in found]
        if missing:
            raise PermanentError(
                f"There is no account {missing[0]!r} on X.", where=self._name, do="Check mentions_of."
            )
        return {name: found[name.lower()] for name in names}

    async def _users(self, names: list[str], put: Put, people_at: int | None) -> _Users:
        self.purse.people(self._now(), len(names))
        address = f"{self._settings.server}/2/users/by"
        params = {"usernames": ",".join(names), "user.fields": USER_FIELDS}
        answer = await self._paced.get(address, params, allowance="users")
        users, page = answer.json(_Users), answer.json(dict[str, Any])
        # As if they came along with posts: so their counts are read too.
        came = {"includes": {"users": page.get("data") or []}, "meta": {"result_count": 0}}
        spent = self.purse.pay(self._now(), page)
        await put(Piece(msgspec.json.encode(came), spent=spent, people_at=people_at))
        return users

    async def _people(self, put: Put) -> None:
        people, moment = self._settings.people, self._now()
        due = self._people_at is None or moment - from_micros(self._people_at) >= PEOPLE_EVERY
        if not people or not due:
            return
        for first in range(0, len(people), PEOPLE_AT_ONCE):
            last = first + PEOPLE_AT_ONCE >= len(people)
            await self._users(
                people[first : first + PEOPLE_AT_ONCE], put, to_micros(moment) if last else None
            )
        self._people_at = to_micros(moment)

    async def _search(self, key: str, query: str, put: Put) -> None:
        await self._look(key, "/2/tweets/search/recent", {"query": query}, "next_token", put)

    async def _look(self, key: str, path: str, params: Mapping[str, str], paging: str, put: Put) -> None:
        """Read from the newest post back to where the last look began."""
        look = self._looks.get(key, Look())
        moment = self._now()
        since = look.since
        gaps: tuple[Gap, ...] = ()
        start: datetime | None = None
        if look.at is None:
            start = moment - timedelta(days=self._settings.days)
        elif moment - from_micros(look.at) > RECENT:
            # A search reaches seven days back, and refuses an older place.
            start, since = moment - RECENT, None
            gaps = (Gap(self._name, from_micros(look.at), start, "OutdatedCursor"),)
        elif since is None:
            start = from_micros(look.at) - timedelta(minutes=2)
        if start is not None:
            start = max(start, moment - RECENT)
        while True:
            most = self.purse.posts(self._now())
            asked = {
                **FIELDS,
                **params,
                "max_results": most,
                "since_id": since,
                "start_time": None if start is None else f"{start:%Y-%m-%dT%H:%M:%SZ}",
                paging: look.page,
            }
            try:
                answer = await self._paced.get(self._settings.server + path, asked, allowance=path)
            except PermanentError:
                if look.page is None:
                    raise
                # The page of a look that was interrupted long ago is no longer known.
                look = msgspec.structs.replace(look, page=None, newest=None)
                continue
            page = answer.json(dict[str, Any])
            meta = page.get("meta") or {}
            newest = look.newest or meta.get("newest_id")
            following = meta.get("next_token")
            if following and following != look.page:
                look = msgspec.structs.replace(look, newest=newest, page=following)
            else:
                look = Look(newest or since, to_micros(moment))
            self._looks[key] = look
            spent = self.purse.pay(self._now(), page)
            await put(Piece(answer.body, {key: look}, spent, gaps=gaps))
            gaps = ()
            if look.page is None:
                return

    async def stream(self, put: Put) -> None:
        """Follow the filtered stream: its rules are set, what was missed is searched for, and on.

        Raises
        ------
        TransientError, PermanentError
        """
        self.purse.posts(self._now())
        await self._set_rules()
        address = f"{self._settings.server}/2/tweets/search/stream"
        async with self._web.lines(address, FIELDS, silence=KEEP_ALIVE_SECONDS) as lines:
            if lines.answer.is_page:
                lines.answer.json()
            # Only now, so that nothing falls between the search and the stream.
            for rule in self._settings.rules:
                await self._search(f"rule:{rule}", rule, put)
            async for line in lines:
                if not line.strip():
                    await put(Piece())
                    continue
                await put(self._streamed(line))
                self.purse.posts(self._now())
        raise TransientError("X ended the stream.", where=self._name)

    def _streamed(self, line: str) -> Piece:
        try:
            page = msgspec.json.decode(line, type=dict[str, Any])
        except (msgspec.DecodeError, RecursionError) as error:
            raise TransientError("X sent a line that cannot be read.", where=self._name) from error
        data, errors = page.get("data"), page.get("errors")
        if not isinstance(data, dict):
            first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
            why = first.get("disconnect_type") or first.get("title") or "no reason"
            raise TransientError(
                f"X ended the stream ({why}): {first.get('detail') or 'it says no more'}.", where=self._name
            )
        id = str(data.get("id", ""))
        moment = to_micros(self._now())
        looks = {}
        for rule in self._settings.rules:
            key = f"rule:{rule}"
            before = self._looks.get(key, Look())
            last = max(before.since or "", id, key=lambda one: (len(one), one))
            looks[key] = self._looks[key] = msgspec.structs.replace(before, since=last or None, at=moment)
        return Piece(line.encode(), looks, self.purse.pay(self._now(), page))

    async def _set_rules(self) -> None:
        """Leave of the rules that bear the name of this source those of the settings, and no other."""
        address = f"{self._settings.server}/2/tweets/search/stream/rules"
        tag = f"entregent {self._name}"
        held = (await self._paced.get(address, allowance="rules")).json(_Rules).data
        own = {rule.value: rule.id for rule in held if rule.tag == tag}
        gone = [id for value, id in own.items() if value not in self._settings.rules]
        if gone:
            await self._web.post(address, json={"delete": {"ids": gone}})
        new = [{"value": rule, "tag": tag} for rule in self._settings.rules if rule not in own]
        if new:
            told = (await self._web.post(address, json={"add": new})).json(_Rules)
            wrong = [error for error in told.errors if error.get("title") != "DuplicateRule"]
            if wrong:
                details = wrong[0].get("details") or [wrong[0].get("detail") or wrong[0].get("title")]
                raise PermanentError(
                    f"X does not take the rule {wrong[0].get('value')!r}: {details[0]}.",
                    where=self._name,
                    do="Correct it in rules of this source.",
                )
