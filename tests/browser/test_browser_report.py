"""The page of a study in a real browser: quiet, accessible, and usable by keyboard."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "report"))

from study_builder import empty_study, study

from entregent.report import pseudonymise, write

pytestmark = pytest.mark.browser

CHROMIUM = Path("/usr/bin/chromium")
QUIET = (
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    if not CHROMIUM.is_file():
        if os.environ.get("CI") == "true":
            pytest.fail("Chromium is missing; `make boxes` installs it")
        pytest.skip("Chromium is missing; `make boxes` installs it")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(QUIET))
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("studies")
    for lang in ("fr", "en"):
        write(study(24), folder / lang, lang=lang, zone=ZoneInfo("Europe/Paris"))
    write(empty_study(), folder / "empty", lang="fr")
    write(pseudonymise(study(16), b"k" * 16), folder / "hidden", lang="fr")
    write(replace(study(16), relative_time=True), folder / "relative", lang="fr")
    write(replace(study(16), expires=date(2020, 1, 1)), folder / "old", lang="en")
    return folder


class Reading:
    """A page that is open, and everything that it asked for or complained of."""

    def __init__(
        self,
        browser,
        folder: Path,
        *,
        width: int = 1280,
        scheme: str = "light",
        scripts: bool = True,
        at: str = "",
    ):
        self.context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=scripts
        )
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.address = f"{(folder / 'index.html').as_uri()}{at}"
        self.page.goto(self.address)
        if scripts:
            self.page.wait_for_function("document.documentElement.dataset.ready === 'all'", timeout=30_000)

    def __enter__(self) -> Reading:
        return self

    def __exit__(self, *exc: object) -> None:
        self.context.close()


@pytest.mark.parametrize("name", ["fr", "en", "empty", "hidden", "relative"])
def test_asks_for_nothing_and_complains_of_nothing(browser, studies: Path, name: str) -> None:
    with Reading(browser, studies / name) as reading:
        assert reading.complaints == []
        outside = [url for url in reading.requests if not url.startswith(("data:", "blob:"))]
        assert outside == [reading.address]


def test_charts_are_drawn(browser, studies: Path) -> None:
    with Reading(browser, studies / "fr") as reading:
        figures = reading.page.locator("figure.chart")
        # Volume, known against heard, and two of few or many.
        assert figures.count() == 4
        for index in range(4):
            assert figures.nth(index).locator(".chart-view svg").count() == 1


@pytest.mark.parametrize(
    ("lang", "width"), [("fr", 360), ("en", 360), ("fr", 768), ("fr", 1100), ("fr", 1281), ("fr", 1600)]
)
def test_page_never_scrolls_sideways(browser, studies: Path, lang: str, width: int) -> None:
    with Reading(browser, studies / lang, width=width) as reading:
        assert reading.page.evaluate("document.documentElement.scrollWidth") <= width
        reading.page.goto(reading.address + "#p-2")
        assert reading.page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["fr", "en", "empty"])
def test_axe_finds_nothing(browser, studies: Path, name: str, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    with Reading(browser, studies / name, scheme=scheme) as reading:
        # The policy of the page keeps scripts out, axe too: it is let in past the policy.
        session = reading.context.new_cdp_session(reading.page)
        session.send("Page.setBypassCSP", {"enabled": True})
        reading.page.reload()
        reading.page.wait_for_function("document.documentElement.dataset.ready === 'all'")
        for hash_ in ("", "#p-2") if name != "empty" else ("",):
            reading.page.evaluate(f"location.hash = '{hash_}'")
            found = Axe().run(reading.page)
            assert found.violations_count == 0, found.generate_report()


def test_keyboard_path_to_the_evidence_and_back(browser, studies: Path) -> None:
    with Reading(browser, studies / "fr") as reading:
        page = reading.page
        focused = "document.activeElement.getAttribute('href') || document.activeElement.id"
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.keyboard.press("j")
        page.keyboard.press("j")
        assert page.evaluate(focused) == "#p-2"
        page.keyboard.press("Enter")
        assert page.evaluate(focused) == "p-2"
        assert page.locator("#p-2").is_visible()
        assert page.url.endswith("#p-2")
        page.keyboard.press("j")
        assert page.locator("#p-3").is_visible()
        assert not page.locator("#p-2").is_visible()
        page.keyboard.press("Escape")
        assert not page.locator("#p-3").is_visible()
        assert page.evaluate(focused) == "#p-3"
        assert "#" not in page.url


def test_deep_link_opens_the_evidence(browser, studies: Path) -> None:
    with Reading(browser, studies / "en", at="#p-7") as reading:
        assert reading.page.locator("#p-7").is_visible()
        reading.page.locator("#p-7 .close").click()
        assert not reading.page.locator("#p-7").is_visible()


def test_back_button_closes_the_evidence(browser, studies: Path) -> None:
    with Reading(browser, studies / "en") as reading:
        reading.page.locator("tr[data-rank='1'] .open-drawer").click()
        assert reading.page.locator("#p-1").is_visible()
        reading.page.go_back()
        assert not reading.page.locator("#p-1").is_visible()


def test_evidence_opens_without_scripts(browser, studies: Path) -> None:
    with Reading(browser, studies / "en", scripts=False, at="#p-3") as reading:
        assert reading.page.locator("#p-3").is_visible()
        assert not reading.page.locator(".tools").is_visible()
        reading.page.locator("#p-3 .close").click()
        assert not reading.page.locator("#p-3").is_visible()


def test_columns_sort_and_unknown_goes_last(browser, studies: Path) -> None:
    with Reading(browser, studies / "en") as reading:
        page = reading.page
        values = "[...document.querySelectorAll('#people-table tbody tr')].map((row) => row.dataset.{})"
        heard = [value for value in page.evaluate(values.format("heard")) if value]
        assert heard == sorted(heard, key=float, reverse=True)
        button = page.locator("th[data-key='known'] button")
        button.focus()
        page.keyboard.press("Enter")
        known = page.evaluate(values.format("known"))
        shown = [int(value) for value in known if value]
        assert shown == sorted(shown, reverse=True)
        assert known[len(shown) :] == [""] * (len(known) - len(shown))
        assert page.locator("th[data-key='known']").get_attribute("aria-sort") == "descending"
        page.keyboard.press("Enter")
        known = page.evaluate(values.format("known"))
        assert [int(value) for value in known if value] == sorted(shown)
        assert known[-1] == ""
        assert not page.locator(".ahead").first.is_visible()


def test_filter_finds_names_without_their_accents(browser, studies: Path) -> None:
    with Reading(browser, studies / "fr") as reading:
        page = reading.page
        page.keyboard.press("/")
        page.keyboard.type("aicha")
        assert page.locator("#people-table tbody tr:visible").count() == 1
        assert page.locator("#shown").text_content() == "1 personnes affichées sur 24"
        page.keyboard.type("zzz")
        assert page.locator("#nobody").is_visible()


def test_question_mark_lists_the_keys(browser, studies: Path) -> None:
    with Reading(browser, studies / "fr") as reading:
        reading.page.keyboard.press("?")
        assert reading.page.locator("#keys").is_visible()
        reading.page.keyboard.press("Escape")
        assert not reading.page.locator("#keys").is_visible()


def test_network_is_walked_with_arrows(browser, studies: Path) -> None:
    with Reading(browser, studies / "en") as reading:
        page = reading.page
        assert page.locator("#network .dot[tabindex='0']").count() == 1
        page.locator("#network .dot[tabindex='0']").focus()
        first = page.locator("#network-line .now").text_content()
        page.keyboard.press("ArrowRight")
        assert page.locator("#network-line .now").text_content() != first
        assert page.locator("#network .arcs path.lit").count() > 0


def test_chosen_appearance_is_kept(browser, studies: Path) -> None:
    with Reading(browser, studies / "en") as reading:
        page = reading.page
        light = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.locator(".themes input[value='dark']").check(force=True)
        dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert dark != light
        page.reload()
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark


def test_expired_study_says_so(browser, studies: Path) -> None:
    with Reading(browser, studies / "old") as reading:
        assert "expired on 1 January 2020" in (reading.page.locator("#expired").text_content() or "")
        assert reading.page.locator("#expired").is_visible()


def test_paper_shows_evidence_of_the_people_on_top_in_ink(browser, studies: Path) -> None:
    with Reading(browser, studies / "fr", scheme="dark") as reading:
        page = reading.page
        page.emulate_media(media="print")
        assert page.locator("#p-1").is_visible()
        assert not page.locator("#p-12").is_visible()
        assert not page.locator(".rail").is_visible()
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert page.evaluate("getComputedStyle(document.body).color") == "rgb(31, 29, 26)"
