"""The steps that bring a state database of any older version to the present one.

Forward only. A step is never edited once released: a change is a new step.
The SQL is what SQLite and PostgreSQL both read.
"""

from __future__ import annotations

from sqlalchemy import Connection, inspect, text

from entregent.errors import StoreError

__all__ = ["LATEST", "migrate", "version"]

_COLLECTED = (
    """
    CREATE TABLE manifest (
        name TEXT NOT NULL PRIMARY KEY,
        kind TEXT NOT NULL,
        seq BIGINT NOT NULL,
        n_rows BIGINT NOT NULL,
        n_bytes BIGINT NOT NULL,
        first_time BIGINT,
        last_time BIGINT,
        n_untimed BIGINT NOT NULL,
        keep_until BIGINT,
        pending INTEGER NOT NULL,
        retired INTEGER NOT NULL
    )
    """,
    "CREATE INDEX manifest_kind ON manifest (kind, retired)",
    """
    CREATE TABLE inputs (
        sha256 TEXT NOT NULL,
        name TEXT NOT NULL,
        n_bytes BIGINT NOT NULL,
        n_rows BIGINT NOT NULL,
        format TEXT NOT NULL,
        PRIMARY KEY (sha256, name)
    )
    """,
    """
    CREATE TABLE notices (
        source TEXT NOT NULL,
        code TEXT NOT NULL,
        words TEXT NOT NULL,
        n BIGINT NOT NULL,
        places TEXT NOT NULL,
        PRIMARY KEY (source, code, words)
    )
    """,
    "CREATE TABLE cursors (source TEXT NOT NULL PRIMARY KEY, place TEXT NOT NULL)",
    """
    CREATE TABLE gaps (
        source TEXT NOT NULL,
        start_time BIGINT NOT NULL,
        end_time BIGINT NOT NULL,
        reason TEXT NOT NULL,
        PRIMARY KEY (source, start_time)
    )
    """,
)

_REGISTER = (
    """
    CREATE TABLE studies (
        id TEXT NOT NULL PRIMARY KEY,
        title TEXT NOT NULL,
        purpose TEXT NOT NULL,
        topic TEXT,
        made_at BIGINT NOT NULL,
        expires TEXT NOT NULL,
        paths TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        seed BIGINT NOT NULL,
        pseudonymised INTEGER NOT NULL,
        version TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE study_people (
        study TEXT NOT NULL,
        person TEXT NOT NULL,
        PRIMARY KEY (person, study)
    )
    """,
    """
    CREATE TABLE suppressions (
        digest TEXT NOT NULL PRIMARY KEY,
        kind TEXT NOT NULL,
        since BIGINT NOT NULL
    )
    """,
)

_FINDINGS = (
    """
    CREATE TABLE findings (
        id TEXT NOT NULL PRIMARY KEY,
        kind TEXT NOT NULL,
        seen TEXT NOT NULL,
        cautions TEXT NOT NULL,
        method TEXT NOT NULL,
        version TEXT NOT NULL,
        seed BIGINT NOT NULL,
        made_at BIGINT NOT NULL,
        expires BIGINT NOT NULL
    )
    """,
    """
    CREATE TABLE finding_people (
        finding TEXT NOT NULL,
        person TEXT NOT NULL,
        role TEXT NOT NULL,
        PRIMARY KEY (person, finding)
    )
    """,
    """
    CREATE TABLE finding_events (
        finding TEXT NOT NULL,
        number BIGINT NOT NULL,
        at BIGINT NOT NULL,
        kind TEXT NOT NULL,
        "by" TEXT,
        person TEXT,
        decision TEXT,
        reverses BIGINT,
        words TEXT NOT NULL,
        PRIMARY KEY (finding, number)
    )
    """,
)

# BYTEA is a name that PostgreSQL knows and that SQLite leaves to the value.
_HOT = (
    """
    CREATE TABLE hot (
        seq BIGINT NOT NULL,
        kind TEXT NOT NULL,
        n_rows BIGINT NOT NULL,
        n_bytes BIGINT NOT NULL,
        first_time BIGINT,
        last_time BIGINT,
        held BYTEA NOT NULL,
        PRIMARY KEY (seq, kind)
    )
    """,
)

_WATCHES = (
    """
    CREATE TABLE watches (
        id TEXT NOT NULL PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        query TEXT NOT NULL,
        lang TEXT,
        budget DOUBLE PRECISION NOT NULL,
        hours TEXT NOT NULL,
        made_at BIGINT NOT NULL,
        muted_until BIGINT,
        known_from BIGINT,
        judged_to BIGINT
    )
    """,
    """
    CREATE TABLE watch_versions (
        watch TEXT NOT NULL,
        number BIGINT NOT NULL,
        at BIGINT NOT NULL,
        query TEXT NOT NULL,
        lang TEXT,
        budget DOUBLE PRECISION NOT NULL,
        hours TEXT NOT NULL,
        PRIMARY KEY (watch, number)
    )
    """,
    """
    CREATE TABLE mentions (
        watch TEXT NOT NULL,
        post TEXT NOT NULL,
        time BIGINT,
        spans TEXT NOT NULL,
        PRIMARY KEY (watch, post)
    )
    """,
    "CREATE INDEX mentions_time ON mentions (watch, time)",
    "CREATE INDEX mentions_post ON mentions (post)",
    "CREATE TABLE heard (slot BIGINT NOT NULL PRIMARY KEY, posts BIGINT NOT NULL)",
    """
    CREATE TABLE alerts (
        id TEXT NOT NULL PRIMARY KEY,
        watch TEXT NOT NULL,
        name TEXT NOT NULL,
        raised BIGINT NOT NULL,
        facts TEXT NOT NULL,
        made_at BIGINT NOT NULL,
        state TEXT NOT NULL
    )
    """,
    "CREATE INDEX alerts_watch ON alerts (watch, raised)",
    """
    CREATE TABLE deliveries (
        alert TEXT NOT NULL,
        channel TEXT NOT NULL,
        state TEXT NOT NULL,
        tries BIGINT NOT NULL,
        due BIGINT NOT NULL,
        trouble TEXT,
        PRIMARY KEY (alert, channel)
    )
    """,
)

_STEPS: tuple[tuple[str, ...], ...] = (_COLLECTED, _REGISTER, _FINDINGS, _HOT, _WATCHES)

LATEST = len(_STEPS)
"""Version that this code reads and writes."""


def version(con: Connection) -> int:
    """Return the version of a database, 0 where it is new."""
    if not inspect(con).has_table("schema_version"):
        return 0
    return int(con.scalar(text("SELECT max(version) FROM schema_version")) or 0)


def migrate(con: Connection, *, to: int = LATEST, where: str = "state") -> int:
    """Bring a database to version `to` inside the transaction of `con`.

    Parameters
    ----------
    con : sqlalchemy.Connection
        In a transaction that writes.
    to : int
        Version to stop at.
    where : str
        Name of the database in messages.

    Returns
    -------
    int
        Version it had before.

    Raises
    ------
    StoreError
        Where the database is newer than this code.
    """
    present = version(con)
    if present > LATEST:
        raise StoreError(
            f"The database has version {present}, this Entregent knows up to {LATEST}.",
            where=where,
            do="Use the newer Entregent that wrote it.",
        )
    if present == 0 and to > 0:
        con.execute(text("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY)"))
    for number in range(present, to):
        for statement in _STEPS[number]:
            con.execute(text(statement))
        con.execute(text("INSERT INTO schema_version (version) VALUES (:version)"), {"version": number + 1})
    return present
