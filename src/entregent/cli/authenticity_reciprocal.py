"""``entregent authenticity reciprocal``: do accounts of a set engage each other unusually often?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from entregent import clock
from entregent.cli.influence_options import TABLE, plain_data
from entregent.cli.listing import print_json
from entregent.cli.progress import CommandProgress
from entregent.cli.reading import reading, request_of
from entregent.cli.settings import quiet, settings, with_flags

if TYPE_CHECKING:
    from entregent.authenticity.reciprocal import Reciprocal
    from entregent.i18n import Translator
    from entregent.results import Estimate

__all__ = ["reciprocal", "reciprocal_lines"]

_SET = (
    click.option("--account", "accounts", multiple=True, metavar="ACCOUNT", help="Of the set; repeatable."),
    click.option("--accounts", "file", type=TABLE, help="Table with the column account: the set."),
    click.option("--keep", is_flag=True, help="Keep it as a finding, to be decided and replied to."),
)


@click.command("reciprocal")
@reading(before=_SET)
@click.option("--json", "as_json", is_flag=True, help="Print it for programs, with its cautions.")
@settings("lang", "zone", "home", "memory_mb", "threads")
@quiet
def reciprocal(
    accounts: tuple[str, ...],
    file: Path | None,
    keep: bool,
    as_json: bool,
    quiet: bool,
    lang: str | None,
    zone: str | None,
    home: Path | None,
    memory_mb: int | None,
    threads: int | None,
    **read: Any,
) -> None:
    """Ask whether a set of accounts engage each other more than their habits let expect. No verdict.

    The set must have been chosen for another reason than that they engage each
    other: people of one programme, one shop, one list. Mutual pairs are
    compared with what is expected if everybody kept the number of mutual
    partners that they have, whoever these are.

    \b
    Examples:
      entregent authenticity reciprocal posts.jsonl --accounts programme.csv
      entregent authenticity reciprocal posts.jsonl --account x:12 --account x:34 --account x:56 --lang fr
    """
    settled = with_flags(lang=lang, zone=zone, home=home, memory_mb=memory_mb, threads=threads)
    with CommandProgress(quiet=quiet) as progress:
        progress.step("Starting")
        from entregent.authenticity.reciprocal import reciprocal as compared
        from entregent.cli.findings import keep_group
        from entregent.cli.summary import print_notices
        from entregent.flows.names import accounts_of
        from entregent.flows.opened import opened_here
        from entregent.i18n import Translator
        from entregent.sources.given import given

        named = [*accounts, *(given(file, ("account",), ())["account"].to_pylist() if file else ())]
        if not named:
            raise click.UsageError("Give --account or --accounts.")
        request = request_of(settled, **read)
        with opened_here(request, clock.now(), progress) as opened:
            members = accounts_of(opened.con, named)
            acts = opened.con.sql(
                "SELECT actor, target FROM study.interactions WHERE kind <> 'follow'"
            ).to_arrow_table()
            found = compared(acts, members)
            notices = (*opened.collected.notices, *opened.notices, *found.notices)
    print_notices(notices)
    if keep:
        figures = {name: getattr(found, name) for name in ("members", "pairs", "mutual", "times", "p")}
        id = keep_group(settled.home, figures, found.innocent, members, request.seed, kind="reciprocal")
        click.echo(f"kept as {id} for 180 days; a person decides about it.", err=True)
    if as_json:
        print_json(plain_data(found))
        return
    for line in reciprocal_lines(found, Translator(settled.lang)):
        click.echo(line)


def reciprocal_lines(found: Reciprocal, told: Translator) -> list[str]:
    """Return what was found as lines for a reader.

    Parameters
    ----------
    found : Reciprocal
    told : Translator

    Returns
    -------
    list of str
    """
    from entregent.i18n import T
    from entregent.results import CannotTell

    lines = [
        told.text(
            T(
                "{mutual} of {pairs} pairs of the {members} accounts engage each other.",
                mutual=found.mutual,
                pairs=found.pairs,
                members=found.members,
            )
        )
    ]
    if isinstance(found.chance, CannotTell):
        return [*lines, f"{told.text(found.chance.reason)} {told.text(found.chance.needs)}"]
    lines.append(
        told.text(
            T(
                "By their habits {expected} are expected ({low} to {high}); as many or more by chance: {p}.",
                expected=round(found.chance.value, 1),
                low=round(found.chance.low, 1),
                high=round(found.chance.high, 1),
                p=T("less than one time in 1,000") if found.p < 0.001 else round(found.p, 3),
            )
        )
    )
    if found.inside is not None:
        ends = _percents(found.inside, told)
        lines.append(told.text(T("Within the set {share} of ties are mutual ({low} to {high}).", **ends)))
    if found.outside is not None:
        ends = _percents(found.outside, told)
        lines.append(
            told.text(T("With everybody else {share} of ties are mutual ({low} to {high}).", **ends))
        )
    lines.append(told.text(T("To look at before anything is said:")))
    return [*lines, *(f"  - {told.text(each)}" for each in found.innocent)]


def _percents(share: Estimate, told: Translator) -> dict[str, str]:
    return {
        "share": told.percent(share.value),
        "low": told.percent(share.low),
        "high": told.percent(share.high),
    }
