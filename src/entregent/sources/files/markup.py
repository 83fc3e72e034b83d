"""Text of the HTML that the Fediverse writes posts in."""

from __future__ import annotations

import html
import re

import pyarrow as pa

__all__ = ["plain", "plain_texts"]

_SILENT = re.compile(r"<(script|style)\b[^>]*>.*?</\1\s*>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
_PARAGRAPH = re.compile(r"</(p|div|blockquote|ul|ol|pre|h[1-6])\s*>\s*", re.IGNORECASE)
_LINE = re.compile(r"<br\s*/?>\s?|</li\s*>", re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>?")
_BLANK_LINES = re.compile(r"\n{3,}")


def plain(markup: str) -> str:
    """Return the text of an HTML fragment, with its paragraphs and line breaks.

    >>> plain("<p>Le train<br>est en retard&nbsp;!</p><p>Encore <b>1 &lt; 2</b></p>")
    'Le train\\nest en retard\\xa0!\\n\\nEncore 1 < 2'
    """
    text = markup
    if "<" in text:
        text = _SILENT.sub("", text)
        text = _LINE.sub("\n", _PARAGRAPH.sub("\n\n", text))
        text = _TAG.sub("", text)
    if "&" in text:
        text = html.unescape(text)
    return _BLANK_LINES.sub("\n\n", text).strip()


def plain_texts(markups: pa.ChunkedArray) -> pa.Array:
    """Return the texts of a column of HTML fragments, null where null."""
    return pa.array([None if one is None else plain(one) for one in markups.to_pylist()], pa.string())
