"""What templates write: icons, numbers, moments and the sign of the house."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from entregent.i18n import Text
from entregent.web.reader import translator

__all__ = ["glyph", "glyph_open", "icon", "moment", "number", "register", "say", "when"]

register = template.Library()

_ICONS = {
    "today": (
        '<circle cx="12" cy="12" r="4"/>'
        '<path d="M12 2v2m0 16v2M4.9 4.9l1.4 1.4m11.4 11.4 1.4 1.4M2 12h2m16 0h2M4.9'
        ' 19.1l1.4-1.4M17.7 6.3l1.4-1.4"/>'
    ),
    "listen": ('<path d="M4 12a8 8 0 0 1 16 0v5a3 3 0 0 1-3 3h-1v-7h4M4 12v5a3 3 0 0 0 3 3h1v-7H4"/>'),
    "people": (
        '<circle cx="9" cy="8" r="3.5"/>'
        '<path d="M2.5 20a6.5 6.5 0 0 1 13 0M16 4.9a3.5 3.5 0 0 1 0 6.2M18 14.3a6.5 6.5 0 0 1 3.5'
        ' 5.7"/>'
    ),
    "settings": (
        '<path d="M4 7h10m4 0h2M4 17h2m4 0h10"/><circle cx="16" cy="7" r="2"/><circle cx="8" cy="17" r="2"/>'
    ),
    "alert": ('<path d="M12 4 2.5 20h19z"/><path d="M12 10v4m0 3v.01"/>'),
}


@register.simple_tag
def icon(name: str) -> SafeString:
    """Draw an icon; what it means stands beside it in words."""
    return mark_safe(f'<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">{_ICONS[name]}</svg>')  # noqa: S308


@register.filter
def moment(value: datetime | date | None) -> str:
    """Write a moment in the reader's language and zone."""
    if value is None:
        return ""
    return translator().moment(value) if isinstance(value, datetime) else translator().day(value)


@register.simple_tag
def when(value: datetime | None) -> SafeString | str:
    """Write a moment as an element that holds it for machines too."""
    if value is None:
        return ""
    return format_html('<time datetime="{}">{}</time>', value.isoformat(), translator().moment(value))


@register.filter
def number(value: float | None) -> str:
    """Write a number in the reader's notation."""
    return "" if value is None else translator().number(value)


@register.filter
def say(value: Any) -> str:
    """Write a text of the library in the reader's language."""
    return translator().text(value) if isinstance(value, Text) else str(value)


@register.simple_tag
def glyph(low: float, value: float, high: float, column: str = "plain-tone") -> SafeString:
    """Draw an interval with a tick at the estimate, places in [0, 1]; the caller writes the numbers."""
    return format_html(
        '<svg class="glyph {}" viewBox="0 0 100 20" preserveAspectRatio="none" aria-hidden="true">'
        '<line class="base" x1="0" y1="10" x2="100" y2="10" vector-effect="non-scaling-stroke"/>'
        '<line class="line" x1="{}" y1="10" x2="{}" y2="10" vector-effect="non-scaling-stroke"/>'
        '<line class="tick" x1="{}" y1="3" x2="{}" y2="17" vector-effect="non-scaling-stroke"/></svg>',
        column,
        *(f"{1.5 + 97 * min(max(place, 0.0), 1.0):.1f}" for place in (low, high, value, value)),
    )


@register.simple_tag
def glyph_open() -> SafeString:
    """Draw the sign of "cannot tell"."""
    return mark_safe(
        '<svg class="glyph open" viewBox="0 0 100 20" preserveAspectRatio="none" aria-hidden="true">'
        '<rect x="0.5" y="4" width="99" height="12" vector-effect="non-scaling-stroke"/></svg>'
    )
