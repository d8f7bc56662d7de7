"""A nursery whose readers do what their order says: `python -m tests.server.retrieval.odd_nursery`, as the real one."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from portico.server.retrieval.parsing import child, nursery

_heard: list[str] = []


def work(told: bytes) -> bytes:
    match told.decode().split():
        case ["who"]:
            return f"{os.getppid()} {os.getpid()}".encode()
        case ["remember", word]:
            _heard.append(word)
        case ["recall"]:
            return " ".join(_heard).encode()
        case ["die"]:
            os.kill(os.getpid(), signal.SIGKILL)
        case ["hang", path]:
            Path(path).write_text(str(os.getpid()))
            time.sleep(600)
        case ["leave", "behind"]:
            left = os.fork()
            if not left:
                time.sleep(600)
            return str(left).encode()
        case ["flood"]:
            return b"x" * 10_000_000
        case ["open"]:
            return " ".join(sorted(one.name for one in Path("/proc/self/fd").iterdir())).encode()
    return b"done"


if __name__ == "__main__":
    child.work = work
    nursery.READERS = ()
    sys.exit(nursery.main())
