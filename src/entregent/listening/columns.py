"""Queries over whole columns: which posts of a table may hold what is asked.

What is said here of a column is said with the same tests that
:mod:`entregent.listening.atoms` puts to one post.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from entregent.listening.atoms import Candidate, Field

__all__ = ["Mask", "candidates_of", "may_hold", "said_in"]

Mask: TypeAlias = np.ndarray[tuple[int], np.dtype[np.bool_]]
_LISTS = ("hashtags", "mentions", "links")
# What may fold to ASCII or to nothing: all but ASCII, pictures, Chinese characters and Hangul.
_ODD = r"[\x00\x{80}-\x{33ff}\x{a000}-\x{abff}\x{d800}-\x{1efff}\x{1fb00}-\x{10ffff}]"
_DIGRAPH = re.compile("oe|ae|ss+|.", re.DOTALL)


def candidates_of(table: pa.Table) -> Iterator[Candidate]:
    """Read the rows of a table that has some of the columns of a candidate."""
    names = [field.name for field in fields(Candidate) if field.name in table.column_names]
    columns = [table.column(name).to_pylist() for name in names]
    for number, name in enumerate(names):
        if name in _LISTS:
            columns[number] = [tuple(value) if value else () for value in columns[number]]
    for values in zip(*columns, strict=True) if names else ():
        yield Candidate(**dict(zip(names, values, strict=True)))


def said_in(table: pa.Table, field: Field) -> Mask:
    """Say of each row whether a column says what a field asks; each value is asked once."""
    answer = np.zeros(len(table), bool)
    for name in field.columns:
        if name not in table.column_names:
            continue
        column = table.column(name).combine_chunks()
        if name in _LISTS:
            answer[_parents(column)[_asked(column.flatten(), field)]] = True
        else:
            answer |= _asked(column, field)
    return answer


def _parents(column: Any) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.asarray(pc.list_parent_indices(column), np.int64)


def _asked(values: Any, field: Field) -> Mask:
    coded = values.dictionary_encode()
    answers = np.array([value is not None and field.test(value) for value in coded.dictionary.to_pylist()])
    codes = np.asarray(coded.indices.fill_null(-1), np.int64)
    # The last answer is that of what is not known.
    return np.append(answers, False).astype(bool)[codes]


def may_hold(table: pa.Table, literals: list[str]) -> Mask:
    """Say which texts may hold one of the folded literals, looking at the texts as they are.

    Parameters
    ----------
    table : pyarrow.Table
    literals : list of str
        An empty one tells nothing: any text may.

    Returns
    -------
    numpy.ndarray of bool, shape (n,)
    """
    if not literals or "text" not in table.column_names:
        return np.zeros(len(table), bool)
    if "" not in literals:
        pattern = "|".join(_unfolded(literal) for literal in sorted(set(literals)))
        # The engine refuses patterns that are too big; then every text is taken apart.
        with suppress(pa.ArrowInvalid):
            return np.array(pc.match_substring_regex(table.column("text"), pattern).fill_null(False))
    return np.ones(len(table), bool)


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
