"""A file that comes piece by piece: beside its name until it is whole."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from portico.sdk.call import Answer
from portico.sdk.errors import ConnectionLost, PorticoError
from portico.sdk.uploading import Progress


class Download:
    """A context; `finish` gives the file its name. Left before that, nothing stays on the disk."""

    def __init__(self, path: str | os.PathLike[str], progress: Progress | None = None) -> None:
        self._target = Path(path).expanduser()
        self._half = self._target.with_name(f".{self._target.name}.part")
        self._progress = progress
        self._file: BinaryIO | None = None
        self._size: int | None = None
        self._done = 0

    def __enter__(self) -> Download:
        try:
            self._file = self._half.open("wb")
        except OSError as error:
            raise PorticoError(f"{self._target} cannot be written: {error.strerror}.") from None
        return self

    def expect(self, head: Answer) -> None:
        """How long it will be, by the head of the answer."""
        length = head.headers.get("content-length", "")
        self._size = int(length) if length.isdigit() else None

    def write(self, piece: bytes) -> None:
        assert self._file is not None
        self._file.write(piece)
        self._done += len(piece)
        if self._progress is not None:
            self._progress(self._done, self._size)

    def finish(self) -> Path:
        """Raises ConnectionLost when less came than was told."""
        assert self._file is not None
        self._file.close()
        if self._size is not None and self._done != self._size:
            raise ConnectionLost(f"The download broke off after {self._done} of {self._size} bytes.")
        self._half.replace(self._target)
        return self._target

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
        self._half.unlink(missing_ok=True)
