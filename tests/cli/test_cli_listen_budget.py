"""What a source spent stands in its line of ``entregent listen``."""

from __future__ import annotations

from datetime import timedelta

from entregent import clock
from entregent.cli.listen import _cells
from entregent.flows.listen import Standing


def test_what_was_spent_stands_in_the_line_of_a_source() -> None:
    again = clock.now() + timedelta(days=9)
    standing = Standing("x", "x", "waiting", budget="20.00 of 20.00 spent in 2024-05", retry_at=again)
    cells = _cells(standing)
    assert "20.00 of 20.00 spent in 2024-05" in cells
    assert f"waiting until {again:%Y-%m-%d %H:%M} UTC" in cells
