"""Erasing a person: what they wrote, what is known of them, and every mention of their id."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb
import sqlalchemy as sa

from entregent.clock import to_micros
from entregent.errors import InputError, StoreError
from entregent.records import split_id
from entregent.store import outbox, segments, views
from entregent.store.archive import Archive
from entregent.store.compaction import Rewriting
from entregent.store.findings import forget_person
from entregent.store.keys import digest, row_digests
from entregent.store.segments import KINDS, Segment
from entregent.store.state import StudyEntry, cursors, notices, suppressions
from entregent.store.views import quoted

__all__ = ["Erased", "erase"]

LEAST_TELLING = 8
"""Native ids at least as long are also looked for within texts; shorter ones are found everywhere."""

_REMOVED = "[erased]"


@dataclass(frozen=True)
class Erased:
    """What an erasure did.

    Parameters
    ----------
    removed : mapping of str to int
        Rows that are gone, by kind of record.
    changed : mapping of str to int
        Rows of others that no longer refer to the person.
    studies : tuple of StudyEntry
        Studies that name the person: their copies must be made again or
        destroyed by hand, then struck off the register.
    """

    removed: Mapping[str, int]
    changed: Mapping[str, int]
    studies: tuple[StudyEntry, ...]


def erase(archive: Archive, account_id: str, now: datetime) -> Erased:
    """Remove an account for good, and refuse it from now on.

    Parameters
    ----------
    archive : Archive
        Open for writing.
    account_id : str
        ``network:native-id``.
    now : datetime
        Moment of the erasure, kept with the suppression.

    Returns
    -------
    Erased

    Raises
    ------
    InputError
        Where `account_id` is no id.
    StoreError
        Where a segment is missing or damaged; nothing is changed then.

    Notes
    -----
    An account is also known by ``network:@handle``, with every handle it had.
    Gone are: the account, its posts and acts, what was observed of it, acts of
    others towards it or its posts, tombstones of its posts, and raw payloads
    that name it. Posts of others stay, without their references to it; where
    the native id is long enough to be telling (8 characters), it is also
    struck from their texts, links and profiles. What others wrote about the
    person in words is theirs and stays.

    Findings about the person go, and what was said in the person's name about
    those of a group; so does what watches matched of the person's posts, and
    the person's place in alerts.

    One transaction puts rewritten segments in the place of the old ones and
    enters keyed digests of the account and its posts among those that must not
    come back. Then the old files are removed, even while others read them, and
    the database is rewritten. Blocks that the file system freed are beyond
    the reach of this function, and so are backups.
    """
    network, native = split_id(account_id)
    if not network or not native:
        raise InputError(f"{account_id!r} is not the id of an account.", valid=("network:native-id",))
    studies = archive.state.studies_holding(account_id)
    archive.roll()
    held = archive.segments()
    con = archive.connection()
    try:
        work = archive.rewriting(con)
        try:
            eraser = _Eraser(con, work, held, account_id)
            eraser.run()
            with archive.state.begin() as connection:
                work.enter(connection)
                _suppress(connection, archive.state.key, eraser.doomed(), eraser.names, to_micros(now))
                pattern = _pattern(native if eraser.telling else account_id)
                forget_person(connection, archive.state.key, eraser.names, pattern, to_micros(now))
                outbox.forget_text(connection, pattern, eraser.doomed(), _REMOVED)
                _strike_notices(connection, pattern)
        except duckdb.Error as error:
            work.discard()
            raise (
                segments.damaged(archive.home, held)
                or StoreError(
                    f"The erasure failed: {str(error).splitlines()[0]}",
                    where=str(archive.home),
                    do="Give it more memory (memory_mb) or disk; nothing was changed.",
                )
            ) from error
        except BaseException:
            work.discard()
            raise
    finally:
        con.close()
    archive.renew()
    archive.sweep(at_once=True)
    archive.state.scrub()
    return Erased(work.removed, eraser.changed, studies)


def _suppress(
    connection: sa.Connection, key: bytes, doomed: Sequence[str], names: Sequence[str], since: int
) -> None:
    import pyarrow as pa

    pairs = row_digests([pa.array(doomed, pa.string())], key).astype("<u8")
    kinds = dict.fromkeys((pair.tobytes().hex() for pair in pairs), "record")
    kinds |= {digest(name, key): "account" for name in names}
    known = set(connection.scalars(sa.select(suppressions.c.digest)))
    rows = [
        {"digest": text, "kind": kind, "since": since} for text, kind in kinds.items() if text not in known
    ]
    if rows:
        connection.execute(sa.insert(suppressions), rows)


def _strike_notices(connection: sa.Connection, pattern: str) -> None:
    """Remove notices and cursors that hold the id, in their words or among their places."""
    telling = re.compile(pattern)
    for row in connection.execute(sa.select(notices)).all():
        if telling.search(row.words) or telling.search(row.places):
            connection.execute(
                sa.delete(notices).where(
                    notices.c.source == row.source, notices.c.code == row.code, notices.c.words == row.words
                )
            )
    for row in connection.execute(sa.select(cursors)).all():
        if telling.search(row.source) or telling.search(row.place):
            connection.execute(sa.delete(cursors).where(cursors.c.source == row.source))


class _Eraser:
    """Rewrites the segments that hold a person.

    ``work.doomed`` holds the ids of the records that go because of whose they
    are; every other rule is a condition on rows.
    """

    def __init__(
        self, con: duckdb.DuckDBPyConnection, work: Rewriting, held: Sequence[Segment], account_id: str
    ) -> None:
        self.con = con
        self.work = work
        self.changed: dict[str, int] = {}
        self._segments = {kind: [segment for segment in held if segment.kind == kind] for kind in KINDS}
        self._account = quoted(account_id)
        self.names = [account_id]
        native = split_id(account_id)[1]
        self.telling = len(native) >= LEAST_TELLING
        self._native = quoted(native)
        self.pattern = _pattern(native)

    def _all(self, kind: str) -> str:
        return views.parquet(kind, self.work.paths(self._segments[kind]))

    def _is(self, column: str) -> str:
        """Return SQL that a column of ids names the account or a doomed record."""
        condition = f"{column} IN ({self._names_sql()}) OR {column} IN (SELECT id FROM work.doomed)"
        if self.telling:
            condition += f" OR {self._names(column)}"
        return f"coalesce({condition}, false)"

    def _names(self, text: str) -> str:
        return f"(contains({text}, {self._native}) AND regexp_matches({text}, {quoted(self.pattern)}))"

    def _struck(self, column: str) -> str:
        return f"regexp_replace({column}, {quoted(self.pattern)}, '{_REMOVED}\\1', 'g')"

    def _names_sql(self) -> str:
        return ", ".join(map(quoted, self.names))

    def doomed(self) -> list[str]:
        """Return the ids of the person's records."""
        return [row[0] for row in self.con.sql("SELECT id FROM work.doomed ORDER BY id").fetchall()]

    def run(self) -> None:
        """Rewrite every segment that holds the person."""
        con = self.con
        con.sql("CREATE SCHEMA work")
        con.sql(
            "CREATE TABLE work.doomed AS "
            f"SELECT id FROM {self._all('posts')} WHERE account = {self._account} UNION "
            f"SELECT id FROM {self._all('interactions')} WHERE actor = {self._account}"
        )
        # A mention may know no more than the handle.
        handles = con.sql(
            "SELECT DISTINCT network || ':@' || ltrim(handle, '@') AS name "
            f"FROM {self._all('accounts')} WHERE id = {self._account} AND handle IS NOT NULL ORDER BY name"
        ).fetchall()
        self.names += [name for (name,) in handles]
        references = ("parent", "parent_account", "root", "quoted", "quoted_account")
        changes = {name: f"CASE WHEN {self._is(name)} THEN NULL ELSE {name} END" for name in references}
        changes["mentions"] = f"list_filter(mentions, lambda m: m NOT IN ({self._names_sql()}))"
        texts = ("text", "url")
        if self.telling:
            changes |= {name: self._struck(name) for name in texts}
            changes["links"] = f"list_transform(links, lambda l: {self._struck('l')})"
        self._rewrite("posts", f"account IS NOT DISTINCT FROM {self._account} OR {self._is('id')}", changes)
        acts = " OR ".join(self._is(name) for name in ("id", "actor", "object", "target"))
        self._rewrite("interactions", acts)
        profile = {name: self._struck(name) for name in ("name", "url", "description")}
        self._rewrite("accounts", f"id = {self._account}", profile if self.telling else {})
        self._rewrite("observations", self._is("subject"))
        self._rewrite("tombstones", self._is("id"))
        self._rewrite("newer", self._is("id"))
        # Some servers write addresses in JSON as https:\/\/.
        payload = self._names(r"replace(payload, '\/', '/')")
        self._rewrite("raw", f"{self._is('id')} OR {payload}")

    def _rewrite(self, kind: str, gone: str, changes: Mapping[str, str] | None = None) -> None:
        changes = changes or {}
        altered = " OR ".join(f"{name} IS DISTINCT FROM {sql}" for name, sql in changes.items()) or "false"
        named = views.parquet(kind, self.work.paths(self._segments[kind]), extra=", filename = true")
        counts = {
            path: (removed, changed)
            for path, removed, changed in self.con.sql(
                f"SELECT filename, count(*) FILTER (gone), count(*) FILTER (NOT gone AND altered) "
                f"FROM (SELECT filename, ({gone}) AS gone, ({altered}) AS altered FROM {named}) "
                "GROUP BY filename"
            ).fetchall()
        }
        for segment in self._segments[kind]:
            removed, changed = counts.get(str(self.work.home / segment.name), (0, 0))
            if not removed and not changed:
                continue
            self.changed[kind] = self.changed.get(kind, 0) + changed
            rows = views.parquet(kind, [self.work.home / segment.name])
            swap = ", ".join(f"{sql} AS {name}" for name, sql in changes.items())
            columns = f"* REPLACE ({swap})" if swap else "*"
            self.work.in_place(segment, f"SELECT {columns} FROM {rows} WHERE NOT ({gone})")


def _pattern(text: str) -> str:
    """Return a regular expression, for RE2 and Python, of a text that is no part of a longer name."""
    escaped = re.sub(r"([^0-9A-Za-z_])", r"\\\1", text)
    start = r"\b" if re.match(r"\w", text, re.ASCII) else ""
    return rf"{start}{escaped}($|[^0-9A-Za-z_.-]|[.-]+(?:$|[^0-9A-Za-z_]))"
