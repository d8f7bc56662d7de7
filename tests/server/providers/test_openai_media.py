"""Pictures and recordings in the OpenAI protocol: what goes out is what the official SDK sends, answers are read."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from email.parser import BytesParser
from typing import Any

import msgspec
import openai
import pytest
from openai.types import ImagesResponse
from openai.types.audio import Transcription, TranscriptionVerbose
from tests.upstream import Asked, Reply, Upstream, whole

from portico.server.errors import ProviderUnknown
from portico.server.providers.base import Endpoint, Outgoing, Target, Tokens, Turn
from portico.server.providers.openai import OpenAI
from portico.wire.model_ref import DirectModel
from portico.wire.requests import File, ImageRequest, SpeechRequest, TranscriptionRequest

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(40))
WAV = b"RIFF\x24\0\0\0WAVEfmt "
REF = DirectModel("openai", "m")
B64 = base64.b64encode(PNG).decode()
PICTURES = {
    "created": 1764000000,
    "data": [{"b64_json": B64}, {"url": "https://images.example.com/1.png", "revised_prompt": "a red hat"}],
    "size": "1024x1024",
    "usage": {
        "input_tokens": 50,
        "output_tokens": 4160,
        "total_tokens": 4210,
        "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
    },
}


def target(model: str = "gpt-image-1") -> Target:
    return Target("openai", model, model, OpenAI(), Endpoint("http://127.0.0.1:9/v1"))


def turn() -> Turn:
    return Turn(keep_usage=True)


def raw(**members: Any) -> dict[str, Any]:
    return {name: msgspec.Raw(json.dumps(value).encode()) for name, value in members.items()}


def parts(body: bytes, content_type: str) -> dict[str, list[tuple[str | None, str, bytes]]]:
    """A form by the standard library's reader: name to file name, type and content of each part."""
    message = BytesParser().parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    assert message.is_multipart() and not message.defects
    found: dict[str, list[tuple[str | None, str, bytes]]] = {}
    for part in message.get_payload():
        assert not isinstance(part, str)
        name = part.get_param("name", header="content-disposition")
        kind = part.get_content_type() if part.get("content-type") else ""
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        found.setdefault(str(name), []).append((part.get_filename(), kind, content))
    return found


@pytest.fixture
def provider() -> Iterator[Upstream]:
    with Upstream() as upstream:
        yield upstream


@pytest.fixture
def sdk(provider: Upstream) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key="k", base_url=provider.url, max_retries=0) as client:
        yield client


def same_json(asked: Asked, outgoing: Outgoing) -> None:
    assert (asked.path, asked.headers["content-type"]) == (f"/v1{outgoing.path}", outgoing.content_type)
    assert json.loads(outgoing.body) == asked.body


def same_form(asked: Asked, outgoing: Outgoing) -> None:
    """A form of the same fields and files, in whatever order."""
    assert asked.path == f"/v1{outgoing.path}"
    assert parts(outgoing.body, outgoing.content_type) == parts(asked.raw_body, asked.headers["content-type"])


# pictures -------------------------------------------------------------------------------------------------------


def test_a_picture_is_asked_for_as_the_sdk_does(sdk: openai.OpenAI, provider: Upstream) -> None:
    provider.replies(whole(PICTURES))
    sdk.images.generate(
        model="gpt-image-1", prompt="A hat", n=2, size="1024x1024", quality="low", background="transparent"
    )
    request = ImageRequest(REF, "A hat", n=2, size="1024x1024", quality="low", members=raw(background="transparent"))
    same_json(provider.asked[0], OpenAI().write_image(request, target(), turn()))


@pytest.mark.parametrize("count", [1, 2])
def test_a_picture_is_changed_as_the_sdk_does(sdk: openai.OpenAI, provider: Upstream, count: int) -> None:
    provider.replies(whole(PICTURES))
    files: Any = [("hat.png", PNG, "image/png"), ("cat.png", PNG, "image/png")][:count]
    sdk.images.edit(
        model="gpt-image-1",
        image=files if count > 1 else files[0],
        mask=("mask.png", PNG, "image/png"),
        prompt="Año 日本",
        n=1,
        input_fidelity="high",
    )
    images = tuple(File(data, kind, name) for name, data, kind in files)
    request = ImageRequest(
        REF, "Año 日本", images=images, mask=File(PNG, "image/png", "mask.png"), members=raw(input_fidelity="high")
    )
    same_form(provider.asked[0], OpenAI().write_image(request, target(), turn()))


def test_pictures_and_their_tokens_are_read() -> None:
    assert ImagesResponse.model_validate(PICTURES).usage is not None, "the shape is OpenAI's"
    seen = turn()
    found = OpenAI().read_image(json.dumps(PICTURES).encode(), ImageRequest(REF, "A hat"), seen)
    assert found == PICTURES["data"]
    assert seen.tokens == Tokens(input_uncached=50, output_visible=4160, images=2)


def test_pictures_without_usage_are_counted() -> None:
    seen = turn()
    body = b'{"created":1,"data":[{"url":"https://images.example.com/1.png","revised_prompt":null}]}'
    assert OpenAI().read_image(body, ImageRequest(REF, "A hat"), seen) == [{"url": "https://images.example.com/1.png"}]
    assert seen.tokens == Tokens(images=1)


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"data":null}', b'{"data":"x"}', b"[" * 2_000])
def test_what_is_no_list_of_pictures_is_the_providers_fault(body: bytes) -> None:
    with pytest.raises(ProviderUnknown):
        OpenAI().read_image(body, ImageRequest(REF, "A hat"), turn())


@pytest.mark.parametrize(
    ("model", "sent", "adjusted"),
    [
        ("gpt-image-1", {"size": "1024x1024", "quality": "low"}, ["response_format dropped"]),
        ("dall-e-2", {"size": "1024x1024", "response_format": "url"}, ["quality dropped"]),
        ("dall-e-3", {"size": "1024x1024", "quality": "low", "response_format": "url"}, []),
        ("grok-2-image", {"response_format": "url"}, ["size dropped", "quality dropped"]),
    ],
)
def test_hc22_what_a_family_refuses_is_dropped_and_said(model: str, sent: dict[str, str], adjusted: list[str]) -> None:
    seen = turn()
    request = ImageRequest(REF, "A hat", size="1024x1024", quality="low", response_format="url")
    body = json.loads(OpenAI().write_image(request, target(model), seen).body)
    assert body == {"model": model, "prompt": "A hat", "n": 1, **sent}
    assert seen.adjusted == adjusted


@pytest.mark.parametrize(("ratio", "size"), [("1:1", "1024x1024"), ("16:9", "1536x1024"), ("2:1", None)])
def test_an_aspect_ratio_becomes_a_size(ratio: str, size: str | None) -> None:
    seen = turn()
    body = json.loads(OpenAI().write_image(ImageRequest(REF, "A hat", aspect_ratio=ratio), target(), seen).body)
    assert body.get("size") == size
    assert seen.adjusted == [f"aspect_ratio {ratio}->size {size or 'dropped'}"]


# recordings -----------------------------------------------------------------------------------------------------


def test_speech_is_asked_for_as_the_sdk_does(sdk: openai.OpenAI, provider: Upstream) -> None:
    provider.replies(Reply(200, b"ID3", {"Content-Type": "audio/mpeg"}))
    sdk.audio.speech.create(
        model="gpt-4o-mini-tts", input="Hi", voice="alloy", response_format="mp3", instructions="Softly."
    )
    request = SpeechRequest(REF, "Hi", "alloy", "mp3", raw(instructions="Softly."))
    same_json(provider.asked[0], OpenAI().write_speech(request, target("gpt-4o-mini-tts"), turn()))


@pytest.mark.parametrize(
    ("told", "form", "kind"),
    [
        ("audio/mpeg", "mp3", "audio/mpeg"),
        ("application/octet-stream", "opus", "audio/ogg"),
        ("", "wav", "audio/wav"),
        ("", "other", "application/octet-stream"),
    ],
)
def test_a_recording_says_what_it_is(told: str, form: str, kind: str) -> None:
    seen = turn()
    file = OpenAI().read_speech(b"ID3", told, SpeechRequest(REF, "Hello", "alloy", form), seen)
    assert (file.data, file.content_type) == (b"ID3", kind)
    assert seen.tokens is not None and (seen.tokens.units, seen.tokens.estimated) == (5, True)


@pytest.mark.parametrize(("body", "kind"), [(b"", "audio/mpeg"), (b"{}", "application/json"), (b"<p>", "text/html")])
def test_what_is_no_recording_is_the_providers_fault(body: bytes, kind: str) -> None:
    with pytest.raises(ProviderUnknown):
        OpenAI().read_speech(body, kind, SpeechRequest(REF, "Hello", "alloy"), turn())


def test_a_recording_is_sent_as_the_sdk_does(sdk: openai.OpenAI, provider: Upstream) -> None:
    provider.replies(whole({"text": "Hi"}))
    sdk.audio.transcriptions.create(
        model="whisper-1",
        file=("a.wav", WAV, "audio/wav"),
        response_format="verbose_json",
        language="en",
        timestamp_granularities=["word", "segment"],
    )
    fields = {"language": "en", "timestamp_granularities[]": ["word", "segment"]}
    request = TranscriptionRequest(REF, File(WAV, "audio/wav", "a.wav"), "verbose_json", fields)
    same_form(provider.asked[0], OpenAI().write_transcription(request, target("whisper-1"), turn()))


def read(answer: Any, form: str = "json") -> tuple[dict[str, Any], Tokens | None]:
    seen, request = turn(), TranscriptionRequest(REF, File(WAV, "audio/wav"), form)
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    return OpenAI().read_transcription(body, request, seen), seen.tokens


def test_a_transcription_counts_tokens_of_sound_apart() -> None:
    usage = {
        "type": "tokens", "input_tokens": 30, "output_tokens": 9, "total_tokens": 39,
        "input_token_details": {"text_tokens": 4, "audio_tokens": 26},
    }  # fmt: skip
    answer = {"text": "Hi", "usage": usage}
    assert Transcription.model_validate(answer).usage is not None
    assert read(answer) == ({"text": "Hi"}, Tokens(input_uncached=4, audio_in=26, output_visible=9))


def test_a_transcription_counts_seconds() -> None:
    segment = {
        "id": 0, "avg_logprob": -0.1, "compression_ratio": 1.0, "end": 3.2, "no_speech_prob": 0.0, "seek": 0,
        "start": 0.0, "temperature": 0.0, "text": "Hi", "tokens": [1],
    }  # fmt: skip
    answer = {"task": "transcribe", "language": "english", "duration": 3.2, "text": "Hi", "segments": [segment]}
    assert TranscriptionVerbose.model_validate(answer).duration == 3.2
    assert read(answer, "verbose_json") == (answer, Tokens(units=4))
    told = {**answer, "usage": {"type": "duration", "seconds": 7}}
    assert read(told, "verbose_json")[1] == Tokens(units=7)


@pytest.mark.parametrize("form", ["text", "srt", "vtt"])
def test_other_forms_are_texts(form: str) -> None:
    assert read(b"1\n00:00 --> 00:01\nHi \xff\n", form)[0] == {"text": "1\n00:00 --> 00:01\nHi \ufffd\n"}


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"text":"Hi","usage":[]', b"[" * 2_000])
def test_what_is_no_transcription_is_the_providers_fault(body: bytes) -> None:
    with pytest.raises(ProviderUnknown):
        read(body)


# forms ----------------------------------------------------------------------------------------------------------


def test_a_name_or_a_file_cannot_begin_another_field() -> None:
    evil = 'x"\r\n\r\nv\r\n--b\r\nContent-Disposition: form-data; name="model'
    request = TranscriptionRequest(REF, File(WAV, "audio/wav", 'a"\r\nX: y\r\n.wav'), "json", {evil: "gpt-9"})
    outgoing = OpenAI().write_transcription(request, target("whisper-1"), turn())
    found = parts(outgoing.body, outgoing.content_type)
    assert [content for _, _, content in found["model"]] == [b"whisper-1"]
    assert len(found) == 4 and found["file"] == [("aX: y.wav", "audio/wav", WAV)]


def test_forms_differ_in_their_boundary() -> None:
    request = TranscriptionRequest(REF, File(WAV, "audio/wav"))
    types = {OpenAI().write_transcription(request, target("whisper-1"), turn()).content_type for _ in range(3)}
    assert len(types) == 3


def test_streams_are_not_asked_for() -> None:
    seen = turn()
    pictured = ImageRequest(REF, "A hat", members=raw(stream=True, partial_images=2))
    assert "stream" not in json.loads(OpenAI().write_image(pictured, target(), seen).body)
    spoken = SpeechRequest(REF, "Hi", "alloy", "mp3", raw(stream_format="sse"))
    assert "stream_format" not in json.loads(OpenAI().write_speech(spoken, target("tts-1"), seen).body)
    heard = TranscriptionRequest(REF, File(WAV, "audio/wav"), "json", {"stream": "true"})
    outgoing = OpenAI().write_transcription(heard, target("whisper-1"), seen)
    assert "stream" not in parts(outgoing.body, outgoing.content_type)
    assert seen.adjusted == ["stream dropped", "partial_images dropped", "stream_format dropped", "stream dropped"]
