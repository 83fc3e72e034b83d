"""Every public function of the library says what it takes and what it gives."""

from __future__ import annotations

import ast
import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "library.md"
# What others program against is what the reference shows.
LIBRARY = re.findall(r"^\.\. automodule:: (\S+)", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


def _parameters(function: ast.FunctionDef) -> list[str]:
    arguments = function.args
    names = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    return [name for name in names if name not in ("self", "cls") and not name.startswith("_")]


def _public_functions(tree: ast.Module) -> list[tuple[str, ast.FunctionDef]]:
    return [
        (node.name, node)
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    ]


def test_public_classes_and_functions_have_a_docstring(module) -> None:
    wrong = []
    for node in module.tree.body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef) or node.name.startswith("_"):
            continue
        if not ast.get_docstring(node):
            wrong.append(f"{module.place(node.lineno)} {node.name}")
    assert not wrong


def test_library_functions_describe_parameters_and_result(module) -> None:
    if module.name not in LIBRARY:
        return
    wrong = []
    for name, function in _public_functions(module.tree):
        text = ast.get_docstring(function) or ""
        parameters = _parameters(function)
        # One parameter is described by the summary line.
        several = len(parameters) > 1
        if several and "Parameters\n---" not in text:
            wrong.append(f"{module.place(function.lineno)} {name}: no Parameters")
        for parameter in parameters if "Parameters\n---" in text else []:
            if not re.search(
                rf"^\s*(\*{{0,2}}\w+, )*\*{{0,2}}{parameter}(, \w+)* :|^\s*(\w+, )*{parameter}(, \w+)*$",
                text,
                re.M,
            ):
                wrong.append(f"{module.place(function.lineno)} {name}: {parameter} is not described")
        gives = ast.unparse(function.returns) if function.returns else "None"
        if (
            several
            and gives not in ("None", "NoReturn")
            and not re.search(r"^\s*(Returns|Yields)\n\s*---", text, re.M)
        ):
            wrong.append(f"{module.place(function.lineno)} {name}: no Returns")
    assert not wrong, "\n".join(wrong)


def test_the_reference_shows_what_exists(root: Path) -> None:
    gone = [
        name
        for name in LIBRARY
        if not (path := root / "src" / Path(*name.split("."))).with_suffix(".py").is_file()
        and not path.is_dir()
    ]
    assert LIBRARY
    assert not gone
