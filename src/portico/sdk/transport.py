"""The only file of the SDK that opens a connection: calls become requests, answers become values, failures our errors.

Two drivers of one description: `Transport` waits, `AsyncTransport` awaits; what they do is told in `exchange.py`.
"""

from __future__ import annotations

import atexit
import os
import sys
import time
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import suppress
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from portico import __version__
from portico.sdk import errors
from portico.sdk.byte_stream import AsyncByteStream as AsyncByteStream
from portico.sdk.byte_stream import ByteStream as ByteStream
from portico.sdk.call import Answer, Call, Options, join_url
from portico.sdk.certificates import read_certificates
from portico.sdk.credentials import Credentials, can_renew
from portico.sdk.exchange import Pause, Renew, Run
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


class _Settings:
    """What both transports hold; the process that made a pool is remembered, for a fork cannot use it."""

    def __init__(self, credentials: Credentials, options: Options) -> None:
        self.credentials = credentials
        self.options = options
        self._pid = 0
        self._closed = False
        _open.add(self)

    def _close_at_exit(self) -> None:
        raise NotImplementedError


class Transport(_Settings):
    """Carries calls with one pool of connections, opened at the first call. Safe to use from several threads."""

    def __init__(self, credentials: Credentials, options: Options) -> None:
        super().__init__(credentials, options)
        self._client: SyncClient | None = None
        self._lock = Lock()
        self.waiter = Waiter(on_interrupt=self._drop)

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
        run, used = Run(call, self.options.max_retries), self.credentials
        while run.result is None:
            if isinstance(run.step, Pause):
                time.sleep(run.step.seconds)
                run.go_on()
                continue
            if isinstance(run.step, Renew):
                run.go_on(self._renew(used))
                continue
            used = self.credentials
            try:
                answer = attempt()
            except errors.TransportError as error:
                run.failed(error)
            else:
                run.go_on(answer)
        return run.result

    def _renew(self, used: Credentials) -> bool:
        """Whether there is another access token than the one that was refused. Raises TransportError."""
        if self.credentials.access_token == used.access_token and can_renew(used):
            from portico.sdk.renewal import Renewing  # rarely needed

            run = Renewing(used)
            try:
                while isinstance(step := run.step, Call | Pause):
                    run.go_on(self._take_step(step))
                self.credentials = run.result
            finally:
                run.close()
        return self.credentials.access_token != used.access_token

    def _take_step(self, step: Call | Pause) -> Answer | None:
        if isinstance(step, Call):
            return self.waiter.wait(lambda: self._send_once(step))
        time.sleep(step.seconds)
        return None

    def _send_once(self, call: Call) -> Answer:
        client = self._pool()
        try:
            request = _prepare(client.request(call.method, join_url(self.credentials.base_url, call)), call, self)
            if call.pieces is not None:
                request = request.body_stream(call.pieces())
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
        return ByteStream(
            _answer(response, b""),
            lambda: self._read(response.body_reader),
            lambda: streamed.__exit__(None, None, None),
            self.waiter,
        )

    def _read(self, reader: SyncResponseBodyReader) -> bytes:
        try:
            return bytes(reader.read_chunk() or b"")
        except Exception as error:
            raise _translate(error, self, reading=True) from None

    def _pool(self) -> SyncClient:
        with self._lock:
            if self._closed:
                raise errors.ClientClosed
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


class AsyncTransport(_Settings):
    """The same for asyncio; one pool of connections, opened at the first call."""

    def __init__(self, credentials: Credentials, options: Options) -> None:
        super().__init__(credentials, options)
        self._client: Client | None = None

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

        run, used = Run(call, self.options.max_retries), self.credentials
        while run.result is None:
            if isinstance(run.step, Pause):
                await sleep(run.step.seconds)
                run.go_on()
                continue
            if isinstance(run.step, Renew):
                run.go_on(await self._renew(used))
                continue
            used = self.credentials
            try:
                answer = await attempt()
            except errors.TransportError as error:
                run.failed(error)
            else:
                run.go_on(answer)
        return run.result

    async def _renew(self, used: Credentials) -> bool:
        """Whether there is another access token than the one that was refused. Raises TransportError."""
        if self.credentials.access_token == used.access_token and can_renew(used):
            from asyncio import sleep

            from portico.sdk.renewal import Renewing  # rarely needed

            run = Renewing(used)
            try:
                while isinstance(step := run.step, Call | Pause):
                    if isinstance(step, Call):
                        run.go_on(await self._send_once(step))
                    else:
                        await sleep(step.seconds)
                        run.go_on()
                self.credentials = run.result
            finally:
                run.close()
        return self.credentials.access_token != used.access_token

    async def _send_once(self, call: Call) -> Answer:
        client = self._pool()
        try:
            request = _prepare(client.request(call.method, join_url(self.credentials.base_url, call)), call, self)
            if call.pieces is not None:
                request = request.body_stream(_awaited(call.pieces()))
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
        return AsyncByteStream(
            _answer(response, b""),
            lambda: self._read(response.body_reader),
            lambda: streamed.__aexit__(None, None, None),
        )

    async def _read(self, reader: ResponseBodyReader) -> bytes:
        try:
            return bytes(await reader.read_chunk() or b"")
        except Exception as error:
            raise _translate(error, self, reading=True) from None

    def _pool(self) -> Client:
        if self._closed:
            raise errors.ClientClosed
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


def _build(builder: B, transport: _Settings) -> B:
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


def _prepare(request: R, call: Call, transport: _Settings) -> R:
    request = request.headers({"Accept": "application/json", **call.headers})
    if call.with_credentials:
        for name, value in transport.credentials.headers().items():
            request = request.header(name, value, is_sensitive=name == "Authorization")
    if call.body is not None:
        request = request.body_bytes(call.body)
    return request if call.deadline_s is None else request.timeout(timedelta(seconds=call.deadline_s))


async def _awaited(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


def _answer(response: BaseResponse, body: bytes) -> Answer:
    return Answer(response.status, {name.lower(): value for name, value in response.headers.items()}, body)


def _translate(error: Exception, transport: _Settings, *, reading: bool = False) -> Exception:
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
        return errors.ClientClosed()
    if isinstance(error, library.NetworkError | library.DecodeError):
        return errors.ConnectionLost(f"The connection to {url} broke: {last}.")
    if isinstance(error, library.BuilderError):
        return errors.ConfigurationError(f"The request cannot be made: {last}.")
    if isinstance(error, library.PyreqwestError):
        return errors.TransportError(f"The call of {url} failed: {last}.")
    return error


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


_open: weakref.WeakSet[_Settings] = weakref.WeakSet()
atexit.register(_close_all)
