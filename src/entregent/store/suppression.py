"""People who must not come back: recognised by keyed digests, never by their ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from entregent.store.keys import Index, row_digests

__all__ = ["Suppression", "owner"]

# Ids that hold the id of their account: AT-URIs, and post addresses below an actor's.
_OWNERS = (
    r"^(?P<network>[^:]+:)at://(?P<account>did:[^/]+)",
    r"^(?P<network>[^:]+:)(?P<account>https?://[^/]+/(?:users/|@)[^/]+)/",
)

_POST_REFERENCES = ("parent", "parent_account", "root", "quoted", "quoted_account")


def owner(ids: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Return the account id that an id holds, null where it holds none.

    >>> owner(pa.array(["bluesky:at://did:plc:a/app.bsky.feed.post/3k", "x:1"])).to_pylist()
    ['bluesky:did:plc:a', None]
    """
    found = [
        pc.binary_join_element_wise(pc.struct_field(parts, "network"), pc.struct_field(parts, "account"), "")
        for parts in (pc.extract_regex(ids, pattern) for pattern in _OWNERS)
    ]
    return pc.coalesce(*found)


class Suppression:
    """The accounts and posts of erased people.

    Parameters
    ----------
    digests : sequence of str
        32 hexadecimal digits each, made with `key`.
    key : bytes
        Key of the home.
    """

    def __init__(self, digests: Sequence[str], key: bytes) -> None:
        self._key = key
        self._index = Index(len(digests))
        pairs = np.frombuffer(b"".join(bytes.fromhex(text) for text in digests), "<u8").reshape(-1, 2)
        self._index.add(pairs.astype(np.uint64), np.zeros(len(pairs), np.int64))

    def holds(self, ids: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.bool_]:
        """Return ``(n,)``: which ids are of erased people or of their posts; False for null."""
        return self._index.holds(row_digests([ids], self._key))

    def _owned(self, ids: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.bool_]:
        return self.holds(ids) | self.holds(owner(ids))

    def admit(self, tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
        """Return the tables of a batch without what is by, or about, erased people.

        Their own records go. Acts of others towards them go: without the
        person they say nothing. Posts of others stay, but no longer refer to
        them. A raw payload goes with the record that lost anything; one of no
        single record goes where anything in the batch did.
        """
        admitted = dict(tables)
        if not len(self._index):
            return admitted
        touched: list[pa.Array | pa.ChunkedArray] = []

        def keep(name: str, refused: npt.NDArray[np.bool_], column: str = "id") -> None:
            mask = pa.array(refused)
            touched.extend(admitted[name].column(column).filter(mask).chunks)
            admitted[name] = admitted[name].filter(pc.invert(mask))

        posts = tables["posts"]
        keep("posts", self._owned(posts.column("id")) | self.holds(posts.column("account")))
        admitted["posts"] = self._unlink(admitted["posts"], touched)
        acts = tables["interactions"]
        refused = self._owned(acts.column("id")) | self._owned(acts.column("object"))
        keep("interactions", refused | self.holds(acts.column("actor")) | self.holds(acts.column("target")))
        keep("accounts", self.holds(tables["accounts"].column("id")))
        keep("observations", self._owned(tables["observations"].column("subject")), "subject")
        keep("tombstones", self._owned(tables["tombstones"].column("id")))
        raw = tables["raw"]
        refused = self._owned(raw.column("id"))
        if touched:
            lost = pa.concat_arrays(touched)
            whole = [admitted[name].column("id") for name in ("posts", "interactions", "accounts")]
            known = pa.chunked_array([chunk for column in whole for chunk in column.chunks], pa.string())
            refused |= pc.is_in(raw.column("id"), value_set=lost).to_numpy()
            # A payload of many records, such as a page of results, may hold what was lost.
            refused |= ~pc.is_in(raw.column("id"), value_set=known).to_numpy()
        keep("raw", refused)
        return admitted

    def _unlink(self, posts: pa.Table, touched: list[pa.Array | pa.ChunkedArray]) -> pa.Table:
        changed = np.zeros(posts.num_rows, np.bool_)
        for column in _POST_REFERENCES:
            held = self._owned(posts.column(column))
            if held.any():
                changed |= held
                values = pc.if_else(pa.array(held), pa.scalar(None, pa.string()), posts.column(column))
                posts = posts.set_column(
                    posts.schema.get_field_index(column), posts.schema.field(column), values
                )
        mentions = posts.column("mentions").combine_chunks()
        if self.holds(mentions.flatten()).any():
            rows = mentions.to_pylist()
            held = self.holds(mentions.flatten())
            parents = pc.list_parent_indices(mentions).to_numpy()[held]
            changed[parents] = True
            erased = set(mentions.flatten().filter(pa.array(held)).to_pylist())
            for row in np.unique(parents):
                rows[row] = [account for account in rows[row] if account not in erased]
            index = posts.schema.get_field_index("mentions")
            posts = posts.set_column(index, posts.schema.field(index), pa.array(rows, mentions.type))
        touched.extend(posts.column("id").filter(pa.array(changed)).chunks)
        return posts
