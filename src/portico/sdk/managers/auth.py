"""Signing in and out, high level: typed objects."""

from __future__ import annotations

from portico.sdk.clients.auth import AsyncAuthClient, AuthClient
from portico.sdk.managers.base import read
from portico.wire.auth import AccessToken, User, UserInfo


class Auth:
    """`client.auth`: who I am, signing in and out."""

    def __init__(self, client: AuthClient) -> None:
        self._client = client

    def sign_in(self, email: str, password: str) -> AccessToken:
        """An access and a refresh token; a client made with `access_token=` uses it. Raises Unauthorized."""
        return read(AccessToken, self._client.get_access_token(email, password))

    def refresh(self, refresh_token: str) -> AccessToken:
        """New ones for both; a refresh token is good once, and used twice it ends the session. Raises Unauthorized."""
        return read(AccessToken, self._client.refresh_access_token(refresh_token))

    def sign_out(self, token: str) -> None:
        """Ends the session of an access or refresh token."""
        self._client.revoke_token(token)

    def userinfo(self) -> UserInfo:
        """Whom the access token in use belongs to. Raises Unauthorized."""
        return read(UserInfo, self._client.get_user_info())

    def me(self) -> User:
        """The same as a user of the installation. Raises Forbidden for an API token."""
        return read(User, self._client.get_self())

    def change_password(self, password: str, new_password: str) -> None:
        """All sessions end, this one too. Raises Unauthorized when `password` is not the one until now."""
        self._client.change_password(password, new_password)


class AsyncAuth:
    """The same for asyncio."""

    def __init__(self, client: AsyncAuthClient) -> None:
        self._client = client

    async def sign_in(self, email: str, password: str) -> AccessToken:
        """An access and a refresh token; a client made with `access_token=` uses it. Raises Unauthorized."""
        return read(AccessToken, await self._client.get_access_token(email, password))

    async def refresh(self, refresh_token: str) -> AccessToken:
        """New ones for both; a refresh token is good once, and used twice it ends the session. Raises Unauthorized."""
        return read(AccessToken, await self._client.refresh_access_token(refresh_token))

    async def sign_out(self, token: str) -> None:
        """Ends the session of an access or refresh token."""
        await self._client.revoke_token(token)

    async def userinfo(self) -> UserInfo:
        """Whom the access token in use belongs to. Raises Unauthorized."""
        return read(UserInfo, await self._client.get_user_info())

    async def me(self) -> User:
        """The same as a user of the installation. Raises Forbidden for an API token."""
        return read(User, await self._client.get_self())

    async def change_password(self, password: str, new_password: str) -> None:
        """All sessions end, this one too. Raises Unauthorized when `password` is not the one until now."""
        await self._client.change_password(password, new_password)
