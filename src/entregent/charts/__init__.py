"""Charts: a finding, its numbers as a table, and a picture of them as plain data."""

from entregent.charts.label import KINDS, language_name
from entregent.charts.people import heard, known_heard
from entregent.charts.render import png, svg
from entregent.charts.shares import bars, kinds, languages
from entregent.charts.spec import Chart, Column, page_spec
from entregent.charts.table import Table, table
from entregent.charts.volume import volume

__all__ = [
    "KINDS",
    "Chart",
    "Column",
    "Table",
    "bars",
    "heard",
    "kinds",
    "known_heard",
    "language_name",
    "languages",
    "page_spec",
    "png",
    "svg",
    "table",
    "volume",
]
