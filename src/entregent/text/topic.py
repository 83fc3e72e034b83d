"""What a conversation is about: a Boolean query over tokens.

=====================  ====================================================
``grève SNCF``         both words (``AND``, ``ET`` or nothing between them)
``train OR bus``       either (``OR``, ``OU``)
``SNCF NOT emploi``    the first without the second (``NOT``, ``SAUF``, ``-``)
``"prix du billet"``   words that follow each other
``grév*``              any word that begins so; ``*`` may stand anywhere
``#GrèveSNCF``         the hashtag; ``grève`` finds it too
``@sncf``              the mention
``( )``                groups
=====================  ====================================================

Operators are in capitals: *ou* and *et* in small letters are words. Accents,
capitals and ligatures do not count (:mod:`entregent.text.folding`).
"""

from __future__ import annotations

import re
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from entregent.errors import QueryError
from entregent.text.folding import unaccent
from entregent.text.tokens import Token, scan, streams

__all__ = ["Term", "Topic", "parse"]

MOST_CHARACTERS = 50_000
MOST_DEPTH = 100
_AND = frozenset(("AND", "ET", "&&"))
_OR = frozenset(("OR", "OU", "||"))
_NOT = frozenset(("NOT", "SAUF", "NON"))
_BINDS = {"or": 1, "and": 2, "not": 3}
_QUOTES = {'"': '"', "«": "»", "“": "”"}
_LEXEME = re.compile(r'\s+|[()]|["«“]|[^\s()"«»“”]+|[»”]')
_FIELD = re.compile(r"[A-Za-z_]+:(?!//)\S")
_NEAR = re.compile(r"(?:NEAR|PRES|PRÈS|W|N)/\d+\Z")
# A letter of no living alphabet stands for the star while a term is taken apart.
_STAR = "\ua78f"
_AT_ONCE = 20_000
# What may fold to ASCII or to nothing: all but ASCII, pictures, Chinese characters and Hangul.
_ODD = r"[\x00\x{80}-\x{33ff}\x{a000}-\x{abff}\x{d800}-\x{1efff}\x{1fb00}-\x{10ffff}]"
_DIGRAPH = re.compile("oe|ae|ss+|.", re.DOTALL)
_OPERAND = ("a word", "a phrase in quotes", "#hashtag", "@mention", "an opening parenthesis")


@dataclass(frozen=True)
class Term:
    """One thing to look for.

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
    literal : str
        Occurs in the small, unaccented letters of every text that the term
        matches; may be empty.
    negated : bool
        Under an odd number of ``NOT``.
    """

    typed: str
    start: int
    needle: str
    is_pattern: bool
    whole: bool
    literal: str
    negated: bool

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What finds the term in a line of tokens; neighbours may share a space."""
        inner = self.needle if self.is_pattern else re.escape(self.needle[1:-1])
        return re.compile(f"(?<= ){inner}(?= )")

    def hits(self, words: str, wholes: str) -> bool:
        """Whether the term is in a text of these :func:`~entregent.text.tokens.streams`."""
        line = wholes if self.whole else words
        return self.pattern.search(line) is not None if self.is_pattern else self.needle in line


@dataclass(frozen=True)
class Topic:
    """A query that was understood.

    Parameters
    ----------
    query : str
    terms : tuple of Term
    program : tuple of (int or str)
        Reverse Polish: a number pushes whether that term was found; ``and``,
        ``or`` and ``not`` take what they need.
    """

    query: str
    terms: tuple[Term, ...]
    program: tuple[int | str, ...]

    def _decide(self, found: list[bool]) -> bool:
        stack: list[bool] = []
        for step in self.program:
            if isinstance(step, int):
                stack.append(found[step])
            elif step == "not":
                stack[-1] = not stack[-1]
            else:
                last = stack.pop()
                stack[-1] = (stack[-1] and last) if step == "and" else (stack[-1] or last)
        return stack[-1]

    def matches(self, text: str) -> bool:
        """Whether a text is on topic.

        Examples
        --------
        >>> parse("grève ET (SNCF OU RATP)").matches("La #GreveSNCF continue")
        True
        """
        words, wholes = streams(text)
        return self._decide([term.hits(words, wholes) for term in self.terms])

    def match_table(self, texts: pa.Array | pa.ChunkedArray) -> pa.BooleanArray:
        """Say of each text of a column whether it is on topic, as :meth:`matches` does.

        Parameters
        ----------
        texts : pyarrow.Array of string, shape (n,)

        Returns
        -------
        pyarrow.BooleanArray, shape (n,)
            False where the text is null.

        Notes
        -----
        Only texts in which the letters of some term occur are taken apart;
        of all others it is known that no term is found.
        """
        column = texts if isinstance(texts, pa.ChunkedArray) else pa.chunked_array([texts])
        known = np.asarray(column.is_valid())
        # Where no term can be found, the answer is the same for all texts.
        answers = known & self._decide([False] * len(self.terms))
        candidates = np.flatnonzero(known & _may_hold(column, [term.literal for term in self.terms]))
        for start in range(0, len(candidates), _AT_ONCE):
            part = candidates[start : start + _AT_ONCE]
            values: list[str] = column.take(pa.array(part)).to_pylist()
            answers[part] = [self.matches(text) for text in values]
        return pa.array(answers)

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Say where a text holds what was looked for.

        Parameters
        ----------
        text : str

        Returns
        -------
        list of (int, int)
            Half-open stretches of `text`, in order, without overlap. Terms
            under ``NOT`` are left out.

        Examples
        --------
        >>> parse("été OR #sncf").spans("L’été, la #SNCF")
        [(2, 5), (10, 15)]
        """
        bare = unaccent(text)
        place = _places(text)
        words: list[Token] = []
        wholes: list[Token] = []
        for token in scan(bare):
            wholes.append(token)
            words.extend(token.parts or (token,))
        found: list[tuple[int, int]] = []
        for term in self.terms:
            if term.negated:
                continue
            sequence = wholes if term.whole else words
            starts: dict[int, int] = {}
            ends: dict[int, int] = {}
            offset = 1
            for number, token in enumerate(sequence):
                starts[offset] = number
                offset += len(token.text)
                ends[offset] = number
                offset += 1
            line = " ".join(("", *(token.text for token in sequence), ""))
            for match in term.pattern.finditer(line):
                first, last = sequence[starts[match.start()]], sequence[ends[match.end()]]
                found.append((place[first.start], place[last.end]))
        return _merged(found)


def _may_hold(texts: pa.ChunkedArray, literals: list[str]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Say which texts may hold one of the folded literals, looking at the texts as they are."""
    if "" not in literals:
        pattern = "|".join(_unfolded(literal) for literal in sorted(set(literals)))
        # The engine refuses patterns that are too big; then every text is taken apart.
        with suppress(pa.ArrowInvalid):
            return np.asarray(pc.match_substring_regex(texts, pattern).fill_null(False))
    return np.ones(len(texts), bool)


def _unfolded(literal: str) -> str:
    """Return a pattern (RE2) that finds all that folds to a literal, and more."""
    letters = []
    for piece in _DIGRAPH.findall(literal):
        if piece.startswith("ss"):
            letters.append(f"(?:[sS]|{_ODD})+")
        elif len(piece) == 2:
            letters.append(f"(?:[{piece[0]}{piece[0].upper()}]{_ODD}*[{piece[1]}{piece[1].upper()}]|{_ODD})")
        elif piece.isascii():
            same = f"[{piece}{piece.upper()}]" if piece.isalnum() else re.escape(piece)
            letters.append(f"(?:{same}|{_ODD})")
        else:
            letters.append(r"[^\x01-\x7f]")
    # What is not ASCII may fold to nothing.
    return r"[^\x01-\x7f]*".join(letters) if not literal.isascii() else f"{_ODD}*".join(letters)


def _places(text: str) -> list[int]:
    """Return for each place of the bare text (and its end) the place of the text."""
    places: list[int] = []
    start = 0
    for end in range(1, len(text) + 1):
        joins = end < len(text) and (
            unicodedata.category(text[end])[0] == "M" or "\u1160" <= text[end] <= "\u11ff"
        )
        if not joins:
            places += [start] * len(unaccent(text[start:end]))
            start = end
    places.append(len(text))
    return places


def _merged(found: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(found):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def parse(query: str) -> Topic:
    """Understand a query.

    Parameters
    ----------
    query : str

    Returns
    -------
    Topic

    Raises
    ------
    QueryError
        Where it cannot be understood; the message points at the place and
        says what is expected there.

    Examples
    --------
    >>> [term.typed for term in parse('SNCF -emploi "prix du billet"').terms]
    ['SNCF', 'emploi', '"prix du billet"']
    """
    if len(query) > MOST_CHARACTERS:
        raise QueryError(
            f"The topic has {len(query)} characters; {MOST_CHARACTERS} are the most.",
            where="topic",
            do="Use a wildcard (grev*) in place of a list of forms, or split the topic in two.",
        )
    return _Parser(query).parse()


class _Parser:
    """Shunting-yard: no recursion, so that no depth of parentheses can exhaust the stack."""

    def __init__(self, query: str) -> None:
        self.query = query
        self.terms: list[Term] = []
        self.program: list[int | str] = []
        self.pending: list[tuple[str, int]] = []
        self.wants_operand = True
        self.depth = 0

    def parse(self) -> Topic:
        place = 0
        while place < len(self.query):
            match = _LEXEME.match(self.query, place)
            assert match is not None  # noqa: S101 - every character begins a lexeme
            lexeme, start, place = match[0], place, match.end()
            if lexeme in _QUOTES:
                end = self.query.find(_QUOTES[lexeme], place)
                if end < 0:
                    raise self._error("This quote is not closed.", start, (_QUOTES[lexeme],))
                place = end + 1
                self._operand(self.query[start:place], start, phrase=self.query[start + 1 : end])
            elif not lexeme.isspace():
                self._lexeme(lexeme, start)
        if self.wants_operand:
            if not self.program and not self.pending:
                raise QueryError("The topic is empty.", where="topic", valid=_OPERAND)
            raise self._error("The topic ends too early.", len(self.query), _OPERAND)
        while self.pending:
            operator, start = self.pending.pop()
            if operator == "(":
                raise self._error("This parenthesis is not closed.", start, (")",))
            self.program.append(operator)
        return Topic(self.query, self._signed(), tuple(self.program))

    def _lexeme(self, lexeme: str, start: int) -> None:
        if lexeme == "(":
            self._join(start)
            self.depth += 1
            if self.depth > MOST_DEPTH:
                raise self._error(f"Parentheses are nested more than {MOST_DEPTH} deep.", start)
            self.pending.append(("(", start))
        elif lexeme == ")":
            self._close(start)
        elif lexeme in _AND or lexeme in _OR:
            if self.wants_operand:
                raise self._error(
                    f"{lexeme} joins two things, and nothing stands before it.", start, _OPERAND
                )
            self._push("and" if lexeme in _AND else "or", start)
            self.wants_operand = True
        elif lexeme in _NOT:
            self._join(start)
            self.pending.append(("not", start))
        elif lexeme[0] == "-" and len(lexeme) > 1:
            self._join(start)
            self.pending.append(("not", start))
            self._operand(lexeme[1:], start + 1)
        elif lexeme == "-" and self.query[start + 1 : start + 2] in ('"', "«", "“", "("):
            self._join(start)
            self.pending.append(("not", start))
        elif lexeme in ("»", "”"):
            raise self._error("This quote was not opened.", start, _OPERAND)
        else:
            self._operand(lexeme, start)

    def _join(self, start: int) -> None:
        """Nothing between two things means AND."""
        if not self.wants_operand:
            self._push("and", start)
            self.wants_operand = True

    def _push(self, operator: str, start: int) -> None:
        while self.pending and _BINDS.get(self.pending[-1][0], 0) >= _BINDS[operator]:
            self.program.append(self.pending.pop()[0])
        self.pending.append((operator, start))

    def _close(self, start: int) -> None:
        if self.wants_operand:
            raise self._error("Something is missing before this parenthesis.", start, _OPERAND)
        while self.pending and self.pending[-1][0] != "(":
            self.program.append(self.pending.pop()[0])
        if not self.pending:
            raise self._error("This parenthesis was not opened.", start, ("AND", "OR", "NOT", *_OPERAND))
        self.pending.pop()
        self.depth -= 1

    def _operand(self, typed: str, start: int, phrase: str | None = None) -> None:
        self._join(start)
        self.program.append(len(self.terms))
        self.terms.append(self._term(typed, start, phrase))
        self.wants_operand = False

    def _term(self, typed: str, start: int, phrase: str | None) -> Term:
        if phrase is None and _NEAR.match(typed):
            raise self._error(f"{typed} is not known.", start, ("AND", "OR", "NOT", 'a phrase "in quotes"'))
        if phrase is None and _FIELD.match(typed):
            raise self._error(
                f"{typed.partition(':')[0]}: is not known; put the term in quotes to look for it as it is.",
                start,
                _OPERAND,
            )
        found = list(scan(unaccent((typed if phrase is None else phrase).replace("*", _STAR))))
        if not found:
            raise self._error(
                f"{typed} holds no letter, figure or emoji to look for.",
                start,
                _OPERAND,
                'A name that holds signs goes in quotes: "Marks & Spencer".',
            )
        if all(not token.text.strip(_STAR + "#@") for token in found):
            raise self._error("A star needs letters beside it.", start, ("grev*", "*phobie", "gr*ve"))
        whole = any(token.kind == "hashtag" for token in found)
        starred = any(_STAR in token.text for token in found)
        written = [_pattern_of(token) if starred else token.text for token in found]
        chunks = [
            chunk for token in found if token.kind != "link" for chunk in token.text.lstrip("#").split(_STAR)
        ]
        literal = max(chunks, key=len, default="")
        needle = " ".join(written) if starred else f" {' '.join(written)} "
        return Term(typed, start, needle, starred, whole, literal, False)

    def _signed(self) -> tuple[Term, ...]:
        """Mark the terms that count only against a text."""
        stack: list[list[int]] = []
        negated = [False] * len(self.terms)
        for step in self.program:
            if isinstance(step, int):
                stack.append([step])
            elif step == "not":
                for number in stack[-1]:
                    negated[number] = not negated[number]
            else:
                last = stack.pop()
                stack[-1] += last
        return tuple(
            Term(term.typed, term.start, term.needle, term.is_pattern, term.whole, term.literal, sign)
            for term, sign in zip(self.terms, negated, strict=True)
        )

    def _error(self, what: str, place: int, expected: tuple[str, ...] = (), do: str = "") -> QueryError:
        first = max(0, place - 40)
        excerpt = re.sub(r"\s", " ", self.query[first : place + 30])
        before, after = "…" if first else "", "…" if place + 30 < len(self.query) else ""
        caret = " " * (place - first + len(before)) + "^"
        pointed = f"{what}\n    {before}{excerpt}{after}\n    {caret}\n"
        return QueryError(
            pointed, where=f"topic, character {place + 1}", valid=expected or None, do=do or None
        )


def _pattern_of(token: Token) -> str:
    pattern = re.escape(token.text).replace(_STAR, "[^ ]*")
    # A star at the start of a word does not reach into mentions, links and emoji.
    return r"(?=\w)(?!https?://)" + pattern if token.text.startswith(_STAR) else pattern
