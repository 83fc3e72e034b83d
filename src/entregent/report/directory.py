"""Writes a study to a directory: all of it, or nothing."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any

from entregent.errors import OutputError
from entregent.report.data import SCHEMA, study_data
from entregent.report.model import Study
from entregent.report.page import render
from entregent.report.tables import write_table

__all__ = ["write"]

RECORD = "study.json"
PAGE = "index.html"
TABLES = "tables"
_PART, _OLD = ".entregent-part-", ".entregent-old-"


def write(study: Study, directory: Path | str, *, lang: str, zone: tzinfo = UTC) -> tuple[Path, ...]:
    """Write the page, the tables and the record of a study.

    Parameters
    ----------
    study : Study
    directory : Path or str
        Created with what leads to it. An earlier study of ours there is
        replaced as a whole; a directory with anything else is refused.
    lang : {"fr", "en"}
    zone : tzinfo
        Zone in which times are shown.

    Returns
    -------
    tuple of Path
        What was written: ``index.html``, ``study.json``, ``tables/*.parquet``,
        ``tables/*.csv``.

    Raises
    ------
    OutputError
        Where the place holds files of others, cannot be written or is full.

    Notes
    -----
    Everything is written to a hidden directory beside `directory` and renamed
    at the end. What a killed run left behind is cleared by the next one.
    """
    place = Path(os.path.abspath(directory))  # noqa: PTH100 - resolve() would follow a link to replace
    if place.is_symlink():
        place = place.resolve()
    with _as_output_error(place):
        _recover(place)
        _check_ours(place)
        with _parents(place.parent):
            part = place.with_name(f".{place.name}{_PART}{os.getpid()}-{secrets.token_hex(4)}")
            try:
                part.mkdir()
                _fill(part, study, lang, zone)
                _check_ours(place)
                _exchange(part, place)
            finally:
                shutil.rmtree(part, ignore_errors=True)
    return tuple(sorted(path for path in place.rglob("*") if path.is_file()))


def _fill(part: Path, study: Study, lang: str, zone: tzinfo) -> None:
    (part / PAGE).write_text(
        render(study, lang=lang, zone=zone), encoding="utf-8", errors="replace", newline="\n"
    )
    (part / TABLES).mkdir()
    for name, table in study.tables.items():
        write_table(table, part / TABLES / name)
    record: dict[str, Any] = study_data(study, lang)
    record["files"] = {
        path.relative_to(part).as_posix(): {"bytes": path.stat().st_size, "sha256": _digest(path)}
        for path in sorted(part.rglob("*"))
        if path.is_file()
    }
    text = json.dumps(record, ensure_ascii=False, indent=2, default=str)
    (part / RECORD).write_text(text + "\n", encoding="utf-8", errors="replace", newline="\n")
    for path in part.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_ours(place: Path) -> None:
    """Refuse a place that holds anything that an earlier study did not write."""
    if not os.path.lexists(place):
        return
    if not place.is_dir():
        raise OutputError("There is a file of that name.", where=str(place), do="Give --out a directory.")
    found = {
        path.relative_to(place).as_posix()
        for path in place.rglob("*")
        if path.is_symlink() or not path.is_dir()
    }
    if not found and not any(place.iterdir()):
        return
    ours = _files_of_ours(place / RECORD)
    if ours is None:
        raise OutputError(
            "The directory is not empty and holds no study of ours.",
            where=str(place),
            do="Give --out a new or an empty directory; nothing was changed.",
        )
    foreign = sorted(found - ours)
    if foreign:
        more = f" and {len(foreign) - 3} more" if len(foreign) > 3 else ""
        raise OutputError(
            f"The directory holds files that no study of ours wrote: {', '.join(foreign[:3])}{more}.",
            where=str(place),
            do="Move them away, or give --out another directory; nothing was changed.",
        )


def _files_of_ours(record: Path) -> set[str] | None:
    try:
        content = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        return None
    files = content.get("files")
    return {*files, RECORD} if isinstance(files, dict) else None


def _exchange(part: Path, place: Path) -> None:
    if not place.exists():
        part.rename(place)
        return
    old = place.with_name(f".{place.name}{_OLD}{secrets.token_hex(4)}")
    place.rename(old)
    try:
        part.rename(place)
    except OSError:
        old.rename(place)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _recover(place: Path) -> None:
    """Clear what a killed run left beside `place`, and put back a study it had set aside."""
    if not place.parent.is_dir():
        return
    for old in place.parent.glob(f".{_escaped(place.name)}{_OLD}*"):
        if place.exists():
            shutil.rmtree(old, ignore_errors=True)
        else:
            old.rename(place)
    for part in place.parent.glob(f".{_escaped(place.name)}{_PART}*"):
        if not _alive(part.name.split(_PART, 1)[1].split("-", 1)[0]):
            shutil.rmtree(part, ignore_errors=True)


def _escaped(name: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


def _alive(pid: str) -> bool:
    if not pid.isdigit():
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@contextmanager
def _parents(directory: Path) -> Iterator[None]:
    """Create a directory and what leads to it; take it away again where the work fails."""
    made = [path for path in (directory, *directory.parents) if not path.exists()]
    directory.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        for path in made:
            with suppress(OSError):
                path.rmdir()
        raise


@contextmanager
def _as_output_error(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT) or "No space left" in str(error):
            raise OutputError(
                "The disk is full; nothing was left behind.",
                where=str(place),
                do="Make room, or give --out a directory on another disk.",
            ) from error
        raise OutputError(
            f"It cannot be written: {error.strerror or error}.",
            where=str(place),
            do="Give --out a directory that you may write to.",
        ) from error
