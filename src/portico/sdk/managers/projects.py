"""Projects, high level: typed objects."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from portico.sdk.clients.projects import AsyncProjectsClient, ProjectsClient
from portico.sdk.managers.base import read, read_list
from portico.wire.projects import DeletedProject, Plugin, Project


class Projects:
    """`client.projects`: the projects of an organization; asks for its token, or for its administrator."""

    def __init__(self, client: ProjectsClient) -> None:
        self._client = client

    def list(self, *, name: str | None = None, hidden: bool = False) -> Iterator[Project]:
        """Active ones, oldest first; `hidden` brings the others too. `name` fits exactly."""
        yield from read_list(Project, self._client.list_projects(detail=_detail(hidden), name=name), "projects")

    def get(self, project_id: str) -> Project:
        """One project, with its usage limit if one is in force. Raises NotFound."""
        return read(Project, self._client.get_project(project_id))

    def create(
        self,
        name: str,
        *,
        description: str | None = None,
        administrator_user_email: str | None = None,
        usage_limit: Mapping[str, Any] | None = None,
    ) -> Project:
        """A new project; its `tokens` hold the first token, shown this once. Raises RequestConflict, BadRequest.

        `usage_limit` has the members of `POST .../limits`, such as `{"subscriptionType": "Monthly", ...}`.
        """
        made = self._client.create_project(
            name,
            description=description,
            administrator_user_email=administrator_user_email,
            usage_limit=usage_limit,
        )
        return read(Project, made)

    def update(
        self, project_id: str, *, name: str | None = None, description: str | None = None, active: bool | None = None
    ) -> Project:
        """What is None stays. Raises NotFound, RequestConflict when the name is taken."""
        changed = self._client.update_project(project_id, name=name, description=description, active=active)
        return read(Project, changed)

    def delete(self, project_id: str) -> DeletedProject:
        """With everything that belongs to it; `removed` counts that. Raises NotFound."""
        return read(DeletedProject, self._client.delete_project(project_id))

    def plugins(self, *, organization: str | None = None, project: str | None = None) -> Iterator[Plugin]:
        """The assistants of a project as a client shows them in a list."""
        yield from read_list(Plugin, self._client.list_plugins(organization=organization, project=project), "plugins")


class AsyncProjects:
    """The same for asyncio."""

    def __init__(self, client: AsyncProjectsClient) -> None:
        self._client = client

    async def list(self, *, name: str | None = None, hidden: bool = False) -> AsyncIterator[Project]:
        """Active ones, oldest first; `hidden` brings the others too. `name` fits exactly."""
        for item in read_list(Project, await self._client.list_projects(detail=_detail(hidden), name=name), "projects"):
            yield item

    async def get(self, project_id: str) -> Project:
        """One project, with its usage limit if one is in force. Raises NotFound."""
        return read(Project, await self._client.get_project(project_id))

    async def create(
        self,
        name: str,
        *,
        description: str | None = None,
        administrator_user_email: str | None = None,
        usage_limit: Mapping[str, Any] | None = None,
    ) -> Project:
        """A new project; its `tokens` hold the first token, shown this once. Raises RequestConflict, BadRequest.

        `usage_limit` has the members of `POST .../limits`, such as `{"subscriptionType": "Monthly", ...}`.
        """
        made = await self._client.create_project(
            name,
            description=description,
            administrator_user_email=administrator_user_email,
            usage_limit=usage_limit,
        )
        return read(Project, made)

    async def update(
        self, project_id: str, *, name: str | None = None, description: str | None = None, active: bool | None = None
    ) -> Project:
        """What is None stays. Raises NotFound, RequestConflict when the name is taken."""
        changed = await self._client.update_project(project_id, name=name, description=description, active=active)
        return read(Project, changed)

    async def delete(self, project_id: str) -> DeletedProject:
        """With everything that belongs to it; `removed` counts that. Raises NotFound."""
        return read(DeletedProject, await self._client.delete_project(project_id))

    async def plugins(self, *, organization: str | None = None, project: str | None = None) -> AsyncIterator[Plugin]:
        """The assistants of a project as a client shows them in a list."""
        for item in read_list(
            Plugin, await self._client.list_plugins(organization=organization, project=project), "plugins"
        ):
            yield item


def _detail(hidden: bool) -> str | None:
    return "full" if hidden else None
