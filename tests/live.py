"""A server of our own as a process: `portico serve` with a data folder and a port of its own, and its two tokens."""

from __future__ import annotations

import configparser
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

ROOT = Path(__file__).resolve().parents[1]
MODELS = Path(os.environ.get("PORTICO_MODELS_DIR") or ROOT / ".portico" / "models")
START_S = 240.0
CHAT = "local/smollm2-135m-instruct"
TEXT = "local/all-minilm-l6-v2"


@dataclass
class Answer:
    """One HTTP answer, read whole. Header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def events(self) -> list[str]:
        """The data lines of an event stream."""
        return [line[6:] for line in self.body.decode().splitlines() if line.startswith("data: ")]


@dataclass
class LiveServer:
    """`start` runs it until it answers; `stop` ends it with a signal and gives the exit code; `with` does both."""

    data_dir: Path
    environ: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[str] | None = None
    url: str = ""
    log: list[str] = field(default_factory=list)
    _follower: threading.Thread | None = None

    def start(self) -> LiveServer:
        keep = {k: v for k, v in os.environ.items() if not k.startswith(("PORTICO_", "GEAI_", "SAIA_", "PORT", "DATA"))}
        env = {
            **keep,
            "PORTICO_MODELS_DIR": str(MODELS),
            "PORTICO_STARTER_PULL": "off",
            "PORTICO_CHAT_CACHE": "false",  # tests send the same request again and again
            "PORTICO_ACCESS_LOG": "true",  # a secret would show here first, and `said` waits for a line of it
            "PORTICO_PORT": "0",
            "PORTICO_DATA_DIR": str(self.data_dir),
            **self.environ,
        }
        self.url = ""
        command = [sys.executable, "-m", "portico", "serve"]
        self.process = subprocess.Popen(
            command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
        )
        self._read_until_ready()
        return self

    def _read_until_ready(self) -> None:
        assert self.process is not None and self.process.stdout is not None
        ready = threading.Event()
        self._follower = threading.Thread(target=self._follow, args=(ready,), daemon=True)
        self._follower.start()
        if not ready.wait(START_S) or not self.url:
            self.kill()
            raise RuntimeError("the server did not start:\n" + "".join(self.log))

    def _follow(self, ready: threading.Event) -> None:
        assert self.process is not None and self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self.log.append(line)
                if found := re.search(r"answers at (http://\S+)", line):
                    self.url = found[1]
                    ready.set()
        ready.set()

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def token(self, section: str = "default") -> str:
        """The project token, or with `organization` the organization's."""
        parser = configparser.ConfigParser(interpolation=None)
        parser.read(self.data_dir / "credentials")
        return parser[section]["GEAI_API_KEY"]

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        *,
        token: str | None = "",
        timeout_s: float = 100.0,
    ) -> Answer:
        """One request on a connection of its own. `token` "" is the project's, None sends none. Bodies become JSON."""
        sent = {} if token is None else {"Authorization": f"Bearer {token or self.token()}"}
        if body is not None and not isinstance(body, bytes | str):
            body = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)
        try:
            connection.request(method, path, body, {**sent, **(headers or {})})
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def get(self, path: str, headers: Mapping[str, str] | None = None, *, token: str | None = "") -> Answer:
        return self.request("GET", path, headers=headers, token=token)

    def post(self, path: str, body: Any, headers: Mapping[str, str] | None = None, *, token: str | None = "") -> Answer:
        return self.request("POST", path, body, headers, token=token)

    def chat(self, model: str = CHAT, **members: Any) -> Answer:
        """A chat completion; a short one unless told otherwise."""
        body = {"model": model, "messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 8, **members}
        return self.post("/v1/chat/completions", body)

    def stop(self, number: int = signal.SIGTERM, timeout_s: float = 60.0) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        ended = self.process.wait(timeout_s)
        assert self._follower is not None
        self._follower.join(timeout_s)  # what it said last is read, too
        assert not self._follower.is_alive(), "somebody still holds the server's standard output"
        return ended

    def said(self) -> str:
        """All that a server of one process has logged up to now; a thread reads it, later than the answers."""
        mark = uuid4().hex
        self.get(f"/{mark}", token=None)
        wait_until(lambda: any(mark in line for line in list(self.log)), "the log has the line of the last request")
        return "".join(self.log)

    def __enter__(self) -> LiveServer:
        return self.start()

    def __exit__(self, failed: type[BaseException] | None, *_: object) -> None:
        """Its end must be a clean one, unless the block has failed: that is told, and the server killed."""
        try:
            if failed is None:
                assert self.stop() == 0, "".join(self.log)
        finally:
            self.kill()

    def kill(self) -> None:
        """kill -9, as the end of a test that must not leave anything behind."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(60)


def processes_naming(text: str) -> list[int]:
    """Processes of this machine whose command line or environment names `text`, our own excepted."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            said = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        except OSError:
            continue
        if state != "Z" and text.encode() in said:
            found.append(int(entry.name))
    return found


def within_tries(holds: Callable[[], bool], what: str, tries: int = 20) -> None:
    """For what a machine that stands still for a moment spoils: it holds at another try. What is wrong never holds."""
    if not any(holds() for _ in range(tries)):
        raise AssertionError(f"not once in {tries} tries: {what}")


def wait_until(condition: Any, what: str, timeout_s: float = 60.0) -> None:
    """Asks again and again until `condition()` is true; fails with `what` when it never is."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"did not happen within {timeout_s:g} s: {what}")
        time.sleep(0.05)
