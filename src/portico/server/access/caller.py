"""Who is calling, as found once by the guard; every later question about the caller reads this value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from portico.server.ids import OrganizationId, ProjectId, TokenId

Scope = Literal["organization", "project"]


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated token: its organization, its project, its own id.

    With organization scope the project is the one a project header names, of the same organization, or None.
    """

    organization_id: OrganizationId
    organization_name: str
    token_id: TokenId
    scope: Scope
    project_id: ProjectId | None = None
    project_name: str | None = None
