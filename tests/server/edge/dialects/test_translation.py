"""Chat answers in other words: however the chunks were cut, the stream tells what the whole answer tells."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from portico.server.edge.dialects.messages.write import MessageWriter
from portico.server.edge.dialects.responses.echo import read_echo
from portico.server.edge.dialects.responses.write import ResponseWriter
from portico.server.edge.dialects.steps import CallBegin, CallEnd, CallPiece, ChunkReader, Text
from portico.server.edge.dialects.translated import Translated, Writer, translate
from portico.server.errors import ProviderUnknown
from portico.server.gateway.answers import Answer, Stream
from portico.server.kit.drive import Signal

Json = dict[str, Any]
USAGE = {"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 3}, "total_cost": 0.5}
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
objects = st.dictionaries(st.text('ab\u00e9\u2028"\\', min_size=1, max_size=4), st.integers() | texts, max_size=3)
calls = st.lists(objects.map(json.dumps) | st.just(""), max_size=3)


class Chunks(Stream):
    """A stream of which all chunks are there, given out one by one or in heaps."""

    def __init__(self, chunks: list[bytes], heap: int = 1) -> None:
        self.headers = [(b"x", b"y")]
        self._left = chunks
        self._heap = heap
        self.closed_with: list[BaseException | None] = []

    def take(self) -> list[bytes] | None:
        taken, self._left = self._left[: self._heap], self._left[self._heap :]
        return taken or None

    def more(self) -> Signal:
        return Signal()

    def close(self, error: BaseException | None = None) -> None:
        self.closed_with.append(error)


@st.composite
def answers(draw: st.DrawFn) -> tuple[Json, list[Json]]:
    """A message, and deltas that make it up: texts cut anywhere, fragments of the calls mixed but each in order."""
    reasoning, content, arguments = draw(texts), draw(texts), draw(calls)
    message: Json = {"role": "assistant", "content": content}
    deltas: list[Json] = [{"role": "assistant", "content": ""}]
    if reasoning:
        message["reasoning_content"] = reasoning
        deltas += [{"reasoning_content": piece} for piece in draw(_cut(reasoning))]
    deltas += [{"content": piece} for piece in draw(_cut(content))]
    if arguments:
        message["tool_calls"] = [_call(i, text) for i, text in enumerate(arguments)]
        deltas += draw(_mixed(arguments))
    return message, deltas


@st.composite
def _cut(draw: st.DrawFn, text: str) -> list[str]:
    places = sorted(draw(st.sets(st.integers(0, len(text)), max_size=4)) | {0, len(text)})
    return [text[a:b] for a, b in pairwise(places)]


@st.composite
def _mixed(draw: st.DrawFn, arguments: list[str]) -> list[Json]:
    queues = []
    for index, text in enumerate(arguments):
        begun = {
            "index": index,
            "id": f"call_{index}",
            "type": "function",
            "function": {"name": f"f{index}", "arguments": ""},
        }
        pieces = [{"index": index, "function": {"arguments": piece}} for piece in draw(_cut(text))]
        queues.append([begun, *pieces])
    order = draw(st.permutations([i for i, queue in enumerate(queues) for _ in queue]))
    deltas: list[Json] = []
    begun_up_to = 0
    for index in order:
        for earlier in range(begun_up_to, index + 1):  # calls begin in their order, whatever follows
            deltas.append({"tool_calls": [queues[earlier].pop(0)]})
            begun_up_to = earlier + 1
        if queues[index]:
            deltas.append({"tool_calls": [queues[index].pop(0)]})
    return deltas + [{"tool_calls": [piece]} for queue in queues for piece in queue]


def _call(index: int, arguments: str) -> Json:
    return {"id": f"call_{index}", "type": "function", "function": {"name": f"f{index}", "arguments": arguments}}


def _chunks(deltas: list[Json], finish: str) -> list[bytes]:
    head = {"id": "chatcmpl-1", "created": 7, "model": "m"}
    told = [{**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    told.append({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    told.append({**head, "choices": [], "usage": USAGE})
    return [json.dumps(chunk).encode() for chunk in told]


def _whole(message: Json, finish: str) -> bytes:
    choices = [{"index": 0, "message": message, "finish_reason": finish}]
    return json.dumps({"id": "chatcmpl-1", "created": 7, "model": "m", "choices": choices, "usage": USAGE}).encode()


def _events(stream: Stream) -> list[Json]:
    """The data of all events, the end included; each event is one line of a name and one of data."""
    raw = b""
    while (taken := stream.take()) is not None:
        raw += b"".join(taken)
    raw += stream.end
    assert raw.isascii()
    found = []
    for frame in raw.decode().removesuffix("\n\n").split("\n\n"):
        if frame == "data: [DONE]":
            continue
        name, data = frame.split("\n")
        found.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {found[-1]['type']}"
    return found


def _both(writers: tuple[Writer, Writer], answer: tuple[Json, list[Json]], heap: int) -> tuple[Json, list[Json]]:
    message, deltas = answer
    finish = "tool_calls" if message.get("tool_calls") else "stop"
    whole = translate(Answer(_whole(message, finish)), writers[0])
    stream = translate(Chunks(_chunks(deltas, finish), heap), writers[1])
    assert isinstance(whole, Answer)
    assert isinstance(stream, Translated)
    return json.loads(whole.body), _events(stream)


def _message_of(events: list[Json]) -> Json:
    """Events put together as the SDKs do it; one block is open at a time."""
    message: Json = {}
    pieces = ""
    is_open = False
    for event in events:
        match event["type"]:
            case "message_start":
                message = event["message"]
            case "content_block_start":
                assert not is_open
                assert event["index"] == len(message["content"])
                message["content"].append(event["content_block"])
                is_open, pieces = True, ""
            case "content_block_delta":
                assert is_open
                assert event["index"] == len(message["content"]) - 1
                delta, block = event["delta"], message["content"][-1]
                if delta["type"] == "input_json_delta":
                    pieces += delta["partial_json"]
                    continue
                name = delta["type"].removesuffix("_delta")
                block[name] = block[name] + delta[name]
            case "content_block_stop":
                is_open = False
                if message["content"][-1]["type"] == "tool_use":
                    message["content"][-1]["input"] = json.loads(pieces or "{}")
            case "message_delta":
                message |= event["delta"]
                message["usage"] = event["usage"]
    assert not is_open
    assert events[-1] == {"type": "message_stop"}
    return message


@given(answers(), st.integers(1, 9))
@settings(deadline=None)
def test_a_streamed_message_is_the_whole_one(answer: tuple[Json, list[Json]], heap: int) -> None:
    whole, events = _both((MessageWriter("r-1"), MessageWriter("r-1")), answer, heap)
    assert {**_message_of(events), "requestId": "r-1"} == whole


@given(answers(), st.integers(1, 9))
@settings(deadline=None)
def test_a_streamed_response_is_the_whole_one(answer: tuple[Json, list[Json]], heap: int) -> None:
    echo = read_echo({})
    whole, events = _both((ResponseWriter("r-1", echo), ResponseWriter("r-1", echo)), answer, heap)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert events[-1]["response"] == whole
    done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    assert done == whole["output"]
    text = "".join(event["delta"] for event in events if event["type"] == "response.output_text.delta")
    assert text == answer[0]["content"]


@given(calls, st.data())
@settings(deadline=None)
def test_fragments_of_several_calls_come_one_call_after_the_other(arguments: list[str], data: st.DataObject) -> None:
    reader = ChunkReader()
    deltas = data.draw(_mixed(arguments))
    steps = [step for chunk in _chunks(deltas, "tool_calls") for step in reader.read(chunk)]
    told: list[list[str]] = []
    names: list[str] = []
    for step in steps:
        match step:
            case CallBegin():
                names.append(step.name)
                told.append([])
            case CallPiece():
                told[-1].append(step.text)
    assert names == sorted(names, key=names.index)
    assert dict(zip(names, map("".join, told), strict=True)) == {
        f"f{i}": text or "{}" for i, text in enumerate(arguments)
    }
    assert sum(isinstance(step, CallEnd) for step in steps) == len(arguments)


def test_a_text_between_fragments_of_a_call_waits_for_its_end() -> None:
    deltas = [
        {"tool_calls": [_piece(0, '{"a":', id="c")]},
        {"content": "aside"},
        {"tool_calls": [_piece(0, "1}")]},
    ]
    reader = ChunkReader()
    steps = [step for chunk in _chunks(deltas, "tool_calls") for step in reader.read(chunk)]
    assert steps[:5] == [CallBegin("c", "f"), CallPiece('{"a":'), CallPiece("1}"), CallEnd(), Text("aside")]


def _piece(index: int, text: str, **more: Any) -> Json:
    return {"index": index, "function": {"name": "f", "arguments": text}, **more}


def test_calls_without_an_index_count_by_their_place() -> None:
    delta = {"tool_calls": [{"id": f"c{i}", "function": {"name": "f", "arguments": "{}"}} for i in range(2)]}
    reader = ChunkReader()
    steps = [step for chunk in _chunks([delta], "tool_calls") for step in reader.read(chunk)]
    assert [step.id for step in steps if isinstance(step, CallBegin)] == ["c0", "c1"]


def test_odd_types_are_read_as_what_they_mean() -> None:
    call = {"id": 7, "function": {"name": "f", "arguments": {"a": 1}}}
    chunk = {"id": 5, "created": "soon", "model": None, "choices": [{"delta": {"tool_calls": [call]}}]}
    reader = ChunkReader()
    assert reader.read(json.dumps(chunk).encode()) == [CallBegin("7", "f"), CallPiece('{"a":1}')]
    assert reader.head is not None
    assert (reader.head.id, reader.head.model, reader.head.created) == ("5", "", 0)


def test_events_of_the_platform_are_passed_over() -> None:
    reader = ChunkReader()
    assert reader.read(b'{"event":"saia.rag.documents","data":{},"choices":[]}') == []
    assert reader.head is None


def test_a_stream_without_an_answer_is_an_error() -> None:
    stream = Translated(Chunks([]), MessageWriter("r"))
    try:
        stream.take()
    except ProviderUnknown as error:
        assert error.status == 502
    else:
        raise AssertionError("nothing was told")


def test_a_translated_stream_closes_the_other_one_and_keeps_its_headers() -> None:
    inner = Chunks([])
    stream = Translated(inner, MessageWriter("r"))
    error = ValueError()
    stream.close(error)
    assert inner.closed_with == [error]
    assert stream.headers == [(b"x", b"y")]


def test_thoughts_keep_signatures_and_redacted_blocks_keep_their_data() -> None:
    signed = {"type": "thinking", "thinking": "Hmm.", "signature": "c2ln"}
    hidden = {"type": "thinking", "thinking": "", "signature": "aGlk"}
    redacted = {"type": "redacted_thinking", "data": "cmVk"}
    deltas = [
        {"reasoning_content": "Hm"},
        {"reasoning_content": "m."},
        {"thinking_blocks": [signed]},
        {"thinking_blocks": [redacted]},
        {"thinking_blocks": [hidden]},
        {"content": "Yes."},
    ]
    message = {"content": "Yes.", "reasoning_content": "Hmm.", "thinking_blocks": [signed, redacted, hidden]}
    whole, events = _both((MessageWriter("r"), MessageWriter("r")), (message, deltas), 1)
    assert whole["content"] == [signed, redacted, hidden, {"type": "text", "text": "Yes."}]
    assert _message_of(events)["content"] == whole["content"]


def test_why_an_answer_ended() -> None:
    for finish, native, stop in (
        ("stop", "", "end_turn"),
        ("length", "", "max_tokens"),
        ("length", "model_context_window_exceeded", "model_context_window_exceeded"),
        ("content_filter", "", "refusal"),
        ("stop", "pause_turn", "pause_turn"),
    ):
        message = {"content": "x", **({"native_finish_reason": native} if native else {})}
        told = translate(Answer(_whole(message, finish)), MessageWriter("r"))
        assert isinstance(told, Answer)
        assert json.loads(told.body)["stop_reason"] == stop


def test_arguments_that_a_limit_cut_are_told_as_text() -> None:
    message = {"content": "", "tool_calls": [_call(0, '{"a":')]}
    told = translate(Answer(_whole(message, "length")), MessageWriter("r"))
    assert isinstance(told, Answer)
    assert json.loads(told.body)["content"][0]["input"] == {"not_json": '{"a":'}


def test_refusals_and_citations_of_a_response() -> None:
    cited = {"type": "url_citation", "url_citation": {"url": "https://a.example", "title": "A"}}
    message = {"content": "See A.", "annotations": [cited]}
    whole, _ = _both(
        (ResponseWriter("r", {}), ResponseWriter("r", {})),
        (message, [{"content": "See A."}, {"annotations": [cited]}]),
        1,
    )
    [part] = whole["output"][0]["content"]
    assert part["annotations"] == [{"type": "url_citation", "url": "https://a.example", "title": "A"}]
    refused = translate(Answer(_whole({"content": "", "refusal": "No."}, "content_filter")), ResponseWriter("r", {}))
    assert isinstance(refused, Answer)
    body = json.loads(refused.body)
    assert body["output"][0]["content"] == [{"type": "refusal", "refusal": "No."}]
    assert (body["status"], body["incomplete_details"]) == ("incomplete", {"reason": "content_filter"})
