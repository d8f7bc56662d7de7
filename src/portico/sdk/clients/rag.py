"""RAG assistants, low level: search profiles, their documents, questions. JSON in and JSON out.

A document is read piece by piece from where it lies. On the wire a RAG assistant is a search profile.
Source: Search API reference, /v1/search.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack

import msgspec

from portico.sdk.call import Call, JsonObject, Repeat, get, given, path_segment, send_json
from portico.sdk.clients.base import AsyncLowLevelClient, LowLevelClient
from portico.sdk.crawl_order import CrawlOptions, name_order, write_order
from portico.sdk.errors import PorticoError
from portico.sdk.forms import send_form
from portico.sdk.uploading import Progress, Source, read_source, send_file, send_raw

ROOT = "/v1/search"
Variables = Mapping[str, str] | Sequence[Mapping[str, str]]
Filters = Sequence[Mapping[str, Any]]
Metadata = Mapping[str, Any]


class ProfileMembers(TypedDict, total=False):
    """What is said of a RAG assistant; None is left out. The options have the members of the reference.

    `template` names the assistant that a new one is copied from. `status` is 1 (enabled) or 2 (disabled). A change
    leaves what is not said as it was, but `welcome_data`, which it erases, and takes no `index_options`.
    """

    description: str | None
    template: str | None
    status: int | None
    search_options: Mapping[str, Any] | None
    index_options: Mapping[str, Any] | None
    welcome_data: Mapping[str, Any] | None


class UploadOptions(TypedDict, total=False):
    """How a document goes up. `name` is its file name, `metadata` what filters can ask for later, `ingestion` the
    parameters of the reading (`strategy`, `startPage`, `password` ...) as the reference has them.

    `binary` sends the bytes as the whole body, which leaves no room for `metadata` and `ingestion`.
    """

    name: str | None
    metadata: Metadata | None
    ingestion: Mapping[str, str | int | float | bool] | None
    content_type: str | None
    binary: bool
    progress: Progress | None


class QueryOptions(TypedDict, total=False):
    """What a question can be told. `id` names a conversation; without it the question stands alone."""

    id: str | None
    variables: Variables | None
    filters: Filters | None
    cache: bool | None
    timeout_s: float | None


_WIRE = {"search_options": "searchOptions", "index_options": "indexOptions", "welcome_data": "welcomeData"}


def list_call(include_all: bool | None) -> Call:
    return get(f"{ROOT}/profiles", headers={"include-all": "true" if include_all else None})


def get_call(name: str) -> Call:
    return get(_path(name))


def create_call(name: str, members: ProfileMembers) -> Call:
    _path(name)  # what could not be asked for afterwards is not made
    return send_json("POST", f"{ROOT}/profile", {"name": name, **_body(members)}, repeat=Repeat.NEVER)


def update_call(name: str, members: ProfileMembers) -> Call:
    return send_json("PUT", _path(name), _body(members), repeat=Repeat.NEVER)


def delete_call(name: str) -> Call:
    return Call("DELETE", _path(name), repeat=Repeat.NEVER)


def documents_call(name: str, skip: int | None, count: int | None, index_status: str | None) -> Call:
    return get(f"{_path(name)}/documents", {"skip": skip, "count": count, "indexStatus": index_status})


def document_call(name: str, document_id: str) -> Call:
    return get(_document(name, document_id))


def upload_call(profile: str, source: Source, options: UploadOptions) -> Call:
    """Raises PorticoError for a source that cannot be read, and for what a binary upload cannot carry."""
    file, path, progress = (
        read_source(source, options.get("name")),
        f"{_path(profile)}/document",
        options.get("progress"),
    )
    fields = _fields(options.get("metadata"), options.get("ingestion"))
    if not options.get("binary"):
        return send_file(path, file, {}, fields, progress)
    if fields:
        raise PorticoError("A binary upload has no place for metadata and ingestion.", hint="Leave binary=True out.")
    if not (file.name.isascii() and file.name.isprintable()):
        raise PorticoError(f"No header can hold the name {file.name!r}.", hint="Leave binary=True out.")
    kind = options.get("content_type") or _guess(file.name)
    return send_raw(path, file, {"filename": file.name, "Content-Type": kind}, progress)


def crawl_call(profile: str, url: str, options: CrawlOptions) -> Call:
    made = name_order(url, options.get("name"))
    return upload_call(profile, write_order(url, options), {"name": made, "metadata": options.get("metadata")})


def reindex_call(profile: str, document_id: str, source: Source | None, options: UploadOptions) -> Call:
    """Without a source the stored content is read again; without `metadata` the old stays, `{}` clears it."""
    _document(profile, document_id)
    path, headers = f"{_path(profile)}/document", {"documentId": document_id}
    fields = _fields(options.get("metadata"), options.get("ingestion"))
    if source is not None:
        file = read_source(source, options.get("name"))
        return send_file(path, file, headers, fields, options.get("progress"), method="PUT")
    if fields:
        return send_form(path, fields, {}, repeat=Repeat.NEVER, method="PUT", headers=headers)
    return Call("PUT", path, headers=headers, repeat=Repeat.NEVER)


def documents_change_call(method: str, name: str) -> Call:
    return Call(method, f"{_path(name)}/documents", repeat=Repeat.NEVER)


def delete_document_call(name: str, document_id: str) -> Call:
    return Call("DELETE", _document(name, document_id), repeat=Repeat.NEVER)


def log_call(profile: str, step: str, level: int, name: str, data: str) -> Call:
    body = {"step": step, "level": level, "name": name, "data": data}
    return send_json("POST", f"{_path(profile)}/log", body, repeat=Repeat.NEVER)


def query_call(profile: str, question: str, options: QueryOptions) -> Call:
    variables = options.get("variables")
    if isinstance(variables, Mapping):
        variables = [{"key": key, "value": value} for key, value in variables.items()]
    more = {"id": options.get("id"), "variables": variables, "filters": options.get("filters")}
    cache = options.get("cache")
    headers = {"X-Saia-Cache-Enabled": None if cache is None else str(cache).lower()}
    body = {"profile": profile, "question": question, **given(more)}
    call = send_json("POST", f"{ROOT}/execute", body, repeat=Repeat.WORK, headers=headers)
    return call.with_deadline(options.get("timeout_s"))


def _body(members: ProfileMembers) -> JsonObject:
    return given({_WIRE.get(name, name): value for name, value in members.items()})


def _fields(metadata: Metadata | None, ingestion: Mapping[str, str | int | float | bool] | None) -> dict[str, str]:
    fields = {} if metadata is None else {"metadata": msgspec.json.encode(metadata).decode()}
    for name, value in (ingestion or {}).items():
        fields[name] = str(value).lower() if isinstance(value, bool) else str(value)
    return fields


def _path(name: str) -> str:
    if not name.strip():
        raise PorticoError("The name of the RAG assistant is empty.", hint="`portico rag list` shows the names.")
    if name in (".", ".."):  # in a path they mean a folder
        raise PorticoError(f"The name {name} cannot stand in an address.", hint="Choose another name.")
    return f"{ROOT}/profile/{path_segment(name)}"


def _document(name: str, document_id: str) -> str:
    if not document_id.strip():
        raise PorticoError("The document's id is empty.", hint="`portico rag documents list` shows the ids.")
    return f"{_path(name)}/document/{path_segment(document_id)}"


def _guess(name: str) -> str:
    import mimetypes  # reads files of the system, and few ask for it

    return mimetypes.guess_type(name)[0] or "application/octet-stream"


class RagClient(LowLevelClient):
    def list_profiles(self, *, include_all: bool | None = None) -> JsonObject:
        """GET /v1/search/profiles: `searchProfiles`; `include_all` brings the disabled ones, too."""
        return self._json(list_call(include_all))

    def get_profile(self, name: str) -> JsonObject:
        """GET /v1/search/profile/{name}."""
        return self._json(get_call(name))

    def create_profile(self, name: str, **members: Unpack[ProfileMembers]) -> JsonObject:
        """POST /v1/search/profile."""
        return self._json(create_call(name, members))

    def update_profile(self, name: str, **members: Unpack[ProfileMembers]) -> JsonObject:
        """PUT /v1/search/profile/{name}: what is not said stays, but `welcome_data`."""
        return self._json(update_call(name, members))

    def delete_profile(self, name: str) -> JsonObject:
        """DELETE /v1/search/profile/{name}: with its documents."""
        return self._json(delete_call(name))

    def list_documents(
        self, name: str, *, skip: int | None = None, count: int | None = None, index_status: str | None = None
    ) -> JsonObject:
        """GET /v1/search/profile/{name}/documents: `documents`, 10 by default; `count`, how many there are; `states`,
        how many in each state."""
        return self._json(documents_call(name, skip, count, index_status))

    def get_document(self, name: str, document_id: str) -> JsonObject:
        """GET /v1/search/profile/{name}/document/{id}: with `metadata`."""
        return self._json(document_call(name, document_id))

    def upload_document(self, profile: str, source: Source, **options: Unpack[UploadOptions]) -> JsonObject:
        """POST /v1/search/profile/{name}/document: a path, bytes (then with a `name`) or an open file."""
        return self._json(upload_call(profile, source, options))

    def crawl(self, profile: str, url: str, **options: Unpack[CrawlOptions]) -> JsonObject:
        """POST /v1/search/profile/{name}/document: a crawl order, a document with the ending `web`."""
        return self._json(crawl_call(profile, url, options))

    def reindex_document(
        self, profile: str, document_id: str, source: Source | None = None, **options: Unpack[UploadOptions]
    ) -> JsonObject:
        """PUT /v1/search/profile/{name}/document: with new content, new metadata, or as it is."""
        return self._json(reindex_call(profile, document_id, source, options))

    def reindex_documents(self, name: str) -> JsonObject:
        """PUT /v1/search/profile/{name}/documents: every document again."""
        return self._json(documents_change_call("PUT", name))

    def delete_document(self, name: str, document_id: str) -> JsonObject:
        """DELETE /v1/search/profile/{name}/document/{id}."""
        return self._json(delete_document_call(name, document_id))

    def delete_documents(self, name: str) -> JsonObject:
        """DELETE /v1/search/profile/{name}/documents: all of them."""
        return self._json(documents_change_call("DELETE", name))

    def write_log(self, profile: str, name: str, data: str, *, step: str = "ALL", level: int = 0) -> JsonObject:
        """POST /v1/search/profile/{name}/log: a remark of a tool that fills the profile."""
        return self._json(log_call(profile, step, level, name, data))

    def execute_query(self, profile: str, question: str, **options: Unpack[QueryOptions]) -> JsonObject:
        """POST /v1/search/execute. An unknown profile comes with HTTP 200 and raises NotFound all the same."""
        return self._json(query_call(profile, question, options))


class AsyncRagClient(AsyncLowLevelClient):
    """The same for asyncio."""

    async def list_profiles(self, *, include_all: bool | None = None) -> JsonObject:
        """GET /v1/search/profiles: `searchProfiles`; `include_all` brings the disabled ones, too."""
        return await self._json(list_call(include_all))

    async def get_profile(self, name: str) -> JsonObject:
        """GET /v1/search/profile/{name}."""
        return await self._json(get_call(name))

    async def create_profile(self, name: str, **members: Unpack[ProfileMembers]) -> JsonObject:
        """POST /v1/search/profile."""
        return await self._json(create_call(name, members))

    async def update_profile(self, name: str, **members: Unpack[ProfileMembers]) -> JsonObject:
        """PUT /v1/search/profile/{name}: what is not said stays, but `welcome_data`."""
        return await self._json(update_call(name, members))

    async def delete_profile(self, name: str) -> JsonObject:
        """DELETE /v1/search/profile/{name}: with its documents."""
        return await self._json(delete_call(name))

    async def list_documents(
        self, name: str, *, skip: int | None = None, count: int | None = None, index_status: str | None = None
    ) -> JsonObject:
        """GET /v1/search/profile/{name}/documents: `documents`, 10 by default; `count`, how many there are; `states`,
        how many in each state."""
        return await self._json(documents_call(name, skip, count, index_status))

    async def get_document(self, name: str, document_id: str) -> JsonObject:
        """GET /v1/search/profile/{name}/document/{id}: with `metadata`."""
        return await self._json(document_call(name, document_id))

    async def upload_document(self, profile: str, source: Source, **options: Unpack[UploadOptions]) -> JsonObject:
        """POST /v1/search/profile/{name}/document: a path, bytes (then with a `name`) or an open file."""
        return await self._json(upload_call(profile, source, options))

    async def crawl(self, profile: str, url: str, **options: Unpack[CrawlOptions]) -> JsonObject:
        """POST /v1/search/profile/{name}/document: a crawl order, a document with the ending `web`."""
        return await self._json(crawl_call(profile, url, options))

    async def reindex_document(
        self, profile: str, document_id: str, source: Source | None = None, **options: Unpack[UploadOptions]
    ) -> JsonObject:
        """PUT /v1/search/profile/{name}/document: with new content, new metadata, or as it is."""
        return await self._json(reindex_call(profile, document_id, source, options))

    async def reindex_documents(self, name: str) -> JsonObject:
        """PUT /v1/search/profile/{name}/documents: every document again."""
        return await self._json(documents_change_call("PUT", name))

    async def delete_document(self, name: str, document_id: str) -> JsonObject:
        """DELETE /v1/search/profile/{name}/document/{id}."""
        return await self._json(delete_document_call(name, document_id))

    async def delete_documents(self, name: str) -> JsonObject:
        """DELETE /v1/search/profile/{name}/documents: all of them."""
        return await self._json(documents_change_call("DELETE", name))

    async def write_log(self, profile: str, name: str, data: str, *, step: str = "ALL", level: int = 0) -> JsonObject:
        """POST /v1/search/profile/{name}/log: a remark of a tool that fills the profile."""
        return await self._json(log_call(profile, step, level, name, data))

    async def execute_query(self, profile: str, question: str, **options: Unpack[QueryOptions]) -> JsonObject:
        """POST /v1/search/execute. An unknown profile comes with HTTP 200 and raises NotFound all the same."""
        return await self._json(query_call(profile, question, options))
