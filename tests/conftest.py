"""What all tests share: the real data sets where they are, and how hypothesis runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[1]
# With --doctest-modules every conftest would be collected as a module of that one name.
collect_ignore_glob = ["conftest.py", "*/conftest.py"]
# Not ENTREGENT_...: an unknown setting of that prefix stops the program, and should.
DATA_VARIABLE = "TEST_DATA_OF_ENTREGENT"

# Settings of the person who runs the tests must not change what they find.
for name in [name for name in os.environ if name.startswith("ENTREGENT_")]:
    del os.environ[name]

settings.register_profile("here", deadline=None)
settings.register_profile(
    "ci", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "here")


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the project."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets, which are not part of the project."""
    folder = Path(os.environ.get(DATA_VARIABLE, ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"the real data sets are not in {folder}; set {DATA_VARIABLE} to where they are")
    return folder
