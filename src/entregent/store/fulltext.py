"""The words of a segment of posts: which rows hold a word, in a file beside it.

A segment never changes, so its index (SQLite, FTS5) is made once and whole,
appears under its name at once, and goes with the segment: what compaction or
an erasure rewrites leaves no words behind. An index narrows; whoever asks
decides. Deleting one costs the time to make it again, nothing else.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from entregent.progress import Progress, Quiet, check
from entregent.store import segments
from entregent.store.segments import PART, WORDS, Segment
from entregent.store.state import State
from entregent.text.needed import Needed
from entregent.text.tokens import streams

__all__ = ["INDEX_FROM", "build", "built", "index", "rows_with"]

INDEX_FROM = 20_000
"""Segments of fewer rows are read whole: that takes no longer than to look."""

VERSION = 1
"""Of what is written: an index of another one is made again."""

MOST_TERMS = 400
"""A query of more words, or one whose wildcards stand for more, is not narrowed."""

# The engine splits at ASCII signs; they stand in the index as letters that no text has.
_SIGNS = {code: 0xE000 + code for code in range(128) if code != 32 and not chr(code).isalnum()}
_ROWS_AT_ONCE = 20_000
_BUFFER = 64 << 20


def _place(home: Path, segment: Segment) -> Path:
    return (home / segment.name).with_suffix(WORDS)


def built(home: Path, segment: Segment) -> bool:
    """Whether there is an index of a segment.

    Parameters
    ----------
    home : Path
    segment : Segment

    Returns
    -------
    bool
    """
    return _place(home, segment).exists()


def index(home: Path, state: State, some: Iterable[Segment], progress: Progress | None = None) -> int:
    """Make the indexes that are missing.

    Parameters
    ----------
    home : Path
    state : State
        Says which segments still count.
    some : iterable of Segment
        Of posts; those that are small, or have an index, are left out.
    progress : Progress, optional

    Returns
    -------
    int
        How many were made. None where the home may not be written: a search
        then takes longer and finds the same.

    Raises
    ------
    StoreError
        Where a segment is damaged.
    """
    told = progress or Quiet()
    missing = [one for one in some if one.n_rows >= INDEX_FROM and not built(home, one)]
    if not missing:
        return 0
    told.step("Indexing words", sum(one.n_rows for one in missing), "posts")
    made = 0
    for segment in missing:
        check(told)
        try:
            made += build(home, state, segment)
        except (OSError, sqlite3.OperationalError):
            # No room, or no right to write: the index is a convenience.
            return made
        told.advance(segment.n_rows)
    return made


def build(home: Path, state: State, segment: Segment) -> bool:
    """Make the index of one segment.

    Parameters
    ----------
    home : Path
    state : State
    segment : Segment

    Returns
    -------
    bool
        False where the segment was replaced meanwhile: its words go with it.

    Raises
    ------
    StoreError
        Where the segment is damaged.
    OSError, sqlite3.OperationalError
        Where the index cannot be written; nothing is left of it.
    """
    target = _place(home, segment)
    part = target.with_name(f"{target.stem}-{secrets.token_hex(4)}{PART}")
    try:
        with closing(sqlite3.connect(part, isolation_level=None)) as con:
            # The file is thrown away where anything goes wrong before it has its name.
            for setting in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -65536"):
                con.execute(f"PRAGMA {setting}")
            con.execute("BEGIN")
            con.execute(
                "CREATE VIRTUAL TABLE words USING fts5"
                "(line, content = '', detail = none, columnsize = 0, tokenize = ascii)"
            )
            con.execute("INSERT INTO words (words, rank) VALUES ('hashsize', ?)", (_BUFFER,))
            con.executemany("INSERT INTO words (rowid, line) VALUES (?, ?)", _lines(home, segment))
            con.execute("INSERT INTO words (words) VALUES ('optimize')")
            con.execute(f"PRAGMA user_version = {VERSION}")
            con.execute("COMMIT")
        part.rename(target)
    finally:
        part.unlink(missing_ok=True)
    # A writer that replaced the segment before the index had its name could not remove it.
    with state.read() as connection:
        counts = any(one.name == segment.name for one in segments.listed(connection, segment.kind))
    if not counts:
        target.unlink(missing_ok=True)
    return counts


def _lines(home: Path, segment: Segment) -> Iterator[tuple[int, str]]:
    number = 0
    try:
        with pq.ParquetFile(home / segment.name, page_checksum_verification=True) as file:
            for piece in file.iter_batches(_ROWS_AT_ONCE, columns=["text"]):
                for text in piece.column(0).to_pylist():
                    if text:
                        yield number, _line(text)
                    number += 1
    except (OSError, pa.ArrowException) as error:
        raise segments.damaged(home, [segment]) or error from error


def _line(text: str) -> str:
    words, wholes = streams(text)
    if words is not wholes:
        words += " ".join(token for token in wholes.split(" ") if token[:1] == "#")
    return words.translate(_SIGNS)


def rows_with(home: Path, segment: Segment, needed: Needed) -> NDArray[np.int64] | None:
    """Say which rows of a segment hold the words.

    Parameters
    ----------
    home : Path
    segment : Segment
    needed : Needed

    Returns
    -------
    ndarray of int64, shape (n,), or None
        Ascending, from 0; None where there is no index, or it cannot tell.
    """
    place = _place(home, segment)
    address = f"file:{quote(str(place.absolute()))}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(address, uri=True)) as con:
            if con.execute("PRAGMA user_version").fetchone() != (VERSION,):
                raise sqlite3.DatabaseError("another version")
            con.execute("CREATE VIRTUAL TABLE temp.terms USING fts5vocab(main, words, row)")
            asked = _expression(con, needed, [MOST_TERMS])
            if asked is None:
                return None
            found = con.execute("SELECT rowid FROM words WHERE words MATCH ? ORDER BY rowid", (asked,))
            rows = np.fromiter((row[0] for row in found), np.int64)
    except sqlite3.DatabaseError:
        # Missing, half gone with a restored backup, or of another version: to be made again.
        with suppress(OSError):
            place.unlink(missing_ok=True)
        return None
    return rows


def _expression(con: sqlite3.Connection, needed: Needed, left: list[int]) -> str | None:
    """Return what the index is asked, None where it cannot tell; counts down what may still be asked."""
    if needed.kind == "word":
        left[0] -= 1
        first, star, rest = needed.text.partition("*")
        first = first.translate(_SIGNS)
        if first or not star:
            return None if left[0] < 0 else f'"{first}"' + "*" * bool(star)
        pattern = "*" + "*".join(part.translate(_SIGNS) for part in rest.split("*"))
        asked = "SELECT term FROM terms WHERE term GLOB ? LIMIT ?"
        rows = con.execute(asked, (pattern, max(left[0], 0) + 1)).fetchall()
        left[0] -= len(rows)
        # A word that stands nowhere, for no row.
        return None if left[0] < 0 else " OR ".join(f'"{term}"' for (term,) in rows) or '"\ue000"'
    parts = [_expression(con, part, left) for part in needed.parts]
    if needed.kind == "every":
        known = [part for part in parts if part is not None]
        return " AND ".join(f"({part})" for part in known) or None
    return None if None in parts else " OR ".join(f"({part})" for part in parts)
