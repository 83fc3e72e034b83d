"""``entregent study`` from the files to the folder, and everything that can stop it."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from entregent.cli.main import run
from entregent.cli.study import column_mapping

PROGRAM = "from entregent.cli.main import main; main()"
MAPPING = ["--map", "account=who", "--map", "object=what", "--map", "time=when"]


def actions(rows: int = 300) -> str:
    lines = (
        f"user{n % 11},item{n % 7},2024-05-{n % 28 + 1:02}T{n % 24:02}:{n % 60:02}:{n // 60 % 60:02}Z"
        for n in range(rows)
    )
    return "who,what,when\n" + "\n".join(lines) + "\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "acts.csv").write_text(actions(), encoding="utf-8")
    return tmp_path


def test_from_file_to_folder(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = run(["study", "acts.csv", *MAPPING, "--out", "made", "--title", "Acts", "--purpose", "To try"])
    out, err = capsys.readouterr()
    assert status == 0, err
    lines = out.splitlines()
    assert lines[0] == "Study     Acts (topic: everything)"
    assert lines[-1] == f"Open      {(here / 'made' / 'index.html').as_uri()}"
    assert len(lines) <= 11
    assert "Traceback" not in err
    record = json.loads((here / "made" / "study.json").read_text(encoding="utf-8"))
    assert record["purpose"] == "To try"
    assert list((here / "made" / "tables").glob("*.parquet"))
    assert {path.name for path in here.iterdir()} == {"acts.csv", "made", "entregent-data"}


def test_a_study_is_in_the_register(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["studies", "--format", "json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == []
    assert "No study was made here yet" in err
    assert not (here / "entregent-data").exists()

    assert (
        run(["study", "acts.csv", *MAPPING, "--out", "made", "--purpose", "To try", "--keep-days", "9"]) == 0
    )
    capsys.readouterr()
    assert run(["studies", "--format", "json"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)
    assert (entry["purpose"], entry["paths"]) == ("To try", [str(here / "made")])
    assert entry["expires"] > entry["made_at"][:10]

    assert run(["studies", "--holding", "file:user3", "--format", "csv"]) == 0
    assert "To try" in capsys.readouterr().out
    assert run(["studies", "--holding", "file:nobody", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_a_pseudonymised_study_is_found_by_the_real_account(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["study", "acts.csv", *MAPPING, "--out", "made", "--pseudonymise"]) == 0
    capsys.readouterr()
    assert run(["studies", "--holding", "file:user3", "--format", "json"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)
    assert entry["pseudonymised"] is True
    for path in (here / "made").rglob("*"):
        assert not path.is_file() or b"user3" not in path.read_bytes(), path


def test_standard_input(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(actions().encode())))
    assert run(["study", "-", "--format", "csv", *MAPPING, "--out", "made"]) == 0
    assert (here / "made" / "index.html").is_file()


def test_quiet_shows_no_progress(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["study", "acts.csv", *MAPPING, "--quiet"]) == 0
    assert all(line.startswith("entregent: warning: ") for line in capsys.readouterr().err.splitlines())
    assert (here / "study" / "index.html").is_file()


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["nothing.csv"], 4, "nothing.csv"),
        (["acts.csv", *MAPPING, "--topic", "(a OR"], 4, "(a OR"),
        (["acts.csv", "--since", "yesterday"], 4, "'yesterday' is not a date"),
        (["acts.csv", "--since", "2024-06-01", "--until", "2024-05-01"], 4, "before it starts"),
        (["acts.csv", "--zone", "Mars"], 4, "'Mars' is not a time zone"),
        (["acts.csv", "--format", "pigeon"], 4, "pigeon"),
        (["acts.csv", "--map", "account=nobody"], 4, "nobody"),
        (["acts.csv", "--map", "colour=who"], 4, "colour"),
        (["acts.csv", "--map", "account"], 2, "ROLE=COLUMN"),
        (["acts.csv", "--map", "account=a", "--map", "account=b"], 2, "mapped twice"),
        (["acts.csv", *MAPPING, "--out", "foreign"], 5, "foreign"),
        (["acts.csv", *MAPPING, "--out", "acts.csv/under"], 5, "acts.csv"),
        (["acts.csv", *MAPPING, "--home", "acts.csv/under"], 7, "acts.csv"),
        (["acts.csv", *MAPPING, "--home", "acts.csv"], 2, "acts.csv"),
        (["acts.csv", *MAPPING, "--since", "2030-01-01"], 4, ""),
        (["acts.csv", "--seed", "9" * 30], 2, "--seed"),
        (["acts.csv", "--keep-days", "99999999"], 2, "--keep-days"),
        (["letter.txt"], 4, "letter.txt"),
        (["empty.csv"], 4, "empty.csv"),
    ],
)
def test_what_stops_it_is_one_message(
    here: Path, arguments: list[str], status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "foreign").mkdir()
    (here / "foreign" / "thesis.odt").write_text("years of work")
    (here / "letter.txt").write_text("Dear aunt,\n\nthe train was late again.\n\nYours, Zoé\n")
    (here / "empty.csv").touch()
    assert run(["study", *arguments, "--quiet"]) == status
    out, err = capsys.readouterr()
    assert out == ""
    errors = [line for line in err.splitlines() if line.startswith("entregent: error: ")]
    assert len(errors) == 1
    assert said.lower() in err.lower()
    assert "Traceback" not in err
    assert not (here / "study").exists()
    assert [path.name for path in (here / "foreign").iterdir()] == ["thesis.odt"]
    assert not [path for path in here.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_nothing_half_written(here: Path, number: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "study", "-", "--format", "csv", *MAPPING, "--out", "made"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin
    assert process.stderr
    assert process.stderr.readline() == b"Starting\n"
    assert process.stderr.readline()
    process.send_signal(number)
    out, err = process.communicate(actions(1000).encode(), timeout=60)
    assert process.returncode == 130, err
    assert out == b""
    assert b"Traceback" not in err
    assert not (here / "made").exists()
    assert {path.name for path in here.iterdir()} <= {"acts.csv", "entregent-data"}


def test_mapping_keeps_the_second_equals_sign() -> None:
    param = click.Option(["--map"])
    context = click.Context(click.Command("study"))
    assert column_mapping(context, param, ("kind==repost", "url=a=b")) == {"kind": "=repost", "url": "a=b"}
