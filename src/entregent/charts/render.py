"""Charts as files: SVG and PNG in a theme and a language, through the extra ``charts``."""

from __future__ import annotations

from textwrap import wrap
from types import ModuleType
from typing import Any

from entregent.charts.spec import HATCH, Chart, spec
from entregent.charts.theme import colour
from entregent.errors import InputError, MissingExtra
from entregent.i18n import Translator

__all__ = ["png", "svg"]

_VEGA_LITE = "6.4"
_WIDTH = 720
_PADDING = 20
_TITLE_LETTER, _UNIT_LETTER = 10, 7
_FILE_THEMES = ("light", "dark")


def _writer() -> ModuleType:
    try:
        import vl_convert
    except ImportError as error:
        raise MissingExtra(
            "Charts cannot be written as files: vl-convert-python is not installed.",
            do="Install it with: pip install 'entregent[charts]'",
        ) from error
    module: ModuleType = vl_convert
    return module


def _titled(chart: Chart, translator: Translator, theme: str, width: int) -> dict[str, Any]:
    drawn = spec(chart, translator, theme=theme)
    below = [translator.text(chart.unit)]
    if chart.source is not None:
        below.append(translator.text(chart.source))
    drawn["title"] = {
        "text": wrap(translator.text(chart.title), width // _TITLE_LETTER),
        "subtitle": wrap(" · ".join(below), width // _UNIT_LETTER),
    }
    drawn["padding"] = _PADDING
    if "vconcat" in drawn:
        for view in drawn["vconcat"]:
            view["width"] = width - _PADDING - drawn["usermeta"]["margin"]
    else:
        drawn |= {"width": width, "autosize": {"type": "fit-x", "contains": "padding"}}
    return drawn


def svg(chart: Chart, translator: Translator, *, theme: str = "light", width: int = _WIDTH) -> str:
    """Return a chart as an SVG file that stands alone.

    Parameters
    ----------
    chart : Chart
    translator : Translator
        Language and zone of the reader.
    theme : {"light", "dark"}
    width : int
        Pixels.

    Returns
    -------
    str
        With the finding as title, unit and source below.

    Raises
    ------
    MissingExtra
        Where the extra ``charts`` is not installed.
    InputError
        For a theme that does not exist.
    """
    if theme not in _FILE_THEMES:
        raise InputError(f"{theme!r} is not a theme of a file.", valid=_FILE_THEMES)
    drawn: str = _writer().vegalite_to_svg(_titled(chart, translator, theme, width), vl_version=_VEGA_LITE)
    if HATCH not in drawn:
        return drawn
    pattern = (
        '<defs><pattern id="entregent-hatch" width="6" height="6" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)"><line x1="0" y1="0" x2="0" y2="6" '
        f'stroke="{colour("muted", theme)}" stroke-width="1.4"/></pattern></defs>'
    )
    head, mark, rest = drawn.partition(">")
    return head + mark + pattern + rest


def png(
    chart: Chart, translator: Translator, *, theme: str = "light", width: int = _WIDTH, scale: float = 2.0
) -> bytes:
    """Return a chart as a PNG file.

    Parameters
    ----------
    chart, translator, theme, width
        As in :func:`svg`.
    scale : float
        Pixels of the file for one of the drawing.

    Returns
    -------
    bytes

    Raises
    ------
    MissingExtra
        Where the extra ``charts`` is not installed.
    """
    image: bytes = _writer().svg_to_png(svg(chart, translator, theme=theme, width=width), scale=scale)
    return image
