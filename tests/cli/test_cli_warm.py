"""``entregent warm`` compiles every loop that Python calls, and finds them ready the next time."""

from __future__ import annotations

import ast
import warnings
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest
from numba.core.dispatcher import Dispatcher

import entregent
from entregent.cli import warm as warm_module
from entregent.cli.main import run
from entregent.cli.warm import LOOPS

SOURCE = Path(entregent.__file__).parent


def _is_loop(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef) and any(
        "compiled" in ast.unparse(mark) or "jit" in ast.unparse(mark) for mark in node.decorator_list
    )


def _loops() -> dict[str, list[ast.FunctionDef]]:
    found = {}
    for path in SOURCE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if loops := [node for node in tree.body if _is_loop(node)]:
            parts = path.relative_to(SOURCE.parent).with_suffix("").parts
            found[".".join(parts)] = loops
    return found


def test_every_file_with_compiled_loops_is_warmed() -> None:
    assert sorted(_loops()) == sorted(LOOPS)


def test_every_loop_that_python_calls_is_compiled_and_then_ready(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["warm"]) == 0
    out, err = capsys.readouterr()
    assert f"file {len(LOOPS)} of {len(LOOPS)}" in err
    assert all(place.removeprefix("entregent.") in out for place in LOOPS)
    for place, loops in _loops().items():
        inner = {
            name.id
            for loop in loops
            for line in loop.body
            for name in ast.walk(line)
            if isinstance(name, ast.Name)
        }
        for loop in loops:
            compiled = getattr(import_module(place), loop.name)
            assert isinstance(compiled, Dispatcher)
            assert compiled.signatures or loop.name in inner, f"{place}.{loop.name} was not run"
    assert run(["warm", "--quiet"]) == 0
    out, err = capsys.readouterr()
    assert "were ready" in out
    assert err == ""


def test_where_nothing_can_be_kept_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import numba

    place = "entregent.text.minhash"

    @numba.njit
    def homeless(value):  # type: ignore[no-untyped-def]
        return value + 1

    module = SimpleNamespace(loop=homeless, warm=lambda: homeless(1))
    monkeypatch.setattr(warm_module, "LOOPS", {place: f"{place}:warm"})
    monkeypatch.setattr(warm_module, "import_module", lambda _: module)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run(["warm", "--quiet"]) == 0
    assert "NUMBA_CACHE_DIR" in capsys.readouterr().out
