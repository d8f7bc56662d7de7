"""Members, roles and memberships. The server writes these shapes, the SDK reads them.

The vendor's manager reads `roles` and `members` at the top, its live tests under `projects[0]`: both are there.
"""

from __future__ import annotations

from msgspec import UNSET, UnsetType, field

from portico.wire.tolerant import Shape


class Role(Shape, rename="camel"):
    """A role of a project or an organization. `type`: Backend or Frontend; `origin`: System or User.

    `assistants` are ids, and stand in roles that users made: a role of the system names none.
    """

    id: str
    name: str = ""
    external_id: str = ""
    type: str = ""
    origin: str = ""
    assistants: list[str] | UnsetType = UNSET


class Member(Shape, rename="camel"):
    """A user with the roles it holds there. `last_login_at` is absent while an invitation waits to be taken up."""

    email: str
    user_id: str = ""
    id: str = ""
    name: str = ""
    access_type: str = "User"
    roles: list[Role] = field(default_factory=list)
    last_login_at: str | UnsetType = UNSET


class ProjectAccess(Shape, rename="camel"):
    """A project with the roles, or the members, asked for."""

    project_id: str
    project_name: str = ""
    project_description: str = ""
    organization_id: str = ""
    organization_name: str = ""
    is_active: bool = True
    roles: list[Role] | UnsetType = UNSET
    members: list[Member] | UnsetType = UNSET


class OrganizationAccess(Shape, rename="camel"):
    """An organization with the roles that a user holds in it and in its projects."""

    organization_id: str
    organization_name: str = ""
    is_active: bool = True
    is_station_available: bool = False
    roles: list[Role] = field(default_factory=list)
    projects: list[ProjectAccess] = field(default_factory=list)


class RoleList(Shape):
    """Answer of `GET /v2/accessControl/projects/roles`; `count` over all pages."""

    count: int = 0
    pages: int = 0
    roles: list[Role] = field(default_factory=list)
    projects: list[ProjectAccess] | UnsetType = UNSET


class MemberList(Shape, rename="camel"):
    """Answer of `GET /v2/accessControl/projects/members` and `.../organizations/members`; `count` over all pages."""

    count: int = 0
    pages: int = 0
    organization_id: str | UnsetType = UNSET
    organization_name: str | UnsetType = UNSET
    members: list[Member] = field(default_factory=list)
    projects: list[ProjectAccess] | UnsetType = UNSET


class Memberships(Shape):
    """Answer of `GET /v2/accessControl/memberships`; `count` over all pages."""

    count: int = 0
    pages: int = 0
    organizations: list[OrganizationAccess] = field(default_factory=list)


class ProjectMemberships(Shape, rename="camel"):
    """Answer of `GET /v2/accessControl/projects/memberships`; `count` over all pages."""

    count: int = 0
    pages: int = 0
    organization_id: str = ""
    projects: list[ProjectAccess] = field(default_factory=list)


class Invitation(Shape, rename="camel"):
    """One line of the history: who gave or took which roles, when. `action`: invite, remove."""

    action: str = ""
    at: str = ""
    by: str = ""
    email: str = ""
    user_id: str = ""
    roles: list[str] = field(default_factory=list)


class InvitationList(Shape):
    """Answer of `GET /v2/accessControl/projects/invitations`, newest first; `count` over all pages."""

    count: int = 0
    pages: int = 0
    invitations: list[Invitation] = field(default_factory=list)


class RuntimePolicies(Shape):
    """Answer of `GET /v2/accessControl/organization/plugin-runtime-policies`; no policy means no restriction."""

    policies: list[str] = field(default_factory=list)
    messages: dict[str, str] = field(default_factory=dict)


class AuthorizedOrganization(Shape, rename="camel"):
    """An organization in which a credential may do something."""

    organization_id: str
    organization_name: str = ""
    id: str = ""
    name: str = ""


class AuthorizedOrganizations(Shape):
    """Answer of `GET /v1/accessControl/user/organizations`."""

    organizations: list[AuthorizedOrganization] = field(default_factory=list)


class HandedToken(Shape, rename="camel"):
    """Answer of `GET /v1/accessControl/user/token/project`: the secret of a token made for this call."""

    api_token: str = ""
