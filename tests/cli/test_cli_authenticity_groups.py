"""Groups by the command: planted ones are found with their acts, none is found where there is none."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from entregent.cli.main import run

START = datetime(2024, 5, 1, 8, tzinfo=UTC)
MAP = ["--map", "account=who", "--map", "object=what", "--map", "time=when"]


def acts(path: Path, rows: Iterable[tuple[str, str, float]]) -> str:
    lines = ["who,what,when"]
    lines += [f"{who},{what},{(START + timedelta(seconds=at)).isoformat()}" for who, what, at in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def crowd() -> list[tuple[str, str, float]]:
    return [(f"u{number}", f"o{number % 24}", 3_600.0 * number) for number in range(96)]


def planted() -> list[tuple[str, str, float]]:
    together = [(f"g{one}", f"o{on}", 86_400.0 * on + one) for on in range(24) for one in range(3)]
    return [*crowd(), *together]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def asked(here: Path, rows: Iterable[tuple[str, str, float]], *more: str) -> list[str]:
    file = acts(here / "acts.csv", rows)
    return ["authenticity", "groups", file, *MAP, "-q", "--control-runs", "2", *more]


def test_a_planted_group_is_found_with_its_acts_and_its_explanations(here, capsys) -> None:
    assert run(asked(here, planted(), "--window", "60s", "--json", "--out", "tables")) == 0
    told = json.loads(capsys.readouterr().out)
    (group,) = told["groups"]
    assert [member["handle"] for member in group["members"]] == ["g0", "g1", "g2"]
    assert group["observed"] == 72
    assert group["expected"]["high"] < 36
    assert {tie["objects"] for tie in group["ties"]} == {24}
    assert [burst["observed"] for burst in group["bursts"]] == [3] * 24
    assert max(burst["expected"] for burst in group["bursts"]) < 3
    assert len(group["acts"]) == 72
    assert group["explanations"][0]["code"] == "alerts"
    assert "no proof" in told["caution"]
    assert told["shuffled"][0][1]["with_groups"] == 0
    table = pq.read_table("tables/groups.parquet")
    assert table["account"].to_pylist() == ["file:g0", "file:g1", "file:g2"]
    assert set(table["grade"].to_pylist()) == {"to look at"}
    assert all("no proof" in caution for caution in table["caution"].to_pylist())
    assert pq.read_table("tables/group_acts.parquet").num_rows == 72


def test_where_nobody_acts_together_it_says_so(here, capsys) -> None:
    rows = [(f"u{n % 40}", f"o{n % 23}", 977.0 * n) for n in range(400)]
    assert run(asked(here, rows)) == 0
    told = capsys.readouterr().out
    assert "No group of accounts acts together" in told
    assert "it should be 0" in told


def test_declared_accounts_are_found_and_called_declared(here, capsys) -> None:
    (here / "staff.csv").write_text("account;tie\ng0;employee\n@g1;employee\nfile:g2;employee\n")
    assert run(asked(here, planted(), "--window", "60s", "--declared", "staff.csv")) == 0
    told = capsys.readouterr().out
    assert "3 act here, 3 are in a group, 3 in one that is labelled declared" in told
    assert "Declared: all of them have said openly what ties them." in told
    assert "g1 (employee)" in told


def test_a_group_is_kept_as_a_finding_without_a_name(here, capsys) -> None:
    assert run([*asked(here, planted(), "--window", "60s", "--keep"), "--home", "home"]) == 0
    id = capsys.readouterr().err.split(" is kept as ")[1].split()[0]
    assert run(["authenticity", "findings", "--home", "home", "--json"]) == 0
    told = capsys.readouterr().out
    assert id in told
    assert "g0" not in told
    assert run(["authenticity", "findings", "--home", "home", "--about", "file:g0", "--json"]) == 0
    assert id in capsys.readouterr().out


def test_in_french(here, capsys) -> None:
    assert run(asked(here, planted(), "--window", "60s", "--lang", "fr", "--rows")) == 0
    told = capsys.readouterr().out
    assert "1 groupe de comptes agit ensemble" in told
    assert "ne prouve rien d’autre" in told
    assert told.count("repost:file:o3") == 3


@pytest.mark.parametrize(
    ("rows", "status", "told"),
    [
        ([("u", f"o{n}", 60.0 * n) for n in range(50)], 4, "account"),
        ([(f"u{n}", f"o{n % 5}", 0.0) for n in range(200)], 4, "very same time"),
        ([(f"u{n}", f"o{n % 5}", 86_400.0 * (n % 30)) for n in range(200)], 4, "day"),
        ([("a", "o", 1.0), ("b", "o", 2.0)], 4, ""),
    ],
    ids=["one account", "identical times", "times to the day", "two acts"],
)
def test_what_cannot_be_told_is_said_with_what_is_missing(here, capsys, rows, status, told) -> None:
    assert run(asked(here, rows)) == status
    said = capsys.readouterr().err
    assert told in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--window", "0.1s"], "window"),
        (["--window", "2d"], "window"),
        (["--window", "soon"], "soon"),
        (["--declared", "nobody.csv"], "None of the 1 declared accounts"),
        (["--declared", "missing.csv"], "no such file"),
    ],
)
def test_what_is_wrong_is_told(here, capsys, more, told) -> None:
    (here / "nobody.csv").write_text("account,tie\nzoe,employee\n")
    assert run(asked(here, planted(), *more)) == 4
    assert told in capsys.readouterr().err


def test_a_hundred_thousand_acts_on_one_object_end_in_an_answer(here, capsys) -> None:
    rows = [(f"u{n % 20_000}", "o", n / 100) for n in range(100_000)]
    assert run(asked(here, [*planted(), *rows], "--window", "60s", "--control-runs", "0")) == 0
    assert "so many acts at once" in capsys.readouterr().err
