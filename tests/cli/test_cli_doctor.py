"""``entregent doctor`` finds what is missing and says how to get it."""

from __future__ import annotations

import json
import re
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from entregent.cli import doctor as doctor_module
from entregent.cli.doctor import EXTRAS, REQUIRED
from entregent.cli.main import run


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    catalogue = tmp_path / "locale" / "fr" / "LC_MESSAGES" / "entregent.mo"
    catalogue.parent.mkdir(parents=True)
    catalogue.touch()
    monkeypatch.setattr(doctor_module, "LOCALE_DIR", tmp_path / "locale")


def rows(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    status = run(["doctor", "--format", "json", *arguments])
    return status, {row["part"]: row for row in json.loads(capsys.readouterr().out)}


def test_all_is_well_here(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status, found = rows(capsys)
    assert status == 0
    assert found["home"]["detail"].startswith(str(tmp_path / "entregent-data"))
    assert found["numpy"]["detail"] == metadata.version("numpy")
    assert not (tmp_path / "entregent-data").exists()


def test_where_a_setting_comes_from(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "entregent.toml").write_text('lang = "fr"\nhome = "a"\n')
    monkeypatch.setenv("ENTREGENT_ZONE", "Europe/Paris")
    _, found = rows(capsys, "--home", "b")
    assert found["setting home"]["detail"] == "b (flag)"
    assert found["setting zone"]["detail"] == "Europe/Paris (environment, ENTREGENT_ZONE)"
    assert found["setting lang"]["detail"] == f"fr (file, {tmp_path / 'entregent.toml'})"
    assert found["setting threads"]["detail"] == "0 (default)"


def test_a_catalogue_that_is_not_compiled(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "locale" / "fr" / "LC_MESSAGES" / "entregent.mo").unlink()
    status, found = rows(capsys)
    assert status == 7
    assert found["texts fr"] == {
        "part": "texts fr",
        "state": "MISSING",
        "detail": "catalogue not compiled",
        "do": "make catalogues",
    }


def test_a_home_that_is_a_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    status, found = rows(capsys, "--home", "taken/data")
    assert status == 7
    assert "is a file" in found["home"]["detail"]


def test_a_disk_that_is_nearly_full(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor_module, "LEAST_FREE_MB", 10**15)
    status, found = rows(capsys)
    assert (status, found["home"]["state"]) == (0, "low")


def test_an_extra_that_is_absent_is_no_failure(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor_module, "EXTRAS", {"charts": (("nothing-of-it", "nothing_of_it"), "charts")})
    status, found = rows(capsys)
    assert (status, found["extra charts"]["state"]) == (0, "absent")
    assert found["extra charts"]["do"] == "pip install 'entregent[charts]'"


def test_a_package_that_is_missing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor_module, "REQUIRED", (*REQUIRED, "nothing-of-it"))
    status, found = rows(capsys)
    assert (status, found["nothing-of-it"]["state"]) == (7, "MISSING")


def test_it_knows_the_packages_and_extras_of_the_project(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(REQUIRED) == {re.split(r"[^a-z0-9-]", line)[0] for line in project["dependencies"]}
    assert set(EXTRAS) == set(project["optional-dependencies"]) - {"dev"}


def test_a_password_in_a_setting_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ENTREGENT_DATABASE", "postgresql://ann:s3cret@db.example.org/house")
    run(["doctor"])
    told = capsys.readouterr().out
    assert "s3cret" not in told
    assert "db.example.org/house" in told
