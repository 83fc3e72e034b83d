"""Who can move whom, from records: chances learned from them, or a named textbook rule instead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from entregent.errors import InputError
from entregent.flows.listeners import arcs_of
from entregent.i18n import T
from entregent.influence.cascades import Cascades, cascades
from entregent.influence.cascades_sql import gather
from entregent.influence.diffusion import Diffusion, chances, fit
from entregent.influence.spread_chances import (
    check_chances,
    threshold_weights,
    trivalency,
    uniform,
    weighted_cascade,
)
from entregent.network.graph import Graph, build
from entregent.progress import Progress
from entregent.report.influence import Moves
from entregent.results import CannotTell, Notice

__all__ = ["CHANCES", "LINEAR", "Learned", "Moved", "chances_at_least", "learned", "moved", "moved_by_arcs"]

Floats = NDArray[np.float64]

CHANCES = ("auto", "learned", "weighted-cascade", "uniform", "trivalency")
LINEAR = "linear_threshold"
_TEXTBOOK = "weighted-cascade"


@dataclass(frozen=True)
class Learned:
    """Cascades of the records, and the model fitted to them or why there is none."""

    cascades: Cascades | None
    model: Diffusion | CannotTell
    evidence: pa.Array


@dataclass(frozen=True)
class Moved:
    """A graph of who listens to whom with the chance of each arc.

    Parameters
    ----------
    graph : Graph
    chance : float64 array, shape (m,)
    moves : Moves
    acted : bool array, shape (n,)
        Who did anything in these data.
    """

    graph: Graph
    chance: Floats
    moves: Moves
    acted: NDArray[np.bool_]
    notices: tuple[Notice, ...] = ()


def learned(
    con: duckdb.DuckDBPyConnection,
    rng: np.random.Generator,
    progress: Progress,
    *,
    most_chances: int | None = None,
    leave_out: Sequence[str] = (),
) -> Learned:
    """Learn who moves whom from the conversation under study, where it allows that.

    With `most_chances`, more chances to see an act than that are not learned
    from, and the reason is returned; without, they are an error. What accounts
    in `leave_out` did is not counted, nor what they could have seen.
    """
    ((posts,),) = con.sql("SELECT count(*) FROM study.posts").fetchall()
    progress.step("Who acted after whom")
    adoptions, follows, earlier = gather(con, "posts" if posts else "objects")
    if leave_out:
        adoptions = _without(adoptions, "account", leave_out)
        follows, earlier = (_without(arcs, "actor", leave_out) for arcs in (follows, earlier))
    if adoptions.num_rows == 0:
        return Learned(
            None,
            CannotTell(
                "moves.no_acts",
                T("No act here has an author, an object and a time."),
                T("Dated posts or acts with their authors."),
            ),
            pa.array([], pa.string()),
        )
    known = cascades(adoptions, follows if follows.num_rows else None, earlier)
    evidence = adoptions["evidence"].combine_chunks()
    if most_chances is not None and (chances_at_least(known) > most_chances):
        return Learned(
            known,
            CannotTell(
                "moves.too_many",
                T("There are more chances to see an act here than a study learns from."),
                T("A topic or a shorter period, or the command entregent influence, which takes its time."),
            ),
            evidence,
        )
    return Learned(known, fit(known, rng=rng, progress=progress), evidence)


def _without(table: pa.Table, column: str, accounts: Sequence[str]) -> pa.Table:
    return table.filter(pc.invert(pc.is_in(table[column], pa.array(accounts, table[column].type))))


def chances_at_least(known: Cascades) -> int:
    """Return how many chances to see an act there are before acts that came too late are left out."""
    if known.exposure is None:
        return 0
    listeners = np.bincount(known.exposure.indices, minlength=known.n_accounts)
    return int(listeners[known.account[known.shows]].sum())


def moved(
    con: duckdb.DuckDBPyConnection,
    found: Learned | None,
    rng: np.random.Generator,
    *,
    rule: str = "auto",
    chance: float = 0.01,
    model: str = "independent_cascade",
) -> Moved | CannotTell:
    """Return chances by arc: those learned, or those of a textbook rule.

    Parameters
    ----------
    con : duckdb.DuckDBPyConnection
    found : Learned or None
        None where nobody asked to learn.
    rng : numpy.random.Generator
        For the rule ``trivalency``.
    rule : {"auto", "learned", "weighted-cascade", "uniform", "trivalency"}
    chance : float
        Of every arc, for ``uniform``.
    model : {"independent_cascade", "linear_threshold"}

    Raises
    ------
    InputError
        Where chances had to be learned and cannot be, or do not fit the model.
    """
    fitted = found.model if found is not None else None
    if isinstance(fitted, Diffusion) and found is not None and rule in ("auto", "learned"):
        graph, values = fitted.exposure, chances(fitted, fitted.exposure)
        if model == LINEAR:
            raise InputError(
                "Learned chances do not fit the linear threshold model, whose weights are shares.",
                do="Give --chances weighted-cascade, or the model independent_cascade.",
            )
        return _made(graph, values, "learned", model, None, found)
    if rule == "learned" and isinstance(fitted, CannotTell):
        raise InputError(f"The chances cannot be learned. {fitted.reason} {fitted.needs}")
    arcs = arcs_of(con)
    graph = build(arcs.column("listener"), arcs.column("speaker"), arcs.column("weight"))
    if graph.m == 0:
        return CannotTell(
            "moves.no_listening",
            T("Nothing here tells who listens to whom."),
            T("Acts of people on the posts of others, with both names, or who follows whom."),
        )
    name = _TEXTBOOK if rule in ("auto", "learned") else rule
    return _made(graph, *_textbook(graph, name, chance, model, rng), model, fitted, found)


def moved_by_arcs(
    table: pa.Table, rng: np.random.Generator, *, rule: str, chance: float, model: str
) -> Moved:
    """Return chances from a table of arcs: ``listener``, ``speaker``, and ``chance`` or none.

    Raises
    ------
    InputError
        For a chance outside [0, 1], arcs given twice with chances, or no arc.
    """
    given = "chance" in table.column_names and rule in ("auto", "learned")
    graph = build(
        table["listener"], table["speaker"], table["weight"] if "weight" in table.column_names else None
    )
    if graph.m == 0:
        raise InputError(
            "The graph has no arc between two people.", do="Give one listener and speaker a row."
        )
    if not given:
        return _made(
            graph, *_textbook(graph, _TEXTBOOK if rule == "auto" else rule, chance, model, rng), model
        )
    values = table["chance"].to_numpy()
    if len(values) and not ((values >= 0) & (values <= 1)).all():
        first = int(np.argmax(~((values >= 0) & (values <= 1))))
        raise InputError(
            f"The chance of {table['listener'][first]} and {table['speaker'][first]} is {values[first]}.",
            where=f"row {first + 1} of the graph",
            valid=("a number from 0 to 1",),
        )
    # Several rows of one pair are several chances: one of them is enough.
    hazard = build(table["listener"], table["speaker"], -np.log1p(-np.minimum(values, 1 - 1e-12)))
    known = np.asarray(-np.expm1(-hazard.weights), dtype=np.float64)
    return _made(hazard, check_chances(hazard, known, model), "given", model)


def _textbook(
    graph: Graph, rule: str, chance: float, model: str, rng: np.random.Generator
) -> tuple[Floats, str]:
    if model == LINEAR:
        return threshold_weights(graph), "shares-of-acts"
    if rule == "uniform":
        return uniform(graph, chance), rule
    if rule == "trivalency":
        return trivalency(graph, rng), rule
    return weighted_cascade(graph), _TEXTBOOK


def _made(
    graph: Graph,
    chance: Floats,
    name: str,
    model: str,
    missing: Diffusion | CannotTell | None = None,
    found: Learned | None = None,
) -> Moved:
    known = found.cascades if found is not None else None
    acted = np.ones(graph.n, dtype=np.bool_)
    if known is not None:
        active = pa.array(np.unique(known.account))
        acted = np.isin(graph.ids.to_numpy(zero_copy_only=False), known.accounts.take(active).to_pylist())
    moves = Moves(
        name,
        model,
        missing if isinstance(missing, CannotTell) else None,
        known.exposure_kind if known is not None else "unknown",
        graph.n,
        graph.m,
        float(chance.mean()) if graph.m else 0.0,
    )
    notices = known.notices if known is not None else ()
    if graph.self_loops and name == "given":
        notices = (
            *notices,
            Notice("graph.self_loops", T("Arcs from somebody to themselves were left out"), graph.self_loops),
        )
    return Moved(graph, chance, moves, acted, notices)
