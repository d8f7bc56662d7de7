"""Files, high level: typed objects; large files pass piece by piece in both directions."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from portico.sdk.byte_stream import AsyncByteStream, ByteStream
from portico.sdk.call import Call
from portico.sdk.clients.files import AsyncFilesClient, FilesClient
from portico.sdk.downloads import Download
from portico.sdk.errors import PorticoError
from portico.sdk.managers.base import read, read_list
from portico.sdk.uploading import Progress, Source
from portico.wire.files import FileData, FileItem, Uploaded

PAGE = 100


class Files:
    """`client.files`: the files of a project. `client.files.upload("contract.pdf", folder="legal").data_file_id`"""

    def __init__(self, client: FilesClient) -> None:
        self._client = client

    def upload(
        self,
        source: Source,
        *,
        name: str | None = None,
        folder: str | None = None,
        project_id: str | None = None,
        on_progress: Progress | None = None,
    ) -> Uploaded:
        """A path, bytes (then with a `name`) or a file opened for reading bytes. The same name in the same folder gets
        the new content and keeps its id. Without a folder the server forgets the file after a day."""
        answer = self._client.upload_file(source, name=name, folder=folder, project_id=project_id, progress=on_progress)
        return read(Uploaded, answer)

    def upload_url(
        self, url: str, *, name: str | None = None, folder: str | None = None, project_id: str | None = None
    ) -> Uploaded:
        """Fetches an address to the disk, without our token, and uploads what came."""
        with tempfile.TemporaryDirectory() as place:
            path = Path(place) / "fetched"
            with _Closing(self._client._transport.open(_fetch(url))) as stream:
                _save(stream, Download(path))
            with path.open("rb") as file:
                return self.upload(file, name=name or _name_of(url), folder=folder, project_id=project_id)

    def list(self, *, folder: str | None = None, project_id: str | None = None) -> Iterator[FileItem]:
        """Newest content first; asked for by the page, as they are read."""
        skip = 0
        while True:
            answer = self._client.get_file_list(folder=folder, count=PAGE, skip=skip, project_id=project_id)
            items = read_list(FileItem, answer, "dataFiles")
            yield from items
            skip += len(items)
            if len(items) < PAGE:
                return

    def get(self, file_id: str, *, project_id: str | None = None) -> FileData:
        """What is known of a file. Raises NotFound."""
        return read(FileData, self._client.get_file(file_id, project_id=project_id))

    def read(self, file_id: str, *, project_id: str | None = None) -> bytes:
        """The content, whole in memory. Raises NotFound."""
        with _Closing(self._client.open_file(file_id, project_id=project_id)) as stream:
            return stream.read_all().body

    def download(
        self,
        file_id: str,
        path: str | os.PathLike[str],
        *,
        project_id: str | None = None,
        on_progress: Progress | None = None,
    ) -> Path:
        """The content into a file, piece by piece; under its name it is whole or not at all. Raises NotFound."""
        with _Closing(self._client.open_file(file_id, project_id=project_id)) as stream:
            return _save(stream, Download(path, on_progress))

    def delete(self, file_id: str, *, project_id: str | None = None) -> None:
        """Raises NotFound."""
        self._client.delete_file(file_id, project_id=project_id)


class AsyncFiles:
    """The same for asyncio."""

    def __init__(self, client: AsyncFilesClient) -> None:
        self._client = client

    async def upload(
        self,
        source: Source,
        *,
        name: str | None = None,
        folder: str | None = None,
        project_id: str | None = None,
        on_progress: Progress | None = None,
    ) -> Uploaded:
        """A path, bytes (then with a `name`) or a file opened for reading bytes. The same name in the same folder gets
        the new content and keeps its id. Without a folder the server forgets the file after a day."""
        sending = self._client.upload_file(
            source, name=name, folder=folder, project_id=project_id, progress=on_progress
        )
        return read(Uploaded, await sending)

    async def upload_url(
        self, url: str, *, name: str | None = None, folder: str | None = None, project_id: str | None = None
    ) -> Uploaded:
        """Fetches an address to the disk, without our token, and uploads what came."""
        with tempfile.TemporaryDirectory() as place:
            path = Path(place) / "fetched"
            await _save_async(await self._client._transport.open(_fetch(url)), Download(path))
            with path.open("rb") as file:
                return await self.upload(file, name=name or _name_of(url), folder=folder, project_id=project_id)

    async def list(self, *, folder: str | None = None, project_id: str | None = None) -> AsyncIterator[FileItem]:
        """Newest content first; asked for by the page, as they are read."""
        skip = 0
        while True:
            answer = await self._client.get_file_list(folder=folder, count=PAGE, skip=skip, project_id=project_id)
            items = read_list(FileItem, answer, "dataFiles")
            for item in items:
                yield item
            skip += len(items)
            if len(items) < PAGE:
                return

    async def get(self, file_id: str, *, project_id: str | None = None) -> FileData:
        """What is known of a file. Raises NotFound."""
        return read(FileData, await self._client.get_file(file_id, project_id=project_id))

    async def read(self, file_id: str, *, project_id: str | None = None) -> bytes:
        """The content, whole in memory. Raises NotFound."""
        stream = await self._client.open_file(file_id, project_id=project_id)
        return (await stream.read_all()).body

    async def download(
        self,
        file_id: str,
        path: str | os.PathLike[str],
        *,
        project_id: str | None = None,
        on_progress: Progress | None = None,
    ) -> Path:
        """The content into a file, piece by piece; under its name it is whole or not at all. Raises NotFound."""
        stream = await self._client.open_file(file_id, project_id=project_id)
        return await _save_async(stream, Download(path, on_progress))

    async def delete(self, file_id: str, *, project_id: str | None = None) -> None:
        """Raises NotFound."""
        await self._client.delete_file(file_id, project_id=project_id)


class _Closing:
    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream

    def __enter__(self) -> ByteStream:
        return self._stream

    def __exit__(self, *_: object) -> None:
        self._stream.close()


def _save(stream: ByteStream, download: Download) -> Path:
    with download:
        download.expect(stream.head)
        while piece := stream.read():
            download.write(piece)
        return download.finish()


async def _save_async(stream: AsyncByteStream, download: Download) -> Path:
    try:
        with download:
            download.expect(stream.head)
            while piece := await stream.read():
                download.write(piece)
            return download.finish()
    finally:
        await stream.close()


def _fetch(url: str) -> Call:
    if not url.startswith(("https://", "http://")):
        raise PorticoError(f"{url[:200]} is no address of the web.")
    return Call("GET", url, headers={"Accept": "*/*"}, with_credentials=False)


def _name_of(url: str) -> str:
    return unquote(urlsplit(url).path.rstrip("/").rpartition("/")[2]) or "file"
