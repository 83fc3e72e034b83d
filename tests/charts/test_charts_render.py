"""Charts as files, by theme and language, and what is said where the extra is not there."""

import sys
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from entregent import charts
from entregent.errors import InputError, MissingExtra
from entregent.i18n import T, Translator

EN = Translator("en")


def words(svg):
    return [node.text for node in ET.fromstring(svg).iter() if node.tag.endswith("}text") and node.text]


def test_every_chart_becomes_a_file_that_stands_alone(samples):
    pytest.importorskip("vl_convert", reason="the extra `charts` is not installed")
    for chart in samples.values():
        for theme in ("light", "dark"):
            drawn = charts.svg(chart, EN, theme=theme)
            assert "var(--" not in drawn
            assert "NaN" not in drawn
            assert ("url(#entregent-hatch)" in drawn) == ('id="entregent-hatch"' in drawn)
            assert EN.text(chart.title)[:20] in " ".join(words(drawn))


def test_numbers_and_months_are_written_as_the_reader_writes_them(samples):
    pytest.importorskip("vl_convert", reason="the extra `charts` is not installed")
    # The catalogue is another's business: only the notation is looked at.
    texts = words(charts.svg(samples["languages"], EN))
    assert "French" in texts
    assert "70% \u00b7 700" in texts
    french = replace(samples["languages"], title=T("x"))
    try:
        reader = Translator("fr")
    except FileNotFoundError:
        pytest.skip(
            "the French catalogue is not compiled: pybabel compile -D entregent -d src/entregent/locale"
        )
    texts = words(charts.svg(french, reader))
    assert "français" in texts
    assert "70\u00a0% \u00b7 700" in texts


def test_png_has_the_size_asked_for(samples):
    pytest.importorskip("vl_convert", reason="the extra `charts` is not installed")
    image = charts.png(samples["kinds"], EN, width=500, scale=2)
    assert image[:8] == b"\x89PNG\r\n\x1a\n"
    assert abs(int.from_bytes(image[16:20]) - 1000) <= 4


def test_without_the_extra_it_says_how_to_get_it(samples, monkeypatch):
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(MissingExtra, match=r"pip install 'entregent\[charts\]'"):
        charts.svg(samples["kinds"], EN)


def test_a_theme_that_does_not_exist_stops(samples):
    with pytest.raises(InputError, match="light, dark"):
        charts.svg(samples["kinds"], EN, theme="page")
