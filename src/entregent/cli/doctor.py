"""``entregent doctor``: what is here, what is set and from where, what is missing."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
import tomllib
from dataclasses import fields
from importlib import metadata, util
from pathlib import Path
from typing import Any

import click

import entregent
from entregent import config
from entregent.cli.listing import print_rows
from entregent.cli.settings import list_format, settings, with_flags
from entregent.errors import StoreError
from entregent.i18n import LANGUAGES, LOCALE_DIR

__all__ = ["BROWSERS", "EXTRAS", "REQUIRED", "doctor"]

REQUIRED = (
    "babel",
    "click",
    "cryptography",
    "django",
    "django-allauth",
    "django-htmx",
    "django-ninja",
    "django-simple-history",
    "django-tasks-db",
    "duckdb",
    "eldc",
    "feedparser",
    "h11",
    "httpcore",
    "httpx",
    "httpx-sse",
    "jinja2",
    "libipld",
    "msgspec",
    "networkit",
    "numba",
    "numpy",
    "pyarrow",
    "rich",
    "rules",
    "scipy",
    "servestatic",
    "sqlalchemy",
    "uvicorn",
    "websockets",
    "zstandard",
)
EXTRAS = {
    "charts": (("vl-convert-python", "vl_convert"), "charts as SVG and PNG files"),
    "postgres": (("psycopg", "psycopg"), "the platform on PostgreSQL"),
}
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
LEAST_FREE_MB = 500


def _row(part: str, state: str, detail: str, do: str = "") -> dict[str, str]:
    return {"part": part, "state": state, "detail": detail, "do": do}


def _versions() -> list[dict[str, str]]:
    rows = [
        _row("entregent", "ok", entregent.__version__),
        _row("python", "ok", f"{platform.python_version()} in {sys.prefix}"),
    ]
    for name in REQUIRED:
        try:
            rows.append(_row(name, "ok", metadata.version(name)))
        except metadata.PackageNotFoundError:
            rows.append(_row(name, "MISSING", "not installed", "pip install entregent"))
    return rows


def _storage(home: Path) -> list[dict[str, str]]:
    there = home.absolute()
    while not there.exists():
        there = there.parent
    if not there.is_dir():
        return [_row("home", "MISSING", f"{home}: {there} is a file", "Set another home.")]
    if not os.access(there, os.W_OK):
        return [_row("home", "MISSING", f"{home}: {there} cannot be written to", "Set another home.")]
    free = shutil.disk_usage(there).free // 1_000_000
    note = "" if home.exists() else ", made when first needed"
    enough = free >= LEAST_FREE_MB
    return [
        _row(
            "home",
            "ok" if enough else "low",
            f"{home.absolute()} ({free:,} MB free{note})",
            "" if enough else "Make room, or set another home.",
        )
    ]


def _origin(name: str, flags: dict[str, Any]) -> str:
    if flags.get(name) is not None:
        return "flag"
    variable = config.PREFIX + name.upper()
    if any(given.upper() == variable for given in os.environ):
        return f"environment, {variable}"
    path = Path(config.FILE_NAME)
    if path.is_file() and name in tomllib.loads(path.read_text(encoding="utf-8")):
        return f"file, {path.absolute()}"
    return "default"


def _optional() -> list[dict[str, str]]:
    rows = []
    for extra, ((package, module), purpose) in EXTRAS.items():
        if util.find_spec(module) is None:
            rows.append(_row(f"extra {extra}", "absent", purpose, f"pip install 'entregent[{extra}]'"))
        else:
            rows.append(_row(f"extra {extra}", "ok", f"{purpose} ({package} {metadata.version(package)})"))
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    rows.append(
        _row("browser", "ok", browser)
        if browser
        else _row("browser", "absent", "for the browser tests of developers only", "make boxes")
    )
    for lang in LANGUAGES:
        if lang == "en" or (LOCALE_DIR / lang / "LC_MESSAGES" / "entregent.mo").is_file():
            rows.append(_row(f"texts {lang}", "ok", "ready"))
        else:
            rows.append(_row(f"texts {lang}", "MISSING", "catalogue not compiled", "make catalogues"))
    return rows


@click.command("doctor")
@settings("home")
@list_format
def doctor(home: Path | None, form: str) -> None:
    """Say what is here, what is set and from where, and what is missing.

    Ends with 0 where Entregent can be used, with 7 where something that it
    needs is missing. What is "absent" is optional.

    \b
    Examples:
      entregent doctor
      entregent doctor --format json
    """
    flags = {"home": home}
    settled = with_flags(**flags)
    rows = _versions() + _storage(settled.home)
    for setting in fields(settled):
        value = getattr(settled, setting.name)
        if setting.name == "database":
            # Its address may hold a password.
            value = re.sub(r"(?<=:)[^:@/]+(?=@)", "***", value)
        rows.append(_row(f"setting {setting.name}", "ok", f"{value} ({_origin(setting.name, flags)})"))
    rows += _optional()
    print_rows(("part", "state", "detail", "do"), rows, form)
    missing = [row["part"] for row in rows if row["state"] == "MISSING"]
    if missing:
        raise StoreError(f"Missing: {', '.join(missing)}.", do="The last column says how to get it.")
