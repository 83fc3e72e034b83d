"""How far each file was read: the cursor of a source of kind ``files``."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import BinaryIO

import msgspec

from entregent.errors import PermanentError

__all__ = ["FilePlace", "Places", "fingerprint", "read_cursor", "written_cursor"]

HEAD_BYTES, TAIL_BYTES = 4096, 1024
MOST_FILES = 20_000


class FilePlace(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """How far one file was read.

    Parameters
    ----------
    form : str
        Name of its format; empty where it has none.
    offset, lines : int
        Bytes and lines that were read.
    mark : str
        Digest of its first bytes and of those before `offset`: another file
        under the same name has another one.
    inode : int
        Which file it is, whatever its name.
    size, changed : int
        Of a file that is read whole: bytes, and nanoseconds since 1970.
    whole : bool
        Whether it is read whole, each time that it changed.
    """

    form: str = ""
    offset: int = 0
    lines: int = 0
    mark: str = ""
    inode: int = 0
    size: int = 0
    changed: int = 0
    whole: bool = False


class Places(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The places of all files, and when they were last looked at, in seconds since 1970."""

    heard: float = 0.0
    files: dict[str, FilePlace] = {}


def fingerprint(file: BinaryIO, offset: int) -> str:
    """Return a digest of the first bytes of a file and of those before a place in it.

    Parameters
    ----------
    file : BinaryIO
    offset : int

    Returns
    -------
    str

    Examples
    --------
    >>> import io
    >>> fingerprint(io.BytesIO(b"abc"), 2) == fingerprint(io.BytesIO(b"abd"), 2)
    True
    """
    file.seek(0)
    digest = blake2b(file.read(min(offset, HEAD_BYTES)), digest_size=12)
    file.seek(max(0, offset - TAIL_BYTES))
    digest.update(file.read(min(offset, TAIL_BYTES)))
    return digest.hexdigest()


def read_cursor(cursor: str | None, name: str) -> Places:
    """Return the places that a cursor says.

    Parameters
    ----------
    cursor : str or None
    name : str
        Source, for messages.

    Returns
    -------
    Places

    Raises
    ------
    PermanentError
        Where it is none of a source of files.
    """
    if cursor is None:
        return Places()
    try:
        return msgspec.json.decode(cursor, type=Places)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise PermanentError(
            f"The cursor {cursor[:60]!r} is none of files.", where=name, do="Give the source a new name."
        ) from error


def written_cursor(heard: float, files: Mapping[str, FilePlace]) -> str:
    """Return the cursor of the places of all files; of very many, those that were met last.

    Parameters
    ----------
    heard : float
    files : mapping of str to FilePlace

    Returns
    -------
    str

    Examples
    --------
    >>> read_cursor(written_cursor(5.0, {"a": FilePlace("csv", 3)}), "x").files["a"].offset
    3
    """
    kept = dict(list(files.items())[-MOST_FILES:])
    return msgspec.json.encode(Places(heard, kept)).decode()
