"""Progress on standard error, and how work is stopped."""

from __future__ import annotations

import signal

import pytest

from entregent.cli import progress as progress_module
from entregent.cli.progress import CommandProgress, amount_of
from entregent.errors import Cancelled
from entregent.progress import check


@pytest.mark.parametrize(
    ("number", "unit", "shown"),
    [
        (0, "bytes", "0 bytes"),
        (999, "bytes", "999 bytes"),
        (1000, "bytes", "1.0 kB"),
        (12_345_678, "bytes", "12.3 MB"),
        (5_000_000_000_000, "bytes", "5,000.0 GB"),
        (1_234_567, "", "1,234,567"),
        (1_234_567, "events", "1,234,567 events"),
    ],
)
def test_amounts(number: int, unit: str, shown: str) -> None:
    assert amount_of(number, unit) == shown


def test_elsewhere_than_on_a_terminal_there_are_plain_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_module, "SECONDS_BETWEEN_LINES", 0.0)
    with CommandProgress(terminal=False) as progress:
        progress.step("Reading", 2_000_000, "bytes")
        progress.advance(500_000, "1,200 rows")
        progress.step("Who is heard")
        progress.advance(3)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "Reading (2.0 MB)",
        "  Reading: 25 %, 500.0 kB, 1,200 rows",
        "Who is heard",
        "  Who is heard: 3",
    ]


def test_plain_lines_come_now_and_then_only(capsys: pytest.CaptureFixture[str]) -> None:
    with CommandProgress(terminal=False) as progress:
        progress.step("Reading", 1000, "bytes")
        for _ in range(1000):
            progress.advance(1)
    assert len(capsys.readouterr().err.splitlines()) <= 3


def test_a_terminal_gets_a_bar_with_the_note_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    with CommandProgress(terminal=True) as progress:
        progress.step("Reading [bold]x[/bold]", 2_000_000, "bytes")
        progress.advance(2_000_000, "[red]1,200 rows")
        progress.step("Writing")
        progress.advance(2)
    out, err = capsys.readouterr()
    assert out == ""
    assert "Reading [bold]x[/bold]" in err
    assert "2.0 MB, [red]1,200 rows" in err
    assert "Writing" in err


def test_quiet_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with CommandProgress(quiet=True, terminal=True) as progress:
        progress.step("Reading", 10, "bytes")
        progress.advance(10)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_and_the_second_one_stops(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with CommandProgress(quiet=True) as progress:
        assert not progress.cancelled()
        signal.raise_signal(number)
        assert progress.cancelled()
        with pytest.raises(Cancelled):
            check(progress)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
    assert signal.getsignal(number) is before
