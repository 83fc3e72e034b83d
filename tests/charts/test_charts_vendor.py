"""Files of others are what the lists say, and small enough to be carried by a page."""

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
vendor = runpy.run_path(str(ROOT / "scripts" / "vendor.py"))
REPORT, PLATFORM = vendor["FOLDERS"]


@pytest.mark.parametrize("folder", vendor["FOLDERS"], ids=lambda folder: folder.parts[-3])
def test_files_are_as_listed_each_with_a_licence(folder):
    entries = vendor["listed"](folder)
    assert vendor["differing"](folder, entries) == []
    names = {entry["name"] for entry in entries}
    for entry in entries:
        assert set(vendor["KEYS"]) == set(entry)
        package = entry["package"].rsplit("/", 1)[-1]
        assert f"LICENSE.{package}.txt" in names


def test_no_source_maps_and_no_closing_tags():
    for path in REPORT.glob("*.js"):
        text = path.read_text(encoding="utf-8")
        assert "sourceMappingURL" not in text
        assert "</script" not in text.lower()
    assert "</script" not in (REPORT.parent / "charts.js").read_text(encoding="utf-8").lower()


def test_a_page_can_carry_them():
    sizes = {path.suffix: 0 for path in REPORT.iterdir()}
    for path in REPORT.iterdir():
        sizes[path.suffix] += path.stat().st_size
    assert sizes[".js"] < 900_000
    assert sizes[".woff2"] < 70_000


def test_a_changed_missing_or_extra_file_is_told(tmp_path):
    entry = dict(vendor["listed"](REPORT)[0])
    assert vendor["differing"](tmp_path, [entry]) == [f"{entry['name']}: missing"]
    (tmp_path / entry["name"]).write_text("changed")
    (tmp_path / "stray.js").write_text("")
    faults = vendor["differing"](tmp_path, [entry])
    assert len(faults) == 2
    assert "differs" in faults[0]
    assert "stray.js: not in" in faults[1]


@pytest.mark.parametrize(
    "text", [b"code();\n//# sourceMappingURL=x.map\n", b"code();\n//# sourceMappingURL=x"]
)
def test_source_map_lines_are_taken_out(text):
    assert vendor["SOURCE_MAP"].sub(b"\n", text) == b"code();\n"
