"""Time bounds, retries, connections, what is sent; with a server that stalls and fails."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from portico import (
    AsyncPortico,
    BadRequest,
    ConnectionLost,
    HostUnreachable,
    Overloaded,
    Portico,
    PorticoError,
    RateLimited,
    Redirected,
    RequestTimeout,
    ServerError,
    TlsFailed,
)
from portico.sdk.call import Call, Repeat, join_url
from tests.live import wait_until, within_tries
from tests.sdk.odd_server import (
    DONE,
    FOREVER,
    OddServer,
    Reply,
    finish_chunk,
    frame,
    reply_json,
    reply_stream,
    text_chunk,
)

CHAT = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"}]}
BUSY = reply_json({"errors": [{"id": 151, "description": "Provider Rate Limit"}]}, 429)
FREE_PORT_URL = "http://127.0.0.1:9"  # the discard port: nobody listens there


def busy(status: int, **headers: str) -> Reply:
    return reply_json({"errors": [{"id": status, "description": "later"}]}, status, **headers)


def test_a_call_carries_token_agent_and_json(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: reply_json(CHAT)
    client.chat.complete("m/x", "hi", temperature=0, cache=False, conversation_id="c-9")
    (seen,) = server.seen
    assert (seen.method, seen.path) == ("POST", "/v1/chat/completions")
    assert seen.headers["authorization"] == "Bearer key-1"
    assert seen.headers["user-agent"].startswith("portico-python/")
    assert seen.headers["content-type"] == "application/json"
    assert (seen.headers["x-saia-cache-enabled"], seen.headers["saia-conversation-id"]) == ("false", "c-9")
    messages = [{"role": "user", "content": "hi"}]
    assert seen.json == {"model": "m/x", "messages": messages, "stream": False, "temperature": 0}


def test_base_and_path_meet_in_one_slash() -> None:
    call = Call("GET", "/v1/x", [("a", "b c")])
    assert join_url("http://h/api/", call) == join_url("http://h/api", call) == "http://h/api/v1/x?a=b+c"


def test_one_connection_serves_many_calls(server: OddServer) -> None:
    def one_is_enough() -> bool:
        server.connections = 0
        with Portico("k", server.url) as client:
            for _ in range(5):
                client.status()
        return server.connections == 1

    # Threads of the library put a connection back: when one is late, the next call opens another.
    within_tries(one_is_enough, "five calls over one connection")


def test_a_server_that_never_answers_is_a_timeout(server: OddServer) -> None:
    server.answer = lambda seen: Reply(stall_s=FOREVER)
    with Portico("k", server.url, timeout_s=0.2, max_retries=0) as client, pytest.raises(RequestTimeout) as raised:
        client.tokens.validate()
    assert "timeout_s" in str(raised.value)


def test_a_stream_that_falls_silent_is_a_timeout(server: OddServer) -> None:
    server.answer = lambda seen: reply_stream(frame(text_chunk("a")), FOREVER, DONE)

    def is_left_behind_its_first_word() -> bool:
        with Portico("k", server.url, timeout_s=1) as client:
            try:
                stream = client.chat.stream("m/x", "hi")
                assert next(stream.text_stream()) == "a"
            except RequestTimeout:  # the machine stood still before
                return False
            with stream, pytest.raises(RequestTimeout):
                next(stream)
        return True

    within_tries(is_left_behind_its_first_word, "the first word comes in time, and then nothing")


def test_a_slow_stream_that_never_falls_silent_is_no_timeout(server: OddServer) -> None:
    pieces = [p for n in range(6) for p in (frame(text_chunk(str(n))), 0.3)]
    server.answer = lambda seen: reply_stream(*pieces, frame(finish_chunk()), DONE)

    def is_read_to_its_end() -> bool:
        with Portico("k", server.url, timeout_s=1.5) as client:
            try:
                return client.chat.stream("m/x", "hi").get_final_text() == "012345"
            except RequestTimeout:  # the machine stood still within the stream
                return False

    within_tries(is_read_to_its_end, "a stream that takes longer than its longest silence may")


def test_timeout_s_of_a_call_bounds_the_whole_call(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: Reply(stall_s=FOREVER)
    while not server.seen:  # a machine that stands still for so long sends nothing
        with pytest.raises(RequestTimeout):
            client.chat.complete("m/x", "hi", timeout_s=1)
        with suppress(AssertionError):
            wait_until(lambda: server.seen, "the request has arrived", 5)
    assert len(server.seen) == 1  # it may have cost money already


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_reads_are_tried_again(server: OddServer, client: Portico, status: int) -> None:
    server.script = [busy(status), busy(status)]
    server.answer = lambda seen: reply_json({"running": True})
    assert client.status().running
    assert len(server.seen) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422, 501])
def test_refusals_are_final(server: OddServer, client: Portico, status: int) -> None:
    server.answer = lambda seen: busy(status)
    with pytest.raises(PorticoError):
        client.tokens.validate()
    assert len(server.seen) == 1


def test_tries_end(server: OddServer) -> None:
    server.answer = lambda seen: busy(500)
    with Portico("k", server.url, max_retries=3) as client, pytest.raises(ServerError):
        client.tokens.validate()
    assert len(server.seen) == 4


def test_a_dropped_connection_is_tried_again_for_reads(server: OddServer, client: Portico) -> None:
    server.script = [Reply(drop=True), Reply(body=b"{", cut=True)]
    server.answer = lambda seen: reply_json({"running": True})
    assert client.status().running


def test_a_dropped_chat_is_not_tried_again(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: Reply(drop=True)
    with pytest.raises(ConnectionLost):
        client.chat.complete("m/x", "hi")
    assert len(server.seen) == 1


def test_a_chat_is_tried_again_only_when_told_when(server: OddServer, client: Portico) -> None:
    server.script = [busy(429, Retry_After="0"), busy(503, Retry_After="0.01")]
    server.answer = lambda seen: reply_json(CHAT)
    assert client.chat.complete("m/x", "hi").text == "ok"
    assert len(server.seen) == 3
    server.script = [busy(503)]
    with pytest.raises(Overloaded):
        client.chat.complete("m/x", "hi")
    server.script = [busy(500, Retry_After="0")]
    with pytest.raises(ServerError):
        client.chat.complete("m/x", "hi")
    assert len(server.seen) == 5


def test_a_stream_is_opened_again_when_told_when(server: OddServer, client: Portico) -> None:
    server.script = [busy(503, Retry_After="0")]
    server.answer = lambda seen: reply_stream(frame(text_chunk("a")), frame(finish_chunk()), DONE)
    with client.chat.stream("m/x", "hi") as stream:
        assert stream.get_final_text() == "a"
    assert len(server.seen) == 2


def test_new_tokens_are_never_made_twice(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: busy(503, Retry_After="0")
    with pytest.raises(Overloaded):
        client.tokens.create("ci")
    assert len(server.seen) == 1


def test_retry_after_is_obeyed(server: OddServer, client: Portico) -> None:
    server.script = [busy(429, Retry_After="0.4")]
    server.answer = lambda seen: reply_json({"running": True})
    begin = time.monotonic()
    client.status()
    assert time.monotonic() - begin >= 0.4


def test_retry_after_may_be_a_date_and_is_handed_to_the_caller(server: OddServer, client: Portico) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=3000), usegmt=True)
    server.answer = lambda seen: busy(429, Retry_After=date)
    with pytest.raises(RateLimited) as raised:
        client.tokens.validate()
    assert len(server.seen) == 1  # so many minutes are for the caller to decide
    assert raised.value.retry_after_s is not None
    assert 2900 < raised.value.retry_after_s <= 3000


def test_nobody_there_is_unreachable_and_says_what_to_do() -> None:
    with Portico("k", FREE_PORT_URL, max_retries=1) as client, pytest.raises(HostUnreachable) as raised:
        client.chat.complete("m/x", "hi")
    assert FREE_PORT_URL in str(raised.value)
    assert "base URL" in str(raised.value)


def test_a_name_that_does_not_exist_is_unreachable() -> None:
    with Portico("k", "http://no-such-host.invalid", max_retries=0) as client, pytest.raises(HostUnreachable):
        client.status()


def test_no_tls_there_is_told_as_such(server: OddServer) -> None:
    url = server.url.replace("http:", "https:")
    with Portico("k", url, max_retries=0) as client, pytest.raises(TlsFailed) as raised:
        client.status()
    assert "GEAI_SSL_CERT_PATH" in str(raised.value)


def test_redirects_are_told_not_followed(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: Reply(302, headers={"Location": "https://elsewhere.example/"})
    with pytest.raises(Redirected) as raised:
        client.chat.complete("m/x", "hi")
    assert "https://elsewhere.example/" in str(raised.value)
    assert len(server.seen) == 1


def test_a_proxy_of_the_environment_is_not_asked_for_this_host(
    server: OddServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", FREE_PORT_URL)
    server.answer = lambda seen: reply_json({"running": True})
    with Portico("k", server.url, max_retries=0) as client:
        assert client.status().running


def test_a_proxy_of_the_environment_is_used_for_others(server: OddServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", server.url)
    server.answer = lambda seen: reply_json({"running": True})
    with Portico("k", "http://api.example", max_retries=0) as client:
        assert client.status().running
    assert len(server.seen) == 1


def test_a_closed_client_says_so(server: OddServer) -> None:
    client = Portico("k", server.url)
    client.status()
    client.close()
    client.close()
    with pytest.raises(PorticoError, match="closed"):
        client.status()


def test_hanging_up_reaches_the_server(server: OddServer, client: Portico) -> None:
    pieces: list[bytes | float] = [p for _ in range(3000) for p in (frame(text_chunk("x" * 2000)), 0.02)]
    server.answer = lambda seen: reply_stream(*pieces)
    with client.chat.stream("m/x", "hi") as stream:
        next(stream)
    assert server.hung_up.wait(60)


def test_cancelling_a_task_reaches_the_server(server: OddServer) -> None:
    pieces: list[bytes | float] = [p for _ in range(3000) for p in (frame(text_chunk("x" * 2000)), 0.02)]
    server.answer = lambda seen: reply_stream(*pieces)

    async def main() -> None:
        async with AsyncPortico("k", server.url) as client:
            task = asyncio.create_task(consume(client))
            while not server.seen:
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await asyncio.to_thread(server.hung_up.wait, 60)

    async def consume(client: AsyncPortico) -> None:
        async with await client.chat.stream("m/x", "hi") as stream:
            async for _ in stream:
                pass

    asyncio.run(main())


def test_ctrl_c_ends_a_wait_at_once_and_the_client_lives_on(server: OddServer, client: Portico) -> None:
    server.script = [Reply(stall_s=FOREVER)]
    server.answer = lambda seen: reply_json({"running": True})

    def interrupt() -> None:
        while not server.seen:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        client.chat.complete("m/x", "hi")
    thread.join()
    assert client.status().running


def test_ctrl_c_ends_a_silent_stream_at_once(server: OddServer, client: Portico) -> None:
    server.script = [reply_stream(frame(text_chunk("a")), FOREVER, frame(text_chunk("b")), DONE)]
    server.answer = lambda seen: reply_json({"running": True})
    with client.chat.stream("m/x", "hi") as stream:
        next(stream)
        timer = threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            timer.start()
            next(stream)
    timer.join()
    assert stream.completion_so_far.text == "a"
    assert client.status().running


def test_a_client_serves_several_threads(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: reply_json(CHAT)
    texts: list[str] = []
    threads = [threading.Thread(target=lambda: texts.append(client.chat.complete("m/x", "hi").text)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert texts == ["ok"] * 8


def test_the_async_client_retries_and_fails_alike(server: OddServer) -> None:
    server.script = [busy(503), busy(500)]
    server.answer = lambda seen: reply_json({"running": True})

    async def main() -> None:
        async with AsyncPortico("k", server.url, timeout_s=60) as client:
            assert (await client.status()).running
            server.answer = lambda seen: reply_json({"errors": [{"id": 8, "description": "no"}]}, 400)
            with pytest.raises(BadRequest):
                await client.chat.complete("m/x", "hi")
            server.answer = lambda seen: Reply(stall_s=FOREVER)
            with pytest.raises(RequestTimeout):
                await client.chat.complete("m/x", "hi", timeout_s=0.2)
        async with AsyncPortico("k", FREE_PORT_URL, max_retries=0) as client:
            with pytest.raises(HostUnreachable):
                await client.status()

    asyncio.run(main())


def test_every_kind_of_repetition_is_used() -> None:
    from portico.sdk.clients import chat, tokens

    kinds: set[Any] = {
        chat.completion_call("m/x", "hi", {}, stream=False).repeat,
        tokens.create_call("n", None, None).repeat,
        tokens.validate_call().repeat,
    }
    assert kinds == set(Repeat)
