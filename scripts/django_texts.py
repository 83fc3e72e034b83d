"""How Babel finds the texts of Django's templates; ``babel.cfg`` and a test use it."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import IO, Any

from babel.messages.extract import extract_python

__all__ = ["extract"]


def extract(
    file: IO[bytes], keywords: Any, comment_tags: Any, options: Any
) -> Iterator[tuple[int, str, Any, Any]]:
    """Yield the texts of a template: Django itself writes it as something like Python first."""
    from django.conf import settings

    if not settings.configured:
        settings.configure(USE_I18N=True)
    from django.utils.translation.template import templatize

    written = templatize(file.read().decode("utf-8"))
    # What is no call of gettext has been crossed out; each line stands by itself.
    for number, line in enumerate(written.splitlines(), 1):
        if "gettext" in line or "_(" in line:
            for _, function, texts, comments in extract_python(
                BytesIO(line.strip().encode("utf-8")), keywords, comment_tags, options
            ):
                yield number, function, texts, comments
