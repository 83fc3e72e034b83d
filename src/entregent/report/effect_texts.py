"""Sentences on the effect of a person, for the page and for the command line."""

from __future__ import annotations

import math

from entregent.i18n import N, T, Text
from entregent.report.effect import EffectPart
from entregent.results import CannotTell, Estimate

__all__ = [
    "acted_after_text",
    "design_text",
    "direct_text",
    "effect_text",
    "exposure_text",
    "fallbacks",
    "placebo_text",
    "sensitivity_text",
    "without_groups_text",
]


def _figure(value: float) -> float:
    """Return a number of acts to the digits that its size deserves."""
    digits = 0 if abs(value) >= 10 else 1 if abs(value) >= 1 else 2
    return round(value, digits) + 0.0  # Never a minus before 0.


def _ends(result: Estimate) -> dict[str, float]:
    return {
        "value": _figure(result.value),
        "low": _figure(result.low),
        "high": _figure(result.high),
        "level": round(100 * result.level),
    }


def effect_text(part: EffectPart) -> Text:
    """Return how much more people did than they would have done, or why that cannot be told."""
    if isinstance(part.total, CannotTell):
        return T("Cannot tell. {reason} {needs}", reason=part.total.reason, needs=part.total.needs)
    if part.total.low <= 0:
        return T(
            "About {value} acts by others would not have happened without this person's influence, "
            "but perhaps none ({low} to {high}, at {level}%): an effect is not shown.",
            **_ends(part.total),
        )
    return T(
        "About {value} acts by others would not have happened without this person's influence "
        "({low} to {high}, at {level}%).",
        **_ends(part.total),
    )


def direct_text(part: EffectPart) -> Text | None:
    """Return the part of the effect that the person's own acts brought about."""
    if isinstance(part.direct, CannotTell):
        return None
    return T(
        "Of these, the person's own acts moved {value} ({low} to {high}); the rest came by those whom "
        "they moved.",
        **_ends(part.direct),
    )


def acted_after_text(part: EffectPart) -> Text:
    """Return the count that takes everybody who acted afterwards for moved."""
    return N(
        "{n} act followed an act of this person that could be seen, by {people}, on {items}: counting it "
        "would take taste and chance for influence.",
        "{n} acts followed an act of this person that could be seen, by {people}, on {items}: counting them "
        "all would take taste and chance for influence.",
        part.acted_after,
        people=N("{n} person", "{n} people", part.people),
        items=N("{n} item", "{n} items", part.items),
    )


def design_text(part: EffectPart) -> Text:
    """Return what the comparison of the exposed with others says, and whether it agrees."""
    if isinstance(part.design, CannotTell):
        return T("The check by comparison cannot be made. {reason}", reason=part.design.reason)
    told = _ends(part.design)
    if part.agree is False:
        return T(
            "People who were shown the acts, compared with others alike who were not: {value} ({low} to "
            "{high}) moved at once. This disagrees with the model: trust neither alone.",
            **told,
        )
    return T(
        "People who were shown the acts, compared with others alike who were not: {value} ({low} to "
        "{high}) moved at once. This does not contradict the model.",
        **told,
    )


def placebo_text(part: EffectPart) -> Text | None:
    """Return what the same comparison finds where there is nothing to find."""
    if isinstance(part.placebo, CannotTell):
        return None
    told = _ends(part.placebo)
    if part.placebo.low <= 0 <= part.placebo.high:
        return T(
            "Placebo, the same comparison around acts that the person did not do: {value} ({low} to {high}), "
            "about 0 as it should be.",
            **told,
        )
    return T(
        "Placebo, the same comparison around acts that the person did not do: {value} ({low} to {high}), "
        "not 0: the comparison is not fair here.",
        **told,
    )


def sensitivity_text(part: EffectPart) -> Text | None:
    """Return how strong something unseen would have to be to explain the comparison away."""
    value, low = part.sensitivity, part.sensitivity_low
    if value is None or low is None:
        return None
    if low <= 1.0:
        return T(
            "Something unseen need not be strong to explain the comparison away: its interval reaches 0 "
            "already."
        )
    if not math.isfinite(value):
        return T(
            "To bring the comparison down to 0 within its interval, something unseen would have to make both "
            "seeing and acting {low} times as likely.",
            low=round(low, 1),
        )
    return T(
        "To explain the comparison away, something unseen would have to make both seeing and acting {value} "
        "times as likely; {low} times to bring its interval to 0.",
        value=round(value, 1),
        low=round(low, 1),
    )


def without_groups_text(part: EffectPart) -> Text | None:
    """Return the effect without the acts of groups that act together, None where there is nothing to tell."""
    without = part.without_groups
    if without is None:
        return None
    if isinstance(without, CannotTell):
        return T("Without the acts of groups that act together it cannot be told.")
    return T(
        "Without the acts of groups that act together: {value} ({low} to {high}).",
        value=round(without.value, 1),
        low=round(without.low, 1),
        high=round(without.high, 1),
    )


def exposure_text(kind: str) -> Text:
    """Return what tells who could see whom."""
    match kind:
        case "follows":
            return T("Who could see whose acts is known from who follows whom.")
        case "past":
            return T(
                "Who could see whose acts is guessed from earlier acts on one another, because nothing tells "
                "who follows whom."
            )
    return T("Nothing tells who could see whose acts.")


def fallbacks() -> tuple[Text, ...]:
    """Return the ways that need no exposure, from the weakest to the strongest."""
    return (
        T("Give each person a link or a code, and ask those who use it whether they would have come anyway."),
        T("Ask people “Who told you?”."),
        T(
            "Give access to the person by lot, or at different times in an order drawn by lot: only this "
            "proves an effect."
        ),
    )
