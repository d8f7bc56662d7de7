"""Users of the installation: `/v2/users` for system administrators, `/v2/users/me` for everybody who is signed in."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, delete, get, post, put
from litestar.params import FromPath

from portico.server.access.sign_in import users
from portico.server.edge.routes.auth import address_of
from portico.server.edge.routes.reading import caller_of, filters_of, json_response, read_object, services_of
from portico.wire.auth import SessionList, SetupLink, User, UserList

Req = Request[Any, Any, Any]


@get("/v2/users", summary="List the users of the installation")
async def list_users(request: Req) -> Response[UserList]:
    found = await users.list_users(services_of(request).tenancy, caller_of(request), filters_of(request))
    return json_response(found)


@post("/v2/users", status_code=201, summary="Invite a user; the answer has the link for it")
async def create_user(request: Req) -> Response[User]:
    body = await read_object(request)
    made = await users.create_user(services_of(request).tenancy, caller_of(request), body, url_of(request))
    return json_response(made, status_code=201)


@get("/v2/users/me", summary="The caller as a user")
async def get_self(request: Req) -> Response[User]:
    return json_response(await users.show_self(services_of(request).tenancy, caller_of(request)))


@put("/v2/users/me/password", summary="Change the own password; all sessions end")
async def change_password(request: Req) -> Response[dict[str, Any]]:
    body = await read_object(request)
    await users.change_password(services_of(request).sign_in, caller_of(request), body, address_of(request))
    return json_response({})


@get("/v2/users/{user:str}", summary="Get a user, by id or address")
async def get_user(request: Req, user: FromPath[str]) -> Response[User]:
    return json_response(await users.find_user(services_of(request).tenancy, caller_of(request), user))


@put("/v2/users/{user:str}", summary="Block or unblock a user, name him, make him system administrator")
async def change_user(request: Req, user: FromPath[str]) -> Response[User]:
    body = await read_object(request)
    return json_response(await users.change_user(services_of(request).tenancy, caller_of(request), user, body))


@post("/v2/users/{user:str}/setup-link", status_code=201, summary="Make a link to choose a password")
async def create_link(request: Req, user: FromPath[str]) -> Response[SetupLink]:
    made = await users.create_link(services_of(request).tenancy, caller_of(request), user, url_of(request))
    return json_response(made, status_code=201)


@get("/v2/users/{user:str}/sessions", summary="List the sessions of a user, or of `me`")
async def list_sessions(request: Req, user: FromPath[str]) -> Response[SessionList]:
    return json_response(await users.list_user_sessions(services_of(request).tenancy, caller_of(request), user))


@delete("/v2/users/{user:str}/sessions", status_code=200, summary="End all sessions of a user, or of `me`")
async def end_sessions(request: Req, user: FromPath[str]) -> Response[dict[str, Any]]:
    ended = await users.end_user_sessions(services_of(request).tenancy, caller_of(request), user, None)
    return json_response({"ended": ended})


@delete("/v2/users/{user:str}/sessions/{session:str}", status_code=200, summary="End one session")
async def end_session(request: Req, user: FromPath[str], session: FromPath[str]) -> Response[dict[str, Any]]:
    ended = await users.end_user_sessions(services_of(request).tenancy, caller_of(request), user, session)
    return json_response({"ended": ended})


def url_of(request: Req) -> str:
    """How this server is reached: as the setting says, else as the caller reached it."""
    return services_of(request).settings.public_url or str(request.base_url)


ROUTES = (
    list_users,
    create_user,
    get_self,
    change_password,
    get_user,
    change_user,
    create_link,
    list_sessions,
    end_sessions,
    end_session,
)
