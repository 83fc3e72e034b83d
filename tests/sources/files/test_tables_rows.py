from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tables_reading import read

from entregent.errors import InputError
from entregent.sources.files import tables_rows
from entregent.sources.files.format import Opened
from entregent.sources.files.tables import Csv

HEAD = "id,user_id,text\n"


def opened(data: bytes) -> Opened:
    return Opened("t.csv", data[:65_536], io.BytesIO(data))


def texts(content: str | bytes) -> list[str | None]:
    return [post["text"] for post in read(content).posts]


ENCODINGS = ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le"]
# Lines that end in a lone return come from old machines, which knew no UTF-16.
WRITTEN = [(end, code) for end in ("\n", "\r\n", "\r") for code in ENCODINGS[: 3 if end == "\r" else None]]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize(("end", "encoding"), WRITTEN)
def test_delimiters_line_ends_and_encodings(delimiter: str, end: str, encoding: str) -> None:
    rows = [["id", "user_id", "text"], ["1", "a", "été"], ["2", "b", "dû"]]
    content = end.join(delimiter.join(row) for row in rows) + end
    assert texts(content.encode(encoding)) == ["été", "dû"]


def test_windows_1252_lines_are_counted_and_the_others_are_not() -> None:
    content = "id,user_id,text\n1,a,été\n".encode() + b"2,b,\xe9t\xe9\n3,c,\x81\n"
    found = read(content)
    assert [post["text"] for post in found.posts] == ["été", "été", "\x81"]
    assert found.notices["file.encoding"] == 2
    assert found.where["file.encoding"] == ("t.csv:3", "t.csv:4")


def test_quoted_cells() -> None:
    assert texts(HEAD + '1,a,"x\ny, ""z"""\r\n2,b,"\u2028é"\n') == ['x\ny, "z"', "\u2028é"]
    assert texts('id;user_id;text\n1;a;"dit \\"oui\\"; non"\n') == ['dit "oui"; non']


def test_ragged_rows_are_counted_with_their_lines() -> None:
    found = read("id,user_id,text,lang\n1,a,x,fr\n2,b\n\n3,c,y,fr,surplus\n4,d,z,fr,,\n5,e,w,fr\n")
    assert [post["id"] for post in found.posts] == ["file:1", "file:2", "file:4", "file:5"]
    assert found.where["table.short_row"] == ("t.csv:3",)
    assert found.where["table.long_row"] == ("t.csv:5",)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        # Nothing closes it; something far below closes it; the last line.
        ('1,a,"x\n2,b,y\n3,c,z\n4,d,w\n', ["x", "y", "z", "w"]),
        ('1,a,"x\n2,b,y\n3,c,z\n4,d,w\n5,e,"v"\n', ["x", "y", "z", "w", "v"]),
        ('1,a,x\n2,b,"y', ["x", "y"]),
    ],
)
def test_an_open_quote_costs_no_other_row(content: str, expected: list[str]) -> None:
    found = read(HEAD + content)
    assert [post["text"] for post in found.posts] == expected
    assert found.notices["table.open_quote"] == 1


def test_quotes_that_are_not_doubled() -> None:
    found = read(HEAD + '1,a,"il dit "oui" et part"\n2,b,5" de neige\n3,c,fin\n')
    assert len(found.posts) == 3
    assert found.posts[1]["text"] == '5" de neige'


def test_headers() -> None:
    assert read(HEAD).notices["table.no_rows"] == 1
    assert read("user_id,text,text\na,x,y\n").notices["table.duplicate_column"] == 1
    preamble = read('Rapport:,"Ventes"\n\nDate,Author,Snippet\n2024-05-01,bob,salut\n')
    assert preamble.posts[0]["text"] == "salut"
    assert preamble.notices["table.preamble"] == 2
    assert texts("sep=;\nuser_id;text\na;x\n") == ["x"]
    assert texts('"user_id","text"\n"1","a","x"\n"2","b","y"\n') == ["x", "y"]


@pytest.mark.parametrize("content", [b"", b"\n\n", b"un texte\nun autre\n", b"\x00\x01\x02"])
def test_no_table(content: bytes) -> None:
    with pytest.raises(InputError, match=r"t\.csv"):
        read(content)


def test_nul_bytes_and_formulas_are_data() -> None:
    found = read(HEAD + "1,a,x\0y\n2,=cmd|' /C calc'!A0,<script>alert(1)</script>\n")
    assert found.posts[0]["text"] == "xy"
    assert found.posts[1]["account"] == "file:=cmd|' /C calc'!A0"
    assert found.posts[1]["text"] == "<script>alert(1)</script>"


def test_a_giant_cell() -> None:
    text = "mot " * 2_500_000
    assert texts(f'{HEAD}1,a,"{text}"\n2,b,fin\n') == [text, "fin"]


CELLS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\x1e\x1f"), min_size=1, max_size=12
)
ROWS = st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=30)


@settings(max_examples=200)
@given(ROWS, st.sampled_from(",;\t|"), st.integers(40, 400), st.booleans())
def test_what_a_writer_writes_is_read(
    rows: list[list[str]], delimiter: str, block: int, always: bool
) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, quoting=csv.QUOTE_ALL if always else csv.QUOTE_MINIMAL)
    writer.writerow(["platform_id", "user_id", "full_text"])
    writer.writerows(rows)
    kept, tables_rows.BLOCK = tables_rows.BLOCK, block
    try:
        data = out.getvalue().encode()
        form = tables_rows.layout(data)
        assert form is not None
        assert form.delimiter == delimiter
        troubles = tables_rows.Troubles("t.csv")
        tables = list(tables_rows.rows(opened(data), form, troubles))
    finally:
        tables_rows.BLOCK = kept
    found = [list(row.values())[:3] for table in tables for row in table.to_pylist()]
    assert found == [row for row in rows if any(cell.strip() for cell in row)]
    assert troubles.take() == ()


@settings(max_examples=200)
@given(st.binary(max_size=300) | st.text(st.sampled_from('ab1,;"\n\r\t|\\='), max_size=200).map(str.encode))
def test_any_bytes_give_rows(junk: bytes) -> None:
    data = b"id,user_id,text\n1,a,x\n" + junk
    Csv().sniff(data, "x.csv")
    form = tables_rows.layout(data)
    assert form is not None
    assert form.header == ("id", "user_id", "text")
    tables = list(tables_rows.rows(opened(data), form, tables_rows.Troubles("t.csv")))
    assert tables[0].slice(0, 1).to_pylist()[0]["text"] == "x"
    for table in tables:
        table.validate(full=True)


@pytest.mark.parametrize(
    ("content", "name", "sure"),
    [
        ("account,object,time\na,b,1\n", "x", True),
        ("Date;Auteur;Texte\n01/02/2024;a;b\n", "x", True),
        ("product,price\na,1\n", "sales.csv", True),
        (
            "Bonjour, voici une lettre.\nElle a des virgules, ici, et là, partout.\nFin.\n",
            "lettre.txt",
            False,
        ),
        ('{"a": 1, "b": 2}\n', "x", False),
        ("<html>,<b>\n", "x", False),
        ("import os, sys\nprint(1, 2, 3)\n", "x.py", False),
        ("\x00\x01,\x02\n", "x", False),
        ("", "x.csv", False),
    ],
)
def test_recognition(content: str, name: str, sure: bool) -> None:
    assert (Csv().sniff(content.encode(), name) >= 0.5) is sure


def test_a_header_that_is_too_long_is_said_to_be() -> None:
    header = ",".join(["account", "text", "time", *(f"c{n}" for n in range(20_000))])
    with pytest.raises(InputError, match="names the columns, is longer than 64 KiB"):
        read(header + "\nu,hello,2024-05-01" + ",x" * 20_000 + "\n")
