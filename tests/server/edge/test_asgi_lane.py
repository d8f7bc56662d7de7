"""The hot paths under plain ASGI: what somebody gets who runs the application under another server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from portico.server.access.caller import Caller
from portico.server.edge.asgi_lane import QUEUE_EVENTS
from portico.server.edge.exchange import Exchange
from portico.server.edge.guard import Guard
from portico.server.edge.http import build_application
from portico.server.edge.middleware import Corridor
from portico.server.edge.stream import Handler
from portico.server.errors import ProviderUnknown, RequestCancelled, Unauthorized
from portico.server.gateway.answers import Answer, Stream
from portico.server.gateway.requests.running import Running
from portico.server.ids import OrganizationId, ProjectId, TokenId
from portico.server.kit.drive import Signal
from portico.server.services import Services
from portico.server.settings import Settings
from portico.wire.sse import KEEP_ALIVE

pytestmark = pytest.mark.anyio
CALLER = Caller(OrganizationId("o"), "Org", TokenId("t"), "project", ProjectId("p"), "Project")
TOKEN = (b"authorization", b"Bearer good")
LIMIT = 1000


class OneToken(Guard):
    """Lets `good` in."""

    def __init__(self) -> None:
        """Without a snapshot."""

    def admit(self, headers: Any) -> Caller:
        if (b"authorization", b"Bearer good") not in headers:
            raise Unauthorized
        return CALLER


class Chunks(Stream):
    """A stream of given chunks; an exception among them is raised. Remembers how it was closed."""

    def __init__(self, *chunks: bytes | Exception, gap_s: float = 0.0) -> None:
        self.left = list(chunks)
        self.gap_s = gap_s
        self.rested = False
        self.closed: list[BaseException | None] = []

    def take(self) -> list[bytes] | None:
        if self.gap_s and not self.rested:
            return []
        self.rested = False
        if not self.left:
            return None
        chunk = self.left.pop(0)
        if isinstance(chunk, Exception):
            raise chunk
        return [chunk]

    def more(self) -> Signal:
        signal = Signal()
        self.rested = True
        asyncio.get_running_loop().call_later(self.gap_s, signal.set)
        return signal

    def close(self, error: BaseException | None = None) -> None:
        self.closed.append(error)


class Client:
    """One request to the application: `sent` holds the messages of the answer as they came."""

    def __init__(
        self, app: Any, body: bytes = b"{}", *, path: str = "/chat", token: bool = True, pieces: int = 1
    ) -> None:
        step = -(-len(body) // pieces) or 1
        parts = [body[i : i + step] for i in range(0, len(body), step)] or [b""]
        self.incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        for number, part in enumerate(parts, 1):
            self.incoming.put_nowait({"type": "http.request", "body": part, "more_body": number < len(parts)})
        self.sent: list[dict[str, Any]] = []
        self.accepts = asyncio.Event()
        self.accepts.set()
        headers = [TOKEN] if token else []
        self.scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "headers": headers,
            "query_string": b"",
            "state": {},
        }
        self.task = asyncio.create_task(app(self.scope, self.incoming.get, self._send))

    async def _send(self, message: dict[str, Any]) -> None:
        await self.accepts.wait()
        self.sent.append(message)

    def leave(self) -> None:
        self.incoming.put_nowait({"type": "http.disconnect"})

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.sent[0]["headers"])

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent[1:])


async def done(client: Client) -> Client:
    await asyncio.wait_for(client.task, 60)
    assert client.sent[-1]["type"] == "http.response.body" and not client.sent[-1].get("more_body")
    return client


@pytest.fixture
def serve() -> Iterator[Callable[..., Corridor]]:
    """An application whose only hot path is answered by the given handler."""

    def make(answer: Any, keep_alive_s: float = 10.0) -> Corridor:
        async def handler(_services: Services, caller: Caller, exchange: Exchange) -> Any:
            assert caller is CALLER
            given = await answer(exchange) if callable(answer) else answer
            return Answer(given) if isinstance(given, bytes) else given

        settings = Settings(body_limit_bytes=LIMIT, keep_alive_s=keep_alive_s)
        services = cast(Services, SimpleNamespace(settings=settings, running=Running()))

        async def nothing(*_: object) -> None:
            raise AssertionError("a hot path goes past the framework")

        return Corridor(nothing, services, OneToken(), {"/chat": cast(Handler, handler)}, ())

    yield make


async def test_a_plain_answer(serve: Callable[..., Corridor]) -> None:
    async def echo(exchange: Exchange) -> Answer:
        return Answer(bytes(exchange.body))

    client = await done(Client(serve(echo), b'{"a": 1}', pieces=4))
    assert (client.status, client.body) == (200, b'{"a": 1}')
    assert client.headers[b"content-type"] == b"application/json"
    assert client.headers[b"content-length"] == b"8"
    assert len(client.headers[b"x-request-id"]) == 36 and client.headers[b"x-saia-cache"] == b"BYPASS"


@pytest.mark.parametrize("path", ["/chat/", "//chat", "/chat//"])
async def test_other_spellings_of_the_path(serve: Callable[..., Corridor], path: str) -> None:
    assert (await done(Client(serve(b"{}"), path=path))).status == 200


async def test_a_stream_is_events_and_done(serve: Callable[..., Corridor]) -> None:
    stream = Chunks(b'{"a":1}', b'{"a":2}')
    client = await done(Client(serve(stream)))
    assert client.headers[b"content-type"] == b"text/event-stream; charset=utf-8"
    assert client.headers[b"cache-control"] == b"no-cache" and b"content-length" not in client.headers
    assert client.body == b'data: {"a":1}\n\ndata: {"a":2}\n\ndata: [DONE]\n\n'
    assert stream.closed == [None]


async def test_a_stream_without_a_chunk_is_done(serve: Callable[..., Corridor]) -> None:
    assert (await done(Client(serve(Chunks())))).body == b"data: [DONE]\n\n"


async def test_hc13_an_error_after_the_first_byte_is_an_event(serve: Callable[..., Corridor]) -> None:
    client = await done(Client(serve(Chunks(b"{}", ProviderUnknown("gone")))))
    *_, last, end = client.body.split(b"\n\n")
    assert client.status == 200 and not end and b"[DONE]" not in client.body
    event = json.loads(last.removeprefix(b"data: "))
    assert event["error"]["message"] == "gone"
    assert event["requestId"].encode() == client.headers[b"x-request-id"]


async def test_an_error_before_the_first_byte_is_a_status(serve: Callable[..., Corridor]) -> None:
    client = await done(Client(serve(Chunks(ProviderUnknown("gone")))))
    assert client.status == 502 and json.loads(client.body)["errors"][0]["id"] == 150


async def test_an_unexpected_error_is_a_500_that_tells_nothing(
    serve: Callable[..., Corridor], caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(_: Exchange) -> Answer:
        raise KeyError("secret")

    client = await done(Client(serve(broken)))
    assert client.status == 500 and b"secret" not in client.body
    assert "secret" in caplog.text, "but it is in the log"


async def test_a_stranger_is_refused_before_the_body_is_read(serve: Callable[..., Corridor]) -> None:
    client = await done(Client(serve(b"{}"), b"x" * 100, token=False, pieces=10))
    assert client.status == 401 and client.headers[b"www-authenticate"] == b"Bearer"
    assert client.incoming.qsize() == 10
    assert json.loads(client.body)["requestId"].encode() == client.headers[b"x-request-id"]


async def test_a_body_over_the_limit_is_413(serve: Callable[..., Corridor]) -> None:
    client = await done(Client(serve(b"{}"), b"x" * (LIMIT + 1), pieces=3))
    assert client.status == 413 and json.loads(client.body)["errors"] == [
        {"id": 413, "description": "Payload Too Large"}
    ]
    assert (await done(Client(serve(b"{}"), b"x" * LIMIT))).status == 200


async def test_a_client_that_leaves_within_its_body_starts_nothing(serve: Callable[..., Corridor]) -> None:
    client = Client(serve(lambda _: pytest.fail("half a body is no request")), b"x" * 10, pieces=2)
    client.incoming.get_nowait(), client.incoming.get_nowait()
    client.incoming.put_nowait({"type": "http.request", "body": b"x", "more_body": True})
    client.leave()
    await asyncio.wait_for(client.task, 60)
    assert not client.sent


@pytest.mark.parametrize("streamed", [True, False])
async def test_hc16_hanging_up_cancels_the_handler(serve: Callable[..., Corridor], streamed: bool) -> None:
    stream = Chunks(*[b"{}"] * 1000, gap_s=0.01)
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def slow(_: Exchange) -> Any:
        begun.set()
        if streamed:
            return stream
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    client = Client(serve(slow))
    async with asyncio.timeout(60):
        await begun.wait()
        while streamed and not client.sent:
            await asyncio.sleep(0.01)
    client.leave()
    await asyncio.wait_for(client.task, 60)
    if streamed:
        assert len(stream.left) > 900 and isinstance(stream.closed[0], asyncio.CancelledError)
    else:
        assert cancelled.is_set() and not client.sent


async def test_hc15_silence_is_broken_by_comments(serve: Callable[..., Corridor]) -> None:
    async def slow(exchange: Exchange) -> Any:
        exchange.stream = True
        while not client.body.startswith(KEEP_ALIVE * 2):
            await asyncio.sleep(0.01)
        return Chunks(b"{}")

    client = Client(serve(slow, keep_alive_s=0.05))
    await done(client)
    assert client.body.startswith(KEEP_ALIVE * 2)
    assert client.body.replace(KEEP_ALIVE, b"") == b"data: {}\n\ndata: [DONE]\n\n"


async def test_hc15_a_plain_answer_is_not_disturbed_by_comments(serve: Callable[..., Corridor]) -> None:
    async def slow(_: Exchange) -> Answer:
        await asyncio.sleep(0.2)
        return Answer(b"{}")

    assert (await done(Client(serve(slow, keep_alive_s=0.05)))).body == b"{}"


async def test_hc16_a_client_that_dawdles_holds_the_stream_back(serve: Callable[..., Corridor]) -> None:
    stream = Chunks(*[b"{}"] * 1000)
    client = Client(serve(stream))
    client.accepts.clear()
    await asyncio.sleep(0.1)
    assert 1000 - len(stream.left) <= QUEUE_EVENTS + 1
    client.accepts.set()
    await done(client)
    assert client.body.count(b"data: {}") == 1000


async def test_every_hot_path_is_served_without_our_protocol_class() -> None:
    settings = Settings()
    app = build_application(cast(Services, SimpleNamespace(settings=settings, running=Running())), OneToken())
    for path in ("/v1/chat/completions", "/chat/chat/completions", "/v1/embeddings"):
        client = await done(Client(app, b"[]", path=path))
        assert client.status == 400 and json.loads(client.body)["errors"][0]["id"] == 20


async def test_a_request_that_somebody_ends_is_answered_so(serve: Callable[..., Corridor]) -> None:
    running: list[Exchange] = []

    async def never(exchange: Exchange) -> bytes:
        running.append(exchange)
        await Signal()
        raise AssertionError("nobody sets it")

    client = Client(serve(never))
    while not running:
        await asyncio.sleep(0)
    running[0].cancel(RequestCancelled())
    await done(client)
    assert client.status == 499
    assert json.loads(client.body)["errors"] == [{"id": 9010, "description": "The request was cancelled."}]
    running[0].cancel(RequestCancelled())  # it is over: nothing happens
    assert client.status == 499
