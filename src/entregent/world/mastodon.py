"""The world as a Mastodon server shows it: one Status a line, boosts with the original inside.

Shapes: https://docs.joinmastodon.org/entities/Status/ and
https://docs.joinmastodon.org/entities/Account/. Favourites and follows show
only as numbers.
"""

from __future__ import annotations

import html
from collections.abc import Callable
from functools import cached_property

import msgspec
import numpy as np
import pyarrow as pa

from entregent.progress import Progress, check
from entregent.world.ids import moments, snowflakes
from entregent.world.kernels import LINK, POST, QUOTE, REPLY, REPOST
from entregent.world.keys import hash_of, pick
from entregent.world.simulation import World
from entregent.world.speech import Speech, profiles
from entregent.world.wire import View, entities

__all__ = ["Mastodon"]

_HOME = "rail.example"
_SERVERS = (_HOME, "tchoutchou.example", "mastodon.social.example", "pourparlers.example")
_CHUNK = 5000
_text = msgspec.json.Encoder().encode


class Mastodon:
    """Writer of Mastodon statuses, as the server ``rail.example`` sees them.

    Parameters
    ----------
    world : World
    """

    prefix = "fediverse"
    carries_follows = False

    def __init__(self, world: World) -> None:
        self.world, self.view = world, View(world)
        self.profiles = profiles(world)
        self.speech = Speech(world, self.handles())
        accounts = np.arange(world.population.size)
        servers = pick(hash_of(world.settings.seed, 61, accounts), len(_SERVERS))
        servers[0] = 0
        self.server = [_SERVERS[place] for place in servers.tolist()]
        uids = hash_of(world.settings.seed, 62, accounts)
        self.numbers = snowflakes(world.population.joined, uids, epoch_ms=0, bits=16).tolist()
        self.ids = snowflakes(world.acts.time, world.acts.uid, epoch_ms=0, bits=16).tolist()

    def handles(self) -> list[str]:
        """Handles of all accounts, as written in texts."""
        return [one.handle for one in self.profiles]

    @cached_property
    def _actors(self) -> list[str]:
        return [
            f"https://{server}/users/{one.handle}"
            for server, one in zip(self.server, self.profiles, strict=True)
        ]

    def account_ids(self) -> pa.Array:
        """Native ids of all accounts: their ActivityPub ``uri``."""
        return pa.array(self._actors, pa.large_string())

    def _uri(self, act: int, actor: int, kind: int) -> str:
        return f"{self._actors[actor]}/statuses/{self.ids[act]}{'/activity' if kind == REPOST else ''}"

    def act_ids(self) -> pa.Array:
        """Native ids of all acts: the ``uri`` of the status."""
        acts = self.world.acts
        rows = zip(range(acts.item.size), acts.actor.tolist(), acts.kind.tolist(), strict=True)
        return pa.array((self._uri(*row) for row in rows), pa.large_string())

    @cached_property
    def _accounts(self) -> list[str]:
        view, population = self.view, self.world.population
        columns = zip(
            self.profiles, moments(population.joined).to_pylist(), view.followers.tolist(),
            view.following.tolist(), view.posted.tolist(), strict=True,
        )  # fmt: skip
        shown = []
        for account, (one, joined, followers, following, posted) in enumerate(columns):
            server = self.server[account]
            acct = one.handle if server == _HOME else f"{one.handle}@{server}"
            avatar = f"https://files.{server}/avatars/{self.numbers[account]}.png"
            note = f"<p>{html.escape(one.bio, quote=False)}</p>" if one.bio else ""
            shown.append(
                f'{{"id":"{self.numbers[account]}","username":"{one.handle}","acct":"{acct}",'
                f'"display_name":{_text(one.name).decode()},"locked":false,"bot":false,"discoverable":true,'
                f'"group":false,"created_at":"{joined[:10]}T00:00:00.000Z","note":{_text(note).decode()},'
                f'"url":"https://{server}/@{one.handle}","uri":"{self._actors[account]}","avatar":"{avatar}",'
                f'"avatar_static":"{avatar}","followers_count":{followers if followers >= 0 else "null"},'
                f'"following_count":{following},"statuses_count":{posted},"emojis":[],"fields":[]}}'
            )
        return shown

    @cached_property
    def _by_handle(self) -> dict[str, int]:
        return {handle: account for account, handle in enumerate(self.handles())}

    def write(self, sink: Callable[[bytes], object], progress: Progress) -> int:
        """Write all lines and return their number."""
        acts, shown = self.world.acts, self.view.standing_acts()
        progress.step("Write the conversation", shown.size, "statuses")
        for first in range(0, shown.size, _CHUNK):
            rows = shown[first : first + _CHUNK]
            inside = acts.object[rows][np.isin(acts.kind[rows], (REPOST, QUOTE))].astype(np.int64)
            # A quoted post that itself quotes shows only its own text.
            nested = self._statuses(np.unique(inside), {})
            lines = self._statuses(rows, nested)
            sink("".join(lines[act] + "\n" for act in rows.tolist()).encode())
            progress.advance(rows.size)
            check(progress)
        return int(shown.size)

    def _statuses(self, rows: np.ndarray, nested: dict[int, str]) -> dict[int, str]:
        acts, counts, agenda = self.world.acts, self.view.counts, self.world.agenda
        made = rows[acts.kind[rows] != REPOST]
        said = dict(zip(made.tolist(), self.speech.texts(made), strict=True))
        out = {}
        columns = zip(
            rows.tolist(), acts.actor[rows].tolist(), acts.kind[rows].tolist(), acts.object[rows].tolist(),
            moments(acts.time[rows]).to_pylist(), agenda.kind[acts.item[rows]].tolist(),
            counts.replies[rows].tolist(), counts.reposts[rows].tolist(), counts.likes[rows].tolist(),
            strict=True,
        )  # fmt: skip
        for act, actor, kind, other, when, item_kind, replies, reposts, likes in columns:
            reply = reply_account = reblog = language = card = "null"
            content, quote = "", ""
            mentions: list[str] = []
            tags: list[str] = []
            url = f'"https://{self.server[actor]}/@{self.profiles[actor].handle}/{self.ids[act]}"'
            if kind == REPOST:
                reblog = nested[other]
                url = f'"{self._uri(act, actor, kind)}"'
            else:
                text, lang = said[act]
                language = '"fr"' if lang == 0 else '"en"'
                content, mentions, tags, link = self._content(text, actor)
                if kind == POST and item_kind == LINK and link:
                    title = _text(text.split(" http")[0][:80]).decode()
                    card = (
                        f'{{"url":"{link}","title":{title},"description":"","type":"link","author_name":"",'
                        '"author_url":"","provider_name":"","provider_url":"","html":"","width":0,"height":0,'
                        '"image":null,"embed_url":""}'
                    )
            if kind == REPLY:
                reply, reply_account = f'"{self.ids[other]}"', f'"{self.numbers[int(acts.actor[other])]}"'
            if kind == QUOTE and other in nested:
                quote = f'"quote":{{"state":"accepted","quoted_status":{nested[other]}}},'
            out[act] = (
                f'{{"id":"{self.ids[act]}","created_at":"{when}","in_reply_to_id":{reply},'
                f'"in_reply_to_account_id":{reply_account},"sensitive":false,"spoiler_text":"",'
                f'"visibility":"public","language":{language},'
                f'"uri":"{self._uri(act, actor, kind)}","url":{url},'
                f'"replies_count":{replies},"reblogs_count":{reposts},"favourites_count":{likes},'
                f'"edited_at":null,"content":{_text(content).decode()},"reblog":{reblog},{quote}'
                f'"account":{self._accounts[actor]},"media_attachments":[],"mentions":[{",".join(mentions)}],'
                f'"tags":[{",".join(tags)}],"emojis":[],"card":{card},"poll":null}}'
            )
        return out

    def _content(self, text: str, actor: int) -> tuple[str, list[str], list[str], str]:
        """Return the HTML of a text, its mentions and tags as JSON, and its link."""
        parts, mentions, tags, link, at = [], [], [], "", 0
        server = self.server[actor]
        for entity in entities(text):
            parts.append(html.escape(text[at : entity.start], quote=False))
            at = entity.end
            word = entity.text[1:]
            if entity.text[0] == "#":
                place = f"https://{server}/tags/{word}"
                parts.append(
                    f'<a href="{place}" class="mention hashtag" rel="tag">'
                    f"#<span>{html.escape(word)}</span></a>"
                )
                tags.append(f'{{"name":{_text(word.lower()).decode()},"url":{_text(place).decode()}}}')
            elif entity.text[0] == "@" and word in self._by_handle:
                account = self._by_handle[word]
                home = self.server[account]
                place = f"https://{home}/@{word}"
                parts.append(
                    f'<span class="h-card"><a href="{place}" class="u-url mention">'
                    f"@<span>{word}</span></a></span>"
                )
                acct = word if home == _HOME else f"{word}@{home}"
                mentions.append(
                    f'{{"id":"{self.numbers[account]}","username":"{word}","url":"{place}","acct":"{acct}"}}'
                )
            elif entity.text[0] == "h":
                link = entity.text
                bare = html.escape(link.removeprefix("https://"))
                parts.append(
                    f'<a href="{html.escape(link)}" target="_blank" rel="nofollow noopener noreferrer">'
                    f'<span class="invisible">https://</span><span class="ellipsis">{bare[:30]}</span>'
                    f'<span class="invisible">{bare[30:]}</span></a>'
                )
            else:
                parts.append(html.escape(entity.text, quote=False))
        parts.append(html.escape(text[at:], quote=False))
        return f"<p>{''.join(parts)}</p>", mentions, tags, link
