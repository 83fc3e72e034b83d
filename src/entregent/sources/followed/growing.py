"""What was added to a file: whole lines only, however it is written."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import msgspec

from entregent.errors import UnknownFormat
from entregent.i18n import T
from entregent.progress import Quiet
from entregent.results import Notice
from entregent.sources.base import Batch, joined
from entregent.sources.files import FORMATS, Opened, Options
from entregent.sources.files.json_format import JsonFormat
from entregent.sources.files.opening import HEAD, packing
from entregent.sources.files.reader import form_of
from entregent.sources.files.tables_rows import layout
from entregent.sources.followed.place import FilePlace, fingerprint

__all__ = ["Grown", "grown", "is_same", "kind_of"]

PIECE = 8 << 20
LONGEST_LINE = 64 << 20
_OF_THE_HEADER = frozenset(("table.preamble", "table.duplicate_column", "table.columns_guessed"))
_LINE = re.compile(r":(\d+)\Z")


@dataclass(frozen=True)
class Grown:
    """What was added to a file, and how far it was read now; `more` where there is more at once."""

    batch: Batch
    place: FilePlace
    more: bool


def kind_of(head: bytes, name: str, form: str | None) -> tuple[str, bool] | None:
    """Tell how a file is to be followed by how it starts.

    Parameters
    ----------
    head : bytes
        As stored.
    name : str
    form : str, optional
        Format that the settings name.

    Returns
    -------
    tuple of str and bool, or None
        Its format, and whether it is read whole instead of line by line; None
        where too little stands in it yet.

    Raises
    ------
    UnknownFormat
        Where it is no conversation.
    """
    if packing(head) is not None or b"\0" in head:
        return form or "", True
    if not head.strip() or (b"\n" not in head and len(head) < HEAD):
        return None
    found = form or form_of(head, name).name
    if found == "csv":
        return found, False
    if isinstance(FORMATS[found], JsonFormat):
        first = head.lstrip(b"\xef\xbb\xbf\r\n\t ").split(b"\n", 1)[0]
        return found, not (_is_object(first) or (len(first) >= HEAD // 2 and first[:1] == b"{"))
    return found, True


def is_same(file: BinaryIO, size: int, place: FilePlace) -> bool:
    """Tell whether a file is the one that was read so far, and only grew.

    Parameters
    ----------
    file : BinaryIO
    size : int
    place : FilePlace

    Returns
    -------
    bool
    """
    return size >= place.offset and fingerprint(file, place.offset) == place.mark


def grown(path: Path, place: FilePlace, options: Options, *, settled: bool) -> Grown | None:
    """Read what was added to a file that is read line by line.

    Parameters
    ----------
    path : Path
    place : FilePlace
        How far it was read.
    options : Options
    settled : bool
        Whether it has not changed for a while: a last line without an end is
        taken to be whole then.

    Returns
    -------
    Grown or None
        None where no whole line was added.

    Raises
    ------
    InputError
        Where it cannot be read as its format.
    OSError
        Where it cannot be read at all.
    """
    with path.open("rb") as file:
        file.seek(place.offset)
        piece = file.read(PIECE)
        end = _end(piece, place.form, settled=settled, last=len(piece) < PIECE)
        while not end and len(piece) % PIECE == 0 and 0 < len(piece) < LONGEST_LINE:
            piece += file.read(PIECE)
            end = _end(piece, place.form, settled=settled, last=len(piece) % PIECE != 0)
        notices: tuple[Notice, ...] = ()
        if not end:
            if len(piece) < LONGEST_LINE:
                return None
            told = T("A line that does not end was passed over")
            notices = (Notice("file.value_too_long", told, 1, (f"{path}:{place.lines + 1}",)),)
            end, piece = len(piece), b""
        offset = place.offset + end
        added = piece[:end]
        before = _header(file) if place.form == "csv" and place.offset else b""
        mark = fingerprint(file, offset)
        more = file.seek(0, io.SEEK_END) > offset and end > 0
    batch = _read(path, place, before, added, options)
    after = msgspec.structs.replace(place, offset=offset, lines=place.lines + added.count(b"\n"), mark=mark)
    return Grown(replace(batch, notices=(*notices, *batch.notices)), after, more and len(piece) >= PIECE)


def _read(path: Path, place: FilePlace, before: bytes, added: bytes, options: Options) -> Batch:
    if not added.strip():
        return Batch()
    data = before + added
    opened = Opened(str(path), data[:HEAD], io.BytesIO(data))
    try:
        batch = joined(list(FORMATS[place.form].read(opened, options, Quiet())))
    except UnknownFormat:
        if not place.offset:
            raise
        # Later pieces of a file that was recognised once: what is wrong with them is theirs.
        told = T("What was added to a file is not in its format")
        return Batch(notices=(Notice("file.mixed_formats", told, 1, (f"{path}:{place.lines + 1}",)),))
    shift = place.lines - before.count(b"\n")
    # What is to be said of the header was said of the first piece.
    notices = [notice for notice in batch.notices if not before or notice.code not in _OF_THE_HEADER]
    return replace(batch, notices=tuple(_shifted(notice, shift) for notice in notices))


def _shifted(notice: Notice, lines: int) -> Notice:
    """Count lines from the start of the file, not of what was added."""
    where = tuple(_LINE.sub(lambda found: f":{int(found[1]) + lines}", place) for place in notice.where)
    return replace(notice, where=where)


def _header(file: BinaryIO) -> bytes:
    """Return the lines of a table up to its names of columns."""
    file.seek(0)
    head = file.read(HEAD)
    form = layout(head)
    lines = head.split(b"\n")
    return b"\n".join(lines[: 1 if form is None else form.skip + 1]) + b"\n"


def _end(piece: bytes, form: str, *, settled: bool, last: bool) -> int:
    """Return how many bytes of a piece are whole lines."""
    end = piece.rfind(b"\n") + 1
    if form == "csv":
        if last and settled:
            return len(piece) if piece.strip() else end
        # A line may end inside quotes; the row does not. Where no row does, a quote was a mark of inches.
        rows = _rows(piece, end)
        return rows or (end if len(piece) >= PIECE else 0)
    rest = piece[end:]
    return len(piece) if last and _is_object(rest) else end


def _rows(piece: bytes, end: int) -> int:
    quotes = piece.count(b'"', 0, end)
    while end and quotes % 2:
        start = piece.rfind(b"\n", 0, end - 1) + 1
        quotes -= piece.count(b'"', start, end)
        end = start
    return end


def _is_object(line: bytes) -> bool:
    line = line.strip()
    if line[:1] != b"{" or line[-1:] != b"}":
        return False
    try:
        msgspec.json.decode(line, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return False
    return True
