"""What a server answered."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, overload

import httpx
import msgspec

from entregent.errors import TransientError
from entregent.sources.web.allowance import Allowance
from entregent.sources.web.redaction import redacted, shown

__all__ = ["Answer", "Lines"]

Shape = TypeVar("Shape")
_TITLE = re.compile(rb"<title[^>]*>([^<]{1,200})", re.IGNORECASE)
_PAGE = re.compile(rb"\s*(?:\xef\xbb\xbf)?\s*<(?:!doctype html|html|head|body|!--)", re.IGNORECASE)
MOST_TOLD = 160


@dataclass(frozen=True)
class Answer:
    """The whole answer to one request.

    `address` is where it came from in the end; `moved_to` the same where
    every redirect on the way was a lasting one, else None.
    """

    status: int
    headers: httpx.Headers
    body: bytes = field(repr=False)
    address: str
    where: str
    moved_to: str | None = None
    allowance: Allowance | None = None

    @property
    def is_page(self) -> bool:
        """Whether a web page came, whatever was asked for."""
        told = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        return told in ("text/html", "application/xhtml+xml") or _PAGE.match(self.body) is not None

    @overload
    def json(self) -> Any: ...
    @overload
    def json(self, shape: type[Shape]) -> Shape: ...
    def json(self, shape: Any = Any) -> Any:
        """Return the body read as JSON.

        Parameters
        ----------
        shape : type
            What is expected, see msgspec; anything unless told.

        Returns
        -------
        object

        Raises
        ------
        TransientError
            Where it is a web page, no JSON, or of another shape: a server
            that answers so is being worked on more often than not.
        """
        address = shown(self.address)
        if self.is_page:
            title = _TITLE.search(self.body)
            named = f", titled {redacted(title[1].decode('utf-8', 'replace'))[:MOST_TOLD]!r}" if title else ""
            raise TransientError(
                f"{address} answered with a web page{named}, where data was expected.",
                where=self.where,
                do="Check the address of the server.",
            )
        try:
            return msgspec.json.decode(self.body, type=shape)
        except msgspec.ValidationError as error:
            raise TransientError(
                f"{address} answered with something of another shape: {redacted(str(error))}.",
                where=self.where,
            ) from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            what = f"{len(self.body)} bytes" if self.body else "nothing"
            raise TransientError(
                f"{address} answered with {what} that cannot be read as JSON.", where=self.where
            ) from error

    def text(self) -> str:
        """Return the body as text, in the encoding that the server names, else UTF-8; never fails.

        Returns
        -------
        str
        """
        found = re.search(r"charset=[\"']?([\w.:-]+)", self.headers.get("content-type", ""))
        try:
            return self.body.decode(found[1] if found else "utf-8", "replace")
        except LookupError:
            return self.body.decode("utf-8", "replace")


class Lines:
    """An answer that never ends, read line by line.

    Parameters
    ----------
    answer : Answer
        Without a body.
    pieces : async iterator of bytes
    most_bytes : int
        Longest line.
    """

    def __init__(self, answer: Answer, pieces: Callable[[], AsyncIterator[bytes]], most_bytes: int) -> None:
        self.answer = answer
        self._pieces = pieces
        self._most_bytes = most_bytes

    async def __aiter__(self) -> AsyncIterator[str]:
        """Yield each line without its end, empty ones too; a last one that does not end is left out.

        Raises
        ------
        TransientError
            For a line that does not end, or a connection that breaks or falls silent.
        """
        rest = b""
        async for piece in self._pieces():
            *whole, rest = (rest + piece).split(b"\n")
            for line in whole:
                yield line.removesuffix(b"\r").decode("utf-8", "replace")
            if len(rest) > self._most_bytes:
                raise TransientError(
                    f"{shown(self.answer.address)} sends a line of more than {self._most_bytes} bytes.",
                    where=self.answer.where,
                )
