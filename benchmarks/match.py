"""Matching: many watches against many posts, the parts of it, and peers in the same run.

    python benchmarks/match.py [--short]

Posts are made of words with frequencies after Zipf (half French, half English
in form: a share of words carries accents and hashtags); watches ask for rare
words: ``(a OR b OR c OR d) [AND (e OR f)] [NOT g]``, some phrases, nearness
and wildcards.
"""

from __future__ import annotations

import argparse
import re
import time

import duckdb
import numpy as np
import pyarrow as pa

from entregent.listening.match import Matcher, warm, word_shares
from entregent.listening.query import Query, parse
from entregent.text.folding import fold_sql

WORDS = 200_000
FREQUENT = 4_000
SYLLABLES = (
    "ba",
    "cré",
    "di",
    "fon",
    "gra",
    "lu",
    "mé",
    "no",
    "pra",
    "qui",
    "ro",
    "ser",
    "tou",
    "vi",
    "zel",
    "ché",
)


def vocabulary(rng: np.random.Generator) -> list[str]:
    words: dict[str, None] = {}
    while len(words) < WORDS:
        size = int(rng.integers(2, 6))
        words["".join(SYLLABLES[i] for i in rng.integers(0, len(SYLLABLES), size))] = None
    return list(words)


def conversation(words: list[str], number: int, rng: np.random.Generator) -> pa.Table:
    ranks = np.minimum(rng.zipf(1.25, (number, 18)) - 1, WORDS - 1)
    lengths = rng.integers(6, 18, number)
    tags = rng.random(number) < 0.15
    texts = []
    for row, length, tag in zip(ranks.tolist(), lengths.tolist(), tags.tolist(), strict=True):
        parts = [words[rank] for rank in row[:length]]
        parts[0] = parts[0].capitalize()
        if tag:
            parts[-1] = "#" + parts[-1].capitalize() + parts[-2].capitalize()
        texts.append(" ".join(parts) + ".")
    return pa.table({"text": pa.array(texts)})


def watch(words: list[str], rng: np.random.Generator) -> str:
    def rare() -> str:
        return words[int(rng.integers(FREQUENT, WORDS))]

    typed = "(" + " OR ".join(rare() for _ in range(int(rng.integers(3, 6)))) + ")"
    kind = rng.random()
    if kind < 0.25:
        typed += f" AND ({words[int(rng.integers(0, 50))]} OR {words[int(rng.integers(0, 50))]})"
    elif kind < 0.35:
        typed += f" NEAR/5 {words[int(rng.integers(0, 100))]}"
    elif kind < 0.45:
        typed += f' OR "{rare()} {words[int(rng.integers(0, 100))]}"'
    elif kind < 0.5:
        typed += f" OR {rare()[:6]}*"
    if rng.random() < 0.3:
        typed += f" NOT {rare()}"
    return typed


def timed(work: object) -> tuple[float, object]:
    begin = time.process_time()
    result = work()  # type: ignore[operator]
    return time.process_time() - begin, result


def term_join(posts: pa.Table, queries: list[Query]) -> int:
    """The peer: fold and split in the engine, join on single words; phrases and nearness left out."""
    terms = [
        (number, atom.tokens[0])
        for number, query in enumerate(queries)
        for atom in query.atoms
        if hasattr(atom, "tokens") and not atom.negated
    ]
    wanted = pa.table({"query": [n for n, _ in terms], "word": [word for _, word in terms]})
    con = duckdb.connect(config={"threads": 1})
    con.register("posts", posts)
    con.register("wanted", wanted)
    rows = con.sql(
        f"""
        WITH words AS (
            SELECT row_number() OVER () AS id, unnest(string_split({fold_sql("text")}, ' ')) AS word
            FROM posts
        )
        SELECT count(*) FROM (SELECT DISTINCT id, query FROM words JOIN wanted USING (word))
        """
    ).fetchall()
    con.close()
    return int(rows[0][0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    rng = np.random.default_rng(5)
    words = vocabulary(rng)
    number = 20_000 if options.short else 200_000
    posts = conversation(words, number, rng)
    print(f"{number} posts, {posts.nbytes / number:.0f} bytes each; one core, processor seconds")
    seconds, shares = timed(lambda: word_shares(posts.column("text").slice(0, 20_000)))
    print(f"shares of words in 20,000 posts: {seconds:.1f} s")
    seconds, _ = timed(warm)
    print(f"tables of letters and compiled loops: {seconds:.1f} s once")
    print(
        f"{'watches':>8} {'parse/s':>9} {'put in/s':>9} {'posts/s':>9} {'words only/s':>12} {'pairs':>9} "
        f"{'decided':>9} {'posts hit':>9} {'edit, ms':>8} {'join/s':>8} {'one by one/s':>13}"
    )
    for many in (100, 1_000, 10_000):
        typed = [watch(words, rng) for _ in range(many)]
        parsing, queries = timed(lambda typed=typed: [parse(text) for text in typed])
        putting, matcher = timed(
            lambda queries=queries: Matcher(
                ((str(n), query) for n, query in enumerate(queries)), shares=shares
            )
        )
        matcher.match(posts.slice(0, 100))
        matching, found = timed(lambda matcher=matcher: matcher.match(posts))
        reading, _ = timed(lambda matcher=matcher: matcher._read(posts))

        def edit(matcher: Matcher = matcher) -> None:
            for n in range(20):
                matcher.put("new", parse(watch(words, np.random.default_rng(n))))
                matcher.match(posts.slice(0, 1))

        editing, _ = timed(edit)
        joining, _ = timed(lambda queries=queries: term_join(posts, queries))
        few = posts.column("text").slice(0, max(2_000_000 // many // 100, 20)).to_pylist()
        single, pairs = timed(
            lambda queries=queries, few=few: {
                (row, str(n))
                for row, text in enumerate(few)
                for n, query in enumerate(queries)
                if query.matches(text)
            }
        )
        mine = {pair for pair in zip(found.rows.tolist(), found.watches, strict=True) if pair[0] < len(few)}
        assert mine == pairs, "the matcher and the plain evaluation differ"
        print(
            f"{many:8d} {many / parsing:9,.0f} {many / putting:9,.0f} {number / matching:9,.0f} "
            f"{number / reading:12,.0f} {len(found.rows):9,d} {found.candidates:9,d} "
            f"{len(np.unique(found.rows)) / number:9.1%} {1000 * editing / 20:8.1f} {number / joining:8,.0f} "
            f"{len(few) / single:13,.1f}",
            flush=True,
        )
    patterns = [
        re.compile("|".join(rf"\b{re.escape(w)}\b" for w in words[n * 4 + FREQUENT : n * 4 + FREQUENT + 4]))
        for n in range(1_000)
    ]
    few = posts.column("text").slice(0, 200).to_pylist()
    seconds, _ = timed(lambda: sum(bool(p.search(text)) for text in few for p in patterns))
    print(f"one Python regular expression a watch, 1,000 watches: {len(few) / seconds:,.0f} posts/s")


if __name__ == "__main__":
    main()
