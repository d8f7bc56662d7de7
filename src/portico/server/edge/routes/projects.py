"""Projects of an organization: `/v1/organization/projects`, `/v1/organization/project`."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, delete, get, post, put
from litestar.params import FromPath, FromQuery

from portico.server.access.organizations import projects as rows
from portico.server.edge.routes.reading import caller_of, filters_of, json_response, read_object, services_of
from portico.server.errors import OutOfRange
from portico.server.gateway import projects
from portico.wire.projects import DeletedProject, Project, ProjectList

Req = Request[Any, Any, Any]
Query = FromQuery[str | None]
ONE = "/v1/organization/project/{project_id:str}"


@get("/v1/organization/projects", summary="List projects")
async def list_projects(request: Req, detail: Query = None, name: Query = None) -> Response[ProjectList]:
    """Active ones; with `detail=full` all of them. `name` fits exactly."""
    query = filters_of(request)
    detailed = query.get("detail", "summary").lower()
    if detailed not in ("summary", "full"):
        raise OutOfRange("detail", "send summary or full")
    found = await rows.list_all(
        services_of(request).tenancy, caller_of(request), name=query.get("name"), hidden=detailed == "full"
    )
    return json_response(ProjectList(projects=[rows.show(row) for row in found]))


@get(ONE, summary="Get a project, with the usage limit in force")
async def get_project(request: Req, project_id: FromPath[str]) -> Response[Project]:
    services = services_of(request)
    return json_response(await projects.find(services.tenancy, services.limits, caller_of(request), project_id))


@post("/v1/organization/project", status_code=200, summary="Create a project")
async def create_project(request: Req) -> Response[Project]:
    """The answer's `tokens` hold the secret of the project's first token; it is shown here and never again."""
    services, body = services_of(request), await read_object(request)
    return json_response(await projects.create(services.tenancy, services.limits, caller_of(request), body))


@put(ONE, summary="Rename, describe, hide or show a project")
async def change_project(request: Req, project_id: FromPath[str]) -> Response[Project]:
    body = await read_object(request)
    return json_response(await projects.change(services_of(request).tenancy, caller_of(request), project_id, body))


@delete(ONE, status_code=200, summary="Delete a project and what belongs to it")
async def delete_project(request: Req, project_id: FromPath[str]) -> Response[DeletedProject]:
    services = services_of(request)
    return json_response(await projects.delete(services.tenancy, services.limits, caller_of(request), project_id))


ROUTES = (list_projects, get_project, create_project, change_project, delete_project)
