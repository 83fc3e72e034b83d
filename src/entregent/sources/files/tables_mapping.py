"""From cells with a role to the six tables: one statement of the query engine a table."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from functools import cache

import duckdb
import pyarrow as pa

from entregent.clock import to_micros
from entregent.errors import MappingError
from entregent.i18n import T, Text
from entregent.records import INTERACTION_KINDS, schema
from entregent.sources.base import Batch
from entregent.sources.files.format import Options
from entregent.sources.files.tables_roles import COUNTS, ROLES, Roles
from entregent.sources.files.tables_rows import LINE, Troubles
from entregent.sources.files.tables_times import Reading, define, moment, shape_of
from entregent.text.folding import small_letters

__all__ = ["Mapper", "kind_of"]

DEFAULT_NETWORK = "file"

_WORDS: Mapping[str, tuple[str, ...]] = {
    "repost": (
        "repost",
        "reposts",
        "reposted",
        "retweet",
        "retweets",
        "retweeted",
        "rt",
        "reblog",
        "boost",
        "announce",
    ),
    "share": ("share", "shares", "shared", "partage", "partages"),
    "quote": (
        "quote",
        "quoted",
        "quotes",
        "quotetweet",
        "quotedtweet",
        "quotepost",
        "citation",
        "cite",
        "qt",
    ),
    "reply": (
        *("reply", "replies", "replied", "repliedto", "inreplyto", "answer", "reponse", "repond"),
        *("comment", "comments", "commented", "commentaire", "commentaires"),
    ),
    "mention": ("mention", "mentions", "mentioned"),
    "like": (
        "like",
        "likes",
        "liked",
        "favourite",
        "favorite",
        "favourited",
        "favorited",
        "fav",
        "jaime",
        "favori",
        "upvote",
    ),
    "follow": ("follow", "follows", "followed", "abonnement", "suivi", "suit"),
    "post": (
        *(
            "post",
            "posts",
            "tweet",
            "original",
            "originaltweet",
            "status",
            "statut",
            "toot",
            "publication",
            "message",
        ),
        *(
            "note",
            "article",
            "text",
            "photo",
            "image",
            "picture",
            "video",
            "link",
            "album",
            "carousel",
            "reel",
            "story",
        ),
        *("igimage", "igreel", "igcarousel", "igstory", "organic", "sponsored"),
        *(
            "nativevideo",
            "livevideo",
            "livevideocomplete",
            "livevideoscheduled",
            "youtube",
            "publicationoriginale",
        ),
    ),
}
_KINDS = {word: kind for kind, words in _WORDS.items() for word in words}
_NOT_LETTER = re.compile("[^a-z]")

_BLANKS = ("", "NA", "N/A", "#N/A", "NaN", "nan", "null", "NULL", "None", "<NA>", "\\N", "-")
_IDENTS = ("account", "object", "author", "id", "parent")
# Spreadsheets keep figures as text by ="1" or '1; tables with gaps turn whole numbers into 1.0.
_MACROS = r"""
bare(x) AS trim(x, chr(32) || chr(9) || chr(10) || chr(13) || chr(160) || chr(65279));
blank(x) AS CASE WHEN bare(x) IN (BLANKS) THEN NULL ELSE bare(x) END;
unkept(x) AS regexp_replace(bare(x), '^(?:="(.*)"|''([0-9]+))$', '\1\2');
whole(x) AS regexp_replace(x, '^(-?[0-9]+)\.0+$', '\1');
ident(x) AS CASE WHEN regexp_full_match(x, '[0-9A-Za-z_-]{3,}') AND x NOT IN (BLANKS)
    THEN x ELSE blank(whole(unkept(x))) END;
handle_of(x) AS ltrim(x, '@');
number_in(x) AS regexp_replace(lower(bare(x)), '[\s\x{a0}\x{202f}\x{2009}'']', '', 'g');
grouped(x) AS CASE WHEN regexp_full_match(x, '[0-9]{1,3}([.,][0-9]{3})+')
    THEN regexp_replace(x, '[.,]', '', 'g') ELSE replace(x, ',', '.') END;
times(x) AS CASE right(x, 1) WHEN 'k' THEN 1000 WHEN 'm' THEN 1000000 WHEN 'b' THEN 1000000000 ELSE 1 END;
scaled(x) AS try_cast(try_cast(grouped(rtrim(x, 'kmb')) AS DOUBLE) * times(x) AS BIGINT);
count_of(x) AS CASE WHEN regexp_full_match(x, '[0-9]{1,18}') THEN CAST(x AS BIGINT)
    WHEN regexp_full_match(number_in(x), '[0-9]+([.,][0-9]+)*(e[+]?[0-9]+)?[kmb]?')
    THEN scaled(number_in(x)) END;
language(code) AS CASE WHEN regexp_full_match(code, '[a-zA-Z]{2,3}([-_].*)?')
    AND NOT regexp_full_match(lower(code), 'und|zxx|q[a-t].')
    THEN lower(regexp_extract(code, '^[a-zA-Z]{2,3}')) END;
texts(l) AS coalesce(list_filter(l, lambda x, i: x <> '' AND list_position(l, x) = i), []);
links_in(x) AS list_transform(
    regexp_extract_all(x, '(?i)https?://[^\s<>"\x{ab}\x{bb}|;]+'), lambda u: rtrim(u, '.,;:!?)]}''…'));
hashtags_in(x) AS regexp_extract_all(
    x, '(?:^|[^\p{L}\p{N}_&/#])[#＃]([\p{L}\p{M}\p{N}_]*\p{L}[\p{L}\p{M}\p{N}_]*)', 1);
handles_in(x) AS regexp_extract_all(
    x, '(?:^|[^\p{L}\p{N}_@./])@([A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?)', 1);
words_in(x) AS regexp_extract_all(x, '[\p{L}\p{M}\p{N}_]+')
""".replace("BLANKS", ", ".join(f"'{word}'" for word in _BLANKS))


def kind_of(word: str) -> str | None:
    """Return the kind of act or post that a word of a table means, or None.

    >>> kind_of("Replied_to"), kind_of("J’aime"), kind_of("Photo")
    ('reply', 'like', 'post')
    """
    return _KINDS.get(_NOT_LETTER.sub("", small_letters(word)))


def _texts() -> Mapping[str, tuple[Text, str]]:
    """Return what is counted in each batch: code to text and condition over ``acts``."""
    return {
        "time.impossible": (
            T("Times that cannot be right were left out (from an unknown origin: --relative-time)"),
            "remark = 'impossible'",
        ),
        "time.no_zone": (T("Times without a zone were taken as UTC"), "remark = 'no_zone'"),
        "time.day_only": (T("Dates without a time of day were taken as midnight UTC"), "remark = 'day_only'"),
        "time.serial": (T("Numbers were read as dates of a spreadsheet"), "remark = 'serial'"),
        "id.rounded": (
            T("Ids were rounded by a spreadsheet; different records may have become one"),
            "rounded",
        ),
        "kind.unknown": (
            T("Kinds of acts that are not known were read as if none was given"),
            "unknown_kind",
        ),
        "row.no_object": (
            T("Acts that name neither what nor whom they are about were left out"),
            "NOT is_post AND act IS NOT NULL AND NOT has_object",
        ),
        "row.no_account": (
            T("Acts without an account were left out"),
            "NOT is_post AND act IS NOT NULL AND has_object AND account IS NULL",
        ),
        "row.empty": (
            T("Rows with neither a text nor an id nor an object were left out"),
            "NOT is_post AND act IS NULL",
        ),
    }


@cache
def _engine() -> duckdb.DuckDBPyConnection:
    """Return the engine of this process that knows the macros; each file works on a cursor of it."""
    con = duckdb.connect(":memory:", config={"autoinstall_known_extensions": "false", "threads": 2})
    # It turns IN lists into joins, which take what they compare out of the CASE that spares it.
    con.execute("SET disabled_optimizers = 'in_clause'").fetchall()
    for macro in _MACROS.split(";\n"):
        con.execute(f"CREATE MACRO {macro.strip()}").fetchall()
    define(con)
    return con


class Mapper:
    """Turns tables of one file into batches; to be closed.

    Parameters
    ----------
    roles : Roles
    options : Options
    troubles : Troubles
    """

    def __init__(self, roles: Roles, options: Options, troubles: Troubles) -> None:
        self.roles = roles
        self.options = options
        self.troubles = troubles
        self.latest = to_micros(options.received_at + timedelta(days=1))
        self.day_first = True
        self.columns: list[str] = []
        self.constants = dict(roles.constants)
        if "kind" in self.constants:
            kind = kind_of(self.constants["kind"])
            if kind is None:
                raise MappingError(
                    f"{self.constants['kind']!r} is not a kind.",
                    where="--map kind",
                    valid=(*INTERACTION_KINDS, "post"),
                )
            self.constants["kind"] = kind
        self.con = _engine().cursor()
        self.con.execute("SET TimeZone = 'UTC'").fetchall()

    def close(self) -> None:
        """Let go of what was laid in the engine."""
        self.con.close()

    def batch(self, source: pa.Table) -> Batch:
        """Map rows.

        Parameters
        ----------
        source : pa.Table
            Columns of texts as the file names them, and ``LINE``.
        """
        roles = self.roles
        cells: dict[str, pa.Array | pa.ChunkedArray] = {"line": source.column(LINE)}
        for role in ROLES:
            if role in roles.columns:
                cells[role] = source.column(roles.columns[role])
            elif role in self.constants:
                cells[role] = pa.repeat(pa.scalar(self.constants[role], pa.string()), source.num_rows)
            else:
                cells[role] = pa.nulls(source.num_rows, pa.string())
        cells["kind"], cells["unknown_kind"] = _kinds(cells["kind"])
        self.con.register("cells", pa.table(cells))
        self.con.register("source", source)
        self.columns = [name for name in source.column_names if name != LINE]
        self._lay_acts(None if "time" not in roles.columns else shape_of(cells["time"]))
        self._count()
        tables = {
            table: self.con.sql(query).to_arrow_table().cast(schema(table))
            for table, query in self._selects().items()
        }
        for name in ("cells", "source"):
            self.con.unregister(name)
        return Batch(**tables, rows=source.num_rows, notices=self.troubles.take())

    def _lay_acts(self, shape: str | None) -> None:
        reading = Reading(self.options.relative_time, self.day_first, self.latest)
        read, time, remark = moment("written", reading, shape)
        account = self._of("account", "ident(account)")
        if self.roles.by_handle:
            account = f"lower(handle_of({account}))"
        rounded = " OR ".join(
            rf"coalesce(regexp_full_match(c.{role}, '\s*-?[0-9]([.,][0-9]+)?[eE][+]?[0-9]+\s*'), false)"
            for role in _IDENTS
            if role in self.roles.columns
        )
        default = "repost" if self.roles.reposts else "share"
        counts = ", ".join(f"{self._of(role, f'count_of({role})', 'BIGINT')} AS {role}" for role in COUNTS)
        about_act = "CASE WHEN act = 'follow' THEN coalesce(author, object) ELSE object END"
        self.con.execute(
            f"""
            CREATE OR REPLACE TEMP TABLE acts AS
            WITH named AS (
                SELECT line, {account} AS account, {self._of("object", "ident(object)")} AS object,
                    {self._of("author", "ident(author)")} AS author, {self._of("id", "ident(id)")} AS id,
                    {self._of("parent", "nullif(ident(parent), ident(id))")} AS parent,
                    {self._of("time", 'blank("time")')} AS written,
                    {self._of("text", "CASE WHEN bare(text) <> '' THEN text END")} AS text,
                    kind, unknown_kind, {self._of("lang", "language(bare(lang))")} AS lang,
                    {self._of("url", "blank(url)")} AS url,
                    {self._of("handle", "handle_of(blank(handle))")} AS handle,
                    {self._of("name", "blank(name)")} AS name, links, hashtags,
                    {counts},
                    {rounded or "false"} AS rounded
                FROM cells c
            ), timed AS (
                SELECT *, {read} AS read_as FROM named
            ), told AS (
                SELECT *, {time} AS "time",
                    CASE WHEN kind IN ('follow', 'repost', 'like', 'share') THEN kind
                         WHEN kind IN ('reply', 'quote', 'mention') AND text IS NULL THEN kind
                         WHEN kind IS NULL AND object IS NOT NULL THEN '{default}' END AS act,
                    object IS NOT NULL
                        OR (kind IN ('follow', 'mention') AND author IS NOT NULL) AS has_object,
                    CASE WHEN kind IN ('follow', 'repost', 'like') THEN false
                         WHEN kind IS NULL AND object IS NOT NULL AND '{default}' = 'repost' THEN false
                         WHEN kind IN ('reply', 'quote', 'mention') OR object IS NOT NULL
                         THEN text IS NOT NULL
                         ELSE text IS NOT NULL OR id IS NOT NULL END AS is_post
                FROM timed
            )
            SELECT *, {remark} AS remark,
                {self._id("coalesce(id, url)", "'post'", "coalesce(text, '')")} AS post_id,
                {self._id("id", "act", about_act)} AS act_id
            FROM told
            """
        ).fetchall()

    def _of(self, role: str, expression: str, kind: str = "VARCHAR") -> str:
        # What no column says costs nothing: most tables have few roles.
        return expression if self.roles.has(role) else f"NULL::{kind}"

    def _id(self, native: str, kind: str, about: str) -> str:
        # The same five texts that records.stable_id takes.
        micros = 'CASE WHEN "time" IS NULL THEN \'\' ELSE epoch_us("time")::VARCHAR END'
        parts = f"?, coalesce(account, ''), coalesce({kind}, ''), coalesce({about}, ''), {micros}"
        network = _quoted(self.options.network or DEFAULT_NETWORK)
        hashed = f"md5(concat_ws(chr(31), {parts.replace('?', network)}))"
        return (
            f"CASE WHEN {native} IS NOT NULL THEN {network} || ':' || {native}"
            f" ELSE {network} || ':~' || {hashed} END"
        )

    def _count(self) -> None:
        texts = _texts()
        asked = ", ".join(
            f"count(*) FILTER ({condition}), min(line, 5) FILTER ({condition})"
            for _, condition in texts.values()
        )
        (row,) = self.con.sql(f"SELECT {asked} FROM acts").fetchall()
        found = iter(row)
        for code, (text, _) in texts.items():
            count, lines = next(found), next(found)
            if count and not (code == "row.empty" and self.roles.roster):
                self.troubles.add(code, text, count, lines)

    def _selects(self) -> Mapping[str, str]:
        network = _quoted(self.options.network or DEFAULT_NETWORK)
        received = f"make_timestamptz({to_micros(self.options.received_at)})"
        by_handle = self.roles.by_handle

        def full(native: str) -> str:
            return f"{network} || ':' || {native}"

        mentions = "texts([CASE WHEN kind = 'mention' THEN author END])"
        if by_handle:
            handles = "list_transform(handles_in(text), lambda h: lower(h))"
            mentions = f"texts(list_concat({handles}, {mentions}))"
        links = "coalesce(links_in(links), [])" if "links" in self.roles.columns else "links_in(text)"
        hashtags = "words_in(hashtags)" if "hashtags" in self.roles.columns else "hashtags_in(text)"
        is_reply = "(kind = 'reply' OR parent IS NOT NULL)"
        is_act = "act IS NOT NULL AND has_object AND account IS NOT NULL"
        followed = "CASE WHEN act = 'follow' THEN coalesce(author, object) ELSE author END"
        selects = {
            "posts": f"""
                SELECT post_id AS id, {network} AS network, {full("account")} AS account,
                    CASE WHEN {is_reply} THEN 'reply' WHEN kind = 'quote' THEN 'quote'
                         ELSE 'post' END AS kind,
                    "time", text, lang,
                    {full("coalesce(parent, CASE WHEN kind = 'reply' THEN object END)")} AS parent,
                    CASE WHEN {is_reply} THEN {full("author")} END AS parent_account, NULL AS root,
                    CASE WHEN kind = 'quote' THEN {full("object")} END AS quoted,
                    CASE WHEN kind = 'quote' THEN {full("author")} END AS quoted_account,
                    CASE WHEN regexp_matches(url, '(?i)^https?://') THEN url END AS url,
                    texts({links}) AS links, texts({hashtags}) AS hashtags,
                    list_transform({mentions}, lambda m: {full("m")}) AS mentions,
                    0 AS media, 0 AS version
                FROM acts WHERE is_post""",
            "interactions": f"""
                SELECT act_id AS id, {network} AS network, act AS kind, {full("account")} AS actor,
                    CASE WHEN act <> 'follow' THEN {full("object")} END AS "object",
                    {full(followed)} AS target, "time"
                FROM acts WHERE {is_act}""",
            "accounts": f"""
                SELECT {full("account")} AS id, {network} AS network, last(handle) AS handle,
                    last(name) AS name, NULL AS url, NULL AS description, NULL AS kind, NULL AS declared,
                    NULL::TIMESTAMPTZ AS created_at, {received} AS seen_at
                FROM acts WHERE account IS NOT NULL AND coalesce(handle, name) IS NOT NULL
                GROUP BY account""",
        }
        observed = self._observed(received)
        if observed:
            selects["observations"] = " UNION ALL ".join(observed)
        if self.options.keep_raw_days:
            last_day = self.options.received_at + timedelta(days=self.options.keep_raw_days)
            fields = ", ".join(f"{_quoted(name)}: {_named(name)}" for name in self.columns)
            selects["raw"] = f"""
                SELECT CASE WHEN is_post THEN post_id ELSE act_id END AS id, {network} AS network,
                    payload::VARCHAR AS payload, {received} AS received_at,
                    make_timestamptz({to_micros(last_day)}) AS keep_until
                FROM acts JOIN (
                    SELECT "{LINE}" AS line, to_json(s) AS payload
                    FROM (SELECT {{{fields}}} AS s, "{LINE}" FROM source)
                ) USING (line)
                WHERE is_post OR ({is_act})"""
        return selects

    def _observed(self, received: str) -> list[str]:
        network = _quoted(self.options.network or DEFAULT_NETWORK)
        found = []
        for role in COUNTS:
            if role not in self.roles.columns:
                continue
            if self.roles.roster:
                found.append(
                    f"SELECT {network} || ':' || account AS subject, 'account' AS subject_kind,"
                    f" '{role}' AS metric, {role} AS value, coalesce(\"time\", {received}) AS seen_at"
                    f" FROM acts WHERE account IS NOT NULL AND {role} IS NOT NULL"
                )
            elif role in ("followers", "following"):
                found.append(
                    f"SELECT {network} || ':' || account AS subject, 'account' AS subject_kind,"
                    f" '{role}' AS metric, last({role}) AS value, {received} AS seen_at"
                    f" FROM acts WHERE account IS NOT NULL AND {role} IS NOT NULL GROUP BY account"
                )
            else:
                found.append(
                    f"SELECT post_id AS subject, 'post' AS subject_kind, '{role}' AS metric,"
                    f" {role} AS value, {received} AS seen_at FROM acts WHERE is_post AND {role} IS NOT NULL"
                )
        return found


def _kinds(column: pa.Array | pa.ChunkedArray) -> tuple[pa.Array, pa.Array]:
    """Return the known kinds of a column, and which rows have one that is not known."""
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], pa.string())
    coded = column.dictionary_encode()
    words: list[str] = coded.dictionary.to_pylist()
    known = [kind_of(word) for word in words]
    odd = [kind is None and word.strip() not in _BLANKS for word, kind in zip(words, known, strict=True)]
    return (
        pa.array(known, pa.string()).take(coded.indices),
        pa.array(odd, pa.bool_()).take(coded.indices).fill_null(False),
    )


def _named(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
