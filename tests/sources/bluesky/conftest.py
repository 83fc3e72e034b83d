"""The Bluesky network that the tests of this folder share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sources.bluesky.box import Box


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """A network with a data server of its own."""
    folder: Path = tmp_path_factory.mktemp("bluesky")
    with Box(folder) as started:
        yield started
