"""Members, roles and memberships, high level. `project_id` names the project where the token has none."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence

from portico.sdk.call import JsonObject
from portico.sdk.clients.access_control import AccessControlClient, AsyncAccessControlClient, Part
from portico.sdk.managers.base import S, read, read_list
from portico.sdk.paging import Page, Place, paged, paged_async
from portico.wire.access_control import (
    AuthorizedOrganization,
    HandedToken,
    Invitation,
    Member,
    OrganizationAccess,
    ProjectAccess,
    Role,
)
from portico.wire.projects import Project

Names = Sequence[str]


class AccessControl:
    """`client.access_control`: who may do what in a project and in an organization."""

    def __init__(self, client: AccessControlClient) -> None:
        self._client = client

    def memberships(self, *, email: str | None = None) -> Iterator[OrganizationAccess]:
        """Organizations, projects and roles of a user, of oneself without an address. Raises NotFound."""
        return paged(
            lambda place: _page(
                OrganizationAccess, self._client.list_memberships(email=email, **_part(place)), "organizations"
            )
        )

    def project_memberships(self, *, email: str | None = None) -> Iterator[ProjectAccess]:
        """Projects and roles of a user in one organization. Raises NotFound."""
        return paged(
            lambda place: _page(
                ProjectAccess, self._client.list_project_memberships(user_email=email, **_part(place)), "projects"
            )
        )

    def members(self, *, project_id: str | None = None) -> Iterator[Member]:
        """Of a project, by name."""
        return paged(
            lambda place: _page(
                Member, self._client.list_project_members(project_id=project_id, **_part(place)), "members"
            )
        )

    def organization_members(self) -> Iterator[Member]:
        """Of the organization itself, by address."""
        return paged(lambda place: _page(Member, self._client.list_organization_members(**_part(place)), "members"))

    def roles(self, *, project_id: str | None = None) -> Iterator[Role]:
        """Of a project, by name."""
        return paged(lambda place: _page(Role, self._client.list_roles(project_id=project_id, **_part(place)), "roles"))

    def invitations(self, *, project_id: str | None = None) -> Iterator[Invitation]:
        """Who gave or took which roles of a project, newest first."""
        return paged(
            lambda place: _page(
                Invitation, self._client.list_invitations(project_id=project_id, **_part(place)), "invitations"
            )
        )

    def invite(self, email: str, roles: Names, *, project_id: str | None = None) -> Member:
        """Roles of a project, by name or id, for a user who is known or becomes so. Raises NotFound for a role."""
        return read(Member, self._client.add_project_member(email, roles, project_id=project_id))

    def remove(self, project: str, user: str, *, roles: Names = ()) -> Member:
        """All roles of a user in a project, or these; with what is left to him. Raises NotFound."""
        return read(Member, self._client.remove_project_member(project, user, roles=roles))

    def invite_to_organization(self, email: str, roles: Names = ()) -> Member:
        """Roles of the organization itself; `Organization Member` when none is named."""
        return read(Member, self._client.add_organization_member(email, roles))

    def remove_from_organization(self, user: str, *, roles: Names = ()) -> Member:
        """Roles of the organization itself; those in its projects stay. Raises NotFound."""
        return read(Member, self._client.remove_organization_member(user, roles=roles))

    def get_role(self, role: str, *, project_id: str | None = None) -> Role:
        """By name or id. Raises NotFound."""
        return read(Role, self._client.get_role(role, project_id=project_id))

    def create_role(
        self,
        name: str,
        *,
        assistants: Names | None = None,
        external_id: str | None = None,
        project_id: str | None = None,
    ) -> Role:
        """A role that opens these assistants. Raises RequestConflict when the name is taken, NotFound."""
        made = self._client.create_role(name, assistants=assistants, external_id=external_id, project_id=project_id)
        return read(Role, made)

    def update_role(
        self,
        role: str,
        *,
        name: str | None = None,
        assistants: Names | None = None,
        external_id: str | None = None,
        project_id: str | None = None,
    ) -> Role:
        """What is None stays. Raises NotFound, RequestConflict for a role of the system."""
        changed = self._client.update_role(
            role, name=name, assistants=assistants, external_id=external_id, project_id=project_id
        )
        return read(Role, changed)

    def delete_role(self, role: str, *, project_id: str | None = None) -> Role:
        """Raises NotFound; RequestConflict while somebody holds it, and for a role of the system."""
        return read(Role, self._client.delete_role(role, project_id=project_id))

    def user_organizations(self) -> list[AuthorizedOrganization]:
        """Those that the caller reaches."""
        return read_list(AuthorizedOrganization, self._client.list_user_organizations(), "organizations")

    def user_projects(self, organization: str) -> list[Project]:
        """Those that the caller reaches in an organization, named by id or name. Raises Forbidden."""
        return read_list(Project, self._client.list_user_projects(organization), "projects")

    def check_access(self, organization: str, project: str, access_token: str) -> None:
        """Whether the user of an access token sees a project. Raises Forbidden when not, Unauthorized for the token."""
        self._client.check_project_access(organization, project, access_token)

    def hand_out_token(self, organization: str, project: str, access_token: str) -> str:
        """A new token of a project for the user of an access token; it ends after 30 days. Raises Forbidden,
        Unauthorized."""
        answer = self._client.get_project_token(organization, project, access_token)
        return read(HandedToken, answer).api_token


class AsyncAccessControl:
    """The same for asyncio."""

    def __init__(self, client: AsyncAccessControlClient) -> None:
        self._client = client

    def memberships(self, *, email: str | None = None) -> AsyncIterator[OrganizationAccess]:
        """Organizations, projects and roles of a user, of oneself without an address. Raises NotFound."""

        async def fetch(place: Place) -> Page[OrganizationAccess]:
            return _page(
                OrganizationAccess, await self._client.list_memberships(email=email, **_part(place)), "organizations"
            )

        return paged_async(fetch)

    def project_memberships(self, *, email: str | None = None) -> AsyncIterator[ProjectAccess]:
        """Projects and roles of a user in one organization. Raises NotFound."""

        async def fetch(place: Place) -> Page[ProjectAccess]:
            return _page(
                ProjectAccess, await self._client.list_project_memberships(user_email=email, **_part(place)), "projects"
            )

        return paged_async(fetch)

    def members(self, *, project_id: str | None = None) -> AsyncIterator[Member]:
        """Of a project, by name."""

        async def fetch(place: Place) -> Page[Member]:
            return _page(
                Member, await self._client.list_project_members(project_id=project_id, **_part(place)), "members"
            )

        return paged_async(fetch)

    def organization_members(self) -> AsyncIterator[Member]:
        """Of the organization itself, by address."""

        async def fetch(place: Place) -> Page[Member]:
            answer = await self._client.list_organization_members(**_part(place))
            return _page(Member, answer, "members")

        return paged_async(fetch)

    def roles(self, *, project_id: str | None = None) -> AsyncIterator[Role]:
        """Of a project, by name."""

        async def fetch(place: Place) -> Page[Role]:
            answer = await self._client.list_roles(project_id=project_id, **_part(place))
            return _page(Role, answer, "roles")

        return paged_async(fetch)

    def invitations(self, *, project_id: str | None = None) -> AsyncIterator[Invitation]:
        """Who gave or took which roles of a project, newest first."""

        async def fetch(place: Place) -> Page[Invitation]:
            return _page(
                Invitation, await self._client.list_invitations(project_id=project_id, **_part(place)), "invitations"
            )

        return paged_async(fetch)

    async def invite(self, email: str, roles: Names, *, project_id: str | None = None) -> Member:
        """Roles of a project, by name or id, for a user who is known or becomes so. Raises NotFound for a role."""
        return read(Member, await self._client.add_project_member(email, roles, project_id=project_id))

    async def remove(self, project: str, user: str, *, roles: Names = ()) -> Member:
        """All roles of a user in a project, or these; with what is left to him. Raises NotFound."""
        return read(Member, await self._client.remove_project_member(project, user, roles=roles))

    async def invite_to_organization(self, email: str, roles: Names = ()) -> Member:
        """Roles of the organization itself; `Organization Member` when none is named."""
        return read(Member, await self._client.add_organization_member(email, roles))

    async def remove_from_organization(self, user: str, *, roles: Names = ()) -> Member:
        """Roles of the organization itself; those in its projects stay. Raises NotFound."""
        return read(Member, await self._client.remove_organization_member(user, roles=roles))

    async def get_role(self, role: str, *, project_id: str | None = None) -> Role:
        """By name or id. Raises NotFound."""
        return read(Role, await self._client.get_role(role, project_id=project_id))

    async def create_role(
        self,
        name: str,
        *,
        assistants: Names | None = None,
        external_id: str | None = None,
        project_id: str | None = None,
    ) -> Role:
        """A role that opens these assistants. Raises RequestConflict when the name is taken, NotFound."""
        made = await self._client.create_role(
            name, assistants=assistants, external_id=external_id, project_id=project_id
        )
        return read(Role, made)

    async def update_role(
        self,
        role: str,
        *,
        name: str | None = None,
        assistants: Names | None = None,
        external_id: str | None = None,
        project_id: str | None = None,
    ) -> Role:
        """What is None stays. Raises NotFound, RequestConflict for a role of the system."""
        changed = await self._client.update_role(
            role, name=name, assistants=assistants, external_id=external_id, project_id=project_id
        )
        return read(Role, changed)

    async def delete_role(self, role: str, *, project_id: str | None = None) -> Role:
        """Raises NotFound; RequestConflict while somebody holds it, and for a role of the system."""
        return read(Role, await self._client.delete_role(role, project_id=project_id))

    async def user_organizations(self) -> list[AuthorizedOrganization]:
        """Those that the caller reaches."""
        return read_list(AuthorizedOrganization, await self._client.list_user_organizations(), "organizations")

    async def user_projects(self, organization: str) -> list[Project]:
        """Those that the caller reaches in an organization, named by id or name. Raises Forbidden."""
        return read_list(Project, await self._client.list_user_projects(organization), "projects")

    async def check_access(self, organization: str, project: str, access_token: str) -> None:
        """Whether the user of an access token sees a project. Raises Forbidden when not, Unauthorized for the token."""
        await self._client.check_project_access(organization, project, access_token)

    async def hand_out_token(self, organization: str, project: str, access_token: str) -> str:
        """A new token of a project for the user of an access token; it ends after 30 days. Raises Forbidden,
        Unauthorized."""
        answer = await self._client.get_project_token(organization, project, access_token)
        return read(HandedToken, answer).api_token


def _part(place: Place) -> Part:
    return {"start_page": place.number, "page_size": place.size}


def _page(kind: type[S], answer: JsonObject, member: str) -> Page[S]:
    return Page(read_list(kind, answer, member), int(answer.get("count") or 0))
