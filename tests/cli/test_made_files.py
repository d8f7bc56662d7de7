"""`portico images`, `audio` and `videos`: what is asked, which files are written, what is said when it goes wrong."""

from __future__ import annotations

import io
import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from portico.cli.main import main
from portico.cli.videos import percent_of
from portico.sdk.media import Video

from .conftest import Run
from .fake_server import Answer, FakeServer
from .terminal import terminal

PNG = b"\x89PNG\r\n\x1a\n and so on"
MODELS = "/v3/llm/providers"
WAITS = [{"name": "RequiresConfiguration", "value": "PORTICO_PROVIDER_X_API_KEY"}]


def picture(data: bytes = PNG, **more: Any) -> dict[str, Any]:
    return {"b64_json": b64encode(data).decode(), **more}


def catalogue(*names: str, waiting: str = "") -> dict[str, Any]:
    models = [{"fullName": name, "priority": i, "properties": []} for i, name in enumerate(names)]
    return {"providers": [{"models": [{"fullName": waiting, "properties": WAITS}] * bool(waiting)}, {"models": models}]}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


# images ----------------------------------------------------------------------------------------------------------


def test_a_picture_is_made_and_written(run: Run, server: FakeServer, here: Path) -> None:
    server.answer("POST", "/images/generations", {"data": [picture(revised_prompt="a small boat")], "requestId": "q"})

    result = run("images", "generate", "-m", "openai/gpt-image-1", "a", "boat", "-o", "boat.png", "--size", "auto")

    assert (here / "boat.png").read_bytes() == PNG
    assert json.loads(result.out) == {
        "files": [{"file": "boat.png", "bytes": len(PNG), "revised_prompt": "a small boat"}],
        "requestId": "q",
    }
    assert server.last("/images/generations").body == {
        "model": "openai/gpt-image-1", "prompt": "a boat", "size": "auto",
    }  # fmt: skip


def test_several_pictures_get_numbers(run: Run, server: FakeServer, here: Path) -> None:
    server.answer("POST", "/images/generations", {"data": [picture(b"1"), picture(b"2"), picture(b"3")]})

    run("images", "generate", "-m", "m/i", "boats", "-n", "3", "-o", "boat.png")

    assert [p.read_bytes() for p in sorted(here.iterdir())] == [b"2", b"3", b"1"]
    assert sorted(p.name for p in here.iterdir()) == ["boat-2.png", "boat-3.png", "boat.png"]


def test_without_a_name_nothing_that_is_there_is_lost(run: Run, server: FakeServer, here: Path) -> None:
    server.answer("POST", "/images/generations", {"data": [picture()]})
    (here / "image.png").write_bytes(b"mine")

    result = run("images", "generate", "-m", "m/i", "boat", "--output", "table")

    assert result.out == f"File         Bytes\nimage-2.png  {len(PNG)}\n"
    assert (here / "image.png").read_bytes() == b"mine" and (here / "image-2.png").read_bytes() == PNG


def test_a_picture_goes_to_standard_output(
    server: FakeServer, home: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    server.answer("POST", "/images/generations", {"data": [picture()]})
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))

    assert main(["images", "generate", "-m", "m/i", "boat", "-o", "-"]) == 0

    out, err = capfdbinary.readouterr()
    assert out == PNG and b"1 written" in err


def test_a_picture_behind_an_address_is_fetched(run: Run, server: FakeServer, here: Path) -> None:
    server.answer("POST", "/images/generations", {"data": [{"url": f"{server.url}/blob"}]})
    server.answer("GET", "/blob", PNG)

    run("images", "generate", "-m", "openai/dall-e-3", "boat", "-o", "boat.png")

    assert (here / "boat.png").read_bytes() == PNG
    assert "authorization" not in server.last("/blob").headers


def test_pictures_are_changed(run: Run, server: FakeServer, here: Path) -> None:
    server.answer("POST", "/images/edits", {"data": [picture(b"new")]})
    (here / "lake.png").write_bytes(PNG)
    url = f"data:image/png;base64,{b64encode(PNG).decode()}"

    run("images", "edit", "-m", "m/i", "lake.png", "orange sky", "--mask", "lake.png", "-o", "out.png")
    assert server.last("/images/edits").body == {"model": "m/i", "prompt": "orange sky", "image": url, "mask": url}
    assert (here / "out.png").read_bytes() == b"new" and (here / "lake.png").read_bytes() == PNG

    run("images", "edit", "-m", "m/i", "lake.png", "both", "--with", "out.png", "-o", "out.png")
    assert len(server.last("/images/edits").body["image"]) == 2


def test_without_a_model_the_first_that_is_set_up_is_asked_and_named(run: Run, server: FakeServer) -> None:
    server.answer("GET", MODELS, catalogue("openai/b", "openai/c", waiting="azure/a"))
    server.answer("POST", "/images/generations", {"data": [picture()]})

    result = run("images", "generate", "boat")

    assert server.last(MODELS).query["type"] == "Image"
    assert server.last("/images/generations").body["model"] == "openai/b"
    assert result.err == "model: openai/b\n"


def test_a_server_that_is_not_set_up_says_what_to_do(run: Run, server: FakeServer) -> None:
    server.answer("GET", MODELS, catalogue(waiting="azure/gpt-image-1"))

    result = run("images", "generate", "boat")

    assert result.code == 1 and result.err.count("\n") == 1
    assert "no model of type Image is set up" in result.err and "azure/gpt-image-1" in result.err


def test_the_model_may_stand_in_the_environment(run: Run, server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTICO_IMAGE_MODEL", "m/env")
    server.answer("POST", "/images/generations", {"data": [picture()]})

    run("images", "generate", "boat")

    assert server.last("/images/generations").body["model"] == "m/env"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("images", "edit", "none.png", "x"), 2, "does not exist"),
        (("images", "generate", "x", "-o", "-", "-n", "2"), 2, "-o - writes one picture"),
        (("images", "generate", "-m", "m/i", " "), 1, "prompt is empty"),
        (("images", "generate", "-m", "m/i", "x", "-o", "none/x.png"), 1, "none/x.png cannot be written"),
        (("audio", "speak", "-m", "m/s", ""), 1, "empty"),
        (("audio", "transcribe", "none.mp3"), 2, "does not exist"),
        (("videos", "generate", "-m", "m/v", "x", "-o", "a.mp4"), 2, "needs --wait"),
    ],
)
def test_what_goes_wrong_is_told_in_one_line(
    run: Run, server: FakeServer, words: tuple[str, ...], code: int, said: str
) -> None:
    server.answer("POST", "/images/generations", {"data": [picture()]})

    result = run(*words)

    assert (result.code, result.err.count("\n")) == (code, 1), result.err
    assert said in result.err and result.err.startswith("error: ")


# audio -----------------------------------------------------------------------------------------------------------


def test_a_text_is_spoken_in_the_format_of_the_ending(run: Run, server: FakeServer, here: Path) -> None:
    server.answer("POST", "/audios/speech", picture(b"RIFFsound"))

    run("audio", "speak", "-m", "openai/tts-1", "Good", "morning", "--voice", "nova", "-o", "a.wav")

    assert (here / "a.wav").read_bytes() == b"RIFFsound"
    assert server.last("/audios/speech").body == {
        "model": "openai/tts-1", "input": "Good morning", "voice": "nova", "response_format": "wav",
    }  # fmt: skip


def test_speech_is_asked_of_a_model_that_speaks(run: Run, server: FakeServer, here: Path) -> None:
    server.answer("GET", MODELS, catalogue("openai/whisper-1", "openai/tts-1"))
    server.answer("POST", "/audios/speech", picture(b"ID3"))

    run("audio", "speak", "-", stdin="hello\n")

    assert server.last("/audios/speech").body["model"] == "openai/tts-1"
    assert (here / "speech.mp3").read_bytes() == b"ID3"


def test_a_recording_is_written_down_as_text(run: Run, server: FakeServer, here: Path) -> None:
    server.answer("GET", MODELS, catalogue("openai/tts-1", "openai/whisper-1"))
    server.answer("POST", "/v1/audio/transcriptions", {"text": "Good\x1b[2J morning\n"})
    (here / "talk.mp3").write_bytes(b"ID3sound")

    result = run("audio", "transcribe", "talk.mp3", "--language", "en")

    assert result.out == "Good\N{REPLACEMENT CHARACTER}[2J morning\n"
    sent = server.last("/v1/audio/transcriptions").body
    assert all(part in sent for part in (b"openai/whisper-1", b'filename="talk.mp3"', b"ID3sound", b"\r\nen\r\n"))


def test_subtitles_and_the_whole_answer_of_a_transcription(run: Run, server: FakeServer, here: Path) -> None:
    (here / "talk.mp3").write_bytes(b"ID3sound")
    server.answer("POST", "/v1/audio/transcriptions", b"1\n00:00 --> 00:01\nhi\n")
    assert run("audio", "transcribe", "-m", "m/w", "talk.mp3", "--format", "srt").out == "1\n00:00 --> 00:01\nhi\n"

    server.answer("POST", "/v1/audio/transcriptions", {"text": "hi", "usage": {"total_cost": 1}})
    assert json.loads(run("audio", "transcribe", "-m", "m/w", "talk.mp3", "-o", "json").out)["usage"]["total_cost"] == 1


# videos ----------------------------------------------------------------------------------------------------------


def test_a_film_is_begun_and_the_next_command_named(run: Run, server: FakeServer, here: Path) -> None:
    server.answer("POST", "/videos/generations", Answer({"name": "op/1", "id": "op/1"}, 202))
    (here / "beach.png").write_bytes(PNG)

    result = run(
        "videos", "generate", "-m", "m/v", "waves", "--duration", "6", "--image", "beach.png", "--output", "table"
    )

    assert "portico videos wait --model m/v op/1" in result.out
    sent = server.last("/videos/generations").body
    assert sent["parameters"] == {"duration": 6}
    assert sent["instances"][0]["image"] == {"bytesBase64Encoded": b64encode(PNG).decode(), "mimeType": "image/png"}


def test_a_film_is_waited_for_and_written(run: Run, server: FakeServer, here: Path) -> None:
    server.answer("POST", "/videos/generations", Answer({"name": "op/1"}, 202))
    half = {"status": "pending", "metadata": {"progressPercent": 50}}
    there = picture(b"film", status="completed")
    server.answer("POST", "/videos/status", {"status": "pending"}, half, half, there)

    result = run("videos", "generate", "-m", "m/v", "waves", "--wait", "--interval", "0.1", "-o", "waves.mp4")

    assert (here / "waves.mp4").read_bytes() == b"film"
    assert json.loads(result.out) == {"file": "waves.mp4", "bytes": 4, "operation": "op/1"}
    assert result.err.splitlines() == ["begun: op/1", "pending", "pending, 50 %", "completed, 100 %"]


def test_the_status_of_a_film_is_shown_also_when_it_failed(run: Run, server: FakeServer) -> None:
    server.answer("POST", "/videos/status", {"status": "failed", "error": {"code": 3, "message": "not allowed"}})

    assert json.loads(run("videos", "status", "-m", "m/v", "op/1").out)["error"]["message"] == "not allowed"
    result = run("videos", "wait", "-m", "m/v", "op/1")
    assert result.code == 1 and "The film failed: not allowed" in result.err.splitlines()[-1]


def test_waiting_has_an_end_and_says_how_to_go_on(run: Run, server: FakeServer) -> None:
    server.answer("POST", "/videos/status", {"status": "pending"})

    result = run("videos", "wait", "-m", "m/v", "op/1", "--patience", "1", "--interval", "0.3")

    assert result.code == 1 and "not there after 1 s" in result.err and "ask again for op/1" in result.err


@pytest.mark.parametrize(
    ("metadata", "percent"),
    [
        ({}, None),
        ({"progressPercent": 40}, 40.0),
        ({"progress": 7.5}, 7.5),
        ({"progress": "soon"}, None),
        ({"progress": 900}, None),
    ],
)
def test_progress_is_shown_where_the_provider_tells_it(metadata: Any, percent: float | None) -> None:
    assert percent_of(Video(status="pending", metadata=metadata)) == percent


def test_models_are_suggested_by_their_type(run: Run, server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.answer("GET", MODELS, catalogue("openai/gpt-image-1", "xai/grok-2-image"))
    monkeypatch.setattr("portico.cli.suggest._PATIENCE_S", 60.0)  # however busy the machine is
    monkeypatch.setenv("_PORTICO_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_LINE", "portico images generate --model openai/")

    result = run()

    assert result.out == "plain,openai/gpt-image-1\n" and server.last(MODELS).query["type"] == "Image"


def test_on_a_terminal_a_bar_shows_how_far_the_film_is(server: FakeServer, here: Path) -> None:
    half = {"status": "pending", "metadata": {"progressPercent": 50}}
    server.answer("POST", "/videos/status", {"status": "pending"}, half, picture(b"film", status="completed"))

    with terminal("videos", "wait", "-m", "m/v", "op/1", "--interval", "0.3", "-o", str(here / "a.mp4")) as screen:
        screen.expect("pending").expect("completed").expect("a.mp4")
        assert screen.end() == 0

    assert (here / "a.mp4").read_bytes() == b"film"
