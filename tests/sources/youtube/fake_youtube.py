"""A small YouTube: channels, videos and comments, answering as its Data API v3 is described."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sources.loopback import Asked, Told

__all__ = ["KEY", "FakeYouTube"]

KEY = "a-key-of-the-api"


def _json(status: int, value: Any, **headers: str) -> Told:
    return Told(status, json.dumps(value).encode(), {"Content-Type": "application/json", **headers})


def refusal(status: int, reason: str, **headers: str) -> Told:
    errors = [{"domain": "youtube", "reason": reason, "message": "Not so."}]
    return _json(status, {"error": {"code": status, "message": "Not so.", "errors": errors}}, **headers)


def _page(asked: Asked, items: list[Any]) -> Told:
    first, most = int(asked.query.get("pageToken", "t0")[1:]), int(asked.query.get("maxResults", "50"))
    page: dict[str, Any] = {"kind": "youtube#list", "items": items[first : first + most]}
    return _json(200, page | ({"nextPageToken": f"t{first + most}"} if first + most < len(items) else {}))


@dataclass
class FakeYouTube:
    """What it holds, and how it behaves."""

    now: datetime
    channels: dict[str, dict[str, Any]] = field(default_factory=dict)
    videos: dict[str, dict[str, Any]] = field(default_factory=dict)
    threads: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    replies: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    more: dict[str, Any] = field(default_factory=dict)
    refused: Told | None = None

    def _at(self, minutes_ago: float) -> str:
        return f"{self.now - timedelta(minutes=minutes_ago):%Y-%m-%dT%H:%M:%SZ}"

    def channel(self, name: str, *, hidden: bool = False) -> str:
        id = f"UC{len(self.channels):022d}"
        counts: dict[str, Any] = {"viewCount": "90", "videoCount": "3", "hiddenSubscriberCount": hidden}
        snippet = {"title": name.title(), "customUrl": f"@{name}", "publishedAt": "2015-01-01T00:00:00Z"}
        self.channels[id] = {
            "id": id,
            "snippet": snippet,
            "statistics": counts | {"subscriberCount": "0" if hidden else "7"},
            "contentDetails": {"relatedPlaylists": {"uploads": f"UU{id[2:]}"}},
        }
        return id

    def video(self, channel: str, title: str, *, minutes_ago: float = 5, silent: bool = False) -> str:
        id = f"v{len(self.videos):010d}"
        snippet = {"channelId": channel, "title": title, "description": "See https://example.org/a. #Tram"}
        snippet |= {"publishedAt": self._at(minutes_ago), "channelTitle": "T", "defaultLanguage": "en-GB"}
        counts = {"viewCount": "12", "likeCount": "2"}
        self.videos[id] = {"id": id, "snippet": snippet, "statistics": counts}
        self.threads[id] = []
        if silent:
            self.silent.add(id)
        return f"youtube:{id}"

    def comment(self, video: str, text: str, *, minutes_ago: float = 4, parent: str | None = None) -> str:
        video = video.removeprefix("youtube:")
        number = sum(map(len, self.threads.values())) + sum(map(len, self.replies.values()))
        id = f"{parent.removeprefix('youtube:')}.r{number}" if parent else f"c{number}"
        at = self._at(minutes_ago)
        said = {"textOriginal": text, "authorDisplayName": "@ana", "authorChannelId": {"value": "UCana"}}
        made = {"id": id, "snippet": {**said, "likeCount": 1, "publishedAt": at, "updatedAt": at}}
        if parent is None:
            self.threads[video].append(made)
        else:
            made["snippet"]["parentId"] = parent.removeprefix("youtube:")  # type: ignore[index]
            self.replies.setdefault(parent.removeprefix("youtube:"), []).append(made)
        return f"youtube:{id}"

    def answer(self, asked: Asked) -> Told:
        if asked.headers.get("x-goog-api-key") != KEY:
            return refusal(400, "keyInvalid")
        if self.refused is not None:
            return self.refused
        ids = asked.query.get("id", "").split(",")
        if asked.path == "/search":
            word, after = asked.query["q"].lower(), asked.query["publishedAfter"]
            kept = [one for one in self.videos.values() if word in one["snippet"]["title"].lower()]
            kept = [one for one in kept if one["snippet"]["publishedAt"] >= after][::-1]
            return _page(asked, [{"id": {"kind": "youtube#video", "videoId": one["id"]}} for one in kept])
        if asked.path == "/videos":
            return _page(asked, [self._shown(self.videos[id]) for id in ids if id in self.videos])
        if asked.path == "/channels":
            handle = asked.query.get("forHandle")
            kept = [
                one
                for id, one in self.channels.items()
                if id in ids or (handle and one["snippet"]["customUrl"] == handle)
            ]
            return _page(asked, kept)
        if asked.path == "/playlistItems":
            channel = "UC" + asked.query["playlistId"][2:]
            kept = [one for one in self.videos.values() if one["snippet"]["channelId"] == channel][::-1]
            told = [(one["id"], one["snippet"]["publishedAt"]) for one in kept]
            items = [{"contentDetails": {"videoId": id, "videoPublishedAt": at}} for id, at in told]
            return _page(asked, items)
        if asked.path == "/commentThreads":
            video = asked.query["videoId"]
            if video in self.silent:
                return refusal(403, "commentsDisabled")
            return _page(asked, [self._thread(one, video) for one in self.threads[video][::-1]])
        if asked.path == "/comments":
            return _page(asked, self.replies.get(asked.query["parentId"], []))
        return refusal(404, "notFound")

    def _shown(self, video: dict[str, Any]) -> dict[str, Any]:
        count = sum(1 + len(self.replies.get(one["id"], ())) for one in self.threads[video["id"]])
        told = {} if video["id"] in self.silent else {"commentCount": str(count)}
        return {**video, "statistics": video["statistics"] | told, "snippet": video["snippet"] | self.more}

    def _thread(self, top: dict[str, Any], video: str) -> dict[str, Any]:
        answers = self.replies.get(top["id"], [])
        snippet = {"videoId": video, "channelId": self.videos[video]["snippet"]["channelId"]}
        snippet |= {"topLevelComment": top, "totalReplyCount": len(answers)}
        return {"id": top["id"], "snippet": snippet, "replies": {"comments": answers[:2]}}
