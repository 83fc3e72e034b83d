from __future__ import annotations

import sys
import unicodedata

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entregent.text.folding import elide, fold, fold_sql, fold_table, small_letters, unaccent

KNOWN = st.characters(exclude_categories=["Cs", "Cn"])
FRENCH = st.sampled_from(
    [*list("aeéèœŒæß’'ʼ ldjnstmcquLDQU#@-_1\n\t\x00"), "jusqu’", "́", "\u200b", "İ", "Σ", "ς"]
)
JOINED = st.sampled_from(["👩‍🚀", "👍🏽", "🇫🇷", "\u1100", "\u1161", "\u11a8", "가", "ﬁ", "\ufe0f", "\u0308"])
TEXTS = st.lists(st.text(st.one_of(KNOWN, KNOWN), max_size=8) | FRENCH | JOINED, max_size=20).map("".join)


@pytest.fixture(scope="module")
def engine():
    con = duckdb.connect()
    yield con
    con.close()


def in_engine(con: duckdb.DuckDBPyConnection, texts: list[str]) -> list[str]:
    con.register("folding", pa.table({"x": pa.array(texts, pa.string())}))
    return [row[0] for row in con.sql(f"SELECT {fold_sql('x')} FROM folding").fetchall()]


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("L’Œuvre", "l' oeuvre"),
        ("l'oeuvre", "l' oeuvre"),
        ("aujourd’hui", "aujourd'hui"),
        ("jusqu'à l'été qu’on attend", "jusqu' a l' ete qu' on attend"),
        ("quelqu'un, rock'n'roll", "quelqu'un, rock'n'roll"),
        ("d'l'eau", "d' l'eau"),
        ("#GrèveSNCF @Été", "#grevesncf @ete"),
        ("STRASSE straße", "strasse strasse"),
        ("İstanbul ısı", "istanbul isi"),
        ("ΟΔΟΣ οδός", "οδοσ οδοσ"),
        ("e\u0301te\u0301", "ete"),
        ("l' eau", "l' eau"),
        ("cafe\u200bine", "cafeine"),
        ("", ""),
    ],
)
def test_known_foldings(text: str, folded: str) -> None:
    assert fold(text) == folded


def test_every_character_folds_alike_in_the_engine(engine) -> None:
    known = [
        chr(code)
        for code in range(1, sys.maxunicode + 1)
        if not 0xD800 <= code <= 0xDFFF and unicodedata.category(chr(code)) not in ("Cn", "Co")
    ]
    texts = known + [f"l'{char}’b" for char in known[:3000]]
    assert in_engine(engine, texts) == [fold(text) for text in texts]


@given(texts=st.lists(TEXTS, min_size=1, max_size=20))
def test_python_and_the_engine_agree(engine, texts: list[str]) -> None:
    assert in_engine(engine, texts) == [fold(text) for text in texts]


@given(TEXTS)
def test_folding_again_changes_nothing_but_spaces(text: str) -> None:
    assert fold(fold(text)).replace(" ", "") == fold(text).replace(" ", "")


@given(TEXTS)
def test_folding_is_small_letters_and_elision(text: str) -> None:
    assert fold(text) == elide(small_letters(text))
    assert small_letters(unaccent(text)) == small_letters(text)


@given(st.lists(st.none() | TEXTS, max_size=10))
def test_a_table_folds_as_its_texts(texts: list[str | None]) -> None:
    expected = [None if text is None else fold(text) for text in texts]
    assert fold_table(pa.array(texts, pa.string())).to_pylist() == expected


def test_the_expression_takes_any_expression(engine) -> None:
    assert engine.sql(f"SELECT {fold_sql('upper(' + repr('été') + ')')}").fetchall() == [("ete",)]
