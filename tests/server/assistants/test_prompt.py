"""From definition, revision and request to a request that a real model understands."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from portico.server.access.caller import Caller
from portico.server.assistants.definitions import Definition, Definitions, Revision, RevisionSettings
from portico.server.assistants.prompt import PromptDesk
from portico.server.edge.routes.chat import read_chat_request
from portico.server.errors import EmptyQuery, NotFound
from portico.server.gateway.answers import Answer, Stream
from portico.server.gateway.chat import ChatGateway
from portico.server.ids import OrganizationId, ProjectId, TokenId
from portico.server.kit.drive import run
from portico.wire.model_ref import BareModel, DirectModel, ModelRef
from portico.wire.requests import ChatRequest

pytestmark = pytest.mark.anyio

CALLER = Caller(OrganizationId("o"), "Org", TokenId("t"), "project", ProjectId("p"), "Project")
NOW = datetime(2026, 11, 20, tzinfo=UTC)
FRENCH = [{"key": "Language", "value": "French"}]
HELLO = [{"role": "user", "content": "Hello"}]


def revision(number: int = 2, prompt: str = "Translate to {language}.", **settings: Any) -> Revision:
    made = RevisionSettings(**settings)
    return Revision(number, str(number), "", prompt, "openai", "gpt-4o-mini", made, NOW)


def definition(active: Revision) -> Definition:
    return Definition(OrganizationId("o"), ProjectId("p"), "a-1", "chat", "Translator", "", True, active)


class Gateway:
    """Keeps what it is asked."""

    def __init__(self) -> None:
        self.asked: list[ChatRequest] = []

    async def answer(self, caller: Caller, request: ChatRequest, request_id: str) -> Answer | Stream:
        self.asked.append(request)
        return Answer(b"{}")

    def accepts(self, caller: Caller, ref: ModelRef) -> frozenset[str]:
        return frozenset({"text/csv"})

    async def require_room(self, caller: Caller) -> None:
        pass


class Shelf:
    """Stored revisions, for whom the active one is not the one."""

    def __init__(self, *revisions: Revision) -> None:
        self._revisions = revisions

    async def find_revision(self, definition: Definition, revision: int | None, name: str | None) -> Revision:
        await asyncio.sleep(0)
        for one in self._revisions:
            if one.revision_id == revision or (revision is None and one.name == name):
                return one
        raise NotFound


class Drawer:
    """Files of the project; notes what was looked at."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []

    async def put_into(
        self, request: ChatRequest, caller: Caller, revision: Revision | None, accepts: frozenset[str]
    ) -> None:
        assert accepts == {"text/csv"}
        await asyncio.sleep(0)
        self.seen.append(bytes(request.members["messages"]))


class Room:
    def __init__(self, *others: Revision) -> None:
        self.gateway, self.drawer = Gateway(), Drawer()
        self.desk = PromptDesk(cast(ChatGateway, self.gateway), cast(Definitions, Shelf(*others)), self.drawer)

    async def ask(self, active: Revision, **body: Any) -> ChatRequest:
        """The request as the gateway gets it."""
        given = {"model": "saia:assistant:Translator", "messages": HELLO, **body}
        request = read_chat_request(json.dumps(given).encode())
        answering = self.desk.answer(CALLER, definition(active), request, "r1")
        await run(cast(Coroutine[Any, None, Any], _await(answering)))
        return self.gateway.asked[-1]


async def _await(answering: Awaitable[Any]) -> Any:
    return await answering


def members(request: ChatRequest) -> dict[str, Any]:
    return {name: json.loads(bytes(raw)) for name, raw in request.members.items()}


async def test_the_filled_prompt_goes_first_and_the_model_is_real() -> None:
    request = await Room().ask(revision(), variables=FRENCH)
    assert request.ref == DirectModel("openai", "gpt-4o-mini")
    assert members(request) == {"messages": [{"role": "system", "content": "Translate to French."}, *HELLO]}
    used = request.assistant
    assert used is not None
    assert (used.assistant_id, used.name, used.revision, used.is_filled) == ("a-1", "Translator", 2, True)


async def test_a_revision_without_provider_names_a_bare_model() -> None:
    request = await Room().ask(replace(revision(), provider="", model="gpt-4o"))
    assert request.ref == BareModel("gpt-4o")


async def test_messages_stay_the_bytes_they_were() -> None:
    room = Room()
    body = b'{"model":"saia:assistant:T","messages": [ {"role":"user", "content":"h\\u00e9"} ]}'
    request = read_chat_request(body)
    await room.desk.answer(CALLER, definition(revision(prompt="Be kind.")), request, "r")
    sent = bytes(room.gateway.asked[0].members["messages"])
    assert sent == b'[{"role":"system","content":"Be kind."}, {"role":"user", "content":"h\\u00e9"} ]'


async def test_an_empty_prompt_is_left_out() -> None:
    assert members(await Room().ask(revision(prompt="  {a} ".replace("{a}", "")))) == {"messages": HELLO}
    assert members(await Room().ask(revision(prompt="{a}"), variables=[{"key": "a", "value": ""}])) == {
        "messages": HELLO
    }


async def test_the_users_own_words_stand_where_the_prompt_wants_them() -> None:
    said = [
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": "answer"},
        {"role": "user", "content": [{"type": "text", "text": "second"}, {"type": "text", "text": "{language}"}]},
    ]
    request = await Room().ask(revision(prompt="[{inputText}] in {language}"), messages=said, variables=FRENCH)
    assert members(request)["messages"][0]["content"] == "[second\n{language}] in French"


async def test_a_system_message_of_the_caller_follows_the_prompt() -> None:
    said = [{"role": "system", "content": "Be brief."}, *HELLO]
    sent = members(await Room().ask(revision(prompt="Translate."), messages=said))["messages"]
    assert [message["content"] for message in sent] == ["Translate.", "Be brief.", "Hello"]


@pytest.mark.parametrize(
    "content", ["", "  \n", [{"type": "text", "text": " "}], []], ids=["empty", "blank", "blank part", "no part"]
)
async def test_a_blank_question_is_refused_with_id_10(content: Any) -> None:
    room = Room()
    with pytest.raises(EmptyQuery) as caught:
        await room.ask(revision(), messages=[{"role": "user", "content": content}])
    assert (caught.value.status, caught.value.id) == (400, 10)
    assert room.gateway.asked == []


async def test_a_picture_alone_is_a_question() -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    request = await Room().ask(revision(), messages=[{"role": "user", "content": [picture]}])
    assert members(request)["messages"][1]["content"] == [picture]
    assert request.media == ("image/png",)


async def test_settings_hold_where_the_caller_says_nothing() -> None:
    settings = {"temperature": 0.1, "max_tokens": 300, "top_p": 0.9, "frequency_penalty": 0.5, "presence_penalty": 1.0}
    request = await Room().ask(revision(**settings))
    sent = members(request)
    del sent["messages"]
    assert sent == {**{k: v for k, v in settings.items() if k != "max_tokens"}, "max_completion_tokens": 300}
    assert request.assistant is not None and request.assistant.defaults == set(sent)


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
async def test_what_the_caller_says_goes_before_the_settings(name: str) -> None:
    request = await Room().ask(revision(temperature=0.1, max_tokens=300), **{name: 5, "temperature": 0.7})
    sent = members(request)
    assert (sent["temperature"], sent[name]) == (0.7, 5)
    assert not {"max_tokens", "max_completion_tokens"} - {name} & set(sent)
    assert request.assistant is not None and request.assistant.defaults == set()


async def test_null_says_nothing() -> None:
    sent = members(await Room().ask(revision(temperature=0.1), temperature=None))
    assert sent["temperature"] == 0.1


async def test_thinking_leaves_the_sampling_of_the_settings_out() -> None:
    sent = members(await Room().ask(revision(temperature=0.1, max_tokens=300), reasoning_effort="low"))
    assert "temperature" not in sent
    assert sent["max_completion_tokens"] == 300


async def test_tools_and_formats_pass() -> None:
    tools = [{"type": "function", "function": {"name": "f"}}]
    request = await Room().ask(revision(), tools=tools, response_format={"type": "json_object"}, stream=True)
    sent = members(request)
    assert (sent["tools"], sent["response_format"], request.stream) == (tools, {"type": "json_object"}, True)


async def test_flags_become_guardrails() -> None:
    request = await Room().ask(revision(prompt_injection_guardrail=True, llm_output_guardrail=True))
    assert request.assistant is not None
    assert request.assistant.guardrails == {"prompt-injection-guardrail", "llm-output-guardrail"}


@pytest.mark.parametrize("wish", [{"revision": 2}, {"revision": "2"}, {"revision": 0}, {"revisionName": "2"}, {}])
async def test_the_active_revision_needs_no_database(wish: dict[str, Any]) -> None:
    request = await Room().ask(revision(2), **wish)
    assert request.assistant is not None and request.assistant.revision == 2


@pytest.mark.parametrize(
    "wish", [{"revision": 1}, {"revisionName": "1"}, {"revision": 1, "revisionName": "2"}, {"revision": "1"}]
)
async def test_another_revision_is_found_and_its_number_wins(wish: dict[str, Any]) -> None:
    request = await Room(revision(1, "Old {language}.")).ask(revision(2), variables=FRENCH, **wish)
    assert members(request)["messages"][0]["content"] == "Old French."
    assert request.assistant is not None and request.assistant.revision == 1


async def test_an_unknown_revision_is_refused() -> None:
    room = Room()
    with pytest.raises(NotFound):
        await room.ask(revision(2), revision=9)
    assert room.gateway.asked == []


async def test_files_are_put_in_when_the_assistant_may_and_somebody_names_one() -> None:
    room = Room()
    said = [{"role": "user", "content": "Read {file:report}"}]
    await room.ask(revision(), messages=said)
    await room.ask(revision(upload_files=False), messages=said)
    await room.ask(revision(upload_files=True))
    assert room.drawer.seen == []
    await room.ask(revision(upload_files=True), messages=said)
    await room.ask(revision(prompt="Know {file:rules}.", upload_files=True))
    assert [b"{file:report}" in seen for seen in room.drawer.seen] == [True, False]


async def test_the_prompt_counts_for_estimates() -> None:
    request = await Room().ask(revision(prompt="x" * 1_000))
    assert request.body_bytes > 1_000
