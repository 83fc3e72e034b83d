"""What a format of files is: a name, a way to recognise it, a way to read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from entregent.progress import Progress
from entregent.sources.base import Batch

__all__ = ["Format", "Opened", "Options"]


@dataclass(frozen=True)
class Options:
    """How to read, the same for all files of a run.

    Parameters
    ----------
    received_at : datetime
        When the files were given to us: `seen_at` of what names no moment.
    mapping : mapping of str to str
        Role to column, for tables: account, object, author, id, time, text,
        kind, parent, lang, url, handle, followers.
    network : str, optional
        Network of ids of formats that name none: ``file`` for tables, and for
        a user graph that of the files read before it, unless told.
    relative_time : bool
        Times count seconds from an origin that is not known.
    edges : str, optional
        File of a user graph (follower, followed).
    keep_raw_days : int
        Days to keep payloads; 0 keeps none.
    """

    received_at: datetime
    mapping: Mapping[str, str] = field(default_factory=dict)
    network: str | None = None
    relative_time: bool = False
    edges: str | None = None
    keep_raw_days: int = 0


@dataclass
class Opened:
    """One file, decompressed on the way.

    Parameters
    ----------
    name : str
        As shown to people: the path as given, or ``<stdin>``.
    head : bytes
        Up to the first 64 KiB, decompressed; also still in `stream`.
    stream : BinaryIO
        The decompressed bytes from the start.
    path : Path, optional
        Where the bytes lie as such; None for standard input and compressed files.
    """

    name: str
    head: bytes
    stream: BinaryIO
    path: Path | None = None


class Format(Protocol):
    """One file format. Instances are stateless and listed in one registry."""

    name: str
    title: str

    def sniff(self, head: bytes, name: str) -> float:
        """Return how sure it is, in [0, 1], that a file starting so is of this format."""

    def read(self, opened: Opened, options: Options, progress: Progress) -> Iterator[Batch]:
        """Yield batches; `progress` is advanced by the opener, in bytes of the file."""
