"""Settings: order, checks, messages."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from entregent.config import Config, load
from entregent.errors import ConfigError


def test_defaults_where_nothing_is_set(tmp_path: Path) -> None:
    assert load(tmp_path, {}) == Config()


def test_environment_comes_before_file_before_default(tmp_path: Path) -> None:
    (tmp_path / "entregent.toml").write_text('lang = "fr"\nzone = "Europe/Paris"\nmemory_mb = 512\n')
    found = load(tmp_path, {"ENTREGENT_ZONE": "America/Montreal", "HOME": "/elsewhere"})
    assert (found.lang, found.zone, found.memory_mb) == ("fr", "America/Montreal", 512)
    assert found.keep_raw_days == Config().keep_raw_days


def test_home_knows_the_tilde(tmp_path: Path) -> None:
    assert load(tmp_path, {"ENTREGENT_HOME": "~/data"}).home == Path.home() / "data"


def test_an_unknown_key_stops_with_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "entregent.toml").write_text('language = "fr"\n')
    with pytest.raises(
        ConfigError, match=r"entregent\.toml: There is no setting 'language'\. Valid: home, lang"
    ):
        load(tmp_path, {})


def test_an_unknown_variable_stops_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"There is no setting ENTREGENT_LANGUAGE\. Valid: ENTREGENT_HOME"):
        load(tmp_path, {"ENTREGENT_LANGUAGE": "fr"})


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('lang = "de"', "lang is 'de'. Valid: fr, en."),
        ('zone = "Mars"', "zone is 'Mars'."),
        ("lang = 1", "lang is 1. Valid: a text in quotes."),
        ('home = ""', "home is ''. Valid: a text in quotes."),
        ("memory_mb = 64", "memory_mb is 64. Valid: a whole number from 128."),
        ("memory_mb = 512.5", "memory_mb is 512.5."),
        ("keep_study_days = 0", "keep_study_days is 0."),
        ("keep_raw_days = -1", "keep_raw_days is -1."),
        ("threads = true", "threads is True."),
        ("threads = []", "threads is []."),
        ('threads = "many"', "threads is 'many'."),
    ],
)
def test_a_bad_value_stops_with_what_is_valid(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "entregent.toml").write_text(line)
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, {})
    assert said in str(caught.value)
    assert str(tmp_path / "entregent.toml") in str(caught.value)


@pytest.mark.parametrize("content", [b"lang = ", b"lang = 'fr\xff'"])
def test_what_is_not_toml_is_said(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "entregent.toml").write_bytes(content)
    with pytest.raises(ConfigError, match="not TOML"):
        load(tmp_path, {})


@pytest.mark.parametrize("setting", fields(Config), ids=lambda field: field.name)
def test_every_setting_is_described(setting: object) -> None:
    name = setting.name  # type: ignore[attr-defined]
    assert f"\n    {name} : " in (Config.__doc__ or "")
