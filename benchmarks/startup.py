"""How long a command line user waits before anything happens: `import portico`, and `portico --help`."""

from __future__ import annotations

import subprocess
import sys
import time

from benchmarks.peers import PORTICO, clean_environment

_IMPORT = "from time import perf_counter as t; b = t(); import portico; print((t() - b) * 1000)"


def measure(runs: int) -> dict[str, list[float]]:
    """Milliseconds of each run. `python` is the bare interpreter, which `help` contains."""
    found: dict[str, list[float]] = {"import": [], "help": [], "python": []}
    for _ in range(runs + 1):
        found["import"].append(float(_run(["-c", _IMPORT])[1]))
        found["help"].append(_run(["-c", PORTICO, "--help"])[0])
        found["python"].append(_run(["-c", "pass"])[0])
    return {name: values[1:] for name, values in found.items()}  # the first run compiles and fills the file cache


def _run(arguments: list[str]) -> tuple[float, str]:
    began = time.perf_counter()
    out = subprocess.run(
        [sys.executable, *arguments], env=clean_environment(), capture_output=True, text=True, check=True
    )
    return (time.perf_counter() - began) * 1000, out.stdout.strip()
