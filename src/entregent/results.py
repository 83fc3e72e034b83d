"""What analyses return: a number with its interval, or why there is none.

No number about people travels without its interval, its number of
observations, its method and its date.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from entregent.i18n import Text

__all__ = ["CannotTell", "Estimate", "InputFile", "Notice", "Provenance", "merge_notices"]


@dataclass(frozen=True)
class Notice:
    """Something the reader must know about the data or a result.

    Parameters
    ----------
    code : str
        Stable and dotted, for programs: ``"file.broken_line"``.
    text : Text
        The same for people, in any language.
    count : int
        How often it happened.
    where : tuple of str
        First places, at most :data:`MOST_PLACES`: ``"posts.jsonl:17"``.
    """

    code: str
    text: Text
    count: int = 1
    where: tuple[str, ...] = ()


MOST_PLACES = 5


def merge_notices(notices: tuple[Notice, ...]) -> tuple[Notice, ...]:
    """Add up notices with the same code and text, counts in the text too, keeping the first places."""
    merged: dict[tuple[str, str], Notice] = {}
    for notice in notices:
        key = (notice.code, notice.text.key())
        seen = merged.get(key)
        merged[key] = notice if seen is None else _sum(seen, notice)
    return tuple(merged.values())


def _sum(one: Notice, two: Notice) -> Notice:
    text = one.text
    first, second = text.params.get("n"), two.text.params.get("n")
    if isinstance(first, int) and isinstance(second, int):
        text = replace(text, params={**text.params, "n": first + second}, n=first + second)
    return Notice(one.code, text, one.count + two.count, (one.where + two.where)[:MOST_PLACES])


@dataclass(frozen=True)
class Estimate:
    """A number that can be argued with.

    Parameters
    ----------
    value, low, high : float
        Point estimate and ends of the interval, in the same unit.
    level : float
        Level of the interval, 0.9 by default in all of Entregent.
    n : int
        Observations behind it (what they are, `method` says).
    method : str
        Short stable name of the estimator.
    as_of : datetime
        End of the data it rests on.
    """

    value: float
    low: float
    high: float
    level: float
    n: int
    method: str
    as_of: datetime | None = None
    notices: tuple[Notice, ...] = ()

    @classmethod
    def around(
        cls,
        value: float,
        low: float,
        high: float,
        level: float,
        n: int,
        method: str,
        as_of: datetime | None = None,
    ) -> Estimate:
        """Return an estimate whose interval is widened to hold its value, where draws or rounding do not.

        Parameters
        ----------
        value, low, high, level, n, method, as_of
            As of the class; numbers of numpy become plain ones.

        Returns
        -------
        Estimate

        Examples
        --------
        >>> Estimate.around(0.0, 0.1, 0.3, 0.9, 20, "bootstrap").low
        0.0
        """
        value, low, high = float(value), float(low), float(high)
        return cls(value, min(low, value), max(high, value), level, n, method, as_of)

    def __post_init__(self) -> None:
        if not self.low <= self.value <= self.high:
            raise ValueError(f"interval [{self.low}, {self.high}] does not hold its value {self.value}")


@dataclass(frozen=True)
class CannotTell:
    """Too little is known for a number.

    Parameters
    ----------
    reason : Text
        Why, for people.
    needs : Text
        What would change it.
    code : str
        Stable, for programs.
    """

    code: str
    reason: Text
    needs: Text


@dataclass(frozen=True)
class InputFile:
    """One file that was read."""

    name: str
    sha256: str
    bytes: int
    rows: int
    format: str


@dataclass(frozen=True)
class Provenance:
    """Where a result comes from, enough to make it again."""

    version: str
    made_at: datetime
    seed: int
    inputs: tuple[InputFile, ...] = ()
    parameters: dict[str, Any] = field(default_factory=dict)
    first: datetime | None = None
    last: datetime | None = None
