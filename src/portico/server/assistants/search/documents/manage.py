"""Documents of a RAG assistant: taken in, listed, ordered again, deleted. What becomes of them then, `jobs/` knows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.access import audit
from portico.server.access.caller import Caller
from portico.server.access.places import find_place
from portico.server.access.policy import require
from portico.server.assistants.files.manage import FileStore
from portico.server.assistants.files.names import media_type_of, read_name
from portico.server.assistants.files.refusals import DocumentNotFound, InvalidFileSize
from portico.server.assistants.search.documents.passwords import seal_password
from portico.server.assistants.search.documents.said import METADATA, read_metadata, read_parameters
from portico.server.assistants.search.find import ProfileModels, write_fixed
from portico.server.assistants.search.profiles.manage import find_row
from portico.server.assistants.search.refusals import (
    DocumentExtensionInvalid,
    DocumentGeneralError,
    DocumentIdInvalid,
)
from portico.server.errors import StorageAway
from portico.server.retrieval.crawling.order import EXTENSION as CRAWLED
from portico.server.retrieval.crawling.order import LIMIT_BYTES as CRAWL_LIMIT_BYTES
from portico.server.retrieval.crawling.order import read_order
from portico.server.retrieval.crawling.refusals import CrawlOrderInvalid
from portico.server.retrieval.removal import remove_documents
from portico.server.storage import documents as rows
from portico.server.storage.blobs.base import Stored
from portico.server.storage.documents import DocumentRow, NewContent
from portico.server.storage.jobs import insert_jobs
from portico.server.storage.search_profiles import ProfileRow, set_embedding

KIND = "document"
JOB = "ingest_document"
_HEAD, _SNIFFED = CRAWL_LIMIT_BYTES + 1, 4096
"""First bytes of a document: those of a crawl order are looked at before it is kept, those of others tell its type."""
_LOOK_BYTES = 64 * 1024 * 1024
"""So much is written between two looks at the disk."""


@dataclass(frozen=True, slots=True)
class Description:
    """What was said of a document: the name asked for, what the part is called, its content type, the other fields of
    the form by names in lower case. Without `has_file` the content is none."""

    name: str = ""
    sent_name: str = ""
    content_type: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    has_file: bool = True


@dataclass(frozen=True, slots=True)
class DocumentRules:
    """`limit_bytes` of one document; `extensions` in lower case, without a dot."""

    limit_bytes: int
    extensions: frozenset[str]


Describe = Callable[[], Description]
"""Asked when the name is known, and again when the content has ended: a form may say more behind its file."""


class Documents:
    """One per process."""

    def __init__(self, files: FileStore, models: ProfileModels, rules: DocumentRules) -> None:
        self.rules = rules
        self._files = files
        self._tenancy = files.tenancy
        self._models = models

    async def list_all(
        self, caller: Caller, name: str, *, skip: int, count: int, status: str | None = None
    ) -> tuple[Sequence[DocumentRow], Mapping[str, int]]:
        """Newest first, of one status or of all; and how many of all have each status. Raises ProfileNotFound (404,
        id 1010)."""
        require(caller, "assistants")
        async with self._tenancy.database.begin() as connection:
            profile = await self._find(connection, caller, name)
            found = await rows.list_documents(connection, profile.key, skip=skip, count=count, status=status)
            return found, await rows.count_documents(connection, profile.key)

    async def find(self, caller: Caller, name: str, document_id: str) -> DocumentRow:
        """Raises ProfileNotFound, DocumentIdInvalid (400, id 2022), DocumentNotFound (404, id 2021)."""
        require(caller, "assistants")
        wanted = read_id(document_id)
        async with self._tenancy.database.begin() as connection:
            profile = await self._find(connection, caller, name)
            return _found(await rows.maybe_document(connection, profile.key, wanted))

    async def upload(self, caller: Caller, name: str, content: AsyncIterator[bytes], describe: Describe) -> DocumentRow:
        """Stores `content` piece by piece, and orders it to be indexed. The same bytes again are another document.

        Raises ProfileNotFound, DocumentNameMissing (2025), DocumentExtensionInvalid (2027), InvalidFileSize (2028),
        DocumentGeneralError (2023) for metadata and crawl orders, PatternMismatch and OutOfRange for parameters,
        StorageFull, StorageAway, and what `content` raises. Nothing is left of a document that was refused.
        """
        require(caller, "assistants")
        async with self._tenancy.database.begin() as connection:
            profile = await self._find(connection, caller, name)
        async with self._taking(profile, content, describe) as (taken, said):
            if taken is None:
                raise InvalidFileSize("Invalid File Size: the file is empty", param="file")
            metadata, parameters = read_metadata(said.fields.get(METADATA)), read_parameters(said.fields)
            async with self._changing(caller, name) as (connection, profile):
                kept = seal_password(self._tenancy.key, profile.key, parameters or {})
                row = await rows.insert_document(connection, profile.key, taken, metadata or {}, kept)
                await self._order(connection, caller, profile, [(row.document_id, row.revision)])
                details = {"sizeBytes": taken.size_bytes, "profile": profile.name}
                await self._record(connection, caller, "create", row.document_id, row.full_name, details)
        return row

    async def reindex(
        self,
        caller: Caller,
        name: str,
        document_id: str,
        content: AsyncIterator[bytes] | None,
        describe: Describe,
    ) -> DocumentRow:
        """With other bytes, where `content` holds some, and other metadata, where some is said. Raises as `upload`, and
        DocumentIdInvalid (400, id 2022), DocumentNotFound (404, id 2021)."""
        require(caller, "assistants")
        wanted = read_id(document_id)
        async with self._tenancy.database.begin() as connection:
            profile = await self._find(connection, caller, name)
            _found(await rows.maybe_document(connection, profile.key, wanted))
        async with self._taking(profile, content, describe) as (taken, said):
            metadata, parameters = read_metadata(said.fields.get(METADATA)), read_parameters(said.fields)
            async with self._changing(caller, name) as (connection, profile):
                before = _found(await rows.maybe_document(connection, profile.key, wanted, lock=True))
                kept = parameters and seal_password(self._tenancy.key, profile.key, parameters)
                row = await rows.order_again(
                    connection, profile.key, wanted, content=taken, metadata=metadata, parameters=kept
                )
                await self._order(connection, caller, profile, [(row.document_id, row.revision)])
                await self._record(connection, caller, "update", wanted, row.full_name, {"profile": profile.name})
        if taken is not None:
            await self._files.forget_bytes(before.blob)
        return row

    async def reindex_all(self, caller: Caller, name: str) -> int:
        """How many were ordered again. Now embeddings that were set meanwhile come into force. Raises
        ProfileNotFound."""
        require(caller, "assistants")
        async with self._changing(caller, name) as (connection, profile):
            wanted = write_fixed(self._models.embedding(caller, profile, as_set=True))
            is_other = profile.embedding is not None and profile.embedding != wanted
            orders = await rows.order_all_again(connection, profile.key, unsearched=is_other)
            if is_other:  # vectors of two models cannot stand in one index
                await remove_documents(connection, profile.key, None)
                await set_embedding(connection, profile.key, wanted if orders else None)
            if orders:
                await self._order(connection, caller, profile, orders)
                details = {"documents": len(orders), "reindex": True}
                await self._record(connection, caller, "update", profile.key.profile_id, profile.name, details)
        return len(orders)

    async def delete(self, caller: Caller, name: str, document_id: str | None) -> None:
        """One, or (None) all, with what is indexed of them. Raises ProfileNotFound, DocumentIdInvalid,
        DocumentNotFound, also the second time."""
        require(caller, "assistants")
        wanted = None if document_id is None else [read_id(document_id)]
        async with self._changing(caller, name) as (connection, profile):
            row = await rows.maybe_document(connection, profile.key, wanted[0], lock=True) if wanted else None
            gone = await rows.delete_documents(connection, profile.key, wanted)
            if wanted and row is None:
                raise DocumentNotFound
            await remove_documents(connection, profile.key, wanted)
            if not await rows.any_document(connection, profile.key):
                await set_embedding(connection, profile.key, None)
            target = (profile.key.profile_id, profile.name) if row is None else (row.document_id, row.full_name)
            if gone:
                details = {"documents": len(gone), "profile": profile.name}
                await self._record(connection, caller, "delete", *target, details)
        await self.forget_bytes([blob for blob, _ in gone])

    async def forget_bytes(self, blobs: Collection[str]) -> None:
        """Of documents that are gone. What cannot be deleted now, the sweep of the files deletes later."""
        with suppress(StorageAway):
            await self._files.blobs.delete(list(blobs))

    @asynccontextmanager
    async def _changing(self, caller: Caller, name: str) -> AsyncIterator[tuple[AsyncConnection, ProfileRow]]:
        """A transaction that has the profile for itself: whoever comes first decides what its vectors are made by."""
        async with self._tenancy.database.begin() as connection:
            yield connection, await self._find(connection, caller, name, lock="NO KEY UPDATE")

    async def _find(self, connection: AsyncConnection, caller: Caller, name: str, *, lock: str = "") -> ProfileRow:
        return await find_row(connection, (await find_place(connection, caller)).project, name, lock=lock)

    @asynccontextmanager
    async def _taking(
        self, profile: ProfileRow, content: AsyncIterator[bytes] | None, describe: Describe
    ) -> AsyncIterator[tuple[NewContent | None, Description]]:
        """Bytes that are kept when all goes well; None where there were none."""
        if content is None:
            yield None, describe()
            return
        await self._files.check_room(0)
        blob = f"{profile.key.organization_id}/{profile.key.project_id}/{uuid4()}"
        intake = _Intake(self._files, self.rules, content, describe)
        stored = await self._files.blobs.put(blob, intake.pieces())
        try:
            said = describe()
            if said.has_file and not stored.size_bytes:
                raise InvalidFileSize("Invalid File Size: the file is empty", param="file")
            yield (_describe(self.rules, said, intake.head, blob, stored) if said.has_file else None), said
        except BaseException:
            await self._files.forget_bytes(blob)
            raise
        if not said.has_file:
            await self._files.forget_bytes(blob)

    async def _order(
        self, connection: AsyncConnection, caller: Caller, profile: ProfileRow, orders: Sequence[tuple[str, int]]
    ) -> None:
        """Jobs to index them. The first document of a profile decides what its vectors are made by."""
        key = profile.key
        if profile.embedding is None:
            await set_embedding(connection, key, write_fixed(self._models.embedding(caller, profile)))
        jobs = [{"profile_id": key.profile_id, "document_id": one, "revision": revision} for one, revision in orders]
        await insert_jobs(connection, key.organization_id, key.project_id, JOB, jobs)

    async def _record(
        self,
        connection: AsyncConnection,
        caller: Caller,
        action: audit.Action,
        target_id: str,
        target_name: str,
        details: Mapping[str, Any],
    ) -> None:
        await audit.record(connection, self._tenancy, caller, action, KIND, target_id, target_name, details=details)


class _Intake:
    """The pieces of one upload on their way to the store: counted, the first bytes remembered, the name looked at
    before anything is kept."""

    def __init__(
        self, files: FileStore, rules: DocumentRules, content: AsyncIterator[bytes], describe: Describe
    ) -> None:
        self._files, self._rules, self._content, self._describe = files, rules, content, describe
        self.head = b""

    async def pieces(self) -> AsyncIterator[bytes]:
        size = looked_at = 0
        async for piece in self._content:
            if not size:
                _name(self._rules, self._describe())
            size += len(piece)
            if size > self._rules.limit_bytes:
                raise InvalidFileSize(
                    f"Invalid File Size: at most {self._rules.limit_bytes} bytes (PORTICO_DOCUMENTS_LIMIT_BYTES)",
                    param="file",
                )
            if size - looked_at >= _LOOK_BYTES:
                looked_at = size
                await self._files.check_room(0)
            if len(self.head) < _HEAD:
                self.head += piece[: _HEAD - len(self.head)]
            yield piece


def read_id(text: str) -> str:
    """Raises DocumentIdInvalid (400, id 2022)."""
    try:
        return str(UUID(text))
    except ValueError:
        raise DocumentIdInvalid(param="documentId") from None


def _name(rules: DocumentRules, said: Description) -> tuple[str, str]:
    name, extension = read_name(said.name, said.sent_name)
    if extension not in rules.extensions:
        hint = f"send one of {' '.join(sorted(rules.extensions))}"
        raise DocumentExtensionInvalid(f"{DocumentExtensionInvalid.text}: {extension or 'none'}; {hint}", param="file")
    return name, extension


def _describe(rules: DocumentRules, said: Description, head: bytes, blob: str, stored: Stored) -> NewContent:
    name, extension = _name(rules, said)
    if extension == CRAWLED:
        _check_order(head)
    media_type = media_type_of(said.content_type, extension, head[:_SNIFFED])
    return NewContent(name, extension, media_type, stored.size_bytes, stored.sha256, blob)


def _check_order(content: bytes) -> None:
    """What cannot be crawled is told now, not by a failed document."""
    try:
        read_order(content)
    except CrawlOrderInvalid as error:
        raise DocumentGeneralError(error.member, error.hint) from None


def _found(row: DocumentRow | None) -> DocumentRow:
    if row is None:
        raise DocumentNotFound
    return row
