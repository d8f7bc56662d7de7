"""`Portico` and `AsyncPortico`: one object with its own credentials and its own connections, both levels on it."""

from __future__ import annotations

import os
from types import TracebackType
from typing import Self, TypedDict, Unpack

from portico.sdk.call import Options
from portico.sdk.clients import AsyncLowLevel, LowLevel
from portico.sdk.credentials import Credentials, find_credentials
from portico.sdk.managers.base import read
from portico.sdk.managers.chat import AsyncChat, Chat
from portico.sdk.managers.embeddings import AsyncEmbeddings, Embeddings
from portico.sdk.managers.llm import AsyncLlm, Llm
from portico.sdk.managers.tokens import AsyncTokens, Tokens
from portico.sdk.shapes import ServiceStatus
from portico.sdk.transport import AsyncTransport, Transport


class ClientOptions(TypedDict, total=False):
    """What a client can be told beside token and address.

    `alias` names a profile of ~/.geai/credentials and keeps the environment out. `timeout_s` bounds silence: the wait
    for an answer or for its next piece. `max_retries` counts the tries after the first one.
    """

    alias: str | None
    access_token: str | None
    project_id: str | None
    organization_id: str | None
    ca_file: str | os.PathLike[str] | None
    timeout_s: float
    connect_timeout_s: float
    max_retries: int


class Portico:
    """The API, synchronous. `client.chat.complete("openai/gpt-4o-mini", "Hello").text`

    `chat`, `llm`, `embeddings`, `tokens` give typed objects; `low` has one method per endpoint and gives JSON.
    Credentials are looked for in arguments, environment, ~/.geai/credentials and the local server's file.
    Raises MissingCredentials, ConfigurationError; connects at the first call.
    """

    def __init__(
        self, api_key: str | None = None, base_url: str | None = None, **options: Unpack[ClientOptions]
    ) -> None:
        self._transport = Transport(*_settings(api_key, base_url, options))
        self.low = LowLevel(self._transport)
        self.chat = Chat(self.low.chat)
        self.llm = Llm(self.low.llm)
        self.embeddings = Embeddings(self.low.embeddings)
        self.tokens = Tokens(self.low.tokens)

    @property
    def credentials(self) -> Credentials:
        """What this client uses, and where it was found; tokens do not print."""
        return self._transport.credentials

    def status(self) -> ServiceStatus:
        """Whether the server runs, and its version; needs no valid token."""
        return read(ServiceStatus, self.low.status.get_status())

    def close(self) -> None:
        """Closes the connections."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return _shown(self, self.credentials)


class AsyncPortico:
    """The API for asyncio: the same names, awaited; listings and streams with `async for`."""

    def __init__(
        self, api_key: str | None = None, base_url: str | None = None, **options: Unpack[ClientOptions]
    ) -> None:
        self._transport = AsyncTransport(*_settings(api_key, base_url, options))
        self.low = AsyncLowLevel(self._transport)
        self.chat = AsyncChat(self.low.chat)
        self.llm = AsyncLlm(self.low.llm)
        self.embeddings = AsyncEmbeddings(self.low.embeddings)
        self.tokens = AsyncTokens(self.low.tokens)

    @property
    def credentials(self) -> Credentials:
        """What this client uses, and where it was found; tokens do not print."""
        return self._transport.credentials

    async def status(self) -> ServiceStatus:
        """Whether the server runs, and its version; needs no valid token."""
        return read(ServiceStatus, await self.low.status.get_status())

    async def close(self) -> None:
        """Closes the connections."""
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return _shown(self, self.credentials)


def _settings(api_key: str | None, base_url: str | None, options: ClientOptions) -> tuple[Credentials, Options]:
    credentials = find_credentials(
        api_key=api_key,
        base_url=base_url,
        alias=options.get("alias"),
        access_token=options.get("access_token"),
        project_id=options.get("project_id"),
        organization_id=options.get("organization_id"),
        ca_file=options.get("ca_file"),
    )
    default = Options()
    return credentials, Options(
        timeout_s=options.get("timeout_s", default.timeout_s),
        connect_timeout_s=options.get("connect_timeout_s", default.connect_timeout_s),
        max_retries=options.get("max_retries", default.max_retries),
    )


def _shown(client: object, credentials: Credentials) -> str:
    return f"{type(client).__name__}(base_url={credentials.base_url!r}, source={credentials.source!r})"
