"""The desk of text and chat assistants: definition, revision and request become a request to a real model.

The filled prompt goes first, as system message; what the settings say holds where the caller says nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from functools import lru_cache
from typing import Any, Protocol

import msgspec

from portico.server.access.caller import Caller
from portico.server.assistants.definitions import Definition, Definitions, Revision
from portico.server.assistants.variables import fill
from portico.server.errors import EmptyQuery
from portico.server.gateway.answers import Answer, Stream
from portico.server.gateway.chat import ChatGateway
from portico.wire.guardrails import Guardrail
from portico.wire.model_ref import BareModel, DirectModel
from portico.wire.requests import NULL, AssistantOptions, AssistantUse, ChatRequest, Members

_LIMITS = ("max_completion_tokens", "max_tokens")
_SAMPLING = ("temperature", "top_p", "frequency_penalty", "presence_penalty")
_THINKING = ("reasoning_effort", "thinking")
_FLAGS: Mapping[str, Guardrail] = {
    "prompt_injection_guardrail": "prompt-injection-guardrail",
    "input_moderation_guardrail": "input-moderation-guardrail",
    "llm_output_guardrail": "llm-output-guardrail",
}
_encode = msgspec.json.Encoder().encode


class _Message(msgspec.Struct):
    role: str = ""
    content: msgspec.Raw = NULL


_read_messages = msgspec.json.Decoder(list[_Message]).decode


class FileReferences(Protocol):
    """What puts files into a request whose messages name some (`assistants/files`)."""

    async def put_into(
        self, request: ChatRequest, caller: Caller, revision: Revision | None, accepts: frozenset[str]
    ) -> None:
        """`accepts` are the MIME types that the model takes beside text; `revision` None: no assistant is asked."""
        ...


class PromptDesk:
    """One per process. An active revision is answered from memory; another one may be read from the database."""

    def __init__(self, chat: ChatGateway, definitions: Definitions, files: FileReferences | None) -> None:
        self._chat = chat
        self._definitions = definitions
        self._files = files

    def answer(
        self, caller: Caller, definition: Definition, request: ChatRequest, request_id: str
    ) -> Awaitable[Answer | Stream]:
        """The answer of the model, whole or begun.

        Raises EmptyQuery, OutOfRange; from the awaiting AssistantRevisionNotFound, and what files and gateway raise.
        """
        revision = _maybe_at_hand(definition, request.options)
        if revision is None or (revision.settings.upload_files and self._files is not None):
            return self._answer_later(caller, definition, revision, request, request_id)
        dress(definition, revision, request)
        return self._chat.answer(caller, request, request_id)

    async def _answer_later(
        self, caller: Caller, definition: Definition, revision: Revision | None, request: ChatRequest, request_id: str
    ) -> Answer | Stream:
        await self._prepare(caller, definition, revision, request)
        return await self._chat.answer(caller, request, request_id)

    async def prepare(self, caller: Caller, definition: Definition, request: ChatRequest) -> Revision:
        """Changes the request as `answer` does, and gives the revision: for desks that ask the model themselves."""
        return await self._prepare(caller, definition, _maybe_at_hand(definition, request.options), request)

    async def _prepare(
        self, caller: Caller, definition: Definition, revision: Revision | None, request: ChatRequest
    ) -> Revision:
        """Database and files in tasks of their own: the request itself is driven (kit/drive.py)."""
        if revision is None:
            options = request.options
            finding = self._definitions.find_revision(definition, options.revision, options.revision_name)
            revision = await asyncio.ensure_future(finding)
        dress(definition, revision, request)
        if self._files is not None and revision.settings.upload_files and names_files(request):
            accepts = self._chat.accepts(caller, request.ref)
            await self._chat.require_room(caller)
            await asyncio.ensure_future(self._files.put_into(request, caller, revision, accepts))
        return revision


def _maybe_at_hand(definition: Definition, options: AssistantOptions) -> Revision | None:
    """The active revision, when it is the one that is meant."""
    active = definition.active
    if options.revision is not None:
        return active if options.revision == active.revision_id else None
    return active if options.revision_name in (None, active.name) else None


def dress(definition: Definition, revision: Revision, request: ChatRequest) -> None:
    """Changes the request: model, prompt and settings of the revision, and whom it was made of."""
    members = request.members
    question = _read_question(members)
    request.ref = model_of(revision.provider, revision.model)
    prompt = fill(revision.prompt, request.options.variables, question)
    _put_prompt(request, prompt)
    request.assistant = AssistantUse(
        definition.assistant_id,
        definition.name,
        revision.revision_id,
        _guardrails(revision),
        _put_settings(members, revision),
        prompt != revision.prompt,
    )


@lru_cache(maxsize=1024)
def model_of(provider: str, model: str) -> DirectModel | BareModel:
    """A reference as a caller would write it."""
    return DirectModel(provider, model) if provider else BareModel(model)


def names_files(request: ChatRequest) -> bool:
    """A cheap look for `{file:...}`; JSON that escapes its braces is nobody's habit."""
    return bytes(request.members.get("messages", NULL)).find(b"{file:") >= 0  # `in` costs several times as much


def _read_question(members: Members) -> str:
    """What the user has written last. Raises EmptyQuery when that is blank, and nothing is attached."""
    for message in reversed(_read_messages(members["messages"])):
        if message.role == "user":
            content = msgspec.json.decode(message.content)
            parts = [content] if isinstance(content, str) else content or ()
            texts = [part if isinstance(part, str) else part["text"] for part in parts if _is_text(part)]
            text = "\n".join(texts)
            if not text.strip() and len(texts) == len(parts):
                raise EmptyQuery(param="messages")
            return text
    return ""


def _is_text(part: Any) -> bool:
    return isinstance(part, str) or (isinstance(part, dict) and isinstance(part.get("text"), str))


def _put_prompt(request: ChatRequest, prompt: str) -> None:
    """In front of the messages, which stay the bytes they were. An empty prompt is left out: providers refuse it."""
    if not prompt.strip():
        return
    first = _encode({"role": "system", "content": prompt})
    messages = bytes(request.members["messages"])
    request.members["messages"] = msgspec.Raw(b"[%b,%b" % (first, messages[messages.index(b"[") + 1 :]))
    request.body_bytes += len(first)


def _put_settings(members: Members, revision: Revision) -> frozenset[str]:
    """Adds what the caller has not said; gives the names of what was added."""
    settings = revision.settings
    added = {}
    if settings.max_tokens is not None and not any(members.get(name, NULL) != NULL for name in _LIMITS):
        added["max_completion_tokens"] = settings.max_tokens
    if not any(name in members for name in _THINKING):  # models that think take no sampling but their own
        for name in _SAMPLING:
            value = getattr(settings, name)
            if value is not None and members.get(name, NULL) == NULL:
                added[name] = value
    for name, value in added.items():
        members[name] = msgspec.Raw(_encode(value))
    return frozenset(added)


def _guardrails(revision: Revision) -> frozenset[Guardrail]:
    settings = revision.settings
    return frozenset(guardrail for flag, guardrail in _FLAGS.items() if getattr(settings, flag))
