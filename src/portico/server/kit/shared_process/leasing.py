"""A lease on a shared child process: joins its supervisor or starts one, follows its state, gives it back."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from portico.server.kit.shared_process.folder import make_private_folder, maybe_socket_path

State = Literal["ready", "down", "closed"]
_PACKAGE_ROOT = Path(__file__).resolve().parents[4]
_LONGEST_PAUSE_S = 5.0
_SILENT_ENDS = 3


class ChildFailed(Exception):
    """The child could not be started. `code` comes from `report_failure`, `log` is the end of the child's log."""

    def __init__(self, message: str, code: str = "", log: str = "") -> None:
        super().__init__(message)
        self.message, self.code, self.log = message, code, log


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """How to start, recognise as ready, and stop a child. The first holder's description is the one in force.

    Either `argv` (a program), or `target` "module:function" (called with `arguments` in a process forked from the
    supervisor, which is a bare interpreter; the function may exec). Ready when it calls `report_ready`, or when
    `ready_file` matches the regular expression `ready_pattern`, in which `{pid}` is the child's process id.
    """

    argv: Sequence[str] = ()
    target: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    env: Mapping[str, str] | None = None  # whole environment; None = that of the first holder
    info: Mapping[str, Any] = field(default_factory=dict)
    ready_file: Path | None = None
    ready_pattern: str = ""
    start_timeout_s: float = 60.0
    stop_signal: int = signal.SIGTERM
    stop_timeout_s: float = 10.0  # then SIGKILL for its process group
    death_signal: int = signal.SIGKILL  # what the child gets when the supervisor is killed (Linux)
    log: Path | None = None  # default: <run_dir>/<name>.log

    def write(self) -> dict[str, Any]:
        """The description as the supervisor reads it."""
        return {
            "argv": list(self.argv),
            "target": self.target,
            "arguments": dict(self.arguments),
            "env": dict(os.environ if self.env is None else self.env),
            "info": dict(self.info),
            "ready_file": os.fspath(self.ready_file) if self.ready_file else "",
            "ready_pattern": self.ready_pattern,
            "start_timeout_s": self.start_timeout_s,
            "stop_signal": int(self.stop_signal),
            "stop_timeout_s": self.stop_timeout_s,
            "death_signal": int(self.death_signal),
            "log": os.fspath(self.log) if self.log else "",
        }


class Lease:
    """Held from `lease()` to `close()` or to the end of this process, however it ends. Belongs to one event loop."""

    def __init__(self, run_dir: Path, name: str, child: Child, on_change: Callable[[Lease], None] | None) -> None:
        self.info: Mapping[str, Any] = {}
        self.folder = run_dir  # where the child finds its sockets (`report.socket_folder`)
        self.state: State = "down"
        self.generation = 0  # grows with every start of the child under one supervisor
        self.reason = ""  # why it is down
        self._run_dir, self._name, self._child, self._on_change = run_dir, name, child, on_change
        self._changed = asyncio.Condition()
        self._closing = False
        self._stream: _Stream | None = None
        self._follower: asyncio.Task[None] | None = None

    async def ready(self, timeout_s: float | None = None) -> Mapping[str, Any]:
        """The info of the running child; waits while it is restarted. Raises TimeoutError; ChildFailed if closed."""
        async with asyncio.timeout(timeout_s), self._changed:
            await self._changed.wait_for(lambda: self.state != "down")
        if self.state == "closed":
            raise ChildFailed(f"The lease on {self._name} was closed.")
        return self.info

    async def changed(self) -> State:
        """Waits for the next change of state, and tells the state then."""
        async with self._changed:
            await self._changed.wait()
        return self.state

    async def close(self, wait: bool = True) -> None:
        """Gives the lease back. With `wait` and nobody else holding one, returns when the child has been stopped."""
        self._closing = True
        if self._follower is not None:
            self._follower.cancel()
            await asyncio.gather(self._follower, return_exceptions=True)
            self._follower = None
        stream, self._stream = self._stream, None
        if stream is not None:
            await stream.give_back(self._child.stop_timeout_s + 5 if wait else 0)
        await self._set("closed")

    async def __aenter__(self) -> Lease:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _open(self) -> None:
        """Joins or starts, and returns at the first `ready`."""
        timeout_s = self._child.start_timeout_s + self._child.stop_timeout_s + 10
        try:
            async with asyncio.timeout(timeout_s):
                for _ in range(_SILENT_ENDS):
                    while await self._try_to_join():
                        if self._stream is not None:
                            return
        except TimeoutError:
            raise ChildFailed(f"{self._name} was not ready after {timeout_s:.0f} s.", log=self._log_tail()) from None
        raise ChildFailed(f"The supervisor of {self._name} ends at once; see {self._run_dir / self._name}.log.")

    async def _try_to_join(self) -> bool:
        """False when a supervisor of our own making ended without a word, as when somebody kills it."""
        joined = await _connect(self._run_dir, self._name)
        stream = joined or await _spawn(self._run_dir, self._name)
        try:
            await stream.send({"op": "hello", "child": self._child.write()})
            answer = await self._wait_until_ready(stream)
            if answer == "ready":
                self._stream = stream
                return True
        finally:
            if self._stream is not stream:
                stream.close()
        await asyncio.sleep(0.01)  # that supervisor leaves, or another serves: look again
        return joined is not None or answer != "gone"

    async def _wait_until_ready(self, stream: _Stream) -> Literal["ready", "elsewhere", "gone"]:
        while event := await stream.read():
            if event["event"] == "elsewhere":
                return "elsewhere"
            await self._take(event)
            if self.state == "ready":
                return "ready"
        return "gone"

    async def _follow(self) -> None:
        """Reads events until closed; when the supervisor is gone, joins or starts another."""
        pause_s = 0.05
        while True:
            try:
                if self._stream is None:
                    await self._open()
                await self._read_events()
                pause_s = 0.05
                await self._set("down", "The supervisor has gone.")
            except (ChildFailed, OSError) as error:
                await self._set("down", str(error))
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    async def _read_events(self) -> None:
        stream = self._stream
        assert stream is not None
        try:
            while event := await stream.read():
                await self._take(event)
        finally:
            if not self._closing:
                self._stream = None
                stream.close()

    async def _take(self, event: Mapping[str, Any]) -> None:
        match event["event"]:
            case "ready":
                self.info, self.generation = event["info"], event["generation"]
                self.folder = Path(event["folder"])
                await self._set("ready")
            case "failed":
                raise ChildFailed(event["message"], event["code"], event["log"])
            case "down":
                await self._set("down", event["reason"])

    async def _set(self, state: State, reason: str = "") -> None:
        if state == self.state == "closed":
            return
        self.state, self.reason = state, reason
        async with self._changed:
            self._changed.notify_all()
        if self._on_change is not None:
            self._on_change(self)

    def _log_tail(self) -> str:
        with contextlib.suppress(OSError):
            return (self._run_dir / f"{self._name}.log").read_bytes()[-4000:].decode(errors="replace")
        return ""


async def lease(run_dir: Path, name: str, child: Child, *, on_change: Callable[[Lease], None] | None = None) -> Lease:
    """Starts `child` or joins the one that runs under this name, and returns when it is ready.

    `run_dir` becomes a 0700 folder of this user (its parent must exist); `name` is short: 20 plain characters.
    `on_change` is called in the event loop at every change of state. Raises ChildFailed; OSError when `run_dir` cannot
    be used.
    """
    if not name.isidentifier() or len(name) > 20:
        raise ValueError(f"{name!r}: a name of a shared process has at most 20 letters, digits and underscores")
    run_dir = run_dir.absolute()  # noqa: ASYNC240  reads nothing but the working directory
    make_private_folder(run_dir)
    held = Lease(run_dir, name, child, on_change)
    await held._open()
    held._follower = asyncio.create_task(held._follow(), name=f"lease {name}")
    return held


class _Stream:
    """JSON lines over one unix socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def send(self, message: Mapping[str, Any]) -> None:
        with contextlib.suppress(ConnectionError):  # the reader finds the end of the stream
            self._writer.write(json.dumps(message).encode() + b"\n")
            await self._writer.drain()

    async def read(self) -> dict[str, Any] | None:
        """The next event, or None at the end of the stream."""
        try:
            line = await self._reader.readline()
        except ConnectionError:
            return None
        event: dict[str, Any] | None = json.loads(line) if line.endswith(b"\n") else None
        return event

    def close(self) -> None:
        self._writer.close()

    async def give_back(self, timeout_s: float) -> None:
        """Says that the lease ends, waits until the supervisor has acted on it, and closes."""
        try:
            if timeout_s and self._writer.can_write_eof():
                with contextlib.suppress(TimeoutError, OSError):
                    self._writer.write_eof()
                    async with asyncio.timeout(timeout_s):
                        while await self._reader.read(65536):
                            pass
        finally:
            self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


async def _connect(run_dir: Path, name: str) -> _Stream | None:
    path = maybe_socket_path(os.fspath(run_dir), name)
    if path is None:
        return None
    try:
        return _Stream(*await asyncio.open_unix_connection(path))
    except (FileNotFoundError, ConnectionError):
        return None


async def _spawn(run_dir: Path, name: str) -> _Stream:
    """Starts a supervisor whose first lease is a socket pair, so that it notices our death from its first moment."""
    ours, theirs = socket.socketpair()
    try:
        await asyncio.to_thread(_launch, run_dir, name, theirs)
        return _Stream(*await asyncio.open_unix_connection(sock=ours))
    except BaseException:
        ours.close()
        raise


def _launch(run_dir: Path, name: str, connection: socket.socket) -> None:
    """The launched process forks and leaves at once: the supervisor is nobody's child, and leaves no zombie."""
    paths = [os.environ["PYTHONPATH"]] if os.environ.get("PYTHONPATH") else []
    if _PACKAGE_ROOT.name not in ("site-packages", "dist-packages"):  # run from the sources
        paths.insert(0, os.fspath(_PACKAGE_ROOT))
    module = "portico.server.kit.shared_process.supervisor"
    log = os.open(run_dir / f"{name}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with connection:
        try:
            subprocess.run(
                [sys.executable, "-P", "-m", module, str(connection.fileno()), os.fspath(run_dir), name],
                pass_fds=(connection.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env={**os.environ, **({"PYTHONPATH": os.pathsep.join(paths)} if paths else {})},
                start_new_session=True,
                check=True,
            )
        except subprocess.CalledProcessError as error:
            raise ChildFailed(f"The supervisor of {name} did not start; see {run_dir / name}.log.") from error
        finally:
            os.close(log)
