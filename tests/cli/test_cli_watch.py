"""Watches on the command line: from a replayed conversation to an explained alert."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from entregent.cli.main import run
from entregent.cli.watch import budget_of
from entregent.errors import InputError

START = datetime(2024, 5, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with eight calm days and a burst, and a watch over them."""
    folder = tmp_path_factory.mktemp("watched")
    lines = ["id,account,time,text"]
    for n in range(8 * 48):
        lines.append(f"c{n},by{n % 90},{(START + n * timedelta(minutes=30)).isoformat()},La SNCF roule")
    for n in range(60):
        moment = START + timedelta(days=7, hours=9, minutes=n)
        lines.append(f"b{n},who{n},{moment.isoformat()},Panne SNCF à Lyon")
    table = folder / "posts.csv"
    table.write_text("\n".join(lines), encoding="utf-8")
    assert run(["watch", "add", "Rail", "sncf", "--home", str(folder / "home")]) == 0
    told = ["listen", "--home", str(folder / "home"), "--replay", str(table), "-q"]
    assert run(told) == 0
    return folder / "home"


def out(capsys: pytest.CaptureFixture[str], home: Path, *arguments: str) -> str:
    capsys.readouterr()
    assert run([*arguments, "--home", str(home)]) == 0
    return capsys.readouterr().out


def test_an_alert_is_listed_shown_seen_and_muted(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(out(capsys, home, "alerts", "list", "--format", "json"))
    assert {"panne", "lyon"} <= set(found[0]["new"])
    shown = out(capsys, home, "alerts", "show", found[0]["id"][:6])
    assert "Began     file:who0" in shown
    assert "panne" in shown
    out(capsys, home, "alerts", "ack", found[0]["id"])
    assert (
        json.loads(out(capsys, home, "alerts", "show", found[0]["id"], "--json"))["state"] == "acknowledged"
    )
    assert "until" in out(capsys, home, "alerts", "mute", "Rail", "2d")
    assert "people are told" in out(capsys, home, "alerts", "mute", "Rail", "0")
    assert run(["alerts", "show", "zz", "--home", str(home)]) == 4


def test_a_back_test_finds_what_was_raised_live(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    live = {one["id"] for one in json.loads(out(capsys, home, "alerts", "list", "--format", "json"))}
    past = out(capsys, home, "watch", "backtest", "Rail", "--format", "json")
    assert {one["id"] for one in json.loads(past[past.index("[") :])} == live
    table = out(capsys, home, "watch", "backtest", "panne", "--budget", "2/month")
    assert "60 of 444 match" in table


def test_a_query_is_tried_and_explained(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tried = out(capsys, home, "watch", "test", "panne sncf", "Panne à la SNCF", "SNCF")
    assert tried.splitlines() == ["yes  [Panne] à la [SNCF]", "no   SNCF"]
    assert "[Panne]" in out(capsys, home, "watch", "test", "panne")
    assert "missing   panne" in out(capsys, home, "watch", "why", "panne", "file:c1")
    assert run(["watch", "why", "panne", "file:none", "--home", str(home)]) == 4
    assert run(["watch", "test", "panne OR (", "--home", str(home)]) == 4
    assert "^" in capsys.readouterr().err


def test_a_series_leaves_open_what_is_not_known(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = json.loads(out(capsys, home, "series", "sncf", "panne", "--slot", "1h", "--format", "json"))
    loud = next(row for row in told if row["time"].startswith("2024-05-08T09"))
    assert (loud["sncf"], loud["panne"], loud["share of panne"]) == (62, 60, 0.492)


def test_watches_are_listed_changed_and_removed(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    added = out(capsys, home, "watch", "add", "Lyon", "lyon", "--budget", "1/day")
    assert "60 stored posts match" in added
    assert run(["watch", "add", "Lyon", "lyon", "--home", str(home)]) == 4
    out(capsys, home, "watch", "add", "Lyon", "panne", "--replace")
    listed = json.loads(out(capsys, home, "watch", "list", "--format", "json"))
    assert {one["name"]: one["query"] for one in listed} == {"Lyon": "panne", "Rail": "sncf"}
    assert "Removed   Lyon" in out(capsys, home, "watch", "remove", "Lyon")


def test_nothing_is_there_yet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["watch", "list"], ["alerts", "list"]):
        out(capsys, tmp_path / "none", *command)
        assert not (tmp_path / "none").exists()
    assert run(["series", "sncf", "--home", str(tmp_path / "none")]) == 4


@pytest.mark.parametrize("text", ["", "0/week", "8/week", "1/year", "-1/week", "one"])
def test_a_budget_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="budget"):
        budget_of(text)
