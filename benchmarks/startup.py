"""How long somebody waits before anything happens: import, a client, the help of the command line; the vendor's beside.

Each figure is of a process of its own, pinned to one core, in turns, so that a busy moment meets all of them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from benchmarks.gateway import PORTICO
from benchmarks.installs import clean_environment
from benchmarks.machine import BenchmarkError, pinned

CORE = 0
# The first call that answers is what a program needs, so a client is made; no network is touched.
_OURS = "import portico; portico.Portico('key', 'http://127.0.0.1:1')"
_THEIRS = "from pygeai.chat.clients import ChatClient; ChatClient(api_key='key', base_url='http://127.0.0.1:1')"


def measure(runs: int) -> dict[str, list[float]]:
    """Milliseconds of each run. `python` is the bare interpreter, which all but `import` and the clients contain."""
    with tempfile.TemporaryDirectory(prefix="portico-start-") as home:
        commands = _commands()
        found: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(runs + 1):
            for name, command in commands.items():
                found[name].append(_run(command, home))
    return {name: values[1:] for name, values in found.items()}  # the first run compiles and fills the file cache


def _commands() -> dict[str, list[str]]:
    commands = {
        "python": [sys.executable, "-c", "pass"],
        "import": [sys.executable, "-c", _timed("import portico")],
        "client": [sys.executable, "-c", _timed(_OURS)],
        "help": [sys.executable, "-c", PORTICO, "--help"],
    }
    if find_spec("pygeai") is not None:
        commands["pygeai_client"] = [sys.executable, "-c", _timed(_THEIRS)]
    if geai := shutil.which("geai", path=str(Path(sys.executable).parent)):
        commands["geai_help"] = [geai, "--help"]
    return commands


def _timed(code: str) -> str:
    """The statement with a clock around it; what it prints itself goes to standard error."""
    return (
        "import sys, time; out, sys.stdout = sys.stdout, sys.stderr; began = time.perf_counter()\n"
        f"{code}\nprint((time.perf_counter() - began) * 1000, file=out)"
    )


def _run(command: Sequence[str], home: str) -> float:
    """Milliseconds: what a timed statement says, else the whole process. `geai --help` always ends with 1."""
    env = clean_environment(HOME=home, PATH=os.environ.get("PATH", ""))
    began = time.perf_counter()
    done = subprocess.run(pinned(CORE, command), env=env, capture_output=True, text=True, check=False)
    took_ms = (time.perf_counter() - began) * 1000
    if done.returncode != 0 and not command[0].endswith("geai"):
        raise BenchmarkError(f"{' '.join(command)[:80]} ended with {done.returncode}: {done.stderr[-400:]}")
    return float(done.stdout) if "perf_counter" in command[-1] else took_ms
