"""Reciprocal engagement and the follower map by the command."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from entregent.cli.main import run
from entregent.store.state import State, findings

START = datetime(2024, 5, 1, 8, tzinfo=UTC)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Posts in which four accounts answer each other, and forty others answer whom they like."""
    monkeypatch.chdir(tmp_path)
    rows = ["id,account,time,parent,text"]
    names = [*(f"m{n}" for n in range(4)), *(f"u{n}" for n in range(40))]
    rows += [f"p-{name},{name},{START.isoformat()},,a post of {name}" for name in names]
    pairs = [(a, b) for a in names[:4] for b in names[:4] if a != b]
    pairs += [(f"u{n}", f"u{(n * 7 + k) % 40}") for n in range(40) for k in (1, 3)]
    pairs += [(f"u{(n * 7 + 1) % 40}", f"u{n}") for n in range(0, 40, 2)]
    for number, (who, whom) in enumerate(pairs):
        at = (START + timedelta(minutes=number + 1)).isoformat()
        rows.append(f"r{number},{who},{at},p-{whom},an answer")
    (tmp_path / "posts.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (tmp_path / "set.csv").write_text("account\n" + "\n".join(names[:4]) + "\n", encoding="utf-8")
    return tmp_path


def test_a_set_that_answers_itself_stands_out_with_its_innocent_reasons(here, capsys) -> None:
    asked = ["authenticity", "reciprocal", "posts.csv", "--accounts", "set.csv", "-q"]
    assert run([*asked, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["members"], found["pairs"], found["mutual"]) == (4, 6, 6)
    assert found["chance"]["high"] < 6
    assert found["p"] < 0.01
    assert len(found["innocent"]) == 3
    assert run([*asked, "--lang", "fr"]) == 0
    told = capsys.readouterr().out
    assert "Sur 6 paires que forment les 4 comptes, 6 sont réciproques." in told
    assert "À regarder avant" in told


def test_it_is_kept_without_a_name(here, capsys) -> None:
    asked = ["authenticity", "reciprocal", "posts.csv", "--accounts", "set.csv", "-q", "--keep"]
    assert run([*asked, "--home", "home"]) == 0
    id = capsys.readouterr().err.split("kept as ")[1].split()[0]
    assert run(["authenticity", "findings", "--home", "home", "--about", "file:m0", "--json"]) == 0
    told = capsys.readouterr().out
    assert id in told
    assert "m0" not in told.replace("file:m0", "")


def test_a_finding_past_its_time_is_gone_when_something_is_written(here, capsys) -> None:
    asked = ["authenticity", "reciprocal", "posts.csv", "--accounts", "set.csv", "-q", "--keep"]
    assert run([*asked, "--home", "home"]) == 0
    old = capsys.readouterr().err.split("kept as ")[1].split()[0]
    with State.open(Path("home")) as state, state.begin() as con:
        con.execute(sa.update(findings).values(expires=0))
    assert run([*asked, "--home", "home"]) == 0
    new = capsys.readouterr().err.split("kept as ")[1].split()[0]
    assert run(["authenticity", "findings", "--home", "home", "--json"]) == 0
    told = capsys.readouterr().out
    assert new in told
    assert old not in told
    with State.open(Path("home")) as state, state.begin() as con:
        con.execute(sa.update(findings).values(expires=0))
    asked = ["authenticity", "decide", new, "none", "--by", "Ann", "--words", "seen", "--home", "home"]
    assert run(asked) != 0


def test_what_is_missing_is_told(here, capsys) -> None:
    assert run(["authenticity", "reciprocal", "posts.csv", "-q"]) == 2
    assert "--account" in capsys.readouterr().err
    assert run(["authenticity", "reciprocal", "posts.csv", "--account", "nobody", "-q"]) == 4
    assert "nobody" in capsys.readouterr().err
    assert run(["authenticity", "reciprocal", "posts.csv", "--account", "m0", "-q"]) == 0
    assert "At least three accounts" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["map.svg", "map.png"])
def test_followers_are_drawn(tmp_path, monkeypatch, capsys, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    lines = ["created_at"]
    lines += [(START + timedelta(days=(n * 37) % 900)).date().isoformat() for n in range(400)]
    lines[150:210] = [(START + timedelta(days=1000 + n % 3)).date().isoformat() for n in range(60)]
    Path("followers.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert run(["authenticity", "growth", "followers.csv", "--map", "--picture", name]) == 0
    drawn = Path(name).read_bytes()
    assert drawn.startswith(b"\x89PNG" if name.endswith("png") else b"<svg")
    assert run(["authenticity", "growth", "followers.csv", "--picture", name]) == 2
    assert run(["authenticity", "growth", "followers.csv", "--map", "--picture", "map.pdf"]) == 2
    assert run(["authenticity", "growth", "followers.csv", "--map", "--picture", f"no/{name}"]) == 5
