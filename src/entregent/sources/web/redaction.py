"""What of an address may be shown: never a secret, in no message and no log."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from urllib.parse import urlsplit, urlunsplit

__all__ = ["HIDDEN", "redacted", "shown", "silence"]

HIDDEN = "***"
MOST_SHOWN = 300
_SECRET_KEYS = re.compile(r"key|token|secret|pass|pwd|auth|sig|code|session|credential", re.IGNORECASE)
_PARAMETER = re.compile(r"(?P<key>[^&=?#\s]+)=(?P<value>[^&#\s]*)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]+")
_SHORTEST = 6


def shown(address: str) -> str:
    """Return an address as it may stand in a message.

    Parameters
    ----------
    address : str

    Returns
    -------
    str
        Without user and password, and with the values of keys that sound
        like a secret hidden.

    Examples
    --------
    >>> shown("https://me:pw@example.org/feed?page=2&api_key=s3cret#x")
    'https://example.org/feed?page=2&api_key=***#x'
    """
    try:
        parts = urlsplit(address)
    except ValueError:
        return HIDDEN
    query = _PARAMETER.sub(_hide, parts.query)
    whole = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=query))
    return _CONTROL.sub(" ", whole)[:MOST_SHOWN]


def redacted(text: str, secrets: Iterable[str] = ()) -> str:
    """Return a text of a server as it may stand in a message.

    Parameters
    ----------
    text : str
    secrets : iterable of str
        What must not be shown, wherever it stands.

    Returns
    -------
    str
        In one line, and short.

    Examples
    --------
    >>> redacted("bad token s3cret99 in\\n?key=abc", ["s3cret99"])
    'bad token *** in ?key=***'
    """
    for secret in secrets:
        if len(secret) >= _SHORTEST:
            text = text.replace(secret, HIDDEN)
    text = _PARAMETER.sub(_hide, text)
    return " ".join(_CONTROL.sub(" ", text).split())[:MOST_SHOWN]


def _hide(found: re.Match[str]) -> str:
    hide = _SECRET_KEYS.search(found["key"]) and found["value"]
    return f"{found['key']}={HIDDEN}" if hide else found[0]


class _Shown(logging.Filter):
    """Hides secrets in what the client library logs: it logs whole addresses."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(shown(str(arg)) if "://" in str(arg) else arg for arg in record.args)
        return True


def silence() -> None:
    """Let the client library log no secret; to be called once for a process or many times."""
    for name in ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy"):
        logger = logging.getLogger(name)
        if not any(isinstance(known, _Shown) for known in logger.filters):
            logger.addFilter(_Shown())
