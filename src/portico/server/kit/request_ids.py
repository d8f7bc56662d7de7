"""Request ids: UUIDs (version 4) of random bits of the process and a counter, so that one costs nothing."""

from __future__ import annotations

import os
import uuid
from itertools import count

_prefix = ""
_count = count(1)


def _begin() -> None:
    """A new prefix and a new count; also after a fork, or two processes would give the same ids."""
    global _prefix, _count
    _prefix = str(uuid.uuid4())[:24]
    _count = count(1)


_begin()
os.register_at_fork(after_in_child=_begin)


def new_request_id() -> str:
    """A UUID text. Unique, not secret: nothing is granted to whoever knows it."""
    return f"{_prefix}{next(_count):012x}"
