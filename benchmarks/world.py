"""How fast the simulated world is made and written, and what the truth costs.

python benchmarks/world.py                    100,000 people, 5 million events, the aim: two minutes
python benchmarks/world.py --people 5000 --format x
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from entregent.world import FORMATS, WorldSettings, effects, simulate, write


class Steps:
    """Progress that keeps the seconds of every step."""

    def __init__(self) -> None:
        self.seconds: list[tuple[str, float, float]] = []
        self.open: tuple[str, float, float] | None = None

    def step(self, name: str, total: int | None = None, unit: str = "") -> None:  # noqa: ARG002
        self.close()
        self.open = (name, time.perf_counter(), time.process_time())

    def close(self) -> None:
        if self.open is not None:
            name, wall, cpu = self.open
            self.seconds.append((name, time.perf_counter() - wall, time.process_time() - cpu))
        self.open = None

    def advance(self, amount: int, note: str = "") -> None:
        """Count nothing."""

    def cancelled(self) -> bool:
        return False


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--people", type=int, default=100_000)
    options.add_argument("--days", type=int, default=90)
    options.add_argument("--format", choices=FORMATS, default="jetstream")
    options.add_argument("--seed", type=int, default=7)
    options.add_argument("--short", action="store_true", help="a tenth of the people")
    asked = options.parse_args()
    if asked.short:
        asked.people //= 10

    steps = Steps()
    wall, cpu = time.perf_counter(), time.process_time()
    settings = WorldSettings(people=asked.people, days=asked.days, seed=asked.seed, posts_per_month=1.4)
    world = simulate(settings, progress=steps)
    with tempfile.TemporaryDirectory() as place:
        written = write(world, Path(place) / "world", asked.format, progress=steps)
        size = written.bytes
    steps.close()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    for name, seconds, busy in steps.seconds:
        print(f"{seconds:8.1f} s  {busy:8.1f} CPU s  {name}")
    print(f"{wall:8.1f} s  {cpu:8.1f} CPU s  in all, the first call's compilation included")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    acts, likes = world.acts.item.size, world.likes.actor.size
    print(
        f"{world.events:,} events ({acts:,} acts, {likes:,} likes, "
        f"{world.events - acts - likes:,} follows), {world.exposures:,} exposures; "
        f"{written.lines:,} lines, {size / 1e9:.2f} GB; {world.events / wall:,.0f} events/s; "
        f"peak {memory:.2f} GiB"
    )
    top = np.argsort(-world.caused())[:50]
    begin = time.perf_counter()
    found = effects(world, top.tolist())
    seconds = time.perf_counter() - begin
    begin = time.perf_counter()
    simulate(settings, without=int(top[0]))
    whole = time.perf_counter() - begin
    print(
        f"truth for one person: {seconds / 50 * 1000:.0f} ms on that person's items, "
        f"{whole * 1000:.0f} ms by a whole second run ({whole / (seconds / 50):.0f} times)"
    )
    naive = world.caused()[top].sum()
    print(f"effects of the 50: {sum(one.total for one in found):,} adoptions; caused at once: {naive:,}")


if __name__ == "__main__":
    main()
