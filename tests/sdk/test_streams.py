"""Streams as they come in the wild: odd frames, late errors, cut connections; events and the answer put together."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from portico import (
    AsyncPortico,
    Finish,
    NotFound,
    PlatformEvent,
    Portico,
    ReasoningDelta,
    ServerError,
    StreamError,
    StreamFailed,
    StreamInterrupted,
    TextDelta,
    ToolCallDelta,
    ToolCallReady,
    UsageEvent,
)
from portico.sdk.events import ChatAssembler
from tests.live import within_tries
from tests.sdk.odd_server import DONE, OddServer, finish_chunk, frame, reply_json, reply_stream, text_chunk

END = (frame(finish_chunk()), DONE)
USAGE = {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12, "total_cost": 0.00001, "currency": "USD"}


def read(server: OddServer, *pieces: bytes | float, content_type: str = "text/event-stream", cut: bool = False) -> str:
    """The text of a stream made of these pieces, the same read by both clients."""
    server.answer = lambda seen: reply_stream(*pieces, content_type=content_type, cut=cut)
    with Portico("k", server.url, timeout_s=60) as client, client.chat.stream("m/x", "hi") as stream:
        text = "".join(stream.text_stream())

    async def again() -> str:
        client = AsyncPortico("k", server.url, timeout_s=60)
        async with client, await client.chat.stream("m/x", "hi") as stream:
            return "".join([piece async for piece in stream.text_stream()])

    assert asyncio.run(again()) == text
    return text


@pytest.mark.parametrize("content_type", ["text/event-stream", "text/event-stream; charset=latin-1", "text/plain", ""])
def test_text_is_utf8_whatever_the_header_says(server: OddServer, content_type: str) -> None:
    assert read(server, frame(text_chunk("niño ✓ 𝄞")), *END, content_type=content_type) == "niño ✓ 𝄞"


def test_letters_cut_in_the_middle_stay_whole(server: OddServer) -> None:
    raw = frame(text_chunk("ñ✓𝄞")) + b"".join(END)
    assert read(server, *(raw[i : i + 1] for i in range(len(raw)))) == "ñ✓𝄞"


def test_line_separators_of_unicode_lose_nothing(server: OddServer) -> None:
    text = "a\u2028b\u2029c\u0085d\u000be\u000cf\u001cg"
    assert read(server, frame(text_chunk(text)), *END) == text


@pytest.mark.parametrize(
    "oddity",
    [
        b": keep-alive\n\n",
        b"event: ping\nid: 3\nretry: 5\n\n",
        b"\n\n\n",
        b"data:\n\n",
        frame({"choices": []}),
        frame({"object": "x"}),
        frame(text_chunk("")),
        frame({"choices": [{"index": 0, "delta": {"content": None}}]}),
        frame({"choices": [{"index": 0, "delta": None, "finish_reason": None}]}),
        frame({"choices": [None]}),
        frame({"choices": None, "error": None, "usage": None}),
        frame({"event": "saia.metadata.tool.started", "data": {"toolName": "t"}, "choices": []}),
    ],
)
def test_odd_frames_between_the_text_do_no_harm(server: OddServer, oddity: bytes) -> None:
    assert read(server, frame(text_chunk("a")), oddity, frame(text_chunk("b")), oddity, *END) == "ab"


@pytest.mark.parametrize("end", [b"\r", b"\r\n"])
def test_other_line_ends_are_read(server: OddServer, end: bytes) -> None:
    raw = b"".join([frame(text_chunk("a")), frame(text_chunk("b")), *END]).replace(b"\n", end)
    assert read(server, raw) == "ab"


@pytest.mark.parametrize("done", [b"data:[DONE]\n\n", b"data: [DONE] \r\n\r\n", b"data: [DONE]"])
def test_the_end_is_known_in_every_spelling(server: OddServer, done: bytes) -> None:
    assert read(server, frame(text_chunk("a")), frame(finish_chunk()), done) == "a"


def test_what_comes_after_the_end_is_not_read(server: OddServer) -> None:
    assert read(server, frame(text_chunk("a")), *END, frame(text_chunk("b"))) == "a"


def test_a_finished_answer_needs_no_done(server: OddServer) -> None:
    assert read(server, frame(text_chunk("a")), frame(finish_chunk())) == "a"


@pytest.mark.parametrize(
    ("pieces", "cut"),
    [
        ([], False),
        ([b": keep-alive\n\n"], False),
        ([frame(text_chunk("a"))], False),
        ([frame(text_chunk("a"))], True),
        ([frame(text_chunk("a")), frame(finish_chunk())], True),
        ([frame(text_chunk("a")), frame(text_chunk("b"))[:-20]], False),
    ],
)
def test_a_stream_cut_short_raises(server: OddServer, pieces: list[bytes], cut: bool) -> None:
    with pytest.raises(StreamInterrupted) as raised:
        read(server, *pieces, cut=cut)
    assert raised.value.request_id == "req-1"
    assert "not complete" in raised.value.hint


def test_one_choice_of_two_unfinished_is_cut_short(server: OddServer) -> None:
    other = {"choices": [{"index": 1, "delta": {"content": "b"}}]}
    with pytest.raises(StreamInterrupted):
        read(server, frame(text_chunk("a")), frame(other), frame(finish_chunk()))


def test_what_came_before_the_cut_can_still_be_had(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: reply_stream(frame(text_chunk("half")), cut=True)
    stream = client.chat.stream("m/x", "hi")
    with pytest.raises(StreamInterrupted):
        stream.get_final_completion()
    assert stream.completion_so_far.text == "half"


@pytest.mark.parametrize(
    "error",
    [
        {"error": {"code": 150, "message": "Provider Unknown Error"}, "requestId": "r-2"},
        {"errors": [{"id": 150, "description": "Provider Unknown Error"}], "requestId": "r-2"},
        {"error": {"code": "150", "message": "Provider Unknown Error"}, "choices": [], "requestId": "r-2"},
    ],
)
def test_an_error_in_the_stream_raises(server: OddServer, error: object) -> None:
    with pytest.raises(StreamFailed) as raised:
        read(server, frame(text_chunk("a")), frame(error))
    assert (raised.value.errors, raised.value.request_id) == ([(150, "Provider Unknown Error")], "r-2")


def test_text_that_came_with_the_error_is_not_lost(server: OddServer, client: Portico) -> None:
    raw = frame(text_chunk("a")) + frame({"error": {"code": 150, "message": "gone"}}) + frame(text_chunk("b"))
    server.answer = lambda seen: reply_stream(raw)
    with client.chat.stream("m/x", "hi") as stream:
        assert next(stream) == TextDelta("a")
        for _ in range(2):
            with pytest.raises(StreamFailed):
                next(stream)


def test_the_connection_of_a_finished_stream_is_used_again(server: OddServer) -> None:
    server.answer = lambda seen: reply_stream(frame(text_chunk("a")) + b"".join(END))

    def one_is_enough() -> bool:
        server.connections = 0
        with Portico("k", server.url) as client:
            for _ in range(5):
                with client.chat.stream("m/x", "hi") as stream:
                    stream.get_final_text()
        return server.connections == 1

    # Threads of the library put a connection back: when one is late, the next call opens another.
    within_tries(one_is_enough, "five streams over one connection")


def test_a_frame_that_is_no_json_raises(server: OddServer) -> None:
    with pytest.raises(StreamError, match="no JSON"):
        read(server, frame(text_chunk("a")), b"data: {nonsense\n\n", *END)


def test_a_refusal_before_the_stream_is_an_ordinary_error(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: reply_json({"error": {"code": 4000, "message": "Model 'm/x' does not exist."}}, 404)
    with pytest.raises(NotFound, match="does not exist"):
        client.chat.stream("m/x", "hi")


def test_a_failure_told_as_plain_json_with_http_200_raises(server: OddServer, client: Portico) -> None:
    body = {"error": {"code": 500, "message": "Oops"}, "success": False, "status": "failed"}
    server.answer = lambda seen: reply_json(body)
    with client.chat.stream("m/x", "hi") as stream, pytest.raises(ServerError, match="Oops"):
        next(stream)


@pytest.mark.parametrize("content_type", ["application/json", "text/event-stream"])
def test_a_server_that_cannot_stream_still_answers(server: OddServer, content_type: str) -> None:
    body = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "all"}, "finish_reason": "stop"}]}
    raw = json.dumps(body).encode()
    assert read(server, b"\n", raw[:9], raw[9:], content_type=content_type) == "all"


def test_events_come_typed_and_in_order(server: OddServer, client: Portico) -> None:
    documents = {"documents": [{"pageContent": "p", "score": 0.9}], "text": ""}
    server.answer = lambda seen: reply_stream(
        frame({"id": "c1", "created": 7, "model": "gpt", "choices": [{"index": 0, "delta": {"role": "assistant"}}]}),
        frame({"choices": [{"index": 0, "delta": {"reasoning_content": "hm"}}]}),
        frame(text_chunk("Hel")),
        frame(text_chunk("lo")),
        frame(finish_chunk()),
        frame({"event": "saia.rag.documents", "data": documents, "choices": []}),
        frame({"choices": [], "usage": USAGE}),
        DONE,
    )
    with client.chat.stream("saia:search:handbook", "hi") as stream:
        events = list(stream)
        final = stream.get_final_completion()
    assert events[:4] == [ReasoningDelta("hm"), TextDelta("Hel"), TextDelta("lo"), Finish("stop")]
    assert events[4] == PlatformEvent("saia.rag.documents", documents)
    assert isinstance(events[5], UsageEvent)
    assert (final.id, final.created, final.text, final.finish_reason) == ("c1", 7, "Hello", "stop")
    assert final.usage is not None
    assert (final.usage.total_tokens, final.usage.total_cost) == (12, 0.00001)
    assert final.choices[0].message.reasoning_content == "hm"
    assert final.extra["documents"] == documents["documents"]
    assert server.seen[0].json["stream_options"] == {"include_usage": True}


def call(index: int | None, number: str | None, name: str | None, arguments: Any, finish: str | None = None) -> Any:
    fragment: dict[str, Any] = {"function": {"name": name, "arguments": arguments}, "id": number, "index": index}
    fragment = {k: v for k, v in fragment.items() if v is not None}
    return {"choices": [{"index": 0, "delta": {"tool_calls": [fragment]}, "finish_reason": finish}]}


def assembled(*chunks: Any) -> tuple[list[tuple[str, str, str]], list[Any]]:
    assembler = ChatAssembler()
    events = [event for chunk in chunks for event in assembler.feed(chunk)]
    calls = assembler.completion().tool_calls
    ready = [event.tool_call for event in events if isinstance(event, ToolCallReady)]
    triples = [(c.id, c.function.name, c.function.arguments) for c in calls]
    assert [(c.id, c.function.name, c.function.arguments) for c in ready] == triples
    return triples, events


def test_tool_calls_are_put_together_from_fragments() -> None:
    calls, events = assembled(
        call(0, "a", "add", ""),
        call(0, None, None, '{"x":'),
        call(0, None, None, "1}"),
        call(1, "b", "sub", ""),
        call(1, None, None, '{"y":2}'),
        finish_chunk("tool_calls"),
    )
    assert calls == [("a", "add", '{"x":1}'), ("b", "sub", '{"y":2}')]
    assert [type(event) for event in events] == [ToolCallDelta] * 3 + [ToolCallReady] + [ToolCallDelta] * 2 + [
        ToolCallReady,
        Finish,
    ]


def test_interleaved_calls_keep_their_own_arguments() -> None:
    chunks = [call(0, "a", "f", "{"), call(1, "b", "g", "["), call(0, None, None, "}"), call(1, None, None, "]")]
    calls, _ = assembled(*chunks, finish_chunk("tool_calls"))
    assert sorted(calls) == [("a", "f", "{}"), ("b", "g", "[]")]


def test_a_call_without_arguments_has_an_empty_object() -> None:
    assert assembled(call(0, "a", "now", None), finish_chunk("tool_calls"))[0] == [("a", "now", "{}")]


def test_calls_that_come_whole_in_the_last_chunk_are_read_from_delta_or_message() -> None:
    whole = [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    for place in ("delta", "message"):
        chunk = {"choices": [{"index": 0, place: {"tool_calls": whole}, "finish_reason": "tool_calls"}]}
        assert assembled(chunk)[0] == [("a", "f", "{}")]


def test_calls_repeated_whole_at_the_end_are_not_doubled() -> None:
    chunks = [call(0, "a", "f", '{"x"'), call(0, None, None, ":1}"), call(0, "a", "f", '{"x":1}', "tool_calls")]
    assert assembled(*chunks)[0] == [("a", "f", '{"x":1}')]


def test_fragments_without_index_go_by_id_or_to_the_last_call() -> None:
    chunks = [call(None, "a", "f", "{"), call(None, None, None, "}"), call(None, "b", "g", "{}")]
    assert assembled(*chunks, finish_chunk("tool_calls"))[0] == [("a", "f", "{}"), ("b", "g", "{}")]


def test_two_calls_under_one_index_are_two() -> None:
    chunks = [call(0, "a", "f", "{}"), call(0, "b", "g", "{}")]
    assert assembled(*chunks, finish_chunk("tool_calls"))[0] == [("a", "f", "{}"), ("b", "g", "{}")]


def test_an_id_and_name_in_every_fragment_are_no_new_call() -> None:
    chunks = [call(0, "a", "f", '{"x"'), call(0, "a", "f", ":1"), call(0, "a", "f", "}")]
    assert assembled(*chunks, finish_chunk("tool_calls"))[0] == [("a", "f", '{"x":1}')]


def test_arguments_that_are_an_object_become_text() -> None:
    assert assembled(call(0, "a", "f", {"x": 1}), finish_chunk("tool_calls"))[0] == [("a", "f", '{"x": 1}')]


def test_low_level_streams_give_the_chunks_as_they_are(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: reply_stream(frame(text_chunk("a", odd=1)), *END)
    with client.low.chat.stream_chat_completion("m/x", [{"role": "user", "content": "hi"}]) as stream:
        chunks = list(stream)
    assert chunks[0]["odd"] == 1
    assert "stream_options" not in server.seen[0].json


def test_a_stream_can_be_closed_early_and_reads_no_more(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: reply_stream(frame(text_chunk("a")), 0.05, frame(text_chunk("b")), *END)
    stream = client.chat.stream("m/x", "hi")
    assert next(stream.text_stream()) == "a"
    stream.close()
    with pytest.raises(StreamError, match="closed"):
        stream.get_final_text()


def test_calls_that_no_finish_reason_closes_are_ready_at_the_end(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: reply_stream(frame(call(0, "a", "f", "{}")), DONE)
    with client.chat.stream("m/x", "hi") as stream:
        assert [type(event) for event in stream] == [ToolCallDelta, ToolCallReady]
