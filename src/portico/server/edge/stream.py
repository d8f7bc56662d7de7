"""Runs one hot request from headers to last byte: guard, handler, and the answer whole or as an event stream."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from portico.server.access.caller import Caller
from portico.server.edge.errors import error_headers, execution_body, own_error, stream_body
from portico.server.edge.exchange import Exchange
from portico.server.edge.guard import Guard
from portico.server.gateway.chat import ChatStream
from portico.server.services import Services
from portico.wire.sse import DONE

Handler = Callable[[Services, Caller, Exchange], Awaitable[bytes | ChatStream]]


async def run_exchange(services: Services, guard: Guard, handler: Handler, exchange: Exchange) -> None:
    """Answers the exchange in every case but one: a cancelled one has nobody left to answer."""
    try:
        caller = guard.admit(exchange.headers)
        answer = await handler(services, caller, exchange)
        if isinstance(answer, ChatStream):
            await _send_stream(exchange, answer)
        else:
            exchange.respond(200, answer)
    except Exception as failure:
        _refuse(exchange, failure)


def _refuse(exchange: Exchange, failure: Exception) -> None:
    error = own_error(failure)
    if exchange.started:
        exchange.write(b"data: %b\n\n" % stream_body(error, exchange.request_id), last=True)
    else:
        body = execution_body(error, exchange.request_id)
        exchange.respond(error.status, body, error_headers(error))


async def _send_stream(exchange: Exchange, stream: ChatStream) -> None:
    """Chunks to events, in the order they came; waits while the client does not keep up."""
    error: BaseException | None = None
    try:
        while (chunks := stream.take()) is not None:
            if not chunks:
                await stream.more()
                continue
            if not exchange.started:
                exchange.open_stream()
            if len(chunks) == 1:
                exchange.write(b"data: %b\n\n" % chunks[0])
            else:
                exchange.write(b"".join([b"data: %b\n\n" % chunk for chunk in chunks]))
            drained = exchange.drained()
            if drained is not None:
                await drained
        exchange.open_stream()
        exchange.write(DONE, last=True)
    except BaseException as failure:
        error = failure
        raise
    finally:
        stream.close(error)
