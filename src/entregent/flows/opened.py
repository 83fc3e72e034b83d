"""A conversation under study, open for questions: what ``study`` and the other commands start from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import duckdb

from entregent.flows.conversation import Collected, collect, narrow
from entregent.flows.request import StudyRequest
from entregent.listening.query import parse
from entregent.progress import Progress
from entregent.results import Notice
from entregent.sources.files.format import Options
from entregent.store.archive import Archive
from entregent.store.state import State
from entregent.store.suppression import Suppression

__all__ = ["Opened", "opened", "opened_here"]


@dataclass(frozen=True)
class Opened:
    """What was read, narrowed to topic and period, and the connection that holds it."""

    con: duckdb.DuckDBPyConnection
    collected: Collected
    notices: tuple[Notice, ...]


@contextmanager
def opened(request: StudyRequest, now: datetime, progress: Progress, erased: Suppression) -> Iterator[Opened]:
    """Read and narrow; the tables live as long as the context.

    Raises
    ------
    InputError
        Where nothing could be read or nothing is left to study.
    """
    topic = parse(request.topic, name="topic") if request.topic else None
    options = Options(
        received_at=now,
        mapping=request.mapping,
        network=request.network,
        relative_time=request.relative_time,
        edges=request.edges,
    )
    with Archive.throw_away(memory_mb=request.config.memory_mb, threads=request.config.threads) as archive:
        collected = collect(archive, request, options, erased, progress)
        con = archive.connection()
        try:
            yield Opened(con, collected, narrow(con, request, topic, progress, collected.notices))
        finally:
            con.close()


@contextmanager
def opened_here(request: StudyRequest, now: datetime, progress: Progress) -> Iterator[Opened]:
    """Open a conversation without the people who asked to be erased from this installation."""
    home = request.config.home
    erased = Suppression((), b"")
    if home.exists():
        with State.open(home, writable=False) as state:
            erased = Suppression(state.suppressed(), state.key)
    with opened(request, now, progress, erased) as found:
        yield found
