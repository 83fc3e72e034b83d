"""The command itself: help, exit codes, one clear message for each kind of failure."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import click
import pytest

import entregent
from entregent import errors
from entregent.cli import main as cli
from entregent.cli.main import COMMANDS, EXIT_CODES, run


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """Let ``entregent doctor`` raise something."""

    def fail_with(error: BaseException) -> None:
        @click.command("doctor")
        def command() -> None:
            raise error

        monkeypatch.setattr(cli.LazyGroup, "get_command", lambda self, ctx, name: command)

    return fail_with


def test_the_program_is_installed() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from entregent.cli.main import main; main()", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"entregent {entregent.__version__}\n"


def test_help_lists_every_command_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    for command in COMMANDS:
        assert f"\n  {command} " in shown
    assert "Examples:" in shown


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command_has_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([command, "--help"]) == 0
    shown = capsys.readouterr().out
    assert f"Usage: entregent {command}" in shown
    assert f"    entregent {command}" in shown.split("Examples:")[1]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_explained(command: str) -> None:
    found = cli.entregent_command.get_command(click.Context(cli.entregent_command), command)  # type: ignore[attr-defined]
    unexplained = [p.name for p in found.params if isinstance(p, click.Option) and not p.help]
    assert not unexplained


def test_no_command_shows_the_help_and_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 2
    assert "study" in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["stduy"], "No such command 'stduy'"),
        (["study"], "Missing argument 'FILE...'"),
        (["study", "x", "--people", "0"], "--people"),
        (["study", "x", "--nothing"], "No such option '--nothing'"),
        (["study", "x", "--lang", "de"], "'de' is not one of 'fr', 'en'"),
        (["world", "--format", "pigeon"], "'pigeon' is not one of"),
    ],
)
def test_a_line_that_is_not_understood_ends_with_2(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("entregent: error: ")
    assert said.replace("'", "") in err.replace("'", "")
    assert "--help" in err


ERRORS = [getattr(errors, name) for name in errors.__all__]


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_an_error_is_one_line_and_its_exit_code(
    kind: type[errors.EntregentError],
    failing: Callable[[BaseException], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    failing(kind("It failed.", where="posts.jsonl:3", valid=["a"], do="Do this."))
    assert run(["doctor"]) == kind.exit_code
    out, err = capsys.readouterr()
    assert (out, err) == ("", "entregent: error: posts.jsonl:3: It failed. Valid: a. Do this.\n")


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (KeyError("author"), 70, "fault of Entregent"),
        (MemoryError(), 71, "too little memory"),
        (PermissionError(13, "Permission denied", "x.json"), 74, "Permission denied"),
        (KeyboardInterrupt(), 130, "Stopped"),
        (click.Abort(), 130, "Stopped"),
    ],
)
def test_what_nobody_foresaw_is_one_line_too(
    error: BaseException,
    status: int,
    said: str,
    failing: Callable[[BaseException], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    failing(error)
    assert run(["doctor"]) == status
    assert status in EXIT_CODES
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert "Traceback" not in err
    assert err.count("\n") == 1


def test_debug_shows_the_traceback(
    failing: Callable[[BaseException], None], capsys: pytest.CaptureFixture[str]
) -> None:
    failing(KeyError("author"))
    assert run(["--debug", "doctor"]) == 70
    assert "Traceback" in capsys.readouterr().err


def test_a_reader_that_goes_away_is_no_error() -> None:
    code = "import sys; from entregent.cli.main import main; sys.argv[1:] = ['doctor']; main()"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout
    assert process.stderr
    process.stdout.close()
    err = process.stderr.read().decode()
    process.stderr.close()
    process.wait()
    assert "Traceback" not in err
    assert "Exception ignored" not in err
    assert process.returncode == 141


def test_letters_that_the_terminal_lacks_do_not_stop_a_command() -> None:
    code = (
        "import click; from entregent.cli import main as m;"
        "m.run = lambda _: click.echo('Zoé 🚆') or 0; m.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, env={"PYTHONIOENCODING": "latin-1"}, check=False
    )
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, b"Zo\xe9 ?", b"")


def test_a_shell_can_ask_how_a_line_goes_on() -> None:
    code = "import sys; from entregent.cli.main import main; sys.argv[0] = 'entregent'; main()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={"_ENTREGENT_COMPLETE": "bash_complete", "COMP_WORDS": "entregent st", "COMP_CWORD": "1"},
        check=True,
    )
    assert done.stdout.split() == ["plain,study", "plain,studies"]
