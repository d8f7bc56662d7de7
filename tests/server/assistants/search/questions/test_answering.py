"""The shapes of an answer: the OpenAI envelope with the members of the search API, whole and streamed."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from portico.server.assistants.search.questions.answering import (
    EVENT,
    NOT_MET,
    RagStream,
    Told,
    tell_unanswered,
    tell_whole,
)
from portico.server.errors import ProviderUnknown
from portico.server.gateway.answers import READY, Answer, Stream
from portico.server.kit.drive import Signal
from tests.upstream import COMPLETION, chunk, usage_chunk

PASSAGES = [{"pageContent": "Twenty days.", "score": 0.9, "metadata": {"id": "d", "name": "leave", "extension": "pdf"}}]
USED = {"prompt_tokens": 100, "completion_tokens": 7, "total_tokens": 107, "total_cost": 0.5, "currency": "USD"}
CHUNKS = [chunk({"role": "assistant", "content": ""}), chunk({"content": "Hello"}), chunk({"content": " there"})]
END = chunk({}, "stop")


def told(**members: Any) -> Told:
    return Told(**{"thread_id": "t", "request_id": "r", "model": "m", "documents": PASSAGES, **members})


class Ready(Stream):
    """Chunks one by one, then the end or an error."""

    def __init__(self, chunks: Sequence[Any], error: Exception | None = None) -> None:
        self.left = [json.dumps(one, separators=(",", ":")).encode() for one in chunks]
        self.error = error
        self.closed: list[BaseException | None] = []
        self.headers = [(b"x-portico-provider", b"p")]

    def take(self) -> Sequence[bytes] | None:
        if self.left:
            return (self.left.pop(0),)
        if self.error is not None:
            raise self.error
        return None

    def more(self) -> Signal:
        return READY

    def close(self, error: BaseException | None = None) -> None:
        self.closed.append(error)


def read(stream: Stream) -> list[Any]:
    found: list[Any] = []
    while (chunks := stream.take()) is not None:
        found += map(json.loads, chunks)
        assert stream.more().is_set
    return found


def test_a_whole_answer_has_the_members_of_both() -> None:
    answer, text = tell_whole(Answer(json.dumps(COMPLETION).encode(), [(b"a", b"b")], "MISS"), told(usage=USED))
    body = json.loads(answer.body)
    assert text == body["text"] == body["choices"][0]["message"]["content"] == "Hello there"
    assert (body["id"], body["object"], body["model"]) == ("chatcmpl-up", "chat.completion", COMPLETION["model"])
    assert (body["threadId"], body["requestId"], body["documents"]) == ("t", "r", PASSAGES)
    assert body["result"] == {"success": True, "messages": []}
    assert body["usage"]["total_tokens"] == 107 + 15
    assert body["usage"]["completion_tokens_details"] == {"reasoning_tokens": 2}
    assert (answer.headers, answer.cache) == ([(b"a", b"b")], "MISS")


def test_what_the_search_did_without_is_told_beside_success_or_failure_and_in_a_header() -> None:
    lost = "The passages were found by their words alone: gone."
    raw = Answer(json.dumps(COMPLETION).encode(), [(b"a", b"b"), (b"x-portico-adjusted", b"seed dropped")])
    answer, _ = tell_whole(raw, told(lost="gone."))
    assert json.loads(answer.body)["result"] == {"success": True, "messages": [lost]}
    assert answer.headers == [(b"a", b"b"), (b"x-portico-adjusted", b"search vectors dropped; seed dropped")]
    stream = RagStream(Ready([*CHUNKS, END]), told(lost="gone."), include_usage=False, remember=None)
    assert stream.headers == [(b"x-portico-provider", b"p"), (b"x-portico-adjusted", b"search vectors dropped")]
    assert read(stream)[-1]["data"]["result"]["messages"] == [lost]
    for streams in (False, True):
        ended = tell_unanswered(told(lost="gone.", failure=NOT_MET), stream=streams, include_usage=False)
        assert ended.headers == [(b"x-portico-adjusted", b"search vectors dropped")]
    assert told(lost="gone.", failure=NOT_MET).result == {"success": False, "messages": [NOT_MET, lost]}


def test_passages_that_are_not_to_be_shown_are_left_out() -> None:
    answer, _ = tell_whole(Answer(json.dumps(COMPLETION).encode()), told(documents=None))
    assert "documents" not in json.loads(answer.body)


def test_an_answer_in_parts_is_one_text() -> None:
    content = [{"type": "thinking", "thinking": "x"}, {"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    body = {"choices": [{"message": {"content": content}}], "usage": None}
    answer, text = tell_whole(Answer(json.dumps(body).encode()), told())
    assert text == "ab" and json.loads(answer.body)["text"] == "ab"


def test_a_stream_ends_with_its_passages_and_its_usage() -> None:
    inner = Ready([*CHUNKS, END, usage_chunk()])
    stream = RagStream(inner, told(usage=USED), include_usage=False, remember=None)
    *chunks, event = read(stream)
    assert chunks == [*CHUNKS, END], "the usage was not asked for"
    assert (event["event"], event["choices"]) == (EVENT, [])
    data = event["data"]
    assert (data["documents"], data["text"], data["result"]) == (PASSAGES, "", {"success": True, "messages": []})
    assert data["usage"]["total_tokens"] == 107 + 15
    assert stream.headers == inner.headers


@pytest.mark.parametrize("answered", [True, False])
def test_streams_are_ascii_whatever_the_passages_hold(answered: bool) -> None:
    """The vendor's reader splits lines at U+2028 and its like, and drops the event."""
    passages = [{**PASSAGES[0], "pageContent": "Twenty\u2028d\u00edas \x85 \U0001f600"}]
    if answered:
        made: Stream = RagStream(Ready([*CHUNKS, END]), told(documents=passages), include_usage=True, remember=None)
    else:
        unanswered = tell_unanswered(told(documents=passages, model="d\u00e9j\u00e0"), stream=True, include_usage=True)
        assert isinstance(unanswered, Stream)
        made = unanswered
    chunks = [chunk for taken in iter(made.take, None) for chunk in taken]
    assert all(chunk.isascii() for chunk in chunks)
    assert json.loads(chunks[-1])["data"]["documents"] == passages


def test_who_asks_for_the_usage_of_a_stream_gets_the_sum() -> None:
    stream = RagStream(Ready([END, usage_chunk()]), told(usage=USED), include_usage=True, remember=None)
    _, usage, event = read(stream)
    assert usage["choices"] == [] and usage["usage"] == event["data"]["usage"]
    assert usage["usage"]["prompt_tokens"] == 110


@pytest.mark.parametrize("asked", [False, True])
def test_hc09_only_who_asks_for_usage_gets_chunks_that_say_there_is_none_yet(asked: bool) -> None:
    chunks = [{**chunk, "usage": None} for chunk in (*CHUNKS, END)]
    stream = RagStream(Ready([*chunks, usage_chunk()]), told(), include_usage=asked, remember=None)
    found = read(stream)[: len(chunks)]
    assert found == (chunks if asked else [*CHUNKS, END])


def test_the_passages_wait_until_the_conversation_is_written() -> None:
    kept: list[tuple[str, Callable[[], None]]] = []
    stream = RagStream(Ready([*CHUNKS, END]), told(), include_usage=False, remember=lambda *both: kept.append(both))
    for _ in range(4):
        assert stream.take()
    assert stream.take() == () and not stream.more().is_set
    [(text, done)] = kept
    assert text == "Hello there"
    done()
    assert stream.more().is_set
    assert EVENT in str(stream.take())
    assert stream.take() is None


def test_an_answer_that_breaks_off_is_not_remembered_and_has_no_event() -> None:
    kept: list[Any] = []
    inner = Ready(CHUNKS, ProviderUnknown("cut"))
    stream = RagStream(inner, told(), include_usage=False, remember=lambda *both: kept.append(both))
    with pytest.raises(ProviderUnknown) as caught:
        read(stream)
    stream.close(caught.value)
    assert kept == [] and inner.closed == [caught.value]


@pytest.mark.parametrize("failure", ["", NOT_MET])
def test_without_a_model_the_shapes_are_the_same(failure: str) -> None:
    whole = tell_unanswered(told(failure=failure), stream=False, include_usage=False)
    assert isinstance(whole, Answer)
    body = json.loads(whole.body)
    assert body["choices"][0] == {
        "index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": ""},
    }  # fmt: skip
    assert body["result"] == {"success": not failure, "messages": [failure] if failure else []}
    assert (body["text"], body["usage"]["total_tokens"], body["usage"]["currency"]) == ("", 0, "USD")
    assert (body["object"], body["model"], body["threadId"], body["requestId"]) == ("chat.completion", "m", "t", "r")
    stream = tell_unanswered(told(failure=failure, usage=USED), stream=True, include_usage=True)
    assert isinstance(stream, Stream)
    first, end, usage, event = read(stream)
    assert (first["choices"][0]["delta"]["content"], end["choices"][0]["finish_reason"]) == ("", "stop")
    assert usage["usage"]["total_tokens"] == event["data"]["usage"]["total_tokens"] == 107
    assert event["data"]["result"] == body["result"]
