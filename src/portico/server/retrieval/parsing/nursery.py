"""The process that the readers of files are born of: it has loaded what they need, and never looks at a file itself.

In, on the socket at its standard input: one byte for each file, with two descriptors. On the channel the new process
gets its order and gives its outcome; when the leash ends it is killed. So each file has a process and bounds of its
own, and nothing of one can reach the next. It ends, and all with it, when the socket ends.
"""

from __future__ import annotations

import gc
import os
import selectors
import signal
import socket
import sys
from collections import deque
from contextlib import suppress
from importlib import import_module
from typing import NoReturn

from portico.server.kit.shared_process.child import die_with_parent
from portico.server.retrieval.parsing import child

READERS = (
    "plain",
    "marked",
    "tables",
    "records",
    "code",
    "html_text",
    "docx",
    "sheets",
    "pdf",
    "pptx",
    "mail",
    "epub",
    "foreign",
    "web_pages",
)
"""Loaded when there is nothing else to do. None of them may start a thread: that would not survive the birth."""
_CHANNEL = 3


def main() -> int:
    nursery = _Nursery(socket.socket(fileno=0))
    left = deque(READERS)
    while nursery.work(0 if left else None):
        if left and nursery.is_quiet:
            with suppress(ImportError):  # then whoever needs it says what is missing
                import_module(f"portico.server.retrieval.parsing.{left.popleft()}")
            gc.freeze()  # what is never collected stays in pages that all of them share
    return 0


class _Nursery:
    def __init__(self, orders: socket.socket) -> None:
        self._orders = orders
        self._leashes: dict[int, int] = {}
        """Of each living reader, by its process id."""
        self._ended, self._wakeup = socket.socketpair()
        self._wakeup.setblocking(False)
        self._ended.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wakeup.fileno(), warn_on_full_buffer=False)
        self._selector = selectors.DefaultSelector()
        for source in (orders, self._ended):
            self._selector.register(source, selectors.EVENT_READ)
        self.is_quiet = True

    def work(self, timeout_s: float | None) -> bool:
        """Waits for so long, and does what has come up. False when it is all over."""
        events = self._selector.select(timeout_s)
        self.is_quiet = not events
        for key, _ in events:
            if key.fileobj is self._orders:
                if not self._take_order():
                    return False
            elif key.fileobj is self._ended:
                with suppress(BlockingIOError):
                    self._ended.recv(4096)
                self._bury()
            elif key.data in self._leashes:
                _kill(key.data)
                self._selector.unregister(key.fileobj)
        return True

    def _take_order(self) -> bool:
        told, descriptors, _, _ = socket.recv_fds(self._orders, 1, 2)
        if not told:
            for process in self._leashes:
                _kill(process)
            return False
        channel, leash = descriptors
        mother = os.getpid()
        try:
            process = os.fork()
        except OSError:  # no room for another: this file is not read, the others are
            os.close(channel)
            os.close(leash)
            return True
        if not process:
            _read(channel, mother)
        with suppress(OSError):  # whoever of the two comes first; it may have ended already
            os.setpgid(process, process)
        os.close(channel)
        self._leashes[process] = leash
        self._selector.register(leash, selectors.EVENT_READ, process)
        return True

    def _bury(self) -> None:
        """What a reader has left behind in its group goes before its number is free for another."""
        for process in list(self._leashes):
            if not _has_ended(process):
                continue
            _kill(process)
            with suppress(ChildProcessError):
                os.waitpid(process, 0)
            leash = self._leashes.pop(process)
            with suppress(KeyError):
                self._selector.unregister(leash)
            os.close(leash)


def _has_ended(process: int) -> bool:
    if not hasattr(os, "waitid"):  # macOS: there its number is free from here on
        return os.waitpid(process, os.WNOHANG)[0] == process
    return os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _kill(process: int) -> None:
    with suppress(OSError):
        os.killpg(process, signal.SIGKILL)


def _read(channel: int, mother: int) -> NoReturn:
    """The reader. It has nothing of its mother's but what she has loaded: no socket, no leash, no other channel."""
    code = 1
    try:
        with suppress(OSError):
            os.setpgid(0, 0)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        die_with_parent(signal.SIGKILL, mother)
        os.dup2(channel, _CHANNEL)
        os.closerange(_CHANNEL + 1, 1 << 20)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        with open(_CHANNEL, "rb", closefd=False) as order:
            outcome = child.work(order.read())
        with open(_CHANNEL, "wb", closefd=False) as answer:
            answer.write(outcome)
        code = 0
    finally:
        os._exit(code)  # nothing of the mother's is tidied up here


if __name__ == "__main__":
    sys.exit(main())
