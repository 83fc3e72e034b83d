"""``entregent influence``: who is heard, what a person changes, who together, few or many."""

from __future__ import annotations

import click

from entregent.cli.influence_circle import circle
from entregent.cli.influence_effect import effect
from entregent.cli.influence_rank import rank
from entregent.cli.influence_seeding import seeding

__all__ = ["influence"]


@click.group("influence")
def influence() -> None:
    """Ask who is heard, what a person changes, who together reach most, and whether few or many.

    Each question takes the same files as a study, or a graph with chances.

    \b
    Examples:
      entregent influence rank posts.jsonl --top 20
      entregent influence effect posts.jsonl --edges follows.csv --person x:12345
      entregent influence circle posts.jsonl --edges follows.csv --k 10
      entregent influence seeding posts.jsonl --fixed 100 --per-follower 0.02 --budget 5000
    """


influence.add_command(rank)
influence.add_command(effect)
influence.add_command(circle)
influence.add_command(seeding)
