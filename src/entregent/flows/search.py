"""Searching the archive: the words narrow, the query decides, as it does of what comes in."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from entregent.clock import Period
from entregent.listening.atoms import Candidate, Field
from entregent.listening.columns import candidates_of
from entregent.listening.narrow import needed
from entregent.listening.query import Query, Why
from entregent.progress import Progress
from entregent.store import fulltext
from entregent.store.archive import Archive
from entregent.store.search import Found, find

__all__ = ["Results", "search"]

_OF_AUTHORS = ("handle", "followers")


class _Authors:
    """What was known of authors at the end of a period: it is the same for all their posts."""

    def __init__(self, archive: Archive, period: Period) -> None:
        self._archive = archive
        self._period = period

    @cached_property
    def handle(self) -> tuple[pa.Array, pa.Array]:
        known = self._archive.scan("accounts", ["id", "handle"]).read_all()
        return known.column("id").combine_chunks(), known.column("handle").combine_chunks()

    @cached_property
    def followers(self) -> tuple[pa.Array, pa.Array]:
        seen = self._archive.scan(
            "latest_observations", ["subject", "subject_kind", "metric", "value"], self._period
        ).read_all()
        told = pc.and_(
            pc.equal(seen.column("subject_kind"), "account"), pc.equal(seen.column("metric"), "followers")
        )
        known = seen.filter(told)
        return known.column("subject").combine_chunks(), known.column("value").combine_chunks()

    def beside(self, posts: pa.Table, names: tuple[str, ...]) -> pa.Table:
        """Return posts with what is known of their authors."""
        for name in names:
            ids, values = getattr(self, name)
            places = pc.index_in(posts.column("account"), value_set=ids)
            posts = posts.append_column(name, values.take(places.combine_chunks()))
        return posts


@dataclass(frozen=True)
class Results:
    """What a search found.

    Parameters
    ----------
    query : Query
    found : Found
        All posts, newest first.
    """

    query: Query
    found: Found
    _authors: _Authors

    def __len__(self) -> int:
        return len(self.found)

    def posts(self, most: int | None = None) -> pa.Table:
        """Return the newest, with the handles and followers of their authors.

        Parameters
        ----------
        most : int, optional
            All unless told.

        Returns
        -------
        pyarrow.Table
            Columns as in :func:`entregent.records.schema`, and ``handle`` and
            ``followers``.
        """
        return self._authors.beside(self.found.posts(most), _OF_AUTHORS)

    def why(self, posts: pa.Table) -> list[Why]:
        """Say what decided of each post that :meth:`posts` returned.

        Parameters
        ----------
        posts : pyarrow.Table

        Returns
        -------
        list of Why
        """
        return [self.query.why(post) for post in candidates_of(posts)]


def search(
    archive: Archive,
    query: Query,
    period: Period | None = None,
    *,
    index: bool = True,
    progress: Progress | None = None,
) -> Results:
    """Find the posts that a query matches.

    Parameters
    ----------
    archive : Archive
    query : Query
    period : Period, optional
        As for :meth:`Archive.connection`.
    index : bool
        Whether to index first what is not indexed yet.
    progress : Progress, optional

    Returns
    -------
    Results
        The same posts as :meth:`Query.match_table` says of all posts of the
        archive, and a :class:`~entregent.listening.match.Matcher`, given
        what was known of their authors at the end of the period.

    Raises
    ------
    StoreError
        Where a segment is missing or damaged.
    """
    asked = {name for atom in query.atoms if isinstance(atom, Field) for name in atom.columns}
    of_posts = [field.name for field in fields(Candidate) if field.name not in _OF_AUTHORS]
    columns = [name for name in of_posts if name == "text" or name in asked]
    of_authors = tuple(name for name in _OF_AUTHORS if name in asked)
    authors = _Authors(archive, period or Period())
    words = needed(query)
    if index and words is not None:
        fulltext.index(archive.home, archive.state, archive.segments("posts"), progress)

    def decide(posts: pa.Table) -> pa.BooleanArray:
        return query.match_table(authors.beside(posts, of_authors))

    found = find(archive, decide, columns=columns, needed=words, period=period, progress=progress)
    return Results(query, found, authors)
