"""The engine keeps to its limits and to itself."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from entregent.errors import StoreError
from entregent.store.engine import connect


def test_settings(tmp_path: Path) -> None:
    with connect(memory_mb=200, threads=1, temp_directory=tmp_path / "spill") as con:
        asked = ("TimeZone", "threads", "temp_directory", "autoinstall_known_extensions")
        (found,) = con.sql(f"SELECT {', '.join(f'current_setting({name!r})' for name in asked)}").fetchall()
        assert found == ("UTC", 1, str(tmp_path / "spill"), False)
        (moment,) = con.sql("SELECT epoch_us('2024-05-01 00:00'::TIMESTAMPTZ)").fetchall()[0]
        assert moment == 1_714_521_600_000_000


def test_what_must_not_be_downloaded_is_refused() -> None:
    with connect() as con, pytest.raises(duckdb.Error):
        con.sql("SELECT * FROM 'https://localhost:1/x.parquet'").fetchall()


def test_larger_work_spills(tmp_path: Path) -> None:
    with connect(memory_mb=64, threads=1, temp_directory=tmp_path / "spill") as con:
        reader = con.sql("SELECT md5(i::VARCHAR) AS m FROM range(1500000) t(i) ORDER BY m").to_arrow_reader(
            10_000
        )
        last, n = "", 0
        for piece in reader:
            texts = piece.column("m")
            assert last < texts[0].as_py()
            last, n = texts[-1].as_py(), n + len(texts)
    assert n == 1_500_000


@pytest.mark.parametrize("given", [{"memory_mb": 1}, {"threads": -1}])
def test_a_limit_that_is_not_valid(given: dict[str, int]) -> None:
    with pytest.raises(StoreError, match="Valid: a whole number from"):
        connect(**given)
