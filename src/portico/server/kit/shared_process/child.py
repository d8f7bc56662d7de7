"""The supervised child: forked and executed, watched until it is ready, stopped with all it started."""
# pathlib is not loaded: it costs 8 ms at every start.
# ruff: noqa: PTH105, PTH116, PTH123, PTH208

from __future__ import annotations

import ctypes
import json
import os
import re
import signal
import sys
import time
from typing import Any, NoReturn

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_LOG_LIMIT_BYTES = 8 * 1024 * 1024
_TAIL_BYTES = 4000
_OURS = (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGCHLD)  # those that the supervisor handles
_ORPHANS_S = 5.0  # within which everything that the child has left behind must end by itself


class StartFailed(Exception):
    """The child did not become ready; `log` is the end of its log."""

    def __init__(self, message: str, code: str = "", log: str = "") -> None:
        super().__init__(message)
        self.message, self.code, self.log = message, code, log

    def event(self) -> dict[str, Any]:
        return {"event": "failed", "message": self.message, "code": self.code, "log": self.log}


class ChildProcess:
    """One run of the child. `tend()` and `is_gone()` are called whenever something may have happened."""

    def __init__(self, spec: dict[str, Any], run_dir: str, name: str, folder: str, lock_fd: int) -> None:
        self.spec, self.name = spec, name
        self.log = spec["log"] or f"{run_dir}/{name}.log"
        self.info: dict[str, Any] = dict(spec["info"])
        self.ready = self.exited = self._failed = self._stopping = False
        self.kill_at = float("inf")
        self.started_at = time.monotonic()
        self._status = 0
        self._said = b""
        _turn_log(self.log)
        self._log_start = _size(self.log)
        self._pipe, write_end = os.pipe()
        os.set_blocking(self._pipe, False)
        supervisor = os.getpid()
        signal.pthread_sigmask(signal.SIG_BLOCK, _OURS)  # until the child has its own handling: none gets lost
        self.pid = os.fork()
        if self.pid == 0:
            _become_child(spec, self.log, folder, lock_fd, write_end, supervisor)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _OURS)
        os.close(write_end)

    @property
    def needs_polling(self) -> bool:
        return not (self.ready or self._failed or self._stopping)

    def tend(self) -> bool:
        """True once, when the child has become ready. Raises StartFailed once, when it cannot."""
        self._reap()
        if time.monotonic() >= self.kill_at:
            self.kill_at = time.monotonic() + 1.0
            _signal_group(self.pid, signal.SIGKILL)
            _kill_orphans()
        if not self.needs_polling:
            return False
        heard = self._hear()  # its last words, if any, are a better reason than its status
        if self.exited:
            self._fail(f"{self.name} could not start: {self.ending()}")
        self.ready = self._sees_ready_file() if self.spec["ready_file"] else heard
        if not self.ready and time.monotonic() > self.started_at + self.spec["start_timeout_s"]:
            self._fail(f"{self.name} was not ready after {self.spec['start_timeout_s']:.0f} s.")
        return self.ready

    def is_gone(self) -> bool:
        """True when the child and everything it left behind has ended."""
        self._reap()
        return self.exited and not _has_children()

    def stop(self, number: int) -> None:
        """Asks the child to end; after the deadline of its description it is killed with its process group."""
        self._stopping = True
        self.kill_at = min(self.kill_at, time.monotonic() + self.spec["stop_timeout_s"])
        if number == signal.SIGKILL:
            self.kill_at = 0.0
        elif not self.exited:
            os.kill(self.pid, number)

    def ending(self) -> str:
        """How it ended, in words."""
        code = os.waitstatus_to_exitcode(self._status)
        return f"it was ended by {signal.Signals(-code).name}." if code < 0 else f"it ended with status {code}."

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self.pid:
                self.exited, self._status = True, status
                self.kill_at = min(self.kill_at, time.monotonic() + _ORPHANS_S)
                _signal_group(self.pid, signal.SIGKILL)  # what it left in its group goes too

    def _hear(self) -> bool:
        """Reads what the child reports; true when that says ready."""
        if self._pipe < 0:
            return False
        try:
            data = os.read(self._pipe, 1 << 16)
        except BlockingIOError:
            return False
        self._said += data
        if not data:
            os.close(self._pipe)
            self._pipe = -1
        line, newline, self._said = self._said.partition(b"\n")
        if not newline:
            self._said = line
            return False
        message = json.loads(line)
        if "error" in message:
            self._fail(message["error"], message["code"])
        self.info.update(message["info"])
        return True

    def _sees_ready_file(self) -> bool:
        try:
            with open(self.spec["ready_file"], encoding="utf-8", errors="replace") as file:
                return bool(re.search(self.spec["ready_pattern"].replace("{pid}", str(self.pid)), file.read()))
        except FileNotFoundError:
            return False

    def _fail(self, message: str, code: str = "") -> NoReturn:
        self._failed = True
        raise StartFailed(message, code, _tail(self.log, self._log_start))

    def __del__(self) -> None:
        if getattr(self, "_pipe", -1) >= 0:
            os.close(self._pipe)


def adopt_orphans() -> None:
    """What the child leaves behind becomes ours, so that we see (and reap) the last of it. Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def die_with_parent(number: int, parent: int) -> None:
    """Asks the kernel for signal `number` when the parent dies; ends here when it is already dead. Linux only.

    The kernel means the parent's *thread*; our parents fork from their only one. Any change of user or capabilities
    clears the request, so it comes after those.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def _become_child(
    spec: dict[str, Any], log: str, folder: str, lock_fd: int, ready_fd: int, supervisor: int
) -> NoReturn:
    try:
        os.setsid()
        die_with_parent(spec["death_signal"], supervisor)
        _reset_signals()
        _redirect(log)
        _close_all_but(lock_fd, ready_fd)
        os.set_inheritable(lock_fd, True)
        os.environ.clear()
        os.environ.update(spec["env"], PORTICO_READY_FD=str(ready_fd), PORTICO_SOCKET_FOLDER=folder)
        if spec["argv"]:
            os.set_inheritable(ready_fd, True)
            os.execvp(spec["argv"][0], spec["argv"])
        module, _, function = spec["target"].partition(":")
        __import__(module)
        getattr(sys.modules[module], function)(spec["arguments"])
        sys.stdout.flush()
        os._exit(0)
    except BaseException as error:
        try:
            os.write(ready_fd, json.dumps({"error": f"{type(error).__name__}: {error}", "code": ""}).encode() + b"\n")
            sys.excepthook(type(error), error, error.__traceback__)
            sys.stderr.flush()
        finally:
            os._exit(1)


def _reset_signals() -> None:
    signal.set_wakeup_fd(-1)
    for number in (*_OURS, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _OURS)


def _redirect(log: str) -> None:
    fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(fd, 1)
    os.dup2(fd, 2)


def _close_all_but(*kept: int) -> None:
    """A forked child must not hold the leases of others."""
    for entry in os.listdir("/dev/fd"):
        fd = int(entry)
        if fd > 2 and fd not in kept:
            try:
                os.close(fd)
            except OSError:
                continue  # the one that listed the folder


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _kill_orphans() -> None:
    """Those that have left the child's process group; they are ours because we adopt orphans (Linux)."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children") as file:
            pids = [int(pid) for pid in file.read().split()]
    except FileNotFoundError:
        return
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def _signal_group(pid: int, number: int) -> None:
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def _turn_log(path: str) -> None:
    if _size(path) > _LOG_LIMIT_BYTES:
        os.replace(path, f"{path}.1")


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


def _tail(path: str, start: int) -> str:
    """The end of what this run of the child has logged."""
    try:
        with open(path, "rb") as file:
            file.seek(max(start, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            return file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
