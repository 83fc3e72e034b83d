"""The small conversation as a file."""

from pathlib import Path

import pytest
from small_conversation import conversation


@pytest.fixture(scope="session")
def jetstream(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("conversation") / "posts.jsonl"
    path.write_text("\n".join(conversation()) + "\n", encoding="utf-8")
    return path
