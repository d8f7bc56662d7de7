"""Who may enter which area of the API: the scope matrix of the reference, and the least role of a signed-in user.

Both are tables with a row per area; docs/sign-in.md shows them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from portico.server.access.caller import Caller, Roles, Scope
from portico.server.errors import FieldRequired, Forbidden, OutOfScope, PorticoError

Area = Literal[
    "execution",  # chat, which may be with an assistant
    "models",  # without one: responses, embeddings, rerank, images, video, audio, parser
    "catalog",  # LLM API
    "assistants",  # assistants, RAG, feedback
    "files",  # of a project; a token of the organization says which
    "organization",  # Organization API
    "organization_reads",  # its few reads that a project token may make
    "organization_limits",
    "project_limits",
    "project_tokens",
    "provider_settings",  # keys of providers, model aliases
    "own_providers",
    "token_check",
    "project_members",  # members and roles of a project, to look at
    "project_administration",  # to invite and remove them, to make roles
    "organization_members",
    "secrets",
    "audit",  # the log of a project, or of the organization
    "audit_check",
    "installation",  # /v2/admin/organizations: no token but the root token
]

_BOTH: frozenset[Scope] = frozenset(("organization", "project"))
_PROJECT: frozenset[Scope] = frozenset(("project",))
_ORGANIZATION: frozenset[Scope] = frozenset(("organization",))

ALLOWED: Mapping[Area, frozenset[Scope]] = {
    "execution": _PROJECT,
    "models": _PROJECT,
    "catalog": _BOTH,
    "assistants": _PROJECT,
    "files": _BOTH,
    "organization": _ORGANIZATION,
    "organization_reads": _BOTH,
    "organization_limits": _ORGANIZATION,
    "project_limits": _BOTH,
    "project_tokens": _BOTH,
    "provider_settings": _BOTH,
    "own_providers": _ORGANIZATION,
    "token_check": _BOTH,
    "project_members": _BOTH,
    "project_administration": _ORGANIZATION,
    "organization_members": _ORGANIZATION,
    "secrets": _BOTH,
    "audit": _BOTH,
    "audit_check": _ORGANIZATION,
    "installation": frozenset(("installation",)),
}

Role = Literal["frontend", "backend", "administrator", "organization", "installation", "anyone"]
LEAST: Mapping[Area, Role] = {
    "execution": "frontend",
    "models": "backend",
    "catalog": "frontend",
    "assistants": "backend",
    "files": "backend",
    "organization": "organization",
    "organization_reads": "backend",
    "organization_limits": "organization",
    "project_limits": "backend",
    "project_tokens": "backend",
    "provider_settings": "backend",
    "own_providers": "organization",
    "token_check": "anyone",
    "project_members": "backend",
    "project_administration": "administrator",
    "organization_members": "organization",
    "secrets": "administrator",
    "audit": "administrator",
    "audit_check": "organization",
    "installation": "installation",
}
"""The least that a user must be. In projects: a frontend role, a backend role, project administrator; above them the
administrator of the organization; apart from them the system administrator. Who has a backend role may make project
tokens (organization reference, "Roles"), so he may what they may."""
_RANK = {"none": 0, "frontend": 1, "backend": 2, "administrator": 3}


def may(caller: Caller, area: Area) -> bool:
    """Whether `require` would let him pass."""
    try:
        require(caller, area)
    except PorticoError:
        return False
    return True


def require(caller: Caller, area: Area) -> None:
    """Raises OutOfScope (403, id 7) for a token; for a user Forbidden (403, id 403), or FieldRequired (400, id 9) when
    he would have to say where."""
    if caller.roles is not None:
        _require_role(caller, caller.roles, area)
    elif caller.scope not in ALLOWED[area]:
        raise OutOfScope


def require_assistant(caller: Caller, assistant_id: str) -> None:
    """Raises Forbidden (403, id 403) for a user with frontend roles only, none of which lists the assistant."""
    roles = caller.roles
    if roles is None or _RANK[roles.standing] >= _RANK["backend"] or roles.assistants is None:
        return
    if assistant_id not in roles.assistants:
        raise Forbidden


def require_backend(caller: Caller) -> None:
    """Raises Forbidden (403, id 403) for a user who may only execute."""
    roles = caller.roles
    if roles is not None and _RANK[roles.standing] < _RANK["backend"] and not roles.organization_administrator:
        raise Forbidden


def _require_role(caller: Caller, roles: Roles, area: Area) -> None:
    match LEAST[area]:
        case "anyone":
            return
        case "installation":
            passes = roles.system_administrator
        case "organization":
            passes = roles.organization_administrator
        case role:
            if caller.project_id is None and not (roles.organization_administrator and "organization" in ALLOWED[area]):
                raise FieldRequired("project-id")
            passes = roles.organization_administrator or _RANK[roles.standing] >= _RANK[role]
    if not passes:
        raise Forbidden
