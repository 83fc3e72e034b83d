"""Words that a text must hold to be worth reading: what an index of words can answer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

__all__ = ["Needed", "every", "one_of", "word"]

MOST_DEPTH = 16
MOST_PARTS = 1000


@dataclass(frozen=True)
class Needed:
    """A word, or all or one of several things.

    Parameters
    ----------
    kind : {"word", "every", "one_of"}
    text : str
        A token as :func:`entregent.text.tokens.streams` writes it; ``*``
        stands for any letters. Empty where it is no word.
    parts : tuple of Needed
    depth : int
        How many lie within each other.
    """

    kind: Literal["word", "every", "one_of"]
    text: str = ""
    parts: tuple[Needed, ...] = ()
    depth: int = 0


def word(text: str) -> Needed | None:
    """Ask for one token.

    Parameters
    ----------
    text : str
        Where it says nothing but stars, any text will do.

    Returns
    -------
    Needed or None
        None: any text will do.
    """
    return Needed("word", text) if text.strip("*") else None


def every(parts: Iterable[Needed | None]) -> Needed | None:
    """Ask for all of several things.

    Parameters
    ----------
    parts : iterable of Needed or None
        None asks for nothing.

    Returns
    -------
    Needed or None
    """
    return _joined("every", [part for part in parts if part is not None])


def one_of(parts: Iterable[Needed | None]) -> Needed | None:
    """Ask for one of several things.

    Parameters
    ----------
    parts : iterable of Needed or None
        Where one of them asks for nothing, all of it asks for nothing.

    Returns
    -------
    Needed or None

    Examples
    --------
    >>> one_of([word("bus"), word("tram*")]).parts[1].text
    'tram*'
    >>> one_of([word("bus"), word("*")]) is None
    True
    """
    known: list[Needed] = []
    for part in parts:
        if part is None:
            return None
        known.append(part)
    return _joined("one_of", known)


def _joined(kind: Literal["every", "one_of"], parts: list[Needed]) -> Needed | None:
    flat: dict[Needed, None] = {}
    for part in parts:
        flat |= dict.fromkeys(part.parts if part.kind == kind else (part,))
    if len(flat) > MOST_PARTS or any(part.depth >= MOST_DEPTH for part in flat):
        # Nobody can answer so much: less is asked of all, nothing of one of them.
        flat = {part: None for part in list(flat)[:MOST_PARTS] if part.depth < MOST_DEPTH}
        if kind == "one_of":
            return None
    if len(flat) < 2:
        return next(iter(flat), None)
    return Needed(kind, parts=tuple(flat), depth=1 + max(part.depth for part in flat))
