"""Sounds and films as documents of RAG assistants and in the omni-parser, through the door: what was said, and when.

The provider that transcribes is one of our own; a program called ffmpeg on its PATH stands in for the real one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.rag_house import EMBEDDINGS, PLAIN, ask, new_profile
from tests.api.rag_house import make_profile as make_asked_profile
from tests.api.search_house import at, create, uploaded
from tests.files import FORM, form
from tests.live import Answer, LiveServer, wait_until
from tests.recordings import Ears, film, put_ffmpeg, said, silence, tone, wav
from tests.upstream import Upstream, whole
from tests.usage import list_usage

TALK = wav(tone(20))
SAID = said(
    (0.0, 4.0, "Good morning, this is the radio of the harbour."),
    (4.0, 6.5, "The ferry to the island leaves at nine."),
    (12.0, 16.0, "Bicycles travel free of charge on Sundays."),
    duration=20.0,
)
HALL = ("A red sofa", "A green carpet", "A black piano", "A white vase", "A brown chair")
PARSER = "/v1/omni-parser/process"
REFUSED = whole({"error": {"message": "The audio could not be decoded."}}, 400)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, _upstream: Upstream) -> Iterator[LiveServer]:
    """One with a provider that transcribes, and with a decoder."""
    environ = {
        "PORTICO_PROVIDER_OPENAI_API_KEY": "upstream-key",
        "PORTICO_PROVIDER_OPENAI_BASE_URL": _upstream.url,
        "PORTICO_RETRY_BUDGET_S": "1",
        "PORTICO_BREAKER_FAILURES": "0",
        "PATH": f"{put_ffmpeg(tmp_path_factory.mktemp('programs'))}:{os.environ['PATH']}",
    }
    with LiveServer(tmp_path_factory.mktemp("recordings"), environ) as live:
        yield live


@pytest.fixture(scope="module")
def keyless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """One without any provider."""
    environ = {"PORTICO_WORKER": "off", "PORTICO_LOCAL_MODELS": "false"}
    with LiveServer(tmp_path_factory.mktemp("keyless"), environ) as live:
        yield live


@pytest.fixture(scope="module")
def profile(server: LiveServer) -> str:
    name = new_profile("radio")
    make_asked_profile(server, name)
    return name


def indexed(server: LiveServer, profile: str, content: bytes, filename: str, **fields: Any) -> dict[str, Any]:
    """The document when nothing more is done for it."""
    made = uploaded(server, profile, content, filename, **fields)

    def document() -> dict[str, Any]:
        found: dict[str, Any] = server.get(at(profile, f"/document/{made['id']}")).json()
        return found

    wait_until(lambda: document()["indexStatus"] in ("Success", "Failed"), "the document is indexed", 120)
    return document()


def parse(server: LiveServer, content: bytes, filename: str, **fields: str) -> Answer:
    return server.request("POST", PARSER, form(content, filename, **fields), FORM)


# documents -------------------------------------------------------------------------------------------------------


def test_what_was_said_is_found_with_its_time(server: LiveServer, upstream: Upstream, profile: str) -> None:
    ears = upstream.script = Ears(SAID)
    document = indexed(server, profile, TALK, "morning.wav", metadata={"station": "harbour"}, whisperModel="small")
    assert (document["indexStatus"], document["indexDetail"]) == ("Success", "")
    assert ears.heard[0]["model"] == ("", b"whisper-1") and ears.heard[0]["file"] == ("recording.wav", TALK)
    [found, *_] = ask(server, profile, "When does the ferry leave?").json()["documents"]
    assert "leaves at nine" in found["pageContent"]
    told = found["metadata"]
    assert (told["name"], told["extension"], told["station"]) == ("morning", "wav", "harbour")
    assert (told["startTime"], told["endTime"]) == (0, 16) and "loc" not in told
    answer = ask(server, profile, "bicycles", filters=[{"key": "endTime", "operator": "$gte", "value": 17}])
    assert answer.json()["result"]["success"] is False, "times are filtered by as other metadata"


def test_a_passage_says_its_own_minute(server: LiveServer, upstream: Upstream) -> None:
    name = new_profile("long")
    options = {**PLAIN, "embeddings": EMBEDDINGS, "search": {**PLAIN["search"], "k": 1}}
    cut = {"chunks": {"chunkSize": 60, "chunkOverlap": 0}}
    assert create(server, name, searchOptions=options, indexOptions=cut).status == 200
    upstream.script = Ears(
        said(*((n * 4.0, n * 4 + 4.0, f"{what} stands in the hall.") for n, what in enumerate(HALL)))
    )
    assert indexed(server, name, TALK, "hall.wav", merge="1")["indexStatus"] == "Success"
    [found] = ask(server, name, "Where is the piano?").json()["documents"]
    assert found["pageContent"] == "A black piano stands in the hall."
    assert (found["metadata"]["startTime"], found["metadata"]["endTime"]) == (8, 12)


def test_transcribing_is_metered_for_the_project(server: LiveServer, upstream: Upstream, profile: str) -> None:
    def lines() -> list[dict[str, Any]]:
        return [line for line in list_usage(server) if line["units"] == 17]  # no other recording is so long

    assert not lines()
    upstream.script = Ears(said((0.0, 17.0, "The ferry leaves at noon."), duration=17.0))
    indexed(server, profile, wav(tone(17)), "paid.wav")
    wait_until(lines, "the usage line of the transcription")
    [line] = lines()
    assert (line["operation"], line["model"], line["token_id"]) == ("transcription", "whisper-1", "ingestion")
    assert line["cost_picousd"] == 17 * 100_000 * 1000


def test_the_sound_of_a_film_is_indexed(server: LiveServer, upstream: Upstream, profile: str) -> None:
    upstream.script = Ears(said((0.0, 2.0, "The lighthouse keeper paints the door."), duration=3.0))
    document = indexed(server, profile, film(tone(3, 16_000), "mkv"), "keeper.mkv", dialogue="true")
    assert document["indexStatus"] == "Success" and "frames" in document["indexDetail"]
    names = [one["metadata"]["name"] for one in ask(server, profile, "lighthouse keeper door").json()["documents"]]
    assert "keeper" in names


@pytest.mark.parametrize(
    ("content", "filename", "detail"),
    [
        (wav(silence(3)), "silent.wav", "Invalid content"),
        (b"no recording at all", "broken.mp3", "no sound or film"),
        (film(note=b"hurt"), "hurt.mp4", "cannot be decoded"),
        (film(note=b"without sound"), "mute.mkv", "no sound in it"),
    ],
)
def test_a_document_without_words_fails_and_says_why(
    server: LiveServer, upstream: Upstream, profile: str, content: bytes, filename: str, detail: str
) -> None:
    document = indexed(server, profile, content, filename)
    assert document["indexStatus"] == "Failed" and detail in document["indexDetail"]
    assert not [asked for asked in upstream.asked if asked.path.endswith("/audio/transcriptions")], "nothing was paid"


def test_where_nobody_speaks_the_document_has_no_text(server: LiveServer, upstream: Upstream, profile: str) -> None:
    upstream.script = Ears(said(duration=20.0))
    document = indexed(server, profile, TALK, "humming.wav")
    assert (document["indexStatus"], document["indexDetail"]) == ("Failed", "Invalid content")


def test_what_the_provider_refuses_is_told(server: LiveServer, upstream: Upstream, profile: str) -> None:
    upstream.script = Ears(REFUSED)
    document = indexed(server, profile, TALK, "refused.wav")
    assert document["indexStatus"] == "Failed" and "could not be decoded" in document["indexDetail"]


# the omni-parser -------------------------------------------------------------------------------------------------


def test_the_sample_of_the_reference(server: LiveServer, upstream: Upstream) -> None:
    """The documented call names the size of a local model, which says nothing to a provider."""
    ears = upstream.script = Ears(SAID)
    answer = parse(server, TALK, "talk.wav", dialogue="true", whisperModel="small")
    assert answer.status == 200, answer.body
    found = answer.json()
    assert found["status"] == "success" and found["requestId"]
    first = "Good morning, this is the radio of the harbour. The ferry to the island leaves at nine."
    assert found["parts"] == [
        {"type": "NarrativeText", "text": first, "startTime": 0, "endTime": 7},
        {"type": "NarrativeText", "text": SAID["segments"][2]["text"].strip(), "startTime": 12, "endTime": 16},
    ]
    assert found["usage"]["total_cost"] == pytest.approx(20 * 0.0001) and found["usage"]["currency"] == "USD"
    assert found["messages"] == [] and len(ears.heard) == 1


def test_parts_of_a_film_say_their_middle(server: LiveServer, upstream: Upstream) -> None:
    upstream.script = Ears(SAID)
    answer = parse(server, film(tone(20, 16_000)), "talk.mp4", merge="1", outputFormat="html")
    found = answer.json()
    assert [(part["startTime"], part["midTime"]) for part in found["parts"]] == [(0, 2), (4, 5), (12, 14)]
    assert found["parts"][0]["text"].startswith("<p>Good") and "frames" in found["messages"][0]


def test_a_model_of_ones_own_choice(server: LiveServer, upstream: Upstream) -> None:
    ears = upstream.script = Ears({"text": "Good morning."})
    answer = parse(server, TALK, "talk.wav", model="openai/gpt-4o-mini-transcribe")
    assert answer.json()["parts"] == [{"type": "NarrativeText", "text": "Good morning.", "startTime": 0, "endTime": 20}]
    assert ears.heard[0]["model"][1] == b"gpt-4o-mini-transcribe" and ears.heard[0]["response_format"][1] == b"json"
    parse(server, TALK, "talk.wav", model="openai/gpt-4o")
    assert ears.heard[1]["model"][1] == b"whisper-1", "a model for pictures does not listen"


@pytest.mark.parametrize(
    ("content", "filename", "fields", "status", "number", "words"),
    [
        (b"no recording", "talk.mp3", {}, 400, 45, "no sound or film"),
        (b"", "talk.mp3", {}, 400, 2028, "empty"),
        (film(), "talk.mp4", {"dialogue": "false"}, 400, 2027, "dialogue=false"),
        (TALK, "talk.wav", {"whisperModel": "huge"}, 400, 11, "small"),
        (TALK, "talk.wav", {"merge": "1.5"}, 400, 11, "whole number"),
        (TALK, "talk.wav", {}, 400, 150, "could not be decoded"),
    ],
)
def test_refusals(
    server: LiveServer, upstream: Upstream, content: bytes, filename: str, fields: dict[str, str], status: int,
    number: int, words: str,
) -> None:  # fmt: skip
    upstream.script = Ears(REFUSED)
    answer = parse(server, content, filename, **fields)
    assert answer.status == status, answer.body
    [error] = answer.json()["errors"]
    assert error["id"] == number and words in error["description"]


def test_a_recording_without_words_fails_with_200(server: LiveServer, upstream: Upstream) -> None:
    upstream.script = Ears(said(duration=20.0))
    for content in (wav(silence(3)), TALK):
        answer = parse(server, content, "a.wav")
        assert (answer.status, answer.json()["status"], answer.json()["parts"]) == (200, "failed", [])
    assert answer.json()["usage"]["total_cost"] > 0, "what was heard in vain was paid all the same"


def test_without_a_model_the_setting_is_named(keyless: LiveServer) -> None:
    answer = parse(keyless, TALK, "talk.wav", dialogue="true", whisperModel="small")
    [error] = answer.json()["errors"]
    assert (answer.status, error["id"]) == (400, 2027)
    assert "PORTICO_PROVIDER_OPENAI_API_KEY" in error["description"]
    assert "PORTICO_TRANSCRIPTION_MODEL" in error["description"]
