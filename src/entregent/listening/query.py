"""The one query language: what a watch or a study is about.

=========================  ================================================
``grève SNCF``             both words (``AND``, ``ET`` or nothing between)
``train OR bus``           either (``OR``, ``OU``)
``SNCF NOT emploi``        the first without the second (``NOT``, ``SAUF``,
                           ``-``)
``"prix du billet"``       words that follow each other
``grév*``                  any word that begins so; ``*`` may stand anywhere
``grève NEAR/5 SNCF``      at most five words between (``NEAR``, ``PRES``)
``grève NEAR/5f SNCF``     the same, in this order
``#GrèveSNCF``             the hashtag; ``grève`` finds it too
``@sncf``                  the mention
``lang:fr``                a field: see :mod:`entregent.listening.fields`
``raw:Orange``             these letters: accents and capitals count
``( )``                    groups
=========================  ================================================

Operators are in capitals: *ou* and *et* in small letters are words. Accents,
capitals and ligatures do not count (:mod:`entregent.text.folding`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from operator import not_
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from entregent.listening.atoms import Atom, Candidate, Field, Reading
from entregent.listening.columns import candidates_of, may_hold, said_in
from entregent.listening.grammar import folded, understand

__all__ = ["Query", "Reason", "Why", "parse"]

_AT_ONCE = 20_000
_Node: TypeAlias = tuple[str, Any]


@dataclass(frozen=True)
class Reason:
    """One thing that a query asked, and what a post says to it.

    Parameters
    ----------
    typed : str
        As it stands in the query.
    start : int
        Where it stands in the query.
    found : bool
    spans : tuple of (int, int)
        Half-open stretches of the text that hold it.
    said : tuple of str
        What the network says that fits, for a field.
    """

    typed: str
    start: int
    found: bool
    spans: tuple[tuple[int, int], ...] = ()
    said: tuple[str, ...] = ()


@dataclass(frozen=True)
class Why:
    """Whether a post is on topic, and what decided it.

    Parameters
    ----------
    matched : bool
    reasons : tuple of Reason
        What makes it so, in the order of the query: of a post that matches,
        what it holds (and what ``NOT`` asks it not to hold); of one that does
        not, what is missing or in the way.
    """

    matched: bool
    reasons: tuple[Reason, ...]

    @property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """Stretches of the text to mark, in order, without overlap."""
        return tuple(_merged([span for reason in self.reasons for span in reason.spans]))


@dataclass(frozen=True)
class Query:
    """A query that was understood.

    Parameters
    ----------
    typed : str
    atoms : tuple of Atom
        What it asks, in order.
    program : tuple of (int or str)
        Reverse Polish: a number pushes whether that atom was found; ``and``,
        ``or`` and ``not`` take what they need.
    mixed : tuple of int
        Where AND meets OR without parentheses.
    """

    typed: str
    atoms: tuple[Atom, ...]
    program: tuple[int | str, ...]
    mixed: tuple[int, ...] = ()

    def decide(self, found: list[bool]) -> bool:
        """Say whether a post that holds these atoms is on topic."""
        return folded(self.program, found.__getitem__, not_, _joined)

    def reads(self, reading: Reading) -> bool:
        """Whether a post that may have been read in part already is on topic."""
        return _holds(self._tree, reading)

    @cached_property
    def _tree(self) -> _Node:
        """The program, equal operators side by side, so that no more is asked than decides."""

        def atom(number: int) -> _Node:
            return "is", self.atoms[number]

        def turned(node: _Node) -> _Node:
            return "not", node

        def joined(step: str, left: _Node, right: _Node) -> _Node:
            sides = left[1] if left[0] == step else [left]
            sides += right[1] if right[0] == step else [right]
            return step, sides

        return folded(self.program, atom, turned, joined)

    def matches(self, post: Candidate | str) -> bool:
        """Whether a post, or one of which only the text is known, is on topic.

        Examples
        --------
        >>> parse("grève ET (SNCF OU RATP)").matches("La #GreveSNCF continue")
        True
        >>> parse("grève lang:fr").matches(Candidate(text="En grève", lang="fr-CA"))
        True
        """
        return self.reads(_reading(post))

    def match_table(self, posts: pa.Array | pa.ChunkedArray | pa.Table) -> pa.BooleanArray:
        """Say of each post of a table whether it is on topic, as :meth:`matches` does.

        Parameters
        ----------
        posts : pyarrow.Table or pyarrow.Array of string, shape (n,)
            Columns named as the fields of
            :class:`~entregent.listening.atoms.Candidate`, as far as known; or
            texts alone.

        Returns
        -------
        pyarrow.BooleanArray, shape (n,)
            False where a text alone is null.

        Notes
        -----
        Only texts in which the letters of some atom occur are taken apart;
        of all others it is known that no term is found.
        """
        if isinstance(posts, pa.Table):
            table, known = posts, np.ones(len(posts), bool)
        else:
            column = posts if isinstance(posts, pa.ChunkedArray) else pa.chunked_array([posts], posts.type)
            table, known = pa.table({"text": column}), np.asarray(column.is_valid())
        # Where nothing can be found, the answer is the same for all posts.
        answers = known & self.decide([False] * len(self.atoms))
        may = may_hold(table, [literal for atom in self.atoms for literal in atom.literals])
        for atom in self.atoms:
            if isinstance(atom, Field):
                may |= said_in(table, atom)
        rows = np.flatnonzero(known & may)
        for start in range(0, len(rows), _AT_ONCE):
            part = rows[start : start + _AT_ONCE]
            answers[part] = [self.matches(post) for post in candidates_of(table.take(pa.array(part)))]
        return pa.array(answers)

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Say where a text holds what was looked for, whether or not it is on topic.

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
        reading = Reading(Candidate(text=text))
        return _merged([span for atom in self.atoms if not atom.negated for span in atom.spans(reading)])

    def why(self, post: Candidate | Reading | str) -> Why:
        """Say whether a post is on topic, and what decided it.

        Parameters
        ----------
        post : Candidate, Reading or str
            One that is asked by many queries is read once as a `Reading`.

        Returns
        -------
        Why

        Examples
        --------
        >>> why = parse("(train OR bus) grève NOT emploi").why("Grève des bus")
        >>> why.matched, [(reason.typed, reason.found) for reason in why.reasons]
        (True, [('bus', True), ('grève', True), ('emploi', False)])
        >>> why.spans
        ((0, 5), (10, 13))
        """
        reading = _reading(post)

        # Beside each answer stand the atoms that make it so: of an AND that
        # fails those of its failing sides, of an OR that holds those of its holding ones.
        def joined(step: str, *sides: tuple[bool, list[int]]) -> tuple[bool, list[int]]:
            answer = _joined(step, sides[0][0], sides[1][0])
            return answer, [number for side in sides if side[0] == answer for number in side[1]]

        matched, deciding = folded(
            self.program,
            lambda number: (self.atoms[number].found(reading), [number]),
            lambda side: (not side[0], side[1]),
            joined,
        )
        reasons = tuple(_reason(self.atoms[number], reading) for number in deciding)
        return Why(matched, reasons)


def _joined(step: str, left: bool, right: bool) -> bool:
    return (left and right) if step == "and" else (left or right)


def _holds(node: _Node, reading: Reading) -> bool:
    kind, inner = node
    if kind == "is":
        return bool(inner.found(reading))
    if kind == "not":
        return not _holds(inner, reading)
    # What ends an OR is a true side, what ends an AND a false one.
    ends = kind == "or"
    for side in inner:
        if (side[1].found(reading) if side[0] == "is" else _holds(side, reading)) is ends:
            return ends
    return not ends


def _reading(post: Candidate | Reading | str) -> Reading:
    if isinstance(post, Reading):
        return post
    return Reading(Candidate(text=post) if isinstance(post, str) else post)


def _reason(atom: Atom, reading: Reading) -> Reason:
    spans = tuple(_merged(atom.spans(reading)))
    said = tuple(str(value) for value in atom.said(reading.post)) if isinstance(atom, Field) else ()
    return Reason(atom.typed, atom.start, atom.found(reading), spans, said)


def _merged(found: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(found):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def parse(query: str, *, name: str = "query") -> Query:
    """Understand a query.

    Parameters
    ----------
    query : str
    name : str
        What errors call it.

    Returns
    -------
    Query

    Raises
    ------
    QueryError
        Where it cannot be understood; the message points at the place and
        says what is expected there.

    Examples
    --------
    >>> [atom.typed for atom in parse('SNCF -emploi "prix du billet" lang:fr').atoms]
    ['SNCF', 'emploi', '"prix du billet"', 'lang:fr']
    """
    parsed = understand(query, name)
    return Query(query, parsed.atoms, parsed.program, parsed.mixed)
