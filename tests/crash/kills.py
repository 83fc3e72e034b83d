"""``entregent listen`` killed at seeded instants, again and again: is every post there once?

A stream is published without a pause, posts, edits and deletions; a listener
that follows it is killed with SIGKILL and started again. In the end it is left
alone until it has caught up, stopped cleanly, and its archive is held against
what was published.

    python -m crash.kills --stream jetstream --kills 300 --seed 7

``jetstream`` is a small Jetstream on loopback; ``firehose`` the real data
server of the Bluesky box, which is killed now and then, too.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow.parquet as pq

import entregent
from entregent.errors import StoreError
from entregent.store.archive import Archive
from sources.bluesky.box import Box
from sources.bluesky.loopback_jetstream import LoopbackJetstream, event, post_id

__all__ = ["Outcome", "killed"]

SOURCE = "followed"
EDITED, DELETED = 0.05, 0.05
START_SECONDS = 60.0
CATCH_UP_SECONDS = 300.0
SERVER_KILLED_EVERY = 10
EARLY, EARLY_SECONDS, WRITING_SECONDS = 0.3, 2.5, 1.5
_RUN = "from entregent.cli.main import main; main()"


@dataclass(frozen=True)
class Outcome:
    """What a run of kills showed.

    `before_first` counts kills before the listener had kept anything since its
    start; `kept` posts in the archive; `lost`, `doubled`, `undead` (deleted,
    and there) and `stale` (an edit is missing) should be 0.
    """

    stream: str
    seed: int
    kills: int
    before_first: int
    server_kills: int
    published: int
    edited: int
    deleted: int
    kept: int
    lost: int
    doubled: int
    undead: int
    stale: int
    gaps: int
    seconds: float

    @property
    def clean(self) -> bool:
        """Whether nothing was lost, doubled, undead or stale."""
        return not (self.lost or self.doubled or self.undead or self.stale)

    def told(self) -> str:
        """Return the outcome as lines."""
        return (
            f"{self.stream}, seed {self.seed}: {self.kills} kills of the listener"
            f" ({self.before_first} before it had kept anything), {self.server_kills} of the server,"
            f" {self.seconds:.0f} s\n"
            f"  {self.published:,} posts published, {self.edited:,} edited, {self.deleted:,} deleted;"
            f" {self.kept:,} kept\n"
            f"  {self.lost} lost, {self.doubled} doubled, {self.undead} deleted and still there,"
            f" {self.stale} without their edit, {self.gaps} gaps"
        )


class Publisher(Protocol):
    """Publishes a stream; what it published is known."""

    texts: dict[str, str]
    """Id to the last text of each post that should be there."""
    gone: set[str]
    edited: int
    published: int
    server_kills: int
    table: dict[str, object]

    def publish(self) -> None:
        """Publish one thing."""

    def trouble(self) -> None:
        """Let the server crash and come back."""


class _Published:
    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.texts: dict[str, str] = {}
        self.gone: set[str] = set()
        self.edited = self.published = self.server_kills = 0
        self._handles: dict[str, object] = {}

    def _some(self) -> str | None:
        """Return a recent post that is still there."""
        recent = list(self.texts)[-50:]
        return str(self.rng.choice(recent)) if recent else None


class JetstreamPublisher(_Published):
    """Publishes through a small Jetstream; a hundred events at a time."""

    AT_ONCE = 100

    def __init__(self, server: LoopbackJetstream, rng: np.random.Generator) -> None:
        super().__init__(rng)
        self.server = server
        server.ordered = True
        self.table = {"server": server.url}

    def publish(self) -> None:
        for _ in range(self.AT_ONCE):
            self._publish_one()
        time.sleep(0.2)

    def _publish_one(self) -> None:
        chance, some = self.rng.random(), self._some()
        moment = time.time_ns() // 1000
        if some is not None and chance < DELETED:
            number = int(some[-11:])
            self.server.events.append(event(number, moment, operation="delete"))
            self.gone.add(some)
            del self.texts[some]
        elif some is not None and chance < DELETED + EDITED:
            number, text = int(some[-11:]), f"edit {self.edited}"
            self.server.events.append(event(number, moment, operation="update", text=text))
            self.texts[some] = text
            self.edited += 1
        else:
            number = self.published
            self.server.events.append(event(number, moment))
            self.texts[post_id(number)] = f"post {number}"
            self.published += 1

    def trouble(self) -> None:
        self.server.stop()
        time.sleep(0.3)
        self.server.start()
        self.server_kills += 1


class FirehosePublisher(_Published):
    """Publishes through the real data server."""

    def __init__(self, box: Box, rng: np.random.Generator) -> None:
        super().__init__(rng)
        self.box = box
        self.person = box.person(f"writer{rng.integers(1_000_000)}")
        self.table = {"server": box.url, "stream": "firehose"}

    def publish(self) -> None:
        chance, some = self.rng.random(), self._some()
        if some is not None and chance < DELETED:
            self.person.delete(some.removeprefix("bluesky:"))
            self.gone.add(some)
            del self.texts[some]
        elif some is not None and chance < DELETED + EDITED:
            text = f"edit {self.edited}"
            self.person.edit({"uri": some.removeprefix("bluesky:"), "cid": ""}, text)
            self.texts[some] = text
            self.edited += 1
        else:
            text = f"post {self.published}"
            self.texts[f"bluesky:{self.person.post(text)['uri']}"] = text
            self.published += 1
        time.sleep(0.01)

    def trouble(self) -> None:
        self.box.kill()
        self.box.start()
        self.server_kills += 1


class _Publishing:
    """Publishes in a thread of its own; pauses when asked to."""

    def __init__(self, publisher: Publisher) -> None:
        self.publisher = publisher
        self.lock = threading.Lock()
        self._over = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            while not self._over.is_set():
                with self.lock:
                    self.publisher.publish()
                time.sleep(0.001)
        except BaseException as error:
            self._error = error

    def __enter__(self) -> _Publishing:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        if self._error is not None:
            raise self._error


class _Listening:
    """``entregent listen`` in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self._process: subprocess.Popen[bytes] | None = None
        self.log = folder / "log"

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _RUN, "listen", "--home", str(self.home)],
                cwd=self.folder,
                # The same code as here, whatever is installed.
                env={**os.environ, "PYTHONPATH": str(Path(entregent.__file__).parents[1])},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def stop(self, number: signal.Signals) -> int:
        assert self._process is not None
        if self._process.poll() is not None:
            said = self.log.read_text(encoding="utf-8")[-2000:]
            raise AssertionError(f"The listener ended by itself with {self._process.returncode}: {said}")
        self._process.send_signal(number)
        code = self._process.wait(60)
        self._process = None
        return code

    def cursor(self) -> str | None:
        try:
            with Archive.open(self.home, writer=False) as archive:
                return archive.cursor(SOURCE)
        except StoreError:
            return None

    def moves(self, before: str | None) -> None:
        """Wait until it has kept something since."""
        until = time.monotonic() + START_SECONDS
        while self.cursor() == before and time.monotonic() < until:
            time.sleep(0.05)

    def waits(self, enough: str, seconds: float) -> None:
        """Wait until the archive has a post, or anything at all."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                with Archive.open(self.home, writer=False) as archive:
                    if not enough and archive.cursor(SOURCE) is not None:
                        return
                    if enough and enough in archive.scan("posts", ("text",)).read_all()["text"].to_pylist():
                        return
            except StoreError:
                pass
            time.sleep(0.5)
        assert self._process is not None
        state = f"it ended with {self._process.poll()}" if self._process.poll() is not None else "it runs"
        said = self.log.read_text(encoding="utf-8")[-2000:]
        with Archive.open(self.home, writer=False) as archive:
            held = f"cursor {archive.cursor(SOURCE)}, {archive.contents().get('posts')}"
        raise AssertionError(
            f"The listener did not come to {enough or 'a start'} in {seconds:.0f} s ({state}; {held}): {said}"
        )


@contextmanager
def _publisher(stream: str, folder: Path, rng: np.random.Generator) -> Iterator[Publisher]:
    if stream == "jetstream":
        with LoopbackJetstream([], lambda: time.time_ns() // 1000) as server:
            yield JetstreamPublisher(server, rng)
    else:
        with Box(folder / "box") as box:
            yield FirehosePublisher(box, rng)


def killed(stream: str, kills: int, seed: int, *, progress: bool = False) -> Outcome:
    """Kill a listener so many times and return what it has kept in the end.

    Parameters
    ----------
    stream : {"jetstream", "firehose"}
    kills : int
    seed : int
        Of what is published and of the instants of the kills.
    progress : bool
        Whether to print a line now and then.

    Returns
    -------
    Outcome
    """
    rng = np.random.default_rng(seed)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kills-") as name:
        folder = Path(name)
        listening = _Listening(folder)
        with _publisher(stream, folder, np.random.default_rng([seed, 1])) as publisher:
            rows = "".join(f'{key} = "{value}"\n' for key, value in publisher.table.items())
            (folder / "entregent.toml").write_text(
                f'[sources.{SOURCE}]\nkind = "bluesky"\nkeep_raw_days = 1\n{rows}', encoding="utf-8"
            )
            listening.start()
            if stream == "firehose":
                # Without a first event there is no number to go on from.
                time.sleep(6)
                publisher.publish()
            listening.waits("", START_SECONDS)
            before_first = 0
            with _Publishing(publisher) as publishing:
                for number in range(kills):
                    before = listening.cursor()
                    # Some of the instants fall into the start, most into the writing.
                    early, wait = bool(rng.random() < EARLY), float(rng.random())
                    if not early:
                        listening.moves(before)
                    time.sleep(wait * (EARLY_SECONDS if early else WRITING_SECONDS))
                    listening.stop(signal.SIGKILL)
                    before_first += listening.cursor() == before
                    if number % SERVER_KILLED_EVERY == SERVER_KILLED_EVERY - 1:
                        with publishing.lock:
                            publisher.trouble()
                    listening.start()
                    if progress and (number + 1) % 10 == 0:
                        _say(f"  {number + 1} kills, {publisher.published:,} posts")
            publisher.publish()
            last = [text for text in publisher.texts.values() if text.startswith("post ")][-1]
            listening.waits(last, CATCH_UP_SECONDS)
            time.sleep(2)
            code = listening.stop(signal.SIGTERM)
            assert code == 0, f"The listener did not stop cleanly: {code}"
        return _outcome(listening.home, stream, seed, kills, before_first, publisher, began)


def _outcome(
    home: Path, stream: str, seed: int, kills: int, before_first: int, publisher: Publisher, began: float
) -> Outcome:
    with Archive.open(home, writer=False) as archive:
        archive.verify()
        table = archive.scan("posts", ("id", "text")).read_all()
        gaps = archive.state.gaps(SOURCE)
        stored: Counter[tuple[object, object]] = Counter()
        for segment in archive.segments("posts"):
            part = pq.read_table(home / segment.name, columns=["id", "version"])
            stored.update(zip(part["id"].to_pylist(), part["version"].to_pylist(), strict=True))
    shown = Counter(table["id"].to_pylist())
    texts = dict(zip(table["id"].to_pylist(), table["text"].to_pylist(), strict=True))
    return Outcome(
        stream=stream,
        seed=seed,
        kills=kills,
        before_first=before_first,
        server_kills=publisher.server_kills,
        published=publisher.published,
        edited=publisher.edited,
        deleted=len(publisher.gone),
        kept=len(texts),
        lost=len(publisher.texts.keys() - texts.keys()),
        doubled=sum(many > 1 for many in shown.values()) + sum(many > 1 for many in stored.values()),
        undead=len(publisher.gone & texts.keys()),
        stale=sum(texts[id] != text for id, text in publisher.texts.items() if id in texts),
        gaps=len(gaps),
        seconds=time.monotonic() - began,
    )


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _main() -> int:
    asked = argparse.ArgumentParser(description="Kill entregent listen again and again.")
    asked.add_argument("--stream", choices=("jetstream", "firehose", "both"), default="both")
    asked.add_argument("--kills", type=int, default=300)
    asked.add_argument("--seed", type=int, default=7)
    told = asked.parse_args()
    streams = ("jetstream", "firehose") if told.stream == "both" else (told.stream,)
    clean = True
    for number, stream in enumerate(streams):
        share = told.kills // len(streams) + (number < told.kills % len(streams))
        outcome = killed(stream, share, told.seed, progress=True)
        _say(outcome.told())
        clean = clean and outcome.clean
    return 0 if clean else 1


if __name__ == "__main__":
    os.environ.pop("ENTREGENT_HOME", None)
    sys.exit(_main())
