"""A profile with documents in a real database, filled without any model: vectors are made of the test's own numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

import numpy as np
import numpy.typing as npt
from sqlalchemy import text

from portico.server.ids import OrganizationId, ProjectId
from portico.server.retrieval.chunk import Chunk
from portico.server.retrieval.index import ChunkIndex
from portico.server.storage.database import Database
from portico.server.storage.search_profiles import ProfileKey

Vectors = npt.NDArray[np.float32]


def piece(text: str, heading: str = "", **about: Any) -> Chunk:
    """A chunk with its heading above it."""
    return Chunk(text, f"{heading}\n{text}" if heading else text, heading, **about)


class Shelf:
    """One profile of one project. `put` indexes a document from beginning to end."""

    def __init__(self, database: Database, key: ProfileKey) -> None:
        self.database = database
        self.key = key
        self.index = ChunkIndex(database)
        self.revisions: dict[str, int] = {}

    @classmethod
    async def build(cls, database: Database) -> Shelf:
        organization, project, profile = (str(uuid4()) for _ in range(3))
        async with database.begin() as connection:
            values = {"organization": organization, "project": project, "profile": profile, "name": project}
            for statement in (
                "INSERT INTO organizations (organization_id, name) VALUES (:organization, :name)",
                "INSERT INTO projects (organization_id, project_id, name) VALUES (:organization, :project, :name)",
                "INSERT INTO search_profiles (organization_id, project_id, profile_id, name)"
                " VALUES (:organization, :project, :profile, :name)",
            ):
                await connection.execute(text(statement), values)
        return cls(database, ProfileKey(OrganizationId(organization), ProjectId(project), profile))

    async def document(
        self, name: str = "paper", extension: str = "txt", metadata: Mapping[str, Any] | None = None
    ) -> str:
        document_id = str(uuid4())
        query = text(
            "INSERT INTO documents (organization_id, project_id, profile_id, document_id, name, extension,"
            " content_type, size_bytes, sha256, blob, metadata) VALUES (:organization, :project, :profile, :document,"
            " :name, :extension, 'text/plain', 1, '', '', CAST(:metadata AS jsonb))"
        )
        values = {
            "organization": self.key.organization_id,
            "project": self.key.project_id,
            "profile": self.key.profile_id,
            "document": document_id,
            "name": name,
            "extension": extension,
            "metadata": json.dumps(metadata or {}),
        }
        async with self.database.begin() as connection:
            await connection.execute(text(query.text), values)
        return document_id

    async def put(
        self,
        pieces: Sequence[Chunk | str],
        vectors: Vectors | None = None,
        *,
        document_id: str = "",
        language: str = "en",
        publish: bool = True,
        **about: Any,
    ) -> str:
        """The id of the document, whose next revision is searched now."""
        document_id = document_id or await self.document(**about)
        revision = self.revisions[document_id] = self.revisions.get(document_id, 0) + 1
        chunks = [piece(one) if isinstance(one, str) else one for one in pieces]
        await self.index.stage(self.key, document_id, revision, chunks, language)
        missing = await self.index.list_missing(self.key, document_id, revision, 10_000)
        if vectors is None:
            vectors = np.stack([vector_of(searched) for _, searched in missing]) if missing else None
        if vectors is not None and missing:
            ids = [ordinal for ordinal, _ in missing]
            await self.index.put_vectors(self.key, document_id, revision, ids, vectors)
        if publish:
            await self.publish(document_id, revision)
        return document_id

    async def publish(self, document_id: str, revision: int) -> None:
        async with self.database.begin() as connection:
            await self.index.publish(connection, self.key, document_id, revision)

    async def remove(self, *document_ids: str) -> None:
        async with self.database.begin() as connection:
            await self.index.remove(connection, self.key, document_ids or None)

    async def count(self, table: str) -> int:
        async with self.database.begin() as connection:
            return int(await connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0)


def vector_of(written: str, dimensions: int = 16) -> Vectors:
    """The same unit vector for the same text."""
    numbers = np.random.default_rng(abs(hash(written)) % 2**32).normal(size=dimensions)
    return np.asarray(numbers / np.linalg.norm(numbers), np.float32)


def random_vectors(count: int, dimensions: int, seed: int = 0) -> Vectors:
    numbers = np.random.default_rng(seed).normal(size=(count, dimensions))
    return np.asarray(numbers / np.linalg.norm(numbers, axis=1, keepdims=True), np.float32)
