"""What every live source must do, checked against a server on loopback: :func:`check_source`.

A test module gives a way to make its source and a way to make its server
misbehave; what is checked is the same for all of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager, aclosing, nullcontext
from datetime import UTC, datetime, timedelta

import pytest

from entregent.errors import EntregentError, PermanentError, TransientError
from entregent.records import TABLES
from entregent.sources.base import Batch
from entregent.sources.live import LiveSource
from entregent.store.archive import Archive
from entregent.store.intake import check_tables

__all__ = ["FAULTS", "RETRY_AFTER", "brought", "check_source", "collected"]

RETRY_AFTER = 7
"""Seconds that the server asks to wait in its fault ``429``."""

FAULTS: Mapping[str, type[EntregentError]] = {
    "429": TransientError,
    "500": TransientError,
    "html": TransientError,
    "gone": TransientError,
    "401": PermanentError,
}
"""How a server fails and what a source must say.

``429`` with ``Retry-After: 7``, ``500``, ``html`` (status 200 and a web page
in place of an answer), ``gone`` (nobody listens at that port), ``401``.
"""

MOST_CURSORS = 8

Fault = Callable[[], AbstractContextManager[object]]


async def collected(
    source: LiveSource,
    cursor: str | None,
    enough: Callable[[list[Batch]], bool],
    *,
    seconds: float = 20.0,
) -> list[Batch]:
    """Return what a source brings, until it is enough, the source ends, or the time is over."""
    found: list[Batch] = []
    try:
        async with asyncio.timeout(seconds), aclosing(source.follow(cursor)) as batches:  # type: ignore[type-var]
            async for batch in batches:
                found.append(batch)
                if enough(found):
                    break
    except TimeoutError:
        pass
    return found


def brought(batches: Collection[Batch], table: str = "posts", column: str = "id") -> list[str]:
    """Return a column of a table of batches, in order."""
    return [value for batch in batches for value in getattr(batch, table)[column].to_pylist()]


def check_source(
    make: Callable[[], LiveSource],
    posts: Collection[str],
    *,
    faults: Mapping[str, Fault],
    unknown_field: Fault | None = None,
    raw: bool = True,
    network: str | None = None,
    from_start: str | None = None,
    seconds: float = 20.0,
) -> None:
    """Check a source against its server.

    Parameters
    ----------
    make : callable
        Makes the source anew, as a process that was started again does.
    posts : collection of str
        Ids of all posts that the server has.
    faults : mapping of str to callable
        For each of :data:`FAULTS` a context in which the server fails so;
        empty for a source without a server.
    unknown_field : callable, optional
        A context in which the posts carry a field that nobody knows.
    raw : bool
        Whether the source is set to keep payloads.
    network : str, optional
        First part of the ids, where it is another than the source's own.
    from_start : str, optional
        Cursor at which all posts are still to come.
    seconds : float
        Most time for one run.
    """
    wanted = set(posts)
    everything = _all_of(make, wanted, from_start, seconds)
    source = make()
    assert source.name
    _check_records(network or source.network, everything, wanted, raw=raw)
    again = _all_of(make, wanted, from_start, seconds)
    assert set(brought(again)) == set(brought(everything)), "The same posts have other ids the second time."
    _check_resumed(make, everything, wanted, seconds)
    with pytest.raises(PermanentError):
        asyncio.run(collected(make(), "no cursor \x00 of this source", lambda _: False, seconds=seconds))
    if unknown_field is not None:
        _check_unknown_field(make, unknown_field, wanted, from_start, seconds)
    if faults:
        assert set(faults) == set(FAULTS), "Some faults of the contract are not tried."
        for name, fault in faults.items():
            _check_fault(make, name, fault, from_start, seconds)


def _all_of(
    make: Callable[[], LiveSource], wanted: set[str], cursor: str | None, seconds: float
) -> list[Batch]:
    found = asyncio.run(
        collected(make(), cursor, lambda batches: wanted <= set(brought(batches)), seconds=seconds)
    )
    missing = wanted - set(brought(found))
    assert not missing, f"{len(missing)} posts were not brought, such as {sorted(missing)[:3]}."
    return found


def _check_records(network: str, batches: list[Batch], wanted: set[str], *, raw: bool) -> None:
    ids = brought(batches)
    assert set(ids) == wanted, f"Posts that nobody published: {sorted(set(ids) - wanted)[:3]}."
    assert all(id.startswith(f"{network}:") for id in ids)
    assert set(brought(batches, "posts", "network")) == {network}
    for batch in batches:
        check_tables({table: getattr(batch, table) for table in TABLES})
        assert str(batch.posts.schema.field("time").type) == "timestamp[us, tz=UTC]"
    soon = datetime.now(UTC) + timedelta(days=1)
    times = [moment for moment in brought(batches, "posts", "time") if moment is not None]  # type: ignore[comparison-overlap]
    assert times, "No post has a time."
    assert all(moment < soon for moment in times), "A post is from the future."  # type: ignore[operator]
    assert any(batch.cursor is not None for batch in batches), "No batch says where to go on."
    if raw:
        kept = dict(zip(brought(batches, "raw"), brought(batches, "raw", "payload"), strict=True))
        assert wanted <= set(kept), "Of some post the payload was not kept."
        assert all(kept[id].strip() for id in wanted)


def _check_resumed(
    make: Callable[[], LiveSource], everything: list[Batch], wanted: set[str], seconds: float
) -> None:
    """Stop after each batch that has a cursor, start again from it: nothing is lost, nothing twice."""
    places = [number for number, batch in enumerate(everything) if batch.cursor is not None]
    for number in places[:: max(1, len(places) // MOST_CURSORS)]:
        with Archive.throw_away() as archive:
            new = 0
            for batch in everything[: number + 1]:
                new += archive.append(batch, source="checked").new["posts"]
            left = wanted - set(brought(everything[: number + 1]))

            def enough(batches: list[Batch], left: set[str] = left) -> bool:
                return left <= set(brought(batches))

            rest = asyncio.run(
                collected(make(), archive.cursor("checked"), enough, seconds=seconds if left else 0.5)
            )
            for batch in rest:
                new += archive.append(batch, source="checked").new["posts"]
            kept = archive.scan("posts", ("id",)).read_all()["id"].to_pylist()
            lost = wanted - set(kept)
            assert not lost, f"Lost after the cursor {everything[number].cursor!r}: {sorted(lost)[:3]}."
            assert len(kept) == len(set(kept)) == new == len(wanted), "A post was kept twice."


def _check_unknown_field(
    make: Callable[[], LiveSource], fault: Fault, wanted: set[str], cursor: str | None, seconds: float
) -> None:
    with fault():
        found = _all_of(make, wanted, cursor, seconds)
    told = [notice for batch in found for notice in batch.notices if notice.code == "field.unknown"]
    assert told, "A field that nobody knows was passed over in silence."
    assert sum(notice.count for notice in told) >= 1


def _check_fault(
    make: Callable[[], LiveSource], name: str, fault: Fault, cursor: str | None, seconds: float
) -> None:
    with fault() or nullcontext(), pytest.raises(EntregentError) as told:
        asyncio.run(collected(make(), cursor, lambda _: False, seconds=seconds))
    expected = FAULTS[name]
    assert isinstance(told.value, expected), f"{name} is a {expected.__name__}, not {told.value!r}."
    if name == "429":
        assert isinstance(told.value, TransientError)
        assert told.value.retry_after == pytest.approx(RETRY_AFTER, abs=2), "The wait asked for is not kept."
