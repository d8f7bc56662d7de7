"""The usage journal: lines go in from the hot path in a microsecond, survive kill -9, and come out in `flush.py`.

Every writing process has a folder of numbered segments and holds a lock on it; a folder whose lock is free belongs to
a dead process, and whoever takes the lock may replay it.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from portico.server.errors import JournalFull
from portico.server.storage.segment import UNFINISHED, Segment
from portico.server.storage.usage import UsageLine

SEGMENT_BYTES = 8 * 1024 * 1024
_LONGEST_RECORD_BYTES = 64 * 1024
_LONGEST_TEXT = 1_000
_SUFFIX = ".segment"
_LOCK = "lock"

log = logging.getLogger(__name__)


class Journal:
    """The journal of this process. Make it after a fork, use it from one thread.

    Raises OSError when the folder cannot be written, JournalFull when the disk is full already.
    """

    def __init__(self, directory: Path, segment_bytes: int = SEGMENT_BYTES) -> None:
        self.directory = directory
        self._segment_bytes = segment_bytes
        self._encode = msgspec.msgpack.Encoder().encode
        self._number = 0
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _registry(directory):
            self.own = Folder.create(directory / f"{os.getpid()}-{secrets.token_hex(4)}")
        self._spare: Segment | None = None
        self.full = False
        try:
            self._current = self._create_segment()
        except (OSError, JournalFull):
            self.own.release()
            raise

    def append(self, line: UsageLine) -> None:
        """Store one line; when this returns, the line outlives the process. Raises JournalFull."""
        payload = self._encode(line)
        if len(payload) > _LONGEST_RECORD_BYTES:
            payload = self._encode(_shortened(line))
        if not self._current.append(payload):
            self._turn_page()
            self._current.append(payload)

    @property
    def current(self) -> Path:
        """The segment that is being written; all others of `own` are finished."""
        return self._current.path

    @property
    def backlog_bytes(self) -> int:
        """What is written and not yet in PostgreSQL; of finished segments their whole size."""
        finished = sum(path < self.current for path in self.own.list_segments())
        return finished * self._segment_bytes + self._current.used_bytes - self._current.flushed

    def prepare(self) -> None:
        """Have the next segment ready ahead of need: called by the flusher, away from the hot path.

        Sets `full` when the disk has no room for it, so that requests can be refused before they are worked on.
        """
        if self._spare is not None or self._current.used_bytes * 2 < self._segment_bytes:
            return
        try:
            self._spare = self._create_segment()
        except JournalFull as error:
            if not self.full:
                log.error("%s", error)
            self.full = True
        else:
            self.full = False

    def claim_dead(self) -> list[Folder]:
        """Folders of processes that are gone, locked for the caller, who replays and releases them."""
        with _registry(self.directory):
            others = (path for path in sorted(self.directory.iterdir()) if path.is_dir() and path != self.own.path)
            return [folder for path in others if (folder := Folder.maybe_claim(path)) is not None]

    def close(self) -> None:
        """Give the folder back; what was not flushed is replayed by the next process to start."""
        self._current.close()
        if self._spare is not None:
            self._spare.delete()
        self.own.release()

    def _turn_page(self) -> None:
        try:
            following = self._spare or self._create_segment()
        except JournalFull:
            self.full = True
            raise
        self._current.close()
        self._current, self._spare = following, None

    def _create_segment(self) -> Segment:
        path = self.own.path / f"{self._number + 1:010d}{_SUFFIX}"
        try:
            segment = Segment.create(path, self._segment_bytes)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            mib = self._segment_bytes / 2**20
            sentence = f"The disk of {self.directory} is full: the usage journal needs {mib:g} MiB. Make room there."
            raise JournalFull(sentence) from error
        self._number += 1
        return segment


class Folder:
    """The segments of one process, and the lock that says it is alive."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock = lock

    @classmethod
    def create(cls, path: Path) -> Folder:
        path.mkdir(mode=0o700)
        folder = cls.maybe_claim(path)
        if folder is None:
            raise BlockingIOError(f"{path} is locked by another process")
        return folder

    @classmethod
    def maybe_claim(cls, path: Path) -> Folder | None:
        """The folder with its lock held, or None when its process lives. The kernel frees the lock of a dead one."""
        try:
            lock = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:  # released and gone since it was listed
            return None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return None
        return cls(path, lock)

    def list_segments(self) -> list[Path]:
        """Oldest first."""
        return sorted(self.path.glob(f"*{_SUFFIX}"))

    def release(self) -> None:
        """Let go of the lock; the folder goes too when nothing is left in it."""
        if not self.list_segments():
            for unfinished in self.path.glob(f"*{UNFINISHED}"):
                unfinished.unlink()
            (self.path / _LOCK).unlink(missing_ok=True)
            with suppress(OSError):  # something unknown lies in it: leave it to its owner
                self.path.rmdir()
        os.close(self._lock)


@contextmanager
def _registry(directory: Path) -> Iterator[None]:
    """One process at a time makes or claims folders: otherwise a new one could be claimed before its lock is taken."""
    lock = os.open(directory / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _shortened(line: UsageLine) -> UsageLine:
    """The line with over-long texts cut: a caller's nonsense must not lose the line."""
    texts = {name: value[:_LONGEST_TEXT] for name, value in msgspec.structs.asdict(line).items() if type(value) is str}
    return msgspec.structs.replace(line, **texts)
