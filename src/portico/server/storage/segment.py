"""One journal file of fixed size, mapped into memory: records go in at the end, and are read back in order.

Layout: a header of 64 bytes (magic, flushed offset), then records: length (4 bytes), CRC-32 (4 bytes), payload.
Behind the last one stand zeros.
"""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from struct import Struct
from zlib import crc32

MAGIC = b"PORTICO1"
UNFINISHED = ".new"
HEADER_BYTES = 64
_RECORD = Struct("<II")
_OFFSET = Struct("<Q")
RECORD_BYTES = _RECORD.size


class SegmentDamaged(ValueError):
    """The file is no journal segment: wrong magic or too short."""


class Segment:
    """A shared mapping: what `append` has stored outlives a killed process, and costs no system call."""

    __slots__ = ("_map", "_position", "path", "size_bytes")

    def __init__(self, path: Path, mapped: mmap.mmap) -> None:
        self.path = path
        self.size_bytes = len(mapped)
        self._map = mapped
        self._position = HEADER_BYTES

    @classmethod
    def create(cls, path: Path, size_bytes: int) -> Segment:
        """A new empty file with all its blocks reserved, so that a full disk is an OSError here and no SIGBUS later."""
        unfinished = path.with_suffix(UNFINISHED)  # whoever dies in here leaves no segment that looks damaged
        descriptor = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            _reserve(descriptor, size_bytes)
            mapped = mmap.mmap(descriptor, size_bytes)
        except OSError:
            unfinished.unlink()
            raise
        finally:
            os.close(descriptor)
        mapped[: len(MAGIC)] = MAGIC
        _OFFSET.pack_into(mapped, len(MAGIC), HEADER_BYTES)
        unfinished.rename(path)
        return cls(path, mapped)

    @classmethod
    def open(cls, path: Path) -> Segment:
        """Raises SegmentDamaged; OSError when the file cannot be opened."""
        with path.open("r+b") as file:
            size_bytes = os.fstat(file.fileno()).st_size
            if size_bytes < HEADER_BYTES:
                raise SegmentDamaged(f"{path.name}: {size_bytes} bytes are too few")
            mapped = mmap.mmap(file.fileno(), size_bytes)
        if mapped[: len(MAGIC)] != MAGIC:
            mapped.close()
            raise SegmentDamaged(f"{path.name}: not a journal segment")
        return cls(path, mapped)

    @property
    def used_bytes(self) -> int:
        """How far this process has written."""
        return self._position

    def append(self, payload: bytes) -> bool:
        """Store one record; False when it does not fit any more. One writer, one thread."""
        start = self._position
        end = start + RECORD_BYTES + len(payload)
        if end > self.size_bytes:
            return False
        self._map[start:end] = _RECORD.pack(len(payload), crc32(payload)) + payload
        self._position = end
        return True

    @property
    def flushed(self) -> int:
        """Offset of the first record that is not known to be in the database."""
        offset: int = _OFFSET.unpack_from(self._map, len(MAGIC))[0]
        return offset if HEADER_BYTES <= offset <= self.size_bytes else HEADER_BYTES

    @flushed.setter
    def flushed(self, offset: int) -> None:
        _OFFSET.pack_into(self._map, len(MAGIC), offset)

    def read(self, start: int, limit: int) -> tuple[list[bytes], int]:
        """Up to `limit` whole records from `start` on, and the offset behind them."""
        payloads: list[bytes] = []
        while len(payloads) < limit and (payload := self._record(start)) is not None:
            payloads.append(payload)
            start += RECORD_BYTES + len(payload)
        return payloads, start

    def torn_at(self, offset: int) -> bool:
        """Whether something unreadable stands at `offset`: a record whose writer died in the middle of it."""
        return self._record(offset) is None and any(self._map[offset : offset + RECORD_BYTES])

    def _record(self, start: int) -> bytes | None:
        if start + RECORD_BYTES > self.size_bytes:
            return None
        length, checksum = _RECORD.unpack_from(self._map, start)
        end = start + RECORD_BYTES + length
        if not length or end > self.size_bytes:
            return None
        payload = self._map[start + RECORD_BYTES : end]
        return payload if crc32(payload) == checksum else None

    def close(self) -> None:
        self._map.close()

    def delete(self) -> None:
        self.close()
        self.path.unlink()


def sync_to_disk(path: Path) -> None:
    """Wait until the file's pages are on the disk; blocks, hence for a thread."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _reserve(descriptor: int, size_bytes: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size_bytes)
        return
    zeros = bytes(64 * 1024)  # macOS has no such call: writing takes the blocks just as well
    for start in range(0, size_bytes, len(zeros)):
        os.pwrite(descriptor, zeros[: size_bytes - start], start)
