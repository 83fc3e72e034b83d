"""The world as the X API v2 answers a search: one page of 100 posts a line, newest first.

Shapes: https://docs.x.com/x-api/fundamentals/data-dictionary. Likes and
follows show only as numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from entregent.progress import Progress, check
from entregent.world.ids import moments, snowflakes
from entregent.world.kernels import POST, QUOTE, REPLY, REPOST
from entregent.world.keys import hash_of
from entregent.world.simulation import World
from entregent.world.speech import Speech, profiles
from entregent.world.wire import View, entities

__all__ = ["X"]

_PAGE = 100
_REFERENCE = {REPLY: "replied_to", QUOTE: "quoted", REPOST: "retweeted"}
_text = msgspec.json.Encoder().encode
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


class X:
    """Writer of X API v2 pages.

    Parameters
    ----------
    world : World
    """

    prefix = "x"
    carries_follows = False

    def __init__(self, world: World) -> None:
        self.world, self.view = world, View(world)
        self.profiles = profiles(world)
        self.speech = Speech(world, self.handles())
        self.ids = snowflakes(world.acts.time, world.acts.uid).tolist()
        numbers = hash_of(world.settings.seed, 51, np.arange(world.population.size))
        # Ids in the order of joining, as the network gives them.
        self.users = snowflakes(world.population.joined, numbers).tolist()

    def handles(self) -> list[str]:
        """Handles of all accounts."""
        return [one.handle for one in self.profiles]

    def account_ids(self) -> pa.Array:
        """Native ids of all accounts."""
        return pc.cast(pa.array(self.users, pa.int64()), pa.large_string())

    def act_ids(self) -> pa.Array:
        """Native ids of the records of all acts."""
        return pc.cast(pa.array(self.ids, pa.int64()), pa.large_string())

    @cached_property
    def _shown_users(self) -> list[str]:
        view, population = self.view, self.world.population
        columns = zip(
            self.profiles, moments(population.joined).to_pylist(), view.followers.tolist(),
            view.following.tolist(), view.posted.tolist(), strict=True,
        )  # fmt: skip
        shown = []
        for account, (one, joined, followers, following, posted) in enumerate(columns):
            metrics = ""
            if followers >= 0:
                metrics = (
                    f'"public_metrics":{{"followers_count":{followers},"following_count":{following},'
                    f'"tweet_count":{posted},"listed_count":{followers // 60},"like_count":{posted * 2}}},'
                )
            shown.append(
                f'{{"id":"{self.users[account]}","username":"{one.handle}","name":{_text(one.name).decode()},'
                f'"description":{_text(one.bio).decode()},"created_at":"{joined[:19]}.000Z","protected":false,'
                f'{metrics}"verified":false}}'
            )
        return shown

    @cached_property
    def _by_handle(self) -> dict[str, int]:
        return {handle: account for account, handle in enumerate(self.handles())}

    def write(self, sink: Callable[[bytes], object], progress: Progress) -> int:
        """Write all lines and return their number."""
        shown = self.view.standing_acts()[::-1]
        progress.step("Write the conversation", shown.size, "posts")
        lines = 0
        for first in range(0, shown.size, _PAGE):
            rows = shown[first : first + _PAGE]
            sink(self._page(rows, first + _PAGE < shown.size))
            lines += 1
            progress.advance(rows.size)
            if lines % 50 == 0:
                check(progress)
        return lines

    def _page(self, rows: NDArray[np.int64], more: bool) -> bytes:
        acts = self.world.acts
        referred = np.unique(acts.object[rows][acts.object[rows] >= 0]).astype(np.int64)
        users: dict[int, None] = dict.fromkeys(acts.actor[rows].tolist())
        users.update(dict.fromkeys(acts.actor[referred].tolist()))
        # Reposts show the text of what they repost, so that is made first.
        included = self._tweets(referred, {}, users)
        data = self._tweets(rows, {act: included[act][1] for act in included}, users)
        newest, oldest = self.ids[int(rows[0])], self.ids[int(rows[-1])]
        token = f',"next_token":"b26v89c19zqg8o3f{oldest % 10**12:012d}"' if more else ""
        return (
            f'{{"data":[{",".join(data[act][0] for act in rows.tolist())}],"includes":{{'
            f'"users":[{",".join(self._shown_users[user] for user in users)}],'
            f'"tweets":[{",".join(included[act][0] for act in included)}]}},"meta":{{"newest_id":"{newest}",'
            f'"oldest_id":"{oldest}","result_count":{rows.size}{token}}}}}\n'
        ).encode()

    def _tweets(
        self, rows: NDArray[np.int64], texts: dict[int, str], users: dict[int, None]
    ) -> dict[int, tuple[str, str]]:
        """Return the JSON and the text of each act."""
        acts, counts = self.world.acts, self.view.counts
        langs = self.world.population.lang
        made = rows[acts.kind[rows] != REPOST]
        said = dict(zip(made.tolist(), self.speech.texts(made), strict=True))
        out = {}
        columns = zip(
            rows.tolist(), acts.actor[rows].tolist(), acts.kind[rows].tolist(), acts.object[rows].tolist(),
            moments(acts.time[rows]).to_pylist(), acts.uid[rows].tolist(), counts.reposts[rows].tolist(),
            counts.replies[rows].tolist(), counts.likes[rows].tolist(), counts.quotes[rows].tolist(),
            strict=True,
        )  # fmt: skip
        for act, actor, kind, other, when, uid, reposts, replies, likes, quotes in columns:
            own = self.ids[act]
            fields, root = "", own
            if kind != POST:
                author = int(acts.actor[other])
                fields = f'"referenced_tweets":[{{"type":"{_REFERENCE[kind]}","id":"{self.ids[other]}"}}],'
                if kind == REPLY:
                    root = self.ids[other]
                    fields += f'"in_reply_to_user_id":"{self.users[author]}",'
            if kind == REPOST:
                text = f"RT @{self.profiles[author].handle}: {texts[other]}"
                text = text if len(text) <= 140 else text[:139] + "…"
                lang, reposts = int(langs[author]), int(counts.reposts[other])
            else:
                text, lang = said[act]
            text, found = self._entities(text, uid, users)
            out[act] = (
                f'{{"id":"{own}","author_id":"{self.users[actor]}","created_at":"{when}","conversation_id":"{root}",'
                f'{fields}{found}"lang":"{"fr" if lang == 0 else "en"}","edit_history_tweet_ids":["{own}"],'
                f'"possibly_sensitive":false,"public_metrics":{{"retweet_count":{reposts},"reply_count":{replies},'
                f'"like_count":{likes},"quote_count":{quotes},"bookmark_count":{likes // 9},'
                f'"impression_count":{likes * 37 + reposts * 120 + 11}}},"text":{_text(text).decode()}}}',
                text,
            )
        return out

    def _entities(self, text: str, uid: int, users: dict[int, None]) -> tuple[str, str]:
        """Shorten links as X does and return the text and its entities."""
        urls, tags, mentions = [], [], []
        moved = 0
        parts, at = [], 0
        for entity in entities(text):
            start = entity.start + moved
            if entity.text[0] == "#":
                tag = _text(entity.text[1:]).decode()
                tags.append(f'{{"start":{start},"end":{entity.end + moved},"tag":{tag}}}')
            elif entity.text[0] == "@":
                account = self._by_handle.get(entity.text[1:])
                if account is not None:
                    users.setdefault(account)
                    mentions.append(
                        f'{{"start":{start},"end":{entity.end + moved},"username":"{entity.text[1:]}",'
                        f'"id":"{self.users[account]}"}}'
                    )
            elif not entity.text.startswith("https://t.co/"):
                short = "https://t.co/" + "".join(_LETTERS[(uid >> (6 * k)) % 62] for k in range(10))
                urls.append(
                    f'{{"start":{start},"end":{start + len(short)},"url":"{short}",'
                    f'"expanded_url":"{entity.text}","display_url":"{entity.text[8:34]}…"}}'
                )
                parts.append(text[at : entity.start] + short)
                at = entity.end
                moved += len(short) - len(entity.text)
        text = "".join(parts) + text[at:]
        found = [
            f'"{name}":[{",".join(each)}]'
            for name, each in (("urls", urls), ("hashtags", tags), ("mentions", mentions))
            if each
        ]
        return text, f'"entities":{{{",".join(found)}}},' if found else ""
