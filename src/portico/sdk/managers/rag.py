"""RAG assistants, high level: profiles and documents as typed objects, uploads that are waited for."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict, Unpack

from portico.sdk.call import JsonObject
from portico.sdk.clients.rag import Metadata, ProfileMembers, UploadOptions
from portico.sdk.errors import NotFound, PorticoError
from portico.sdk.managers.base import read, read_list
from portico.sdk.paging import Page, paged, paged_async
from portico.sdk.rag_crawls import AsyncRagCrawls, RagCrawls
from portico.sdk.rag_progress import (
    INTERVAL_S,
    PATIENCE_S,
    FileUpload,
    IndexBoard,
    OnBoard,
    OnBytes,
    OnUpload,
    Waiting,
    check_indexed,
    find_files,
    maybe_failed,
    maybe_states,
    progress_of,
)
from portico.sdk.uploading import Source
from portico.wire.search import Document, ProfileItem, RagAssistant

PAGE = 1000


class FileOptions(TypedDict, total=False):
    """What is said of every document of several; as in UploadOptions."""

    metadata: Metadata | None
    ingestion: Mapping[str, str | int | float | bool] | None


class FolderOptions(FileOptions, total=False):
    """The same, and how `upload_files` goes about it."""

    concurrency: int
    on_upload: OnUpload | None
    on_bytes: OnBytes | None


class Rag(RagCrawls):
    """`client.rag`: assistants that answer from documents. `client.rag.ask("handbook", "How many days?").sources`"""

    def list(self, *, include_disabled: bool = False) -> Iterator[ProfileItem]:
        """By name, with their descriptions."""
        yield from read_list(ProfileItem, self._client.list_profiles(include_all=include_disabled), "searchProfiles")

    def get(self, name: str) -> RagAssistant:
        """With all settings. Raises NotFound."""
        return read(RagAssistant, self._client.get_profile(name))

    def create(self, name: str, **members: Unpack[ProfileMembers]) -> RagAssistant:
        """What is not said has the default of the reference. Raises BadRequest, also when the name is taken."""
        return read(RagAssistant, self._client.create_profile(name, **members))

    def update(self, name: str, **members: Unpack[ProfileMembers]) -> RagAssistant:
        """What is not said stays, but `welcome_data`. Raises NotFound, BadRequest."""
        return read(RagAssistant, self._client.update_profile(name, **members))

    def delete(self, name: str) -> None:
        """With its documents. Raises NotFound."""
        self._client.delete_profile(name)

    def documents(self, name: str, *, status: str | None = None, limit: int | None = None) -> Iterator[Document]:
        """Asked for by the page, as they are read; without metadata. `status`: only those in this state, where the
        server can tell them apart. Raises NotFound."""
        return paged(
            lambda place: _page(
                self._client.list_documents(name, skip=place.skip, count=place.size, index_status=status)
            ),
            size=PAGE,
            limit=limit,
        )

    def document(self, name: str, document_id: str) -> Document:
        """With its metadata. Raises NotFound."""
        return read(Document, self._client.get_document(name, document_id))

    def upload(self, profile: str, source: Source, **options: Unpack[UploadOptions]) -> Document:
        """A path, bytes (then with a `name`) or a file opened for reading bytes; never whole in memory.

        It is indexed afterwards: `wait_until_indexed`. Raises NotFound, BadRequest (extension, size).
        """
        return read(Document, self._client.upload_document(profile, source, **options))

    def upload_and_wait(
        self,
        profile: str,
        source: Source,
        *,
        timeout_s: float = PATIENCE_S,
        on_progress: OnBoard | None = None,
        **options: Unpack[UploadOptions],
    ) -> Document:
        """The document when it can be searched. Raises OperationFailed with the reason, OperationPending."""
        made = self.upload(profile, source, **options)
        board = self.wait_until_indexed(profile, [made.id], timeout_s=timeout_s, on_progress=on_progress)
        return check_indexed(_only(board, made))

    def upload_files(
        self,
        profile: str,
        paths: Iterable[str | os.PathLike[str]],
        *,
        concurrency: int = 4,
        on_upload: OnUpload | None = None,
        on_bytes: OnBytes | None = None,
        **options: Unpack[FileOptions],
    ) -> Sequence[FileUpload]:
        """Several at once; a refused one does not keep the others from it. In the order of the paths.

        `on_upload` hears of each as it is done, `on_bytes` of its pieces; both from several threads.
        """
        from concurrent.futures import ThreadPoolExecutor

        def send(path: Path) -> FileUpload:
            try:
                done = FileUpload(path, self.upload(profile, path, progress=progress_of(path, on_bytes), **options))
            except PorticoError as error:
                done = FileUpload(path, error=error)
            if on_upload is not None:
                on_upload(done)
            return done

        pool = ThreadPoolExecutor(max(1, concurrency))
        try:
            return [one.result() for one in [pool.submit(send, Path(path)) for path in paths]]
        finally:
            pool.shutdown(cancel_futures=True)

    def upload_folder(
        self, profile: str, folder: str | os.PathLike[str], *, pattern: str = "*", **options: Unpack[FolderOptions]
    ) -> Sequence[FileUpload]:
        """Every file of a folder and below that fits the pattern, as `upload_files`; hidden ones are left out."""
        return self.upload_files(profile, find_files(folder, pattern), **options)

    def board(self, name: str) -> IndexBoard:
        """The states of all documents, counted by the server, and those that failed. Raises NotFound."""
        return self._board(name, IndexBoard(()))

    def _board(self, name: str, before: IndexBoard) -> IndexBoard:
        states = None if before.is_read else maybe_states(self._client.list_documents(name, count=0))
        if states is None:
            return IndexBoard([*self.documents(name)])
        failed = maybe_failed(states, before)
        return IndexBoard([*self.documents(name, status="Failed")] if failed is None else failed, states)

    def wait_until_indexed(
        self,
        name: str,
        document_ids: Collection[str] | None = None,
        *,
        interval_s: float = INTERVAL_S,
        timeout_s: float = PATIENCE_S,
        on_progress: OnBoard | None = None,
    ) -> IndexBoard:
        """Until these documents (all, without ids) are searchable or have failed; `board.failed` says which.

        `on_progress` hears of every look, the last one included. Raises OperationPending.
        """
        waiting = Waiting(document_ids, interval_s, timeout_s, on_progress)
        while (pause_s := self._look(name, waiting)) is not None:
            time.sleep(pause_s)
        return waiting.board

    def _look(self, name: str, waiting: Waiting) -> float | None:
        if waiting.is_whole:
            return waiting.judge(self._board(name, waiting.board))
        singly = waiting.singly()
        if singly is None:
            for one in self.documents(name):
                if waiting.collect(one):
                    break
            return waiting.take_list()
        seen = []
        for number in singly:
            try:
                seen.append(self.document(name, number))
            except NotFound:
                waiting.gone(number)
        return waiting.take(seen)

    def reindex(
        self, profile: str, document_id: str, source: Source | None = None, **options: Unpack[UploadOptions]
    ) -> Document:
        """With new content, new metadata (`{}` clears it), or as it is stored. Raises NotFound."""
        return read(Document, self._client.reindex_document(profile, document_id, source, **options))

    def reindex_all(self, name: str) -> None:
        """Every document again; what is searched stays searchable meanwhile. Raises NotFound."""
        self._client.reindex_documents(name)

    def delete_document(self, name: str, document_id: str) -> None:
        """Raises NotFound."""
        self._client.delete_document(name, document_id)

    def delete_documents(self, name: str) -> None:
        """All documents of a profile. Raises NotFound."""
        self._client.delete_documents(name)

    def log(self, profile: str, name: str, data: str, *, step: str = "ALL", level: int = 0) -> None:
        """A remark of a tool that fills the profile, kept by the server. Raises NotFound."""
        self._client.write_log(profile, name, data, step=step, level=level)


class AsyncRag(AsyncRagCrawls):
    """The same for asyncio."""

    async def list(self, *, include_disabled: bool = False) -> AsyncIterator[ProfileItem]:
        """By name, with their descriptions."""
        answer = await self._client.list_profiles(include_all=include_disabled)
        for item in read_list(ProfileItem, answer, "searchProfiles"):
            yield item

    async def get(self, name: str) -> RagAssistant:
        """With all settings. Raises NotFound."""
        return read(RagAssistant, await self._client.get_profile(name))

    async def create(self, name: str, **members: Unpack[ProfileMembers]) -> RagAssistant:
        """What is not said has the default of the reference. Raises BadRequest, also when the name is taken."""
        return read(RagAssistant, await self._client.create_profile(name, **members))

    async def update(self, name: str, **members: Unpack[ProfileMembers]) -> RagAssistant:
        """What is not said stays, but `welcome_data`. Raises NotFound, BadRequest."""
        return read(RagAssistant, await self._client.update_profile(name, **members))

    async def delete(self, name: str) -> None:
        """With its documents. Raises NotFound."""
        await self._client.delete_profile(name)

    def documents(self, name: str, *, status: str | None = None, limit: int | None = None) -> AsyncIterator[Document]:
        """Asked for by the page, as they are read; without metadata. `status`: only those in this state, where the
        server can tell them apart. Raises NotFound."""

        async def fetch(skip: int, size: int) -> Page[Document]:
            return _page(await self._client.list_documents(name, skip=skip, count=size, index_status=status))

        return paged_async(lambda place: fetch(place.skip, place.size), size=PAGE, limit=limit)

    async def document(self, name: str, document_id: str) -> Document:
        """With its metadata. Raises NotFound."""
        return read(Document, await self._client.get_document(name, document_id))

    async def upload(self, profile: str, source: Source, **options: Unpack[UploadOptions]) -> Document:
        """A path, bytes (then with a `name`) or a file opened for reading bytes; never whole in memory.

        It is indexed afterwards: `wait_until_indexed`. Raises NotFound, BadRequest (extension, size).
        """
        return read(Document, await self._client.upload_document(profile, source, **options))

    async def upload_and_wait(
        self,
        profile: str,
        source: Source,
        *,
        timeout_s: float = PATIENCE_S,
        on_progress: OnBoard | None = None,
        **options: Unpack[UploadOptions],
    ) -> Document:
        """The document when it can be searched. Raises OperationFailed with the reason, OperationPending."""
        made = await self.upload(profile, source, **options)
        board = await self.wait_until_indexed(profile, [made.id], timeout_s=timeout_s, on_progress=on_progress)
        return check_indexed(_only(board, made))

    async def upload_files(
        self,
        profile: str,
        paths: Iterable[str | os.PathLike[str]],
        *,
        concurrency: int = 4,
        on_upload: OnUpload | None = None,
        on_bytes: OnBytes | None = None,
        **options: Unpack[FileOptions],
    ) -> Sequence[FileUpload]:
        """Several at once; a refused one does not keep the others from it. In the order of the paths.

        `on_upload` hears of each as it is done, `on_bytes` of its pieces.
        """
        import asyncio  # whoever calls this has it; those who do not are spared its import

        room = asyncio.Semaphore(max(1, concurrency))

        async def send(path: Path) -> FileUpload:
            async with room:
                try:
                    sending = self.upload(profile, path, progress=progress_of(path, on_bytes), **options)
                    done = FileUpload(path, await sending)
                except PorticoError as error:
                    done = FileUpload(path, error=error)
            if on_upload is not None:
                on_upload(done)
            return done

        return await asyncio.gather(*(send(Path(path)) for path in paths))

    async def upload_folder(
        self, profile: str, folder: str | os.PathLike[str], *, pattern: str = "*", **options: Unpack[FolderOptions]
    ) -> Sequence[FileUpload]:
        """Every file of a folder and below that fits the pattern, as `upload_files`; hidden ones are left out."""
        return await self.upload_files(profile, find_files(folder, pattern), **options)

    async def board(self, name: str) -> IndexBoard:
        """The states of all documents, counted by the server, and those that failed. Raises NotFound."""
        return await self._board(name, IndexBoard(()))

    async def _board(self, name: str, before: IndexBoard) -> IndexBoard:
        states = None if before.is_read else maybe_states(await self._client.list_documents(name, count=0))
        if states is None:
            return IndexBoard([one async for one in self.documents(name)])
        failed = maybe_failed(states, before)
        if failed is None:
            failed = [one async for one in self.documents(name, status="Failed")]
        return IndexBoard(failed, states)

    async def wait_until_indexed(
        self,
        name: str,
        document_ids: Collection[str] | None = None,
        *,
        interval_s: float = INTERVAL_S,
        timeout_s: float = PATIENCE_S,
        on_progress: OnBoard | None = None,
    ) -> IndexBoard:
        """Until these documents (all, without ids) are searchable or have failed; `board.failed` says which.

        `on_progress` hears of every look, the last one included. Raises OperationPending.
        """
        import asyncio

        waiting = Waiting(document_ids, interval_s, timeout_s, on_progress)
        # What is waited for happens on another machine: there is nothing here that could tell of it.
        while (pause_s := await self._look(name, waiting)) is not None:  # noqa: ASYNC110
            await asyncio.sleep(pause_s)
        return waiting.board

    async def _look(self, name: str, waiting: Waiting) -> float | None:
        if waiting.is_whole:
            return waiting.judge(await self._board(name, waiting.board))
        singly = waiting.singly()
        if singly is None:
            async for one in self.documents(name):
                if waiting.collect(one):
                    break
            return waiting.take_list()
        seen = []
        for number in singly:
            try:
                seen.append(await self.document(name, number))
            except NotFound:
                waiting.gone(number)
        return waiting.take(seen)

    async def reindex(
        self, profile: str, document_id: str, source: Source | None = None, **options: Unpack[UploadOptions]
    ) -> Document:
        """With new content, new metadata (`{}` clears it), or as it is stored. Raises NotFound."""
        return read(Document, await self._client.reindex_document(profile, document_id, source, **options))

    async def reindex_all(self, name: str) -> None:
        """Every document again; what is searched stays searchable meanwhile. Raises NotFound."""
        await self._client.reindex_documents(name)

    async def delete_document(self, name: str, document_id: str) -> None:
        """Raises NotFound."""
        await self._client.delete_document(name, document_id)

    async def delete_documents(self, name: str) -> None:
        """All documents of a profile. Raises NotFound."""
        await self._client.delete_documents(name)

    async def log(self, profile: str, name: str, data: str, *, step: str = "ALL", level: int = 0) -> None:
        """A remark of a tool that fills the profile, kept by the server. Raises NotFound."""
        await self._client.write_log(profile, name, data, step=step, level=level)


def _page(answer: JsonObject) -> Page[Document]:
    total: Any = answer.get("count")
    return Page(read_list(Document, answer, "documents"), total if isinstance(total, int) else None)


def _only(board: IndexBoard, made: Document) -> Document:
    """The document as it was seen last; as it was made, when it is gone."""
    return board.documents[0] if board.documents else made
