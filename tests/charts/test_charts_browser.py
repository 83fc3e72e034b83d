"""The page's script draws every chart from disk, without network or eval, in the page's colours."""

import json
import os
from pathlib import Path

import pytest

from entregent import charts
from entregent.charts.theme import COLOURS
from entregent.i18n import Translator

ASSETS = Path(__file__).parents[2] / "src" / "entregent" / "report" / "assets"
CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'"


def page_of(samples):
    reader = Translator("en")
    figures = []
    for name, chart in samples.items():
        block = json.dumps(charts.page_spec(chart, reader)).replace("<", "\\u003c")
        figures.append(
            f'<figure class="chart" id="chart-{name}"><div class="chart-view"></div>'
            f'<script type="application/json" class="chart-spec">{block}</script></figure>'
        )
    colours = {theme: "".join(f"--{k}:{v};" for k, v in COLOURS[theme].items()) for theme in COLOURS}
    scripts = [
        (ASSETS / name).read_text(encoding="utf-8")
        for name in ("vendor/vega.min.js", "vendor/vega-lite.min.js", "vendor/vega-embed.min.js", "charts.js")
    ]
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>x</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f"<style>:root{{{colours['light']}}}"
        f"@media (prefers-color-scheme:dark){{:root{{{colours['dark']}}}}}"
        f"body{{margin:8px}}figure{{margin:0}}{(ASSETS / 'charts.css').read_text(encoding='utf-8')}</style>"
        + "".join(figures)
        + "".join(f"<script>{script}</script>" for script in scripts)
        + "<script>entregentCharts().then(() => { window.ready = true; });</script>"
    )


@pytest.mark.browser
def test_charts_are_drawn_from_disk_and_follow_the_theme(samples, tmp_path):
    if not CHROMIUM.exists():
        message = f"{CHROMIUM} is not here: run `make boxes`"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    sync_api = pytest.importorskip("playwright.sync_api")
    (tmp_path / "page.html").write_text(page_of(samples), encoding="utf-8")
    said: list[str] = []
    asked: list[str] = []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(FLAGS))
        page = browser.new_page(viewport={"width": 900, "height": 700}, color_scheme="light")
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto((tmp_path / "page.html").as_uri())
        page.wait_for_function("window.ready")
        drawn = "[...document.querySelectorAll('figure.chart')].map(f => f.dataset.drawn)"
        assert page.evaluate(drawn) == ["true"] * len(samples)
        bar = "getComputedStyle(document.querySelector('#chart-volume [fill=\"var(--bar)\"]')).fill"
        light = page.evaluate(bar)
        page.emulate_media(color_scheme="dark")
        assert page.evaluate(bar) != light
        assert page.evaluate("getComputedStyle(document.querySelector('#entregent-hatch line')).stroke")
        page.set_viewport_size({"width": 360, "height": 700})
        page.wait_for_function("document.querySelector('#chart-volume svg').clientWidth < 360")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        browser.close()
    assert said == []
    assert [url for url in asked if not url.startswith("file:")] == []
