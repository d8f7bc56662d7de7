"""The only file of the SDK that opens a connection: calls become requests, answers become values, failures our errors.

Two drivers of one description: `Transport` waits, `AsyncTransport` awaits; what they do is told in `exchange.py`.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
import weakref
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from portico import __version__
from portico.sdk import errors
from portico.sdk.call import Answer, Call, Options, join_url
from portico.sdk.certificates import read_certificates
from portico.sdk.credentials import Credentials
from portico.sdk.exchange import Attempt, exchange
from portico.sdk.failures import read_failure
from portico.sdk.interruptible import Waiter, import_for_good

if TYPE_CHECKING:
    from pyreqwest.client import BaseClientBuilder, Client, SyncClient
    from pyreqwest.request import BaseRequestBuilder
    from pyreqwest.response import BaseResponse, ResponseBodyReader, SyncResponseBodyReader

B = TypeVar("B", bound="BaseClientBuilder")
R = TypeVar("R", bound="BaseRequestBuilder")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_LIBRARY = "pyreqwest.client"
_TLS_MARKS = ("certificate", "handshake", "tls", "ssl", "invalidcontenttype", "fatal alert")


class Transport:
    """Carries calls with one pool of connections, opened at the first call. Safe to use from several threads."""

    def __init__(self, credentials: Credentials, options: Options) -> None:
        self.credentials = credentials
        self.options = options
        self._client: SyncClient | None = None
        self._pid = 0
        self._lock = threading.Lock()
        self.waiter = Waiter(on_interrupt=self._drop)
        self._closed = False
        _open.add(self)

    def send(self, call: Call) -> Answer:
        """The answer, read whole, whatever its status. Raises TransportError."""
        return self._drive(call, lambda: self.waiter.wait(lambda: self._send_once(call)))

    def open(self, call: Call) -> ByteStream:
        """The answer, still to be read. Raises TransportError; ApiError when it is a refusal."""
        opened: list[ByteStream] = []

        def attempt() -> Answer:
            stream = self.waiter.wait(lambda: self._open_once(call))
            if stream.head.status < 300:
                opened.append(stream)
                return stream.head
            return stream.read_all()

        answer = self._drive(call, attempt)
        if not opened:
            raise read_failure(answer)
        return opened[0]

    def close(self) -> None:
        """Closes the connections; the transport cannot be used again."""
        self._closed = True
        self._drop()
        self.waiter.close()
        _open.discard(self)

    def _close_at_exit(self) -> None:
        self.close()

    def _drive(self, call: Call, attempt: Callable[[], Answer]) -> Answer:
        import_for_good(_LIBRARY)  # here, and not in the waiter's thread, which may end
        steps = exchange(call, self.options.max_retries)
        step = next(steps)
        while True:
            try:
                if isinstance(step, Attempt):
                    try:
                        answer = attempt()
                    except errors.TransportError as error:
                        step = steps.throw(error)
                    else:
                        step = steps.send(answer)
                else:
                    time.sleep(step.seconds)
                    step = steps.send(None)
            except StopIteration as end:
                result: Answer = end.value
                return result

    def _send_once(self, call: Call) -> Answer:
        client = self._pool()
        try:
            request = _prepare(client.request(call.method, join_url(self.credentials.base_url, call)), call, self)
            response = request.build().send()
            return _answer(response, bytes(response.bytes()))
        except Exception as error:
            raise _translate(error, self) from None

    def _open_once(self, call: Call) -> ByteStream:
        client = self._pool()
        try:
            request = _prepare(client.request(call.method, join_url(self.credentials.base_url, call)), call, self)
            # Without the 0 the library gathers 64 KiB before it hands anything on.
            streamed = request.streamed_read_buffer_limit(0).build_streamed()
            response = streamed.__enter__()
        except Exception as error:
            raise _translate(error, self) from None
        return ByteStream(_answer(response, b""), response.body_reader, streamed.__exit__, self)

    def _pool(self) -> SyncClient:
        with self._lock:
            if self._closed:
                raise _closed_error()
            if self._client is None or self._pid != os.getpid():
                from pyreqwest.client import SyncClientBuilder

                self._client = _build(SyncClientBuilder(), self).build()
                self._pid = os.getpid()  # a fork has the object but not the thread that serves it
            return self._client

    def _drop(self) -> None:
        with self._lock:
            client, self._client = self._client, None
        if client is not None and self._pid == os.getpid():
            client.close()


@dataclass(slots=True)
class ByteStream:
    """The body of an open answer, piece by piece as it arrives."""

    head: Answer
    _reader: SyncResponseBodyReader
    _exit: Callable[..., None]
    _transport: Transport
    _open: bool = True

    @property
    def closed(self) -> bool:
        return not self._open

    def read(self) -> bytes:
        """The next piece; empty at the end. Raises TransportError."""
        return self._transport.waiter.wait(self._read_once) if self._open else b""

    def read_all(self) -> Answer:
        """The whole answer; the stream is closed after it."""
        pieces = []
        try:
            while piece := self.read():
                pieces.append(piece)
        finally:
            self.close()
        return Answer(self.head.status, self.head.headers, b"".join(pieces))

    def close(self) -> None:
        """Lets the connection go; the server sees a hang-up when the body was not read to its end."""
        if self._open:
            self._open = False
            self._exit(None, None, None)

    def _read_once(self) -> bytes:
        try:
            return bytes(self._reader.read_chunk() or b"")
        except Exception as error:
            raise _translate(error, self._transport, reading=True) from None


class AsyncTransport:
    """The same for asyncio; one pool of connections, opened at the first call."""

    def __init__(self, credentials: Credentials, options: Options) -> None:
        self.credentials = credentials
        self.options = options
        self._client: Client | None = None
        self._pid = 0
        self._closed = False
        _open.add(self)

    async def send(self, call: Call) -> Answer:
        """The answer, read whole, whatever its status. Raises TransportError."""
        return await self._drive(call, lambda: self._send_once(call))

    async def open(self, call: Call) -> AsyncByteStream:
        """The answer, still to be read. Raises TransportError; ApiError when it is a refusal."""
        opened: list[AsyncByteStream] = []

        async def attempt() -> Answer:
            stream = await self._open_once(call)
            if stream.head.status < 300:
                opened.append(stream)
                return stream.head
            return await stream.read_all()

        answer = await self._drive(call, attempt)
        if not opened:
            raise read_failure(answer)
        return opened[0]

    async def close(self) -> None:
        """Closes the connections; the transport cannot be used again."""
        self._closed = True
        client, self._client = self._client, None
        _open.discard(self)
        if client is not None:
            await client.close()

    async def _drive(self, call: Call, attempt: Callable[[], Awaitable[Answer]]) -> Answer:
        from asyncio import sleep  # not at the top: it is slow to import, and who awaits has it already

        steps = exchange(call, self.options.max_retries)
        step = next(steps)
        while True:
            try:
                if isinstance(step, Attempt):
                    try:
                        answer = await attempt()
                    except errors.TransportError as error:
                        step = steps.throw(error)
                    else:
                        step = steps.send(answer)
                else:
                    await sleep(step.seconds)
                    step = steps.send(None)
            except StopIteration as end:
                result: Answer = end.value
                return result

    async def _send_once(self, call: Call) -> Answer:
        client = self._pool()
        try:
            request = _prepare(client.request(call.method, join_url(self.credentials.base_url, call)), call, self)
            response = await request.build().send()
            return _answer(response, bytes(await response.bytes()))
        except Exception as error:
            raise _translate(error, self) from None

    async def _open_once(self, call: Call) -> AsyncByteStream:
        client = self._pool()
        try:
            request = _prepare(client.request(call.method, join_url(self.credentials.base_url, call)), call, self)
            streamed = request.streamed_read_buffer_limit(0).build_streamed()
            response = await streamed.__aenter__()
        except Exception as error:
            raise _translate(error, self) from None
        return AsyncByteStream(_answer(response, b""), response.body_reader, streamed.__aexit__, self)

    def _pool(self) -> Client:
        if self._closed:
            raise _closed_error()
        if self._client is None or self._pid != os.getpid():
            import_for_good(_LIBRARY)
            from pyreqwest.client import ClientBuilder

            self._client = _build(ClientBuilder(), self).build()
            self._pid = os.getpid()
        return self._client

    def _close_at_exit(self) -> None:
        self._closed = True
        client, self._client = self._client, None
        if client is not None and self._pid == os.getpid():
            with suppress(StopIteration, RuntimeError):  # no loop is left to await in; its first step is what counts
                client.close().send(None)


@dataclass(slots=True)
class AsyncByteStream:
    """The body of an open answer, piece by piece as it arrives."""

    head: Answer
    _reader: ResponseBodyReader
    _exit: Callable[..., Awaitable[None]]
    _transport: AsyncTransport
    _open: bool = True

    @property
    def closed(self) -> bool:
        return not self._open

    async def read(self) -> bytes:
        """The next piece; empty at the end. Raises TransportError."""
        if not self._open:
            return b""
        try:
            return bytes(await self._reader.read_chunk() or b"")
        except Exception as error:
            raise _translate(error, self._transport, reading=True) from None

    async def read_all(self) -> Answer:
        """The whole answer; the stream is closed after it."""
        pieces = []
        try:
            while piece := await self.read():
                pieces.append(piece)
        finally:
            await self.close()
        return Answer(self.head.status, self.head.headers, b"".join(pieces))

    async def close(self) -> None:
        """Lets the connection go; the server sees a hang-up when the body was not read to its end."""
        if self._open:
            self._open = False
            await self._exit(None, None, None)


def _build(builder: B, transport: Transport | AsyncTransport) -> B:
    """A pool with our bounds: time, redirects, certificates, proxies (from the environment, as curl reads it)."""
    options, credentials = transport.options, transport.credentials
    builder = (
        builder.user_agent(f"portico-python/{__version__}")
        .connect_timeout(timedelta(seconds=options.connect_timeout_s))
        .read_timeout(timedelta(seconds=options.timeout_s))
        .follow_redirects(False)
    )
    if urlsplit(credentials.base_url).hostname in _LOOPBACK:
        builder = builder.no_proxy()  # a proxy cannot reach this host's own loopback
    for certificate in read_certificates(credentials.ca_file):
        builder = builder.add_root_certificate_pem(certificate)
    return builder


def _prepare(request: R, call: Call, transport: Transport | AsyncTransport) -> R:
    request = request.headers({"Accept": "application/json", **call.headers})
    if call.with_credentials:
        for name, value in transport.credentials.headers().items():
            request = request.header(name, value, is_sensitive=name == "Authorization")
    if call.body is not None:
        request = request.body_bytes(call.body)
    return request if call.deadline_s is None else request.timeout(timedelta(seconds=call.deadline_s))


def _answer(response: BaseResponse, body: bytes) -> Answer:
    return Answer(response.status, {name.lower(): value for name, value in response.headers.items()}, body)


def _translate(error: Exception, transport: Transport | AsyncTransport, *, reading: bool = False) -> Exception:
    """An exception of the library as one of ours; one that is no failure of the network stays what it is."""
    import pyreqwest.exceptions as library

    url, options = transport.credentials.base_url, transport.options
    causes = [cause["message"] for cause in (getattr(error, "details", None) or {}).get("causes") or []]
    last = causes[-1] if causes else str(error)
    connecting = any("(Connect)" in cause for cause in causes)
    if isinstance(error, library.RequestTimeoutError):
        if connecting and not reading:
            return errors.HostUnreachable(f"{url} did not accept a connection within {options.connect_timeout_s:g} s.")
        return errors.RequestTimeout(f"{url} did not answer in time.")
    if isinstance(error, library.NetworkError) and connecting:
        if any(mark in " ".join(causes).lower() for mark in _TLS_MARKS):
            return errors.TlsFailed(f"No safe connection to {url}: {last}.")
        return errors.HostUnreachable(f"{url} cannot be reached: {last}.")
    if isinstance(error, library.ClientClosedError):
        return _closed_error()
    if isinstance(error, library.NetworkError | library.DecodeError):
        return errors.ConnectionLost(f"The connection to {url} broke: {last}.")
    if isinstance(error, library.BuilderError):
        return errors.ConfigurationError(f"The request cannot be made: {last}.")
    if isinstance(error, library.PyreqwestError):
        return errors.TransportError(f"The call of {url} failed: {last}.")
    return error


def _closed_error() -> errors.PorticoError:
    return errors.PorticoError("This client is closed.", hint="Make a new one.")


def _close_all() -> None:
    """Closes what is open, then waits for the library's one thread, which aborts an interpreter that goes before it.

    That thread hands a result to asyncio and lets go of the interpreter a moment later. It works in order: when a
    call that needs no network has failed through it, everything before has ended.
    """
    for transport in list(_open):
        transport._close_at_exit()
    if _LIBRARY not in sys.modules:
        return
    from pyreqwest.client import SyncClientBuilder

    with suppress(Exception), SyncClientBuilder().no_proxy().timeout(timedelta(seconds=1)).build() as client:
        client.get("http://127.0.0.1:0/").build().send()


_open: weakref.WeakSet[Transport | AsyncTransport] = weakref.WeakSet()
atexit.register(_close_all)
