"""Files of others are what the list says, and small enough to be carried by a page."""

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
vendor = runpy.run_path(str(ROOT / "scripts" / "vendor.py"))
ENTRIES = vendor["listed"]()


def test_files_are_as_listed_each_with_a_licence():
    assert vendor["differing"](ENTRIES) == []
    names = {entry["name"] for entry in ENTRIES}
    for entry in ENTRIES:
        assert set(vendor["KEYS"]) == set(entry)
        package = entry["package"].rsplit("/", 1)[-1]
        assert f"LICENSE.{package}.txt" in names


def test_no_source_maps_and_no_closing_tags():
    for path in vendor["VENDOR"].glob("*.js"):
        text = path.read_text(encoding="utf-8")
        assert "sourceMappingURL" not in text
        assert "</script" not in text.lower()
    assert "</script" not in (vendor["VENDOR"].parent / "charts.js").read_text(encoding="utf-8").lower()


def test_a_page_can_carry_them():
    sizes = {path.suffix: 0 for path in vendor["VENDOR"].iterdir()}
    for path in vendor["VENDOR"].iterdir():
        sizes[path.suffix] += path.stat().st_size
    assert sizes[".js"] < 900_000
    assert sizes[".woff2"] < 70_000


def test_a_changed_missing_or_extra_file_is_told(tmp_path, monkeypatch):
    entry = dict(ENTRIES[0])
    state = vendor["differing"].__globals__
    monkeypatch.setitem(state, "VENDOR", tmp_path)
    assert vendor["differing"]([entry]) == [f"{entry['name']}: missing"]
    (tmp_path / entry["name"]).write_text("changed")
    (tmp_path / "stray.js").write_text("")
    faults = vendor["differing"]([entry])
    assert len(faults) == 2
    assert "differs" in faults[0]
    assert "stray.js: not in" in faults[1]


@pytest.mark.parametrize(
    "text", [b"code();\n//# sourceMappingURL=x.map\n", b"code();\n//# sourceMappingURL=x"]
)
def test_source_map_lines_are_taken_out(text):
    assert vendor["SOURCE_MAP"].sub(b"\n", text) == b"code();\n"
