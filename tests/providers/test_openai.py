"""The `openai` adapter through the whole gateway, against a provider of our own that answers as it is told."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.raw import ASKED, Wire, request
from tests.live import LiveServer, wait_until
from tests.upstream import COMPLETION, HELLO, Held, Reply, Upstream, chunk, sse, stream, usage_chunk, whole
from tests.usage import find_usage, list_usage

MODEL = "openai/gpt-4o-mini"


def ask(server: LiveServer, **members: Any) -> Any:
    return server.chat(MODEL, **members)


def text_of(answer: Any) -> str:
    """The text of a streamed answer that ended well."""
    *chunks, done = answer.events()
    assert done == "[DONE]"
    deltas = [json.loads(c)["choices"][0]["delta"] for c in chunks if json.loads(c)["choices"]]
    return "".join(delta.get("content") or "" for delta in deltas)


# what the provider gets ------------------------------------------------------------------------------------


def test_the_provider_gets_our_key_and_its_own_model_name(server: LiveServer, upstream: Upstream) -> None:
    assert ask(server).status == 200
    asked = upstream.asked[0]
    assert asked.path == "/v1/chat/completions"
    assert asked.headers["authorization"] == "Bearer upstream-key"
    assert asked.body["model"] == "gpt-4o-mini"
    assert "stream" not in asked.body


def test_hc27_no_header_of_the_caller_reaches_the_provider(server: LiveServer, upstream: Upstream) -> None:
    headers = {"Cookie": "a=b", "X-Api-Key": "mine", "saia-conversation-id": "c1", "X-Saia-User-Id": "u"}
    body = {"model": MODEL, "messages": [{"role": "user", "content": "hi"}]}
    server.post("/chat", body, headers)
    assert not {"cookie", "x-api-key", "saia-conversation-id", "x-saia-user-id"} & upstream.asked[0].headers.keys()
    assert upstream.asked[0].headers["accept-encoding"] == "identity"


def test_hc22_unknown_members_pass_and_platform_members_do_not(server: LiveServer, upstream: Upstream) -> None:
    ask(server, prompt_cache_key="k", variables=[{"key": "a", "value": "b"}], threadId="t", revision=1, filters=[])
    sent = upstream.asked[0].body
    assert sent["prompt_cache_key"] == "k"
    assert not {"variables", "threadId", "revision", "filters"} & sent.keys()


def test_flat_tools_and_the_wrapped_choice_become_the_openai_form(server: LiveServer, upstream: Upstream) -> None:
    flat = [{"name": "f", "description": "d", "parameters": {"type": "object"}}]
    ask(server, tools=flat, tool_choice={"tool_choice": "required"})
    sent = upstream.asked[0].body
    assert sent["tools"] == [{"type": "function", "function": flat[0]}]
    assert sent["tool_choice"] == "required"


def test_a_choice_of_no_tools_goes_with_them(server: LiveServer, upstream: Upstream) -> None:
    ask(server, tools=[], tool_choice="auto", parallel_tool_calls=None, logprobs=None)
    assert not {"tools", "tool_choice", "parallel_tool_calls", "logprobs"} & upstream.asked[0].body.keys()


def test_bare_strings_and_a_single_object_count_as_messages(server: LiveServer, upstream: Upstream) -> None:
    ask(server, messages=["hi"])
    ask(server, messages={"role": "developer", "content": "hi"})
    assert upstream.asked[0].body["messages"] == [{"role": "user", "content": "hi"}]
    assert upstream.asked[1].body["messages"] == [{"role": "system", "content": "hi"}]


def test_hc09_usage_is_always_asked_for_when_streaming(server: LiveServer, upstream: Upstream) -> None:
    ask(server, stream=True)
    assert upstream.asked[0].body["stream_options"] == {"include_usage": True}


def test_hc02_argument_text_passes_untouched_both_ways(server: LiveServer, upstream: Upstream) -> None:
    written = '{"b": 1.10, "a": 12345678901234567890}'
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": written}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    upstream.replies(whole({**COMPLETION, "choices": [choice]}))
    history = [{"role": "user", "content": "x"}, message, {"role": "tool", "tool_call_id": "call_1", "content": "r"}]
    answer = ask(server, messages=history, tools=[{"type": "function", "function": {"name": "f"}}])
    assert upstream.asked[0].body["messages"][1]["tool_calls"][0]["function"]["arguments"] == written
    got = answer.json()["choices"][0]["message"]
    assert got["tool_calls"][0]["function"]["arguments"] == written
    assert got["content"] == "", "the vendor's client breaks on null"


# what the caller gets --------------------------------------------------------------------------------------


def test_a_whole_answer_carries_costs_and_the_providers_own_members(server: LiveServer, upstream: Upstream) -> None:
    body = ask(server).json()
    assert body["system_fingerprint"] == "fp_1"
    assert body["choices"] == COMPLETION["choices"]
    assert body["usage"]["prompt_tokens_details"] == {"cached_tokens": 4}
    assert body["usage"]["total_cost"] == pytest.approx(body["usage"]["prompt_cost"] + body["usage"]["completion_cost"])


def test_hc24_the_usage_line_holds_disjoint_counts(server: LiveServer, upstream: Upstream) -> None:
    line = find_usage(server, ask(server).headers["x-request-id"])
    counts = [line[name] for name in ("input_uncached", "cache_read", "output_visible", "reasoning")]
    assert counts == [6, 4, 3, 2]
    assert (line["provider"], line["model"], line["status"], line["finish_reason"]) == (
        "openai",
        "gpt-4o-mini",
        "completed",
        "stop",
    )
    assert not line["estimated"]


@pytest.mark.parametrize("reason", ["stop", "length", "tool_calls", "content_filter"])
def test_hc10_finish_reasons_pass(server: LiveServer, upstream: Upstream, reason: str) -> None:
    upstream.replies(stream(sse(chunk({"content": "x"}), chunk({}, reason), "[DONE]")))
    *_, last, _done = ask(server, stream=True).events()
    assert json.loads(last)["choices"][0]["finish_reason"] == reason


def test_hc09_usage_chunk_only_when_asked_for(server: LiveServer, upstream: Upstream) -> None:
    without = ask(server, stream=True).events()
    asked = ask(server, stream=True, stream_options={"include_usage": True}).events()
    assert len(asked) == len(without) + 1
    usage = json.loads(asked[-2])
    assert usage["choices"] == [] and usage["usage"]["prompt_tokens"] == 10 and usage["id"] == "chatcmpl-up"


def test_hc09_null_usage_members_do_not_leak(server: LiveServer, upstream: Upstream) -> None:
    upstream.replies(
        stream(sse(chunk({"content": 'say "usage":null'}, usage=None), chunk({}, "stop", usage=None), "[DONE]"))
    )
    answer = ask(server, stream=True)
    assert text_of(answer) == 'say "usage":null'
    assert not any("usage" in json.loads(e) for e in answer.events()[:-1])


def test_null_content_of_the_first_chunk_becomes_text(server: LiveServer, upstream: Upstream) -> None:
    upstream.replies(
        stream(sse(chunk({"role": "assistant", "content": None}), chunk({"content": "x"}, "stop"), "[DONE]"))
    )
    assert json.loads(ask(server, stream=True).events()[0])["choices"][0]["delta"]["content"] == ""


def test_null_content_of_later_chunks_becomes_text_too(server: LiveServer, upstream: Upstream) -> None:
    thought = {"content": None, "reasoning_content": "hm"}
    upstream.replies(stream(sse(chunk(thought), chunk(thought), chunk({"content": "x"}, "stop"), "[DONE]")))
    *events, _ = ask(server, stream=True).events()
    deltas = [json.loads(event)["choices"][0]["delta"] for event in events]
    assert [delta["content"] for delta in deltas] == ["", "", "x"]
    assert deltas[1]["reasoning_content"] == "hm"


@pytest.mark.parametrize("message", [{"content": None}, {}])
def test_a_whole_message_without_content_gets_an_empty_one(
    server: LiveServer, upstream: Upstream, message: dict[str, Any]
) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"content":null}'}}
    said = {"role": "assistant", "tool_calls": [call], **message}
    upstream.replies(whole({**COMPLETION, "choices": [{"index": 0, "finish_reason": "tool_calls", "message": said}]}))
    found = ask(server).json()["choices"][0]["message"]
    assert found == {"role": "assistant", "tool_calls": [call], "content": ""}


def test_hc13_an_error_in_a_whole_answer_with_status_200_is_an_error(server: LiveServer, upstream: Upstream) -> None:
    upstream.replies(whole({"error": {"message": "bad thing", "code": 400}}))
    answer = ask(server)
    assert answer.status == 400
    assert "bad thing" in answer.json()["error"]["message"]
    assert len(upstream.asked) == 1


def test_hc09_a_whole_answer_with_null_usage_is_an_answer(server: LiveServer, upstream: Upstream) -> None:
    upstream.replies(whole({**COMPLETION, "usage": None}))
    answer = ask(server)
    assert answer.status == 200 and answer.json()["usage"]["prompt_tokens"] > 0
    assert find_usage(server, answer.headers["x-request-id"])["estimated"] is True


def test_streamed_json_is_ascii_because_readers_split_lines_at_separators(
    server: LiveServer, upstream: Upstream
) -> None:
    said = "niño \u2028 日本 😀"
    raw = json.dumps(chunk({"content": said}), ensure_ascii=False)
    upstream.replies(stream(sse(raw, chunk({}, "stop"), "[DONE]")))
    answer = ask(server, stream=True)
    assert answer.body.isascii()
    assert text_of(answer) == said


def test_hc12_a_stream_cut_anywhere_is_the_same_stream(server: LiveServer, upstream: Upstream) -> None:
    said = "año 日本 😀"
    body = sse(json.dumps(chunk({"content": said}), ensure_ascii=False), chunk({}, "stop"), usage_chunk(), "[DONE]")
    upstream.replies(stream([body[i : i + 1] for i in range(len(body))]))
    assert text_of(ask(server, stream=True)) == said


@pytest.mark.parametrize(
    "body",
    [
        HELLO.replace(b"\n", b"\r\n"),
        HELLO.replace(b"\n", b"\r"),
        b"\xef\xbb\xbf" + HELLO,
        b": comment\n\nevent: x\nid: 1\nretry: 5\n" + HELLO,
        HELLO.replace(b"data: ", b"data:"),
        HELLO.replace(b"[DONE]\n\n", b" [DONE]  "),
        HELLO.replace(b"data: [DONE]\n\n", b""),
    ],
    ids=["crlf", "cr", "bom", "comments", "no blank", "done with blanks, no end", "no done"],
)
def test_hc11_odd_streams_are_read(server: LiveServer, upstream: Upstream, body: bytes) -> None:
    upstream.replies(stream(body))
    assert text_of(ask(server, stream=True)) == "Hello there"


def test_hc11_json_instead_of_a_stream_becomes_a_stream(server: LiveServer, upstream: Upstream) -> None:
    upstream.replies(whole())
    assert text_of(ask(server, stream=True)) == "Hello there"


@pytest.mark.parametrize("streamed", [False, True])
def test_hc11_gzip_is_unpacked(server: LiveServer, upstream: Upstream, streamed: bool) -> None:
    plain = HELLO if streamed else json.dumps(COMPLETION).encode()
    kind = "text/event-stream" if streamed else "application/json"
    headers = {"Content-Type": kind, "Content-Encoding": "gzip"}
    upstream.replies(Reply(200, gzip.compress(plain), headers))
    answer = ask(server, stream=streamed)
    assert answer.status == 200
    if streamed:
        assert text_of(answer) == "Hello there"


def test_hc01_parallel_calls_keep_their_index(server: LiveServer, upstream: Upstream) -> None:
    deltas = [
        {"tool_calls": [{"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}]},
        {"tool_calls": [{"index": 1, "id": "b", "type": "function", "function": {"name": "g", "arguments": ""}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]},
    ]
    upstream.replies(stream(sse(*[chunk(d) for d in deltas], chunk({}, "tool_calls"), "[DONE]")))
    got = [json.loads(e)["choices"][0]["delta"] for e in ask(server, stream=True).events()[:3]]
    assert got == deltas


# errors ----------------------------------------------------------------------------------------------------

REFUSALS: list[tuple[int, Any, int, int, str]] = [
    (400, {"message": "no", "code": "bad", "param": "x"}, 400, 150, "no"),
    (400, {"message": "too long", "code": "context_length_exceeded"}, 400, 150, "too long"),
    (401, {"message": "Incorrect API key sk-123"}, 502, 150, "refused the configured key"),
    (403, {"message": "no access to the model"}, 502, 150, "no access to the model"),
    (402, {"message": "pay"}, 429, 152, "Provider Quota Exceeded"),
    (404, {"message": "no such model"}, 404, 150, "no such model"),
    (422, {"message": "odd"}, 400, 150, "odd"),
    (429, {"message": "slow down"}, 429, 151, "slow down"),
    (429, {"message": "quota", "code": "insufficient_quota"}, 429, 152, "Provider Quota Exceeded"),
    (500, {"message": "oops"}, 502, 150, "oops"),
    (503, {"message": "full"}, 503, 153, "full"),
    (529, {"message": "overloaded"}, 503, 153, "overloaded"),
    (504, {"message": "late"}, 504, 100, "late"),
]


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(("status", "error", "ours", "number", "says"), REFUSALS)
def test_hc26_a_refusal_becomes_ours(
    server: LiveServer, upstream: Upstream, status: int, error: Any, ours: int, number: int, says: str, streamed: bool
) -> None:
    upstream.replies(whole({"error": error}, status, **{"Retry-After": "0"}))
    answer = ask(server, stream=streamed)
    body = answer.json()
    assert answer.status == ours
    assert body["errors"][0]["id"] == number
    assert says in body["error"]["message"]
    assert body["requestId"] == answer.headers["x-request-id"]
    assert (body["success"], body["status"]) == (False, "failed")
    assert "sk-123" not in answer.body.decode() and "127.0.0.1" not in answer.body.decode()


def test_hc26_the_providers_code_and_param_are_kept(server: LiveServer, upstream: Upstream) -> None:
    upstream.replies(whole({"error": {"message": "no", "code": "bad", "param": "x", "type": "t"}}, 400))
    error = ask(server).json()["error"]
    assert (error["code"], error["param"], error["type"]) == ("bad", "x", "invalid_request_error")


@pytest.mark.parametrize(
    "reply",
    [
        Reply(500, b"<html>Bad Gateway</html>", {"Content-Type": "text/html"}),
        Reply(200, b"<html>hello</html>", {"Content-Type": "text/html"}),
        Reply(200, b"", {"Content-Type": "application/json"}),
        Reply(200, b'{"choices": 5}', {"Content-Type": "application/json"}),
        Reply(raw=b"\x00\x01garbage\r\n\r\n"),
        Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"),
    ],
    ids=["html error", "html success", "empty", "wrong types", "no http", "cut short"],
)
def test_hc26_garbage_is_a_clear_502(server: LiveServer, upstream: Upstream, reply: Reply) -> None:
    upstream.replies(reply)
    answer = ask(server)
    assert answer.status == 502
    assert answer.json()["errors"][0]["id"] == 150


def test_hc17_what_may_heal_is_tried_again_before_the_first_byte(server: LiveServer, upstream: Upstream) -> None:
    upstream.replies(whole({"error": {"message": "x"}}, 503), Reply(500, b"oops"), stream())
    answer = ask(server, stream=True)
    assert text_of(answer) == "Hello there"
    assert len(upstream.asked) == 3
    assert find_usage(server, answer.headers["x-request-id"])["attempts"] == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
def test_hc17_what_cannot_heal_is_tried_once(server: LiveServer, upstream: Upstream, status: int) -> None:
    upstream.replies(whole({"error": {"message": "x"}}, status))
    ask(server)
    assert len(upstream.asked) == 1


def test_hc18_retry_after_reaches_the_caller(server: LiveServer, upstream: Upstream) -> None:
    upstream.replies(whole({"error": {"message": "x"}}, 429, **{"Retry-After": "17"}))
    answer = ask(server)
    assert (answer.status, answer.headers["retry-after"]) == (429, "17")
    assert len(upstream.asked) == 1, "a wait beyond the budget is the caller's"


def test_hc26_a_huge_refusal_of_a_stream_is_read_to_its_end(server: LiveServer, upstream: Upstream) -> None:
    upstream.replies(whole({"error": {"message": "too much", "detail": "x" * 600_000}}, 400))
    answer = ask(server, stream=True)
    assert (answer.status, answer.json()["error"]["message"]) == (400, "too much")


def test_hc13_an_error_before_output_in_a_200_stream_is_an_http_error(server: LiveServer, upstream: Upstream) -> None:
    upstream.replies(stream(sse({"error": {"message": "bad thing", "code": 400}})))
    answer = ask(server, stream=True)
    assert answer.status == 400
    assert "bad thing" in answer.json()["error"]["message"]


def test_hc13_an_error_after_output_ends_the_stream_without_done(server: LiveServer, upstream: Upstream) -> None:
    upstream.replies(stream(sse(chunk({"content": "He"}), {"error": {"message": "bad thing"}})))
    answer = ask(server, stream=True)
    events = answer.events()
    assert answer.status == 200 and "[DONE]" not in events
    assert json.loads(events[-1])["error"]["message"] == "bad thing"
    line = find_usage(server, answer.headers["x-request-id"])
    assert (line["status"], line["estimated"]) == ("failed", True)


def test_hc13_a_stream_cut_in_the_middle_ends_with_an_error(server: LiveServer, upstream: Upstream) -> None:
    upstream.replies(stream(sse(chunk({"content": "He"})), cut=True))
    events = ask(server, stream=True).events()
    assert "[DONE]" not in events
    assert json.loads(events[-1])["error"]["code"] == 150


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory, _upstream: Upstream) -> Iterator[LiveServer]:
    """A server of little patience; where others play, that would show in the answers of a busy machine."""
    environ = {
        "PORTICO_PROVIDER_OPENAI_API_KEY": "upstream-key",
        "PORTICO_PROVIDER_OPENAI_BASE_URL": _upstream.url,
        "PORTICO_LOCAL_MODELS": "false",
        "PORTICO_KEEP_ALIVE_S": "0.5",
        "PORTICO_GAP_TIMEOUT_S": "4",
    }
    with LiveServer(tmp_path_factory.mktemp("impatient"), environ) as live:
        yield live


def test_hc15_silence_is_broken_by_comments_and_ended_by_the_gap_limit(
    impatient: LiveServer, upstream: Upstream
) -> None:
    ended = threading.Event()

    def pieces() -> Iterator[bytes]:
        yield sse(chunk({"content": "He"}))
        ended.wait(120)

    upstream.replies(stream(pieces()))
    answer = ask(impatient, stream=True)
    ended.set()
    assert b": keep-alive\n\n" in answer.body
    assert json.loads(answer.events()[-1])["error"]["code"] == 100


def test_hc14_a_late_first_byte_is_bridged_and_an_error_then_comes_as_an_event(
    impatient: LiveServer, upstream: Upstream
) -> None:
    with Held(whole({"error": {"message": "late refusal"}}, 400)) as held, Wire(impatient) as wire:
        upstream.script = held
        wire.send(request(impatient, {**ASKED, "stream": True}))
        wire.wait_for(b": keep-alive\n\n")
        held.let_go()
        answer = wire.answer()
    assert answer.status == 200 and answer.body.startswith(b": keep-alive\n\n")
    assert json.loads(answer.events()[-1])["error"]["message"] == "late refusal"


@pytest.mark.parametrize("streamed", [False, True])
def test_hc16_hanging_up_cancels_the_provider_and_is_metered(
    server: LiveServer, upstream: Upstream, streamed: bool
) -> None:
    known = {line["request_id"] for line in list_usage(server)}
    pieces = [sse(chunk({"content": f"{i} "})) for i in range(200)]
    slow = stream(pieces, gap_s=0.05) if streamed else whole()
    slow.delay_s = 0.0 if streamed else 1.0
    if not streamed:
        slow.body = [b" " * 65536] * 100
        slow.gap_s = 0.05
    upstream.replies(slow)
    body = json.dumps({"model": MODEL, "messages": ["x"], "stream": streamed}).encode()
    client = socket.create_connection(("127.0.0.1", server.port))
    head = f"POST /chat HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.token()}\r\n"
    client.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    if streamed:
        client.recv(4096)
    else:
        wait_until(lambda: upstream.asked, "the provider was asked")
    client.close()
    wait_until(lambda: upstream.hang_ups == 1, "the provider saw the connection end")

    def told() -> list[tuple[Any, ...]]:
        lines = [line for line in list_usage(server) if line["request_id"] not in known]
        return [(line["status"], line["http_status"], line["stream"]) for line in lines]

    wait_until(lambda: ("cancelled", 499, streamed) in told(), "the usage line of the answer that nobody waited for")


def test_hc20_a_deprecated_model_is_answered_by_its_replacement(server: LiveServer, upstream: Upstream) -> None:
    server.chat("openai/gpt-3.5-turbo")
    assert upstream.asked[0].body["model"] == "gpt-4o-mini"


# embeddings ------------------------------------------------------------------------------------------------


def test_hc28_embeddings_are_split_and_put_together_in_order(server: LiveServer, upstream: Upstream) -> None:
    texts = [f"text {i}" for i in range(600)]
    answer = server.post("/v1/embeddings", {"model": "openai/text-embedding-3-small", "input": texts}).json()
    assert [item["index"] for item in answer["data"]] == list(range(600))
    assert answer["usage"]["prompt_tokens"] == 1800
    assert sum(len(a.body["input"]) for a in upstream.asked) == 600 and len(upstream.asked) == 3


def test_hc28_base64_is_honoured_whatever_the_provider_sends(server: LiveServer, upstream: Upstream) -> None:
    body = {"model": "openai/text-embedding-3-small", "input": "x", "encoding_format": "base64", "dimensions": 2}
    answer = server.post("/embeddings", body).json()
    assert answer["data"][0]["embedding"] == "mpkZP83MTL8="
    assert upstream.asked[0].body["dimensions"] == 2
