"""Which words a text must hold before a query need look at it."""

from __future__ import annotations

from entregent.listening.atoms import Atom, Near, Term
from entregent.listening.grammar import folded
from entregent.listening.query import Query
from entregent.text.needed import Needed, every, one_of, word

__all__ = ["needed"]


def needed(query: Query) -> Needed | None:
    """Say what every text that a query matches holds, as far as an index of words can tell.

    Parameters
    ----------
    query : Query

    Returns
    -------
    Needed or None
        None where any text may match: what a network says of a post, exact
        letters (they may stand in an address) and what is not to be found
        tell nothing.

    Examples
    --------
    >>> from entregent.listening.query import parse
    >>> [part.text for part in needed(parse("grève NEAR/3 sncf -emploi lang:fr")).parts]
    ['greve', 'sncf']
    >>> needed(parse("grève OR lang:fr")) is None
    True
    """
    return folded(query.program, lambda number: _of_atom(query.atoms[number]), lambda _: None, _joined)


def _of_atom(atom: Atom) -> Needed | None:
    if isinstance(atom, Term):
        return every(map(word, atom.tokens))
    if isinstance(atom, Near):
        return every(one_of(map(_of_atom, side)) for side in (atom.left, atom.right))
    return None


def _joined(step: str, left: Needed | None, right: Needed | None) -> Needed | None:
    return every((left, right)) if step == "and" else one_of((left, right))
