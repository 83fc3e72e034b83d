"""One way of writing every word, so that a search finds what people typed.

*L’Œuvre*, *l'œuvre* and *l'oeuvre* become ``l' oeuvre``. The same is given in
Python (:func:`fold`, :func:`fold_table`) and as an expression for DuckDB
(:func:`fold_sql`).
"""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

import pyarrow as pa

__all__ = ["elide", "fold", "fold_sql", "fold_table", "small_letters", "unaccent"]

# Letters that Unicode does not take apart, typographic apostrophes, wide signs, and marks that nobody sees.
_LETTERS = {
    "œ": "oe",
    "Œ": "OE",
    "æ": "ae",
    "Æ": "AE",
    "ß": "ss",
    "ẞ": "SS",
    "ø": "o",
    "Ø": "O",
    "ł": "l",
    "Ł": "L",
    "đ": "d",
    "Đ": "D",
    "ı": "i",
    "\u2018": "'",
    "\u2019": "'",
    "\u02bc": "'",
    "\uff07": "'",
    "\uff03": "#",
    "\uff20": "@",
    "\x00": "",
    "\u00ad": "",
    "\u200b": "",
    "\u2060": "",
    "\ufeff": "",
}
_TRANSLATION = str.maketrans(_LETTERS)
_ELIDED = ("jusqu", "lorsqu", "puisqu", "quoiqu", "qu", "c", "d", "j", "l", "m", "n", "s", "t")
_ELISION = rf"(^|[^a-z0-9_'])({'|'.join(_ELIDED)})'([^ \t\r\n'])"
_ENDS_ELIDED = re.compile(rf"(?:^|[^a-z0-9_'])({'|'.join(_ELIDED)})\Z")
_AT_ONCE = 20_000


class _Bare(dict[int, str]):
    """What remains of a character, computed when it is first met."""

    def __init__(self, *, small: bool) -> None:
        self._small = small

    def __missing__(self, code: int) -> str:
        apart = unicodedata.normalize("NFD", chr(code))
        bare = "".join(char for char in apart if unicodedata.category(char)[0] != "M")
        written = unicodedata.normalize("NFC", bare).translate(_TRANSLATION)
        # A lone capital sigma becomes the small one that stands inside words.
        self[code] = written.lower().replace("ς", "σ") if self._small else written
        return self[code]


_BARE = _Bare(small=False)
_BARE_SMALL = _Bare(small=True)


def unaccent(text: str) -> str:
    """Take off accents, ligatures and typographic apostrophes; the case is kept.

    Parameters
    ----------
    text : str

    Returns
    -------
    str

    Examples
    --------
    >>> unaccent("L’Œuvre d’été")
    "L'OEuvre d'ete"
    """
    if text.isascii():
        return text.replace("\x00", "") if "\x00" in text else text
    return unicodedata.normalize("NFC", text.translate(_BARE))


def small_letters(text: str) -> str:
    """Take off accents and capitals: folding without the elision.

    Parameters
    ----------
    text : str

    Returns
    -------
    str

    Examples
    --------
    >>> small_letters("L’Œuvre")
    "l'oeuvre"
    """
    if text.isascii():
        return unaccent(text).lower()
    return unicodedata.normalize("NFC", text.translate(_BARE_SMALL))


def elide(text: str) -> str:
    """Put a space after each elided word of a text that is otherwise folded.

    Parameters
    ----------
    text : str

    Returns
    -------
    str

    Examples
    --------
    >>> elide("l'eau qu'il boit aujourd'hui")
    "l' eau qu' il boit aujourd'hui"
    """
    # Says what replacing `_ELISION` would, as the query engine does, but looks at apostrophes only.
    pieces = text.split("'")
    written = [pieces[0]]
    consumed = False
    for before, after in pairwise(pieces):
        found = None
        if after and after[0] not in " \t\r\n":
            # The longest elided word has six letters; one more shows what stands before it.
            tail = before[-7:] if len(written) == 1 or len(before) > 6 else "'" + before
            found = _ENDS_ELIDED.search(tail)
            if found and consumed and len(found[1]) == len(before) - 1:
                found = None
        consumed = found is not None
        written.append(("' " if consumed else "'") + after)
    return "".join(written)


def fold(text: str) -> str:
    """Fold a text: small letters, no accents, one apostrophe, elided words apart.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
        ``#`` and ``@`` are kept. An elided word keeps its apostrophe and is
        followed by a space; *aujourd'hui*, *quelqu'un* and *rock'n'roll*
        stay whole.

    Notes
    -----
    Marks of every script are taken off (vowel signs of Hindi too), as the
    query engine does, so that both agree. They agree on all characters that
    the Unicode version of this Python knows.

    Examples
    --------
    >>> fold("L’Œuvre d'aujourd’hui, #GrèveSNCF !")
    "l' oeuvre d' aujourd'hui, #grevesncf !"
    """
    small = small_letters(text)
    return elide(small) if "'" in small else small


def fold_table(texts: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Fold a column of texts, several times as fast as one by one.

    Parameters
    ----------
    texts : pyarrow.Array of string, shape (n,)

    Returns
    -------
    pyarrow.Array of string, shape (n,)
        Null where the text is null.

    Examples
    --------
    >>> fold_table(pa.array(["Été", None])).to_pylist()
    ['ete', None]
    """
    folded: list[pa.Array] = []
    for start in range(0, len(texts), _AT_ONCE):
        part = texts.slice(start, _AT_ONCE).to_pylist()
        folded.append(pa.array([None if text is None else fold(text) for text in part], pa.string()))
    return pa.concat_arrays(folded) if folded else pa.array([], pa.string())


def fold_sql(column: str) -> str:
    """Return the expression by which DuckDB folds a column exactly as :func:`fold` does.

    Parameters
    ----------
    column : str
        A column or an expression of type VARCHAR, trusted: it becomes part of a query.

    Returns
    -------
    str

    Examples
    --------
    >>> import duckdb
    >>> with duckdb.connect() as con:
    ...     con.sql("SELECT " + fold_sql("'Île d’Œuf'")).fetchall()[0][0]
    "ile d' oeuf"
    """
    # strip_accents ends at a NUL.
    expression = f"strip_accents(lower(replace({column}, chr(0), '')))"
    for letter, written in {**_LETTERS, "ς": "σ"}.items():
        if letter == letter.lower() != "\x00":
            expression = f"replace({expression}, '{letter}', '{_quoted(written)}')"
    return f"regexp_replace({expression}, '{_quoted(_ELISION)}', '\\1\\2'' \\3', 'g')"


def _quoted(text: str) -> str:
    return text.replace("'", "''")
