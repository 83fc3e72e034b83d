"""Writes ``docs/reference/cli.md`` from the commands themselves; ``--check`` only compares."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from entregent.cli.main import COMMANDS, EXIT_CODES, entregent_command

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "cli.md"
WIDTH = 90
INTRODUCTION = """\
# Command line

This page is made by `python scripts/cli_help.py` from the commands themselves.

Results go to standard output, progress and warnings about the data to standard
error. Ctrl-C asks a command to stop at the next safe place; nothing half-written
is left.
"""


def help_of(command: click.Command, name: str) -> str:
    settings = {**entregent_command.context_settings, "terminal_width": WIDTH, "max_content_width": WIDTH}
    context = click.Context(command, info_name=name, **settings)
    lines = (line.rstrip() for line in command.get_help(context).splitlines())
    return "\n".join(lines)


def page() -> str:
    parts = [INTRODUCTION, f"## `entregent`\n\n```text\n{help_of(entregent_command, 'entregent')}\n```\n"]
    context = click.Context(entregent_command)
    for name in COMMANDS:
        command = entregent_command.get_command(context, name)
        assert command is not None
        parts.append(f"## `entregent {name}`\n\n```text\n{help_of(command, f'entregent {name}')}\n```\n")
        for part in command.commands.values() if isinstance(command, click.Group) else ():
            full = f"entregent {name} {part.name}"
            parts.append(f"### `{full}`\n\n```text\n{help_of(part, full)}\n```\n")
    codes = "\n".join(f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items())
    parts.append(f"## Exit codes\n\n| code | meaning |\n|---|---|\n{codes}\n")
    return "\n".join(parts)


def main() -> int:
    if "--check" not in sys.argv:
        PAGE.write_text(page(), encoding="utf-8")
    elif not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != page():
        print(f"{PAGE.name} is not what the commands say. Run: python scripts/cli_help.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
