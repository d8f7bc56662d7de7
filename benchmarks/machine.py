"""The machine: what it is, how quiet it is, and processes that are pinned to one of its cores and ended for sure."""

from __future__ import annotations

import os
import platform
import random
import resource
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

GATEWAY_CORE, LOAD_CORE = 0, 1
CAN_PIN = shutil.which("taskset") is not None and (os.cpu_count() or 1) > 1


class BenchmarkError(RuntimeError):
    """Something is missing or does not answer; the message says what to do."""


def pinned(core: int | None, argv: Sequence[str | Path]) -> list[str]:
    words = [str(word) for word in argv]
    return ["taskset", "-c", str(core), *words] if CAN_PIN and core is not None else words


def find_program(name: str, package: str) -> str:
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin:/opt/homebrew/bin")
    if path is None:
        raise BenchmarkError(f"{name} is missing: install it with `apt-get install {package}` (Debian, Ubuntu)")
    return path


def free_port() -> int:
    """Below those that the kernel hands out: nobody is given it before it is used."""
    while True:
        port = random.randrange(20_000, 32_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def allow_many_sockets() -> None:
    """Children inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@dataclass
class Service:
    """A server under test or beside it: started on one core, awaited by its port, stopped with all its children."""

    name: str
    argv: Sequence[str | Path]
    core: int | None
    port: int
    log: Path
    env: Mapping[str, str] | None = None
    start_timeout_s: float = 60.0
    process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Service:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                pinned(self.core, self.argv), stdout=log, stderr=log, env=self.env, start_new_session=True
            )
        try:
            self._wait_for_port()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        process = self.process
        if process is None:
            return
        self.go_on()
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.process = None

    def halt(self) -> None:
        """Stops it and its children where they are, until `go_on` or the end."""
        self._signal_all(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, number: int) -> None:
        assert self.process is not None
        for pid in _family(self.process.pid):
            with suppress(ProcessLookupError):  # it has just ended
                os.kill(pid, number)

    def pids(self) -> list[int]:
        """The process and its children, theirs too."""
        assert self.process is not None
        return _family(self.process.pid)

    def memory_bytes(self) -> int:
        """Resident memory of the process and its children."""
        assert self.process is not None
        return sum(resident_bytes(pid) for pid in _family(self.process.pid))

    def cpu_s(self) -> float:
        """Processor time of the process and its living children: a figure that busy neighbours do not change much."""
        assert self.process is not None
        ticks = sum(_used_ticks(pid) for pid in _family(self.process.pid))
        return ticks / os.sysconf("SC_CLK_TCK")

    def _wait_for_port(self) -> None:
        assert self.process is not None
        deadline = time.monotonic() + self.start_timeout_s
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    tail = self.log.read_text(errors="replace")[-2_000:]
                    raise BenchmarkError(f"{self.name} does not start on port {self.port}:\n{tail}") from None
            time.sleep(0.05)


class Peak:
    """The highest resident memory of a service and its children while the block runs."""

    def __init__(self, service: Service, every_s: float = 0.25) -> None:
        self.bytes = 0
        self._service = service
        self._every_s = every_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._ended.wait(self._every_s):
            self._look()

    def _look(self) -> None:
        self.bytes = max(self.bytes, self._service.memory_bytes())

    def __enter__(self) -> Peak:
        self._look()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._look()


def _family(pid: int) -> list[int]:
    family = [pid]
    for member in family:
        with suppress(OSError):  # it has just ended
            for children in Path(f"/proc/{member}/task").glob("*/children"):
                family += map(int, children.read_text().split())
    return family


def resident_bytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:  # it has just ended
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:")), 0)


def proportional_bytes(pid: int) -> int:
    """Memory of a process, shared pages divided among those that share them; 0 where the system does not tell."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def idle_share(span_s: float = 0.25) -> float:
    """How idle the busier of the two cores is, 0 to 1; 1.0 where the system does not tell."""
    before = _core_ticks()
    time.sleep(span_s)
    shares = [
        (idle - idle_before) / max(1, total - total_before)
        for (idle, total), (idle_before, total_before) in zip(_core_ticks(), before, strict=True)
    ]
    return min(shares, default=1.0)


@dataclass
class Patience:
    """Waits a little before a run while others use the cores; `left_s` is shared by all runs of a benchmark."""

    left_s: float
    each_s: float = 2.0
    wanted: float = 0.9

    def wait(self) -> None:
        began = time.monotonic()
        ends = began + min(self.left_s, self.each_s)
        while time.monotonic() < ends and idle_share() < self.wanted:
            pass
        self.left_s = max(0.0, self.left_s - (time.monotonic() - began))


class Watch:
    """Tells after a block how much of the two cores was used by processes that are not ours.

    Ours are the services given, their children, all that names the run's folder, and children that have been awaited.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder).encode()
        self.foreign = 0.0

    def __enter__(self) -> Watch:
        self._before = self._ticks()
        return self

    def __exit__(self, *_: object) -> None:
        busy, total, ours = (now - then for now, then in zip(self._ticks(), self._before, strict=True))
        self.foreign = max(0.0, round((busy - ours) / total, 3)) if total else 0.0

    def _ticks(self) -> tuple[float, float, float]:
        """(busy, total, ours) of the two cores since the machine started."""
        cores = _core_ticks()
        total = sum(all_ for _, all_ in cores)
        awaited = resource.getrusage(resource.RUSAGE_CHILDREN)
        ours = (awaited.ru_utime + awaited.ru_stime) * os.sysconf("SC_CLK_TCK")
        return total - sum(idle for idle, _ in cores), total, ours + self._living()

    def _living(self) -> float:
        roots = [os.getpid()]
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if self._folder in (process / "cmdline").read_bytes():
                    roots.append(int(process.name))
            except OSError:  # it has just ended, or is not ours to look at
                continue
        return sum(map(_used_ticks, {pid for root in roots for pid in _family(root)}))


def _used_ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])


def _core_ticks() -> list[tuple[int, int]]:
    """(idle, total) of the two cores that are used."""
    try:
        lines = Path("/proc/stat").read_text().splitlines()
    except OSError:
        return []
    names = {f"cpu{GATEWAY_CORE}", f"cpu{LOAD_CORE}"}
    rows = [[int(number) for number in line.split()[1:9]] for line in lines if line.split()[0] in names]
    return [(row[3] + row[4], sum(row)) for row in rows]


_LOOP = """
import platform, sysconfig, time
class Point:
    __slots__ = ("x",)
    def __init__(self, x): self.x = x
    def next(self): return self.x + 1
def loop():
    total = 0
    for number in range(4000):
        total += Point(number).next()
        text = f"{number}:{total}"
    return total
best = 9e9
for _ in range(30):
    began = time.process_time(); loop(); best = min(best, time.process_time() - began)
value = lambda name: sysconfig.get_config_var(name) or ""
level = [word for word in value("PY_CFLAGS").split() if word.startswith("-O")][-1:]
arguments = value("CONFIG_ARGS")
asked = [f"configured with --{word}" for word in ("enable-optimizations", "with-lto") if f"--{word}" in arguments]
system = value("prefix") == "/usr"
packaged = "of the distribution, which does not record a profile" if system else "no profile, no LTO"
print(platform.python_version(), round(best * 1e3, 2), ", ".join([*level, *(asked or [packaged])]), sep="\\n")
"""


def describe_python(python: str) -> dict[str, str]:
    """Version, compiler flags and speed of an interpreter: builds of one version differ by half."""
    out = subprocess.run([python, "-c", _LOOP], capture_output=True, text=True, check=True).stdout.split("\n")
    return dict(zip(("version", "loop_ms", "flags"), out, strict=False))


def describe() -> dict[str, str]:
    """The machine line that stands beside every figure."""
    return {
        "cpu": _cpu_name(),
        "cores": str(os.cpu_count()),
        "pinned": "yes" if CAN_PIN else "no: taskset or a second core is missing",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "load_before": f"{os.getloadavg()[0]:.2f}",
        "at": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
    }


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return " ".join(name.split()) or platform.machine()
