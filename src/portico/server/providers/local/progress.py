"""Who pulls a model and how far it is, readable by other processes: a lock and a small file below `.partial`."""

from __future__ import annotations

import contextlib
import fcntl
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from .manifest import LocalModel

WAIT_S = 0.2


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a pull is. `error` holds why the last one failed."""

    done_bytes: int
    total_bytes: int
    error: str = ""

    @property
    def percent(self) -> int:
        return 100 * self.done_bytes // max(1, self.total_bytes)


Report = Callable[[Progress], None]


def partial_dir(folder: Path, name: str) -> Path:
    return folder / ".partial" / name


@contextlib.contextmanager
def pull_lock(folder: Path, name: str, waiting: Callable[[], None] | None = None) -> Iterator[bool]:
    """The right to pull or remove `name`. Waits for another puller, calling `waiting`; without it yields False."""
    path = folder / ".partial" / f"{name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as lock:
        tries = 0
        while not _try_lock(lock):
            tries += 1
            if waiting is not None:
                waiting()
            elif tries == 5:  # one refusal may come from somebody who only looks
                yield False
                return
            time.sleep(WAIT_S if waiting else 0.01)
        yield True


def is_pulling(folder: Path, name: str) -> bool:
    """True while some process pulls this model. Needs no right to write the folder."""
    try:
        with (folder / ".partial" / f"{name}.lock").open("rb") as lock:
            return not _try_lock(lock)
    except FileNotFoundError:
        return False


def _try_lock(lock: IO[str] | IO[bytes]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def read_progress(folder: Path, name: str) -> Progress | None:
    """What the puller wrote last, or None."""
    try:
        raw = json.loads((folder / ".partial" / f"{name}.json").read_bytes())
        return Progress(int(raw["done_bytes"]), int(raw["total_bytes"]), str(raw["error"]))
    except (OSError, ValueError, KeyError):
        return None


class Notes:
    """Passes progress on, and keeps it in a file at most four times a second."""

    def __init__(self, folder: Path, model: LocalModel, report: Report) -> None:
        self.path = folder / ".partial" / f"{model.name}.json"
        self.total, self.report, self.base, self.written = model.size_bytes, report, 0, 0.0
        self.error = ""

    def at(self, extra: int) -> None:
        progress = Progress(min(self.base + extra, self.total), self.total, self.error)
        self.report(progress)
        now = time.monotonic()
        if now - self.written > 0.25 or self.error or progress.done_bytes == self.total:
            self.written = now
            self._write(progress)

    def _write(self, progress: Progress) -> None:
        row = {"done_bytes": progress.done_bytes, "total_bytes": progress.total_bytes, "error": progress.error}
        fresh = self.path.with_suffix(".tmp")
        # The notes are a courtesy to other processes: a full disk must not hide the real error.
        with contextlib.suppress(OSError):
            fresh.write_text(json.dumps(row))
            fresh.replace(self.path)
