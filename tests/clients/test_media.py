"""Rerank, images, audio and video by clients of others, unchanged: `openai`, `pygeai` and `geai`; and by our own SDK.

One server with all providers of these verbs, which is one scripted upstream, beside the local models.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from portico import OperationFailed, Portico
from tests.clients.pygeai_host import import_pygeai, profiles, run_geai
from tests.live import LiveServer
from tests.upstream import Asked, Reply, Upstream, whole

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)
IMAGE, VEO = "openai/gpt-image-1", "vertex_ai/veo-3.0-generate-001"
SPEAK, WRITE = "openai/gpt-4o-mini-tts", "openai/gpt-4o-mini-transcribe"
OPERATION = "projects/p/locations/us-central1/publishers/google/models/veo-3.0-generate-001/operations/42"
DOCUMENTS = ["Opening hours", "Use the link on the login page to reset it", "Passwords need 12 characters"]


def answer(asked: Asked) -> Reply:
    """What OpenAI, Cohere and Google answer to these verbs."""
    path = asked.path
    if "/images/" in path:
        return whole({"created": 1, "data": [{"b64_json": base64.b64encode(PNG).decode()}]})
    if path.endswith("/audio/speech"):
        return Reply(200, b"ID3sound", {"Content-Type": "audio/mpeg"})
    if path.endswith("/audio/transcriptions"):
        return whole({"text": "Good morning", "usage": {"type": "duration", "seconds": 2}})
    if path.endswith("/rerank"):
        results = [{"index": 1, "relevance_score": 0.9}, {"index": 2, "relevance_score": 0.4}]
        return whole(
            {"id": "x", "results": results[: asked.body["top_n"]], "meta": {"billed_units": {"search_units": 1}}}
        )
    if path.endswith(":predictLongRunning"):
        return whole({"name": OPERATION})
    assert path.endswith(":fetchPredictOperation"), path
    film = {"bytesBase64Encoded": base64.b64encode(b"film").decode(), "mimeType": "video/mp4"}
    return whole({"name": OPERATION, "done": True, "response": {"videos": [film]}})


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory, _upstream: Upstream) -> Iterator[LiveServer]:
    environ = {
        "PORTICO_PROVIDER_OPENAI_API_KEY": "upstream-key",
        "PORTICO_PROVIDER_OPENAI_BASE_URL": _upstream.url,
        "PORTICO_PROVIDER_COHERE_API_KEY": "cohere-key",
        "PORTICO_PROVIDER_COHERE_BASE_URL": _upstream.root,
        "PORTICO_PROVIDER_VERTEX_AI_ACCESS_TOKEN": "ya29.token",
        "PORTICO_PROVIDER_VERTEX_AI_BASE_URL": _upstream.root,
        "PORTICO_PROVIDER_VERTEX_AI_PROJECT": "p",
        "PORTICO_PROVIDER_VERTEX_AI_LOCATION": "us-central1",
    }
    with LiveServer(tmp_path_factory.mktemp("media"), environ) as live:
        yield live


@pytest.fixture(autouse=True)
def _scripted(upstream: Upstream) -> None:
    upstream.script = answer


# openai ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def client(media: LiveServer) -> Iterator[OpenAI]:
    with OpenAI(api_key=media.token(), base_url=f"{media.url}/v1", max_retries=0, timeout=60) as made:
        yield made


def test_openai_makes_a_picture(client: OpenAI, upstream: Upstream) -> None:
    made = client.images.generate(model=IMAGE, prompt="a boat", size="1024x1024", quality="low", n=1)
    assert made.data is not None and base64.b64decode(made.data[0].b64_json or "") == PNG
    assert made.created > 0
    assert upstream.asked[0].path == "/v1/images/generations"


@pytest.mark.parametrize("several", [False, True])
def test_openai_changes_a_picture(client: OpenAI, upstream: Upstream, several: bool) -> None:
    files: Any = [("a.png", PNG, "image/png"), ("b.png", PNG, "image/png")] if several else ("a.png", PNG, "image/png")
    made = client.images.edit(model=IMAGE, image=files, mask=("m.png", PNG, "image/png"), prompt="orange sky")
    assert made.data is not None and base64.b64decode(made.data[0].b64_json or "") == PNG
    (asked,) = upstream.asked
    assert asked.path == "/v1/images/edits" and asked.raw_body.count(PNG) == (3 if several else 2)
    assert b'name="mask"' in asked.raw_body and b"orange sky" in asked.raw_body


def test_openai_has_a_text_spoken(client: OpenAI, tmp_path: Path) -> None:
    spoken = client.audio.speech.create(model=SPEAK, voice="alloy", input="Good morning")
    assert spoken.content == b"ID3sound" and spoken.response.headers["content-type"] == "audio/mpeg"
    with client.audio.speech.with_streaming_response.create(model=SPEAK, voice="alloy", input="Good morning") as open_:
        open_.stream_to_file(tmp_path / "a.mp3")
    assert (tmp_path / "a.mp3").read_bytes() == b"ID3sound"


def test_openai_has_a_recording_written_down(client: OpenAI, upstream: Upstream) -> None:
    written = client.audio.transcriptions.create(model=WRITE, file=("a.mp3", b"ID3sound"), language="en")
    assert written.text == "Good morning"
    assert b"ID3sound" in upstream.asked[0].raw_body and b"gpt-4o-mini-transcribe" in upstream.asked[0].raw_body


def test_openai_asks_for_words_and_segments(client: OpenAI, upstream: Upstream) -> None:
    wanted: Any = ["word", "segment"]
    client.audio.transcriptions.create(
        model=WRITE, file=("a.mp3", b"ID3sound"), response_format="verbose_json", timestamp_granularities=wanted
    )
    assert upstream.asked[0].raw_body.count(b'name="timestamp_granularities[]"') == 2


def test_openai_is_told_what_is_wrong_with_a_picture(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.images.generate(model=IMAGE, prompt="")
    assert refused.value.param == "prompt"
    with pytest.raises(openai.BadRequestError, match="Invalid Type"):
        client.images.generate(model="openai/gpt-4o", prompt="a boat")


@pytest.mark.anyio
async def test_the_async_openai_client_does_all_of_it_too(media: LiveServer) -> None:
    async with AsyncOpenAI(api_key=media.token(), base_url=f"{media.url}/v1", max_retries=0, timeout=60) as client:
        made, spoken, written = await asyncio.gather(
            client.images.generate(model=IMAGE, prompt="a boat"),
            client.audio.speech.create(model=SPEAK, voice="alloy", input="Good morning"),
            client.audio.transcriptions.create(model=WRITE, file=("a.mp3", b"ID3sound")),
        )
    assert made.data and spoken.content == b"ID3sound" and written.text == "Good morning"


# pygeai ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def _vendor(tmp_path_factory: pytest.TempPathFactory) -> None:
    import_pygeai(tmp_path_factory.mktemp("vendor-home"))


@pytest.fixture
def key(media: LiveServer, _vendor: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, str]]:
    for name in ("GEAI_API_KEY", "GEAI_API_BASE_URL", "GEAI_OAUTH_ACCESS_TOKEN", "GEAI_PROJECT_ID"):
        monkeypatch.delenv(name, raising=False)
    with profiles(Path(shutil.copy(media.data_dir / "credentials", tmp_path / "credentials"))):
        yield media.token(), media.url


@pytest.mark.parametrize("model", ["cohere/rerank-v3.5", "local/minilm-cosine"])
def test_pygeai_reranks(key: tuple[str, str], model: str) -> None:
    from pygeai.core.rerank.clients import RerankClient
    from pygeai.core.rerank.managers import RerankManager

    asked = {"query": "how to reset a password", "model": model, "documents": DOCUMENTS, "top_n": 2}
    found = RerankManager(*key).rerank_chunks(**asked)
    assert [result.index for result in found.results] == [1, 2]
    assert all(0 < result.relevance_score <= 1 for result in found.results)
    assert (found.meta.api_version.version, found.meta.billed_units.search_units) == ("2", 1)
    assert RerankClient(*key).rerank_chunks(**asked)["results"][0]["index"] == 1


def test_pygeai_makes_and_changes_pictures(key: tuple[str, str], upstream: Upstream) -> None:
    from pygeai.chat.clients import ChatClient

    made = ChatClient(*key).generate_image(IMAGE, "a boat", 1, "low", "1024x1024", aspect_ratio="1:1")
    assert base64.b64decode(made["data"][0]["b64_json"]) == PNG and made["usage"]["currency"] == "USD"
    url = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    changed = ChatClient(*key).edit_image(IMAGE, "orange sky", url, "1024x1024", quality="low")
    assert base64.b64decode(changed["data"][0]["b64_json"]) == PNG
    assert PNG in upstream.asked[1].raw_body


def test_pygeai_has_a_text_spoken(key: tuple[str, str]) -> None:
    from pygeai.chat.clients import ChatClient

    spoken = ChatClient(*key).text_to_speech(SPEAK, "Good morning", "alloy")
    assert spoken["status"] == "completed" and base64.b64decode(spoken["b64_json"]) == b"ID3sound"


def test_pygeai_makes_a_film(key: tuple[str, str], upstream: Upstream) -> None:
    from pygeai.chat.clients import ChatClient

    begun = ChatClient(*key).generate_video(VEO, "waves at dawn", 6)
    assert begun["id"] == begun["name"] == OPERATION
    assert upstream.asked[0].body["parameters"]["durationSeconds"] == 6
    film = ChatClient(*key).get_video_status(VEO, begun["id"])
    assert film["status"] == "completed" and base64.b64decode(film["b64_json"]) == b"film"
    assert upstream.asked[1].body == {"operationName": OPERATION}


def test_pygeai_is_told_that_no_model_was_named(key: tuple[str, str]) -> None:
    from pygeai.chat.clients import ChatClient
    from pygeai.core.common.exceptions import APIResponseError

    chat = ChatClient(*key)
    for call in (
        lambda: chat.generate_image("", "a boat", 1, "low", "1024x1024"),
        lambda: chat.generate_video("", "waves at dawn", 6),
        lambda: chat.get_video_status("", "operations/1"),
    ):
        with pytest.raises(APIResponseError, match="Field model is required: LLM Provider NOT provided"):
            call()


def test_the_command_geai_reranks(media: LiveServer, tmp_path: Path) -> None:
    file = shutil.copy(media.data_dir / "credentials", tmp_path / "credentials")
    words = ["-q", "how to reset a password", "-m", "local/minilm-cosine", "-d", json.dumps(DOCUMENTS), "--top-n", "2"]
    done = run_geai(tmp_path / "home", "--credentials", str(file), "rerank", "rerank-chunks", *words)
    assert done.returncode == 0, done.stderr
    assert "'index': 1" in done.stdout and done.stdout.count("relevance_score") == 2


# our own SDK and command line --------------------------------------------------------------------------------


@pytest.fixture
def ours(media: LiveServer) -> Iterator[Portico]:
    with Portico(media.token(), media.url) as made:
        yield made


def test_our_sdk_does_all_of_it(ours: Portico, tmp_path: Path) -> None:
    ranking = ours.rerank.create("local/minilm-cosine", "how to reset a password", DOCUMENTS, top_n=1)
    assert ranking.pick(DOCUMENTS) == [DOCUMENTS[1]] and ranking.request_id
    image = ours.images.generate(IMAGE, "a boat", size="1024x1024").data[0]
    boat = image.save(tmp_path / "boat.png")
    assert boat.read_bytes() == PNG
    assert ours.images.edit(IMAGE, "orange sky", boat).data[0].content() == PNG
    assert ours.audio.speak(SPEAK, "Good morning").save(tmp_path / "a.mp3").read_bytes() == b"ID3sound"
    assert ours.audio.transcribe(WRITE, tmp_path / "a.mp3").text == "Good morning"
    begun = ours.videos.generate(
        VEO, "waves", duration=6, image=f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    )
    video = ours.videos.wait(VEO, begun.name)
    assert video.save(tmp_path / "waves.mp4").read_bytes() == b"film"


def test_our_sdk_tells_of_a_film_that_failed(ours: Portico, upstream: Upstream) -> None:
    upstream.replies(whole({"name": OPERATION, "done": True, "error": {"code": 3, "message": "not allowed"}}))
    with pytest.raises(OperationFailed, match="not allowed"):
        ours.videos.wait(VEO, OPERATION)


@pytest.mark.parametrize(
    ("words", "file", "content"),
    [
        (("images", "generate", "a boat", "-o", "boat.png"), "boat.png", PNG),
        (("images", "edit", "given.png", "orange sky", "-o", "out.png"), "out.png", PNG),
        (("audio", "speak", "Good morning", "-o", "a.mp3"), "a.mp3", b"ID3sound"),
        (("videos", "generate", "waves", "--wait", "-o", "waves.mp4"), "waves.mp4", b"film"),
    ],
)
def test_our_commands_write_files_by_the_model_that_is_set_up(
    media: LiveServer, tmp_path: Path, words: tuple[str, ...], file: str, content: bytes
) -> None:
    (tmp_path / "given.png").write_bytes(PNG)
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("GEAI_", "SAIA_", "PORTICO_"))}
    env = {**clean, "GEAI_API_KEY": media.token(), "GEAI_API_BASE_URL": media.url, "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "portico", *words], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / file).read_bytes() == content
    assert done.stderr.startswith("model: ")
