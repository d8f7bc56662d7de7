"""Memory of a server while 1 GB goes up and comes down: `python -m benchmarks.files [megabytes]`. Aim: 100 MB more.

In: a size. Out: lines on standard output. The server is a fresh one with a data folder of its own.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.live import LiveServer

from portico import Portico

MB = 1_000_000
AIM_MB = 100


class Zeros:
    """An open file that has no bytes on any disk."""

    name = "big.bin"

    def __init__(self, size_bytes: int) -> None:
        self._left = size_bytes

    def read(self, size: int = -1) -> bytes:
        piece = bytes(min(size, self._left))
        self._left -= len(piece)
        return piece


def rss_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1000 for line in lines if line.startswith("VmRSS"))


def peak_while(pid: int, work: Callable[[], object]) -> tuple[float, float]:
    """Most memory in MB while `work` was done, and its seconds."""
    highest, over = [rss_mb(pid)], threading.Event()

    def watch() -> None:
        while not over.wait(0.02):
            highest.append(rss_mb(pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    began = time.monotonic()
    try:
        work()
    finally:
        over.set()
        watcher.join()
    return max(highest), time.monotonic() - began


def measure(size_bytes: int) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as place:
        environ = {"PORTICO_LOCAL_MODELS": "false", "PORTICO_FILES_RESERVE_BYTES": "0"}
        server = LiveServer(Path(place) / "data", environ).start()
        try:
            assert server.process is not None
            pid = server.process.pid
            with Portico(server.token(), server.url) as client:
                client.files.upload(b"warm", name="warm.txt", folder="bench")
                idle = rss_mb(pid)
                yield f"idle: {idle:.0f} MB"
                peak, took = peak_while(pid, lambda: client.files.upload(Zeros(size_bytes), folder="bench"))  # type: ignore[arg-type]
                yield _line("upload", size_bytes, took, peak, idle)
                file_id = next(iter(client.files.list(folder="bench"))).data_file_id
                peak, took = peak_while(pid, lambda: _drain(client, file_id))
                yield _line("download", size_bytes, took, peak, idle)
        finally:
            server.stop()
            server.kill()


def _line(what: str, size_bytes: int, took_s: float, peak: float, idle: float) -> str:
    megabytes = size_bytes / MB
    speed = f"{megabytes:.0f} MB in {took_s:.1f} s ({megabytes / took_s:.0f} MB/s)"
    return f"{what}: {speed}, peak {peak:.0f} MB, {peak - idle:+.0f} MB"


def _drain(client: Portico, file_id: str) -> None:
    stream = client.low.files.open_file(file_id)
    try:
        while stream.read():
            pass
    finally:
        stream.close()


if __name__ == "__main__":
    for line in measure(int(sys.argv[1] if len(sys.argv) > 1 else 1000) * MB):
        print(line, flush=True)
    print(f"aim: at most {AIM_MB} MB more than idle")
