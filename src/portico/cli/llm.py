"""`portico llm`: the providers and models of the server, in the reader's language."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .groups import Command, Group
from .output import Columns, Row, emit
from .suggest import suggest_models, suggest_providers

if TYPE_CHECKING:
    from portico.sdk.call import JsonObject
    from portico.sdk.clients.llm import AsyncLlmClient

F = TypeVar("F", bound=Callable[..., Any])

_ABILITIES = {"streaming": "stream", "toolCalling": "tools", "multimodal": "media"}
_MODEL: Columns = {
    "Model": "fullName",
    "Type": "type",
    "Context": lambda row: row.get("contextWindow") or None,
    "Can": lambda row: ", ".join(word for member, word in _ABILITIES.items() if row.get(member)),
    "Description": "description",
}
_PROVIDER: Columns = {"Provider": "name", "Name": "friendlyName", "Description": "description"}


def model_filters(command: F) -> F:
    """The filters of the catalog, as options."""
    options = [
        click.option("--type", "type_", metavar="TYPE", help="Only this type: Chat, Embedding, Image, Rerank ..."),
        click.option("--streaming/--no-streaming", default=None, help="Only models that stream, or do not."),
        click.option("--multimodal/--no-multimodal", default=None, help="Only models that take media, or do not."),
        click.option("--tool-calling/--no-tool-calling", default=None, help="Only models that call tools, or do not."),
        click.option(
            "--function-calling/--no-function-calling", default=None, help="Only models that call functions, or do not."
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


language = click.option(
    "--language",
    "-l",
    metavar="LANGUAGE",
    help="Language of the descriptions: English, Spanish, Portuguese, Japanese, or es, pt, ja.",
)
summary = click.option("--summary", is_flag=True, help="Names only: less to read, less to send.")


@click.group(
    cls=Group,
    examples=[
        "portico llm models",
        "portico llm models openai --type Embedding",
        "portico llm model local/all-minilm-l6-v2",
    ],
)
def llm() -> None:
    """Show the providers and models of the server."""


@llm.command(cls=Command, examples=["portico llm providers", "portico llm providers --models --type Chat -o json"])
@click.option("--models", is_flag=True, help="With their active models; the filters need it.")
@model_filters
@language
@summary
def providers(models: bool, **filters: Any) -> None:
    """List the providers."""
    given = [name for name in _FILTERS if filters.get(name) is not None]
    if given and not models:
        raise click.UsageError("the filters choose among models: add --models")
    answer = _ask(lambda catalog: catalog.list_providers(models=models, **view(**filters)))
    if models:
        emit(answer, rows=_all_models(answer), columns=_columns(filters))
    else:
        emit(answer, rows=answer.get("providers", []), columns=_PROVIDER)


@llm.command(cls=Command, examples=["portico llm provider openai", "portico llm provider local --language Spanish"])
@click.argument("name", shell_complete=suggest_providers)
@language
@summary
def provider(name: str, language: str | None, summary: bool) -> None:
    """Show one provider."""
    emit(_ask(lambda catalog: catalog.get_provider(name, **view(language, summary))))


@llm.command(
    cls=Command,
    examples=[
        "portico llm models",
        "portico llm models local",
        "portico llm models --type Chat --tool-calling",
        "portico llm models -o json | jq -r '.models[].fullName'",
    ],
)
@click.argument("provider", required=False, shell_complete=suggest_providers)
@model_filters
@language
@summary
def models(provider: str | None, **filters: Any) -> None:
    """List the active models of one PROVIDER, or of all."""
    if provider:
        answer = _ask(lambda catalog: catalog.list_models(provider, **view(**filters)))
    else:
        answer = {"models": _all_models(_ask(lambda catalog: catalog.list_providers(models=True, **view(**filters))))}
    emit(answer, rows=answer.get("models", []), columns=_columns(filters))


@llm.command(
    cls=Command, examples=["portico llm model openai/gpt-4o-mini", "portico llm model openai gpt-4o-mini -o yaml"]
)
@click.argument(
    "name", metavar="PROVIDER/MODEL | PROVIDER MODEL|ID", nargs=-1, required=True, shell_complete=suggest_models(None)
)
@language
@summary
def model(name: tuple[str, ...], language: str | None, summary: bool) -> None:
    """Show one model, by its name or its id."""
    provider, _, rest = name[0].partition("/") if len(name) == 1 else (name[0], "", " ".join(name[1:]))
    if not rest:
        raise click.UsageError("write the model as PROVIDER/MODEL, or PROVIDER MODEL")
    emit(_ask(lambda catalog: catalog.get_model(provider, rest, **view(language, summary))))


def _ask(call: Callable[[AsyncLlmClient], Coroutine[Any, Any, JsonObject]]) -> JsonObject:
    from .remote import opened

    with opened() as remote:
        return remote.run(call(remote.llm))


def view(language: str | None = None, summary: bool = False, **filters: Any) -> dict[str, Any]:
    """The options as the SDK names them."""
    if "type_" in filters:
        filters["type"] = filters.pop("type_")
    return {"language": language, "detail": "Summary" if summary else None, **filters}


_FILTERS = ("type_", "streaming", "multimodal", "tool_calling", "function_calling")


def _all_models(answer: Row) -> list[Row]:
    return [model for provider in answer.get("providers", []) for model in provider.get("models", [])]


def _columns(filters: dict[str, Any]) -> Columns:
    return {"Model": "fullName", "Type": "type", "Id": "id"} if filters.get("summary") else _MODEL
