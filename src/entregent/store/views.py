"""The archive as tables: what readers and analyses ask.

The SQL lays two schemas over the segments. ``stored`` holds what the archive
keeps, latest versions only and without what was deleted; ``main`` holds what
readers see: the same within a period, with derived interactions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from entregent.clock import Period, to_micros
from entregent.records import schema
from entregent.store.segments import TIME_COLUMN, kind_schema

__all__ = ["VIEWS", "both", "lay", "living", "parquet", "period_condition", "quoted", "view_schema"]

VIEWS = ("posts", "accounts", "interactions", "observations", "latest_observations", "raw", "tombstones")
"""What :meth:`entregent.store.archive.Archive.connection` shows."""

_SQL_TYPES = {
    pa.string(): "VARCHAR",
    pa.int16(): "SMALLINT",
    pa.int64(): "BIGINT",
    pa.timestamp("us", tz="UTC"): "TIMESTAMPTZ",
}


def _sql_type(kind: pa.DataType) -> str:
    return _SQL_TYPES[kind.value_type] + "[]" if pa.types.is_list(kind) else _SQL_TYPES[kind]


def quoted(text: str) -> str:
    """Return a text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def parquet(kind: str, paths: Sequence[Path], *, extra: str = "") -> str:
    """Return SQL of the rows of segments, for FROM; of no rows where there are no segments."""
    if not paths:
        columns = ", ".join(f"NULL::{_sql_type(field.type)} AS {field.name}" for field in kind_schema(kind))
        if "filename" in extra:
            columns += ", NULL::VARCHAR AS filename"
        return f"(SELECT {columns} WHERE false)"
    names = ", ".join(quoted(str(path)) for path in paths)
    return f"read_parquet([{names}], hive_partitioning = false{extra})"


def both(kind: str, paths: Sequence[Path], hot: Mapping[str, pa.Table]) -> str:
    """Return SQL of the rows of segments and of those in none yet, registered as ``hot_`` and their kind."""
    if kind not in hot:
        return parquet(kind, paths)
    columns = ", ".join(kind_schema(kind).names)
    waiting = f"SELECT {columns} FROM hot_{kind}"
    return f"(SELECT {columns} FROM {parquet(kind, paths)} UNION ALL {waiting})" if paths else f"({waiting})"


def period_condition(period: Period, column: str) -> str:
    """Return SQL that a time is in a period; a time that is not known is in the open period only."""
    conditions = []
    if period.start is not None:
        conditions.append(f"{column} >= make_timestamptz({to_micros(period.start)})")
    if period.end is not None:
        conditions.append(f"{column} < make_timestamptz({to_micros(period.end)})")
    return " AND ".join(conditions) or "true"


def view_schema(view: str) -> pa.Schema:
    """Return the Arrow schema of one of :data:`VIEWS`."""
    return schema("observations" if view == "latest_observations" else view)


def _count(con: duckdb.DuckDBPyConnection, table: str) -> int:
    (row,) = con.sql(f"SELECT count(*) FROM {table}").fetchall()
    return int(row[0])


def _latest_accounts() -> str:
    seen = "coalesce(seen_at, '-infinity'::TIMESTAMPTZ)"

    def latest(column: str) -> str:
        # Ties are broken by the value, so that every run gives the same.
        return f"arg_max({column}, ({seen}, {column})) FILTER ({column} IS NOT NULL) AS {column}"

    columns = ("handle", "name", "url", "description", "kind", "declared", "created_at")
    return (
        f"SELECT id, min(network) AS network, {', '.join(map(latest, columns))}, max(seen_at) AS seen_at "
        "FROM stored.accounts GROUP BY id"
    )


_DERIVED = """
    SELECT id || '#reply' AS id, network, 'reply' AS kind, account AS actor,
           parent AS object, parent_account AS target, time
    FROM stored.posts WHERE account IS NOT NULL AND (parent IS NOT NULL OR parent_account IS NOT NULL)
    UNION ALL
    SELECT id || '#quote', network, 'quote', account, quoted, quoted_account, time
    FROM stored.posts WHERE account IS NOT NULL AND (quoted IS NOT NULL OR quoted_account IS NOT NULL)
    UNION ALL
    SELECT id || '#mention:' || mentioned, network, 'mention', account, NULL, mentioned, time
    FROM (SELECT id, network, account, time, unnest(list_distinct(mentions)) AS mentioned
          FROM stored.posts WHERE account IS NOT NULL AND len(mentions) > 0)
    WHERE mentioned IS NOT NULL
"""


def _interactions(condition: str) -> str:
    acts = f"SELECT * FROM (SELECT * FROM stored.interactions UNION ALL {_DERIVED}) WHERE {condition}"
    return f"""
        SELECT * FROM ({acts}) WHERE target IS NOT NULL OR object IS NULL
        UNION ALL
        SELECT i.id, i.network, i.kind, i.actor, i.object, p.account AS target, i.time
        FROM (SELECT * FROM ({acts}) WHERE target IS NULL AND object IS NOT NULL) i
        LEFT JOIN stored.posts p ON p.id = i.object
    """


def living(
    con: duckdb.DuckDBPyConnection, place: str, source: Mapping[str, str], waiting: str
) -> dict[str, str]:
    """Return SQL of the rows of each kind that are the latest version and not deleted.

    Makes tables ``gone``, ``gone_accounts`` and ``newer`` in the schema
    `place`. `source` is SQL of all rows of each kind for FROM, `waiting` that
    of the tombstones that the rows have not met.
    """
    con.sql(f"CREATE TABLE {place}.gone_accounts AS SELECT DISTINCT id FROM {waiting} WHERE kind = 'account'")
    con.sql(f"CREATE TABLE {place}.gone AS SELECT DISTINCT id FROM {waiting} WHERE kind <> 'account'")
    con.sql(
        f"CREATE TABLE {place}.newer AS SELECT id, max(version) AS version FROM {source['newer']} GROUP BY id"
    )
    # A join with nothing still costs a pass over every id, so it is left out.
    gone_accounts = _count(con, f"{place}.gone_accounts") > 0
    if gone_accounts:
        con.sql(
            f"INSERT INTO {place}.gone "
            f"SELECT id FROM {source['posts']} WHERE account IN (SELECT id FROM {place}.gone_accounts) UNION "
            f"SELECT id FROM {source['interactions']} WHERE actor IN (SELECT id FROM {place}.gone_accounts)"
        )
    gone = _count(con, f"{place}.gone") > 0
    kept = {kind: f"SELECT r.* FROM {source[kind]} r" for kind in source}
    if gone:
        for kind in ("posts", "interactions", "raw"):
            kept[kind] += f" ANTI JOIN {place}.gone g ON g.id = r.id"
        kept["observations"] += (
            f" ANTI JOIN {place}.gone g ON g.id = r.subject AND r.subject_kind IS DISTINCT FROM 'account'"
        )
    if gone_accounts:
        kept["accounts"] += f" ANTI JOIN {place}.gone_accounts a ON a.id = r.id"
        kept["observations"] += (
            f" ANTI JOIN {place}.gone_accounts a ON a.id = r.subject AND r.subject_kind = 'account'"
        )
    if _count(con, f"{place}.newer") > 0:
        kept["posts"] += f" ANTI JOIN {place}.newer n ON n.id = r.id AND r.version < n.version"
    return {kind: kept[kind] for kind in ("posts", "accounts", "interactions", "observations", "raw")}


def lay(
    con: duckdb.DuckDBPyConnection,
    paths: Mapping[str, Sequence[Path]],
    pending: Sequence[Path],
    period: Period,
    hot: Mapping[str, pa.Table],
) -> None:
    """Make the views of an archive on a connection.

    Parameters
    ----------
    con : duckdb.DuckDBPyConnection
    paths : mapping of str to sequence of Path
        Segments of each kind.
    pending : sequence of Path
        Segments of tombstones that compaction has not applied yet.
    period : Period
        Posts, interactions and raw payloads are those of the period;
        observations those before its end.
    hot : mapping of str to pyarrow.Table
        Rows of each kind that are in no segment yet.
    """
    con.sql("CREATE SCHEMA stored")
    for kind, table in hot.items():
        con.register(f"hot_{kind}", table)
    source = {kind: both(kind, paths.get(kind, ()), hot) for kind in TIME_COLUMN}
    kept = living(con, "stored", source, both("tombstones", pending, hot))
    for kind, sql in kept.items():
        con.sql(f"CREATE VIEW stored.{kind} AS {sql}")

    within = period_condition(period, "time")
    con.sql(f"CREATE VIEW main.posts AS SELECT * FROM stored.posts WHERE {within}")
    con.sql(f"CREATE VIEW main.accounts AS {_latest_accounts()}")
    con.sql(f"CREATE VIEW main.interactions AS {_interactions(within)}")
    before = period_condition(Period(None, period.end), "seen_at") + " OR seen_at IS NULL"
    con.sql(f"CREATE VIEW main.observations AS SELECT * FROM stored.observations WHERE {before}")
    con.sql(
        "CREATE VIEW main.latest_observations AS SELECT * FROM main.observations "
        "QUALIFY row_number() OVER (PARTITION BY subject, subject_kind, metric "
        "ORDER BY seen_at DESC NULLS LAST, value DESC NULLS LAST) = 1"
    )
    con.sql(
        f"CREATE VIEW main.raw AS SELECT * FROM stored.raw WHERE {period_condition(period, 'received_at')} "
        "QUALIFY row_number() OVER (PARTITION BY id ORDER BY received_at DESC, payload) = 1"
    )
    con.sql(f"CREATE VIEW main.tombstones AS SELECT * FROM {source['tombstones']}")
