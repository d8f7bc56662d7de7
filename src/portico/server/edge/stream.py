"""Runs one hot request from headers to last byte: guard, handler, and the answer whole or as an event stream."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from portico.server.access.caller import Caller
from portico.server.access.session_refusals import Unverified
from portico.server.edge.dialects import dialect_of
from portico.server.edge.errors import own_error
from portico.server.edge.exchange import Exchange
from portico.server.edge.guard import Guard
from portico.server.gateway.answers import Answer, Stream
from portico.server.services import Services

Handler = Callable[[Services, Caller, Exchange], Awaitable[Answer | Stream]]


async def run_exchange(services: Services, guard: Guard, handler: Handler, exchange: Exchange) -> None:
    """Answers the exchange in every case but one: a cancelled one has nobody left to answer."""
    try:
        try:
            caller = guard.admit(exchange.headers)
        except Unverified:
            caller = await guard.admit_first(exchange.headers)
        services.running.add(exchange.request_id, caller, exchange)
        answer = await handler(services, caller, exchange)
        exchange.cache = answer.cache
        if isinstance(answer, Answer):
            exchange.respond(answer.status, answer.body, answer.headers, answer.content_type)
        else:
            await _send_stream(exchange, answer)
    except Exception as failure:
        _refuse(exchange, failure)
    finally:
        services.running.remove(exchange.request_id)


def _refuse(exchange: Exchange, failure: Exception) -> None:
    error = own_error(failure)
    if exchange.started:
        exchange.write(dialect_of(exchange.path).break_off(error, exchange.request_id), last=True)
    else:
        exchange.respond_error(error)


async def _send_stream(exchange: Exchange, stream: Stream) -> None:
    """Chunks to events, in the order they came; waits while the client does not keep up."""
    framed = stream.framed
    try:
        while (chunks := stream.take()) is not None:
            if chunks:
                if not exchange.started:
                    exchange.open_stream(stream.headers)
                drained = exchange.write(
                    b"data: %b\n\n" % chunks[0] if len(chunks) == 1 and not framed else _events(chunks, framed)
                )
                if drained is not None:
                    await drained
            await stream.more()
        exchange.open_stream(stream.headers)
        end = stream.end
    except BaseException as failure:
        stream.close(failure)
        raise
    stream.close()  # before the end is sent: who has a whole answer has a usage line, even if this process dies now
    exchange.write(end, last=True)


def _events(chunks: Sequence[bytes], framed: bool) -> bytes:
    return b"".join(chunks) if framed else b"data: %b\n\n" % b"\n\ndata: ".join(chunks)
