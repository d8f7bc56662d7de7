"""The hot HTTP client against a server that answers as a provider should not."""

from __future__ import annotations

import asyncio
import datetime
import gzip
import ssl
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from portico.server.errors import ProviderError, ProviderTimeout, ProviderUnknown
from portico.server.kit.drive import run
from portico.server.providers.base import Endpoint, Outgoing
from portico.server.providers.http1 import HIGH_WATER_BYTES, IDLE_LONGEST_S, Connection, Pool, Reply
from portico.server.providers.origin import Origin
from portico.server.providers.transport import UNUSED_S, Transport

pytestmark = pytest.mark.anyio
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Script = Callable[[asyncio.StreamWriter, bytes], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nTrailer: t\r\n\r\n"


@dataclass
class Provider:
    """Calls `script` for each request that arrived whole; counts connections."""

    script: Script
    connections: int = 0
    asked: list[bytes] = field(default_factory=list)
    lost: int = 0
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                self.asked.append(head + await reader.readexactly(length))
                await self.script(writer, self.asked[-1])
        except (asyncio.IncompleteReadError, ConnectionError):
            self.lost += 1
        finally:
            writer.close()


class House:
    """A transport, and providers that live as long as the test."""

    def __init__(self) -> None:
        self.transport = Transport(request_timeout_s=60, gap_timeout_s=60, connect_timeout_s=60)
        self.transport.start()
        self._servers: list[asyncio.Server] = []
        self.last: Reply | None = None

    async def provider(
        self, script: Script | bytes, tls: ssl.SSLContext | None = None, kind: type[Provider] | None = None
    ) -> Provider:
        provider = (kind or Provider)(answers(script) if isinstance(script, bytes) else script)
        server = await asyncio.start_server(provider.serve, "127.0.0.1", 0, ssl=tls)
        provider.port = server.sockets[0].getsockname()[1]
        self._servers.append(server)
        return provider

    async def send(
        self, provider: Provider, *, stream: bool = False, scheme: str = "http", host: str = "127.0.0.1"
    ) -> Reply:
        endpoint = Endpoint.with_key(f"{scheme}://{host}:{provider.port}/v1", "k")
        return await run(self._exchange(endpoint, Outgoing("/chat", b'{"a":1}', stream)))

    async def _exchange(self, endpoint: Endpoint, outgoing: Outgoing) -> Reply:
        """What the executor does for one try."""
        reply = self.transport.maybe_send(endpoint, outgoing) or await self.transport.send(endpoint, outgoing)
        self.last = reply
        try:
            await reply.signal
            reply.raise_error()
        except BaseException:
            self.transport.end(reply)
            raise
        return reply

    async def close(self) -> None:
        self.transport.close()
        for server in self._servers:
            server.close()
        await asyncio.sleep(0.02)


@pytest.fixture
async def house(anyio_backend: object) -> AsyncIterator[House]:
    house = House()
    yield house
    await house.close()


def answers(*raw: bytes, close: bool = False, gap_s: float = 0.0) -> Script:
    """Writes these pieces."""

    async def script(writer: asyncio.StreamWriter, _asked: bytes) -> None:
        for piece in raw:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(gap_s)
        if close:
            writer.close()

    return script


async def whole(reply: Reply) -> bytes:
    return await run(reply.read_all())


async def chunks(reply: Reply) -> list[bytes]:
    found: list[bytes] = []
    while (chunk := await run(reply.next_chunk())) is not None:
        found.append(chunk)
    return found


# what is sent --------------------------------------------------------------------------------------------------


async def test_a_request_is_one_write_with_key_and_length(house: House) -> None:
    provider = await house.provider(OK)
    reply = await house.send(provider)
    assert (reply.status, await whole(reply)) == (200, b"hello")
    head, _, body = provider.asked[0].partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /v1/chat HTTP/1.1" and body == b'{"a":1}'
    assert b"authorization: Bearer k" in lines and b"host: 127.0.0.1:%d" % provider.port in lines
    assert b"content-length: 7" in lines and b"accept-encoding: identity" in lines


@pytest.mark.parametrize(
    ("url", "host", "port", "tls", "prefix", "header"),
    [
        ("http://a", "a", 80, False, "", "a"),
        ("https://a/v1/", "a", 443, True, "/v1", "a"),
        ("https://a:8443/x/y", "a", 8443, True, "/x/y", "a:8443"),
        ("http://[::1]:9/v1", "::1", 9, False, "/v1", "[::1]:9"),
    ],
)
async def test_the_parts_of_a_base_url(url: str, host: str, port: int, tls: bool, prefix: str, header: str) -> None:
    origin = Origin.of(url)
    assert (origin.host, origin.port, origin.tls, origin.prefix, origin.host_header) == (
        host,
        port,
        tls,
        prefix,
        header,
    )


@pytest.mark.parametrize(
    "url", ["", "a", "ftp://a", "http://", "file:///etc/passwd", "http://a:port", "http://a:99999"]
)
async def test_what_is_no_base_url_is_a_provider_error(url: str) -> None:
    with pytest.raises(ProviderUnknown):
        Origin.of(url)


# how answers may come ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("raw", [OK, CHUNKED], ids=["length", "chunked"])
@pytest.mark.parametrize("stream", [False, True])
async def test_hc12_an_answer_split_at_every_byte_is_the_same(house: House, raw: bytes, stream: bool) -> None:
    provider = await house.provider(answers(*(raw[i : i + 1] for i in range(len(raw)))))
    for _ in range(2):
        reply = await house.send(provider, stream=stream)
        assert b"".join(await chunks(reply)) == b"hello" if stream else await whole(reply) == b"hello"
        house.transport.end(reply)
    assert provider.connections == 1


async def test_a_100_continue_before_the_answer_is_skipped(house: House) -> None:
    provider = await house.provider(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK)
    reply = await house.send(provider)
    assert (reply.status, await whole(reply)) == (200, b"hello")
    assert b"link" not in reply.headers


async def test_of_two_headers_with_one_name_the_first_counts_and_none_stays_for_the_next_answer(house: House) -> None:
    twice = b"HTTP/1.1 200 OK\r\nX-Id: a\r\nx-id: b\r\nX-Id: c\r\nX-Empty:\r\nContent-Length: 5\r\n\r\nhello"
    replies = iter([twice, CHUNKED, OK])

    async def script(writer: asyncio.StreamWriter, _asked: bytes) -> None:
        writer.write(next(replies))

    provider = await house.provider(script)
    found = []
    for _ in range(3):
        reply = await house.send(provider)
        assert await whole(reply) == b"hello"
        house.transport.end(reply)
        found.append(reply.headers)
    assert found == [
        {b"x-id": b"a", b"x-empty": b"", b"content-length": b"5"},
        {b"transfer-encoding": b"chunked"},
        {b"content-length": b"5"},
    ]
    assert provider.connections == 1


@pytest.mark.parametrize("names", [(b"Content-Encoding", b"content-encoding"), (b"content-encoding",) * 2])
async def test_the_first_of_two_encodings_counts(house: House, names: tuple[bytes, bytes]) -> None:
    packed = gzip.compress(b"hello", mtime=0)
    head = b"HTTP/1.1 200 OK\r\n%b: gzip\r\n%b: identity\r\nContent-Length: %d\r\n\r\n" % (*names, len(packed))
    provider = await house.provider(head + packed)
    assert await whole(await house.send(provider)) == b"hello"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_body_that_ends_with_the_connection(house: House, stream: bool) -> None:
    provider = await house.provider(answers(b"HTTP/1.1 200 OK\r\nX: y\r\n\r\nhel", b"lo", close=True, gap_s=0.01))
    reply = await house.send(provider, stream=stream)
    assert b"".join(await chunks(reply)) == b"hello" if stream else await whole(reply) == b"hello"


async def test_an_empty_answer_is_an_answer(house: House) -> None:
    provider = await house.provider(b"HTTP/1.1 204 No Content\r\n\r\n")
    reply = await house.send(provider)
    assert (reply.status, await whole(reply)) == (204, b"")


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(b"hello", mtime=0)),
        ("x-gzip", gzip.compress(b"hello", mtime=0)),
        ("GZIP", gzip.compress(b"hello", mtime=0)),
        ("deflate", zlib.compress(b"hello")),
    ],
)
async def test_hc11_what_comes_packed_is_unpacked(house: House, encoding: str, packed: bytes) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
    provider = await house.provider(answers(head, *(packed[i : i + 1] for i in range(len(packed)))))
    assert await whole(await house.send(provider)) == b"hello"


GARBAGE = {
    "no http": b"\x00\x01\x02garbage\r\n\r\n",
    "html without head": b"<html>hello</html>\r\n\r\n",
    "odd status": b"HTTP/1.1 ok OK\r\n\r\n",
    "odd length": b"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "odd chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "another protocol": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n\x00\x00",
    "http2": b"\x00\x00\x12\x04\x00\x00\x00\x00\x00",
    "broken gzip": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
    "endless head": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200_000,
}


@pytest.mark.parametrize("raw", GARBAGE.values(), ids=GARBAGE.keys())
async def test_hc26_garbage_is_a_provider_error_and_the_connection_is_dropped(house: House, raw: bytes) -> None:
    provider = await house.provider(raw)
    with pytest.raises(ProviderUnknown):
        await whole(await house.send(provider))
    provider.script = answers(OK)
    assert await whole(await house.send(provider)) == b"hello"
    assert provider.connections == 2


@pytest.mark.parametrize("stream", [False, True])
async def test_hc13_a_connection_lost_in_the_middle_is_an_error(house: House, stream: bool) -> None:
    provider = await house.provider(answers(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhel", close=True))
    with pytest.raises(ProviderUnknown):
        reply = await house.send(provider, stream=stream)
        await chunks(reply)
    assert house.last is not None and not house.last.untouched


async def test_what_came_before_the_loss_is_handed_on_first(house: House) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"
    provider = await house.provider(answers(head, b"hel", close=True, gap_s=0.01))
    reply = await house.send(provider, stream=True)
    await asyncio.sleep(0.05)
    assert await run(reply.next_chunk()) == b"hel"
    with pytest.raises(ProviderUnknown):
        await run(reply.next_chunk())


# the pool ------------------------------------------------------------------------------------------------------


async def test_a_connection_is_used_again(house: House) -> None:
    provider = await house.provider(OK)
    for _ in range(5):
        reply = await house.send(provider)
        house.transport.end(reply)
    assert (provider.connections, len(provider.asked)) == (1, 5)


async def test_one_that_is_busy_is_not_shared(house: House) -> None:
    async def script(writer: asyncio.StreamWriter, _asked: bytes) -> None:
        await asyncio.sleep(0.05)
        writer.write(OK)

    provider = await house.provider(script)
    replies = await asyncio.gather(*(house.send(provider) for _ in range(4)))
    assert [await whole(reply) for reply in replies] == [b"hello"] * 4
    assert provider.connections == 4


def pool_of(house: House) -> Pool:
    (pool,) = house.transport._pools.values()
    return pool


async def until_idle(house: House, count: int) -> None:
    """So many connections lie in the pool."""
    async with asyncio.timeout(60):
        while len(pool_of(house)._idle) != count:
            await asyncio.sleep(0.01)


async def until_disconnected(house: House) -> None:
    async with asyncio.timeout(60):
        while pool_of(house).connections:
            await asyncio.sleep(0.01)


async def test_a_connection_that_nobody_uses_any_more_is_closed(house: House) -> None:
    """Idle means not used since it was last looked at: one that came back in between is as good as new."""
    provider = await house.provider(OK)
    await house.send(provider)
    pool = pool_of(house)
    pool.trim(1000.0)
    pool.trim(1000.0 + IDLE_LONGEST_S - 1)
    await house.send(provider)
    assert provider.connections == 1
    pool.trim(1000.0 + IDLE_LONGEST_S + 1)
    await house.send(provider)
    assert provider.connections == 1, "it was used in between"
    pool.trim(2000.0)
    pool.trim(2000.0 + IDLE_LONGEST_S)
    assert pool.idle() is None
    await house.send(provider)
    assert provider.connections == 2


async def test_of_too_many_idle_connections_those_used_last_stay(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portico.server.providers.http1.IDLE_MOST", 2)
    together = asyncio.Barrier(5)

    async def script(writer: asyncio.StreamWriter, _asked: bytes) -> None:
        await together.wait()
        writer.write(OK)

    provider = await house.provider(script)
    await asyncio.gather(*(house.send(provider) for _ in range(5)))
    pool = pool_of(house)
    idle = list(pool._idle)
    assert len(idle) == 5
    pool.trim(1000.0)
    assert pool._idle == idle[3:]
    assert [connection.transport.is_closing() for connection in idle] == [True, True, True, False, False]


async def test_the_timer_of_the_transport_trims_its_pools(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portico.server.providers.http1.IDLE_LONGEST_S", 0.0)
    provider = await house.provider(OK)
    await house.send(provider)
    house.transport._sweep()
    assert pool_of(house).idle() is None


async def test_an_origin_without_connections_is_forgotten_after_a_while(house: House) -> None:
    once, often = await house.provider(answers(OK, close=True)), await house.provider(OK)
    await house.send(once)
    await until_disconnected(house)
    await house.send(often)
    house.transport._forget_unused(1000.0)
    house.transport._forget_unused(1000.0 + UNUSED_S - 1)
    assert len(house.transport._pools) == len(house.transport._heads) == 2

    house.transport._forget_unused(1000.0 + UNUSED_S)

    assert [port for _, port, _ in house.transport._pools] == [often.port]
    assert len(house.transport._heads) == 1
    assert await whole(await house.send(once)) == b"hello"


async def test_an_origin_that_was_used_again_in_time_stays(house: House) -> None:
    provider = await house.provider(OK)
    await house.send(provider)
    pool = pool_of(house)
    pool.trim(0.0)
    pool.trim(IDLE_LONGEST_S)
    await until_disconnected(house)
    house.transport._forget_unused(1000.0)
    await house.send(provider)
    house.transport._forget_unused(1000.0 + UNUSED_S)
    assert pool_of(house) is pool


async def test_the_timer_of_the_transport_forgets_origins(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portico.server.providers.transport.UNUSED_S", 0.0)
    provider = await house.provider(answers(OK, close=True))
    await house.send(provider)
    await until_disconnected(house)
    house.transport._trimmed_at = 0.0
    house.transport._sweep()
    assert house.transport._pools == {}


async def test_an_origin_is_kept_while_something_hangs_on_it(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection at work comes back to its pool; one that is being made will lie there."""
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def script(writer: asyncio.StreamWriter, _asked: bytes) -> None:
        asked.set()
        await go_on.wait()
        writer.write(OK)

    provider = await house.provider(script)
    connect, connecting, connected = Pool.connect, asyncio.Event(), asyncio.Event()

    async def slowly(pool: Pool) -> Connection:
        connecting.set()
        await connected.wait()
        return await connect(pool)

    monkeypatch.setattr(Pool, "connect", slowly)
    sending = asyncio.ensure_future(house.send(provider))
    await connecting.wait()
    (pool,) = house.transport._pools.values()
    for at in (1, 2):
        house.transport._forget_unused(at * UNUSED_S)
    assert pool_of(house) is pool, "it is being connected"
    connected.set()
    await asked.wait()
    for at in (3, 4):
        house.transport._forget_unused(at * UNUSED_S)
    assert pool_of(house) is pool, "its connection is at work"
    go_on.set()
    assert await whole(await sending) == b"hello"
    for at in (5, 6):
        house.transport._forget_unused(at * UNUSED_S)
    assert pool_of(house) is pool, "its connection lies idle"
    assert pool.connections == len(pool._idle) == 1


@pytest.mark.parametrize("goodbye", [b"Connection: close\r\n", b""], ids=["said", "unsaid"])
async def test_a_connection_that_the_provider_closed_is_not_used_again(house: House, goodbye: bytes) -> None:
    provider = await house.provider(answers(OK.replace(b"\r\n\r\n", b"\r\n" + goodbye + b"\r\n"), close=True))
    await house.send(provider)
    await until_idle(house, 0)
    assert await whole(await house.send(provider)) == b"hello"
    assert provider.connections == 2


async def test_hc17_a_stale_connection_tells_that_nothing_was_read(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It closes just as we take it from the pool: such a request may be sent again, a fresh one not."""
    monkeypatch.setattr("portico.server.providers.http1.RESEND_WITHIN_S", 60.0)

    async def script(writer: asyncio.StreamWriter, _asked: bytes) -> None:
        if len(provider.asked) == 1:
            writer.write(OK)
        else:
            writer.close()

    provider = await house.provider(script)
    await house.send(provider)
    with pytest.raises(ProviderUnknown):
        await house.send(provider)
    assert house.last is not None and house.last.untouched
    with pytest.raises(ProviderUnknown):
        await house.send(provider)
    assert house.last is not None and not house.last.untouched, "a new connection: the provider may have worked on it"


async def test_what_comes_behind_an_answer_spoils_no_later_one(house: House) -> None:
    provider = await house.provider(OK + b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nev")
    assert await whole(await house.send(provider)) == b"hello"
    provider.script = answers(OK.replace(b"hello", b"fresh"))
    try:
        assert await whole(await house.send(provider)) == b"fresh"
    except ProviderUnknown:  # also right: the connection was noticed to be out of step
        assert await whole(await house.send(provider)) == b"fresh"


async def test_a_request_that_goes_out_at_once_before_garbage_fails_at_once(house: House) -> None:
    provider = await house.provider(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokgarbage\r\n\r\n")
    endpoint = Endpoint.with_key(f"http://127.0.0.1:{provider.port}/v1", "k")

    async def two() -> None:
        for _ in range(2):
            house.transport.end(await house._exchange(endpoint, Outgoing("/chat", b"{}")))

    with pytest.raises(ProviderUnknown, match="not valid HTTP"):
        await asyncio.wait_for(run(two()), 60)


async def test_bytes_on_an_idle_connection_end_it(house: House) -> None:
    provider = await house.provider(answers(OK, b"unasked", gap_s=0.02))
    assert await whole(await house.send(provider)) == b"hello"
    await until_idle(house, 0)
    provider.script = answers(OK)
    assert await whole(await house.send(provider)) == b"hello"
    assert provider.connections == 2


@pytest.mark.parametrize("gap_s", [0.0, 0.03])
async def test_a_stream_that_was_read_to_its_last_word_leaves_its_connection(
    house: House, gap_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its end comes behind `[DONE]`, often in a packet of its own."""
    monkeypatch.setattr("portico.server.providers.http1.REST_WITHIN_S", 60.0)
    begun = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n[DONE]\r\n"
    provider = await house.provider(answers(begun, b"0\r\n\r\n", gap_s=gap_s))
    for _ in range(3):
        reply = await house.send(provider, stream=True)
        assert await run(reply.next_chunk()) == b"[DONE]"
        house.transport.end(reply, finished=True)
        await until_idle(house, 1)
    assert (provider.connections, len(provider.asked)) == (1, 3)


@pytest.mark.parametrize("rest", [b"", b"2000\r\n" + b"x" * 0x2000 + b"\r\n"])
async def test_a_provider_that_does_not_end_after_its_last_word_is_hung_up_on(house: House, rest: bytes) -> None:
    begun = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n[DONE]\r\n"
    provider = await house.provider(answers(begun, rest, gap_s=0.03))
    reply = await house.send(provider, stream=True)
    assert await run(reply.next_chunk()) == b"[DONE]"
    house.transport.end(reply, finished=True)
    async with asyncio.timeout(60):
        while not provider.lost:
            await asyncio.sleep(0.01)
    again = await house.send(provider, stream=True)
    house.transport.end(again)
    assert provider.connections == 2


async def test_hc16_an_abandoned_answer_closes_its_connection(house: House) -> None:
    provider = await house.provider(answers(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhel"))
    reply = await house.send(provider, stream=True)
    house.transport.end(reply)
    async with asyncio.timeout(60):
        while not provider.lost:
            await asyncio.sleep(0.01)


async def test_hc16_cancelling_a_send_closes_its_connection(house: House) -> None:
    async def never(_writer: asyncio.StreamWriter, _asked: bytes) -> None:
        """The answer stays away; the reader notices when the client leaves."""

    provider = await house.provider(never)
    task = asyncio.create_task(house.send(provider))
    async with asyncio.timeout(60):
        while not provider.asked:
            await asyncio.sleep(0.01)
        task.cancel()
        while not provider.lost:
            await asyncio.sleep(0.01)
    with pytest.raises(asyncio.CancelledError):
        await task


# limits --------------------------------------------------------------------------------------------------------


async def test_hc16_a_reader_that_dawdles_stops_the_provider(house: House) -> None:
    total, sent = 64 * 1024 * 1024, 0

    async def flood(writer: asyncio.StreamWriter, _asked: bytes) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % total)
        while sent < total:
            writer.write(b"x" * 65536)
            sent += 65536
            await writer.drain()

    provider = await house.provider(flood)
    reply = await house.send(provider, stream=True)
    held = -1
    while sent != held:
        held = sent
        await asyncio.sleep(0.2)
    assert 0 < held < total / 2, "held back"
    first = await run(reply.next_chunk())
    assert first is not None and len(first) < 4 * HIGH_WATER_BYTES
    size = len(first) + sum(map(len, await chunks(reply)))
    assert size == total
    house.transport.end(reply)
    assert (await house.send(provider, stream=True)).status == 200
    assert provider.connections == 1, "a connection that was paused is as good as any"


async def test_an_answer_over_the_limit_is_refused(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portico.server.providers.transport.ANSWER_LIMIT_BYTES", 1000)
    body = b"x" * 1001
    provider = await house.provider(b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n" + body)
    with pytest.raises(ProviderUnknown, match="larger than 1000"):
        await house.send(provider)


async def test_a_small_packed_answer_with_a_giant_in_it_is_refused(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portico.server.providers.transport.ANSWER_LIMIT_BYTES", 1_000_000)
    bomb = gzip.compress(b"x" * 50_000_000)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    provider = await house.provider(head + bomb)
    with pytest.raises(ProviderUnknown, match="larger than"):
        await house.send(provider)


async def test_a_late_answer_is_a_timeout(house: House) -> None:
    house.transport.close()
    house.transport = Transport(request_timeout_s=0.2, gap_timeout_s=0.2, connect_timeout_s=60)
    house.transport.start()
    provider = await house.provider(answers(gap_s=0))
    provider.script = answers(b"", OK, gap_s=600)
    with pytest.raises(ProviderTimeout):
        await house.send(provider)


async def test_hc15_silence_within_a_stream_is_a_timeout_and_talk_is_not(house: House) -> None:
    house.transport.close()
    house.transport = Transport(request_timeout_s=1.5, gap_timeout_s=1.5, connect_timeout_s=60)
    house.transport.start()
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    talk = await house.provider(answers(head, *[b"1\r\nx\r\n"] * 8, b"0\r\n\r\n", gap_s=0.25))
    said: list[bytes] = []
    for _ in range(10):  # a machine that stands still for a moment is silence as well
        with suppress(ProviderTimeout):
            said = await chunks(await house.send(talk, stream=True))
            break
    assert len(b"".join(said)) == 8, "longer than the gap in all"
    silent = await house.provider(answers(head, b"1\r\nx\r\n", b"1\r\nx\r\n", gap_s=600))
    with pytest.raises(ProviderTimeout):
        await chunks(await house.send(silent, stream=True))


async def test_nobody_listening_is_a_provider_error(house: House) -> None:
    provider = Provider(answers(OK), port=1)
    with pytest.raises(ProviderUnknown, match="cannot be reached"):
        await house.send(provider)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 70 + ".example", "a..b"])
async def test_a_name_that_nobody_has_is_a_provider_error(house: House, host: str) -> None:
    with pytest.raises(ProviderError):
        await house.send(Provider(answers(OK), port=80), host=host)


# TLS -----------------------------------------------------------------------------------------------------------


@dataclass
class Authority:
    """A certificate authority of our own, with one server certificate for localhost."""

    ca: Path
    chain: Path

    def context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.chain)
        return context


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    folder = tmp_path_factory.mktemp("tls")
    now = datetime.datetime.now(datetime.UTC)

    def certificate(name: str, key: ec.EllipticCurvePrivateKey, issuer: str) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
        )

    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca = (
        certificate("ca", ca_key, "ca")
        .add_extension(x509.BasicConstraints(True, 0), True)
        .sign(ca_key, hashes.SHA256())
    )
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    leaf = certificate("provider", key, "ca").add_extension(names, False).sign(ca_key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    plain = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    made = Authority(folder / "ca.pem", folder / "chain.pem")
    made.ca.write_bytes(ca.public_bytes(pem))
    made.chain.write_bytes(plain + leaf.public_bytes(pem))
    return made


async def test_tls_with_an_authority_that_the_host_trusts(
    house: House, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca))
    provider = await house.provider(OK, authority.context())
    for _ in range(2):
        assert await whole(await house.send(provider, scheme="https", host="localhost")) == b"hello"
    assert provider.connections == 1


async def test_tls_with_an_unknown_authority_is_refused(house: House, authority: Authority) -> None:
    provider = await house.provider(OK, authority.context())
    with pytest.raises(ProviderUnknown, match="no secure connection"):
        await house.send(provider, scheme="https", host="localhost")
    assert not provider.asked, "neither key nor body has left"


async def test_tls_with_a_certificate_of_another_name_is_refused(
    house: House, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca))
    provider = await house.provider(OK, authority.context())
    with pytest.raises(ProviderUnknown, match="no secure connection"):
        await house.send(provider, scheme="https")


async def test_tls_to_a_server_that_speaks_plain_http_is_refused(house: House) -> None:
    """It takes the greeting for a request that it cannot read, and says so in plain text."""

    class Plain(Provider):
        async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1)
            writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            writer.close()

    provider = await house.provider(OK, kind=Plain)
    with pytest.raises(ProviderError):
        await house.send(provider, scheme="https")
