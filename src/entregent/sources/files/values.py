"""Cutting a stream of bytes into JSON values, in batches that a query engine reads without a copy.

Two layouts: one value a line, told by the first lines; or values that stand
in an array, one after another, or spread over lines, cut by their brackets.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import pyarrow as pa

__all__ = [
    "MOST_DOCUMENT",
    "MOST_LINE",
    "Recoded",
    "Scan",
    "Values",
    "encoding_of",
    "layout",
    "mend",
    "utf8",
]

# Planning the statements of a batch takes as long as reading some megabytes: few large batches.
BLOCK = 48 << 20
FIRST_BLOCK = 16 << 20
MOST_LINE = 64 << 20
MOST_DOCUMENT = 512 << 20
TRIED_LINES = 20
# One byte of another encoding may take three in UTF-8.
MOST_BYTES_OF_A_CHARACTER = 3

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LONE_SURROGATE = re.compile(
    r"(?<!\\)((?:\\\\)*)(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)


@dataclass(frozen=True)
class Values:
    """JSON texts and where they stand.

    Parameters
    ----------
    texts : pa.Array
        Large strings, shape (n,).
    numbers : np.ndarray
        int64, shape (n,): line, or place in the document, from 1.
    """

    texts: pa.Array
    numbers: np.ndarray

    def __len__(self) -> int:
        return len(self.texts)

    @classmethod
    def of(cls, texts: Sequence[bytes], numbers: Sequence[int] | np.ndarray) -> Values:
        """Return values of single texts; the query engine tells whether they are UTF-8."""
        array = pa.array(texts, pa.large_binary())
        strings = pa.Array.from_buffers(pa.large_string(), len(array), array.buffers())
        return cls(strings, np.asarray(numbers, np.int64))

    def where(self, mask: np.ndarray) -> Values:
        """Return the values for which `mask`, bool of shape (n,), holds."""
        return Values(self.texts.filter(pa.array(mask)), self.numbers[mask])


class Recoded:
    """A stream in another encoding, read as UTF-8."""

    def __init__(self, stream: BinaryIO, encoding: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
        self._ended = False

    def read(self, size: int) -> bytes:
        while not self._ended:
            block = self._stream.read(size)
            self._ended = not block
            text = self._decoder.decode(block, final=self._ended)
            if text:
                return text.encode("utf-8", "replace")
        return b""


def encoding_of(head: bytes) -> str | None:
    """Return the encoding that a head gives away, or None for UTF-8 and its kin."""
    for bom, encoding in _BOMS:
        if head.startswith(bom):
            return encoding
    sample = head[:200]
    if len(sample) >= 4 and len(sample) % 2 == 0:
        if sample[0] and not any(sample[1::2]):
            return "utf-16-le"
        if sample[1] and not any(sample[::2]):
            return "utf-16-be"
    return None


def utf8(head: bytes) -> bytes:
    """Return a head as UTF-8, for recognition; what cannot be decoded is replaced."""
    encoding = encoding_of(head)
    return head if encoding is None else head.decode(encoding, "replace").encode("utf-8", "replace")


def _parses(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def layout(block: bytes, whole: bool) -> str:
    """Return ``"lines"`` or ``"document"``, told by a first block.

    Parameters
    ----------
    block : bytes
        The start of the stream.
    whole : bool
        Whether that is all of it.

    Examples
    --------
    >>> layout(b'{"id": 1}\\n{"id": 2}\\n', True)
    'lines'
    >>> layout(b'[{"id": 1},\\n {"id": 2}]', True)
    'document'
    """
    lines = block.split(b"\n", TRIED_LINES)
    if not whole or len(lines) > TRIED_LINES:
        lines = lines[:-1]
    lines = [line for line in lines if line.strip()]
    if not lines:
        return "document"
    if lines[0].lstrip()[:1] == b"[":
        return "lines" if _parses(lines[0]) and len(lines) > 1 else "document"
    if _parses(lines[0]):
        return "lines"
    if any(line[:1] in (b"]", b"}") for line in lines):
        return "document"
    # Indented lines, and lines with a comma after them, are parts of a value that is spread over lines.
    starts = [line for line in lines if line[:1] in (b"{", b"[") and len(line.strip()) > 2]
    whole_lines = sum(map(_parses, starts))
    return "lines" if whole_lines and whole_lines * 2 >= len(starts) else "document"


def mend(text: bytes) -> tuple[list[bytes], str | None]:
    """Save what can be saved of a text that is no JSON value.

    Parameters
    ----------
    text : bytes

    Returns
    -------
    texts : list of bytes
        Valid JSON texts; empty where nothing could be saved.
    how : {"blank", "encoding", "mended", None}
        What was wrong: nothing there at all, an encoding other than UTF-8, or
        a slip that has one meaning only (a comma too many, two values on a
        line, half of a surrogate pair); None where it could not be saved.

    Examples
    --------
    >>> mend(b'{"a": 1},')
    ([b'{"a": 1}'], 'mended')
    """
    how = "mended"
    try:
        line = text.decode("utf-8")
    except UnicodeDecodeError:
        how = "encoding"
        try:
            line = text.decode("cp1252")
        except UnicodeDecodeError:
            line = text.decode("latin-1")
    line = line.strip(" \t\r\n\0\x1e\ufeff").rstrip(",")
    if not line:
        return [], "blank"
    line = _LONE_SURROGATE.sub(
        lambda m: m[0] if len(m[2]) == 12 else m[1] + "\\ufffd", line.replace("\0", "")
    )
    decoder = json.JSONDecoder()
    found: list[bytes] = []
    at = 0
    try:
        while at < len(line):
            _, end = decoder.raw_decode(line, at)
            found.append(line[at:end].encode("utf-8", "replace"))
            at = end
            while at < len(line) and line[at] in " \t,\r\n\0\x1e\ufeff":
                at += 1
    except (ValueError, RecursionError):
        # The values before the damage are whole; the damage is still told of.
        return found, None
    return found, how


_STRUCTURE = np.zeros(256, np.int8)
_STRUCTURE[[ord("{"), ord("[")]] = 1
_STRUCTURE[[ord("}"), ord("]")]] = -1


class Scan:
    """One reading of a stream into :class:`Values`; the troubles are left in its attributes.

    Parameters
    ----------
    stream : BinaryIO
    head : bytes
        Its first bytes, which are also still in it.

    Attributes
    ----------
    truncated : int or None
        Number of a last value that has no end.
    too_long : list of int
        Numbers of values that were passed over because of their length.
    unit : {"line", "item"}
        What numbers count.
    """

    def __init__(self, stream: BinaryIO, head: bytes) -> None:
        encoding = encoding_of(head)
        if encoding == "utf-8-sig":
            stream.read(len(codecs.BOM_UTF8))
            encoding = None
        self._read = stream.read if encoding is None else Recoded(stream, encoding).read
        self._into: Callable[[memoryview], int] | None = None
        if encoding is None:
            self._into = getattr(stream, "readinto", None)
        self.unit = "line"
        self.open_ended = False
        self.truncated: int | None = None
        self.too_long: list[int] = []

    def __iter__(self) -> Iterator[Values]:
        first = self._read(FIRST_BLOCK)
        second = self._read(FIRST_BLOCK) if first else b""
        if layout(first, not second) == "lines":
            yield from self._lines(first, second)
        else:
            self.unit = "item"
            yield from self._document(first, second)

    def _blocks(self, first: bytes, second: bytes) -> Iterator[bytes]:
        yield first
        if second:
            yield second
            while block := self._read(FIRST_BLOCK):
                yield block

    def _lines(self, first: bytes, second: bytes) -> Iterator[Values]:
        pending = first + second
        number = 1
        skipping = False
        while True:
            # Arrow's memory is used again; fresh memory of this size costs more than the reading itself.
            buffer = pa.allocate_buffer(len(pending) + BLOCK)
            view = memoryview(buffer).cast("B")
            view[: len(pending)] = pending
            size = len(pending) + self._fill(view[len(pending) :])
            last = size == len(pending)
            ends = _newlines(np.frombuffer(buffer, np.uint8, size))
            start = 0
            if skipping and len(ends):
                start, ends = int(ends[0]), ends[1:]
                number += 1
                skipping = False
            elif skipping:
                start = size
            cut = int(ends[-1]) if len(ends) else start
            pending = bytes(view[cut:size])
            if len(ends):
                lines = _cut(buffer, start, ends, number)
                number += len(ends)
                if len(lines):
                    yield lines
            if len(pending) > MOST_LINE:
                self.too_long.append(number)
                pending = b""
                skipping = True
            if last:
                break
        if pending:
            self.open_ended = True
            yield Values.of([pending], [number])

    def _fill(self, view: memoryview) -> int:
        if self._into is not None:
            return self._into(view) or 0
        block = self._read(len(view) // MOST_BYTES_OF_A_CHARACTER)
        view[: len(block)] = block
        return len(block)

    def _document(self, first: bytes, second: bytes) -> Iterator[Values]:
        base = 1 if first.lstrip(b" \t\r\n")[:1] == b"[" else 0
        depth = slashes = number = 0
        in_string = False
        parts: list[bytes] = []
        size = 0
        for block in self._blocks(first, second):
            codes = np.frombuffer(block, np.uint8)
            quotes, slashes = _quotes(codes, slashes)
            brackets = np.flatnonzero(_STRUCTURE[codes])
            outside = (np.searchsorted(quotes, brackets) + in_string) % 2 == 0
            brackets = brackets[outside]
            in_string = bool((len(quotes) + in_string) % 2)
            steps = _STRUCTURE[codes[brackets]]
            depths = depth + np.cumsum(steps, dtype=np.int64)
            if len(depths):
                depth = int(depths[-1])
            starts = brackets[(steps > 0) & (depths == base + 1)]
            stops = brackets[(steps < 0) & (depths == base)] + 1
            found: list[bytes] = []
            first_number = number + 1
            if size and len(stops):
                if size + int(stops[0]) <= MOST_DOCUMENT:
                    found.append(b"".join([*parts, block[: stops[0]]]))
                else:
                    self.too_long.append(number + 1)
                    first_number += 1
                number += 1
                stops = stops[1:]
                parts, size = [], 0
            found += [block[i:j] for i, j in zip(starts, stops, strict=False)]
            number = first_number + len(found) - 1
            opened = block[starts[-1] :] if len(starts) > len(stops) else b""
            rest = block if size else opened
            size += len(rest)
            if rest and size <= MOST_DOCUMENT:
                parts.append(rest)
            elif size > MOST_DOCUMENT:
                parts = []
            if found:
                yield Values.of(found, range(first_number, first_number + len(found)))
            if len(depths) and depths.min() < 0:
                self.truncated = number + 1
                return
        if size > MOST_DOCUMENT:
            self.too_long.append(number + 1)
        elif depth > 0 or in_string:
            self.truncated = number + 1


def _newlines(codes: np.ndarray) -> np.ndarray:
    """Return the places after newlines, looked for in pieces that fit a processor's cache."""
    step = 1 << 20
    pieces = [np.flatnonzero(codes[at : at + step] == 10) + (at + 1) for at in range(0, len(codes), step)]
    return np.concatenate(pieces) if pieces else np.empty(0, np.int64)


def _cut(buffer: pa.Buffer, start: int, ends: np.ndarray, number: int) -> Values:
    """Return the lines of a buffer from `start` to each of `ends`; blank ones are left out."""
    offsets = np.empty(len(ends) + 1, np.int64)
    offsets[0] = start
    offsets[1:] = ends
    texts = pa.LargeStringArray.from_buffers(len(ends), pa.py_buffer(offsets), buffer)
    values = Values(texts, np.arange(number, number + len(ends), dtype=np.int64))
    codes = np.frombuffer(buffer, np.uint8)
    lengths = np.diff(offsets)
    blank = (lengths == 1) | ((lengths == 2) & (codes[offsets[:-1]] == 13))
    return values.where(~blank) if blank.any() else values


def _quotes(codes: np.ndarray, before: int) -> tuple[np.ndarray, int]:
    """Return places of quotes that no backslash escapes, and the backslashes that end the block."""
    quotes = np.flatnonzero(codes == 34)
    slashes = np.flatnonzero(codes == 92)
    if not len(slashes):
        if before % 2 and len(quotes) and quotes[0] == 0:
            quotes = quotes[1:]
        return quotes, 0
    starts = np.flatnonzero(np.diff(slashes, prepend=-2) != 1)
    run = np.repeat(starts, np.diff(starts, append=len(slashes)))
    counts = np.arange(len(slashes)) - run + 1
    if before and slashes[0] == 0:
        counts[run == 0] += before
    at = np.searchsorted(slashes, quotes - 1)
    at[at == len(slashes)] = len(slashes) - 1
    escaped = (slashes[at] == quotes - 1) & (counts[at] % 2 == 1)
    if before % 2 and len(quotes) and quotes[0] == 0:
        escaped[0] = True
    tail = int(counts[-1]) if slashes[-1] == len(codes) - 1 else 0
    return quotes[~escaped], tail
