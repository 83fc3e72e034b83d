"""Fetch the files of others that the report and the platform carry, or check that they are what they were.

    python scripts/vendor.py            fetch what is missing or differs
    python scripts/vendor.py --check    compare with VENDOR.toml, offline
    python scripts/vendor.py --accept   write the digests of what was fetched (after a new version)

Each folder has its list in a ``VENDOR.toml``. To take a new
version, change ``version`` there, run with ``--accept`` and read the difference.
Packages come from the registry that the npm client is set up for.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).parents[1] / "src" / "entregent"
FOLDERS = (SOURCE / "report" / "assets" / "vendor", SOURCE / "web" / "static" / "vendor")
LIST = "VENDOR.toml"
KEYS = ("name", "package", "version", "licence", "member", "tarball", "sha256")
SOURCE_MAP = re.compile(rb"\n?//# sourceMappingURL=[^\n]*\n?")


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def listed(folder: Path) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = tomllib.loads((folder / LIST).read_text(encoding="utf-8"))["file"]
    return entries


def differing(folder: Path, entries: list[dict[str, Any]]) -> list[str]:
    """Say which files are missing, differ from their digest, or are not listed."""
    faults = []
    for entry in entries:
        path = folder / entry["name"]
        if not path.is_file():
            faults.append(f"{entry['name']}: missing")
        elif digest(path.read_bytes()) != entry["sha256"]:
            faults.append(f"{entry['name']}: differs from the digest in {LIST}")
    names = {entry["name"] for entry in entries} | {LIST}
    faults += [f"{path.name}: not in {LIST}" for path in sorted(folder.iterdir()) if path.name not in names]
    return faults


def pack(package: str, version: str, directory: Path) -> bytes:
    """Return the tarball of one version of an npm package."""
    done = subprocess.run(
        ["npm", "pack", f"{package}@{version}", "--silent"],
        cwd=directory,
        check=True,
        capture_output=True,
        text=True,
    )
    return (directory / done.stdout.split()[-1]).read_bytes()


def fetch(folder: Path, entries: list[dict[str, Any]], *, accept: bool) -> list[str]:
    """Write every listed file from its package; return what does not match."""
    faults = []
    tarballs: dict[tuple[str, str], Path] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for entry in entries:
            key = (entry["package"], entry["version"])
            if key not in tarballs:
                tarballs[key] = Path(scratch) / f"{len(tarballs)}.tgz"
                tarballs[key].write_bytes(pack(*key, Path(scratch)))
            found = {"tarball": digest(tarballs[key].read_bytes())}
            with tarfile.open(tarballs[key]) as archive:
                path = f"package/{entry['member']}"
                member = archive.extractfile(path) if path in archive.getnames() else None
                if member is None:
                    raise SystemExit(f"{entry['package']} {entry['version']} has no {entry['member']}")
                data = member.read()
            if entry["name"].endswith(".js"):
                data = SOURCE_MAP.sub(b"\n", data)
            found["sha256"] = digest(data)
            wrong = [name for name, value in found.items() if entry.get(name) != value]
            if wrong and not accept:
                faults.append(
                    f"{entry['name']}: {' and '.join(wrong)} of {entry['package']} {entry['version']} differ "
                    f"from {LIST}. Look at what changed, then run with --accept."
                )
                continue
            entry.update(found)
            (folder / entry["name"]).write_bytes(data)
    return faults


def write_list(folder: Path, entries: list[dict[str, Any]]) -> None:
    """Write the list with its digests, keeping the remarks on top."""
    head = (folder / LIST).read_text(encoding="utf-8").split("[[file]]")[0]
    blocks = ["[[file]]\n" + "".join(f'{key} = "{entry[key]}"\n' for key in KEYS) for entry in entries]
    (folder / LIST).write_text(head + "\n".join(blocks), encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare only, offline")
    parser.add_argument("--accept", action="store_true", help="write new digests")
    options = parser.parse_args()
    faults: list[str] = []
    for folder in FOLDERS:
        entries = listed(folder)
        wrong = differing(folder, entries)
        if wrong and not options.check:
            wrong = fetch(folder, entries, accept=options.accept)
            if not wrong:
                write_list(folder, entries)
                wrong = differing(folder, entries)
        faults += wrong
        if not wrong:
            print(f"{folder.relative_to(SOURCE)}: {len(entries)} vendored files are as listed.")
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
