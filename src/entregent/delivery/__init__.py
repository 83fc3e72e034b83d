"""How people and programs are told of alerts: log, file, webhook, mail.

A channel is told of one alert at a time and either has it when it returns, or
raises an error that says whether to try again. The id of an alert is stable:
whoever is told twice can see that it is the same.
"""

from entregent.delivery.base import Alert, Channel
from entregent.delivery.registry import KINDS, channel

__all__ = ["KINDS", "Alert", "Channel", "channel"]
