"""Recordings on their way to being searchable: nobody pays twice for what was heard, and nothing stays behind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from portico.server.access.caller import Caller
from portico.server.errors import MediaNotSupported, ProviderOvercapacity, ProviderRefused
from portico.server.jobs import patience
from portico.server.jobs.heard import HeardNotes, heard_key
from portico.server.jobs.ingest_document import NO_TEXT, IngestDocument
from portico.server.retrieval.media import listen
from portico.server.retrieval.media.listen import Listener
from portico.server.retrieval.media.transcribe import TIMED, Chosen
from portico.server.retrieval.media.transcript import Segment
from portico.server.storage.blobs.folder import FolderBlobs
from portico.server.storage.database import Database
from portico.wire.model_ref import DirectModel
from portico.wire.requests import File
from tests.recordings import said, silence, tone, wav
from tests.server.jobs.library import add_profile
from tests.server.jobs.test_ingest_document import House

pytestmark = pytest.mark.anyio


class Writer:
    """A transcriber that remembers who asked, and fails when it is told to."""

    def __init__(self) -> None:
        self.callers: list[Caller] = []
        self.told: list[str] = []
        self.errors: list[Exception | None] = []
        self.refusal: Exception | None = None

    def choose(self, caller: Caller, told: str) -> Chosen:
        if self.refusal is not None:
            raise self.refusal
        self.told.append(told)
        return Chosen(DirectModel("openai", "whisper-1"), "openai/whisper-1", TIMED)

    async def write_down(self, caller: Caller, chosen: Chosen, file: File, seconds: float) -> dict[str, Any]:
        self.callers.append(caller)
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error
        return said((0.0, 1.0, f"What was said in {seconds:.2f} seconds."))


class Radio(House):
    """The house of ingestion, with ears."""

    def __init__(self, database: Database, data_dir: Path, key: Any) -> None:
        super().__init__(database, data_dir, key)
        self.writer = Writer()
        listener = Listener(self.writer, find_decoder=lambda: None)  # type: ignore[arg-type]
        self.ingest = IngestDocument(replace(self.ingest._library, listener=listener), self.steps)

    async def add_recording(self, content: bytes, **parameters: Any) -> str:
        document = await self.add(content)
        written = msgspec.json.encode(parameters).decode()
        query = "UPDATE documents SET extension = 'wav', content_type = 'audio/wav', parameters = CAST(:told AS jsonb)"
        await self.execute(query, told=written)
        return document

    def left(self) -> list[str]:
        return [path.name for path in (self.data_dir / "files").rglob("*.heard*")] + self.kept()


@pytest.fixture
async def radio(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Radio]:
    monkeypatch.setattr(patience, "FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(listen, "TIMED_PIECE_S", 10.0)
    yield Radio(database, tmp_path, await add_profile(database))


async def test_a_recording_becomes_searchable_with_its_times(radio: Radio) -> None:
    document = await radio.add_recording(wav(tone(35)), model="openai/whisper-1")
    assert await radio.run(document) == ("Success", "")
    rows = await radio.execute("SELECT line_from, metadata, body FROM chunks")
    assert all(line is None for line, _, _ in rows) and "What was said in" in str(rows[0][2])
    assert rows[0][1] == {"startTime": 0, "endTime": rows[0][1]["endTime"]} and rows[0][1]["endTime"] > 0  # type: ignore[index]
    assert radio.writer.told == ["openai/whisper-1"] and not radio.left()
    caller = radio.writer.callers[0]
    assert (caller.project_id, caller.token_id, caller.scope) == (radio.key.project_id, "ingestion", "project")


async def test_a_second_try_hears_only_what_was_not_heard(radio: Radio) -> None:
    radio.writer.errors = [None, None, ProviderOvercapacity(), None, ProviderOvercapacity()]
    document = await radio.add_recording(wav(tone(75)))
    assert await radio.run(document) == ("Success", "")
    failed, pieces = 2, len(await _pieces(radio))
    assert len(radio.writer.callers) <= pieces + failed + listen.IN_FLIGHT, "what was in flight may be lost with it"
    assert not radio.left()


async def _pieces(radio: Radio) -> list[object]:
    [(text,)] = await radio.execute("SELECT string_agg(body, ' ' ORDER BY ordinal) FROM chunks")
    return str(text).split("What was said in")[1:]


async def test_for_a_recording_that_was_deleted_meanwhile_nothing_more_is_paid(radio: Radio) -> None:
    document = await radio.add_recording(wav(tone(200)))
    heard = radio.writer.write_down

    async def write_down(*given: Any) -> dict[str, Any]:
        await radio.execute("DELETE FROM documents")
        return await heard(*given)

    radio.writer.write_down = write_down  # type: ignore[method-assign]
    arguments = {"profile_id": radio.key.profile_id, "document_id": document, "revision": 1}
    await radio.ingest.run(radio.key.organization_id, radio.key.project_id, arguments)
    assert len(radio.writer.callers) <= 2 * listen.IN_FLIGHT, "of more than twenty pieces"


@pytest.mark.parametrize(
    ("content", "detail"),
    [(wav(silence(3)), NO_TEXT), (b"RIFF\0\0\0\0WAVEfmt ", "damaged WAV"), (b"words", "no sound or film")],
)
async def test_what_cannot_be_heard_fails_with_a_reason(radio: Radio, content: bytes, detail: str) -> None:
    status, told = await radio.run(await radio.add_recording(content))
    assert status == "Failed" and detail in told
    assert not radio.left() and not radio.writer.callers


async def test_without_a_model_the_reason_names_the_setting(radio: Radio) -> None:
    radio.writer.refusal = MediaNotSupported("name a model in PORTICO_TRANSCRIPTION_MODEL")
    status, told = await radio.run(await radio.add_recording(wav(tone(3))))
    assert (status, told) == ("Failed", "name a model in PORTICO_TRANSCRIPTION_MODEL")


async def test_a_provider_that_refuses_is_asked_once(radio: Radio) -> None:
    radio.writer.errors = [ProviderRefused("The audio is too short.")] * 5
    status, told = await radio.run(await radio.add_recording(wav(tone(3))))
    assert status == "Failed" and "too short" in told and len(radio.writer.callers) == 1
    assert not radio.left()


async def test_notes_are_there_for_the_next_worker_and_damaged_ones_are_forgotten(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path)
    told: list[int] = []

    async def tell() -> None:
        told.append(1)

    key = heard_key("/".join(["5b1d2f8e-0000-4000-8000-000000000002"] * 3), 7)
    notes = HeardNotes(blobs, key, tell)
    await notes.load()
    await notes.keep("a 0+10", [Segment("One.", 0.0, 1.0)])
    await notes.keep("a 10+10", [])
    again = HeardNotes(blobs, key, tell)
    await again.load()
    assert again.maybe("a 0+10") == [Segment("One.", 0.0, 1.0)] and again.maybe("a 10+10") == []
    assert again.maybe("a 20+10") is None and told == [1, 1]
    next(path for path in tmp_path.rglob("*.heard7")).write_bytes(b"\xc1")
    await again.load()
    assert again.maybe("a 0+10") is None
