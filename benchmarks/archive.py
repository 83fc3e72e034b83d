"""Rates of the archive: appending by batch size, live and again, scanning, compacting, grouping.

    python benchmarks/archive.py [--rows 1000000] [--group-rows 10000000] [--live-rows 100000] [--threads 1]

Rows are made up, shaped like Jetstream: for each 10 events 7 likes, reposts
and follows, 3 posts, and a sighting of an account each. Prints events a
second, and beside them the same tables written by pyarrow alone: the price of
de-duplication, manifest and safety.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from entregent.records import TABLES, schema
from entregent.store.archive import Archive

START = 1_714_521_600_000_000
WORDS = ("bon", "merci", "train", "grève", "café", "marché", "pour", "contre", "demain", "the", "new", "day")


@dataclass(frozen=True)
class Made:
    """A batch without a source."""

    tables: dict[str, pa.Table]
    cursor: str | None = None
    notices: tuple[Any, ...] = ()
    finished: tuple[Any, ...] = field(default=())
    gaps: tuple[Any, ...] = ()

    def __getattr__(self, name: str) -> pa.Table:
        return self.tables[name]


def _named(prefix: str, numbers: np.ndarray, suffix: str = "") -> pa.Array:
    return pa.array([f"{prefix}{number:024d}{suffix}" for number in numbers.tolist()], pa.string())


def _full(name: str, columns: dict[str, Any], rows: int) -> pa.Table:
    expected = schema(name)
    return pa.table(
        [columns.get(column.name, pa.nulls(rows, column.type)) for column in expected], schema=expected
    )


def batches(rows: int, size: int, seed: int, days: int = 30) -> Iterator[Made]:
    """Yield batches of `size` events."""
    rng = np.random.default_rng(seed)
    texts = [" ".join(rng.choice(WORDS, 18)) for _ in range(5000)]
    accounts = max(rows // 10, 10)
    for start in range(0, rows, size):
        n = min(size, rows - start)
        n_posts = n * 3 // 10
        n_acts = n - n_posts
        numbers = np.arange(start, start + n)
        when = pa.array(START + (numbers * (days * 86_400_000_000 // rows)), pa.timestamp("us", tz="UTC"))
        who = rng.integers(0, accounts, n)
        by = _named("bluesky:did:plc:", who)
        ids = _named("bluesky:at://did:plc:", who, "/app.bsky.feed.post/")
        ids = pa.array(
            [f"{text}{number:013d}" for text, number in zip(ids.to_pylist(), numbers, strict=True)]
        )
        targets = _named("bluesky:did:plc:", rng.integers(0, accounts, n_acts))
        objects = pa.array([f"{text}/app.bsky.feed.post/{start:013d}" for text in targets.to_pylist()])
        posts = {
            "id": ids[:n_posts],
            "network": pa.array(["bluesky"] * n_posts),
            "account": by[:n_posts],
            "kind": pa.array(["post"] * n_posts),
            "time": when[:n_posts],
            "text": pa.array([texts[i] for i in rng.integers(0, 5000, n_posts)]),
            "lang": pa.array(rng.choice(["fr", "en", "de"], n_posts).tolist()),
            "links": pa.array([[]] * n_posts, schema("posts").field("links").type),
            "hashtags": pa.array([["marché"]] * n_posts, schema("posts").field("links").type),
            "mentions": pa.array([[]] * n_posts, schema("posts").field("links").type),
            "media": pa.array([0] * n_posts, pa.int16()),
            "version": pa.array([0] * n_posts, pa.int64()),
        }
        acts = {
            "id": ids[n_posts:],
            "network": pa.array(["bluesky"] * n_acts),
            "kind": pa.array(rng.choice(["like", "repost", "follow"], n_acts, p=[0.7, 0.15, 0.15]).tolist()),
            "actor": by[n_posts:],
            "object": objects,
            "target": targets,
            "time": when[n_posts:],
        }
        seen = {"id": by, "network": pa.array(["bluesky"] * n), "seen_at": when}
        made = {"posts": (posts, n_posts), "interactions": (acts, n_acts), "accounts": (seen, n)}
        yield Made(
            {
                name: _full(name, *made[name]) if name in made else schema(name).empty_table()
                for name in TABLES
            }
        )


def plain_posts(rows: int, size: int, days: int = 60) -> Iterator[Made]:
    """Yield batches of posts, a third of them replies, made by column: quick enough for ten million."""
    rng = np.random.default_rng(3)
    texts = pa.array([" ".join(rng.choice(WORDS, 18)) for _ in range(50_000)])

    def post_ids(numbers: np.ndarray) -> pa.Array:
        text = pc.utf8_lpad(pc.cast(pa.array(numbers), pa.string()), 24, "0")
        return pc.binary_join_element_wise(
            "bluesky:at://did:plc:", pc.utf8_slice_codeunits(text, 4), "/app.bsky.feed.post/", text, ""
        )

    for start in range(0, rows, size):
        n = min(size, rows - start)
        numbers = np.arange(start, start + n)
        when = START + numbers * (days * 86_400_000_000 // rows)
        reply = pa.array(rng.random(n) < 0.33)
        parents = pc.if_else(reply, post_ids(rng.integers(0, start + 1, n)), pa.scalar(None, pa.string()))
        who = pc.utf8_lpad(pc.cast(pa.array(rng.integers(0, rows // 20 + 1, n)), pa.string()), 24, "0")
        columns = {
            "id": post_ids(numbers),
            "network": pa.repeat("bluesky", n),
            "account": pc.binary_join_element_wise("bluesky:did:plc:", who, ""),
            "kind": pc.if_else(reply, "reply", "post"),
            "time": pa.array(when, pa.timestamp("us", tz="UTC")),
            "text": texts.take(pa.array(rng.integers(0, len(texts), n))),
            "lang": pa.array(["fr", "en", "de", "es"]).take(pa.array(rng.integers(0, 4, n))),
            "parent": parents,
            "media": pa.array(np.zeros(n, np.int16)),
            "version": pa.array(np.zeros(n, np.int64)),
        }
        yield Made(
            {
                name: _full(name, columns, n) if name == "posts" else schema(name).empty_table()
                for name in TABLES
            }
        )


def _alone(made: list[Made], directory: Path) -> float:
    begun = time.perf_counter()
    for number, batch in enumerate(made):
        for name, table in batch.tables.items():
            if table.num_rows:
                pq.write_table(table, directory / f"{name}-{number}.parquet", compression="zstd")
    return time.perf_counter() - begun


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def appending(rows: int, threads: int) -> None:
    """Print append rates by batch size."""
    with Archive.throw_away(threads=threads) as archive:
        archive.append(next(batches(100, 100, 0)))
    print(
        f"{'events/s':>14} {'batch':>10} {'pyarrow alone':>14} {'appended':>10} "
        f"{'durable':>10} {'again':>10}  ratio"
    )
    for size in (1_000, 10_000, 50_000, 200_000):
        few = rows if size > 1_000 else min(rows, 100_000)
        made = list(batches(few, size, 1))
        with tempfile.TemporaryDirectory() as directory:
            alone = _alone(made, Path(directory))
        times = []
        for durable in (False, True):
            with (
                tempfile.TemporaryDirectory() as home,
                Archive.open(Path(home), writer=True, threads=threads, durable=durable) as archive,
            ):
                for _ in range(1 if durable else 2):
                    begun = time.perf_counter()
                    for batch in made:
                        archive.append(batch)
                    times.append(time.perf_counter() - begun)
        new, again, durable_time = times
        print(
            f"{'':>14} {size:>10,} {few / alone:>14,.0f} {few / new:>10,.0f} {few / durable_time:>10,.0f} "
            f"{few / again:>10,.0f}  {alone / new:.2f}"
        )


def live(rows: int, threads: int) -> None:
    """Print what small batches cost: in the database until they roll, and as segments of their own."""
    with Archive.throw_away(threads=threads) as archive:
        archive.append(next(batches(100, 100, 0)), live=True)
    print(f"{'live':>14} {'batch':>10} {'waiting':>10} {'with roll':>10} {'own files':>10} {'files':>12}")
    for size in (20, 100, 1_000):
        made = list(batches(min(rows, size * 1_000), size, 1))
        n, spent, files = len(made) * size, [], []
        for waits in (True, False):
            with (
                tempfile.TemporaryDirectory() as home,
                Archive.open(Path(home), writer=True, threads=threads) as archive,
            ):
                begun = time.process_time()
                for number, batch in enumerate(made):
                    archive.append(Made(batch.tables, cursor=str(number)), source="live", live=waits)
                spent.append(time.process_time() - begun)
                if waits:
                    archive.roll()
                    spent.append(time.process_time() - begun)
                files.append(len(archive.segments()))
        waiting, rolled, own = spent
        print(
            f"{'CPU events/s':>14} {size:>10,} {n / waiting:>10,.0f} {n / rolled:>10,.0f} "
            f"{n / own:>10,.0f} {files[0]:>5,}, {files[1]:>5,}"
        )


def reading(rows: int, threads: int) -> None:
    """Print scan, compaction and group-by times over `rows` posts."""
    with (
        tempfile.TemporaryDirectory() as home,
        Archive.open(Path(home), writer=True, threads=threads, memory_mb=2048, durable=False) as archive,
    ):
        spent = 0.0
        for batch in plain_posts(rows, 250_000):
            begun = time.perf_counter()
            archive.append(batch)
            spent += time.perf_counter() - begun
        print(f"appended {rows:,} posts, {rows / spent:,.0f}/s; peak {_peak_mb():,.0f} MB")
        _read(archive, "appended")
        begun = time.perf_counter()
        done = archive.compact(datetime.now(UTC))
        print(
            f"compacted {done.segments_read} segments to {done.segments_written} "
            f"in {time.perf_counter() - begun:.1f} s"
        )
        _read(archive, "compacted")


def _read(archive: Archive, name: str) -> None:
    begun = time.perf_counter()
    n = sum(piece.num_rows for piece in archive.scan("posts", ["id", "time", "text"]))
    scanned = time.perf_counter() - begun
    with archive.connection() as con:
        begun = time.process_time()
        con.sql("SELECT time::DATE AS day, lang, count(*) FROM posts GROUP BY day, lang").fetchall()
        grouped = time.process_time() - begun
        begun = time.perf_counter()
        con.sql("SELECT kind, count(*), count(target) FROM interactions GROUP BY kind").fetchall()
        acts = time.perf_counter() - begun
    print(
        f"{name}: {n:,} posts; scan of id, time, text {n / scanned:,.0f} rows/s; "
        f"by day and language {grouped:.2f} CPU s; interactions by kind {acts:.2f} s; "
        f"peak {_peak_mb():,.0f} MB"
    )


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--group-rows", type=int, default=10_000_000)
    parser.add_argument("--live-rows", type=int, default=100_000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--short", action="store_true", help="a tenth of the rows")
    given = parser.parse_args()
    if given.short:
        given.rows, given.group_rows = given.rows // 10, given.group_rows // 10
        given.live_rows //= 10
    pa.set_cpu_count(given.threads)
    if given.rows:
        appending(given.rows, given.threads)
    if given.live_rows:
        live(given.live_rows, given.threads)
    if given.group_rows:
        reading(given.group_rows, given.threads)


if __name__ == "__main__":
    main()
