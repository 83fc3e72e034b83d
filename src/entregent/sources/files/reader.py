"""The source of files: finds them, recognises them, and reads them one after another."""

from __future__ import annotations

import glob
import json
import os
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from entregent.errors import InputError, UnknownFormat
from entregent.i18n import T, Text
from entregent.progress import Progress, check
from entregent.results import MOST_PLACES, InputFile, Notice
from entregent.sources.base import Batch
from entregent.sources.files.format import Format, Options
from entregent.sources.files.opening import HEAD, Stored, Unpacked, digest, open_stored
from entregent.sources.files.registry import FORMATS, named
from entregent.sources.files.values import utf8

__all__ = ["Files", "form_of"]

LEAST_SURE = 0.4
STDIN = "-"
STDIN_NAME = "<stdin>"


@dataclass(frozen=True)
class _Found:
    """One file to read. `asked` where it was named itself, not met in a folder or by a pattern."""

    name: str
    path: Path | None
    asked: bool
    bytes: int = 0


@dataclass
class _Open:
    """A file that was opened and recognised."""

    found: _Found
    form: Format


class Files:
    """Posts from files, folders, patterns and standard input, plain or compressed.

    Parameters
    ----------
    paths : sequence of str
        Files, folders (read through, hidden files and folders passed over),
        patterns (``posts-*.jsonl.gz``), or ``-`` for standard input.
    format : str, optional
        Name of a format for all of them; each is recognised by its content
        unless told.
    options : Options
        How to read.
    stdin : BinaryIO, optional
        Standard input.

    Raises
    ------
    UnknownFormat
        Where `format` is none that is known.

    Notes
    -----
    The cursor lists the files that were read to their end: reading goes on
    with the next file. A file that was cut off is read again from its start;
    the archive knows by their ids what it has.
    """

    name = "files"

    def __init__(
        self,
        paths: Sequence[str],
        *,
        format: str | None = None,  # noqa: A002
        options: Options,
        stdin: BinaryIO | None = None,
    ) -> None:
        self.paths = tuple(paths)
        self.options = options
        self.stdin = stdin
        self._format = None if format is None else named(format)

    def batches(self, cursor: str | None, progress: Progress) -> Iterator[Batch]:
        """Yield the files' content in order, each file's last batch with its digest.

        Raises
        ------
        InputError
            Where a file is missing or cannot be read, or all hold nothing.
        UnknownFormat
            Where a file that was named is no conversation.
        """
        found = _expanded(self.paths)
        found, notices = _once(found)
        done = _read_before(cursor, found)
        resumed = bool(done)
        waiting, passed_over = self._recognised([one for one in found if one.name not in done])
        notices += passed_over
        sizes = sum(one.found.bytes for one in waiting)
        everything = all(one.found.path is not None for one in waiting)
        progress.step("Reading", sizes if everything else None, "bytes")
        rows = 0
        told: list[Notice] = []
        network = self.options.network
        for one in waiting:
            for batch in self._batches(one, done, rows, progress):
                told += batch.notices
                rows += batch.rows
                network = network or _network(batch)
                yield replace(batch, notices=(*notices, *batch.notices))
                notices = ()
        if self.options.edges is not None:
            from entregent.sources.files.tables import read_edges

            for batch in read_edges(self.options.edges, replace(self.options, network=network)):
                rows += batch.rows
                yield replace(batch, notices=(*notices, *batch.notices))
                notices = ()
        if not rows and not resumed:
            raise _nothing(waiting, (*notices, *told))
        if notices:
            yield Batch(notices=notices)

    def _recognised(self, found: Sequence[_Found]) -> tuple[list[_Open], tuple[Notice, ...]]:
        """Recognise all files before any is read, so that an error comes before the work."""
        waiting: list[_Open] = []
        strangers: list[tuple[_Found, InputError]] = []
        for one in found:
            if one.path is None:
                # Standard input cannot be opened twice: it is recognised when its turn comes.
                waiting.append(_Open(one, self._format or _LATER))
                continue
            try:
                opened, stored, _ = open_stored(one.name, one.path)
                with closing(stored):
                    waiting.append(_Open(one, self._format or form_of(opened.head, one.name)))
            except InputError as error:
                if one.asked:
                    raise
                strangers.append((one, error))
        if strangers and not waiting:
            raise strangers[0][1]
        if not strangers:
            return waiting, ()
        names = tuple(one.name for one, _ in strangers[:MOST_PLACES])
        text = T("A file in a folder is no conversation in a known format, and was passed over.")
        return waiting, (Notice("file.passed_over", text, len(strangers), names),)

    def _batches(self, one: _Open, done: dict[str, str], before: int, progress: Progress) -> Iterator[Batch]:
        opened, stored, layers = open_stored(one.found.name, one.found.path, self.stdin)
        told = rows = 0
        held: Batch | None = None
        try:
            form = one.form
            if form is _LATER:
                form = form_of(opened.head, one.found.name)
            if _blank(opened.head):
                why = _damaged(one.found.name, layers) or (_empty(one.found.name),)
                yield self._last(Batch(notices=why), one, "", stored, rows, done)
                return
            for batch in form.read(opened, self.options, progress):
                rows += batch.rows
                progress.advance(stored.bytes - told, f"{before + rows:,} rows")
                told = stored.bytes
                check(progress)
                if held is not None:
                    yield held
                held = batch
            damaged = _damaged(one.found.name, layers)
            last = held or Batch()
            last = replace(last, notices=(*last.notices, *damaged))
            last = self._last(last, one, form.name, stored, rows, done)
            progress.advance(max(0, stored.bytes - told), f"{before + rows:,} rows")
            yield last
        except OSError as error:
            raise InputError(
                f"The file cannot be read: {error.strerror or error}.", where=one.found.name
            ) from error
        finally:
            if one.found.path is not None:
                stored.close()

    def _last(
        self, batch: Batch, one: _Open, form: str, stored: Stored, rows: int, done: dict[str, str]
    ) -> Batch:
        sha256 = stored.drain()
        done[one.found.name] = sha256
        finished = InputFile(one.found.name, sha256, stored.bytes, rows, form)
        return replace(batch, finished=(finished,), cursor=json.dumps({"done": done}))


class _Later:
    name = ""
    title = ""

    def sniff(self, head: bytes, name: str) -> float:  # noqa: ARG002
        return 0.0

    def read(self, *_: object) -> Iterator[Batch]:
        return iter(())


_LATER: Format = _Later()


def _blank(head: bytes) -> bool:
    """Whether a file is empty, told by its head."""
    return len(head) < HEAD and not utf8(head).strip(b"\xef\xbb\xbf\0 \t\r\n")


def form_of(head: bytes, name: str) -> Format:
    """Return the format that is surest of a head; an empty one is nobody's, and harmless.

    Parameters
    ----------
    head : bytes
        First bytes of a file, decompressed.
    name : str
        Of the file, for messages.

    Returns
    -------
    Format

    Raises
    ------
    UnknownFormat
        Where none is sure enough.
    """
    if _blank(head):
        return _LATER
    scores = [(form.sniff(head, name), -place, form) for place, form in enumerate(FORMATS.values())]
    score, _, form = max(scores, key=lambda each: each[:2])
    if score < LEAST_SURE:
        line, what = _described(head)
        raise UnknownFormat(
            f"This is no conversation in a known format: {what}",
            where=f"{name}:{line}",
            valid=FORMATS,
            do="If it is one of these, name it with --format.",
        )
    return form


_PICTURES = {
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"GIF8": "a GIF picture",
    b"RIFF": "a sound or picture file",
    b"%PDF": "a PDF document",
    b"\x7fELF": "a program",
    b"SQLite format 3": "an SQLite database",
    b"\xd0\xcf\x11\xe0": "an old Office document",
}


def _described(head: bytes) -> tuple[int, str]:
    """Return the line that gave it away, and what a head looks like, as a sentence."""
    for magic, what in _PICTURES.items():
        if head.startswith(magic):
            return 1, f"it is {what}."
    text = utf8(head)
    start = text.lstrip()
    line = text[: len(text) - len(start)].count(b"\n") + 1
    if b"\0" in text:
        return line, f"it is binary (a zero byte at byte {text.index(bytes(1))})."
    if start.startswith(b"window.YTD"):
        return line, (
            "it is a script of a personal archive of X, one account's own posts without their author."
            " Make a table of it with the columns account, time and text."
        )
    if re.match(rb"<(!doctype html|html|head|body)", start, re.IGNORECASE):
        return line, "it is a web page, not the data behind it."
    if start[:1] == b"<":
        return line, "it is XML, but neither RSS nor Atom."
    if re.match(rb'[{\[]\s*["{}\[\]0-9tfn-]', start) and not re.match(rb"\[[a-z]", start):
        keys = list(dict.fromkeys(re.findall(rb'"([^"\\]{1,40})"\s*:', start)))[:6]
        names = ", ".join(key.decode("utf-8", "replace") for key in keys)
        return line, (
            f"it is JSON with the fields {names}; posts were expected."
            if names
            else "it is JSON without any posts."
        )
    shown = start[:60].split(b"\n")[0].decode("utf-8", "replace").strip()
    return line, f"it starts with {shown!r}; JSON, a table with a header line, or a feed was expected."


def _expanded(paths: Sequence[str]) -> list[_Found]:
    if not paths:
        raise InputError("No file was given.", do="Name files, folders, or - for standard input.")
    found: list[_Found] = []
    seen: set[str] = set()
    for text in paths:
        if text == STDIN:
            found += [] if STDIN in seen else [_Found(STDIN_NAME, None, True)]
            seen.add(STDIN)
            continue
        if not text:
            raise InputError(
                "A file was given without a name.", do="Name files, folders, or - for standard input."
            )
        path = Path(text)
        try:
            if path.is_dir():
                inside = _inside(path)
                if not inside:
                    raise InputError("The folder holds no files.", where=text)
                names = [(str(one), False) for one in inside]
            elif os.path.lexists(path):
                names = [(text, True)]
            else:
                matches = glob.glob(text, recursive=True)  # noqa: PTH207 - Path.glob refuses absolute patterns
                names = [(one, False) for one in sorted(matches) if Path(one).is_file()]
        except (OSError, ValueError) as error:
            raise InputError(f"This cannot be looked at: {error}.", where=repr(text)) from error
        if not names:
            raise _missing(text)
        for name, asked in names:
            real = os.path.realpath(name)
            if real not in seen:
                seen.add(real)
                found.append(_Found(name, Path(name), asked, _size(name)))
    return found


def _size(name: str) -> int:
    try:
        return Path(name).stat().st_size
    except OSError:
        return 0


def _inside(folder: Path) -> list[Path]:
    """Return the files of a folder and its folders in order; links to folders are not followed."""
    inside: list[Path] = []
    for base, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        inside += [
            Path(base) / name
            for name in sorted(files)
            if not name.startswith(".") and (Path(base) / name).is_file()
        ]
    return inside


def _missing(text: str) -> InputError:
    from difflib import get_close_matches

    if glob.has_magic(text):
        return InputError(f"No file matches the pattern {text!r}.", do="Check it, and quote it.")
    folder = Path(text).parent
    names = [one.name for one in folder.iterdir()] if folder.is_dir() else []
    near = get_close_matches(Path(text).name, names, 3)
    do = f"Did you mean {' or '.join(str(folder / name) for name in near)}?" if near else "Check the path."
    return InputError("There is no such file.", where=text, do=do)


def _once(found: Sequence[_Found]) -> tuple[list[_Found], tuple[Notice, ...]]:
    """Leave out copies: files with the same bytes, which can only be among those of one size."""
    by_size: defaultdict[int, list[_Found]] = defaultdict(list)
    for one in found:
        if one.path is not None and one.path.is_file():
            by_size[one.bytes].append(one)
    copies: set[str] = set()
    for size, same in by_size.items():
        if size and len(same) > 1:
            digests: set[str] = set()
            for one in same:
                try:
                    sha256 = digest(Path(one.name))
                except OSError:
                    continue
                if sha256 in digests:
                    copies.add(one.name)
                digests.add(sha256)
    if not copies:
        return list(found), ()
    names = tuple(one.name for one in found if one.name in copies)
    text = T("A file has the same content as another one, and was read once.")
    return [one for one in found if one.name not in copies], (
        Notice("file.copy", text, len(names), names[:MOST_PLACES]),
    )


def _read_before(cursor: str | None, found: Sequence[_Found]) -> dict[str, str]:
    """Return name and digest of the files that a cursor says were read, and that are still the same."""
    if cursor is None:
        return {}
    try:
        listed = json.loads(cursor)["done"]
        known = {str(name): str(sha256) for name, sha256 in listed.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{cursor[:80]!r} is no cursor of files.") from error
    same: dict[str, str] = {}
    for one in found:
        if (
            one.name in known
            and one.path is not None
            and one.path.is_file()
            and digest(one.path) == known[one.name]
        ):
            same[one.name] = known[one.name]
    return same


def _empty(name: str) -> Notice:
    return Notice("file.empty", T("A file is empty."), 1, (name,))


def _damaged(name: str, layers: Sequence[Unpacked]) -> tuple[Notice, ...]:
    text: Text = T("A compressed file is damaged or cut off; what came before the damage was read.")
    return tuple(Notice("file.damaged", text, 1, (f"{name}: {one.damage}",)) for one in layers if one.damage)


def _network(batch: Batch) -> str | None:
    """Return the network that a batch is of, where it holds anything."""
    for table in (batch.posts, batch.interactions):
        if table.num_rows:
            return str(table.column("network")[0].as_py())
    return None


def _nothing(waiting: Sequence[_Open], notices: Sequence[Notice]) -> InputError:
    names = ", ".join(one.found.name for one in waiting[:MOST_PLACES])
    if len(waiting) > MOST_PLACES:
        names += ", ..."
    causes = "; ".join(
        dict.fromkeys(f"{one.text} ({', '.join(one.where[:2])})" for one in notices[:MOST_PLACES])
    )
    return InputError(
        "Nothing could be read." + (f" {causes}" if causes else " The input holds no rows."),
        where=names or None,
        do=f"Formats known: {', '.join(FORMATS)}.",
    )
