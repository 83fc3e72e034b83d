"""What readers see of the codes that charts show: languages and kinds."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from entregent.i18n import T, Text, Translator

__all__ = ["KINDS", "language_name"]

KINDS: Mapping[str, Text] = {
    "post": T("posts"),
    "repost": T("reposts"),
    "quote": T("quotes"),
    "reply": T("replies"),
    "mention": T("mentions"),
    "like": T("likes"),
    "follow": T("follows"),
    "share": T("shares of an item"),
    "": T("kind not stated"),
}
"""Labels of the kinds of posts and interactions."""


@cache
def _names(lang: str) -> Any:
    from babel import Locale

    return Locale.parse(lang).languages


def language_name(code: str | None, lang: str) -> str:
    """Return the name of a language in the reader's language.

    Parameters
    ----------
    code : str or None
        BCP 47 code; None and ``und`` are languages not known.
    lang : {"fr", "en"}
        Language of the reader.

    Returns
    -------
    str
        The code itself where the language has no name.

    Examples
    --------
    >>> language_name("de", "fr"), language_name("pt-BR", "en"), language_name(None, "en")
    ('allemand', 'Portuguese', 'language not known')
    """
    if code is None or code.lower() in ("", "und", "zxx"):
        return Translator(lang).text(T("language not known"))
    if code == "*":
        return Translator(lang).text(T("other languages"))
    name: str | None = _names(lang).get(code.replace("_", "-").split("-")[0].lower())
    return name or code
