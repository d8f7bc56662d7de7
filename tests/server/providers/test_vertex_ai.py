"""Vertex AI: where a request goes, who answers there, and the verbs that Google AI Studio has in other forms."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.providers.fakes.vertex_ai import service_account
from tests.providers.translating import chat_request

from portico.server.errors import (
    ProviderAuth,
    ProviderNotConfigured,
    ProviderRateLimit,
    ProviderUnknown,
)
from portico.server.providers.base import Credential, Target, Traits, Turn
from portico.server.providers.transport import Transport
from portico.server.providers.vertex_ai import VertexAI
from portico.wire.model_ref import DirectModel
from portico.wire.requests import EmbeddingRequest, File, ImageRequest, VideoRequest, VideoStatusRequest

ADAPTER = VertexAI(Transport(request_timeout_s=5, gap_timeout_s=5, connect_timeout_s=5))
EUROPE = "https://europe-west4-aiplatform.googleapis.com"
REF = DirectModel("vertex_ai", "m")
TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object", "properties": {}}}}
PLACE = "/v1/projects/acme/locations/europe-west4"


def credential(key: str = "", base_url: str = EUROPE, **options: str) -> Credential:
    return Credential(base_url, key, tuple(options.items()))


def target(model: str, given: Credential | None = None, **traits: Any) -> Target:
    given = given or credential("ya29.token", project="acme")
    return Target("vertex_ai", model, model, ADAPTER, ADAPTER.endpoint(given), given, Traits(**traits))


def path(model: str = "gemini-2.5-flash", given: Credential | None = None, *, stream: bool = False) -> str:
    return ADAPTER.write_chat(chat_request(stream=stream), target(model, given), Turn(keep_usage=True)).path


# credentials ------------------------------------------------------------------------------------------------


def test_an_access_token_an_api_key_and_a_service_account() -> None:
    token = ADAPTER.endpoint(credential("ya29.token", project="acme"))
    assert token is not None and dict(token.headers) == {"authorization": "Bearer ya29.token"}
    option = ADAPTER.endpoint(credential(access_token="abc", project="acme"))
    assert option is not None and dict(option.headers) == {"authorization": "Bearer abc"}
    express = ADAPTER.endpoint(credential("AQ.express-key"))
    assert express is not None and dict(express.headers) == {"x-goog-api-key": "AQ.express-key"}
    assert ADAPTER.endpoint(credential(service_account())) is None, "its token is fetched for each request"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (credential("ya29.token"), "PORTICO_PROVIDER_VERTEX_AI_PROJECT"),
        (credential("{}"), "service account"),
        (credential('{"client_email": 1}'), "service account"),
        (credential("ya29.x", project="p", base_url="", location="evil.example/#"), "location"),
        (credential("ya29.x", project="p", base_url="", location="a\nb"), "location"),
    ],
)
def test_credentials_that_cannot_be_any_say_what_to_change(given: Credential, says: str) -> None:
    with pytest.raises(ProviderNotConfigured, match=says):
        ADAPTER.endpoint(given)


@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("europe-west4", "https://europe-west4-aiplatform.googleapis.com"),
        ("global", "https://aiplatform.googleapis.com"),
        ("eu", "https://aiplatform.eu.rep.googleapis.com"),
        ("", "https://aiplatform.googleapis.com"),
    ],
)
def test_the_host_follows_from_the_location(location: str, host: str) -> None:
    found = ADAPTER.endpoint(credential("ya29.x", base_url="", project="acme", location=location))
    assert found is not None and found.base_url == host


# paths ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "prefix"),
    [
        (credential("ya29.x", project="acme"), PLACE),
        (credential("ya29.x", project="acme", location="us-east1"), "/v1/projects/acme/locations/us-east1"),
        (credential("ya29.x", base_url="", project="acme"), "/v1/projects/acme/locations/global"),
        (credential("ya29.x", f"{EUROPE}/v1beta1", project="acme"), "/projects/acme/locations/europe-west4"),
        (credential("ya29.x", f"{EUROPE}{PLACE}"), ""),
        (credential("ya29.x", project="acme", api_version="v1beta1"), PLACE.replace("v1", "v1beta1")),
        (credential("ya29.x", project="acme", api_version="v1/../x"), PLACE),
        (credential("AQ.express"), "/v1"),
        (credential(service_account()), "/v1/projects/fake-project/locations/europe-west4"),
    ],
)
def test_paths(given: Credential, prefix: str) -> None:
    models = f"{prefix}/publishers/google/models/gemini-2.5-flash"
    assert path(given=given) == f"{models}:generateContent"
    assert path(given=given, stream=True) == f"{models}:streamGenerateContent?alt=sse"


def test_ids_of_calls_only_where_the_api_has_them() -> None:
    """FunctionCall of v1 has none, and unknown members are refused."""
    call = {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": "{}"}}
    said = [
        {"role": "user", "content": "x"},
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "y"},
    ]
    request = chat_request(said, tools=[TOOL])
    for version, sent in (("v1", False), ("v1beta1", True)):
        given = credential("ya29.x", project="acme", api_version=version)
        body = ADAPTER.write_chat(request, target("gemini-2.5-flash", given), Turn(keep_usage=True)).body
        assert (b'"id":"c1"' in body) is sent


# partners ---------------------------------------------------------------------------------------------------


def test_claude_is_spoken_to_in_its_own_dialect() -> None:
    turn = Turn(keep_usage=True)
    aim = target("claude-sonnet-4-5@20250929", max_output=64_000)
    outgoing = ADAPTER.write_chat(chat_request(stream=True), aim, turn)
    assert outgoing.path == f"{PLACE}/publishers/anthropic/models/claude-sonnet-4-5@20250929:streamRawPredict"
    body = json.loads(outgoing.body)
    assert body["anthropic_version"] == "vertex-2023-10-16"
    assert "model" not in body and body["stream"] is True and body["max_tokens"] == 64_000
    events: list[Any] = [
        {"type": "message_start", "message": {"id": "msg_1", "model": "claude", "usage": {"input_tokens": 5}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
        {"type": "message_stop"},
    ]
    request = chat_request(stream=True)
    frames = [f for event in events for f in ADAPTER.read_frame(json.dumps(event).encode(), request, turn)]
    frames += ADAPTER.end_frames(request, turn)
    chunks = [json.loads(frame)["choices"][0] for frame in frames]
    assert "".join(chunk["delta"].get("content", "") for chunk in chunks) == "Hi"
    assert [chunk["finish_reason"] for chunk in chunks if chunk["finish_reason"]] == ["stop"]
    assert turn.finish_reason == "stop"
    assert turn.tokens is not None and (turn.tokens.input_uncached, turn.tokens.output_visible) == (5, 2)


def test_claude_whole_and_its_refusals() -> None:
    turn = Turn(keep_usage=True)
    aim = target("claude-sonnet-4-5@20250929", max_output=64_000)
    assert ADAPTER.write_chat(chat_request(), aim, turn).path.endswith(":rawPredict")
    answer = {
        "id": "msg_1",
        "type": "message",
        "model": "claude",
        "content": [{"type": "text", "text": "Hi"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 5, "output_tokens": 2},
    }
    members = ADAPTER.read_chat(json.dumps(answer).encode(), chat_request(), turn)
    assert json.loads(bytes(members["choices"]))[0]["message"]["content"] == "Hi"
    refused = b'{"type": "error", "error": {"type": "rate_limit_error", "message": "slow down"}}'
    assert isinstance(ADAPTER.read_error(429, {}, refused), ProviderRateLimit)
    assert isinstance(ADAPTER.read_error(401, {}, b'[{"error":{"code":401,"message":"x"}}]'), ProviderAuth)


@pytest.mark.parametrize(
    ("model", "where"),
    [
        ("meta/llama-4-maverick-17b-128e-instruct-maas", "/endpoints/openapi/chat/completions"),
        ("mistral-large-2411", "/publishers/mistralai/models/mistral-large-2411:streamRawPredict"),
        ("codestral-2501", "/publishers/mistralai/models/codestral-2501:streamRawPredict"),
    ],
)
def test_open_models_and_mistral_are_spoken_to_in_openais_dialect(model: str, where: str) -> None:
    turn = Turn(keep_usage=True)
    request = chat_request(stream=True)
    outgoing = ADAPTER.write_chat(request, target(model), turn)
    assert outgoing.path == PLACE + where
    assert json.loads(outgoing.body)["model"] == model
    delta = {"role": "assistant", "content": "Hi"}
    chunk = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    first = json.dumps({**chunk, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}).encode()
    last = json.dumps({**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}).encode()
    (shown,) = ADAPTER.read_frame(first, request, turn)
    assert json.loads(shown)["choices"][0]["delta"]["content"] == "Hi"
    ADAPTER.read_frame(last, request, turn)
    ADAPTER.end_frames(request, turn)
    assert turn.finish_reason == "stop" and turn.seen_tokens == 1


@pytest.mark.parametrize("model", ["a/../../../../x", "claude-../../x?y", "mistral-x#:\r\n", "../gemini"])
def test_a_models_name_never_leaves_its_place_in_the_path(model: str) -> None:
    found = path(model)
    assert found.startswith(PLACE)
    assert not set(found) & set("?#\r\n ") and "/.." not in found


# embeddings, pictures, films --------------------------------------------------------------------------------


def _embed(model: str, text: str, **members: Any) -> tuple[str, Any]:
    outgoing = ADAPTER.write_embeddings(EmbeddingRequest(REF, [text], **members), [text], target(model))
    return outgoing.path.rpartition(":")[2], json.loads(outgoing.body)


def test_embeddings_of_texts() -> None:
    verb, body = _embed("text-embedding-005", "a", input_type="RETRIEVAL_QUERY", dimensions=256)
    assert verb == "predict"
    assert body == {
        "instances": [{"content": "a", "task_type": "RETRIEVAL_QUERY"}],
        "parameters": {"autoTruncate": True, "outputDimensionality": 256},
    }
    told = {"embeddings": {"values": [0.5, 1], "statistics": {"truncated": False, "token_count": 3}}}
    assert ADAPTER.read_embeddings(json.dumps({"predictions": [told, told]}).encode(), 2) == ([[0.5, 1.0]] * 2, 6)
    with pytest.raises(ProviderUnknown):
        ADAPTER.read_embeddings(json.dumps({"predictions": [told]}).encode(), 2)


@pytest.mark.parametrize("picture", ["data:image/png;base64,aGk=", "image/png;base64,aGk="])
def test_embeddings_of_pictures(picture: str) -> None:
    verb, body = _embed("multimodalembedding@001", picture, dimensions=512)
    assert verb == "predict"
    assert body["instances"] == [{"image": {"bytesBase64Encoded": "aGk=", "mimeType": "image/png"}}]
    assert body["parameters"] == {"dimension": 512}
    assert _embed("multimodalembedding@001", "a chair")[1]["instances"] == [{"text": "a chair"}]
    assert ADAPTER.read_embeddings(b'{"predictions":[{"imageEmbedding":[1,2]}]}', 1) == ([[1.0, 2.0]], 0)
    assert ADAPTER.read_embeddings(b'{"predictions":[{"textEmbedding":[1,2]}]}', 1) == ([[1.0, 2.0]], 0)


def test_embeddings_of_the_newer_models() -> None:
    verb, body = _embed("gemini-embedding-2", "a", input_type="clustering")
    assert (verb, body["content"]) == ("embedContent", {"parts": [{"text": "a"}]})
    assert body["embedContentConfig"] == {"autoTruncate": True, "taskType": "CLUSTERING"}
    _, body = _embed("gemini-embedding-2", "data:image/png;base64,aGk=")
    assert body["content"] == {"parts": [{"inlineData": {"mimeType": "image/png", "data": "aGk="}}]}
    told = b'{"embedding":{"values":[1,2]},"usageMetadata":{"promptTokenCount":4}}'
    assert ADAPTER.read_embeddings(told, 1) == ([[1.0, 2.0]], 4)
    assert _embed("gemini-embedding-001", "a")[0] == "predict"


def test_pictures_changed_by_imagen() -> None:
    request = ImageRequest(REF, "a hat", images=(File(b"a", "image/png"),), mask=File(b"b", "image/png"))
    outgoing = ADAPTER.write_image(request, target("imagen-3.0-capability-001"), Turn(keep_usage=True))
    assert outgoing.path == f"{PLACE}/publishers/google/models/imagen-3.0-capability-001:predict"
    body = json.loads(outgoing.body)
    raw, mask = body["instances"][0]["referenceImages"]
    assert (raw["referenceType"], raw["referenceId"]) == ("REFERENCE_TYPE_RAW", 1)
    assert (mask["referenceType"], mask["referenceId"]) == ("REFERENCE_TYPE_MASK", 2)
    assert mask["maskImageConfig"] == {"maskMode": "MASK_MODE_USER_PROVIDED"}
    assert body["parameters"]["editMode"] == "EDIT_MODE_INPAINT_INSERTION"


def test_films() -> None:
    turn = Turn(keep_usage=True)
    request = VideoRequest(REF, "waves", 6, File(b"a", "image/png"))
    outgoing = ADAPTER.write_video(request, target("veo-3.0-generate-001"), turn)
    assert outgoing.path == f"{PLACE}/publishers/google/models/veo-3.0-generate-001:predictLongRunning"
    assert json.loads(outgoing.body) == {
        "instances": [{"prompt": "waves", "image": {"bytesBase64Encoded": "YQ==", "mimeType": "image/png"}}],
        "parameters": {"sampleCount": 1, "durationSeconds": 6},
    }
    name = f"{PLACE[4:]}/publishers/google/models/veo-3.0-generate-001/operations/1"
    assert ADAPTER.read_video(json.dumps({"name": name}).encode(), request, turn) == name
    assert turn.tokens is not None and turn.tokens.units == 6
    status = VideoStatusRequest(REF, name)
    outgoing = ADAPTER.write_video_status(status, target("veo-3.0-generate-001"))
    assert outgoing.path.endswith("veo-3.0-generate-001:fetchPredictOperation")
    assert json.loads(outgoing.body) == {"operationName": name}


@pytest.mark.parametrize(
    ("told", "status", "more"),
    [
        ({"name": "x"}, "pending", {}),
        ({"done": True, "response": {"videos": [{"gcsUri": "gs://b/v.mp4"}]}}, "completed", {"url": "gs://b/v.mp4"}),
        ({"done": True, "response": {"videos": [{"bytesBase64Encoded": "aa"}]}}, "completed", {"b64_json": "aa"}),
        (
            {"done": True, "error": {"code": 3, "message": "bad"}},
            "failed",
            {"error": {"code": 3, "message": "bad"}},
        ),
        (
            {"done": True, "response": {"raiMediaFilteredCount": 1, "raiMediaFilteredReasons": ["no"]}},
            "failed",
            {"error": {"code": "content_filter", "message": "no"}},
        ),
    ],
)
def test_how_far_a_film_is(told: Any, status: str, more: Any) -> None:
    found = ADAPTER.read_video_status(json.dumps(told).encode(), VideoStatusRequest(REF, "x"))
    assert found["status"] == status
    assert more.items() <= found.items()
