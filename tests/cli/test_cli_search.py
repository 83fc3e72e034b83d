"""``entregent search`` as a person asks it."""

from __future__ import annotations

import csv
import io
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from entregent.cli.main import run
from entregent.records import Gap, schema
from entregent.sources.base import Batch
from entregent.store.archive import Archive

START = datetime(2024, 5, 1, 8, tzinfo=UTC)
TEXTS = ("La #GrèveSNCF dure", "Le bus roule", "En grève !\nEncore\x1b[2J" + " très" * 40)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in tuple(os.environ):
        if name.startswith("ENTREGENT_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ENTREGENT_HOME", str(tmp_path / "home"))
    blank = dict.fromkeys(schema("posts").names)
    rows = [
        {
            **blank,
            "id": f"x:{number}",
            "network": "x",
            "account": "x:1" if number else None,
            "kind": "post",
            "time": START + timedelta(hours=number),
            "text": text,
            "lang": "fr",
            "version": 0,
        }
        for number, text in enumerate(TEXTS)
    ]
    people = [{**dict.fromkeys(schema("accounts").names), "id": "x:1", "network": "x", "handle": "ann"}]
    with Archive.open(tmp_path / "home", writer=True) as archive:
        archive.append(Batch(accounts=pa.Table.from_pylist(people, schema=schema("accounts"))))
        for number, row in enumerate(rows):
            posts = pa.Table.from_pylist([row], schema=schema("posts"))
            archive.append(Batch(posts=posts), live=number == 2)
    return tmp_path / "home"


def test_posts_are_shown_newest_first(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["search", "greve", "--zone", "Europe/Paris"]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0].split() == ["time", "author", "text"]
    assert lines[2].startswith("2024-05-01 12:00  @ann    En grève ! Encore [2J très")
    assert lines[2].endswith("…")
    assert lines[3] == "2024-05-01 10:00          La #GrèveSNCF dure"
    assert "2 posts match." in err


def test_what_decided_is_shown(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["search", "greve lang:fr -bus", "--why", "--limit", "1", "--format", "json"]) == 0
    out, err = capsys.readouterr()
    (post,) = json.loads(out)
    assert post["why"][0] == {"asked": "greve", "found": True, "spans": [[3, 8]], "said": []}
    assert [reason["found"] for reason in post["why"]] == [True, True, False]
    assert post["text"] == TEXTS[2]
    assert "2 posts match; the newest 1 are shown (--limit)." in err
    assert run(["search", "greve lang:fr -bus", "--why"]) == 0
    assert "greve, lang:fr (fr), no -bus" in capsys.readouterr().out.replace("no bus", "no -bus")


def test_a_file_for_programs(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        run(["search", "bus OR grève", "--until", "2024-05-01T09:30", "--format", "csv", "--zone", "UTC"])
        == 0
    )
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["id"] for row in rows] == ["x:1", "x:0"]
    assert [row["author"] for row in rows] == ["@ann", ""]


def test_nothing_found_and_times_that_are_not_known(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Archive.open(home, writer=True) as archive:
        for n in range(5):
            start = START + timedelta(days=n)
            archive.state.add_gap(Gap("bluesky", start, start + timedelta(hours=1), "silence"))
    assert run(["search", "zebra", "--zone", "UTC"]) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 2
    assert "0 posts match." in err
    assert "Not known: nothing came from bluesky from 2024-05-05 08:00 to 2024-05-05 09:00 (silence)." in err
    assert "And 2 earlier gaps." in err


def test_a_query_that_cannot_be_understood_is_pointed_at(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["search", "grève AND"]) == 4
    assert "ends too early" in capsys.readouterr().err


def test_a_question_makes_no_home(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["search", "grève", "--home", str(tmp_path / "none")]) == 7
    assert "no archive here" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_it_can_be_asked_while_another_process_writes(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Archive.open(home, writer=True):
        assert run(["search", "bus", "-q"]) == 0
    assert "Le bus roule" in capsys.readouterr().out
