"""The main job: from files of public conversations to a study that can be read and acted on."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from entregent import __version__
from entregent.clock import zone
from entregent.flows.conversation import everybody
from entregent.flows.groups import GroupsRequest, groups_of
from entregent.flows.listeners import listeners
from entregent.flows.opened import opened
from entregent.flows.people import persons, rank
from entregent.flows.request import StudyRequest
from entregent.flows.said import said
from entregent.flows.tables import tables
from entregent.flows.together import who_together
from entregent.progress import Progress, Quiet
from entregent.report import write
from entregent.report.facts import stand_out
from entregent.report.groups import GroupsPart
from entregent.report.model import Study
from entregent.report.pseudonyms import pseudonymise
from entregent.results import Provenance, merge_notices
from entregent.store.state import State, StudyEntry, new_study_id
from entregent.store.suppression import Suppression

_GROUPS_STREAM = 3

__all__ = ["Published", "StudyRequest", "publish", "run_study"]


@dataclass(frozen=True)
class Published:
    """A study that was written: the files, the page first, and its entry in the register."""

    study: Study
    files: tuple[Path, ...]
    entry: StudyEntry


def publish(
    request: StudyRequest, directory: Path, *, now: datetime, progress: Progress | None = None
) -> Published:
    """Make a study, write it, enter it in the register: one thing, so that no copy is forgotten.

    Parameters
    ----------
    request : StudyRequest
    directory : Path
        Where to write; an earlier study there is replaced as a whole.
    now : datetime
        Moment of making, aware.
    progress : Progress, optional

    Returns
    -------
    Published
        The register, in the configured home, knows the accounts of a
        pseudonymised study too, under their keyed digests.

    Raises
    ------
    OutputError
        Where the directory cannot be written.
    StoreError
        Where the home cannot.
    """
    progress = progress or Quiet()
    tz = zone(request.zone)
    with State.open(request.config.home) as state:
        named, accounts = _named(request, now, progress, Suppression(state.suppressed(), state.key))
        study = _as_asked(named, request)
        progress.step("Writing")
        files = write(study, directory, lang=request.lang, zone=tz)
        with files[0].open("rb") as page:
            digest = hashlib.file_digest(page, "sha256").hexdigest()
        entry = StudyEntry(
            id=new_study_id(),
            title=_readable(study.title),
            purpose=_readable(study.purpose),
            made_at=now,
            expires=study.expires,
            paths=(_readable(str(directory.absolute())),),
            sha256=digest,
            seed=request.seed,
            pseudonymised=study.pseudonymised,
            version=__version__,
            topic=request.topic,
        )
        state.register_study(entry, accounts)
    return Published(study, files, entry)


def _readable(text: str) -> str:
    """Return what the system gave as undecoded bytes, in a locale without UTF-8, as letters."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def run_study(request: StudyRequest, *, now: datetime, progress: Progress | None = None) -> Study:
    """Read, narrow, analyse; write nothing.

    Parameters
    ----------
    request : StudyRequest
        What to read and what it is about.
    now : datetime
        Moment of making, aware; expiry counts from it.
    progress : Progress, optional
        Told of steps, rows and bytes; asked whether to stop.

    Returns
    -------
    Study
        Ready for :func:`entregent.report.write`.

    Raises
    ------
    InputError
        Where nothing could be read or nothing is left to study.
    Cancelled
        Where `progress` asked to stop.
    """
    nobody = Suppression((), b"")
    named, _ = _named(request, now, progress or Quiet(), nobody)
    return _as_asked(named, request)


def _as_asked(study: Study, request: StudyRequest) -> Study:
    if request.pseudonymise:
        # Nobody keeps this key, so nobody can go back from a shared study to a name.
        study = _without_folders(pseudonymise(study, secrets.token_bytes(32)))
    return replace(study, facts=stand_out(study))


def _without_folders(study: Study) -> Study:
    """Keep of each file its name: folders often name a colleague."""
    inputs = tuple(replace(file, name=Path(file.name).name) for file in study.provenance.inputs)
    notices = tuple(
        replace(notice, where=tuple(Path(place).name for place in notice.where)) for notice in study.notices
    )
    edges = study.provenance.parameters.get("edges")
    parameters = {**study.provenance.parameters, "edges": edges and Path(edges).name}
    provenance = replace(study.provenance, inputs=inputs, parameters=parameters)
    return replace(study, provenance=provenance, notices=notices)


def _named(
    request: StudyRequest, now: datetime, progress: Progress, erased: Suppression
) -> tuple[Study, list[str]]:
    """Return the study under everybody's own name, and the ids of all accounts in it."""
    tz = zone(request.zone)
    rng = np.random.default_rng(request.seed)
    with opened(request, now, progress, erased) as found:
        con, collected = found.con, found.collected
        progress.step("What was said")
        summary = said(con, tz)
        ranked = rank(con, rng, progress=progress)
        progress.step("Who listens to whom")
        circle = listeners(con, ranked, rng)
        groups = (
            None
            if "groups" in request.without
            else groups_of(con, GroupsRequest(), _own(request), progress=progress)
        )
        acting = groups.accounts_in_groups if isinstance(groups, GroupsPart) else ()
        asked = ranked.accounts[: request.people]
        together = who_together(con, asked, circle.membership, request, progress, acting_together=acting)
        shown = persons(con, ranked, circle.membership, together.by_person, shown=request.people)
        progress.step("Tables")
        accounts = everybody(con)
        kept = tables(con, summary, ranked, circle, together, groups, shown=request.people)
    keep_days = request.keep_days or request.config.keep_study_days
    study = Study(
        title=_readable(request.title or request.topic or _first_name(request)),
        purpose=_readable(request.purpose or ""),
        made_at=now,
        expires=(now + timedelta(days=keep_days)).astimezone(tz).date(),
        topic=request.topic,
        period=request.period,
        relative_time=request.relative_time,
        pseudonymised=False,
        provenance=Provenance(
            version=__version__,
            made_at=now,
            seed=request.seed,
            inputs=collected.files,
            parameters=_parameters(request),
            first=summary.first,
            last=summary.last,
        ),
        said=summary,
        people=shown,
        people_reason=ranked.reason,
        heard_check=ranked.check,
        communities=circle.communities,
        network=circle.network,
        overlap=circle.overlap,
        notices=merge_notices(
            (*collected.notices, *found.notices, *ranked.notices, *circle.notices, *together.notices)
        ),
        tables=kept,
        circle=together.circle,
        seeding=together.seeding,
        groups=groups,
    )
    return study, accounts


def _own(request: StudyRequest) -> np.random.Generator:
    """Return chance for groups alone: the other parts stay as they are, with and without them."""
    return np.random.default_rng([request.seed, _GROUPS_STREAM])


def _first_name(request: StudyRequest) -> str:
    first = request.paths[0]
    name = "standard input" if first == "-" else first.rstrip("/").rsplit("/", 1)[-1]
    return name if len(request.paths) == 1 else f"{name} + {len(request.paths) - 1}"


def _parameters(request: StudyRequest) -> dict[str, object]:
    return {
        "topic": request.topic,
        "since": request.period.start.isoformat() if request.period.start else None,
        "until": request.period.end.isoformat() if request.period.end else None,
        "zone": request.zone,
        "format": request.format,
        "mapping": dict(request.mapping),
        "network": request.network,
        "relative_time": request.relative_time,
        "edges": request.edges,
        "pseudonymised": request.pseudonymise,
        "without": list(request.without),
        "circle": request.circle,
        "fixed": request.fixed,
        "per_follower": request.per_follower,
        "budget": request.budget,
    }
