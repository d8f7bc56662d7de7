"""What the tests of the local models share: names, requests to a child, and a look at what still runs."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from portico.server.providers.base import Endpoint
from portico.server.settings import Settings

ROOT = Path(__file__).resolve().parents[4]
CHAT, EMBEDDING = "smollm2-135m-instruct", "all-minilm-l6-v2"


def list_children(settings: Settings) -> list[int]:
    """Process ids of the model children of a data folder: those whose log lies in it."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            command = (folder / "cmdline").read_bytes()
            log = (folder / "fd" / "2").readlink()
        except OSError:  # it ended meanwhile, or is not ours
            continue
        is_child = any(b"local.%b_child" % kind in command for kind in (b"llama", b"embed", b"image"))
        if is_child and log.is_relative_to(settings.data_dir):
            found.append(int(folder.name))
    return found


def list_pullers(folder: Path) -> list[int]:
    """Process ids of the background pulls into a models folder."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                command = (process / "cmdline").read_bytes()
            except OSError:
                continue
            if b"local.pull" in command and str(folder).encode() in command:
                found.append(int(process.name))
    return found


def post(endpoint: Endpoint, path: str, body: object, key: str | None = None) -> tuple[int, Any]:
    """Status and JSON of one request; the text of an event stream as it is."""
    headers = {**dict(endpoint.headers), "Content-Type": "application/json"}
    if key is not None:
        headers["authorization"] = f"Bearer {key}"
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(endpoint.base_url + path, data, headers)
    try:
        with urllib.request.urlopen(request, timeout=100) as response:
            text = response.read().decode()
            kind = response.headers["Content-Type"]
            return response.status, text if "event-stream" in kind else json.loads(text)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


async def until(condition: Callable[[], object], timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)


def start_portico(*arguments: str) -> subprocess.Popen[str]:
    """The command line in a process of its own, with pipes for what it says; no setting comes from outside."""
    code = "import sys; from portico.cli.main import main; sys.exit(main())"
    env = {name: value for name, value in os.environ.items() if not name.startswith("PORTICO_")}
    env["PYTHONPATH"] = str(ROOT / "src")
    pipe, nobody = subprocess.PIPE, subprocess.DEVNULL
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], env=env, stdin=nobody, stdout=pipe, stderr=pipe, text=True
    )


def run_portico(*arguments: str) -> subprocess.CompletedProcess[str]:
    process = start_portico(*arguments)
    said = process.communicate(timeout=100)
    return subprocess.CompletedProcess(arguments, process.returncode, *said)
