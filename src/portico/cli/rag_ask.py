"""`portico rag ask` and `search`: a question to a RAG assistant, answered from its documents, or only looked up."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click
import msgspec

from .groups import Command
from .inputs import read_message, read_pairs
from .options import Options
from .output import chosen_format, emit
from .sources import nothing_found, place_of, score_of, tell_messages, tell_sources, text_of
from .suggest import suggest_rag

if TYPE_CHECKING:
    from portico.sdk.clients.chat import ChatOptions
    from portico.sdk.rag_answers import RagAnswer

    from .remote import Remote

_SIGNS = {"=": "$eq", "!=": "$ne", ">": "$gt", ">=": "$gte", "<": "$lt", "<=": "$lte"}
_OPERATORS = ("$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$ismatch")
_FILTER = "Only passages whose KEY fits, such as year gte 2024, extension ne csv, quarter in q1,q2; may repeat."

filter_option = click.option(
    "--filter", "filters", nargs=3, multiple=True, metavar="KEY OPERATOR VALUE", help=_FILTER
)  # fmt: skip
variable_option = click.option(
    "--variable", "variables", multiple=True, metavar="KEY=VALUE", help="Fill {KEY} in the prompt; may repeat."
)


@click.command(
    cls=Command,
    examples=[
        'portico rag ask handbook "How many days of leave do I have?"',
        'portico rag ask handbook --thread lunch-42 "And in the second year?"',
        'portico rag ask handbook --filter year gte 2024 --filter extension ne csv "What is new?"',
        'portico rag ask handbook -o json "What is new?" | jq .documents',
    ],
)
@click.argument("name", shell_complete=suggest_rag)
@click.argument("question", nargs=-1)
@click.option("--thread", "thread_id", metavar="ID", help="Conversation that goes on, as far as its --history reaches.")
@filter_option
@variable_option
@click.option("--stream/--no-stream", default=None, help="Show the answer as it comes. Default: on a terminal.")
@click.option("--sources/--no-sources", default=True, help="Name the sources on standard error. Default: yes.")
def ask(
    name: str,
    question: tuple[str, ...],
    thread_id: str | None,
    filters: tuple[tuple[str, str, str], ...],
    variables: tuple[str, ...],
    stream: bool | None,
    sources: bool,
) -> None:
    """Ask a RAG assistant. The answer is plain text, its sources follow on standard error; -o json gives all of it.

    QUESTION may name a file (@file) and standard input (-) among its words; without it, standard input is read.
    """
    options: ChatOptions = {
        "thread_id": thread_id,
        "filters": read_filters(filters) or None,
        "variables": read_pairs(variables, "--variable") or None,
    }
    text = _read_question(question)
    whole = Options.current().output in ("json", "yaml")
    streams = (sys.stdout.isatty() if stream is None else stream) and not whole
    from .remote import opened

    with opened() as remote:
        answer = _ask(remote, name, text, options, streams=streams, shows=not whole)
    if whole:
        emit(answer.raw)
    if not answer.success:
        raise nothing_found(name, answer.result.messages, filtered=bool(filters))
    if not whole:
        tell_messages(answer.result.messages)
    if sources and not whole:
        tell_sources(answer.raw.get("documents") or [])


@click.command(
    cls=Command,
    examples=[
        'portico rag search handbook "parental leave"',
        'portico rag search handbook --filter extension eq pdf "parental leave" -o json',
    ],
)
@click.argument("name", shell_complete=suggest_rag)
@click.argument("question", nargs=-1)
@filter_option
@variable_option
def search(
    name: str, question: tuple[str, ...], filters: tuple[tuple[str, str, str], ...], variables: tuple[str, ...]
) -> None:
    """Show the passages that fit a question, the best first.

    A RAG assistant of the step `documents` asks no model for it; another one writes its answer too, unseen.
    """
    from portico.sdk.managers.rag import AsyncRag

    from .remote import opened

    text, chosen = _read_question(question), read_filters(filters)
    with opened() as remote:
        asking = AsyncRag(remote.rag).query(
            name, text, filters=chosen or None, variables=read_pairs(variables, "--variable") or None
        )
        answer = remote.run(asking)
    if not answer.success:
        raise nothing_found(name, answer.result.messages, filtered=bool(filters))
    if chosen_format() == "table":
        tell_messages(answer.result.messages)
    found = answer.raw.get("documents") or []
    emit(found, rows=found, columns={"Score": score_of, "Source": place_of, "Passage": text_of})


def read_filters(filters: Sequence[tuple[str, str, str]]) -> list[dict[str, Any]]:
    """Filters as the API has them; the operator with or without its `$`, or as a sign. Raises a usage error."""
    found = []
    for key, operator, text in filters:
        name = _SIGNS.get(operator, operator if operator.startswith("$") else f"${operator.lower()}")
        if name not in _OPERATORS:
            known = ", ".join(one.removeprefix("$") for one in _OPERATORS)
            raise click.UsageError(f"--filter {key} {operator}: there is no such operator; there are {known}")
        value: str | list[Any] = text
        if name in ("$in", "$nin"):
            value = _read_list(text)
        found.append({"key": key, "operator": name, "value": value})
    return found


def _read_list(text: str) -> list[Any]:
    """`q1,q2`, or a JSON array."""
    if not text.lstrip().startswith("["):
        return [part.strip() for part in text.split(",")]
    try:
        return msgspec.json.decode(text, type=list[Any])
    except ValueError as error:
        raise click.UsageError(f"--filter: {text} is no JSON array: {error}") from None


def _read_question(words: tuple[str, ...]) -> str:
    text = read_message(words or ["-"])
    if not text.strip():
        raise click.UsageError("the question is empty")
    return text


def _ask(remote: Remote, name: str, question: str, options: ChatOptions, *, streams: bool, shows: bool) -> RagAnswer:
    from portico.sdk.managers.rag import AsyncRag

    from .ask import end_line, show_text, tell_cut

    rag = AsyncRag(remote.rag)
    if streams:
        answer = remote.run(_read_stream(rag, name, question, options, show_text))
    else:
        answer = remote.run(rag.ask(name, question, **options))
        if shows:
            show_text(answer.text)
    if shows and answer.text:
        end_line(answer.text)
        tell_cut(_finish_reason(answer))
    return answer


def _finish_reason(answer: RagAnswer) -> str | None:
    choice = next(iter(answer.raw.get("choices") or ()), None) or {}
    return choice.get("finish_reason")


async def _read_stream(
    rag: Any, name: str, question: str, options: ChatOptions, show: Callable[[str], None]
) -> RagAnswer:
    async with await rag.stream(name, question, **options) as stream:
        async for piece in stream.text_stream():
            show(piece)
        answer: RagAnswer = await stream.get_final_answer()
        return answer
