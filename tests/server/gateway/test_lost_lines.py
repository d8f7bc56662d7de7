"""No request without its usage line, and no line that costs an answer."""

from __future__ import annotations

import asyncio
import json
import logging
from types import SimpleNamespace
from typing import Any, cast

import pytest

from portico.server.access.caller import Caller
from portico.server.errors import JournalFull, ProviderTimeout
from portico.server.gateway.chat import ChatGateway
from portico.server.gateway.ledger import Ledger
from portico.server.gateway.metering import Meter
from portico.server.ids import OrganizationId, ProjectId, TokenId
from portico.server.storage.usage import UsageLine
from portico.wire.model_ref import DirectModel
from portico.wire.requests import ChatRequest

pytestmark = pytest.mark.anyio
CALLER = Caller(OrganizationId("o"), "Org", TokenId("t"), "project", ProjectId("p"), "Project")


class Paper:
    """A journal in a list; `error` is what appending raises."""

    def __init__(self, error: Exception | None = None, *, full: bool = False) -> None:
        self.lines: list[UsageLine] = []
        self.error, self.full = error, full

    def append(self, line: UsageLine) -> None:
        if self.error is not None:
            raise self.error
        self.lines.append(line)


@pytest.mark.parametrize(
    ("error", "status", "http_status"),
    [
        (ProviderTimeout(), "failed", 504),
        (KeyError("a mistake of ours"), "failed", 500),
        (asyncio.CancelledError(), "cancelled", 499),
    ],
)
async def test_whatever_ends_a_request_leaves_one_line(error: BaseException, status: str, http_status: int) -> None:
    def find(*_: object) -> Any:
        raise error

    paper = Paper()
    board = SimpleNamespace(
        targets=SimpleNamespace(find=find),
        ledger=Ledger(cast(Any, paper)),
        guardrails=SimpleNamespace(of=lambda _: None),
    )
    gateway = ChatGateway(cast(Any, board))
    with pytest.raises(type(error)):
        await gateway.answer(CALLER, ChatRequest(DirectModel("openai", "m"), {}), "r")
    assert [(line.status, line.http_status) for line in paper.lines] == [(status, http_status)]


async def test_a_full_journal_refuses_without_writing() -> None:
    paper = Paper(full=True)
    gateway = ChatGateway(cast(Any, SimpleNamespace(ledger=Ledger(cast(Any, paper)))))
    with pytest.raises(JournalFull) as refusal:
        await gateway.answer(CALLER, ChatRequest(DirectModel("openai", "m"), {}), "r")
    assert (refusal.value.status, paper.lines) == (503, [])


@pytest.mark.parametrize("error", [JournalFull(), OSError(5, "Input/output error")])
async def test_a_line_that_cannot_be_stored_goes_whole_to_the_log(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, "portico.metering"):
        Meter(Ledger(cast(Any, Paper(error))), CALLER, "r-1", "chat").close("completed", 200)
    (message,) = caplog.messages
    assert json.loads(message[message.index("[") : message.index("] (") + 1])[:2] == ["r-1", "o"]
