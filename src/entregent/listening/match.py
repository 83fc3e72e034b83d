"""Many watches against many posts at once, with the same answer as one at a time.

Every query that can is made to wait for *anchors*: words of which one at least
stands in any text that it matches. One compiled pass over the texts finds
which words stand where and works out, in three values, what the queries that
wait for them say; only those pairs of post and query that this leaves open are
decided by the query itself. Watches come and go without anything being built
anew.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from entregent.errors import InputError
from entregent.listening.anchors import (
    END,
    START,
    WHOLE,
    Anchor,
    depth,
    letters,
    program,
    runs,
    waits_for,
)
from entregent.listening.atoms import Field, Reading
from entregent.listening.columns import candidates_of, said_in
from entregent.listening.match_kernels import LONGEST, decided, enter, hashed
from entregent.listening.query import Query, parse
from entregent.text.folding import small_letters
from entregent.text.tokens import streams, tokens

__all__ = ["Matcher", "Matches", "warm", "word_shares"]

_AT_ONCE = 50_000


def word_shares(texts: pa.Array | pa.ChunkedArray, least: int = 3) -> dict[str, float]:
    """Measure in which share of posts each word stands.

    Parameters
    ----------
    texts : pyarrow.Array of string, shape (n,)
        Some tens of thousands of recent posts are enough.
    least : int
        Words of fewer posts are left out.

    Returns
    -------
    dict of str to float
        By folded word; for :class:`Matcher` and
        :func:`entregent.listening.linter.lint`.

    Examples
    --------
    >>> word_shares(pa.array(["Le train", "le bus", None]), least=2)
    {'le': 1.0}
    """
    counts: Counter[str] = Counter()
    number = 0
    for text in texts.to_pylist():
        if text is not None:
            number += 1
            counts.update(set(streams(text)[0].split()))
    return {word: count / number for word, count in counts.items() if count >= least}


@dataclass(frozen=True)
class Matches:
    """Which post matches which watch.

    Parameters
    ----------
    rows : ndarray of int64, shape (n_matches,)
        Places in the table of posts, ascending.
    watches : tuple of str, length n_matches
        Keys of watches, in the order in which they were put in, for each row.
    candidates : int
        Pairs that had to be decided one by one.
    """

    rows: NDArray[np.int64]
    watches: tuple[str, ...]
    candidates: int


class Matcher:
    """Watches that posts are matched against.

    Parameters
    ----------
    watches : iterable of (str, Query)
        Keys and queries to begin with.
    shares : mapping of str to float, optional
        In which share of posts a folded word stands (:func:`word_shares`).
        The answer is the same without it, and comes more slowly: a query
        waits for its rarest words only where it is known which they are.

    Notes
    -----
    Putting in or taking out a watch costs as much as the watch is long, and
    nothing for the others. Not safe to edit while another thread matches.

    Examples
    --------
    >>> matcher = Matcher([("rail", parse("grève NEAR/3 sncf")), ("bus", parse("bus OR tram*"))])
    >>> posts = pa.table({"text": ["Les trams roulent", "La #GrèveSNCF dure", None]})
    >>> found = matcher.match(posts)
    >>> list(zip(found.rows.tolist(), found.watches))
    [(0, 'bus'), (1, 'rail')]
    """

    def __init__(
        self, watches: Iterable[tuple[str, Query]] = (), *, shares: Mapping[str, float] | None = None
    ) -> None:
        self._shares = shares or {}
        self._numbers: dict[str, int] = {}
        self._queries: dict[int, tuple[str, Query]] = {}
        self._next = 0
        self._anchors: dict[Anchor, int] = {}
        self._waiting: list[dict[int, None]] = []
        self._keys = np.zeros(1 << 10, np.uint64)
        self._places = np.zeros(1 << 10, np.int64)
        self._starts = np.zeros(LONGEST + 1, np.bool_)
        self._ends = np.zeros(LONGEST + 1, np.bool_)
        self._fields: dict[int, list[Field]] = {}
        self._open: dict[int, None] = {}
        self._waits: dict[int, list[int]] = {}
        # The programs of all watches that wait, one after the other, and where each begins.
        self._steps = array("i")
        self._begins = array("q", [0])
        self._deepest = 1
        # For each anchor how many watches wait for it and from where on they are listed; made when needed.
        self._listed: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]] | None = None
        for key, query in watches:
            self.put(key, query)

    def __len__(self) -> int:
        return len(self._numbers)

    def put(self, key: str, query: Query) -> None:
        """Put a watch in; one of the same key is replaced.

        Parameters
        ----------
        key : str
        query : Query
        """
        if key in self._numbers:
            self.drop(key)
        number = self._next
        self._next += 1
        self._numbers[key] = number
        self._queries[number] = (key, query)
        self._listed = None
        waits = waits_for(query, self._shares)
        if waits is None:
            self._begins.append(len(self._steps))
            self._open[number] = None
            return
        steps = list(program(query))
        self._steps.extend(self._place(step) if isinstance(step, Anchor) else step for step in steps)
        self._begins.append(len(self._steps))
        self._deepest = max(self._deepest, depth(steps))
        self._fields[number] = [anchor for anchor in waits if isinstance(anchor, Field)]
        places = [self._place(anchor) for anchor in waits if not isinstance(anchor, Field)]
        self._waits[number] = places
        for place in places:
            self._waiting[place][number] = None

    def drop(self, key: str) -> None:
        """Take a watch out.

        Raises
        ------
        InputError
            Where there is no such watch.
        """
        number = self._numbers.pop(key, None)
        if number is None:
            raise InputError(f"There is no watch {key!r}.")
        del self._queries[number]
        self._listed = None
        self._open.pop(number, None)
        self._fields.pop(number, None)
        for place in self._waits.pop(number, ()):
            del self._waiting[place][number]

    def _place(self, anchor: Anchor) -> int:
        place = self._anchors.get(anchor)
        if place is None:
            place = len(self._waiting)
            self._anchors[anchor] = place
            self._waiting.append({})
            if anchor.where == START:
                self._starts[len(anchor.text)] = True
            if anchor.where == END:
                self._ends[[0, len(anchor.text)]] = True
            if 2 * len(self._waiting) > len(self._keys):
                self._keys = np.zeros(4 * len(self._keys), np.uint64)
                self._places = np.zeros(len(self._keys), np.int64)
                for other, at in self._anchors.items():
                    self._enter(other, at)
            else:
                self._enter(anchor, place)
        return place

    def _enter(self, anchor: Anchor, place: int) -> None:
        text = anchor.text[::-1] if anchor.where == END else anchor.text
        codes = np.array([ord(letter) for letter in text], np.int64)
        enter(self._keys, self._places, np.uint64(hashed(codes, anchor.where)), place)

    def match(self, posts: pa.Table) -> Matches:
        """Match posts against every watch.

        Parameters
        ----------
        posts : pyarrow.Table
            Columns named as the fields of
            :class:`~entregent.listening.atoms.Candidate`, as far as known.

        Returns
        -------
        Matches
            As :meth:`Query.matches <entregent.listening.query.Query.matches>`
            says of each post and watch.
        """
        parts = [
            self._matched(posts.slice(start, _AT_ONCE), start) for start in range(0, len(posts), _AT_ONCE)
        ]
        if not parts:
            return Matches(np.empty(0, np.int64), (), 0)
        keys = tuple(self._queries[number][0] for part in parts for number in part[1].tolist())
        return Matches(np.concatenate([part[0] for part in parts]), keys, sum(part[2] for part in parts))

    def _matched(self, posts: pa.Table, start: int) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
        """Return rows, from `start` on, and numbers of watches that match them; and how many were asked."""
        many = max(self._next, 1)
        sure, unsure = self._read(posts)
        asked, first = np.unique(unsure // many, return_index=True)
        ends = np.append(first, len(unsure))[1:].tolist()
        numbers = (unsure % many).tolist()
        read = candidates_of(posts.take(pa.array(asked)))
        held = np.zeros(len(unsure), np.bool_)
        for begin, end, post in zip(first.tolist(), ends, read, strict=True):
            reading = Reading(post)
            for place in range(begin, end):
                held[place] = self._queries[numbers[place]][1].reads(reading)
        pairs = [sure, unsure[held]]
        for number in self._open:
            answers = self._queries[number][1].match_table(posts)
            pairs.append(np.flatnonzero(np.asarray(answers)) * many + number)
        found = np.sort(np.concatenate(pairs))
        return found // many + start, found % many, len(unsure)

    def _read(self, posts: pa.Table) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return pairs of row and watch, in one number each: those that match, and those to decide."""
        many = max(self._next, 1)
        sure = np.empty(0, np.int64)
        pairs = [sure]
        if "text" in posts.column_names and self._waiting:
            rows, numbers, surely, slow = self._decided(posts.column("text"))
            found = rows * many + numbers
            sure = found[surely]
            pairs += [found[~surely], slow]
        for number, asked in self._fields.items():
            for field in asked:
                pairs.append(np.flatnonzero(said_in(posts, field)) * many + number)
        unsure = np.unique(np.concatenate(pairs))
        return sure, unsure if len(pairs) < 4 else np.setdiff1d(unsure, sure, assume_unique=True)

    def _decided(
        self, texts: pa.ChunkedArray
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64]]:
        column = texts.combine_chunks().cast(pa.large_string()).fill_null("")
        _, offsets_buffer, data_buffer = column.buffers()
        offsets = np.frombuffer(offsets_buffer, np.int64)[column.offset : column.offset + len(column) + 1]
        data = np.frombuffer(data_buffer, np.uint8) if data_buffer else np.empty(0, np.uint8)
        if self._listed is None:
            sizes = np.array([len(waiting) for waiting in self._waiting])
            flat = np.array([number for waiting in self._waiting for number in waiting], np.int64)
            self._listed = (sizes, np.cumsum(sizes) - sizes, flat)
        room = 4 * len(column) + 1024
        while True:
            rows, numbers = np.empty(room, np.int64), np.empty(room, np.int64)
            sure = np.empty(room, np.bool_)
            hard = np.zeros(len(column), np.bool_)
            count = decided(
                data,
                offsets,
                *letters(),
                self._keys,
                self._places,
                self._starts,
                self._ends,
                *self._listed,
                np.array(self._steps, np.int32),
                np.array(self._begins, np.int64),
                self._deepest,
                rows,
                numbers,
                sure,
                hard,
            )
            if count <= room:
                break
            room = count
        slow = [
            row * max(self._next, 1) + number
            for row in np.flatnonzero(hard).tolist()
            for place in self._read_slowly(column[row].as_py())
            for number in self._waiting[place]
        ]
        return rows[:count], numbers[:count], sure[:count], np.array(slow, np.int64)

    def _read_slowly(self, text: str) -> set[int]:
        """Return the anchors of a text that the compiled pass does not read."""
        starts, ends = np.flatnonzero(self._starts).tolist(), np.flatnonzero(self._ends).tolist()
        found = set()
        # What stands in an address is no token, but may hold exact letters.
        for piece in (*tokens(text), small_letters(text)):
            for run, _, _ in runs(piece):
                found.add(self._anchors.get(Anchor(WHOLE, run), -1))
                found |= {self._anchors.get(Anchor(START, run[:cut]), -1) for cut in starts}
                found |= {self._anchors.get(Anchor(END, run[-cut:]), -1) for cut in ends if cut}
        return found - {-1}


def warm() -> None:
    """Compile the loops of matching now, so that nobody waits for it later."""
    Matcher([("a", parse("a OR b* OR *c"))]).match(pa.table({"text": ["a"]}))
