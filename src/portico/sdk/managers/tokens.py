"""API tokens, high level: typed objects."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

from portico.sdk.clients.tokens import AsyncTokensClient, TokensClient
from portico.sdk.managers.base import read, read_list
from portico.sdk.shapes import Token, TokenIdentity

if TYPE_CHECKING:
    from portico.wire.tokens import TokenStatus


class Tokens:
    """`client.tokens`: who I am, and the tokens of a project."""

    def __init__(self, client: TokensClient) -> None:
        self._client = client

    def validate(self) -> TokenIdentity:
        """Organization and project of the token in use. Raises Unauthorized."""
        return read(TokenIdentity, self._client.validate_api_token())

    def create(
        self,
        name: str,
        *,
        description: str | None = None,
        project_id: str | None = None,
        expires_at: str | None = None,
    ) -> Token:
        """A new token; its `id` is the secret, shown this once. `project_id`: with an organization token."""
        created = self._client.create_project_api_token(
            name, description=description, project_id=project_id, expires_at=expires_at
        )
        return read(Token, created)

    def get(self, token_id: str) -> Token:
        """One token by its id. Raises NotFound."""
        return read(Token, self._client.get_project_api_token(token_id))

    def update(
        self,
        token_id: str,
        *,
        description: str | None = None,
        status: TokenStatus | None = None,
        expires_at: str | None = None,
    ) -> Token:
        """Another description, blocked and active again, another end or (`""`) none. Raises NotFound."""
        changed = self._client.update_project_api_token(
            token_id, description=description, status=status, expires_at=expires_at
        )
        return read(Token, changed)

    def delete(self, token_id: str) -> None:
        """Takes the token away for good. Raises NotFound."""
        self._client.delete_project_api_token(token_id)

    def list(self, project_id: str) -> Iterator[Token]:
        """The tokens of a project; asks for an organization token."""
        yield from read_list(Token, self._client.list_project_tokens(project_id), "tokens")

    def list_of_organization(self) -> Iterator[Token]:
        """The tokens of the organization itself."""
        yield from read_list(Token, self._client.list_organization_tokens(), "tokens")

    def create_of_organization(
        self, name: str, *, description: str | None = None, expires_at: str | None = None
    ) -> Token:
        """A new token of the organization itself; its `id` is the secret, shown this once."""
        created = self._client.create_organization_token(name, description=description, expires_at=expires_at)
        return read(Token, created)

    def update_of_organization(
        self,
        token_id: str,
        *,
        description: str | None = None,
        status: TokenStatus | None = None,
        expires_at: str | None = None,
    ) -> Token:
        """As `update`, for a token of the organization itself."""
        changed = self._client.update_organization_token(
            token_id, description=description, status=status, expires_at=expires_at
        )
        return read(Token, changed)

    def delete_of_organization(self, token_id: str) -> None:
        """Takes a token of the organization away for good. Raises NotFound."""
        self._client.delete_organization_token(token_id)


class AsyncTokens:
    """The same for asyncio."""

    def __init__(self, client: AsyncTokensClient) -> None:
        self._client = client

    async def validate(self) -> TokenIdentity:
        """Organization and project of the token in use. Raises Unauthorized."""
        return read(TokenIdentity, await self._client.validate_api_token())

    async def create(
        self,
        name: str,
        *,
        description: str | None = None,
        project_id: str | None = None,
        expires_at: str | None = None,
    ) -> Token:
        """A new token; its `id` is the secret, shown this once. `project_id`: with an organization token."""
        created = await self._client.create_project_api_token(
            name, description=description, project_id=project_id, expires_at=expires_at
        )
        return read(Token, created)

    async def get(self, token_id: str) -> Token:
        """One token by its id. Raises NotFound."""
        return read(Token, await self._client.get_project_api_token(token_id))

    async def update(
        self,
        token_id: str,
        *,
        description: str | None = None,
        status: TokenStatus | None = None,
        expires_at: str | None = None,
    ) -> Token:
        """Another description, blocked and active again, another end or (`""`) none. Raises NotFound."""
        changed = await self._client.update_project_api_token(
            token_id, description=description, status=status, expires_at=expires_at
        )
        return read(Token, changed)

    async def delete(self, token_id: str) -> None:
        """Takes the token away for good. Raises NotFound."""
        await self._client.delete_project_api_token(token_id)

    async def list(self, project_id: str) -> AsyncIterator[Token]:
        """The tokens of a project; asks for an organization token."""
        for token in read_list(Token, await self._client.list_project_tokens(project_id), "tokens"):
            yield token

    async def list_of_organization(self) -> AsyncIterator[Token]:
        """The tokens of the organization itself."""
        for token in read_list(Token, await self._client.list_organization_tokens(), "tokens"):
            yield token

    async def create_of_organization(
        self, name: str, *, description: str | None = None, expires_at: str | None = None
    ) -> Token:
        """A new token of the organization itself; its `id` is the secret, shown this once."""
        created = await self._client.create_organization_token(name, description=description, expires_at=expires_at)
        return read(Token, created)

    async def update_of_organization(
        self,
        token_id: str,
        *,
        description: str | None = None,
        status: TokenStatus | None = None,
        expires_at: str | None = None,
    ) -> Token:
        """As `update`, for a token of the organization itself."""
        changed = await self._client.update_organization_token(
            token_id, description=description, status=status, expires_at=expires_at
        )
        return read(Token, changed)

    async def delete_of_organization(self, token_id: str) -> None:
        """Takes a token of the organization away for good. Raises NotFound."""
        await self._client.delete_organization_token(token_id)
