"""Lists for people and for programs."""

from __future__ import annotations

import csv
import io
import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entregent.cli.listing import plain, print_rows

ROWS = [
    {"name": "Zoé, « 1 »", "n": 3, "paths": ("a", "b")},
    {"name": 'say "hi"\x1b[2J', "n": None, "paths": ()},
]


@given(st.text())
def test_nothing_that_a_terminal_obeys_is_left(text: str) -> None:
    shown = plain(text)
    assert len(shown) == len(text)
    assert not {unicodedata.category(c) for c in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert plain(shown) == shown


def test_a_table_is_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows(("n", "name", "paths"), ROWS, "table")
    assert capsys.readouterr().out.splitlines() == [
        "n  name          paths",
        "-  ------------  -----",
        "3  Zoé, « 1 »    a b",
        '   say "hi" [2J',
    ]


def test_csv_can_be_read_back(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows(("n", "name"), ROWS, "csv")
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert rows == [{"n": "3", "name": "Zoé, « 1 »"}, {"n": "", "name": 'say "hi" [2J'}]


def test_json_keeps_types(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows(("n", "name", "paths"), ROWS, "json")
    assert json.loads(capsys.readouterr().out) == [
        {"n": 3, "name": "Zoé, « 1 »", "paths": ["a", "b"]},
        {"n": None, "name": 'say "hi"\x1b[2J', "paths": []},
    ]


def test_no_row_is_a_head_or_an_empty_list(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows(("n",), [], "table")
    print_rows(("n",), [], "csv")
    print_rows(("n",), [], "json")
    assert capsys.readouterr().out == "n\n-\nn\n[]\n"
