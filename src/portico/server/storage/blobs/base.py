"""What is asked of a place for bytes. A key is written whole or not at all, and when written again replaced whole."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

PIECE = 1024 * 1024
"""Bytes that are read, written and hashed at once."""
_ID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_KEY = re.compile(rf"{_ID}/{_ID}/{_ID}(\.(text|(parsed|heard)[0-9]{{1,9}}))?", re.ASCII)


class BlobMissing(Exception):
    """There is nothing under this key."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What has been written."""

    size_bytes: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Found:
    """A key that is there, and since when (Unix seconds)."""

    key: str
    modified_at: float


class Blobs(Protocol):
    """One place. Keys are ours: `check_key` says what they look like."""

    async def put(self, key: str, content: AsyncIterator[bytes]) -> Stored:
        """Writes what comes, holding a bounded part of it in memory. An error of `content`, or the end of our task,
        leaves what was there before. Raises StorageFull, StorageAway."""
        ...

    def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start` to before `end`, in pieces. Raises BlobMissing, StorageAway at the first piece."""
        ...

    def as_file(self, key: str) -> AbstractAsyncContextManager[Path]:
        """A file of this host with these bytes, to be read only, for as long as the context lasts."""
        ...

    async def delete(self, keys: Iterable[str]) -> None:
        """A key that is not there is no error. Raises StorageAway."""
        ...

    def list_all(self) -> AsyncIterator[Found]:
        """All keys of ours, in no order."""
        ...

    async def tidy(self, older_than_s: float) -> int:
        """Removes what uploads left behind that never came to their end; how many there were."""
        ...

    async def maybe_free_bytes(self) -> int | None:
        """How much room is left; None where nobody knows."""
        ...

    async def close(self) -> None: ...


def is_key(name: str) -> bool:
    """Whether it is one of ours: three UUIDs, and what was made of those bytes. Others may lie there, too."""
    return _KEY.fullmatch(name) is not None


def check_key(key: str) -> str:
    """Raises ValueError: a key that is none of ours is an error of ours."""
    if not is_key(key):
        raise ValueError(f"no key of a blob: {key!r}")
    return key
