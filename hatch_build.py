"""Build hook: compiles the message catalogues, which are kept as ``.po`` only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CatalogueBuildHook(BuildHookInterface):
    """Writes ``entregent.mo`` beside each ``entregent.po``."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        for source in sorted(Path(self.root, "src", "entregent", "locale").glob("*/LC_MESSAGES/*.po")):
            with source.open("rb") as lines:
                catalogue = read_po(lines, locale=source.parent.parent.name)
            target = source.with_suffix(".mo")
            with target.open("wb") as out:
                write_mo(out, catalogue)
            build_data["artifacts"].append(f"/{target.relative_to(self.root).as_posix()}")
