"""A file of the caller on its way out: a path, bytes or an open file, as a form that is never whole in memory."""

from __future__ import annotations

import io
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from portico.sdk.call import Call, Repeat
from portico.sdk.errors import PorticoError
from portico.sdk.forms import part_head

Source = str | os.PathLike[str] | bytes | BinaryIO
Progress = Callable[[int, int | None], None]
"""Hears how many bytes are on their way, of how many (None: an open file of unknown size)."""
PIECE = 256 * 1024


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What is to be uploaded. `size_bytes` None where it is not known; `open` begins at the first byte."""

    name: str
    size_bytes: int | None
    open: Callable[[], BinaryIO]
    closes: bool = True


def read_source(source: Source, name: str | None) -> Outgoing:
    """Raises PorticoError for a path that cannot be read, and for bytes without a name."""
    if isinstance(source, bytes):
        if not name:
            raise PorticoError("The file has no name.", hint="Say one: upload(data, name='notes.txt').")
        return Outgoing(name, len(source), lambda: io.BytesIO(source))
    if isinstance(source, str | os.PathLike):
        path = Path(source).expanduser()
        try:
            with path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
        except OSError as error:
            raise PorticoError(f"{path} cannot be read: {error.strerror}.") from None
        return Outgoing(path.name, size if path.is_file() else None, lambda: path.open("rb"))
    known = getattr(source, "name", None)
    name = name or (Path(known).name if isinstance(known, str) else None)
    if not name:
        raise PorticoError("The file has no name.", hint="Say one: upload(file, name='notes.txt').")
    return Outgoing(name, _left(source), lambda: source, closes=False)


def send_file(
    path: str,
    file: Outgoing,
    headers: dict[str, str],
    fields: dict[str, str],
    progress: Progress | None,
    *,
    method: str = "POST",
) -> Call:
    """A form with one file. Texts that no header can carry go as fields in front of it."""
    boundary = secrets.token_hex(24)
    front = b"".join(part_head(boundary, f'name="{name}"') + value.encode() + b"\r\n" for name, value in fields.items())
    front += part_head(boundary, 'name="file"', file.name)
    back = f"\r\n--{boundary}--\r\n".encode()
    sent = {**headers, "Content-Type": f"multipart/form-data; boundary={boundary}"}
    if file.size_bytes is not None:
        sent["Content-Length"] = str(len(front) + file.size_bytes + len(back))

    def pieces() -> Iterator[bytes]:
        yield front
        yield from _read(file, progress)
        yield back

    return Call(method, path, (), sent, None, Repeat.NEVER, pieces=pieces)


def send_raw(path: str, file: Outgoing, headers: dict[str, str], progress: Progress | None) -> Call:
    """POST of a file that is the whole body."""
    sent = dict(headers)
    if file.size_bytes is not None:
        sent["Content-Length"] = str(file.size_bytes)
    return Call("POST", path, (), sent, None, Repeat.NEVER, pieces=lambda: _read(file, progress))


def _read(file: Outgoing, progress: Progress | None) -> Iterator[bytes]:
    """No more than was announced: a file that grows meanwhile must not break the form."""
    source, left, done = file.open(), file.size_bytes, 0
    try:
        while piece := source.read(PIECE if left is None else min(PIECE, left)):
            left = None if left is None else left - len(piece)
            done += len(piece)
            yield piece
            if progress is not None:
                progress(done, file.size_bytes)
    finally:
        if file.closes:
            source.close()


def _left(source: BinaryIO) -> int | None:
    try:
        here = source.tell()
        end = source.seek(0, io.SEEK_END)
        source.seek(here)
    except (OSError, AttributeError, ValueError):
        return None
    return end - here
