"""Who is taken to which desk, and who is not let in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from portico.server.access.caller import Caller, Roles
from portico.server.assistants.definitions import Definition, Definitions, Revision, RevisionSettings
from portico.server.assistants.desk import Desk, ProfileDesk
from portico.server.edge.routes.chat import read_chat_request
from portico.server.errors import AssistantNotFound, PorticoError, SearchProfileNotFound
from portico.server.gateway.answers import Answer, Stream
from portico.server.gateway.chat import ChatGateway
from portico.server.ids import OrganizationId, ProjectId, TokenId
from portico.server.kit.drive import run
from portico.wire.model_ref import ModelRef
from portico.wire.requests import ChatRequest

pytestmark = pytest.mark.anyio

CALLER = Caller(OrganizationId("o"), "Org", TokenId("t"), "project", ProjectId("p"), "Project")
ACTIVE = Revision(1, "1", "", "Be kind.", "openai", "m", RevisionSettings(), datetime(2026, 11, 20, tzinfo=UTC))
TRANSLATOR = Definition(OrganizationId("o"), ProjectId("p"), "a-1", "chat", "Translator", "", True, ACTIVE)


class Gateway:
    def __init__(self) -> None:
        self.asked: list[ChatRequest] = []

    async def answer(self, caller: Caller, request: ChatRequest, request_id: str) -> Answer | Stream:
        self.asked.append(request)
        return Answer(b"{}")

    def accepts(self, caller: Caller, ref: ModelRef) -> frozenset[str]:
        return frozenset({"text/csv"})

    async def require_room(self, caller: Caller) -> None:
        pass


class Known:
    """One assistant, whatever its name."""

    def __init__(self, definition: Definition = TRANSLATOR) -> None:
        self._definition = definition

    def find(self, caller: Caller, name_or_id: str) -> Definition:
        if name_or_id == "nobody":
            raise AssistantNotFound
        return self._definition


class Drawer:
    async def put_into(
        self, request: ChatRequest, caller: Caller, revision: Revision | None, accepts: frozenset[str]
    ) -> None:
        assert accepts == {"text/csv"}
        await asyncio.sleep(0)
        request.metadata = "files"


class House:
    def __init__(
        self, definition: Definition = TRANSLATOR, files: Drawer | None = None, search: ProfileDesk | None = None
    ) -> None:
        self.gateway = Gateway()
        definitions = cast(Definitions, Known(definition))
        self.desk = Desk(cast(ChatGateway, self.gateway), definitions, files, search=search)

    async def ask(self, model: str, content: str = "hi", caller: Caller = CALLER, **more: Any) -> ChatRequest:
        """The request as the gateway gets it, driven as requests are."""
        body = json.dumps({"model": model, "messages": [{"role": "user", "content": content}]})
        request = read_chat_request(body.encode())
        for name, value in more.items():
            setattr(request, name, value)
        await run(cast(Coroutine[Any, None, Any], self.desk.answer(caller, request, "r")))
        return self.gateway.asked[-1]


async def test_an_assistant_is_answered_by_its_model_and_a_model_by_itself() -> None:
    house = House()
    assistant = await house.ask("saia:assistant:Translator")
    assert assistant.assistant is not None and assistant.assistant.name == "Translator"
    assert (await house.ask("openai/gpt-4o")).assistant is None
    assert (await house.ask("gpt-4o")).assistant is None


class Shelf:
    """The desk of RAG assistants, which asks the gateway itself."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.named: list[str] = []

    async def answer(self, caller: Caller, name: str, request: ChatRequest, request_id: str) -> Answer | Stream:
        self.named.append(name)
        return await self.gateway.answer(caller, request, request_id)


@pytest.mark.parametrize("roles", [None, Roles("frontend", frozenset()), Roles("frontend", frozenset({"a-1"}))])
async def test_a_rag_assistant_is_open_to_all_who_may_execute(roles: Roles | None) -> None:
    gateway = Gateway()
    shelf = Shelf(gateway)
    house = House(search=shelf)
    members = [{"key": "year", "value": 2024}]
    body = {"model": "saia:search:My Docs", "messages": ["hi"], "threadId": 7, "filters": members}
    request = read_chat_request(json.dumps(body).encode())
    caller = replace(CALLER, roles=roles)
    await run(cast(Coroutine[Any, None, Any], house.desk.answer(caller, request, "r")))
    assert shelf.named == ["My Docs"] and gateway.asked == [request]
    assert (request.options.thread_id, request.options.filters) == ("7", members)
    assert not {"threadId", "filters", "variables"} & request.members.keys()


@pytest.mark.parametrize("kind", ["chat", "text"])
async def test_both_documented_kinds_have_a_prompt(kind: str) -> None:
    request = await House(replace(TRANSLATOR, type=kind)).ask("saia:assistant:T")
    assert json.loads(bytes(request.members["messages"]))[0] == {"role": "system", "content": "Be kind."}


@pytest.mark.parametrize(
    ("model", "status", "number"),
    [
        ("saia:assistant:nobody", 404, 1),
        ("saia:agent:nobody", 404, 1),
        ("saia:flow:nobody", 404, 1),
        ("saia:search:nobody", SearchProfileNotFound.status, 1101),
    ],
)
async def test_who_is_not_there_is_told(model: str, status: int, number: int) -> None:
    with pytest.raises(PorticoError) as caught:
        await House().ask(model)
    assert (caught.value.status, caught.value.id) == (status, number)


async def test_a_kind_without_a_desk_is_501_with_id_2012() -> None:
    with pytest.raises(PorticoError) as caught:
        await House(replace(TRANSLATOR, type="ChatWithData")).ask("saia:assistant:Data")
    assert (caught.value.status, caught.value.id) == (501, 2012)


async def test_the_conversation_of_an_agent_is_a_uuid() -> None:
    with pytest.raises(PorticoError) as caught:
        await House().ask("saia:agent:A", conversation_id="visitor42")
    assert (caught.value.status, caught.value.id) == (400, 11)


@pytest.mark.parametrize(
    ("roles", "status"),
    [
        (Roles("frontend", frozenset()), 403),
        (Roles("frontend", frozenset({"a-2"})), 403),
        (Roles("frontend", frozenset({"a-1"})), 200),
        (Roles("frontend", None), 200),
        (Roles("backend", frozenset()), 200),
    ],
)
async def test_roles_say_who_may_ask(roles: Roles, status: int) -> None:
    house, caller = House(), replace(CALLER, roles=roles)
    if status == 200:
        assert (await house.ask("saia:assistant:Translator", caller=caller)).assistant is not None
        return
    with pytest.raises(PorticoError) as caught:
        await house.ask("saia:assistant:Translator", caller=caller)
    assert (caught.value.status, caught.value.id) == (403, 403)
    assert house.gateway.asked == []


async def test_a_direct_model_knows_files_too() -> None:
    house = House(files=Drawer())
    assert (await house.ask("openai/gpt-4o", "Read {file:report}")).metadata == "files"
    assert (await house.ask("openai/gpt-4o", "Read the file")).metadata == ""
    assert (await House().ask("openai/gpt-4o", "Read {file:report}")).metadata == ""
