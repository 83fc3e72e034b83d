"""Effects of people against the truth of simulated worlds: coverage, abstention, false alarms, ranks.

Usage::

    python benchmarks/effect_truth.py [--worlds N] [--seed N] [--people N] [--short] [--results FILE]

The truth is the world run again with common random numbers and the person's
influence at 0. Asked about are the 15 people of each world whose acts were
followed by most adoptions, and up to 5 more without any influence. Worlds
differ in influence (0.5, 1, 2, 3 times the ordinary) and in homophily (0.8 in
three of four, 0.6 in the fourth). Special people are as rare as in a world of
ordinary size. With `--results`, finished worlds are kept and a cut run goes on.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import networkit as nk
import numpy as np
from scipy.stats import rankdata

from entregent.influence.cascades import cascades
from entregent.influence.diffusion import Diffusion, fit
from entregent.influence.effect import effects
from entregent.network.graph import to_networkit
from entregent.results import Estimate
from entregent.world import WorldSettings, collected, simulate
from entregent.world import effects as truth

INFLUENCE = (0.5, 1.0, 2.0, 3.0)
HOMOPHILY = (0.8, 0.8, 0.8, 0.6)
STRONG = 0.8
RULES = ("followers", "reposts", "pagerank", "naive")


def one(seed: int, people: int) -> list[dict]:
    """Return one row for each person asked about in one world."""
    influence, homophily = INFLUENCE[seed % 4], HOMOPHILY[seed // 4 % 4]
    settings = WorldSettings(
        seed=seed, people=people, days=60, influence=influence, homophily=homophily, gap_hours=0,
        buyers=1, groups=1, group_size=3, fast_fans=2, advocates=1,
    )  # fmt: skip
    world = simulate(settings)
    known = cascades(*collected(world))
    model = fit(known, rng=np.random.default_rng(seed))
    if not isinstance(model, Diffusion):
        return []
    code = np.array(known.accounts.to_pylist(), dtype=np.int64)
    # The brand is the one who asks.
    followed = np.where((code > 0) & (code < people), model.followed, -1)
    order = np.argsort(-followed, kind="stable")
    asked = order[:15]
    powerless = order[15:][world.population.influence[code[order[15:]]] == 0.0][:5]
    asked = np.concatenate((asked, powerless))
    found = effects(
        known,
        model,
        [known.accounts[int(p)].as_py() for p in asked],
        rng=np.random.default_rng(seed),
        draws=100,
    )
    real = truth(world, code[asked].tolist())
    acts = world.acts
    made = acts.object[(acts.kind == 3) & (acts.object >= 0)]
    reposts = np.bincount(acts.actor[made], minlength=world.population.size)
    followers = np.diff(world.population.follows.indptr)
    pagerank = np.array(
        nk.centrality.PageRank(to_networkit(model.exposure, directed=True), 0.85).run().scores()
    )
    rows = []
    for place, (answer, right) in enumerate(zip(found, real, strict=True)):
        total = answer.total
        told = isinstance(total, Estimate)
        rows.append(
            {
                "world": seed, "influence": influence, "homophily": homophily, "top": place < 15,
                "none": bool(world.population.influence[code[asked[place]]] == 0.0),
                "told": told, "why": "" if told else total.code, "truth": right.total, "direct": right.direct,
                "value": total.value if told else None, "low": total.low if told else None,
                "high": total.high if told else None,
                "direct_low": answer.direct.low if told else None,
                "direct_high": answer.direct.high if told else None,
                "design": [answer.design.low, answer.design.value, answer.design.high]
                if isinstance(answer.design, Estimate) else None,
                "placebo": [answer.placebo.low, answer.placebo.value, answer.placebo.high]
                if isinstance(answer.placebo, Estimate) else None,
                "agree": answer.agree, "naive": answer.naive, "followers": int(followers[code[asked[place]]]),
                "reposts": int(reposts[code[asked[place]]]), "pagerank": float(pagerank[asked[place]]),
            }
        )  # fmt: skip
    return rows


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Return the rank correlation, NaN where one is constant."""
    left, right = rankdata(a), rankdata(b)
    if left.std() == 0 or right.std() == 0:
        return float("nan")
    return float(np.corrcoef(left, right)[0, 1])


def report(rows: list[dict]) -> None:
    """Print the tables."""
    told = [row for row in rows if row["told"]]

    def line(name: str, part: list[dict]) -> None:
        said = [row for row in part if row["told"]]
        if not said:
            return
        held = np.mean([row["low"] <= row["truth"] <= row["high"] for row in said])
        at_once = np.mean([row["direct_low"] <= row["direct"] <= row["direct_high"] for row in said])
        low = np.mean([row["truth"] < row["low"] for row in said])
        high = np.mean([row["truth"] > row["high"] for row in said])
        width = np.mean([row["high"] - row["low"] for row in said])
        real = np.mean([row["truth"] for row in said])
        bias = np.mean([row["value"] for row in said])
        print(
            f"| {name} | {len(part)} | {100 * (1 - len(said) / len(part)):.1f} | {100 * held:.1f} "
            f"| {100 * low:.1f} | {100 * high:.1f} | {100 * at_once:.1f} | {real:.1f} | {bias:.1f} "
            f"| {np.mean([row['naive'] for row in said]):.1f} | {width:.1f} |"
        )

    worlds = sorted({row["world"] for row in rows})
    print(f"\n{len(worlds)} worlds, {len(rows)} people asked about")
    print(
        "\n| people | asked | cannot tell, % | 90 % interval holds, % | truth below, % | truth above, % "
        "| direct holds, % | truth | estimate | acted after | width |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    line("all", rows)
    line("most followed up", [row for row in rows if row["top"]])
    for influence in INFLUENCE:
        line(f"influence {influence:g}", [row for row in rows if row["influence"] == influence])
    line("no influence at all", [row for row in rows if row["none"]])

    strong = [row for row in told if row["none"] and row["homophily"] >= STRONG]
    flagged = np.mean([row["low"] > 0 for row in strong])
    print(
        f"\nWithout influence, homophily {STRONG:g}: {len(strong)} people, flagged {100 * flagged:.1f} %; "
        f"acted after: {np.mean([row['naive'] for row in strong]):.1f} each, truth 0, "
        f"estimate {np.mean([row['value'] for row in strong]):.1f}"
    )
    near = [row for row in told if row["homophily"] >= STRONG]
    print(
        f"Naive count over true direct effect, homophily {STRONG:g}: "
        f"{sum(row['naive'] for row in near) / sum(row['direct'] for row in near):.1f} times"
    )
    checked = [row for row in told if row["design"] is not None]
    held = np.mean([row["design"][0] <= row["direct"] <= row["design"][2] for row in checked])
    placebo = [row["placebo"] for row in told if row["placebo"] is not None]
    zero = np.mean([low <= 0 <= high for low, _, high in placebo])
    print(
        f"Comparison of the exposed: holds the direct truth {100 * held:.1f} %, "
        f"agrees with the model {100 * np.mean([row['agree'] for row in checked]):.1f} %; "
        f"placebo holds 0 in {100 * zero:.1f} % of {len(placebo)}, "
        f"median {np.median([p[1] for p in placebo]):.1f}"
    )
    # Each world is one draw: people of one world share their chances.
    by_world = []
    for world in worlds:
        part = [row for row in told if row["world"] == world]
        if len(part) >= 5:
            real = np.array([row["truth"] for row in part])
            by_world.append(
                [spearman(np.array([row[key] for row in part]), real) for key in ("value", *RULES)]
            )
    scores = np.array(by_world)
    scores = scores[np.isfinite(scores).all(axis=1)]
    drawn = np.random.default_rng(1).integers(0, len(scores), (4000, len(scores)))
    print("\n| order by | Spearman with the truth | ours minus it | paired 95 % lower end |")
    print("|---|---|---|---|")
    print(f"| effect | {scores[:, 0].mean():.3f} | | |")
    for place, name in enumerate(RULES, 1):
        gap = scores[:, 0] - scores[:, place]
        print(
            f"| {name} | {scores[:, place].mean():.3f} | {gap.mean():.3f} "
            f"| {np.quantile(gap[drawn].mean(axis=1), 0.05):.3f} |"
        )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--worlds", type=int, default=200)
    options.add_argument("--seed", type=int, default=20_000, help="seed of the first world")
    options.add_argument("--people", type=int, default=500)
    options.add_argument("--short", action="store_true", help="eight worlds")
    options.add_argument("--results", type=Path, help="keep finished worlds here, and go on from them")
    asked = options.parse_args()
    rows: list[dict] = []
    if asked.results and asked.results.exists():
        rows = [json.loads(line) for line in asked.results.read_text().splitlines()]
    done = {row["world"] for row in rows}
    begin = time.process_time()
    for seed in range(asked.seed, asked.seed + (8 if asked.short else asked.worlds)):
        if seed in done:
            continue
        fresh = one(seed, asked.people)
        rows += fresh
        if asked.results:
            with asked.results.open("a") as kept:
                kept.writelines(json.dumps(row) + "\n" for row in fresh)
        held = [row["low"] <= row["truth"] <= row["high"] for row in fresh if row["told"]]
        print(
            f"world {seed}: held {sum(held)} of {len(held)}, cannot tell {len(fresh) - len(held)}, "
            f"{time.process_time() - begin:.0f} CPU s",
            flush=True,
        )
    report(rows)


if __name__ == "__main__":
    main()
