"""Starting the platform: its tables, its first link, its server."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

import django
from django.core.management import call_command

from entregent.config import load
from entregent.errors import ConfigError
from entregent.web.keys import make_key

__all__ = ["first_link", "prepare", "serve"]

SETTINGS = "entregent.web.settings"
_STOP_SECONDS = 2


def prepare() -> None:
    """Set Django up and bring the tables of the platform to the present form.

    Raises
    ------
    ConfigError
        Where the database cannot be reached.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", SETTINGS)
    # What is made here is read by nobody else on this machine.
    os.umask(0o077)
    make_key(load().home)
    django.setup()
    from django.conf import settings
    from django.db.utils import OperationalError

    settings.ENTREGENT.home.mkdir(parents=True, exist_ok=True)
    try:
        call_command("migrate", verbosity=0, interactive=False)
        call_command("createcachetable", verbosity=0)
    except OperationalError as error:
        raise ConfigError(
            f"The database of the platform cannot be used: {str(error).splitlines()[0]}.",
            where="database",
            do="Check that it runs, and its address in the settings.",
        ) from error


def first_link() -> str | None:
    """Return the address by which the owner enters, None where there is one already.

    Returns
    -------
    str, or None
    """
    from django.conf import settings
    from django.urls import reverse

    from entregent.web.team import service

    if service.has_owner():
        return None
    address: str = settings.ENTREGENT.web_address
    return address + reverse("welcome", args=[service.first_link()])


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise ConfigError(
            f"Port {port} of {host} cannot be used: {error.strerror}.",
            where="--port",
            do="Choose another port, or stop what uses this one.",
        ) from error
    return listening


def serve(host: str, port: int, *, started: Callable[[], None] | None = None) -> None:
    """Answer browsers until the process is told to stop.

    Parameters
    ----------
    host : str
        Address to listen at.
    port : int
    started : callable, optional
        Called once it listens.

    Raises
    ------
    ConfigError
        Where the port cannot be used.
    """
    import uvicorn

    from entregent.web.asgi import application

    listening = _listening(host, port)
    config = uvicorn.Config(
        application,
        lifespan="off",
        log_level="warning",
        server_header=False,
        # An open stream of events must not keep the process from stopping.
        timeout_graceful_shutdown=_STOP_SECONDS,
    )
    if started is not None:
        started()
    with listening:
        uvicorn.Server(config).run(sockets=[listening])
