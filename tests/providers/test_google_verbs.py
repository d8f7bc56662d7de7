"""What our two Google adapters write for embeddings, pictures and films, beside what Google's own SDK writes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from google import genai
from google.auth.credentials import AnonymousCredentials
from google.genai import types

from portico.server.providers.base import Adapter, Credential, Outgoing, Target, Turn
from portico.server.providers.gemini import Gemini
from portico.server.providers.transport import Transport
from portico.server.providers.vertex_ai import VertexAI
from portico.wire.model_ref import DirectModel
from portico.wire.requests import EmbeddingRequest, File, ImageRequest, VideoRequest, VideoStatusRequest
from tests.providers.cases_requests import png
from tests.providers.fakes.base import dumps
from tests.upstream import Asked, Reply, Upstream

REF = DirectModel("google", "m")
PICTURE = types.Image(image_bytes=png(), mime_type="image/png")
OPERATION = "projects/p/locations/l/publishers/google/models/veo-3.0-generate-001/operations/1"
ANSWERS: dict[str, Any] = {
    "batchEmbedContents": {"embeddings": [{"values": [0.5, 1.0]}]},
    "embedContent": {"embedding": {"values": [0.5, 1.0]}, "usageMetadata": {"promptTokenCount": 3}},
    "predict": {"predictions": [{"embeddings": {"values": [0.5, 1.0], "statistics": {"token_count": 3}}}]},
    "predictLongRunning": {"name": OPERATION},
    "fetchPredictOperation": {
        "name": OPERATION,
        "done": True,
        "response": {"videos": [{"gcsUri": "gs://b/v.mp4", "mimeType": "video/mp4"}]},
    },
}
IMAGES = {"predictions": [{"bytesBase64Encoded": "YWE=", "mimeType": "image/png", "prompt": "better"}]}


IMAGEN_ENDS = pytest.mark.filterwarnings("ignore:The (generate|edit)_images? method is deprecated")
"""Google takes Imagen out of its SDK from 2027 on; what it sends until then is what the API takes."""


@pytest.fixture
def provider() -> Iterator[Upstream]:
    def script(asked: Asked) -> Reply:
        verb = asked.path.rpartition(":")[2]
        body = IMAGES if "imagen" in asked.path else ANSWERS[verb]
        return Reply(200, dumps(body), {"Content-Type": "application/json"})

    with Upstream() as upstream:
        upstream.script = script
        yield upstream


@pytest.fixture
def studio(provider: Upstream) -> Iterator[genai.Client]:
    options = types.HttpOptions(base_url=provider.root, api_version="v1beta")
    client = genai.Client(api_key="AIzaKey", vertexai=False, http_options=options)
    yield client
    client.close()


@pytest.fixture
def vertex(provider: Upstream) -> Iterator[genai.Client]:
    credentials: Any = AnonymousCredentials()
    credentials.token = "ya29.x"
    client = genai.Client(
        vertexai=True,
        project="p",
        location="l",
        credentials=credentials,
        http_options=types.HttpOptions(base_url=provider.root, api_version="v1"),
    )
    yield client
    client.close()


def target(adapter: Adapter, model: str) -> Target:
    options = (("project", "p"), ("location", "l"), ("access_token", "ya29.x"))
    return Target("google", model, model, adapter, None, Credential("http://127.0.0.1:9", "", options))


STUDIO = Gemini()
VERTEX = VertexAI(Transport(request_timeout_s=5, gap_timeout_s=5, connect_timeout_s=5))


def check(outgoing: Outgoing, provider: Upstream) -> None:
    """Ours goes where the SDK's went, and says the same."""
    asked = provider.asked[-1]
    assert outgoing.path == asked.path
    assert json.loads(outgoing.body) == asked.body


def embed(adapter: Adapter, model: str, text: str) -> Outgoing:
    request = EmbeddingRequest(REF, [text], input_type="RETRIEVAL_QUERY", dimensions=2)
    return adapter.write_embeddings(request, [text], target(adapter, model))


def test_embeddings_of_the_studio(studio: genai.Client, provider: Upstream) -> None:
    config = types.EmbedContentConfig(task_type="RETRIEVAL_QUERY", output_dimensionality=2)
    told = studio.models.embed_content(model="gemini-embedding-001", contents=["a"], config=config)
    sent = provider.asked[-1].body
    for one in sent["requests"]:
        one["content"].pop("role", None)
    check(embed(STUDIO, "gemini-embedding-001", "a"), provider)
    assert told.embeddings is not None
    vectors, _ = STUDIO.read_embeddings(dumps(ANSWERS["batchEmbedContents"]), 1)
    assert vectors == [told.embeddings[0].values]


@pytest.mark.parametrize("model", ["text-embedding-005", "gemini-embedding-001", "gemini-embedding-2"])
def test_embeddings_of_vertex(vertex: genai.Client, provider: Upstream, model: str) -> None:
    config = types.EmbedContentConfig(task_type="RETRIEVAL_QUERY", output_dimensionality=2, auto_truncate=True)
    told = vertex.models.embed_content(model=model, contents="a", config=config)
    provider.asked[-1].body.get("content", {}).pop("role", None)
    check(embed(VERTEX, model, "a"), provider)
    assert told.embeddings and told.embeddings[0].statistics
    answer = dumps(ANSWERS[provider.asked[-1].path.rpartition(":")[2]])
    assert VERTEX.read_embeddings(answer, 1) == ([told.embeddings[0].values], told.embeddings[0].statistics.token_count)


@IMAGEN_ENDS
def test_pictures_of_imagen(vertex: genai.Client, provider: Upstream) -> None:
    config = types.GenerateImagesConfig(number_of_images=2, aspect_ratio="16:9", output_mime_type="image/png")
    told = vertex.models.generate_images(model="imagen-3.0-generate-002", prompt="a boat", config=config)
    raw = {"output_format": msgspec.Raw(b'"png"')}
    request = ImageRequest(REF, "a boat", n=2, aspect_ratio="16:9", members=raw)
    check(VERTEX.write_image(request, target(VERTEX, "imagen-3.0-generate-002"), Turn(keep_usage=True)), provider)
    assert told.generated_images and told.generated_images[0].enhanced_prompt == "better"
    read = VERTEX.read_image(dumps(IMAGES), request, Turn(keep_usage=True))
    assert read == [{"b64_json": "YWE=", "revised_prompt": "better"}]


@IMAGEN_ENDS
def test_pictures_changed_by_imagen(vertex: genai.Client, provider: Upstream) -> None:
    model = "imagen-3.0-capability-001"
    references: list[Any] = [
        types.RawReferenceImage(reference_id=1, reference_image=PICTURE),
        types.MaskReferenceImage(
            reference_id=2,
            reference_image=PICTURE,
            config=types.MaskReferenceConfig(mask_mode=types.MaskReferenceMode.MASK_MODE_USER_PROVIDED),
        ),
    ]
    config = types.EditImageConfig(number_of_images=1, edit_mode=types.EditMode.EDIT_MODE_INPAINT_INSERTION)
    vertex.models.edit_image(model=model, prompt="a hat", reference_images=references, config=config)
    file = File(png(), "image/png")
    request = ImageRequest(REF, "a hat", images=(file,), mask=file)
    check(VERTEX.write_image(request, target(VERTEX, model), Turn(keep_usage=True)), provider)


def test_films_of_veo(vertex: genai.Client, provider: Upstream) -> None:
    model = "veo-3.0-generate-001"
    config = types.GenerateVideosConfig(number_of_videos=1, duration_seconds=6)
    source = types.GenerateVideosSource(prompt="waves", image=PICTURE)
    begun = vertex.models.generate_videos(model=model, source=source, config=config)
    request = VideoRequest(REF, "waves", 6, File(png(), "image/png"))
    check(VERTEX.write_video(request, target(VERTEX, model), Turn(keep_usage=True)), provider)
    assert VERTEX.read_video(dumps(ANSWERS["predictLongRunning"]), request, Turn(keep_usage=True)) == begun.name
    done = vertex.operations.get(begun)
    status = VideoStatusRequest(REF, OPERATION)
    check(VERTEX.write_video_status(status, target(VERTEX, model)), provider)
    assert done.done and done.response and done.response.generated_videos
    film = done.response.generated_videos[0].video
    read = VERTEX.read_video_status(dumps(ANSWERS["fetchPredictOperation"]), status)
    assert film is not None and read["url"] == film.uri
