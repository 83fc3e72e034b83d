"""Watches, mentions, alerts and what is owed: kept once, forgotten with the posts, reached by erasure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
import sqlalchemy as sa
from store_batches import batch, post

from entregent.clock import to_micros
from entregent.errors import InputError
from entregent.store import outbox, watches
from entregent.store.archive import Archive
from entregent.store.erase import erase
from entregent.store.outbox import KeptAlert
from entregent.store.state import State
from entregent.store.watches import Watch

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANN = "x:1234567890123"


@pytest.fixture
def con(tmp_path: Path) -> Iterator[sa.Connection]:
    with State.open(tmp_path / "home") as state, state.begin() as opened:
        yield opened


def rail(con: sa.Connection) -> Watch:
    return watches.add(con, "Rail", "sncf", lang=None, budget=1.0, hours=(6,), now=NOW)


def alert(watch: Watch, number: int = 1, **facts: object) -> KeptAlert:
    return KeptAlert(f"a{number}", watch.id, watch.name, NOW + timedelta(days=number), facts, NOW, "new")


def test_a_watch_is_found_by_name_and_id_and_its_name_is_its_own(con: sa.Connection) -> None:
    made = rail(con)
    assert watches.named(con, "Rail") == watches.named(con, made.id) == made
    assert watches.listed(con) == (made,)
    with pytest.raises(InputError, match="already"):
        rail(con)
    with pytest.raises(InputError, match="Valid: Rail"):
        watches.named(con, "Bus")
    for name in ("", "a\nb", "a" * 101):
        with pytest.raises(InputError, match="no name"):
            watches.add(con, name, "sncf", lang=None, budget=1.0, hours=(6,), now=NOW)


def test_a_change_forgets_matches_and_keeps_history(con: sa.Connection) -> None:
    made = rail(con)
    watches.add_mentions(con, [(made.id, "x:p1", 1, "[]")])
    before = watches.reviewed(con)
    changed = watches.change(con, made, "ratp", lang="fr", budget=2.0, hours=(1, 6), now=NOW)
    assert watches.named(con, "Rail") == changed
    assert not watches.mentions_of(con, made.id)
    assert [query for _, query in watches.versions(con, made)] == ["sncf", "ratp"]
    assert watches.reviewed(con) != before


def test_a_post_is_counted_once(con: sa.Connection) -> None:
    made = rail(con)
    late = to_micros(NOW)
    for _ in range(2):
        watches.add_mentions(con, [(made.id, "x:p1", late, "[[0, 4]]"), (made.id, "x:p2", None, "[]")])
    assert watches.counts(con, made.id) == {late // watches.SLOT: 1}
    assert watches.mentions_of(con, made.id, NOW)[0].spans == ((0, 4),)
    assert watches.mentions_of(con, made.id, until=NOW) == ()
    assert watches.forget_posts(con, ["x:p1"]) == 1
    assert watches.counts(con, made.id) == {}


def test_what_was_heard_adds_up(con: sa.Connection) -> None:
    times = pa.chunked_array([pa.array([NOW, NOW, None], pa.timestamp("us", tz="UTC"))])
    watches.hear(con, times)
    watches.hear(con, times)
    assert watches.counts_heard(con) == {to_micros(NOW) // watches.SLOT: 4}
    assert watches.counts_heard(con, to_micros(NOW) // watches.SLOT + 1) == {}


def test_an_alert_is_raised_once_and_owed_until_told(con: sa.Connection) -> None:
    made = rail(con)
    assert outbox.raise_alert(con, alert(made), ("log", "mail"), NOW)
    assert not outbox.raise_alert(con, alert(made), ("log", "mail"), NOW)
    assert [one.channel for one in outbox.due(con, NOW)] == ["log", "mail"]
    assert not outbox.due(con, NOW - timedelta(seconds=1))
    outbox.delivered(con, "a1", "log")
    outbox.failed(con, "a1", "mail", "refused", NOW + timedelta(minutes=1))
    assert not outbox.due(con, NOW)
    (again,) = outbox.due(con, NOW + timedelta(minutes=1))
    assert (again.channel, again.tries, again.trouble) == ("mail", 1, "refused")
    outbox.acknowledge(con, "a1")
    assert not outbox.due(con, NOW + timedelta(days=1))
    assert outbox.kept_alerts(con, id="a")[0].state == "acknowledged"


def test_a_removed_watch_leaves_nothing(con: sa.Connection) -> None:
    made = rail(con)
    watches.add_mentions(con, [(made.id, "x:p1", 1, "[]")])
    outbox.raise_alert(con, alert(made), ("log",), NOW)
    watches.remove(con, made)
    for name in ("watches", "watch_versions", "mentions", "alerts", "deliveries"):
        assert con.scalar(sa.text(f"SELECT count(*) FROM {name}")) == 0


def test_an_erasure_reaches_mentions_and_alerts(archive: Archive) -> None:
    archive.append(batch(posts=[post(1, ANN), post(2)]))
    with archive.state.begin() as con:
        made = rail(con)
        watches.add_mentions(con, [(made.id, "x:p1", 1, "[]"), (made.id, "x:p2", 1, "[]")])
        outbox.raise_alert(con, alert(made, starters=[ANN, "x:ann"], posts=["x:p1", "x:p2"]), (), NOW)
    erase(archive, ANN, NOW)
    with archive.state.read() as con:
        assert [one.post for one in watches.mentions_of(con, made.id)] == ["x:p2"]
        (found,) = outbox.kept_alerts(con)
    assert found.facts["posts"] == ["[erased]", "x:p2"]
    assert ANN[2:] not in str(found.facts)
    assert b"1234567890123" not in b"".join(
        path.read_bytes() for path in archive.home.rglob("*") if path.is_file()
    )
