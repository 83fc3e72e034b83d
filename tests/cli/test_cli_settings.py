"""Flags come before the environment, the environment before the file, the file before the default."""

from __future__ import annotations

import inspect
from dataclasses import fields
from pathlib import Path

import pytest

from entregent.cli.main import run
from entregent.cli.settings import SETTING_FLAGS, with_flags
from entregent.config import Config
from entregent.errors import InputError


def test_order_of_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "entregent.toml").write_text(
        'lang = "fr"\nzone = "Europe/Paris"\nmemory_mb = 512\nthreads = 1\n'
    )
    monkeypatch.setenv("ENTREGENT_ZONE", "America/Montreal")
    monkeypatch.setenv("ENTREGENT_THREADS", "2")
    found = with_flags(threads=3, lang=None, home=None)
    assert (found.threads, found.zone, found.memory_mb, found.lang) == (3, "America/Montreal", 512, "fr")
    assert found.home == Config().home


def test_a_flag_that_is_zero_is_a_flag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ENTREGENT_THREADS", "2")
    assert with_flags(threads=0).threads == 0


def test_a_zone_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="Mars"):
        with_flags(zone="Mars")


def test_every_flag_is_a_setting() -> None:
    assert set(SETTING_FLAGS) <= {field.name for field in fields(Config)}
    assert inspect.signature(Config).parameters.keys() >= SETTING_FLAGS.keys()


@pytest.mark.parametrize("command", [["doctor"], ["studies"]])
def test_a_bad_setting_stops_every_command(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ENTREGENT_LANGUAGE", "fr")
    assert run(command) == 3
    assert "There is no setting ENTREGENT_LANGUAGE" in capsys.readouterr().err
