"""A server on loopback that answers as a test says, and the ways in which servers fail."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

__all__ = ["Asked", "Loopback", "Told", "loopback"]


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Told:
    """One answer; `pieces` are sent one after the other, without a length."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    pieces: Iterator[bytes] | None = None


FAULTS: Mapping[str, Told] = {
    "429": Told(429, b'{"error": "slow down"}', {"Retry-After": "7", "Content-Type": "application/json"}),
    "500": Told(500, b"oops"),
    "html": Told(200, b"<!doctype html><title>Maintenance</title>", {"Content-Type": "text/html"}),
    "401": Told(401, b'{"error": "who are you"}', {"Content-Type": "application/json"}),
}


class Loopback:
    """Where it listens, what it was asked, and how it fails now."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.server = server
        self.asked: list[Asked] = []
        self.fault: str | None = None

    @property
    def port(self) -> int:
        """Its port."""
        return int(self.server.server_address[1])

    @property
    def address(self) -> str:
        """Its address, without a slash at the end."""
        scheme = "https" if getattr(self.server, "tls", False) else "http"
        return f"{scheme}://127.0.0.1:{self.port}"

    @contextmanager
    def failing(self, fault: str) -> Iterator[None]:
        """Answer everything with a fault of :data:`FAULTS` for a while; ``gone`` closes every connection."""
        self.fault = fault
        try:
            yield
        finally:
            self.fault = None


@contextmanager
def loopback(answer: Callable[[Asked], Told], *, context: object = None) -> Iterator[Loopback]:
    """Serve what `answer` says, from a thread of its own.

    Parameters
    ----------
    answer : callable
    context : ssl.SSLContext, optional
        For ``https``.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *told: object) -> None:
            pass

        def _serve(self) -> None:
            parts = urlsplit(self.path)
            query = {key: values[-1] for key, values in parse_qs(parts.query, keep_blank_values=True).items()}
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {key.lower(): value for key, value in self.headers.items()}
            asked = Asked(self.command, parts.path, query, headers, body)
            held.asked.append(asked)
            if held.fault == "gone":
                self.close_connection = True
                return
            told = FAULTS[held.fault] if held.fault else answer(asked)
            self.send_response(told.status)
            for key, value in told.headers.items():
                self.send_header(key, value)
            if told.pieces is None:
                self.send_header("Content-Length", str(len(told.body)))
                self.end_headers()
                self.wfile.write(told.body)
                return
            self.send_header("Connection", "close")
            self.end_headers()
            self.close_connection = True
            try:
                for piece in told.pieces:
                    self.wfile.write(piece)
                    self.wfile.flush()
            except (BrokenPipeError, ConnectionResetError):
                pass

        do_GET = do_POST = do_DELETE = _serve

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 256
        tls = context is not None

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that hangs up is no fault of a test."""

    server = Server(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)  # type: ignore[attr-defined]
    held = Loopback(server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield held
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
