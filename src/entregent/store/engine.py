"""The query engine: DuckDB in memory over Arrow and Parquet, never a shared database file."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import duckdb

from entregent.errors import StoreError

__all__ = ["connect"]

LEAST_MEMORY_MB = 64


def connect(
    *, memory_mb: int = 1024, threads: int = 0, temp_directory: Path | None = None
) -> duckdb.DuckDBPyConnection:
    """Open an engine of its own, which nothing else sees.

    Parameters
    ----------
    memory_mb : int
        Most memory that queries may use, in megabytes; larger work spills to
        `temp_directory`.
    threads : int
        Most threads; 0 means all cores.
    temp_directory : Path, optional
        Where large sorts and joins spill; made when first needed. A directory
        of this process under the system's temporary one unless told.

    Returns
    -------
    duckdb.DuckDBPyConnection
        In memory, in UTC, unable to download extensions. Ask it by
        ``con.sql(...)``. Close it after use.

    Raises
    ------
    StoreError
        For a limit that is not valid.

    Notes
    -----
    The order of rows is not kept where a query asks for none: results that
    must be the same at every run carry an ORDER BY.

    Examples
    --------
    >>> with connect(memory_mb=256, threads=1) as con:
    ...     con.sql("SELECT 1 + 1").fetchall()
    [(2,)]
    """
    if memory_mb < LEAST_MEMORY_MB:
        raise StoreError(f"memory_mb is {memory_mb}.", valid=(f"a whole number from {LEAST_MEMORY_MB}",))
    if threads < 0:
        raise StoreError(f"threads is {threads}.", valid=("a whole number from 0 (all cores)",))
    spill = temp_directory or Path(tempfile.gettempdir()) / f"entregent-spill-{os.getpid()}"
    settings: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "memory_limit": f"{memory_mb}MB",
        "temp_directory": str(spill),
        "preserve_insertion_order": False,
    }
    if threads:
        settings["threads"] = threads
    con = duckdb.connect(":memory:", config=settings)
    con.sql("SET TimeZone = 'UTC'")
    return con
