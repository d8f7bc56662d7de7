"""What a project lets in and out: injection rules, deny words, personal data, a moderation endpoint."""

from portico.server.gateway.guardrails.answers import ChunkGuard, guard_whole
from portico.server.gateway.guardrails.around import GuardedStream, guard_answer
from portico.server.gateway.guardrails.hosts import Hosts
from portico.server.gateway.guardrails.output import OutputGuard
from portico.server.gateway.guardrails.policy import Policy, Verdict
from portico.server.gateway.guardrails.registry import Guardrails

__all__ = [
    "ChunkGuard",
    "GuardedStream",
    "Guardrails",
    "Hosts",
    "OutputGuard",
    "Policy",
    "Verdict",
    "guard_answer",
    "guard_whole",
]
