"""``entregent authenticity``: what stands out in an audience, and what else would explain it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from entregent.cli.authenticity_groups import groups
from entregent.cli.authenticity_reciprocal import reciprocal
from entregent.cli.findings import decide, findings, keep_finding, reply, reverse
from entregent.cli.listing import plain, print_json
from entregent.cli.settings import settings, with_flags
from entregent.i18n import N, T, Text, Translator

if TYPE_CHECKING:
    from entregent.authenticity.audience import Audience
    from entregent.authenticity.growth import FollowerMap, Growth
    from entregent.results import CannotTell, Estimate, Notice

__all__ = ["authenticity", "print_told"]

_LISTED = 20


@click.group("authenticity")
def authenticity() -> None:
    """Show evidence of bought or automated visibility, and what else explains it. No verdicts.

    Nobody is judged: an audience has a share with an interval, a series has
    jumps with the events near them, a group has the acts behind it and innocent
    explanations. Where too little is known, the answer is that it cannot be told.

    \b
    Examples:
      entregent authenticity groups posts.jsonl
      entregent authenticity audience followers.csv --reference judged.csv
      entregent authenticity growth counts.csv
    """


for _command in (groups, reciprocal, findings, decide, reply, reverse):
    authenticity.add_command(_command)


def print_told(lines: Sequence[tuple[str, str]]) -> None:
    """Print labelled lines for people."""
    width = max((len(label) for label, _ in lines), default=0) + 2
    for label, text in lines:
        click.echo(f"{label:<{width}}{plain(text)}".rstrip())


def _as_json(command: Any) -> Any:
    return click.option("--json", "as_json", is_flag=True, help="Print it for programs, with its cautions.")(
        command
    )


def _about_whom(command: Any) -> Any:
    return click.option(
        "--about",
        metavar="ACCOUNT",
        help="Whose it is, such as x:12345: the finding is kept, to be answered and reversed.",
    )(command)


@authenticity.command("audience")
@click.argument("file", metavar="FILE")
@click.option(
    "--reference",
    metavar="FILE",
    help="Profiles of the same platform that people judged: column is_fake, 1 or 0.",
)
@click.option(
    "--labels",
    metavar="FILE",
    help="Followers drawn at random from FILE that your team judged: columns id (or username) and is_fake.",
)
@click.option(
    "--level", type=click.FloatRange(0.5, 0.99), default=0.9, show_default=True, help="Of the interval."
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    default=2026,
    show_default=True,
    help="Seed of what is random.",
)
@_about_whom
@settings("lang", "home")
@_as_json
def _audience(
    file: str,
    reference: str | None,
    labels: str | None,
    level: float,
    seed: int,
    about: str | None,
    lang: str | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """Estimate the share of fake followers in a sample of an audience.

    FILE (CSV, Parquet or JSON) holds one row a follower, drawn at random from
    the audience, 200 at least. Columns that are used where FILE and the
    reference both have them: posts, following, followers, description_length,
    has_profile_picture, is_private, has_url, and username or
    username_length, username_digits, username_ends_with_digit,
    username_letters_share. A number that the platform hides is left empty.

    Give a reference, labels of your own (50 at least, 200 are better), or
    both. Labels may also stand in FILE itself, in a column is_fake that is
    empty where nobody looked.

    \b
    Examples:
      entregent authenticity audience followers.csv --reference judged.csv
      entregent authenticity audience followers.csv --reference judged.csv --labels ours.csv --lang fr
      entregent authenticity audience followers.parquet --labels ours.csv --json
    """
    settled = with_flags(lang=lang, home=home)
    from entregent.flows.audience import AudienceRequest, study_audience

    result = study_audience(AudienceRequest(file, reference, labels, level, seed))
    told = Translator(settled.lang)
    record = _audience_record(result, told)
    if about is not None:
        cautions = (*result.cautions, *result.innocent)
        record["finding"] = keep_finding(
            settled.home, "audience", _figures(record), cautions, about, "audience", seed
        )
    if as_json:
        print_json(record)
    else:
        print_told(list(_audience_lines(result, told)) + _finding_line(record, told))


@authenticity.command("growth")
@click.argument("file", metavar="FILE")
@click.option("--events", metavar="FILE", help="What is known to have happened: columns time and name.")
@click.option(
    "--map",
    "by_order",
    is_flag=True,
    help="FILE holds followers (created_at, followed_at), not a series of counts.",
)
@click.option(
    "--picture",
    type=click.Path(dir_okay=False, path_type=Path),
    help="With --map: draw the followers into this .svg or .png file.",
)
@_about_whom
@settings("lang", "zone", "home")
@_as_json
def _growth(
    file: str,
    events: str | None,
    by_order: bool,
    picture: Path | None,
    about: str | None,
    lang: str | None,
    zone: str | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """Find gains of followers that the days around do not explain, and known events near them.

    FILE (CSV, Parquet or JSON) holds the columns time (or date) and
    followers, best one row a day, 22 rows at least. With --map it holds one
    row a follower: created_at, when the account was made, and followed_at;
    without that, the first row is the first follower.

    \b
    Examples:
      entregent authenticity growth counts.csv
      entregent authenticity growth counts.csv --events events.csv --lang fr
      entregent authenticity growth followers.csv --map --picture map.svg
    """
    settled = with_flags(lang=lang, zone=zone, home=home)
    from entregent import clock
    from entregent.flows.audience import GrowthRequest, study_followers, study_growth

    tz = clock.zone(settled.zone)
    told = Translator(settled.lang, tz)
    if picture is not None and (not by_order or picture.suffix not in (".svg", ".png")):
        raise click.UsageError("--picture goes with --map and names a file that ends in .svg or .png.")
    if by_order:
        if events is not None:
            raise click.UsageError("--events goes with a series of counts, not with --map.")
        found = study_followers(file, tz)
        kind, record, lines = "follower_map", _map_record(found, told), _map_lines(found, told)
        cautions = found.innocent
        if picture is not None:
            _draw(found, picture, told)
    else:
        series = study_growth(GrowthRequest(file, events, tz))
        kind, record, lines = "growth", _growth_record(series, told), _growth_lines(series, told)
        cautions = (*series.cautions, *series.innocent)
    if about is not None:
        record["finding"] = keep_finding(settled.home, kind, _figures(record), cautions, about, kind, 0)
    if as_json:
        print_json(record)
    else:
        print_told(list(lines) + _finding_line(record, told))


def _draw(found: FollowerMap, picture: Path, told: Translator) -> None:
    from entregent.charts.followers import follower_map
    from entregent.charts.render import png, svg
    from entregent.errors import OutputError

    chart = follower_map(found.points)
    drawn = png(chart, told) if picture.suffix == ".png" else svg(chart, told).encode()
    try:
        picture.write_bytes(drawn)
    except OSError as error:
        raise OutputError(f"It cannot be written: {error.strerror}.", where=str(picture)) from error
    click.echo(f"Written   {picture}", err=True)


_NOT_KEPT = (
    "version",
    "cautions",
    "innocent_explanations",
    "notices",
    "series",
    "points",
)


def _figures(record: dict[str, Any]) -> dict[str, Any]:
    """Return what of a result is kept: its figures; names of events stay out, they may name people."""
    kept = {name: value for name, value in record.items() if name not in _NOT_KEPT}
    if isinstance(kept.get("jumps"), list):
        kept["jumps"] = [{**jump, "events": len(jump["events"])} for jump in kept["jumps"]]
    return kept


def _finding_line(record: dict[str, Any], told: Translator) -> list[tuple[str, str]]:
    if "finding" not in record:
        return []
    words = T(
        "kept as {id} for 180 days; a person decides about it, whom it concerns may reply",
        id=record["finding"],
    )
    return [(told.text(T("Finding")), told.text(words))]


Lines = Iterator[tuple[str, str]]


def _range(found: Estimate, told: Translator) -> str:
    return told.text(
        T(
            "{value}, between {low} and {high} (interval of {level})",
            value=told.percent(found.value, 1),
            low=told.percent(found.low, 1),
            high=told.percent(found.high, 1),
            level=told.percent(found.level),
        )
    )


def _cannot(found: CannotTell, told: Translator) -> str:
    reason, needs = told.text(found.reason), told.text(found.needs)
    return told.text(T("cannot be told. {reason} What would help: {needs}", reason=reason, needs=needs))


def _notes(
    cautions: Sequence[Text], innocent: Sequence[Text], notices: Sequence[Notice], told: Translator
) -> Lines:
    for caution in cautions:
        yield told.text(T("To read with it")), told.text(caution)
    for each in innocent:
        yield told.text(T("Also possible")), told.text(each)
    for notice in notices:
        yield told.text(T("About the data")), told.text(notice.text)


def _audience_lines(result: Audience, told: Translator) -> Lines:
    from entregent.results import CannotTell

    label = told.text(T("Share of fake followers"))
    share = result.share
    yield label, _cannot(share, told) if isinstance(share, CannotTell) else _range(share, told)
    yield (
        told.text(T("Sample")),
        told.text(
            T(
                "{people} followers, {profiles} different profiles, {labelled} labelled by your team",
                people=result.people,
                profiles=result.profiles,
                labelled=result.labelled,
            )
        ),
    )
    if result.misses is not None and result.false_flags is not None:
        yield (
            told.text(T("Errors of the program")),
            told.text(
                T(
                    "it misses {misses} of the fakes ({misses_low} to {misses_high}) and flags {flags} of the"
                    " others ({flags_low} to {flags_high})",
                    misses=told.percent(result.misses.value),
                    misses_low=told.percent(result.misses.low),
                    misses_high=told.percent(result.misses.high),
                    flags=told.percent(result.false_flags.value, 1),
                    flags_low=told.percent(result.false_flags.low, 1),
                    flags_high=told.percent(result.false_flags.high, 1),
                )
            ),
        )
    if result.counted is not None:
        yield (
            told.text(T("Flags counted")),
            told.text(
                T("{share} of profiles; not the share of fakes", share=told.percent(result.counted.value, 1))
            ),
        )
    yield from _notes(result.cautions, result.innocent, result.notices, told)


def _growth_lines(result: Growth, told: Translator) -> Lines:
    label = told.text(T("Jumps"))
    jumps = result.jumps
    if not isinstance(jumps, tuple):
        yield label, _cannot(jumps, told)
    elif not jumps:
        yield label, told.text(T("none: every gain is within what the days around it let expect"))
    else:
        yield (
            label,
            told.text(
                N(
                    "{n} gain that the days around it do not explain",
                    "{n} gains that the days around them do not explain",
                    len(jumps),
                )
            ),
        )
        for jump in sorted(jumps, key=lambda jump: -jump.times)[:_LISTED]:
            events = "; ".join(jump.events)
            near = (
                T("known nearby: {events}", events=events)
                if events
                else T("no known event nearby: to look at")
            )
            yield (
                told.moment(jump.start),
                told.text(
                    T(
                        "{gained} followers where {expected} were expected ({low} to {high}); {near}",
                        gained=jump.gained,
                        expected=told.number(jump.expected, 0),
                        low=told.number(jump.low, 0),
                        high=told.number(jump.high, 0),
                        near=near,
                    )
                ),
            )
    if result.losses:
        yield (
            told.text(T("Losses")),
            told.text(N("the count fell in {n} step", "the count fell in {n} steps", result.losses)),
        )
    yield from _notes(result.cautions, result.innocent, result.notices, told)


def _map_lines(result: FollowerMap, told: Translator) -> Lines:
    label = told.text(T("Runs of followers"))
    blocks = result.blocks
    if not isinstance(blocks, tuple):
        yield label, _cannot(blocks, told)
    elif not blocks:
        yield label, told.text(T("none whose accounts are of other dates than those around them"))
    else:
        yield (
            label,
            told.text(
                N(
                    "{n} run whose accounts are of other dates than those around it",
                    "{n} runs whose accounts are of other dates than those around them",
                    len(blocks),
                )
            ),
        )
        for block in blocks[:_LISTED]:
            yield (
                told.text(T("{first} to {last}", first=block.first, last=block.last)),
                told.text(
                    T(
                        "{inside} of the accounts were made between {since} and {until}, against {around}"
                        " around them",
                        inside=told.percent(block.inside),
                        since=told.day(block.since),
                        until=told.day(block.until),
                        around=told.percent(block.around),
                    )
                ),
            )
    yield from _notes((), result.innocent, result.notices, told)


def _number(found: Estimate | CannotTell | None, told: Translator) -> dict[str, Any] | None:
    from entregent.results import CannotTell

    if found is None:
        return None
    if isinstance(found, CannotTell):
        return {
            "cannot_tell": found.code,
            "reason": told.text(found.reason),
            "needs": told.text(found.needs),
        }
    return {
        **{name: getattr(found, name) for name in ("value", "low", "high", "level", "n", "method")},
        "as_of": found.as_of.isoformat() if found.as_of else None,
    }


def _about(
    cautions: Sequence[Text], innocent: Sequence[Text], notices: Sequence[Notice], told: Translator
) -> dict[str, Any]:
    import entregent

    return {
        "version": entregent.__version__,
        "cautions": [told.text(text) for text in cautions],
        "innocent_explanations": [told.text(text) for text in innocent],
        "notices": [
            {"code": notice.code, "text": told.text(notice.text), "count": notice.count} for notice in notices
        ],
    }


def _audience_record(result: Audience, told: Translator) -> dict[str, Any]:
    alike = result.resemblance
    return {
        "kind": "audience",
        "share": _number(result.share, told),
        "people": result.people,
        "profiles": result.profiles,
        "labelled": result.labelled,
        "misses": _number(result.misses, told),
        "false_flags": _number(result.false_flags, told),
        "flags_counted": _number(result.counted, told),
        "resemblance": None
        if alike is None
        else {"p": alike.p, "alike": alike.alike, "tests": alike.tests, "unlike": list(alike.unlike)},
        "weights": result.weights,
        **_about(result.cautions, result.innocent, result.notices, told),
    }


def _growth_record(result: Growth, told: Translator) -> dict[str, Any]:
    jumps = result.jumps
    return {
        "kind": "growth",
        "jumps": [
            {**vars(jump), "start": _iso(jump.start), "end": _iso(jump.end), "events": list(jump.events)}
            for jump in jumps
        ]
        if isinstance(jumps, tuple)
        else _number(jumps, told),
        "losses": result.losses,
        "near_events": result.near_events,
        "series": [
            {name: _iso(value) if isinstance(value, datetime) else value for name, value in row.items()}
            for row in result.series.to_pylist()
        ],
        **_about(result.cautions, result.innocent, result.notices, told),
    }


def _map_record(result: FollowerMap, told: Translator) -> dict[str, Any]:
    blocks = result.blocks
    return {
        "kind": "follower_map",
        "blocks": [
            {**vars(block), "since": _iso(block.since), "until": _iso(block.until)} for block in blocks
        ]
        if isinstance(blocks, tuple)
        else _number(blocks, told),
        "points": [
            {"place": row["place"], "created_at": _iso(row["created_at"]), "block": row["block"]}
            for row in result.points.to_pylist()
        ],
        **_about((), result.innocent, result.notices, told),
    }


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
