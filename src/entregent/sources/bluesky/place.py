"""Where a stream goes on: the cursor that is kept with the records."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from entregent.clock import from_micros, to_micros
from entregent.errors import PermanentError

__all__ = ["Place"]

_WRITTEN = re.compile(r"(jetstream|jetstream2|firehose)([:!])(\d{1,18})@(\d{1,18})")


@dataclass(frozen=True)
class Place:
    """A place in a stream.

    Parameters
    ----------
    stream : {"jetstream", "jetstream2", "firehose"}
    number : int
        Of the last event: microseconds of Jetstream's clock, or the sequence
        number of the others.
    heard : datetime
        When that event came, by our own clock (of a firehose: when it
        happened, where that was earlier): a server's clock and numbers may
        start anew.
    exact : bool
        Whether to go on right there: no event is known to stand at `number`.
    """

    stream: str
    number: int
    heard: datetime
    exact: bool = False

    def written(self) -> str:
        """Return the text that is kept.

        >>> Place("firehose", 17, from_micros(5)).written()
        'firehose:17@5'
        """
        return f"{self.stream}{'!' if self.exact else ':'}{self.number}@{to_micros(self.heard)}"

    @classmethod
    def read(cls, text: str | None, name: str) -> Place | None:
        """Return the place that a text tells, None where there is none.

        Raises
        ------
        PermanentError
            Where it is a text of something else.

        Examples
        --------
        >>> Place.read("jetstream!17@5", "bluesky").exact
        True
        """
        if text is None:
            return None
        found = _WRITTEN.fullmatch(text)
        if not found:
            raise PermanentError(
                f"The cursor {text!r} is none of Bluesky.", where=name, do="Give the source a new name."
            )
        stream, mark, number, heard = found.groups()
        return cls(stream, int(number), from_micros(int(heard)), mark == "!")
