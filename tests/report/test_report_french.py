"""The French catalogue: complete, in step with the code, and set as French is set."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "entregent"
KEYWORDS = {"T": None, "N": (1, 2), "_": None, "gettext": None, "ngettext": (1, 2)}


@pytest.fixture(scope="module")
def template() -> Catalog:
    with (ROOT / "babel.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)
    catalogue = Catalog()
    for _, _, message, _, _ in extract_from_dir(SOURCE, methods, options, KEYWORDS):
        catalogue.add(message)
    return catalogue


@pytest.fixture(scope="module")
def french() -> Catalog:
    with (SOURCE / "locale/fr/LC_MESSAGES/entregent.po").open("rb") as file:
        return read_po(file, locale="fr")


def _forms(text: object) -> tuple[str, ...]:
    return tuple(text) if isinstance(text, list | tuple) else (str(text),)


def test_every_text_of_the_code_is_in_french(template: Catalog, french: Catalog) -> None:
    missing = [message.id for message in template if message.id and message.id not in french]
    assert missing == []


def test_nothing_is_translated_that_nobody_says(template: Catalog, french: Catalog) -> None:
    stale = [message.id for message in french if message.id and message.id not in template]
    assert stale == []


def test_nothing_is_fuzzy_or_half_done(french: Catalog) -> None:
    assert [message.id for message in french if message.id and message.fuzzy] == []
    assert [m.id for m in french if m.id and not all(_forms(m.string))] == []
    assert [m.id for m in french if m.id and m.pluralizable and len(_forms(m.string)) != 2] == []


def test_parameters_are_the_same_in_both(french: Catalog) -> None:
    for message in french:
        if not message.id:
            continue
        *few, many = _forms(message.string)
        wanted = _parameters(_forms(message.id)[-1])
        assert _parameters(many) == wanted, many
        assert all(_parameters(form) <= wanted for form in few), few


def _parameters(text: str) -> set[str]:
    named = set(re.findall(r"%\((\w+)\)s", text))
    braces = {field for _, field, _, _ in string.Formatter().parse(text) if field is not None}
    return named | braces


def test_catalogue_compiles_without_complaint(french: Catalog) -> None:
    assert [
        (str(m.id), [str(error) for error in m.check(french)])
        for m in french
        if m.id and list(m.check(french))
    ] == []


def test_french_punctuation(french: Catalog) -> None:
    for message in french:
        if not message.id:
            continue
        for form in _forms(message.string):
            assert "'" not in form, f"straight apostrophe: {form}"
            assert not re.search(r"(?<!\u202f)[;!?]", form), f"no narrow space before ; ! ?: {form}"
            assert not re.search(r"[^\u00a0\d]:(?!\w)", form), f"no space before a colon: {form}"
            assert not re.search(r"«(?!\u00a0)|(?<!\u00a0)»", form), f"guillemets without their space: {form}"
            assert not re.search(r"(?<!\u00a0)%(?!\()", form), f"no space before %: {form}"
            assert "!" not in form, f"exclamation mark: {form}"


def test_templates_say_nothing_untranslated() -> None:
    for path in sorted((SOURCE / "report/templates").glob("*.html")):
        text = re.sub(
            r"\{%.*?%\}|\{\{.*?\}\}|<script.*?</script>|<[^>]*>", " ", path.read_text("utf-8"), flags=re.S
        )
        words = re.findall(r"[A-Za-zÀ-ÿ]{3,}", text)
        allowed = {"Entregent", "SHA", "CSV", "Parquet", "study", "json", "page_spec"}
        assert [word for word in words if word not in allowed] == [], path.name
