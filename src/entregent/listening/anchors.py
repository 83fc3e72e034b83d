"""What a query waits for in texts, and what the words of a text alone decide of it.

*Anchors* are words, or beginnings or ends of words, one of which at least
stands in any text that a query matches. A *program* works out from the anchors
met in a text what the query says of it, in three values: no, perhaps, yes.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from entregent.listening.atoms import Atom, Field, Near, Raw, Term
from entregent.listening.grammar import folded
from entregent.listening.match_kernels import (
    AND,
    BREAK,
    DIGIT,
    HARD,
    LONGEST,
    LOWER,
    NOT,
    NOTHING,
    OR,
    SINGLE,
    UNKNOWN,
    UNSURE,
    UPPER,
    WORD,
)
from entregent.listening.query import Query
from entregent.text.folding import small_letters, unaccent
from entregent.text.tokens import stands_alone

__all__ = ["END", "START", "WHOLE", "Anchor", "Letters", "depth", "letters", "program", "runs", "waits_for"]

WHOLE, START, END = 0, 1, 2
"""Where in a word an anchor stands."""

_HIGHEST = 0x30000
# Parts of a Korean syllable join across characters.
_JAMO = ((0x1100, 0x1200), (0xA960, 0xA980), (0xD7B0, 0xD800))
_FIELD_COST = 1e6


class Letters(NamedTuple):
    """What each code point does in a text, and the letters it is folded to."""

    kinds: NDArray[np.uint8]
    folds: NDArray[np.int32]
    seconds: NDArray[np.int32]
    cases: NDArray[np.uint8]
    second_cases: NDArray[np.uint8]


@cache
def letters() -> Letters:
    """Return what each code point does in a text.

    Returns
    -------
    Letters
        Arrays of shape (0x30000,).
    """
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
    return Letters(kinds, folds, seconds, cases, second_cases)


def _case(letter: str) -> int:
    return UPPER * letter.isupper() | LOWER * letter.islower() | DIGIT * letter.isdigit()


class Anchor(NamedTuple):
    """A word, or the start or end of one, that a query waits for."""

    where: int
    text: str

    def cost(self, shares: Mapping[str, float]) -> float:
        """Return the share of posts in which it is expected: as measured, or short words in more.

        Parameters
        ----------
        shares : mapping of str to float

        Returns
        -------
        float
        """
        if self.where == WHOLE and self.text in shares:
            return shares[self.text]
        # What a measurement did not meet is rare; without one, only the length tells.
        unmet = 1e-4 if shares and self.where == WHOLE else 1e-2
        return unmet * (1 + 30 / len(self.text) ** 2)


def runs(text: str) -> Iterator[tuple[str, int, int]]:
    """Return the words of a folded token as the compiled pass sees them, and where they stand.

    Parameters
    ----------
    text : str

    Yields
    ------
    tuple of (str, int, int)
    """
    kinds = letters().kinds
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
        for run, first, end in runs(chunk):
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


def _word_of(atom: Atom) -> Anchor | None:
    """Return the anchor that stands free in a text only where the atom is found; None for most."""
    if not isinstance(atom, Term) or atom.whole or len(atom.tokens) != 1:
        return None
    token = atom.tokens[0]
    word = token.strip("*")
    where = END if token.startswith("*") else START if token.endswith("*") else WHOLE
    if len(token) - len(word) != (where != WHOLE) or len(word) >= LONGEST:
        return None
    plain = [(word, 0, len(word))] == list(runs(word)) and letters().kinds[ord(word[0])] == WORD
    return Anchor(where, word) if plain else None


def _steps_of(atom: Atom) -> Iterator[Anchor | int]:
    """Yield the steps that say no where an atom is not found, yes only where it is, perhaps otherwise."""
    word = _word_of(atom)
    if word is not None:
        yield word
        return
    if isinstance(atom, Near):
        for side in (atom.left, atom.right):
            for number, term in enumerate(side):
                yield from _steps_of(term)
                if number:
                    yield OR
        yield AND
        yield UNSURE
        return
    anchors: list[Anchor] = []
    if isinstance(atom, Raw) or (isinstance(atom, Term) and not any("://" in token for token in atom.tokens)):
        words = atom.tokens if isinstance(atom, Term) else _raw_words(atom)
        found = (anchor for word in words for anchor in _anchors_of_token(word))
        anchors = [anchor for anchor in found if len(anchor.text) < LONGEST]
    if not anchors:
        yield UNKNOWN
        return
    for number, anchor in enumerate(anchors):
        yield anchor
        if number:
            yield AND
    yield UNSURE


_STEPS = {"and": AND, "or": OR, "not": NOT}


def program(query: Query) -> Iterator[Anchor | int]:
    """Write a query as steps over anchors.

    Parameters
    ----------
    query : Query

    Yields
    ------
    Anchor or int
        Reverse Polish: an anchor says no where it was not met, yes where its
        word stands free, perhaps otherwise; the steps are those of
        :mod:`entregent.listening.match_kernels`. The whole never says no of a
        text that matches, nor yes of one that does not.
    """
    for step in query.program:
        if isinstance(step, int):
            yield from _steps_of(query.atoms[step])
        else:
            yield _STEPS[step]


def depth(steps: Iterable[Anchor | int]) -> int:
    """Return how many answers a program holds at most at a time.

    Parameters
    ----------
    steps : iterable of (Anchor or int)

    Returns
    -------
    int
    """
    held = most = 0
    for step in steps:
        held += 1 if isinstance(step, Anchor) or step == UNKNOWN else -1 if step in (AND, OR) else 0
        most = max(most, held)
    return most


def _raw_words(atom: Raw) -> tuple[str, ...]:
    # A star is a star here; folded letters stand between spaces.
    return tuple(small_letters(atom.letters).replace("*", " ").split())


def _cost(anchors: frozenset[Anchor | Field], shares: Mapping[str, float]) -> float:
    return sum(_FIELD_COST if isinstance(anchor, Field) else anchor.cost(shares) for anchor in anchors)


def waits_for(query: Query, shares: Mapping[str, float]) -> frozenset[Anchor | Field] | None:
    """Return what a query waits for.

    Parameters
    ----------
    query : Query
    shares : mapping of str to float
        In which share of posts a folded word stands, as far as known.

    Returns
    -------
    frozenset of (Anchor or Field), or None
        One of them at least is there wherever the query matches; None where
        nothing need be, as under NOT.
    """

    def joined(step: str, left: _Waits, right: _Waits) -> _Waits:
        if step == "and":
            sides = [one for one in (left, right) if one is not None]
            return min(sides, key=lambda side: _cost(side, shares), default=None)
        return None if left is None or right is None else left | right

    return folded(
        query.program, lambda number: _anchors_of(query.atoms[number], shares), lambda _: None, joined
    )
