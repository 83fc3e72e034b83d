"""Appends and compacts until it is killed: forks a victim for each line of standard input.

A line is ``home seed step delay``: the victim kills itself at its `step`-th
call of the operating system that Python audits or statement of the database
(0: never), or is killed after `delay` seconds (0: never). Prints how often such calls were made, or -1 for a
victim that was killed.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
import store_batches

from entregent.store.archive import Archive

CALLS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree", "fcntl.flock"}


def live(home: Path, seed: int) -> None:
    told = store_batches.story(seed, 4)
    with Archive.open(home, writer=True, threads=1) as archive:
        for number, one in enumerate(told):
            archive.append(one, source="story", live=number != 1)
            if number in (0, 3):
                archive.roll()
            if number == 2:
                archive.compact(datetime(2024, 5, 2, tzinfo=UTC))


def victim(home: Path, seed: int, step: int, report: int) -> None:
    calls = 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1
        if calls == step:
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(event: str, _: object) -> None:
        if event in CALLS or event.startswith("sqlite3."):
            count()

    sys.addaudithook(hook)
    for moment in ("before_cursor_execute", "after_cursor_execute", "commit"):
        sa.event.listen(sa.Engine, moment, count)
    live(home, seed)
    os.write(report, str(calls).encode())


def main() -> None:
    with Archive.throw_away(threads=1) as archive:
        for one in store_batches.story(0):
            archive.append(one)
    for line in sys.stdin:
        home, seed, step, delay = line.rstrip("\n").rsplit(" ", 3)
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            try:
                victim(Path(home), int(seed), int(step), writer)
            except BaseException as error:
                sys.stderr.write(f"{error!r}\n")
            os._exit(0)
        os.close(writer)
        if float(delay):
            time.sleep(float(delay))
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        calls = os.read(reader, 32).decode()
        os.close(reader)
        sys.stdout.write(f"{-1 if os.WIFSIGNALED(status) else calls or 'failed'}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
