"""Files of a project: `/v1/files`. Uploads and downloads pass piece by piece."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

from litestar import Request, Response, delete, get, post
from litestar.params import FromPath
from litestar.response import Stream

from portico.server.assistants.files.manage import Description, FileStore
from portico.server.assistants.files.place import Place
from portico.server.assistants.files.refusals import DocumentNotFound
from portico.server.edge.routes.reading import caller_of, filters_of, header_of, json_response, services_of
from portico.server.edge.uploads import Upload
from portico.server.errors import OutOfRange, PayloadTooLarge
from portico.server.kit.clock import wire_time
from portico.server.storage.blobs import BlobMissing
from portico.server.storage.files import FileRow
from portico.wire.files import FileContent, FileData, FileDeleted, FileItem, FileList, Uploaded

Req = Request[Any, Any, Any]
ROOT = "/v1/files"
JSON_LIMIT = 32 * 1024 * 1024
"""Content inside JSON has to be whole in memory; larger files are to be had raw."""
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_TEXTS = ("application/json", "application/xml", "application/yaml", "application/javascript")


@post(ROOT, status_code=200, summary="Upload a file", request_max_body_size=None)
async def upload(request: Req) -> Response[Uploaded]:
    store = services_of(request).files
    place = await _place(request)
    length = request.headers.get("content-length", "")
    await store.check_room(max(0, int(length) - 64 * 1024) if length.isdigit() else 0)
    sent = Upload(request.receive, request.headers.get("content-type", ""))
    row = await store.create(caller_of(request), place, sent.content(), lambda: _describe(request, sent))
    return json_response(Uploaded(data_file_id=row.file_id, data_file_url=_url(request, row)), status_code=200)


@get(f"{ROOT}/all", summary="List the files of a project")
async def list_all(request: Req) -> Response[FileList]:
    query = filters_of(request)
    limit, skip = _number(query, "count"), _number(query, "skip")
    rows = await services_of(request).files.list(
        await _place(request), folder=query.get("folder"), limit=limit or None, skip=skip
    )
    return json_response(FileList(data_files=[_item(request, row) for row in rows]))


@get(f"{ROOT}/{{file_id:str}}", summary="Get what is known of a file")
async def get_one(request: Req, file_id: FromPath[str]) -> Response[FileData]:
    return json_response(_data(request, await services_of(request).files.find(await _place(request), file_id)))


@get(f"{ROOT}/{{file_id:str}}/content", summary="Get the content of a file")
async def get_content(request: Req, file_id: FromPath[str]) -> Response[Any]:
    store = services_of(request).files
    row = await store.find(await _place(request), file_id)
    return await _raw(request, store, row) if _wants_bytes(request) else await _whole(store, row)


@delete(f"{ROOT}/{{file_id:str}}", status_code=200, summary="Delete a file")
async def delete_one(request: Req, file_id: FromPath[str]) -> Response[FileDeleted]:
    await services_of(request).files.delete(caller_of(request), await _place(request), file_id)
    return json_response(FileDeleted())


async def _place(request: Req) -> Place:
    """Query and headers may both name organization and project, in the spellings that clients use."""
    query = filters_of(request)
    organizations = tuple(query.get(name, "") for name in ("organization", "organizationid"))
    projects = tuple(query.get(name, "") for name in ("project", "projectid"))
    organizations += tuple(request.headers.get(name, "").strip() for name in ("organizationid", "organization-id"))
    projects += tuple(request.headers.get(name, "").strip() for name in ("projectid", "project-id"))
    return await services_of(request).files.find_place(caller_of(request), organizations, projects)


def _describe(request: Req, sent: Upload) -> Description:
    """A header says more than the query, which says more than a field of the form."""
    query = filters_of(request)

    def told(name: str) -> str:
        return header_of(request, name.encode()) or query.get(name, "") or sent.fields.get(name, "")

    return Description(told("filename"), sent.sent_name, told("folder"), sent.content_type)


def _number(query: dict[str, str], name: str) -> int:
    text = query.get(name, "0")
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise OutOfRange(name, "write a whole number")
    return int(text)


def _wants_bytes(request: Req) -> bool:
    """JSON is the documented answer, and so what `Accept: */*` gets. Bytes are for those who ask for a type that is
    not JSON, for `format=raw`, for a range, and for the vendor's SDK: it says `*/*` as well, and takes what comes for
    the file (`get_file_content`); by its `python-requests` it is known."""
    accept = request.headers.get("accept", "").lower()
    types = [part.partition(";")[0].strip() for part in accept.split(",")]
    if filters_of(request).get("format") == "raw" or "range" in request.headers:
        return True
    if "application/json" in types:
        return False
    if any(one not in ("", "*/*", "application/*") for one in types):
        return True
    return request.headers.get("user-agent", "").startswith("python-requests/")


async def _whole(store: FileStore, row: FileRow) -> Response[FileContent]:
    if row.size_bytes > JSON_LIMIT:
        raise PayloadTooLarge("Payload Too Large: ask for the bytes with Accept: application/octet-stream")
    try:
        content = b"".join([piece async for piece in store.blobs.read(row.blob)])
    except BlobMissing:
        raise DocumentNotFound from None
    if (
        row.content_type.startswith("text/")
        or row.content_type in _TEXTS
        or row.content_type.endswith(("+json", "+xml"))
    ):
        try:
            return json_response(FileContent(content=content.decode("utf-8-sig")))
        except UnicodeDecodeError:
            pass
    return json_response(FileContent(content=base64.b64encode(content).decode(), encoding="base64"))


async def _raw(request: Req, store: FileStore, row: FileRow) -> Response[Any]:
    size, tag = row.size_bytes, f'"{row.sha256.hex()}"'
    start, end = _range(request, size, tag)
    headers = {
        "accept-ranges": "bytes",
        "content-length": str(end - start),
        "content-disposition": disposition(row.full_name),
        "etag": tag,
        "x-content-type-options": "nosniff",
        "cache-control": "private, no-cache",
    }
    part = (start, end) != (0, size)
    if part:
        headers["content-range"] = f"bytes {start}-{end - 1}/{size}"
    pieces = store.blobs.read(row.blob, start, end if part else None)
    try:
        first = await anext(pieces, b"")
    except BlobMissing:
        raise DocumentNotFound from None
    return Stream(_from(first, pieces), status_code=206 if part else 200, headers=headers, media_type=row.content_type)


async def _from(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece


def _range(request: Req, size: int, tag: str) -> tuple[int, int]:
    """First byte, and the one behind the last. One range is served, of several or strange ones the whole (RFC 9110).

    Raises OutOfRange (416) when there are no such bytes.
    """
    match = _RANGE.fullmatch(request.headers.get("range", "").replace(" ", ""))
    if match is None or match.group() == "bytes=-" or request.headers.get("if-range", tag) != tag:
        return 0, size
    first, last = match.groups()
    if max(len(first), len(last)) > 18:
        raise RangeNotSatisfiable(size)
    start = int(first) if first else max(0, size - int(last))
    end = min(size, int(last) + 1) if first and last else size
    if start >= size or end <= start:
        raise RangeNotSatisfiable(size)
    return start, end


class RangeNotSatisfiable(OutOfRange):
    status = 416

    def __init__(self, size: int) -> None:
        super().__init__("Range", f"the file has {size} bytes")
        self.headers = {"content-range": f"bytes */{size}"}


def disposition(name: str) -> str:
    """`attachment` with the name in ASCII, and as it is (RFC 6266): no browser shows a stranger's page as ours."""
    plain = re.sub(r'[^\x20-\x7e]|["\\%;]', "_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _url(request: Req, row: FileRow) -> str:
    """Works with the same token, and gives the bytes."""
    base = request.base_url
    forwarded = request.headers.get("x-forwarded-proto", "").lower()
    scheme = forwarded if forwarded in ("http", "https") else base.scheme
    whose = f"organization={row.organization_id}&project={row.project_id}"
    return f"{scheme}://{base.netloc}{ROOT}/{row.file_id}/content?{whose}&format=raw"


def _data(request: Req, row: FileRow) -> FileData:
    data = FileData(
        data_file_id=row.file_id,
        data_file_name=row.name,
        data_file_extension=row.extension,
        data_file_purpose=row.purpose,
        data_file_size=row.size_bytes,
        data_file_url=_url(request, row),
        organization_id=row.organization_id,
        project_id=row.project_id,
        folder=row.folder,
        content_type=row.content_type,
        sha256=row.sha256.hex(),
        created_at=wire_time(row.created_at),
        updated_at=wire_time(row.updated_at),
    )
    if row.expires_at is not None:
        data.expires_at = wire_time(row.expires_at)
    return data


def _item(request: Req, row: FileRow) -> FileItem:
    item = FileItem(
        data_file_id=row.file_id,
        data_file_name=row.name,
        data_file_extension=row.extension,
        data_file_purpose=row.purpose,
        data_file_size=row.size_bytes,
        data_file_url=_url(request, row),
        folder=row.folder,
        content_type=row.content_type,
        updated_at=wire_time(row.updated_at),
    )
    if row.expires_at is not None:
        item.expires_at = wire_time(row.expires_at)
    return item


ROUTES = (upload, list_all, get_one, get_content, delete_one)
