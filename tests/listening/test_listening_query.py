from __future__ import annotations

from dataclasses import fields

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entregent.errors import QueryError
from entregent.listening.atoms import Candidate
from entregent.listening.query import parse


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
        ("grève NEAR/2 SNCF", "grève à la SNCF", True),
        ("grève NEAR/1 SNCF", "grève à la SNCF", False),
        ("SNCF PRES/2 grève", "grève à la SNCF", True),
        ("SNCF PRÈS/2f grève", "grève à la SNCF", False),
        ("grève NEAR/2f SNCF", "grève à la SNCF", True),
        ("grève NEAR/0 SNCF", "#GrèveSNCF", True),
        ("a NEAR/0 a", "a", False),
        ("a NEAR/0 a", "a a", True),
        ("(grève OU débrayage) NEAR/3 (SNCF OU RATP)", "débrayage surprise : ratp", True),
        ('"gare du nord" NEAR/2 retard*', "retards en gare du Nord", True),
        ('"gare du nord" NEAR/2 "nord express"', "gare du nord express", False),
        ("#grèveSNCF NEAR/1 ce", "#GrèveSNCF dure ce", True),
        ("#grèveSNCF NEAR/1 ce", "#GrèveSNCF dure encore ce", False),
        ("SAUF a NEAR/1 b", "a x x b", True),
        ("raw:Orange", "la SNCF et Orange.", True),
        ("raw:Orange", "une orange", False),
        ("raw:Orange", "OrangeBank", False),
        ('raw:"pêche à"', "La pêche à pied", True),
        ('raw:"pêche à"', "La peche à pied", False),
        ("raw:été", "l’e\u0301te\u0301", True),
        ("raw:*", "2 * 3", True),
        ("a -raw:B", "a B", False),
        ('a -raw:"B c"', "a B d", True),
        ("raw:東", "東京", True),
        ("hashtag:greve", "la #Grève", True),
        ("hashtag:greve*", "#GrèveSNCF", True),
        ("mentions:sncf", "@SNCF bonjour", True),
        ("mentions:sncf", "sncf", False),
        ("-lang:en été", "été", True),
        ("12:30", "à 12:30", True),
    ],
)
def test_what_matches(query: str, text: str, on_topic: bool) -> None:
    topic = parse(query)
    assert topic.matches(text) is on_topic
    assert topic.why(text).matched is on_topic
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
        ("langue:fr", 1, "langue:"),
        ('b langue:"fr"', 3, "langue:"),
        ("lang:français", 1, "lang:"),
        ("author: sncf", 1, "needs its value"),
        ("author:(a OR b)", 1, "needs its value"),
        ("a is:tweet", 3, "is:"),
        ("a followers:many", 3, "followers:"),
        ('a raw:""', 3, "raw:"),
        ('a raw:"b', 7, "not closed"),
        ("a W/3 b", 3, "W/3"),
        ("a NEAR/x b", 3, "NEAR/x"),
        ("a NEAR/99999999999 b", 3, "wider"),
        ("NEAR/3 b", 1, "nothing stands before"),
        ("a NEAR/3", 9, "too early"),
        ("a NEAR/3 NOT b", 10, "joins what is there"),
        ("a NEAR/3 b NEAR/3 c", 12, "groups of them with OR"),
        ("a NEAR/3 lang:fr", 3, "groups of them with OR"),
        ("(a b) NEAR/3 c", 7, "groups of them with OR"),
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
TERMS_OF_TEXT = [*WORDS, "gr*", "*ss*", '"l’été SNCF"', '"x grève"', "#gr*", "*té", "ete", "oeuvre"]
TERMS_OF_TEXT += ["strasse", "한*", "raw:SNCF", "raw:été", 'raw:"x 東"']
TERMS_OF_TEXT += ["grève NEAR/1 SNCF", "(x OR ete) NEAR/0f (sncf OR gr*)"]
FIELDS_ASKED = [
    "lang:fr",
    "hashtag:greve*",
    "mentions:sncf",
    "followers:>10",
    "is:reply",
    "domain:a.fr",
    "has:media",
]
TERMS = st.sampled_from(TERMS_OF_TEXT + FIELDS_ASKED)
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


POSTS = st.builds(
    Candidate,
    text=st.none() | TEXTS,
    lang=st.sampled_from([None, "fr", "fr-CA", "en"]),
    kind=st.sampled_from([None, "post", "reply"]),
    hashtags=st.sampled_from([(), ("Grève",), ("x", "y")]),
    mentions=st.sampled_from([(), ("x:@sncf",), ("x:1", "x:2")]),
    links=st.sampled_from([(), ("https://www.a.fr/b",), ("https://b.fr", "http://m.a.fr")]),
    media=st.sampled_from([None, 0, 2]),
    followers=st.sampled_from([None, 3, 11]),
)


def table_of(posts: list[Candidate]) -> pa.Table:
    texts = pa.list_(pa.string())
    kinds = {
        "hashtags": texts,
        "mentions": texts,
        "links": texts,
        "media": pa.int16(),
        "followers": pa.int64(),
    }
    return pa.table(
        {
            field.name: pa.array(
                [getattr(post, field.name) for post in posts], kinds.get(field.name, pa.string())
            )
            for field in fields(Candidate)
        }
    )


@settings(max_examples=200)
@given(QUERIES, st.lists(POSTS, max_size=6))
def test_a_table_of_posts_matches_as_its_posts(query: str, posts: list[Candidate]) -> None:
    topic = parse(query)
    expected = [topic.matches(post) for post in posts]
    assert topic.match_table(table_of(posts)).to_pylist() == expected
    assert [topic.why(post).matched for post in posts] == expected


@given(QUERIES, POSTS)
def test_what_decides_is_enough(query: str, post: Candidate) -> None:
    """Whatever the other atoms were, the answer would be the same."""
    topic = parse(query)
    why = topic.why(post)
    decided = {reason.start: reason.found for reason in why.reasons}
    for others in (False, True):
        assert topic.decide([decided.get(atom.start, others) for atom in topic.atoms]) is why.matched


@pytest.mark.parametrize(
    ("query", "post", "on_topic"),
    [
        ("author:sncf", Candidate(handle="SNCF"), True),
        ("author:@sncf*", Candidate(handle="sncf_voyageurs"), True),
        ("author:did:plc:abc", Candidate(account="bluesky:did:plc:abc"), True),
        ("author:sncf", Candidate(account="x:12", handle="ratp"), False),
        ("mentions:sncf", Candidate(mentions=("mastodon:@sncf",)), True),
        ("hashtag:#Grève", Candidate(text="sans", hashtags=("greve",)), True),
        ("link:example.org/a", Candidate(links=("https://www.example.org/a/b?utm_x=1",)), True),
        ("link:example.org/*/c", Candidate(links=("https://example.org/b/c",)), True),
        ("link:example.org/a", Candidate(links=("https://example.org/b",)), False),
        ("domain:lemonde.fr", Candidate(links=("https://sport.lemonde.fr/x",)), True),
        ("domain:lemonde.fr", Candidate(links=("https://faulemonde.fr/x",)), False),
        ("lang:fr", Candidate(lang="fr-CA"), True),
        ("lang:fr", Candidate(lang="fry"), False),
        ("network:X", Candidate(network="x"), True),
        ("is:original", Candidate(kind="post"), True),
        ("is:repost", Candidate(kind="repost"), True),
        ("is:reply", Candidate(kind="quote"), False),
        ("has:media", Candidate(media=1), True),
        ("has:media", Candidate(media=0), False),
        ("has:link", Candidate(links=("https://a.fr",)), True),
        ("has:link", Candidate(), False),
        ("followers:>1000", Candidate(followers=1001), True),
        ("followers:>1000", Candidate(followers=1000), False),
        ("followers:10..50", Candidate(followers=50), True),
        ("followers:>10", Candidate(), False),
        ("NOT followers:>10", Candidate(), True),
        ("grève OR author:sncf", Candidate(text=None, handle="sncf"), True),
        ("grève author:sncf", Candidate(text="en grève", handle="sncf"), True),
    ],
)
def test_fields(query: str, post: Candidate, on_topic: bool) -> None:
    topic = parse(query)
    assert topic.matches(post) is on_topic
    assert topic.match_table(table_of([post])).to_pylist() == [on_topic]


def test_why_names_what_decided() -> None:
    topic = parse('(train OR bus) ("gare du nord" OR lang:fr) NOT emploi')
    why = topic.why(Candidate(text="Le bus est là, pas le tram", lang="fr"))
    assert why.matched
    assert [(reason.typed, reason.found, reason.said) for reason in why.reasons] == [
        ("bus", True, ()),
        ("lang:fr", True, ("fr",)),
        ("emploi", False, ()),
    ]
    assert why.spans == ((3, 6),)
    why = topic.why("Offre d’emploi : train, gare du Nord")
    assert not why.matched
    assert [(reason.typed, reason.found) for reason in why.reasons] == [("emploi", True)]
    why = topic.why("rien")
    assert [reason.typed for reason in why.reasons] == ["train", "bus", '"gare du nord"', "lang:fr"]


def test_nearness_marks_both_sides() -> None:
    text = "SNCF : la grève ; la SNCF, loin, bien loin d’ici, encore une grève"
    found = parse("grève NEAR/1 SNCF").why(text).spans
    assert [text[start:end] for start, end in found] == ["SNCF", "grève", "SNCF"]


@given(
    st.lists(st.sampled_from("abcx"), max_size=9), st.integers(0, 3), st.booleans(), st.sampled_from("abc")
)
def test_nearness_is_what_counting_says(words: list[str], between: int, ordered: bool, left: str) -> None:
    query = parse(f"{left} NEAR/{between}{'f' if ordered else ''} b")
    expected = any(
        words[i] == left
        and words[j] == "b"
        and i != j
        and abs(i - j) - 1 <= between
        and (i < j or not ordered)
        for i in range(len(words))
        for j in range(len(words))
    )
    assert query.matches(" ".join(words)) is expected


@given(st.sampled_from(TERMS_OF_TEXT), TEXTS)
def test_one_term_has_spans_where_it_matches(query: str, text: str) -> None:
    topic = parse(query)
    assert bool(topic.spans(text)) == topic.matches(text)


@given(
    st.text(
        st.characters(exclude_categories=["Cs"]) | st.sampled_from(list('()"«»“”*#@-& \t:/rawNE3')),
        max_size=40,
    )
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
