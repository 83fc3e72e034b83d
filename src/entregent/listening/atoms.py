"""What a query asks of a post, one thing at a time: words, nearness, exact letters, fields.

Every atom says whether a post holds it (:meth:`found`), where
(:meth:`spans`) and which folded letters every text that holds it has
(``literals``), so that most texts need not be taken apart.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, TypeAlias

from entregent.text.folding import unaccent
from entregent.text.tokens import Token, scan, stands_alone, streams

__all__ = ["Atom", "Candidate", "Field", "Near", "Raw", "Reading", "Term", "exact"]

Span: TypeAlias = tuple[int, int]
_UNSEEN = dict.fromkeys(map(ord, "\x00\u00ad\u200b\u2060\ufeff"))


@dataclass(frozen=True)
class Candidate:
    """A post as a query sees it; what is not known is None or empty.

    Parameters
    ----------
    text, lang, network, kind : str, optional
        As in the record of a post.
    account, handle : str, optional
        Id and handle of the author.
    hashtags, mentions, links : tuple of str
        As the network lists them.
    media : int
        How many pictures, films and sounds.
    followers : int, optional
        Of the author, when the post was seen.
    """

    text: str | None = None
    lang: str | None = None
    network: str | None = None
    kind: str | None = None
    account: str | None = None
    handle: str | None = None
    hashtags: tuple[str, ...] = ()
    mentions: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    media: int | None = None
    followers: int | None = None


class _Place(NamedTuple):
    """A token, and the words (numbered as in the line of words) that it stands for."""

    token: Token
    first: int
    end: int


class Reading:
    """A post, read in each way once, when first asked for."""

    def __init__(self, post: Candidate) -> None:
        self.post = post
        self.text = post.text or ""

    @cached_property
    def lines(self) -> tuple[str, str]:
        """The tokens as two lines: see :func:`~entregent.text.tokens.streams`."""
        return streams(self.text)

    @cached_property
    def exact(self) -> str:
        """The text with its accents and capitals, each letter written in one way."""
        return exact(self.text)

    @cached_property
    def words(self) -> list[_Place]:
        """Every word in order, hashtags as their words."""
        parts = [part for token in self._tokens for part in (token.parts or (token,))]
        return [_Place(token, number, number + 1) for number, token in enumerate(parts)]

    @cached_property
    def wholes(self) -> list[_Place]:
        """Every token in order, hashtags whole."""
        places = []
        number = 0
        for token in self._tokens:
            after = number + (len(token.parts) or 1)
            places.append(_Place(token, number, after))
            number = after
        return places

    @cached_property
    def _tokens(self) -> list[Token]:
        return list(scan(unaccent(self.text)))

    @cached_property
    def bare_places(self) -> list[int]:
        """For each place of the text without accents (and its end), the place of the text."""
        return _places(self.text, unaccent)

    @cached_property
    def exact_places(self) -> list[int]:
        """For each place of the exact text (and its end), the place of the text."""
        if self.exact == self.text:
            return list(range(len(self.text) + 1))
        return _places(self.text, exact)


def exact(text: str) -> str:
    """Return a text with each letter written in one way and without marks that nobody sees."""
    return text if text.isascii() and "\x00" not in text else _composed(text)


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text.translate(_UNSEEN))


def _places(text: str, written: Callable[[str], str]) -> list[int]:
    places: list[int] = []
    start = 0
    for end in range(1, len(text) + 1):
        joins = end < len(text) and (
            unicodedata.category(text[end])[0] == "M" or "\u1160" <= text[end] <= "\u11ff"
        )
        if not joins:
            places += [start] * len(written(text[start:end]))
            start = end
    places.append(len(text))
    return places


@dataclass(frozen=True)
class Term:
    """A word, phrase, hashtag, mention, link or emoji.

    Parameters
    ----------
    typed : str
        As it stands in the query.
    start : int
        Where it stands.
    needle : str
        Folded tokens between single spaces, or a regular expression of them.
    is_pattern : bool
    whole : bool
        Hashtags are looked at whole.
    literals : tuple of str
        One of them occurs in the small, unaccented letters of every text that
        the term is found in; one that is empty tells nothing.
    tokens : tuple of str
        Folded; a star stands for any letters.
    negated : bool
        Under an odd number of ``NOT``.
    """

    typed: str
    start: int
    needle: str
    is_pattern: bool
    whole: bool
    literals: tuple[str, ...]
    tokens: tuple[str, ...]
    negated: bool = False

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What finds the term in a line of tokens; neighbours may share a space."""
        inner = self.needle if self.is_pattern else re.escape(self.needle[1:-1])
        return re.compile(f"(?<= ){inner}(?= )")

    def found(self, reading: Reading) -> bool:
        """Whether the text holds the term."""
        line = reading.lines[self.whole]
        return self.pattern.search(line) is not None if self.is_pattern else self.needle in line

    def stretches(self, reading: Reading) -> list[tuple[_Place, _Place]]:
        """Return the first and last token of each occurrence, in order."""
        sequence = reading.wholes if self.whole else reading.words
        starts: dict[int, _Place] = {}
        ends: dict[int, _Place] = {}
        offset = 1
        for place in sequence:
            starts[offset] = place
            offset += len(place.token.text)
            ends[offset] = place
            offset += 1
        line = " ".join(("", *(place.token.text for place in sequence), ""))
        return [(starts[m.start()], ends[m.end()]) for m in self.pattern.finditer(line)]

    def spans(self, reading: Reading) -> list[Span]:
        """Return where the text holds the term."""
        place = reading.bare_places
        return [(place[first.token.start], place[last.token.end]) for first, last in self.stretches(reading)]


@dataclass(frozen=True)
class Near:
    """Two terms with few words between them.

    Parameters
    ----------
    typed : str
        The operator, as typed.
    start : int
    left, right : tuple of Term
        Any of the one beside any of the other.
    between : int
        Most words between them.
    ordered : bool
        The left one comes first.
    negated : bool
    """

    typed: str
    start: int
    left: tuple[Term, ...]
    right: tuple[Term, ...]
    between: int
    ordered: bool
    negated: bool = False

    @cached_property
    def literals(self) -> tuple[str, ...]:
        """What any text with both has letters of: those of the side that tells more."""
        sides = [
            tuple(literal for term in side for literal in term.literals) for side in (self.left, self.right)
        ]
        return max(sides, key=lambda side: min(map(len, side)))

    def found(self, reading: Reading) -> bool:
        """Whether the text holds both, near enough."""
        for side in (self.left, self.right):
            if not any(term.found(reading) for term in side):
                return False
        return bool(self._pairs(reading))

    def _pairs(self, reading: Reading) -> list[tuple[_Place, _Place]]:
        sides = []
        for side in (self.left, self.right):
            held = [stretch for term in side for stretch in term.stretches(reading)]
            sides.append(sorted(held, key=lambda stretch: stretch[0].first))
        left, right = sides
        pairs = _followed(left, right, self.between)
        if not self.ordered:
            pairs += _followed(right, left, self.between)
        return pairs

    def spans(self, reading: Reading) -> list[Span]:
        """Return where the text holds either side of a pair."""
        place = reading.bare_places
        return [(place[first.token.start], place[last.token.end]) for first, last in self._pairs(reading)]


def _followed(
    before: list[tuple[_Place, _Place]], after: list[tuple[_Place, _Place]], between: int
) -> list[tuple[_Place, _Place]]:
    """Return stretches of both that belong to a pair; the next one after is the nearest."""
    starts = [first.first for first, _ in after]
    found = []
    for stretch in before:
        number = bisect_left(starts, stretch[1].end)
        if number < len(after) and starts[number] - stretch[1].end <= between:
            found += [stretch, after[number]]
    return found


@dataclass(frozen=True)
class Raw:
    """Letters exactly as typed: accents and capitals count.

    Parameters
    ----------
    typed : str
    start : int
    letters : str
        In the form of :func:`exact`.
    literals : tuple of str
    tokens : tuple of str
        Its words, folded.
    negated : bool
    """

    typed: str
    start: int
    letters: str
    literals: tuple[str, ...]
    tokens: tuple[str, ...]
    negated: bool = False

    def _starts(self, reading: Reading) -> list[int]:
        text, letters = reading.exact, self.letters
        starts = []
        at = text.find(letters)
        while at >= 0:
            end = at + len(letters)
            cut_before = at > 0 and _joined(text[at - 1], letters[0])
            if not cut_before and not (end < len(text) and _joined(text[end], letters[-1])):
                starts.append(at)
            at = text.find(letters, at + 1)
        return starts

    def found(self, reading: Reading) -> bool:
        """Whether the text holds the letters, as whole words."""
        return self.letters in reading.exact and bool(self._starts(reading))

    def spans(self, reading: Reading) -> list[Span]:
        """Return where the text holds them."""
        place = reading.exact_places
        return [(place[at], place[at + len(self.letters)]) for at in self._starts(reading)]


def _joined(outside: str, inside: str) -> bool:
    """Whether two neighbours belong to one word: then the letters are only a part of it."""
    both = _in_word(outside) and _in_word(inside)
    return both and not (stands_alone(outside) or stands_alone(inside))


def _in_word(letter: str) -> bool:
    return letter == "_" or unicodedata.category(letter)[0] in "LNM"


@dataclass(frozen=True)
class Field:
    """Something that the network says of the post or its author.

    Parameters
    ----------
    typed : str
    start : int
    name : str
    columns : tuple of str
        Fields of :class:`Candidate`, any of which may hold it.
    test : callable
        Asked of each value that is known.
    term : Term, optional
        The same, as it stands in a text: ``hashtag:`` and ``mentions:``.
    negated : bool
    """

    typed: str
    start: int
    name: str
    columns: tuple[str, ...]
    test: Callable[[object], bool]
    term: Term | None = None
    negated: bool = False

    @property
    def literals(self) -> tuple[str, ...]:
        """Of the text only."""
        return self.term.literals if self.term else ()

    def said(self, post: Candidate) -> list[object]:
        """Return what the network says that fits."""
        values: list[object] = []
        for column in self.columns:
            value = getattr(post, column)
            values += value if isinstance(value, tuple) else () if value is None else (value,)
        return [value for value in values if self.test(value)]

    def found(self, reading: Reading) -> bool:
        """Whether the network says so, or the text does."""
        return bool(self.said(reading.post)) or (self.term is not None and self.term.found(reading))

    def spans(self, reading: Reading) -> list[Span]:
        """Return where the text says so."""
        return self.term.spans(reading) if self.term else []


Atom: TypeAlias = Term | Near | Raw | Field
