"""Files of a project: taken in, listed, found and deleted. Bytes come first, then the row: so a row has bytes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from portico.server.access.audit import Action, record
from portico.server.access.caller import Caller
from portico.server.access.refusals import ProjectNotInOrganization
from portico.server.access.tenancy import Tenancy
from portico.server.assistants.files.names import media_type_of, read_folder, read_name
from portico.server.assistants.files.place import Place, find_place
from portico.server.assistants.files.refusals import DocumentNotFound, InvalidFileSize
from portico.server.errors import PayloadTooLarge, StorageAway, StorageFull
from portico.server.ids import FileId
from portico.server.kit.guids import read_guid
from portico.server.storage import files as rows
from portico.server.storage.blobs import Blobs
from portico.server.storage.files import FileRow, NewFile
from portico.server.storage.projects import maybe_project

_HEAD = 4096
_LOOK_BYTES = 64 * 1024 * 1024
"""So much is written between two looks at the disk."""


@dataclass(frozen=True, slots=True)
class Description:
    """What was said of a file: the name asked for, what the part is called, folder and content type; each may be ""."""

    name: str = ""
    sent_name: str = ""
    folder: str = ""
    content_type: str = ""


@dataclass(frozen=True, slots=True)
class FileRules:
    """`limit_bytes` of one file, `temporary_s` until one without a folder ends, `reserve_bytes` to stay free."""

    limit_bytes: int
    temporary_s: float
    reserve_bytes: int


class FileStore:
    """One per process."""

    def __init__(self, tenancy: Tenancy, blobs: Blobs, rules: FileRules) -> None:
        self.tenancy = tenancy
        self.blobs = blobs
        self.rules = rules

    async def find_place(self, caller: Caller, organizations: tuple[str, ...], projects: tuple[str, ...]) -> Place:
        """See `place.find_place`."""
        return await find_place(self.tenancy.database, caller, organizations, projects)

    async def check_room(self, expected_bytes: int) -> None:
        """Before anything is read. Raises PayloadTooLarge, StorageFull."""
        if expected_bytes > self.rules.limit_bytes:
            raise PayloadTooLarge
        free = await self.blobs.maybe_free_bytes()
        if free is not None and free - self.rules.reserve_bytes < expected_bytes:
            raise StorageFull

    async def create(
        self, caller: Caller, place: Place, content: AsyncIterator[bytes], describe: Callable[[], Description]
    ) -> FileRow:
        """Stores `content` piece by piece; `describe` is asked when it has ended, for a form may tell names behind it.

        Raises DocumentNameMissing, InvalidFileSize, PayloadTooLarge, StorageFull, StorageAway; and what `content`
        raises. Nothing is left of a file that was refused.
        """
        blob = f"{place.organization_id}/{place.project_id}/{uuid4()}"
        intake = _Intake(self, content)
        stored = await self.blobs.put(blob, intake.pieces())
        try:
            if not stored.size_bytes:
                raise InvalidFileSize("Invalid File Size: the file is empty", param="file")
            new = self._new(describe(), intake.head, blob, stored.size_bytes, stored.sha256)
            row, before = await self._write(caller, place, new)
        except BaseException:
            await self.forget_bytes(blob)
            raise
        if before is not None:
            await self.forget_bytes(before)
        return row

    async def find(self, place: Place, file_id: str) -> FileRow:
        """Raises DocumentNotFound (404, id 2021)."""
        async with self.tenancy.database.begin() as connection:
            row = await rows.maybe_file(connection, place.organization_id, place.project_id, _read_id(file_id))
        if row is None:
            raise DocumentNotFound
        return row

    async def list(
        self, place: Place, *, folder: str | None = None, limit: int | None = None, skip: int = 0
    ) -> list[FileRow]:
        """Newest content first."""
        wanted = None if folder is None else read_folder(folder)
        async with self.tenancy.database.begin() as connection:
            return await rows.list_files(
                connection, place.organization_id, place.project_id, folder=wanted, limit=limit, skip=skip
            )

    async def delete(self, caller: Caller, place: Place, file_id: str) -> None:
        """Raises DocumentNotFound, also the second time."""
        async with self.tenancy.database.begin() as connection:
            row = await rows.delete_file(connection, place.organization_id, place.project_id, _read_id(file_id))
            if row is None:
                raise DocumentNotFound
            await record(
                connection, self.tenancy, caller, "delete", "file", row.file_id, row.full_name,
                project_id=place.project_id,
            )  # fmt: skip
        await self.forget_bytes(row.blob)

    async def forget_bytes(self, blob: str) -> None:
        """Bytes and what was read out of them. What cannot be deleted now, the sweep deletes later."""
        with suppress(StorageAway):
            await self.blobs.delete((blob, text_key(blob)))

    def _new(self, said: Description, head: bytes, blob: str, size_bytes: int, sha256: bytes) -> NewFile:
        name, extension = read_name(said.name, said.sent_name)
        folder = read_folder(said.folder)
        until = None if folder else datetime.now(UTC) + timedelta(seconds=self.rules.temporary_s)
        media_type = media_type_of(said.content_type, extension, head)
        return NewFile(folder, name, extension, media_type, size_bytes, sha256, blob, until)

    async def _write(self, caller: Caller, place: Place, new: NewFile) -> tuple[FileRow, str | None]:
        async with self.tenancy.database.begin() as connection:
            if await maybe_project(connection, place.organization_id, place.project_id, lock=True) is None:
                raise ProjectNotInOrganization(param="project")  # it went while the bytes came
            row, before = await rows.put_file(connection, place.organization_id, place.project_id, new)
            action: Action = "create" if before is None else "update"
            details = {"sizeBytes": row.size_bytes, "folder": row.folder}
            await record(
                connection, self.tenancy, caller, action, "file", row.file_id, row.full_name,
                project_id=place.project_id, details=details,
            )  # fmt: skip
        return row, before


def text_key(blob: str) -> str:
    """Where the text of a file is kept. Bytes never change under their key, so the text fits for ever."""
    return f"{blob}.text"


class _Intake:
    """The pieces of one upload on their way to the store: counted, and the first bytes remembered."""

    def __init__(self, store: FileStore, content: AsyncIterator[bytes]) -> None:
        self._store, self._content = store, content
        self.head = b""

    async def pieces(self) -> AsyncIterator[bytes]:
        size = looked_at = 0
        async for piece in self._content:
            size += len(piece)
            if size > self._store.rules.limit_bytes:
                raise PayloadTooLarge
            if size - looked_at >= _LOOK_BYTES:
                looked_at = size
                await self._store.check_room(0)
            if len(self.head) < _HEAD:
                self.head += piece[: _HEAD - len(self.head)]
            yield piece


def _read_id(text: str) -> FileId:
    return FileId(read_guid(text, DocumentNotFound))
