"""Models that help with a search: a prompt in, a text out. Each call is a request of its own, metered to the caller."""

from __future__ import annotations

import logging

import msgspec

from portico.server.assistants.api.rounds import add_usage
from portico.server.assistants.search.questions.answering import read_completion
from portico.server.assistants.search.questions.inquiry import Inquiry
from portico.server.assistants.search.questions.prompting import write_messages
from portico.server.assistants.search.questions.tuning import HelperModel
from portico.server.errors import (
    GuardrailBlocked,
    JournalFull,
    PorticoError,
    QuotaExceeded,
    RequestCancelled,
    ServerStopping,
    TooManyRequests,
)
from portico.server.gateway.answers import Answer
from portico.server.gateway.chat import ChatGateway
from portico.server.kit.drive import run
from portico.server.kit.request_ids import new_request_id
from portico.wire.model_ref import BareModel, DirectModel, ModelRefError, read_model_ref
from portico.wire.requests import AssistantUse, ChatRequest

_FORBIDDING = (QuotaExceeded, TooManyRequests, JournalFull, GuardrailBlocked, RequestCancelled, ServerStopping)
"""Refusals that hold for the request itself: the answer would be refused as well."""
_encode = msgspec.json.Encoder().encode
_log = logging.getLogger("portico.search")


class Helpers:
    """One per process. Asked from tasks, not from what is driven (kit/drive.py)."""

    def __init__(self, chat: ChatGateway) -> None:
        self._chat = chat

    async def ask(self, inquiry: Inquiry, model: HelperModel, prompt: str) -> str | None:
        """What the model says, without blanks around it; None when it failed: a search without its help is better than
        none. Raises the refusals that hold for the request itself, such as QuotaExceeded."""
        try:
            request = _write(inquiry, model, prompt)
            answer = await run(_answer(self._chat, inquiry, request))
            completion = read_completion(answer.body)
        except _FORBIDDING:
            raise
        except (PorticoError, ModelRefError, msgspec.DecodeError) as error:
            _log.warning("request %s: a helper of its search failed: %s", inquiry.request_id, error)
            return None
        inquiry.usage = add_usage(inquiry.usage, completion.usage or {})
        return completion.text.strip()


async def _answer(chat: ChatGateway, inquiry: Inquiry, request: ChatRequest) -> Answer:
    answer = await chat.answer(inquiry.caller, request, new_request_id())
    assert isinstance(answer, Answer)  # no stream was asked for
    return answer


def _write(inquiry: Inquiry, model: HelperModel, prompt: str) -> ChatRequest:
    profile, asked = inquiry.profile, inquiry.request
    llm = profile.llm
    temperature = llm.temperature if model.temperature is None else model.temperature
    settings = {"max_completion_tokens": model.max_tokens or llm.max_tokens, "temperature": temperature}
    members = {name: msgspec.Raw(_encode(value)) for name, value in settings.items()}
    members["messages"] = write_messages(prompt)
    ref = read_model_ref(model_name(llm.model, model))
    if not isinstance(ref, DirectModel | BareModel):  # no assistant helps another one
        raise ModelRefError("type")
    return ChatRequest(
        ref,
        members,
        body_bytes=len(members["messages"]),
        cache=(model.cache or None) if asked.cache is None else asked.cache,
        labels=msgspec.structs.replace(asked.labels, parent_req_id=inquiry.request_id),
        conversation_id=inquiry.thread_id,
        options=asked.options,
        assistant=AssistantUse(
            profile.key.profile_id,
            profile.name,
            0,
            profile.guardrails,
            frozenset(settings),
            said=(*(turn.content for turn in inquiry.history if turn.role == "user"), inquiry.said),
            is_final=False,
        ),
    )


def model_name(base: str, helper: HelperModel) -> str:
    """`provider/name`, or an alias; what the helper does not say is as in the profile, whose model is `base`."""
    if not helper.provider and not helper.model_name:
        return base
    provider, slash, name = base.partition("/")
    named = helper.provider or (provider if slash else ""), helper.model_name or (name if slash else base)
    return "/".join(filter(None, named))
