"""How all live sources speak to servers: one client, careful with what it is told and with what it tells."""

from entregent.sources.web.allowance import Allowance, allowance, retry_after
from entregent.sources.web.answer import Answer, Lines
from entregent.sources.web.client import Limits, Web

__all__ = ["Allowance", "Answer", "Limits", "Lines", "Web", "allowance", "retry_after"]
