from __future__ import annotations

import msgspec
import pytest

from entregent.config import load
from entregent.errors import ConfigError
from entregent.sources import registry
from entregent.sources.secret import secret


class Box(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    server: str
    port: int = 1


def test_a_table_becomes_the_settings_of_its_kind():
    assert registry.settings(Box, {"kind": "box", "server": "s", "port": 3}, "sources.b") == Box("s", 3)


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"server": "s", "prot": 3}, "'prot'"),
        ({"server": "s", "port": "3"}, "`port`"),
        ({"port": 3}, "server"),
    ],
)
def test_a_bad_table_is_told_with_the_valid_keys(table, told):
    with pytest.raises(ConfigError) as error:
        registry.settings(Box, table, "sources.b")
    assert told in error.value.what
    assert error.value.where == "sources.b"
    assert error.value.valid == ("server", "port")


@pytest.mark.parametrize("table", [{}, {"kind": "carrier pigeon"}, {"kind": 3}])
def test_a_kind_that_is_not_known_is_told(table):
    with pytest.raises(ConfigError, match="kind is"):
        registry.live_source("b", table)


def test_a_file_may_hold_a_secret(tmp_path):
    (tmp_path / "token").write_text("s3cret\n", encoding="utf-8")
    assert secret(f"file:{tmp_path}/token", where="x").reveal() == "s3cret"


@pytest.mark.parametrize("told", ["env:NOT_THERE", "file:/not/there", "s3cret", "env:", ""])
def test_a_secret_that_is_not_there_is_told_without_what_was_given(told):
    with pytest.raises(ConfigError) as error:
        secret(told, where="sources.x.token", environ={})
    assert "s3cret" not in str(error.value)
    assert "sources.x.token" in str(error.value)


def test_a_secret_is_never_shown():
    held = secret("env:T", where="x", environ={"T": "s3cret"})
    assert "s3cret" not in f"{held!r} {held} {[held]}"


def test_sources_stand_in_the_file_only(tmp_path):
    (tmp_path / "entregent.toml").write_text('[sources.news]\nkind = "feeds"\n', encoding="utf-8")
    assert load(tmp_path, {}).sources == {"news": {"kind": "feeds"}}
    with pytest.raises(ConfigError, match="ENTREGENT_SOURCES"):
        load(tmp_path, {"ENTREGENT_SOURCES": "x"})


@pytest.mark.parametrize("text", ['sources = "x"', '[sources]\nnews = "x"', '[sources."a b"]\nkind = "x"'])
def test_sources_that_are_no_tables_are_told(tmp_path, text):
    (tmp_path / "entregent.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="sources"):
        load(tmp_path, {})
