"""The world as Bluesky's Jetstream sends it: one JSON line per commit.

Identities, profiles and follows from before the conversation come first, as
in a back-fill; then everything in order of time, deletions included. Line
shapes: https://github.com/bluesky-social/jetstream and the lexicons
``app.bsky.*`` of https://github.com/bluesky-social/atproto.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import pairwise

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from entregent.clock import to_micros
from entregent.progress import Progress, check
from entregent.world.ids import content_ids, decentralised_ids, moments, timestamp_ids
from entregent.world.kernels import LINK, POST, QUOTE, REPLY, REPOST
from entregent.world.keys import hash_of, unit
from entregent.world.simulation import World
from entregent.world.speech import Speech, profiles
from entregent.world.wire import View, entities

__all__ = ["Jetstream"]

_CHUNK = 200_000
_BACKFILL = 2 * 3600 * 1_000_000
_COLLECTION = {POST: "post", REPLY: "post", QUOTE: "post", REPOST: "repost"}
_text = msgspec.json.Encoder().encode


class Jetstream:
    """Writer of Jetstream lines.

    Parameters
    ----------
    world : World
    """

    prefix = "bluesky"
    carries_follows = True

    def __init__(self, world: World) -> None:
        self.world, self.view = world, View(world)
        self.profiles = profiles(world)

    @cached_property
    def _dids(self) -> pa.Array:
        return decentralised_ids(self.world.settings.seed, self.world.population.size)

    def account_ids(self) -> pa.Array:
        """Native ids of all accounts."""
        return self._dids

    def handles(self) -> list[str]:
        """Handles of all accounts."""
        return [f"{one.handle.replace('_', '-').strip('-')}.skyrail.example" for one in self.profiles]

    @cached_property
    def _act_keys(self) -> pa.Array:
        return timestamp_ids(self.world.acts.time, self.world.acts.uid)

    @cached_property
    def _uris(self) -> pa.Array:
        acts = self.world.acts
        place = pa.array(np.where(acts.kind == REPOST, "repost", "post"), pa.large_string())
        author = self._dids.take(pa.array(acts.actor))
        return _joined("at://", author, "/app.bsky.feed.", place, "/", self._act_keys)

    def act_ids(self) -> pa.Array:
        """Native ids of the records of all acts."""
        return self._uris

    def write(self, sink: Callable[[bytes], object], progress: Progress) -> int:
        """Write all lines and return their number."""
        lines = self._backfill(sink, progress)
        speech = Speech(self.world, self.handles())
        streams = (self._acts(speech), self._plain("like"), self._plain("follow"), self._deletions())
        start, end = to_micros(self.world.settings.starts_at), to_micros(self.world.settings.ends_at)
        live = sum(stream.moment.size for stream in streams)
        progress.step("Write the conversation", live, "lines")
        cuts = _cuts(streams, start, end)
        for low, high in pairwise(cuts):
            pieces, times = [], []
            for stream in streams:
                first, last = np.searchsorted(stream.moment, (low, high))
                if last > first:
                    rows = np.arange(first, last)
                    rows = rows[~self.view.missed(stream.moment[rows])]
                    pieces.append(stream.lines(rows))
                    times.append(stream.moment[rows])
            if pieces:
                moment = np.concatenate(times)
                order = pa.array(np.argsort(moment, kind="stable"))
                chunk = pa.concat_arrays(pieces).take(order)
                lines += _pour(chunk, sink)
                progress.advance(moment.size)
            check(progress)
        return lines

    def _backfill(self, sink: Callable[[bytes], object], progress: Progress) -> int:
        world = self.world
        start = to_micros(world.settings.starts_at) - _BACKFILL
        size = world.population.size
        progress.step("Write the profiles", size, "accounts")
        dids, handles = self._dids.to_pylist(), self.handles()
        joined = moments(world.population.joined).to_pylist()
        uids = hash_of(world.settings.seed, 42, np.arange(size))
        keys, cids = timestamp_ids(world.population.joined, uids).to_pylist(), content_ids(uids).to_pylist()
        out = []
        for account, one in enumerate(self.profiles):
            time = start + account * 10
            did, when, handle = dids[account], joined[account], handles[account]
            out.append(
                f'{{"did":"{did}","time_us":{time},"kind":"identity","identity":{{"did":"{did}",'
                f'"handle":"{handle}","seq":{900_000 + account},"time":"{when}"}}}}\n'
            )
            bio = f'"description":{_text(one.bio).decode()},' if one.bio else ""
            out.append(
                f'{{"did":"{did}","time_us":{time + 5},"kind":"commit","commit":{{"rev":"{keys[account]}",'
                f'"operation":"create","collection":"app.bsky.actor.profile","rkey":"self","record":{{'
                f'"$type":"app.bsky.actor.profile","createdAt":"{when}",{bio}'
                f'"displayName":{_text(one.name).decode()}}},"cid":"{cids[account]}"}}}}\n'
            )
            if len(out) >= 20_000 or account == size - 1:
                sink("".join(out).encode())
                out.clear()
                check(progress)
        progress.advance(size)
        old = self._plain("follow", old=True)
        for first in range(0, old.moment.size, _CHUNK):
            rows = np.arange(first, min(first + _CHUNK, old.moment.size))
            _pour(old.lines(rows), sink)
            check(progress)
        return 2 * size + int(old.moment.size)

    def _late(self, times: NDArray[np.int64], uids: NDArray[np.uint64]) -> NDArray[np.int64]:
        # Jetstream stamps a commit when it arrives, a moment after it was made.
        return times + 150_000 + (unit(uids) ** 3 * 2_500_000).astype(np.int64)

    def _plain(self, kind: str, *, old: bool = False) -> _Stream:
        """Likes and follows: lines without a text of their own."""
        world = self.world
        if kind == "like":
            actor, when, uids = world.likes.actor, world.likes.time, world.likes.uid
            subject = world.likes.object
        else:
            follows, start = world.population.follows, to_micros(world.settings.starts_at)
            mine = np.flatnonzero((follows.since < start) == old)
            mine = mine[np.argsort(follows.since[mine], kind="stable")]
            actor, when, subject = follows.follower[mine], follows.since[mine], follows.followed()[mine]
            uids = hash_of(world.settings.seed, 43, actor, subject)
        moment = self._late(when, uids)
        order = np.argsort(moment, kind="stable")
        if old:
            start = to_micros(world.settings.starts_at) - _BACKFILL // 2
            moment = start + np.arange(moment.size) * (_BACKFILL // 4) // max(1, moment.size)
            order = np.arange(moment.size)
        actor, when, uids, subject = actor[order], when[order], uids[order], subject[order]
        collection = "app.bsky.feed.like" if kind == "like" else "app.bsky.graph.follow"

        def lines(rows: NDArray[np.int64]) -> pa.Array:
            if kind == "like":
                shown = self._reference(subject[rows])
            else:
                shown = _joined('"', self._dids.take(pa.array(subject[rows])), '"')
            return self._commits(collection, actor[rows], when[rows], uids[rows], final[rows], shown)

        final = moment[order] if not old else moment
        return _Stream(final, lines)

    def _reference(self, posts: NDArray[np.int32]) -> pa.Array:
        chosen = pa.array(posts)
        cids = content_ids(self.world.acts.uid[posts])
        return _joined('{"cid":"', cids, '","uri":"', self._uris.take(chosen), '"}')

    def _commits(
        self,
        collection: str,
        actor: NDArray[np.int32],
        when: NDArray[np.int64],
        uids: NDArray[np.uint64],
        moment: NDArray[np.int64],
        subject: pa.Array,
    ) -> pa.Array:
        keys = timestamp_ids(when, uids)
        return _joined(
            '{"did":"', self._dids.take(pa.array(actor)),
            '","time_us":', pc.cast(pa.array(moment), pa.large_string()),
            ',"kind":"commit","commit":{"rev":"', timestamp_ids(moment, uids),
            f'","operation":"create","collection":"{collection}","rkey":"', keys,
            f'","record":{{"$type":"{collection}","createdAt":"', moments(when), '","subject":', subject,
            '},"cid":"', content_ids(uids), '"}}\n',
        )  # fmt: skip

    def _acts(self, speech: Speech) -> _Stream:
        acts = self.world.acts
        moment = self._late(acts.time, acts.uid)
        order = np.argsort(moment, kind="stable")
        final = moment[order]

        def lines(rows: NDArray[np.int64]) -> pa.Array:
            mine = order[rows]
            reposts = acts.kind[mine] == REPOST
            again, made = mine[reposts], mine[~reposts]
            shared = self._commits(
                "app.bsky.feed.repost", acts.actor[again], acts.time[again], acts.uid[again],
                final[rows][reposts], self._reference(acts.object[again]),
            )  # fmt: skip
            posts = pa.array(self._posts(made, final[rows][~reposts], speech), pa.large_string())
            place = np.empty(mine.size, dtype=np.int64)
            place[np.flatnonzero(reposts)] = np.arange(again.size)
            place[np.flatnonzero(~reposts)] = again.size + np.arange(made.size)
            return pa.concat_arrays([shared, posts]).take(pa.array(place))

        return _Stream(final, lines)

    @cached_property
    def _by_handle(self) -> dict[str, str]:
        return dict(zip(self.handles(), self._dids.to_pylist(), strict=True))

    def _posts(self, made: NDArray[np.int64], moment: NDArray[np.int64], speech: Speech) -> Iterator[str]:
        acts, agenda = self.world.acts, self.world.agenda
        parents = np.maximum(acts.object[made], 0)
        columns = zip(
            speech.texts(made),
            self._dids.take(pa.array(acts.actor[made])).to_pylist(),
            moment.tolist(),
            timestamp_ids(moment, acts.uid[made]).to_pylist(),
            self._act_keys.take(pa.array(made)).to_pylist(),
            moments(acts.time[made]).to_pylist(),
            content_ids(acts.uid[made]).to_pylist(),
            acts.kind[made].tolist(),
            self._reference(parents).to_pylist() if made.size else [],
            acts.item[made].tolist(),
            strict=True,
        )
        for (text, lang), did, time, rev, key, when, cid, kind, reference, item in columns:
            parts = []
            if kind == QUOTE:
                parts.append(f'"embed":{{"$type":"app.bsky.embed.record","record":{reference}}},')
            elif kind == POST and agenda.kind[item] == LINK:
                title = _text(text.split(" http")[0][:80]).decode()
                parts.append(
                    f'"embed":{{"$type":"app.bsky.embed.external","external":{{"description":"","title":{title},'
                    f'"uri":"{text[text.rfind("http") :]}"}}}},'
                )
            facets = self._facets(text)
            if facets:
                parts.append(f'"facets":[{facets}],')
            parts.append('"langs":["fr"],' if lang == 0 else '"langs":["en"],')
            if kind == REPLY:
                parts.append(f'"reply":{{"parent":{reference},"root":{reference}}},')
            yield (
                f'{{"did":"{did}","time_us":{time},"kind":"commit","commit":{{"rev":"{rev}","operation":"create",'
                f'"collection":"app.bsky.feed.post","rkey":"{key}","record":{{"$type":"app.bsky.feed.post",'
                f'"createdAt":"{when}",{"".join(parts)}"text":{_text(text).decode()}}},"cid":"{cid}"}}}}\n'
            )

    def _facets(self, text: str) -> str:
        facets = []
        for entity in entities(text):
            low = len(text[: entity.start].encode())
            high = low + len(entity.text.encode())
            if entity.text[0] == "#":
                feature = f'"$type":"app.bsky.richtext.facet#tag","tag":{_text(entity.text[1:]).decode()}'
            elif entity.text[0] == "@":
                did = self._by_handle.get(entity.text[1:])
                if did is None:
                    continue
                feature = f'"$type":"app.bsky.richtext.facet#mention","did":"{did}"'
            else:
                feature = f'"$type":"app.bsky.richtext.facet#link","uri":"{entity.text}"'
            facets.append(f'{{"features":[{{{feature}}}],"index":{{"byteEnd":{high},"byteStart":{low}}}}}')
        return ",".join(facets)

    def _deletions(self) -> _Stream:
        acts = self.world.acts
        gone = np.flatnonzero((acts.deleted > 0) & (acts.deleted < to_micros(self.world.settings.ends_at)))
        gone = gone[np.argsort(acts.deleted[gone], kind="stable")]
        moment = acts.deleted[gone] + 200_000

        def lines(rows: NDArray[np.int64]) -> pa.Array:
            mine = gone[rows]
            return _joined(
                '{"did":"', self._dids.take(pa.array(acts.actor[mine])), '","time_us":',
                pc.cast(pa.array(moment[rows]), pa.large_string()), ',"kind":"commit","commit":{"rev":"',
                timestamp_ids(moment[rows], acts.uid[mine]),
                '","operation":"delete","collection":"app.bsky.feed.post","rkey":"',
                self._act_keys.take(pa.array(mine)), '"}}\n',
            )  # fmt: skip

        return _Stream(moment, lines)


class _Stream:
    """Lines of one kind in order of their moment, made when they are needed."""

    def __init__(self, moment: NDArray[np.int64], lines: Callable[[NDArray[np.int64]], pa.Array]) -> None:
        self.moment, self.lines = moment, lines


def _cuts(streams: tuple[_Stream, ...], start: int, end: int) -> list[int]:
    """Moments that cut the streams into pieces of about the same number of lines."""
    every = np.sort(np.concatenate([stream.moment for stream in streams]))
    inner = every[_CHUNK::_CHUNK].tolist()
    return [start, *inner, max(end, int(every[-1]) + 1 if every.size else end) + 1]


def _joined(*parts: pa.Array | str) -> pa.Array:
    scalars = [pa.scalar(part, pa.large_string()) if isinstance(part, str) else part for part in parts]
    return pc.binary_join_element_wise(*scalars, pa.scalar("", pa.large_string()))


def _pour(lines: pa.Array, sink: Callable[[bytes], object]) -> int:
    """Hand the bytes of the texts to the sink, without a copy per line."""
    if len(lines):
        offsets = np.frombuffer(lines.buffers()[1], dtype=np.int64)[
            lines.offset : lines.offset + len(lines) + 1
        ]
        sink(memoryview(lines.buffers()[2])[int(offsets[0]) : int(offsets[-1])])  # type: ignore[arg-type]
    return len(lines)
