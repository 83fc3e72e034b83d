"""The client of all live sources, against servers that do their worst."""

from __future__ import annotations

import asyncio
import gzip
import logging
import shutil
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from entregent.errors import PermanentError, SourceError, TransientError
from entregent.sources.web import Allowance, Answer, Limits, Web, allowance, retry_after
from entregent.sources.web import addresses as web_addresses
from entregent.sources.web.addresses import is_public
from sources.loopback import Asked, Told, loopback

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
SECRET = "s3cret-of-nobody"


def ask(
    answer: Callable[[Asked], Told], path: str = "/", limits: Limits | None = None, **more: object
) -> tuple[Answer, list[Asked]]:
    """Ask a server once."""
    with loopback(answer) as server:

        async def once() -> Answer:
            headers = {"Authorization": f"Bearer {SECRET}"}
            async with Web("sources.t", headers=headers, limits=limits, allow_private=True) as web:
                return await web.get(server.address + path, **more)  # type: ignore[arg-type]

        return asyncio.run(once()), server.asked


def trouble(answer: Callable[[Asked], Told], path: str = "/", **more: object) -> SourceError:
    with pytest.raises(SourceError) as told:
        ask(answer, path, **more)
    assert SECRET not in str(told.value)
    assert told.value.where == "sources.t"
    return told.value


def test_a_request_says_who_asks_and_nothing_else() -> None:
    answer, asked = ask(
        lambda _: Told(body=b'{"a": 1}', headers={"Set-Cookie": "id=1"}), "/x?y=1", params={"z": None}
    )
    assert answer.json() == {"a": 1}
    assert asked[0].query == {"y": "1"}
    assert asked[0].headers["user-agent"].startswith("Entregent/")


def test_no_cookie_is_given_back() -> None:
    with loopback(lambda _: Told(headers={"Set-Cookie": "id=1"})) as server:

        async def twice() -> None:
            async with Web("sources.t", allow_private=True) as web:
                await web.get(server.address)
                await web.get(server.address)

        asyncio.run(twice())
    assert [asked.headers.get("cookie") for asked in server.asked] == [None, None]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, PermanentError),
        (403, PermanentError),
        (404, PermanentError),
        (410, PermanentError),
        (422, PermanentError),
        (408, TransientError),
        (429, TransientError),
        (500, TransientError),
        (503, TransientError),
        (304, TransientError),
    ],
)
def test_a_status_passes_or_does_not(status: int, kind: type[SourceError]) -> None:
    error = trouble(lambda _: Told(status))
    assert isinstance(error, kind)
    assert str(status) in str(error)


def test_a_status_that_is_expected_is_no_error() -> None:
    assert ask(lambda _: Told(304), accept={304})[0].status == 304


@pytest.mark.parametrize(
    "body",
    [
        {"error": f"no {SECRET} here"},
        {"error": {"code": 1, "message": f"no {SECRET} here"}},
        {"errors": [{"detail": f"no {SECRET} here"}]},
        {"detail": f"no Bearer {SECRET} here"},
    ],
)
def test_the_reason_of_a_server_is_told_without_the_secret(body: dict[str, object]) -> None:
    assert "***" in str(trouble(lambda _: Told(403, msgspec.json.encode(body))))


def test_secrets_of_the_query_are_in_no_error_and_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    error = trouble(lambda _: Told(500), f"/x?page=2&api_key={SECRET}")
    assert "page=2&api_key=***" in str(error)
    ask(lambda _: Told(), f"/x?access_token={SECRET}")
    assert "access_token=***" in caplog.text
    assert SECRET not in caplog.text


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "-3"}, 0),
        ({"Retry-After": "1e99"}, 86_400),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "nan"}, None),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "90"}, 90),
        ({}, None),
    ],
)
def test_the_wait_asked_for_is_passed_on(headers: dict[str, str], seconds: float | None) -> None:
    error = trouble(lambda _: Told(429, headers=headers))
    assert isinstance(error, TransientError)
    assert error.retry_after == (seconds if seconds is None else pytest.approx(seconds, abs=2))


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"ratelimit-limit": "10, 10;w=1", "ratelimit-remaining": "3", "ratelimit-reset": "5"}, (10, 3, 5)),
        ({"ratelimit": '"default";r=50;t=30'}, (None, 50, 30)),
        ({"ratelimit": "limit=100, remaining=50, reset=5"}, (100, 50, 5)),
        ({"ratelimit-remaining": "3", "ratelimit-reset": str(int(NOON.timestamp()) + 60)}, (None, 3, 60)),
        (
            {"x-rate-limit-limit": "9", "x-rate-limit-remaining": "0", "x-rate-limit-reset": "1714564860"},
            (9, 0, 60),
        ),
        ({"x-ratelimit-remaining": "1", "x-ratelimit-reset": "2024-05-01T12:05:00.5Z"}, (None, 1, 300.5)),
        ({"x-ratelimit-remaining": "1", "x-ratelimit-reset": "1714564860000"}, (None, 1, 60)),
        ({"x-ratelimit-remaining": "x", "x-ratelimit-reset": "inf"}, (None, None, None)),
        ({"x-ratelimit-remaining": "1", "x-ratelimit-reset": "9" * 30}, (None, 1, None)),
    ],
)
def test_an_allowance_is_read_as_servers_write_it(headers, expected) -> None:
    limit, remaining, seconds = expected
    reset = None if seconds is None else NOON + timedelta(seconds=seconds)
    assert allowance(headers, NOON) == Allowance(limit, remaining, reset)


def test_a_wait_until_a_date_counts_by_the_clock_of_the_server() -> None:
    told = {"retry-after": "Wed, 01 May 2024 15:00:30 GMT", "date": "Wed, 01 May 2024 15:00:00 GMT"}
    assert retry_after(told, NOON) == 30


def test_a_server_that_says_nothing_allows_nothing_and_forbids_nothing() -> None:
    assert allowance({}, NOON) is None
    assert retry_after({"x-ratelimit-remaining": "5", "x-ratelimit-reset": "90"}, NOON) is None


def test_a_page_in_place_of_data_is_told() -> None:
    answer, _ = ask(lambda _: Told(body=b"<!DOCTYPE html><title>Under repair</title>"))
    with pytest.raises(TransientError, match="web page, titled 'Under repair'"):
        answer.json()


@pytest.mark.parametrize("body", [b"", b"{", b'{"a": NaN}', b"\xff\xfe", b"[" * 200_000])
def test_what_is_no_json_is_told(body: bytes) -> None:
    with pytest.raises(TransientError, match="cannot be read as JSON"):
        ask(lambda _: Told(body=body))[0].json()


def test_data_of_another_shape_is_told() -> None:
    with pytest.raises(TransientError, match="another shape"):
        ask(lambda _: Told(body=b'{"a": "x"}'))[0].json(dict[str, int])


def endless(piece: bytes) -> Iterator[bytes]:
    while True:
        yield piece


def test_an_endless_body_is_cut() -> None:
    error = trouble(lambda _: Told(pieces=endless(b"x" * 4096)), limits=Limits(most_bytes=100_000))
    assert isinstance(error, TransientError)
    assert "more than 100000 bytes" in str(error)


def test_a_body_that_unpacks_without_end_is_cut() -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    error = trouble(
        lambda _: Told(body=bomb, headers={"Content-Encoding": "gzip"}), limits=Limits(most_bytes=1_000_000)
    )
    assert "more than 1000000 bytes" in str(error)


def trickle() -> Iterator[bytes]:
    while True:
        time.sleep(0.05)
        yield b"x"


def test_a_body_that_trickles_for_ever_is_cut() -> None:
    error = trouble(lambda _: Told(pieces=trickle()), limits=Limits(whole=0.4))
    assert isinstance(error, TransientError)
    assert "within 0.4 s" in str(error)


def hushed() -> Iterator[bytes]:
    yield b"x"
    time.sleep(3)


def test_a_server_that_falls_silent_is_told() -> None:
    error = trouble(lambda _: Told(pieces=hushed()), limits=Limits(silence=0.2))
    assert isinstance(error, TransientError)
    assert "does not answer" in str(error)


def test_a_body_that_breaks_off_is_told() -> None:
    def half(_: Asked) -> Told:
        return Told(headers={"Content-Length": "100"}, pieces=iter([b"half"]))

    assert isinstance(trouble(half), TransientError)


def test_nobody_at_that_port_is_told() -> None:
    with loopback(lambda _: Told()) as server:
        address = server.address

    async def once() -> None:
        async with Web("sources.t", allow_private=True) as web:
            await web.get(address)

    with pytest.raises(TransientError, match="failed"):
        asyncio.run(once())


def test_redirects_are_followed_and_a_lasting_one_is_told() -> None:
    def moved(asked: Asked) -> Told:
        return Told(301, headers={"Location": "/b"}) if asked.path == "/a" else Told(body=b"here")

    answer, asked = ask(moved, "/a")
    assert answer.body == b"here"
    assert answer.moved_to is not None
    assert answer.moved_to.endswith("/b")
    assert asked[1].headers["authorization"] == f"Bearer {SECRET}"


def test_a_passing_redirect_is_not_remembered() -> None:
    def moved(asked: Asked) -> Told:
        return Told(302, headers={"Location": "/b"}) if asked.path == "/a" else Told()

    assert ask(moved, "/a")[0].moved_to is None


def test_a_circle_of_redirects_ends() -> None:
    error = trouble(lambda _: Told(302, headers={"Location": "/"}))
    assert isinstance(error, TransientError)
    assert "more than 5 times" in str(error)


def test_a_secret_does_not_go_along_to_another_origin() -> None:
    with loopback(lambda _: Told(body=b"there")) as other:
        answer, _ = ask(
            lambda _: Told(302, headers={"Location": other.address}), headers={"X-Key": "k", "Accept": "a/b"}
        )
    assert answer.body == b"there"
    assert "authorization" not in other.asked[0].headers
    assert "x-key" not in other.asked[0].headers
    assert other.asked[0].headers["accept"] == "a/b"


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "gopher://x/", "http://me:pw@127.0.0.1/", "http://[::"]
)
def test_a_redirect_to_something_else_is_refused(target: str) -> None:
    assert "pw@" not in str(trouble(lambda _: Told(302, headers={"Location": target})))


@pytest.mark.parametrize(
    "address", ["file:///etc/passwd", "x", "", "http://", "http://u:p@127.0.0.1/", "http://[::"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    async def once() -> None:
        async with Web("sources.t", allow_private=True) as web:
            await web.get(address)

    with pytest.raises(PermanentError, match=r"is no address|holds a name and a password"):
        asyncio.run(once())


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1%eth0",
        "fc00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "x",
    ],
)
def test_addresses_inside_are_known(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"])
def test_addresses_outside_are_known(address: str) -> None:
    assert is_public(address)


def private(address: str) -> None:
    async def once() -> None:
        async with Web("sources.t") as web:
            await web.get(address)

    asyncio.run(once())


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "127.1"])
def test_a_machine_inside_is_refused_however_it_is_written(host: str) -> None:
    with loopback(lambda _: Told()) as server:
        with pytest.raises(
            (PermanentError, TransientError), match=r"private network|cannot be resolved|no address"
        ):
            private(f"http://{host}:{server.port}/")
        assert server.asked == []


def test_a_name_that_means_another_machine_the_next_time_does_not_lead_inside(monkeypatch) -> None:
    """The connection goes to the address that was checked, not to the name once more."""
    answers = iter(["192.0.2.1", "127.0.0.1"])

    async def rebinding(*_: object, **__: object) -> list[tuple[object, ...]]:
        return [(2, 1, 6, "", (next(answers), 80))]

    tried: list[str] = []

    async def connect(self: object, host: str, *_: object, **__: object) -> None:
        tried.append(host)
        raise web_addresses.httpcore.ConnectError("no")

    monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "getaddrinfo", rebinding)
    monkeypatch.setattr(web_addresses.httpcore.AnyIOBackend, "connect_tcp", connect)
    monkeypatch.setattr(web_addresses, "is_public", lambda address: not address.startswith("127."))
    with pytest.raises(TransientError):
        private("http://rebinding.example/")
    assert tried == ["192.0.2.1"]
    with pytest.raises(PermanentError, match="private network"):
        private("http://rebinding.example/")
    assert tried == ["192.0.2.1"]


def test_a_redirect_inside_is_refused(monkeypatch) -> None:
    monkeypatch.setattr(web_addresses, "is_public", lambda address: address == "127.0.0.1")
    inside = Told(302, headers={"Location": "http://10.0.0.1/"})
    with loopback(lambda _: inside) as server, pytest.raises(PermanentError, match=r"10\.0\.0\.1"):
        private(server.address)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate of this test")
def test_a_certificate_that_is_not_valid_is_permanent(tmp_path: Path) -> None:
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=elsewhere.example", "-keyout", "key.pem", "-out", "cert.pem"),
        ],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    trusting = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
    with loopback(lambda _: Told(), context=context) as server:

        async def once(trust: ssl.SSLContext | None) -> None:
            async with Web("sources.t", allow_private=True, context=trust) as web:
                await web.get(server.address)

        with pytest.raises(PermanentError, match=r"certificate of 127\.0\.0\.1 is not valid: self-signed"):
            asyncio.run(once(None))
        with pytest.raises(PermanentError, match="not valid: IP address mismatch"):
            asyncio.run(once(trusting))


def test_a_secret_that_is_no_header_is_told_without_it() -> None:
    async def once(address: str) -> None:
        async with Web("sources.t", headers={"Authorization": f"{SECRET}\nX: y"}, allow_private=True) as web:
            await web.get(address)

    with loopback(lambda _: Told()) as server, pytest.raises(PermanentError, match="no valid") as told:
        asyncio.run(once(server.address))
    assert SECRET not in str(told.value)


def lines_of(
    pieces: Iterator[bytes], limits: Limits | None = None, silence: float | None = None
) -> list[str]:
    found: list[str] = []
    with loopback(lambda _: Told(pieces=pieces)) as server:

        async def read() -> None:
            async with (
                Web("sources.t", limits=limits, allow_private=True) as web,
                web.lines(server.address, silence=silence) as lines,
            ):
                async for line in lines:
                    found.append(line)

        asyncio.run(read())
    return found


def test_lines_are_whole_however_they_come() -> None:
    assert lines_of(iter([b"a\r", b"\n\nb", "é".encode()[:1], "é".encode()[1:], b"\nrest"])) == [
        "a",
        "",
        "bé",
    ]


def test_an_endless_line_is_cut() -> None:
    with pytest.raises(TransientError, match="a line of more than 10000 bytes"):
        lines_of(endless(b"x" * 4096), Limits(most_bytes=10_000))


def test_a_stream_that_falls_silent_is_told() -> None:
    with pytest.raises(TransientError, match="does not answer"):
        lines_of(hushed(), silence=0.2)


def test_something_sent_is_not_sent_on_elsewhere() -> None:
    with (
        loopback(lambda _: Told()) as other,
        loopback(lambda _: Told(307, headers={"Location": other.address})) as server,
    ):

        async def once() -> None:
            async with Web("sources.t", allow_private=True) as web:
                await web.post(server.address, form={"secret": SECRET})

        with pytest.raises(PermanentError, match="sends what it is sent on"):
            asyncio.run(once())
    assert server.asked[0].body.decode() == f"secret={SECRET}"
    assert other.asked == []
