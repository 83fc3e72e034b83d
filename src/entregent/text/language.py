"""Which language a short text is in.

By eldc, which holds its models and asks no network.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

__all__ = ["detect"]

# Links, addresses, mentions, hashtags: written the same in every language.
# An address is sought where a word starts only: from every letter, a word of 100,000 takes minutes.
_NAMES = re.compile(r"(?:https?://|www\.)\S+|(?<!\S)\S+?@\S+|[@#]\w[\w.-]*|\bRT\b", re.IGNORECASE)
_NOT_LETTERS = re.compile(r"[\W\d_]+")
_FEWEST_LETTERS = 12
_FEWEST_WORDS = 3
# One sign is a syllable or a word there.
_DENSE = re.compile("[\u3041-\u30ff\u3400-\u9fff\uac00-\ud7a3]")
_FEWEST_DENSE = 4


@cache
def _detector() -> Any:
    import eldc

    eldc.init()
    return eldc


def detect(texts: Sequence[str | None]) -> list[str | None]:
    """Name the language of each text.

    Parameters
    ----------
    texts : sequence of str or None, length n

    Returns
    -------
    list of str or None, length n
        ISO 639-1 codes; None where a text has fewer than 3 words or 12
        letters (4 signs for Chinese, Japanese, Korean) once links, mentions
        and hashtags are left out, or where no language stands out.

    Notes
    -----
    The detector was made on clean sentences; texts that mix languages get
    the one that prevails, dialects the nearest of 60 languages.

    Examples
    --------
    >>> detect(["Le train est encore en retard ce matin", "@sncf 😡", None])
    ['fr', None, None]
    """
    found: list[str | None] = []
    seen: dict[str, str | None] = {}
    detector = _detector()
    for text in texts:
        if text is None:
            found.append(None)
            continue
        if text not in seen:
            seen[text] = _detect(text, detector)
        found.append(seen[text])
    return found


def _detect(text: str, detector: Any) -> str | None:
    said = _NAMES.sub(" ", text)
    words = _NOT_LETTERS.sub(" ", said).split()
    letters = sum(map(len, words))
    is_short = letters < _FEWEST_LETTERS or len(words) < _FEWEST_WORDS
    if is_short and len(_DENSE.findall(said)) < _FEWEST_DENSE:
        return None
    code: str = detector.detect(" ".join(words))
    return None if code == "und" else code
