"""`portico assistants run`, `status` and `cancel`: assistants at work, waited for or asked about later."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

import click

from .groups import Command
from .inputs import read_message, read_pairs
from .options import Options
from .output import emit

if TYPE_CHECKING:
    from portico.sdk.call import JsonObject
    from portico.sdk.clients.assistant_requests import AssistantRequestOptions, AsyncAssistantRequestsClient

_EXAMPLES = [
    "portico assistants run Translator --var language=French 'Good evening'",
    "portico assistants run Reviewer --revision 3 @draft.txt -o json",
    "portico assistants run Translator --begin @book.txt      # at once, with the ID to ask about",
]


@click.command(cls=Command, examples=_EXAMPLES)
@click.argument("name")
@click.argument("message", nargs=-1)
@click.option(
    "--var", "variables", multiple=True, metavar="KEY=VALUE", help="Fill {KEY} in the prompt; may repeat, @file works."
)
@click.option("--revision", type=click.IntRange(0), metavar="N", help="This revision instead of the active one.")
@click.option("--revision-name", metavar="NAME", help="The same by its name.")
@click.option("--begin", is_flag=True, help="Do not wait: `portico assistants status ID` gives the answer later.")
def run(
    name: str,
    message: tuple[str, ...],
    variables: tuple[str, ...],
    revision: int | None,
    revision_name: str | None,
    begin: bool,
) -> None:
    """Ask assistant NAME; the answer is plain text, or with -o json all that the server sent.

    MESSAGE may name a file (@file) and standard input (-) among its words; without it, standard input is read.
    """
    text = read_message(message or ["-"])
    if not text.strip():
        raise click.UsageError("the message is empty")
    options: AssistantRequestOptions = {
        "variables": read_pairs(variables, "--var") or None,
        "revision": revision,
        "revision_name": revision_name,
    }
    if begin:
        emit(_ask(lambda client: client.begin_chat_request(name, text, **options)))
        return
    answer = _ask(lambda client: client.send_chat_request(name, text, **options))
    if Options.current().output in ("json", "yaml"):
        emit(answer)
    else:
        from .ask import end_line, show_text

        told = str(answer.get("text") or "")
        show_text(told)
        end_line(told)


@click.command(cls=Command, examples=["portico assistants status 5b1d2f8e-0000-4000-8000-000000000001"])
@click.argument("request_id", metavar="ID")
def status(request_id: str) -> None:
    """Show what became of a request, with its answer."""
    emit(_ask(lambda client: client.get_request_status(request_id)))


@click.command(cls=Command, examples=["portico assistants cancel 5b1d2f8e-0000-4000-8000-000000000001"])
@click.argument("request_id", metavar="ID")
def cancel(request_id: str) -> None:
    """End a request that runs; one that is over stays what it was."""
    emit(_ask(lambda client: client.cancel_request(request_id)))


def _ask(call: Callable[[AsyncAssistantRequestsClient], Coroutine[Any, Any, JsonObject]]) -> JsonObject:
    from .remote import opened

    with opened() as remote:
        return remote.run(call(remote.assistant_requests))
