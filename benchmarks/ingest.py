"""Rates of reading files: Jetstream lines and X pages, beside the standard library and twarc-csv.

    python benchmarks/ingest.py [--events 400000] [--tweets 20000] [--twarc-python PATH]

Everything runs on one core, in a process of its own, and is given in CPU
time, so that ratios hold on a busy machine. twarc-csv is asked of the Python
named (``pip install twarc-csv "pandas<2.1"``, best in an environment of its own); without
it that line is left out.

The lines below "plain" do less than ours: one flat table, no checks, no ids,
no other line ending, and an error at the first bad line.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
WORDS = (
    *("le", "train", "est", "en", "retard", "encore", "une", "fois", "merci", "pour", "votre", "réponse"),
    *("the", "new", "campaign", "looks", "great", "today", "🚆", "œuvre", "café"),
)
RECEIVED = datetime(2026, 1, 1, tzinfo=UTC)


def _key(rng: random.Random, length: int) -> str:
    return "".join(rng.choices(LETTERS, k=length))


def jetstream(count: int, seed: int) -> Iterator[str]:
    """Yield events in about the mixture of the network: half likes, a quarter posts."""
    rng = random.Random(seed)
    people = [f"did:plc:{_key(rng, 24)}" for _ in range(20_000)]
    posts = [(rng.choice(people), _key(rng, 13)) for _ in range(5_000)]
    micros = 1_725_911_162_329_308

    def subject() -> dict[str, str]:
        author, key = rng.choice(posts)
        return {"cid": "bafyrei" + _key(rng, 52), "uri": f"at://{author}/app.bsky.feed.post/{key}"}

    for number in range(count):
        micros += rng.randint(100, 2_000)
        did, key, kind = rng.choice(people), _key(rng, 13), rng.random()
        when = datetime.fromtimestamp(micros // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S.123Z")
        event: dict[str, Any] = {"did": did, "time_us": micros, "kind": "commit"}
        record: dict[str, Any] | None = {"createdAt": when}
        if kind < 0.5:
            collection, record = "app.bsky.feed.like", {"createdAt": when, "subject": subject()}
        elif kind < 0.6:
            collection, record = "app.bsky.feed.repost", {"createdAt": when, "subject": subject()}
        elif kind < 0.7:
            collection, record = "app.bsky.graph.follow", {"createdAt": when, "subject": rng.choice(people)}
        elif kind < 0.73:
            collection, record = "app.bsky.feed.like", None
        elif kind < 0.74:
            event |= {
                "kind": "identity",
                "identity": {"did": did, "handle": f"u{number}.bsky.social", "seq": number},
            }
            yield json.dumps(event)
            continue
        else:
            collection = "app.bsky.feed.post"
            record = {"createdAt": when, "langs": [rng.choice(("fr", "en"))]}
            record["text"] = " ".join(rng.choices(WORDS, k=rng.randint(4, 40)))
            if rng.random() < 0.5:
                record["reply"] = {"parent": subject(), "root": subject()}
            if rng.random() < 0.3:
                record["facets"] = [
                    {"features": [{"$type": "app.bsky.richtext.facet#tag", "tag": "retard"}]},
                    {"features": [{"$type": "app.bsky.richtext.facet#link", "uri": "https://exemple.fr/a"}]},
                ]
            if rng.random() < 0.2:
                record["embed"] = {
                    "external": {"uri": "https://exemple.fr/x", "title": "t", "description": "d"}
                }
            posts[rng.randrange(len(posts))] = (did, key)
        commit = {"rev": _key(rng, 13), "operation": "create", "collection": collection, "rkey": key}
        if record is None:
            commit["operation"] = "delete"
        else:
            commit |= {"record": {"$type": collection, **record}, "cid": "bafyrei" + _key(rng, 52)}
        yield json.dumps({**event, "commit": commit}, ensure_ascii=False, separators=(",", ":"))


def pages(count: int, seed: int) -> Iterator[str]:
    """Yield pages of 100 tweets of the X API v2, with their users."""
    rng = random.Random(seed)
    for page in range(count // 100):
        users = [str(10**12 + rng.randrange(10**6)) for _ in range(60)]
        tweets = [
            {
                "id": str(10**18 + page * 100 + place),
                "author_id": rng.choice(users),
                "created_at": "2021-05-18T19:24:56.000Z",
                "text": " ".join(rng.choices(WORDS, k=20)),
                "lang": "fr",
                "conversation_id": str(10**18),
                "public_metrics": {"retweet_count": 1, "reply_count": 0, "like_count": 2, "quote_count": 0},
                "entities": {
                    "hashtags": [{"start": 1, "end": 8, "tag": "retard"}],
                    "mentions": [{"start": 3, "end": 9, "username": "sncf", "id": "12"}],
                },
                "edit_history_tweet_ids": [str(10**18 + page * 100 + place)],
            }
            for place in range(100)
        ]
        made = [
            {
                "id": user,
                "username": f"u{user}",
                "name": "Ana",
                "created_at": "2011-07-17T13:48:53.000Z",
                "public_metrics": {
                    "followers_count": 5,
                    "following_count": 6,
                    "tweet_count": 7,
                    "listed_count": 0,
                },
            }
            for user in dict.fromkeys(users)
        ]
        yield json.dumps({"data": tweets, "includes": {"users": made}, "meta": {"result_count": 100}})


def by_stdlib(path: Path) -> int:
    """Read with the standard library into an Arrow table of seven columns."""
    import pyarrow as pa

    rows: list[tuple[Any, ...]] = []
    with path.open(encoding="utf-8") as file:
        for line in file:
            event = json.loads(line)
            commit = event.get("commit") or {}
            record = commit.get("record") or {}
            rows.append(
                (
                    *(event["did"], event["time_us"], commit.get("collection"), commit.get("rkey")),
                    *(record.get("createdAt"), record.get("text"), (record.get("langs") or [None])[0]),
                )
            )
    pa.table([pa.array(column) for column in zip(*rows, strict=True)], [str(n) for n in range(7)])
    return len(rows)


def by_plain_engine(path: Path, out: Path) -> int:
    """Read with the query engine alone into one Parquet file of ten columns."""
    import duckdb

    con = duckdb.connect(config={"threads": 1})
    fields = (
        "did: 'VARCHAR', time_us: 'BIGINT', kind: 'VARCHAR',"
        " commit: 'STRUCT(operation VARCHAR, collection VARCHAR, rkey VARCHAR,"
        " record STRUCT(createdAt VARCHAR, text VARCHAR, subject JSON, langs VARCHAR[],"
        " reply STRUCT(parent STRUCT(uri VARCHAR))))'"
    )
    con.execute(
        "COPY (SELECT did, time_us, kind, commit.operation, commit.collection, commit.rkey,"
        " commit.record.createdAt, commit.record.text, commit.record.subject,"
        " commit.record.langs[1], commit.record.reply.parent.uri"
        f" FROM read_json('{path}', format = 'newline_delimited', columns = {{{fields}}}))"
        f" TO '{out}' (COMPRESSION zstd)"
    ).fetchall()
    ((rows,),) = con.sql(f"SELECT count(*) FROM '{out}'").fetchall()
    return int(rows)


def by_us(path: Path, keep_raw_days: int, out: str | None) -> int:
    """Read with :class:`Files`; into the archive, into Parquet files, or into memory."""
    from entregent.progress import Quiet
    from entregent.sources.files import Files, Options

    batches = Files([str(path)], options=Options(received_at=RECEIVED, keep_raw_days=keep_raw_days)).batches(
        None, Quiet()
    )
    if out == "archive":
        from entregent.store.archive import Archive

        with Archive.throw_away(threads=1) as archive:
            rows = 0
            for batch in batches:
                archive.append(batch)
                rows += batch.rows
            return rows
    import pyarrow.parquet as pq

    rows = 0
    for number, batch in enumerate(batches):
        rows += batch.rows
        for table in ("posts", "accounts", "interactions", "observations", "tombstones", "raw"):
            if out is not None and getattr(batch, table).num_rows:
                pq.write_table(getattr(batch, table), f"{out}/{table}-{number}.parquet", compression="zstd")
    return rows


def measured(work: Callable[[], int]) -> tuple[int, float, float]:
    """Run in a child on one core; return rows, CPU seconds, and the most memory in MB."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        for module in ("duckdb", "pyarrow.parquet", "entregent.sources.files", "entregent.store.archive"):
            import_module(module)
        start = time.process_time()
        rows = work()
        used = time.process_time() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        os.write(write, json.dumps([rows, used, peak]).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    rows, used, peak = json.loads(answer)
    return rows, used, peak


def show(name: str, rows: int, used: float, peak: float, base: float | None) -> float:
    """Print one line, and return its rate."""
    rate = rows / used
    ratio = f"{rate / base:6.2f} x" if base else " " * 8
    print(f"  {name:48} {rate:>11,.0f}/s {ratio} {peak:>7,.0f} MB", flush=True)
    return rate


TWARC = """
import resource, sys
from twarc_csv import CSVConverter
before = resource.getrusage(resource.RUSAGE_SELF)
with open(sys.argv[1]) as infile, open(sys.argv[2], "w") as outfile:
    CSVConverter(infile, outfile, hide_progress=True).process()
after = resource.getrusage(resource.RUSAGE_SELF)
print(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, after.ru_maxrss / 1024)
"""


def by_twarc(python: str, path: Path, out: Path) -> tuple[float, float] | None:
    """Return CPU seconds and memory of twarc-csv in another Python, or None where it has none."""
    command = [python, "-c", TWARC, str(path), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print("  " + (done.stderr.strip().splitlines() or ["no answer"])[-1])
        return None
    used, peak = done.stdout.split()[-2:]
    return float(used), float(peak)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=400_000)
    parser.add_argument("--tweets", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--short", action="store_true", help="a quarter of the events")
    parser.add_argument("--twarc-python", default=sys.executable, help="a Python that has twarc-csv")
    args = parser.parse_args()
    if args.short:
        args.events //= 4
    with tempfile.TemporaryDirectory() as folder:
        events, tweets = Path(folder, "events.jsonl"), Path(folder, "tweets.jsonl")
        for path, made in (
            (events, jetstream(args.events, args.seed)),
            (tweets, pages(args.tweets, args.seed)),
        ):
            with path.open("w", encoding="utf-8") as file:
                file.writelines(line + "\n" for line in made)
        print(f"Jetstream, {args.events:,} events, {events.stat().st_size / 1e6:,.0f} MB, one core")
        base = show("standard library, 7 columns in memory", *measured(lambda: by_stdlib(events)), None)
        plain = Path(folder, "plain.parquet")
        show(
            "plain DuckDB, 10 columns, one Parquet file",
            *measured(lambda: by_plain_engine(events, plain)),
            base,
        )
        for days, what in ((0, "without raw"), (30, "with raw")):
            for out, where in ((None, "memory"), (folder, "Parquet"), ("archive", "archive")):
                work = lambda days=days, out=out: by_us(events, days, out)  # noqa: E731
                try:
                    show(f"Entregent, six tables in {where}, {what}", *measured(work), base)
                except ValueError:
                    print(f"  Entregent, {where}, {what}: failed, see above", file=sys.stderr)
        print(f"X API v2, {args.tweets:,} tweets in pages of 100, {tweets.stat().st_size / 1e6:,.0f} MB")
        base = None
        peer = by_twarc(args.twarc_python, tweets, Path(folder, "tweets.csv"))
        if peer is None:
            print("  twarc-csv is not here: pip install twarc-csv 'pandas<2.1', then --twarc-python PATH")
        else:
            base = show("twarc-csv, one flat CSV", args.tweets, *peer, None)
        _, used, peak = measured(lambda: by_us(tweets, 0, folder))
        show("Entregent, six tables in Parquet", args.tweets, used, peak, base)


if __name__ == "__main__":
    main()
