"""`portico responses`: a question with pictures and PDFs, by the Responses API."""

from __future__ import annotations

import sys
from collections.abc import Awaitable
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from .groups import Command, Group
from .inputs import read_message, read_word
from .options import Options
from .output import emit, note, printable
from .suggest import suggest_models

if TYPE_CHECKING:
    from portico.sdk.clients.responses import ResponseOptions
    from portico.sdk.streams import AsyncJsonStream


Json = dict[str, Any]
_TEXT = "response.output_text.delta"
_ENDS = ("response.completed", "response.incomplete")


@click.group(cls=Group, examples=['portico responses create -m openai/gpt-4.1 --file offer.pdf "What does it cost?"'])
def responses() -> None:
    """Answers by the Responses API: texts, pictures and PDFs in."""


@responses.command(
    cls=Command,
    examples=[
        'portico responses create -m openai/gpt-4.1 "Name three rivers of Chile"',
        "portico responses create -m openai/gpt-4.1 --file plan.pdf --file site.jpg 'What is missing?'",
        "portico responses create -m openai/gpt-4.1 -o json 'Say hello' | jq .usage",
    ],
)
@click.argument("message", nargs=-1)
@click.option(
    "--model",
    "-m",
    envvar="PORTICO_MODEL",
    show_envvar=True,
    metavar="NAME",
    shell_complete=suggest_models("Chat"),
    help="Model. Default: the best local one.",
)
@click.option(
    "--file", "-f", "files", multiple=True, metavar="FILE", type=click.Path(exists=True, dir_okay=False),
    help="A picture or a PDF; may repeat.",
)  # fmt: skip
@click.option("--instructions", "-s", metavar="TEXT", help="What the model is told first; @file reads it from a file.")
@click.option("--stream/--no-stream", default=None, help="Show the answer as it comes. Default: on a terminal.")
@click.option("--max-output-tokens", type=click.IntRange(min=1), metavar="N", help="Longest answer, in tokens.")
@click.option("--temperature", type=click.FloatRange(0, 2), metavar="NUMBER", help="0 is the most predictable.")
@click.option("--reasoning-effort", metavar="LEVEL", help="How much a reasoning model thinks: low, medium, high.")
def create(message: tuple[str, ...], model: str | None, stream: bool | None, **values: Any) -> None:
    """Make a response.

    The answer is plain text; -o json gives the whole response. MESSAGE may name a file of text (@file) and
    standard input (-) among its words; without MESSAGE, standard input is read.
    """
    from .ask import end_line, find_models
    from .remote import opened

    text = read_message(message or ["-"])
    if not text.strip():
        raise click.UsageError("the message is empty")
    whole = Options.current().output in ("json", "yaml")
    streams = (sys.stdout.isatty() if stream is None else stream) and not whole
    options = _options(**values)
    with opened(max_retries=0) as remote:
        name = model or find_models(remote)[0]
        if streams:
            answer = remote.run(_show(remote.responses.stream_response(name, text, **options)))
        else:
            answer = remote.run(remote.responses.create_response(name, text, **options))
    if whole:
        emit(answer)
        return
    told = text_of(answer)
    if not streams:
        click.echo(printable(told) if sys.stdout.isatty() else told, nl=False)
    if told:
        end_line(told)
    else:
        note(f"note: the answer is empty{_why_empty(name)}")
    _remark(answer)


def text_of(response: Json) -> str:
    """The texts of all messages of a response, joined."""
    items = [item for item in response.get("output") or () if isinstance(item, dict)]
    parts = [part for item in items if item.get("type") == "message" for part in item.get("content") or ()]
    return "".join(str(part.get("text") or part.get("refusal") or "") for part in parts)


def _why_empty(model: str) -> str:
    """The Responses API has no member for what a search has found, or not."""
    kind, _, rag = model.partition("saia:search:")
    if kind or not rag:
        return ""
    return f": {rag} found no passage that fits, or gives passages alone (portico rag search {quote(rag)} QUESTION)"


def _options(
    files: tuple[str, ...], instructions: str | None, reasoning_effort: str | None, **rest: Any
) -> ResponseOptions:
    return {
        "files": files,
        "instructions": read_word(instructions) if instructions else None,
        "reasoning": {"effort": reasoning_effort} if reasoning_effort else None,
        **rest,  # type: ignore[typeddict-item]
    }


async def _show(opening: Awaitable[AsyncJsonStream]) -> Json:
    """Shows the text as it comes; the result is the whole response of the last event."""
    final: Json = {}
    async with await opening as stream:
        async for event in stream:
            if event.get("type") == _TEXT:
                piece = str(event.get("delta") or "")
                sys.stdout.write(printable(piece) if sys.stdout.isatty() else piece)
                sys.stdout.flush()
            elif event.get("type") in _ENDS:
                final = event.get("response") or {}
    return final


def _remark(response: Json) -> None:
    reason = (response.get("incomplete_details") or {}).get("reason")
    if reason == "max_output_tokens":
        note("note: the answer ends here because it reached its longest length (--max-output-tokens)")
    elif reason:
        note(f"note: the answer is not complete: {reason}")
