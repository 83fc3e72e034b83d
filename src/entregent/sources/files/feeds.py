"""Feeds of blogs and of the press: RSS and Atom, as files.

An entry is a post of the network ``web``. Its account is the author where the
entry names one (a byline is known within its feed only), else the feed. Its
id is what the feed gives as such, within the feed where it is no address.
Nothing is fetched.
"""

from __future__ import annotations

import calendar
import io
import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

import feedparser
import pyarrow as pa

from entregent.clock import EPOCH, to_micros
from entregent.errors import InputError
from entregent.i18n import T
from entregent.progress import Progress, check
from entregent.records import join_id, schema, stable_id
from entregent.sources.base import Batch
from entregent.sources.files.format import Opened, Options
from entregent.sources.files.tables_rows import Troubles
from entregent.text.folding import fold
from entregent.text.links import domain

__all__ = ["Feeds", "Fetched", "fetched"]

NETWORK = "web"
MOST_BYTES = 256 << 20
ENTRIES_AT_ONCE = 5_000
_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
_ROOT = re.compile(rb"<(?:rss[\s>]|feed[\s>]|(?:\w+:)?RDF[\s>]|atom:feed[\s>])", re.IGNORECASE)
_ADDRESS = re.compile(r"(?:https?|urn|tag|at|did):\S+\Z", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_DECLARATION = re.compile(r"<\?xml[^>]*\?>")
_LANGUAGE = re.compile(r"([a-zA-Z]{2,3})(?:[-_]|\Z)")
_PERIODS = {"hourly": 3600, "daily": 86_400, "weekly": 604_800, "monthly": 2_592_000, "yearly": 31_536_000}
_BLOCKS = frozenset(
    ("p", "div", "br", "li", "ul", "ol", "tr", "table", "blockquote", "pre", "section", "article")
) | {f"h{level}" for level in range(1, 7)}
_SILENT = frozenset(("script", "style", "template"))


class Feeds:
    """RSS 0.9 to 2.0 and Atom."""

    name = "feed"
    title = "RSS or Atom feed"

    def sniff(self, head: bytes, name: str) -> float:  # noqa: ARG002 - of the protocol
        """Return how sure it is, in [0, 1], that a file starting so is a feed."""
        start = head.replace(b"\0", b"")[:8192]
        found = _ROOT.search(start)
        if found is None:
            return 0.0
        root = re.search(rb"<[A-Za-z]", re.sub(rb"(?s)<!--.*?-->", b"", start))
        before = start[: found.start()].lower()
        return 0.98 if root is not None and b"<html" not in before and before.count(b"<") < 20 else 0.2

    def read(self, opened: Opened, options: Options, progress: Progress) -> Iterator[Batch]:
        """Yield batches of the entries.

        Raises
        ------
        InputError
            Where the file is no feed.
        """
        data = opened.stream.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise InputError(
                f"A feed of more than {MOST_BYTES >> 20} MiB is not read.",
                where=opened.name,
                do="Split it into several files.",
            )
        troubles = Troubles(opened.name)
        parsed = _parse(data, opened.name, troubles)
        feed = _Feed(parsed.feed, opened.name, options, troubles)
        for start in range(0, len(parsed.entries), ENTRIES_AT_ONCE):
            check(progress)
            entries = parsed.entries[start : start + ENTRIES_AT_ONCE]
            for number, entry in enumerate(entries, start + 1):
                feed.add(entry, number)
            yield feed.batch(len(entries))
        if not parsed.entries:
            troubles.add("feed.empty", T("A feed has no entries"))
            yield Batch(notices=troubles.take())


@dataclass(frozen=True)
class Fetched:
    """A feed as its server gave it: what stands in it, and how it wants to be asked.

    `hub` and `topic` are addresses for WebSub; `ttl` seconds for which it
    says that it stays as it is.
    """

    batch: Batch
    hub: str | None = None
    topic: str | None = None
    ttl: int | None = None


def fetched(data: bytes, address: str, content_type: str, options: Options) -> Fetched:
    """Read a feed that came from an address.

    Parameters
    ----------
    data : bytes
    address : str
        Links are relative to it.
    content_type : str
        As the server says; it may name the encoding.
    options : Options

    Returns
    -------
    Fetched

    Raises
    ------
    InputError
        Where it is no feed.
    """
    troubles = Troubles(address)
    headers = {"content-location": address}
    if content_type:
        headers["content-type"] = content_type
    parsed = _parse(data, address, troubles, headers)
    feed = _Feed(parsed.feed, address, options, troubles)
    for number, entry in enumerate(parsed.entries, 1):
        feed.add(entry, number)
    links = {str(link.get("rel")): str(link.get("href") or "") for link in parsed.feed.get("links") or ()}
    return Fetched(
        feed.batch(len(parsed.entries)),
        hub=links.get("hub") or None,
        topic=links.get("self") or None,
        ttl=_ttl(parsed.feed),
    )


def _ttl(feed: Mapping[str, Any]) -> int | None:
    told = str(feed.get("ttl") or "").strip()
    if told.isascii() and told.isdigit() and len(told) < 7:
        return int(told) * 60
    period = _PERIODS.get(str(feed.get("sy_updateperiod") or "").strip().lower())
    often = str(feed.get("sy_updatefrequency") or "1").strip()
    if period is None or not (often.isascii() and often.isdigit() and 0 < len(often) < 5):
        return None
    return period // max(1, int(often))


def _parse(data: bytes, name: str, troubles: Troubles, headers: Mapping[str, str] | None = None) -> Any:
    parsed = _parsed(data, name, troubles, headers)
    if not parsed.entries and not parsed.get("version"):
        raise InputError(
            "This is no feed: neither RSS nor Atom was found in it.",
            where=name,
            do="Give the address that the site names as its feed, not the page.",
        )
    _tell_of_form(parsed, troubles)
    return parsed


def _parsed(data: bytes, name: str, troubles: Troubles, headers: Mapping[str, str] | None) -> Any:
    # A stream, never a text: a text could be taken for an address or a path.
    try:
        return feedparser.parse(io.BytesIO(data), response_headers=headers)
    except Exception:
        # The parser means to survive everything, and does not survive every damage of the first bytes.
        cleaned = _CONTROL.sub("", data.decode("utf-8", "replace"))
        troubles.add("file.encoding", T("A feed is not in the encoding that it names; it was read as it is"))
    try:
        return feedparser.parse(
            io.BytesIO(_DECLARATION.sub("", cleaned, count=1).encode()), response_headers=headers
        )
    except Exception as error:
        raise InputError(
            f"This feed is too damaged to be read: {error}", where=name, do="Fetch the feed again."
        ) from error


def _tell_of_form(parsed: Mapping[str, Any], troubles: Troubles) -> None:
    if not parsed.get("bozo"):
        return
    reason = parsed.get("bozo_exception")
    if isinstance(reason, feedparser.CharacterEncodingOverride):
        troubles.add("file.encoding", T("A feed is not in the encoding that it names; it was read as it is"))
    elif not isinstance(reason, feedparser.NonXMLContentType):
        line = getattr(reason, "getLineNumber", lambda: None)()
        troubles.add(
            "feed.not_well_formed",
            T("A feed is not well-formed; what could be read was read"),
            1,
            [line] if line else [],
        )


class _Feed:
    """Collects the rows of one feed."""

    def __init__(self, feed: Mapping[str, Any], name: str, options: Options, troubles: Troubles) -> None:
        self.options = options
        self.troubles = troubles
        self.latest = options.received_at + timedelta(days=1)
        self.link = str(feed.get("link") or "")
        title = _plain(str(feed.get("title") or ""))
        self.key = self.link or title or str(feed.get("id") or "") or name
        self.language = _language(feed.get("language"))
        self.account = join_id(NETWORK, self.key)
        handle = domain(self.link) or title or None
        self.accounts: dict[str, dict[str, Any]] = {}
        self._seen(self.account, handle, title or None, self.link, _plain(str(feed.get("subtitle") or "")))
        self.posts: list[dict[str, Any]] = []
        self.raw: list[dict[str, Any]] = []

    def _seen(
        self, id: str, handle: str | None, name: str | None, url: str, description: str | None = None
    ) -> None:
        self.accounts[id] = {
            "id": id,
            "network": NETWORK,
            "handle": handle,
            "name": name,
            "url": url if url.startswith(("http://", "https://")) else None,
            "description": description or None,
            "seen_at": self.options.received_at,
        }

    def add(self, entry: dict[str, Any], number: int) -> None:
        """Map one entry."""
        link = _absolute(self.link, str(entry.get("link") or ""))
        html = "\n".join(str(part.get("value") or "") for part in entry.get("content") or ())
        page = _Page(html or str(entry.get("summary") or ""))
        title = _plain(str(entry.get("title") or ""))
        body = page.text
        text = body if body.startswith(title) else f"{title}\n\n{body}".strip()
        published = self._moment(entry, "published", number) or self._moment(entry, "created", number)
        updated = self._moment(entry, "updated", number)
        account = self._author(entry)
        when = published or updated
        native = str(entry.get("id") or "").strip() or link
        if native and not _ADDRESS.match(native):
            native = f"{self.key}#{native}"
        micros = None if when is None else to_micros(when)
        id = join_id(NETWORK, native) if native else stable_id(NETWORK, account, "post", text, micros)
        if not text and not native:
            self.troubles.add(
                "row.empty", T("Entries with neither a text nor an address were left out"), 1, [number]
            )
            return
        language = _language((entry.get("title_detail") or {}).get("language")) or self.language
        self.posts.append(
            {
                "id": id,
                "network": NETWORK,
                "account": account,
                "kind": "post",
                "time": when,
                "text": text or None,
                "lang": language,
                "url": link if link.startswith(("http://", "https://")) else None,
                "links": _once(_absolute(link or self.link, href) for href in page.links),
                "hashtags": _once(
                    _plain(str(tag.get("term") or "")).lstrip("#") for tag in entry.get("tags") or ()
                ),
                "mentions": [],
                "media": min(
                    len(entry.get("enclosures") or ()) + len(entry.get("media_content") or ()), 32_767
                ),
                "version": to_micros(updated) if updated and published and updated > published else 0,
            }
        )
        if self.options.keep_raw_days:
            self.raw.append(
                {
                    "id": id,
                    "network": NETWORK,
                    "payload": json.dumps(entry, default=_written, ensure_ascii=False),
                    "received_at": self.options.received_at,
                    "keep_until": self.options.received_at + timedelta(days=self.options.keep_raw_days),
                }
            )

    def _moment(self, entry: dict[str, Any], name: str, number: int) -> datetime | None:
        # Not entry.get, which answers for "updated" with what was published, and warns.
        parsed = dict.get(entry, f"{name}_parsed")
        written = dict.get(entry, name)
        if not written:
            return None
        moment = None
        if isinstance(parsed, time.struct_time):
            try:
                moment = EPOCH + timedelta(seconds=calendar.timegm(parsed))
            except (ValueError, OverflowError):
                moment = None
        if moment is None or not _EARLIEST <= moment <= self.latest:
            self.troubles.add(
                "time.impossible",
                T("Times that cannot be right were left out (from an unknown origin: --relative-time)"),
                1,
                [number],
            )
            return None
        return moment

    def _author(self, entry: Mapping[str, Any]) -> str:
        details = entry.get("author_detail") or {}
        name = _plain(str(details.get("name") or ""))
        # Addresses are not kept: nobody published theirs to be collected.
        if not name or "@" in name or fold(name) == fold(self.accounts[self.account]["name"] or ""):
            return self.account
        url = str(details.get("href") or "")
        native = _absolute(self.link, url) if url else f"{self.key}#{fold(name)}"
        id = join_id(NETWORK, native)
        if id not in self.accounts:
            self._seen(id, name, name, native if url else "")
        return id

    def batch(self, rows: int) -> Batch:
        """Return what was collected since the last time."""
        made = Batch(
            posts=_table("posts", self.posts),
            accounts=_table("accounts", list(self.accounts.values())),
            raw=_table("raw", self.raw),
            notices=self.troubles.take(),
            rows=rows,
        )
        self.posts, self.raw = [], []
        return made


def _table(name: str, found: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(found, schema(name))


def _absolute(base: str, link: str) -> str:
    try:
        return urljoin(base, link) if link else ""
    except ValueError:
        return link


def _once(values: Iterator[str] | Any) -> list[str]:
    return list(dict.fromkeys(value for value in values if value))


def _language(code: Any) -> str | None:
    found = _LANGUAGE.match(str(code or ""))
    return found[1].lower() if found else None


def _written(value: Any) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", value) if isinstance(value, time.struct_time) else str(value)


def _plain(html: str) -> str:
    return " ".join(_Page(html).text.split())


class _Page(HTMLParser):
    """The text and the links of a piece of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.links: list[str] = []
        self._parts: list[str] = []
        self._silent = 0
        self.feed(html)
        self.close()

    @property
    def text(self) -> str:
        """Paragraphs parted by a blank line, spaces tidied."""
        lines = [" ".join(line.split()) for line in "".join(self._parts).split("\n")]
        return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self._silent += 1
        elif tag in _BLOCKS:
            self._parts.append("\n" if tag in ("br", "li", "tr") else "\n\n")
        elif tag == "a":
            href = (dict(attrs).get("href") or "").strip()
            if href and not href.lower().startswith(("javascript:", "data:", "mailto:", "#")):
                self.links.append(href)

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag in _BLOCKS and tag not in ("br", "li", "tr"):
            self._parts.append("\n\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._parts.append(data.replace("\n", " "))
