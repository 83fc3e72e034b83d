"""A small X: posts, accounts, rules and a stream, answering as its API v2 is described."""

from __future__ import annotations

import json
import queue
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sources.loopback import Asked, Loopback, Told, loopback

__all__ = ["FakeX"]

FIRST_ID = 1_900_000_000_000_000_000
PROBLEMS = "https://api.twitter.com/2/problems/"


def _json(status: int, value: Any, **headers: str) -> Told:
    return Told(status, json.dumps(value).encode(), {"Content-Type": "application/json", **headers})


@dataclass
class FakeX:
    """What it holds, and how it behaves."""

    now: datetime
    people: dict[str, dict[str, Any]] = field(default_factory=dict)
    posts: list[dict[str, Any]] = field(default_factory=list)
    rules: list[dict[str, str]] = field(default_factory=list)
    more: dict[str, Any] = field(default_factory=dict)
    errors: list[dict[str, Any]] = field(default_factory=list)
    remaining: int = 300
    streamed: queue.Queue[dict[str, Any] | None] = field(default_factory=queue.Queue)

    def person(self, name: str) -> str:
        id = str(100 + len(self.people))
        metrics = {"followers_count": 7, "following_count": 3, "tweet_count": 9}
        self.people[name.lower()] = {
            "id": id,
            "username": name,
            "name": name.title(),
            "public_metrics": metrics,
        }
        return id

    def post(self, author: str, text: str, *, minutes_ago: float = 5, stream: bool = False) -> str:
        id = str(FIRST_ID + len(self.posts))
        at = self.now - timedelta(minutes=minutes_ago)
        person = self.people[author.lower()]
        made = {
            "id": id,
            "text": text,
            "author_id": person["id"],
            "created_at": f"{at:%Y-%m-%dT%H:%M:%S.000Z}",
        }
        made |= {"edit_history_tweet_ids": [id], "lang": "en"}
        made["public_metrics"] = {"retweet_count": 0, "reply_count": 0, "like_count": 2, "quote_count": 0}
        self.posts.append(made)
        if stream:
            told = {"data": made, "includes": {"users": [person]}, "matching_rules": self.rules[:1]}
            self.streamed.put(told)
        return f"x:{id}"

    @contextmanager
    def serving(self) -> Iterator[Loopback]:
        with loopback(self.answer) as server:
            yield server
            self.streamed.put(None)

    def answer(self, asked: Asked) -> Told:
        if not asked.headers.get("authorization", "").startswith("Bearer "):
            return _json(401, {"title": "Unauthorized", "type": "about:blank", "status": 401})
        if asked.path == "/2/tweets/search/recent":
            word = asked.query["query"].lower()
            return self._page(
                asked, [post for post in self.posts if word in post["text"].lower()], "next_token"
            )
        if asked.path.endswith("/mentions"):
            names = {person["id"]: person["username"] for person in self.people.values()}
            name = f"@{names[asked.path.split('/')[3]]}"
            return self._page(
                asked, [post for post in self.posts if name in post["text"]], "pagination_token"
            )
        if asked.path == "/2/users/by":
            names_asked = asked.query["usernames"].split(",")
            found = [self.people[name.lower()] for name in names_asked if name.lower() in self.people]
            missing = [name for name in names_asked if name.lower() not in self.people]
            problem = PROBLEMS + "resource-not-found"
            errors = [{"title": "Not Found Error", "type": problem, "value": name} for name in missing]
            return _json(200, {"data": found} | ({"errors": errors} if errors else {}))
        if asked.path == "/2/tweets/search/stream/rules":
            return self._rules(asked)
        if asked.path == "/2/tweets/search/stream":
            return Told(200, headers={"Content-Type": "application/json"}, pieces=self._stream())
        return _json(404, {"title": "Not Found", "type": "about:blank", "status": 404})

    def _page(self, asked: Asked, posts: list[dict[str, Any]], paging: str) -> Told:
        most = int(asked.query["max_results"])
        if not 5 <= most <= 100:
            return _json(400, {"title": "Invalid Request", "errors": [{"message": "max_results"}]})
        since, start = asked.query.get("since_id"), asked.query.get("start_time")
        kept = [post for post in posts if since is None or int(post["id"]) > int(since)]
        kept = [post for post in kept if start is None or post["created_at"] >= start][::-1]
        first = int(asked.query.get(paging, "t0")[1:])
        shown = kept[first : first + most]
        meta: dict[str, Any] = {"result_count": len(shown)}
        if shown:
            meta |= {"newest_id": shown[0]["id"], "oldest_id": shown[-1]["id"]}
        if first + most < len(kept):
            meta["next_token"] = f"t{first + most}"
        page: dict[str, Any] = {"meta": meta}
        if shown:
            ids = {post["author_id"] for post in shown}
            users = [person for person in self.people.values() if person["id"] in ids]
            page |= {"data": [post | self.more for post in shown], "includes": {"users": users}}
        if self.errors:
            page["errors"] = self.errors
        reset = str(int(self.now.timestamp()) + 900)
        limits = {"x-rate-limit-limit": "300", "x-rate-limit-reset": reset}
        return _json(200, page, **limits, **{"x-rate-limit-remaining": str(self.remaining)})

    def _rules(self, asked: Asked) -> Told:
        meta = {"sent": f"{self.now:%Y-%m-%dT%H:%M:%S.000Z}"}
        if asked.method == "GET":
            return _json(200, {"meta": meta} | ({"data": self.rules} if self.rules else {}))
        told = json.loads(asked.body)
        if "delete" in told:
            self.rules = [rule for rule in self.rules if rule["id"] not in told["delete"]["ids"]]
            return _json(200, {"meta": meta})
        wrong = [rule for rule in told["add"] if "(" in rule["value"]]
        if wrong:
            problem = {"value": wrong[0]["value"], "title": "UnprocessableEntity", "details": ["no ) at 1"]}
            return _json(201, {"meta": meta, "errors": [problem | {"type": PROBLEMS + "invalid-rules"}]})
        added = [rule | {"id": str(len(self.rules) + 1)} for rule in told["add"]]
        self.rules += added
        return _json(201, {"data": added, "meta": meta})

    def _stream(self) -> Iterator[bytes]:
        while True:
            try:
                told = self.streamed.get(timeout=0.2)
            except queue.Empty:
                yield b"\r\n"
                continue
            if told is None:
                return
            yield json.dumps(told).encode() + b"\r\n"
