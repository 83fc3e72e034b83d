"""The page of a study: one HTML file that needs nothing from anywhere."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from entregent.charts.spec import Chart, page_spec
from entregent.charts.table import Table, table
from entregent.charts.theme import COLOURS
from entregent.i18n import T, Translator
from entregent.report import effect_texts, groups_texts, influence_texts, labels
from entregent.report.charts import charts_of
from entregent.report.effect import CarryingPost
from entregent.report.facts import stand_out
from entregent.report.glyph import Scale, interval_glyph, open_glyph
from entregent.report.groups_view import group_views
from entregent.report.influence import CircleMember, CirclePart
from entregent.report.influence_view import CircleView
from entregent.report.model import CoverageCheck, Evidence, NetworkPicture, Person, Share, Study
from entregent.report.picture import HEIGHT, WIDTH, Arc, Dot, drawing
from entregent.report.reader import Reader, apart, safe_url, shorten
from entregent.results import CannotTell, Estimate

__all__ = ["MOST_PEOPLE", "json_block", "render"]

MOST_PEOPLE = 200
"""People on the page; the tables hold all."""

PRINTED_DRAWERS = 10
_EVIDENCE = ((20, 5, 420), (60, 3, 280), (MOST_PEOPLE, 2, 200))
"""Posts shown for people up to a rank, and letters of each: a page must open at once, the tables hold all."""

_ASSETS = Path(__file__).parent / "assets"
_VENDOR = _ASSETS / "vendor"
_PACKED = ("vendor/vega.min.js", "vendor/vega-lite.min.js", "vendor/vega-embed.min.js")
_SCRIPTS = ("theme.js", "charts.js", "report.js")
_FONTS = (
    ("source-serif-4-400-normal.woff2", 400, "normal"),
    ("source-serif-4-600-normal.woff2", 600, "normal"),
)


def json_block(value: Any) -> Markup:
    """Return JSON that may stand inside a ``script`` element.

    No text of a stranger can close the element or be read as a line break of
    a script.

    >>> json_block("</script>")
    Markup('"\\\\u003c/script\\\\u003e"')
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return Markup(text)  # noqa: S704


def render(study: Study, *, lang: str, zone: tzinfo = UTC) -> str:
    """Return a study as one self-contained HTML page.

    Parameters
    ----------
    study : Study
        For a page without names, a study that went through
        :func:`entregent.report.pseudonyms.pseudonymise`.
    lang : {"fr", "en"}
    zone : tzinfo
        Zone in which times are shown.

    Returns
    -------
    str
        HTML. Style, fonts, scripts and the data of charts are inside; nothing
        is loaded from anywhere, and a content security policy forbids it.
        Links to posts are there for the reader to follow.

    Raises
    ------
    InputError
        Where `lang` is no language of Entregent.
    """
    reader = Reader(lang, zone, origin=_origin(study))
    template = _environment(lang).get_template("page.html")
    scripts = _scripts()
    return template.render(
        study=study,
        r=reader,
        labels=labels,
        view=_View(study, reader),
        style=_style(),
        scripts=scripts,
        packed=_packed()[0],
        policy=_policy((*scripts, _packed()[1])),
        json_block=json_block,
        words=_words(reader),
    )


def _origin(study: Study) -> datetime | None:
    first = study.said.first or study.provenance.first
    if not study.relative_time:
        return None
    first = first or datetime(1970, 1, 1, tzinfo=UTC)
    return first.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _template(name: str) -> str:
    # Indentation is for those who read the template; on a long page it would weigh a tenth.
    source = (Path(__file__).parent / "templates" / name).read_text(encoding="utf-8")
    return re.sub(r"(?m)^[ \t]+", "", source)


@cache
def _environment(lang: str) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_template),
        autoescape=True,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    told = Translator(lang)
    environment.install_gettext_callables(told.gettext, told.ngettext, newstyle=True)  # type: ignore[attr-defined]
    return environment


class _View:
    """What the templates ask of a study beyond its fields."""

    def __init__(self, study: Study, reader: Reader) -> None:
        self._reader = reader
        self.people = study.people[:MOST_PEOPLE]
        self.left_out = len(study.people) - len(self.people)
        self.printed = PRINTED_DRAWERS
        self.scale = Scale.of(person.heard for person in self.people)
        check = study.heard_check
        low = check.low if isinstance(check, CoverageCheck) else 1.0
        self.check = Scale.even(0.5 if low >= 0.5 else 0.0)
        self.groups = {community.number: place for place, community in enumerate(study.communities, 1)}
        told = [person.effect for person in self.people if person.effect is not None]
        self.computed, self.asked = bool(told), len(told)
        self.exposure = told[0].exposure if told else "unknown"
        self.unsure = any(isinstance(part.total, CannotTell) for part in told)
        self.effects = effect_texts
        self._ranks = {person.id: person.rank for person in self.people}
        self.names = {person.rank: apart(person.name or person.handle) for person in self.people}
        self.charts: dict[str, Chart] = charts_of(study, self.people, reader.origin)
        self.texts = influence_texts
        self.said_of_groups = groups_texts
        self.together = group_views(study.groups)
        self.circle = CircleView(study.circle, self.people) if isinstance(study.circle, CirclePart) else None
        self.facts = study.facts or stand_out(study)
        self.dots: tuple[Dot, ...] = ()
        self.arcs: tuple[Arc, ...] = ()
        if isinstance(study.network, NetworkPicture):
            self.dots, self.arcs = drawing(study.network, self._ranks, self.groups)
        self.frame = (round(WIDTH), round(HEIGHT))
        self.open = open_glyph()
        self.sample = interval_glyph(0.3, 0.48, 0.72, Scale.even(), column="heard")
        self.words_in_style = _words_in_style(reader)
        self.effective = Scale.of(person.effective for person in self.people)

    def chart(self, name: str) -> Chart | None:
        return self.charts.get(name)

    def chart_block(self, chart: Chart) -> Markup:
        return json_block(page_spec(chart, self._reader))

    def tells(self, name: str) -> Table:
        return table(self.charts[name], self._reader)

    def glyph(self, result: Estimate, column: str) -> Markup:
        return interval_glyph(result.low, result.value, result.high, self.scale, column=column)

    def effective_glyph(self, result: Estimate) -> Markup:
        return interval_glyph(result.low, result.value, result.high, self.effective, column="effective")

    def member_glyph(self, member: CircleMember) -> Markup:
        scale = self.circle.scale if self.circle is not None else Scale.even()
        return interval_glyph(member.low, member.own, member.high, scale, column="plain")

    def floor(self, share: float) -> float:
        """Return a share cut to whole percents: a bound must not be rounded up."""
        return math.floor(100 * share) / 100

    def check_glyph(self, check: CoverageCheck) -> Markup:
        share = check.held / check.checked
        return interval_glyph(
            min(check.low, share), share, max(check.high, share), self.check, column="plain"
        )

    def is_estimate(self, result: object) -> bool:
        return isinstance(result, Estimate)

    def is_silent(self, result: object) -> bool:
        return isinstance(result, CannotTell)

    def group(self, number: int | None) -> int | None:
        return None if number is None else self.groups.get(number)

    def evidence(self, person: Person) -> tuple[Evidence, ...]:
        most, letters = next((step[1:] for step in _EVIDENCE if person.rank <= step[0]), _EVIDENCE[-1][1:])
        return tuple(
            replace(post, text=post.text and shorten(post.text, letters)) for post in person.evidence[:most]
        )

    def carrying(self, person: Person) -> tuple[CarryingPost, ...]:
        most, letters = next((step[1:] for step in _EVIDENCE if person.rank <= step[0]), _EVIDENCE[-1][1:])
        posts = person.effect.posts if person.effect is not None else ()
        return tuple(replace(post, text=post.text and shorten(post.text, letters)) for post in posts[:most])

    def fair(self, placebo: Estimate) -> bool:
        return placebo.low <= 0 <= placebo.high

    def rank_of(self, account: str) -> int | None:
        return self._ranks.get(account)

    def snippet(self, text: str) -> str:
        return shorten(" ".join(text.split()), 140)

    def url(self, url: str | None) -> str | None:
        return safe_url(url)

    def link_text(self, url: str) -> str:
        return shorten(url.removeprefix("https://").removeprefix("http://").removeprefix("www."), 72)

    def after(self, rank: int) -> str | None:
        return self.names.get(rank + 1)

    def shade(self, share: float) -> int:
        """Return the percentage of colour behind a share: dark enough to see, light enough to read on."""
        return round(34 * min(max(share, 0.0), 1.0))

    def part(self, count: float, most: float) -> str:
        return f"{100 * count / most:.1f}%" if most > 0 else "0%"

    def kinds(self, counts: Mapping[str, int]) -> str:
        told = sorted(counts.items(), key=lambda part: (-part[1], part[0]))
        return ", ".join(self._reader.text(labels.kind_label(kind, count)) for kind, count in told if count)

    def mix(self, languages: tuple[Share, ...]) -> str:
        whole = sum(share.count for share in languages) or 1
        most = sorted(languages, key=lambda share: -share.count)[:3]
        return ", ".join(
            f"{self._reader.language(share.key)} {self._reader.percent(share.count / whole)}"
            for share in most
        )

    def short(self, name: str, most: int = 40) -> str:
        return shorten(name, most)

    def file(self, name: str) -> str:
        """Return a file's own name: the folders above it are nobody's business."""
        return name.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]


def _words_in_style(reader: Reader) -> str:
    """Return the names of the columns for the cards of a narrow screen, as variables of CSS."""
    words = {"known": T("Known"), "heard": T("Heard"), "effective": T("Effective")}
    return ";".join(f'--word-{column}:"{reader.text(text)}"' for column, text in words.items())


def _words(reader: Reader) -> Mapping[str, str]:
    """Return the texts that the page's script speaks."""
    return {
        "shown": reader.text(T("{shown} of {all} people shown", shown="%1", all="%2")),
        "node": reader.text(
            T(
                "{name}: heard by {heard} of the accounts shown, listens to {listens} of them",
                name="%1",
                heard="%2",
                listens="%3",
            )
        ),
        "expired": reader.text(T("This study expired on {day}. Please delete it and its copies.", day="%1")),
        "sorted": reader.text(T("Sorted by {column}", column="%1")),
    }


@cache
def _style() -> Markup:
    parts = [_fonts(), _variables()]
    parts += [
        (_ASSETS / name).read_text(encoding="utf-8")
        for name in ("charts.css", "report.css")
        if (_ASSETS / name).is_file()
    ]
    return Markup("\n".join(parts).replace("</", "<\\/"))  # noqa: S704


def _fonts() -> str:
    faces = []
    for name, weight, style in _FONTS:
        data = base64.b64encode((_VENDOR / name).read_bytes()).decode()
        faces.append(
            f'@font-face{{font-family:"Source Serif 4";font-weight:{weight};font-style:{style};'
            f"src:url(data:font/woff2;base64,{data}) format('woff2')}}"
        )
    return "\n".join(faces)


def _variables() -> str:
    light, dark = (
        "".join(f"--{role}:{value};" for role, value in COLOURS[theme].items()) for theme in ("light", "dark")
    )
    return (
        f":root{{{light}}}\n"
        f':root[data-theme="dark"]{{{dark}}}\n'
        f'@media screen and (prefers-color-scheme:dark){{:root:not([data-theme="light"]){{{dark}}}}}\n'
        f"@media print{{:root,:root[data-theme]{{{light}}}}}"
    )


@cache
def _scripts() -> tuple[Markup, ...]:
    """Return the scripts in order: one that sets the theme before anything is drawn, then the rest."""
    return tuple(Markup(_script(name).replace("</script", "<\\/script")) for name in _SCRIPTS)  # noqa: S704


@cache
def _packed() -> tuple[str, str]:
    """Return the drawing library, packed, and the text that it unpacks to.

    Unpacked it would be more than half of the page. The page's script unpacks
    it and runs it; the policy allows the text by its digest.
    """
    text = "\n".join(_script(name) for name in _PACKED)
    packed = gzip.compress(text.encode(), 9, mtime=0)
    return base64.b64encode(packed).decode(), text


def _script(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8").replace("\r\n", "\n")


def _policy(scripts: tuple[str, ...]) -> str:
    digests = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
        for script in scripts
    )
    return (
        f"default-src 'none'; script-src {digests}; style-src 'unsafe-inline'; img-src data:; "
        "font-src data:; base-uri 'none'; form-action 'none'"
    )
