"""What a server says about how much may still be asked of it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

__all__ = ["LONGEST_WAIT", "Allowance", "allowance", "retry_after"]

LONGEST_WAIT = 86_400.0
"""Seconds: a server that asks for more is asked again after a day."""

_PREFIXES = ("ratelimit", "x-ratelimit", "x-rate-limit")
_EPOCH_FROM = 1e9
_MILLIS_FROM = 1e12


@dataclass(frozen=True)
class Allowance:
    """How many requests a server still allows, and until when that counts.

    Each is None where the server does not say it.
    """

    limit: int | None = None
    remaining: int | None = None
    resets_at: datetime | None = None

    def wait(self, now: datetime) -> float:
        """Return seconds to wait before the next request: none while some are left.

        Parameters
        ----------
        now : datetime

        Returns
        -------
        float

        Examples
        --------
        >>> noon = datetime(2024, 5, 1, 12, tzinfo=UTC)
        >>> Allowance(300, 0, noon + timedelta(seconds=40)).wait(noon)
        40.0
        >>> Allowance(300, 1, noon + timedelta(seconds=40)).wait(noon)
        0.0
        """
        if self.remaining is None or self.remaining > 0 or self.resets_at is None:
            return 0.0
        return min(LONGEST_WAIT, max(0.0, (self.resets_at - now).total_seconds()))


def allowance(headers: Mapping[str, str], now: datetime) -> Allowance | None:
    """Read what stands in the headers of an answer.

    Parameters
    ----------
    headers : mapping
        Names in small letters, or a mapping that does not mind.
    now : datetime
        When it came.

    Returns
    -------
    Allowance or None
        None where the server says nothing. Understood are ``RateLimit``,
        ``RateLimit-*``, ``X-RateLimit-*`` and ``X-Rate-Limit-*``, with a reset
        in seconds from now, seconds or milliseconds since 1970, or as a date.

    References
    ----------
    Polli, R., Martinez, A. & Miller, D. RateLimit header fields for HTTP.
    draft-ietf-httpapi-ratelimit-headers.

    Examples
    --------
    >>> noon = datetime(2024, 5, 1, 12, tzinfo=UTC)
    >>> allowance({"ratelimit-remaining": "7", "ratelimit-reset": "60"}, noon).resets_at.isoformat()
    '2024-05-01T12:01:00+00:00'
    """
    structured = headers.get("ratelimit")
    if structured:
        found = dict(re.findall(r"(\w+)=(\d+)", structured))
        if "r" in found or "remaining" in found:
            return Allowance(
                _count(found.get("limit")),
                _count(found.get("r", found.get("remaining"))),
                _reset(found.get("t", found.get("reset")), now),
            )
    for prefix in _PREFIXES:
        limit, remaining, reset = (
            headers.get(f"{prefix}-{part}") for part in ("limit", "remaining", "reset")
        )
        if remaining is not None or reset is not None:
            return Allowance(_count(limit), _count(remaining), _reset(reset, now))
    return None


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Read how long a server asks to wait.

    Parameters
    ----------
    headers : mapping
    now : datetime

    Returns
    -------
    float or None
        Seconds in [0, :data:`LONGEST_WAIT`], from ``Retry-After`` (seconds, or
        a date by the server's own clock where it shows one), else from an
        allowance that is used up; None where the server does not say.

    References
    ----------
    RFC 9110, section 10.2.3. https://doi.org/10.17487/RFC9110

    Examples
    --------
    >>> noon = datetime(2024, 5, 1, 12, tzinfo=UTC)
    >>> retry_after({"retry-after": "Wed, 01 May 2024 12:00:30 GMT"}, noon)
    30.0
    """
    told = (headers.get("retry-after") or "").strip()
    if told:
        try:
            seconds = float(told)
        except ValueError:
            until = _date(told)
            # The server's clock and ours may be apart; only the difference on one of them counts.
            seconds = (
                math.nan if until is None else (until - (_date(headers.get("date")) or now)).total_seconds()
            )
        if not math.isnan(seconds):
            return min(LONGEST_WAIT, max(0.0, seconds))
    known = allowance(headers, now)
    if known is None or known.resets_at is None or known.remaining not in (0, None):
        return None
    return min(LONGEST_WAIT, max(0.0, (known.resets_at - now).total_seconds()))


def _count(told: str | None) -> int | None:
    # An old draft adds a policy after the number: "100, 100;w=60".
    found = re.match(r"\s*(\d{1,15})\b", told or "")
    return int(found[1]) if found else None


def _reset(told: str | None, now: datetime) -> datetime | None:
    if not told:
        return None
    try:
        seconds = float(told)
    except ValueError:
        return _date(told)
    if not math.isfinite(seconds) or seconds < 0:
        return None
    if seconds >= _MILLIS_FROM:
        seconds /= 1000
    try:
        if seconds >= _EPOCH_FROM:
            return datetime.fromtimestamp(seconds, UTC)
        return now + timedelta(seconds=seconds)
    except (OverflowError, ValueError, OSError):
        return None


def _date(told: str | None) -> datetime | None:
    if not told:
        return None
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = read(told.strip())
        except (ValueError, TypeError, OverflowError, IndexError):
            continue
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None
