"""Which scope may enter which area of the API: the scope matrix of the reference, one row per area."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from portico.server.access.caller import Caller, Scope
from portico.server.errors import OutOfScope

Area = Literal[
    "execution",  # chat, responses, embeddings, rerank, images, video, audio, parser
    "catalog",  # LLM API
    "assistants",  # assistants, RAG, files, feedback
    "organization",  # Organization API
    "organization_reads",  # its few reads that a project token may make
    "organization_limits",
    "project_limits",
    "project_tokens",
    "token_check",
    "installation",  # /v2/admin/organizations: no token at all
]

_BOTH: frozenset[Scope] = frozenset(("organization", "project"))
_PROJECT: frozenset[Scope] = frozenset(("project",))
_ORGANIZATION: frozenset[Scope] = frozenset(("organization",))

ALLOWED: Mapping[Area, frozenset[Scope]] = {
    "execution": _PROJECT,
    "catalog": _BOTH,
    "assistants": _PROJECT,
    "organization": _ORGANIZATION,
    "organization_reads": _BOTH,
    "organization_limits": _ORGANIZATION,
    "project_limits": _BOTH,
    "project_tokens": _BOTH,
    "token_check": _BOTH,
    "installation": frozenset(),
}


def require(caller: Caller, area: Area) -> None:
    """Raises OutOfScope (403, id 7)."""
    if caller.scope not in ALLOWED[area]:
        raise OutOfScope
