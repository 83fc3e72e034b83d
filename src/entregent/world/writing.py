"""Write a world: the conversation as a network gives it, and the truth beside it."""

from __future__ import annotations

import gzip
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import zstandard

from entregent import __version__
from entregent.errors import ConfigError, OutputError
from entregent.progress import Progress, Quiet
from entregent.world.jetstream import Jetstream
from entregent.world.mastodon import Mastodon
from entregent.world.settings import FORMATS
from entregent.world.simulation import World
from entregent.world.speech import BRAND_HANDLE, BRAND_NAME
from entregent.world.truth import truth_tables
from entregent.world.wire import Network
from entregent.world.x import X

__all__ = ["Written", "write"]

_NETWORKS: dict[str, Callable[[World], Network]] = {"jetstream": Jetstream, "mastodon": Mastodon, "x": X}
_MANIFEST = "world.json"


@dataclass(frozen=True)
class Written:
    """What was written.

    Parameters
    ----------
    directory : Path
    conversation : Path
        The file to give to ``entregent study``.
    edges : Path or None
        Who follows whom, where the conversation itself does not say.
    network : str
        Network that the ids are of; ``entregent study`` needs it for `edges`.
    lines : int
    bytes : int
        Size of the conversation on disk.
    files : tuple of Path
        All files.
    """

    directory: Path
    conversation: Path
    edges: Path | None
    network: str
    lines: int
    bytes: int
    files: tuple[Path, ...]


def write(
    world: World,
    directory: str | os.PathLike[str],
    format: str = "jetstream",  # noqa: A002
    *,
    name: str = "conversation.jsonl",
    progress: Progress | None = None,
) -> Written:
    """Write the conversation in the format of a network, and the truth beside it.

    Parameters
    ----------
    world : World
    directory : path
        Made whole or not at all; an earlier world in it is replaced, other
        files are never touched.
    format : {"jetstream", "mastodon", "x"}
    name : str
        File name of the conversation; ``.zst`` or ``.gz`` at its end compresses.
    progress : Progress, optional

    Returns
    -------
    Written

    Raises
    ------
    ConfigError
        For a format that is not known.
    OutputError
        Where `directory` holds something else or cannot be written.

    Notes
    -----
    No truth is in the conversation: declared advocates declare themselves in
    their profile, and that is all. Truth tables are described in the README
    that is written beside them.
    """
    progress = progress or Quiet()
    if format not in _NETWORKS:
        raise ConfigError(f"There is no format {format!r}.", where="world", valid=FORMATS)
    if Path(name).name != name or name in ("", ".", "..", _MANIFEST):
        raise ConfigError(f"{name!r} is not a file name.", where="world", valid=("conversation.jsonl.zst",))
    target = Path(directory)
    with _whole(target) as place:
        network = _NETWORKS[format](world)
        with _opened(place / name) as sink:
            lines = network.write(sink.write, progress)
        progress.step("Write the truth")
        edges = None if network.carries_follows else _edges(world, network, place / "edges.csv")
        for table_name, table in truth_tables(world, network).items():
            pyarrow.parquet.write_table(table, place / f"{table_name}.parquet", compression="zstd")
        size = (place / name).stat().st_size
        manifest = _manifest(world, format, name, lines, size, network.prefix if edges else None)
        (place / _MANIFEST).write_text(
            json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
        )
        (place / "README.md").write_text(_readme(manifest), encoding="utf-8")
        files = tuple(target / file.name for file in sorted(place.iterdir()))
    given = target / "edges.csv" if edges else None
    return Written(target, target / name, given, network.prefix, lines, size, files)


@contextmanager
def _whole(target: Path) -> Iterator[Path]:
    """Give a directory to write to that takes the target's place at the end, or vanishes."""
    if target.exists() and not target.is_dir():
        raise OutputError(f"{target} is a file.", do="Name a directory.")
    if target.is_dir() and any(target.iterdir()) and not (target / _MANIFEST).is_file():
        raise OutputError(f"{target} holds files that are no earlier world.", do="Name a new directory.")
    place = target.with_name(f".{target.name}.{os.getpid()}.part")
    old = target.with_name(f".{target.name}.{os.getpid()}.old")
    try:
        place.mkdir(parents=True)
        yield place
        if target.exists():
            target.rename(old)
        place.rename(target)
    except OSError as error:
        raise OutputError(
            f"{target} cannot be written: {error.strerror}.", do="Free space or name another directory."
        ) from error
    finally:
        shutil.rmtree(place, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    with path.open("wb", buffering=1 << 20) as file:
        sink: BinaryIO | gzip.GzipFile
        if path.suffix == ".zst":
            with zstandard.ZstdCompressor(level=3).stream_writer(file, closefd=False) as packed:
                yield packed
        elif path.suffix == ".gz":
            with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=5, mtime=0, filename="") as sink:
                yield sink
        else:
            yield file


def _edges(world: World, network: Network, path: Path) -> Path:
    """Follows as a table, without those of accounts that hide who follows them."""
    follows, population = world.population.follows, world.population
    followed = follows.followed()
    shown = np.flatnonzero(~population.hidden[followed])
    ids = network.account_ids()
    table = pa.table(
        {
            "from_user": ids.take(pa.array(follows.follower[shown])),
            "to_user": ids.take(pa.array(followed[shown])),
        }
    )
    pyarrow.csv.write_csv(table, path)
    return path


def _manifest(
    world: World, shape: str, name: str, lines: int, size: int, follows: str | None
) -> dict[str, Any]:
    acts = world.acts
    gap = world.settings.gap
    return {
        "made_by": f"entregent {__version__}",
        "what": "A simulated conversation about a brand that does not exist. Nobody in it is real.",
        "brand": {"name": BRAND_NAME, "handle": BRAND_HANDLE},
        "format": shape,
        "conversation": name,
        "edges": "edges.csv" if follows else None,
        "network": follows,
        "lines": lines,
        "bytes": size,
        "without": world.without,
        "starts_at": world.settings.starts_at.isoformat(),
        "ends_at": world.settings.ends_at.isoformat(),
        "gap": None if gap is None else [moment.isoformat() for moment in gap],
        "accounts": world.population.size,
        "people": world.population.people,
        "items": world.agenda.size,
        "acts": int(acts.item.size),
        "influenced": int((acts.cause >= 0).sum()),
        "likes": int(world.likes.actor.size),
        "follows": int(world.population.follows.follower.size),
        "settings": world.settings.as_json(),
    }


def _readme(manifest: dict[str, Any]) -> str:
    edges = f" --edges {manifest['edges']}" if manifest["edges"] else ""
    follows = (
        "- `edges.csv`: who follows whom (`from_user` follows `to_user`), as far as it is not hidden.\n"
        if manifest["edges"]
        else ""
    )
    return f"""# A simulated conversation about {BRAND_NAME}

{manifest["what"]}
Made by {manifest["made_by"]}; the same dials and seed (`world.json`) make it again.

- `{manifest["conversation"]}`: what a collector of the network would have, format `{manifest["format"]}`.
{follows}- `truth.parquet`: what no observer sees, a row per account: tastes, influence, susceptibility, real
  and bought followers, coordinated group, fast fan, advocate. `caused` counts adoptions that the
  account's influence brought about at once; it is not the counterfactual effect.
- `truth_adoptions.parquet`: a row per act: the item, the reason, the record whose influence caused it (null:
  nobody's), and how many acts of followed accounts the person had seen by then.
- `truth_items.parquet`: what spread: a post, a link or a hashtag (`key`), its first post and its adoptions.
- `truth_groups.parquet`: coordinated groups and their members.

Read it as if it had been collected:

    entregent study {manifest["conversation"]}{edges} --out study
"""
