"""May this caller spend this now: usage limits and per-minute rates, from leases in memory.

`Limits.of(caller)` gives a Policy or None; `policy.try_take`/`take` a Ticket; `ticket.settle` says what it really took.
"""

from portico.server.gateway.limits.estimate import worst_case
from portico.server.gateway.limits.keeper import Limits
from portico.server.gateway.limits.policy import Policy, Ticket

__all__ = ["Limits", "Policy", "Ticket", "worst_case"]
