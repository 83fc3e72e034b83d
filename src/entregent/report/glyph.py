"""The sign of the house: a horizontal interval with a tick at the estimate.

One empty element with three positions in percent, drawn by the page's style:
a page of two hundred people holds four hundred of them. Too little data draws
an open, hatched bar instead.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup

from entregent.results import CannotTell, Estimate

__all__ = ["Scale", "interval_glyph", "open_glyph"]

_INSET = 1.5


@dataclass(frozen=True)
class Scale:
    """Places non-negative numbers on [0, 1], evenly near zero and by factors beyond.

    Parameters
    ----------
    top : float
        The number at 1.
    bend : float
        Where even spacing turns into spacing by factors.
    bottom : float
        The number at 0.
    """

    top: float
    bend: float
    bottom: float = 0.0

    @classmethod
    def of(cls, results: Iterable[Estimate | CannotTell | None]) -> Scale:
        """Return the scale that holds every interval given."""
        estimates = [result for result in results if isinstance(result, Estimate)]
        highs = [estimate.high for estimate in estimates if math.isfinite(estimate.high)]
        values = sorted(estimate.value for estimate in estimates if estimate.value > 0)
        top = max(highs, default=1.0)
        bend = values[len(values) // 2] if values else 1.0
        return cls(top if top > 0 else 1.0, bend)

    @classmethod
    def even(cls, bottom: float = 0.0) -> Scale:
        """Return an evenly spaced scale from `bottom` to 1, for shares."""
        return cls(1.0, 1e6, bottom)

    def place(self, value: float) -> float:
        """Return where `value` lies, in [0, 1]."""
        if not math.isfinite(value):
            return 1.0 if value > 0 else 0.0
        above, whole = max(value - self.bottom, 0.0), self.top - self.bottom
        share = math.log1p(above / self.bend) / math.log1p(whole / self.bend)
        return min(max(share, 0.0), 1.0)

    def percent(self, value: float) -> str:
        """Return where `value` lies as a length of CSS, inset so that strokes are not cut."""
        return f"{_INSET + (100 - 2 * _INSET) * self.place(value):.1f}%"

    def ticks(self, spacing: float = 0.18) -> tuple[float, ...]:
        """Return round numbers to write under the scale, at least `spacing` apart."""
        chosen = [0.0]
        power = math.floor(math.log10(self.top)) - 4
        for exponent in range(power, power + 6):
            for digit in (1, 2, 5):
                number = digit * 10.0**exponent
                if number <= self.top and self.place(number) - self.place(chosen[-1]) >= spacing:
                    chosen.append(number)
        return tuple(chosen)


def interval_glyph(low: float, value: float, high: float, scale: Scale, *, column: str = "heard") -> Markup:
    """Return the glyph of an estimate.

    Parameters
    ----------
    low, value, high : float
        The interval and its estimate, in the unit of `scale`.
    scale : Scale
    column : {"known", "heard", "effective", "plain"}
        Which colour.

    Returns
    -------
    Markup
        Nothing for screen readers: the caller writes the numbers as text.
    """
    start, middle, end = (scale.percent(number) for number in (low, value, high))
    return Markup('<i class="glyph {}" style="--l:{};--t:{};--h:{}"></i>').format(column, start, middle, end)


def open_glyph() -> Markup:
    """Return the glyph of "cannot tell": open at both ends, hatched, no tick."""
    return Markup('<i class="glyph open"></i>')
