"""Blobs as files of a folder: written beside, synced, renamed. What has a name is whole, also after a power cut."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import secrets
import shutil
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from portico.server.errors import StorageAway, StorageFull
from portico.server.storage.blobs.base import PIECE, BlobMissing, Found, Stored, check_key, is_key

PART = ".part"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class FolderBlobs:
    """A folder, readable for its owner only."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, key: str, content: AsyncIterator[bytes]) -> Stored:
        """See `Blobs.put`."""
        draft = await self._begin_aside(check_key(key))
        try:
            stored = await _write(draft, content)
            await asyncio.to_thread(draft.finish)
        except OSError as error:
            raise _translate(error) from error
        finally:
            draft.discard()  # no await: it also runs when our task was cancelled
        return stored

    async def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """See `Blobs.read`."""
        file = await asyncio.to_thread(self._open, key, start)
        left = None if end is None else end - start
        try:
            while left is None or left > 0:
                piece = await asyncio.to_thread(file.read, PIECE if left is None else min(PIECE, left))
                if not piece:
                    return
                left = None if left is None else left - len(piece)
                yield piece
        finally:
            file.close()

    @asynccontextmanager
    async def as_file(self, key: str) -> AsyncIterator[Path]:
        """See `Blobs.as_file`; it is the file itself."""
        path = self._path(key)
        if not path.is_file():
            raise BlobMissing(key)
        yield path

    async def delete(self, keys: Iterable[str]) -> None:
        """See `Blobs.delete`."""
        try:
            await asyncio.to_thread(self._delete, list(keys))
        except OSError as error:
            raise _translate(error) from error

    async def list_all(self) -> AsyncIterator[Found]:
        """See `Blobs.list_all`."""
        for found in await asyncio.to_thread(lambda: list(self._walk())):
            if is_key(found.key):
                yield found

    async def tidy(self, older_than_s: float) -> int:
        """See `Blobs.tidy`."""
        return await asyncio.to_thread(self._tidy, time.time() - older_than_s)

    async def maybe_free_bytes(self) -> int | None:
        """What the file system says."""
        return await asyncio.to_thread(self._free_bytes)

    async def close(self) -> None:
        """Nothing is held open."""

    def _path(self, key: str) -> Path:
        return self._folder / check_key(key)

    async def _begin_aside(self, key: str) -> _Draft:
        """In a thread, which goes on when our task is cancelled: what it has begun is taken away then."""
        begun = asyncio.ensure_future(asyncio.to_thread(self._begin, key))
        try:
            return await asyncio.shield(begun)
        except asyncio.CancelledError:
            with suppress(StorageFull, StorageAway):
                (await begun).discard()
            raise

    def _begin(self, key: str) -> _Draft:
        target = self._path(key)
        try:
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            return _Draft(target)
        except FileNotFoundError:  # `tidy` has just removed the folder, which was empty
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            return _Draft(target)
        except OSError as error:
            raise _translate(error) from error

    def _open(self, key: str, start: int) -> BinaryIO:
        try:
            file = self._path(key).open("rb")
        except FileNotFoundError:
            raise BlobMissing(key) from None
        except OSError as error:
            raise _translate(error) from error
        file.seek(start)
        return file

    def _delete(self, keys: list[str]) -> None:
        for key in keys:
            self._path(key).unlink(missing_ok=True)

    def _walk(self) -> Iterator[Found]:
        for folder, _, names in os.walk(self._folder):
            for name in names:
                path = Path(folder) / name
                with suppress(FileNotFoundError):  # gone since it was listed
                    yield Found(path.relative_to(self._folder).as_posix(), path.stat().st_mtime)

    def _tidy(self, before: float) -> int:
        old = [found for found in self._walk() if found.key.endswith(PART) and found.modified_at < before]
        for found in old:
            (self._folder / found.key).unlink(missing_ok=True)
        for folder, _, _ in os.walk(self._folder, topdown=False):
            if Path(folder) != self._folder:
                with suppress(OSError):  # not empty
                    Path(folder).rmdir()
        return len(old)

    def _free_bytes(self) -> int:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return shutil.disk_usage(self._folder).free


class _Draft:
    """A file that has not its name yet."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._path = target.with_name(f"{target.name}.{secrets.token_hex(8)}{PART}")
        self._file = os.fdopen(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", buffering=0)
        self._hash = hashlib.sha256()
        self.size_bytes = 0

    def write(self, data: bytes | bytearray) -> None:
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) or 0 :]
        self._hash.update(data)
        self.size_bytes += len(data)

    @property
    def sha256(self) -> bytes:
        return self._hash.digest()

    def finish(self) -> None:
        os.fsync(self._file.fileno())
        self._file.close()
        self._path.replace(self._target)
        folder = os.open(self._target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def discard(self) -> None:
        """Nothing to do once it is finished."""
        self._file.close()
        self._path.unlink(missing_ok=True)


async def _write(draft: _Draft, content: AsyncIterator[bytes]) -> Stored:
    """A thread per megabyte: file and hash wait for nobody else, and nobody for them."""
    waiting = bytearray()
    async for data in content:
        waiting += data
        if len(waiting) >= PIECE:
            full, waiting = waiting, bytearray()
            await asyncio.to_thread(draft.write, full)
    await asyncio.to_thread(draft.write, waiting)
    return Stored(draft.size_bytes, draft.sha256)


def _translate(error: OSError) -> StorageFull | StorageAway:
    return StorageFull() if error.errno in _FULL else StorageAway()
