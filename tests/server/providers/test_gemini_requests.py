"""Chat requests as `generateContent` gets them."""

from __future__ import annotations

import base64
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.providers.fakes.gemini import _schema_problem
from tests.providers.translating import Translation, chat_request

from portico.server.providers.base import Credential, Target, Traits, Turn
from portico.server.providers.gemini import Gemini
from portico.server.providers.gemini.contents import OPENING
from portico.server.providers.gemini.schema import reduce_schema
from portico.server.providers.gemini.signatures import SKIP, Signatures
from portico.wire.model_ref import DirectModel
from portico.wire.requests import EmbeddingRequest, File, ImageRequest

ADAPTER = Gemini()
LEVEL = Traits(thinking_mode="level", effort_values=("minimal", "low", "medium", "high"))
PRO = Traits(thinking_mode="level", effort_values=("low", "high"), can_disable=False)
BUDGET = Traits(thinking_mode="budget", budget_min=128, budget_max=32_768, can_disable=False)
FLASH = Traits(thinking_mode="budget", budget_min=0, budget_max=24_576)
TOOL = {
    "type": "function",
    "function": {"name": "look_up", "parameters": {"type": "object", "properties": {"a": {"type": "string"}}}},
}


def write(messages: Any = "Hi", traits: Traits | None = None, **members: Any) -> Translation:
    return Translation(ADAPTER, chat_request(messages, **members), traits)


def config(*args: Any, **members: Any) -> Any:
    return write(*args, **members).body.get("generationConfig", {})


def target(model: str, base_url: str = "https://generativelanguage.googleapis.com", **options: str) -> Target:
    credential = Credential(base_url, "AIzaKey", tuple(options.items()))
    return Target("gemini", model, model, ADAPTER, ADAPTER.endpoint(credential), credential)


def test_hc20_a_conversation_without_a_word_has_a_turn_all_the_same() -> None:
    """Google refuses contents without parts."""
    assert write("").body["contents"] == write([{"role": "user", "content": []}]).body["contents"] == [OPENING]


# where to ---------------------------------------------------------------------------------------------------


def test_the_key_goes_into_googles_header_and_the_version_part_may_stand_in_the_url() -> None:
    endpoint = ADAPTER.endpoint(Credential("https://generativelanguage.googleapis.com/v1beta", "AIzaKey"))
    assert endpoint is not None
    assert dict(endpoint.headers) == {"x-goog-api-key": "AIzaKey"}
    assert ADAPTER.path(target("m"), "generateContent") == "/v1beta/models/m:generateContent"
    assert ADAPTER.path(target("m", "https://x/v1beta"), "predict") == "/models/m:predict"
    assert write(stream=True).outgoing.path == "/v1beta/models/model-1-up:streamGenerateContent?alt=sse"


@pytest.mark.parametrize("name", ["../files/x", "a?key=b", "a:predict#", "a\r\nhost: x", "models/../a"])
def test_a_models_name_never_leaves_its_place_in_the_path(name: str) -> None:
    path = ADAPTER.path(target(name), "generateContent")
    assert path.startswith("/v1beta/models/") and path.endswith(":generateContent")
    inner = path.removeprefix("/v1beta/models/").removesuffix(":generateContent")
    assert not set(inner) & set("/?#:\r\n ")


def test_the_same_request_gives_the_same_bytes() -> None:
    made = write([{"role": "user", "content": "x"}], tools=[TOOL], temperature=0.5, traits=LEVEL, effort="low")
    assert made.outgoing.body == made.again


# turns ------------------------------------------------------------------------------------------------------


def test_hc20_the_first_turn_is_the_users() -> None:
    contents = write([{"role": "assistant", "content": "Yes?"}, {"role": "user", "content": "Go"}]).body["contents"]
    assert [content["role"] for content in contents] == ["user", "model", "user"]
    assert contents[0]["parts"][0]["text"]


def test_hc20_turns_alternate_where_one_of_thoughts_alone_is_left_out() -> None:
    thoughts = {"role": "assistant", "thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": "s"}]}
    said = [{"role": "user", "content": "a"}, {**thoughts, "content": ""}, {"role": "user", "content": "b"}]
    assert write(said).body["contents"] == [{"role": "user", "parts": [{"text": "a"}, {"text": "b"}]}]


def test_system_texts_alone_are_said_by_the_user() -> None:
    body = write([{"role": "system", "content": "Be brief."}]).body
    assert body["contents"] == [{"role": "user", "parts": [{"text": "Be brief."}]}]
    assert "systemInstruction" not in body


def _call(call_id: str, arguments: str = "{}", **extra: Any) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": f"f_{call_id}", "arguments": arguments}, **extra}


def _tool(call_id: str, content: Any) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def test_hc03_results_stand_in_the_order_of_their_calls() -> None:
    said = [
        {"role": "user", "content": "x"},
        {"role": "assistant", "tool_calls": [_call("a"), _call("b")]},
        _tool("b", '{"n": 1.50}'),
        _tool("a", "plain"),
    ]
    _, _, results = write(said).body["contents"]
    responses = [part["functionResponse"] for part in results["parts"]]
    assert [response["name"] for response in responses] == ["f_a", "f_b"]
    assert [response["response"] for response in responses] == [{"output": "plain"}, {"n": 1.5}]
    assert '{"n": 1.50}' in write(said).outgoing.body.decode(), "a JSON object stays as it is"


def test_files_in_a_result_stand_behind_the_results() -> None:
    url = "data:image/png;base64," + base64.b64encode(b"\x89PNG").decode()
    parts = [{"type": "text", "text": "see"}, {"type": "image_url", "image_url": {"url": url}}]
    said = [{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": [_call("a")]}, _tool("a", parts)]
    last = write(said).body["contents"][-1]["parts"]
    assert [list(part) for part in last] == [["functionResponse"], ["inlineData"]]


def test_arguments_that_are_no_object_are_wrapped() -> None:
    said = [{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": [_call("a", '{"cut sho')]}]
    part = write(said).body["contents"][1]["parts"][0]
    assert part["functionCall"]["args"] == {"arguments": '{"cut sho'}


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("gs://bucket/a.png", {"mimeType": "image/png"}),
        ("https://images.example/a.webp?w=5", {"mimeType": "image/webp"}),
        ("https://images.example/a.mp4", {"mimeType": "image/jpeg"}),
        ("https://images.example/a", {"mimeType": "image/jpeg"}),
        ("https://generativelanguage.googleapis.com/v1beta/files/x", {}),
    ],
)
def test_addresses_become_file_data_with_the_type_that_google_needs(url: str, sent: Any) -> None:
    parts = [{"type": "image_url", "image_url": {"url": url}}]
    (part,) = write([{"role": "user", "content": parts}]).body["contents"][0]["parts"]
    assert part == {"fileData": {"fileUri": url, **sent}}


@pytest.mark.parametrize("mime", ["image/png", "audio/mpeg", "video/mp4", "application/pdf"])
def test_files_go_inline(mime: str) -> None:
    data = base64.b64encode(b"bytes").decode()
    file = {"type": "file", "file": {"file_data": f"data:{mime};base64,{data}"}}
    (part,) = write([{"role": "user", "content": [file]}]).body["contents"][0]["parts"]
    assert part == {"inlineData": {"mimeType": mime, "data": data}}


# signatures (HC-06) -----------------------------------------------------------------------------------------


def _signed(**extra: Any) -> list[dict[str, Any]]:
    calls = [_call("a", **extra), _call("b")]
    return [
        {"role": "user", "content": "x"},
        {"role": "assistant", "tool_calls": calls},
        _tool("a", "1"),
        _tool("b", "2"),
    ]


def _signatures(made: Translation) -> list[str | None]:
    return [part.get("thoughtSignature") for part in made.body["contents"][1]["parts"]]


def test_hc06_the_callers_own_signature_goes_back() -> None:
    said = _signed(extra_content={"google": {"thought_signature": "c2ln"}})
    assert _signatures(write(said, traits=LEVEL)) == ["c2ln", None]
    assert _signatures(write(said, traits=FLASH)) == ["c2ln", None]


def test_hc06_only_generations_that_demand_one_get_the_stand_in() -> None:
    assert _signatures(write(_signed(), traits=LEVEL)) == [SKIP, None]
    assert _signatures(write(_signed(), traits=FLASH)) == [None, None]


def test_hc06_a_signature_does_not_travel_to_another_model() -> None:
    kept = Signatures()
    kept.keep("a", "f", "gemini/one", "sig")
    assert kept.find("a", "f", "gemini/one", "") == "sig"
    assert kept.find("a", "f", "gemini/two", "") == ""
    assert kept.find("a", "f", "gemini/two", "sig") == "", "nor when the caller brings it along"
    assert kept.find("a", "g", "gemini/one", "") == ""
    assert kept.find("unknown", "f", "gemini/one", "own") == "own"


def test_hc06_the_memory_of_signatures_is_bounded() -> None:
    kept = Signatures(most_bytes=10_000)
    for number in range(100):
        kept.keep(f"call{number}", "f", "r", "s" * 1_000)
        kept.keep(f"call{number}", "f", "r", "s" * 1_000)
    assert kept.find("call0", "f", "r", "") == ""
    assert kept.find("call99", "f", "r", "") == "s" * 1_000
    assert sum(bool(kept.find(f"call{n}", "f", "r", "")) for n in range(100)) == 10_000 // 1_400


# thinking ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("traits", "effort", "budget", "sent"),
    [
        (LEVEL, "", None, None),
        (LEVEL, "low", None, {"thinkingLevel": "LOW", "includeThoughts": True}),
        (LEVEL, "none", 0, {"thinkingLevel": "MINIMAL", "includeThoughts": True}),
        (PRO, "none", 0, {"thinkingLevel": "LOW", "includeThoughts": True}),
        (LEVEL, "", -1, {"includeThoughts": True}),
        (FLASH, "none", 0, {"thinkingBudget": 0}),
        (FLASH, "high", 12_288, {"thinkingBudget": 12_288, "includeThoughts": True}),
        (FLASH, "", -1, {"thinkingBudget": -1, "includeThoughts": True}),
        (FLASH, "low", None, {"thinkingBudget": 1024, "includeThoughts": True}),
        (BUDGET, "none", 0, {"thinkingBudget": 128, "includeThoughts": True}),
        (BUDGET, "max", None, {"thinkingBudget": 32_768, "includeThoughts": True}),
        (Traits(), "high", None, None),
    ],
)
def test_a_budget_or_a_level_and_never_both(traits: Traits, effort: str, budget: int | None, sent: Any) -> None:
    assert config(traits=traits, effort=effort, budget=budget).get("thinkingConfig") == sent


# numbers and forms ------------------------------------------------------------------------------------------


def test_what_google_knows_under_another_name() -> None:
    asked = {"temperature": 0.5, "top_p": 0.25, "top_k": 3, "seed": 7, "n": 2, "presence_penalty": 0.5}
    sent = config(
        **asked, frequency_penalty=-0.5, max_tokens=77, max_completion_tokens=88, logprobs=True, top_logprobs=4
    )
    assert sent == {
        "temperature": 0.5,
        "topP": 0.25,
        "topK": 3,
        "seed": 7,
        "candidateCount": 2,
        "presencePenalty": 0.5,
        "frequencyPenalty": -0.5,
        "maxOutputTokens": 88,
        "responseLogprobs": True,
        "logprobs": 4,
    }


def test_no_more_stop_sequences_than_google_takes() -> None:
    made = write(stop=["a", "b", "c", "d", "e", "f", " "])
    assert made.body["generationConfig"]["stopSequences"] == ["a", "b", "c", "d", "e"]
    assert made.turn.adjusted == ["stop 6->5"]


def test_hc22_what_is_lacking_is_said_and_what_is_unknown_is_not_sent() -> None:
    made = write(logit_bias={"1": 5}, user="u", store=True, parallel_tool_calls=False, modalities=["text", "audio"])
    assert set(made.turn.adjusted) == {"logit_bias dropped", "parallel_tool_calls dropped", "modalities audio dropped"}
    assert set(made.body) == {"contents"}


def test_members_of_google_pass() -> None:
    settings = [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]
    body = write(safetySettings=settings, cachedContent="cachedContents/x", labels={"a": "b"}).body
    assert (body["safetySettings"], body["cachedContent"], body["labels"]) == (settings, "cachedContents/x", {"a": "b"})


def test_pictures_in_the_answer_when_asked_for() -> None:
    assert config(modalities=["text", "image"])["responseModalities"] == ["TEXT", "IMAGE"]


# tools ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("auto", {"mode": "AUTO"}),
        ("none", {"mode": "NONE"}),
        ("required", {"mode": "ANY"}),
        (
            {"type": "function", "function": {"name": "look_up"}},
            {"mode": "ANY", "allowedFunctionNames": ["look_up"]},
        ),
    ],
)
def test_hc08_tool_choice(choice: Any, sent: Any) -> None:
    assert write(tools=[TOOL], tool_choice=choice).body["toolConfig"] == {"functionCallingConfig": sent}


def test_hc07_plain_schemas_by_default_and_a_tool_without_parameters() -> None:
    bare = {"type": "function", "function": {"name": "now", "description": "Tells the time."}}
    (tools,) = write(tools=[TOOL, bare]).body["tools"]
    first, second = tools["functionDeclarations"]
    assert first["parametersJsonSchema"] == TOOL["function"]["parameters"]  # type: ignore[index]
    assert second == {"name": "now", "description": "Tells the time."}


@pytest.mark.parametrize(
    ("members", "sent"),
    [
        ({"tools": [{"googleSearch": {}}]}, [{"googleSearch": {}}]),
        ({"tools": [{"google_search": {}}], "web_search_options": {}}, [{"google_search": {}}]),
        ({"tools": [{"codeExecution": {}}, {"urlContext": {}}]}, [{"codeExecution": {}}, {"urlContext": {}}]),
        ({"web_search_options": {}}, [{"googleSearch": {}}]),
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, [{"googleSearch": {}}]),
    ],
)
def test_tools_of_googles_own_pass(members: Any, sent: Any) -> None:
    assert write(**members).body["tools"] == sent


def test_tools_of_other_providers_are_dropped_and_said() -> None:
    made = write(tools=[{"type": "computer_20250124", "name": "computer"}])
    assert "tools" not in made.body
    assert made.turn.adjusted == ["tool computer_20250124 dropped"]


# the older schema fields (HC-07) ----------------------------------------------------------------------------

ODD = {
    "$schema": "x",
    "type": "object",
    "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}, "kind": {"const": "leaf"}}}},
    "properties": {
        "root": {"$ref": "#/$defs/node", "description": "the root"},
        "note": {"type": ["string", "null"]},
        "either": {"type": ["string", "integer"]},
        "maybe": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "level": {"type": "integer", "enum": [1, 2]},
        "rows": {"type": "array"},
        "pair": {"type": "array", "prefixItems": [{"type": "string"}]},
        "both": {"allOf": [{"properties": {"a": {"type": "string"}}, "required": ["a"]}, {"properties": {"b": True}}]},
        "when": {"type": "string", "format": "email"},
    },
    "required": ["root", "gone"],
    "additionalProperties": False,
    "not": {"required": ["x"]},
}


def test_hc07_the_old_form_keeps_what_it_can_and_says_what_it_cannot() -> None:
    reduced, dropped = reduce_schema(ODD)
    assert _schema_problem(reduced) == ""
    assert set(dropped) >= {"$ref", "$schema", "additionalProperties", "not", "prefixItems", "format", "enum type"}
    found = reduced["properties"]
    assert reduced["type"] == "OBJECT" and reduced["required"] == ["root"]
    assert found["root"]["description"] == "the root"
    assert found["root"]["properties"]["next"]["type"] == "OBJECT", "the cycle is cut"
    assert found["root"]["properties"]["kind"] == {"type": "STRING", "format": "enum", "enum": ["leaf"]}
    assert found["note"] == {"nullable": True, "type": "STRING"}
    assert found["either"] == {"anyOf": [{"type": "STRING"}, {"type": "INTEGER"}]}
    assert found["maybe"] == {"nullable": True, "type": "INTEGER"}
    assert found["level"]["enum"] == ["1", "2"]
    assert found["rows"]["items"] == {"type": "STRING"}
    assert set(found["both"]["properties"]) == {"a", "b"} and found["both"]["required"] == ["a"]


_LEAVES = st.sampled_from(
    [
        {"type": "string"}, {"type": "null"}, {"enum": ["a", 1, None, True]}, {"const": 3}, {"$ref": "#/$defs/x"},
        {"$ref": "#/nowhere"}, {"type": ["integer", "null"]}, True, {}, {"type": "array"}, {"format": "uuid"},
    ]
)  # fmt: skip
_SCHEMAS = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda s: {"type": "array", "items": s, "uniqueItems": True}, inner),
        st.builds(lambda s: {"properties": s}, st.dictionaries(st.sampled_from("abc"), inner, max_size=3)),
        st.builds(lambda k, s: {k: s}, st.sampled_from(["anyOf", "oneOf", "allOf"]), st.lists(inner, max_size=3)),
        st.builds(lambda s: {"if": s, "then": s, "patternProperties": {"x": s}}, inner),
    ),
    max_leaves=12,
)


@given(_SCHEMAS, _SCHEMAS)
def test_hc07_whatever_comes_the_old_form_is_accepted(schema: Any, shared: Any) -> None:
    whole = {**(schema if isinstance(schema, dict) else {}), "$defs": {"x": shared}}
    reduced, dropped = reduce_schema(whole)
    assert _schema_problem(json.loads(msgspec.json.encode(reduced))) == ""
    assert dropped == sorted(set(dropped))


def test_hc07_hosts_without_the_newer_fields() -> None:
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": ODD}}
    tool = {"type": "function", "function": {"name": "grow", "parameters": ODD}}
    request = chat_request(tools=[tool], response_format=form)
    made = Translation(ADAPTER, request, tool_schema="openapi")
    (tools,) = made.body["tools"]
    assert _schema_problem(tools["functionDeclarations"][0]["parameters"]) == ""
    assert made.body["generationConfig"]["responseSchema"]["type"] == "OBJECT"
    assert "JsonSchema" not in made.outgoing.body.decode()
    assert [note.partition(":")[0] for note in made.turn.adjusted] == ["tools.grow", "response_format"]
    assert all(note.isascii() for note in made.turn.adjusted)


# other verbs ------------------------------------------------------------------------------------------------


def _embed(**members: Any) -> EmbeddingRequest:
    return EmbeddingRequest(DirectModel("gemini", "m"), ["a", "b"], **members)


def test_embeddings() -> None:
    outgoing = ADAPTER.write_embeddings(
        _embed(input_type="search_query", dimensions=256), ["a", "b"], target("gemini-embedding-001")
    )
    assert outgoing.path == "/v1beta/models/gemini-embedding-001:batchEmbedContents"
    first, second = json.loads(outgoing.body)["requests"]
    assert first == {
        "model": "models/gemini-embedding-001",
        "taskType": "RETRIEVAL_QUERY",
        "outputDimensionality": 256,
        "content": {"parts": [{"text": "a"}]},
    }
    assert second["content"] == {"parts": [{"text": "b"}]}
    unknown = ADAPTER.write_embeddings(_embed(input_type="image"), ["a"], target("m"))
    assert "taskType" not in unknown.body.decode(), "models without the option ignore it"
    answer = b'{"embeddings":[{"values":[0.5,1]},{"values":[0.25,2]}],"usageMetadata":{"promptTokenCount":6}}'
    assert ADAPTER.read_embeddings(answer, 2) == ([[0.5, 1.0], [0.25, 2.0]], 6)


def _picture(**members: Any) -> ImageRequest:
    return ImageRequest(DirectModel("gemini", "m"), "a boat", **members)


def test_pictures_by_imagen() -> None:
    turn = Turn(keep_usage=True)
    request = _picture(n=2, size="1536x1024", quality="high")
    outgoing = ADAPTER.write_image(request, target("imagen-4.0-generate-001"), turn)
    assert outgoing.path.endswith("imagen-4.0-generate-001:predict")
    assert json.loads(outgoing.body) == {
        "instances": [{"prompt": "a boat"}],
        "parameters": {"sampleCount": 2, "aspectRatio": "4:3"},
    }
    answer = b'{"predictions":[{"bytesBase64Encoded":"aa","mimeType":"image/png","prompt":"a red boat"}]}'
    assert ADAPTER.read_image(answer, request, turn) == [{"b64_json": "aa", "revised_prompt": "a red boat"}]
    assert turn.tokens is not None and turn.tokens.images == 1


def test_pictures_by_gemini() -> None:
    turn = Turn(keep_usage=True)
    request = _picture(aspect_ratio="16:9", images=(File(b"png", "image/png"),))
    outgoing = ADAPTER.write_image(request, target("gemini-2.5-flash-image"), turn)
    body = json.loads(outgoing.body)
    assert outgoing.path.endswith(":generateContent")
    assert body["generationConfig"] == {
        "responseModalities": ["TEXT", "IMAGE"],
        "imageConfig": {"aspectRatio": "16:9"},
    }
    assert body["contents"][0]["parts"] == [
        {"inlineData": {"mimeType": "image/png", "data": "cG5n"}},
        {"text": "a boat"},
    ]
    parts = [{"text": "Here."}, {"inlineData": {"mimeType": "image/png", "data": "aa"}}]
    usage = {"promptTokenCount": 5, "candidatesTokenCount": 1290}
    answer = json.dumps({"candidates": [{"content": {"parts": parts}}], "usageMetadata": usage}).encode()
    assert ADAPTER.read_image(answer, request, turn) == [{"b64_json": "aa"}]
    assert turn.tokens is not None and (turn.tokens.images, turn.tokens.output_visible) == (1, 1290)
