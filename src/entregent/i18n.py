"""Reader-facing texts: an English template with parameters, rendered on demand.

A :class:`Text` is made where something is known and rendered where somebody
reads, in the language of that reader::

    T("{n} lines could not be read", n=3)          # marked for translation
    Translator("fr").text(text)                    # « 3 lignes ... »

Numbers, dates and plurals follow the reader's locale. Catalogues are in
``entregent/locale`` and compiled from the ``.po`` files at build.
"""

from __future__ import annotations

import gettext
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from entregent.errors import InputError

__all__ = ["LANGUAGES", "N", "T", "Text", "Translator"]

LANGUAGES = ("fr", "en")
LOCALE_DIR = Path(__file__).parent / "locale"


@dataclass(frozen=True)
class Text:
    """A template and its parameters, in no language yet."""

    msgid: str
    params: dict[str, Any] = field(default_factory=dict)
    plural: str | None = None
    n: int = 1

    def key(self) -> str:
        """Return a text that is the same for equal texts, counts left out."""
        return repr(
            (self.msgid, self.plural, sorted((k, str(v)) for k, v in self.params.items() if k != "n"))
        )

    def __str__(self) -> str:
        return Translator("en").text(self)


def T(msgid: str, /, **params: Any) -> Text:
    """Mark a text for translation."""
    return Text(msgid, params)


def N(singular: str, plural: str, n: int, /, **params: Any) -> Text:
    """Mark a text whose form depends on a count.

    Parameters
    ----------
    singular, plural : str
        English templates, literals where it is called.
    n : int
        The count, available as ``{n}``.
    **params
        What the templates name.

    Returns
    -------
    Text
    """
    return Text(singular, {"n": n, **params}, plural, n)


@cache
def _catalogue(lang: str) -> gettext.NullTranslations:
    if lang == "en":
        return gettext.NullTranslations()
    return gettext.translation("entregent", LOCALE_DIR, [lang])


class Translator:
    """Renders texts, numbers and dates for one reader.

    Parameters
    ----------
    lang : {"fr", "en"}
    zone : tzinfo
        Zone in which dates are shown.
    """

    def __init__(self, lang: str, zone: tzinfo = UTC) -> None:
        if lang not in LANGUAGES:
            raise InputError(f"{lang!r} is not a language of Entregent.", valid=LANGUAGES)
        self.lang = lang
        self.zone = zone
        self.gettext = _catalogue(lang).gettext
        self.ngettext = _catalogue(lang).ngettext

    @cached_property
    def _locale(self) -> Any:
        from babel import Locale

        return Locale.parse({"fr": "fr_FR", "en": "en_GB"}[self.lang])

    def text(self, text: Text) -> str:
        """Return `text` in the reader's language."""
        template = (
            self.gettext(text.msgid)
            if text.plural is None
            else self.ngettext(text.msgid, text.plural, text.n)
        )
        return template.format(**{name: self._value(value) for name, value in text.params.items()})

    def _value(self, value: Any) -> str:
        if isinstance(value, Text):
            return self.text(value)
        if isinstance(value, bool) or value is None:
            return str(value)
        if isinstance(value, int | float):
            return self.number(value)
        if isinstance(value, datetime):
            return self.moment(value)
        if isinstance(value, date):
            return self.day(value)
        return str(value)

    def number(self, value: float, digits: int | None = None) -> str:
        """Return a number in the reader's notation, to at most `digits` decimals (2 unless told)."""
        from babel.numbers import format_decimal

        places = 2 if digits is None else digits
        pattern = "#,##0" + ("." + "#" * places if places else "")
        return format_decimal(value, format=pattern, locale=self._locale)

    def percent(self, share: float, digits: int = 0) -> str:
        """Return a share in [0, 1] as a percentage."""
        from babel.numbers import format_percent

        space = "\u00a0" if self.lang == "fr" else ""
        pattern = "#,##0" + ("." + "0" * digits if digits else "") + space + "%"
        return format_percent(share, format=pattern, locale=self._locale)

    def day(self, value: date) -> str:
        """Return a date (of a moment: in the reader's zone)."""
        from babel.dates import format_date

        if isinstance(value, datetime):
            value = value.astimezone(self.zone).date()
        return format_date(value, format="long", locale=self._locale)

    def moment(self, value: datetime) -> str:
        """Return a date and time of day in the reader's zone."""
        from babel.dates import format_datetime

        return format_datetime(value, format="d MMM y, HH:mm", tzinfo=self.zone, locale=self._locale)
