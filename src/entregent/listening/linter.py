"""Advice on a query that can be read but may not mean what was meant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from entregent.i18n import T, Text
from entregent.listening.atoms import Field, Near, Raw, Term
from entregent.listening.grammar import AND, NOT, OR, folded
from entregent.listening.query import Query

__all__ = ["Advice", "lint"]

COMMON_SHARE = 0.02
"""A term that more than this share of posts hold is too common to stand alone."""

LEAST_LETTERS = 3
_BINDING = """
a an and are as at be but by for from has have i in is it its my not of on or so that the this to
was we with you au aux avec c' ce ces d' dans de des du elle en est et eux il j' je l' la le les
leur lui m' ma mais me mes n' ne nos notre nous ou par pas pour qu' que qui s' sa se ses son sur t'
ta te tes tu un une vos votre vous y
"""
_WORDS = frozenset(_BINDING.split())
_SMALL = {word.lower(): word for word in (*AND, *OR, *NOT) if word.isalpha()}
_CAPITALS = frozenset(("NEAR", "PRES", "PRÈS"))
_Part: TypeAlias = tuple[bool, int, int]
"""Whether a part of a query holds when nothing is found, and where it begins and ends."""


@dataclass(frozen=True)
class Advice:
    """One thing to look at again.

    Parameters
    ----------
    code : str
        Stable, for programs.
    text : Text
        What is odd and what to do.
    start, end : int
        Where it stands in the query.
    fix : str
        The whole query, mended; empty where only its author can tell.
    """

    code: str
    text: Text
    start: int
    end: int
    fix: str = ""


def lint(query: Query, shares: Mapping[str, float] | None = None) -> tuple[Advice, ...]:
    """Look a query over.

    Parameters
    ----------
    query : Query
    shares : mapping of str to float, optional
        Share of posts that hold a folded word, as measured in an archive.
        Without it only words that bind sentences are known to be common.

    Returns
    -------
    tuple of Advice
        In the order of the query.

    Examples
    --------
    >>> from entregent.listening.query import parse
    >>> [(advice.code, advice.fix) for advice in lint(parse("sncf or ratp"))]
    [('query.small_operator', 'sncf OR ratp')]
    """
    found = [
        *_mixed(query),
        *_small_operators(query),
        *_common(query, shares or {}),
        *_open_to_all(query),
        *_contradictions(query),
        *_twice(query),
        *_reposts(query),
    ]
    return tuple(sorted(found, key=lambda advice: (advice.start, advice.code)))


def _mixed(query: Query) -> Iterator[Advice]:
    for place in query.mixed:
        yield Advice(
            "query.unbalanced_or",
            T(
                "AND binds before OR, and a blank is an AND: “a OR b c” finds a alone, or b with c. "
                "Put what belongs together in parentheses: “(a OR b) c”"
            ),
            place,
            place + 1,
        )


def _small_operators(query: Query) -> Iterator[Advice]:
    for atom in query.atoms:
        if not isinstance(atom, Term):
            continue
        word, end = atom.typed, atom.start + len(atom.typed)
        if word in _SMALL:
            fixed = query.typed[: atom.start] + _SMALL[word] + query.typed[end:]
            yield Advice(
                "query.small_operator",
                T(
                    "“{word}” in small letters is looked for as a word; write {operator} for the operator",
                    word=word,
                    operator=_SMALL[word],
                ),
                atom.start,
                end,
                fixed,
            )
        elif word in _CAPITALS:
            fixed = query.typed[: atom.start] + word + "/5" + query.typed[end:]
            yield Advice(
                "query.near_without_number",
                T("“{word}” without a number is looked for as a word; write {word}/5", word=word),
                atom.start,
                end,
                fixed,
            )


def _common(query: Query, shares: Mapping[str, float]) -> Iterator[Advice]:
    """What is common and would be enough by itself to match."""
    for number, atom in enumerate(query.atoms):
        if not isinstance(atom, Term) or atom.typed in _SMALL:
            continue
        share = min((_share(token, shares) for token in atom.tokens), default=0.0)
        if share <= COMMON_SHARE:
            continue
        alone = [False] * len(query.atoms)
        alone[number] = True
        if query.decide(alone) and not query.decide([False] * len(query.atoms)):
            yield Advice(
                "query.common_term",
                T(
                    "“{word}” by itself is enough to match, and very many posts hold it; "
                    "join it with AND to something rarer, or put it in a phrase",
                    word=atom.typed,
                ),
                atom.start,
                atom.start + len(atom.typed),
            )


def _share(token: str, shares: Mapping[str, float]) -> float:
    if "*" in token:
        return 1.0 if len(token.replace("*", "")) < LEAST_LETTERS else 0.0
    return shares.get(token, 1.0 if token in _WORDS else 0.0)


def _open_to_all(query: Query) -> Iterator[Advice]:
    """What is true of nearly every post: a NOT that nothing stands beside."""
    places: set[tuple[int, int]] = set()

    def part(number: int) -> _Part:
        atom = query.atoms[number]
        return False, atom.start, atom.start + len(atom.typed)

    def joined(step: str, left: _Part, right: _Part) -> _Part:
        if step == "or" and left[0] != right[0]:
            places.add(left[1:] if left[0] else right[1:])
        holds = (left[0] and right[0]) if step == "and" else (left[0] or right[0])
        return holds, min(left[1], right[1]), max(left[2], right[2])

    whole = folded(query.program, part, lambda one: (not one[0], *one[1:]), joined)
    if whole[0] and not places:
        places.add(whole[1:])
    for start, end in sorted(places):
        yield Advice(
            "query.always_true",
            T(
                "NOT alone is true of nearly every post, so this part lets nearly everything in; "
                "join it to something with AND"
            ),
            start,
            end,
        )


def _contradictions(query: Query) -> Iterator[Advice]:
    """A NOT that takes away what the same AND asks for."""
    told: set[int] = set()

    def turned(asked: set[tuple[int, bool]]) -> set[tuple[int, bool]]:
        return {(number, not held) for number, held in asked} if len(asked) == 1 else set()

    def joined(step: str, left: set[tuple[int, bool]], right: set[tuple[int, bool]]) -> set[tuple[int, bool]]:
        if step == "or":
            return set()
        told.update(_against(query, left, right) | _against(query, right, left))
        return left | right

    folded(query.program, lambda number: {(number, True)}, turned, joined)
    for number in sorted(told):
        atom = query.atoms[number]
        yield Advice(
            "query.never_true",
            T(
                "NOT “{word}” takes away every post that the rest asks for, so nothing can match",
                word=atom.typed,
            ),
            atom.start,
            atom.start + len(atom.typed),
        )


def _against(query: Query, asked: set[tuple[int, bool]], other: set[tuple[int, bool]]) -> set[int]:
    found = set()
    denied = [number for number, held in other if not held and isinstance(query.atoms[number], Term)]
    wanted = [
        f" {' '.join(atom.tokens)} "
        for number, held in asked
        if held and isinstance(atom := query.atoms[number], Term)
    ]
    for number in denied:
        atom = query.atoms[number]
        if isinstance(atom, Term) and not atom.is_pattern and any(atom.needle in line for line in wanted):
            found.add(number)
    return found


def _twice(query: Query) -> Iterator[Advice]:
    seen: set[tuple[object, ...]] = set()
    for atom in query.atoms:
        if isinstance(atom, Near):
            continue
        key: tuple[object, ...] = (atom.negated, type(atom))
        key += (atom.needle, atom.whole) if isinstance(atom, Term) else ()
        key += (atom.letters,) if isinstance(atom, Raw) else ()
        key += (atom.typed.lower(),) if isinstance(atom, Field) else ()
        if key in seen:
            yield Advice(
                "query.twice",
                T("“{word}” is asked for twice; accents and capitals do not count", word=atom.typed),
                atom.start,
                atom.start + len(atom.typed),
            )
        seen.add(key)


def _reposts(query: Query) -> Iterator[Advice]:
    for atom in query.atoms:
        if isinstance(atom, Field) and atom.name == "is" and atom.typed.lower().endswith("repost"):
            yield Advice(
                "query.reposts",
                T(
                    "Reposts are kept as acts on a post, without a text of their own: "
                    "among stored posts is:repost finds nothing"
                ),
                atom.start,
                atom.start + len(atom.typed),
            )
