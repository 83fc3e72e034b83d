"""Everything that Entregent raises on purpose.

::

    EntregentError
    ├── ConfigError            a setting is unknown or has a bad value
    ├── InputError             what was given cannot be used
    │   ├── UnknownFormat      a file is none of the formats known
    │   ├── MappingError       columns of a table cannot be told apart
    │   └── QueryError         a query cannot be parsed
    ├── OutputError            a result cannot be written where asked
    ├── SourceError            a source of posts failed
    │   ├── TransientError     trying again later may succeed
    │   └── PermanentError     trying again will not help
    ├── StoreError             the archive cannot be used
    │   └── ArchiveLocked      another process is writing to it
    ├── MissingExtra           an optional package is not installed
    └── Cancelled              the caller asked long work to stop

A message says what happened, with which value, what is valid, and what to do
next. :class:`EntregentError` joins those parts so that every message has the
same shape.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = [
    "ArchiveLocked",
    "Cancelled",
    "ConfigError",
    "EntregentError",
    "InputError",
    "MappingError",
    "MissingExtra",
    "OutputError",
    "PermanentError",
    "QueryError",
    "SourceError",
    "StoreError",
    "TransientError",
    "UnknownFormat",
]


class EntregentError(Exception):
    """Root of the tree.

    Parameters
    ----------
    what : str
        What happened, naming the value at fault.
    where : str, optional
        File, line, column or setting.
    valid : iterable of str, optional
        The values that would have been accepted.
    do : str, optional
        What to do next, as a sentence.
    """

    exit_code = 1

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        valid: Iterable[str] | None = None,
        do: str | None = None,
    ) -> None:
        self.what = what
        self.where = where
        self.valid = tuple(valid) if valid is not None else None
        self.do = do
        super().__init__(what)

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        if self.valid is not None:
            text += f" Valid: {', '.join(self.valid)}."
        if self.do:
            text += f" {self.do}"
        return text


class ConfigError(EntregentError):
    """A setting is unknown or has a bad value."""

    exit_code = 3


class InputError(EntregentError):
    """What was given cannot be used."""

    exit_code = 4


class UnknownFormat(InputError):
    """A file is none of the formats known."""


class MappingError(InputError):
    """The columns of a table cannot be told apart."""


class QueryError(InputError):
    """A query cannot be parsed."""


class OutputError(EntregentError):
    """A result cannot be written where asked."""

    exit_code = 5


class SourceError(EntregentError):
    """A source of posts failed."""

    exit_code = 6


class TransientError(SourceError):
    """Trying again later may succeed.

    Parameters
    ----------
    retry_after : float, optional
        Seconds that the server asks to wait; the others are those of every error.
    """

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        valid: Iterable[str] | None = None,
        do: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(what, where=where, valid=valid, do=do)
        self.retry_after = retry_after


class PermanentError(SourceError):
    """Trying again will not help."""


class StoreError(EntregentError):
    """The archive cannot be used."""

    exit_code = 7


class ArchiveLocked(StoreError):
    """Another process is writing to the archive."""


class MissingExtra(EntregentError):
    """An optional package is not installed."""

    exit_code = 8


class Cancelled(EntregentError):
    """The caller asked long work to stop."""

    exit_code = 130
