"""What a month has cost, and when it must stop."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from entregent.errors import TransientError
from entregent.sources.x.settings import XSettings

__all__ = ["Purse", "Spent", "next_month"]

LEAST_POSTS = 10
MOST_POSTS = 100
_WORST = 3
"""With a post come those that it answers and quotes, each with its author."""


class Spent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was spent in one month, ``2024-05``."""

    month: str = ""
    money: float = 0.0


def next_month(moment: datetime) -> datetime:
    """Return the first moment of the month after.

    >>> from datetime import UTC
    >>> next_month(datetime(2024, 12, 31, 23, tzinfo=UTC)).isoformat()
    '2025-01-01T00:00:00+00:00'
    """
    year, month = (moment.year + 1, 1) if moment.month == 12 else (moment.year, moment.month + 1)
    return moment.replace(year=year, month=month, day=1, hour=0, minute=0, second=0, microsecond=0)


class Purse:
    """Counts what is spent, and says how much may still be asked for.

    Parameters
    ----------
    settings : XSettings
    spent : Spent
    where : str
    """

    def __init__(self, settings: XSettings, spent: Spent, where: str) -> None:
        self._settings = settings
        self._where = where
        self.spent = spent

    def posts(self, moment: datetime) -> int:
        """Return how many posts one request may ask for.

        Raises
        ------
        TransientError
            Where the limit is reached, until the next month.
        """
        price = _WORST * (self._settings.price_post + self._settings.price_person)
        left = self._left(moment)
        if left < LEAST_POSTS * price:
            raise self._reached(moment)
        return MOST_POSTS if price == 0 else min(MOST_POSTS, int(left / price))

    def people(self, moment: datetime, number: int) -> None:
        """Check that some accounts may be asked for; raises as :meth:`posts`."""
        if self._left(moment) < number * self._settings.price_person:
            raise self._reached(moment)

    def pay(self, moment: datetime, page: Any) -> Spent:
        """Count what one answer costs: each post and each account in it.

        Parameters
        ----------
        moment : datetime
        page : object
            As read from JSON.

        Returns
        -------
        Spent
            Of this month, up to now.
        """
        posts = people = 0
        if isinstance(page, dict):
            data, includes = page.get("data"), page.get("includes")
            listed = data if isinstance(data, list) else [data] if data else []
            named = sum(isinstance(one, dict) and "username" in one for one in listed)
            posts, people = len(listed) - named, named
            if isinstance(includes, dict):
                posts += len(includes.get("tweets") or ())
                people += len(includes.get("users") or ())
        self._left(moment)
        money = posts * self._settings.price_post + people * self._settings.price_person
        self.spent = msgspec.structs.replace(self.spent, money=round(self.spent.money + money, 6))
        return self.spent

    def told(self) -> str:
        """Return what was spent, for people."""
        return f"{self.spent.money:.2f} of {self._settings.monthly_limit:.2f} spent in {self.spent.month}"

    def _left(self, moment: datetime) -> float:
        month = f"{moment:%Y-%m}"
        if self.spent.month != month:
            self.spent = Spent(month)
        return self._settings.monthly_limit - self.spent.money

    def _reached(self, moment: datetime) -> TransientError:
        again = next_month(moment)
        return TransientError(
            f"The monthly limit is reached: {self.told()}. It goes on in {again:%Y-%m}.",
            where=self._where,
            do="Raise monthly_limit of this source to go on now.",
            retry_after=(again - moment).total_seconds(),
        )
