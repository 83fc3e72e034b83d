"""What the columns of a table mean: named by people, or told by the names that exports use."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from entregent.errors import MappingError
from entregent.text.folding import small_letters

__all__ = ["COUNTS", "ROLES", "Roles", "find_roles", "looks_known"]

COUNTS = ("followers", "following", "reposts", "likes", "replies", "quotes", "views")
"""Roles whose numbers become observations."""

_CONSTANTS = ("kind", "lang", "account", "object", "author")

# The names of exports: twarc-csv, Brandwatch, Talkwalker, Visibrain, CrowdTangle, Meta, CooRTweet, 4CAT.
# Earlier names win. Written small, without accents, with one underscore for whatever stands between words.
_NAMES: Mapping[str, tuple[str, ...]] = {
    "object": (
        *("object_id", "object", "item_id", "item", "retweeted_id", "retweeted_status_id", "retweet_id"),
        *(
            "referenced_tweets_retweeted_id",
            "retweeted_tweet_id",
            "shared_id",
            "reblog_id",
            "objet",
            "id_objet",
        ),
    ),
    "author": (
        *("object_author_id", "object_author", "root_user", "author_of_object", "original_author_id"),
        *("original_author", "retweeted_user_id", "retweeted_user", "target_id", "target", "auteur_original"),
    ),
    "account": (
        *("account_id", "author_id", "user_id", "userid", "from_user_id", "user_id_str", "author_id_str"),
        *("actor_id", "profile_id", "page_id", "facebook_id", "channel_id", "id_auteur", "id_compte"),
        *("actor", "account", "user", "from_user", "compte", "utilisateur"),
    ),
    "handle": (
        *("screen_name", "username", "user_username", "author_username", "user_screen_name", "handle"),
        *("author_handle", "account_handle", "from_user_name", "twitter_screen_name", "twitter_handle"),
        *(
            "user_handle",
            "page_username",
            "account_username",
            "user_name",
            "pseudo",
            "pseudonyme",
            "nom_d_utilisateur",
        ),
        *("extra_author_attributes_short_name", "author", "auteur"),
    ),
    "name": (
        *("display_name", "displayname", "author_name", "user_displayname", "full_name", "fullname"),
        *("author_full_name", "page_name", "account_name", "channel_name", "from_user_realname"),
        *("extra_author_attributes_name", "name", "nom", "nom_affiche", "nom_complet"),
    ),
    "id": (
        *("content_id", "post_id", "tweet_id", "status_id", "message_id", "comment_id", "id_str"),
        *("mention_id", "document_id", "resource_id", "platform_id", "id", "guid", "uri", "identifiant"),
    ),
    "time": (
        *(
            "created_at",
            "publish_time",
            "created_date",
            "timestamp_share",
            "timestamp",
            "date_time",
            "datetime",
            "created_time",
        ),
        *("published_at", "published", "publish_date", "publication_date", "date_published", "pub_date"),
        *("posted_at", "post_created", "created_utc", "created", "time", "date", "date_de_publication"),
        *("date_publication", "date_heure", "horodatage", "seconds"),
    ),
    "text": (
        *("text", "full_text", "message", "body", "content", "tweet", "tweet_text", "post_text", "texte"),
        *("contenu", "snippet", "hit_sentence", "extract", "caption", "description", "selftext", "comment"),
        *("commentaire", "texte_du_message", "sharecommentary", "post_title"),
    ),
    "kind": (
        *("kind", "interaction", "action", "action_type", "post_type", "tweet_type", "message_type"),
        *("engagement_type", "type_d_action", "type"),
    ),
    "parent": (
        *("parent", "parent_id", "in_reply_to_status_id", "in_reply_to_status_id_str", "in_reply_to_id"),
        *("in_reply_to_tweet_id", "referenced_tweets_replied_to_id", "replied_to_id", "reply_to_id"),
        *("reply_to", "parent_tweet_id", "parent_post_id", "en_reponse_a"),
    ),
    "lang": ("lang", "language", "langue", "lang_code", "language_code"),
    "url": (
        *("permalink", "permalink_url", "tweet_url", "post_url", "status_url", "url", "resource_url"),
        *("lien_permanent", "adresse", "post_link", "sharelink"),
    ),
    "followers": (
        *("followers", "followers_count", "follower_count", "user_followers_count", "author_followers"),
        *("author_public_metrics_followers_count", "twitter_followers", "followers_at_posting"),
        *("page_followers", "from_user_followercount", "subscribers", "subscriber_count", "abonnes"),
        *("nb_abonnes", "nombre_d_abonnes"),
    ),
    "following": (
        *("following", "following_count", "friends_count", "author_public_metrics_following_count"),
        *("twitter_following", "abonnements"),
    ),
    "reposts": (
        *("retweet_count", "public_metrics_retweet_count", "reposts", "repost_count", "retweets"),
        *("twitter_retweets", "shares", "share_count", "reblogs_count", "partages", "nb_partages"),
    ),
    "likes": (
        *("like_count", "public_metrics_like_count", "likes", "favorite_count", "favourites", "favorites"),
        *("favourites_count", "twitter_likes", "likes_count", "j_aime", "mentions_j_aime", "nb_likes"),
    ),
    "replies": (
        *("reply_count", "public_metrics_reply_count", "replies", "replies_count", "comments"),
        *("comment_count", "comments_count", "twitter_reply_count", "commentaires", "reponses"),
    ),
    "quotes": ("quote_count", "public_metrics_quote_count", "quotes", "citations"),
    "views": (
        *(
            "view_count",
            "views",
            "public_metrics_impression_count",
            "impression_count",
            "impressions",
            "vues",
        ),
    ),
    "links": ("links", "urls", "expanded_urls", "expanded_url", "outlinks", "link", "liens", "lien"),
    "hashtags": ("hashtags", "hashtag", "tags", "mots_cles_hashtags"),
}
ROLES = (
    *("account", "object", "author", "id", "time", "text", "kind", "parent", "lang", "url", "handle", "name"),
    *("links", "hashtags", *COUNTS),
)
"""Roles that a column can have."""

_AUTHORS = ("author", "auteur")
_NOT_WORD = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class Roles:
    """The columns of a table and what they are.

    Parameters
    ----------
    columns : mapping of str to str
        Role to column.
    constants : mapping of str to str
        Role to the value that all rows have.
    guessed : tuple of str
        Roles told by the name of the column.
    by_handle : bool
        Accounts are known by their handle: ``@Anna`` and ``anna`` are one.
    reposts : bool
        Where nothing says what an act is, it is a repost rather than a share.
    roster : bool
        Rows are accounts and their numbers, not posts or acts.
    """

    columns: Mapping[str, str]
    constants: Mapping[str, str]
    guessed: tuple[str, ...]
    by_handle: bool
    reposts: bool
    roster: bool = False

    def has(self, role: str) -> bool:
        """Whether rows can have this role."""
        return role in self.columns or role in self.constants


def _plain(column: str) -> str:
    return _NOT_WORD.sub("_", small_letters(column)).strip("_")


def looks_known(columns: Sequence[str]) -> int:
    """Return how many of some names are those of columns of posts or acts."""
    names = {name for names in _NAMES.values() for name in names}
    return len({_plain(column) for column in columns} & names)


def find_roles(columns: Sequence[str], mapping: Mapping[str, str], where: str) -> Roles:
    """Say which column has which role.

    Parameters
    ----------
    columns : sequence of str
        As the table names them.
    mapping : mapping of str to str
        Role to column, as people gave it. ``=WORD`` gives all rows that
        value, an empty text leaves the role out.
    where : str
        File, for messages.

    Returns
    -------
    Roles

    Raises
    ------
    MappingError
        Where a role or a column does not exist, or the table holds neither
        posts nor acts nor accounts as far as can be told.
    """
    named: dict[str, str] = {}
    constants: dict[str, str] = {}
    for role, column in mapping.items():
        if role not in ROLES:
            raise MappingError(f"There is no role {role!r}.", where="--map", valid=ROLES)
        if column.startswith("="):
            if role not in _CONSTANTS:
                raise MappingError(
                    f"{role} cannot be the same for all rows.",
                    where="--map",
                    valid=[f"{other}==VALUE" for other in _CONSTANTS],
                )
            constants[role] = column[1:]
        elif column:
            named[role] = _existing(column, columns, role, where)
    found = dict(named)
    taken = set(named.values())
    for role in _NAMES:
        if role in mapping:
            continue
        guess = _guess(role, columns, taken, where)
        if guess is not None:
            found[role] = guess
            taken.add(guess)
    lone_author = "handle" in found and "handle" not in named and _plain(found["handle"]) in _AUTHORS
    if (
        lone_author
        and found.keys() >= {"account", "object"}
        and "author" not in found.keys() | mapping.keys()
    ):
        # Where accounts have a column of their own, the author is the object's.
        found["author"] = found.pop("handle")
    if "account" not in found and "account" not in mapping and "handle" in found:
        found["account"] = found["handle"]
    by_handle = "account" in found and _plain(found["account"]) in _NAMES["handle"]
    if by_handle and "handle" not in mapping:
        found["handle"] = found["account"]
    have = found.keys() | constants.keys()
    asked = {"id", "text"} & mapping.keys()
    acts = "account" in have and bool(have & {"object", "id"})
    posts_or_acts = "text" in have or acts or ("id" in have and asked)
    roster = not posts_or_acts and "account" in found and bool(have & {"followers", "following"})
    if not (posts_or_acts or roster):
        raise _impossible(columns, where)
    reposts = "retweet" in _plain(found.get("object", "")) or "reblog" in _plain(found.get("object", ""))
    guessed = tuple(role for role in ROLES if role in found and role not in named)
    return Roles(found, constants, guessed, by_handle, reposts, roster)


def _existing(column: str, columns: Sequence[str], role: str, where: str) -> str:
    if column in columns:
        return column
    alike = [name for name in columns if name.strip().casefold() == column.strip().casefold()]
    if len(alike) == 1:
        return alike[0]
    raise MappingError(
        f"There is no column {column!r}, which --map {role}={column} names.",
        where=where,
        valid=columns,
        do=f"Write for example --map {role}={_quoted(columns[0]) if columns else 'COLUMN'}",
    )


def _guess(role: str, columns: Sequence[str], taken: set[str], where: str) -> str | None:
    free = [(column, _plain(column)) for column in columns if column not in taken]
    for name in _NAMES[role]:
        fitting = [column for column, plain in free if plain == name]
        if len(fitting) > 1:
            raise MappingError(
                f"Both {' and '.join(map(repr, fitting))} may be the {role}.",
                where=where,
                valid=[f"--map {role}={_quoted(column)}" for column in fitting],
                do=f"Write --map {role}= to leave it out.",
            )
        if fitting:
            return fitting[0]
    return None


def _quoted(column: str) -> str:
    return f"'{column}'" if re.search(r"\W", column) else column


def _impossible(columns: Sequence[str], where: str) -> MappingError:
    names = [_quoted(column) for column in columns] + ["COLUMN"] * 3
    return MappingError(
        "The columns do not say who did what: posts need a text (or an id and an account), acts need an"
        f" account and an object. Columns found: {', '.join(columns)}.",
        where=where,
        valid=[f"{role}=COLUMN" for role in ROLES],
        do="If this is a conversation, name the columns: for posts, for example,"
        f" --map text={names[0]} --map account={names[1]} --map time={names[2]};"
        f" for acts --map account={names[0]} --map object={names[1]} --map time={names[2]}",
    )
