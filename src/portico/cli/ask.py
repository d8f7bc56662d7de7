"""A question to an answer: picks the model when none is named, and shows the text as it comes."""

from __future__ import annotations

import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import click

from .output import emit, note, printable

if TYPE_CHECKING:
    from portico.sdk.clients.chat import ChatOptions
    from portico.sdk.streams import AsyncJsonStream

    from .remote import Remote

Message = Mapping[str, Any]
Json = Mapping[str, Any]
Show = Callable[[str], None]


_NOT_INSTALLED = ("absent", "partial")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked, of which model; without a model the best local one that is ready answers."""

    messages: tuple[Message, ...] = ()
    model: str | None = None
    system: str | None = None
    json_schema: Json | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    reasoning_effort: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    conversation_id: str | None = None
    revision: int | None = None

    def asking(self, text: str) -> Question:
        return replace(self, messages=(*self.messages, {"role": "user", "content": text}))

    def answered(self, text: str) -> Question:
        return replace(self, messages=(*self.messages, {"role": "assistant", "content": text}))

    def all_messages(self) -> list[Message]:
        """The messages as they are sent: the system prompt first."""
        return [*([{"role": "system", "content": self.system}] if self.system else []), *self.messages]

    def options(self) -> ChatOptions:
        """All but model and messages; what was not said is None, which is not sent."""
        schema = {"name": "answer", "schema": self.json_schema, "strict": True}
        return {
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
            "reasoning_effort": self.reasoning_effort,
            "response_format": {"type": "json_schema", "json_schema": schema} if self.json_schema is not None else None,
            "variables": self.variables or None,
            "conversation_id": self.conversation_id,
            "revision": self.revision,
        }


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: its text, the body it came in (the last frame of a stream), what it took, what it rests on."""

    model: str
    text: str
    body: Json
    usage: Json
    finish_reason: str | None
    duration_s: float
    sources: Sequence[Json] = ()


def answer_once(question: Question, *, stream: bool, whole: bool, usage: bool) -> None:
    """Ask and write the answer to standard output: its text, or, when `whole`, all the server sent."""
    from .remote import opened

    # A model that is not ready is told at once, or another one is asked; waiting for it is the caller's choice.
    with opened(max_retries=0) as remote:
        reply = ask(remote, question, show_text if stream else None)
    if whole:
        emit(reply.body)
    check_found(reply)
    if not whole:
        show_text("" if stream else reply.text)
        end_line(reply.text)
    tell(reply, usage=usage)


def check_found(reply: Reply) -> None:
    """Raises RequestFailed for the answer of a RAG assistant that found nothing, which is an empty text."""
    result = _result(reply)
    if result.get("success") is False:
        from .sources import nothing_found

        raise nothing_found(reply.model.removeprefix("saia:search:"), _messages(result))


def _result(reply: Reply) -> Json:
    """What a RAG assistant says of its search; empty for other answers."""
    result = reply.body.get("result")
    return result if isinstance(result, Mapping) else {}


def _messages(result: Json) -> list[str]:
    return [str(one) for one in result.get("messages") or ()]


def show_text(text: str) -> None:
    """Text as it comes; a terminal does not get to see control sequences."""
    sys.stdout.write(printable(text) if sys.stdout.isatty() else text)
    sys.stdout.flush()


def end_line(text: str) -> None:
    """A line end after an answer that has none of its own."""
    if not text.endswith("\n"):
        click.echo()


def tell(reply: Reply, *, usage: bool) -> None:
    """Remarks on standard error: an answer that was cut, what it rests on, and, when asked for, what it took."""
    tell_cut(reply.finish_reason)
    messages = _messages(_result(reply))
    if reply.sources or messages:
        from .sources import tell_messages, tell_sources

        tell_messages(messages)
        tell_sources(reply.sources)
    if usage:
        note(usage_line(reply))


def tell_cut(finish_reason: str | None) -> None:
    """Says why an answer ends where it does, when that is not its own end."""
    match finish_reason:
        case "length":
            note("note: the answer ends here because it reached its longest length (--max-tokens)")
        case "content_filter":
            note("note: the content filter of the provider ended the answer")


def usage_line(reply: Reply) -> str:
    """One line: model, tokens in and out, cost when it is known, time."""
    counts = reply.usage
    tokens = f"{counts.get('prompt_tokens', '?')} + {counts.get('completion_tokens', '?')} tokens"
    cost = counts.get("total_cost")
    costs = [] if cost is None else [f"{cost:.6f}".rstrip("0").rstrip(".") + f" {counts.get('currency', 'USD')}"]
    return " · ".join([reply.model, tokens, *costs, f"{reply.duration_s:.1f} s"])


def ask(remote: Remote, question: Question, show: Show | None) -> Reply:
    """One answer. Without a model: the local ones in the order of the catalog, until one is ready."""
    from .remote import is_not_ready, reason_of

    names = [question.model] if question.model else find_models(remote)
    for name, following in pairwise(names):
        try:
            return _ask_model(remote, question, name, show)
        except Exception as error:
            if not is_not_ready(error):
                raise
            note(f"note: {name} is not ready ({reason_of(error)}); asking {following}")
    return _ask_model(remote, question, names[-1], show)


def find_models(remote: Remote) -> Sequence[str]:
    """Full names of the local chat models, the best first; those that are not installed come last.

    Raises a usage error when there is none at all.
    """
    names = remote.local_models("Chat")
    if not names:
        raise click.UsageError("this server has no local chat model; name one with --model (portico llm models)")
    states = remote.local_states()
    return sorted(names, key=lambda name: states.get(name) in _NOT_INSTALLED)


def _ask_model(remote: Remote, question: Question, model: str, show: Show | None) -> Reply:
    started = time.monotonic()
    options = question.options()
    if show is None:
        body: Json = remote.run(remote.chat.chat_completion(model, question.all_messages(), **options))
        choice = _choice(body)
        text = str((choice.get("message") or {}).get("content") or "")
        sources = body.get("documents") or ()
    else:
        options["stream_options"] = {"include_usage": True}
        opening = remote.chat.stream_chat_completion(model, question.all_messages(), **options)
        text, choice, body, sources = remote.run(_read_stream(opening, show))
    took_s = time.monotonic() - started
    return Reply(model, text, body, body.get("usage") or {}, choice.get("finish_reason"), took_s, sources)


async def _read_stream(opening: Awaitable[AsyncJsonStream], show: Show) -> tuple[str, Json, Json, Sequence[Json]]:
    """Show the text as it comes. All of it, the last choice with a finish reason, the last frame, a RAG's sources."""
    pieces: list[str] = []
    end: Json = {}
    frame: Json = {}
    sources: Sequence[Json] = ()
    async with await opening as stream:
        async for frame in stream:
            choice = _choice(frame)
            if piece := (choice.get("delta") or {}).get("content"):
                pieces.append(piece)
                show(piece)
            if choice.get("finish_reason"):
                end = choice
            if frame.get("event") == "saia.rag.documents":
                frame = frame.get("data") or {}  # the last one, with the usage
                sources = frame.get("documents") or ()
    return "".join(pieces), end, frame, sources


def _choice(body: Json) -> Json:
    """The first choice; events of the platform and the last frame have none."""
    choices = body.get("choices") or [{}]
    return choices[0] or {}
