"""Completions as the Assistant API tells them: a request that is over, with the text and the provider's own answer."""

from __future__ import annotations

import msgspec

from portico.server.errors import PorticoError, RequestCancelled
from portico.server.gateway.answers import Answer
from portico.server.kit.clock import wire_now, wire_time
from portico.server.storage.assistant_requests import AssistantRequestRow
from portico.wire.model_ref import DirectModel
from portico.wire.requests import ChatRequest
from portico.wire.requests_log import RequestFailure, RequestStatus


class _Part(msgspec.Struct):
    text: str | None = None


class _Message(msgspec.Struct):
    """Models that think may give their answer in parts."""

    content: str | list[_Part] | None = None

    @property
    def text(self) -> str:
        if isinstance(self.content, list):
            return "".join(part.text or "" for part in self.content)
        return self.content or ""


class _Choice(msgspec.Struct):
    message: _Message = msgspec.field(default_factory=_Message)


class _Completion(msgspec.Struct):
    choices: list[_Choice] = []


_read = msgspec.json.Decoder(_Completion).decode


def provider_of(request: ChatRequest, answer: Answer) -> str:
    """Who has answered; an answer from the cache is as good as the model's that was asked."""
    for name, value in answer.headers:
        if name == b"x-portico-provider":
            return value.decode("latin-1")
    return request.ref.provider if isinstance(request.ref, DirectModel) else ""


def tell_answer(request: ChatRequest, request_id: str, answer: Answer) -> RequestStatus:
    """A whole answer, at once."""
    return _completed(request_id, provider_of(request, answer), answer.body.decode(), wire_now())


def tell_failure(error: PorticoError, request_id: str) -> RequestStatus:
    """What went wrong with a request to an assistant, by the documented id."""
    return RequestStatus(
        request_id=request_id,
        status="cancelled" if isinstance(error, RequestCancelled) else "failed",
        progress=100,
        timestamp=wire_now(),
        error=RequestFailure(code=error.id, message=error.message),
        text="",
    )


def tell_over(row: AssistantRequestRow) -> RequestStatus:
    """A begun request that has ended."""
    timestamp = wire_time(row.ended_at or row.created_at)
    if row.status == "completed":
        return _completed(row.request_id, row.provider, row.answer, timestamp)
    told = RequestStatus(
        request_id=row.request_id,
        status=row.status,
        progress=100,
        timestamp=timestamp,
        provider_name=row.provider,
        text="",
    )
    if row.error_code:
        told.error = RequestFailure(code=row.error_code, message=row.error_message)
    return told


def _completed(request_id: str, provider: str, body: str, timestamp: str) -> RequestStatus:
    choices = _read(body).choices
    return RequestStatus(
        request_id=request_id,
        status="completed",
        success=True,
        progress=100,
        timestamp=timestamp,
        provider_name=provider,
        provider_response=body,
        text=choices[0].message.text if choices else "",
    )
