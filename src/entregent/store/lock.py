"""One writer at a time, held by a lock of the operating system that a killed process lets go."""

from __future__ import annotations

import fcntl
import os
import shutil
from contextlib import suppress
from pathlib import Path

from entregent.clock import now
from entregent.errors import ArchiveLocked

__all__ = ["Lease", "WriterLock", "remove_abandoned"]

STALE_SECONDS = 60


def _descriptor(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


class WriterLock:
    """The right to write to an archive, until it is released or the process ends."""

    def __init__(self, path: Path) -> None:
        self._descriptor: int | None = _descriptor(path)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(self._descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(self._descriptor)
            raise ArchiveLocked(
                f"Another process is writing to this archive (pid {holder}).",
                where=str(path.parent),
                do="Wait until it ends, stop it, or open the archive for reading.",
            ) from error
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let the next writer in."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class Lease:
    """Readers of an archive hold a shared lease, so that compaction leaves them their files."""

    def __init__(self, path: Path) -> None:
        self._descriptor: int | None
        try:
            self._descriptor = _descriptor(path)
        except OSError:
            # Nothing can be compacted where nothing can be written.
            self._descriptor = None
        else:
            fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def release(self) -> None:
        """Give the files up."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    @staticmethod
    def anybody(path: Path) -> bool:
        """Return whether somebody reads the archive now."""
        descriptor = _descriptor(path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False


def remove_abandoned(parent: Path, pattern: str, lock_name: str) -> None:
    """Remove throw-away archives whose process was killed: what people wrote must not linger."""
    oldest = now().timestamp() - STALE_SECONDS
    for home in parent.glob(pattern):
        with suppress(OSError):
            lock = home / lock_name
            if home.stat().st_uid != os.getuid() or lock.stat().st_mtime > oldest:
                continue
            descriptor = os.open(lock, os.O_RDWR)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(home, ignore_errors=True)
            finally:
                os.close(descriptor)
