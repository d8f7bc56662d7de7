"""RAG assistants and their documents: `/v1/search`. Documents pass piece by piece.

On the wire a RAG assistant is a search profile. Blanks of its name may come as plus signs.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec
from litestar import Request, Response, delete, get, post, put
from litestar.params import FromPath, FromQuery

from portico.server.assistants.search.documents.manage import Description
from portico.server.assistants.search.refusals import DocumentIdInvalid
from portico.server.edge.document_uploads import open_upload
from portico.server.edge.routes.reading import (
    caller_of,
    filters_of,
    header_of,
    json_response,
    read_object,
    services_of,
)
from portico.server.edge.uploads import Upload
from portico.server.errors import OutOfRange
from portico.server.kit.clock import wire_time
from portico.server.storage.documents import STATUSES, DocumentRow
from portico.wire.search import Document, DocumentList, MetadataItem, ProfileList, RagAssistant

Req = Request[Any, Any, Any]
Query = FromQuery[str | None]
ROOT = "/v1/search"
ONE = f"{ROOT}/profile/{{profile:str}}"
DOCUMENT = f"{ONE}/document"
LISTED = 10
"""Documents of a listing that says nothing of their number."""


@get(f"{ROOT}/profiles", summary="List the RAG assistants of the project")
async def list_profiles(request: Req) -> Response[ProfileList]:
    """Enabled ones; with the header `include-all: true` all of them."""
    everything = request.headers.get("include-all", "").strip().lower() in ("true", "1")
    found = await services_of(request).search_profiles.list_all(caller_of(request), include_disabled=everything)
    return json_response(found)


@post(f"{ROOT}/profile", status_code=200, summary="Create a RAG assistant")
async def create_profile(request: Req) -> Response[RagAssistant]:
    body = await read_object(request)
    return _shown(await services_of(request).search_profiles.create(caller_of(request), body))


@get(ONE, summary="Get a RAG assistant")
async def get_profile(request: Req, profile: FromPath[str]) -> Response[RagAssistant]:
    return _shown(await services_of(request).search_profiles.find(caller_of(request), profile))


@put(ONE, summary="Change a RAG assistant")
async def change_profile(request: Req, profile: FromPath[str]) -> Response[RagAssistant]:
    """What is not said stays, but `welcomeData`. `name` and `indexOptions` never change."""
    body = await read_object(request)
    return _shown(await services_of(request).search_profiles.change(caller_of(request), profile, body))


@delete(ONE, status_code=200, summary="Delete a RAG assistant and its documents")
async def delete_profile(request: Req, profile: FromPath[str]) -> Response[dict[str, Any]]:
    services = services_of(request)
    await services.documents.forget_bytes(await services.search_profiles.delete(caller_of(request), profile))
    return json_response({})


@post(f"{ONE}/log", status_code=200, summary="Keep a remark of a tool that fills the RAG assistant")
async def write_log(request: Req, profile: FromPath[str]) -> Response[dict[str, Any]]:
    body = await read_object(request)
    await services_of(request).search_profiles.log(caller_of(request), profile, body)
    return json_response({})


@get(f"{ONE}/documents", summary="List documents")
async def list_documents(
    request: Req, profile: FromPath[str], skip: Query = None, count: Query = None, indexStatus: Query = None
) -> Response[DocumentList]:
    """Newest first, 10 of them unless `count` says otherwise, of all states or of one; the answer's `count` is how many
    there are, its `states` how many in each state, whichever was asked for."""
    query = filters_of(request)
    status = _status(query.get("indexstatus"))
    rows, states = await services_of(request).documents.list_all(
        caller_of(request),
        profile,
        skip=_number(query, "skip", 0),
        count=_number(query, "count", LISTED),
        status=status,
    )
    shown = [_show(request, profile, row) for row in rows]
    total = sum(states.values()) if status is None else states[status]
    return json_response(DocumentList(documents=shown, count=total, states=dict(states)))


@put(f"{ONE}/documents", summary="Index all documents again")
async def reindex_documents(request: Req, profile: FromPath[str]) -> Response[dict[str, Any]]:
    await services_of(request).documents.reindex_all(caller_of(request), profile)
    return json_response({})


@delete(f"{ONE}/documents", status_code=200, summary="Delete all documents")
async def delete_documents(request: Req, profile: FromPath[str]) -> Response[dict[str, Any]]:
    await services_of(request).documents.delete(caller_of(request), profile, None)
    return json_response({})


@post(DOCUMENT, status_code=200, summary="Upload a document", request_max_body_size=None)
async def upload_document(request: Req, profile: FromPath[str]) -> Response[Document]:
    """As a form with `file`, `metadata` and parameters of the reading; or the bytes themselves, with the header
    `filename`."""
    sent = await open_upload(request.receive, request.headers.get("content-type", ""))
    row = await services_of(request).documents.upload(
        caller_of(request), profile, sent.content(), lambda: _describe(request, sent)
    )
    return json_response(_show(request, profile, row, whole=True))


@put(DOCUMENT, summary="Index a document again, with other content or metadata", request_max_body_size=None)
async def reindex_document(request: Req, profile: FromPath[str]) -> Response[Document]:
    """The header `documentId` says which. Parts of the form that are left out stay as they are."""
    document_id = header_of(request, b"documentid") or header_of(request, b"document-id")
    if not document_id:
        raise DocumentIdInvalid("Invalid DocumentId: send the header documentId", param="documentId")
    sent = await _maybe_upload(request)
    row = await services_of(request).documents.reindex(
        caller_of(request),
        profile,
        document_id,
        None if sent is None else sent.content(),
        lambda: Description(has_file=False) if sent is None else _describe(request, sent),
    )
    return json_response(_show(request, profile, row, whole=True))


@get(f"{DOCUMENT}/{{document_id:str}}", summary="Get a document, with its metadata")
async def get_document(request: Req, profile: FromPath[str], document_id: FromPath[str]) -> Response[Document]:
    row = await services_of(request).documents.find(caller_of(request), profile, document_id)
    return json_response(_show(request, profile, row, whole=True))


@delete(f"{DOCUMENT}/{{document_id:str}}", status_code=200, summary="Delete a document")
async def delete_document(request: Req, profile: FromPath[str], document_id: FromPath[str]) -> Response[dict[str, Any]]:
    await services_of(request).documents.delete(caller_of(request), profile, document_id)
    return json_response({})


def _shown(profile: Any) -> Response[RagAssistant]:
    """A RagAssistant, with what its maker has said beside the members of one."""
    return json_response(profile)


async def _maybe_upload(request: Req) -> Upload | None:
    """None when no body is announced."""
    length, coded = request.headers.get("content-length", ""), request.headers.get("transfer-encoding")
    if length in ("", "0") and coded is None:
        return None
    return await open_upload(request.receive, request.headers.get("content-type", ""), needs_file=False)


def _describe(request: Req, sent: Upload) -> Description:
    """The header says more than the name of the part."""
    return Description(
        header_of(request, b"filename"), sent.sent_name, sent.content_type, sent.fields, has_file=sent.has_file
    )


def _number(query: dict[str, str], name: str, default: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise OutOfRange(name, "write a whole number")
    return int(text)


def _status(text: str | None) -> str | None:
    found = next((status for status in STATUSES if text and status.lower() == text.lower()), None)
    if text and found is None:
        raise OutOfRange("indexStatus", f"write one of {', '.join(STATUSES)}")
    return found


def _show(request: Req, profile: str, row: DocumentRow, *, whole: bool = False) -> Document:
    document = Document(
        id=row.document_id,
        name=row.name,
        extension=row.extension,
        url=_url(request, profile, row),
        timestamp=wire_time(row.created_at),
        index_status=row.status,
        index_detail=row.detail,
        chunks=str(row.chunks),
    )
    if whole:
        document.key_name = row.blob
        document.metadata = [MetadataItem(key=key, value=_text(value)) for key, value in row.metadata.items()]
    return document


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _url(request: Req, profile: str, row: DocumentRow) -> str:
    """What its metadata says, or where it is asked about."""
    told = row.metadata.get("url")
    if isinstance(told, str) and told:
        return told
    base = request.base_url
    forwarded = request.headers.get("x-forwarded-proto", "").lower()
    scheme = forwarded if forwarded in ("http", "https") else base.scheme
    return f"{scheme}://{base.netloc}{ROOT}/profile/{quote(profile, safe='')}/document/{row.document_id}"


ROUTES = (
    list_profiles,
    create_profile,
    get_profile,
    change_profile,
    delete_profile,
    write_log,
    list_documents,
    reindex_documents,
    delete_documents,
    upload_document,
    reindex_document,
    get_document,
    delete_document,
)
