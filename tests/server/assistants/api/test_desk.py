"""The loop without a door: what a service behind the guard is told, and the usage of rounds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from portico.server.access.caller import Caller
from portico.server.assistants.api.desk import ApiDesk
from portico.server.assistants.api.rounds import Round, add_usage
from portico.server.assistants.definitions import Definition, Definitions, Revision, RevisionSettings
from portico.server.assistants.prompt import PromptDesk
from portico.server.edge.routes.chat import read_chat_request
from portico.server.errors import PatternMismatch
from portico.server.gateway.answers import Answer, Stream
from portico.server.gateway.chat import ChatGateway
from portico.server.ids import OrganizationId, ProjectId, TokenId
from portico.server.kit.drive import run
from portico.server.providers.fetcher import Fetcher
from portico.server.settings import Secret
from portico.wire.assistants import Authentication
from portico.wire.model_ref import ModelRef
from portico.wire.requests import ChatRequest
from tests.api.api_house import MARK, calling, document
from tests.upstream import Upstream, whole

pytestmark = pytest.mark.anyio
CALLER = Caller(OrganizationId("o"), "Org", TokenId("t"), "project", ProjectId("p"), "Project")


class Model:
    """Calls the service once, then answers."""

    def __init__(self) -> None:
        self.asked: list[ChatRequest] = []
        self._left = [calling(("getWeather", {"city": "madrid"})), whole()]

    async def answer(self, caller: Caller, request: ChatRequest, request_id: str) -> Answer | Stream:
        self.asked.append(request)
        body = self._left.pop(0).body
        assert isinstance(body, bytes)
        return Answer(body)

    def takes_tools(self, caller: Caller, ref: ModelRef) -> bool:
        return True


@pytest.fixture
def service() -> Iterator[Upstream]:
    with Upstream() as made:
        yield made


def weather(url: str, authentication: Authentication | None = None) -> Definition:
    settings = RevisionSettings(open_api=json.dumps(document(url)), authentication=authentication)
    active = Revision(1, "1", "", "Be kind.", "openai", "m", settings, datetime(2026, 11, 20, tzinfo=UTC))
    return Definition(OrganizationId("o"), ProjectId("p"), "a-1", "api", "Weather", "", True, active)


async def ask(model: Model, definition: Definition, *, allowed: str = "", secret: str = "") -> Answer | Stream:
    async def open_secret(organization_id: str, project_id: str, name: str) -> Secret:
        assert (organization_id, project_id, name) == ("o", "p", "KEY")
        return Secret(secret)

    chat = cast(ChatGateway, model)
    prompt = PromptDesk(chat, cast(Definitions, None), None)
    desk = ApiDesk(chat, prompt, Fetcher(allowed=allowed), open_secret)
    body = {"model": "saia:assistant:Weather", "messages": [{"role": "user", "content": "weather in madrid"}]}
    request = read_chat_request(json.dumps(body).encode())
    return await run(desk.answer(CALLER, definition, request, "r1"))


def told(model: Model) -> Any:
    message = json.loads(bytes(model.asked[-1].members["messages"]))[-1]
    return json.loads(message["content"].removeprefix(MARK))


async def test_a_private_service_is_not_called_and_the_model_is_told(service: Upstream) -> None:
    """A name may lead inside later than its assistant was made: it is looked at with each call."""
    model = Model()
    assert isinstance(await ask(model, weather(service.root)), Answer)
    assert "a network that this server does not fetch from" in told(model)["error"]
    assert service.asked == []


@pytest.mark.parametrize("secret", ["", "two\nlines", "über"])
async def test_a_secret_that_is_no_header_is_refused_before_the_model_is_asked(service: Upstream, secret: str) -> None:
    model = Model()
    opens = Authentication(type="apiKey", auth_type="Bearer", api_key_secret="KEY")
    with pytest.raises(PatternMismatch) as caught:
        await ask(model, weather(service.root, opens), allowed="127.0.0.1", secret=secret)
    assert caught.value.param == "authentication.apiKeySecret"
    assert secret not in caught.value.message or not secret
    assert model.asked == [] and service.asked == []


async def test_the_request_of_the_caller_stays_as_it_was(service: Upstream) -> None:
    model = Model()
    await ask(model, replace(weather(service.root)), allowed="127.0.0.1")
    first, second = model.asked
    assert first.members is not second.members
    assert second.body_bytes > first.body_bytes
    assert (first.labels.parent_req_id, second.labels.parent_req_id) == ("", "r1")


def test_usage_is_added_member_by_member() -> None:
    one = {"prompt_tokens": 1, "total_cost": 0.1, "currency": "USD", "details": {"cached": 2}, "odd": None}
    total = add_usage(add_usage({}, one), {**one, "total_cost": 0.2, "new": 1})
    assert total == {
        "prompt_tokens": 2, "total_cost": 0.3, "currency": "USD", "details": {"cached": 4}, "odd": None, "new": 1,
    }  # fmt: skip


def test_a_stream_in_one_piece_is_ascii() -> None:
    """The vendor's reader splits lines at U+2028 and its like, and would lose the whole text."""
    message = {"role": "assistant", "content": "sol\u2028\u00f1 \U0001f600"}
    body = {"id": "c", "created": 1, "model": "m", "choices": [{"index": 0, "message": message}]}
    taken = Round(Answer(json.dumps(body).encode())).in_one_piece("r", {"total_tokens": 1}).take()
    assert taken is not None and all(chunk.isascii() for chunk in taken)
    assert json.loads(taken[0])["choices"][0]["delta"]["content"] == message["content"]
