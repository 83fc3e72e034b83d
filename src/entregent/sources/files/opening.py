"""Opening a file: decompression told by content, digest and count of the bytes as stored."""

from __future__ import annotations

import bz2
import hashlib
import io
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import zstandard

from entregent.errors import InputError, UnknownFormat
from entregent.sources.files.format import Opened

__all__ = ["HEAD", "Stored", "Unpacked", "digest", "open_stored", "packing"]

HEAD = 64 * 1024
BLOCK = 1 << 20
MOST_LAYERS = 3

_PACKED = {b"\x1f\x8b\x08": "gzip", b"BZh": "bzip2", b"\x28\xb5\x2f\xfd": "zstd"}
_CONTAINERS = {
    b"PK\x03\x04": "a ZIP archive",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    b"\xfd7zXZ\x00": "an xz file",
    b"Rar!": "a RAR archive",
}


def packing(head: bytes) -> str | None:
    """Return how bytes that start so are compressed: ``gzip``, ``bzip2``, ``zstd`` or None.

    >>> packing(b"BZh9...")
    'bzip2'
    """
    return next((kind for magic, kind in _PACKED.items() if head.startswith(magic)), None)


def _fresh(kind: str) -> Any:
    if kind == "gzip":
        return zlib.decompressobj(zlib.MAX_WBITS | 16)
    if kind == "bzip2":
        return bz2.BZ2Decompressor()
    return zstandard.ZstdDecompressor(max_window_size=1 << 31).decompressobj()


class Stored(io.RawIOBase):
    """The bytes as stored, with their count and their SHA-256 as they go by."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file
        self._into: Callable[[memoryview], int | None] = getattr(file, "readinto", self._copied)
        self._hash = hashlib.sha256()
        self.bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)
        filled = 0
        # BufferedReader.peek makes one call: a pipe that gives little by little must fill it.
        while filled < len(view):
            size = self._into(view[filled:])
            if not size:
                break
            filled += size
        self._hash.update(view[:filled])
        self.bytes += filled
        return filled

    def _copied(self, view: memoryview) -> int:
        block = self._file.read(len(view))
        view[: len(block)] = block
        return len(block)

    def drain(self) -> str:
        """Read what nobody wanted, and return the digest of all bytes in hexadecimal."""
        while self.read(BLOCK):
            pass
        return self._hash.hexdigest()

    def close(self) -> None:
        self._file.close()
        super().close()


class Unpacked(io.RawIOBase):
    """Decompressed bytes of all members or frames; stops at the first damage and keeps what came before."""

    # A zstd block of 4 bytes may hold 128 KiB: small bites bound what one of them unpacks to.
    BITE = 4096

    def __init__(self, source: BinaryIO, kind: str) -> None:
        super().__init__()
        self._source = source
        self._kind = kind
        self._engine = _fresh(kind)
        self._fed = b""
        self._ready = memoryview(b"")
        self._ended = False
        self.damage: str | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)
        filled = 0
        while filled < len(view):
            if not self._ready:
                if self._ended:
                    break
                self._ready = memoryview(self._more())
                continue
            size = min(len(self._ready), len(view) - filled)
            view[filled : filled + size] = self._ready[:size]
            self._ready = self._ready[size:]
            filled += size
        return filled

    def _more(self) -> bytes:
        if self._engine.eof:
            return self._next_member()
        if self._kind == "bzip2" and not self._engine.needs_input:
            bite = b""
        else:
            bite = self._fed or self._source.read(self.BITE)
            self._fed = b""
            if not bite:
                self._stop("the compressed data end too early")
                return b""
        try:
            if self._kind == "zstd":
                return bytes(self._engine.decompress(bite))
            out: bytes = self._engine.decompress(bite, BLOCK)
        except (zlib.error, OSError, EOFError, zstandard.ZstdError) as error:
            self._stop(f"the compressed data are damaged: {error}")
            return b""
        if self._kind == "gzip":
            self._fed = self._engine.unconsumed_tail
            if not out and not self._fed and not self._engine.eof and self._source_ended():
                self._stop("the compressed data end too early")
        return out

    def _source_ended(self) -> bool:
        self._fed = self._source.read(self.BITE)
        return not self._fed

    def _next_member(self) -> bytes:
        rest = self._engine.unused_data
        rest += self._source.read(self.BITE)
        while rest and not rest.strip(b"\0"):
            rest = self._source.read(self.BITE)
        if not rest:
            self._ended = True
        elif packing(rest) != self._kind and not (self._kind == "zstd" and rest[1:4] == b"\x2a\x4d\x18"):
            self._stop("what follows the compressed data is not compressed")
        else:
            self._engine = _fresh(self._kind)
            self._fed = rest
        return b""

    def _stop(self, damage: str) -> None:
        self.damage = damage
        self._ended = True


class _Unread(io.BufferedReader):
    """A buffered reader whose `peek` fills a whole head."""

    def head(self) -> bytes:
        return self.peek(HEAD)[:HEAD]


def open_stored(
    name: str, path: Path | None, stdin: BinaryIO | None = None
) -> tuple[Opened, Stored, list[Unpacked]]:
    """Open a file, or standard input where `path` is None.

    Returns
    -------
    opened : Opened
        What formats read.
    stored : Stored
        The bytes as stored: count, and digest once drained.
    layers : list of Unpacked
        One a layer of compression; ask each for its `damage` at the end.

    Raises
    ------
    InputError
        Where the file cannot be read.
    UnknownFormat
        Where it is packed in a way that is not read.
    """
    if path is None:
        if stdin is None:
            raise InputError("Standard input was asked for, and there is none.", where=name)
        stored = Stored(stdin)
    else:
        try:
            stored = Stored(path.open("rb", buffering=0))
        except OSError as error:
            raise InputError(
                f"The file cannot be read: {error.strerror or error}.",
                where=name,
                do="Check that it exists and that you may read it.",
            ) from error
    try:
        reader = _Unread(stored, HEAD)
        head = reader.head()
        layers: list[Unpacked] = []
        while (kind := packing(head)) is not None:
            if len(layers) == MOST_LAYERS:
                raise UnknownFormat(
                    f"The file is compressed more than {MOST_LAYERS} times over.",
                    where=name,
                    do="Unpack it first.",
                )
            layers.append(Unpacked(reader, kind))
            reader = _Unread(layers[-1], HEAD)
            head = reader.head()
    except OSError as error:
        stored.close()
        raise InputError(f"The file cannot be read: {error.strerror or error}.", where=name) from error
    except UnknownFormat:
        stored.close()
        raise
    container = next((what for magic, what in _CONTAINERS.items() if head.startswith(magic)), None)
    if container is not None:
        stored.close()
        raise UnknownFormat(
            f"This is {container}.",
            where=name,
            do="Unpack it and give the files or the folder that were in it.",
        )
    return Opened(name, head, reader, path if not layers else None), stored, layers


def digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
