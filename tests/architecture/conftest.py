"""The source as parsed files."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

SRC = Path(__file__).resolve().parents[2] / "src"


@dataclass(frozen=True)
class Module:
    """One file of the package."""

    path: Path

    @property
    def name(self) -> str:
        parts = self.path.relative_to(SRC).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @property
    def room(self) -> str:
        """``stats`` of ``entregent.stats.intervals``; the module itself in the core."""
        parts = self.name.split(".")
        return parts[1] if len(parts) > 1 else ""

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.path.read_text(encoding="utf-8"), str(self.path))

    def imports(self) -> list[tuple[str, int]]:
        """Return dotted names that are imported anywhere in the file, with their lines."""
        found = []
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found += [(alias.name, node.lineno) for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                found += [(f"{node.module}.{alias.name}", node.lineno) for alias in node.names]
        return found

    def calls(self) -> list[tuple[str, ast.Call]]:
        """Return calls by the dotted name of what is called."""
        return [
            (ast.unparse(node.func), node)
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute)
        ]

    def place(self, line: int) -> str:
        return f"{self.path.relative_to(SRC)}:{line}"


# Steps of Django's tables are written by Django.
MODULES = [
    Module(path) for path in sorted((SRC / "entregent").rglob("*.py")) if path.parent.name != "migrations"
]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "module" in metafunc.fixturenames:
        metafunc.parametrize("module", MODULES, ids=lambda module: module.name)
