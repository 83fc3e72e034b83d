"""The firehose: what the network itself speaks, all of it, told apart by sequence numbers.

A message is two values of DAG-CBOR, a header and a body; a commit carries its
records as blocks of an archive (CAR). Events are written as Jetstream writes
them, so that both streams are read in one way.

https://atproto.com/specs/sync, lexicon ``com.atproto.sync.subscribeRepos``
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import libipld
import msgspec

from entregent.clock import to_micros
from entregent.errors import SourceError, TransientError
from entregent.i18n import T, Text
from entregent.records import Gap
from entregent.results import Notice
from entregent.sources.bluesky.place import Place
from entregent.sources.bluesky.settings import BlueskySettings
from entregent.sources.bluesky.wire import Heard
from entregent.sources.web import Web

__all__ = ["FirehoseWire", "moment_told", "noticed"]

_ERROR = -1
_TOLD: Mapping[str, Text] = {
    "stream.unreadable": T("A message of a stream could not be read, and was left out."),
    "stream.unknown": T("A message of a stream is of a kind that is not known, and was left out."),
    "stream.too_large": T("An event longer than can be read was passed over."),
    "stream.incomplete": T("A commit came without its records, which were left out."),
}
_encode = msgspec.json.Encoder().encode


class FirehoseWire:
    """One connection to a firehose, see :class:`entregent.sources.bluesky.wire.Wire`.

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

    subprotocol: str | None = None
    deflate = True

    def __init__(
        self,
        name: str,
        settings: BlueskySettings,
        place: Place | None,
        moment: datetime,  # noqa: ARG002
    ) -> None:
        self.name = name
        self.place = place
        self._settings = settings
        self._from = place
        self._accounts = frozenset(settings.accounts)
        self._collections = frozenset(settings.collections)
        self._prefixes = tuple(one[:-1] for one in settings.collections if one.endswith(".*"))
        self._outdated = False

    def url(self) -> str:
        """Return what is opened."""
        asked = "" if self.place is None else f"?{urlencode({'cursor': self.place.number})}"
        return f"{self._settings.address}/xrpc/com.atproto.sync.subscribeRepos{asked}"

    async def prepare(self, web: Web) -> None:
        """Do nothing."""

    def refused(self, error: str, moment: datetime) -> Heard | None:  # noqa: ARG002
        """Return None: a firehose says within the stream what it does not have."""
        return None

    def hello(self) -> str | None:
        """Return nothing: a firehose takes no wishes."""
        return None

    def hear(self, messages: Sequence[bytes], moment: datetime) -> Heard:
        """Return what messages said."""
        events: list[bytes] = []
        gaps: list[Gap] = []
        counts: Counter[str] = Counter()
        trouble: SourceError | None = None
        for message in messages:
            try:
                header, body = libipld.decode_dag_cbor_multi(message)
                if header["op"] == _ERROR:
                    trouble = self._error(body, gaps, moment)
                    break
                events += self._events(str(header["t"]), body, counts, gaps, moment)
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
                counts["stream.unreadable"] += 1
        return Heard(events, noticed(counts, self.name), tuple(gaps), trouble)

    def _error(self, body: Mapping[str, Any], gaps: list[Gap], moment: datetime) -> SourceError:
        error, said = str(body.get("error")), str(body.get("message") or "")
        if error == "FutureCursor" and self.place is not None:
            # The numbers of the server began anew. All that it has is asked for: what came before is known.
            gaps.append(Gap(self.name, self.place.heard, moment, error))
            self.place = Place("firehose", 0, moment, exact=True)
        return TransientError(f"The server ended the stream: {error}. {said}".strip(), where=self.name)

    def _events(
        self, kind: str, body: dict[str, Any], counts: Counter[str], gaps: list[Gap], moment: datetime
    ) -> list[bytes]:
        if kind == "#info":
            self._outdated = self._outdated or body.get("name") == "OutdatedCursor"
            return []
        number = body["seq"]
        when = moment_told(body.get("time"), moment)
        before = self._from
        if self._outdated and before is not None and before.number:
            gaps.append(Gap(self.name, before.heard, max(before.heard, when), "OutdatedCursor"))
        self._outdated = False
        if not isinstance(number, int) or not 0 <= number < 2**63:
            raise ValueError(number)
        self.place = Place("firehose", number, min(when, moment))
        did = str(body["repo"] if kind == "#commit" else body["did"])
        if self._accounts and did not in self._accounts:
            return []
        told = {"did": did, "time_us": to_micros(when)}
        if kind == "#commit":
            return self._commit(told, body, counts)
        if kind in ("#identity", "#account"):
            return [_encode({**told, "kind": kind[1:], kind[1:]: _plain(body)})]
        if kind != "#sync":
            # A sync brings the state of an account and no record: there is nothing to read.
            counts["stream.unknown"] += 1
        return []

    def _commit(self, told: Mapping[str, Any], body: Mapping[str, Any], counts: Counter[str]) -> list[bytes]:
        wanted = [(op, *op["path"].split("/", 1)) for op in body["ops"]]
        wanted = [one for one in wanted if one[1] in self._collections or one[1].startswith(self._prefixes)]
        if body.get("tooBig"):
            counts["stream.incomplete"] += 1
            return []
        if not wanted:
            return []
        _, blocks = libipld.decode_car(body["blocks"])
        events = []
        for op, collection, key in wanted:
            commit = {"rev": body["rev"], "operation": op["action"], "collection": collection, "rkey": key}
            if op["action"] != "delete":
                cid = op["cid"]
                if cid not in blocks:
                    counts["stream.incomplete"] += 1
                    continue
                commit |= {"record": _plain(blocks[cid]), "cid": libipld.encode_cid(cid)}
            events.append(_encode({**told, "kind": "commit", "commit": commit}))
        return events

    def skip(self, times: int, moment: datetime) -> Heard:
        """Go on behind a message that is too long: one number, twice as far each time."""
        if self.place is not None:
            self.place = Place("firehose", self.place.number + 2 ** (times - 1), moment, exact=True)
        return Heard(notices=noticed(Counter({"stream.too_large": 1}), self.name))


def noticed(counts: Counter[str], name: str) -> tuple[Notice, ...]:
    """Return what was counted of a stream as notices of a source."""
    return tuple(Notice(code, _TOLD[code], count, (name,)) for code, count in counts.items())


def moment_told(text: object, latest: datetime) -> datetime:
    """Return the moment that a message tells, `latest` where it tells none.

    >>> moment_told("2026-11-27T06:29:05.487Z", datetime(2026, 11, 28, tzinfo=UTC)).second
    5
    """
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return latest
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)


def _plain(value: Any) -> Any:
    """Return a value as JSON of the AT Protocol: links and bytes are objects of one field."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, bytes):
        try:
            return {"$link": libipld.encode_cid(value)}
        except ValueError:
            return {"$bytes": value}
    return value
