from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from study_builder import empty_study, study

from entregent.errors import InputError
from entregent.i18n import T
from entregent.report.model import Evidence, Known, Study, TopItem
from entregent.report.page import json_block, render
from entregent.report.pseudonyms import pseudonymise
from entregent.report.reader import Reader, safe_url, shorten
from entregent.results import CannotTell, Notice

LOADING = {"src", "srcset", "poster", "data", "action", "formaction", "background", "manifest", "xlink:href"}
PARIS = ZoneInfo("Europe/Paris")


class Page(HTMLParser):
    """What a test asks of a page: elements with their attributes, and the text between them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.words: list[str] = []
        self._inside: tuple[str, dict[str, str | None]] | None = None
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self._inside = (tag, dict(attrs))

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self._inside = None

    def handle_data(self, data: str) -> None:
        if self._inside is None:
            self.words.append(data)
        elif self._inside[0] == "script":
            self.scripts.append((self._inside[1], data))

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def rich() -> Study:
    return study()


@pytest.fixture(scope="module")
def empty() -> Study:
    return empty_study()


@pytest.fixture(scope="module", params=["fr", "en"])
def lang(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def page(lang: str, rich: Study) -> Page:
    return Page(render(rich, lang=lang, zone=PARIS))


def test_no_attribute_loads_from_outside(page: Page) -> None:
    for tag, attributes in page.elements:
        for name, value in attributes.items():
            if name in LOADING or (tag in ("link", "image", "use") and name == "href"):
                assert value is not None
                assert value.startswith(("data:", "#")), (tag, name, value)
        if tag in ("iframe", "object", "embed", "base"):
            pytest.fail(f"<{tag}> is on the page")


def test_style_names_no_address(rich: Study) -> None:
    style = render(rich, lang="en").split("<style>")[1].split("</style>")[0]
    assert re.findall(r"url\((?!data:|#)", style) == []
    assert "@import" not in style


def test_links_of_strangers_are_followed_by_hand_only(page: Page) -> None:
    outside = [a for a in page.all("a") if not re.match(r"#|tables/|study\.json$", a["href"] or "")]
    assert outside
    for link in outside:
        assert re.match(r"https?://", link["href"] or "")
        assert link["rel"] == "noreferrer"


def test_policy_forbids_the_network_and_covers_every_script(page: Page) -> None:
    import base64
    import hashlib

    (policy,) = [m["content"] for m in page.all("meta") if m.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    assert "default-src 'none'" in policy
    assert "unsafe-eval" not in policy
    assert "script-src 'unsafe-inline'" not in policy
    running = [text for attributes, text in page.scripts if "type" not in attributes]
    assert len(running) == 3
    for text in running:
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy


def test_parts_are_in_their_order(page: Page) -> None:
    ids = [attributes["id"] for attributes in page.all("section") if attributes.get("id")]
    assert [part for part in ids if part and not part.startswith("p-")] == [
        "said",
        "speaks",
        "people",
        "overlap",
        "circle",
        "seeding",
        "groups",
        "firm",
        "made",
    ]


def test_every_person_has_a_row_and_evidence(page: Page, rich: Study) -> None:
    rows = [row for row in page.all("tr") if "data-rank" in row]
    drawers = {section["id"] for section in page.all("section") if (section.get("id") or "").startswith("p-")}
    assert [row["data-rank"] for row in rows] == [str(person.rank) for person in rich.people]
    assert drawers == {f"p-{person.rank}" for person in rich.people}


def test_language_of_the_page(page: Page, lang: str) -> None:
    assert page.all("html")[0]["lang"] == lang
    assert ("Ce qui ressort" in page.text) == (lang == "fr")


def test_face_carries_purpose_period_and_expiry() -> None:
    text = Page(render(study(), lang="fr", zone=PARIS)).text
    assert "Préparer la consultation publique de septembre" in text
    assert "du 4 mars 2024 au 4 mai 2024" in text
    assert "3 novembre 2199" in text
    assert "Cette page nomme 46 comptes." in text


def test_hidden_audience_is_said_and_never_zero(rich: Study) -> None:
    first = replace(rich.people[0], known=Known(None, "shown"))
    html = render(replace(rich, people=(first,)), lang="en")
    row = html.split('data-rank="1"')[1].split("</tr>")[0]
    assert 'data-known=""' in row
    assert ">hidden<" in row
    assert 'class="known num"><span>0' not in row


def test_seen_audience_is_a_lower_bound(rich: Study) -> None:
    first = replace(rich.people[0], known=Known(120, "seen"))
    row = render(replace(rich, people=(first,)), lang="en").split('data-rank="1"')[1].split("</tr>")[0]
    assert "≥ </span>120" in row


def test_cannot_tell_shows_its_reason_and_no_number(rich: Study) -> None:
    silent = CannotTell("x", T("Only one post."), T("Two are needed."))
    html = render(replace(rich, people=(replace(rich.people[0], heard=silent),)), lang="en")
    cell = html.split('class="heard">')[1].split("</td>")[0]
    assert "Only one post. Two are needed." in cell
    assert "glyph open" in cell
    assert "--t:" not in cell


def test_effective_says_not_computed(rich: Study, lang: str) -> None:
    nobody = replace(rich, people=tuple(replace(person, effect=None) for person in rich.people))
    page = Page(render(nobody, lang=lang))
    assert ("non calculé" if lang == "fr" else "not computed") in page.text


def test_order_is_that_of_heard(page: Page) -> None:
    heads = [head for head in page.all("th") if head.get("data-key")]
    assert {head["data-key"]: head.get("aria-sort") for head in heads} == {
        "name": None,
        "known": None,
        "heard": "descending",
        "effective": None,
    }


def test_relative_time_never_shows_a_date(rich: Study) -> None:
    moved = replace(rich, relative_time=True)
    text = Page(render(moved, lang="en")).text
    assert "day 1 to day 62" in text
    assert "March 2024" not in text
    assert "Mar 2024" not in text
    assert "7 May 2024" in text  # when the study was made is a real date


def test_empty_study_says_what_to_do(lang: str, empty: Study) -> None:
    text = Page(render(empty, lang=lang)).text
    assert ("Élargissez la période" if lang == "fr" else "Widen the period") in text
    assert "{" not in text
    assert "%(" not in text


def test_no_placeholder_is_left(page: Page) -> None:
    assert not re.search(r"%\(\w+\)s|\{\w+\}", page.text)
    assert "None" not in page.text


def test_page_of_two_hundred_is_light() -> None:
    full = study(240)
    post = Evidence(
        "post:1",
        full.said.first,
        "Un texte long et bavard. " * 40,
        "https://example.org/" + "p" * 50,
        31,
        {"repost": 20, "reply": 9, "quote": 2},
    )
    html = render(
        replace(full, people=tuple(replace(person, evidence=(post,) * 8) for person in full.people)),
        lang="fr",
    )
    assert len(re.findall(r'<section class="drawer', html)) == 200
    assert "40 autres personnes" in html
    # Most of it is the chart library; the evidence of 200 people, and the effects of some, are the rest.
    assert len(html.encode()) < 1_650_000


def test_unknown_language_is_an_error(rich: Study) -> None:
    with pytest.raises(InputError):
        render(rich, lang="de")


EVIL = (
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "<!--<script>",
    "{{ 7*7 }}{% raw %}",
    "\u2028alert(1)//\u2029",
    "]]><svg onload=alert(1)>",
    "%(count)s {n}",
    "\x00\x08",
)


@pytest.mark.parametrize("evil", EVIL)
def test_nothing_a_stranger_wrote_becomes_markup(evil: str) -> None:
    rich = study(12)
    person = replace(
        rich.people[0],
        handle=evil,
        name=evil,
        network=evil,
        declared=evil,
        url=f"https://example.org/{evil}",
        evidence=(Evidence(evil, None, evil, f"javascript:{evil}", 3, {evil: 3}),),
    )
    said = replace(
        rich.said,
        top_posts=(TopItem(evil, 3, 3, evil, f"https://a.b/{evil}", evil),),
        top_links=(TopItem(f"javascript:{evil}", 2, 2, url=f"javascript:{evil}"),),
        top_hashtags=(TopItem(evil, 2, 2, text=evil),),
        top_speakers=(replace(rich.said.top_speakers[0], handle=evil, name=evil),),
    )
    bad = replace(
        rich,
        title=evil,
        topic=evil,
        purpose=evil,
        people=(person, *rich.people[1:]),
        said=said,
        communities=(replace(rich.communities[0], speakers=(evil,), hashtags=(evil,)),),
        network=replace(
            rich.network, nodes=(replace(rich.network.nodes[0], handle=evil), *rich.network.nodes[1:])
        ),
        overlap=replace(rich.overlap, handles=(evil, *rich.overlap.handles[1:])),
        notices=(Notice("x", T("{what}", what=evil), 1, (evil,)),),
        provenance=replace(
            rich.provenance, inputs=(replace(rich.provenance.inputs[0], name=evil, format=evil, sha256=evil),)
        ),
    )
    page = Page(render(bad, lang="en"))
    assert len(page.all("script")) == len(Page(render(rich, lang="en")).all("script"))
    assert not page.all("img")
    for tag, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on")], (tag, attributes)
        for name in ("href", "src"):
            assert not re.match(
                r"\s*(javascript|data:text|vbscript)", attributes.get(name) or "", re.IGNORECASE
            )
    for attributes, text in page.scripts:
        if attributes.get("type") == "application/json":
            json.loads(text)
            assert "\u2028" not in text


JSON = st.recursive(
    st.none() | st.text() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@given(JSON)
@settings(max_examples=60)
def test_json_block_reads_back_and_closes_nothing(value: object) -> None:
    text = str(json_block(value))
    assert json.loads(text) == value
    assert not set("<>&\u2028\u2029") & set(text)


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\nscript:alert(1)",
        " https://example.org",
        "data:text/html,x",
        "//example.org/a",
        "http://",
        "https://[::1",
        "ftp://example.org",
        "",
        None,
    ],
)
def test_other_addresses_are_no_links(url: str | None) -> None:
    assert safe_url(url) is None


def test_safe_addresses_are_links() -> None:
    assert safe_url("HTTPS://Example.org/É?q=1#a") == "HTTPS://Example.org/É?q=1#a"


@given(st.text(max_size=200), st.integers(2, 80))
def test_shorten_never_exceeds(text: str, most: int) -> None:
    assert len(shorten(text, most)) <= most


def test_pseudonymised_page_names_nobody(rich: Study) -> None:
    hidden = pseudonymise(rich, b"k" * 32)
    html = render(hidden, lang="fr")
    for person in rich.people:
        for name in (person.name, person.handle, person.id):
            if name and len(name) > 4:
                assert name not in html
    assert "Pseudonymes" in html or "pseudonymes" in html
    assert "bsky.app" not in html
    assert "Thread with the numbers" not in html


def test_figures_do_not_pretend() -> None:
    reader = Reader("en")
    assert [reader.figure(value) for value in (0.1234, 12.345, 1234.5)] == ["0.12", "12.3", "1,234"]
    assert reader.chance(0.9999) == "> 99%"
    assert reader.chance(0.001) == "< 1%"


def test_relative_moments_are_days() -> None:
    start = datetime(1970, 1, 1, tzinfo=UTC)
    reader = Reader("fr", PARIS, origin=start)
    assert reader.moment(start + timedelta(days=11, hours=23)) == "jour 12"
    assert reader.stamp(datetime(2024, 5, 7, 9, tzinfo=UTC)).startswith("7 mai 2024")
