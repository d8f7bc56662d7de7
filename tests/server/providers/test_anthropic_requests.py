"""Chat requests as the Messages API of Anthropic gets them."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from tests.providers.translating import Translation, chat_request

from portico.server.errors import MediaNotSupported
from portico.server.providers.answer_tool import NAME as ANSWER_TOOL
from portico.server.providers.anthropic import Anthropic
from portico.server.providers.anthropic.schema import OpenSchema, strict_schema
from portico.server.providers.base import Credential, Traits

ADAPTER = Anthropic()
BUDGET = Traits(max_output=64_000, thinking_mode="budget", budget_min=1024, budget_max=63_999)
ADAPTIVE = Traits(max_output=128_000, thinking_mode="adaptive", effort_values=("low", "medium", "high", "xhigh", "max"))
ALWAYS = Traits(max_output=128_000, thinking_mode="adaptive_always", can_disable=False)
TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object", "properties": {}}}}
CALL = {"id": "toolu_1", "type": "function", "function": {"name": "look_up", "arguments": '{"b":1.0,"a":2}'}}
RESULT = {"role": "tool", "tool_call_id": "toolu_1", "content": "found"}
EPHEMERAL = {"type": "ephemeral", "ttl": "1h"}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def write(messages: Any = "Hi", traits: Traits | None = None, **members: Any) -> Translation:
    return Translation(ADAPTER, chat_request(messages, **members), traits)


# where to ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("base_url", ["https://api.anthropic.com", "https://api.anthropic.com/v1"])
def test_the_key_goes_into_its_own_header_and_the_version_part_may_stand_in_the_url(base_url: str) -> None:
    endpoint = ADAPTER.endpoint(Credential(base_url, "sk-ant-1", (("beta", "context-1m,mcp"),)))
    assert endpoint.base_url == "https://api.anthropic.com"
    assert dict(endpoint.headers) == {
        "anthropic-version": "2023-06-01",
        "x-api-key": "sk-ant-1",
        "anthropic-beta": "context-1m,mcp",
    }
    assert write().outgoing.path == "/v1/messages"


def test_the_same_request_gives_the_same_bytes() -> None:
    said = [{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": [{**CALL, "id": "ü" * 70}]}]
    made = write([*said, {**RESULT, "tool_call_id": "ü" * 70}], tools=[TOOL])
    assert made.outgoing.body == made.again


# limits and sampling ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("known", "sent"), [(64_000, 64_000), (0, 8192)])
def test_hc21_max_tokens_by_default_is_the_models_own(known: int, sent: int) -> None:
    assert write(traits=Traits(max_output=known)).body["max_tokens"] == sent


def test_hc21_max_completion_tokens_comes_first() -> None:
    assert write(max_tokens=5, max_completion_tokens=7).body["max_tokens"] == 7


def test_hc22_temperature_is_clamped_and_said() -> None:
    made = write(temperature=1.5)
    assert made.body["temperature"] == 1
    assert made.turn.adjusted == ["temperature 1.5->1"]


def test_hc22_newer_models_take_temperature_or_top_p() -> None:
    made = write(traits=BUDGET, temperature=0.5, top_p=0.25)
    assert made.body["temperature"] == 0.5 and "top_p" not in made.body
    assert made.turn.adjusted == ["top_p dropped: temperature is given"]
    made = write(traits=BUDGET, temperature=1, top_p=0.25)
    assert made.body["top_p"] == 0.25 and "temperature" not in made.body
    assert made.turn.adjusted == []


def test_hc22_what_the_api_lacks_is_dropped_and_said_and_the_unknown_is_stripped() -> None:
    made = write(seed=1, logprobs=True, n=2, logit_bias={"1": 2}, prompt_cache_key="k", store=True, user="u1")
    assert set(made.body) == {"model", "max_tokens", "messages", "metadata"}
    assert made.body["metadata"] == {"user_id": "u1"}
    assert sorted(made.turn.adjusted) == ["logit_bias dropped", "logprobs dropped", "n dropped", "seed dropped"]


def test_own_members_of_the_api_pass() -> None:
    made = write(top_k=5, cache_control=EPHEMERAL, service_tier="standard_only", stop=["END", " "])
    assert (made.body["top_k"], made.body["cache_control"]) == (5, EPHEMERAL)
    assert (made.body["service_tier"], made.body["stop_sequences"]) == ("standard_only", ["END"])


def test_a_tier_of_openai_is_dropped_and_said() -> None:
    made = write(service_tier="flex")
    assert "service_tier" not in made.body and made.turn.adjusted == ["service_tier dropped"]


def test_the_version_without_sampling_gets_none() -> None:
    made = Translation(ADAPTER, chat_request(temperature=0.5, top_k=3), version="2026-10-21")
    assert not {"temperature", "top_k"} & made.body.keys()
    assert made.turn.adjusted == ["temperature dropped", "top_k dropped"]


# messages ---------------------------------------------------------------------------------------------------


def test_hc20_a_conversation_begins_with_the_user() -> None:
    made = write([{"role": "assistant", "content": "Hello"}, {"role": "user", "content": "Hi"}])
    assert [message["role"] for message in made.body["messages"]] == ["user", "assistant", "user"]
    assert made.turn.adjusted == ["first user message added"]


def test_hc20_an_answer_that_is_begun_ends_without_blanks() -> None:
    made = write([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "The answer is "}])
    assert made.body["messages"][-1] == {"role": "assistant", "content": "The answer is"}


def test_hc20_texts_of_blanks_are_left_out() -> None:
    made = write([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": " \n"}])
    assert made.body["messages"] == [{"role": "user", "content": "Hi"}]


def test_hc03_results_stand_in_one_message_before_the_text() -> None:
    other = {**CALL, "id": "toolu_2"}
    said = [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": "y", "tool_calls": [CALL, other]},
        RESULT,
        {**RESULT, "tool_call_id": "toolu_2", "content": ""},
        {"role": "user", "content": "and?"},
    ]
    _, assistant, user = write(said, tools=[TOOL]).body["messages"]
    assert [block["type"] for block in assistant["content"]] == ["text", "tool_use", "tool_use"]
    assert user["content"] == [
        {"type": "tool_result", "tool_use_id": "toolu_1", "content": "found"},
        {"type": "tool_result", "tool_use_id": "toolu_2"},
        {"type": "text", "text": "and?"},
    ]


def test_hc02_arguments_go_out_as_they_came_and_broken_ones_in_an_object() -> None:
    broken = {**CALL, "function": {"name": "look_up", "arguments": '{"a": 1'}}
    made = write([{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": [CALL, broken]}])
    assert b'"input":{"b":1.0,"a":2}' in made.outgoing.body
    assert made.body["messages"][1]["content"][1]["input"] == {"not_json": '{"a": 1'}
    assert made.turn.adjusted == ["arguments wrapped: no JSON object"]


def test_calls_in_the_history_have_their_tools_defined() -> None:
    made = write([{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": [CALL]}, RESULT])
    assert [tool["name"] for tool in made.body["tools"]] == ["look_up"]
    assert made.body["tool_choice"] == {"type": "none"}


# files ------------------------------------------------------------------------------------------------------


def file_block(mime: str, data: bytes, name: str = "") -> Any:
    url = f"data:{mime};base64,{base64.b64encode(data).decode()}"
    part = {"type": "file", "file": {"file_data": url, "filename": name}}
    return write([{"role": "user", "content": [part]}]).body["messages"][0]["content"][0]


def test_hc25_the_first_bytes_tell_the_type() -> None:
    block = file_block("image/png", b"\xff\xd8\xff\xe0 jpeg")
    assert (block["type"], block["source"]["media_type"]) == ("image", "image/jpeg")
    block = file_block("application/octet-stream", b"%PDF-1.4 ...", "menu.pdf")
    assert (block["type"], block["source"]["media_type"], block["title"]) == (
        "document",
        "application/pdf",
        "menu.pdf",
    )


def test_hc25_texts_are_documents() -> None:
    block = file_block("text/csv", "a,ñ".encode(), "a.csv")
    assert block["source"] == {"type": "text", "media_type": "text/plain", "data": "a,ñ"}
    with pytest.raises(MediaNotSupported):
        file_block("text/plain", b"\xff\xfe\xff")


def test_hc25_other_files_are_refused() -> None:
    with pytest.raises(MediaNotSupported):
        file_block("video/mp4", b"....ftyp")


@pytest.mark.parametrize(("ending", "kind"), [("png", "image"), ("pdf?sig=1", "document")])
def test_hc25_addresses_pass(ending: str, kind: str) -> None:
    url = f"https://files.example.com/a.{ending}"
    content = [{"type": "image_url", "image_url": {"url": url}}]
    (block,) = write([{"role": "user", "content": content}]).body["messages"][0]["content"]
    assert block == {"type": kind, "source": {"type": "url", "url": url}}


# cache breakpoints ------------------------------------------------------------------------------------------


def test_cache_breakpoints_pass_where_they_stood() -> None:
    picture = {"type": "image_url", "image_url": {"url": "https://x.example.com/a.png"}, "cache_control": EPHEMERAL}
    said = [
        {"role": "system", "content": [{"type": "text", "text": "Long.", "cache_control": EPHEMERAL}]},
        {"role": "user", "content": [{"type": "text", "text": "same"}, picture]},
        {"role": "assistant", "content": "same", "tool_calls": [CALL]},
        {**RESULT, "cache_control": EPHEMERAL},
        {"role": "user", "content": [{"type": "text", "text": "same", "cache_control": EPHEMERAL}]},
    ]
    made = write(said, tools=[{**TOOL, "cache_control": EPHEMERAL}])
    marked = [block.get("cache_control") for m in made.body["messages"] for block in m["content"]]
    assert marked == [None, EPHEMERAL, None, None, EPHEMERAL, EPHEMERAL]
    assert made.body["system"][0]["cache_control"] == made.body["tools"][0]["cache_control"] == EPHEMERAL


def test_a_breakpoint_of_a_whole_message_stands_at_its_last_part() -> None:
    made = write([{"role": "user", "content": "Hi", "cache_control": EPHEMERAL}])
    assert made.body["messages"][0]["content"] == [{"type": "text", "text": "Hi", "cache_control": EPHEMERAL}]


# tools ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("auto", {"type": "auto"}),
        ("none", {"type": "none"}),
        ("required", {"type": "any"}),
        ({"type": "function", "function": {"name": "look_up"}}, {"type": "tool", "name": "look_up"}),
    ],
)
def test_hc08_tool_choice(choice: Any, sent: Any) -> None:
    assert write(tools=[TOOL], tool_choice=choice).body["tool_choice"] == sent


def test_hc08_no_parallel_calls() -> None:
    body = write(tools=[TOOL], parallel_tool_calls=False).body
    assert body["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}


def test_hc08_forced_calls_and_a_budget_exclude_each_other() -> None:
    made = write(traits=BUDGET, tools=[TOOL], tool_choice="required", effort="low")
    assert made.body["tool_choice"] == {"type": "auto"}
    assert made.turn.adjusted == ["tool_choice required->auto"]
    made = write(traits=ADAPTIVE, tools=[TOOL], tool_choice="required", effort="low")
    assert made.body["tool_choice"] == {"type": "any"} and made.turn.adjusted == []


def test_hc08_strict_tools_get_a_schema_that_fits() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}}
    strict = {"type": "function", "function": {"name": "f", "parameters": schema, "strict": True}}
    (tool,) = write(tools=[strict]).body["tools"]
    assert tool["strict"] is True and tool["input_schema"]["additionalProperties"] is False
    made = write(tools=[strict], traits=Traits(structured_output=False))
    assert "strict" not in made.body["tools"][0] and made.body["tools"][0]["input_schema"] == schema
    assert made.turn.adjusted == ["strict dropped"]


def test_native_tools_pass_and_web_search_options_become_one() -> None:
    native = {"type": "web_fetch_20250910", "name": "web_fetch", "max_uses": 2}
    place = {"type": "approximate", "approximate": {"country": "PT", "city": "Porto"}}
    made = write(tools=[native], web_search_options={"search_context_size": "low", "user_location": place})
    assert made.body["tools"] == [
        native,
        {
            "type": "web_search_20250305",
            "name": "web_search",
            "max_uses": 1,
            "user_location": {"type": "approximate", "city": "Porto", "country": "PT"},
        },
    ]


# thinking ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("traits", "asked", "thinking", "effort"),
    [
        (BUDGET, {}, None, None),
        (BUDGET, {"effort": "low"}, {"type": "enabled", "budget_tokens": 4172}, None),
        (BUDGET, {"budget": 2000}, {"type": "enabled", "budget_tokens": 2000}, None),
        (BUDGET, {"budget": 3}, {"type": "enabled", "budget_tokens": 1024}, None),
        (BUDGET, {"effort": "none"}, None, None),
        (BUDGET, {"budget": 0}, None, None),
        (ADAPTIVE, {}, None, None),
        (ADAPTIVE, {"effort": "xhigh"}, {"type": "adaptive", "display": "summarized"}, "xhigh"),
        (ADAPTIVE, {"budget": -1}, {"type": "adaptive", "display": "summarized"}, None),
        (ADAPTIVE, {"budget": 9000}, {"type": "adaptive", "display": "summarized"}, "medium"),
        (ADAPTIVE, {"effort": "none"}, {"type": "disabled"}, None),
        (ALWAYS, {}, {"type": "adaptive", "display": "summarized"}, None),
        (ALWAYS, {"effort": "none"}, {"type": "adaptive", "display": "summarized"}, "low"),
        (Traits(), {"effort": "high"}, None, None),
    ],
)
def test_thinking_by_the_models_own_rules(traits: Traits, asked: Any, thinking: Any, effort: Any) -> None:
    body = write(traits=traits, **asked).body
    assert body.get("thinking") == thinking
    assert body.get("output_config") == ({"effort": effort} if effort else None)


@pytest.mark.parametrize(
    ("limit", "asked", "budget", "sent"),
    [
        (64_000, None, 2000, (64_000, 2000)),
        (64_000, 5000, 2000, (5000, 2000)),
        (64_000, 1000, 2000, (3000, 2000)),
        (4096, 4000, 8000, (4096, 3072)),
        (1100, 1000, 2000, (1000, None)),
    ],
)
def test_hc21_the_budget_is_below_max_tokens(limit: int, asked: int | None, budget: int, sent: Any) -> None:
    traits = Traits(max_output=limit, thinking_mode="budget")
    more = {"max_tokens": asked} if asked else {}
    made = write(traits=traits, budget=budget, **more)
    assert (made.body["max_tokens"], made.body.get("thinking", {}).get("budget_tokens")) == sent
    assert bool(made.turn.adjusted) is ((asked or sent[0], budget) != sent)


def test_hc22_sampling_gives_way_to_thinking() -> None:
    made = write(traits=BUDGET, effort="low", temperature=0.5, top_p=0.5, top_k=4)
    assert not {"temperature", "top_p", "top_k"} & made.body.keys()
    assert [note.partition(" ")[0] for note in made.turn.adjusted] == ["temperature", "top_p", "top_k"]
    assert write(traits=BUDGET, effort="low", temperature=1).body["temperature"] == 1


BLOCKS = [
    {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
    {"type": "redacted_thinking", "data": "ZGF0YQ=="},
]


def open_turn(**assistant: Any) -> list[Any]:
    return [{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": [CALL], **assistant}, RESULT]


def test_hc05_thoughts_go_back_word_for_word_before_the_call() -> None:
    made = write(open_turn(thinking_blocks=BLOCKS, content="Let me see."), BUDGET, effort="low", tools=[TOOL])
    *blocks, text, call = made.body["messages"][1]["content"]
    assert blocks == BLOCKS
    assert (text["type"], call["type"]) == ("text", "tool_use")
    assert made.body["thinking"]["type"] == "enabled" and made.turn.adjusted == []


def test_hc05_an_open_tool_turn_without_thoughts_goes_on_without_thinking() -> None:
    for assistant in ({}, {"thinking_blocks": [{"type": "thinking", "thinking": "of another model"}]}):
        made = write(open_turn(**assistant), BUDGET, effort="low", tools=[TOOL])
        assert "thinking" not in made.body
        assert made.turn.adjusted == ["thinking off: no thinking_blocks before the tool calls"]
        assert [block["type"] for block in made.body["messages"][1]["content"]] == ["tool_use"]


def test_hc05_adaptive_thinking_needs_no_thoughts_in_an_open_turn() -> None:
    made = write(open_turn(), ADAPTIVE, effort="low", tools=[TOOL])
    assert made.body["thinking"]["type"] == "adaptive" and made.turn.adjusted == []


def test_an_answer_that_is_begun_goes_on_without_a_budget() -> None:
    made = write([{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}], BUDGET, effort="low")
    assert "thinking" not in made.body and made.turn.adjusted == ["thinking off: the answer is begun"]


# structured output ------------------------------------------------------------------------------------------


def json_form(schema: Any) -> Any:
    return {"type": "json_schema", "json_schema": {"name": "town", "schema": schema}}


def test_hc23_a_schema_goes_into_output_config() -> None:
    made = write(traits=ADAPTIVE, effort="low", response_format=json_form(SCHEMA))
    assert made.body["output_config"] == {
        "effort": "low",
        "format": {"type": "json_schema", "schema": {**SCHEMA, "additionalProperties": False}},
    }
    assert "tools" not in made.body


@pytest.mark.parametrize(
    ("form", "structured"),
    [
        ({"type": "json_object"}, True),
        (json_form(SCHEMA), False),
        (json_form({"type": "object", "additionalProperties": {"type": "string"}}), True),
    ],
)
def test_hc23_otherwise_a_tool_is_forced(form: Any, structured: bool) -> None:
    body = write(traits=Traits(structured_output=structured), response_format=form).body
    assert [tool["name"] for tool in body["tools"]] == [ANSWER_TOOL]
    assert body["tool_choice"] == {"type": "tool", "name": ANSWER_TOOL, "disable_parallel_tool_use": True}
    assert "output_config" not in body


def test_hc23_beside_tools_of_the_caller_any_of_them_may_be_called() -> None:
    body = write(tools=[TOOL], response_format={"type": "json_object"}).body
    assert [tool["name"] for tool in body["tools"]] == ["look_up", ANSWER_TOOL]
    assert body["tool_choice"] == {"type": "any"}


def test_hc23_with_a_budget_the_tool_can_only_be_asked_for() -> None:
    made = write(traits=BUDGET, effort="low", response_format={"type": "json_object"})
    assert made.body["tool_choice"] == {"type": "auto"}
    assert ANSWER_TOOL in made.body["system"][-1]["text"]
    assert made.turn.adjusted == ["response_format best effort"]


def test_hc23_bounds_of_values_become_descriptions() -> None:
    schema = {
        "type": "object",
        "$defs": {"Age": {"type": "integer", "minimum": 1, "description": "Years."}},
        "properties": {
            "age": {"$ref": "#/$defs/Age"},
            "mail": {"type": "string", "format": "email", "maxLength": 9},
            "tags": {"type": "array", "items": {"oneOf": [{"type": "string"}, {"type": "null"}]}, "minItems": 3},
        },
    }
    made, moved = strict_schema(schema)
    assert moved == ["maxLength", "minItems", "minimum"]
    assert made["$defs"]["Age"] == {"type": "integer", "description": "Years.\nminimum: 1"}
    assert made["properties"]["mail"] == {"type": "string", "format": "email", "description": "maxLength: 9"}
    assert made["properties"]["tags"]["items"] == {"anyOf": [{"type": "string"}, {"type": "null"}]}
    assert made["additionalProperties"] is False


TREE = {"type": "object", "properties": {"below": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}}}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        {"type": "object", "properties": {}, "additionalProperties": True},
        {"type": "object", "properties": {}, "additionalProperties": {}},
        {},
        True,
        {"$ref": "#"},
        {"$ref": "#/$defs/Tree"},
    ],
)
def test_hc23_open_and_endless_schemas_cannot_be_told(schema: Any) -> None:
    with pytest.raises(OpenSchema):
        strict_schema({"type": "object", "$defs": {"Tree": TREE}, "properties": {"any": schema}})


def test_hc23_a_definition_may_be_used_twice() -> None:
    used = {"$ref": "#/$defs/Name"}
    schema = {
        "$defs": {"Name": {"type": "string"}, "Pair": {"type": "object", "properties": {"a": used, "b": used}}},
        "$ref": "#/$defs/Pair",
    }
    made, moved = strict_schema(schema)
    assert made["$defs"]["Pair"]["additionalProperties"] is False and moved == []


def test_members_that_change_the_price_or_the_host_do_not_pass() -> None:
    made = write(speed="fast", inference_geo="us", mcp_servers=[{"type": "url", "url": "http://10.0.0.1"}])
    assert set(made.body) == {"model", "max_tokens", "messages"}
