"""Files, low level. An upload is read piece by piece from where it lies; a download can be.

Source: Files API reference, /v1/files.
"""

from __future__ import annotations

from portico.sdk.byte_stream import AsyncByteStream, ByteStream
from portico.sdk.call import Call, JsonObject, Repeat, get, given, path_segment, write_query
from portico.sdk.clients.base import AsyncLowLevelClient, LowLevelClient
from portico.sdk.errors import PorticoError
from portico.sdk.uploading import Progress, Source, read_source, send_file

ROOT = "/v1/files"
_RAW = {"Accept": "application/octet-stream"}


def upload_call(
    source: Source,
    name: str | None,
    folder: str | None,
    organization: str | None,
    project: str | None,
    progress: Progress | None,
) -> Call:
    """Names go in the headers of the reference; a name or folder that is not ASCII goes as a field, which can hold it.

    Raises PorticoError for a source that cannot be read.
    """
    file = read_source(source, name)
    headers = given({"organizationId": organization, "projectId": project})
    fields: dict[str, str] = {}
    for header, text in (("fileName", name), ("folder", folder)):
        if text:
            (headers if text.isascii() and text.isprintable() else fields)[header] = text
    return send_file(ROOT, file, headers, fields, progress)


def list_call(
    organization: str | None,
    project: str | None,
    folder: str | None = None,
    count: int | None = None,
    skip: int | None = None,
) -> Call:
    return get(f"{ROOT}/all", {**_place(organization, project), "folder": folder, "count": count, "skip": skip})


def get_call(file_id: str, organization: str | None, project: str | None) -> Call:
    return get(_path(file_id), _place(organization, project))


def content_call(file_id: str, organization: str | None, project: str | None) -> Call:
    return get(f"{_path(file_id)}/content", _place(organization, project)).with_deadline(None)


def open_call(file_id: str, organization: str | None, project: str | None) -> Call:
    """The bytes themselves."""
    return Call("GET", f"{_path(file_id)}/content", write_query(_place(organization, project)), _RAW)


def delete_call(file_id: str, organization: str | None, project: str | None) -> Call:
    return Call("DELETE", _path(file_id), write_query(_place(organization, project)), repeat=Repeat.NEVER)


def _place(organization: str | None, project: str | None) -> dict[str, str | int | float | bool | None]:
    return {"organization": organization, "project": project}


def _path(file_id: str) -> str:
    if not file_id.strip():
        raise PorticoError("The file's id is empty.", hint="`portico files list` shows the ids.")
    return f"{ROOT}/{path_segment(file_id)}"


class FilesClient(LowLevelClient):
    """Organization and project are the token's own unless they are given; an organization token needs the project."""

    def upload_file(
        self,
        source: Source,
        *,
        name: str | None = None,
        folder: str | None = None,
        organization_id: str | None = None,
        project_id: str | None = None,
        progress: Progress | None = None,
    ) -> JsonObject:
        """POST /v1/files. Without `folder` the file is temporary."""
        return self._json(upload_call(source, name, folder, organization_id, project_id, progress))

    def get_file_list(
        self,
        *,
        folder: str | None = None,
        count: int | None = None,
        skip: int | None = None,
        organization_id: str | None = None,
        project_id: str | None = None,
    ) -> JsonObject:
        """GET /v1/files/all: `dataFiles`, newest first."""
        return self._json(list_call(organization_id, project_id, folder, count, skip))

    def get_file(
        self, file_id: str, *, organization_id: str | None = None, project_id: str | None = None
    ) -> JsonObject:
        """GET /v1/files/{id}."""
        return self._json(get_call(file_id, organization_id, project_id))

    def get_file_content(
        self, file_id: str, *, organization_id: str | None = None, project_id: str | None = None
    ) -> JsonObject:
        """GET /v1/files/{id}/content: `content` as text or base64, which `encoding` tells."""
        return self._json(content_call(file_id, organization_id, project_id))

    def open_file(
        self, file_id: str, *, organization_id: str | None = None, project_id: str | None = None
    ) -> ByteStream:
        """GET /v1/files/{id}/content as bytes, still to be read. Close it."""
        return self._transport.open(open_call(file_id, organization_id, project_id))

    def delete_file(
        self, file_id: str, *, organization_id: str | None = None, project_id: str | None = None
    ) -> JsonObject:
        """DELETE /v1/files/{id}."""
        return self._json(delete_call(file_id, organization_id, project_id))


class AsyncFilesClient(AsyncLowLevelClient):
    """The same for asyncio."""

    async def upload_file(
        self,
        source: Source,
        *,
        name: str | None = None,
        folder: str | None = None,
        organization_id: str | None = None,
        project_id: str | None = None,
        progress: Progress | None = None,
    ) -> JsonObject:
        """POST /v1/files. Without `folder` the file is temporary."""
        return await self._json(upload_call(source, name, folder, organization_id, project_id, progress))

    async def get_file_list(
        self,
        *,
        folder: str | None = None,
        count: int | None = None,
        skip: int | None = None,
        organization_id: str | None = None,
        project_id: str | None = None,
    ) -> JsonObject:
        """GET /v1/files/all: `dataFiles`, newest first."""
        return await self._json(list_call(organization_id, project_id, folder, count, skip))

    async def get_file(
        self, file_id: str, *, organization_id: str | None = None, project_id: str | None = None
    ) -> JsonObject:
        """GET /v1/files/{id}."""
        return await self._json(get_call(file_id, organization_id, project_id))

    async def get_file_content(
        self, file_id: str, *, organization_id: str | None = None, project_id: str | None = None
    ) -> JsonObject:
        """GET /v1/files/{id}/content: `content` as text or base64, which `encoding` tells."""
        return await self._json(content_call(file_id, organization_id, project_id))

    async def open_file(
        self, file_id: str, *, organization_id: str | None = None, project_id: str | None = None
    ) -> AsyncByteStream:
        """GET /v1/files/{id}/content as bytes, still to be read. Close it."""
        return await self._transport.open(open_call(file_id, organization_id, project_id))

    async def delete_file(
        self, file_id: str, *, organization_id: str | None = None, project_id: str | None = None
    ) -> JsonObject:
        """DELETE /v1/files/{id}."""
        return await self._json(delete_call(file_id, organization_id, project_id))
