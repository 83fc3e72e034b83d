"""``entregent world`` writes files that ``entregent study`` reads."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import click
import pytest

from entregent.cli.main import run
from entregent.cli.world import world
from entregent.world.settings import FORMATS, WorldSettings

SMALL = ["--people", "200", "--days", "10", "--seed", "3", "--quiet"]


def test_every_dial_has_a_flag_with_its_default_and_meaning() -> None:
    options = {option.name: option for option in world.params if isinstance(option, click.Option)}
    for dial in fields(WorldSettings):
        if dial.default is None:
            continue
        assert dial.name in options
        assert str(options[dial.name].default) == str(dial.default)
        assert options[dial.name].help
    meanings = [option.help for option in options.values()]
    assert len(meanings) == len(set(meanings))


@pytest.mark.parametrize("form", FORMATS)
def test_a_world_can_be_studied(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["world", *SMALL, "--format", form, "--out", "w"]) == 0, capsys.readouterr().err
    out, err = capsys.readouterr()
    assert err == ""
    assert "conversation.jsonl" in out
    assert (tmp_path / "w" / "truth.parquet").is_file()
    assert run(["study", "w/conversation.jsonl", "--out", "s", "--quiet"]) == 0, capsys.readouterr().err
    assert (tmp_path / "s" / "index.html").is_file()


def test_a_bad_dial_is_one_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["world", "--homophily", "2", "--out", str(tmp_path / "w"), "--quiet"]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("entregent: error: world: homophily is 2.0. Valid: a number from 0 to 1.")
    assert not (tmp_path / "w").exists()
