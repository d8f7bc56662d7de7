"""Rows of files: what is known of them, and the key of their bytes. A temporary file ends at `expires_at`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKeyConstraint,
    LargeBinary,
    Table,
    Text,
    Uuid,
    delete,
    func,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.ids import FileId, OrganizationId, ProjectId
from portico.server.storage.database import metadata
from portico.server.storage.organizations import organizations

files = Table(
    "files",
    metadata,
    Column("organization_id", Uuid(as_uuid=False), primary_key=True),
    Column("project_id", Uuid(as_uuid=False), primary_key=True),
    Column("file_id", Uuid(as_uuid=False), primary_key=True),
    Column("folder", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("extension", Text, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("blob", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("expires_at", DateTime(timezone=True)),
    ForeignKeyConstraint(["organization_id", "project_id"], ["projects.organization_id", "projects.project_id"]),
)

_DOCUMENT_BLOBS = text("SELECT blob FROM documents WHERE blob = ANY(:blobs)")


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file whose bytes lie under `blob` already. `folder` "" is the temporary storage; `extension` without a dot."""

    folder: str
    name: str
    extension: str
    content_type: str
    size_bytes: int
    sha256: bytes
    blob: str
    expires_at: datetime | None = None
    purpose: str = ""


@dataclass(frozen=True, slots=True)
class FileRow:
    """One file."""

    organization_id: OrganizationId
    project_id: ProjectId
    file_id: FileId
    folder: str
    name: str
    extension: str
    content_type: str
    purpose: str
    size_bytes: int
    sha256: bytes
    blob: str
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None

    @property
    def full_name(self) -> str:
        return f"{self.name}.{self.extension}" if self.extension else self.name


_columns = tuple(files.c)
_living = or_(files.c.expires_at.is_(None), files.c.expires_at > func.now())


async def put_file(
    connection: AsyncConnection, organization_id: OrganizationId, project_id: ProjectId, new: NewFile
) -> tuple[FileRow, str | None]:
    """A new file, or new content for the one of the same name in the same folder, which keeps its id.

    The second value is the key of the bytes that are needed no more. Of two who come first at once, the other's bytes
    are not in it: the sweep finds those.
    """
    same = (files.c.folder == new.folder, files.c.name == new.name, files.c.extension == new.extension)
    query = select(files.c.blob).where(*_in(organization_id, project_id), *same).with_for_update()
    before = await connection.scalar(query)
    content = {name: getattr(new, name) for name in ("content_type", "size_bytes", "sha256", "blob", "expires_at")}
    named = {"folder": new.folder, "name": new.name, "extension": new.extension, "purpose": new.purpose}
    whose = {"organization_id": organization_id, "project_id": project_id, "file_id": str(uuid4())}
    write = insert(files).values({**whose, **named, **content})
    write = write.on_conflict_do_update(
        index_elements=["organization_id", "project_id", "folder", "name", "extension"],
        set_={**content, "purpose": new.purpose, "updated_at": func.now()},
    )
    return _read((await connection.execute(write.returning(*_columns))).one()), before


async def maybe_file(
    connection: AsyncConnection, organization_id: OrganizationId, project_id: ProjectId, file_id: FileId
) -> FileRow | None:
    """None also for one that has expired."""
    query = select(*_columns).where(*_in(organization_id, project_id), files.c.file_id == file_id, _living)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else _read(row)


async def list_files(
    connection: AsyncConnection,
    organization_id: OrganizationId,
    project_id: ProjectId,
    *,
    folder: str | None = None,
    names: Collection[str] | None = None,
    limit: int | None = None,
    skip: int = 0,
) -> list[FileRow]:
    """Newest content first. `folder` None: of all; `names` without extension, None: all."""
    query = select(*_columns).where(*_in(organization_id, project_id), _living)
    if folder is not None:
        query = query.where(files.c.folder == folder)
    if names is not None:
        query = query.where(files.c.name.in_(list(names)))
    query = query.order_by(files.c.updated_at.desc(), files.c.file_id).limit(limit).offset(skip)
    return [_read(row) for row in await connection.execute(query)]


async def delete_file(
    connection: AsyncConnection, organization_id: OrganizationId, project_id: ProjectId, file_id: FileId
) -> FileRow | None:
    """What was deleted; None when there was nothing."""
    query = delete(files).where(*_in(organization_id, project_id), files.c.file_id == file_id, _living)
    row = (await connection.execute(query.returning(*_columns))).one_or_none()
    return None if row is None else _read(row)


async def delete_expired(connection: AsyncConnection, limit: int) -> list[FileRow]:
    """Of all tenants, for the sweep: what was deleted, at most `limit`."""
    due = select(files.c.file_id).where(files.c.expires_at <= func.now()).limit(limit).with_for_update(skip_locked=True)
    query = delete(files).where(files.c.file_id.in_(due), files.c.expires_at <= func.now()).returning(*_columns)
    return [_read(row) for row in await connection.execute(query)]


async def list_orphans(connection: AsyncConnection, blobs: Collection[str]) -> set[str]:
    """Of all tenants, for the sweep: those of these keys that are the bytes of no file and no document.

    Keys of organizations that are not in this database are left alone: a bucket may be another installation's, too.
    """
    known = set((await connection.scalars(select(files.c.blob).where(files.c.blob.in_(list(blobs))))).all())
    known |= set((await connection.scalars(_DOCUMENT_BLOBS, {"blobs": list(blobs)})).all())
    ours = set((await connection.scalars(select(organizations.c.organization_id))).all())
    return {blob for blob in blobs if blob not in known and blob.partition("/")[0] in ours}


def _in(organization_id: OrganizationId, project_id: ProjectId) -> tuple[Any, Any]:
    return files.c.organization_id == organization_id, files.c.project_id == project_id


def _read(row: Sequence[Any]) -> FileRow:
    return FileRow(*row)
