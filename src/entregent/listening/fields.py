"""The fields of the query language: what ``lang:fr`` or ``followers:>1000`` asks.

=============== ==========================================================
``author:``     handle or id of the author; ``*`` may stand for letters
``mentions:``   handle or id of somebody mentioned, by the network or in
                the text
``hashtag:``    a hashtag, listed by the network or in the text
``link:``       an address that begins so; ``*`` may stand for letters
``domain:``     the site of a link, or a site above it
``lang:``       code of the language: ``fr`` finds ``fr-CA`` too
``network:``    name of the network
``is:``         ``original``, ``reply``, ``quote`` or ``repost``
``has:``        ``media``, ``link``, ``hashtag`` or ``mention``
``followers:``  of the author: ``>1000``, ``>=1000``, ``<50``, ``10..500``
=============== ==========================================================

What is not known is not found: ``followers:>10`` does not find an author
whose followers are hidden, ``NOT followers:>10`` does.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from entregent.text.folding import small_letters
from entregent.text.links import clean_link, domain

__all__ = ["FIELDS", "Asked", "BadValue", "asked"]

KINDS = {"original": "post", "reply": "reply", "quote": "quote", "repost": "repost"}
HELD = {"media": "media", "link": "links", "hashtag": "hashtags", "mention": "mentions"}
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*\Z")
_NETWORK = re.compile(r"[a-z][a-z0-9_.-]*\Z")
_COMPARED = re.compile(r"(?P<sign>>=|<=|>|<|=)?(?P<low>\d{1,15})\Z")
_BETWEEN = re.compile(r"(?P<low>\d{1,15})\.\.(?P<high>\d{1,15})\Z")


class BadValue(Exception):
    """A value that a field does not take.

    Parameters
    ----------
    valid : tuple of str
        Examples of what it takes.
    """

    def __init__(self, valid: tuple[str, ...]) -> None:
        self.valid = valid
        super().__init__(f"valid: {', '.join(valid)}")


class Asked(NamedTuple):
    """The columns of a post that a field looks at, and what it asks of their values.

    Parameters
    ----------
    columns : tuple of str
    test : callable
    in_text : str
        What a text would hold for the same; empty where that says nothing.
    """

    columns: tuple[str, ...]
    test: Callable[[object], bool]
    in_text: str = ""


def asked(name: str, value: str) -> Asked:
    """Say what a field with a value asks.

    Parameters
    ----------
    name : str
        One of :data:`FIELDS`.
    value : str

    Returns
    -------
    Asked

    Raises
    ------
    BadValue

    Examples
    --------
    >>> asked("lang", "fr").test("fr-CA")
    True
    """
    return FIELDS[name](value)


def _lettered(pattern: str) -> Callable[[str], bool]:
    """Return what compares with a pattern in which a star stands for any letters."""
    inner = ".*".join(re.escape(part) for part in pattern.split("*"))
    return re.compile(inner + r"\Z", re.DOTALL).match  # type: ignore[return-value]


def _somebody(value: str) -> Callable[[object], bool]:
    bare = small_letters(value).lstrip("@")
    if not bare.strip("*"):
        raise BadValue(("sncf", "@sncf", "gare_*", "did:plc:abc"))
    fits = _lettered(bare)

    def test(known: object) -> bool:
        person = small_letters(str(known))
        # An id stands behind its network, a handle of an unknown id behind an @ too.
        native = person.partition(":")[2]
        return any(fits(name.lstrip("@")) for name in (person, native) if name)

    return test


def _author(value: str) -> Asked:
    return Asked(("handle", "account"), _somebody(value))


def _mentions(value: str) -> Asked:
    written = "" if ":" in value else "@" + value.lstrip("@")
    return Asked(("mentions",), _somebody(value), written)


def _hashtag(value: str) -> Asked:
    bare = small_letters(value).lstrip("#")
    if not bare.strip("*"):
        raise BadValue(("greve", "#greve", "greve*"))
    fits = _lettered(bare)
    return Asked(
        ("hashtags",),
        lambda known: bool(fits(small_letters(str(known)).lstrip("#"))),
        "#" + value.lstrip("#"),
    )


def _link(value: str) -> Asked:
    address = clean_link(value if "://" in value else "https://" + value).partition("://")[2]
    if not address.strip("*"):
        raise BadValue(("example.org/page", "https://example.org/*/2026"))
    fits = _lettered(address + "*")
    return Asked(("links",), lambda known: bool(fits(clean_link(str(known)).partition("://")[2])))


def _domain(value: str) -> Asked:
    site = domain(value if "://" in value else "https://" + value)
    if site is None:
        raise BadValue(("lemonde.fr", "example.org"))

    def test(known: object) -> bool:
        host = domain(str(known))
        return host is not None and (host == site or host.endswith("." + site))

    return Asked(("links",), test)


def _lang(value: str) -> Asked:
    code = value.lower().replace("_", "-")
    if not _LANGUAGE.match(code):
        raise BadValue(("fr", "en", "pt-BR"))

    def test(known: object) -> bool:
        language = str(known).lower().replace("_", "-")
        return language == code or language.startswith(code + "-")

    return Asked(("lang",), test)


def _network(value: str) -> Asked:
    network = value.lower()
    if not _NETWORK.match(network):
        raise BadValue(("bluesky", "mastodon", "x"))
    return Asked(("network",), lambda known: known == network)


def _is(value: str) -> Asked:
    if value.lower() not in KINDS:
        raise BadValue(tuple(KINDS))
    kind = KINDS[value.lower()]
    return Asked(("kind",), lambda known: known == kind)


def _has(value: str) -> Asked:
    if value.lower() not in HELD:
        raise BadValue(tuple(HELD))
    # Of a list each member is asked; a count is asked itself.
    return Asked((HELD[value.lower()],), lambda known: known != 0)


def _followers(value: str) -> Asked:
    if between := _BETWEEN.match(value):
        low, high = int(between["low"]), int(between["high"])
    elif compared := _COMPARED.match(value):
        number = int(compared["low"])
        low, high = {
            ">": (number + 1, 10**16),
            ">=": (number, 10**16),
            "<": (0, number - 1),
            "<=": (0, number),
        }.get(compared["sign"] or "=", (number, number))
    else:
        raise BadValue((">1000", ">=1000", "<50", "10..500"))
    return Asked(("followers",), lambda known: isinstance(known, int) and low <= known <= high)


FIELDS: dict[str, Callable[[str], Asked]] = {
    "author": _author,
    "mentions": _mentions,
    "hashtag": _hashtag,
    "link": _link,
    "domain": _domain,
    "lang": _lang,
    "network": _network,
    "is": _is,
    "has": _has,
    "followers": _followers,
}
