"""``entregent influence circle``: which people together reach most."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from entregent.cli.influence_options import BUDGET, TABLE, WEIGHTS, answered, asked, chances, output, tell
from entregent.cli.progress import CommandProgress
from entregent.cli.reading import reading
from entregent.cli.settings import quiet, settings, with_flags

if TYPE_CHECKING:
    from entregent.report.influence import CirclePart

__all__ = ["circle", "circle_lines"]

_MATRIX = 12

_LIMITS = (
    click.option("--k", type=click.IntRange(1), help="Most people; 10 unless there is a budget."),
    BUDGET,
    click.option("--price", type=float, help="Price of everybody who has no other."),
    click.option("--prices", type=TABLE, help="Table with account and price."),
    click.option("--keep", multiple=True, metavar="ACCOUNT", help="Somebody to keep in; repeatable."),
    click.option("--exclude", multiple=True, metavar="ACCOUNT", help="Somebody to leave out; repeatable."),
    click.option("--one-per-community", is_flag=True, help="At most one person of each community."),
    WEIGHTS,
    click.option(
        "--most-samples",
        type=click.IntRange(64, 2**31 - 1),
        default=2**22,
        show_default=True,
        help="More samples, tighter bounds.",
    ),
    click.option(
        "--sample-memory-mb",
        type=click.IntRange(1),
        default=1024,
        show_default=True,
        help="Memory for samples.",
    ),
)


@click.command("circle")
@reading(required=False, before=_LIMITS)
@chances
@output
@settings("lang", "zone", "home", "memory_mb", "threads")
@quiet
def circle(
    k: int | None,
    budget: float | None,
    price: float | None,
    prices: Path | None,
    keep: tuple[str, ...],
    exclude: tuple[str, ...],
    one_per_community: bool,
    weights: Path | None,
    most_samples: int,
    sample_memory_mb: int,
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
    """Choose people who together reach most, for a number of people or a budget.

    Reach counts people who would take the topic up, those chosen included.
    Two bounds say how far the choice can be from the best there is, and a
    simulation that shares no code with the choice judges it. Only people who
    acted in the data are candidates. Ctrl-C prints the best circle so far
    with its bounds, and ends with code 0.

    \b
    Examples:
      entregent influence circle posts.jsonl --edges follows.csv --k 10
      entregent influence circle posts.jsonl --prices quotes.csv --budget 4000 --one-per-community
      entregent influence circle --graph arcs.csv --k 50 --json
      entregent influence circle posts.jsonl --keep x:12345 --exclude x:678 --weights customers.csv
    """
    settled = with_flags(lang=lang, zone=zone, home=home, memory_mb=memory_mb, threads=threads)
    with CommandProgress(quiet=quiet) as progress, asked(settled, progress, **read) as found:
        from entregent.flows.circles import CircleRequest, circle_of, circle_overlap_table, circle_table
        from entregent.sources.given import by_person

        request = CircleRequest(
            k=k or (None if budget is not None else min(10, found.moved.graph.n)),
            budget=budget,
            price=price,
            prices=by_person(prices, "price") if prices else {},
            keep=keep,
            exclude=exclude,
            one_per_community=one_per_community,
            weights=by_person(weights, "weight") if weights else {},
            most_samples=most_samples,
            memory_mb=sample_memory_mb,
            threads=settled.threads or 1,
        )
        part = answered(circle_of(found.moved, found.names, request, found.rng, progress=progress))
    tables = {"circle": circle_table(part), "circle_overlap": circle_overlap_table(part)}
    tell(part, tables, lambda: circle_lines(part, settled.lang), as_json=as_json, out=out)


def circle_lines(part: CirclePart, lang: str) -> list[str]:
    """Return a circle as lines for a reader.

    Parameters
    ----------
    part : CirclePart
    lang : {"fr", "en"}

    Returns
    -------
    list of str
    """
    from entregent.cli.listing import plain
    from entregent.i18n import Translator
    from entregent.report.influence_texts import bound_text, chances_text, reach_text, stopped_text

    told = Translator(lang)
    lines = [told.text(reach_text(part)), told.text(bound_text(part)), told.text(chances_text(part.moves))]
    stopped = stopped_text(part)
    lines += [told.text(stopped)] if stopped is not None else []
    wide = max((len(plain(member.handle)) for member in part.members), default=0)
    wide = min(wide, 40)
    lines.append("")
    for place, member in enumerate(part.members, 1):
        name = plain(member.handle)[:40].ljust(wide)
        value, low, high = (_figure(told, number) for number in (member.own, member.low, member.high))
        own = f"{value} ({low}–{high})"
        price = f"  {told.number(member.price, 2)}" if member.price is not None else ""
        lines.append(f"{place:4}  {name}  {own:>24}  +{_figure(told, member.added)}{price}")
    shown = part.members[:_MATRIX]
    lines += ["", "".join([" " * 6, *(f"{place:6}" for place in range(1, len(shown) + 1))])]
    for i in range(len(shown)):
        cells = "".join(f"{'·' if i == j else told.percent(part.share[i][j]):>6}" for j in range(len(shown)))
        lines.append(f"{i + 1:6}{cells}")
    return lines


def _figure(told: Any, value: float) -> str:
    return str(told.number(value, 0 if value >= 10 else 1))
