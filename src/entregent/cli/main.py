"""The command ``entregent``: finds commands lazily, turns exceptions into exit codes.

Importing this module loads neither NumPy nor any engine, so that
``entregent --help`` answers at once; each command imports what it needs when
it runs.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper

import click

import entregent
from entregent.errors import EntregentError

__all__ = ["COMMANDS", "EXIT_CODES", "LazyGroup", "entregent_command", "main", "run"]

COMMANDS = {
    "study": "entregent.cli.study:study",
    "influence": "entregent.cli.influence:influence",
    "listen": "entregent.cli.listen:listen",
    "watch": "entregent.cli.watch:watch",
    "series": "entregent.cli.series:series",
    "alerts": "entregent.cli.alerts:alerts",
    "serve": "entregent.cli.serve:serve",
    "search": "entregent.cli.search:search",
    "world": "entregent.cli.world:world",
    "studies": "entregent.cli.studies:studies",
    "authenticity": "entregent.cli.authenticity:authenticity",
    "warm": "entregent.cli.warm:warm",
    "doctor": "entregent.cli.doctor:doctor",
}
"""Name of a command to where it is."""

COMPLETION = "_ENTREGENT_COMPLETE"
"""Set by a shell that asks how a command line can go on."""

EXIT_CODES = {
    0: "done",
    1: "it failed; the message says why",
    2: "the command line was not understood",
    3: "a setting is unknown or has a bad value",
    4: "what was given cannot be used",
    5: "a result cannot be written where asked",
    6: "a source of posts failed",
    7: "the archive cannot be used",
    8: "an optional package is not installed",
    70: "a fault of Entregent",
    71: "the memory of this machine was not enough",
    74: "the system refused to read or write",
    130: "stopped by Ctrl-C or SIGTERM; nothing half-written is left",
    141: "the reader of the output went away",
}


class LazyGroup(click.Group):
    """A group of commands that are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command


@click.command(
    "entregent",
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Settings: flag, then ENTREGENT_* in the environment, then entregent.toml, then the default.",
)
@click.version_option(entregent.__version__, "--version", message="entregent %(version)s")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def entregent_command(debug: bool) -> None:
    """Listen to public conversations: what was said, who is known, who is heard.

    \b
    Examples:
      entregent study posts.jsonl.gz
      entregent study export.csv --topic '"night train" OR #nighttrain' --lang fr
      entregent influence circle posts.jsonl --k 10
      entregent listen --replay posts.jsonl --speed 60
      entregent serve
      entregent search "grève NEAR/5 sncf"
      entregent world --people 5000 --days 90 --out world
      entregent doctor
    """


def _say(message: str) -> None:
    click.echo(f"entregent: error: {message}", err=True)


def run(arguments: Sequence[str]) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : sequence of str
        What follows ``entregent`` on the command line.

    Returns
    -------
    int
        One of :data:`EXIT_CODES`.
    """
    debug = "--debug" in arguments
    try:
        # Not click's own main(), which has other ideas about Ctrl-C and closed pipes.
        with entregent_command.make_context("entregent", list(arguments)) as context:
            entregent_command.invoke(context)
        return 0
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return error.exit_code
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.UsageError as error:
        _say(error.format_message())
        command = error.ctx.command_path if error.ctx else "entregent"
        click.echo(f"Try: {command} --help", err=True)
        return error.exit_code
    except EntregentError as error:
        if debug:
            traceback.print_exc()
        _say(str(error))
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        _say("Stopped.")
        return 130
    except BrokenPipeError:
        # What is still buffered would raise again when Python exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except MemoryError:
        if debug:
            traceback.print_exc()
        _say("This machine has too little memory for it. Give fewer files or a shorter --since/--until.")
        return 71
    except OSError as error:
        if debug:
            traceback.print_exc()
        _say(f"The system refused: {error}.")
        return 74
    except Exception as error:
        if debug:
            traceback.print_exc()
        _say(
            f"Unexpected {type(error).__name__}: {error}. This is a fault of Entregent. Run it again as"
            " `entregent --debug ...` and report the traceback with the output of `entregent doctor`."
        )
        return 70


def main() -> None:
    """Run the command that the process was started with, and exit."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # Names hold any letter; a terminal of an older encoding shows "?" for it.
            stream.reconfigure(errors="replace")
    if COMPLETION in os.environ:
        entregent_command.main(prog_name="entregent")
    sys.exit(run(sys.argv[1:]))
