"""The `openai` SDK's Responses API against the live server: relayed to OpenAI, translated for everybody else."""

from __future__ import annotations

import json
from itertools import repeat
from typing import Any, Literal

import openai
import pydantic
import pytest
from openai import AsyncOpenAI, OpenAI

from tests.clients.conftest import TIMEOUT_S
from tests.live import CHAT, Answer, LiveServer, wait_until
from tests.upstream import Asked, Reply, Upstream, whole

MODEL = "openai/gpt-4o-mini"
THINKING = "openai/gpt-5"
USAGE = {
    "input_tokens": 10,
    "input_tokens_details": {"cached_tokens": 4},
    "output_tokens": 5,
    "output_tokens_details": {"reasoning_tokens": 2},
    "total_tokens": 15,
}
MESSAGE = {
    "id": "msg_up",
    "type": "message",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "Hello there", "annotations": []}],
}
CALL = {
    "id": "fc_up",
    "type": "function_call",
    "name": "get_weather",
    "arguments": '{"city":"Lima"}',
    "call_id": "call_1",
    "status": "completed",
}
WEATHER: Any = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather of a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string", "enum": ["Lima", "Quito"]}},
        "required": ["city"],
    },
    "strict": False,
}
PICTURE = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUg=="


class Fruit(pydantic.BaseModel):
    """A shape whose every value is bounded, so that a tiny model ends it soon."""

    model_config = pydantic.ConfigDict(extra="forbid")
    name: Literal["apple", "kiwi"]
    ripe: bool


def response(*output: Any, **more: Any) -> dict[str, Any]:
    """A response as OpenAI sends it."""
    return {
        "id": "resp_up",
        "object": "response",
        "created_at": 1764000000,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": "gpt-4o-mini-2024-07-18",
        "output": list(output) or [MESSAGE],
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": USAGE,
        **more,
    }


def events(*told: tuple[str, dict[str, Any]]) -> Reply:
    """An event stream as OpenAI sends it."""
    parts = [
        f"event: {name}\ndata: {json.dumps({'type': name, 'sequence_number': number, **members})}\n\n"
        for number, (name, members) in enumerate(told)
    ]
    return Reply(200, "".join(parts).encode(), {"Content-Type": "text/event-stream"})


def hello_events(text: tuple[str, ...] = ("Hello", " there")) -> Reply:
    begun = response(status="in_progress", output=[], usage=None)
    part = {"type": "output_text", "text": "", "annotations": []}
    place = {"item_id": "msg_up", "output_index": 0, "content_index": 0}
    return events(
        ("response.created", {"response": begun}),
        ("response.in_progress", {"response": begun}),
        ("response.output_item.added", {"output_index": 0, "item": {**MESSAGE, "content": []}}),
        ("response.content_part.added", {**place, "part": part}),
        *(("response.output_text.delta", {**place, "delta": one, "logprobs": []}) for one in text),
        ("response.output_text.done", {**place, "text": "".join(text), "logprobs": []}),
        ("response.content_part.done", {**place, "part": {**part, "text": "".join(text)}}),
        ("response.output_item.done", {"output_index": 0, "item": MESSAGE}),
        ("response.completed", {"response": response()}),
    )


def told_of(got: Answer) -> list[tuple[str, dict[str, Any]]]:
    """The events of an answer before the last word, by their names."""
    assert got.status == 200, got.body
    frames = got.body.split(b"\n\n")
    assert frames[-2:] == [b"data: [DONE]", b""]
    named = [frame.split(b"\n") for frame in frames[:-2]]
    return [(name.removeprefix(b"event: ").decode(), json.loads(data.removeprefix(b"data: "))) for name, data in named]


def answer(*replies: Reply) -> Any:
    left = list(replies)

    def script(asked: Asked) -> Reply:
        assert asked.path == "/v1/responses"
        return left.pop(0) if len(left) > 1 else left[0]

    return script


# relayed ------------------------------------------------------------------------------------------------------


def test_openai_gets_the_request_as_it_came_and_the_answer_has_both_names_of_usage(
    upstream: Upstream, client: OpenAI
) -> None:
    upstream.script = answer(whole(response()))
    given = client.responses.create(
        model=MODEL, input="Say hello.", instructions="Be brief.", max_output_tokens=50, metadata={"a": "b"},
        extra_body={"new_member": {"x": 1}},
    )  # fmt: skip
    assert given.output_text == "Hello there"
    assert given.usage is not None
    usage = given.usage.to_dict()
    assert (usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]) == (10, 5, 15)
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (10, 5)
    assert usage["total_cost"] == pytest.approx(usage["prompt_cost"] + usage["completion_cost"])
    assert usage["prompt_tokens_details"] == {"cached_tokens": 4}
    assert usage["completion_tokens_details"] == {"reasoning_tokens": 2}
    assert given.to_dict()["requestId"]
    assert upstream.asked[-1].body == {
        "model": "gpt-4o-mini",
        "input": "Say hello.",
        "instructions": "Be brief.",
        "max_output_tokens": 50,
        "metadata": {"a": "b"},
        "new_member": {"x": 1},
        "store": False,
    }


def test_the_documented_alias_max_tokens(upstream: Upstream, server: LiveServer) -> None:
    upstream.script = answer(whole(response()))
    got = server.post("/responses", {"model": MODEL, "input": "Hi", "max_tokens": 77})
    assert got.status == 200
    assert upstream.asked[-1].body["max_output_tokens"] == 77
    assert "max_tokens" not in upstream.asked[-1].body


def test_a_relayed_stream_of_typed_events(upstream: Upstream, client: OpenAI) -> None:
    upstream.script = answer(hello_events())
    with client.responses.stream(model=MODEL, input="Say hello.") as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert kinds[0] == "response.created"
    assert kinds.count("response.output_text.delta") == 2
    assert kinds[-1] == "response.completed"
    assert final.output_text == "Hello there"
    assert final.usage is not None
    assert final.usage.to_dict()["total_cost"] > 0
    assert upstream.asked[-1].body["stream"] is True


def test_both_readers_of_a_stream_find_what_they_look_for(upstream: Upstream, server: LiveServer) -> None:
    upstream.script = answer(hello_events(("Gr\u00fc\u00dfe", "\u2028 d\u00e9j\u00e0")))
    got = server.post("/v1/responses", {"model": MODEL, "input": "Hi", "stream": True})
    assert got.body.isascii()
    told = told_of(got)
    assert all(name == data["type"] for name, data in told)
    deltas = [data for name, data in told if name == "response.output_text.delta"]
    assert [d["delta"] for d in deltas] == [d["choices"][0]["delta"]["content"] for d in deltas]
    assert "".join(d["delta"] for d in deltas) == "Gr\u00fc\u00dfe\u2028 d\u00e9j\u00e0"


def test_hc11_a_whole_answer_to_a_streamed_request_becomes_events(
    upstream: Upstream, server: LiveServer, client: OpenAI
) -> None:
    cited = {"type": "url_citation", "url": "https://a.example", "title": "A", "start_index": 0, "end_index": 5}
    part = {"type": "output_text", "text": "Hello there", "annotations": [cited]}
    thought = {"id": "rs_up", "type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]}
    given = response(thought, {**MESSAGE, "content": [part]}, CALL)
    upstream.script = answer(whole(given))
    with client.responses.stream(model=MODEL, input="Say hello.", tools=[WEATHER]) as stream:
        told = list(stream)
        final = stream.get_final_response()
    assert [event.type for event in told[:2]] == ["response.created", "response.in_progress"]
    assert told[-1].type == "response.completed"
    assert [event.sequence_number for event in told] == list(range(len(told)))
    assert [item.type for item in final.output] == ["reasoning", "message", "function_call"]
    assert final.output_text == "Hello there"
    assert final.usage is not None
    assert final.usage.to_dict()["total_cost"] > 0
    assert upstream.asked[-1].body["stream"] is True

    named = told_of(server.post("/v1/responses", {"model": MODEL, "input": "Hi", "stream": True}))
    kinds = [kind for kind, _ in named]
    assert kinds.count("response.output_item.added") == kinds.count("response.output_item.done") == 3
    inside = dict(named)
    assert inside["response.output_text.delta"]["choices"][0]["delta"] == {"content": "Hello there"}
    assert inside["response.output_text.annotation.added"]["annotation"] == cited
    assert inside["response.function_call_arguments.done"]["arguments"] == CALL["arguments"]
    assert inside["response.reasoning_summary_text.delta"]["delta"] == "Hm."
    assert inside["response.created"]["response"]["output"] == []
    assert inside["response.completed"]["response"]["output"] == given["output"]
    begun = [data["item"] for kind, data in named if kind == "response.output_item.added"]
    assert [one.get("content", one.get("arguments", one.get("summary"))) for one in begun] == [[], [], ""]


def test_hc11_a_whole_answer_that_was_cut_short_says_so_in_its_last_event(
    upstream: Upstream, server: LiveServer
) -> None:
    refusal = {**MESSAGE, "content": [{"type": "refusal", "refusal": "No."}]}
    short = response(refusal, status="incomplete", incomplete_details={"reason": "max_output_tokens"}, usage=None)
    upstream.script = answer(whole(short))
    named = told_of(server.post("/v1/responses", {"model": MODEL, "input": "Hi", "stream": True}))
    assert named[-1][0] == "response.incomplete"
    assert named[-1][1]["response"]["incomplete_details"] == {"reason": "max_output_tokens"}
    assert named[-1][1]["response"]["usage"]["total_cost"] > 0
    assert dict(named)["response.refusal.delta"]["delta"] == "No."


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"error": {"code": "invalid_prompt", "message": "Not this.", "param": "input"}}, 400, "Not this."),
        (response(status="failed", error={"code": "server_error", "message": "It broke."}), 502, "It broke."),
        ({"detail": "ok"}, 502, "not a response"),
    ],
)
def test_hc11_a_whole_error_to_a_streamed_request_is_that_error(
    upstream: Upstream, server: LiveServer, body: dict[str, Any], status: int, message: str
) -> None:
    upstream.script = answer(whole(body))
    asked = len(upstream.asked)
    got = server.post("/v1/responses", {"model": MODEL, "input": "Hi", "stream": True})
    assert got.status == status
    assert message in got.json()["error"]["message"]
    assert got.json()["errors"][0]["description"] == got.json()["error"]["message"]
    assert len(upstream.asked) == asked + 1


def test_a_conversation_with_tools_goes_on_without_anything_stored(upstream: Upstream, client: OpenAI) -> None:
    thought = {"id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": "sealed", "status": None}
    upstream.script = answer(whole(response(thought, CALL)), whole(response()))
    said: Any = [{"role": "user", "content": "Weather in Lima?"}]
    first = client.responses.create(model=THINKING, input=said, tools=[WEATHER])
    said += [item.to_dict() for item in first.output]
    said.append({"type": "function_call_output", "call_id": "call_1", "output": "18 degrees"})
    second = client.responses.create(model=THINKING, input=said, tools=[WEATHER])
    assert second.output_text == "Hello there"
    sent = upstream.asked[-1].body
    assert sent["store"] is False
    assert sent["include"] == ["reasoning.encrypted_content"]
    assert [item.get("type") for item in sent["input"]] == [None, "reasoning", "function_call", "function_call_output"]
    assert all("id" not in item for item in sent["input"])
    assert sent["input"][1]["encrypted_content"] == "sealed"


def test_thoughts_that_only_an_id_would_name_are_left_out(upstream: Upstream, server: LiveServer) -> None:
    upstream.script = answer(whole(response()))
    said = [{"type": "reasoning", "id": "rs_1", "summary": []}, {"role": "user", "content": "Hi"}]
    got = server.post("/responses", {"model": MODEL, "input": said})
    assert upstream.asked[-1].body["input"] == [{"role": "user", "content": "Hi"}]
    assert "reasoning item" in got.headers["x-portico-adjusted"]


def test_the_effort_is_brought_to_what_the_model_takes(upstream: Upstream, client: OpenAI) -> None:
    upstream.script = answer(whole(response()))
    given = client.responses.with_raw_response.create(
        model=THINKING, input="Think.", reasoning={"effort": "xhigh", "summary": "auto"}, temperature=1
    )
    assert upstream.asked[-1].body["reasoning"] == {"effort": "high", "summary": "auto"}
    assert "temperature" not in upstream.asked[-1].body
    assert "xhigh->high" in given.headers["x-portico-adjusted"]


def test_pictures_and_files_pass(upstream: Upstream, client: OpenAI) -> None:
    upstream.script = answer(whole(response()))
    parts: Any = [
        {"type": "input_text", "text": "What is this?"},
        {"type": "input_image", "image_url": PICTURE, "detail": "low"},
        {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0x"},
    ]
    client.responses.create(model=MODEL, input=[{"role": "user", "content": parts}])
    assert upstream.asked[-1].body["input"][0]["content"] == parts


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"background": True}, "background"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input[0].type"),
        ({"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "file-1"}]}]}, "input[0].file_id"),
        ({"tools": [{"type": "file_search", "vector_store_ids": ["vs_1"]}]}, "tools[0].vector_store_ids"),
        ({"tools": [{"type": "code_interpreter", "container": "cntr_1"}]}, "tools[0].container"),
        (
            {"tools": [{"type": "code_interpreter", "container": {"type": "auto", "file_ids": ["f"]}}]},
            "tools[0].file_ids",
        ),
    ],
)
@pytest.mark.parametrize("model", [MODEL, CHAT])
def test_what_is_stored_elsewhere_cannot_be_named(
    upstream: Upstream, client: OpenAI, model: str, members: dict[str, Any], field: str
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.responses.create(**{"model": model, "input": "Hi", **members})
    assert refused.value.param == field
    assert upstream.asked == []


def test_a_refusal_of_openai_is_told_as_one(upstream: Upstream, client: OpenAI) -> None:
    error = {"message": "Invalid 'input'.", "type": "invalid_request_error", "param": "input", "code": "invalid_value"}
    upstream.script = answer(whole({"error": error}, 400))
    with pytest.raises(openai.BadRequestError) as refused:
        client.responses.create(model=MODEL, input="Hi")
    assert (refused.value.code, refused.value.param) == ("invalid_value", "input")
    assert refused.value.body is not None


def test_a_response_that_failed_with_status_200_is_an_error(upstream: Upstream, client: OpenAI) -> None:
    failed = response(status="failed", error={"code": "server_error", "message": "It broke."})
    upstream.script = answer(whole(failed))
    with pytest.raises(openai.InternalServerError, match="It broke") as refused:
        client.responses.create(model=MODEL, input="Hi")
    assert refused.value.status_code == 502


def test_a_stream_that_fails_before_its_output_is_tried_again(upstream: Upstream, client: OpenAI) -> None:
    failed = response(status="failed", error={"code": "server_error", "message": "It broke."})
    begun = ("response.created", {"response": response(status="in_progress", output=[])})
    upstream.script = answer(events(begun, ("response.failed", {"response": failed})), hello_events())
    told = list(client.responses.create(model=MODEL, input="Hi", stream=True))
    assert told[-1].type == "response.completed"
    assert [event.type for event in told].count("response.created") == 1
    assert len(upstream.asked) == 2


def test_an_error_after_the_first_output_ends_the_stream_with_an_error_event(
    upstream: Upstream, server: LiveServer, client: OpenAI
) -> None:
    place = {"item_id": "msg_up", "output_index": 0, "content_index": 0}
    upstream.script = answer(
        events(
            ("response.created", {"response": response(status="in_progress", output=[])}),
            ("response.output_text.delta", {**place, "delta": "Hel"}),
            ("error", {"code": "rate_limit_exceeded", "message": "It broke.", "param": None}),
        )
    )
    got = server.post("/v1/responses", {"model": MODEL, "input": "Hi", "stream": True})
    assert b"[DONE]" not in got.body
    assert got.body.count(b"event: error\n") == 1
    last = json.loads(got.events()[-1])
    assert {name: last[name] for name in ("type", "code", "message", "param")} == {
        "type": "error",
        "code": "151",
        "message": "It broke.",
        "param": None,
    }
    assert (last["error"]["code"], last["error"]["type"]) == (151, "rate_limit_error")
    seen: list[str] = []
    with pytest.raises(openai.APIError, match="It broke"):
        seen += [event.type for event in client.responses.create(model=MODEL, input="Hi", stream=True)]


def test_a_stream_that_is_cut_off_is_an_error(upstream: Upstream, client: OpenAI) -> None:
    place = {"item_id": "msg_up", "output_index": 0, "content_index": 0}
    upstream.script = answer(events(("response.output_text.delta", {**place, "delta": "Hel"})))
    with pytest.raises(openai.APIError, match="ended before"):
        list(client.responses.create(model=MODEL, input="Hi", stream=True))


def test_parse_gives_the_pydantic_object_of_a_relayed_answer(upstream: Upstream, client: OpenAI) -> None:
    text = {"type": "output_text", "text": '{"name":"kiwi","ripe":true}', "annotations": []}
    upstream.script = answer(whole(response({**MESSAGE, "content": [text]})))
    given = client.responses.parse(model=MODEL, input="A fruit.", text_format=Fruit)
    assert given.output_parsed == Fruit(name="kiwi", ripe=True)
    assert upstream.asked[-1].body["text"]["format"]["type"] == "json_schema"


# translated ---------------------------------------------------------------------------------------------------


def test_a_local_model_answers(client: OpenAI) -> None:
    given = client.responses.create(model=CHAT, input="Say hello.", instructions="Be brief.", max_output_tokens=24)
    assert given.id.startswith("resp_")
    assert given.output_text
    assert given.instructions == "Be brief."
    assert given.max_output_tokens == 24
    assert given.usage is not None
    assert given.usage.input_tokens == given.usage.to_dict()["prompt_tokens"] > 0
    assert given.usage.output_tokens > 0
    assert given.status in ("completed", "incomplete")


def test_a_local_model_streams_events(server: LiveServer, client: OpenAI) -> None:
    events = list(client.responses.create(model=CHAT, input="Say hello.", max_output_tokens=400, stream=True))
    kinds = [event.type for event in events]
    assert kinds[:4] == [
        "response.created", "response.in_progress", "response.output_item.added", "response.content_part.added",
    ]  # fmt: skip
    assert kinds[-1] in ("response.completed", "response.incomplete")
    assert [event.sequence_number for event in events] == list(range(len(events)))
    last: Any = events[-1]
    told = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert told == last.response.output_text != ""


def test_the_helper_for_streams_puts_a_translated_answer_together(client: OpenAI) -> None:
    with client.responses.stream(
        model=CHAT, input="Weather?", tools=[WEATHER], tool_choice="required", parallel_tool_calls=False,
        max_output_tokens=400,
    ) as stream:  # fmt: skip
        kinds = {event.type for event in stream}
        final = stream.get_final_response()
    assert {"response.function_call_arguments.delta", "response.function_call_arguments.done"} <= kinds
    [call] = final.output
    assert call.type == "function_call"
    assert call.name == "get_weather"
    assert isinstance(json.loads(call.arguments)["city"], str)


def test_a_local_model_takes_the_result_of_a_tool(client: OpenAI) -> None:
    said: Any = [{"role": "user", "content": "Weather in Lima?"}]
    first = client.responses.create(
        model=CHAT, input=said, tools=[WEATHER], tool_choice="required", max_output_tokens=400,
        parallel_tool_calls=False,
    )  # fmt: skip
    [call] = first.output
    assert call.type == "function_call"
    said += [call.to_dict(), {"type": "function_call_output", "call_id": call.call_id, "output": "18 degrees"}]
    second = client.responses.create(model=CHAT, input=said, max_output_tokens=32)
    assert second.output_text


def test_parse_gives_the_pydantic_object_of_a_local_model(client: OpenAI) -> None:
    given = client.responses.parse(model=CHAT, input="A fruit.", text_format=Fruit, max_output_tokens=400)
    assert isinstance(given.output_parsed, Fruit)


@pytest.mark.anyio
async def test_the_async_client(server: LiveServer) -> None:
    async with AsyncOpenAI(
        api_key=server.token(), base_url=f"{server.url}/v1", max_retries=0, timeout=TIMEOUT_S
    ) as client:
        stream = await client.responses.create(model=CHAT, input="Say hello.", max_output_tokens=16, stream=True)
        kinds = [event.type async for event in stream]
    assert kinds[-1] in ("response.completed", "response.incomplete")


def test_a_tool_that_only_openai_runs_is_refused_by_its_name(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="web_search"):
        client.responses.create(model=CHAT, input="Hi", tools=[{"type": "web_search"}])


@pytest.mark.parametrize(
    ("members", "status"),
    [
        ({"model": None}, 400),
        ({"input": None}, 400),
        ({"input": []}, 400),
        ({"input": [{"role": "robot", "content": "x"}]}, 400),
        ({"input": [{"type": "function_call_output", "output": "x"}]}, 400),
        ({"input": [7]}, 400),
        ({"input": [{"role": "user", "content": [{"type": "input_image"}]}]}, 400),
        ({"text": {"format": {"type": "xml"}}}, 400),
        ({"temperature": 3}, 400),
        ({"max_output_tokens": 0}, 400),
        ({"tools": [{"type": "function"}]}, 400),
        ({"tool_choice": {"type": "function"}, "tools": [WEATHER]}, 400),
        ({"model": "local/nothing"}, 404),
    ],
)
def test_wrong_requests_are_refused_in_both_envelopes(server: LiveServer, members: dict[str, Any], status: int) -> None:
    got = server.post("/v1/responses", {"model": CHAT, "input": "Hi", **members})
    assert got.status == status, got.body
    body = got.json()
    assert body["errors"][0]["description"] == body["error"]["message"]


def test_organization_tokens_are_out_of_scope(server: LiveServer) -> None:
    got = server.post("/v1/responses", {"model": CHAT, "input": "Hi"}, token=server.token("organization"))
    assert got.status == 403
    assert got.json()["errors"][0]["id"] == 7


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_responses_cannot_be_fetched(server: LiveServer, method: str) -> None:
    got = server.request(method, "/v1/responses/resp_1")
    assert got.status == 404
    assert got.json()["errors"] == [{"id": 404, "description": "Bad Endpoint"}]


# the multipart variant ------------------------------------------------------------------------------------------


def test_files_in_a_form_become_parts(upstream: Upstream, server: LiveServer) -> None:
    upstream.script = answer(whole(response()))
    fields = {
        "model": MODEL, "input": "What is this?", "stream": "False", "temperature": "0.2", "store": "True",
        "metadata": '{"a": "b"}', "max_output_tokens": "40",
    }  # fmt: skip
    files = [
        ("file1", "a.pdf", "application/pdf", b"%PDF-1.4 x"),
        ("file0", "a.png", "application/octet-stream", b"\x89PNG\r\n\x1a\n"),
    ]
    body, content_type = form(fields, files)
    got = server.request("POST", "/responses", body, {"Content-Type": content_type})
    assert got.status == 200, got.body
    sent = upstream.asked[-1].body
    assert (sent["temperature"], sent["metadata"], sent["max_output_tokens"]) == (0.2, {"a": "b"}, 40)
    assert "stream" not in sent
    [item] = sent["input"]
    assert [part["type"] for part in item["content"]] == ["input_text", "input_image", "input_file"]
    assert item["content"][1]["image_url"].startswith("data:image/png;base64,")
    assert item["content"][2]["filename"] == "a.pdf"


def test_a_file_of_another_kind_is_refused(server: LiveServer) -> None:
    body, content_type = form({"model": MODEL, "input": "x"}, [("file0", "a.zip", "application/zip", b"PK")])
    got = server.request("POST", "/responses", body, {"Content-Type": content_type})
    assert (got.status, got.json()["errors"][0]["id"]) == (400, 46)


def form(fields: dict[str, str], files: list[tuple[str, str, str, bytes]]) -> tuple[bytes, str]:
    parts = [f'Content-Disposition: form-data; name="{n}"\r\n\r\n{t}'.encode() for n, t in fields.items()]
    parts += [
        f'Content-Disposition: form-data; name="{n}"; filename="{f}"\r\nContent-Type: {t}\r\n\r\n'.encode() + data
        for n, f, t, data in files
    ]
    body = b"".join(b"--edge\r\n" + part + b"\r\n" for part in parts) + b"--edge--\r\n"
    return body, "multipart/form-data; boundary=edge"


def test_a_caller_who_leaves_a_stream_ends_the_work(upstream: Upstream, client: OpenAI) -> None:
    place = {"item_id": "msg_up", "output_index": 0, "content_index": 0}
    piece = f"event: x\ndata: {json.dumps({'type': 'response.output_text.delta', **place, 'delta': 'a'})}\n\n".encode()
    upstream.script = answer(Reply(200, repeat(piece), {"Content-Type": "text/event-stream"}, gap_s=0.05))
    with client.responses.create(model=MODEL, input="Hi", stream=True) as stream:
        next(iter(stream))
    wait_until(lambda: upstream.hang_ups == 1, "the provider's stream is closed")
    assert upstream.hang_ups == 1
