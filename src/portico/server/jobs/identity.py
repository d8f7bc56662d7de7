"""The name of a worker, which stays the same when it starts again: so it takes up at once what it was killed over."""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from portico.server.kit.shared_process.folder import make_private_folder


@contextmanager
def take_identity(folder: Path) -> Iterator[str]:
    """The first name of this data folder that no living worker has. Free again at the end, however that comes.

    Raises OSError when the folder cannot be used.
    """
    make_private_folder(folder)
    for number in count(1):
        file = os.open(folder / f"worker{number}.id", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield f"{socket.gethostname()}-{_token(file)}"
            return
        finally:
            os.close(file)


def _token(file: int) -> str:
    """Made once: two data folders of hosts that have the same name are two workers."""
    kept = os.read(file, 64).decode("ascii", "replace")
    if re.fullmatch(r"[0-9a-f]{12}", kept):
        return kept
    made = secrets.token_hex(6)
    os.ftruncate(file, 0)
    os.pwrite(file, made.encode(), 0)
    return made
