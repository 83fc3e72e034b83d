from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entregent.errors import QueryError
from entregent.text.topic import parse


@pytest.mark.parametrize(
    ("query", "text", "on_topic"),
    [
        ("grève SNCF", "La Greve de la sncf", True),
        ("grève SNCF", "La grève de la RATP", False),
        ("SNCF OU RATP", "métro ratp", True),
        ("SNCF OU RATP ET grève", "sncf seule", True),
        ("(SNCF OU RATP) ET grève", "sncf seule", False),
        ("SNCF SAUF emploi", "SNCF : offre d’emploi", False),
        ("SNCF NOT emploi", "SNCF en retard", True),
        ("SNCF -emploi", "SNCF emploi", False),
        ("NOT NOT sncf", "sncf", True),
        ("NON (a OU b)", "c", True),
        ('"prix du billet"', "Le PRIX du billet monte", True),
        ('"prix du billet"', "du billet prix", False),
        ("«gare du Nord»", "gare du nord", True),
        ("peut-être", "Peut être", True),
        ("grev*", "les GRÉVISTES", True),
        ("*phobie", "homophobie", True),
        ("gr*ve", "grave", True),
        ("*ncf", "@sncf https://ncf", False),
        ('"de * SNCF"', "grève de la SNCF", True),
        ("#GrèveSNCF", "#grevesncf !", True),
        ("#grève", "#GrèveSNCF", False),
        ("#grev*", "#GrèveSNCF", True),
        ("grève", "#GrèveSNCF", True),
        ('"la grève"', "la #GrèveSNCF", True),
        ("#grève", "grève", False),
        ("#grève", "＃grève", True),
        ("@sncf", "merci @SNCF.", True),
        ("@sncf", "merci SNCF", False),
        ("œuvre", "l'Oeuvre", True),
        ("l'œuvre", "L’oeuvre", True),
        ("été", "d’e\u0301te\u0301", True),
        ("hui", "aujourd'hui", False),
        ("ou", "ou bien", True),
        ("東京", "在東京都", True),
        ("👍🏽", "bravo 👍🏽", True),
        ("👍", "bravo 👍🏽", False),
        ("https://www.ex.org/a?utm_x=1", "voir http://x.fr https://ex.org/a#b", True),
        ("sncf", "https://sncf.com", False),
        ("1,5", "hausse de 1,5 %", True),
        ("straße", "STRASSE", True),
        ("ss", "ß", True),
        ('"Marks & Spencer"', "marks, spencer", True),
    ],
)
def test_what_matches(query: str, text: str, on_topic: bool) -> None:
    topic = parse(query)
    assert topic.matches(text) is on_topic
    assert topic.match_table(pa.array([text, None, ""])).to_pylist()[:2] == [on_topic, False]


@pytest.mark.parametrize(
    ("query", "place", "words"),
    [
        ("", None, "empty"),
        ("   ", None, "empty"),
        ("(a OR b", 1, "not closed"),
        ("a)", 2, "not opened"),
        ('a "b', 3, "not closed"),
        ("a »", 3, "not opened"),
        ("AND a", 1, "nothing stands before"),
        ("a OR", 5, "too early"),
        ("a OR OR b", 6, "nothing stands before"),
        ("NOT", 4, "too early"),
        ("( )", 3, "missing"),
        ("a & b", 3, "quotes"),
        ("*", 1, "star"),
        ("#*", 1, "star"),
        ("lang:fr", 1, "lang:"),
        ("a NEAR/3 b", 3, "NEAR/3"),
    ],
)
def test_errors_point_at_the_place(query: str, place: int | None, words: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse(query)
    message = str(caught.value)
    assert words in message
    assert caught.value.valid
    if place is not None:
        assert f"character {place}" in message
        assert message.splitlines()[2].index("^") == 4 + place - 1


@pytest.mark.parametrize(
    "query",
    ["(" * 10_000 + "a" + ")" * 10_000, "a " * 50_000, "x" * 100_000, "(" * 49_000],
    ids=["deep", "wide", "long", "open"],
)
def test_giant_queries_are_refused(query: str) -> None:
    with pytest.raises(QueryError):
        parse(query)


def test_many_operators_need_no_depth() -> None:
    assert parse("NOT " * 10_000 + "a").matches("a")
    assert parse(" OR ".join(f"w{n}" for n in range(5_000))).matches("w4999")


def test_the_caret_of_a_long_query_stays_near() -> None:
    with pytest.raises(QueryError) as caught:
        parse("mot " * 100 + "& " + "mot " * 100)
    excerpt, caret = str(caught.value).splitlines()[1:3]
    assert len(excerpt) < 90
    assert excerpt[caret.index("^")] == "&"


@pytest.mark.parametrize(
    ("query", "text", "found"),
    [
        ("été OR #sncf", "L’été, la #SNCF", ["été", "#SNCF"]),
        ('"gare du nord"', "à la Gare  du Nord.", ["Gare  du Nord"]),
        ("coeur", "le cœur œ", ["cœur"]),
        ("ete", "e\u0301te\u0301 ete", ["e\u0301te\u0301", "ete"]),
        ("grève", "#GrèveSNCF", ["Grève"]),
        ("a NOT b", "a b", ["a"]),
        ("a a", "a a", ["a", "a"]),
        ("gr*", "gros gras", ["gros", "gras"]),
        ("zut", "rien", []),
    ],
)
def test_spans(query: str, text: str, found: list[str]) -> None:
    assert [text[start:end] for start, end in parse(query).spans(text)] == found


WORDS = [
    "grève",
    "Grèves",
    "SNCF",
    "l’été",
    "#GrèveSNCF",
    "#sncf",
    "@sncf",
    "œuvre",
    "ß",
    "straße",
    "Gasse",
    "東京",
    "👍🏽",
]
WORDS += [
    "https://www.a.fr/b?utm_x=1",
    "aujourd'hui",
    "e\u0301te\u0301",
    "Σίσυφος",
    "İstanbul",
    "ﬁn",
    "x",
    "한국",
    "\u1112\u1161\u11ab",
]
TERMS = st.sampled_from(
    [*WORDS, "gr*", "*ss*", '"l’été SNCF"', '"x grève"', "#gr*", "*té", "ete", "oeuvre", "strasse", "한*"]
)
QUERIES = st.recursive(
    TERMS,
    lambda inner: (
        st.builds("({} {} {})".format, inner, st.sampled_from(["AND", "OR", "", "ET NON"]), inner)
        | st.builds("NOT {}".format, inner)
    ),
    max_leaves=6,
)
TEXTS = st.lists(st.sampled_from(WORDS) | st.text(max_size=4), max_size=8).map(" ".join) | st.text(
    max_size=20
)


@settings(max_examples=300)
@given(QUERIES, st.lists(st.none() | TEXTS, max_size=8))
def test_a_table_matches_as_its_texts(query: str, texts: list[str | None]) -> None:
    topic = parse(query)
    expected = [text is not None and topic.matches(text) for text in texts]
    assert topic.match_table(pa.array(texts, pa.string())).to_pylist() == expected
    assert topic.match_table(pa.chunked_array([pa.array(texts, pa.string())] * 2)).to_pylist() == expected * 2


@given(QUERIES, TEXTS)
def test_spans_lie_in_the_text_in_order(query: str, text: str) -> None:
    end = 0
    for start, stop in parse(query).spans(text):
        assert end <= start < stop <= len(text)
        end = stop


@given(TERMS, TEXTS)
def test_one_term_has_spans_where_it_matches(query: str, text: str) -> None:
    topic = parse(query)
    assert bool(topic.spans(text)) == topic.matches(text)


@given(
    st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from(list('()"«»“”*#@-& \t')), max_size=40)
)
def test_parsing_raises_nothing_else(query: str) -> None:
    try:
        topic = parse(query)
    except QueryError:
        return
    assert topic.matches(query) in (True, False)
    topic.match_table(pa.array([query]))


def test_large_strings_and_no_rows() -> None:
    topic = parse("a")
    assert topic.match_table(pa.array(["a", "b"], pa.large_string())).to_pylist() == [True, False]
    assert topic.match_table(pa.array([], pa.string())).to_pylist() == []
    assert topic.match_table(pa.chunked_array([], pa.string())).to_pylist() == []
