"""The assistants of a project in lists: `/v1/organization/assistants`, `/v1/plugins`."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get
from litestar.params import FromQuery

from portico.server.assistants import listing
from portico.server.edge.routes.reading import caller_of, filters_of, json_response, services_of
from portico.server.errors import AmbiguousModelName, NotFound
from portico.wire.assistants import AssistantList
from portico.wire.projects import PluginList

Req = Request[Any, Any, Any]
Query = FromQuery[str | None]


@get("/v1/organization/assistants", summary="List the assistants of a project")
async def list_assistants(request: Req, detail: Query = None, projectId: Query = None) -> Response[AssistantList]:
    """Ids and names; with `detail=full` their revisions too."""
    services, caller = services_of(request), caller_of(request)
    catalog = services.targets.catalog_of(caller)

    def find_id(provider: str, model: str) -> str | None:
        try:
            return catalog.resolve(provider, model).id
        except (NotFound, AmbiguousModelName):  # an alias, or a model that is gone from the catalogue
            return None

    return json_response(await listing.list_items(services.tenancy, caller, filters_of(request), find_id))


@get("/v1/plugins", summary="List the assistants of a project to choose from")
async def list_plugins(request: Req, organization: Query = None, project: Query = None) -> Response[PluginList]:
    tenancy = services_of(request).tenancy
    return json_response(await listing.list_plugins(tenancy, caller_of(request), filters_of(request)))


ROUTES = (list_assistants, list_plugins)
