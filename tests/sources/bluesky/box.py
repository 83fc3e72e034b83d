"""A real Bluesky network on loopback: a personal data server and an identity server, in Node."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

FOLDER = Path(__file__).resolve().parents[2] / "boxes" / "bluesky"
NEEDED = ("node_modules/@atproto/dev-env", "node_modules/better-sqlite3/build/Release")


def missing() -> str | None:
    """Return what is missing to run the network, None where nothing is."""
    if shutil.which("node") is None:
        return "node is not installed"
    if not all((FOLDER / one).is_dir() for one in NEEDED):
        return "the Bluesky box is not installed"
    return None


def require_box() -> None:
    """Skip a test where the box is missing; fail where it must not be."""
    if (what := missing()) is not None:
        told = f"{what}: make boxes installs it"
        if os.environ.get("CI") == "true":
            pytest.fail(told)
        pytest.skip(told)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Node:
    """One server of the box, in a process of its own."""

    def __init__(self, *arguments: str, **environment: str) -> None:
        self._arguments = arguments
        self._environment = environment
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            ["node", "-r", "./loopback.cjs", "server.cjs", *self._arguments],
            cwd=FOLDER,
            env={**os.environ, "LOG_ENABLED": "false", **self._environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._process.stdout is not None
        said = []
        for line in self._process.stdout:
            said.append(line)
            if line.strip() == "ready":
                return
        raise AssertionError(f"The server did not start: {''.join(said[-20:])}")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        if self._process is None:
            return
        self._process.send_signal(number)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process = None


class Box:
    """The network: accounts are made and records written through its data server."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        identities = free_port()
        self._identity_server = Node("identities", str(identities))
        self._folder = folder
        self.identities = f"http://localhost:{identities}"
        self._data = Node("data", str(self.port), self.identities, str(folder))
        self._web = httpx.Client(base_url=f"http://localhost:{self.port}", timeout=30, trust_env=False)

    @property
    def url(self) -> str:
        return f"ws://localhost:{self.port}"

    def __enter__(self) -> Box:
        require_box()
        self._identity_server.start()
        self._data.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._web.close()
        self._data.stop()
        self._identity_server.stop()

    def kill(self) -> None:
        """Kill the data server."""
        self._data.stop(signal.SIGKILL)

    def start(self, **environment: str) -> None:
        """Start the data server again, with what it has on disk."""
        self._data = Node("data", str(self.port), self.identities, str(self._folder), **environment)
        self._data.start()

    def call(self, method: str, token: str | None = None, **body: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = self._web.post(f"/xrpc/{method}", json=body or None, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json() if answer.content else {}

    def person(self, name: str) -> Person:
        made = self.call(
            "com.atproto.server.createAccount",
            handle=f"{name}.test",
            email=f"{name}@example.org",
            password="not a secret",
        )
        return Person(self, made["did"], made["accessJwt"], name)


class Person:
    """Somebody with an account."""

    def __init__(self, box: Box, did: str, token: str, name: str) -> None:
        self.box, self.did, self.token, self.name = box, did, token, name

    def write(self, collection: str, **record: Any) -> dict[str, str]:
        told = {"$type": collection, "createdAt": "2024-05-01T08:00:00.000Z", **record}
        return self.box.call(
            "com.atproto.repo.createRecord", self.token, repo=self.did, collection=collection, record=told
        )

    def post(self, text: str, **more: Any) -> dict[str, str]:
        """Return the reference (uri and cid) of a new post."""
        made = self.write("app.bsky.feed.post", text=text, **more)
        return {"uri": made["uri"], "cid": made["cid"]}

    def edit(self, reference: dict[str, str], text: str) -> None:
        collection, key = reference["uri"].split("/")[-2:]
        told = {"$type": collection, "createdAt": "2024-05-01T08:00:00.000Z", "text": text}
        self.box.call(
            "com.atproto.repo.putRecord",
            self.token,
            repo=self.did,
            collection=collection,
            rkey=key,
            record=told,
        )

    def delete(self, uri: str) -> None:
        collection, key = uri.split("/")[-2:]
        self.box.call(
            "com.atproto.repo.deleteRecord", self.token, repo=self.did, collection=collection, rkey=key
        )
