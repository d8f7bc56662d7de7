"""The numbers of all processes of a data folder, added up through files: one per process, and one for the dead.

A process keeps a lock as long as it lives, which the kernel frees however it ends. Whoever finds a file without a
holder adds it to `past`, so that a counter never goes down, and takes the file away.
"""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from portico.server.telemetry.metrics import ROW, Snapshot

_SUFFIX, _LOCK_SUFFIX = ".numbers", ".lock"
_PAST, _REGISTRY = "past", "registry.lock"
_log = logging.getLogger(__name__)


class _Past(msgspec.Struct):
    """What dead processes counted. `folded` names files that are in here already, and may be there still."""

    total: Snapshot = msgspec.field(default_factory=Snapshot)
    folded: set[str] = set()


encode = msgspec.msgpack.Encoder().encode
_decode_snapshot = msgspec.msgpack.Decoder(Snapshot).decode
_decode_past = msgspec.msgpack.Decoder(_Past).decode


class MetricsFiles:
    """The file of this process, and a way to read them all. Raises OSError when the folder cannot be written."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._file = directory / (name + _SUFFIX)
        with self._registry():
            lock = _maybe_lock(directory / (name + _LOCK_SUFFIX))
            if lock is None:
                raise BlockingIOError(f"{name} is locked by another process")
            self._lock = lock

    def publish(self, encoded: bytes) -> None:
        """Puts what `encode` made where the others find it; it replaces the earlier numbers at once."""
        _replace(self._file, encoded)

    def collect(self) -> tuple[Snapshot, int]:
        """The sum over all processes, dead ones included, and how many live."""
        with self._registry():
            total = self._fold().total
            living = 0
            for file in self._directory.glob(f"*{_SUFFIX}"):
                snapshot = _read(file)
                if snapshot is not None:
                    living += 1
                    total.add(snapshot)
                    total.add_gauges(snapshot)
            return total, living

    def close(self) -> None:
        """What was published last goes to the past; call `publish` before."""
        with self._registry():
            os.close(self._lock)
            self._fold()

    def _fold(self) -> _Past:
        """Adds the files of dead processes to the past. Dying in here, at any line, counts nothing twice."""
        past = self._read_past()
        dead = [file for file in self._directory.glob(f"*{_SUFFIX}") if self._is_dead(file)]
        fresh = [file for file in dead if file.name not in past.folded]
        for file in fresh:
            snapshot = _read(file)
            if snapshot is not None:
                past.total.add(snapshot)
        if fresh:
            past.folded = {file.name for file in dead}
            _replace(self._directory / _PAST, encode(past))
        for file in dead:
            file.unlink()
        for lock in self._directory.glob(f"*-*{_LOCK_SUFFIX}"):
            if not lock.with_suffix(_SUFFIX).exists() and (held := _maybe_lock(lock)) is not None:
                lock.unlink()
                os.close(held)
        return past

    def _is_dead(self, file: Path) -> bool:
        held = _maybe_lock(file.with_suffix(_LOCK_SUFFIX))
        if held is not None:
            os.close(held)
        return held is not None

    def _read_past(self) -> _Past:
        try:
            past = _decode_past((self._directory / _PAST).read_bytes())
        except FileNotFoundError:
            return _Past()
        except msgspec.DecodeError as error:  # of an older version: Prometheus takes a counter that starts anew
            _log.warning("Metrics begin anew, %s cannot be read: %s", self._directory / _PAST, error)
            return _Past()
        past.total.rows = {key: row for key, row in past.total.rows.items() if len(row) == ROW}
        past.total.gauges = {}
        return past

    @contextmanager
    def _registry(self) -> Iterator[None]:
        """One process at a time: a file must not be counted while it is being folded."""
        lock = os.open(self._directory / _REGISTRY, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def _maybe_lock(path: Path) -> int | None:
    """The lock, held; None when another process holds it."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def _read(file: Path) -> Snapshot | None:
    try:
        snapshot = _decode_snapshot(file.read_bytes())
    except (msgspec.DecodeError, FileNotFoundError) as error:
        _log.warning("Left out of the metrics: %s: %s", file, error)
        return None
    snapshot.rows = {key: row for key, row in snapshot.rows.items() if len(row) == ROW}
    return snapshot


def _replace(path: Path, data: bytes) -> None:
    """Whole or not at all, for every reader."""
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.new")
    unfinished.write_bytes(data)
    unfinished.chmod(0o600)
    unfinished.replace(path)
