"""``entregent authenticity groups``: who acts together more than habit and chance explain."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from entregent import clock
from entregent.cli.influence_options import TABLE, answered, output, plain_data, write_tables
from entregent.cli.listen import duration
from entregent.cli.listing import plain, print_json
from entregent.cli.progress import CommandProgress
from entregent.cli.reading import reading, request_of
from entregent.cli.settings import quiet, settings, with_flags

if TYPE_CHECKING:
    from entregent.i18n import Translator
    from entregent.report.groups import GroupsPart, SeenGroup

__all__ = ["group_lines", "groups"]

_OBJECTS = ("repost", "link", "text", "reply", "hashtag")
_WHAT = (
    click.option(
        "--window",
        "windows",
        multiple=True,
        metavar="DURATION",
        help="Within which acts are together, 1s to 1d; repeatable.  [default: 60s and 10m]",
    ),
    click.option(
        "--object",
        "objects",
        multiple=True,
        type=click.Choice(_OBJECTS),
        help="What is acted on; repeatable.  [default: repost, link, text]",
    ),
    click.option(
        "--declared", type=TABLE, help="Table with account and tie: who acts openly, such as employees."
    ),
    click.option(
        "--rate",
        type=click.FloatRange(0.001, 0.5),
        default=0.05,
        show_default=True,
        help="Bound on the share of false groups.",
    ),
    click.option(
        "--control-runs",
        type=click.IntRange(0, 1000),
        default=5,
        show_default=True,
        help="Times to shuffle the data, in which nothing should be found.",
    ),
    click.option("--rows", is_flag=True, help="Print the acts behind each group."),
    click.option("--keep", is_flag=True, help="Keep each group as a finding, to be decided and replied to."),
)


@click.command("groups")
@reading(before=_WHAT)
@output
@settings("lang", "zone", "home", "memory_mb", "threads")
@quiet
def groups(
    windows: tuple[str, ...],
    objects: tuple[str, ...],
    declared: Path | None,
    rate: float,
    control_runs: int,
    rows: bool,
    keep: bool,
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
    """Look for accounts that act together more than habit and chance explain. No verdict on anybody.

    What is found on one half of the posts, links and texts is tested on the
    other half, against draws that know how popular each is, when it was acted
    on, who likes what and how fast each account habitually is. The same data
    with times shuffled are searched too: nothing should be found there. Each
    group comes with the acts behind it and with innocent explanations, to be
    looked at first.

    \b
    Examples:
      entregent authenticity groups posts.jsonl
      entregent authenticity groups retweets.csv --window 10s --window 60s --rows
      entregent authenticity groups posts.jsonl --declared employees.csv --lang fr --out tables
      entregent authenticity groups posts.jsonl --keep
    """
    settled = with_flags(lang=lang, zone=zone, home=home, memory_mb=memory_mb, threads=threads)
    seconds = tuple(duration(text) for text in windows) or (60.0, 600.0)
    with CommandProgress(quiet=quiet) as progress:
        progress.step("Starting")
        import numpy as np

        from entregent.cli.summary import print_notices
        from entregent.flows.groups import (
            GroupsRequest,
            group_acts_table,
            group_bursts_table,
            groups_of,
            groups_table,
        )
        from entregent.flows.opened import opened_here
        from entregent.i18n import Translator
        from entregent.sources.given import given

        ties = given(declared, ("account", "tie"), ()) if declared else None
        asked = GroupsRequest(
            windows=seconds,
            objects=objects or ("repost", "link", "text"),
            declared=dict(zip(ties["account"].to_pylist(), ties["tie"].to_pylist(), strict=True))
            if ties is not None
            else {},
            rate=rate,
            control_runs=control_runs,
        )
        request = request_of(settled, **read)
        with opened_here(request, clock.now(), progress) as opened:
            print_notices((*opened.collected.notices, *opened.notices))
            rng = np.random.default_rng(request.seed)
            part = answered(groups_of(opened.con, asked, rng, progress=progress))
    print_notices(part.notices)
    write_tables(
        {
            "groups": groups_table(part),
            "group_bursts": group_bursts_table(part),
            "group_acts": group_acts_table(part),
        },
        out,
    )
    ids = _kept(settled.home, part, request.seed) if keep else ()
    if as_json:
        from entregent.report.groups_texts import CAUTION

        print_json({"caution": str(CAUTION), **plain_data(part), "findings": list(ids)})
        return
    for line in group_lines(part, Translator(settled.lang, clock.zone(settled.zone)), rows=rows):
        click.echo(line)
    for number, id in enumerate(ids, 1):
        click.echo(f"group {number} is kept as {id} for 180 days; a person decides about it.", err=True)


def _kept(home: Path, part: GroupsPart, seed: int) -> tuple[str, ...]:
    from entregent.cli.findings import keep_group
    from entregent.report.groups_texts import CAUTION

    return tuple(
        keep_group(
            home,
            {
                "members": len(group.members),
                "declared": sum(member.tie is not None for member in group.members),
                "objects": len(group.bursts),
                "window_seconds": group.window,
                "observed": group.observed,
                "expected": [group.expected.low, group.expected.value, group.expected.high],
                "times_chance": [group.times_chance.low, group.times_chance.value, group.times_chance.high],
                "q": group.q,
                "grade": group.grade,
            },
            (CAUTION, *(each.text for each in group.explanations)),
            [member.id for member in group.members],
            seed,
        )
        for group in part.groups
    )


def group_lines(part: GroupsPart, told: Translator, *, rows: bool = False) -> list[str]:
    """Return groups as lines for a reader.

    Parameters
    ----------
    part : GroupsPart
    told : Translator
    rows : bool
        Whether to show the acts behind each.

    Returns
    -------
    list of str
    """
    from entregent.report.groups_texts import CAUTION, control_text, found_text, silent_text, tie_control_text

    lines = [told.text(found_text(part))]
    lines += [told.text(silent_text(window, reason)) for window, reason in part.silent]
    lines += [told.text(control_text(window, control)) for window, control in part.shuffled]
    if part.declared is not None:
        lines.append(told.text(tie_control_text(part.declared)))
    for place, group in enumerate(part.groups, 1):
        lines += ["", *_lines_of(place, group, told, rows=rows)]
    if part.groups:
        lines += ["", told.text(CAUTION)]
        lines += [f"  - {told.text(each.text)}" for each in part.groups[0].explanations]
    return lines


def _lines_of(place: int, group: SeenGroup, told: Translator, *, rows: bool) -> list[str]:
    from entregent.report.groups_texts import evidence_text, grade_text, lacks_text, title_text

    lines = [
        told.text(title_text(place, group)),
        "  " + told.text(evidence_text(group)),
        "  " + told.text(grade_text(group)),
    ]
    if group.lacks:
        lines.append("  " + told.text(lacks_text(group)))
    for member in group.members:
        tie = f" ({plain(member.tie)})" if member.tie is not None else ""
        lines.append(f"    {plain(member.handle)}{tie}")
    if rows:
        handles = {member.id: member.handle for member in group.members}
        lines += [
            f"    {told.moment(act.time)}:{act.time:%S}  {plain(handles[act.account])}  {plain(act.object)}"
            for act in sorted(group.acts, key=lambda act: act.time)
        ]
    return lines
