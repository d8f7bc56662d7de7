"""Rerank, images, audio and videos: what is sent, what comes back typed, and files that are written."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Callable
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest

from portico import AsyncPortico, InvalidAnswer, NotFound, OperationFailed, OperationPending, Portico, PorticoError
from portico.sdk.call import Repeat
from portico.sdk.forms import FormFile, send_form
from portico.sdk.media import as_url, write_file
from tests.sdk.odd_server import OddServer, Reply, Seen, reply_json

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
PICTURE = {"b64_json": b64encode(PNG).decode(), "revised_prompt": "a small boat"}
RANKING = {
    "id": "r-1",
    "results": [{"index": 2, "relevance_score": 0.93}, {"index": 0, "relevance_score": 0.41}],
    "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}},
    "usage": {"prompt_tokens": 20, "total_cost": 0.002},
    "requestId": "q-1",
}
VEO = "vertex_ai/veo-3.0-generate-001"


def form_of(seen: Seen) -> dict[str, tuple[str | None, str, bytes]]:
    """The parts of a form by name: file name, type, content."""
    head = f"Content-Type: {seen.headers['content-type']}\r\n\r\n".encode()
    parts = message_from_bytes(head + seen.body).get_payload()
    assert isinstance(parts, list)
    found = {}
    for part in parts:
        assert not isinstance(part, str)
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        name = part.get_param("name", header="content-disposition")
        found[str(name)] = (part.get_filename(), part.get_content_type(), content)
    return found


# rerank ----------------------------------------------------------------------------------------------------------


def test_a_ranking_is_typed_and_picks_the_documents(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: reply_json(RANKING)
    documents = ["one", "two", "three"]
    ranking = client.rerank.create("cohere/rerank-v3.5", "which?", documents, top_n=2)
    assert [(r.index, r.relevance_score) for r in ranking.results] == [(2, 0.93), (0, 0.41)]
    assert ranking.pick(documents) == ["three", "one"]
    assert (ranking.meta.billed_units.search_units, ranking.request_id) == (1, "q-1")
    assert ranking.usage is not None and ranking.usage.total_cost == 0.002
    assert (server.seen[0].path, server.seen[0].json) == (
        "/rerank",
        {"model": "cohere/rerank-v3.5", "query": "which?", "documents": documents, "top_n": 2},
    )
    assert client.low.rerank.rerank_chunks("m/r", "q", "single") == RANKING
    assert server.seen[1].json == {"model": "m/r", "query": "q", "documents": ["single"]}


@pytest.mark.parametrize(("query", "documents"), [(" ", ["a"]), ("q", [])])
def test_a_ranking_of_nothing_is_not_sent(server: OddServer, client: Portico, query: str, documents: list[str]) -> None:
    with pytest.raises(PorticoError, match=r"empty|no documents"):
        client.rerank.create("m/r", query, documents)
    assert server.seen == []


# images ----------------------------------------------------------------------------------------------------------


def test_pictures_are_saved(server: OddServer, client: Portico, tmp_path: Path) -> None:
    server.answer = lambda seen: reply_json({"created": 7, "data": [PICTURE], "usage": {"total_cost": 0.04}})
    made = client.images.generate("openai/gpt-image-1", "a boat", n=1, size="1024x1024", quality=None)
    (image,) = made.data
    assert (made.created, image.revised_prompt, image.url) == (7, "a small boat", "")
    path = image.save(tmp_path / "boat.png")
    assert path.read_bytes() == PNG == client.images.save(image, tmp_path / "again.png").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == ["again.png", "boat.png"]
    assert (server.seen[0].path, server.seen[0].json) == (
        "/images/generations",
        {"model": "openai/gpt-image-1", "prompt": "a boat", "n": 1, "size": "1024x1024"},
    )
    assert len(server.seen) == 1


def test_a_picture_of_which_only_the_address_came_is_fetched_without_our_token(
    server: OddServer, client: Portico, tmp_path: Path
) -> None:
    def answer(seen: Seen) -> Reply:
        if seen.path == "/blob/boat.png":
            return Reply(body=PNG, headers={"Content-Type": "image/png"})
        return reply_json({"data": [{"url": f"{server.url}/blob/boat.png?sig=1"}]})

    server.answer = answer
    image = client.images.generate("openai/dall-e-3", "a boat").data[0]
    with pytest.raises(PorticoError, match="Only the address"):
        image.save(tmp_path / "boat.png")
    assert client.images.save(image, tmp_path / "boat.png").read_bytes() == PNG
    assert "authorization" not in server.seen[1].headers and server.seen[1].query == {"sig": "1"}


def test_a_download_that_fails_is_told(server: OddServer, client: Portico, tmp_path: Path) -> None:
    server.answer = lambda seen: (
        reply_json({"data": [{"url": f"{server.url}/gone"}]}) if seen.method == "POST" else Reply(404, b"gone")
    )
    image = client.images.generate("m/i", "a boat").data[0]
    with pytest.raises(NotFound):
        client.images.save(image, tmp_path / "boat.png")
    assert list(tmp_path.glob("*.png")) == []


@pytest.mark.parametrize(
    ("picture", "error", "said"),
    [
        ({}, PorticoError, "no file"),
        ({"b64_json": "###!"}, InvalidAnswer, "no base64"),
        ({"url": "gs://bucket/film"}, PorticoError, "gs://bucket/film"),
    ],
)
def test_an_answer_without_a_file_is_told(
    server: OddServer, client: Portico, tmp_path: Path, picture: Any, error: type[Exception], said: str
) -> None:
    server.answer = lambda seen: reply_json({"data": [picture]})
    image = client.images.generate("m/i", "a boat").data[0]
    with pytest.raises(error, match=said):
        client.images.save(image, tmp_path / "x.png")


def test_pictures_to_be_changed_come_as_files_bytes_and_addresses(
    server: OddServer, client: Portico, tmp_path: Path
) -> None:
    server.answer = lambda seen: reply_json({"data": [PICTURE]})
    file = tmp_path / "lake.png"
    file.write_bytes(PNG)
    url = f"data:image/png;base64,{b64encode(PNG).decode()}"
    client.images.edit("m/i", "orange", file, mask=str(file), size="auto")
    client.images.edit("m/i", "orange", [PNG, "https://example.org/b.png", url], extra_body={"invented": 1})
    assert server.seen[0].path == "/images/edits"
    assert server.seen[0].json == {"model": "m/i", "prompt": "orange", "image": url, "mask": url, "size": "auto"}
    assert server.seen[1].json["image"] == [url, "https://example.org/b.png", url]
    assert server.seen[1].json["invented"] == 1


def test_what_cannot_be_read_or_asked_is_not_sent(server: OddServer, client: Portico, tmp_path: Path) -> None:
    with pytest.raises(PorticoError, match="cannot be read"):
        client.images.edit("m/i", "orange", tmp_path / "none.png")
    with pytest.raises(PorticoError, match="prompt is empty"):
        client.images.generate("m/i", " ")
    assert server.seen == []


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF0000WEBP", "image/webp"),
        (b"?", "image/png"),
    ],
)
def test_the_type_of_a_picture_is_told_by_its_first_bytes(data: bytes, kind: str) -> None:
    assert as_url(data).startswith(f"data:{kind};base64,")


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "boat.png"
    target.write_bytes(b"old")
    with pytest.raises(OSError):
        write_file(b"new", tmp_path / "none" / "boat.png")
    write_file(b"new", target)
    assert target.read_bytes() == b"new" and [p.name for p in tmp_path.iterdir() if p.is_file()] == ["boat.png"]


# audio -----------------------------------------------------------------------------------------------------------


def test_speech_is_saved(server: OddServer, client: Portico, tmp_path: Path) -> None:
    server.answer = lambda seen: reply_json({"status": "completed", "b64_json": b64encode(b"ID3sound").decode()})
    speech = client.audio.speak("openai/tts-1", "Good morning", "nova", response_format="mp3", speed=1.2)
    assert speech.save(tmp_path / "a.mp3").read_bytes() == b"ID3sound"
    assert (server.seen[0].path, server.seen[0].json) == (
        "/audios/speech",
        {"model": "openai/tts-1", "input": "Good morning", "voice": "nova", "response_format": "mp3", "speed": 1.2},
    )
    with pytest.raises(PorticoError, match="empty"):
        client.audio.speak("openai/tts-1", "")


def test_a_recording_is_written_down(server: OddServer, client: Portico, tmp_path: Path) -> None:
    written = {"text": "Good morning", "language": "en", "duration": 2.5, "segments": [{"id": 0}], "x": 1}
    server.answer = lambda seen: reply_json(written)
    file = tmp_path / 'talk "1".mp3'
    file.write_bytes(b"ID3\r\n--sound")
    found = client.audio.transcribe("openai/whisper-1", file, language="en", temperature=0.2)
    assert (found.text, found.language, found.duration, found.segments) == ("Good morning", "en", 2.5, [{"id": 0}])
    assert found.extra == {"x": 1}
    parts = form_of(server.seen[0])
    assert server.seen[0].path == "/v1/audio/transcriptions"
    assert parts["model"][2] == b"openai/whisper-1" and parts["language"][2] == b"en"
    assert parts["temperature"][2] == b"0.2" and "prompt" not in parts
    assert parts["file"] == ("talk %221%22.mp3", "audio/mpeg", b"ID3\r\n--sound")


@pytest.mark.parametrize("form", ["text", "srt", "vtt"])
def test_plain_transcriptions_become_the_text(server: OddServer, client: Portico, form: Any) -> None:
    server.answer = lambda seen: Reply(body=b"1\n00:00 hello\n", headers={"Content-Type": "text/plain"})
    assert client.audio.transcribe("m/w", b"sound", name="a.wav", response_format=form).text == "1\n00:00 hello\n"
    assert form_of(server.seen[0])["file"][:2] == ("a.wav", "audio/wav")
    server.answer = lambda seen: reply_json({"errors": [{"id": 4000, "description": "no model"}]}, 404)
    with pytest.raises(NotFound, match="no model"):
        client.audio.transcribe("m/w", b"sound", response_format=form)


def test_an_empty_recording_is_not_sent(server: OddServer, client: Portico) -> None:
    with pytest.raises(PorticoError, match="is empty"):
        client.audio.transcribe("m/w", b"")
    assert server.seen == []


def test_a_name_cannot_leave_its_line_of_a_form() -> None:
    call = send_form("/x", {"a\r\nb": "1"}, {"f": FormFile('x"\r\nEvil: 1', b"")}, repeat=Repeat.WORK)
    assert call.body is not None and b"\r\nEvil" not in call.body and b'filename="x%22%0D%0AEvil: 1"' in call.body


# videos ----------------------------------------------------------------------------------------------------------


def states(*bodies: Any) -> Callable[[Seen], Reply]:
    left = list(bodies)
    return lambda seen: reply_json(left.pop(0) if len(left) > 1 else left[0])


def test_a_film_is_begun_waited_for_and_saved(server: OddServer, client: Portico, tmp_path: Path) -> None:
    server.answer = lambda seen: reply_json({"name": "op/1", "id": "op/1", "usage": {"total_cost": 2.4}}, 202)
    begun = client.videos.generate(VEO, "waves", duration=6, image="data:image/png;base64,AAAA")
    assert begun.name == begun.id == "op/1"
    assert (server.seen[0].path, server.seen[0].json) == (
        "/videos/generations",
        {
            "model": VEO,
            "instances": [{"prompt": "waves", "image": {"bytesBase64Encoded": "AAAA", "mimeType": "image/png"}}],
            "parameters": {"duration": 6},
        },
    )
    film = {"status": "completed", "b64_json": b64encode(b"film").decode()}
    server.answer = states({"status": "pending"}, {"status": "pending", "metadata": {"progressPercent": 60}}, film)
    looks: list[str] = []
    video = client.videos.wait(VEO, begun.name, interval_s=0.01, on_progress=lambda v: looks.append(v.state))
    assert looks == ["pending", "pending", "completed"]
    assert video.save(tmp_path / "film.mp4").read_bytes() == b"film"
    assert (server.seen[-1].path, server.seen[-1].json) == ("/videos/status", {"model": VEO, "operationName": "op/1"})


def test_a_film_that_failed_says_why(server: OddServer, client: Portico) -> None:
    server.answer = states({"status": "failed", "error": {"code": "9", "message": "not allowed"}})
    assert client.videos.status(VEO, "op/1").state == "failed"
    with pytest.raises(OperationFailed, match="The film failed: not allowed"):
        client.videos.wait(VEO, "op/1")


class Clock:
    """Time that passes only where somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_a_film_that_takes_too_long_can_be_asked_for_again(
    server: OddServer, client: Portico, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portico.sdk.managers.videos.time", Clock())
    server.answer = states({"status": "pending"})
    with pytest.raises(OperationPending, match=r"not there after 0\.5 s") as pending:
        client.videos.wait(VEO, "op/1", interval_s=0.2, timeout_s=0.5)
    assert "op/1" in pending.value.hint
    assert len(server.seen) == 4, "at once, twice within the time, and when it was over"


def test_a_prompt_or_an_operation_that_is_empty_is_not_sent(server: OddServer, client: Portico) -> None:
    for ask in (lambda: client.videos.generate(VEO, ""), lambda: client.videos.status(VEO, "")):
        with pytest.raises(PorticoError, match="empty"):
            ask()
    assert server.seen == []


def test_an_unknown_operation_is_not_found(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: reply_json({"errors": [{"id": 3, "description": "Request Not Found"}]}, 404)
    with pytest.raises(NotFound):
        client.videos.wait(VEO, "op/none")


def test_the_making_of_a_film_is_never_repeated(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: reply_json({"errors": [{"id": 153}]}, 503, Retry_After="0")
    with pytest.raises(PorticoError):
        client.videos.generate(VEO, "waves")
    assert len(server.seen) == 1


# both at once ------------------------------------------------------------------------------------------------


def test_the_async_client_does_all_of_it_too(server: OddServer, tmp_path: Path) -> None:
    film = {"status": "completed", "url": f"{server.url}/film"}
    looks = [{"status": "pending"}, film]
    replies: dict[str, Callable[[], Any]] = {
        "/rerank": lambda: RANKING,
        "/images/generations": lambda: {"data": [PICTURE]},
        "/images/edits": lambda: {"data": [PICTURE]},
        "/audios/speech": lambda: {"b64_json": PICTURE["b64_json"]},
        "/v1/audio/transcriptions": lambda: {"text": "said"},
        "/videos/generations": lambda: {"name": "op/1"},
        "/videos/status": lambda: looks.pop(0) if len(looks) > 1 else looks[0],
    }
    server.answer = lambda seen: Reply(body=b"film") if seen.path == "/film" else reply_json(replies[seen.path]())

    async def main() -> None:
        async with AsyncPortico("k", server.url) as client:
            assert (await client.rerank.create("m/r", "q", ["a", "b", "c"], top_n=2)).results[0].index == 2
            image = (await client.images.generate("m/i", "boat")).data[0]
            assert (await client.images.save(image, tmp_path / "a.png")).read_bytes() == PNG
            assert (await client.images.edit("m/i", "boat", PNG)).data[0].content() == PNG
            speech = await client.audio.speak("m/s", "hello")
            assert (await client.audio.save(speech, tmp_path / "a.mp3")).read_bytes() == PNG
            assert (await client.audio.transcribe("m/w", b"sound", name="a.wav")).text == "said"
            begun = await client.videos.generate("m/v", "waves")
            video = await client.videos.wait("m/v", begun.name, interval_s=0.01)
            assert (await client.videos.status("m/v", begun.name)).state == "completed"
            assert (await client.videos.save(video, tmp_path / "a.mp4")).read_bytes() == b"film"

    asyncio.run(main())
