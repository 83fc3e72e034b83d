"""What every file of the project keeps to."""

from __future__ import annotations

import ast
import importlib
import string
import subprocess
import warnings
from pathlib import Path

import pytest

MANY_LINES = 600
TOO_MANY_LINES = 1000
FORBIDDEN_NAMES = {"common", "helper", "helpers", "manager", "misc", "util", "utils"}
# An open file is handed over, not passed around as a value.
NOT_FROZEN = {"entregent.sources.files.format.Opened"}
# Put together here, so that this file does not hold what it looks for.
FORBIDDEN_TEXTS = [
    "".join(parts)
    for parts in (
        ("py", "pi.org"),
        ("python", "hosted.org"),
        ("registry.", "npmjs"),
        ("registry.", "yarnpkg"),
        ("/wo", "rk/"),
        ("/ho", "me/"),
    )
]
BINARY = {".png", ".woff2", ".gz", ".zst", ".bz2", ".parquet", ".ico", ".mo"}


def public(name: str) -> bool:
    return not name.startswith("_")


def test_all_names_what_is_public(module) -> None:
    defined = {
        node.name
        for node in module.tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and public(node.name)
    }
    named = list(getattr(importlib.import_module(module.name), "__all__", ()))
    assert defined <= set(named), f"not in __all__: {sorted(defined - set(named))}"
    assert len(named) == len(set(named))
    loaded = importlib.import_module(module.name)
    assert [name for name in named if not hasattr(loaded, name)] == []


def test_a_module_says_what_it_is(module) -> None:
    assert ast.get_docstring(module.tree), "no docstring"


def test_names_are_nouns_of_the_field(module) -> None:
    assert not FORBIDDEN_NAMES & set(module.name.split("."))


def test_dataclasses_are_frozen(module) -> None:
    wrong = []
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.ClassDef) or not public(node.name):
            continue
        for mark in node.decorator_list:
            text = ast.unparse(mark)
            if text.split("(")[0] in ("dataclass", "dataclasses.dataclass") and "frozen=True" not in text:
                wrong.append(f"{module.name}.{node.name}")
    assert set(wrong) <= NOT_FROZEN


@pytest.mark.filterwarnings("default")
def test_files_are_short(module) -> None:
    lines = len(module.path.read_text(encoding="utf-8").splitlines())
    assert lines <= TOO_MANY_LINES
    if lines > MANY_LINES:
        warnings.warn(f"{module.name} has {lines} lines", stacklevel=1)


def _fields(template: str) -> set[str]:
    return {
        name.split(".")[0].split("[")[0]
        for _, name, _, _ in string.Formatter().parse(template)
        if name is not None
    }


def test_texts_for_readers_are_literals_with_the_parameters_they_name(module) -> None:
    wrong = []
    for name, call in module.calls():
        if name not in ("T", "N") or module.name == "entregent.i18n":
            continue
        templates = call.args[: 1 if name == "T" else 2]
        if not all(isinstance(t, ast.Constant) and isinstance(t.value, str) for t in templates):
            wrong.append(f"{module.place(call.lineno)}: not a literal, so not in the catalogue")
            continue
        given = {keyword.arg for keyword in call.keywords}
        if None in given:
            continue
        given |= {"n"} if name == "N" else set()
        for template in templates:
            if missing := _fields(template.value) - given:
                wrong.append(f"{module.place(call.lineno)}: no parameter for {sorted(missing)}")
        if unused := {k for k in given if k != "n"} - {f for t in templates for f in _fields(t.value)}:
            wrong.append(f"{module.place(call.lineno)}: {sorted(unused)} is in no template")
    assert not wrong


def test_no_error_is_swallowed(module) -> None:
    wrong = [
        module.place(node.lineno)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in ("Exception", "BaseException"))
        and all(isinstance(statement, ast.Pass | ast.Continue) for statement in node.body)
    ]
    assert not wrong


def tracked(root: Path) -> list[Path]:
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip("this is no clone: there is no list of files")
    return [path for name in done.stdout.split("\0") if name and (path := root / name).is_file()]


def test_no_file_names_a_registry_or_a_place_of_one_machine(root: Path) -> None:
    wrong = []
    for path in tracked(root):
        if path.suffix in BINARY:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        wrong += [f"{path.relative_to(root)}: {word}" for word in FORBIDDEN_TEXTS if word in text]
    assert not wrong


def test_test_files_have_names_of_their_own(root: Path) -> None:
    names = [path.name for path in (root / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))
