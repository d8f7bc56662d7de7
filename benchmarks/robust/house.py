"""A server in front of the misbehaving provider, callers of it, and its usage lines."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import psycopg
from psycopg.rows import dict_row

from benchmarks.gateway import database_url, first_token, portico_serve, postgres_service
from benchmarks.machine import Service
from benchmarks.robust.provider import WAYS, Provider

_ENTRY = """
name = "{name}"
friendly_name = "Robustness: {way}"
adapter = "openai"
base_url = "{url}"

[[models]]
name = "mock-1"
type = "Chat"
context_window = 128000
max_output = 4096
streaming = true
price = {{ input = 2500000, output = 10000000 }}
{more}
"""


@dataclass
class House:
    """One server with its own database. `port` stays the same over restarts."""

    service: Service
    database: Service
    provider: Provider
    data: Path

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.service.port}"

    @property
    def token(self) -> str:
        return first_token(self.data)

    def model(self, way: str) -> str:
        return f"way{way}/mock-1"

    def usage(self) -> list[dict[str, Any]]:
        """All usage lines that have reached the database."""
        with psycopg.connect(database_url(self.database), row_factory=dict_row, connect_timeout=10) as connection:
            return connection.execute("SELECT * FROM usage").fetchall()

    def wait_for_usage(self, wanted: set[str], timeout_s: float = 60.0) -> dict[str, int]:
        """How often each request id has a line, once the wanted ones are there, or time is up."""
        deadline = time.monotonic() + timeout_s
        while True:
            counts: dict[str, int] = {}
            for line in self.usage():
                counts[line["request_id"]] = counts.get(line["request_id"], 0) + 1
            if wanted <= counts.keys() or time.monotonic() > deadline:
                return counts
            time.sleep(0.1)


@contextmanager
def open_house(folder: Path, fallbacks: Mapping[str, str] | None = None, **variables: str) -> Iterator[House]:
    """A running server; `fallbacks` names for a way the way whose model answers when it fails."""
    data = folder / "data"
    (data / "catalog").mkdir(parents=True)
    data.chmod(0o700)
    folder.joinpath("log").touch()
    with Provider() as provider, postgres_service(folder / "pg") as database:
        settings = {
            "PORTICO_LOCAL_MODELS": "false", "PORTICO_STARTER_PULL": "off", "PORTICO_CHAT_CACHE": "false",
            "PORTICO_DATABASE_URL": database_url(database),
        }  # fmt: skip
        for way in WAYS:
            other = (fallbacks or {}).get(way)
            more = f'fallbacks = ["way{other}/mock-1"]' if other else ""
            entry = _ENTRY.format(name=f"way{way}", way=way, url=provider.url(way), more=more)
            (data / "catalog" / f"way{way}.toml").write_text(entry)
            settings[f"PORTICO_PROVIDER_WAY{way.upper()}_API_KEY"] = "sk-mock"
        with portico_serve(data, folder / "log", None, settings | variables) as service:
            yield House(service, database, provider, data)


@dataclass
class Answer:
    """What a caller got. `status` 0: the connection broke before an answer."""

    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float
    broken: bool = False

    @property
    def request_id(self) -> str:
        return self.headers.get("x-request-id", "")

    @property
    def good(self) -> bool:
        """A whole answer, or a stream to its end."""
        streamed = self.headers.get("content-type", "").startswith("text/event-stream")
        return self.status == 200 and not self.broken and (not streamed or self.body.rstrip().endswith(b"data: [DONE]"))

    def error(self) -> dict[str, Any]:
        """The documented error: of a refusal, or of the last event of a stream."""
        text = self.body
        if self.headers.get("content-type", "").startswith("text/event-stream"):
            text = next((line[6:] for line in reversed(text.splitlines()) if line.startswith(b"data: {")), b"{}")
        try:
            found: dict[str, Any] = json.loads(text).get("error", {})
        except ValueError:
            return {}
        return found


@dataclass
class Caller:
    """One client connection, opened again when it was lost."""

    house: House
    token: str
    _streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = field(default=None)

    async def __aenter__(self) -> Caller:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.hang_up()

    def hang_up(self) -> None:
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None

    async def begin(self, way: str, *, stream: bool = False, **members: object) -> asyncio.StreamReader:
        """Sends a chat request."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self.house.service.port, limit=2**24)
        reader, writer = self._streams
        asked = {"model": self.house.model(way), "messages": [{"role": "user", "content": "hi"}], "max_tokens": 50}
        body = json.dumps(asked | ({"stream": True} if stream else {}) | members).encode()
        head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: robust\r\nAuthorization: Bearer {self.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        await writer.drain()
        return reader

    async def ask(self, way: str, *, stream: bool = False, keep: bool = True, **members: object) -> Answer:
        """One request and its answer. `keep` False counts the body without keeping more than its end."""
        began = time.perf_counter()
        status, headers, body = 0, dict[str, str](), bytearray()
        try:
            reader = await self.begin(way, stream=stream, **members)
            status, headers = await _read_head(reader)
            async for piece in _read_body(reader, headers):
                body += piece
                if not keep:
                    del body[:-4096]
        except (OSError, asyncio.IncompleteReadError):
            self.hang_up()
            return Answer(status, headers, bytes(body), time.perf_counter() - began, broken=True)
        if headers.get("connection") == "close":
            self.hang_up()
        return Answer(status, headers, bytes(body), time.perf_counter() - began)


async def _read_head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines[1:] if line)
    return int(lines[0].split()[1]), {name.strip().lower(): value.strip() for name, _, value in pairs}


async def _read_body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> Any:
    if "content-length" in headers:
        left = int(headers["content-length"])
        while left:
            piece = await reader.read(min(left, 1 << 20))
            if not piece:
                raise asyncio.IncompleteReadError(b"", left)
            left -= len(piece)
            yield piece
        return
    while size := int(await reader.readuntil(b"\r\n"), 16):
        yield await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readexactly(2)


@dataclass
class Load:
    """Callers that ask one request after another until `stop`, `pause_s` apart. `answers` in the order they came."""

    house: House
    callers: int
    way: str = "good"
    pause_s: float = 0.02
    answers: list[Answer] = field(default_factory=list)
    begun: int = 0
    _stopping: bool = False
    _under_way: set[int] = field(default_factory=set)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def start(self) -> Load:
        self._tasks = [asyncio.create_task(self._call(number)) for number in range(self.callers)]
        return self

    async def stop(self) -> None:
        """After the requests that are under way."""
        self._stopping = True
        await asyncio.gather(*self._tasks)

    async def settled(self) -> int:
        """How many answers there are when every request that is under way now has its own."""
        under_way = set(self._under_way)
        async with asyncio.timeout(60):
            while under_way & self._under_way:
                await asyncio.sleep(0.01)
        return len(self.answers)

    async def _call(self, number: int) -> None:
        token = self.house.token
        async with Caller(self.house, token) as caller:
            count = number
            while not self._stopping:
                count += 1
                self.begun += 1
                this = self.begun
                self._under_way.add(this)
                self.answers.append(await caller.ask(self.way, stream=count % 3 == 0))
                self._under_way.remove(this)
                await asyncio.sleep(self.pause_s)

    @property
    def failed(self) -> list[Answer]:
        return [answer for answer in self.answers if not answer.good]
