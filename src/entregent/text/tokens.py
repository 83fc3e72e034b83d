"""Words, hashtags, mentions, links and emoji of a text, in order.

:func:`tokens` is the reading that people see; :func:`streams` writes the same
tokens as two lines that a search can look through.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import pairwise
from typing import NamedTuple

from entregent.text.folding import elide, small_letters, unaccent
from entregent.text.links import clean_link

__all__ = ["Token", "scan", "stands_alone", "streams", "tokens"]

_PICTURE = (
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u21aa\u231a-\u23ff\u24c2\u25aa-\u25fe\u2600-\u27bf"
    "\u2934\u2935\u2b05-\u2b55\u3030\u303d\u3297\u3299"
    "\U0001f004-\U0001f1e5\U0001f200-\U0001f3fa\U0001f400-\U0001faff"
)
_SKIN = "\U0001f3fb-\U0001f3ff"
_ONE_EMOJI = f"[{_PICTURE}][{_SKIN}]?[\U000e0020-\U000e007f]*"
# Scripts written without spaces: each character is a word, and a word of several is a phrase.
_APART = "\u3041-\u309f\u30a0-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_HAS_APART = re.compile(f"[{_APART}]")
_MOST_BEFORE_AT = 63
_LINK = r"(?:[Hh][Tt][Tt][Pp][Ss]?://|[Ww]{3}\.)"
_IS_LINK = re.compile(_LINK)


class _Holds(NamedTuple):
    """What can occur in a text: most hold few of the kinds, and trying each costs."""

    link: bool
    at: bool
    hashtag: bool
    other: bool
    apart: bool


def _holds(bare: str) -> _Holds:
    other = not bare.isascii()
    return _Holds(
        "://" in bare or "www." in bare.lower(),
        "@" in bare,
        "#" in bare,
        other,
        other and _HAS_APART.search(bare) is not None,
    )


@cache
def _pattern(holds: _Holds, named: bool) -> re.Pattern[str]:
    letter = rf"[^\W_{_APART}]" if holds.apart else r"[^\W_]"
    mail = rf"[A-Za-z0-9][\w.+-]{{0,{_MOST_BEFORE_AT}}}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"
    flag = r"[\U0001f1e6-\U0001f1ff]{2}"
    kinds = (
        ("link", _LINK + r"[^\s<>\"\u00ab\u00bb\u201c\u201d]+", holds.link),
        ("mail", mail, holds.at),
        ("mention", r"(?<!\w)@\w+(?:[.-]\w+)*(?:@\w+(?:[.-]\w+)*)?", holds.at),
        ("hashtag", r"(?<!\w)#\w*[^\W\d_]\w*", holds.hashtag),
        ("number", r"\d+(?:[.,]\d+)+(?!\w)", True),
        ("word", rf"{letter}+(?:'{letter}+)*" + (f"|[{_APART}]" if holds.apart else ""), True),
        ("emoji", rf"{flag}|{_ONE_EMOJI}(?:\u200d{_ONE_EMOJI})*|[{_SKIN}]", holds.other),
    )
    name = "(?P<{}>{})" if named else "(?:{1})"
    return re.compile("|".join(name.format(kind, rule) for kind, rule, wanted in kinds if wanted))


_ASIDE = "\x02"
_AFTER_LINK = ".,;:!?)]}'\u2026*_~"


class Token(NamedTuple):
    """A token and where it stands in the text without accents.

    Parameters
    ----------
    text : str
        Folded.
    kind : {"word", "number", "hashtag", "mention", "mail", "link", "emoji"}
    start, end : int
        Place in ``unaccent(text)``.
    parts : tuple of Token
        The words of a hashtag.
    """

    text: str
    kind: str
    start: int
    end: int
    parts: tuple[Token, ...] = ()


def _words(found: str, start: int) -> Iterator[Token]:
    # Folding puts a space where an elided word ends and changes no length before it.
    for word in elide(small_letters(found)).split(" "):
        yield Token(word, "word", start, start + len(word))
        start += len(word)


def _parts(name: str, start: int) -> tuple[Token, ...]:
    """Take a hashtag apart where small letters turn to capitals and letters to figures."""
    cuts = [0]
    for place in range(1, len(name)):
        before, here = name[place - 1], name[place]
        ends_capitals = before.isupper() and here.isupper() and name[place + 1 : place + 2].islower()
        turns = here.isupper() and not before.isupper()
        if turns or ends_capitals or before.isdigit() != here.isdigit() or _is_apart(before, here):
            cuts.append(place)
    return tuple(
        Token(small_letters(name[first:last]), "word", start + first, start + last)
        for first, last in pairwise((*cuts, len(name)))
        if name[first:last] != "_"
    )


def stands_alone(letter: str) -> bool:
    """Say whether a letter belongs to a script written without spaces, and is a word by itself.

    >>> stands_alone("東"), stands_alone("é")
    (True, False)
    """
    return _HAS_APART.match(letter) is not None


def _is_apart(before: str, here: str) -> bool:
    if "_" in (before, here):
        return True
    if before.isascii() and here.isascii():
        return False
    return _HAS_APART.match(before) is not None or _HAS_APART.match(here) is not None


def _link(found: str) -> str:
    link = found.rstrip(_AFTER_LINK)
    # An address may hold a pair of brackets, as Wikipedia's do.
    return link + ")" if "(" in link and found[len(link) :].startswith(")") else link


def scan(bare: str) -> Iterator[Token]:
    """Find the tokens of a text that :func:`~entregent.text.folding.unaccent` has gone over.

    Parameters
    ----------
    bare : str

    Yields
    ------
    Token
        In order, without overlap; the words of a hashtag are its parts.
    """
    for match in _pattern(_holds(bare), True).finditer(bare):
        kind = match.lastgroup or "word"
        start, end = match.span()
        found = match[0]
        if kind == "word" and "'" in found:
            yield from _words(found, start)
        elif kind == "hashtag":
            yield Token("#" + small_letters(found[1:]), kind, start, end, _parts(found[1:], start + 1))
        elif kind == "link":
            link = _link(found)
            yield Token(clean_link(link), kind, start, start + len(link))
        else:
            yield Token(small_letters(found), kind, start, end)


def tokens(text: str) -> list[str]:
    """Take a text apart.

    Parameters
    ----------
    text : str

    Returns
    -------
    list of str
        Folded words and numbers; hashtags whole, followed by their words;
        mentions; links without what only follows readers around; each emoji
        whole, with its skin tone and what is joined to it. Chinese and
        Japanese characters stand alone.

    Examples
    --------
    >>> tokens("L’été, #GrèveSNCF chez @marie.bsky.social 👍🏽 aujourd'hui")
    ["l'", 'ete', '#grevesncf', 'greve', 'sncf', 'chez', '@marie.bsky.social', '👍🏽', "aujourd'hui"]
    """
    found: list[str] = []
    for token in scan(unaccent(text)):
        found.append(token.text)
        found += [part.text for part in token.parts]
    return found


def streams(text: str) -> tuple[str, str]:
    """Write the tokens of a text as two lines, each token between single spaces.

    Parameters
    ----------
    text : str

    Returns
    -------
    words : str
        Hashtags as their words: what a word or a phrase is looked for in.
    wholes : str
        Hashtags whole: what a hashtag is looked for in.

    Examples
    --------
    >>> streams("La #GrèveSNCF dure")
    (' la greve sncf dure ', ' la #grevesncf dure ')
    """
    # Says what `scan` says, several times as fast: a test holds them together.
    bare = unaccent(text)
    holds = _holds(bare)
    found: list[str] = _pattern(holds, False).findall(bare)
    links: list[str] = []
    if holds.link:
        # Links keep their capitals: they stand aside while the line is written.
        links = [clean_link(_link(item)) for item in found if _IS_LINK.match(item)]
        found = [_ASIDE if _IS_LINK.match(item) else item for item in found]
    wholes = _line(found, links)
    if not holds.hashtag:
        return wholes, wholes
    parted = [_parted(item) if item[0] == "#" else item for item in found]
    return _line(parted, links), wholes


@lru_cache(maxsize=1 << 14)
def _parted(hashtag: str) -> str:
    return " ".join(part.text for part in _parts(hashtag[1:], 0))


def _line(found: list[str], links: list[str]) -> str:
    if not found:
        return " "
    line = small_letters(" ".join(("", *found, "")))
    if "'" in line:
        line = elide(line)
    if not links:
        return line
    between = line.split(_ASIDE)
    return "".join(part for pair in zip(between, (*links, ""), strict=True) for part in pair)
