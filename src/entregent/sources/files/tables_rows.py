"""Cutting delimited text into columns of texts, whatever its encoding, delimiter and slips.

Blocks without a quote go through Arrow; blocks with quotes or slips through
the reader of the standard library, which shows every row and its line.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from entregent.i18n import N, T, Text
from entregent.results import MOST_PLACES, Notice
from entregent.sources.files.format import Opened
from entregent.sources.files.tables_roles import looks_known
from entregent.sources.files.values import Recoded, encoding_of

__all__ = ["LINE", "Layout", "Troubles", "head_text", "layout", "layout_notices", "rows"]

LINE = "\x1fline"
"""Name of the column that holds the line where a row starts; no file has it."""

BLOCK = 4 << 20
ROWS_AT_ONCE = 100_000
MOST_CELL = 64 << 20
MOST_UNCLOSED = 4 << 20
_HEAD_LINES = 60
_DELIMITERS = ",;\t|"
_ESCAPED = re.compile(rf'\\"[^\r\n{_DELIMITERS}]')
_SENTINEL = "\x1e\n"

csv.field_size_limit(MOST_CELL)


class Troubles:
    """Counts what went wrong, with the first places, until it is asked."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._counts: Counter[str] = Counter()
        self._texts: dict[str, Text] = {}
        self._places: dict[str, list[str]] = {}

    def add(self, code: str, text: Text, count: int = 1, lines: Sequence[int] = ()) -> None:
        """Count something; `lines` are its first places."""
        self._counts[code] += count
        self._texts.setdefault(code, text)
        places = self._places.setdefault(code, [])
        places += [f"{self.name}:{line}" for line in lines[: MOST_PLACES - len(places)]]

    def take(self) -> tuple[Notice, ...]:
        """Return what was counted since the last time."""
        found = tuple(
            Notice(code, self._texts[code], count, tuple(self._places[code]) or (self.name,))
            for code, count in self._counts.items()
        )
        self._counts.clear()
        self._places.clear()
        self._texts.clear()
        return found


@dataclass(frozen=True)
class Layout:
    """How a delimited text is written.

    Parameters
    ----------
    delimiter : str
    escape : str or None
        What stands before a quote inside quotes, where that is not doubled.
    skip : int
        Lines before the header.
    header : tuple of str
        Names of columns, each once.
    header_lines : int
        Lines that the header takes.
    duplicates : tuple of str
        Names that stood there more than once.
    steadiness : float
        Share of the first rows that have as many cells as the header.
    rows : int
        Rows that were looked at.
    """

    delimiter: str
    escape: str | None
    skip: int
    header: tuple[str, ...]
    header_lines: int
    duplicates: tuple[str, ...]
    steadiness: float
    rows: int


def head_text(head: bytes) -> str:
    """Return the start of a file as text, up to its last whole line."""
    encoding = encoding_of(head)
    if encoding is not None:
        text = head.decode(encoding, "replace")
    else:
        try:
            text = head.decode("utf-8")
        except UnicodeDecodeError as error:
            cut = error.start >= len(head) - 4
            text = head[: error.start].decode("utf-8") if cut else head.decode("cp1252", "replace")
    if "\n" not in text:
        text = text.replace("\r", "\n")
    return text.lstrip("\ufeff").replace("\0", "")


def _records(lines: list[str], delimiter: str, escape: str | None) -> list[tuple[int, list[str]]]:
    """Return rows with the number of lines read when each ended."""
    reader = csv.reader(lines, delimiter=delimiter, escapechar=escape, doublequote=escape is None)
    found: list[tuple[int, list[str]]] = []
    # A head may end anywhere; the whole rows before that tell enough.
    with suppress(csv.Error):
        found.extend((reader.line_num, row) for row in reader)
    return found


def layout(head: bytes) -> Layout | None:
    """Find out how a delimited text is written, from its start; None where there is no table.

    Parameters
    ----------
    head : bytes

    Returns
    -------
    Layout or None
    """
    text = head_text(head)
    lines = text.splitlines(keepends=True)
    whole = [line for line in lines if line.endswith(("\n", "\r"))]
    if len(whole) < len(lines) and (len(head) < 65_536 or not whole):
        whole = lines
    whole = whole[:_HEAD_LINES]
    if not whole:
        return None
    first = whole[0].strip().lower()
    told = whole[0].strip()[4:5] if first.startswith("sep=") else ""
    skipped = 1 if told else 0
    # A backslash that ends a quoted cell escapes nothing.
    escape = "\\" if _ESCAPED.search(text) and '""' not in text else None
    best: Layout | None = None
    for delimiter in told or _DELIMITERS:
        found = _measure(whole[skipped:], delimiter, escape, skipped)
        if found is not None and (best is None or _merit(found) > _merit(best)):
            best = found
    return best


def _merit(found: Layout) -> tuple[int, float, int]:
    return min(looks_known(found.header), 2), round(found.steadiness, 1), len(found.header)


def _measure(lines: list[str], delimiter: str, escape: str | None, skipped: int) -> Layout | None:
    records = _records(lines, delimiter, escape)
    filled = [(end, row) for end, row in records if any(cell.strip() for cell in row)]
    if not filled:
        return None
    widths = Counter(len(row) for _, row in filled)
    # Of equally frequent widths the larger: titles above a table are short.
    width = max(widths, key=lambda size: (widths[size], size))
    starts = [0, *(end for end, _ in records)]
    start_of = {end: start for start, (end, _) in zip(starts, records, strict=False)}
    at = next(
        (place for place, (_, row) in enumerate(filled) if looks_known(row) >= 2),
        next((place for place, (_, row) in enumerate(filled) if len(row) == width), 0),
    )
    if width == 1 and looks_known(filled[at][1]) == 0:
        return None
    end, row = filled[at]
    names = [cell.strip() for cell in row]
    if len(names) == width - 1 and _counts_rows([other for _, other in filled[at + 1 :]]):
        # Names of rows have no name of their own where R wrote the table.
        names.insert(0, "row")
    while len(names) > width and not names[-1]:
        names.pop()
    header, duplicates = _once(names)
    after = filled[at + 1 :]
    steady = sum(len(other) == len(header) for _, other in after) / len(after) if after else 1.0
    start = start_of[end]
    return Layout(delimiter, escape, skipped + start, header, end - start, duplicates, steady, len(after))


def _counts_rows(body: list[list[str]]) -> bool:
    return len(body) > 0 and [row[0] for row in body] == [str(n) for n in range(1, len(body) + 1)]


def _once(names: list[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give columns without a name one, and number those that have the same."""
    seen: Counter[str] = Counter()
    given: list[str] = []
    duplicates: list[str] = []
    for place, name in enumerate(names, 1):
        plain = name or f"column_{place}"
        seen[plain] += 1
        if seen[plain] > 1:
            duplicates.append(plain)
            plain = f"{plain}_{seen[plain]}"
        given.append(plain)
    return tuple(given), tuple(dict.fromkeys(duplicates))


def _blocks(opened: Opened, troubles: Troubles) -> Iterator[tuple[bytes, int]]:
    """Yield blocks of whole lines in UTF-8, each with the number of its first line."""
    encoding = encoding_of(opened.head)
    read: Callable[[int], bytes] = opened.stream.read
    if encoding == "utf-8-sig":
        read(3)
    elif encoding is not None:
        read = Recoded(opened.stream, encoding).read
    old_mac = b"\n" not in opened.head and b"\r" in opened.head and encoding in (None, "utf-8-sig")
    pending: list[bytes] = []
    line = 1
    while block := read(BLOCK):
        if old_mac:
            block = block.replace(b"\r", b"\n")
        cut = block.rfind(b"\n") + 1
        if not cut:
            pending.append(block)
            continue
        whole = b"".join((*pending, block[:cut]))
        pending = [block[cut:]]
        yield _as_utf8(whole, line, troubles), line
        line += whole.count(b"\n")
    rest = b"".join(pending)
    if rest:
        yield _as_utf8(rest + b"\n", line, troubles), line


def _as_utf8(block: bytes, line: int, troubles: Troubles) -> bytes:
    if b"\0" in block:
        block = block.replace(b"\0", b"")
    try:
        block.decode("utf-8")
    except UnicodeDecodeError:
        mended: list[bytes] = []
        odd: list[int] = []
        for number, part in enumerate(block.split(b"\n"), line):
            try:
                part.decode("utf-8")
            except UnicodeDecodeError:
                odd.append(number)
                try:
                    part = part.decode("cp1252").encode()
                except UnicodeDecodeError:
                    part = part.decode("latin-1").encode()
            mended.append(part)
        troubles.add(
            "file.encoding",
            T("Lines that are not UTF-8 were read as Windows-1252"),
            len(odd),
            odd,
        )
        return b"\n".join(mended)
    return block


def rows(opened: Opened, form: Layout, troubles: Troubles) -> Iterator[pa.Table]:
    """Yield the rows of a delimited text.

    Parameters
    ----------
    opened : Opened
    form : Layout
    troubles : Troubles
        Where slips are counted.

    Yields
    ------
    pa.Table
        The columns of the header as strings, null where empty, and
        :data:`LINE`.
    """
    reader = _Reader(form, troubles)
    skip = form.skip + form.header_lines
    for block, line in _blocks(opened, troubles):
        while skip and block:
            cut = block.find(b"\n") + 1
            block, line, skip = block[cut:], line + 1, skip - 1
        if not block:
            continue
        table = reader.plain(block, line) if not reader.carry and b'"' not in block else None
        if table is not None:
            yield table
            continue
        text = reader.carry + block.decode("utf-8")
        yield from reader.quoted(text, reader.line if reader.carry else line, final=False)
    if reader.carry:
        yield from reader.quoted(reader.carry, reader.line, final=True)


class _Reader:
    def __init__(self, form: Layout, troubles: Troubles) -> None:
        self.form = form
        self.troubles = troubles
        # A last row whose end has not come yet, and its line.
        self.carry = ""
        self.line = 0
        self._width = len(form.header)
        self._rows: list[list[str]] = []
        self._lines: list[int] = []

    def plain(self, block: bytes, line: int) -> pa.Table | None:
        """Read a block without quotes; None where a row is not as it should be."""
        slips: list[pacsv.InvalidRow] = []

        def slip(row: pacsv.InvalidRow) -> str:
            slips.append(row)
            return "skip"

        if b"\n\n" in block or block.startswith((b"\n", b"\r\n")) or b"\r\n\r\n" in block:
            return None
        table = pacsv.read_csv(
            io.BytesIO(block),
            pacsv.ReadOptions(column_names=self.form.header, use_threads=False, block_size=len(block) + 1),
            pacsv.ParseOptions(delimiter=self.form.delimiter, quote_char=False, invalid_row_handler=slip),
            pacsv.ConvertOptions(
                column_types=dict.fromkeys(self.form.header, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
                check_utf8=False,
            ),
        )
        if slips or table.num_rows != block.count(b"\n"):
            return None
        lines = np.arange(line, line + table.num_rows, dtype=np.int64)
        return table.append_column(LINE, pa.array(lines))

    def quoted(self, text: str, line: int, *, final: bool) -> Iterator[pa.Table]:
        """Read text row by row; what a last row without an end holds is left in `carry`."""
        # Not splitlines, which cuts at signs that are no line ends in a table.
        lines = [part + "\n" for part in text.removesuffix("\n").split("\n")]
        at, is_open = 0, False
        while at < len(lines) and not is_open:
            at, is_open = yield from self._rows_from(lines, at, line, final)
        self.carry = "".join(lines[at:])
        self.line = line + at
        if self._rows:
            yield self._flush()

    def _rows_from(
        self, lines: list[str], at: int, line: int, final: bool
    ) -> Generator[pa.Table, None, tuple[int, bool]]:
        """Read from a line on; return the line to go on from, and whether the row there has no end yet."""
        form = self.form
        reader = csv.reader(
            _fed(lines, at),
            delimiter=form.delimiter,
            escapechar=form.escape,
            doublequote=form.escape is None,
            strict=True,
        )
        start = at
        while True:
            row: list[str] | None
            try:
                row = next(reader)
            except StopIteration:
                return len(lines), False
            except csv.Error:
                row = None
            end = at + reader.line_num
            if end > len(lines):
                if start == len(lines):
                    return len(lines), False
                # The sentinel was swallowed: the last row has no end here.
                small = sum(map(len, lines[start:])) < MOST_UNCLOSED
                if not final and small and not self._is_run_on(lines[start:]):
                    return start, True
                return self._unquoted(lines, start, line), False
            if row is None and end - start == 1:
                # Quotes inside a quoted cell that are not doubled, or a lone return.
                plain = lines[start].rstrip("\r\n").replace("\r", " ")
                row = next(csv.reader([plain], delimiter=form.delimiter, escapechar=form.escape), None)
            if row is None or (end - start > 3 and self._is_run_on(lines[start:end])):
                return self._unquoted(lines, start, line), False
            self._take(row, line + start)
            start = end
            if len(self._rows) >= ROWS_AT_ONCE:
                yield self._flush()

    def _is_run_on(self, lines: list[str]) -> bool:
        """Whether the lines inside a quoted cell look like rows of their own."""
        inner = lines[1:]
        fitting = sum(line.count(self.form.delimiter) == self._width - 1 for line in inner)
        return self._width > 2 and len(inner) > 2 and fitting >= 0.8 * len(inner)

    def _unquoted(self, lines: list[str], start: int, line: int) -> int:
        """Read one line as if quotes meant nothing, and go on after it."""
        self.troubles.add(
            "table.open_quote",
            T("Lines with a quote that is not closed were read without it"),
            1,
            [line + start],
        )
        row = lines[start].rstrip("\r\n").split(self.form.delimiter)
        self._take([cell.removeprefix('"') for cell in row], line + start)
        return start + 1

    def _take(self, row: list[str], line: int) -> None:
        if len(row) != self._width:
            if not row or not any(cell.strip() for cell in row):
                return
            if len(row) < self._width:
                self.troubles.add(
                    "table.short_row",
                    T("Rows with fewer cells than the header were read as far as they go"),
                    1,
                    [line],
                )
                row = row + [""] * (self._width - len(row))
            elif any(cell.strip() for cell in row[self._width :]):
                self.troubles.add(
                    "table.long_row",
                    T("Rows with more cells than the header were left out"),
                    1,
                    [line],
                )
                return
            else:
                row = row[: self._width]
        self._rows.append(row)
        self._lines.append(line)

    def _flush(self) -> pa.Table:
        columns = [
            pa.array([cell or None for cell in column], pa.string())
            for column in zip(*self._rows, strict=True)
        ]
        table = pa.table([*columns, pa.array(self._lines, pa.int64())], names=[*self.form.header, LINE])
        self._rows, self._lines = [], []
        return table


def _fed(lines: list[str], at: int) -> Iterator[str]:
    for place in range(at, len(lines)):
        yield lines[place]
    yield _SENTINEL


def layout_notices(form: Layout, name: str) -> tuple[Notice, ...]:
    """Return what is to be said of the header."""
    found = []
    if form.duplicates:
        found.append(
            Notice(
                "table.duplicate_column",
                T(
                    "Several columns are named {names}; the later ones got a number",
                    names=", ".join(form.duplicates),
                ),
                len(form.duplicates),
                (name,),
            )
        )
    if form.skip:
        found.append(
            Notice(
                "table.preamble",
                N(
                    "One line above the header was passed over",
                    "{n} lines above the header were passed over",
                    form.skip,
                ),
                form.skip,
                (name,),
            )
        )
    return tuple(found)
