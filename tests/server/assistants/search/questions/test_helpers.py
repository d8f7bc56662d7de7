"""Models that help with a search: what they are sent, and which of their failures are the request's own."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from msgspec import Raw

from portico.server.access.caller import Caller
from portico.server.assistants.search.questions.helpers import Helpers, model_name
from portico.server.assistants.search.questions.inquiry import Inquiry
from portico.server.assistants.search.questions.tuning import HelperModel, Tuning
from portico.server.errors import (
    GuardrailBlocked,
    JournalFull,
    ModelNotFound,
    ProviderNotConfigured,
    ProviderRateLimit,
    ProviderTimeout,
    QuotaExceeded,
    TooManyRequests,
)
from portico.server.gateway.answers import Answer
from portico.server.gateway.chat import ChatGateway
from portico.server.ids import OrganizationId, ProjectId, TokenId
from portico.server.retrieval.profile import Embedding, Llm, Search, SearchProfile
from portico.server.storage.search_profiles import ProfileKey
from portico.server.storage.threads import Turn
from portico.wire.model_ref import DirectModel, SaiaRef
from portico.wire.requests import AssistantOptions, ChatRequest, Labels
from tests.upstream import COMPLETION

pytestmark = pytest.mark.anyio

CALLER = Caller(OrganizationId("o"), "Org", TokenId("t"), "project", ProjectId("p"), "Project")
PROFILE = SearchProfile(
    ProfileKey(OrganizationId("o"), ProjectId("p"), "f"), "handbook", "", True, Embedding("local/e"),
    Llm("openai/gpt-4o-mini", max_tokens=100), Search("{context}{question}", "{chat_history}{question}"),
    guardrails=frozenset({"prompt-injection-guardrail"}),
)  # fmt: skip


class Gateway:
    """Answers, or raises what it was given."""

    def __init__(self, *outcomes: Any) -> None:
        self.outcomes = list(outcomes)
        self.asked: list[tuple[ChatRequest, str]] = []

    async def answer(self, caller: Caller, request: ChatRequest, request_id: str) -> Answer:
        self.asked.append((request, request_id))
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return Answer(outcome if isinstance(outcome, bytes) else json.dumps(outcome).encode())


def inquiry() -> Inquiry:
    request = ChatRequest(SaiaRef("search", "handbook"), {"messages": Raw(b"[]")}, labels=Labels(trace_id="trace"))
    request.options = AssistantOptions(variables={"tone": "brief"})
    made = Inquiry(CALLER, PROFILE, Tuning(), request, "request-1", "And now?", "And now?", "t")
    made.history = [Turn("user", "Before?"), Turn("assistant", "Yes.")]
    return made


async def ask(gateway: Gateway, model: HelperModel | None = None, about: Inquiry | None = None) -> str | None:
    helpers = Helpers(cast(ChatGateway, gateway))
    return await helpers.ask(about or inquiry(), model or HelperModel(), "The prompt")


async def test_a_helper_is_a_request_of_its_own_that_names_profile_and_parent() -> None:
    gateway = Gateway(COMPLETION)
    assert await ask(gateway, HelperModel(model_name="gpt-4o", max_tokens=9)) == "Hello there"
    [(sent, request_id)] = gateway.asked
    assert sent.ref == DirectModel("openai", "gpt-4o") and request_id != "request-1"
    assert (sent.labels.parent_req_id, sent.labels.trace_id) == ("request-1", "trace")
    assert sent.assistant is not None
    assert (sent.assistant.name, sent.assistant.guardrails) == ("handbook", PROFILE.guardrails)
    assert sent.assistant.said == ("Before?", "And now?")
    assert sent.options.variables == {"tone": "brief"}, "which the guardrails look at"
    assert bytes(sent.members["max_completion_tokens"]) == b"9"
    assert json.loads(bytes(sent.members["messages"]))[-1] == {"role": "user", "content": "The prompt"}


async def test_what_helpers_use_adds_up() -> None:
    gateway, about = Gateway(COMPLETION, COMPLETION), inquiry()
    await ask(gateway, about=about)
    await ask(gateway, about=about)
    assert about.usage["total_tokens"] == 30 and about.usage["prompt_tokens_details"] == {"cached_tokens": 8}


@pytest.mark.parametrize(
    "failure",
    [
        ProviderTimeout(),
        ProviderRateLimit(),
        ModelNotFound("openai/none"),
        ProviderNotConfigured(),
        b"no JSON",
        {"choices": 7},
    ],
)
async def test_a_failure_of_the_helper_is_no_failure_of_the_question(failure: Any) -> None:
    assert await ask(Gateway(failure)) is None


async def test_an_assistant_helps_no_other_one() -> None:
    assert await ask(Gateway(), HelperModel("saia:assistant", "x")) is None


@pytest.mark.parametrize(
    "refusal", [QuotaExceeded(), TooManyRequests(), JournalFull(), GuardrailBlocked("injection", 1.0)]
)
async def test_what_would_refuse_the_answer_refuses_at_once(refusal: Exception) -> None:
    with pytest.raises(type(refusal)):
        await ask(Gateway(refusal))


@pytest.mark.parametrize(
    ("base", "helper", "name"),
    [
        ("openai/gpt-4o", HelperModel(), "openai/gpt-4o"),
        ("openai/gpt-4o", HelperModel(model_name="small"), "openai/small"),
        ("openai/gpt-4o", HelperModel("local", "tiny"), "local/tiny"),
        ("an-alias", HelperModel(), "an-alias"),
        ("an-alias", HelperModel("local", "tiny"), "local/tiny"),
        ("an-alias", HelperModel(model_name="other"), "other"),
        ("openrouter/a/b:free", HelperModel(), "openrouter/a/b:free"),
    ],
)
def test_what_a_helper_does_not_say_is_as_in_the_profile(base: str, helper: HelperModel, name: str) -> None:
    assert model_name(base, helper) == name
