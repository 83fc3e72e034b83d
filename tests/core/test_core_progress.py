"""Long work learns that it should stop."""

from __future__ import annotations

import pytest

from entregent.errors import Cancelled
from entregent.progress import Progress, Quiet, check


class Impatient(Quiet):
    def cancelled(self) -> bool:
        return True


def test_quiet_goes_on() -> None:
    progress: Progress = Quiet()
    progress.step("Reading", 10, "bytes")
    progress.advance(10)
    check(progress)


def test_check_raises_where_the_caller_asked_to_stop() -> None:
    with pytest.raises(Cancelled, match="half-written"):
        check(Impatient())
    assert Cancelled.exit_code == 130
