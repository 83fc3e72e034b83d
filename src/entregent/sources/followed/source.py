"""Files and folders followed: the source of kind ``files``."""

from __future__ import annotations

import asyncio
import glob
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from entregent import clock
from entregent.errors import InputError, PermanentError, TransientError
from entregent.i18n import T
from entregent.progress import Quiet
from entregent.records import Gap
from entregent.results import Notice
from entregent.sources.base import Batch
from entregent.sources.files import Files, Options
from entregent.sources.files.opening import HEAD
from entregent.sources.followed.growing import grown, is_same, kind_of
from entregent.sources.followed.place import FilePlace, read_cursor, written_cursor
from entregent.sources.followed.settings import FilesSettings, read_settings

__all__ = ["FilesSettings", "FollowedFiles", "open_source"]

ALIVE_SECONDS = 10.0


class FollowedFiles:
    """Files that somebody else writes as a live source.

    Parameters
    ----------
    name : str
    settings : FilesSettings
    now : callable, optional
        The clock.

    Notes
    -----
    A file of one record a line is read as it grows, whole lines only. Where it
    was replaced (rotated, cut short, written anew), what was left of the old
    one is looked for in its folder by its content, and the new one is read from
    its start. All other files are read whole once they stay as they are.
    """

    network = "files"

    def __init__(
        self, name: str, settings: FilesSettings, *, now: Callable[[], datetime] = clock.now
    ) -> None:
        self.name = name
        self.settings = settings
        self._now = now

    async def follow(self, cursor: str | None) -> AsyncIterator[Batch]:
        """Yield what is added, see :class:`entregent.sources.live.LiveSource`."""
        known = read_cursor(cursor, self.name)
        looking = _Looking(self, dict(known.files), known.heard)
        loop = asyncio.get_running_loop()
        told_at = loop.time()
        while True:
            moment = self._now()
            pieces = looking.pieces(moment, loop.time())
            while (batch := await asyncio.to_thread(next, pieces, None)) is not None:
                yield batch
                told_at = loop.time()
            looking.heard = moment.timestamp()
            if loop.time() - told_at >= ALIVE_SECONDS:
                yield Batch(cursor=looking.cursor())
                told_at = loop.time()
            await asyncio.sleep(self.settings.check_seconds)


class _Looking:
    """What is known of the files while they are followed."""

    def __init__(self, source: FollowedFiles, places: dict[str, FilePlace], heard: float) -> None:
        self.name = source.name
        self.settings = source.settings
        self.places = places
        self.heard = heard
        self._seen: dict[str, tuple[int, int, float]] = {}
        self._moment = clock.EPOCH

    def cursor(self) -> str:
        return written_cursor(self.heard, self.places)

    def pieces(self, moment: datetime, at: float) -> Iterator[Batch]:
        """Look at every file once and yield what was added."""
        self._moment = moment
        found = list(self._found())
        if not found:
            raise TransientError(
                "None of the files is there yet.",
                where=self.name,
                do=f"Check paths: {', '.join(self.settings.paths[:5])}.",
            )
        for name, asked in found:
            try:
                status = Path(name).stat()
                yield from self._looked(name, status, at, asked=asked)
            except FileNotFoundError:
                # It was there a moment ago; what is there now is seen the next time.
                continue
            except OSError as error:
                raise TransientError(
                    f"{name} cannot be read: {error.strerror or error}.", where=self.name
                ) from error

    def _found(self) -> Iterator[tuple[str, bool]]:
        """Yield every file, and whether it is named itself."""
        for told in self.settings.paths:
            path = Path(told).expanduser()
            if path.is_dir():
                for base, folders, files in os.walk(path):
                    folders[:] = sorted(folder for folder in folders if not folder.startswith("."))
                    for file in sorted(files):
                        if not file.startswith(".") and (Path(base) / file).is_file():
                            yield str(Path(base) / file), False
            elif path.is_file():
                yield str(path), True
            else:
                matches = glob.glob(str(path), recursive=True)  # noqa: PTH207 - Path.glob refuses absolute patterns
                yield from ((one, False) for one in sorted(matches) if Path(one).is_file())

    def _looked(self, name: str, status: os.stat_result, at: float, *, asked: bool) -> Iterator[Batch]:
        size, changed = status.st_size, status.st_mtime_ns
        before = self._seen.get(name)
        since = before[2] if before is not None and before[:2] == (size, changed) else at
        self._seen[name] = (size, changed, since)
        settled = at - since >= self.settings.settle_seconds
        place = self.places.get(name)
        if place is not None and place.whole and (place.size, place.changed) == (size, changed):
            return
        if place is not None and not place.whole and (before is None or before[:2] != (size, changed)):
            with Path(name).open("rb") as file:
                same = is_same(file, size, place)
            if not same:
                yield from self._replaced(name, place)
                place = None
        try:
            if place is None or place.whole:
                place = self._begun(name, status, settled=settled)
            if place is None:
                return
            if place.whole:
                if settled:
                    yield from self._whole(name, status, place.form)
            elif size > place.offset:
                yield from self._grown(name, place, settled=settled)
        except InputError as error:
            yield self._refused(name, status, error, asked=asked)

    def _begun(self, name: str, status: os.stat_result, *, settled: bool) -> FilePlace | None:
        """Return the place of a file that was not read so far, None where it is too early to say."""
        with Path(name).open("rb") as file:
            for other, place in self.places.items():
                if place.inode == status.st_ino and not place.whole and is_same(file, status.st_size, place):
                    # Only its name is new.
                    self.places[name] = self.places.pop(other)
                    return place
            file.seek(0)
            head = file.read(HEAD)
        kind = kind_of(head, name, self.settings.format)
        if kind is None:
            # One line without an end may be all that ever comes.
            return FilePlace(whole=True) if settled and head.strip() else None
        form, whole = kind
        return FilePlace(form, inode=status.st_ino, whole=whole)

    def _grown(self, name: str, place: FilePlace, *, settled: bool) -> Iterator[Batch]:
        while True:
            found = grown(Path(name), place, self._options(), settled=settled)
            if found is None:
                return
            place = found.place
            self.places.pop(name, None)
            self.places[name] = place
            yield replace(found.batch, cursor=self.cursor())
            if not found.more:
                return

    def _whole(self, name: str, status: os.stat_result, form: str) -> Iterator[Batch]:
        files = Files([name], format=self.settings.format or form or None, options=self._options())
        held: Batch | None = None
        for batch in files.batches(None, Quiet()):
            if held is not None:
                yield replace(held, cursor=None)
            held = batch
        self._keep_whole(name, status)
        yield replace(held or Batch(), cursor=self.cursor())

    def _keep_whole(self, name: str, status: os.stat_result) -> None:
        self.places.pop(name, None)
        self.places[name] = FilePlace(
            inode=status.st_ino, size=status.st_size, changed=status.st_mtime_ns, whole=True
        )

    def _replaced(self, name: str, place: FilePlace) -> Iterator[Batch]:
        """Yield what was left of a file that lies elsewhere now; where it does not, that stretch is lost."""
        del self.places[name]
        old = self._moved(name, place)
        if old is None:
            moment = self._moment
            since = min(moment, clock.from_micros(int(self.heard * 1e6)))
            gaps = (Gap(self.name, since, moment, "Replaced"),) if self.heard and since < moment else ()
            told = T("A file was replaced by another one, which is read from its start")
            notices = (Notice("file.replaced", told, 1, (name,)),)
            yield Batch(cursor=self.cursor(), notices=notices, gaps=gaps)
            return
        if old not in self.places:
            yield from self._grown(old, place, settled=True)
            # So that it is not read from its start, where the settings name it as well.
            self.places.setdefault(old, place)

    def _moved(self, name: str, place: FilePlace) -> str | None:
        """Return the new name of a file in its folder."""
        with os.scandir(Path(name).parent) as entries:
            for entry in entries:
                if entry.name != Path(name).name and entry.is_file():
                    with Path(entry.path).open("rb") as file:
                        if is_same(file, entry.stat().st_size, place):
                            return str(Path(name).parent / entry.name)
        return None

    def _refused(self, name: str, status: os.stat_result, error: InputError, *, asked: bool) -> Batch:
        if asked:
            raise PermanentError(error.what, where=error.where or name, valid=error.valid, do=error.do)
        self._keep_whole(name, status)
        told = T("A file in a folder could not be read and was passed over until it changes")
        notice = Notice("file.passed_over", told, 1, (f"{name}: {error.what}",))
        return Batch(cursor=self.cursor(), notices=(notice,))

    def _options(self) -> Options:
        return Options(
            received_at=self._moment,
            mapping=self.settings.map,
            network=self.settings.network,
            keep_raw_days=self.settings.keep_raw_days,
        )


def open_source(name: str, table: Mapping[str, Any], where: str) -> FollowedFiles:
    """Make the source of its settings.

    Parameters
    ----------
    name : str
    table : mapping
        See :class:`FilesSettings`.
    where : str
        ``sources.NAME``, for messages.

    Returns
    -------
    FollowedFiles

    Raises
    ------
    ConfigError
        Where the settings are no good.
    """
    return FollowedFiles(name, read_settings(table, where))
