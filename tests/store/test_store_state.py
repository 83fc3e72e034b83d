"""The small database: its settings, its steps, its register, many processes at once."""

from __future__ import annotations

import stat
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from store_batches import hour

from entregent.errors import StoreError
from entregent.records import Gap
from entregent.store import migrations, state
from entregent.store.state import State, StudyEntry, new_study_id

MADE = datetime(2024, 5, 1, 12, tzinfo=UTC)


def entry(id: str = "s1", expires: date = date(2024, 11, 1), **more: object) -> StudyEntry:
    told = {
        "id": id,
        "title": "Grève à l’usine",
        "purpose": "to answer people",
        "made_at": MADE,
        "expires": expires,
        "paths": ("/tmp/out/index.html", "copy"),
        "sha256": "ab" * 32,
        "seed": 2**40,
        "pseudonymised": False,
        "version": "0.1.0",
        "topic": None,
    }
    return StudyEntry(**{**told, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 1), ("busy_timeout", 20_000), ("secure_delete", 1)],
)
def test_settings_of_each_connection(tmp_path: Path, pragma: str, value: object) -> None:
    with State.open(tmp_path) as opened, opened.begin() as con:
        assert con.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value


def test_transactions_that_write_take_the_lock_at_once(tmp_path: Path) -> None:
    begun: list[str] = []
    with State.open(tmp_path) as opened:
        sa.event.listen(opened.engine, "before_cursor_execute", lambda *told: begun.append(told[2]))
        with opened.begin() as con:
            con.execute(sa.text("SELECT 1"))
        with opened.read() as con:
            con.execute(sa.text("SELECT 1"))
    assert [text for text in begun if text.startswith("BEGIN")] == ["BEGIN IMMEDIATE", "BEGIN"]


WORK = """
import sys
from pathlib import Path
import sqlalchemy as sa
from entregent.store.state import State, cursors
with State.open(Path(sys.argv[1])) as opened:
    for _ in range(100):
        with opened.begin() as con:
            n = int(con.scalar(sa.select(cursors.c.place).where(cursors.c.source == "n")) or 0)
            con.execute(sa.delete(cursors))
            con.execute(sa.insert(cursors), {"source": "n", "place": str(n + 1)})
"""


def test_four_processes_lose_no_update(tmp_path: Path) -> None:
    # They also race to make the database and the key.
    workers = [
        subprocess.Popen([sys.executable, "-c", WORK, str(tmp_path)], stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    told = [worker.communicate(timeout=120)[1] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0, 0, 0], told
    with State.open(tmp_path) as opened:
        assert opened.cursor("n") == "400"


# Migrations


def _steps(home: Path, to: int) -> None:
    with State.open(home) as opened, opened.begin() as con:
        for table in sa.inspect(con).get_table_names():
            con.execute(sa.text(f"DROP TABLE {table}"))
        migrations.migrate(con, to=to)
        con.execute(sa.text("INSERT INTO cursors (source, place) VALUES ('old', 'kept')"))


@pytest.mark.parametrize("first", range(1, migrations.LATEST + 1))
def test_every_older_version_is_brought_up_to_date(tmp_path: Path, first: int) -> None:
    _steps(tmp_path, first)
    with State.open(tmp_path) as opened, opened.read() as con:
        assert migrations.version(con) == migrations.LATEST
        assert con.scalar(sa.select(state.cursors.c.place)) == "kept"
        inspector = sa.inspect(con)
        for table in state._metadata.sorted_tables:
            found = {column["name"]: column["nullable"] for column in inspector.get_columns(table.name)}
            assert found == {column.name: bool(column.nullable) for column in table.columns}, table.name
            key = inspector.get_pk_constraint(table.name)["constrained_columns"]
            assert set(key) == {column.name for column in table.primary_key}, table.name


def test_a_newer_database_is_refused(tmp_path: Path) -> None:
    with State.open(tmp_path) as opened, opened.begin() as con:
        con.execute(sa.text(f"INSERT INTO schema_version VALUES ({migrations.LATEST + 1})"))
    for writable in (True, False):
        with pytest.raises(StoreError, match="Use the newer Entregent"):
            State.open(tmp_path, writable=writable)


def test_an_older_database_is_not_read_without_writing(tmp_path: Path) -> None:
    _steps(tmp_path, 1)
    with pytest.raises(StoreError, match="Open the archive for writing once"):
        State.open(tmp_path, writable=False)


# Homes


def test_the_key_is_its_owners_alone_and_stays(tmp_path: Path) -> None:
    with State.open(tmp_path) as first:
        key = first.key
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    with State.open(tmp_path) as second:
        assert second.key == key


def test_a_lost_key_is_noticed_where_it_matters(tmp_path: Path) -> None:
    with State.open(tmp_path) as opened:
        opened.register_study(entry(), ["x:ann"])
    (tmp_path / "key").unlink()
    with pytest.raises(StoreError, match="key of this home is missing"):
        State.open(tmp_path)
    with pytest.raises(StoreError, match="Restore it"):
        State.open(tmp_path)


def test_a_spoilt_key_is_noticed(tmp_path: Path) -> None:
    State.open(tmp_path).close()
    (tmp_path / "key").write_bytes(b"short")
    with pytest.raises(StoreError, match="5 bytes instead of 32"):
        State.open(tmp_path)


def test_a_home_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(StoreError, match="must be a directory"):
        State.open(tmp_path / "home")
    with pytest.raises(StoreError, match="must be a directory"):
        State.open(tmp_path / "home" / "deeper")


def test_a_home_that_is_no_archive(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no archive here"):
        State.open(tmp_path, writable=False)
    (tmp_path / "state.sqlite").write_bytes(b"not a database at all" * 100)
    with pytest.raises(StoreError, match="restore it from a backup"):
        State.open(tmp_path)


# What it keeps


def test_gaps(tmp_path: Path) -> None:
    with State.open(tmp_path) as opened:
        opened.add_gap(Gap("b", hour(5), hour(6), "stopped"))
        opened.add_gap(Gap("a", hour(1), hour(2), "silence"))
        opened.add_gap(Gap("a", hour(1), hour(3), "silence"))
        assert opened.gaps() == (Gap("a", hour(1), hour(3), "silence"), Gap("b", hour(5), hour(6), "stopped"))
        assert opened.gaps("b") == (Gap("b", hour(5), hour(6), "stopped"),)


def test_the_register_tells_which_studies_hold_a_person(tmp_path: Path) -> None:
    with State.open(tmp_path) as opened:
        opened.register_study(entry("s1"), ["x:ann", "x:bob", "x:ann"])
        opened.register_study(entry("s2", pseudonymised=True, topic="grève"), ["x:bob"])
        opened.register_study(entry("s3"), [])
        assert [study.id for study in opened.studies()] == ["s1", "s2", "s3"]
        assert opened.studies_holding("x:bob") == (
            entry("s1"),
            entry("s2", pseudonymised=True, topic="grève"),
        )
        assert opened.studies_holding("x:eve") == ()
        opened.register_study(entry("s1"), ["x:eve"])
        assert [study.id for study in opened.studies_holding("x:bob")] == ["s2"]
        opened.forget_study("s1")
        assert opened.studies_holding("x:eve") == ()
    everything = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"x:bob" not in everything


def test_a_study_expires_on_its_day(tmp_path: Path) -> None:
    with State.open(tmp_path) as opened:
        opened.register_study(entry(expires=date(2024, 6, 1)), [])
        assert opened.expired(datetime(2024, 5, 31, 23, 59, tzinfo=UTC)) == ()
        assert len(opened.expired(datetime(2024, 6, 1, tzinfo=UTC))) == 1


def test_ids_of_studies_differ() -> None:
    assert len({new_study_id() for _ in range(100)}) == 100
