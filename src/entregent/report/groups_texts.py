"""What is said of groups that act together, on the page and by the command: evidence, not accusation."""

from __future__ import annotations

from entregent.authenticity.groups import DeclaredControl, ShuffledControl
from entregent.i18n import N, T, Text
from entregent.report.groups import GroupsPart, SeenGroup
from entregent.results import CannotTell

__all__ = [
    "CAUTION",
    "control_text",
    "evidence_text",
    "found_text",
    "grade_text",
    "lacks_text",
    "silent_text",
    "tie_control_text",
    "title_text",
    "window_text",
]

CAUTION = T("Acting together is no proof of anything else. To look at before anything is said:")

_DAY, _HOUR, _MINUTE = 86_400, 3_600, 60


def window_text(seconds: float) -> Text:
    """Return a window in words."""
    if seconds >= _DAY and seconds % _DAY == 0:
        return N("{n} day", "{n} days", int(seconds // _DAY))
    if seconds >= _HOUR and seconds % _HOUR == 0:
        return N("{n} hour", "{n} hours", int(seconds // _HOUR))
    if seconds >= 2 * _MINUTE and seconds % _MINUTE == 0:
        return N("{n} minute", "{n} minutes", int(seconds // _MINUTE))
    return N("{n} second", "{n} seconds", round(seconds))


def found_text(part: GroupsPart) -> Text:
    """Return what was found among how much."""
    if not part.groups:
        return N(
            "No group of accounts acts together more than habit and chance explain: {n} tight cluster "
            "was tested, among {accounts} accounts and {acts} acts.",
            "No group of accounts acts together more than habit and chance explain: {n} tight clusters "
            "were tested, among {accounts} accounts and {acts} acts.",
            part.tried,
            accounts=part.accounts,
            acts=part.acts,
        )
    return N(
        "{n} group of accounts acts together more than habit and chance explain, among {accounts} "
        "accounts and {acts} acts.",
        "{n} groups of accounts act together more than habit and chance explain, among {accounts} "
        "accounts and {acts} acts.",
        len(part.groups),
        accounts=part.accounts,
        acts=part.acts,
    )


def silent_text(window: float, reason: CannotTell) -> Text:
    """Return why a window could not be looked at."""
    return T(
        "Within {window} it cannot be told. {reason} {needs}",
        window=window_text(window),
        reason=reason.reason,
        needs=reason.needs,
    )


def control_text(window: float, control: ShuffledControl) -> Text:
    """Return what was found where nothing is."""
    if control.cannot_tell is not None:
        return T("The control within {window} could not be run.", window=window_text(window))
    return N(
        "Control within {window}: times shuffled {n} time, groups found {found} times; it should be 0.",
        "Control within {window}: times shuffled {n} times, groups found {found} times; it should be 0.",
        control.runs,
        window=window_text(window),
        found=control.with_groups,
    )


def tie_control_text(control: DeclaredControl | CannotTell) -> Text:
    """Return whether declared people were found and called declared."""
    if isinstance(control, CannotTell):
        return T("Declared people as a control: {reason}", reason=control.reason)
    return T(
        "Declared people as a control: {declared} act here, {found} are in a group, {labelled} in one that "
        "is labelled declared.",
        declared=control.declared,
        found=control.found,
        labelled=control.labelled,
    )


def title_text(place: int, group: SeenGroup) -> Text:
    """Return a group in a line."""
    return T(
        "Group {place}: {accounts} accounts, {objects} objects, within {window}",
        place=place,
        accounts=len(group.members),
        objects=len(group.bursts),
        window=window_text(group.window),
    )


def evidence_text(group: SeenGroup) -> Text:
    """Return seen against expected, and the test on unseen objects."""
    expected, times = group.expected, group.times_chance
    return T(
        "{observed} pairs of acts within the window, where habit and chance give {expected} ({low} to "
        "{high}). On objects not used to find it: {times} times chance ({times_low} to {times_high}). Of "
        "groups as clear as this one at most {q}% are false.",
        observed=group.observed,
        expected=round(expected.value, 1),
        low=round(expected.low, 1),
        high=round(expected.high, 1),
        times=round(times.value, 1),
        times_low=round(times.low, 1),
        times_high=round(times.high, 1),
        q=round(100 * group.q, 1),
    )


def grade_text(group: SeenGroup) -> Text:
    """Return how far the evidence goes."""
    if group.is_declared:
        return T("Declared: all of them have said openly what ties them.")
    if group.grade == "to look at":
        return T("To look at: no more than that.")
    return T("Strong, once a person has read the acts and looked at the explanations.")


def lacks_text(group: SeenGroup) -> Text:
    """Return what is lacking for strong evidence."""
    return T("For strong evidence it lacks: {lacks}", lacks=_joined(group.lacks))


def _joined(texts: tuple[Text, ...]) -> Text:
    joined = texts[0]
    for text in texts[1:]:
        joined = T("{first} {second}", first=joined, second=text)
    return joined
