"""Which room may do what: imports, input and output, the clock, chance."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PURE = ("stats", "network", "authenticity", "influence", "listening", "text", "charts")
IO_MODULES = (
    "http",
    "io",
    "os",
    "pathlib",
    "shutil",
    "socket",
    "sqlite3",
    "subprocess",
    "tempfile",
    "urllib.request",
)
IO_CALLS = ("open", "duckdb.connect", "Path", "print", "input")
# The one place of a pure room that finds its own optional package or data file.
CLOCK_CALLS = (
    "now",
    "utcnow",
    "today",
    "time",
    "time_ns",
    "localtime",
    "gmtime",
    "perf_counter",
    "monotonic",
)
CLOCK_OWNERS = ("datetime", "date", "time", "dt")
HEAVY = (
    "numba",
    "scipy",
    "numpy",
    "pyarrow",
    "duckdb",
    "networkit",
    "sqlalchemy",
    "rich",
    "eldc",
    "jinja2",
    "msgspec",
    "django",
)


def within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)


def test_arrows_between_rooms_point_down(root: Path) -> None:
    program = shutil.which("lint-imports", path=str(Path(sys.executable).parent))
    assert program, "import-linter is not installed: make test installs it"
    done = subprocess.run([program, "--no-cache"], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_only_the_command_line_knows_click_and_rich(module) -> None:
    if module.room == "cli":
        return
    wrong = [module.place(line) for name, line in module.imports() if within(name, ("click", "rich"))]
    assert not wrong


def test_only_sources_and_delivery_speak_to_servers(module) -> None:
    if module.room in ("sources", "delivery"):
        return
    packages = ("httpcore", "httpx", "httpx_sse", "websockets", "libipld")
    wrong = [module.place(line) for name, line in module.imports() if within(name, packages)]
    assert not wrong


def test_only_the_web_knows_a_web_framework(module) -> None:
    if module.room == "web":
        return
    packages = (
        "django",
        "allauth",
        "asgiref",
        "ninja",
        "rules",
        "servestatic",
        "simple_history",
        "socket",
        "uvicorn",
    )
    wrong = [module.place(line) for name, line in module.imports() if within(name, packages)]
    assert not wrong


def test_nobody_knows_another_client(module) -> None:
    packages = ("requests", "urllib3", "aiohttp", "urllib.request", "http.client")
    wrong = [module.place(line) for name, line in module.imports() if within(name, packages)]
    assert not wrong


def test_analysis_does_no_input_and_no_output(module) -> None:
    if module.room not in PURE or module.name == "entregent.charts.render":
        return
    wrong = [
        f"{module.place(line)} imports {name}" for name, line in module.imports() if within(name, IO_MODULES)
    ]
    wrong += [
        f"{module.place(call.lineno)} calls {name}" for name, call in module.calls() if name in IO_CALLS
    ]
    assert not wrong


def test_only_the_clock_reads_the_clock(module) -> None:
    if module.name == "entregent.clock":
        return
    wrong = []
    for name, call in module.calls():
        owner, _, method = name.rpartition(".")
        if method not in CLOCK_CALLS or owner.rpartition(".")[2] not in CLOCK_OWNERS:
            continue
        if module.room == "cli" and name == "time.monotonic":
            continue
        wrong.append(f"{module.place(call.lineno)} calls {name}")
    wrong += [
        f"{module.place(line)} imports {name}"
        for name, line in module.imports()
        if within(name, tuple(f"time.{call}" for call in CLOCK_CALLS))
    ]
    assert not wrong


def test_chance_comes_from_a_generator_that_is_passed_in(module) -> None:
    wrong = [
        f"{module.place(line)} imports {name}" for name, line in module.imports() if within(name, ("random",))
    ]
    wrong += [
        f"{module.place(call.lineno)} calls {name} without a seed"
        for name, call in module.calls()
        if name.endswith("default_rng") and not call.args and not call.keywords
    ]
    assert not wrong


@pytest.mark.parametrize(
    "code",
    [
        "import entregent",
        "from entregent.cli.main import run; run(['--help'])",
        "from entregent.cli.main import run; run(['study', '--help'])",
        "from entregent.cli.main import run; run(['world', '--help'])",
        "from entregent.cli.main import run; run(['studies', '--help'])",
        "from entregent.cli.main import run; run(['authenticity', 'audience', '--help'])",
        "from entregent.cli.main import run; run(['doctor', '--help'])",
        "from entregent.cli.main import run; run(['serve', '--help'])",
        "from entregent.cli.main import run; run(['--version'])",
    ],
)
def test_help_loads_no_engine(code: str) -> None:
    check = f"import sys; {code}; print(sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
