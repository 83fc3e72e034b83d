"""What holds for every page: its headers, its language, nothing from outside."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po
from django.db import connection
from django.urls import reverse

from entregent.config import Config
from entregent.errors import ConfigError
from entregent.web.databases import database
from entregent.web.headers import POLICY
from entregent.web.keys import hide, make_key, read_key, show

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "entregent"
PAGES = ("today", "team", "invite", "profile", "tokens", "journal", "mfa_index", "usersessions_list")
KEYWORDS = {
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "_": None,
}


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_page_keeps_to_itself(browser, person, page: str, language: str) -> None:
    user = person()
    user.language = language
    user.save()
    answer = browser(user=user).get(reverse(page))
    assert answer.status_code == 200
    assert answer.headers["Content-Security-Policy"] == POLICY
    assert "unsafe" not in POLICY
    html = answer.content.decode()
    assert f'<html lang="{language}">' in html
    assert not re.findall(r'(?:src|href|action)="(?:https?:)?//', html)
    assert " style=" not in html
    assert not re.findall(r"\son\w+=", html)
    scripts = re.findall(r"<script(?![^>]*(?:src=|application/json))[^>]*>", html)
    assert scripts == []
    # A French comma must not stand where a machine reads a number.
    assert not re.findall(r'(?:data-\w+|x\d?|y\d?|value)="-?\d+,\d+"', html)


@pytest.mark.parametrize("language", ["fr", "en"])
def test_what_is_not_there_is_told_in_the_language_of_the_reader(browser, language: str) -> None:
    answer = browser(None, language=language).get("/static/nothing")
    assert answer.status_code == 404
    said = {"fr": "Il n’y a rien ici.", "en": "There is nothing here."}
    assert said[language] in answer.content.decode()


def test_the_door_speaks_the_language_of_the_browser(browser) -> None:
    page = browser(None, language="fr-CA,fr;q=0.9,en;q=0.1").get("/account/login/").content.decode()
    assert '<html lang="fr">' in page
    assert '<html lang="en">' in browser(None, language="de").get("/account/login/").content.decode()


def test_sqlite_writes_ahead_and_takes_its_lock_at_the_start() -> None:
    options = database(Config())["OPTIONS"]
    assert options["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in options["init_command"]
    assert options["timeout"] >= 20
    assert not connection.settings_dict["ATOMIC_REQUESTS"]


def test_postgresql_by_one_setting() -> None:
    made = database(Config(database="postgresql://ann:p%40ss@db.example.org:5433/house?sslmode=require"))
    assert (made["NAME"], made["USER"], made["PASSWORD"]) == ("house", "ann", "p@ss")
    assert (made["HOST"], made["PORT"]) == ("db.example.org", 5433)
    assert made["OPTIONS"] == {"sslmode": "require"}
    with pytest.raises(ConfigError, match="postgresql://"):
        database(Config(database="mysql://x/y"))


def test_a_key_is_made_once_for_its_owner_alone(tmp_path, monkeypatch) -> None:
    assert read_key(tmp_path) == ""
    make_key(tmp_path)
    key = read_key(tmp_path)
    make_key(tmp_path)
    assert read_key(tmp_path) == key
    assert (tmp_path / "secret.key").stat().st_mode & 0o077 == 0
    monkeypatch.setenv("ENTREGENT_SECRET_KEY", "short")
    with pytest.raises(ConfigError, match="5 characters"):
        read_key(tmp_path)


def test_a_secret_kept_with_another_key_is_not_shown() -> None:
    with pytest.raises(ConfigError, match="another key"):
        show(hide("token", "a" * 32), "b" * 32)


@pytest.fixture(scope="module")
def said() -> Catalog:
    sys.path.insert(0, str(ROOT / "scripts"))
    with (ROOT / "babel-web.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)
    catalogue = Catalog()
    for _, _, message, _, _ in extract_from_dir(SOURCE, methods, options, KEYWORDS):
        catalogue.add(message)
    return catalogue


@pytest.fixture(scope="module")
def french() -> Catalog:
    with (SOURCE / "locale/fr/LC_MESSAGES/django.po").open("rb") as file:
        return read_po(file, locale="fr")


def test_every_text_of_the_platform_is_in_french(said: Catalog, french: Catalog) -> None:
    assert [message.id for message in said if message.id and message.id not in french] == []
    assert [message.id for message in french if message.id and message.id not in said] == []


def test_nothing_in_french_is_fuzzy_half_done_or_badly_set(french: Catalog) -> None:
    for message in french:
        if not message.id:
            continue
        assert not message.fuzzy, message.id
        forms = message.string if isinstance(message.string, tuple) else (message.string,)
        assert all(forms), message.id
        for form in forms:
            assert "'" not in form, form
            assert not re.search(r"(?<![\u00a0\d/])[:](?!//|\w)|(?<!\u202f)[;?!]", form), form
            wanted = set(re.findall(r"%\((\w+)\)s", str(message.id)))
            assert set(re.findall(r"%\((\w+)\)s", form)) <= wanted, form
