"""Sentences on circles and on few or many, for the page and for the command line."""

from __future__ import annotations

from entregent.i18n import N, T, Text
from entregent.report.influence import CirclePart, Moves, SeedingFlip, SeedingPart
from entregent.results import CannotTell

__all__ = [
    "bound_text",
    "chances_text",
    "firm_flips",
    "flip_text",
    "kind_text",
    "prices_text",
    "reach_text",
    "stopped_text",
    "verdict_text",
]


def _figure(value: float) -> float:
    """Return a number to the digits that its size deserves."""
    return round(value) if value >= 10 else round(value, 1) if value >= 0.1 else round(value, 3)


def reach_text(part: CirclePart) -> Text:
    """Return what a circle reaches."""
    told = {
        "value": _figure(part.judged.value),
        "low": _figure(part.judged.low),
        "high": _figure(part.judged.high),
        "level": round(100 * part.judged.level),
        "members": N("{n} person", "{n} people", len(part.members)),
    }
    if part.weighted:
        return T(
            "{members} together reach a weight of {value} (mean between {low} and {high}, at {level}%), "
            "by a simulation apart from the choice.",
            **told,
        )
    return T(
        "{members} together move {value} people, themselves included (mean between {low} and {high}, "
        "at {level}%), by a simulation apart from the choice.",
        **told,
    )


def bound_text(part: CirclePart) -> Text:
    """Return how far a circle can be from the best."""
    return T(
        "Under these chances no circle within the same limits reaches more than {upper}, and this one "
        "reaches at least {lower}, so no less than {ratio}% (confidence {confidence}%).",
        upper=_figure(part.upper),
        lower=_figure(part.lower),
        ratio=int(100 * part.ratio),
        confidence=round(100 * part.confidence),
    )


def stopped_text(part: CirclePart) -> Text | None:
    """Return why the search ended early, or None where it had settled."""
    match part.stopped:
        case "cancelled":
            return T("The search was stopped; this is the best circle so far.")
        case "samples":
            return T("The search ended at the number of samples allowed; more may find a better circle.")
        case "memory":
            return T("The search ended at the memory allowed; more may find a better circle.")
    return None


def chances_text(moves: Moves) -> Text:
    """Return where the chances come from, and why they were not learned."""
    match moves.chances:
        case "learned":
            source = {
                "follows": T("Chances are learned from who acted after whom, along who follows whom."),
                "past": T(
                    "Chances are learned from who acted after whom, along earlier acts on one another."
                ),
            }
            return source.get(moves.exposure, T("Chances are learned from who acted after whom."))
        case "given":
            return T("Chances are those given with the graph.")
        case "uniform":
            rule = T("the same for all (uniform)")
        case "trivalency":
            rule = T("one of 10%, 1% and 0.1%, drawn (trivalency)")
        case "shares-of-acts":
            rule = T("shares of acts (linear threshold)")
        case _:
            rule = T("one over the number of people listened to (weighted cascade)")
    if moves.not_learned is not None:
        return T(
            "Chances are not learned but a textbook rule, {rule}: the comparison holds under it, the numbers "
            "are no forecast. {reason} {needs}",
            rule=rule,
            reason=moves.not_learned.reason,
            needs=moves.not_learned.needs,
        )
    return T(
        "Chances are not learned but a textbook rule, {rule}: the comparison holds under it, the numbers "
        "are no forecast.",
        rule=rule,
    )


def kind_text(kind: str) -> Text:
    """Return the name of a kind of people."""
    match kind:
        case "stars":
            return T("Stars")
        case "ordinary":
            return T("Ordinary people")
        case "random":
            return T("Drawn by lot")
    return T("A circle")


def verdict_text(part: SeedingPart) -> Text:
    """Return which kind reaches more, or that it cannot be told."""
    if isinstance(part.best, CannotTell):
        return T("Cannot tell. {reason} {needs}", reason=part.best.reason, needs=part.best.needs)
    match part.best:
        case "stars":
            return T("At these prices, a few stars reach more than any other kind, luck included.")
        case "ordinary":
            return T("At these prices, many ordinary people reach more than any other kind, luck included.")
        case "random":
            return T("At these prices, people drawn by lot reach more than any other kind, luck included.")
    return T("At these prices, a circle chosen jointly reaches more than any other kind, luck included.")


def prices_text(part: SeedingPart) -> Text:
    """Return what a person costs and what may be spent."""
    told = {"fixed": _figure(part.fixed), "each": part.per_follower, "budget": _figure(part.budget)}
    if part.in_followers:
        return T(
            "No prices were given, so they are counted in the price of one follower: a person costs "
            "{fixed} and their number of followers; the budget is {budget}, what five stars cost.",
            **told,
        )
    return T("A person costs {fixed}, and {each} for each follower; the budget is {budget}.", **told)


def firm_flips(part: SeedingPart) -> tuple[SeedingFlip, ...]:
    """Return the flips at which the lead changes, their price known to less than a factor of ten."""
    return tuple(
        flip
        for flip in part.flips
        if 0 < flip.price.high < 10 * flip.price.low
        and (_leader(part, flip.price.value, below=True), _leader(part, flip.price.value, below=False))
        == (flip.cheaper, flip.dearer)
    )


def _leader(part: SeedingPart, price: float, *, below: bool) -> str | None:
    """Return the kind that reaches most on average at the price tried next below or above."""
    tried = {group.fixed for group in part.sweep if (group.fixed <= price) == below}
    if not tried:
        return None
    nearest = max(tried) if below else min(tried)
    return max((g for g in part.sweep if g.fixed == nearest), key=lambda group: group.extra.value).kind


def flip_text(flip: SeedingFlip) -> Text:
    """Return at which fixed price two kinds change places."""
    return T(
        "Below a fixed price of {price} ({low} to {high}), more are reached by {cheaper}; "
        "above it, by {dearer}.",
        cheaper=_inside(flip.cheaper),
        dearer=_inside(flip.dearer),
        price=_figure(flip.price.value),
        low=_figure(flip.price.low),
        high=_figure(flip.price.high),
    )


def _inside(kind: str) -> Text:
    match kind:
        case "stars":
            return T("stars")
        case "ordinary":
            return T("ordinary people")
        case "random":
            return T("anybody drawn by lot")
    return T("a circle chosen jointly")
