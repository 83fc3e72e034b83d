"""Whatever happens to the process, the disk or the files: all of a batch, or nothing, or a clear error."""

from __future__ import annotations

import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from store_batches import START, act, batch, grave, outcome, payload, post, story

from entregent.errors import ArchiveLocked, StoreError
from entregent.sources.base import Batch
from entregent.store.archive import Archive

HERE = Path(__file__).parent
KILLS = 20


def shown(archive: Archive) -> dict[str, int]:
    found = archive.scan("posts", ["id", "version"]).read_all().to_pylist()
    latest = {row["id"]: row["version"] for row in found}
    assert len(latest) == len(found), "a post is doubled"
    return latest


def on_disk(archive: Archive) -> set[str]:
    files = (path for path in (archive.home / "segments").rglob("*") if path.is_file())
    return {str(path.relative_to(archive.home)) for path in files}


def counted(archive: Archive) -> set[str]:
    return {segment.name for segment in archive.segments()}


# Killed


@contextmanager
def nursery() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, str(HERE / "store_killed.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.communicate(timeout=60)


def run(process: subprocess.Popen[str], home: Path, step: int, delay: float) -> str:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{home} 7 {step} {delay}\n")
    process.stdin.flush()
    return process.stdout.readline().strip()


def test_killed_at_any_point_nothing_is_lost_halved_or_doubled(tmp_path: Path) -> None:
    told = story(7, 4)
    rng = random.Random(11)
    committed = []
    with nursery() as process:
        calls = int(run(process, tmp_path / "whole", 0, 0))
        assert calls > 100
        for kill in range(KILLS):
            home = tmp_path / str(kill)
            by_call = kill % 2 == 0
            fate = run(
                process,
                home,
                # Compaction makes most calls, and only kills before it find what is not written yet.
                int(calls ** rng.uniform(0.6, 1)) if by_call else 0,
                0 if by_call else rng.uniform(0.02, 0.6),
            )
            assert fate == "-1" or (not by_call and fate == str(calls))
            with Archive.open(home, writer=True, threads=1) as archive:
                cursor = archive.cursor("story")
                done = 0 if cursor is None else int(cursor) + 1
                assert shown(archive) == outcome(told[:done])
                assert on_disk(archive) == counted(archive)
                for one in told:
                    archive.append(one, source="story")
                assert shown(archive) == outcome(told)
                archive.verify()
            committed.append(done)
            shutil.rmtree(home)
    assert len(set(committed)) > 3, "the kills must fall at different places"


# Damaged


@pytest.fixture
def home(tmp_path: Path) -> Path:
    with Archive.open(tmp_path / "home", writer=True, threads=1) as archive:
        archive.append(
            batch(posts=[post(n, text=random.Random(n).randbytes(200).hex()) for n in range(500)]), source="s"
        )
        archive.append(batch(posts=[post(n) for n in range(500, 503)]))
    return tmp_path / "home"


def largest(home: Path) -> Path:
    return max(home.rglob("*.parquet"), key=lambda path: path.stat().st_size)


def flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 0xFF
    path.write_bytes(bytes(data))


def footer(path: Path) -> int:
    """Return where the footer of a Parquet file starts."""
    return path.stat().st_size - 8 - int.from_bytes(path.read_bytes()[-8:-4], "little")


def test_a_missing_segment_is_named(home: Path) -> None:
    lost = largest(home)
    lost.unlink()
    with Archive.open(home, writer=True) as archive:
        for ask in (archive.connection, archive.verify, lambda: archive.compact(START)):
            with pytest.raises(StoreError, match=f"{lost.name}.*missing.*backup.*forget"):
                ask()
        with pytest.raises(StoreError, match=lost.name):
            archive.append(batch(posts=[post(1)]))
        archive.forget(str(lost.relative_to(home)))
        assert sorted(shown(archive)) == ["x:p500", "x:p501", "x:p502"]
        archive.append(batch(posts=[post(1)]))
        assert len(shown(archive)) == 4


@pytest.mark.parametrize("how", ["cut", "footer", "page"])
def test_a_damaged_segment_is_named(home: Path, how: str) -> None:
    path = largest(home)
    if how == "cut":
        path.write_bytes(path.read_bytes()[:-100])
    else:
        flip(path, footer(path) if how == "footer" else path.stat().st_size // 2)
    with Archive.open(home, writer=False, threads=1) as archive:
        with pytest.raises(StoreError, match=path.name):
            archive.verify()
        if how != "page":
            with pytest.raises(StoreError, match=path.name):
                archive.scan("posts").read_all()


def test_a_name_that_is_no_segment_cannot_be_forgotten(archive: Archive) -> None:
    with pytest.raises(StoreError, match="no segment 'x'"):
        archive.forget("x")


# Full disk


@contextmanager
def file_size_limit(most: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("most", [1_000, 20_000])
def test_a_disk_that_takes_no_more_keeps_nothing_half(archive: Archive, most: int) -> None:
    archive.append(batch(posts=[post(1)], cursor="1"), source="s")
    large = batch(
        posts=[post(n, text=random.Random(n).randbytes(500).hex()) for n in range(2, 300)],
        interactions=[act(1)],
        cursor="2",
    )
    with file_size_limit(most), pytest.raises(StoreError, match=r"could not be written|refused"):
        archive.append(large, source="s")
    assert shown(archive) == {"x:p1": 0}
    assert archive.cursor("s") == "1"
    assert on_disk(archive) == counted(archive)
    assert archive.append(large, source="s").new["posts"] == 298
    assert archive.cursor("s") == "2"


def test_a_full_file_system(tmp_path: Path) -> None:
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("no file system can be mounted here (needs root); the size limit above stands in for it")
    try:
        kept = 0
        with Archive.open(place / "home", writer=True, threads=1) as archive:

            def fill() -> None:
                nonlocal kept
                for number in range(100):
                    archive.append(
                        batch(
                            posts=[
                                post(
                                    number * 100 + n,
                                    text=random.Random(number * 100 + n).randbytes(300).hex(),
                                )
                                for n in range(100)
                            ],
                            cursor=str(number),
                        )
                    )
                    kept = number + 1

            with pytest.raises(StoreError, match=r"space|full|I/O"):
                fill()
            assert len(shown(archive)) == kept * 100 > 0
            assert archive.cursor("") == str(kept - 1)
            assert on_disk(archive) == counted(archive)
        with Archive.open(place / "home", writer=False) as archive:
            assert len(shown(archive)) == kept * 100
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_a_failed_commit_leaves_no_segment(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("entregent.store.notices.add", fail)
    with pytest.raises(KeyboardInterrupt):
        archive.append(batch(posts=[post(1)]))
    monkeypatch.undo()
    assert on_disk(archive) == set()
    assert archive.append(batch(posts=[post(1)])).new["posts"] == 1


def test_a_failed_compaction_changes_nothing(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(4):
        archive.append(batch(posts=[post(n), post(n + 24)]))
    before, files = shown(archive), counted(archive)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(StoreError, match="No space left"):
        archive.compact(START)
    monkeypatch.undo()
    assert (shown(archive), counted(archive), on_disk(archive)) == (before, files, files)


# Homes and processes


def test_a_second_writer_is_told_who_writes(tmp_path: Path) -> None:
    with Archive.open(tmp_path, writer=True):
        with pytest.raises(ArchiveLocked, match=rf"pid {os.getpid()}.*Wait until it ends"):
            Archive.open(tmp_path, writer=True)
        Archive.open(tmp_path, writer=False).close()
    Archive.open(tmp_path, writer=True).close()


def test_a_reader_cannot_write(home: Path) -> None:
    with Archive.open(home, writer=False) as archive:
        for ask in (lambda: archive.append(Batch()), lambda: archive.compact(START), archive.sweep):
            with pytest.raises(StoreError, match="opened for reading"):
                ask()


def test_two_readers_keep_their_view_while_one_writes(home: Path) -> None:
    with (
        Archive.open(home, writer=True, threads=1) as writer,
        Archive.open(home, writer=False, threads=1) as first,
        Archive.open(home, writer=False, threads=1) as second,
    ):
        views = [first.connection(), second.connection()]
        writer.append(batch(posts=[post(900), post(1, version=1)], tombstones=[grave("x:p2")]))
        writer.compact(START)
        for con in views:
            assert con.sql("SELECT count(*), count(text), max(version) FROM posts").fetchall() == [
                (503, 503, 0)
            ]
            con.close()
        assert len(shown(first)) == len(shown(second)) == len(shown(writer)) == 503
        assert on_disk(writer) > counted(writer), "files that are still read stay"
        first.close()
        second.close()
        writer.compact(START)
        assert on_disk(writer) == counted(writer)


def test_an_erasure_does_not_wait_for_readers(home: Path) -> None:
    from entregent.store.erase import erase

    with Archive.open(home, writer=True) as writer, Archive.open(home, writer=False) as reader:
        con = reader.connection()
        erase(writer, "x:ann", START)
        with pytest.raises(duckdb.Error):
            con.sql("SELECT count(text) FROM posts").fetchall()
        con.close()
        assert shown(reader) == {}


READ_ONLY = """
import os, sys
from pathlib import Path
from entregent.errors import StoreError
from entregent.store.archive import Archive
home = Path(sys.argv[1])
with Archive.throw_away(threads=1) as archive:
    archive.scan("posts", ["id"]).read_all()
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
with Archive.open(home, writer=False, threads=1) as archive:
    sys.stdout.write(f"{archive.scan('posts', ['id']).read_all().num_rows}\\n")
try:
    Archive.open(home, writer=True)
except StoreError as error:
    sys.stdout.write(str(error))
"""


def test_a_home_that_cannot_be_written_can_be_read(home: Path) -> None:
    with tempfile.TemporaryDirectory() as place:
        frozen = Path(place) / "home"
        shutil.copytree(home, frozen)
        inside = sorted(frozen.rglob("*"))
        for path in (Path(place), frozen, *inside):
            path.chmod(0o555 if path.is_dir() else 0o444)
        try:
            found = subprocess.run(
                [sys.executable, "-c", READ_ONLY, str(frozen)], capture_output=True, text=True, timeout=60
            )
        finally:
            for path in (Path(place), frozen, *inside):
                path.chmod(0o755 if path.is_dir() else 0o644)
    rows, _, error = found.stdout.partition("\n")
    assert rows == "503", found.stderr
    assert str(frozen) in error


def test_a_home_that_does_not_exist_is_not_made_for_a_reader(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no archive here"):
        Archive.open(tmp_path / "none", writer=False)
    assert not (tmp_path / "none").exists()


def test_what_a_killed_process_left_in_the_temporary_directory_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    left = tmp_path / "entregent-throw-away-left"
    shutil.copytree(_spent(tmp_path), left)
    os.utime(left / "writer.lock", (0, 0))
    with Archive.throw_away() as busy:
        os.utime(busy.home / "writer.lock", (0, 0))
        with Archive.throw_away():
            assert busy.home.exists()
            assert not left.exists()


def _spent(parent: Path) -> Path:
    with Archive.open(parent / "spent", writer=True) as archive:
        archive.append(batch(raw=[payload("x:p1")]))
    return parent / "spent"


def test_segments_are_plain_parquet(home: Path) -> None:
    table = pq.read_table(largest(home))
    assert table.num_rows == 500
    assert pq.ParquetFile(largest(home)).metadata.row_group(0).column(0).compression == "ZSTD"
