"""Files of public conversations: opened, recognised by content, read in batches."""

from entregent.sources.files.format import Format, Opened, Options
from entregent.sources.files.reader import Files
from entregent.sources.files.registry import FORMATS

__all__ = ["FORMATS", "Files", "Format", "Opened", "Options"]
