"""`portico guardrails`: what a project checks of its requests and answers."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

import click

from .groups import Command, Group
from .inputs import confirm, read_json
from .output import emit, note
from .shared_options import project_option

if TYPE_CHECKING:
    from portico.sdk.call import JsonObject
    from portico.sdk.clients.guardrails import AsyncGuardrailsClient

_NAMES = {
    "injection": "prompt-injection-guardrail",
    "moderation": "input-moderation-guardrail",
    "output": "llm-output-guardrail",
}

which = click.argument("names", metavar="NAME...", nargs=-1, required=True, type=click.Choice(list(_NAMES)))


@click.group(
    cls=Group,
    examples=[
        "portico guardrails show",
        "portico guardrails on injection output",
        "portico guardrails set @guardrails.json",
    ],
)
def guardrails() -> None:
    """Show and set the guardrails of a project.

    NAME is injection (attacks on the prompt), moderation (what users send) or output (what models answer).
    """


@guardrails.command(cls=Command, examples=["portico guardrails show", "portico guardrails show -o json > mine.json"])
@project_option
def show(project_id: str | None) -> None:
    """Show the guardrails of the project."""
    emit(_ask(lambda client: client.get_guardrails(project_id=project_id)))


@guardrails.command(
    "set",
    cls=Command,
    examples=["portico guardrails set @mine.json", "portico guardrails set '{\"guardrails\": []}'"],
)
@click.argument("settings", metavar="JSON")
@project_option
def set_(settings: str, project_id: str | None) -> None:
    """Replace all settings by JSON, a @file or - for standard input."""
    told = read_json(settings, "JSON")
    if not isinstance(told, dict):
        raise click.UsageError("JSON: write an object, as `portico guardrails show -o json` prints it")
    emit(_ask(lambda client: client.set_guardrails(told, project_id=project_id)))


@guardrails.command(cls=Command, examples=["portico guardrails on injection moderation output"])
@which
@project_option
def on(names: tuple[str, ...], project_id: str | None) -> None:
    """Switch guardrails on, and leave everything else as it is."""
    chosen = {_NAMES[name] for name in names}
    emit(_ask(lambda client: _switch(client, lambda before: before | chosen, project_id)))


@guardrails.command(cls=Command, examples=["portico guardrails off output"])
@which
@project_option
def off(names: tuple[str, ...], project_id: str | None) -> None:
    """Switch guardrails off, and keep their settings."""
    chosen = {_NAMES[name] for name in names}
    emit(_ask(lambda client: _switch(client, lambda before: before - chosen, project_id)))


@guardrails.command(cls=Command, examples=["portico guardrails delete --yes"])
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@project_option
def delete(yes: bool, project_id: str | None) -> None:
    """Remove all settings: nothing is checked any more."""
    if not yes:
        confirm("Remove all guardrails of the project?")
    _ask(lambda client: client.delete_guardrails(project_id=project_id))
    note("guardrails removed")


async def _switch(
    client: AsyncGuardrailsClient, change: Callable[[set[str]], set[str]], project_id: str | None
) -> JsonObject:
    settings = await client.get_guardrails(project_id=project_id)
    names = change(set(settings.get("guardrails") or []))
    settings["guardrails"] = [name for name in _NAMES.values() if name in names]
    return await client.set_guardrails(settings, project_id=project_id)


def _ask(call: Callable[[AsyncGuardrailsClient], Coroutine[Any, Any, JsonObject]]) -> JsonObject:
    from .remote import opened

    with opened() as remote:
        return remote.run(call(remote.guardrails))
