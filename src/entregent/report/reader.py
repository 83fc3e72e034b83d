"""One reader of a study: language, zone, and how times are told to them."""

from __future__ import annotations

import unicodedata
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any
from urllib.parse import urlsplit

from entregent.charts.label import language_name
from entregent.clock import Period
from entregent.i18n import T, Text, Translator
from entregent.report.labels import Language

__all__ = ["Reader", "apart", "safe_url", "shorten"]

_NEVER = datetime.min.replace(tzinfo=UTC)


def safe_url(url: str | None) -> str | None:
    """Return an address that may become a link, or None.

    Only ``http`` and ``https`` with a host pass: a link of a study comes from
    strangers, and ``javascript:`` or ``data:`` would run as the reader.

    Parameters
    ----------
    url : str or None

    Returns
    -------
    str or None

    Examples
    --------
    >>> safe_url("javascript:alert(1)") is None
    True
    >>> safe_url("https://example.org/a?b=c")
    'https://example.org/a?b=c'
    """
    if url is None or any(ord(letter) <= 32 or ord(letter) == 127 for letter in url):
        return None
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return None
    return url if parts.scheme.lower() in ("http", "https") and host else None


def shorten(text: str, most: int) -> str:
    """Return `text` cut at a word to at most `most` characters, with an ellipsis where cut."""
    text = text.strip()
    if len(text) <= most:
        return text
    cut = text[: most - 1]
    space = cut.rfind(" ")
    return (cut[:space] if space > most // 2 else cut).rstrip() + "…"


def apart(text: str) -> str:
    """Return a name so that letters from right to left leave the order of the sentence around it alone.

    >>> apart("Zoé"), ascii(apart("محمد"))
    ('Zoé', "'\\\\u2068\\\\u0645\\\\u062d\\\\u0645\\\\u062f\\\\u2069'")
    """
    if any(unicodedata.bidirectional(letter) in ("R", "AL", "RLE", "RLO", "RLI") for letter in text):
        return f"\u2068{text}\u2069"
    return text


class Reader(Translator):
    """Renders a study's texts, numbers and times for one reader.

    Parameters
    ----------
    lang : {"fr", "en"}
    zone : tzinfo
        Zone in which times are shown.
    origin : datetime, optional
        Where times count from an unknown start: the first day of the data.
        Moments are then told as "day 12", never as dates.
    """

    def __init__(self, lang: str, zone: tzinfo = UTC, *, origin: datetime | None = None) -> None:
        super().__init__(lang, zone)
        self.origin = origin

    def _value(self, value: Any) -> str:
        if isinstance(value, Language):
            return self.language(value)
        if isinstance(value, str):
            return apart(value)
        return super()._value(value)

    def _relative(self, value: datetime, origin: datetime) -> str:
        days = (value.astimezone(UTC).date() - origin.astimezone(UTC).date()).days
        return self.text(T("day {n}", n=days + 1))

    def day(self, value: date) -> str:
        """Return a date, or the number of the day where times are relative."""
        if self.origin is not None and isinstance(value, datetime):
            return self._relative(value, self.origin)
        return super().day(value)

    def moment(self, value: datetime) -> str:
        """Return a date and time of day, or the number of the day where times are relative."""
        if self.origin is not None:
            return self._relative(value, self.origin)
        return super().moment(value)

    def stamp(self, value: datetime) -> str:
        """Return a moment of our own doing (when a study was made): always a real date."""
        return super().moment(value)

    def when(self, value: datetime | None) -> str:
        """Return a moment, or that it is not known."""
        return self.text(T("no date")) if value is None else self.moment(value)

    def span(self, first: datetime | None, last: datetime | None) -> str:
        """Return a period in words; either end may be open."""
        if first is None and last is None:
            return self.text(T("no date"))
        if first is None or last is None:
            known = self.day(first or last or _NEVER)
            return self.text(T("from {day}", day=known) if first else T("until {day}", day=known))
        start, end = self.day(first), self.day(last)
        if start == end:
            return start
        return self.text(T("{first} to {last}", first=start, last=end))

    def duration(self, seconds: float) -> str:
        """Return a length of time in its largest sensible unit."""
        from babel.dates import format_timedelta

        return str(format_timedelta(timedelta(seconds=seconds), threshold=1.5, locale=self._locale))

    def language(self, code: str | None) -> str:
        """Return the name of a language from its code."""
        return language_name(code, self.lang)

    def date(self, value: date) -> str:
        """Return a date of the calendar, also where the data's times are relative."""
        return super().day(value)

    def asked(self, period: Period) -> str:
        """Return the period that was asked for, its last day included."""
        last = None if period.end is None else period.end - timedelta(microseconds=1)
        return self.span(period.start, last)

    def figure(self, value: float) -> str:
        """Return an estimate with about three significant figures: more would pretend.

        Two decimals below 10, one below 100, none above.
        """
        size = abs(value)
        return self.number(value, 2 if size < 10 else 1 if size < 100 else 0)

    def chance(self, probability: float) -> str:
        """Return a probability as a percentage that is never a certainty."""
        if probability > 0.99:
            return "> " + self.percent(0.99)
        if probability < 0.01:
            return "< " + self.percent(0.01)
        return self.percent(probability)

    def share(self, part: float) -> str:
        """Return a share as a percentage; what is there but small is not shown as nothing."""
        return "< " + self.percent(0.01) if 0 < part < 0.005 else self.percent(part)

    def say(self, text: Text | None) -> str:
        """Return a text in the reader's language; nothing for nothing."""
        return "" if text is None else self.text(text)
