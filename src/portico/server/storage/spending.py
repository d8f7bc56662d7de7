"""What this process has spent of each account, in a mapped file: exact after kill -9, a tenth of a microsecond a write.

A file whose lock is free belongs to a dead process; whoever takes the lock may report what is in it.
"""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

MAGIC = b"PORTICOL"
SLOTS = 16_384
_WORD = 8
_HEADER_WORDS, _SLOT_WORDS = 8, 3
_SUFFIX = ".spending"
_LARGEST = 2**64 - 1


class SpendingFull(RuntimeError):
    """More accounts are in use at once than the file has room for."""


class SpendingFile:
    """The file of one worker. A slot holds an account and its total; one aligned word per write cannot be torn."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor
        self._map = mmap.mmap(descriptor, 0)
        self.words = memoryview(self._map).cast("Q")
        self._free = list(range(SLOTS - 1, -1, -1))

    @classmethod
    def create(cls, folder: Path, worker_id: str) -> SpendingFile:
        """Raises OSError when the folder cannot be written."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / f"{worker_id}{_SUFFIX}"
        unfinished = path.with_suffix(".new")
        descriptor = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # before it has its name: nobody takes it for a dead one's
        # Written and not only sized, so that a full disk is an error here and no SIGBUS later.
        empty = MAGIC + bytes((_HEADER_WORDS + SLOTS * _SLOT_WORDS) * _WORD - len(MAGIC))
        if os.write(descriptor, empty) < len(empty):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(unfinished))
        unfinished.rename(path)
        return cls(path, descriptor)

    def take_slot(self, account_id: str) -> int:
        """The index of the word of `words` that holds the account's total. Raises SpendingFull."""
        if not self._free:
            raise SpendingFull("no room for another account")
        start = _HEADER_WORDS + self._free.pop() * _SLOT_WORDS
        number = UUID(account_id).int
        self.words[start + 2] = 0
        self.words[start] = number >> 64
        self.words[start + 1] = number & _LARGEST
        return start + 2

    def free_slot(self, index: int) -> None:
        """Its total has been reported for the last time."""
        self.words[index - 2] = self.words[index - 1] = 0
        self._free.append((index - 2 - _HEADER_WORDS) // _SLOT_WORDS)

    def read(self) -> dict[str, int]:
        """Totals by account."""
        found = {}
        for start in range(_HEADER_WORDS, len(self.words), _SLOT_WORDS):
            number = self.words[start] << 64 | self.words[start + 1]
            if number:
                found[str(UUID(int=number))] = self.words[start + 2]
        return found

    @property
    def worker_id(self) -> str:
        return self.path.stem

    def close(self, *, delete: bool) -> None:
        """With `delete` everything has been reported; otherwise somebody else reports it later."""
        if delete:
            self.path.unlink(missing_ok=True)
        self.words.release()
        self._map.close()
        os.close(self._descriptor)


def claim_dead(folder: Path) -> Iterator[SpendingFile]:
    """The files of processes that are gone, locked for the caller, who reports and deletes them."""
    for path in sorted(folder.glob(f"*{_SUFFIX}")):
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:  # reported by somebody else since it was listed
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            continue
        if os.fstat(descriptor).st_nlink == 0 or os.pread(descriptor, len(MAGIC), 0) != MAGIC:
            os.close(descriptor)
            continue
        yield SpendingFile(path, descriptor)
