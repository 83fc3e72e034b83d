"""``entregent serve``: the platform in the browser."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

import click

from entregent.cli.settings import quiet, settings, with_flags

__all__ = ["serve"]


@click.command("serve")
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to listen at; 0.0.0.0 is every network."
)
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen at.  [default: of web_address]")
@settings("home", "lang", "zone")
@quiet
def serve(
    host: str, port: int | None, home: Path | None, lang: str | None, zone: str | None, quiet: bool
) -> None:
    """Open the platform for a team.

    Needs nothing beside: its tables are in the home, or in PostgreSQL where
    `database` is set. The first start prints a link by which the owner
    enters; it works once. Behind a proxy, set `web_address` to the address
    that people type. Ctrl-C stops it.

    \b
    Examples:
      entregent serve
      entregent serve --port 9000
      ENTREGENT_DATABASE=postgresql:///entregent entregent serve
    """
    settled = with_flags(home=home, lang=lang, zone=zone)
    # Django reads the settings by itself: it is told of the flags through the environment.
    os.environ |= {
        "ENTREGENT_HOME": str(settled.home),
        "ENTREGENT_LANG": settled.lang,
        "ENTREGENT_ZONE": settled.zone,
    }
    address = urlsplit(settled.web_address)
    own_port = address.port or (443 if address.scheme == "https" else 80)
    if port is not None and port != own_port and address.hostname in ("localhost", "127.0.0.1", "::1"):
        os.environ["ENTREGENT_WEB_ADDRESS"] = f"{address.scheme}://{address.hostname}:{port}"

    from entregent.web import running

    running.prepare()
    link = running.first_link()

    def started() -> None:
        if quiet:
            return
        shown = os.environ.get("ENTREGENT_WEB_ADDRESS", settled.web_address)
        click.echo(f"Entregent answers at {shown}", err=True)
        click.echo("Ctrl-C stops it.", err=True)

    if link is not None:
        click.echo("Nobody may sign in yet. This link makes you the owner; it works once:")
        click.echo(f"\n  {link}\n")
    running.serve(host, port or own_port, started=started)
