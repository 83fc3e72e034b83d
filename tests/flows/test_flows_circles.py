"""Circles from records: chances learned or a named rule, and the best so far on a stop."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from small_conversation import NOW

from entregent.errors import InputError
from entregent.flows.circles import CircleRequest, circle_of, circle_overlap_table, circle_table
from entregent.flows.moves import learned, moved, moved_by_arcs
from entregent.flows.names import Names, reaches
from entregent.flows.opened import opened
from entregent.flows.request import StudyRequest
from entregent.flows.seeding import SeedingRequest, seeding_of
from entregent.progress import Quiet
from entregent.report.influence import CirclePart
from entregent.results import CannotTell
from entregent.store.suppression import Suppression


@pytest.fixture(scope="module")
def request_(jetstream: Path) -> StudyRequest:
    return StudyRequest(paths=(str(jetstream),))


def test_chances_are_learned_from_records(request_: StudyRequest) -> None:
    rng = np.random.default_rng(1)
    with opened(request_, NOW, Quiet(), Suppression((), b"")) as found:
        taught = learned(found.con, rng, Quiet())
        result = moved(found.con, taught, rng)
        assert not isinstance(result, CannotTell)
        assert result.moves.chances == "learned"
        assert result.moves.exposure == "past"
        assert ((result.chance >= 0) & (result.chance < 1)).all()
        names = Names(result.graph.ids, found.con)
        assert names.code(names.handles[3], where="test") == 3
        part = circle_of(result, names, CircleRequest(k=5, exclude=(names.ids[0],)), rng)
        assert isinstance(part, CirclePart)
        assert len(part.members) == 5
        assert names.ids[0] not in {member.id for member in part.members}
        assert part.lower <= part.judged.high
        assert part.judged.low <= part.upper
        assert circle_table(part).num_rows == 5
        assert circle_overlap_table(part).num_rows == 20
        followers = reaches(result, names, found.con)
        assert followers.shape == (result.graph.n,)
        assert isinstance(seeding_of(result, names, followers, SeedingRequest(), rng), CannotTell)

        rule = moved(found.con, taught, rng, rule="weighted-cascade")
        assert not isinstance(rule, CannotTell)
        assert rule.moves.chances == "weighted-cascade"
        with pytest.raises(InputError, match="linear threshold"):
            moved(found.con, taught, rng, model="linear_threshold")


class _Stopped(Quiet):
    """Asks to stop after so many pieces of work."""

    def __init__(self, after: int) -> None:
        self._left = after

    def advance(self, amount: int, note: str = "") -> None:
        self._left -= 1

    def cancelled(self) -> bool:
        return self._left <= 0


def test_the_best_so_far_on_a_stop() -> None:
    rng = np.random.default_rng(2)
    ids = pa.array([f"p{k}" for k in range(400)])
    arcs = pa.table(
        {
            "listener": ids.take(pa.array(rng.integers(0, 400, 4000))),
            "speaker": ids.take(pa.array(rng.integers(0, 400, 4000))),
        }
    )
    result = moved_by_arcs(arcs, rng, rule="uniform", chance=0.1, model="independent_cascade")
    part = circle_of(result, Names(result.graph.ids), CircleRequest(k=3), rng, progress=_Stopped(3))
    assert isinstance(part, CirclePart)
    assert part.stopped == "cancelled"
    assert len(part.members) == 3
    assert 0 < part.lower <= part.upper


def test_several_rows_of_one_pair_are_several_chances() -> None:
    arcs = pa.table({"listener": ["a", "a"], "speaker": ["b", "b"], "chance": [0.5, 0.5]})
    found = moved_by_arcs(
        arcs, np.random.default_rng(1), rule="auto", chance=0.1, model="independent_cascade"
    )
    assert found.chance.tolist() == pytest.approx([0.75])
