"""The supervisor process: `python -m ...supervisor <fd> <run_dir> <name>`, fd being the socket of the first lease.

Comes in: leases (connections that say hello with a child's description). Goes out: events `ready`, `down`, `failed`,
`elsewhere`. Only the bare standard library is loaded, so that it starts in some 30 ms.
"""
# pathlib is not loaded: it costs 8 ms at every start.
# ruff: noqa: PTH108

from __future__ import annotations

import fcntl
import json
import os
import selectors
import signal
import socket
import sys
import time
from typing import Any

from portico.server.kit.shared_process.child import ChildProcess, StartFailed, adopt_orphans
from portico.server.kit.shared_process.folder import choose_socket_folder, drop_socket_folder, maybe_socket_path

_LOCK_WAIT_S = 20.0
_POLL_S = 0.01
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 10.0
_STEADY_S = 30.0  # a child that lived so long starts again without a pause
_TOUCH_S = 60.0  # cleaners of temporary folders remove what looks old


class Supervisor:
    """One child, its leases, and the three things that can happen: a line, a signal, a moment that has come."""

    def __init__(self, run_dir: str, name: str, lock_fd: int, first: socket.socket) -> None:
        self.run_dir, self.name, self.lock_fd = run_dir, name, lock_fd
        self.selector = selectors.DefaultSelector()
        self.lines: dict[socket.socket, bytes] = {}  # open connections with what of a line has come
        self.leases: set[socket.socket] = set()
        self.leaving: list[socket.socket] = []  # closed by our own end, so that their holders see when all is done
        self.child: ChildProcess | None = None
        self.spec: dict[str, Any] | None = None
        self.stopping = self.asked_to_stop = False
        self.generation = 0
        self.pause_s = _FIRST_PAUSE_S
        self.restart_at = self.touch_at = float("inf")
        self.reason = ""
        self.wake, waker = socket.socketpair()
        for end in (self.wake, waker):
            end.setblocking(False)
        self.waker = waker  # kept open: signals write into it
        self.listener, self.folder = self._listen()
        self.selector.register(self.wake, selectors.EVENT_READ)
        self.selector.register(self.listener, selectors.EVENT_READ)
        self._admit(first)

    def _listen(self) -> tuple[socket.socket, str]:
        with _locked_folder(self.run_dir):
            folder = choose_socket_folder(self.run_dir)
            path = f"{folder}/{self.name}.sock"
            _unlink(path)
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(path)
        listener.listen(128)
        listener.setblocking(False)
        self.touch_at = time.monotonic() + _TOUCH_S
        return listener, folder

    def run(self) -> None:
        signal.set_wakeup_fd(self.waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._ask_to_stop)
        while not (self.stopping and self.child is None):
            for key, _ in self.selector.select(self._wait_s()):
                self._handle(key.fileobj)
            self._tend()
        self._leave()

    def _ask_to_stop(self, *_: object) -> None:
        self.asked_to_stop = True

    def _wait_s(self) -> float | None:
        if self.child is not None and (self.child.needs_polling or self.child.exited):
            return _POLL_S
        at = min(self.restart_at, self.touch_at, self.child.kill_at if self.child else float("inf"))
        return max(0.0, at - time.monotonic())

    def _handle(self, what: Any) -> None:
        if what is self.listener:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self._admit(connection)
        elif what is self.wake:
            self.wake.recv(4096)
        elif what in self.lines:
            self._read(what)

    def _admit(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self.lines[connection] = b""
        self.selector.register(connection, selectors.EVENT_READ)

    def _read(self, connection: socket.socket) -> None:
        try:
            data = connection.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(connection)
            return
        *lines, self.lines[connection] = (self.lines[connection] + data).split(b"\n")
        for line in lines:
            self._hello(connection, json.loads(line))

    def _hello(self, connection: socket.socket, message: dict[str, Any]) -> None:
        if self.stopping:
            return  # it sees our end, and starts another
        self.leases.add(connection)
        if self.spec is None:
            self.spec = message["child"]
            self._start()
        elif self.child is not None and self.child.ready:
            self._send(connection, self._ready_event())
        elif self.generation:
            self._send(connection, {"event": "down", "reason": self.reason})

    def _drop(self, connection: socket.socket) -> None:
        """A lease has ended: its holder closed, left or was killed. The last one takes the child with it."""
        self.selector.unregister(connection)
        del self.lines[connection]
        self.leases.discard(connection)
        if self.lines:
            connection.close()
        else:
            self.leaving.append(connection)
            self._stop()

    def _start(self) -> None:
        assert self.spec is not None
        self.restart_at = float("inf")
        self.child = ChildProcess(self.spec, self.run_dir, self.name, self.folder, self.lock_fd)

    def _tend(self) -> None:
        """What time brings: readiness, the end of the child, a restart, a deadline."""
        if self.asked_to_stop:
            self._stop()
        if time.monotonic() >= self.touch_at:
            self._touch()
        if self.child is None:
            if time.monotonic() >= self.restart_at and not self.stopping:
                self._start()
            return
        try:
            if self.child.tend():
                self.generation += 1
                self._broadcast(self._ready_event())
        except StartFailed as failure:
            self._failed(failure)
        if self.child.is_gone():
            self._ended(self.child)

    def _touch(self) -> None:
        """Keeps the socket young, or makes it again when somebody has removed it."""
        self.touch_at = time.monotonic() + _TOUCH_S
        if self.stopping:
            return
        try:
            os.utime(f"{self.folder}/{self.name}.sock")
        except FileNotFoundError:
            self.selector.unregister(self.listener)
            self.listener.close()
            self.listener, self.folder = self._listen()
            self.selector.register(self.listener, selectors.EVENT_READ)

    def _failed(self, failure: StartFailed) -> None:
        """The first start is not tried again, and every holder is told; later ones are, after a pause."""
        assert self.child is not None
        self.reason = failure.message
        if self.generation == 0 and not self.stopping:
            self._broadcast(failure.event())
            self._stop(signal.SIGKILL)
        else:
            self.child.stop(signal.SIGKILL)

    def _ended(self, child: ChildProcess) -> None:
        self.child = None
        if self.stopping:
            return
        lived_s = time.monotonic() - child.started_at
        pause_s = 0.0 if lived_s > _STEADY_S else self.pause_s
        self.pause_s = min(pause_s * 2, _LONGEST_PAUSE_S) or _FIRST_PAUSE_S
        self.restart_at = time.monotonic() + pause_s
        if child.ready:
            self.reason = child.ending()
        self._broadcast({"event": "down", "reason": self.reason})

    def _stop(self, number: int = 0) -> None:
        if self.stopping:
            return
        self.stopping = True
        self.selector.unregister(self.listener)
        _unlink(f"{self.folder}/{self.name}.sock")
        self.listener.close()
        if self.child is not None:
            self.child.stop(number or (self.spec or {})["stop_signal"])

    def _leave(self) -> None:
        with _locked_folder(self.run_dir):
            drop_socket_folder(self.run_dir, self.folder)
        # The end of this process closes the connections and frees the lock, in this order for all who wait.

    def _ready_event(self) -> dict[str, Any]:
        assert self.child is not None
        return {
            "event": "ready",
            "info": self.child.info,
            "generation": self.generation,
            "folder": self.folder,
            "pid": self.child.pid,
        }

    def _broadcast(self, event: dict[str, Any]) -> None:
        for connection in list(self.leases):
            self._send(connection, event)

    def _send(self, connection: socket.socket, event: dict[str, Any]) -> None:
        """A holder that reads nothing for 100 kB of events hangs; it is cut off rather than waited for."""
        try:
            _say(connection, event)
        except OSError:
            if connection in self.lines:
                self._drop(connection)


class _locked_folder:
    """Holds a lock on the folder itself, for the moment in which its record changes."""

    def __init__(self, path: str) -> None:
        self.fd = os.open(path, os.O_RDONLY)

    def __enter__(self) -> None:
        fcntl.flock(self.fd, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)


def take_lock(run_dir: str, name: str) -> int | None:
    """The lock of this child, or None when another supervisor serves. Raises TimeoutError.

    A child inherits the lock, so it is free only when everything of a former child is gone.
    """
    fd = os.open(f"{run_dir}/{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    give_up_at = time.monotonic() + _LOCK_WAIT_S
    while time.monotonic() < give_up_at:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if _is_served(run_dir, name):
                return None
            time.sleep(_POLL_S)
        else:
            return fd
    raise TimeoutError(f"Processes of a former run of {name} do not end: they hold {run_dir}/{name}.lock.")


def _is_served(run_dir: str, name: str) -> bool:
    path = maybe_socket_path(run_dir, name)
    if path is None:
        return False
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except OSError:
            return False
    return True


def _say(connection: socket.socket, event: dict[str, Any]) -> None:
    connection.sendall(json.dumps(event).encode() + b"\n")


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def main() -> None:
    connection = socket.socket(fileno=int(sys.argv[1]))
    run_dir, name = sys.argv[2:4]
    if os.fork():
        os._exit(0)  # whoever launched us waits for this; the supervisor goes on as nobody's child
    os.umask(0o077)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    adopt_orphans()
    supervisor = None
    try:
        lock_fd = take_lock(run_dir, name)
        if lock_fd is not None:
            supervisor = Supervisor(run_dir, name, lock_fd, connection)
        event = {"event": "elsewhere"}
    except OSError as error:  # TimeoutError is one
        event = StartFailed(str(error)).event()
    if supervisor is not None:
        supervisor.run()
    else:
        _tell(connection, event)


def _tell(connection: socket.socket, event: dict[str, Any]) -> None:
    try:
        _say(connection, event)
    except ConnectionError:
        return  # whoever asked has gone


if __name__ == "__main__":
    main()
