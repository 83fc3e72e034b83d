"""What somebody asks of a study."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from entregent.clock import Period
from entregent.config import Config
from entregent.errors import InputError

__all__ = ["PARTS", "StudyRequest"]

MOST_PEOPLE = 200
MOST_CIRCLE = 50
PARTS = ("effect", "circle", "seeding", "groups")
"""Parts of a study that take time and can be left out."""


@dataclass(frozen=True)
class StudyRequest:
    """What to read, what it is about, for whom and until when.

    Parameters
    ----------
    paths : tuple of str
        Files, directories, patterns, or ``-`` for standard input.
    format : str, optional
        Name of the format; found out from the content unless given.
    mapping : mapping of str to str
        Role to column, for tables.
    relative_time : bool
        Times count seconds from an origin that is not known.
    edges : str, optional
        File of a user graph.
    network : str, optional
        Network of ids of formats that name none.
    topic : str, optional
        Query that a post must match; everything is on topic unless given.
    period : Period
        Time that is studied.
    zone : str
        IANA zone in which days are counted and dates shown.
    lang : {"fr", "en"}
    seed : int
        Seed of everything random.
    title, purpose : str, optional
        On the face of the study.
    keep_days : int, optional
        Days until the study expires; the configured number unless given.
    pseudonymise : bool
        Replace people by numbers and leave out what would name them.
    people : int
        People shown on the page, at most 200 (tables hold all).
    without : tuple of str
        Parts to leave out, of :data:`PARTS`.
    circle : int
        People of the circle, at most 50.
    fixed, per_follower, budget : float, optional
        Prices of a person and what may be spent, for few or many.
    stdin : BinaryIO, optional
        What ``-`` reads.
    config : Config
    """

    paths: tuple[str, ...]
    format: str | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    relative_time: bool = False
    edges: str | None = None
    network: str | None = None
    topic: str | None = None
    period: Period = field(default_factory=Period)
    zone: str = "UTC"
    lang: str = "en"
    seed: int = 1
    title: str | None = None
    purpose: str | None = None
    keep_days: int | None = None
    pseudonymise: bool = False
    people: int = 100
    without: tuple[str, ...] = ()
    circle: int = 10
    fixed: float | None = None
    per_follower: float | None = None
    budget: float | None = None
    stdin: BinaryIO | None = None
    config: Config = field(default_factory=Config)

    def __post_init__(self) -> None:
        if not self.paths:
            raise InputError("No file was given.", do="Name one, or - for standard input.")
        if not 1 <= self.people <= MOST_PEOPLE:
            raise InputError(
                f"{self.people} people were asked for.", valid=(f"a whole number from 1 to {MOST_PEOPLE}",)
            )
        if self.keep_days is not None and self.keep_days < 1:
            raise InputError(f"keep_days is {self.keep_days}.", valid=("a whole number of days from 1",))
        if unknown := [part for part in self.without if part not in PARTS]:
            raise InputError(f"{unknown[0]!r} is no part that can be left out.", valid=PARTS)
        priced = self.fixed is not None or self.per_follower is not None
        if priced and self.budget is None:
            raise InputError("There are prices and no budget.", do="Give --budget, in the same unit.")
        if not 1 <= self.circle <= MOST_CIRCLE:
            raise InputError(
                f"A circle of {self.circle} was asked for.",
                valid=(f"a whole number from 1 to {MOST_CIRCLE}",),
            )
        if self.seed < 0:
            raise InputError(f"The seed is {self.seed}.", valid=("a whole number from 0",))
