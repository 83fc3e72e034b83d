"""A listener that is killed at any instant loses nothing and doubles nothing; `make crash` does it longer."""

from __future__ import annotations

import pytest

from crash.kills import killed
from sources.bluesky.box import require_box


@pytest.mark.timeout(600)
def test_killed_while_it_follows_a_jetstream() -> None:
    outcome = killed("jetstream", 10, seed=7)
    assert outcome.clean, outcome.told()
    assert outcome.kept == outcome.published - outcome.deleted
    assert outcome.gaps == 0


@pytest.mark.timeout(600)
def test_killed_while_it_follows_a_real_data_server() -> None:
    require_box()
    outcome = killed("firehose", 10, seed=7)
    assert outcome.clean, outcome.told()
    assert outcome.kept == outcome.published - outcome.deleted
