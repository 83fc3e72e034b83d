"""A study as rich and as awkward as real ones: both languages, long names, right-to-left, hidden, silent."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa

from entregent.clock import Period
from entregent.i18n import N, T
from entregent.network.layout import anchors, radius
from entregent.report.effect import CarryingPost, EffectPart, MovedPerson
from entregent.report.influence import (
    CircleMember,
    CirclePart,
    Moves,
    SeedingFlip,
    SeedingGroup,
    SeedingPart,
)
from entregent.report.model import (
    Community,
    CoverageCheck,
    Evidence,
    Gap,
    Known,
    NetworkNode,
    NetworkPicture,
    Overlap,
    Person,
    Said,
    Share,
    Slot,
    Speaker,
    Study,
    TopItem,
)
from entregent.results import CannotTell, Estimate, InputFile, Notice, Provenance

__all__ = ["empty_study", "study"]

START = datetime(2024, 3, 4, tzinfo=UTC)
DAYS = 62

NAMES = (
    ("Léa Martin", "lea.martin.bsky.social"),
    ("Collectif des usagères et usagers des transports du Grand Ouest métropolitain", "usagers-grand-ouest"),
    ("محمد الفاسي", "الفاسي_محمد"),
    ("Jean-Baptiste O’Connor 🚲", "jbo"),
    (None, "velo_quotidien"),
    ("Aïcha N’Diaye", "aichandiaye"),
    ("L’Atelier du Bœuf 🥖🧀", "atelier-boeuf"),
    ("Marie-Ève Tremblay-Beauchemin", "me.tremblay"),
    ("🚲🌧️🌈", "pluieetvelo"),
    ("Dr Karl Müller-Lüdenscheidt", "karlml"),
    ("Fatou", "fatou"),
    ("The Very Long Display Name of a Person Who Could Not Stop Typing When Asked for It", "verylong"),
    ("Zoë", "zoe_"),
    ("東京サイクリング", "tokyocycling"),
    (None, "a" * 64),
)
TEXTS = (
    "La nouvelle ligne est enfin ouverte, et c’est un vrai plaisir de pouvoir poser son vélo en gare sans "
    "craindre le vol. Merci à celles et ceux qui se sont battus dix ans pour ça 🚲 #VéloEnGare",
    "We measured it: 14 minutes door to door, against 31 by car. Thread with the numbers below ⬇️",
    "Est-ce que quelqu’un sait pourquoi le parking sécurisé est fermé depuis mardi ?\n"
    "Le guichet n’en sait rien.",
    "Honestly? Great idea, poorly explained. The app still shows the old prices.",
    "مرحبا بالجميع، افتتاح الخط الجديد اليوم",
    "Compte rendu de la réunion publique : tout est dans le document, y compris les questions restées sans "
    "réponse. Dites-nous ce qui manque.",
)


def _heard(rng: np.random.Generator, centre: float, posts: int) -> Estimate:
    spread = 1.1 / math.sqrt(posts)
    value = centre * math.exp(rng.normal(0, 0.05))
    return Estimate(
        value=value,
        low=value * math.exp(-1.645 * spread),
        high=value * math.exp(1.645 * spread),
        level=0.9,
        n=posts,
        method="gamma-poisson",
        as_of=START + timedelta(days=DAYS),
    )


def _silent() -> CannotTell:
    return CannotTell(
        "heard.few_posts",
        T("This person has a single post on the topic."),
        T("At least two posts are needed."),
    )


def _evidence(rng: np.random.Generator, handle: str, number: int, centre: float) -> Evidence:
    people = max(1, int(centre * (1 + 3 * rng.random())))
    return Evidence(
        id=f"bluesky:at://did:plc:{handle}/app.bsky.feed.post/{number}",
        time=START + timedelta(hours=float(rng.uniform(0, 24 * DAYS))),
        text=TEXTS[(number + len(handle)) % len(TEXTS)],
        url=f"https://bsky.app/profile/{handle[:20]}/post/{number}",
        people=people,
        kinds={"repost": max(1, people // 2), "reply": people // 3, "quote": people // 6},
    )


def _effect(rng: np.random.Generator, index: int, handle: str) -> EffectPart | None:
    """Thirty are asked about; every fourth cannot be told, one placebo is not 0, one disagrees."""
    account = f"bluesky:did:plc:{index:04d}"
    if index >= 30:
        return None
    if index % 4 == 3:
        why = CannotTell("effect.too_few_items", T("There is one item."), T("Four more items."))
        return EffectPart.silent(account, handle, why, "follows")
    luck = np.random.default_rng(index)
    value = float(luck.lognormal(2.5, 0.8))

    def about(middle: float, width: float) -> Estimate:
        return Estimate(middle, middle - width, middle + width, 0.9, 40, "removal")

    design = CannotTell("effect.too_few_items", T("There is one item."), T("Four more items."))
    return EffectPart(
        account,
        handle,
        Estimate(value, 0.0 if index % 3 else 0.7 * value, 1.4 * value, 0.9, 40, "removal"),
        about(0.8 * value, 0.3 * value),
        design if index == 8 else about(0.7 * value, 0.6 * value),
        about(3.0, 1.0) if index == 2 else about(0.4, 2.0),
        None if index == 8 else index != 5,
        None if index == 8 else 2.4,
        None if index == 8 else 1.0 + 0.1 * (index % 3),
        40,
        12,
        31,
        "follows",
        tuple(
            CarryingPost(
                f"bluesky:at://did:plc:{handle}/app.bsky.feed.post/{number}",
                START + timedelta(days=number),
                number != 1,
                TEXTS[number] if number else None,
                "https://bsky.app/profile/x/post/1",
                value / (number + 2),
                19,
            )
            for number in range(3)
        ),
        tuple(
            MovedPerson(f"bluesky:did:plc:{k:04d}", NAMES[k][1], 2.0 / (k + 1), 3)
            for k in range(4)
            if k != index
        ),
    )


def _people(rng: np.random.Generator, count: int) -> tuple[Person, ...]:
    made = []
    for index in range(count):
        name, handle = (
            NAMES[index] if index < len(NAMES) else (f"Personne {index + 1}", f"personne.{index + 1}.example")
        )
        centre = 34.0 * math.exp(-index / 9) + 0.15
        posts = int(rng.integers(2, 140))
        heard = _silent() if index >= count - 5 else _heard(rng, centre, posts)
        hidden, seen = index % 11 == 4, index % 13 == 6
        made.append(
            Person(
                rank=0,
                id=f"bluesky:did:plc:{index:04d}",
                handle=handle,
                name=name,
                network="fediverse" if index % 7 == 3 else "bluesky",
                url=f"https://bsky.app/profile/{index}",
                declared="employee" if index == 9 else None,
                posts=posts,
                listeners=int(centre * posts * 0.7) + 1,
                known=Known(
                    None if hidden else int(rng.lognormal(7.5, 1.8)),
                    "seen" if seen else "shown",
                    START + timedelta(days=DAYS),
                ),
                heard=heard,
                effect=_effect(rng, index, handle),
                ahead_of_next=None,
                community=int(rng.integers(0, 5)) if index % 9 else None,
                evidence=tuple(_evidence(rng, handle, number, centre) for number in range(index % 6)),
            )
        )
    made.sort(key=lambda person: -person.heard.low if isinstance(person.heard, Estimate) else 0.0)
    return tuple(
        replace(
            person,
            rank=rank,
            ahead_of_next=float(rng.uniform(0.5, 0.99)) if isinstance(person.heard, Estimate) else None,
        )
        for rank, person in enumerate(made, 1)
    )


def _said(rng: np.random.Generator, people: tuple[Person, ...]) -> Said:
    gap = Gap(START + timedelta(days=23), START + timedelta(days=26))
    slots = []
    for day in range(DAYS):
        start = START + timedelta(days=day)
        missing = gap.start <= start < gap.end
        level = 60 + 25 * math.sin(day / 7 * 2 * math.pi) + (420 if day == 41 else 180 if day == 42 else 0)
        posts = int(rng.poisson(max(level, 5)))
        slots.append(Slot(start, None if missing else posts, None if missing else int(posts * 2.4)))
    return Said(
        posts=sum(slot.posts or 0 for slot in slots),
        interactions=sum(slot.interactions or 0 for slot in slots),
        accounts=1_873,
        first=START + timedelta(hours=5),
        last=START + timedelta(days=DAYS - 1, hours=20),
        slot_seconds=86_400,
        slots=tuple(slots),
        gaps=(gap, Gap(START + timedelta(days=50, hours=2), START + timedelta(days=50, hours=19))),
        languages=(
            Share("fr", 2_630),
            Share("en", 1_120),
            Share("de", 180),
            Share("ar", 66),
            Share("pt-BR", 31),
            Share(None, 140),
        ),
        languages_detected=412,
        kinds=(
            Share("repost", 5_210),
            Share("like", 3_870),
            Share("reply", 1_940),
            Share("quote", 610),
            Share("mention", 402),
        ),
        top_posts=tuple(
            TopItem(
                f"post:{index}",
                240 - 27 * index,
                251 - 27 * index,
                None if index == 3 else TEXTS[index % len(TEXTS)],
                None if index == 2 else f"https://bsky.app/profile/x/post/{index}",
                people[index].handle,
                START + timedelta(days=3 * index, hours=9),
            )
            for index in range(6)
        ),
        top_links=(
            TopItem(
                "https://www.example.org/2024/04/une-adresse-vraiment-tres-longue-qui-ne-finit-pas/et-encore",
                188,
                203,
                url="https://www.example.org/2024/04/une-adresse-vraiment-tres-longue-qui-ne-finit-pas/et-encore",
            ),
            TopItem("https://example.com/velo", 91, 97, url="https://example.com/velo?id=1&x=2"),
            TopItem("https://example.net", 44, 44, url="https://example.net"),
        ),
        top_hashtags=(
            TopItem("#veloengare", 604, 1_210, text="VéloEnGare"),
            TopItem("#transports", 310, 488, text="transports"),
            TopItem("#dieneuelinie", 77, 90, text="DieNeueLinie"),
            TopItem("#الخط", 12, 14, text="الخط"),
        ),
        top_speakers=tuple(
            Speaker(
                people[index].id,
                people[index].handle,
                people[index].name,
                people[index].url,
                140 - 11 * index,
                33 - 2 * index,
            )
            for index in range(10)
        ),
    )


def _network(rng: np.random.Generator, people: tuple[Person, ...]) -> NetworkPicture:
    centres = ((0.18, 0.25), (0.5, 0.72), (0.82, 0.3), (0.2, 0.8), (0.72, 0.85))
    nodes = []
    for index in range(110 if len(people) > 40 else 20):
        group = index % 5
        known = index < len(people)
        nodes.append(
            NetworkNode(
                people[index].id if known else f"bluesky:other:{index}",
                people[index].handle if known else f"voix-{index}",
                float(np.clip(rng.normal(centres[group][0], 0.1), 0.04, 0.96)),
                float(np.clip(rng.normal(centres[group][1], 0.1), 0.04, 0.96)),
                people[index].listeners if known else int(rng.integers(1, 30)),
                group,
            )
        )
    arcs: dict[tuple[int, int], float] = {}
    while len(arcs) < min(420, 3 * len(nodes)):
        a, b = (int(value) for value in rng.integers(0, len(nodes), 2))
        if a != b and (a % 5 == b % 5 or rng.random() < 0.12):
            arcs[(a, b)] = float(rng.integers(1, 20))
    x, y = (np.array([getattr(node, axis) for node in nodes]) for axis in ("x", "y"))
    size = radius(np.array([node.listeners for node in nodes]))
    sides = anchors(x, y, size, [node.handle for node in nodes])
    return NetworkPicture(
        nodes=tuple(replace(node, anchor=side) for node, side in zip(nodes, sides, strict=True)),
        arcs=tuple((a, b, weight) for (a, b), weight in arcs.items()),
        accounts=1_873,
        arcs_in_all=9_120,
        modularity=0.46,
        chance=0.29,
        stability=0.81,
    )


def _overlap(rng: np.random.Generator, people: tuple[Person, ...], size: int = 12) -> Overlap:
    totals = [max(person.listeners, 1) for person in people[:size]]
    shared = [[0] * size for _ in range(size)]
    for i in range(size):
        for j in range(i, size):
            count = totals[i] if i == j else int(min(totals[i], totals[j]) * rng.beta(1.2, 3))
            shared[i][j] = shared[j][i] = count
    return Overlap(
        tuple(person.handle for person in people[:size]),
        tuple(tuple(row) for row in shared),
        tuple(tuple(shared[i][j] / totals[i] for j in range(size)) for i in range(size)),
    )


MOVES = Moves("learned", "independent_cascade", None, "follows", 1_873, 9_120, 0.0052)


def _circle(rng: np.random.Generator, people: tuple[Person, ...], size: int = 10) -> CirclePart:
    members = []
    for person in people[1 : 2 * size : 2]:
        own = float(rng.lognormal(1.6, 0.4))
        members.append(
            CircleMember(
                person.id, person.handle, own, 0.8 * own, 1.25 * own, 0.95 * own, 250.0, person.community
            )
        )
    share = rng.beta(0.6, 4, (len(members), len(members)))
    np.fill_diagonal(share, 1.0)
    reach = Estimate(61.2, 60.1, 62.3, 0.9, 65_536, "reverse_reachable_sets")
    return CirclePart(
        tuple(members),
        reach,
        replace(reach, value=61.0, low=60.4, high=61.7, n=2_000, method="forward_simulation"),
        59.1,
        68.4,
        0.99,
        tuple(tuple(row) for row in share.tolist()),
        False,
        250.0 * len(members),
        4_000.0,
        "settled",
        65_536,
        MOVES,
    )


def _seeding(rng: np.random.Generator) -> SeedingPart:
    def group(kind: str, fixed: float, mean: float, people: float) -> SeedingGroup:
        draws = tuple(float(value) for value in rng.poisson(mean, 100))
        middle = float(np.mean(draws))
        low, high = (float(value) for value in np.quantile(draws, [0.05, 0.95]))
        extra = Estimate(middle, min(low, middle), max(high, middle), 0.9, 100, "equal_budgets")
        return SeedingGroup(kind, fixed, people, 3_900.0, extra, float(np.std(draws)) / 10, draws)

    means = {"stars": (22, 21, 16), "ordinary": (40, 12, 2), "random": (36, 10, 2), "optimised": (44, 30, 14)}
    sweep = tuple(
        group(kind, fixed, means[kind][step], 20.0)
        for step, fixed in enumerate((10.0, 100.0, 1_000.0))
        for kind in means
    )
    groups = tuple(group(kind, 100.0, values[1], 20.0) for kind, values in means.items())
    overlap = CannotTell(
        "seeding.overlap",
        T("Fewer than two of the people here have listeners in the data."),
        T("A trial with both kinds, or a greater budget, in which luck weighs less."),
    )
    price = Estimate(620.0, 410.0, 900.0, 0.9, 100, "equal_budgets")
    return SeedingPart(
        groups,
        sweep,
        overlap,
        (SeedingFlip("optimised", "stars", price),),
        4_000.0,
        100.0,
        0.02,
        False,
        (T("Reach counts who may take the topic up, not what it is worth to them or to you."),),
        MOVES,
    )


def _tables(people: tuple[Person, ...]) -> dict[str, pa.Table]:
    return {
        "people": pa.table(
            {
                "account": [person.id for person in people],
                "handle": [person.handle for person in people],
                "name": [person.name for person in people],
                "known": pa.array([person.known.value for person in people], pa.int64()),
                "network": [person.network for person in people],
            }
        ),
        "posts": pa.table(
            {
                "post": ["bluesky:1", "bluesky:2"],
                "account": [people[0].id, people[1].id],
                "time": pa.array([START, None], pa.timestamp("us", "UTC")),
                "text": ['=HYPERLINK("http://bad")', "ligne 1\nligne 2, « fin »"],
                "hashtags": pa.array([["VéloEnGare", "a"], []], pa.list_(pa.string())),
                "lang": ["fr", None],
            }
        ),
    }


def study(count: int = 46) -> Study:
    """Return the study that pictures and tests are made from; the same at every call."""
    rng = np.random.default_rng(7)
    people = _people(rng, count)
    said = _said(rng, people)
    return Study(
        title="Le vélo en gare : qui en parle, et qui est entendu",
        purpose="Préparer la consultation publique de septembre",
        made_at=datetime(2024, 5, 7, 9, 12, tzinfo=UTC),
        expires=date(2199, 11, 3),
        topic='("vélo" OR bike) NEAR/5 (gare OR station)',
        period=Period(START, START + timedelta(days=DAYS)),
        relative_time=False,
        pseudonymised=False,
        provenance=Provenance(
            version="0.1.0",
            made_at=datetime(2024, 5, 7, 9, 12, tzinfo=UTC),
            seed=7,
            inputs=(
                InputFile("jetstream-2024-03.jsonl.zst", "9f" * 32, 48_120_331, 21_400, "jetstream"),
                InputFile("mastodon.json", "0a" * 32, 912_004, 1_204, "mastodon"),
            ),
            parameters={"topic": "vélo gare"},
            first=said.first,
            last=said.last,
        ),
        said=said,
        people=people,
        people_reason=None,
        heard_check=CoverageCheck(held=262, checked=297, low=0.846, high=0.91, level=0.9, blocks=5),
        communities=tuple(
            Community(
                number,
                410 - 70 * number,
                tuple(person.handle for person in people if person.community == number)[:4],
                ("VéloEnGare", "transports", "الخط")[: 3 - number % 2],
                (Share("fr", 70 - 10 * number), Share("en", 20 + 10 * number), Share(None, 3)),
                0.81 - 0.07 * number,
            )
            for number in range(5)
        ),
        network=_network(rng, people),
        overlap=_overlap(rng, people),
        notices=(
            Notice(
                "file.broken_line",
                N("{n} line could not be read", "{n} lines could not be read", 3),
                3,
                ("jetstream-2024-03.jsonl.zst:17", "jetstream-2024-03.jsonl.zst:901"),
            ),
            Notice(
                "time.impossible",
                N("{n} impossible date", "{n} impossible dates", 1),
                1,
                ("mastodon.json:4",),
            ),
        ),
        tables=_tables(people),
        circle=_circle(rng, people),
        seeding=_seeding(rng),
    )


def empty_study() -> Study:
    """Return a study of which nothing could be told."""
    reason = CannotTell(
        "heard.no_target",
        T("The data do not say whose posts these acts are on."),
        T("A column with the author of the object would say it."),
    )
    full = study(12)
    return replace(
        full,
        title="Rien",
        topic=None,
        purpose="",
        said=replace(
            full.said,
            posts=0,
            interactions=0,
            accounts=0,
            first=None,
            last=None,
            slots=(),
            gaps=(),
            languages=(),
            languages_detected=0,
            kinds=(),
            top_posts=(),
            top_links=(),
            top_hashtags=(),
            top_speakers=(),
        ),
        period=Period(),
        people=(),
        people_reason=reason,
        heard_check=reason,
        communities=(),
        network=reason,
        overlap=reason,
        circle=reason,
        seeding=reason,
        notices=(),
        tables={},
        provenance=replace(full.provenance, inputs=(), first=None, last=None),
    )
