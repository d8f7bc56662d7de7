"""Rerank, images, audio and video through the door: documented bodies in and out, and what is refused."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.live import LiveServer
from tests.upstream import Asked, Reply, Upstream, whole

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
PICTURE = {"created": 1, "data": [{"b64_json": base64.b64encode(PNG).decode(), "revised_prompt": "a boat"}]}
SPOKEN = {"model": "openai/gpt-4o-mini-tts", "input": "Good morning", "voice": "alloy"}


def form(fields: dict[str, str], files: list[tuple[str, str, str, bytes]]) -> tuple[bytes, dict[str, str]]:
    """A multipart body and its header."""
    parts = [f'--x\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n'.encode() for k, v in fields.items()]
    for name, filename, kind, data in files:
        head = f'--x\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\nContent-Type: {kind}'
        parts.append(head.encode() + b"\r\n\r\n" + data + b"\r\n")
    return b"".join(parts) + b"--x--\r\n", {"Content-Type": "multipart/form-data; boundary=x"}


# images ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/images/generations", "/images", "/image", "/v1/images/generations"])
def test_the_paths_of_images_are_equal(server: LiveServer, upstream: Upstream, path: str) -> None:
    upstream.replies(whole(PICTURE))
    body = {"model": "openai/gpt-image-1", "prompt": "a boat", "n": 1, "quality": "low", "size": "1024x1024"}
    answer = server.post(path, body)
    assert answer.status == 200, answer.body
    found = answer.json()
    assert found["data"] == PICTURE["data"] and found["usage"]["currency"] == "USD" and found["requestId"]
    assert upstream.asked[0].path == "/v1/images/generations"
    sent = upstream.asked[0].body
    assert (sent["model"], sent["prompt"], sent["n"]) == ("gpt-image-1", "a boat", 1)
    assert (sent["quality"], sent["size"]) == ("low", "1024x1024")


@pytest.mark.parametrize("name", ["aspectRatio", "aspect_ratio"])
def test_both_spellings_of_the_aspect_ratio(server: LiveServer, upstream: Upstream, name: str) -> None:
    upstream.replies(whole(PICTURE))
    answer = server.post("/images", {"model": "openai/gpt-image-1", "prompt": "a boat", name: "16:9"})
    assert upstream.asked[0].body["size"] == "1536x1024"
    assert "aspect_ratio" in answer.headers["x-portico-adjusted"]


def test_what_a_model_does_not_know_is_dropped(server: LiveServer, upstream: Upstream) -> None:
    upstream.replies(whole(PICTURE))
    body = {"model": "openai/dall-e-2", "prompt": "a boat", "quality": "low", "size": "512x512"}
    answer = server.post("/images", body)
    assert "quality" not in upstream.asked[0].body and "quality dropped" in answer.headers["x-portico-adjusted"]


@pytest.mark.parametrize(
    ("body", "number", "field"),
    [
        ({"prompt": "a"}, 9, "model"),
        ({"model": "openai/gpt-image-1"}, 9, "prompt"),
        ({"model": "openai/gpt-image-1", "prompt": ""}, 9, "prompt"),
        ({"model": "openai/gpt-image-1", "prompt": "a", "n": 11}, 8, "n"),
        ({"model": "openai/gpt-image-1", "prompt": "a", "size": 1024}, 11, "size"),
        ({"model": "openai/gpt-4o", "prompt": "a"}, 2009, "model"),
    ],
)
def test_a_bad_picture_request_names_its_field(
    server: LiveServer, body: dict[str, Any], number: int, field: str
) -> None:
    answer = server.post("/images", body)
    error = answer.json()
    assert (answer.status, error["errors"][0]["id"], error["error"]["param"]) == (400, number, field)


@pytest.mark.parametrize("way", ["form", "data url", "address"])
def test_hc25_a_picture_to_be_changed_comes_in_three_ways(
    server: LiveServer, upstream: Upstream, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream.replies(whole(PICTURE))
    fields = {"model": "openai/gpt-image-1", "prompt": "orange sky"}
    if way == "form":
        body, headers = form(fields, [("image", "lake.png", "image/png", PNG)])
        answer = server.request("POST", "/v1/images/edits", body, headers)
    else:
        data = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
        address = data if way == "data url" else f"http://127.0.0.2:{server.port}/lake.png"
        answer = server.post("/images/edits", {**fields, "image": address})
    if way == "address":  # of a network of its own: refused by the guarded fetcher
        assert (answer.status, answer.json()["errors"][0]["id"]) == (400, 45)
        assert not upstream.asked
        return
    assert answer.status == 200, answer.body
    (asked,) = upstream.asked
    assert asked.path == "/v1/images/edits" and asked.headers["content-type"].startswith("multipart/form-data")


def test_what_is_no_picture_is_refused(server: LiveServer, upstream: Upstream) -> None:
    data = f"data:text/plain;base64,{base64.b64encode(b'hello').decode()}"
    answer = server.post("/images/edits", {"model": "openai/gpt-image-1", "prompt": "x", "image": data})
    assert (answer.status, answer.json()["errors"][0]["id"]) == (400, 46) and not upstream.asked


# speech ----------------------------------------------------------------------------------------------------------


def recording(_: Asked) -> Reply:
    return Reply(200, b"ID3sound", {"Content-Type": "audio/mpeg"})


def test_speech_is_json_on_the_platforms_path(server: LiveServer, upstream: Upstream) -> None:
    upstream.script = recording
    found = server.post("/audios/speech", SPOKEN).json()
    assert found["status"] == "completed" and base64.b64decode(found["b64_json"]) == b"ID3sound"


def test_speech_is_bytes_on_openais_path_unless_json_is_accepted(server: LiveServer, upstream: Upstream) -> None:
    upstream.script = recording
    answer = server.post("/v1/audio/speech", SPOKEN)
    assert (answer.headers["content-type"], answer.body) == ("audio/mpeg", b"ID3sound")
    accepted = server.post("/v1/audio/speech", SPOKEN, {"Accept": "application/json"})
    assert accepted.json()["status"] == "completed"


@pytest.mark.parametrize(
    ("change", "number"),
    [({"input": " "}, 10), ({"input": None}, 10), ({"voice": ""}, 9), ({"response_format": "midi"}, 8)],
)
def test_a_bad_speech_request_names_its_field(server: LiveServer, change: dict[str, Any], number: int) -> None:
    answer = server.post("/audios/speech", {**SPOKEN, **change})
    assert (answer.status, answer.json()["errors"][0]["id"]) == (400, number)


def test_a_recording_is_written_down(server: LiveServer, upstream: Upstream) -> None:
    upstream.replies(whole({"text": "Good morning", "usage": {"type": "duration", "seconds": 2}}))
    body, headers = form(
        {"model": "openai/gpt-4o-mini-transcribe", "language": "en"}, [("file", "a.mp3", "audio/mpeg", b"ID3sound")]
    )
    answer = server.request("POST", "/v1/audio/transcriptions", body, headers)
    assert answer.status == 200, answer.body
    assert answer.json()["text"] == "Good morning"
    sent = upstream.asked[0]
    assert sent.path == "/v1/audio/transcriptions" and sent.headers["content-type"].startswith("multipart/form-data")


def test_a_transcription_without_a_file_names_it(server: LiveServer) -> None:
    body, headers = form({"model": "openai/whisper-1"}, [])
    answer = server.request("POST", "/v1/audio/transcriptions", body, headers)
    assert (answer.status, answer.json()["errors"][0]["description"]) == (400, "Field file is required")


# rerank ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "number", "field"),
    [
        ({"query": "q", "documents": ["a"]}, 9, "model"),
        ({"model": "cohere/rerank-v3.5", "documents": ["a"]}, 9, "query"),
        ({"model": "cohere/rerank-v3.5", "query": "q"}, 9, "documents"),
        ({"model": "cohere/rerank-v3.5", "query": "q", "documents": ["a"], "top_n": 0}, 8, "top_n"),
        ({"model": "cohere/rerank-v3.5", "query": "q", "documents": [1]}, 11, "documents[0]"),
    ],
)
def test_a_bad_rerank_request_names_its_field(
    server: LiveServer, body: dict[str, Any], number: int, field: str
) -> None:
    answer = server.post("/rerank", body)
    error = answer.json()
    assert (answer.status, error["errors"][0]["id"], error["error"]["param"]) == (400, number, field), answer.body


def test_a_provider_that_is_not_set_up_names_the_setting(server: LiveServer) -> None:
    answer = server.post("/rerank", {"model": "cohere/rerank-v3.5", "query": "q", "documents": ["a"]})
    assert (answer.status, answer.json()["errors"][0]["id"]) == (400, 1001)
    assert "PORTICO_PROVIDER_COHERE_API_KEY" in answer.body.decode()


# video -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_status_of_a_video_is_asked_by_get_and_by_post(server: LiveServer, method: str) -> None:
    """Without a key both say which setting is missing, so both have found the handler."""
    asked = {"model": "vertex_ai/veo-3.0-generate-001", "operationName": "projects/x/operations/1"}
    if method == "GET":
        query = "&".join(f"{k}={v}" for k, v in asked.items())
        answer = server.get(f"/videos/status?{query}")
    else:
        answer = server.post("/videos/status", asked)
    assert answer.status == 400 and b"PORTICO_PROVIDER_VERTEX_AI" in answer.body


def test_a_video_needs_a_prompt(server: LiveServer) -> None:
    answer = server.post("/videos/generations", {"model": "vertex_ai/veo-3.0-generate-001", "instances": [{}]})
    assert (answer.status, json.loads(answer.body)["error"]["param"]) == (400, "prompt")
