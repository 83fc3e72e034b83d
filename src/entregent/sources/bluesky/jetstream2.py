"""The second protocol of Jetstream: numbered events, frames of their own, a dictionary for compression.

The dictionary is asked from the server itself; one that offers none sends
frames as plain JSON.

https://github.com/bluesky-social/jetstream, lexicons ``network.bsky.jetstream.*``;
frames: https://github.com/bluesky-social/proposals, proposal 0015
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlencode

import msgspec
import zstandard

from entregent.clock import to_micros
from entregent.errors import SourceError, TransientError
from entregent.records import Gap
from entregent.sources.bluesky.firehose import moment_told, noticed
from entregent.sources.bluesky.place import Place
from entregent.sources.bluesky.settings import BlueskySettings
from entregent.sources.bluesky.wire import Heard
from entregent.sources.web import Web

__all__ = ["NumberedJetstreamWire"]

OLDEST = 10**15
"""Cursors from here on are moments in microseconds: this one is older than all that is kept."""

_METHOD = "network.bsky.jetstream.subscribeEvents"
_DICTIONARY = "network.bsky.jetstream.getZstdDictionary"
_MAGIC, _FRAME = b"\x37\xa4\x30\xec", b"\x28\xb5\x2f\xfd"
_NOT_OF_A_COMMIT = ("$type", "seq", "did", "time", "witnessedAt", "recordCbor")
_encode = msgspec.json.Encoder().encode


class _Frame(msgspec.Struct):
    kind: str = msgspec.field(name="$type", default="")
    payload: dict[str, msgspec.Raw] = {}
    error: str = ""
    message: str = ""


_frame = msgspec.json.Decoder(_Frame)


class NumberedJetstreamWire:
    """One connection to a Jetstream of the second protocol, see :class:`entregent.sources.bluesky.wire.Wire`.

    Parameters
    ----------
    name : str
        Of the source.
    settings : BlueskySettings
    place : Place, optional
        Where to go on; from now on where None.
    moment : datetime
        Now.
    """

    subprotocol: str | None = "xrpc.v1.json"

    def __init__(self, name: str, settings: BlueskySettings, place: Place | None, moment: datetime) -> None:
        self.name = name
        self._settings = settings
        if place is None:
            start = max(OLDEST, to_micros(moment) - round(settings.rewind_seconds * 1e6))
            place = Place("jetstream2", start, moment, exact=True)
        self.place: Place = place
        self._from = place
        self._outdated = False
        self._dictionary: int | None = None
        self._unpack = zstandard.ZstdDecompressor()

    @property
    def deflate(self) -> bool:
        """Whether the general compression of websockets is offered: never beside the dictionary."""
        return self._dictionary is None

    async def prepare(self, web: Web) -> None:
        """Ask for the dictionary; a server without one is followed without."""
        address = f"http{self._settings.address.removeprefix('ws')}/xrpc/{_DICTIONARY}"
        answer = await web.get(address, accept=(400, 404, 405, 501))
        if answer.status == 200 and answer.body[:4] == _MAGIC:
            self._dictionary = int.from_bytes(answer.body[4:8], "little")
            known = zstandard.ZstdCompressionDict(answer.body)
            self._unpack = zstandard.ZstdDecompressor(dict_data=known)

    def url(self) -> str:
        """Return what is opened."""
        asked: list[tuple[str, str | int]] = [("cursor", self.place.number)]
        asked.append(("maxMessageSizeBytes", self._settings.longest))
        asked += [("collections", one) for one in self._settings.collections]
        asked += [("dids", one) for one in self._settings.accounts]
        if self._dictionary is not None:
            asked.append(("zstdDictionary", self._dictionary))
        return f"{self._settings.address}/xrpc/{_METHOD}?{urlencode(asked)}"

    def hello(self) -> str | None:
        """Return nothing: all wishes stand in the address."""
        return None

    def refused(self, error: str, moment: datetime) -> Heard | None:  # noqa: ARG002
        """Go on with the oldest that there is, where a server no longer has the place."""
        if error == "UnknownZstdDictionary":
            return Heard(trouble=TransientError("The server has a new dictionary.", where=self.name))
        if error != "CursorTooOld":
            return None
        self.place = Place("jetstream2", OLDEST, self.place.heard, exact=True)
        return Heard(trouble=TransientError("The server no longer has the place.", where=self.name))

    def hear(self, messages: Sequence[bytes], moment: datetime) -> Heard:
        """Return what messages said."""
        events: list[bytes] = []
        gaps: list[Gap] = []
        counts: Counter[str] = Counter()
        trouble: SourceError | None = None
        for message in messages:
            try:
                frame = _frame.decode(self._plain(message))
                if frame.kind == "error":
                    told = f"The server ended the stream: {frame.error}. {frame.message}".strip()
                    trouble = TransientError(told, where=self.name)
                    break
                trouble = self._heard(frame.payload, events, counts, gaps, moment)
                if trouble is not None:
                    break
            except (msgspec.DecodeError, zstandard.ZstdError, ValueError, KeyError, RecursionError):
                counts["stream.unreadable"] += 1
        return Heard(events, noticed(counts, self.name), tuple(gaps), trouble)

    def _plain(self, message: bytes) -> bytes:
        if not message.startswith(_FRAME):
            return message
        # The size that a frame tells is the sender's word: what comes out is bounded by ours.
        told = zstandard.frame_content_size(message)
        if told > self._settings.longest:
            raise ValueError(told)
        return self._unpack.decompress(message, max_output_size=self._settings.longest)

    def _heard(
        self,
        payload: dict[str, msgspec.Raw],
        events: list[bytes],
        counts: Counter[str],
        gaps: list[Gap],
        moment: datetime,
    ) -> SourceError | None:
        kind = msgspec.json.decode(payload["$type"], type=str).rpartition("#")[2]
        if kind == "info":
            return self._told(msgspec.json.decode(payload["name"], type=str), gaps, moment)
        number = msgspec.json.decode(payload["seq"], type=int)
        did = msgspec.json.decode(payload["did"], type=str)
        when = moment_told(msgspec.json.decode(payload.get("witnessedAt", payload["time"]), type=str), moment)
        if not 0 <= number < OLDEST:
            raise ValueError(number)
        if self._outdated and when > self._from.heard:
            gaps.append(Gap(self.name, self._from.heard, when, "OutdatedCursor"))
        self._outdated = False
        self.place = Place("jetstream2", number, min(when, moment))
        told = {"did": did, "time_us": to_micros(when)}
        if kind == "commit":
            commit = {key: value for key, value in payload.items() if key not in _NOT_OF_A_COMMIT}
            events.append(_encode({**told, "kind": kind, "commit": commit}))
        elif kind in ("identity", "account"):
            events.append(_encode({**told, "kind": kind, kind: payload[kind]}))
        elif kind != "sync":
            counts["stream.unknown"] += 1
        return None

    def _told(self, name: str, gaps: list[Gap], moment: datetime) -> SourceError | None:
        if name == "FutureCursor":
            # The numbers of the server began anew. All that it has is asked for: what came before is known.
            gaps.append(Gap(self.name, self._from.heard, moment, name))
            self.place = Place("jetstream2", OLDEST, moment, exact=True)
            return TransientError("The numbers of the server began anew.", where=self.name)
        self._outdated = self._outdated or name == "OutdatedCursor"
        return None

    def skip(self, times: int, moment: datetime) -> Heard:
        """Go on behind a message that is too long: one number, twice as far each time."""
        if self.place.number < OLDEST:
            self.place = Place("jetstream2", self.place.number + 2 ** (times - 1), moment, exact=True)
        return Heard(notices=noticed(Counter({"stream.too_large": 1}), self.name))
