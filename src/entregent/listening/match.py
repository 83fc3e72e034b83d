"""Many watches against many posts at once, with the same answer as one at a time.

Every query that can is made to wait for *anchors*: words of which one at least
stands in any text that it matches. One compiled pass over the texts finds
which anchors stand where; only those pairs of post and query are then decided
by the query itself. Watches come and go without anything being built anew.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from entregent.errors import InputError
from entregent.listening.atoms import Atom, Field, Near, Raw, Reading, Term
from entregent.listening.columns import candidates_of, said_in
from entregent.listening.grammar import folded
from entregent.listening.match_kernels import (
    BREAK,
    DIGIT,
    HARD,
    LONGEST,
    LOWER,
    NOTHING,
    SINGLE,
    UPPER,
    WORD,
    enter,
    hashed,
    met,
)
from entregent.listening.query import Query, parse
from entregent.text.folding import small_letters, unaccent
from entregent.text.tokens import stands_alone, streams, tokens

__all__ = ["Anchor", "Matcher", "Matches", "warm", "word_shares"]

WHOLE, START, END = 0, 1, 2
_AT_ONCE = 50_000
_HIGHEST = 0x30000
# Parts of a Korean syllable join across characters.
_JAMO = ((0x1100, 0x1200), (0xA960, 0xA980), (0xD7B0, 0xD800))
_FIELD_COST = 1e6


class _Letters(NamedTuple):
    """What each code point does in a text, and the letters it is folded to."""

    kinds: NDArray[np.uint8]
    folds: NDArray[np.int32]
    seconds: NDArray[np.int32]
    cases: NDArray[np.uint8]
    second_cases: NDArray[np.uint8]


@cache
def _letters() -> _Letters:
    kinds = np.full(_HIGHEST, BREAK, np.uint8)
    folds, seconds = np.zeros(_HIGHEST, np.int32), np.zeros(_HIGHEST, np.int32)
    cases, second_cases = np.zeros(_HIGHEST, np.uint8), np.zeros(_HIGHEST, np.uint8)
    for code in range(_HIGHEST):
        letter = chr(code)
        if any(first <= code < end for first, end in _JAMO):
            kinds[code] = HARD
            continue
        bare = unaccent(letter)
        small = small_letters(letter)
        if not bare:
            kinds[code] = NOTHING
        elif bare.isalnum() and not stands_alone(bare[0]):
            if len(small) > 2 or len(bare) != len(small):
                kinds[code] = HARD
                continue
            kinds[code] = WORD
            folds[code], cases[code] = ord(small[0]), _case(bare[0])
            if len(small) == 2:
                seconds[code], second_cases[code] = ord(small[1]), _case(bare[1])
        elif len(small) > 1:
            kinds[code] = HARD
        elif stands_alone(bare) or unicodedata.category(bare)[0] == "S" or 0x1F000 <= code < 0x20000:
            # Every sign, so that every emoji is among them.
            kinds[code] = SINGLE
            folds[code] = ord(small)
    for code in (0x203C, 0x2049, 0x2B05, 0x3030):
        kinds[code], folds[code] = SINGLE, code
    return _Letters(kinds, folds, seconds, cases, second_cases)


def _case(letter: str) -> int:
    return UPPER * letter.isupper() | LOWER * letter.islower() | DIGIT * letter.isdigit()


class Anchor(NamedTuple):
    """A word, or the start or end of one, that a query waits for."""

    where: int
    text: str

    def cost(self, shares: Mapping[str, float]) -> float:
        """Return the share of posts in which it is expected: as measured, or short words in more."""
        if self.where == WHOLE and self.text in shares:
            return shares[self.text]
        # What a measurement did not meet is rare; without one, only the length tells.
        unmet = 1e-4 if shares and self.where == WHOLE else 1e-2
        return unmet * (1 + 30 / len(self.text) ** 2)


def _runs(text: str) -> Iterator[tuple[str, int, int]]:
    """Return the words of a folded token as the compiled pass sees them, and where they stand."""
    kinds = _letters().kinds
    first = 0
    for at in range(len(text) + 1):
        code = ord(text[at]) if at < len(text) else 0
        kind = int(kinds[code]) if code < _HIGHEST else BREAK
        if kind != WORD:
            if first < at:
                yield text[first:at], first, at
            first = at + 1
            if kind == SINGLE:
                yield text[at], at, at + 1


def _anchors_of_token(token: str) -> Iterator[Anchor]:
    chunks = token.split("*")
    for number, chunk in enumerate(chunks):
        for run, first, end in _runs(chunk):
            open_start = number > 0 and first == 0
            open_end = number + 1 < len(chunks) and end == len(chunk)
            if open_start and open_end:
                continue
            yield Anchor(END if open_start else START if open_end else WHOLE, run)


_Waits: TypeAlias = frozenset[Anchor | Field] | None


def _anchors_of(atom: Atom, shares: Mapping[str, float]) -> _Waits:
    """Return what waits for an atom: one of them is there wherever it is found; None where nothing does."""
    if isinstance(atom, Field):
        of_text = _anchors_of(atom.term, shares) if atom.term else frozenset()
        return None if of_text is None else frozenset((atom, *of_text))
    if isinstance(atom, Near):
        sides = []
        for side in (atom.left, atom.right):
            found = [_anchors_of(term, shares) for term in side]
            if all(one is not None for one in found):
                sides.append(frozenset(anchor for one in found if one is not None for anchor in one))
        return min(sides, key=lambda side: _cost(side, shares), default=None)
    if isinstance(atom, Term) and any("://" in token for token in atom.tokens):
        return None
    words = atom.tokens if isinstance(atom, Term) else _raw_words(atom)
    choice = [anchor for word in words for anchor in _anchors_of_token(word) if len(anchor.text) < LONGEST]
    best = min(choice, key=lambda anchor: (anchor.cost(shares), anchor), default=None)
    return None if best is None else frozenset((best,))


def _raw_words(atom: Raw) -> tuple[str, ...]:
    # A star is a star here; folded letters stand between spaces.
    return tuple(small_letters(atom.letters).replace("*", " ").split())


def _cost(anchors: frozenset[Anchor | Field], shares: Mapping[str, float]) -> float:
    return sum(_FIELD_COST if isinstance(anchor, Field) else anchor.cost(shares) for anchor in anchors)


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


def _waits_for(query: Query, shares: Mapping[str, float]) -> _Waits:
    def joined(step: str, left: _Waits, right: _Waits) -> _Waits:
        if step == "and":
            sides = [one for one in (left, right) if one is not None]
            return min(sides, key=lambda side: _cost(side, shares), default=None)
        return None if left is None or right is None else left | right

    return folded(
        query.program, lambda number: _anchors_of(query.atoms[number], shares), lambda _: None, joined
    )


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
        waits = _waits_for(query, self._shares)
        if waits is None:
            self._open[number] = None
            return
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
        rows: list[int] = []
        watches: list[int] = []
        candidates = 0
        for start in range(0, len(posts), _AT_ONCE):
            part = posts.slice(start, _AT_ONCE)
            found, tried = self._matched(part)
            candidates += tried
            rows += [row + start for row, _ in found]
            watches += [number for _, number in found]
        keys = tuple(self._queries[number][0] for number in watches)
        return Matches(np.array(rows, np.int64), keys, candidates)

    def _matched(self, posts: pa.Table) -> tuple[list[tuple[int, int]], int]:
        pairs = self._candidates(posts)
        found: list[tuple[int, int]] = []
        tried = pairs // max(self._next, 1)
        numbers = pairs % max(self._next, 1)
        asked, first = np.unique(tried, return_index=True)
        ends = np.append(first, len(pairs))[1:].tolist()
        listed = numbers.tolist()
        read = candidates_of(posts.take(pa.array(asked)))
        for row, begin, end, post in zip(asked.tolist(), first.tolist(), ends, read, strict=True):
            reading = Reading(post)
            for number in listed[begin:end]:
                if self._queries[number][1].reads(reading):
                    found.append((row, number))
        for number in self._open:
            answers = self._queries[number][1].match_table(posts)
            found += [(row, number) for row in np.flatnonzero(np.asarray(answers)).tolist()]
        return sorted(found), len(pairs)

    def _candidates(self, posts: pa.Table) -> NDArray[np.int64]:
        """Return pairs of row and watch to decide, in one number each, ascending."""
        many = max(self._next, 1)
        pairs = [np.empty(0, np.int64)]
        if "text" in posts.column_names and self._waiting:
            rows, anchors = self._met(posts.column("text"))
            if self._listed is None:
                sizes = np.array([len(waiting) for waiting in self._waiting])
                flat = np.array([number for waiting in self._waiting for number in waiting], np.int64)
                self._listed = (sizes, np.cumsum(sizes) - sizes, flat)
            sizes, starts, flat = self._listed
            counts = sizes[anchors]
            within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
            pairs.append(np.repeat(rows, counts) * many + flat[np.repeat(starts[anchors], counts) + within])
        for number, asked in self._fields.items():
            for field in asked:
                pairs.append(np.flatnonzero(said_in(posts, field)) * many + number)
        return np.unique(np.concatenate(pairs))

    def _met(self, texts: pa.ChunkedArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        column = texts.combine_chunks().cast(pa.large_string()).fill_null("")
        _, offsets_buffer, data_buffer = column.buffers()
        offsets = np.frombuffer(offsets_buffer, np.int64)[column.offset : column.offset + len(column) + 1]
        data = np.frombuffer(data_buffer, np.uint8) if data_buffer else np.empty(0, np.uint8)
        room = 4 * len(column) + 1024
        while True:
            rows, anchors = np.empty(room, np.int64), np.empty(room, np.int64)
            hard = np.zeros(len(column), np.bool_)
            last = np.full(len(self._waiting), -1, np.int64)
            count = met(
                data,
                offsets,
                *_letters(),
                self._keys,
                self._places,
                self._starts,
                self._ends,
                last,
                rows,
                anchors,
                hard,
            )
            if count <= room:
                break
            room = count
        slow = [
            (row, place)
            for row in np.flatnonzero(hard).tolist()
            for place in self._read_slowly(column[row].as_py())
        ]
        more = np.array(slow, np.int64).reshape(-1, 2)
        return np.append(rows[:count], more[:, 0]), np.append(anchors[:count], more[:, 1])

    def _read_slowly(self, text: str) -> set[int]:
        """Return the anchors of a text that the compiled pass does not read."""
        starts, ends = np.flatnonzero(self._starts).tolist(), np.flatnonzero(self._ends).tolist()
        found = set()
        # What stands in an address is no token, but may hold exact letters.
        for piece in (*tokens(text), small_letters(text)):
            for run, _, _ in _runs(piece):
                found.add(self._anchors.get(Anchor(WHOLE, run), -1))
                found |= {self._anchors.get(Anchor(START, run[:cut]), -1) for cut in starts}
                found |= {self._anchors.get(Anchor(END, run[-cut:]), -1) for cut in ends if cut}
        return found - {-1}


def warm() -> None:
    """Compile the loops of matching now, so that nobody waits for it later."""
    Matcher([("a", parse("a OR b* OR *c"))]).match(pa.table({"text": ["a"]}))
