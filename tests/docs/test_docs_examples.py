"""Examples of the documentation are run, page by page, in an empty folder."""

from __future__ import annotations

import doctest
import re
import shlex
from pathlib import Path

import pytest

from entregent.cli.main import run

DOCS = Path(__file__).resolve().parents[2] / "docs"
BLOCK = re.compile(r"^```(?P<language>console|python)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = [
    path
    for path in sorted(DOCS.rglob("*.md"))
    if "_build" not in path.parts and BLOCK.search(path.read_text(encoding="utf-8"))
]
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def run_console(body: str, capsys: pytest.CaptureFixture[str], place: str) -> None:
    commands = re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]
    for text in commands:
        line, _, expected = text.partition("\n")
        program, *arguments = shlex.split(line)
        assert program == "entregent", f"{place}: only entregent is run, not {program}"
        capsys.readouterr()
        status = run(arguments)
        out, err = capsys.readouterr()
        assert status == 0, f"{place}: {line} ended with {status}\n{err}"
        if expected.strip():
            same = doctest.OutputChecker().check_output(expected, out, FLAGS)
            assert same, f"{place}: {line}\nexpected:\n{expected}\ngot:\n{out}"


def run_python(body: str, scope: dict[str, object], place: str) -> None:
    example = doctest.DocTestParser().get_doctest(body, scope, place, place, 0)
    report: list[str] = []
    runner = doctest.DocTestRunner(verbose=False, optionflags=FLAGS)
    runner.run(example, out=report.append, clear_globs=False)
    scope.update(example.globs)
    assert not report, "".join(report)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_examples(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    scope: dict[str, object] = {}
    for number, block in enumerate(BLOCK.finditer(page.read_text(encoding="utf-8")), 1):
        place = f"{page.name}, block {number}"
        if block["language"] == "console":
            run_console(block["body"], capsys, place)
        else:
            run_python(block["body"], scope, place)


def test_there_are_examples() -> None:
    assert len(PAGES) >= 4
