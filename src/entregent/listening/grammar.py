"""From the letters of a query to what it asks: errors point at the place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

from entregent.errors import QueryError
from entregent.listening.atoms import Atom, Field, Near, Raw, Term, exact
from entregent.listening.fields import FIELDS, BadValue, asked
from entregent.text.folding import unaccent
from entregent.text.tokens import Token, scan

__all__ = ["AND", "NOT", "OR", "Parsed", "folded", "understand"]

MOST_CHARACTERS = 50_000
MOST_DEPTH = 100
MOST_BETWEEN = 1000
AND = frozenset(("AND", "ET", "&&"))
OR = frozenset(("OR", "OU", "||"))
NOT = frozenset(("NOT", "SAUF", "NON"))
_BINDS = {"or": 1, "and": 2, "not": 3, "near": 4}
_QUOTES = {'"': '"', "«": "»", "“": "”"}
_LEXEME = re.compile(r'\s+|[()]|-?[A-Za-z_]+:(?=["«“])|["«“]|[^\s()"«»“”]+|[»”]')
_FIELD = re.compile(r"(?P<name>[A-Za-z_]+):(?!//)(?P<value>\S*)\Z")
_NEAR = re.compile(r"(?:NEAR|PRES|PRÈS)/(?P<between>\d+)(?P<ordered>f?)\Z")
_NEARLY = re.compile(r"(?:(?:NEAR|PRES|PRÈS|PRE|ONEAR)/\S*|[WN]/\d+)\Z")
# A letter of no living alphabet stands for the star while a term is taken apart.
_STAR = "\ua78f"
_LETTERS = re.compile(r"[^\W_]+")
_OPERAND = ("a word", "a phrase in quotes", "#hashtag", "@mention", "an opening parenthesis")
_KNOWN = tuple(f"{name}:" for name in (*FIELDS, "raw"))
_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Parsed:
    """A query, understood.

    Parameters
    ----------
    atoms : tuple of Atom
    program : tuple of (int or str)
        Reverse Polish: a number pushes whether that atom was found; ``and``,
        ``or`` and ``not`` take what they need.
    mixed : tuple of int
        Where AND meets OR without parentheses.
    """

    atoms: tuple[Atom, ...]
    program: tuple[int | str, ...]
    mixed: tuple[int, ...]


def understand(query: str, name: str) -> Parsed:
    """Take a query apart.

    Parameters
    ----------
    query : str
    name : str
        What errors call it.

    Returns
    -------
    Parsed

    Raises
    ------
    QueryError
    """
    if len(query) > MOST_CHARACTERS:
        raise QueryError(
            f"The {name} has {len(query)} characters; {MOST_CHARACTERS} are the most.",
            where=name,
            do=f"Use a wildcard (grev*) in place of a list of forms, or split the {name} in two.",
        )
    return _Parser(query, name).parse()


@dataclass(frozen=True)
class _Operator:
    kind: str
    start: int
    typed: str = ""
    between: int = 0
    ordered: bool = False


class _Parser:
    """Shunting-yard: no recursion, so that no depth of parentheses can exhaust the stack."""

    def __init__(self, query: str, name: str) -> None:
        self.query = query
        self.name = name
        self.atoms: list[Atom] = []
        self.steps: list[int | _Operator] = []
        self.pending: list[_Operator] = []
        self.wants_operand = True
        self.after: _Operator | None = None
        self.levels: list[set[str]] = [set()]
        self.mixed: list[int] = []

    def parse(self) -> Parsed:
        place = 0
        while place < len(self.query):
            match = _LEXEME.match(self.query, place)
            assert match is not None  # noqa: S101 - every character begins a lexeme
            lexeme, start, place = match[0], place, match.end()
            if lexeme[-1] in _QUOTES:
                place = self._quoted(start, start)
            elif lexeme[-1] == ":" and self.query[place : place + 1] in _QUOTES:
                place = self._quoted(place, start)
            elif not lexeme.isspace():
                self._lexeme(lexeme, start)
        if self.wants_operand:
            if not self.steps and not self.pending:
                raise QueryError(f"The {self.name} is empty.", where=self.name, valid=_OPERAND)
            raise self._error(f"The {self.name} ends too early.", len(self.query), _OPERAND)
        while self.pending:
            operator = self.pending.pop()
            if operator.kind == "(":
                raise self._error("This parenthesis is not closed.", operator.start, (")",))
            self.steps.append(operator)
        return self._assembled()

    def _quoted(self, place: int, start: int) -> int:
        """Take in a phrase whose quote stands at `place`; from `start` on stands its field."""
        quote = self.query[place]
        end = self.query.find(_QUOTES[quote], place + 1)
        if end < 0:
            raise self._error("This quote is not closed.", place, (_QUOTES[quote],))
        prefix, phrase = self.query[start:place], self.query[place + 1 : end]
        if prefix.startswith("-"):
            self._not(start)
            prefix, start = prefix[1:], start + 1
        if prefix:
            self._operand(self._field(self.query[start : end + 1], start, prefix[:-1], phrase))
        else:
            self._operand(self._term(self.query[start : end + 1], start, phrase))
        return end + 1

    def _lexeme(self, lexeme: str, start: int) -> None:
        if lexeme == "(":
            self._join(start)
            if len(self.levels) > MOST_DEPTH:
                raise self._error(f"Parentheses are nested more than {MOST_DEPTH} deep.", start)
            self.levels.append(set())
            self.pending.append(_Operator("(", start))
        elif lexeme == ")":
            self._close(start)
        elif lexeme in AND or lexeme in OR:
            self._between(lexeme, start)
            self._push(_Operator("and" if lexeme in AND else "or", start, lexeme))
        elif lexeme in NOT:
            self._not(start)
        elif near := _NEAR.match(lexeme):
            self._between(lexeme, start)
            between = int(near["between"]) if len(near["between"]) < 5 else MOST_BETWEEN + 1
            if between > MOST_BETWEEN:
                raise self._error(
                    f"{lexeme} is wider than {MOST_BETWEEN} words.", start, (f"NEAR/{MOST_BETWEEN}", "AND")
                )
            self._push(_Operator("near", start, lexeme, between, bool(near["ordered"])))
        elif _NEARLY.match(lexeme):
            valid = ("NEAR/5", "PRES/5", "NEAR/5f (in this order)")
            raise self._error(f"{lexeme} is not known.", start, valid)
        elif lexeme[0] == "-" and len(lexeme) > 1:
            self._not(start)
            self._single(lexeme[1:], start + 1)
        elif lexeme == "-" and self.query[start + 1 : start + 2] in ('"', "«", "“", "("):
            self._not(start)
        elif lexeme in ("»", "”"):
            raise self._error("This quote was not opened.", start, _OPERAND)
        else:
            self._single(lexeme, start)

    def _between(self, lexeme: str, start: int) -> None:
        if self.wants_operand:
            raise self._error(f"{lexeme} joins two things, and nothing stands before it.", start, _OPERAND)

    def _not(self, start: int) -> None:
        if self.after is not None and self.after.kind == "near":
            raise self._error(f"{self.after.typed} joins what is there.", start, _OPERAND)
        self._join(start)
        self.pending.append(_Operator("not", start))

    def _join(self, start: int) -> None:
        """Nothing between two things means AND."""
        if not self.wants_operand:
            self._push(_Operator("and", start))

    def _push(self, operator: _Operator) -> None:
        while self.pending and _BINDS.get(self.pending[-1].kind, 0) >= _BINDS[operator.kind]:
            self.steps.append(self.pending.pop())
        self.pending.append(operator)
        self.wants_operand = True
        self.after = operator
        if operator.kind != "near":
            level = self.levels[-1]
            if len(level) == 1 and operator.kind not in level:
                self.mixed.append(operator.start)
            level.add(operator.kind)

    def _close(self, start: int) -> None:
        if self.wants_operand:
            raise self._error("Something is missing before this parenthesis.", start, _OPERAND)
        while self.pending and self.pending[-1].kind != "(":
            self.steps.append(self.pending.pop())
        if not self.pending:
            raise self._error("This parenthesis was not opened.", start, ("AND", "OR", "NOT", *_OPERAND))
        self.pending.pop()
        self.levels.pop()

    def _single(self, typed: str, start: int) -> None:
        if field := _FIELD.match(typed):
            name, value = field["name"], field["value"]
            if value or f"{name.lower()}:" in _KNOWN:
                self._operand(self._field(typed, start, name, value))
                return
        self._operand(self._term(typed, start, None))

    def _operand(self, atom: Atom) -> None:
        self._join(atom.start)
        self.steps.append(len(self.atoms))
        self.atoms.append(atom)
        self.wants_operand = False
        self.after = None

    def _field(self, typed: str, start: int, name: str, value: str) -> Field | Raw:
        name = name.lower()
        if f"{name}:" not in _KNOWN:
            raise self._error(
                f"{name}: is not known; put the term in quotes to look for it as it is.", start, _KNOWN
            )
        if not value.strip():
            raise self._error(f"{name}: needs its value right behind it.", start, (f"{name}:value",))
        if name == "raw":
            return self._raw(typed, start, value)
        try:
            columns, test, in_text = asked(name, value.strip())
        except BadValue as error:
            raise self._error(f"{name}: does not take {value!r}.", start, error.valid) from None
        term = self._term(in_text, start, in_text) if in_text else None
        return Field(typed, start, name, columns, test, term)

    def _raw(self, typed: str, start: int, value: str) -> Raw:
        letters = exact(value)
        if not letters.strip():
            raise self._error(f"{typed} holds nothing to look for.", start, ("raw:Orange", 'raw:"Été 2026"'))
        found = tuple(token.text for token in scan(unaccent(letters)))
        longest = max(_LETTERS.findall(unaccent(letters).lower()), key=len, default="")
        return Raw(typed, start, letters, (longest,), found)

    def _term(self, typed: str, start: int, phrase: str | None) -> Term:
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
        texts = tuple(token.text.replace(_STAR, "*") for token in found)
        return Term(typed, start, needle, starred, whole, (literal,), texts)

    def _assembled(self) -> Parsed:
        """Put what is near each other together, drop double NOT, mark what counts against a text."""
        stack: list[list[int | str]] = []
        for step in self.steps:
            if isinstance(step, int):
                stack.append([step])
            elif step.kind == "not":
                if stack[-1][-1] == "not":
                    stack[-1].pop()
                else:
                    stack[-1].append("not")
            else:
                right = stack.pop()
                if step.kind == "near":
                    self.atoms.append(self._near(step, stack[-1], right))
                    stack[-1] = [len(self.atoms) - 1]
                else:
                    stack[-1] += (*right, step.kind)
        program = stack[0]
        number = {old: new for new, old in enumerate(step for step in program if isinstance(step, int))}
        signs = _negated(program)
        atoms = tuple(replace(self.atoms[old], negated=old in signs) for old in number)
        steps = tuple(number[step] if isinstance(step, int) else step for step in program)
        return Parsed(atoms, steps, tuple(self.mixed))

    def _near(self, operator: _Operator, left: list[int | str], right: list[int | str]) -> Near:
        sides: list[tuple[Term, ...]] = []
        for side in (left, right):
            atoms = [self.atoms[step] for step in side if isinstance(step, int)]
            terms = tuple(atom for atom in atoms if isinstance(atom, Term))
            if len(terms) < len(atoms) or any(step in ("and", "not") for step in side):
                raise self._error(
                    f"{operator.typed} joins words, phrases, or groups of them with OR.",
                    operator.start,
                    ("word NEAR/5 word", "(a OR b) NEAR/5 c"),
                    "For three words write (a NEAR/5 b) AND (b NEAR/5 c).",
                )
            sides.append(terms)
        return Near(operator.typed, operator.start, sides[0], sides[1], operator.between, operator.ordered)

    def _error(self, what: str, place: int, expected: tuple[str, ...] = (), do: str = "") -> QueryError:
        first = max(0, place - 40)
        excerpt = re.sub(r"\s", " ", self.query[first : place + 30])
        before, after = "…" if first else "", "…" if place + 30 < len(self.query) else ""
        caret = " " * (place - first + len(before)) + "^"
        pointed = f"{what}\n    {before}{excerpt}{after}\n    {caret}\n"
        return QueryError(
            pointed, where=f"{self.name}, character {place + 1}", valid=expected or None, do=do or None
        )


def folded(
    program: Iterable[int | str],
    atom: Callable[[int], _Value],
    turned: Callable[[_Value], _Value],
    joined: Callable[[str, _Value, _Value], _Value],
) -> _Value:
    """Work a program out, from its atoms up.

    Parameters
    ----------
    program : iterable of (int or str)
        Reverse Polish, as in :class:`Parsed`.
    atom : callable
        Value of an atom, by its number.
    turned : callable
        What ``not`` makes of a value.
    joined : callable
        What ``"and"`` or ``"or"`` makes of the values to its left and right.

    Returns
    -------
    object
        Value of the whole.

    Examples
    --------
    >>> folded((0, 1, "not", "and"), "ab".__getitem__, "-{}".format, lambda step, a, b: f"({a} {step} {b})")
    '(a and -b)'
    """
    stack: list[_Value] = []
    for step in program:
        if isinstance(step, int):
            stack.append(atom(step))
        elif step == "not":
            stack.append(turned(stack.pop()))
        else:
            right, left = stack.pop(), stack.pop()
            stack.append(joined(step, left, right))
    return stack[0]


def _negated(program: list[int | str]) -> set[int]:
    """Return the atoms that count only against a text."""

    def turned(signs: dict[int, bool]) -> dict[int, bool]:
        return {number: not sign for number, sign in signs.items()}

    def joined(_: str, left: dict[int, bool], right: dict[int, bool]) -> dict[int, bool]:
        left.update(right)
        return left

    signs = folded(program, lambda number: {number: False}, turned, joined)
    return {number for number, sign in signs.items() if sign}


def _pattern_of(token: Token) -> str:
    pattern = re.escape(token.text).replace(_STAR, "[^ ]*")
    # A star at the start of a word does not reach into mentions, links and emoji.
    return r"(?=\w)(?!https?://)" + pattern if token.text.startswith(_STAR) else pattern
