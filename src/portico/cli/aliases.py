"""`portico aliases`: model names of a team's own, and what answers for them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any

import click

from .groups import Command, Group
from .inputs import confirm
from .output import Columns, Row, emit, note

if TYPE_CHECKING:
    from portico.sdk.call import JsonObject
    from portico.sdk.clients.providers import AsyncProvidersClient

project = click.option(
    "--project",
    "project_id",
    metavar="ID",
    help="A project's alias. Default: the organization's, or the token's project.",
)


def _targets(row: Row) -> str:
    """`openai/gpt-4o x3, openai/gpt-4o-mini; else azure/gpt-4o`: tiers behind semicolons."""
    tiers: dict[int, list[str]] = {}
    for target in row.get("targets", []):
        weight = target.get("weight", 1)
        tiers.setdefault(target.get("tier", 0), []).append(target["model"] + (f" x{weight}" if weight != 1 else ""))
    return "; else ".join(", ".join(tiers[tier]) for tier in sorted(tiers))


_ALIASES: Columns = {
    "Alias": "name",
    "Targets": _targets,
    "Strategy": "strategy",
    "Scope": "scope",
    "Project": "projectId",
}


@click.group(
    cls=Group,
    examples=[
        "portico aliases set team/fast openai/gpt-4o-mini --else azure/gpt-4o-mini",
        "portico aliases list",
    ],
)
def aliases() -> None:
    """Give models names of your own, with balancing and fallbacks.

    Who asks for an alias gets one of its targets; the answer says which, in the header X-Portico-Provider.
    """


@aliases.command(
    "list", cls=Command, examples=["portico aliases list", "portico aliases list -o json --alias organization"]
)
@project
def list_(project_id: str | None) -> None:
    """List the aliases of the organization and its projects, or of one project."""
    answer = _ask(lambda client: client.list_aliases(project_id=project_id))
    emit(answer, rows=answer.get("aliases", []), columns=_ALIASES)


@aliases.command(
    "set",
    cls=Command,
    examples=[
        "portico aliases set team/fast openai/gpt-4o-mini",
        "portico aliases set team/fast openai/gpt-4o=3 azure/gpt-4o=1 --strategy least_busy",
        "portico aliases set team/fast openai/gpt-4o --else azure/gpt-4o --else local/smollm2-135m-instruct",
    ],
)
@click.argument("name")
@click.argument("targets", nargs=-1, required=True, metavar="MODEL[=WEIGHT]...")
@click.option("--else", "fallbacks", multiple=True, metavar="MODEL", help="When those before fail; in this order.")
@click.option("--strategy", type=click.Choice(["weighted", "least_busy"]), help="Default: weighted.")
@project
def set_(
    name: str, targets: Sequence[str], fallbacks: Sequence[str], strategy: str | None, project_id: str | None
) -> None:
    """Let MODELs answer for NAME, sharing the load by weight."""
    listed = [_target(text, 0) for text in targets]
    listed += [_target(text, tier) for tier, text in enumerate(fallbacks, 1)]
    emit(_ask(lambda client: client.put_alias(name, listed, strategy=strategy, project_id=project_id)))


@aliases.command(cls=Command, examples=["portico aliases remove team/fast --yes"])
@click.argument("name")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@project
def remove(name: str, yes: bool, project_id: str | None) -> None:
    """Remove an alias; whoever asks for it is refused from then on."""
    if not yes:
        confirm(f"Remove alias {name}?")
    _ask(lambda client: client.delete_alias(name, project_id=project_id))
    note(f"alias {name} removed")


def _ask(call: Callable[[AsyncProvidersClient], Coroutine[Any, Any, JsonObject]]) -> JsonObject:
    from .remote import opened

    with opened() as remote:
        return remote.run(call(remote.providers))


def _target(text: str, tier: int) -> dict[str, Any]:
    model, equals, weight = text.rpartition("=")
    if not equals:
        return {"model": text, "tier": tier}
    if not weight.isdigit() or not model:
        raise click.UsageError(f"{text}: write MODEL or MODEL=WEIGHT, such as openai/gpt-4o=3")
    return {"model": model, "weight": int(weight), "tier": tier}
