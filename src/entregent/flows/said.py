"""What was said: volume, gaps, languages, kinds of interaction, what was shared most."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from entregent.clock import from_micros, to_micros
from entregent.report.model import Gap, Said, Share, Slot, Speaker, TopItem
from entregent.text.links import clean_link

__all__ = ["find_gaps", "said", "slot_edges"]

SLOT_SECONDS = (60, 300, 900, 3600, 3 * 3600, 6 * 3600, 86400, 7 * 86400, 28 * 86400)
MOST_SLOTS = 120
HOUR = 3_600_000_000
DAY_HOURS = 24
GAP_CHANCE = 1e-6
SHOWN = 12
NATIVE = "substr({0}, strpos({0}, ':') + 1)"


def slot_edges(first: datetime, last: datetime, zone: tzinfo) -> tuple[int, list[datetime]]:
    """Return the width of a slot in seconds and the edges of the slots that cover a stretch of time.

    Slots of a day and more start at midnight of the reader's zone, so that a
    day in which clocks change is one slot of 23 or 25 hours.

    >>> seconds, edges = slot_edges(datetime(2024, 3, 30, tzinfo=UTC), datetime(2024, 12, 1, tzinfo=UTC), UTC)
    >>> seconds, len(edges)
    (604800, 37)
    """
    span = (last - first).total_seconds()
    width = next((s for s in SLOT_SECONDS if span / s <= MOST_SLOTS), SLOT_SECONDS[-1])
    if width >= 86400:
        local = first.astimezone(zone)
        edge = local.replace(hour=0, minute=0, second=0, microsecond=0)
        days = timedelta(days=width // 86400)
        edges = [edge.astimezone(UTC)]
        while edges[-1] <= last:
            edge = edge + days
            edges.append(edge.astimezone(UTC))
        return width, edges
    start = to_micros(first) // (width * 1_000_000) * (width * 1_000_000)
    count = (to_micros(last) - start) // (width * 1_000_000) + 1
    return width, [from_micros(start + k * width * 1_000_000) for k in range(count + 1)]


def find_gaps(times: npt.NDArray[np.int64]) -> tuple[Gap, ...]:
    """Return stretches without data that are too long to be silence.

    Parameters
    ----------
    times : int64 array, shape (n_records,)
        UTC microseconds, in any order.

    Returns
    -------
    tuple of Gap
        Between the last record before and the first one after.

    Notes
    -----
    Records are counted by the hour. The chance that an hour of the day is
    empty is taken from the other days; a run of empty hours is a gap where
    the product of their chances is under one in a million for the whole of
    the data. Hours are taken as independent given the hour of the day, which
    is generous to gaps in bursty data: the reader is told that nothing was
    collected or nothing was said.

    Examples
    --------
    >>> hours = np.array([h for h in range(24 * 30) if not 240 <= h < 260]) * HOUR
    >>> [(gap.start.day, gap.end.day) for gap in find_gaps(hours)]
    [(10, 11)]
    """
    if len(times) == 0:
        return ()
    ordered = np.sort(times)
    first = int(ordered[0] // HOUR)
    hours = (ordered // HOUR - first).astype(np.int64)
    filled = np.zeros(int(hours[-1]) + 1, dtype=bool)
    filled[hours] = True
    of_day = (np.arange(len(filled)) + first) % DAY_HOURS
    days = np.bincount(of_day, minlength=DAY_HOURS)
    empty_days = np.bincount(of_day, weights=~filled, minlength=DAY_HOURS)
    log_chance = np.log((empty_days + 0.5) / (days + 1.0))
    bar = np.log(GAP_CHANCE / len(filled))
    edges = np.flatnonzero(np.diff(np.concatenate(([False], ~filled, [False])).astype(np.int8)))
    gaps = []
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        if log_chance[of_day[begin:end]].sum() < bar:
            before = ordered[np.searchsorted(hours, begin) - 1]
            after = ordered[np.searchsorted(hours, end)]
            gaps.append(Gap(from_micros(int(before)), from_micros(int(after))))
    return tuple(gaps)


def _times(con: duckdb.DuckDBPyConnection, query: str) -> npt.NDArray[np.int64]:
    column = con.sql(query).to_arrow_table().column("micros")
    return np.asarray(column.to_numpy(), dtype=np.int64)


def _slots(
    posts: npt.NDArray[np.int64], acts: npt.NDArray[np.int64], zone: tzinfo, gaps: tuple[Gap, ...]
) -> tuple[int, tuple[Slot, ...]]:
    both = np.concatenate((posts, acts))
    if len(both) == 0:
        return SLOT_SECONDS[-1], ()
    width, edges = slot_edges(from_micros(int(both.min())), from_micros(int(both.max())), zone)
    marks = np.array([to_micros(edge) for edge in edges])
    post_counts, act_counts = (np.histogram(times, marks)[0] for times in (posts, acts))
    slots = []
    for k, (start, end) in enumerate(pairwise(edges)):
        # A slot that a gap covers whole is unknown; one that it touches holds what was seen of it.
        unknown = any(gap.start <= start and end <= gap.end for gap in gaps)
        slots.append(
            Slot(
                start,
                None if unknown else int(post_counts[k]),
                None if unknown else int(act_counts[k]),
            )
        )
    return width, tuple(slots)


def _shares(con: duckdb.DuckDBPyConnection, query: str) -> tuple[Share, ...]:
    return tuple(Share(key, count) for key, count in con.sql(query).fetchall())


def _top_posts(con: duckdb.DuckDBPyConnection) -> tuple[TopItem, ...]:
    found = con.sql(
        f"""
        WITH top AS (
            SELECT object, count(DISTINCT actor) AS people, count(*) AS acts
            FROM study.interactions WHERE kind IN ('repost', 'quote', 'share') AND object IS NOT NULL
            GROUP BY object ORDER BY people DESC, acts DESC, object LIMIT {SHOWN}
        )
        SELECT t.object AS key, people, acts, p.text, p.url, p.time,
               coalesce(a.handle, {NATIVE.format("p.account")}) AS account
        FROM top t LEFT JOIN main.posts p ON p.id = t.object LEFT JOIN main.accounts a ON a.id = p.account
        ORDER BY people DESC, acts DESC, t.object
        """
    ).to_arrow_table()
    return tuple(TopItem(**row) for row in found.to_pylist())


def _top_listed(con: duckdb.DuckDBPyConnection, column: str) -> tuple[TopItem, ...]:
    """Rank what posts list (links, hashtags) by the people who published or reposted them."""
    listed = con.sql(
        f"""
        WITH held AS (SELECT id, account, unnest({column}) AS item FROM study.posts WHERE len({column}) > 0)
        SELECT item, account FROM held WHERE account IS NOT NULL
        UNION ALL
        SELECT h.item, i.actor FROM held h JOIN study.interactions i ON i.object = h.id AND i.kind = 'repost'
        """
    )
    con.register("listed", listed.to_arrow_table())
    distinct = con.sql("SELECT DISTINCT item FROM listed").to_arrow_table().column("item").to_pylist()
    clean = clean_link if column == "links" else _hashtag_key
    con.register(
        "cleaned", pa.table({"item": pa.array(distinct, pa.string()), "key": [clean(i) for i in distinct]})
    )
    rows = con.sql(
        f"""
        SELECT key, count(DISTINCT account) AS people, count(*) AS acts, mode(item)
        FROM listed JOIN cleaned USING (item)
        GROUP BY key ORDER BY people DESC, acts DESC, key LIMIT {SHOWN}
        """
    ).fetchall()
    con.unregister("listed")
    con.unregister("cleaned")
    if column == "links":
        return tuple(TopItem(key, people, acts, url=key) for key, people, acts, _ in rows)
    return tuple(TopItem(shown.lstrip("#"), people, acts) for _, people, acts, shown in rows)


def _hashtag_key(hashtag: str) -> str:
    from entregent.text.folding import fold

    return fold(hashtag).lstrip("#")


def _top_speakers(con: duckdb.DuckDBPyConnection) -> tuple[Speaker, ...]:
    """Rank accounts by posts; in bare actions, by what they shared."""
    rows = con.sql(
        f"""
        WITH spoke AS (
            SELECT account, 1 AS posts, 0 AS acts FROM study.posts WHERE account IS NOT NULL
            UNION ALL
            SELECT actor, 0, 1 FROM study.interactions WHERE kind IN ('repost', 'share')
        ), counts AS (
            SELECT account, sum(posts)::BIGINT AS posts, sum(acts)::BIGINT AS acts FROM spoke GROUP BY account
            ORDER BY posts DESC, acts DESC, account LIMIT {SHOWN}
        )
        SELECT c.account, coalesce(a.handle, {NATIVE.format("c.account")}), a.name, a.url, c.posts, c.acts
        FROM counts c LEFT JOIN main.accounts a ON a.id = c.account
        ORDER BY posts DESC, acts DESC, c.account
        """
    ).fetchall()
    return tuple(Speaker(*row) for row in rows)


def said(con: duckdb.DuckDBPyConnection, zone: tzinfo) -> Said:
    """Sum up the conversation laid by :func:`entregent.flows.conversation.narrow`."""
    posts = _times(con, "SELECT epoch_us(time) AS micros FROM study.posts WHERE time IS NOT NULL")
    acts = _times(
        con,
        "SELECT epoch_us(time) AS micros FROM study.interactions "
        "WHERE time IS NOT NULL AND kind IN ('repost', 'like', 'share')",
    )
    both = np.concatenate((posts, acts))
    gaps = find_gaps(both)
    width, slots = _slots(posts, acts, zone, gaps)
    ((n_posts, n_acts, n_accounts, detected),) = con.sql(
        """
        SELECT (SELECT count(*) FROM study.posts),
               (SELECT count(*) FROM study.interactions WHERE kind IN ('repost', 'like', 'share')),
               (SELECT count(*) FROM (SELECT account FROM study.posts WHERE account IS NOT NULL
                                      UNION SELECT actor FROM study.interactions WHERE kind <> 'follow')),
               (SELECT count(*) FROM study.posts WHERE lang_detected)
        """
    ).fetchall()
    return Said(
        posts=n_posts,
        interactions=n_acts,
        accounts=n_accounts,
        first=from_micros(int(both.min())) if len(both) else None,
        last=from_micros(int(both.max())) if len(both) else None,
        slot_seconds=width,
        slots=slots,
        gaps=gaps,
        languages=_shares(
            con,
            "SELECT lang, count(*) AS n FROM study.posts GROUP BY lang ORDER BY n DESC, lang NULLS LAST",
        ),
        languages_detected=detected,
        kinds=_shares(
            con,
            "SELECT kind, count(*) AS n FROM study.interactions WHERE kind <> 'follow' "
            "GROUP BY kind ORDER BY n DESC, kind",
        ),
        top_posts=_top_posts(con),
        top_links=_top_listed(con, "links"),
        top_hashtags=_top_listed(con, "hashtags"),
        top_speakers=_top_speakers(con),
    )
