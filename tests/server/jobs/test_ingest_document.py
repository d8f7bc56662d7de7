"""One document after the other through all steps, without the engine: what it becomes, and what stops it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text

from portico.server.access.caller import Caller
from portico.server.errors import PorticoError, ProviderAuth, ProviderOvercapacity, QuotaExceeded
from portico.server.jobs import patience
from portico.server.jobs.faults import Faults
from portico.server.jobs.ingest_document import GAVE_UP, NO_TEXT, IngestDocument, Library
from portico.server.jobs.steps import Body, Outcome, Steps, settle
from portico.server.retrieval.index import ChunkIndex
from portico.server.retrieval.parse import Parser
from portico.server.retrieval.profile import ChunkRules, Embedding, Llm, Search, SearchProfile
from portico.server.storage.blobs.folder import FolderBlobs
from portico.server.storage.database import Database
from portico.server.storage.search_profiles import ProfileKey, maybe_profile_of
from tests.server.jobs.library import add_document, add_profile, paragraphs, put_file, status_of

pytestmark = pytest.mark.anyio


class PlainSteps(Steps):
    """Records nothing; `before` and `after` are called around the step of that name."""

    def __init__(self) -> None:
        super().__init__(Faults({}))
        self.names: list[str] = []
        self.hooks: dict[str, Callable[[], Awaitable[None]]] = {}

    async def run(self, name: str, body: Body) -> Outcome:
        if name in self.hooks:
            await self.hooks[name]()
        self.names.append(name)
        return await settle(name, body)


class Model:
    """An embedder that counts, and fails when it is told to."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.callers: list[Caller] = []
        self.errors: list[PorticoError] = []

    async def embed(self, caller: Caller, embedding: Embedding, texts: Sequence[str], *, query: bool) -> np.ndarray:
        assert not query
        if self.errors:
            raise self.errors.pop(0)
        self.callers.append(caller)
        self.texts += texts
        vectors = np.array([[len(one) % 7 + 1.0, hash(one) % 11, 1.0] for one in texts], np.float32)
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


class House:
    """The rooms of ingestion, real but for the model."""

    def __init__(self, database: Database, data_dir: Path, key: ProfileKey) -> None:
        self.database, self.data_dir, self.key = database, data_dir, key
        self.steps, self.model = PlainSteps(), Model()
        self.blobs = FolderBlobs(data_dir / "files")
        self.index = ChunkIndex(database)
        library = Library(database, self.blobs, Parser(), self.index, self.model, self.maybe_profile)  # type: ignore[arg-type]
        self.ingest = IngestDocument(library, self.steps)

    async def maybe_profile(self, _caller: Caller, key: ProfileKey) -> SearchProfile | None:
        async with self.database.begin() as connection:
            if await maybe_profile_of(connection, key) is None:
                return None
        return SearchProfile(
            key, "handbook", "", True, Embedding("local/x", batch_size=4), Llm("local/y"), Search("", ""),
            chunks=ChunkRules(size=1000, overlap=0),
        )  # fmt: skip

    async def add(self, content: bytes, revision: int = 1) -> str:
        document = await add_document(self.database, self.key, revision=revision)
        put_file(self.data_dir, self.key, document, content)
        return document

    async def run(self, document: str, revision: int = 1) -> tuple[str, str]:
        arguments = {"profile_id": self.key.profile_id, "document_id": document, "revision": revision}
        await self.ingest.run(self.key.organization_id, self.key.project_id, arguments)
        return await status_of(self.database, document)

    async def execute(self, query: str, **values: object) -> list[tuple[object, ...]]:
        async with self.database.begin() as connection:
            result = await connection.execute(text(query), values)
            return [tuple(row) for row in result] if result.returns_rows else []

    def kept(self) -> list[str]:
        """What lies beside the files."""
        return [path.name for path in (self.data_dir / "files").rglob("*.parsed*")]


@pytest.fixture
async def house(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    monkeypatch.setattr(patience, "FIRST_PAUSE_S", 0.001)
    yield House(database, tmp_path, await add_profile(database))


async def test_a_document_becomes_searchable(house: House) -> None:
    document = await house.add(paragraphs(10))
    assert await house.run(document) == ("Success", "")
    [(chunks, embedded, revision)] = await house.execute("SELECT chunks, embedded, indexed_revision FROM documents")
    assert chunks == embedded == len(house.model.texts) and int(str(chunks)) >= 8 and revision == 1
    assert await house.execute("SELECT state, count(*) FROM editions GROUP BY 1") == [(1, 1)]
    assert await house.execute("SELECT count(*) FROM chunk_vectors") == [(chunks,)]
    assert not house.kept()


async def test_a_document_that_is_given_up_has_failed_and_leaves_nothing(house: House) -> None:
    document, done = await house.add(paragraphs(3)), await house.add(paragraphs(3))
    assert await house.run(done) == ("Success", "")

    async def killed() -> None:
        raise KeyboardInterrupt

    house.steps.hooks["stage"] = killed
    with pytest.raises(KeyboardInterrupt):
        await house.run(document)
    assert house.kept()
    for one in (document, done, done):  # a run may be given up twice, and after its document was done
        arguments = {"profile_id": house.key.profile_id, "document_id": one, "revision": 1}
        await house.ingest.give_up(house.key.organization_id, house.key.project_id, arguments)
    assert await status_of(house.database, document) == ("Failed", GAVE_UP)
    assert await status_of(house.database, done) == ("Success", "")
    assert not house.kept()


async def test_the_vectors_are_those_of_the_project(house: House) -> None:
    await house.run(await house.add(paragraphs(1)))
    caller = house.model.callers[0]
    assert (caller.organization_id, caller.project_id) == (house.key.organization_id, house.key.project_id)
    assert (caller.token_id, caller.project_name, caller.scope) == ("ingestion", "Library", "project")


async def test_the_same_content_again_is_not_embedded_again(house: House) -> None:
    document = await house.add(paragraphs(10))
    await house.run(document)
    asked = len(house.model.texts)
    await house.execute("UPDATE documents SET revision = 2, status = 'Unknown'")
    assert await house.run(document, 2) == ("Success", "")
    assert len(house.model.texts) == asked
    await house.execute("UPDATE documents SET revision = 3, status = 'Unknown'")
    put_file(house.data_dir, house.key, document, paragraphs(10) + b"\n\nOne more paragraph, about a ship. " * 10)
    assert await house.run(document, 3) == ("Success", "")
    assert 0 < len(house.model.texts) - asked <= 2, [(t[:14], len(t)) for t in house.model.texts]
    assert await house.execute("SELECT revision FROM editions WHERE state = 1") == [(3,)]


async def test_a_file_without_text_is_invalid_content(house: House) -> None:
    assert await house.run(await house.add(b"  \n\n  ")) == ("Failed", NO_TEXT)
    assert not house.kept() and not house.model.texts


async def test_a_broken_file_fails_with_a_reason(house: House) -> None:
    document = await house.add(b"%PDF-1.7 and then nothing of the kind")
    await house.execute("UPDATE documents SET extension = 'pdf', content_type = 'application/pdf'")
    status, detail = await house.run(document)
    assert status == "Failed" and len(detail) > 10


async def test_a_file_that_is_gone_fails_with_a_reason(house: House) -> None:
    document = await add_document(house.database, house.key)
    status, detail = await house.run(document)
    assert status == "Failed" and "no longer there" in detail


async def test_a_provider_that_is_overloaded_is_asked_again(house: House) -> None:
    house.model.errors = [ProviderOvercapacity() for _ in range(4)]
    document = await house.add(paragraphs(10))
    assert await house.run(document) == ("Success", "")


@pytest.mark.parametrize("error", [ProviderAuth("The key was refused."), QuotaExceeded("The budget is used up.")])
async def test_a_provider_that_refuses_fails_the_document_in_its_words(house: House, error: PorticoError) -> None:
    house.model.errors = [error, error, error]
    assert await house.run(await house.add(paragraphs(2))) == ("Failed", error.message)
    assert not house.kept()


async def test_a_document_that_failed_is_found_as_it_was_before(house: House) -> None:
    document = await house.add(paragraphs(3))
    await house.run(document)
    await house.execute("UPDATE documents SET revision = 2, status = 'Unknown'")
    put_file(house.data_dir, house.key, document, b" ")
    assert (await house.run(document, 2))[0] == "Failed"
    assert await house.execute("SELECT revision, state FROM editions") == [(1, 1)]
    assert await house.execute("SELECT indexed_revision FROM documents") == [(1,)]


@pytest.mark.parametrize("step", ["read", "stage", "embed", "publish", "finish"])
async def test_a_document_that_is_deleted_meanwhile_leaves_nothing(house: House, step: str) -> None:
    document = await house.add(paragraphs(3))

    async def delete() -> None:
        async with house.database.begin() as connection:
            await connection.execute(text("DELETE FROM documents"))
            await house.index.remove(connection, house.key, [document])

    house.steps.hooks[step] = delete
    arguments = {"profile_id": house.key.profile_id, "document_id": document, "revision": 1}
    await house.ingest.run(house.key.organization_id, house.key.project_id, arguments)
    assert await house.execute("SELECT count(*) FROM editions WHERE state < 2") == [(0,)]


@pytest.mark.parametrize("step", ["begin", "read", "stage", "embed", "publish"])
async def test_a_profile_that_is_deleted_meanwhile_ends_it_quietly(house: House, step: str) -> None:
    document = await house.add(paragraphs(3))

    async def delete() -> None:
        await house.execute("DELETE FROM search_profiles")

    house.steps.hooks[step] = delete
    arguments = {"profile_id": house.key.profile_id, "document_id": document, "revision": 1}
    await house.ingest.run(house.key.organization_id, house.key.project_id, arguments)
    assert house.steps.names[-1] == "upkeep"
    assert await house.execute("SELECT count(*) FROM documents") == [(0,)]


@pytest.mark.parametrize("step", ["begin", "read", "stage", "embed", "publish"])
async def test_a_newer_revision_stops_the_older_one(house: House, step: str) -> None:
    document = await house.add(paragraphs(3))

    async def order_again() -> None:
        await house.execute("UPDATE documents SET revision = 2, status = 'Unknown'")

    house.steps.hooks[step] = order_again
    assert await house.run(document) == ("Unknown", "")
    house.steps.hooks.clear()
    assert await house.run(document, 2) == ("Success", "")
    assert await house.execute("SELECT revision FROM editions WHERE state = 1") == [(2,)]


@pytest.mark.parametrize("step", ["embed", "publish", "finish", "upkeep"])
async def test_a_revision_that_is_staged_late_leaves_nothing_and_takes_nothing(house: House, step: str) -> None:
    """However far the newer one is by then: it is searched in the end, and the older one is gone."""
    document = await house.add(paragraphs(3))
    stage = house.index.stage

    async def stage_late(key: ProfileKey, _: str, revision: int, *rest: Any) -> int:
        house.index.stage = stage  # type: ignore[method-assign]
        await house.execute("UPDATE documents SET revision = 2, status = 'Unknown'")
        put_file(house.data_dir, key, document, paragraphs(4))

        async def stage_older() -> None:
            house.steps.hooks.clear()
            await stage(key, document, revision, *rest)

        house.steps.hooks[step] = stage_older
        assert await house.run(document, 2) == ("Success", "")
        return 0

    house.index.stage = stage_late  # type: ignore[method-assign]
    assert await house.run(document) == ("Success", "")
    assert await house.execute("SELECT revision, state FROM editions WHERE state < 2") == [(2, 1)]
    assert await house.execute("SELECT count(*) FROM chunks") == await house.execute("SELECT chunks FROM documents")


async def test_a_document_that_fails_after_it_was_staged_leaves_nothing_of_that(house: House) -> None:
    house.model.errors = [ProviderAuth("The key was refused."), ProviderAuth("The key was refused.")]
    assert (await house.run(await house.add(paragraphs(3))))[0] == "Failed"
    for table in ("editions", "chunks", "chunk_vectors", "word_segments"):
        assert await house.execute(f"SELECT count(*) FROM {table}") == [(0,)], table


async def test_what_a_lost_run_has_staged_goes_with_the_next_document(house: House) -> None:
    lost, other = await house.add(paragraphs(3)), await house.add(paragraphs(2))

    async def killed() -> None:
        raise KeyboardInterrupt

    house.steps.hooks["publish"] = killed
    with pytest.raises(KeyboardInterrupt):
        await house.run(lost)
    house.steps.hooks.clear()
    assert await house.run(other) == ("Success", "")
    assert await house.execute("SELECT state FROM editions ORDER BY state") == [(0,), (1,)]  # it may be taken up again
    await house.execute("UPDATE documents SET status = 'Failed' WHERE document_id = :lost", lost=lost)
    await house.execute("UPDATE documents SET revision = 2, status = 'Unknown' WHERE document_id = :other", other=other)
    assert await house.run(other, 2) == ("Success", "")
    assert await house.execute("SELECT document_id::text FROM editions WHERE state < 2") == [(other,)]


async def test_a_document_whose_chunks_are_gone_is_not_called_searchable(house: House) -> None:
    """Another run of the same revision has taken them away, and brings its own."""
    document = await house.add(paragraphs(3))

    async def take_away() -> None:
        async with house.database.begin() as connection:
            await house.index.remove(connection, house.key, [document])

    house.steps.hooks["publish"] = take_away
    assert (await house.run(document))[0] == "Pending"
    house.steps.hooks.clear()
    assert await house.run(document) == ("Success", "")


async def test_a_second_run_of_a_finished_document_does_nothing(house: House) -> None:
    document = await house.add(paragraphs(3))
    await house.run(document)
    asked = len(house.model.texts)
    assert await house.run(document) == ("Success", "")
    assert len(house.model.texts) == asked
    assert await house.execute("SELECT count(*) FROM editions WHERE state = 1") == [(1,)]
