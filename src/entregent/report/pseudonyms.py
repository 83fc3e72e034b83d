"""A study for sharing: names give way to pseudonyms that only the holder of the key can undo.

Texts, addresses and names of posts are left out with the names: a search
engine finds the author of a quoted sentence in seconds.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import replace
from urllib.parse import urlsplit

import pyarrow as pa

from entregent.errors import InputError
from entregent.report.effect import EffectPart
from entregent.report.groups import GroupsPart
from entregent.report.influence import CirclePart
from entregent.report.model import NetworkPicture, Overlap, Study, TopItem
from entregent.results import CannotTell

__all__ = ["pseudonym", "pseudonymise"]

_NAMING_COLUMNS = frozenset(
    {
        *("account", "actor", "handle", "id", "listener", "member", "speaker", "subject", "target", "with"),
        *("object", "parent", "post", "quoted", "root"),
    }
)
_OPEN_COLUMNS = frozenset(
    {
        "basis",
        "cannot_tell",
        "caution",
        "code",
        "exposure",
        "grade",
        "hashtag",
        "hashtags",
        "kind",
        "lang",
        "language",
        "level",
        "method",
        "metric",
        "network",
    }
)


def pseudonym(account: str, key: bytes) -> str:
    """Return the pseudonym of an account id, the same wherever the key is the same.

    Parameters
    ----------
    account : str
        Stable id of the account.
    key : bytes
        Secret; at least 16 bytes.

    Returns
    -------
    str
        ``p-`` and eight letters or digits: 40 bits of HMAC-SHA256.

    Raises
    ------
    InputError
        Where the key is shorter than 16 bytes.

    Examples
    --------
    >>> key = b"0123456789abcdef"
    >>> pseudonym("bluesky:did:plc:a", key) == pseudonym("bluesky:did:plc:b", key)
    False
    """
    if len(key) < 16:
        raise InputError(f"The key of the pseudonyms has {len(key)} bytes.", valid=("16 bytes or more",))
    digest = hmac.new(key, account.encode(), hashlib.sha256).digest()
    return "p-" + base64.b32encode(digest[:5]).decode().lower()


def pseudonymise(study: Study, key: bytes) -> Study:
    """Return the study with every account under a pseudonym and no text or address that leads to one.

    Parameters
    ----------
    study : Study
    key : bytes
        Secret kept by whoever made the study.

    Returns
    -------
    Study
        ``pseudonymised`` is True. Numbers, times, kinds, languages and
        hashtags stay; links keep their host only. Of the tables, columns of
        accounts hold pseudonyms and other columns of text are dropped.

    Notes
    -----
    This is pseudonymisation, not anonymity: times and numbers can still point
    to somebody who is known to have posted then.
    """
    known = _known_handles(study)

    def name(account: str) -> str:
        return pseudonym(known.get(account, account), key)

    people = tuple(
        replace(
            person,
            id=name(person.id),
            handle=name(person.id),
            name=None,
            url=None,
            declared=None,
            effect=_effect(person.effect, name),
            evidence=tuple(
                replace(evidence, id=pseudonym(evidence.id, key), text=None, url=None)
                for evidence in person.evidence
            ),
        )
        for person in study.people
    )
    said = replace(
        study.said,
        top_posts=tuple(_post(item, name) for item in study.said.top_posts),
        top_links=tuple(_link(item) for item in study.said.top_links),
        top_speakers=tuple(
            replace(speaker, id=name(speaker.id), handle=name(speaker.id), name=None, url=None)
            for speaker in study.said.top_speakers
        ),
    )
    network, overlap, circle = study.network, study.overlap, study.circle
    if isinstance(circle, CirclePart):
        circle = replace(
            circle,
            members=tuple(replace(one, id=name(one.id), handle=name(one.id)) for one in circle.members),
        )
    if isinstance(network, NetworkPicture):
        network = replace(
            network,
            nodes=tuple(replace(node, id=name(node.id), handle=name(node.id)) for node in network.nodes),
        )
    if isinstance(overlap, Overlap):
        overlap = replace(overlap, handles=tuple(name(handle) for handle in overlap.handles))
    return replace(
        study,
        pseudonymised=True,
        facts=(),
        people=people,
        said=said,
        network=network,
        overlap=overlap,
        circle=circle,
        groups=_groups(study.groups, name),
        communities=tuple(
            replace(community, speakers=tuple(name(speaker) for speaker in community.speakers))
            for community in study.communities
        ),
        tables=_tables(study.tables, name),
    )


def _groups(
    part: GroupsPart | CannotTell | None, name: Callable[[str], str]
) -> GroupsPart | CannotTell | None:
    if not isinstance(part, GroupsPart):
        return part
    groups = []
    for group in part.groups:
        # A tie in somebody's words may name an employer; that there is one may be told.
        members = tuple(
            replace(one, id=name(one.id), handle=name(one.id), tie=one.tie and "\u2013")
            for one in group.members
        )
        bursts = tuple(
            replace(burst, object=_kind(burst.object) + name(burst.object), text=None, url=None)
            for burst in group.bursts
        )
        acts = tuple(
            replace(act, account=name(act.account), object=_kind(act.object) + name(act.object))
            for act in group.acts
        )
        groups.append(replace(group, members=members, bursts=bursts, acts=acts))
    return replace(part, groups=tuple(groups))


def _kind(object: str) -> str:
    return object.partition(":")[0] + ":"


def _known_handles(study: Study) -> dict[str, str]:
    """Return ids by handle, so that an account has one pseudonym under both."""
    known = {person.handle: person.id for person in study.people}
    known.update((speaker.handle, speaker.id) for speaker in study.said.top_speakers)
    if isinstance(study.network, NetworkPicture):
        known.update((node.handle, node.id) for node in study.network.nodes)
    for table in study.tables.values():
        names = table.column_names
        ids = next((column for column in ("account", "id") if column in names), None)
        if ids is not None and "handle" in names:
            pairs = zip(table["handle"].to_pylist(), table[ids].to_pylist(), strict=True)
            known.update((handle, account) for handle, account in pairs if handle and account)
    return known


def _effect(part: EffectPart | None, name: Callable[[str], str]) -> EffectPart | None:
    if part is None:
        return None
    return replace(
        part,
        id=name(part.id),
        handle=name(part.id),
        posts=tuple(replace(post, id=name(post.id), text=None, url=None) for post in part.posts),
        moved=tuple(replace(one, id=name(one.id), handle=name(one.id)) for one in part.moved),
    )


def _post(item: TopItem, name: Callable[[str], str]) -> TopItem:
    account = item.account and name(item.account)
    return replace(item, key=name(item.key), text=None, url=None, account=account)


def _link(item: TopItem) -> TopItem:
    host = urlsplit(item.url or item.key).hostname or "?"
    return replace(item, key=host, text=None, url=None)


def _tables(tables: Mapping[str, pa.Table], name: Callable[[str], str]) -> dict[str, pa.Table]:
    return {title: _table(table, name) for title, table in tables.items()}


def _table(table: pa.Table, name: Callable[[str], str]) -> pa.Table:
    columns = {}
    for field in table.schema:
        column = table[field.name]
        if not _holds_text(field.type):
            columns[field.name] = column
        elif field.name in _NAMING_COLUMNS or field.name.endswith(("_account", "_id")):
            columns[field.name] = _renamed(column, name)
        elif field.name in _OPEN_COLUMNS:
            columns[field.name] = column
    return pa.table(columns)


def _holds_text(kind: pa.DataType) -> bool:
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _holds_text(kind.value_type)
    numeric = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    return not (numeric or pa.types.is_temporal(kind) or pa.types.is_null(kind))


def _renamed(column: pa.ChunkedArray, name: Callable[[str], str]) -> pa.ChunkedArray:
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        values = [value and [part and name(part) for part in value] for value in column.to_pylist()]
        return pa.chunked_array([values], pa.list_(pa.string()))
    coded = column.cast(pa.string()).combine_chunks().dictionary_encode()
    names = pa.array([name(value) for value in coded.dictionary.to_pylist()], pa.string())
    return pa.chunked_array([names.take(coded.indices)], pa.string())
