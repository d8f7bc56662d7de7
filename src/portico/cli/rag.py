"""`portico rag`: assistants that answer from documents: make them, fill them, ask them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

import click

from .groups import Command, Group, Lazy
from .inputs import confirm
from .options import Options
from .output import Columns, emit, note, to_json
from .rag_settings import as_arguments, index_settings, pack, read_definition, read_members, search_settings
from .suggest import suggest_rag

if TYPE_CHECKING:
    from portico.sdk.call import JsonObject
    from portico.sdk.clients.rag import AsyncRagClient

_COLUMNS: Columns = {"Name": "name", "Description": "description"}
name_argument = click.argument("name", shell_complete=suggest_rag)


@click.group(
    cls=Group,
    lazy={
        "documents": Lazy("portico.cli.rag_documents:documents", "Upload, list, index again and delete documents."),
        "crawl": Lazy("portico.cli.rag_crawl:crawl", "Let the server read a web site."),
        "ask": Lazy("portico.cli.rag_ask:ask", "Ask a question; the sources follow the answer."),
        "search": Lazy("portico.cli.rag_ask:search", "Show the passages that fit a question."),
        "evaluate": Lazy("portico.cli.rag_evaluate:evaluate", "Measure how well questions find their documents."),
    },
    examples=[
        'portico rag create handbook --description "Questions about leave and pay"',
        "portico rag documents upload handbook docs/ --metadata year=2026 --wait",
        'portico rag ask handbook "How many days of leave do I have?"',
    ],
)
def rag() -> None:
    """Make RAG assistants, fill them with documents, and ask them.

    NAME is the name of a RAG assistant; every project has one named Default.
    """


@rag.command("list", cls=Command, examples=["portico rag list", "portico rag list --disabled -o json"])
@click.option("--disabled", is_flag=True, help="Those that cannot be asked, too.")
def list_(disabled: bool) -> None:
    """List the RAG assistants of the project."""
    answer = _ask(lambda client: client.list_profiles(include_all=disabled))
    emit(answer, rows=answer.get("searchProfiles", []), columns=_COLUMNS)


@rag.command(cls=Command, examples=["portico rag show handbook", "portico rag show handbook -o yaml"])
@name_argument
def show(name: str) -> None:
    """Show a RAG assistant with all its settings."""
    _emit_one(_ask(lambda client: client.get_profile(name)))


@rag.command(
    cls=Command,
    examples=[
        'portico rag create handbook --description "Leave and pay" --k 6 --history 4',
        "portico rag create papers --model openai/gpt-4o-mini --retriever multiQuery --chunk-size 1500",
        "portico rag create copy --file handbook.yaml --set indexOptions.useParentDocument=true",
    ],
)
@click.argument("name")
@index_settings
@search_settings
def create(name: str, **given: Any) -> None:
    """Make a RAG assistant. What is not said has the server's default."""
    members = read_members(given)
    members.pop("status", None)  # a new one is enabled
    _emit_one(_ask(lambda client: client.create_profile(name, **as_arguments(members))))


@rag.command(
    cls=Command,
    examples=[
        "portico rag update handbook --k 8 --score-threshold 0.3",
        "portico rag update handbook --guardrail injection --prompt @prompt.txt",
        "portico rag update handbook --disable",
    ],
)
@name_argument
@click.option("--enable/--disable", "enable", default=None, help="Whether it can be asked.")
@search_settings
def update(name: str, enable: bool | None, **given: Any) -> None:
    """Change a RAG assistant; what is not said stays, the start page included.

    How its documents are cut cannot be changed: make another one with --template.
    """
    members = read_members(given)
    if enable is not None:
        members["status"] = 1 if enable else 2
    if members.pop("indexOptions", None):  # the server keeps those of the beginning, and says nothing
        note("note: how its documents are cut (indexOptions) cannot be changed: make another one with --template")
    if not members:
        raise click.UsageError("say what to change: --k, --model, --prompt, --disable ...")
    _emit_one(_ask(lambda client: _update(client, name, members)))


async def _update(client: AsyncRagClient, name: str, members: dict[str, Any]) -> JsonObject:
    """The API erases a start page that is not sent, so it is brought along."""
    if "welcomeData" not in members and (page := (await client.get_profile(name)).get("welcomeData")):
        members = {**members, "welcomeData": page}
    return await client.update_profile(name, **as_arguments(members))


@rag.command(cls=Command, examples=["portico rag delete handbook --yes"])
@name_argument
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def delete(name: str, yes: bool) -> None:
    """Delete a RAG assistant with its documents."""
    if not yes:
        confirm(f"Delete RAG assistant {name} and all its documents?")
    emit(_ask(lambda client: client.delete_profile(name)))
    note(f"RAG assistant {name} deleted")


@rag.command("export", cls=Command, examples=["portico rag export handbook > handbook.json",
                                              "portico rag export handbook -o yaml > handbook.yaml"])  # fmt: skip
@name_argument
def export_(name: str) -> None:
    """Write the settings of a RAG assistant, to be imported elsewhere; keys and documents are not among them."""
    packed = pack(_ask(lambda client: client.get_profile(name)))
    if Options.current().output == "yaml":
        emit(packed)
    else:
        click.echo(to_json(packed))


@rag.command(
    "import",
    cls=Command,
    examples=[
        "portico rag import handbook.json",
        "portico rag export handbook --alias test | portico rag import - --alias production --name handbook2",
    ],
)
@click.argument("file")
@click.option("--name", metavar="NAME", help="Another name than the file says.")
def import_(file: str, name: str | None) -> None:
    """Make a RAG assistant of an exported file, JSON or YAML."""
    members = read_definition(file)
    members.pop("status", None)
    chosen = name or members.get("name")
    if not isinstance(chosen, str) or not chosen.strip():
        raise click.UsageError(f"{file} names no RAG assistant: say --name")
    _emit_one(_ask(lambda client: client.create_profile(chosen, **as_arguments(members))))


def _emit_one(answer: JsonObject) -> None:
    """A profile; as a table its members one below the other, named by their places."""
    emit(answer, short=dict(_flat(answer)))


def _flat(value: Any, place: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        return [pair for name, inner in value.items() for pair in _flat(inner, f"{place}.{name}" if place else name)]
    return [(place, value)]


def _ask(call: Callable[[AsyncRagClient], Coroutine[Any, Any, JsonObject]]) -> JsonObject:
    from .remote import opened

    with opened() as remote:
        return remote.run(call(remote.rag))
