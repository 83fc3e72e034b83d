"""Colours, type and number notation of charts, for the page and for files.

A chart names its colours by role. In the page a role becomes a CSS variable,
so that a chart follows light, dark and print with no redrawing; in a file it
becomes the colour itself.
"""

from __future__ import annotations

from typing import Any

__all__ = ["COLOURS", "FONT", "ROLES", "SHAPES", "THEMES", "colour", "config", "locale"]

THEMES = ("page", "light", "dark")
"""``page`` for the SVG inside a page of ours, ``light`` and ``dark`` for files."""

COLOURS = {
    "light": {
        "paper": "#fdfcf9",
        "ink": "#1f1d1a",
        "muted": "#6a655d",
        "rule": "#ddd8cf",
        "bar": "#8b857b",
        "known": "#52617a",
        "heard": "#0b7268",
        "effective": "#a35a00",
        "alert": "#b3261e",
    },
    "dark": {
        "paper": "#171613",
        "ink": "#ece8e0",
        "muted": "#a49d92",
        "rule": "#3a3732",
        "bar": "#7d776d",
        "known": "#a3b3cc",
        "heard": "#4cc4b6",
        "effective": "#eba94b",
        "alert": "#ff8a80",
    },
}
ROLES = tuple(COLOURS["light"])
SHAPES = {"known": "circle", "heard": "square", "effective": "triangle-up"}

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif"

_NUMBERS = {
    "fr": {
        "decimal": ",",
        "thousands": "\u202f",
        "grouping": [3],
        "currency": ["", "\u00a0€"],
        "percent": "\u00a0%",
        "minus": "\u2212",
    },
    "en": {"decimal": ".", "thousands": ",", "grouping": [3], "currency": ["£", ""], "minus": "\u2212"},
}
_TIMES = {
    "fr": {
        "dateTime": "%A %-d %B %Y à %H:%M",
        "date": "%d/%m/%Y",
        "time": "%H:%M",
        "periods": ["AM", "PM"],
        "days": ["dimanche", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi"],
        "shortDays": ["dim.", "lun.", "mar.", "mer.", "jeu.", "ven.", "sam."],
        "months": [
            *("janvier", "février", "mars", "avril", "mai", "juin"),
            *("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
        ],
        "shortMonths": [
            *("janv.", "févr.", "mars", "avr.", "mai", "juin"),
            *("juil.", "août", "sept.", "oct.", "nov.", "déc."),
        ],
    },
    "en": {
        "dateTime": "%A %-d %B %Y at %H:%M",
        "date": "%d/%m/%Y",
        "time": "%H:%M",
        "periods": ["AM", "PM"],
        "days": ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"],
        "shortDays": ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"],
        "months": [
            *("January", "February", "March", "April", "May", "June"),
            *("July", "August", "September", "October", "November", "December"),
        ],
        "shortMonths": ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
    },
}


def colour(role: str, theme: str) -> str:
    """Return the colour of a role of :data:`ROLES` in one of :data:`THEMES`.

    >>> colour("heard", "page"), colour("heard", "dark")
    ('var(--heard)', '#4cc4b6')
    """
    if theme == "page":
        return f"var(--{role})"
    return COLOURS[theme][role]


def locale(lang: str) -> dict[str, Any]:
    """Return d3's number and time notation of a language, as Vega's ``config.locale`` takes it."""
    return {"number": _NUMBERS[lang], "time": _TIMES[lang]}


def config(theme: str, lang: str) -> dict[str, Any]:
    """Return the Vega-Lite configuration of a theme and a language."""
    ink, muted, rule = (colour(role, theme) for role in ("ink", "muted", "rule"))
    return {
        # The wrapper carries the alternative text and the table stands beside the
        # chart; hundreds of English labels on marks would only be in the way.
        "aria": False,
        "locale": locale(lang),
        "background": "transparent" if theme == "page" else colour("paper", theme),
        "font": FONT,
        "view": {"stroke": None},
        "axis": {
            "domainColor": rule,
            "gridColor": rule,
            "tickColor": rule,
            "labelColor": muted,
            "labelFontSize": 12,
            "titleColor": muted,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
            "labelPadding": 6,
            "titlePadding": 8,
            "tickSize": 4,
        },
        "text": {"color": ink, "fontSize": 12},
        "rule": {"color": ink},
        "title": {
            "color": ink,
            "subtitleColor": muted,
            "fontSize": 16,
            "fontWeight": 600,
            "subtitleFontSize": 12,
            "subtitlePadding": 6,
            "anchor": "start",
            "frame": "bounds",
            "offset": 16,
        },
    }
