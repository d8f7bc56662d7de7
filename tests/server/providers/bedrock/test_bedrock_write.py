"""Chat requests as bodies of Converse; each body is also checked by botocore."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from converse import ADAPTER, CLAUDE, CREDENTIAL, NOVA, OLD_CLAUDE, chat, target, written

from portico.server.errors import MediaNotSupported
from portico.server.providers.base import Traits, Turn

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(8)).decode()
PDF = base64.b64encode(b"%PDF-1.4").decode()
TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object", "properties": {}}}}
CALL = {
    "id": "t1",
    "type": "function",
    "function": {"name": "look_up", "arguments": '{"a": 1.50, "b": 12345678901234567890}'},
}
HISTORY: list[dict[str, Any]] = [
    {"role": "user", "content": "Look."},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "t1", "content": '{"found": true}'},
]
BUDGET = Traits(
    thinking_mode="budget",
    effort_values=("low", "medium", "high"),
    budget_min=1024,
    budget_max=63_000,
    max_output=64_000,
)
ADAPTIVE = Traits(thinking_mode="adaptive", effort_values=("low", "medium", "high", "max"))
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FORM = {"type": "json_schema", "json_schema": {"name": "town", "schema": SCHEMA}}


def test_path_and_signature() -> None:
    outgoing = ADAPTER.write_chat(chat(stream=True), target(), Turn(False))
    assert (outgoing.path, outgoing.stream) == ("/model/us.amazon.nova-2-lite-v1%3A0/converse-stream", True)
    headers = dict(outgoing.headers)
    assert headers["x-amz-date"] == "20251120T120000Z"
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20251120/us-east-1/bedrock/")
    assert "secret" not in repr(CREDENTIAL)


def test_the_same_request_gives_the_same_bytes() -> None:
    request = chat(HISTORY, tools=[TOOL], temperature=0.5)
    first, second = (ADAPTER.write_chat(request, target(), Turn(False)) for _ in range(2))
    assert first == second


def test_numbers() -> None:
    body, turn = written(
        chat(max_tokens=5, max_completion_tokens=9, temperature=1.5, top_p=0.5, stop=["END", " "], seed=1)
    )
    assert body["inferenceConfig"] == {"maxTokens": 9, "temperature": 1, "topP": 0.5, "stopSequences": ["END"]}
    assert turn.adjusted == ["temperature 1.5->1", "seed dropped"]


def test_hc22_unknown_members_are_not_sent() -> None:
    body, turn = written(chat(prompt_cache_key="k", user="u", store=True, n=1, logprobs=False))
    assert set(body) == {"messages"}
    assert turn.adjusted == []


def test_hc22_from_claude_4_5_on_temperature_or_top_p() -> None:
    body, turn = written(chat(temperature=0.5, top_p=0.5), CLAUDE)
    assert body["inferenceConfig"] == {"temperature": 0.5}
    assert turn.adjusted == ["top_p dropped"]
    assert written(chat(temperature=0.5, top_p=0.5), OLD_CLAUDE)[0]["inferenceConfig"]["topP"] == 0.5


@pytest.mark.parametrize(
    ("model", "fields"),
    [(CLAUDE, {"top_k": 7}), (NOVA, {"inferenceConfig": {"topK": 7}}), ("meta.llama3-70b", None)],
)
def test_top_k_is_a_field_of_the_model(model: str, fields: Any) -> None:
    assert written(chat(top_k=7), model)[0].get("additionalModelRequestFields") == fields


# messages -------------------------------------------------------------------------------------------------------


def test_hc03_results_are_text_word_for_word() -> None:
    said = [*HISTORY, {"role": "user", "content": "And?"}]
    body, _ = written(chat(said, tools=[TOOL]))
    result = {"toolResult": {"toolUseId": "t1", "content": [{"text": '{"found": true}'}]}}
    assert body["messages"][-1] == {"role": "user", "content": [result, {"text": "And?"}]}


def test_hc02_arguments_in_the_history_are_sent_as_they_were_written() -> None:
    outgoing = ADAPTER.write_chat(chat(HISTORY, tools=[TOOL]), target(), Turn(False))
    assert b'"input":{"a": 1.50, "b": 12345678901234567890}' in outgoing.body


def test_arguments_that_are_no_object_are_wrapped() -> None:
    broken = {**CALL, "function": {"name": "look_up", "arguments": '{"a":'}}
    said = [HISTORY[0], {"role": "assistant", "tool_calls": [broken]}, HISTORY[2]]
    body, _ = written(chat(said, tools=[TOOL]))
    assert body["messages"][1]["content"][0]["toolUse"]["input"] == {"arguments": '{"a":'}


def test_a_picture_in_a_result() -> None:
    picture = {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{PNG}"}}
    said = [*HISTORY[:2], {"role": "tool", "tool_call_id": "t1", "content": [picture]}]
    body, _ = written(chat(said, tools=[TOOL]))
    content = body["messages"][2]["content"][0]["toolResult"]["content"]
    assert content == [{"image": {"format": "png", "source": {"bytes": PNG}}}], "the type is read from the bytes"


def test_hc20_blank_texts_and_an_assistant_first() -> None:
    said = [
        {"role": "assistant", "content": "Hello!"},
        {"role": "user", "content": " \n"},
        {"role": "assistant", "content": "Are you there? "},
    ]
    body, _ = written(chat(said))
    assert body["messages"] == [
        {"role": "user", "content": [{"text": "."}]},
        {"role": "assistant", "content": [{"text": "Hello!"}, {"text": "Are you there?"}]},
    ]


def test_a_system_text_alone_becomes_the_users() -> None:
    body, _ = written(chat([{"role": "system", "content": "Say hi."}]))
    assert body == {"messages": [{"role": "user", "content": [{"text": "Say hi."}]}]}


def test_documents_have_plain_unique_names_and_a_text_beside_them() -> None:
    def file(name: str) -> dict[str, Any]:
        return {"type": "file", "file": {"filename": name, "file_data": f"data:application/pdf;base64,{PDF}"}}

    said = [{"role": "user", "content": [file("über/menü_1.pdf"), file("über/menü_1.pdf"), file("")]}]
    blocks = written(chat(said))[0]["messages"][0]["content"]
    assert [block["document"]["name"] for block in blocks[:3]] == ["ber men 1", "ber men 1 2", "document"]
    assert blocks[3] == {"text": "."}


def test_s3_is_fetched_by_bedrock_itself() -> None:
    url = "s3://bucket/films/a.mp4"
    said = [
        {
            "role": "user",
            "content": [{"type": "video_url", "video_url": {"url": url}}, {"type": "text", "text": "What?"}],
        }
    ]
    block = written(chat(said))[0]["messages"][0]["content"][0]
    assert block == {"video": {"format": "mp4", "source": {"s3Location": {"uri": url}}}}
    assert ADAPTER.fetches == {"s3"}


@pytest.mark.parametrize("url", ["https://x.example/a.png", "data:application/zip;base64,AAAA"])
def test_what_bedrock_cannot_take_is_refused(url: str) -> None:
    with pytest.raises(MediaNotSupported):
        written(chat([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]))


def test_audio() -> None:
    part = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}}
    block = written(chat([{"role": "user", "content": [part]}]))[0]["messages"][0]["content"][0]
    assert block == {"audio": {"format": "mp3", "source": {"bytes": "AAAA"}}}


# cache points ---------------------------------------------------------------------------------------------------

MARK = {"type": "ephemeral"}
MARKED: list[dict[str, Any]] = [
    {
        "role": "system",
        "content": [{"type": "text", "text": "Long rules.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
    },
    {
        "role": "user",
        "content": [{"type": "text", "text": "Book", "cache_control": MARK}, {"type": "text", "text": "Who?"}],
    },
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "t1", "content": "found", "cache_control": MARK},
]


def test_cache_control_becomes_cache_points() -> None:
    marked_tool = {**TOOL, "cache_control": MARK}
    body, _ = written(chat(MARKED, tools=[marked_tool]), CLAUDE)
    point = {"cachePoint": {"type": "default"}}
    assert body["system"] == [{"text": "Long rules."}, {"cachePoint": {"type": "default", "ttl": "1h"}}]
    assert body["messages"][0]["content"] == [{"text": "Book"}, point, {"text": "Who?"}]
    assert body["messages"][2]["content"][1:] == [point], "behind the result, not in it"
    assert body["toolConfig"]["tools"][1] == point


def test_models_without_cache_points_get_none() -> None:
    body, _ = written(chat(MARKED, tools=[TOOL]), "meta.llama3-70b")
    assert "cachePoint" not in json.dumps(body) and "portico" not in json.dumps(body)
    nova, _ = written(chat(MARKED, tools=[{**TOOL, "cache_control": MARK}]), NOVA)
    assert json.dumps(nova).count("cachePoint") == 3, "none among the tools"


# tools ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("auto", {"auto": {}}),
        ("required", {"any": {}}),
        ({"type": "function", "function": {"name": "look_up"}}, {"tool": {"name": "look_up"}}),
        (None, None),
    ],
)
def test_hc08_tool_choice(choice: Any, sent: Any) -> None:
    body, turn = written(chat(tools=[TOOL], tool_choice=choice))
    assert body["toolConfig"].get("toolChoice") == sent
    assert turn.adjusted == []


def test_hc08_no_tools_means_none_are_sent_unless_the_history_has_calls() -> None:
    assert "toolConfig" not in written(chat(tools=[TOOL], tool_choice="none"))[0]
    body, turn = written(chat(HISTORY, tools=[TOOL], tool_choice="none"))
    assert body["toolConfig"]["tools"][0]["toolSpec"]["name"] == "look_up"
    assert turn.adjusted == ["tool_choice none->auto"]


def test_calls_in_the_history_bring_their_tools() -> None:
    spec = written(chat(HISTORY))[0]["toolConfig"]["tools"]
    assert spec == [{"toolSpec": {"name": "look_up", "inputSchema": {"json": {"type": "object"}}}}]


def test_hc08_one_call_at_a_time() -> None:
    body, _ = written(chat(tools=[TOOL], tool_choice="auto", parallel_tool_calls=False), CLAUDE)
    assert body["additionalModelRequestFields"]["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}
    assert "toolChoice" not in body["toolConfig"], "the two would contradict each other"
    body, _ = written(chat(tools=[TOOL], tool_choice="required", parallel_tool_calls=False), CLAUDE)
    assert body["additionalModelRequestFields"]["tool_choice"] == {"disable_parallel_tool_use": True}
    assert body["toolConfig"]["toolChoice"] == {"any": {}}
    assert written(chat(tools=[TOOL], parallel_tool_calls=False), NOVA)[1].adjusted == ["parallel_tool_calls dropped"]


def test_tools_of_bedrock_pass_and_those_of_others_do_not() -> None:
    body, turn = written(chat(tools=[{"systemTool": {"name": "nova_grounding"}}, {"googleSearch": {}}]))
    assert body["toolConfig"]["tools"] == [{"systemTool": {"name": "nova_grounding"}}]
    assert turn.adjusted == ["tools: a tool of another provider dropped"]


# the form of the answer -----------------------------------------------------------------------------------------


def test_hc23_a_schema_natively() -> None:
    body, _ = written(chat(response_format=FORM), CLAUDE)
    form = body["outputConfig"]["textFormat"]
    assert (form["type"], form["structure"]["jsonSchema"]["name"]) == ("json_schema", "town")
    schema = json.loads(form["structure"]["jsonSchema"]["schema"])
    assert schema["properties"] == SCHEMA["properties"] and schema["additionalProperties"] is False
    assert "toolConfig" not in body


@pytest.mark.parametrize("model", [NOVA, OLD_CLAUDE])
def test_hc23_a_schema_by_a_forced_tool(model: str) -> None:
    body, _ = written(chat(response_format=FORM), model)
    (tool,) = body["toolConfig"]["tools"]
    assert tool["toolSpec"]["inputSchema"]["json"] == SCHEMA
    assert body["toolConfig"]["toolChoice"] == {"tool": {"name": tool["toolSpec"]["name"]}}


def test_hc23_beside_tools_of_the_caller_the_model_has_the_choice() -> None:
    body, _ = written(chat(tools=[TOOL], response_format={"type": "json_object"}), CLAUDE)
    assert len(body["toolConfig"]["tools"]) == 2
    assert body["toolConfig"]["toolChoice"] == {"any": {}}


def test_hc23_beside_thinking_it_is_asked_for_in_words() -> None:
    body, turn = written(chat(response_format={"type": "json_object"}, effort="low"), CLAUDE, BUDGET)
    assert "JSON" in body["system"][0]["text"] and "toolConfig" not in body
    assert "response_format best effort" in turn.adjusted


# thinking -------------------------------------------------------------------------------------------------------


def fields(request: Any, model: str, traits: Traits) -> Any:
    return written(request, model, traits)[0].get("additionalModelRequestFields")


def test_claude_thinks_by_budget() -> None:
    body, turn = written(chat(effort="low", budget=4122, temperature=0.5, top_k=3), OLD_CLAUDE, BUDGET)
    assert body["additionalModelRequestFields"] == {"thinking": {"type": "enabled", "budget_tokens": 4122}}
    assert body["inferenceConfig"] == {"maxTokens": 64_000}, "a limit above the budget"
    assert turn.adjusted == ["temperature dropped", "top_k dropped"]


def test_hc21_a_budget_is_below_the_limit() -> None:
    body, turn = written(chat(budget=8000, max_tokens=4000), OLD_CLAUDE, BUDGET)
    assert body["additionalModelRequestFields"]["thinking"]["budget_tokens"] == 3999
    assert turn.adjusted == ["thinking budget 8000->3999"]
    body, turn = written(chat(budget=8000, max_tokens=500), OLD_CLAUDE, BUDGET)
    assert "additionalModelRequestFields" not in body and "thinking off" in turn.adjusted[0]


def test_claude_thinks_adaptively() -> None:
    shown = {"type": "adaptive", "display": "summarized"}
    newer = "global.anthropic.claude-opus-4-8"
    assert fields(chat(effort="high"), newer, ADAPTIVE) == {"thinking": shown, "output_config": {"effort": "high"}}
    older = fields(chat(effort="max"), "global.anthropic.claude-opus-4-6-v1", ADAPTIVE)
    assert older == {"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}
    assert fields(chat(budget=-1), newer, ADAPTIVE) == {"thinking": shown}


def test_turning_thinking_off() -> None:
    off = chat(effort="none", budget=0)
    always = Traits(thinking_mode="adaptive_always", can_disable=False)
    assert fields(off, "global.anthropic.claude-opus-4-8", ADAPTIVE) is None
    assert fields(off, "global.anthropic.claude-opus-5", ADAPTIVE) == {"thinking": {"type": "disabled"}}
    assert fields(off, "global.anthropic.claude-opus-5-5", always) == {"output_config": {"effort": "low"}}
    assert fields(off, OLD_CLAUDE, BUDGET) is None
    assert fields(off, NOVA, Traits(thinking_mode="level")) is None


def test_nova_thinks_at_levels_and_takes_no_numbers_beside_the_highest() -> None:
    level = Traits(thinking_mode="level", effort_values=("low", "medium", "high"))
    low = written(chat(effort="low", temperature=0.5, max_tokens=9), NOVA, level)[0]
    assert low["additionalModelRequestFields"] == {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}}
    assert low["inferenceConfig"] == {"maxTokens": 9, "temperature": 0.5}
    high, turn = written(chat(effort="high", temperature=0.5, top_p=0.5, max_tokens=9), NOVA, level)
    assert "inferenceConfig" not in high
    assert turn.adjusted == ["temperature dropped", "top_p dropped", "max_tokens dropped"]


def test_gpt_oss_takes_an_effort() -> None:
    level = Traits(thinking_mode="level", effort_values=("low", "medium", "high"))
    assert fields(chat(effort="low"), "openai.gpt-oss-120b-1:0", level) == {"reasoning_effort": "low"}


def with_thoughts(**block: str) -> list[dict[str, Any]]:
    return [HISTORY[0], {**HISTORY[1], "thinking_blocks": [block]}, HISTORY[2]]


def test_hc05_thoughts_go_back_to_claude_before_the_call() -> None:
    said = with_thoughts(type="thinking", thinking="hm", signature="c2ln")
    content = written(chat(said, tools=[TOOL], effort="low"), OLD_CLAUDE, BUDGET)[0]["messages"][1]["content"]
    assert content[0] == {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "c2ln"}}}
    assert "toolUse" in content[1]
    redacted = written(chat(with_thoughts(type="redacted_thinking", data="AAAA"), tools=[TOOL]), CLAUDE)[0]
    assert redacted["messages"][1]["content"][0] == {"reasoningContent": {"redactedContent": "AAAA"}}


def test_hc05_unsigned_thoughts_and_those_of_other_models_stay_away() -> None:
    unsigned = with_thoughts(type="thinking", thinking="hm", signature="")
    assert len(written(chat(unsigned, tools=[TOOL]), CLAUDE)[0]["messages"][1]["content"]) == 1
    signed = with_thoughts(type="thinking", thinking="hm", signature="c2ln")
    assert len(written(chat(signed, tools=[TOOL]), NOVA)[0]["messages"][1]["content"]) == 1


def test_hc05_an_open_tool_turn_without_thoughts_turns_thinking_off() -> None:
    body, turn = written(chat(HISTORY, tools=[TOOL], effort="low"), OLD_CLAUDE, BUDGET)
    assert "additionalModelRequestFields" not in body
    assert turn.adjusted == ["thinking off: the thoughts before the tool calls are missing"]


def test_hc08_a_forced_tool_beside_thinking_becomes_auto() -> None:
    body, turn = written(chat(tools=[TOOL], tool_choice="required", effort="low"), OLD_CLAUDE, BUDGET)
    assert body["toolConfig"]["toolChoice"] == {"auto": {}}
    assert turn.adjusted == ["tool_choice required->auto"]


def test_models_that_cannot_be_forced_are_told_so() -> None:
    llama = "meta.llama3-3-70b-instruct-v1:0"
    body, turn = written(chat(tools=[TOOL], tool_choice="required"), llama)
    assert "toolChoice" not in body["toolConfig"] and turn.adjusted == ["tool_choice required->auto"]
    body, turn = written(chat(response_format=FORM), llama)
    assert "json_answer" in body["system"][0]["text"] and "toolChoice" not in body["toolConfig"]
    assert turn.adjusted == ["response_format best effort"]


def test_members_of_converse_pass() -> None:
    guard = {"guardrailIdentifier": "abc123", "guardrailVersion": "1"}
    body, _ = written(
        chat(guardrailConfig=guard, serviceTier={"type": "flex"}, additionalModelRequestFields={"a": 1}, top_k=3),
        CLAUDE,
    )
    assert (body["guardrailConfig"], body["serviceTier"]) == (guard, {"type": "flex"})
    assert body["additionalModelRequestFields"] == {"a": 1, "top_k": 3}
