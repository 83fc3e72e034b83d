"""The key of the platform: signs sessions, and hides the secrets that are kept in the database."""

from __future__ import annotations

import base64
import os
import secrets
from hashlib import sha256
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from entregent.errors import ConfigError

__all__ = ["hide", "make_key", "read_key", "show"]

VARIABLE = "ENTREGENT_SECRET_KEY"
FILE = "secret.key"
_LEAST = 32


def make_key(home: Path) -> None:
    """Make the key of a home, where neither it nor the environment has one.

    Parameters
    ----------
    home : Path
        ``Config.home``; made where it does not exist.

    Raises
    ------
    ConfigError
        Where the file cannot be written.
    """
    path = home / FILE
    if VARIABLE in os.environ or path.exists():
        return
    try:
        home.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        # Another process of the same start made it meanwhile.
        return
    except OSError as error:
        raise _unusable(path, error) from error
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(48))


def read_key(home: Path) -> str:
    """Return the key from the environment, or from its file in the home.

    Parameters
    ----------
    home : Path
        ``Config.home``.

    Returns
    -------
    str
        Empty where there is none yet: Django refuses to work then.

    Raises
    ------
    ConfigError
        Where the key is too short to protect anything, or its file cannot be read.
    """
    path = home / FILE
    given = os.environ.get(VARIABLE)
    if given is None:
        try:
            given = path.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            return ""
        except (OSError, UnicodeDecodeError) as error:
            raise _unusable(path, error) from error
    if len(given) < _LEAST:
        raise ConfigError(
            f"The key of the platform has {len(given)} characters.",
            where=VARIABLE if VARIABLE in os.environ else str(path),
            valid=(f"{_LEAST} random characters or more",),
        )
    return given


def _unusable(path: Path, error: Exception) -> ConfigError:
    return ConfigError(
        f"The key of the platform cannot be used: {error}.",
        where=str(path),
        do=f"Give it in the environment as {VARIABLE}, or check the permissions of the file.",
    )


def _cipher(key: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(sha256(b"entregent secrets " + key.encode()).digest()))


def hide(secret: str, key: str) -> str:
    """Return a secret as it may lie in a database.

    Parameters
    ----------
    secret : str
    key : str
        From :func:`read_key`.

    Returns
    -------
    str

    Examples
    --------
    >>> hidden = hide("a token", "k" * 32)
    >>> "token" in hidden, show(hidden, "k" * 32)
    (False, 'a token')
    """
    return _cipher(key).encrypt(secret.encode()).decode()


def show(hidden: str, key: str) -> str:
    """Return a secret that :func:`hide` has hidden.

    Parameters
    ----------
    hidden : str
    key : str

    Returns
    -------
    str

    Raises
    ------
    ConfigError
        Where it was hidden with another key.
    """
    try:
        return _cipher(key).decrypt(hidden.encode()).decode()
    except InvalidToken as error:
        raise ConfigError(
            "A secret was kept with another key.",
            where=VARIABLE,
            do="Give the key it was kept with, or enter the secret again.",
        ) from error
