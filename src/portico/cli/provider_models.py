"""`portico providers models`: models of one's own, of any provider."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .groups import Command, Group
from .inputs import confirm
from .output import emit, note
from .providers import ask, installation_options, read_members
from .suggest import suggest_providers

provider = click.argument("provider", shell_complete=suggest_providers)
name = click.argument("name")


@click.group(
    cls=Group,
    examples=[
        "portico providers models add openai ft-support --type Chat --upstream-name ft:x --alias organization",
        "portico providers models remove openai ft-support --yes --alias organization",
    ],
)
def models() -> None:
    """Add and remove models of your own: fine-tuned ones, deployments, models that the catalog does not list."""


@models.command(
    cls=Command,
    examples=[
        "portico providers models add openai ft-support --type Chat --upstream-name ft:x --alias organization",
        "portico providers models add acme acme-large --type Chat --price-in 3 --price-out 15 --alias organization",
        "portico providers models add acme acme-embed --type Embedding --entry embed.json --alias organization",
    ],
)
@provider
@name
@click.option(
    "--type", "kind", help="What it does.",
    type=click.Choice(["Chat", "Embedding", "Image", "Rerank", "Audio", "Video"], case_sensitive=False),
)  # fmt: skip
@click.option("--upstream-name", metavar="NAME", help="What the provider calls it. Default: the same.")
@click.option("--context-window", type=click.IntRange(min=0), metavar="TOKENS", help="Longest prompt and answer.")
@click.option("--max-output", type=click.IntRange(min=0), metavar="TOKENS", help="Longest answer.")
@click.option("--price-in", type=click.FloatRange(min=0), metavar="USD", help="Price of a million input tokens.")
@click.option("--price-out", type=click.FloatRange(min=0), metavar="USD", help="Price of a million output tokens.")
@click.option("--tools", is_flag=True, help="It calls tools.")
@click.option("--entry", metavar="FILE", help="Further members as JSON, such as `reasoning`; - is standard input.")
@installation_options
def add(
    provider: str,
    name: str,
    kind: str | None,
    upstream_name: str | None,
    context_window: int | None,
    max_output: int | None,
    price_in: float | None,
    price_out: float | None,
    tools: bool,
    entry: str | None,
    installation: bool,
    data_dir: Path | None,
) -> None:
    """Add a model NAME to PROVIDER; it can be used at once."""
    given = {
        "type": kind,
        "upstreamName": upstream_name,
        "contextWindow": context_window,
        "maxOutputTokens": max_output,
        "toolCalling": tools or None,
        "price": _price(price_in, price_out),
    }
    members = read_members(entry) | {"name": name}
    members |= {member: value for member, value in given.items() if value is not None}
    emit(ask(lambda calls: calls.create_model(provider, members), installation, data_dir))


@models.command(cls=Command, examples=["portico providers models remove acme acme-large --yes --alias organization"])
@provider
@name
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@installation_options
def remove(provider: str, name: str, yes: bool, installation: bool, data_dir: Path | None) -> None:
    """Remove a model of your own."""
    if not yes:
        confirm(f"Remove model {name} of {provider}?")
    ask(lambda calls: calls.delete_model(provider, name), installation, data_dir)
    note(f"model {provider}/{name} removed")


def _price(price_in: float | None, price_out: float | None) -> dict[str, Any] | None:
    """USD to micro-USD, as the catalog counts."""
    given = {"input": price_in, "output": price_out}
    found = {kind: round(usd * 1_000_000) for kind, usd in given.items() if usd is not None}
    return found or None
