"""Listening: parse, match, write, each part and together, at many watches; and a back-test of the past.

    python benchmarks/listen.py [--short] [--posts N]

Events as Jetstream sends them, posts alone; raw payloads are not kept. Texts
and watches are those of ``benchmarks/match.py``. Processor seconds of one
core. The back-test counts one query in an archive of N posts and judges it.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import sqlalchemy as sa
from match import conversation, vocabulary, watch

from entregent.flows import watched
from entregent.flows.watching import Watching
from entregent.listening.alerts import alerts
from entregent.listening.match import warm, word_shares
from entregent.records import schema
from entregent.sources.base import Batch
from entregent.sources.bluesky.events import Mapper
from entregent.store import watches
from entregent.store.archive import Archive

START = datetime(2026, 1, 1, tzinfo=UTC)
BATCH = 20_000


def events(texts: list[str]) -> list[bytes]:
    lines = []
    for number, text in enumerate(texts):
        moment = START + number * timedelta(milliseconds=1)
        record = {
            "$type": "app.bsky.feed.post",
            "createdAt": moment.isoformat(),
            "langs": ["fr"],
            "text": text,
        }
        commit = {
            "rev": f"r{number}",
            "operation": "create",
            "collection": "app.bsky.feed.post",
            "rkey": f"3k{number:011d}",
            "record": record,
            "cid": f"bafy{number}",
        }
        event = {
            "did": f"did:plc:{number % 50_000:024d}",
            "time_us": int(moment.timestamp() * 1e6),
            "kind": "commit",
            "commit": commit,
        }
        lines.append(json.dumps(event).encode())
    return lines


class Parts:
    """Processor seconds by part."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}
        self._from = 0.0

    def __enter__(self) -> Parts:
        self._from = time.process_time()
        return self

    def to(self, part: str) -> None:
        moment = time.process_time()
        self.spent[part] = self.spent.get(part, 0.0) + moment - self._from
        self._from = moment

    def __exit__(self, *arguments: object) -> None:
        return None


def live(lines: list[bytes], typed: list[str], shares: Mapping[str, float]) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as home, Archive.open(Path(home), writer=True, threads=1) as archive:
        with archive.state.begin() as con:
            for number, text in enumerate(typed):
                watches.add(con, f"w{number}", text, lang=None, budget=1.0, hours=(6,), now=START)
        watching = Watching(archive, shares=shares, now=lambda: START + timedelta(days=1))
        mapper = Mapper("jetstream", 0, START)
        archive.append(Batch(cursor="0"), source="jetstream", live=True, within=watching.within)
        matching = [0.0]

        def within(con: sa.Connection, new: Mapping[str, pa.Table]) -> None:
            begin = time.process_time()
            watching.within(con, new)
            matching[0] += time.process_time() - begin

        parts = Parts()
        with parts:
            for begin in range(0, len(lines), BATCH):
                batch = mapper.batch(lines[begin : begin + BATCH], START)
                parts.to("parse")
                archive.append(
                    replace(batch, cursor=str(begin)), source="jetstream", live=True, within=within
                )
                parts.to("write")
                if archive.roll_due(START):
                    archive.roll()
                parts.to("roll")
        mapper.close()
        with archive.state.read() as con:
            mentions = con.scalar(sa.text("SELECT count(*) FROM mentions"))
    spent = parts.spent
    spent["match and mentions"] = matching[0]
    spent["write"] -= matching[0]
    print(f"{len(typed):>8} watches, {mentions} mentions")
    return spent


def back_test(words: list[str], number: int, rng: np.random.Generator) -> None:
    sample = conversation(words, 200_000, rng).column("text")
    blank = {field.name: pa.nulls(1, field.type) for field in schema("posts")}
    with (
        tempfile.TemporaryDirectory() as home,
        Archive.open(Path(home), writer=True, durable=False) as archive,
    ):
        made = 0
        while made < number:
            size = min(500_000, number - made)
            ids = np.arange(made, made + size)
            times = np.datetime64("2026-01-01T00:00:00", "us") + (ids * (56 * 86_400e6 / number)).astype(
                "m8[us]"
            )
            columns = {
                "id": pa.array(np.char.add("x:", ids.astype(str))),
                "network": pa.array(["x"] * size),
                "kind": pa.array(["post"] * size),
                "time": pa.array(times, pa.timestamp("us", tz="UTC")),
                "text": sample.take(pa.array(ids % len(sample))).combine_chunks(),
                "media": pa.array(np.zeros(size, np.int16)),
                "version": pa.array(np.zeros(size, np.int64)),
            }
            table = pa.table(
                {
                    name: columns[name] if name in columns else pa.nulls(size, column.type)
                    for name, column in blank.items()
                },
                schema=schema("posts"),
            )
            archive.append(
                Batch(posts=table),
                within=lambda con, new: watches.hear(con, new["posts"].column("time")),
            )
            made += size
        query = watched.compiled(f'{words[300]} OR "{words[40]} {words[20]}" OR {words[5000]}')
        for _ in range(2):
            wall, begin = time.perf_counter(), time.process_time()
            past = watched.past_of(archive)
            if past is None:
                raise SystemExit("nothing is stored")
            series, posts, looked = watched.series_of(archive, query, past, watched.SLOT_TIME)
            found = alerts(series)
            spent = (
                f"{time.process_time() - begin:.1f} processor s, {time.perf_counter() - wall:.1f} s in all"
            )
            print(f"back-test of {looked} posts: {posts} match, {len(found.alerts)} alerts, {spent}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--posts", type=int, default=10_000_000, help="of the back-test; 0 leaves it out")
    options = parser.parse_args()
    rng = np.random.default_rng(5)
    words = vocabulary(rng)
    number = 40_000 if options.short else 200_000
    texts = conversation(words, number, rng).column("text")
    shares = word_shares(texts.slice(0, 20_000))
    lines = events(texts.to_pylist())
    warm()
    for many in (0, 100, 10_000):
        spent = live(lines, [watch(words, rng) for _ in range(many)], shares)
        whole = sum(spent.values())
        for part, seconds in spent.items():
            print(f"{'':>8} {part:<20} {seconds:>7.2f} s  {number / max(seconds, 1e-9):>12,.0f} posts/s")
        print(f"{'':>8} {'together':<20} {whole:>7.2f} s  {number / whole:>12,.0f} posts/s")
    if options.posts:
        back_test(words, 200_000 if options.short else options.posts, rng)


if __name__ == "__main__":
    main()
