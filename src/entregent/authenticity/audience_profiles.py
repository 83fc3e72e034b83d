"""What a profile shows, as numbers: the few traits that an audience is judged by.

A trait is used where the reference and the audience both have it. Counts are
taken as logarithms, because from 10 to 100 followers is as far as from 1,000
to 10,000.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from entregent.errors import InputError
from entregent.i18n import N, T, Text
from entregent.results import MOST_PLACES, Notice

__all__ = ["COUNTS", "FLAGS", "LABEL", "NAMES", "TRAITS", "Profiles", "labels_of", "profiles", "trait_text"]

COUNTS = ("posts", "following", "followers", "description_length")
FLAGS = ("has_profile_picture", "is_private", "username_ends_with_digit", "has_url")
NAMES = ("username_length", "username_digits", "username_letters_share")
TRAITS = COUNTS + FLAGS + NAMES
"""Columns that are looked for; the traits of a name are also made from a column ``username``."""

_LOGARITHMIC = (*COUNTS, "username_digits")

LABEL = "is_fake"
"""Column of what people judged: true, false, or nothing where nobody looked."""

LEAST_TRAITS = 3
MOST_MISSING = 0.2

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Profiles:
    """Traits of the people in a sample, one row each, no names.

    Parameters
    ----------
    traits : tuple of str
        Of :data:`TRAITS`.
    values : ndarray of float64, shape (n, k)
        Counts as ``log(1 + count)``, the rest as it is.
    kept : ndarray of int64, shape (n,)
        Rows of the table that these are.
    impossible : mapping of str to float
        A value that no profile can have, by trait.
    notices : tuple of Notice
    """

    traits: tuple[str, ...]
    values: Floats
    kept: NDArray[np.int64]
    impossible: Mapping[str, float]
    notices: tuple[Notice, ...] = ()


def profiles(table: pa.Table, traits: tuple[str, ...] | None = None) -> Profiles:
    """Return the traits of a table of profiles.

    Parameters
    ----------
    table : pa.Table
        One row a person: columns of :data:`TRAITS`, or ``username`` for those
        of the name. A number that the platform hides is null.
    traits : tuple of str, optional
        Only these, all of which must be there; every one that is there unless given.

    Returns
    -------
    Profiles
        A trait that is hidden for more than a fifth of the people is not
        used (unless asked for); people who still lack one are left out.

    Raises
    ------
    InputError
        For fewer than three traits, or one that is no number.
    """
    columns = _columns(table)
    notices: list[Notice] = []
    if traits is None:
        missing = {name: float(np.isnan(values).mean()) for name, values in columns.items() if len(values)}
        hidden = tuple(name for name, share in missing.items() if share > MOST_MISSING)
        traits = tuple(name for name in columns if name not in hidden)
        if hidden:
            notices.append(
                Notice(
                    "audience.trait_hidden",
                    N(
                        "{n} trait is hidden for more than a fifth of the people and is not used.",
                        "{n} traits are hidden for more than a fifth of the people and are not used.",
                        len(hidden),
                    ),
                    len(hidden),
                    hidden[:MOST_PLACES],
                )
            )
    lacking = [name for name in traits if name not in columns]
    if lacking or len(traits) < LEAST_TRAITS:
        raise InputError(
            f"These profiles have no {', '.join(lacking)}."
            if lacking
            else f"These profiles have {len(traits)} of the traits that are looked for; {LEAST_TRAITS} are"
            " the least.",
            valid=(*TRAITS, "username"),
            do="Rename the columns that say the same.",
        )
    values = np.column_stack([columns[name] for name in traits])
    impossible = {
        name: wrong for k, name in enumerate(traits) if (wrong := _wrong(name, values[:, k])) is not None
    }
    for k, name in enumerate(traits):
        if name in _LOGARITHMIC:
            values[:, k] = np.log1p(np.maximum(values[:, k], 0.0))
    whole = np.isfinite(values).all(axis=1)
    if left := int((~whole).sum()):
        notices.append(
            Notice(
                "audience.incomplete",
                N(
                    "{n} person lacks a trait that the others have, and was left out.",
                    "{n} people lack a trait that the others have, and were left out.",
                    left,
                ),
                left,
            )
        )
    return Profiles(traits, values[whole], np.flatnonzero(whole), impossible, tuple(notices))


def labels_of(table: pa.Table, column: str = LABEL) -> Floats:
    """Return what people judged: 1 fake, 0 not, NaN not looked at.

    Parameters
    ----------
    table : pa.Table
    column : str
        Holds true and false, 1 and 0, yes and no, or nothing.

    Returns
    -------
    ndarray of float64, shape (n,)

    Raises
    ------
    InputError
        Where there is no such column, or for any other value.
    """
    if column not in table.column_names:
        raise InputError(
            f"There is no column {column!r}.",
            valid=table.column_names,
            do="It says who was judged fake: 1 or 0.",
        )
    words: dict[str, float] = {
        **dict.fromkeys(("1", "1.0", "true", "yes", "oui", "vrai"), 1.0),
        **dict.fromkeys(("0", "0.0", "false", "no", "non", "faux"), 0.0),
        "": np.nan,
    }
    given = [("" if value is None else str(value)).strip().lower() for value in table[column].to_pylist()]
    wrong = sorted({word for word in given if word not in words})
    if wrong:
        raise InputError(
            f"{wrong[0]!r} says neither that somebody was judged fake nor that not.",
            where=column,
            valid=("1", "0", "true", "false", "yes", "no", "nothing, where nobody looked"),
        )
    return np.array([words[word] for word in given], np.float64)


def _columns(table: pa.Table) -> dict[str, Floats]:
    """Return the traits that a table has, hidden ones as NaN."""
    found: dict[str, Floats] = {}
    for name in TRAITS:
        if name in table.column_names:
            found[name] = _numbers(table[name], name)
        elif name in _OF_USERNAME and "username" in table.column_names:
            names = [
                None if text is None else str(text).lstrip("@") for text in table["username"].to_pylist()
            ]
            found[name] = np.array(
                [np.nan if not text else _OF_USERNAME[name](text) for text in names], np.float64
            )
    return found


_OF_USERNAME: Mapping[str, Callable[[str], float]] = {
    "username_length": lambda text: float(len(text)),
    "username_digits": lambda text: float(sum(letter.isdigit() for letter in text)),
    "username_ends_with_digit": lambda text: float(text[-1].isdigit()),
    "username_letters_share": lambda text: sum(letter.isalpha() for letter in text) / len(text),
}


def _numbers(column: Any, name: str) -> Floats:
    try:
        values = pc.cast(column, pa.float64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InputError(
            f"Not all values are numbers: {str(error).splitlines()[0]}",
            where=f"column {name}",
            valid=("numbers", "true and false", "nothing, where the platform hides it"),
        ) from error
    # A copy: what Arrow hands out cannot be written to.
    return np.array(values.to_numpy(), np.float64)


def _wrong(name: str, values: Floats) -> float | None:
    known = values[np.isfinite(values)]
    top = 1.0 if name in FLAGS or name == "username_letters_share" else np.inf
    outside = known[(known < 0) | (known > top)]
    if name in FLAGS and outside.size == 0:
        outside = known[(known != 0) & (known != 1)]
    return float(outside[0]) if outside.size else None


def trait_text(name: str) -> Text:
    """Return a trait in words."""
    return _WORDS[name]


_WORDS: Mapping[str, Text] = {
    "posts": T("number of posts"),
    "following": T("number of accounts followed"),
    "followers": T("number of followers"),
    "description_length": T("length of the description"),
    "has_profile_picture": T("whether there is a picture"),
    "is_private": T("whether the account is private"),
    "username_ends_with_digit": T("whether the name ends with a digit"),
    "has_url": T("whether there is a link"),
    "username_length": T("length of the name"),
    "username_digits": T("digits in the name"),
    "username_letters_share": T("share of letters in the name"),
}
