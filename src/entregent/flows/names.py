"""People of a graph by account or handle, and what is given or known about each of them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from entregent.errors import InputError
from entregent.flows.conversation import everybody
from entregent.flows.listeners import handles
from entregent.flows.moves import Moved
from entregent.i18n import T
from entregent.network.graph import in_degree
from entregent.results import Notice

__all__ = ["Names", "absent", "accounts_of", "audience_of", "reaches"]

Floats = NDArray[np.float64]

_CLOSE = 3


class Names:
    """Accounts of a graph, or of a conversation, by id and by handle."""

    def __init__(self, accounts: pa.Array, con: duckdb.DuckDBPyConnection | None = None) -> None:
        self.ids: list[str] = accounts.to_pylist()
        found = handles(con, accounts) if con is not None else {}
        self.handles = [found.get(account) or account for account in self.ids]
        self._codes = {handle.removeprefix("@"): code for code, handle in enumerate(self.handles)}
        self._codes.update({account: code for code, account in enumerate(self.ids)})

    def code(self, name: str, *, where: str) -> int:
        """Return the code of a person named by account or handle.

        Raises
        ------
        InputError
            For somebody who is not in the graph, with names that are close.
        """
        code = self._codes.get(name.strip().removeprefix("@"))
        if code is None:
            close = difflib.get_close_matches(name, self._codes, _CLOSE, 0.75)
            raise InputError(
                f"{name!r} is nobody in these data.",
                where=where,
                valid=close or None,
                do="Give the account, such as x:12345, or the handle, of somebody who acts or is acted on.",
            )
        return code

    def codes(self, names: Iterable[str], *, where: str) -> list[int]:
        """Return the codes of several people."""
        return [self.code(name, where=where) for name in names]

    def values(self, given: Mapping[str, float], otherwise: float, *, where: str) -> tuple[Floats, int]:
        """Return a value for each person, and how many of those given are not in the graph."""
        values = np.full(len(self.ids), otherwise)
        missing = 0
        for name, value in given.items():
            code = self._codes.get(name.strip().removeprefix("@"))
            if code is None:
                missing += 1
            else:
                values[code] = value
        if given and missing == len(given):
            raise InputError(
                f"None of the {missing} people named is in these data.",
                where=where,
                do="Name people by account, such as x:12345, or by handle.",
            )
        return values, missing


def accounts_of(con: duckdb.DuckDBPyConnection, names: Iterable[str]) -> list[str]:
    """Return the accounts of people of the conversation named by account or handle, each once.

    Raises
    ------
    InputError
        For somebody who is not in it.
    """
    people = Names(pa.array(everybody(con), pa.string()), con)
    return list(dict.fromkeys(people.ids[code] for code in people.codes(names, where="person")))


def absent(code: str, missing: int) -> tuple[Notice, ...]:
    """Return a notice of people in a table who are not in the data, or nothing."""
    if not missing:
        return ()
    return (Notice(code, T("People in the table who are not in these data were left out"), missing),)


def audience_of(names: Names, weights: Mapping[str, float]) -> tuple[Floats | None, tuple[Notice, ...]]:
    """Return what reaching each person is worth, or None where all count the same."""
    if not weights:
        return None, ()
    values, missing = names.values(weights, 0.0, where="weights")
    return values, absent("circle.unknown_weight", missing)


def reaches(moved: Moved, names: Names, con: duckdb.DuckDBPyConnection | None) -> Floats:
    """Return followers of each person: what the network shows, else who listens in these data."""
    heard = in_degree(moved.graph).astype(np.float64)
    if con is None:
        return heard
    shown = con.sql(
        "SELECT subject AS id, value FROM main.latest_observations "
        "WHERE subject_kind = 'account' AND metric = 'followers' AND value IS NOT NULL"
    ).to_arrow_table()
    places = {account: place for place, account in enumerate(names.ids)}
    for account, value in zip(shown["id"].to_pylist(), shown["value"].to_pylist(), strict=True):
        place = places.get(account)
        if place is not None:
            heard[place] = max(float(value), heard[place])
    return heard
