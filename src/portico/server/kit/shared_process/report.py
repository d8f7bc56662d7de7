"""What a child process says to its supervisor: that it is ready (with its info), or why it cannot start."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

READY_FD = "PORTICO_READY_FD"
SOCKET_FOLDER = "PORTICO_SOCKET_FOLDER"


def report_ready(info: Mapping[str, Any]) -> None:
    """Publishes `info` (JSON) to every lease, added to `Child.info`. Call once, when requests can be answered."""
    _say({"info": dict(info)})


def report_failure(message: str, code: str = "") -> None:
    """A start that cannot succeed: `message` becomes the text of ChildFailed, `code` its code. Then exit."""
    _say({"error": message, "code": code})


def socket_folder() -> Path:
    """A 0700 folder with a short plain path (80 bytes at most) where this child may put unix sockets."""
    return Path(os.environ[SOCKET_FOLDER])


def _say(message: Mapping[str, Any]) -> None:
    fd = os.environ.get(READY_FD)
    if fd is None:  # started by hand, without a supervisor
        return
    os.write(int(fd), json.dumps(message).encode() + b"\n")
