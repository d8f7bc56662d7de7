"""Requests of other APIs to chat requests: what they say is kept, and whatever they are, refusals are documented."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portico.server.catalog.load import load_catalog
from portico.server.edge.bodies import read_members
from portico.server.edge.dialects.messages.count import count_tokens
from portico.server.edge.dialects.messages.read import read_messages_request, read_stop_sequences
from portico.server.edge.dialects.responses.checks import refuse_stored
from portico.server.edge.dialects.responses.echo import read_echo, wants_sealed
from portico.server.edge.dialects.responses.form import read_form_members
from portico.server.edge.dialects.responses.items import seal
from portico.server.edge.dialects.responses.read import read_responses_request
from portico.server.edge.forms import Form
from portico.server.edge.routes.chat import read_chat_members
from portico.server.edge.routes.responses import read_native, read_translated
from portico.server.errors import PatternMismatch, PorticoError
from portico.server.gateway.requests.response_texts import read_said
from portico.server.gateway.responses import fit_response
from portico.server.gateway.routing.targets import traits_of
from portico.server.providers.base import NO_QUIRKS, Endpoint, Target, Turn
from portico.server.providers.openai import OpenAI
from portico.wire.requests import ChatRequest, File, Members

Json = dict[str, Any]


def raw(body: Json) -> Members:
    return read_members(json.dumps(body).encode())


def values(members: Members) -> Json:
    return {name: msgspec.json.decode(value) for name, value in members.items()}


def messages_of(**body: Any) -> list[Json]:
    made = read_messages_request(raw({"model": "m/x", "max_tokens": 9, **body}))
    found: list[Json] = values(made)["messages"]
    return found


def items_of(given: Any, **body: Any) -> list[Json]:
    found: list[Json] = values(read_responses_request(raw({"model": "m/x", "input": given, **body})))["messages"]
    return found


# the Messages API -------------------------------------------------------------------------------------------------


def test_every_member_of_a_message_request_has_its_place() -> None:
    made = values(
        read_messages_request(
            raw(
                {
                    "model": "m/x",
                    "max_tokens": 9,
                    "messages": [{"role": "user", "content": "Hi"}],
                    "system": "Be brief.",
                    "temperature": 0.5,
                    "top_p": 0.9,
                    "top_k": 3,
                    "stream": True,
                    "thinking": {"type": "adaptive"},
                    "output_config": {"effort": "high"},
                    "metadata": {"user_id": "u"},
                    "service_tier": "auto",
                    "cache_control": {"type": "ephemeral"},
                    "tools": [{"name": "f", "input_schema": {"type": "object"}, "strict": True, "type": "custom"}],
                    "tool_choice": {"type": "tool", "name": "f", "disable_parallel_tool_use": True},
                    "context_management": {"edits": []},
                    "speed": "fast",
                }
            ),
            ["interleaved-thinking-2025-05-14, nonsense", "effort-2025-11-24", "mcp-client-2025-04-04"],
        )
    )
    assert made == {
        "model": "m/x",
        "max_completion_tokens": 9,
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 3,
        "stream": True,
        "thinking": {"type": "adaptive"},
        "reasoning_effort": "high",
        "user": "u",
        "service_tier": "auto",
        "cache_control": {"type": "ephemeral"},
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}, "strict": True}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "parallel_tool_calls": False,
        "anthropic_beta": ["interleaved-thinking-2025-05-14", "effort-2025-11-24"],
    }


@pytest.mark.parametrize(
    "given",
    ['{"n":1e5,"m":-0.0,"big":123456789012345678901234567890}', '{ "b" : [1.50, 1E+2],\n "a": "\\u00e9" }', "{}"],
)
def test_hc02_the_input_of_a_call_stays_the_text_that_it_is(given: str) -> None:
    """Numbers above all: read and written anew, 1e5 is 100000.0, and one of many digits another one."""
    said = (
        '[{"role":"user","content":"the tool_use"},{"role":"assistant","content":[{"type":"text","text":"Hm"},'
        f'{{"type":"tool_use","id":"t","name":"f","input":{given}}}]}}]'
    )
    made = read_messages_request({**raw({"model": "m/x", "max_tokens": 9}), "messages": msgspec.Raw(said.encode())})
    [call] = values(made)["messages"][1]["tool_calls"]
    assert call["function"]["arguments"] == given


@pytest.mark.parametrize("given", [None, {}, [], "", 0, False])
def test_a_call_without_input_has_none(given: Any) -> None:
    call = {"type": "tool_use", "id": "t", "name": "f", "input": given}
    [message] = messages_of(messages=[{"role": "assistant", "content": [call]}])
    assert message["tool_calls"][0]["function"]["arguments"] == "{}"


@pytest.mark.parametrize(("choice", "expected"), [("auto", "auto"), ("any", "required"), ("none", "none")])
def test_choices_of_tools(choice: str, expected: str) -> None:
    tools = [{"name": "f", "input_schema": {}}]
    body = {"model": "m/x", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}], "tools": tools}
    made = values(read_messages_request(raw({**body, "tool_choice": {"type": choice}})))
    assert made["tool_choice"] == expected
    assert "parallel_tool_calls" not in made


def test_arguments_and_results_of_tools_are_messages_of_their_own() -> None:
    used = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"b": 1, "a": "\u00e9"}}
    results = [
        {"type": "text", "text": "And now?"},
        {"type": "tool_result", "tool_use_id": "toolu_1"},
        {"type": "tool_result", "tool_use_id": "toolu_2", "content": [{"type": "text", "text": "x"}], "is_error": True},
    ]
    assert messages_of(messages=[{"role": "assistant", "content": [used]}, {"role": "user", "content": results}]) == [
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                {"id": "toolu_1", "type": "function", "function": {"name": "f", "arguments": json.dumps(used["input"])}}
            ],
        },
        {"role": "tool", "tool_call_id": "toolu_1", "content": ""},
        {"role": "tool", "tool_call_id": "toolu_2", "content": "x", "is_error": True},
        {"role": "user", "content": "And now?"},
    ]


def test_what_a_provider_ran_in_an_earlier_turn_is_passed_over() -> None:
    content = [
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
        {"type": "web_search_tool_result", "tool_use_id": "s", "content": []},
        {"type": "text", "text": "Found it."},
    ]
    assert messages_of(messages=[{"role": "assistant", "content": content}]) == [
        {"role": "assistant", "content": "Found it."}
    ]


def test_search_results_and_documents_of_texts_are_texts() -> None:
    content = [
        {"type": "search_result", "title": "T", "source": "https://a", "content": [{"type": "text", "text": "x"}]},
        {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "y"}]}},
    ]
    [message] = messages_of(messages=[{"role": "user", "content": content}])
    assert [part["text"] for part in message["content"]] == ["T\nhttps://a\nx", "y"]


def test_stop_sequences_of_any_number() -> None:
    assert read_stop_sequences(raw({"stop_sequences": list("abcdef")})) == list("abcdef")
    assert read_stop_sequences(raw({})) == []


def test_files_count_by_their_size_and_calls_by_their_text() -> None:
    pdf = {"type": "base64", "media_type": "application/pdf", "data": "A" * 120_000}
    used = {"type": "tool_use", "id": "t", "name": "ffff", "input": {"a": "x" * 400}}
    made = read_messages_request(
        raw(
            {
                "max_tokens": 1,
                "messages": [
                    {"role": "user", "content": [{"type": "document", "source": pdf}]},
                    {"role": "assistant", "content": [used]},
                ],
            }
        )
    )
    assert 4_100 <= count_tokens(made) <= 4_130


# the Responses API --------------------------------------------------------------------------------------------------


def test_every_member_of_a_response_request_has_its_place() -> None:
    made = values(
        read_responses_request(
            raw(
                {
                    "model": "m/x",
                    "input": "Hi",
                    "instructions": "Be brief.",
                    "max_tokens": 7,
                    "reasoning": {"effort": "low", "summary": "auto"},
                    "text": {
                        "verbosity": "low",
                        "format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True},
                    },
                    "tools": [{"type": "function", "name": "f", "parameters": None, "strict": None}],
                    "tool_choice": {"type": "function", "name": "f"},
                    "parallel_tool_calls": False,
                    "variables": [{"key": "a", "value": "b"}],
                    "truncation": "auto",
                    "include": [],
                    "store": True,
                }
            )
        )
    )
    assert made == {
        "model": "m/x",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
        "max_completion_tokens": 7,
        "reasoning_effort": "low",
        "verbosity": "low",
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": True},
        },
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "parallel_tool_calls": False,
        "variables": [{"key": "a", "value": "b"}],
    }


def test_items_of_the_assistant_become_one_message() -> None:
    blocks = [{"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}]
    said = [
        {"role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": seal(blocks)},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Let me see."}]},
        {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
        {"type": "function_call", "call_id": "b", "name": "g", "arguments": ""},
        {"type": "function_call_output", "call_id": "a", "output": "1"},
        {"type": "function_call_output", "call_id": "b", "output": [{"type": "input_text", "text": "2"}]},
        {"role": "assistant", "content": "Done."},
    ]
    assert items_of(said) == [
        {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
        {
            "role": "assistant",
            "content": [*blocks, {"type": "text", "text": "Let me see."}],
            "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                {"id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "tool_call_id": "a", "content": "1"},
        {"role": "tool", "tool_call_id": "b", "content": [{"type": "text", "text": "2"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "Done."}]},
    ]


@pytest.mark.parametrize("sealed", ["gAAAA-of-openai", "portico1.!!!", "portico1.bm90IGpzb24=", None, 7])
def test_thoughts_that_others_sealed_are_left_out(sealed: Any) -> None:
    said = [{"type": "reasoning", "summary": [], "encrypted_content": sealed}, {"role": "user", "content": "Hi"}]
    assert items_of(said)[-1] == {"role": "user", "content": "Hi"}


def test_files_of_every_form() -> None:
    parts = [
        {"type": "input_image", "image_url": "https://a.example/x.png", "detail": "low"},
        {"type": "input_image", "image_url": {"url": "data:image/png;base64,AA=="}},
        {"type": "input_file", "filename": "a.pdf", "file_data": "JVBERi0x"},
        {"type": "input_file", "file_url": "https://a.example/a.pdf"},
        {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
    ]
    [message] = items_of([{"role": "user", "content": parts}])
    assert message["content"] == [
        {"type": "image_url", "image_url": {"url": "https://a.example/x.png", "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0x", "filename": "a.pdf"}},
        {"type": "file", "file": {"file_data": "https://a.example/a.pdf"}},
        {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
    ]


def test_a_response_repeats_its_request_with_documented_values() -> None:
    echo = read_echo(raw({"temperature": 0, "metadata": {"a": "b"}, "max_tokens": 5, "truncation": "auto"}))
    assert (echo["temperature"], echo["top_p"], echo["metadata"]) == (0, 1, {"a": "b"})
    assert (echo["max_output_tokens"], echo["truncation"], echo["store"]) == (5, "disabled", False)
    assert wants_sealed(raw({"include": ["reasoning.encrypted_content"]}))
    assert not wants_sealed(raw({"include": None}))


def test_words_of_names_in_arguments_are_no_stored_things() -> None:
    """A schema and a result may speak of files; only content parts and settings of tools name stored ones."""
    schema = {"type": "object", "properties": {"file_id": {"type": "string"}}}
    refuse_stored(
        raw(
            {
                "input": [{"type": "function_call_output", "call_id": "a", "output": '{"file_id": "f"}'}],
                "tools": [{"type": "function", "name": "f", "parameters": schema}],
            }
        )
    )


def test_a_form_says_what_json_would() -> None:
    texts = {
        "model": ["m/x"], "input": ["7"], "stream": ["False"], "temperature": ["0.2"], "user": ["None"],
        "tools": ["{'type': 'function', 'name': 'f', 'strict': True}", '{"type": "function", "name": "g"}'],
        "metadata": ["a"], "tool_choice": ["name"], "store": ["True"], "max_output_tokens": ["10"],
    }  # fmt: skip
    form = Form({name: given[-1] for name, given in texts.items()}, {}, texts)
    assert values(read_form_members(form)) == {
        "model": "m/x", "input": "7", "stream": False, "temperature": 0.2, "user": "None", "store": True,
        "max_output_tokens": 10,
        "tools": [{"type": "function", "name": "f", "strict": True}, {"type": "function", "name": "g"}],
    }  # fmt: skip


@pytest.mark.parametrize("text", ["00", "-01", "\u0663", "1e999", "1" * 5_000, "1.", ".5", "+1"])
def test_what_only_looks_like_a_number_is_a_text_of_a_form(text: str) -> None:
    fields = {"metadata": text, "temperature": text}
    form = Form(fields, {}, {name: [text] for name in fields})
    assert values(read_form_members(form)) == {"temperature": text}


def test_files_of_a_form_join_the_last_message_of_the_user() -> None:
    said = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes?"}]
    files = {"file10": [File(b"%PDF-", "", "b.pdf")], "file2": [File(b"\xff\xd8\xff", "", "a.jpg")]}
    form = Form({"input": json.dumps(said)}, files, {"input": [json.dumps(said)]})
    items = values(read_form_members(form))["input"]
    assert items[:2] == said
    assert [part["type"] for part in items[2]["content"]] == ["input_image", "input_file"]


@pytest.mark.parametrize(
    ("body", "number", "name"),
    [
        ({"max_output_tokens": 0}, 8, "max_output_tokens"),
        ({"max_output_tokens": "many"}, 11, "max_output_tokens"),
        ({"max_tokens": -1}, 8, "max_output_tokens"),
        ({"reasoning": {"effort": 5}}, 11, "reasoning.effort"),
        ({"temperature": 3}, 8, "temperature"),
    ],
)
def test_a_refusal_names_the_member_of_this_api(body: Json, number: int, name: str) -> None:
    """Not that of the chat which is made of the request: its caller never sent one."""
    with pytest.raises(PorticoError) as refusal:
        read_translated(raw({"model": "m/x", "input": "Hi", **body}), 10)
    assert (refusal.value.status, refusal.value.id, refusal.value.param) == (400, number, name)


def test_hc08_allowed_tools_of_a_response_are_those_of_a_chat() -> None:
    tools = [{"type": "function", "name": "f"}, {"type": "function", "name": "g"}]
    choice = {"type": "allowed_tools", "mode": "required", "tools": tools[1:]}
    made = values(read_responses_request(raw({"model": "m/x", "input": "Hi", "tools": tools, "tool_choice": choice})))
    assert made["tool_choice"] == {
        "type": "allowed_tools",
        "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "g"}}]},
    }
    with pytest.raises(PatternMismatch, match=r"tool_choice\.tools"):
        read_responses_request(
            raw({"model": "m/x", "input": "Hi", "tools": tools, "tool_choice": {**choice, "tools": 1}})
        )


# whatever they are --------------------------------------------------------------------------------------------------

words = st.sampled_from(
    [
        "user",
        "assistant",
        "system",
        "developer",
        "tool",
        "text",
        "image",
        "document",
        "tool_use",
        "tool_result",
        "thinking",
        "redacted_thinking",
        "base64",
        "url",
        "message",
        "function_call",
        "function_call_output",
        "reasoning",
        "input_text",
        "output_text",
        "input_image",
        "input_file",
        "function",
        "auto",
        "any",
        "none",
        "required",
        "enabled",
        "adaptive",
        "low",
        "json_schema",
        "x",
    ]
)
names = st.sampled_from(
    [
        "type",
        "role",
        "content",
        "text",
        "id",
        "name",
        "input",
        "source",
        "data",
        "media_type",
        "tool_use_id",
        "is_error",
        "thinking",
        "signature",
        "call_id",
        "output",
        "arguments",
        "image_url",
        "file_data",
        "filename",
        "format",
        "schema",
        "effort",
        "budget_tokens",
        "url",
        "cache_control",
        "title",
    ]
)
leaves = st.none() | st.booleans() | st.integers(-3, 9) | words | st.text(max_size=3)
jsons = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=5), max_leaves=20
)
blocks = st.fixed_dictionaries(
    {"type": words}, optional={"text": jsons, "content": jsons, "source": jsons, "id": jsons}
)
messages = st.lists(
    st.fixed_dictionaries({"role": words}, optional={"content": st.lists(blocks, max_size=3) | jsons, "type": words}),
    max_size=3,
)
members = st.sampled_from(
    [
        "system",
        "tools",
        "tool_choice",
        "thinking",
        "output_config",
        "stop_sequences",
        "metadata",
        "temperature",
        "top_p",
        "stream",
        "instructions",
        "text",
        "reasoning",
        "include",
        "max_tokens",
        "max_output_tokens",
        "parallel_tool_calls",
        "truncation",
        "user",
    ]
)
QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large]
CATALOG = load_catalog()
TARGET = Target("openai", "m", "m", OpenAI(), Endpoint(""), quirks=NO_QUIRKS)


@given(messages | jsons, st.dictionaries(members, jsons, max_size=4))
@settings(deadline=None, max_examples=300, suppress_health_check=QUIET)
def test_any_message_request_is_understood_or_refused(said: Any, more: Json) -> None:
    given_members = raw({"max_tokens": 5, **more, "model": "openai/m", "messages": said})
    try:
        read_stop_sequences(given_members)
        request = read_chat_members(read_messages_request(given_members), 10)
        count_tokens(request.members)
        write(request, "messages")
    except PorticoError as error:
        assert error.status < 500, error.message


@given(messages | jsons, st.dictionaries(members, jsons, max_size=4))
@settings(deadline=None, max_examples=300, suppress_health_check=QUIET)
def test_any_response_request_is_understood_or_refused(said: Any, more: Json) -> None:
    given_members = raw({**more, "model": "openai/m", "input": said})
    try:
        refuse_stored(given_members)
        read_echo(given_members)
        wants_sealed(given_members)
        write(read_translated(given_members, 10), "responses")
    except PorticoError as error:
        assert error.status < 500, error.message


@given(messages | jsons, st.dictionaries(members, jsons, max_size=4))
@settings(deadline=None, max_examples=300, suppress_health_check=QUIET)
def test_any_response_request_is_relayed_or_refused(said: Any, more: Json) -> None:
    given_members = raw({**more, "model": "openai/m", "input": said})
    model = CATALOG.resolve("openai", "gpt-5", "Chat")
    turn = Turn(keep_usage=True)
    try:
        refuse_stored(given_members)
        request = read_native(given_members, 10)
        read_said(request.members)
        fitted = fit_response(request, model, turn, strict=False)
        target = replace(TARGET, traits=traits_of(model))
        sent = json.loads(OpenAI().write_responses(fitted, target, turn).body)
    except PorticoError as error:
        assert error.status < 500, error.message
    else:
        assert sent["store"] is False
        assert "reasoning.encrypted_content" in sent["include"]
        for item in sent["input"] if isinstance(sent["input"], list) else ():
            assert "id" not in item


def write(request: ChatRequest, dialect: Any) -> None:
    """What goes to a server of the plain OpenAI protocol has no word of the other API in it."""
    request.dialect = dialect
    sent = json.loads(OpenAI().write_chat(request, TARGET, Turn(keep_usage=True)).body)
    for message in sent["messages"]:
        assert message["role"] in ("system", "user", "assistant", "tool")
        assert "cache_control" not in message
        content = message.get("content")
        for part in content if isinstance(content, list) else ():
            assert part["type"] in ("text", "image_url", "file", "input_audio")


@given(st.dictionaries(st.sampled_from(["model", "input", "tools", "metadata", "stream", "x"]), st.text(max_size=30)))
@settings(deadline=None)
def test_any_form_has_members(fields: dict[str, str]) -> None:
    form = Form(fields, {}, {name: [text] for name, text in fields.items()})
    found = values(read_form_members(form))
    assert set(found) <= set(fields)
