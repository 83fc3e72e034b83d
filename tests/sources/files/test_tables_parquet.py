from __future__ import annotations

import hashlib
import io
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tables_reading import RECEIVED, Read, read

from entregent.errors import InputError, MappingError
from entregent.progress import Quiet
from entregent.sources.files.format import Opened, Options
from entregent.sources.files.tables import Parquet, read_edges


def parquet(**columns: object) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


def from_parquet(**columns: object) -> Read:
    return read(parquet(**columns), Parquet(), "t.parquet")


def test_types_of_columns() -> None:
    found = from_parquet(
        id=pa.array([2**60 + 1, 7], pa.int64()),
        user_id=pa.array([12.0, None], pa.float64()),
        text=pa.array(["été", "x"]).dictionary_encode(),
        created_at=pa.array(
            [datetime(2024, 5, 1, 10, tzinfo=UTC)] * 2, pa.timestamp("ms", tz="Europe/Paris")
        ),
        hashtags=pa.array([["a", "b"], None]),
        likes=pa.array([3, None], pa.int32()),
        odd=pa.array([{"a": 1}, None]),
    )
    assert [post["id"] for post in found.posts] == [f"file:{2**60 + 1}", "file:7"]
    assert [post["account"] for post in found.posts] == ["file:12", None]
    assert found.posts[0]["hashtags"] == ["a", "b"]
    assert found.posts[0]["time"] == datetime(2024, 5, 1, 10, tzinfo=UTC)
    assert [row["value"] for row in found.observations] == [3]
    assert "time.no_zone" not in found.notices


def test_times_without_zone_days_and_floats() -> None:
    naive = from_parquet(text=["x"], time=pa.array([datetime(2024, 5, 1, 10)], pa.timestamp("ns")))  # noqa: DTZ001
    assert naive.notices["time.no_zone"] == 1
    days = from_parquet(text=["x"], time=pa.array([date(2024, 5, 1)]))
    assert days.notices["time.day_only"] == 1
    seconds = from_parquet(text=["x"], time=pa.array([1.6e9]))
    assert seconds.posts[0]["time"] == datetime(2020, 9, 13, 12, 26, 40, tzinfo=UTC)


def test_ids_beyond_what_floats_hold_are_counted() -> None:
    found = from_parquet(id=[445917982051179127.0, 5.0], text=["x", "y"])
    assert found.notices["id.rounded"] == 1
    assert found.where["id.rounded"] == ("t.parquet:1",)


@pytest.mark.parametrize("content", [b"PAR1", b"PAR1" + b"x" * 100, b"PAR1xxxxPAR1"])
def test_damaged_files_give_one_clear_error(content: bytes) -> None:
    with pytest.raises(InputError, match=r"t\.parquet: This Parquet file cannot be read"):
        read(content, Parquet(), "t.parquet")


def test_a_file_cut_short_and_a_damaged_page() -> None:
    whole = parquet(text=[f"texte numéro {n}" for n in range(5_000)])
    with pytest.raises(InputError):
        read(whole[: len(whole) // 2], Parquet(), "t.parquet")
    middle = bytearray(whole)
    middle[200:400] = b"\xff" * 200
    with pytest.raises(InputError):
        read(bytes(middle), Parquet(), "t.parquet")


def test_columns_that_say_nothing() -> None:
    with pytest.raises(MappingError, match=r"t\.parquet"):
        from_parquet(price=[1])


def opened(path: Path) -> Opened:
    with path.open("rb") as file:
        head = file.read(65_536)
    return Opened(str(path), head, io.BytesIO(), path)


@pytest.mark.data
def test_coordination_ru(shared_data: Path) -> None:
    path = shared_data / "coordination_ru" / "russian_coord_tweets.parquet"
    if not path.exists():
        pytest.skip(f"{path} is missing")
    found = Read(list(Parquet().read(opened(path), Options(RECEIVED), Quiet())))
    assert len(found.interactions) == 35_125
    assert len({act["actor"] for act in found.interactions}) == 9_509
    assert len({act["object"] for act in found.interactions}) == 7_285
    assert len({act["id"] for act in found.interactions}) == 35_085
    assert {act["kind"] for act in found.interactions} == {"share"}
    times = [act["time"] for act in found.interactions]
    assert (min(times).date(), max(times).date()) == (date(2021, 1, 17), date(2021, 8, 30))
    assert found.notices.keys() == {"table.columns_guessed"}


@pytest.mark.data
def test_cascades_with_their_edges(shared_data: Path) -> None:
    folder = shared_data / "cascades-stackexchange"
    if not folder.exists():
        pytest.skip(f"{folder} is missing")
    content = (folder / "android.csv").read_bytes()
    found = read(content, relative_time=True)
    assert len(found.interactions) == 28_343
    assert len({act["object"] for act in found.interactions}) == 679
    assert all(act["target"] for act in found.interactions)
    assert all(act["time"] for act in found.interactions)
    edges = Read(list(read_edges(str(folder / "android.edges.csv"), Options(RECEIVED))))
    assert len(edges.interactions) == 48_573
    first = edges.interactions[0]
    assert (first["kind"], first["actor"], first["target"]) == ("follow", "file:674", "file:48")
    assert (first["object"], first["time"]) == (None, None)
    assert edges.notices["edges.direction"] == 1


def test_edges_however_they_are_written(tmp_path: Path) -> None:
    for name, content in {
        "named.csv": b"weight;followed;follower\n1;b;a\n",
        "two.tsv": b"x\ty\na\tb\n",
        "bare.csv": b"1,2\n3,4\n",
        "table.parquet": parquet(source=["a"], target=["b"]),
    }.items():
        (tmp_path / name).write_bytes(content)
        found = Read(list(read_edges(str(tmp_path / name), Options(RECEIVED))))
        pairs = Counter((act["actor"], act["target"]) for act in found.interactions)
        expected = [("1", "2"), ("3", "4")] if name == "bare.csv" else [("a", "b")]
        assert pairs == Counter((f"file:{one}", f"file:{other}") for one, other in expected)
        (file,) = found.batches[-1].finished
        assert file.sha256 == hashlib.sha256(content).hexdigest()
        assert (file.bytes, file.rows) == (len(content), len(expected))


def test_edges_that_cannot_be_told(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text("a,b,c\n1,2,3\n", encoding="utf-8")
    with pytest.raises(MappingError, match="who follows whom"):
        list(read_edges(str(tmp_path / "e.csv"), Options(RECEIVED)))
    (tmp_path / "empty.csv").write_bytes(b"")
    with pytest.raises(InputError):
        list(read_edges(str(tmp_path / "empty.csv"), Options(RECEIVED)))
    with pytest.raises(InputError):
        list(read_edges(str(tmp_path / "missing.csv"), Options(RECEIVED)))
