"""Signing in, low level: access tokens, their refresh and end, and whom one belongs to.

Source: Security API reference, POST /oauth/access_token and GET /openid/userinfo; POST /oauth/revoke and GET
/v2/users/me are Portico's own. Passwords and tokens go in bodies, never in an address.
"""

from __future__ import annotations

from portico.sdk.call import Call, JsonObject, Repeat, get, send_json
from portico.sdk.clients.base import AsyncLowLevelClient, LowLevelClient
from portico.sdk.grants import USER_INFO, password_call, refresh_call, revoke_call


def change_password_call(password: str, new_password: str) -> Call:
    body = {"password": password, "newPassword": new_password}
    return send_json("PUT", "/v2/users/me/password", body, repeat=Repeat.NEVER)


class AuthClient(LowLevelClient):
    def get_access_token(self, username: str, password: str) -> JsonObject:
        """POST /oauth/access_token: an access and a refresh token. Needs no credentials of the client's own."""
        return self._json(password_call(username, password))

    def refresh_access_token(self, refresh_token: str) -> JsonObject:
        """POST /oauth/access_token: new ones for both; a refresh token is good once."""
        return self._json(refresh_call(refresh_token))

    def revoke_token(self, token: str) -> JsonObject:
        """POST /oauth/revoke: the end of the session of an access or refresh token."""
        return self._json(revoke_call(token))

    def get_user_info(self) -> JsonObject:
        """GET /openid/userinfo: whom the access token in use belongs to."""
        return self._json(get(USER_INFO))

    def get_self(self) -> JsonObject:
        """GET /v2/users/me."""
        return self._json(get("/v2/users/me"))

    def change_password(self, password: str, new_password: str) -> JsonObject:
        """PUT /v2/users/me/password: all sessions end, this one too."""
        return self._json(change_password_call(password, new_password))


class AsyncAuthClient(AsyncLowLevelClient):
    async def get_access_token(self, username: str, password: str) -> JsonObject:
        """POST /oauth/access_token: an access and a refresh token. Needs no credentials of the client's own."""
        return await self._json(password_call(username, password))

    async def refresh_access_token(self, refresh_token: str) -> JsonObject:
        """POST /oauth/access_token: new ones for both; a refresh token is good once."""
        return await self._json(refresh_call(refresh_token))

    async def revoke_token(self, token: str) -> JsonObject:
        """POST /oauth/revoke: the end of the session of an access or refresh token."""
        return await self._json(revoke_call(token))

    async def get_user_info(self) -> JsonObject:
        """GET /openid/userinfo: whom the access token in use belongs to."""
        return await self._json(get(USER_INFO))

    async def get_self(self) -> JsonObject:
        """GET /v2/users/me."""
        return await self._json(get("/v2/users/me"))

    async def change_password(self, password: str, new_password: str) -> JsonObject:
        """PUT /v2/users/me/password: all sessions end, this one too."""
        return await self._json(change_password_call(password, new_password))
