"""Channels: told once, signed, tried again, in two languages, with no secret in what they say."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest
from aiosmtpd.controller import Controller

from entregent.delivery import KINDS, Alert, channel
from entregent.delivery.mail import MailSettings, message
from entregent.delivery.webhook import signature
from entregent.errors import ConfigError, PermanentError, TransientError

SINCE = datetime(2026, 3, 1, 6, tzinfo=UTC)
ALERT = Alert(
    "a1b2c3",
    "Rail",
    SINCE,
    SINCE + timedelta(hours=6),
    60.0,
    12.0,
    ("#grève", "panne"),
    ("x:1",),
    ("x:p1",),
    55,
    {"seen": 60.0},
)


def tell(name: str, table: dict[str, Any], alert: Alert = ALERT) -> None:
    asyncio.run(channel(name, table).tell(alert))


def test_kinds_and_settings_are_checked(tmp_path: Path) -> None:
    for table in (
        {},
        {"kind": "pigeon"},
        {"kind": "log", "path": "x"},
        {"kind": "file"},
        {"kind": "webhook", "address": "ftp://example.org", "secret": "env:HOOK"},
        {"kind": "webhook", "address": "https://example.org", "secret": "plain"},
        {"kind": "mail", "host": "h", "sender": "nobody", "to": ["a@example.org"]},
        {"kind": "mail", "host": "h", "sender": "a@example.org", "to": []},
        {"kind": "mail", "host": "h", "sender": "a@example.org", "to": ["b@example.org"], "lang": "de"},
        {"kind": "mail", "host": "h", "sender": "a@example.org", "to": ["b@example.org"], "user": "a"},
    ):
        with pytest.raises(ConfigError):
            channel("team", table)
    assert set(KINDS) == {"log", "file", "webhook", "mail"}


def test_the_log_is_told(caplog: pytest.LogCaptureFixture) -> None:
    tell("log", {"kind": "log"})
    assert "“Rail”: 60 posts, usually 12 (a1b2c3)" in caplog.text


def test_a_file_holds_each_alert_once_and_no_half_line(tmp_path: Path) -> None:
    path = tmp_path / "new" / "alerts.jsonl"
    table = {"kind": "file", "path": str(path)}
    tell("file", table)
    tell("file", table)
    with path.open("ab") as file:
        file.write(b'{"id":"half')
    tell("file", table, Alert("d4", "Bus", SINCE, SINCE, 3.0, None))
    found = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [one["id"] for one in found] == ["a1b2c3", "d4"]
    assert found[0]["seen"] == 60.0
    with pytest.raises(TransientError, match="cannot be written"):
        tell("file", {"kind": "file", "path": str(tmp_path)})


class _Hook(BaseHTTPRequestHandler):
    answers: ClassVar[list[int]] = []
    heard: ClassVar[list[tuple[dict[str, str], bytes]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.heard.append((dict(self.headers), body))
        self.send_response(self.answers.pop(0) if self.answers else 204)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    _Hook.answers, _Hook.heard = [], []
    monkeypatch.setenv("HOOK", "s3cret")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hook)
    thread = Thread(target=server.serve_forever)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}/hook"
    yield {"kind": "webhook", "address": address, "secret": "env:HOOK", "allow_private": True}
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_webhook_is_signed_under_a_stable_id(hook: dict[str, Any]) -> None:
    tell("hook", hook)
    headers, body = _Hook.heard[0]
    moment = int(headers["Entregent-Signature"].split(",")[0][2:])
    assert headers["Entregent-Signature"] == signature("s3cret", moment, body)
    assert headers["Idempotency-Key"] == json.loads(body)["id"] == "a1b2c3"
    assert b"s3cret" not in body


def test_a_webhook_tells_passing_trouble_from_lasting_one(hook: dict[str, Any]) -> None:
    for status, error in ((503, TransientError), (429, TransientError), (404, PermanentError)):
        _Hook.answers = [status]
        with pytest.raises(error) as raised:
            tell("hook", hook)
        assert "s3cret" not in str(raised.value)


def test_a_private_address_is_refused_unless_allowed(hook: dict[str, Any]) -> None:
    with pytest.raises(PermanentError, match="private network"):
        tell("hook", {**hook, "allow_private": False})
    assert not _Hook.heard


class _Post:
    refuse = ""

    def __init__(self) -> None:
        self.letters: list[bytes] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.refuse:
            return self.refuse
        self.letters.append(envelope.content)
        return "250 taken"


@pytest.fixture
def post() -> Iterator[tuple[_Post, dict[str, Any]]]:
    handler = _Post()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Controller(handler, hostname="127.0.0.1", port=port)
    server.start()
    table = {
        "kind": "mail",
        "host": "127.0.0.1",
        "port": port,
        "security": "none",
        "sender": "entregent@example.org",
        "to": ["team@example.org"],
        "lang": "fr",
        "zone": "Europe/Paris",
    }
    yield handler, table
    server.stop()


def test_a_letter_is_french_where_asked(post: tuple[_Post, dict[str, Any]]) -> None:
    handler, table = post
    tell("mail", table)
    (raw,) = handler.letters
    letter = message_from_bytes(raw, policy=policy.default)
    assert letter["Subject"] == "« Rail » : 60 messages, 12 d’habitude".replace("« ", "«\xa0").replace(
        " »", "\xa0»"
    ).replace(" :", "\xa0:")
    assert letter["Message-ID"] == "<a1b2c3@entregent.invalid>"
    body = letter.get_content()
    assert "07:00" in body
    assert "#grève" in body


def test_a_refused_letter_says_whether_to_try_again(post: tuple[_Post, dict[str, Any]]) -> None:
    handler, table = post
    for answer, error in (("451 later", TransientError), ("554 no", PermanentError)):
        handler.refuse = answer
        with pytest.raises(error, match=answer[:3]):
            tell("mail", table)
    with pytest.raises(PermanentError, match="cannot be trusted"):
        tell("mail", {**table, "security": "starttls"})
    with pytest.raises(TransientError, match="did not take"):
        tell("mail", {**table, "port": 1})


def test_a_name_of_a_watch_begins_no_header() -> None:
    settings = MailSettings("h", "a@example.org", ["b@example.org"])
    evil = Alert("x", "Rail\r\nBcc: all@example.org", SINCE, SINCE, 1.0, None)
    assert message(evil, settings)["Bcc"] is None
