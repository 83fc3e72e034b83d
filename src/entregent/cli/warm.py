"""``entregent warm``: compiles the loops once, so that no later command waits for it."""

from __future__ import annotations

import time
from importlib import import_module
from types import ModuleType

import click

from entregent.cli.progress import CommandProgress
from entregent.cli.settings import quiet

__all__ = ["LOOPS", "warm"]

LOOPS = {
    "entregent.store.keys": "entregent.store.keys:warm",
    "entregent.text.minhash": "entregent.text.minhash:warm",
    "entregent.world.kernels": "entregent.world.simulation:warm",
    "entregent.influence.judge_kernels": "entregent.influence.thresholds:warm",
    "entregent.influence.spread_kernels": "entregent.influence.spread:warm",
    "entregent.influence.diffusion_kernels": "entregent.influence.diffusion:warm",
    "entregent.authenticity.groups_kernels": "entregent.authenticity.groups:warm",
    "entregent.influence.effect_kernels": "entregent.influence.effect:warm",
    "entregent.authenticity.kernels": "entregent.authenticity.coaction:warm",
    "entregent.authenticity.stream": "entregent.authenticity.stream:warm",
    "entregent.listening.alert_kernels": "entregent.listening.alerts:warm",
    "entregent.listening.match_kernels": "entregent.listening.match:warm",
}
"""File with compiled loops to the function that runs them once on next to nothing."""


def _kept(module: ModuleType) -> bool:
    """Return whether there is a place where the compiled loops of a file are kept."""
    from numba.core.dispatcher import Dispatcher

    return all(loop.stats.cache_path for loop in vars(module).values() if isinstance(loop, Dispatcher))


@click.command("warm")
@quiet
def warm(quiet: bool) -> None:
    """Compile now what would be compiled at first use, so that no later command waits for it.

    Loops over millions of rows are compiled for this machine when they first run, and kept.
    This runs each of them on next to nothing. It takes up to half a minute the first time and
    after an update, and a second or two where all is ready.

    \b
    Examples:
      entregent warm
    """
    begin = time.monotonic()
    rows = []
    made, kept = 0, True
    with CommandProgress(quiet=quiet) as progress:
        progress.step("Getting the compiler ready")
        from numba.core import event

        from entregent.progress import check

        for number, (place, called) in enumerate(LOOPS.items(), 1):
            check(progress)
            name = place.removeprefix("entregent.")
            progress.step(f"Loops, file {number} of {len(LOOPS)}: {name}")
            module, _, function = called.partition(":")
            started = time.monotonic()
            work = getattr(import_module(module), function)
            with event.install_recorder("numba:compile") as compiled:
                work()
            made += bool(compiled.buffer)
            kept &= _kept(import_module(place))
            state = "compiled" if compiled.buffer else "ready"
            rows.append(f"{time.monotonic() - started:6.1f} s  {state:8}  {name}")
    for row in rows:
        click.echo(row)
    took = f"{time.monotonic() - begin:.1f} s"
    if not made:
        click.echo(f"Warm: the loops of all {len(LOOPS)} files were ready ({took}).")
    elif kept:
        click.echo(f"Warm: the loops of {made} of {len(LOOPS)} files were compiled and kept ({took}).")
    else:
        click.echo(
            f"Not kept: no folder can be written for it ({took}). Set NUMBA_CACHE_DIR to one that can."
        )
