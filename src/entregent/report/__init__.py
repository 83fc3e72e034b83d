"""The study as a page and as files: what is shown, how it is written, how names are taken out."""

from entregent.report.directory import write
from entregent.report.facts import stand_out
from entregent.report.page import render
from entregent.report.pseudonyms import pseudonymise

__all__ = ["pseudonymise", "render", "stand_out", "write"]
