"""Users of the installation, low level; for system administrators. A user is named by id or address.

Source: Portico's own, /v2/users.
"""

from __future__ import annotations

from portico.sdk.call import Call, JsonObject, Repeat, get, given, path_segment, send_json
from portico.sdk.clients.base import AsyncLowLevelClient, LowLevelClient

ROOT = "/v2/users"


def list_call(text: str | None, page: int, size: int) -> Call:
    return get(ROOT, {"filterValue": text, "startPage": page, "pageSize": size})


def create_call(email: str, first_name: str | None, last_name: str | None, system_administrator: bool) -> Call:
    body = {"email": email, "firstName": first_name, "lastName": last_name}
    return send_json("POST", ROOT, given(body) | {"systemAdministrator": system_administrator}, repeat=Repeat.NEVER)


def update_call(
    user: str,
    status: str | None,
    system_administrator: bool | None,
    first_name: str | None,
    last_name: str | None,
) -> Call:
    body = {
        "status": status,
        "systemAdministrator": system_administrator,
        "firstName": first_name,
        "lastName": last_name,
    }
    return send_json("PUT", _path(user), given(body), repeat=Repeat.SAFE)


def link_call(user: str) -> Call:
    return send_json("POST", f"{_path(user)}/setup-link", {}, repeat=Repeat.NEVER)


def sessions_call(user: str) -> Call:
    return get(f"{_path(user)}/sessions")


def end_call(user: str, session_id: str | None) -> Call:
    tail = "" if session_id is None else f"/{path_segment(session_id)}"
    return Call("DELETE", f"{_path(user)}/sessions{tail}", repeat=Repeat.NEVER)


def _path(user: str) -> str:
    return f"{ROOT}/{path_segment(user)}"


class UsersClient(LowLevelClient):
    def list_users(self, text: str | None = None, *, page: int = 1, size: int = 20) -> JsonObject:
        """GET /v2/users: by address; `text` is looked for in the addresses."""
        return self._json(list_call(text, page, size))

    def create_user(
        self,
        email: str,
        *,
        first_name: str | None = None,
        last_name: str | None = None,
        system_administrator: bool = False,
    ) -> JsonObject:
        """POST /v2/users: invited; `setupLink` of the answer is shown this once."""
        return self._json(create_call(email, first_name, last_name, system_administrator))

    def get_user(self, user: str) -> JsonObject:
        """GET /v2/users/{user}."""
        return self._json(get(_path(user)))

    def update_user(
        self,
        user: str,
        *,
        status: str | None = None,
        system_administrator: bool | None = None,
        first_name: str | None = None,
        last_name: str | None = None,
    ) -> JsonObject:
        """PUT /v2/users/{user}: what is None stays. `status` is Active or Blocked."""
        return self._json(update_call(user, status, system_administrator, first_name, last_name))

    def create_setup_link(self, user: str) -> JsonObject:
        """POST /v2/users/{user}/setup-link: a way to choose a password, once."""
        return self._json(link_call(user))

    def list_sessions(self, user: str = "me") -> JsonObject:
        """GET /v2/users/{user}/sessions."""
        return self._json(sessions_call(user))

    def end_sessions(self, user: str = "me", session_id: str | None = None) -> JsonObject:
        """DELETE /v2/users/{user}/sessions: one of them, or all."""
        return self._json(end_call(user, session_id))


class AsyncUsersClient(AsyncLowLevelClient):
    async def list_users(self, text: str | None = None, *, page: int = 1, size: int = 20) -> JsonObject:
        """GET /v2/users: by address; `text` is looked for in the addresses."""
        return await self._json(list_call(text, page, size))

    async def create_user(
        self,
        email: str,
        *,
        first_name: str | None = None,
        last_name: str | None = None,
        system_administrator: bool = False,
    ) -> JsonObject:
        """POST /v2/users: invited; `setupLink` of the answer is shown this once."""
        return await self._json(create_call(email, first_name, last_name, system_administrator))

    async def get_user(self, user: str) -> JsonObject:
        """GET /v2/users/{user}."""
        return await self._json(get(_path(user)))

    async def update_user(
        self,
        user: str,
        *,
        status: str | None = None,
        system_administrator: bool | None = None,
        first_name: str | None = None,
        last_name: str | None = None,
    ) -> JsonObject:
        """PUT /v2/users/{user}: what is None stays. `status` is Active or Blocked."""
        return await self._json(update_call(user, status, system_administrator, first_name, last_name))

    async def create_setup_link(self, user: str) -> JsonObject:
        """POST /v2/users/{user}/setup-link: a way to choose a password, once."""
        return await self._json(link_call(user))

    async def list_sessions(self, user: str = "me") -> JsonObject:
        """GET /v2/users/{user}/sessions."""
        return await self._json(sessions_call(user))

    async def end_sessions(self, user: str = "me", session_id: str | None = None) -> JsonObject:
        """DELETE /v2/users/{user}/sessions: one of them, or all."""
        return await self._json(end_call(user, session_id))
