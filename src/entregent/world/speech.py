"""What people write, and what they are called: plausible, varied, about nobody real."""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from entregent.world import lexicon_en, lexicon_fr
from entregent.world.agenda import INTENTS
from entregent.world.kernels import CARE, HASHTAG, LINK, ORIGIN, POST, QUOTE, REPLY
from entregent.world.keys import hash_of
from entregent.world.population import BRAND, FRENCH
from entregent.world.simulation import World

__all__ = ["BRAND_HANDLE", "BRAND_NAME", "BRAND_SITE", "Profile", "Speech", "profiles"]

BRAND_NAME = "Ferrolune"
BRAND_HANDLE = "ferrolune"
BRAND_SITE = "https://www.ferrolune.example"
_MASK = (1 << 64) - 1

_PRESS = ("gazette-valbrune.example", "lerail.example", "orsignac-info.example", "thesleeper.example")
_SLUGS = ("enquete", "reportage", "tribune", "analyse", "report", "story", "chronique", "dossier")
_TAG_TAILS = (
    "Valbrune", "Orsignac", "Évrecourt", "Marsélan", "Grandval", "Lunéac", "Trévizan", "DuJour", "2Nuit",
    "Express",
    "PourDeVrai", "Ensemble", "Stories", "Together", "DuMatin", "Partout",
)  # fmt: skip
_TRACKING = (
    "", "", "", "?utm_source=social&utm_medium=post", "?utm_source=newsletter&utm_campaign=hebdo",
    "?fbclid=IwAR{n}", "?at_medium=custom7&at_campaign={n}", "?xtor=CS5-{n}", "?utm_content=share-{n}#lire",
)  # fmt: skip


class _Grammar:
    """Phrases compiled to pieces: plain text, or a list of texts and names of further entries."""

    def __init__(self, phrases: dict[str, tuple[str, ...]], topic: dict[str, tuple[str, ...]]) -> None:
        self.rules = {
            name: [self._pieces(template) for template in templates]
            for name, templates in {**phrases, **topic}.items()
        }

    @staticmethod
    def _pieces(template: str) -> str | list[str | tuple[str, bool]]:
        pieces: list[str | tuple[str, bool]] = []
        for text, name, _, _ in string.Formatter().parse(template):
            if text:
                pieces.append(text)
            if name is not None:
                pieces.append((name.removesuffix("_c"), name.endswith("_c")))
        return template if pieces in ([], [template]) else pieces

    def say(self, name: str, state: int, given: dict[str, str]) -> tuple[str, int]:
        """Return an expansion of an entry and the state of the generator after it."""
        state = (state * 6364136223846793005 + 1442695040888963407) & _MASK
        bits = state >> 33
        choices = self.rules.get(name)
        if choices is None:
            return given.get(name) or _number(name, bits), state
        choice = choices[bits % len(choices)]
        if isinstance(choice, str):
            return choice, state
        parts = []
        for piece in choice:
            if isinstance(piece, str):
                parts.append(piece)
            else:
                text, state = self.say(piece[0], state, given)
                parts.append(text[:1].upper() + text[1:] if piece[1] else text)
        return "".join(parts), state


def _number(name: str, bits: int) -> str:
    if name == "minutes":
        return str(8 + bits % 83)
    if name == "small":
        return str(2 + bits % 17)
    if name == "price":
        return str(3 + bits % 42)
    if name == "seat":
        return str(1 + bits % 96)
    if name == "car":
        return str(1 + bits % 14)
    if name == "file":
        return f"FL-{100000 + bits % 900000}"
    raise KeyError(name)


class Profile(NamedTuple):
    """How an account shows itself."""

    handle: str
    name: str
    bio: str


class Speech:
    """Texts of a world's posts.

    Parameters
    ----------
    world : World
    handles : list of str
        How each account is written after an ``@``.
    """

    def __init__(self, world: World, handles: list[str]) -> None:
        self.world, self.handles = world, handles
        lexicons = (lexicon_fr, lexicon_en)
        topics = world.settings.topics
        self.grammar = [[_Grammar(lex.PHRASES, lex.TOPICS[t]) for t in range(topics)] for lex in lexicons]
        self.tags = [[lex.TOPICS[t]["tag"] for t in range(topics)] for lex in lexicons]
        size = world.population.size
        habits = hash_of(world.settings.seed, 31, np.arange(size))
        # Four in ten type the straight apostrophe, few leave out capitals, some love hashtags.
        self.straight = ((habits & np.uint64(0xFF)) < 102).tolist()
        self.small = (((habits >> np.uint64(8)) & np.uint64(0xFF)) < 25).tolist()
        self.tagger = (((habits >> np.uint64(16)) & np.uint64(0xFF)) < 80).tolist()
        self.item_key = hash_of(world.settings.seed, 32, np.arange(world.agenda.size)).tolist()
        self.item_tag: dict[int, str] = {}
        taken: set[str] = set()
        for item in np.flatnonzero(world.agenda.kind == HASHTAG).tolist():
            key = self.item_key[item]
            tags = self.tags[int(world.agenda.lang[item])][int(world.agenda.topic[item])]
            tag = tags[key % len(tags)] + _TAG_TAILS[(key >> 8) % len(_TAG_TAILS)]
            while tag in taken:
                tag += str((key >> 16) % 90 + 10)
            taken.add(tag)
            self.item_tag[item] = tag

    def link(self, item: int) -> str:
        """Return the link that an item is about, free of tracking."""
        key = self.item_key[item]
        site = _PRESS[key % len(_PRESS)]
        return f"https://{site}/{_SLUGS[(key >> 8) % len(_SLUGS)]}/{(key >> 16) % 10**6:06d}"

    def hashtag(self, item: int) -> str:
        """Return the hashtag that an item is about; no two items share one."""
        return self.item_tag[item]

    def texts(self, acts: np.ndarray) -> Iterator[tuple[str, int]]:
        """Yield the text and the language (0 French, 1 English) of each act that is a post."""
        world = self.world
        agenda, all_acts, lang = world.agenda, world.acts, world.population.lang.tolist()
        columns = (
            all_acts.item[acts].tolist(), all_acts.actor[acts].tolist(), all_acts.kind[acts].tolist(),
            all_acts.reason[acts].tolist(), all_acts.mention[acts].tolist(), all_acts.uid[acts].tolist(),
        )  # fmt: skip
        item_lang, item_kind = agenda.lang.tolist(), agenda.kind.tolist()
        item_intent, item_topic = agenda.intent.tolist(), agenda.topic.tolist()
        for item, actor, kind, reason, mention, uid in zip(*columns, strict=True):
            own = lang[actor] if actor != BRAND and reason != ORIGIN else item_lang[item]
            yield (
                self._text(item, actor, kind, reason, mention, uid, own,
                           item_kind[item], INTENTS[item_intent[item]], item_topic[item]),
                own,
            )  # fmt: skip

    def _text(
        self, item: int, actor: int, kind: int, reason: int, mention: int, uid: int, lang: int,
        item_kind: int, intent: str, topic: int,
    ) -> str:  # fmt: skip
        at = "@" + self.handles[BRAND] if mention == BRAND else BRAND_NAME
        rule = intent
        if reason == CARE:
            rule = "care"
        elif kind == REPLY:
            rule = _REPLIES[intent]
        elif kind == QUOTE:
            rule = "quote"
        elif actor == BRAND:
            rule = "brand_news" if intent != "launch" else "launch"
        elif item_kind == HASHTAG:
            rule = "tagged"
        elif item_kind == LINK:
            rule = "share" if intent != "outage" else "outage"
        grammar = self.grammar[lang][topic]
        text, state = grammar.say(rule, uid, {"brand": BRAND_NAME, "at": at})
        bits = state >> 20
        text = text.strip()
        if lang == FRENCH:
            text = _CONTRACTIONS.sub(_contracted, text)
        if mention != BRAND and text.startswith(BRAND_NAME + " ") and rule in ("request", "question"):
            text = text.replace(BRAND_NAME, BRAND_NAME + ",", 1)
        if self.small[actor] and reason != CARE:
            text = text[:1].lower() + text[1:]
        else:
            text = text[:1].upper() + text[1:]
        if mention == BRAND and at not in text:
            text = f"{at} {text}" if bits & 1 else f"{text} {at}"
        elif mention > BRAND:
            text += (" via @" if kind == POST and reason != ORIGIN else " cc @") + self.handles[mention]
        if kind == POST and item_kind == HASHTAG:
            text += f" {self.hashtag(item)}"
        elif kind == POST and item_kind == LINK:
            tracking = _TRACKING[(bits >> 1) % len(_TRACKING)].format(n=(bits >> 8) % 10**5)
            text += f" {self.link(item)}{tracking}"
        elif self.tagger[actor] and kind != REPLY and bits & 6:
            tags = self.tags[lang][topic]
            text += f" {tags[(bits >> 4) % len(tags)]}"
            if bits & 64:
                text += f" #{BRAND_NAME}"
        elif actor == BRAND and kind == POST and bits & 2:
            text += f" {BRAND_SITE}/{'actu' if lang == FRENCH else 'news'}/{(bits >> 8) % 9000}"
        text = " ".join(text.split())
        return text.replace("’", "'") if self.straight[actor] and actor != BRAND else text


_REPLIES = {
    "chatter": "reply_happy", "praise": "reply_happy", "launch": "reply_happy", "news": "reply_news",
    "complaint": "reply_ask", "request": "reply_ask", "question": "reply_ask", "outage": "reply_ask",
}  # fmt: skip

_GIVEN = (
    (
        "Chloé", "Yanis", "Amina", "Loïc", "Maëlle", "Mehdi", "Anaïs", "Thuy", "Kwamé", "Élodie", "Rachid",
        "Zoé",
        "Gaël", "Fatou", "Noémie", "Ibrahim", "Solène", "Hélène", "Tiago", "Aïcha", "Jérôme", "Léa", "Moussa",
        "Clémence", "Nassim", "Océane", "Benoît", "Linh", "Sévérine", "Adèle", "Raphaël", "Inès", "Théo",
        "Naïma",
    ),
    (
        "Priya", "Owen", "Amara", "Callum", "Siobhan", "Jamal", "Mei", "Rhys", "Zainab", "Freya", "Kofi",
        "Hamish",
        "Nadia", "Elliot", "Imogen", "Tariq", "Bronwyn", "Darius", "Aoife", "Mateo", "Ngozi", "Poppy", "Ravi",
        "Isla", "Femi", "Gwen", "Arjun", "Morgan", "Leila", "Finn", "Keira", "Ash", "Tamsin", "Joss",
    ),
)  # fmt: skip
_NOUNS = (
    (
        "rail", "gare", "quai", "wagon", "vélo", "lune", "marmotte", "brioche", "nuage", "tilleul", "hibou",
        "cigale",
        "papier", "boussole", "galet", "violon", "lavande", "mistral", "crayon", "horloge",
    ),
    (
        "rails", "platform", "heron", "kettle", "bramble", "pixel", "willow", "lantern", "teapot", "otter",
        "ginger",
        "puddle", "sparrow", "bagel", "compass", "marble", "thistle", "ferry", "paper", "signal",
    ),
)  # fmt: skip
_BIOS = (
    (
        "Entre {noun} et {noun2}. Ici je parle de trains, de cuisine et d’un peu de tout.",
        "Usagère du rail depuis toujours 🚆 | mes avis n’engagent que moi",
        "J’aime le café, les cartes et l’odeur des gares.",
        "Prof, parent, cycliste. L’optimisme est un sport.",
        "Navetteur à temps plein, photographe du dimanche.", "Ingénieure, bidouilleuse, {noun} à mes heures.",
        "", "", "Ni expert ni neutre. #{noun}", "Bibliothécaire. On se croise à la gare ?",
    ),
    (
        "Half {noun}, half {noun2}. Trains, food, a bit of everything.", "Commuter. Views my own 🚆",
        "I like coffee, maps and the smell of stations.", "Teacher, parent, cyclist. Optimism is a sport.",
        "Full-time commuter, Sunday photographer.", "Engineer, tinkerer, part-time {noun}.",
        "", "", "Neither expert nor neutral. #{noun}", "Librarian. Meet me at the station?",
    ),
)  # fmt: skip
_BRAND_BIO = (
    "Les trains de votre région, de jour et de nuit. Une question ? Nous répondons de 6 h 30 à minuit."
)
_DECLARED = (
    (
        "Je travaille chez Ferrolune, je parle ici en mon nom.", "Conductrice chez @ferrolune 🚆 #employée",
        "Salarié de Ferrolune (équipe gares). Mes propos n’engagent que moi.",
        "Ambassadeur #Ferrolune : j’y travaille et j’en suis fier.",
    ),
    (
        "I work at Ferrolune, speaking for myself.", "Train driver at @ferrolune 🚆 #employee",
        "Ferrolune employee (stations team). Opinions are my own.",
        "#Ferrolune ambassador: I work there and I’m proud of it.",
    ),
)  # fmt: skip
_CONTRACTIONS = re.compile(r"\b(de|à|que) (le |les |on |ils? |elles? |une? |[àaeéèiouy])", re.IGNORECASE)
_JOINED = {"de le ": "du ", "de les ": "des ", "à le ": "au ", "à les ": "aux "}


def _contracted(found: re.Match[str]) -> str:
    whole = found.group(0)
    if whole in _JOINED:
        return _JOINED[whole]
    if found.group(1) == "que" and not found.group(2).startswith("le"):
        return f"qu’{found.group(2)}"
    return whole


def _ascii(text: str) -> str:
    return unicodedata.normalize("NFD", text.lower()).encode("ascii", "ignore").decode()


def profiles(world: World) -> list[Profile]:
    """Return how every account shows itself, handles unique and at most 15 letters.

    Declared advocates say so in their bio; nothing else gives away what the
    truth knows of an account.
    """
    population = world.population
    keys = hash_of(world.settings.seed, 33, np.arange(population.size)).tolist()
    taken: set[str] = set()
    shown = []
    for account, (key, lang) in enumerate(zip(keys, population.lang.tolist(), strict=True)):
        if account == BRAND:
            taken.add(BRAND_HANDLE)
            shown.append(Profile(BRAND_HANDLE, BRAND_NAME, _BRAND_BIO))
            continue
        given = _GIVEN[lang][key % 34]
        noun, other = _NOUNS[lang][(key >> 8) % 20], _NOUNS[lang][(key >> 14) % 20]
        form = (key >> 20) % 5
        initial = "ABCDEFGHIJKLMNOPRSTVYZ"[(key >> 24) % 22]
        plain, thing = _ascii(given), _ascii(noun)
        base = (
            f"{plain}_{thing}",
            f"{thing}_{plain}",
            f"{plain}{initial.lower()}",
            thing + _ascii(other),
            plain,
        )[form]
        handle, turn = base[:15], key >> 30
        while handle in taken:
            tail = str(turn % (90 if turn % 3 else 9000) + 1)
            handle = base[: 15 - len(tail)] + tail
            turn = (turn * 48271 + 11) % 2147483647
        taken.add(handle)
        name = (
            f"{given} {initial}.", f"{given} {noun}", given, f"{noun.capitalize()} de {given}"
            if lang == FRENCH else f"{given}’s {noun}", f"{given} {'🚆🌻🐈📚🎧☕'[(key >> 34) % 6]}",
        )[(key >> 40) % 5]  # fmt: skip
        if population.advocate[account]:
            bio = _DECLARED[lang][(key >> 44) % 4]
        else:
            bio = _BIOS[lang][(key >> 44) % 10].format(noun=noun, noun2=other)
        shown.append(Profile(handle, name, bio))
    return shown
