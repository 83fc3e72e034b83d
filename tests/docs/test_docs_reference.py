"""What exists is documented: every setting, error, format, command, notice, column has its place."""

from __future__ import annotations

import ast
import inspect
import json
import re
import subprocess
import sys
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest

from entregent import errors
from entregent.cli.main import COMMANDS, EXIT_CODES, entregent_command, run
from entregent.config import PREFIX, Config
from entregent.errors import EntregentError
from entregent.records import TABLES, schema

CODE = re.compile(r"[a-z]+\.[a-z_]+")
METHODS = {"heard.people_per_post"}
FILES = ("css", "csv", "html", "js", "json", "md", "toml")


def headings(path: Path) -> dict[str, str]:
    """Return the text below each heading of a page."""
    parts = re.split(r"^#+ +(.+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {title.strip(): text for title, text in zip(parts[1::2], parts[2::2], strict=True)}


@pytest.fixture(scope="module")
def reference(root: Path) -> Path:
    return root / "docs" / "reference"


@pytest.mark.parametrize("setting", fields(Config), ids=lambda field: field.name)
def test_settings(reference: Path, setting: Any) -> None:
    text = headings(reference / "settings.md")[f"`{setting.name}`"]
    if setting.name in ("sources", "delivery"):
        assert f"[{setting.name}." in text
        return
    assert f"`{PREFIX}{setting.name.upper()}`" in text
    assert f"default `{setting.default}`" in " ".join(text.split())


def test_no_setting_is_documented_that_is_gone(reference: Path) -> None:
    named = {title.strip("`") for title in headings(reference / "settings.md") if title.startswith("`")}
    assert named == {field.name for field in fields(Config)}


def test_errors(reference: Path) -> None:
    classes = {
        name: cls
        for name, cls in vars(errors).items()
        if inspect.isclass(cls) and issubclass(cls, EntregentError)
    }
    found = headings(reference / "errors.md")
    assert {title.strip("`") for title in found if title.startswith("`")} == set(classes)
    for name, cls in classes.items():
        assert f"Exit code {cls.exit_code}" in " ".join(found[f"`{name}`"].split()), name


def test_formats(reference: Path) -> None:
    from entregent.sources.files import FORMATS

    named = [title.strip("`") for title in headings(reference / "formats.md") if title.startswith("`")]
    assert named == list(FORMATS)


def test_kinds_of_channels(reference: Path) -> None:
    from entregent.delivery import KINDS

    text = headings(reference / "settings.md")["`delivery`"]
    assert all(f'kind = "{kind}"' in text for kind in KINDS)


def test_sources(reference: Path) -> None:
    from entregent.sources.registry import KINDS

    found = headings(reference / "sources.md")
    assert [title.strip("`") for title in found if title.startswith("`")] == list(KINDS)
    for kind, module in KINDS.items():
        named = import_module(module)
        (settings,) = [getattr(named, name) for name in named.__all__ if name.endswith("Settings")]
        expected = {field.encode_name for field in msgspec.structs.fields(settings)}
        assert columns_of(found[f"`{kind}`"]) == expected, kind
        assert f'kind = "{kind}"' in found[f"`{kind}`"], "no example"


def test_commands(reference: Path) -> None:
    found = headings(reference / "cli.md")
    named = [title for title in found if title.startswith("`entregent ")]
    assert [title for title in named if title.count(" ") == 1] == [f"`entregent {c}`" for c in COMMANDS]
    context = click.Context(entregent_command)
    for name in COMMANDS:
        command = entregent_command.get_command(context, name)
        for part in command.commands if isinstance(command, click.Group) else ():
            assert f"`entregent {name} {part}`" in named
    for code in EXIT_CODES:
        assert f"| {code} | " in found["Exit codes"]


def test_help_in_the_docs_is_the_help(root: Path) -> None:
    done = subprocess.run(
        [sys.executable, root / "scripts" / "cli_help.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("table", TABLES)
def test_records(reference: Path, table: str) -> None:
    text = headings(reference / "records.md")[f"`{table}`"]
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    assert re.findall(r"`([a-z_]+)`", " ".join(rows)) == schema(table).names


def notice_codes(source: Path) -> dict[str, str]:
    """Return codes of notices and of what cannot be told, with a place where each is made.

    A code stands beside the text that it belongs to, as arguments of one call or in one tuple; what
    starts with the same word is a code too, wherever it stands.
    """
    found: dict[str, str] = {}
    constants: dict[str, str] = {}
    for path in sorted(source.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.fullmatch(node.value):
                constants[node.value] = f"{path.name}:{node.lineno}"
            if isinstance(node, ast.Call) and ast.unparse(node.func) not in ("T", "N"):
                parts = [*node.args, *(keyword.value for keyword in node.keywords)]
            elif isinstance(node, ast.Tuple):
                parts = node.elts
            else:
                continue
            text = any(
                isinstance(inner, ast.Call) and ast.unparse(inner.func) in ("T", "N")
                for part in parts
                for inner in (part, *((part.body, part.orelse) if isinstance(part, ast.IfExp) else ()))
            )
            codes = [
                part.value
                for part in parts
                if isinstance(part, ast.Constant)
                and isinstance(part.value, str)
                and CODE.fullmatch(part.value)
            ]
            if text and codes:
                found[codes[0]] = f"{path.name}:{node.lineno}"
    words = {code.split(".")[0] for code in found}
    same = {code: place for code, place in constants.items() if code.split(".")[0] in words}
    return {
        code: place
        for code, place in (same | found).items()
        if code not in METHODS and code.split(".")[1] not in FILES
    }


def test_notices(root: Path, reference: Path) -> None:
    codes = notice_codes(root / "src")
    named = set(
        re.findall(r"^\| `([a-z]+\.[a-z_]+)` \|", (reference / "notices.md").read_text("utf-8"), re.M)
    )
    assert {code: place for code, place in codes.items() if code not in named} == {}, "not documented"
    assert named - set(codes) == set(), "documented and gone"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small study, made by the commands."""
    place = tmp_path_factory.mktemp("study")
    dials = ["--people", "200", "--days", "10", "--format", "x", "--quiet"]
    assert run(["world", *dials, "--out", str(place / "world")]) == 0
    conversation = str(place / "world" / "conversation.jsonl")
    assert run(["study", conversation, "--out", str(place / "study"), "--home", str(place), "--quiet"]) == 0
    return place / "study"


def columns_of(text: str) -> set[str]:
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    return set(re.findall(r"`([a-z_]+)`", " ".join(rows)))


def test_tables_of_a_study(reference: Path, study: Path) -> None:
    import pyarrow.parquet as parquet

    found = headings(reference / "study.md")
    tables = {path.stem: parquet.read_schema(path).names for path in (study / "tables").glob("*.parquet")}
    assert {title.strip("`") for title in found if title.startswith("`")} == {*tables, "study.json"}
    for name, columns in tables.items():
        assert columns_of(found[f"`{name}`"]) == set(columns), name


def test_keys_of_study_json(reference: Path, study: Path) -> None:
    record = json.loads((study / "study.json").read_text(encoding="utf-8"))
    rows = headings(reference / "study.md")["`study.json`"]
    assert columns_of(rows) == set(record)


def test_every_page_is_in_a_table_of_contents(root: Path) -> None:
    docs = root / "docs"
    index = (docs / "index.md").read_text(encoding="utf-8").splitlines()
    pages = {path.relative_to(docs).with_suffix("").as_posix() for path in docs.glob("*/*.md")}
    assert {page for page in pages if not page.startswith("_")} == pages & set(index)


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"])
def test_links_of_the_front_pages_lead_somewhere(root: Path, name: str) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", (root / name).read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (root / link).exists()] == []
