"""A question and the passages found for it become a request to a real model."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from portico.server.assistants.search.questions.inquiry import Inquiry
from portico.server.assistants.search.questions.prompting import fill_prompt, quote, tell_history, write_messages
from portico.server.retrieval.hits import Hit
from portico.server.retrieval.profile import Llm
from portico.wire.model_ref import read_model_ref
from portico.wire.requests import NULL, AssistantUse, ChatRequest, Members

_LIMITS = ("max_completion_tokens", "max_tokens")
_THINKING = ("reasoning_effort", "thinking")
_NEUTRAL = {"top_p": 1, "n": 1, "frequency_penalty": 0, "presence_penalty": 0}
"""Values that say what a model does anyway: they are not sent."""
_encode = msgspec.json.Encoder().encode


def write_request(inquiry: Inquiry, hits: Sequence[Hit]) -> ChatRequest:
    """What the caller has sent stays, but the messages; the profile's settings hold where the caller says nothing.

    Raises OutOfRange when the filled prompt is too long.
    """
    profile, asked = inquiry.profile, inquiry.request
    chunks = inquiry.tuning.chunk_document
    context = quote([(hit.text, hit.metadata) for hit in hits], chunks.template, chunks.separator)
    prompt = fill_prompt(
        profile.search.prompt,
        asked.options.variables,
        inquiry.question,
        context=context,
        history=tell_history(inquiry.history),
        said=inquiry.said,
    )
    messages = write_messages(prompt, () if inquiry.tuning.compacts else inquiry.history)
    members: Members = {**asked.members, "messages": messages}
    defaults = _put_settings(members, profile.llm)
    said = (*(turn.content for turn in inquiry.history if turn.role == "user"), inquiry.said)
    return msgspec.structs.replace(
        asked,
        ref=read_model_ref(profile.llm.model),
        members=members,
        media=(),
        include_usage=True,
        body_bytes=len(messages),
        cache=(profile.llm.cache or None) if asked.cache is None else asked.cache,
        conversation_id=inquiry.thread_id,
        assistant=AssistantUse(profile.key.profile_id, profile.name, 0, profile.guardrails, defaults, said=said),
    )


def _put_settings(members: Members, llm: Llm) -> frozenset[str]:
    """Adds what the caller has not said; gives the names of what was added."""
    added: dict[str, object] = {}
    if not any(members.get(name, NULL) != NULL for name in _LIMITS):
        added["max_completion_tokens"] = llm.max_tokens
    if not any(name in members for name in _THINKING):  # models that think take no sampling but their own
        for name in ("temperature", *_NEUTRAL):
            value = getattr(llm, name)
            if value != _NEUTRAL.get(name) and members.get(name, NULL) == NULL:
                added[name] = value
    if llm.json and members.get("response_format", NULL) == NULL:
        added["response_format"] = {"type": "json_object"}
    for name, value in added.items():
        members[name] = msgspec.Raw(_encode(value))
    return frozenset(added)
