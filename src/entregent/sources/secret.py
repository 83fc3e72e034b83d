"""Secrets: named in the settings, kept elsewhere, never shown."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from entregent.errors import ConfigError

__all__ = ["Secret", "secret"]

_WAYS = ("env:NAME of a variable of the environment", "file:PATH of a file that holds nothing else")


@dataclass(frozen=True)
class Secret:
    """A secret and where it came from; only :meth:`reveal` shows it."""

    origin: str
    _value: str = field(repr=False)

    def reveal(self) -> str:
        """Return the secret itself, for the one request that needs it."""
        return self._value


def secret(told: str, *, where: str, environ: Mapping[str, str] | None = None) -> Secret:
    """Fetch a secret from where the settings say that it lies.

    Parameters
    ----------
    told : str
        ``env:NAME`` or ``file:PATH``. The secret itself is refused: settings
        are copied, shown and kept under version control.
    where : str
        Setting that names it, for messages.
    environ : mapping, optional
        ``os.environ`` unless told.

    Returns
    -------
    Secret

    Raises
    ------
    ConfigError
        Where it is not named in this way, or not there. The message never
        holds what was given.

    Examples
    --------
    >>> secret("env:X_TOKEN", where="sources.x.token", environ={"X_TOKEN": "s3cret"})
    Secret(origin='env:X_TOKEN')
    """
    way, _, name = told.partition(":")
    if way == "env" and name:
        value = (os.environ if environ is None else environ).get(name, "").strip()
        if not value:
            raise ConfigError(
                f"The variable {name} is not set.", where=where, do=f"Set {name} before starting Entregent."
            )
        return Secret(told, value)
    if way == "file" and name:
        path = Path(name).expanduser()
        try:
            value = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"The file {path} cannot be read: {type(error).__name__}.",
                where=where,
                do="Put the secret alone into this file, readable by this user only.",
            ) from error
        if not value:
            raise ConfigError(f"The file {path} is empty.", where=where, do="Put the secret into it.")
        return Secret(told, value)
    raise ConfigError(
        "A secret is not written into the settings.",
        where=where,
        valid=_WAYS,
        do="If it was, take it out and have a new one made.",
    )
