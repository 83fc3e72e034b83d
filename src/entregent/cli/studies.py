"""``entregent studies``: the register of studies that were made."""

from __future__ import annotations

from pathlib import Path

import click

from entregent.cli.listing import print_rows
from entregent.cli.settings import list_format, settings, with_flags

__all__ = ["studies"]

COLUMNS = ("made_at", "expires", "title", "purpose", "topic", "pseudonymised", "paths", "id")


@click.command("studies")
@click.option("--holding", metavar="ACCOUNT", help="Only those that hold this account, such as x:12345.")
@settings("home")
@list_format
def studies(holding: str | None, home: Path | None, form: str) -> None:
    """List the studies that were made here, and which of them hold a person.

    A study names people, so each one is entered in a register with its
    purpose and its expiry date. The register holds no names: a keyed hash
    tells whether an account is in a study.

    \b
    Examples:
      entregent studies
      entregent studies --holding bluesky:did:plc:ewvi7nxzyoun6zhxrhs64oiz
      entregent studies --format csv > studies.csv
    """
    settled = with_flags(home=home)
    from entregent.store.state import State

    if not settled.home.exists():
        # A question must not make a home.
        print_rows(COLUMNS, [], form)
        click.echo(f"No study was made here yet: there is no {settled.home.absolute()}.", err=True)
        return
    with State.open(settled.home, writable=False) as state:
        found = state.studies_holding(holding) if holding else state.studies()
    print_rows(
        COLUMNS,
        [
            {
                **{name: getattr(study, name) for name in COLUMNS},
                "made_at": study.made_at.isoformat(timespec="seconds"),
                "expires": study.expires.isoformat(),
            }
            for study in found
        ],
        form,
    )
