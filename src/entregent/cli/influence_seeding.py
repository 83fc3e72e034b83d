"""``entregent influence seeding``: a few stars, many ordinary people, or anybody."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from entregent.cli.influence_options import (
    BUDGET,
    FIXED,
    PER_FOLLOWER,
    TABLE,
    WEIGHTS,
    answered,
    asked,
    chances,
    output,
    tell,
)
from entregent.cli.progress import CommandProgress
from entregent.cli.reading import reading
from entregent.cli.settings import quiet, settings, with_flags

if TYPE_CHECKING:
    from entregent.report.influence import SeedingPart

__all__ = ["seeding", "seeding_lines"]

_PRICES = (
    BUDGET,
    FIXED,
    PER_FOLLOWER,
    click.option(
        "--fixed-range", type=(float, float), metavar="LOW HIGH", help="Fixed prices to try; both above 0."
    ),
    click.option(
        "--quotes", type=TABLE, help="Table with account and price: quotes, which replace the rule."
    ),
    WEIGHTS,
    click.option(
        "--stars",
        type=click.FloatRange(0, 1, min_open=True, max_open=True),
        default=0.01,
        show_default=True,
        help="Share of people, by followers, who are stars.",
    ),
    click.option(
        "--ordinary",
        type=(float, float),
        metavar="LOW HIGH",
        default=(0.5, 0.9),
        show_default=True,
        help="Between which shares of people, by followers, the ordinary ones are.",
    ),
    click.option(
        "--thresholds",
        type=click.FloatRange(0, 1, min_open=True),
        help="People act once this share of those they listen to do; no chances, no circle.",
    ),
    click.option(
        "--draws",
        type=click.IntRange(20, 100_000),
        default=200,
        show_default=True,
        help="Draws of people and of a cascade.",
    ),
    click.option(
        "--steps", type=click.IntRange(2, 50), default=7, show_default=True, help="Fixed prices to try."
    ),
)


@click.command("seeding")
@reading(required=False, before=_PRICES)
@chances
@output
@settings("lang", "zone", "home", "memory_mb", "threads")
@quiet
def seeding(
    budget: float | None,
    fixed: float | None,
    per_follower: float | None,
    fixed_range: tuple[float, float] | None,
    quotes: Path | None,
    weights: Path | None,
    stars: float,
    ordinary: tuple[float, float],
    thresholds: float | None,
    draws: int,
    steps: int,
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
    """Compare a few stars, many ordinary people, anybody and a circle for the same money.

    Extra reach counts people besides those paid. Without prices, everything
    is counted in the price of one follower: a person costs their followers
    and the median number of followers on top.

    \b
    Examples:
      entregent influence seeding posts.jsonl --fixed 100 --per-follower 0.02 --budget 5000
      entregent influence seeding posts.jsonl --quotes quotes.csv --fixed 80 --budget 5000
      entregent influence seeding --graph arcs.csv --thresholds 0.18
    """
    settled = with_flags(lang=lang, zone=zone, home=home, memory_mb=memory_mb, threads=threads)
    if thresholds is not None and read["rule"] == "auto":
        # Nobody's chance is asked for: learning them would only take time.
        read["rule"] = "weighted-cascade"
    with CommandProgress(quiet=quiet) as progress, asked(settled, progress, **read) as found:
        from entregent.flows.names import reaches
        from entregent.flows.seeding import SeedingRequest, seeding_of, seeding_table
        from entregent.sources.given import by_person

        request = SeedingRequest(
            fixed=fixed,
            per_follower=per_follower,
            budget=budget,
            fixed_range=fixed_range,
            quotes=by_person(quotes, "price") if quotes else {},
            weights=by_person(weights, "weight") if weights else {},
            stars=stars,
            ordinary=ordinary,
            thresholds=thresholds,
            steps=steps,
            draws=draws,
            threads=settled.threads or 1,
        )
        followers = reaches(found.moved, found.names, found.con)
        part = answered(seeding_of(found.moved, found.names, followers, request, found.rng, progress))
    tables = {"seeding": seeding_table(part)}
    tell(part, tables, lambda: seeding_lines(part, settled.lang), as_json=as_json, out=out)


def seeding_lines(part: SeedingPart, lang: str) -> list[str]:
    """Return few or many as lines for a reader.

    Parameters
    ----------
    part : SeedingPart
    lang : {"fr", "en"}

    Returns
    -------
    list of str
    """
    from entregent.i18n import T, Translator
    from entregent.report.influence_texts import (
        chances_text,
        firm_flips,
        flip_text,
        kind_text,
        prices_text,
        verdict_text,
    )

    told = Translator(lang)
    lines = [
        told.text(verdict_text(part)),
        told.text(prices_text(part)),
        told.text(chances_text(part.moves)),
        "",
    ]
    for group in part.groups:
        extra = group.extra
        people = told.text(T("{people} people", people=told.number(group.people, 0)))
        span = f"{told.number(extra.value, 1)} ({told.number(extra.low, 0)}–{told.number(extra.high, 0)})"
        lines.append(f"  {told.text(kind_text(group.kind)):<24}{people:>16}  {span:>20}")
    lines += ["", *(told.text(flip_text(flip)) for flip in firm_flips(part))]
    lines += [f"- {told.text(limit)}" for limit in part.limits]
    return lines
