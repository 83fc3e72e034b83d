"""Alerts as lines of JSON in a file, each once."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from entregent.delivery.base import Alert, payload
from entregent.errors import TransientError
from entregent.sources import registry

__all__ = ["File", "FileSettings", "open_channel"]


class FileSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands under a channel of kind ``file``.

    Parameters
    ----------
    path : str
        Lines are added at its end; it is made where it is not there.
    """

    path: str


class File:
    """A channel that appends lines of JSON.

    Parameters
    ----------
    name : str
    path : Path
    where : str
        For messages.

    Notes
    -----
    A process that was killed between writing a line and noting it finds the
    line by the id of the alert, and writes it once; half a line is taken back.
    """

    def __init__(self, name: str, path: Path, where: str) -> None:
        self.name = name
        self.path = path
        self._where = where

    async def tell(self, alert: Alert) -> None:
        """Tell of an alert, see :class:`entregent.delivery.base.Channel`."""
        await asyncio.to_thread(self._append, alert)

    def _append(self, alert: Alert) -> None:
        line = msgspec.json.encode(payload(alert)) + b"\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a+b") as file:
                file.seek(0)
                whole = 0
                for known in file:
                    if not known.endswith(b"\n"):
                        file.truncate(whole)
                        break
                    whole += len(known)
                    if known.startswith(b'{"id":"' + alert.id.encode() + b'"'):
                        return
                try:
                    file.write(line)
                    file.flush()
                    os.fsync(file.fileno())
                except OSError:
                    os.truncate(self.path, whole)
                    raise
        except OSError as error:
            raise TransientError(
                f"{self.path} cannot be written: {error.strerror}.",
                where=self._where,
                do="Check its permissions and the space left; it is tried again.",
            ) from error


def open_channel(name: str, table: Mapping[str, Any], where: str) -> File:
    """Make the channel of its settings.

    Parameters
    ----------
    name : str
    table : mapping
        See :class:`FileSettings`.
    where : str

    Returns
    -------
    File
    """
    settings = registry.settings(FileSettings, table, where)
    return File(name, Path(settings.path).expanduser(), where)
