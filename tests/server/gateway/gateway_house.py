"""The gateway's own verbs over real connections, without a database: scripted providers, and a list of usage lines."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from types import SimpleNamespace
from typing import Any, TypeVar, cast

import msgspec

from portico.server.access.caller import Caller
from portico.server.catalog.entry import Model, Price
from portico.server.gateway.answers import Answer, Stream
from portico.server.gateway.chat import ChatGateway
from portico.server.gateway.embeddings import EmbeddingGateway
from portico.server.gateway.routing import Choice, Executor, Health, HealthRules, Route
from portico.server.gateway.switchboard import Switchboard
from portico.server.ids import OrganizationId, ProjectId, TokenId
from portico.server.kit.drive import run
from portico.server.providers.base import Credential, Target
from portico.server.providers.openai import OpenAI
from portico.server.providers.transport import Transport
from portico.server.storage.usage import UsageLine
from portico.wire.model_ref import DirectModel
from portico.wire.requests import ChatRequest

T = TypeVar("T")
REF = DirectModel("openai", "m")
CALLER = Caller(
    OrganizationId("11111111-1111-1111-1111-111111111111"),
    "Org",
    TokenId("t"),
    "project",
    ProjectId("22222222-2222-2222-2222-222222222222"),
    "Project",
)


class Ledger:
    """Keeps the lines."""

    full = False

    def __init__(self) -> None:
        self.lines: list[UsageLine] = []

    def append(self, line: UsageLine) -> None:
        msgspec.msgpack.encode(line)  # as the journal does
        self.lines.append(line)


class Cache:
    """A dictionary by key, as far as embeddings ask for one."""

    def __init__(self) -> None:
        self.entries: dict[bytes, Any] = {}

    def embedding_key(self, caller: Caller, model: Model, element: str, *rest: Any) -> bytes:
        return f"{model.full_name} {element} {rest[-1]}".encode()

    def find(self, key: bytes) -> Any:
        return self.entries.get(key)

    def stored(self, key: bytes) -> bool:
        return False

    def store(self, key: bytes, entry: Any) -> None:
        self.entries[key] = entry


class House:
    """`choices` are what any reference leads to."""

    def __init__(self, *choices: Choice, retries: int = 0) -> None:
        self.ledger = Ledger()
        self.cache = Cache()
        self.transport = Transport(request_timeout_s=60, gap_timeout_s=60, connect_timeout_s=60)
        self.choices = choices
        route = Route(choices[0].model, choices)
        self.board = Switchboard(
            targets=cast(Any, SimpleNamespace(find=lambda *_: route)),
            executor=Executor(self.transport, retries=retries, retry_budget_s=60),
            ledger=cast(Any, self.ledger),
            limits=cast(Any, SimpleNamespace(of=lambda _: None)),
            cache=cast(Any, self.cache),
            fetcher=cast(Any, None),
            guardrails=cast(Any, SimpleNamespace(of=lambda _: None)),
            chat_cache=False,
        )
        self.chat = ChatGateway(self.board)
        self.embeddings = EmbeddingGateway(self.board)

    async def __aenter__(self) -> House:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.transport.close()
        await asyncio.sleep(0)  # the connections end in a turn of the loop

    async def stream(self, **members: Any) -> list[dict[str, Any]]:
        """All chunks of a streamed chat, read to its end as the edge does."""
        request = chat_request(stream=True, **members)

        async def go() -> list[bytes]:
            answer = await self.chat.answer(CALLER, request, "r")
            assert isinstance(answer, Stream)
            return await read_stream(answer)

        return [msgspec.json.decode(one) for one in await drive(go())]

    @property
    def line(self) -> UsageLine:
        """The only line."""
        [line] = self.ledger.lines
        return line

    def is_at_rest(self) -> bool:
        return all(choice.health.busy == 0 for choice in self.choices) and not self.transport._active


async def drive(work: Any) -> Any:
    return await run(work)


async def read_stream(stream: Stream) -> list[bytes]:
    found: list[bytes] = []
    error: BaseException | None = None
    try:
        while (chunks := stream.take()) is not None:
            found += chunks
            if not chunks:
                await stream.more()
    except BaseException as failure:
        error = failure
        raise
    finally:
        stream.close(error)
    return found


def chat_request(*, stream: bool = False, include_usage: bool = False, **members: Any) -> ChatRequest:
    given = {"messages": [{"role": "user", "content": "hi"}], **members}
    raw = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in given.items()}
    return ChatRequest(REF, raw, stream=stream, include_usage=include_usage, body_bytes=40)


def model_of(name: str, price: Price | None = None, kind: Any = "Chat") -> Model:
    return Model(name, "openai", name, kind, {}, price=price or Price())


def choice_of(name: str, url: str, price: Price | None = None, *, tier: int = 0, kind: Any = "Chat") -> Choice:
    """One that is asked at `url`."""
    adapter = OpenAI()
    credential = Credential(url, "the-key-of-this-house", id=name)
    target = Target("openai", name, name, adapter, adapter.endpoint(credential), credential)
    return Choice(model_of(name, price, kind), target, Health(HealthRules()), 1, tier, b"openai")


async def whole(work: Awaitable[Answer | Stream]) -> dict[str, Any]:
    """The body of a whole answer."""

    async def go() -> Answer | Stream:
        return await work

    answer = await drive(go())
    assert isinstance(answer, Answer)
    body: dict[str, Any] = msgspec.json.decode(answer.body)
    return body
