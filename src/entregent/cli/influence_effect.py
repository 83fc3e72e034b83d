"""``entregent influence effect``: what people did more than they would have done without a person."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from entregent import clock
from entregent.cli.influence_options import answered, output, plain_data, write_tables
from entregent.cli.listing import plain, print_json
from entregent.cli.progress import CommandProgress
from entregent.cli.reading import reading, request_of
from entregent.cli.settings import quiet, settings, with_flags

if TYPE_CHECKING:
    from entregent.i18n import Translator
    from entregent.report.effect import EffectPart

__all__ = ["effect", "effect_lines"]

_WHO = (
    click.option(
        "--person",
        "persons",
        multiple=True,
        metavar="ACCOUNT",
        help="Account or handle of somebody to ask about; repeatable. Those most heard, unless told.",
    ),
    click.option(
        "--top",
        type=click.IntRange(1, 200),
        default=10,
        show_default=True,
        help="Without --person: how many of the most heard to ask about.",
    ),
    click.option(
        "--leave-out",
        "leave_out",
        multiple=True,
        metavar="ACCOUNT",
        help="Somebody whose acts do not count, such as a member of a group; repeatable.",
    ),
    click.option(
        "--draws",
        type=click.IntRange(50, 100_000),
        default=200,
        show_default=True,
        help="Draws of what caused what; more are steadier and take longer.",
    ),
)
_DETAILED = 3


@click.command("effect")
@reading(before=_WHO)
@output
@settings("lang", "zone", "home", "memory_mb", "threads")
@quiet
def effect(
    persons: tuple[str, ...],
    top: int,
    leave_out: tuple[str, ...],
    draws: int,
    as_json: bool,
    out: Path | None,
    quiet: bool,
    lang: str | None,
    zone: str | None,
    home: Path | None,
    memory_mb: int | None,
    threads: int | None,
    **read: Any,
) -> None:
    """Estimate what others did that they would not have done without a person's influence.

    Two ways that are held against each other: removal from fitted cascades,
    and people who were shown the person's acts against others alike who were
    not, with a placebo. Both need to know who could see whom: give --edges
    with who follows whom. Where too little is known there is no number, but
    what is missing, and three ways that need no exposure.

    \b
    Examples:
      entregent influence effect posts.jsonl --edges follows.csv
      entregent influence effect posts.jsonl --edges follows.csv --person x:12345 --person lea
      entregent influence effect posts.jsonl --edges follows.csv --person lea --leave-out x:67
      entregent influence effect posts.jsonl --edges follows.csv --top 30 --out tables --json
    """
    settled = with_flags(lang=lang, zone=zone, home=home, memory_mb=memory_mb, threads=threads)
    with CommandProgress(quiet=quiet) as progress:
        progress.step("Starting")
        import numpy as np

        from entregent.cli.summary import print_notices
        from entregent.flows.effects import effects_of, effects_table, most_followed
        from entregent.flows.moves import learned
        from entregent.flows.names import accounts_of
        from entregent.flows.opened import opened_here
        from entregent.flows.people import rank
        from entregent.i18n import Translator
        from entregent.results import merge_notices

        request = request_of(settled, **read)
        rng = np.random.default_rng(request.seed)
        with opened_here(request, clock.now(), progress) as opened:
            accounts = accounts_of(opened.con, persons)
            if not persons:
                accounts = list(rank(opened.con, rng, progress=progress).accounts[:top])
            others = accounts_of(opened.con, leave_out)
            taught = learned(opened.con, rng, progress, leave_out=others)
            accounts = accounts or most_followed(taught, top)
            if not accounts:
                answered(taught.model)
            found = effects_of(opened.con, taught, accounts, rng, draws=draws, progress=progress)
            more = taught.cascades.notices if taught.cascades is not None else ()
    print_notices(merge_notices((*opened.collected.notices, *opened.notices, *more)))
    write_tables({"effects": effects_table(found.parts), "moved": found.followed}, out)
    if as_json:
        print_json(plain_data({"people": found.parts}))
        return
    for line in effect_lines(found.parts, Translator(settled.lang)):
        click.echo(line)


def effect_lines(parts: Sequence[EffectPart], told: Translator) -> list[str]:
    """Return what is told of each person, with the evidence where few were asked about.

    Parameters
    ----------
    parts : sequence of EffectPart
    told : Translator

    Returns
    -------
    list of str
    """
    from entregent.report.effect_texts import effect_text, exposure_text, fallbacks
    from entregent.results import CannotTell

    # Where exposure is unknown, the reason of each says so.
    kinds = dict.fromkeys(part.exposure for part in parts if part.exposure != "unknown")
    lines = [told.text(exposure_text(kind)) for kind in kinds]
    reasons = {part.total.code for part in parts if isinstance(part.total, CannotTell)}
    if len(parts) > 1 and len(reasons) == 1 and all(isinstance(part.total, CannotTell) for part in parts):
        lines.append(told.text(effect_text(parts[0])))
    else:
        for part in parts:
            lines += ["", plain(part.handle), f"  {told.text(effect_text(part))}"]
            lines += [f"  {line}" for line in _reasons(part, told, detailed=len(parts) <= _DETAILED)]
    if reasons:
        from entregent.i18n import T

        lines += ["", told.text(T("Ways that need not know who saw what, the weakest first:"))]
        lines += [f"- {told.text(way)}" for way in fallbacks()]
    return lines


def _reasons(part: EffectPart, told: Translator, *, detailed: bool) -> list[str]:
    from entregent.i18n import T
    from entregent.report.effect_texts import (
        acted_after_text,
        design_text,
        direct_text,
        placebo_text,
        sensitivity_text,
    )
    from entregent.results import CannotTell

    if isinstance(part.total, CannotTell):
        return []
    texts = (direct_text(part), acted_after_text(part), design_text(part), placebo_text(part))
    lines = [told.text(text) for text in (*texts, sensitivity_text(part)) if text is not None]
    if not detailed:
        return lines
    if part.posts:
        lines.append(told.text(T("Posts that carry it:")))
    for post in part.posts:
        what = " ".join(plain(post.text or post.id).split())
        lines.append(f"{_of(post.moved, post.followed, told):>12}  {what[:80]}")
    if part.moved:
        lines.append(told.text(T("People moved:")))
    for person in part.moved:
        lines.append(f"{_of(person.moved, person.followed, told):>12}  {plain(person.handle)}")
    return lines


def _of(moved: float, followed: int, told: Translator) -> str:
    return f"{told.number(moved, 1)} / {told.number(followed)}"
