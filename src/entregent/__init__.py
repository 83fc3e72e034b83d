"""Listen to public conversations; see who is known, who is heard, who changes what others do.

>>> import entregent
>>> entregent.__version__
'0.1.0'
"""

from entregent.errors import EntregentError

__version__ = "0.1.0"

__all__ = ["EntregentError", "__version__"]
