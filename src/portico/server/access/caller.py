"""Who is calling, as found once by the guard; every later question about the caller reads this value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from portico.server.ids import OrganizationId, ProjectId, TokenId, UserId

Scope = Literal["organization", "project", "user", "installation"]
"""`user`: signed in, no place chosen. `installation`: the root token of the host."""
Standing = Literal["none", "frontend", "backend", "administrator"]
"""What the roles of a user in a project add up to; each includes those before it."""


@dataclass(frozen=True, slots=True)
class Roles:
    """What a signed-in user may, in the place that the headers name.

    `assistants` are those that frontend roles let him execute; None for all of them. Backend roles imply all.
    """

    standing: Standing = "none"
    assistants: frozenset[str] | None = frozenset()
    organization_administrator: bool = False
    system_administrator: bool = False


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated token or user: its organization, its project, its own id.

    With organization scope the project is the one a project header names, of the same organization, or None. A user
    has `user_id` and `roles`, and the scope `project` when the headers name a project in which he has a role,
    `organization` when he administers his organization, else `user`; his `token_id` is his own id, so that usage can
    be told by it.
    """

    organization_id: OrganizationId
    organization_name: str
    token_id: TokenId
    scope: Scope
    project_id: ProjectId | None = None
    project_name: str | None = None
    token_name: str = ""
    user_id: UserId | None = None
    user_email: str = ""
    roles: Roles | None = None


def acting_for(
    organization_id: OrganizationId, organization_name: str, project_id: ProjectId, project_name: str, doing: str
) -> Caller:
    """The house itself at work for a project: metered and limited as a caller of it, told apart by what it is doing."""
    return Caller(
        organization_id, organization_name, TokenId(doing), "project", project_id, project_name, token_name=doing
    )
