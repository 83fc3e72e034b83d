"""``study.json``: where a study comes from, enough to make it again and to judge it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from entregent.i18n import Translator
from entregent.report.groups_data import groups_data
from entregent.report.influence_data import circle_data, effect_data, seeding_data
from entregent.report.model import CoverageCheck, Study

__all__ = ["SCHEMA", "study_data"]

SCHEMA = "entregent.study/1"


def _moment(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat()


def study_data(study: Study, lang: str) -> dict[str, Any]:
    """Return what ``study.json`` holds, without the list of files written.

    Parameters
    ----------
    study : Study
    lang : {"fr", "en"}
        Language of the texts of notices; their codes are the same in all.

    Returns
    -------
    dict
        Plain values only. Times of relative-time studies are given as read,
        counted from 1970, and ``relative_time`` says so.
    """
    told = Translator(lang)
    provenance, said = study.provenance, study.said
    check = study.heard_check
    return {
        "schema": SCHEMA,
        "title": study.title,
        "purpose": study.purpose,
        "topic": study.topic,
        "lang": lang,
        "made_at": study.made_at.isoformat(),
        "expires": study.expires.isoformat(),
        "version": provenance.version,
        "seed": provenance.seed,
        "pseudonymised": study.pseudonymised,
        "relative_time": study.relative_time,
        "period": {"since": _moment(study.period.start), "until": _moment(study.period.end)},
        "time_range": {
            "first": _moment(provenance.first or said.first),
            "last": _moment(provenance.last or said.last),
        },
        "parameters": provenance.parameters,
        "inputs": [
            {
                "name": file.name,
                "sha256": file.sha256,
                "bytes": file.bytes,
                "rows": file.rows,
                "format": file.format,
            }
            for file in provenance.inputs
        ],
        "counts": {
            "posts": said.posts,
            "interactions": said.interactions,
            "accounts": said.accounts,
            "people_on_page": len(study.people),
        },
        "gaps": [{"start": _moment(gap.start), "end": _moment(gap.end)} for gap in said.gaps],
        "heard_check": (
            {
                "held": check.held,
                "checked": check.checked,
                "low": check.low,
                "high": check.high,
                "level": check.level,
                "blocks": check.blocks,
            }
            if isinstance(check, CoverageCheck)
            else {"cannot_tell": check.code}
        ),
        "effect": effect_data(study.people),
        "circle": circle_data(study.circle),
        "seeding": seeding_data(study.seeding),
        "groups": groups_data(study.groups),
        "warnings": [
            {
                "code": notice.code,
                "text": told.text(notice.text),
                "count": notice.count,
                "where": list(notice.where),
            }
            for notice in study.notices
        ],
        "tables": {
            name: {"rows": table.num_rows, "columns": table.column_names}
            for name, table in study.tables.items()
        },
    }
