"""What no client should send, through the door: each time a clear answer in the documented shape, and no hang."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from portico.server.edge.fastlane import LaneProtocol
from tests.api.raw import ASKED, CHAT_PATH, Wire, ask, check_refused, chunked, request, stands_still
from tests.live import LiveServer, wait_until
from tests.upstream import COMPLETION, HELLO, Reply, Upstream, chunk, sse, stream, whole
from tests.usage import find_usage

LIMIT = 12 * 1024 * 1024  # of the server fixture
DEEP = 100_000
pytestmark = pytest.mark.usefixtures("upstream")


def nested(depth: int, opening: bytes = b"[", closing: bytes = b"]") -> bytes:
    return opening * depth + closing * depth


def with_member(name: str, raw: bytes) -> bytes:
    """The usual request with one more member, given as JSON text."""
    return json.dumps(ASKED).encode()[:-1] + b', "%b": %b}' % (name.encode(), raw)


# bodies that are no chat request -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "number"),
    [
        (b"", 20),
        (b"   ", 20),
        (b"[]", 20),
        (b'["model"]', 20),
        (b'"model"', 20),
        (b"5", 20),
        (b"null", 20),
        (b"{", 20),
        (b'{"model": "a/b",}', 20),
        (b"{'model': 'a/b'}", 20),
        (b"\xff\xfe{\x00}\x00", 20),
        (b'{"model": "\xff\xfe"}', 20),
        (b'{"model": "a/b", "messages": ["\xc3("]}', 20),
        (b'{"model": "a/b", "x": "\xed\xa0\x80"}', 20),
        (b'{"model": "a\nb"}', 20),
        (b"\x00" * 64, 20),
        (b"{} {}", 20),
        (b"model=openai/gpt-4o-mini&messages=hi", 20),
        (b"{}", 9),
        (b'{"model": null}', 9),
        (b'{"model": ""}', 9),
        (b'{"model": "  "}', 9),
        (b'{"model": "openai/gpt-4o-mini"}', 9),
        (b'{"model": "openai/gpt-4o-mini", "messages": null}', 9),
        (b'{"model": "openai/gpt-4o-mini", "messages": []}', 9),
        (b'{"model": 5}', 11),
        (b'{"model": {}}', 11),
        (b'{"model": "\\ud800"}', 20),
    ],
)
def test_a_body_that_is_no_request_is_refused_with_its_id(server: LiveServer, body: bytes, number: int) -> None:
    check_refused(ask(server, request(server, body)), 400, number)


def test_a_form_content_type_around_json_is_forgiven(server: LiveServer) -> None:
    form = request(server, ASKED, extra="Content-Type: application/x-www-form-urlencoded\r\n")
    assert ask(server, form).status == 200


def test_a_byte_order_mark_is_forgiven(server: LiveServer) -> None:
    assert ask(server, request(server, b"\xef\xbb\xbf" + json.dumps(ASKED).encode())).status == 200


def test_of_duplicate_keys_the_last_one_counts(server: LiveServer, upstream: Upstream) -> None:
    body = b'{"model": "nobody/nothing", "temperature": 1, ' + json.dumps(ASKED).encode()[1:-1] + b', "temperature": 0}'
    assert ask(server, request(server, body)).status == 200
    assert upstream.asked[0].body["temperature"] == 0


def test_unknown_members_of_any_kind_pass(server: LiveServer, upstream: Upstream) -> None:
    odd: dict[str, Any] = {"x": None, "": 1, "☃": [{}], "__proto__": {"a": 1}, "constructor": 0, "a\u0000b": "\u0000"}
    assert ask(server, request(server, {**ASKED, **odd})).status == 200
    assert {name: upstream.asked[0].body[name] for name in odd} == odd


def test_nul_characters_pass_as_text(server: LiveServer, upstream: Upstream) -> None:
    assert ask(server, request(server, {**ASKED, "messages": [{"role": "user", "content": "a\u0000b"}]})).status == 200
    assert upstream.asked[0].body["messages"][0]["content"] == "a\u0000b"


def test_a_model_name_with_a_nul_has_its_usage_line_like_any_other(server: LiveServer) -> None:
    """PostgreSQL takes no NUL in a text; the provider takes any name."""
    answer = ask(server, request(server, {**ASKED, "model": "openai/odd\u0000name"}))
    if answer.status == 200:
        assert find_usage(server, answer.headers["x-request-id"])["provider"] == "openai"
    else:
        check_refused(answer, 400)


def test_a_lone_surrogate_is_refused_for_what_it_is(server: LiveServer) -> None:
    body = rb'{"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "\ud800"}]}'
    said = check_refused(ask(server, request(server, body)), 400)
    assert "nested" not in said


WRONG_TYPES: list[tuple[str, Any, int]] = [
    ("messages", 5, 11),
    ("messages", [5], 11),
    ("messages", [[]], 11),
    ("messages", [{}], 9),
    ("messages", [{"role": "user"}], 9),
    ("messages", [{"role": "user", "content": 5}], 11),
    ("messages", [{"role": "user", "content": {}}], 11),
    ("messages", [{"role": "user", "content": [5]}], 11),
    ("messages", [{"role": "user", "content": [{}]}], 11),
    ("messages", [{"role": "user", "content": [{"type": "text"}]}], 9),
    ("messages", [{"role": "user", "content": [{"type": "image_url", "image_url": 5}]}], 9),
    ("messages", [{"role": "king", "content": "x"}], 11),
    ("messages", [{"role": [], "content": "x"}], 11),
    ("stream", "maybe", 11),
    ("stream", {}, 11),
    ("stream_options", 5, 11),
    ("stream_options", [], 11),
    ("temperature", "hot", 11),
    ("temperature", True, 11),
    ("temperature", [], 11),
    ("temperature", 2.5, 8),
    ("temperature", -1, 8),
    ("temperature", "nan", 8),
    ("top_p", 7, 8),
    ("top_p", {}, 11),
    ("max_tokens", 0, 8),
    ("max_tokens", -1, 8),
    ("max_tokens", 1.5, 11),
    ("max_tokens", 10**40, 8),
    ("max_tokens", "9" * 30, 8),
    ("max_tokens", "inf", 8),
    ("max_tokens", "nan", 8),
    ("max_tokens", "²", 11),
    ("max_tokens", "9" * 6000, 11),
    ("max_completion_tokens", [], 11),
    ("max_completion_tokens", 0, 8),
    ("frequency_penalty", 3, 8),
    ("presence_penalty", "x", 11),
    ("n", 0, 8),
    ("n", "1.5", 11),
    ("seed", "x", 11),
    ("seed", 10**30, 8),
    ("seed", str(10**30), 8),
    ("logprobs", "perhaps", 11),
    ("top_logprobs", 21, 8),
    ("stop", 5, 11),
    ("stop", [5], 11),
    ("stop", ["a"] * 5, 8),
    ("user", 5, 11),
    ("metadata", [], 11),
    ("metadata", "x", 11),
    ("metadata", {str(i): "x" for i in range(17)}, 8),
    ("tools", 5, 11),
    ("tools", "x", 11),
    ("tools", [5], 11),
    ("tools", [{"type": "function"}], 9),
    ("tools", [{"type": "function", "function": {}}], 9),
    ("parallel_tool_calls", 5, 11),
    ("response_format", 5, 11),
    ("response_format", {}, 11),
    ("response_format", {"type": "xml"}, 11),
    ("response_format", {"type": "json_schema"}, 9),
    ("response_format", {"type": "json_schema", "json_schema": {"schema": 5}}, 9),
    ("reasoning_effort", 5, 11),
]


@pytest.mark.parametrize(("name", "value", "number"), WRONG_TYPES, ids=lambda value: str(value)[:40])
def test_a_wrong_value_is_refused_and_the_member_named(
    server: LiveServer, upstream: Upstream, name: str, value: Any, number: int
) -> None:
    answer = ask(server, request(server, {**ASKED, name: value}))
    assert name in check_refused(answer, 400, number)
    assert answer.json()["error"]["param"].startswith(name)
    assert not upstream.asked


@pytest.mark.parametrize("choice", [5, "sometimes", []])
def test_a_wrong_tool_choice_beside_tools_is_refused(server: LiveServer, choice: Any) -> None:
    body = {**ASKED, "tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": choice}
    assert "tool_choice" in check_refused(ask(server, request(server, body)), 400, 11)


@pytest.mark.parametrize("name", ["temperature", "max_tokens", "seed"])
def test_a_number_beyond_every_machine_is_refused_by_name(server: LiveServer, name: str) -> None:
    said = check_refused(ask(server, request(server, with_member(name, b"1e999"))), 400)
    assert name in said and "nested" not in said


# depth -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        nested(DEEP),
        nested(DEEP, b'{"a":', b"}"),
        b"[" * DEEP,
        b'{"model": "openai/gpt-4o-mini", "messages": ' + nested(DEEP) + b"}",
        b'{"model": ' + nested(DEEP) + b"}",
        *(
            with_member(name, nested(DEEP))
            for name in ("tools", "response_format", "stream_options", "metadata", "stop", "x", "temperature")
        ),
        with_member("response_format", b'{"type":"json_schema","json_schema":{"schema":%b}}' % nested(DEEP)),
    ],
    ids=lambda body: bytes(body[:60]).decode() if isinstance(body, bytes) else str(body),
)
def test_deep_json_is_refused(server: LiveServer, body: bytes) -> None:
    check_refused(ask(server, request(server, body)), 400, 20)


@pytest.mark.parametrize(
    "name", ["messages", "tools", "response_format", "stream_options", "metadata", "stop", "temperature", "model", "x"]
)
def test_at_every_depth_there_is_an_answer(server: LiveServer, name: str) -> None:
    with Wire(server) as wire:
        for depth in [*range(900, 1010, 4), 400]:
            wire.send(request(server, with_member(name, nested(depth))))
            answer = wire.answer()
            assert answer.status in (200, 400), (depth, answer.body[:300])


# size --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("streamed", [False, True])
def test_ten_megabytes_pass_whole(server: LiveServer, upstream: Upstream, streamed: bool) -> None:
    text = "x" * (10 * 1024 * 1024)
    body = {**ASKED, "messages": [{"role": "user", "content": text}], "stream": streamed}
    assert ask(server, request(server, body)).status == 200
    assert upstream.asked[0].body["messages"][0]["content"] == text


def test_megabytes_for_a_small_model_are_refused_clearly(server: LiveServer) -> None:
    body = {"model": "local/smollm2-135m-instruct", "messages": [{"role": "user", "content": "word " * 400_000}]}
    answer = ask(server, request(server, body))
    check_refused(answer, 400)
    assert answer.json()["error"]["code"] == "context_length_exceeded"


@pytest.mark.parametrize(
    "path", [CHAT_PATH, "/v1/chat%2Fcompletions", "/v1/embeddings", "/v1/models", "/v3/llm/providers"]
)
def test_a_body_over_the_limit_is_413_and_the_client_can_read_it(server: LiveServer, path: str) -> None:
    method = "POST" if "model" not in path and "llm" not in path else "GET"
    answer = ask(server, request(server, b"x" * (LIMIT + 1), path=path, method=method))
    assert answer.status == 413
    assert answer.json()["errors"] == [{"id": 413, "description": "Payload Too Large"}]


@pytest.mark.parametrize("path", [CHAT_PATH, "/v1/chat%2Fcompletions"])
def test_a_chunked_body_over_the_limit_is_413(server: LiveServer, path: str) -> None:
    pieces = [b"x" * 65536] * (LIMIT // 65536 + 2)
    check_refused(ask(server, chunked(server, pieces, path=path)), 413, 413)


def test_an_announced_giant_is_refused_before_it_is_sent(server: LiveServer) -> None:
    check_refused(ask(server, request(server, b"x", length=LIMIT + 1)), 413, 413)


@pytest.mark.parametrize("size", [100_000, LIMIT + 1])
def test_a_stranger_is_refused_before_the_body_is_read(server: LiveServer, size: int) -> None:
    answer = ask(server, request(server, b"x", length=size, token=None))
    check_refused(answer, 401, 401)
    assert answer.headers["connection"] == "close"


def test_a_stranger_who_sends_it_all_can_read_the_refusal(server: LiveServer) -> None:
    check_refused(ask(server, request(server, b"x" * (LIMIT + 1), token="nobody")), 401, 401)


def test_a_stranger_cannot_fill_the_memory_in_chunks(server: LiveServer) -> None:
    head = request(server, length=None, extra="Transfer-Encoding: chunked\r\n", token="nobody")
    with Wire(server) as wire:
        wire.send(head + b"%x\r\n%b\r\n" % (65536, b"x" * 65536) * 2)
        check_refused(wire.answer(), 401, 401)  # with most of the body still to come


def test_refused_giants_leave_no_memory_behind(server: LiveServer) -> None:
    assert server.process is not None
    giant = chunked(server, [b"x" * 65536] * (LIMIT // 65536 + 2))
    ask(server, giant)
    before = resident_bytes(server.process.pid)
    for _ in range(12):
        check_refused(ask(server, giant), 413, 413)
    assert resident_bytes(server.process.pid) - before < 4 * LIMIT


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


# transfer ----------------------------------------------------------------------------------------------------


def test_chunked_requests_are_read(server: LiveServer) -> None:
    data = json.dumps(ASKED).encode()
    with Wire(server) as wire:
        wire.send(chunked(server, [data[i : i + 1] for i in range(len(data))]))
        assert wire.answer().status == 200
        wire.send(chunked(server, [data]))
        assert wire.answer().status == 200


def test_expect_100_continue_is_answered_before_the_body(server: LiveServer) -> None:
    data = json.dumps(ASKED).encode()
    with Wire(server) as wire:
        wire.send(request(server, data, extra="Expect: 100-continue\r\n")[: -len(data)])
        assert wire.interim() == 100
        wire.send(data)
        assert wire.answer().status == 200


def test_expect_100_continue_without_a_token_is_401_at_once(server: LiveServer) -> None:
    with Wire(server) as wire:
        wire.send(request(server, b"", length=500, token=None, extra="Expect: 100-continue\r\n"))
        check_refused(wire.answer(), 401, 401)


@pytest.mark.parametrize("path", [CHAT_PATH, "/v1/models"])
def test_a_client_that_sends_byte_by_byte_is_served(server: LiveServer, path: str) -> None:
    raw = request(server, ASKED) if path == CHAT_PATH else request(server, method="GET", path=path)
    with Wire(server) as wire:
        wire.send(*(raw[i : i + 1] for i in range(len(raw))))
        assert wire.answer().status == 200


def test_an_offer_to_upgrade_is_declined_by_answering(server: LiveServer) -> None:
    """What Java's client and `curl --http2` send on their first request."""
    offer = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n"
    with Wire(server) as wire:
        for _ in range(2):
            wire.send(request(server, ASKED, extra=offer))
            assert wire.answer().status == 200
        wire.send(request(server, method="GET", path="/v1/models", extra=offer))
        assert wire.answer().status == 200


# pipelining --------------------------------------------------------------------------------------------------


def numbered(number: int, **more: Any) -> dict[str, Any]:
    return {**ASKED, "messages": [{"role": "user", "content": str(number)}], **more}


def answer_by_number(upstream: Upstream, *, slow: int = 0) -> None:
    """The provider says back what it was asked; the request of number `slow` takes a while."""

    def script(asked: Any) -> Reply:
        said = asked.body["messages"][0]["content"]
        message = {"role": "assistant", "content": said}
        reply = whole({**COMPLETION, "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})
        reply.delay_s = 0.3 if said == str(slow) else 0.0
        return reply

    upstream.script = script


def text_of(answer: Any) -> str:
    return str(answer.json()["choices"][0]["message"]["content"])


def test_pipelined_requests_are_answered_in_order(server: LiveServer, upstream: Upstream) -> None:
    answer_by_number(upstream, slow=1)
    models = request(server, method="GET", path="/v1/models")
    bad = request(server, b"{}")
    with Wire(server) as wire:
        wire.send(
            request(server, numbered(1)) + models + request(server, numbered(2)) + bad + models + models
            + request(server, numbered(3))
        )  # fmt: skip
        assert text_of(wire.answer()) == "1"
        assert wire.answer().json()["object"] == "list"
        assert text_of(wire.answer()) == "2"
        check_refused(wire.answer(), 400, 9)
        assert wire.answer().json()["object"] == "list"
        assert wire.answer().json()["object"] == "list"
        assert text_of(wire.answer()) == "3"


@pytest.mark.parametrize("size", [100_000, LIMIT + 1])
def test_an_early_refusal_waits_for_its_turn(server: LiveServer, upstream: Upstream, size: int) -> None:
    answer_by_number(upstream, slow=1)
    with Wire(server) as wire:
        wire.send(request(server, numbered(1)) + request(server, b"x" * 1000, length=size, token="nobody"))
        assert text_of(wire.answer()) == "1"
        check_refused(wire.answer(), 401, 401)


def test_a_late_413_waits_for_its_turn(server: LiveServer, upstream: Upstream) -> None:
    answer_by_number(upstream, slow=1)
    with Wire(server) as wire:
        wire.send(request(server, numbered(1)) + chunked(server, [b"x" * 65536] * (LIMIT // 65536 + 2)))
        assert text_of(wire.answer()) == "1"
        check_refused(wire.answer(), 413, 413)


def test_hundreds_of_pipelined_requests_behind_a_slow_one(server: LiveServer, upstream: Upstream) -> None:
    answer_by_number(upstream, slow=1)
    with Wire(server) as wire:
        wire.send(
            request(server, numbered(1)) + request(server, b"{}", token=None) * 600 + request(server, numbered(2))
        )
        assert text_of(wire.answer()) == "1"
        for _ in range(600):
            check_refused(wire.answer(), 401, 401)
        assert text_of(wire.answer()) == "2"


def test_garbage_behind_a_request_does_not_come_before_its_answer(server: LiveServer, upstream: Upstream) -> None:
    answer_by_number(upstream, slow=1)
    with Wire(server) as wire:
        wire.send(request(server, numbered(1)) + b"\x00\x01 garbage\r\n\r\n")
        assert text_of(wire.answer()) == "1"


# HTTP/1.0, methods, paths ------------------------------------------------------------------------------------


@pytest.mark.parametrize("extra", ["", "Connection: keep-alive\r\n"])
def test_http_1_0_is_answered_and_closed(server: LiveServer, extra: str) -> None:
    with Wire(server) as wire:
        wire.send(request(server, ASKED, version="1.0", extra=extra))
        answer = wire.answer()
        assert answer.status == 200 and answer.headers["connection"] == "close"
        assert wire.is_closed()


@pytest.mark.parametrize("extra", ["", "Connection: keep-alive\r\n"])
def test_http_1_0_streams_end_with_the_connection(server: LiveServer, extra: str) -> None:
    with Wire(server) as wire:
        wire.send(request(server, {**ASKED, "stream": True}, version="1.0", extra=extra))
        answer = wire.answer()
    assert "transfer-encoding" not in answer.headers and "content-length" not in answer.headers
    assert answer.events()[-1] == "[DONE]"


@pytest.mark.parametrize("path", [CHAT_PATH, "/chat", "/v1/embeddings"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"])
def test_another_method_on_a_hot_path_is_405(server: LiveServer, method: str, path: str) -> None:
    answer = ask(server, request(server, method=method, path=path), bodiless=method == "HEAD")
    if method == "HEAD":
        assert answer.status == 405
    else:
        check_refused(answer, 405, 405)


@pytest.mark.parametrize(
    "path",
    [
        "//v1//chat///completions",
        "/v1/chat/completions/",
        "/v1/chat/completions//",
        "/v1/chat/completions?x=1",
        "/%761/chat/completions",
        "/v1/chat%2Fcompletions",
        "/v1/chat/completions%2F",
        "http://elsewhere.example/v1/chat/completions",
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
def test_other_spellings_of_the_path_arrive(server: LiveServer, path: str, streamed: bool) -> None:
    answer = ask(server, request(server, {**ASKED, "stream": streamed}, path=path))
    assert answer.status == 200, answer.body


@pytest.mark.parametrize(
    "path",
    ["/nowhere", "/v1/chat/completions/x", "/v1/../chat", "/v1/chat/completions%00", "/%ff%fe", "/v1%0d%0aX:%20y"],
)
def test_an_unknown_path_is_404_in_the_documented_shape(server: LiveServer, path: str) -> None:
    answer = ask(server, request(server, ASKED, path=path))
    assert answer.status == 404
    assert answer.json()["errors"] == [{"id": 404, "description": "Bad Endpoint"}]
    assert answer.headers["x-request-id"]


def test_an_unknown_path_tells_a_stranger_nothing(server: LiveServer) -> None:
    assert ask(server, request(server, ASKED, path="/nowhere", token=None)).status == 401


@pytest.mark.parametrize("size", [10_000, 60_000, 1_000_000])
@pytest.mark.parametrize("where", ["/v1/models?q=", "/v1/models/", CHAT_PATH + "?q="])
def test_a_very_long_url_is_answered(server: LiveServer, where: str, size: int) -> None:
    method = "POST" if where.startswith(CHAT_PATH) else "GET"
    answer = ask(server, request(server, ASKED, method=method, path=where + "x" * size))
    assert answer.status in (200, 400, 404)
    assert answer.status == 200 or answer.json()["errors"][0]["id"]


@pytest.mark.parametrize(
    "raw",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET\r\n\r\n",
        b"POST /v1/chat/completions\r\n\r\n",
        b"POST /v1/chat/completions HTTP/9.9\r\n\r\n",
        b"POST /v1/chat/comp\xe9letions HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST v1/chat HTTP/1.1\r\nHost: x\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /chat HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"POST /chat HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST /chat HTTP/1.1\r\nHost: x\r\nContent-Length: five\r\n\r\n",
        b"POST /chat HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /chat HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n",
        b"POST /chat HTTP/1.1\r\nHost: x\r\nno colon here\r\n\r\n",
        b"POST /chat HTTP/1.1\r\nHost: x\r\n: nameless\r\n\r\n",
        b"POST /chat HTTP/1.1\r\nHost: x\r\nA: b\x00c\r\n\r\n",
    ],
)  # fmt: skip
def test_what_is_no_http_is_refused_in_the_documented_shape(server: LiveServer, raw: bytes) -> None:
    answer = ask(server, raw)
    assert answer.status in (400, 401, 404)
    assert answer.json()["errors"][0]["id"]
    assert answer.headers["x-request-id"]


def test_a_lot_of_headers_is_answered(server: LiveServer) -> None:
    extra = "".join(f"X-Header-{i}: {'y' * 100}\r\n" for i in range(2000))
    assert ask(server, request(server, ASKED, extra=extra)).status in (200, 400, 431)


# back-pressure and hang-up with a second request on the wire ---------------------------------------------------


def test_hc16_hanging_up_with_a_second_request_waiting_cancels_the_first(
    server: LiveServer, upstream: Upstream
) -> None:
    upstream.replies(stream(itertools.repeat(sse(chunk({"content": "on and on "}))), gap_s=0.05), whole())
    with Wire(server) as wire:
        wire.send(request(server, {**ASKED, "stream": True}) * 2)
        wire.socket.recv(4096)
    wait_until(lambda: upstream.hang_ups == 1, "the provider saw the connection end")
    assert ask(server, request(server, ASKED)).status == 200  # asked behind what the server might still have asked
    assert ["stream" in asked.body for asked in upstream.asked] == [True, False], "nobody waits for the second answer"


def test_a_slow_reader_with_a_second_request_waiting_gets_both(server: LiveServer, upstream: Upstream) -> None:
    sent = 0

    def big() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(600):  # 36 MB: more than the buffers of two connections
            sent += 1
            yield sse(chunk({"content": "x" * 60_000}))
        yield sse(chunk({}, "stop"), "[DONE]")

    upstream.replies(stream(big()), stream(HELLO))
    with Wire(server) as wire:
        wire.send(request(server, {**ASKED, "stream": True}) * 2)
        wait_until(lambda: stands_still(lambda: sent), "the buffers between are full, and the server waits")
        assert sent < 600
        assert len(wire.answer().events()) == 602
        assert wire.answer().events()[-1] == "[DONE]"


def waiting_connection(closed: list[bool], *, pipeline: list[Any]) -> LaneProtocol:
    """A connection whose last request is not whole yet."""
    connection = object.__new__(LaneProtocol)
    connection.transport = SimpleNamespace(close=lambda: closed.append(True))  # type: ignore[assignment]
    connection.timeout_keep_alive = 75
    connection.pipeline = pipeline  # type: ignore[assignment]
    connection.cycle = SimpleNamespace(more_body=True, response_complete=False)  # type: ignore[assignment]
    connection.heard_at = 1000.0
    return connection


def test_a_client_that_never_finishes_its_request_is_let_go() -> None:
    """The tick of the lane closes what has made no progress for as long as an idle connection may live."""
    closed: list[bool] = []
    connection = waiting_connection(closed, pipeline=[])
    connection.look_after(1074.0, 10.0)
    assert not closed
    connection.look_after(1076.0, 10.0)
    assert closed


def test_half_a_request_behind_a_long_answer_does_not_end_the_answer() -> None:
    """Its rest is not read before its turn: the client cannot be blamed for the silence."""
    closed: list[bool] = []
    waiting_connection(closed, pipeline=["the half one"]).look_after(5000.0, 10.0)
    assert not closed


def test_a_conversation_of_too_many_parts_is_refused_at_once(server: LiveServer) -> None:
    """Each part is looked at, and meanwhile the process serves nobody else."""
    parts = [{"type": "text", "text": "a"}] * 20_001
    body = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": parts}]}
    answer = server.post("/v1/chat/completions", body)
    assert (answer.status, answer.json()["errors"][0]["id"]) == (400, 8)
    assert answer.json()["error"]["param"] == "messages"
