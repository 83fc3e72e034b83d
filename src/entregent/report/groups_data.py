"""Groups as ``study.json`` holds them: how many, from how much, and what the controls found."""

from __future__ import annotations

from typing import Any

from entregent.report.groups import GroupsPart
from entregent.results import CannotTell

__all__ = ["groups_data"]


def groups_data(part: GroupsPart | CannotTell | None) -> dict[str, Any] | None:
    """Return groups in short; members, bursts and acts are in the tables ``groups``, ``group_bursts``,
    ``group_acts``."""
    if part is None:
        return None
    if isinstance(part, CannotTell):
        return {"cannot_tell": part.code}
    return {
        "groups": len(part.groups),
        "declared": sum(group.is_declared for group in part.groups),
        "tried": part.tried,
        "windows": list(part.windows),
        "cannot_tell_within": {f"{window:g}": reason.code for window, reason in part.silent},
        "acts": part.acts,
        "accounts": part.accounts,
        "objects": part.objects,
        "shuffled": [
            {"window": window, "runs": control.runs, "with_groups": control.with_groups}
            for window, control in part.shuffled
        ],
    }
