from __future__ import annotations

import csv
import errno
import hashlib
import json
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from study_builder import study

from entregent.errors import OutputError
from entregent.report import directory as module
from entregent.report import write
from entregent.report.model import Study
from entregent.report.tables import flat


@pytest.fixture(scope="module")
def rich() -> Study:
    return study()


def _names(place: Path) -> set[str]:
    return {path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file()}


def _listed(place: Path) -> list[str]:
    return sorted(path.name for path in place.iterdir())


def test_writes_all_of_it(rich: Study, tmp_path: Path) -> None:
    written = write(rich, tmp_path / "a" / "study", lang="fr")
    assert {path.relative_to(tmp_path / "a" / "study").as_posix() for path in written} == {
        "index.html",
        "study.json",
        "tables/people.csv",
        "tables/people.parquet",
        "tables/posts.csv",
        "tables/posts.parquet",
    }
    assert _listed(tmp_path / "a") == ["study"]
    assert pq.read_table(tmp_path / "a/study/tables/posts.parquet").equals(rich.tables["posts"])


def test_record_holds_provenance(rich: Study, tmp_path: Path) -> None:
    write(rich, tmp_path / "s", lang="fr")
    record = json.loads((tmp_path / "s/study.json").read_text(encoding="utf-8"))
    assert record["schema"] == "entregent.study/1"
    assert record["seed"] == 7
    assert record["inputs"][0]["sha256"] == "9f" * 32
    assert record["time_range"]["first"] == "2024-03-04T05:00:00+00:00"
    assert record["expires"] == "2199-11-03"
    assert record["warnings"][0] == {
        "code": "file.broken_line",
        "text": "3 lines could not be read",
        "count": 3,
        "where": ["jetstream-2024-03.jsonl.zst:17", "jetstream-2024-03.jsonl.zst:901"],
    }
    page = (tmp_path / "s/index.html").read_bytes()
    assert record["files"]["index.html"]["sha256"] == hashlib.sha256(page).hexdigest()


def test_same_study_twice_is_the_same_to_the_byte(rich: Study, tmp_path: Path) -> None:
    write(rich, tmp_path / "one", lang="en")
    write(rich, tmp_path / "two", lang="en")
    for name in _names(tmp_path / "one"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name


def test_replaces_an_earlier_study_whole(rich: Study, tmp_path: Path) -> None:
    write(rich, tmp_path / "s", lang="en")
    write(replace(rich, tables={"people": rich.tables["people"]}), tmp_path / "s", lang="en")
    assert "tables/posts.csv" not in _names(tmp_path / "s")
    assert _listed(tmp_path) == ["s"]


def test_writes_into_an_empty_directory(rich: Study, tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    write(rich, tmp_path / "s", lang="en")
    assert (tmp_path / "s/index.html").is_file()


@pytest.mark.parametrize("name", ["notes.txt", ".hidden", "tables/mine.csv"])
def test_foreign_file_in_an_earlier_study_stops(rich: Study, tmp_path: Path, name: str) -> None:
    write(rich, tmp_path / "s", lang="en")
    (tmp_path / "s" / name).write_text("mine")
    before = (tmp_path / "s/index.html").stat().st_mtime_ns
    with pytest.raises(OutputError, match=name):
        write(rich, tmp_path / "s", lang="en")
    assert (tmp_path / "s" / name).read_text() == "mine"
    assert (tmp_path / "s/index.html").stat().st_mtime_ns == before


@pytest.mark.parametrize("record", [None, "{}", "not json", '{"schema": "other", "files": {}}', "[]"])
def test_directory_of_others_stops(rich: Study, tmp_path: Path, record: str | None) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s/thesis.doc").write_text("years of work")
    if record is not None:
        (tmp_path / "s/study.json").write_text(record)
    with pytest.raises(OutputError, match="no study of ours"):
        write(rich, tmp_path / "s", lang="en")
    assert (tmp_path / "s/thesis.doc").read_text() == "years of work"


def test_file_in_the_way_stops(rich: Study, tmp_path: Path) -> None:
    (tmp_path / "s").write_text("a file")
    with pytest.raises(OutputError, match="file of that name"):
        write(rich, tmp_path / "s", lang="en")


def test_link_to_a_directory_of_others_stops(rich: Study, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home/x").write_text("x")
    (tmp_path / "s").symlink_to(tmp_path / "home")
    with pytest.raises(OutputError):
        write(rich, tmp_path / "s", lang="en")
    assert (tmp_path / "home/x").is_file()


def _fail(*args: object, **kwargs: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_full_disk_leaves_nothing(rich: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "write_table", _fail)
    with pytest.raises(OutputError, match="disk is full"):
        write(rich, tmp_path / "deep" / "s", lang="en")
    assert _listed(tmp_path) == []


def test_full_disk_keeps_the_earlier_study(
    rich: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(rich, tmp_path / "s", lang="en")
    names = _names(tmp_path / "s")
    monkeypatch.setattr(module, "write_table", _fail)
    with pytest.raises(OutputError):
        write(rich, tmp_path / "s", lang="en")
    assert _names(tmp_path / "s") == names
    assert _listed(tmp_path) == ["s"]


def test_failed_exchange_puts_the_earlier_study_back(
    rich: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(rich, tmp_path / "s", lang="en")
    rename = Path.rename

    def once(self: Path, target: Path) -> Path:
        if "part" in self.name:
            raise OSError(errno.EIO, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", once)
    with pytest.raises(OutputError, match="Input/output error"):
        write(rich, tmp_path / "s", lang="en")
    assert _listed(tmp_path) == ["s"]
    assert (tmp_path / "s/index.html").is_file()


def test_interrupt_leaves_nothing(rich: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "write_table", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(rich, tmp_path / "s", lang="en")
    assert _listed(tmp_path) == []


def test_killed_run_shows_nothing_and_is_cleared_by_the_next(rich: Study, tmp_path: Path) -> None:
    code = """
        import os, signal, sys
        from pathlib import Path
        sys.path.insert(0, sys.argv[1])
        from study_builder import study
        from entregent.report import directory
        directory.write_table = lambda *args: os.kill(os.getpid(), signal.SIGKILL)
        directory.write(study(12), Path(sys.argv[2]) / "s", lang="en")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(Path(__file__).parent), str(tmp_path)], check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "s").exists()
    assert len(_listed(tmp_path)) == 1
    write(rich, tmp_path / "s", lang="en")
    assert _listed(tmp_path) == ["s"]


def test_study_set_aside_by_a_killed_run_comes_back(
    rich: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(rich, tmp_path / "s", lang="en")
    (tmp_path / "s").rename(tmp_path / ".s.entregent-old-0badcafe")
    monkeypatch.setattr(module, "write_table", _fail)
    with pytest.raises(OutputError):
        write(rich, tmp_path / "s", lang="en")
    assert (tmp_path / "s/index.html").is_file()


def test_place_that_may_not_be_written(rich: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: Path, *args: object, **kwargs: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refused)
    with pytest.raises(OutputError, match="Permission denied"):
        write(rich, tmp_path / "x" / "s", lang="en")


def test_csv_is_what_a_program_and_a_spreadsheet_can_read(rich: Study, tmp_path: Path) -> None:
    write(rich, tmp_path / "s", lang="en")
    with (tmp_path / "s/tables/posts.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["text"] == '\'=HYPERLINK("http://bad")'
    assert rows[0]["hashtags"] == "VéloEnGare a"
    assert rows[0]["time"] == "2024-03-04T00:00:00.000000Z"
    assert rows[1]["text"] == "ligne 1\nligne 2, « fin »"
    assert rows[1]["time"] == ""


FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@given(st.lists(st.one_of(st.none(), st.text(), st.builds(str.__add__, st.sampled_from(FORMULA), st.text()))))
def test_no_cell_starts_a_formula(texts: list[str | None]) -> None:
    texts = [None if text is None else text.encode("utf-8", "replace").decode() for text in texts]
    safe = flat(pa.table({"text": pa.array(texts, pa.string())}))["text"].to_pylist()
    for before, after in zip(texts, safe, strict=True):
        assert after is None or not after.startswith(FORMULA)
        assert after in (before, f"'{before}")


def test_every_kind_of_column_becomes_text_or_a_number() -> None:
    table = pa.table(
        {
            "=name": pa.array([1], pa.int64()),
            "struct": pa.array([{"a": [1, 2]}]),
            "lists": pa.array([[["a"], []]]),
            "numbers": pa.array([[1, 2]], pa.list_(pa.int64())),
            "code": pa.array(["x"]).dictionary_encode(),
            "naive": pa.array([0], pa.timestamp("us")),
            "empty": pa.nulls(1),
        }
    )
    got = flat(table)
    assert got.column_names[0] == "'=name"
    assert got["struct"].to_pylist() == ['{"a": [1, 2]}']
    assert got["numbers"].to_pylist() == ["1 2"]
    assert got["naive"].to_pylist() == ["1970-01-01T00:00:00.000000"]
