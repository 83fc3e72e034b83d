"""Search: three ways to the same posts, and what an index of words costs and spares.

    python benchmarks/search.py [--people 60000] [--days 60] [--short]

Posts are those of a simulated world, read from its Jetstream files into an
archive (the last ones still wait in the database). Queries are made of its
common, middling and rare words: phrases, wildcards, nearness, fields,
elisions, hashtags, NOT. Each is answered by the matcher of the stream, by a
back-test over all posts, and by the search with and without an index; the ids
must be the same. Seconds are CPU time, so that they hold on a busy machine.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from entregent.clock import now
from entregent.flows.search import search
from entregent.listening.match import Matcher, word_shares
from entregent.listening.query import parse
from entregent.progress import Quiet
from entregent.sources.files import Files, Options
from entregent.store import fulltext
from entregent.store.archive import Archive
from entregent.world import WorldSettings, simulate, write

LIVE_ROWS = 100_000


def fill(archive: Archive, people: int, days: int, seed: int) -> None:
    """Read a world into an archive, the last rows as if they came live."""
    settings = WorldSettings(people=people, days=days, seed=seed, posts_per_month=8.0)
    with tempfile.TemporaryDirectory() as place:
        written = write(simulate(settings), Path(place) / "world", "jetstream")
        paths = sorted(str(path) for path in Path(place).rglob("*.jsonl*"))
        begun, rows = time.process_time(), 0
        for batch in Files(paths, options=Options(now())).batches(None, Quiet()):
            rows += batch.rows
            archive.append(batch, source="world", live=rows > written.lines - LIVE_ROWS)
    spent = time.process_time() - begun
    print(f"{rows:,} rows read and appended in {spent:.1f} s")


def queries(texts: pa.ChunkedArray) -> list[str]:
    """Return queries of every kind, made of words that occur."""
    shares = word_shares(texts.slice(0, 50_000), least=5)
    words = sorted((word for word in shares if word.isalpha() and len(word) > 3), key=shares.__getitem__)
    tags = sorted((word for word in shares if word.startswith("#")), key=shares.__getitem__)
    rare, middle, common = (words[int(len(words) * at)] for at in (0.05, 0.6, 0.97))
    other = words[int(len(words) * 0.9)]
    pairs = [
        text.split()[1:3] for text in texts.slice(0, 2_000).to_pylist() if text and len(text.split()) > 4
    ]
    made = [rare, middle, common, f"{rare} OR {middle}", f"{common} {other}", f"{common} NOT {other}"]
    made += [f"{middle[:4]}*", f"*{middle[-4:]}", f"{other[:2]}*{other[-2:]}", f"{common} NEAR/5 {other}"]
    made += [f"{common} NEAR/3f {other}", f"({rare} OR {other}) lang:fr", f"{common} is:reply", "has:link"]
    made += [f'"{" ".join(pair)}"' for pair in pairs[5:8]]
    made += ["l’", "d'* OR l'*", "qu’il", f"raw:{common.capitalize()}"]
    made += (
        [f"{tags[-1]}", f"{tags[-1].lstrip('#')}", f"#{tags[len(tags) // 2].lstrip('#')[:3]}*"]
        if tags
        else []
    )
    return made


def compare(archive: Archive) -> None:
    """Answer every query in three ways, print the times, stop where the ids differ."""
    posts = archive.scan("posts").read_all()
    print(f"{posts.num_rows:,} posts in {len(archive.segments('posts'))} segments and the database")
    asked = queries(posts.column("text"))
    ids = posts.column("id").combine_chunks()
    begun = time.process_time()
    made = fulltext.index(archive.home, archive.state, archive.segments("posts"))
    spent = time.process_time() - begun
    size = sum(path.stat().st_size for path in archive.home.rglob("*.words"))
    rows = sum(one.n_rows for one in archive.segments("posts") if fulltext.built(archive.home, one))
    if made:
        print(
            f"index: {rows:,} posts in {spent:.1f} s ({rows / spent:,.0f}/s), {size / rows:.0f} bytes a post"
        )
    matcher = Matcher([(query, parse(query)) for query in asked])
    matcher.match(posts.slice(0, 10))
    begun = time.process_time()
    matched = matcher.match(posts)
    print(f"stream: {len(asked)} watches at once in {time.process_time() - begun:.1f} s")
    keys = np.array(matched.watches, object)
    print(f"{'back-test':>10} {'no index':>10} {'index':>8} {'looked at':>12} {'found':>10}  query")
    for query in asked:
        by_stream = set(ids.take(pa.array(matched.rows[keys == query])).to_pylist())
        times = [time.process_time()]
        tested = set(ids.filter(parse(query).match_table(posts)).to_pylist())
        times.append(time.process_time())
        plain = _without_index(archive, query)
        times.append(time.process_time())
        found = search(archive, parse(query), index=False)
        times.append(time.process_time())
        by_search = set(found.found.ids.column("id").to_pylist())
        assert len(by_search) == len(found), query
        assert by_search == by_stream == tested == plain, query
        back_test, no_index, index = np.diff(times)
        times_told = f"{back_test:8.2f} s {no_index:8.2f} s {index:6.2f} s"
        print(f"{times_told} {found.found.shown:12,} {len(found):10,}  {query}")
    print(f"All {len(asked)} queries: the same ids by stream, back-test and search.")


def _without_index(archive: Archive, query: str) -> set[str]:
    told, fulltext.rows_with = fulltext.rows_with, lambda *_: None
    try:
        return set(search(archive, parse(query), index=False).found.ids.column("id").to_pylist())
    finally:
        fulltext.rows_with = told


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=60_000)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--short", action="store_true", help="a tenth of the people")
    given = parser.parse_args()
    people = given.people // 10 if given.short else given.people
    with Archive.throw_away(threads=1, memory_mb=2048) as archive:
        fill(archive, people, given.days, given.seed)
        compare(archive)


if __name__ == "__main__":
    main()
