"""The slow lane over a real database: what the routes that read usage need, and one request to them at a time."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import quote, urlencode

from portico.server.assistants.desk import Desk
from portico.server.assistants.requests import AssistantRequests
from portico.server.edge.guard import Guard
from portico.server.edge.http import build_application
from portico.server.edge.middleware import Corridor
from portico.server.gateway.requests.elsewhere import Elsewhere
from portico.server.gateway.requests.history import Requests
from portico.server.gateway.requests.running import Running
from portico.server.services import Services
from portico.server.settings import Settings
from portico.server.storage.changes import Changes
from portico.server.storage.flush import UsageFlusher
from portico.server.storage.journal import Journal
from portico.server.storage.usage import UsageLine
from portico.server.storage.work_status import WorkStatus
from portico.server.telemetry.metrics import Metrics
from portico.server.telemetry.publisher import Publisher
from tests.server.access.house import House
from tests.server.storage.test_journal import SMALL


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Watched:
    """One server process as far as these routes go. `metrics` is the setting; so long it waits for what others say."""

    def __init__(self, house: House, data_dir: Path, metrics: str = "off", *, wait_s: float = 0.3) -> None:
        self.house = house
        self._data_dir = data_dir
        self.running = Running()
        database = house.tenancy.database
        self._changes = Changes(database.url)
        elsewhere = Elsewhere(self.running, database, self._changes, wait_s)
        self.metrics = Metrics({"open_streams": lambda: self.running.open_streams})
        self.publisher = None if metrics == "off" else Publisher(self.metrics, data_dir / "metrics")
        requests = Requests(self.house.tenancy, self.running, elsewhere)
        desk = cast(Desk, None)  # nothing is asked through these routes
        services = SimpleNamespace(
            settings=Settings(metrics=cast(Any, metrics)),
            database=database,
            running=self.running,
            requests=requests,
            assistant_requests=AssistantRequests(self.house.tenancy, desk, self.running, requests, days=7),
            metrics=self.publisher,
            work_status=WorkStatus(database),
        )
        guard = Guard(house.snapshot, open_metrics=metrics == "open")
        self._app: Corridor = build_application(cast(Services, services), guard)

    async def __aenter__(self) -> Watched:
        await self._changes.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._changes.close()
        if self.publisher is not None:
            await self.publisher.close()

    async def store(self, *lines: UsageLine) -> None:
        """Through journal and flusher, as requests do."""
        journal = Journal(self._data_dir / "journal", SMALL)
        for line in lines:
            journal.append(line)
        flusher = UsageFlusher(journal, str(self.house.tenancy.database.url))
        await flusher.close(60)
        journal.close()

    async def ask(
        self,
        path: str,
        *,
        token: str | None = "",
        method: str = "GET",
        headers: dict[str, str] | None = None,
        **query: Any,
    ) -> Reply:
        """`token` "" is the project's, None sends none."""
        given = headers or {}
        if token is not None:
            given = {"authorization": "Bearer " + str(token or self.house.first.project_token), **given}
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "server": ("testserver", 80),
            "client": ("testclient", 1),
            "root_path": "",
            "path": path,
            "raw_path": quote(path).encode(),
            "query_string": urlencode(query).encode(),
            "headers": [(name.lower().encode(), value.encode()) for name, value in given.items()],
            "state": {},
        }
        incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        incoming.put_nowait({"type": "http.request", "body": b"", "more_body": False})
        sent: list[dict[str, Any]] = []

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                incoming.put_nowait({"type": "http.disconnect"})  # as uvicorn says it once the answer is over

        await asyncio.wait_for(self._app(scope, incoming.get, send), 60)
        body = b"".join(message.get("body", b"") for message in sent[1:])
        found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return Reply(sent[0]["status"], found, body)
