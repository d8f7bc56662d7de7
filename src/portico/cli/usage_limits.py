"""`portico usage-limits`: what an organization or a project may use in a day, a week, a month; and in a minute."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from .errors import RequestFailed
from .groups import Command, Group
from .inputs import confirm
from .output import Columns, emit, note

if TYPE_CHECKING:
    from portico.sdk.call import JsonObject
    from portico.sdk.clients.usage_limits import AsyncUsageLimitsClient

_STATUSES = {1: "active", 2: "expired", 3: "empty", 4: "cancelled"}
_LIMITS: Columns = {
    "Id": "id",
    "Status": lambda row: _STATUSES.get(row.get("status", 0), row.get("status")),
    "Type": "subscriptionType",
    "Unit": "usageUnit",
    "Soft": "softLimit",
    "Hard": "hardLimit",
    "Used": "usedAmount",
    "Until": "validUntil",
    "Renewal": "renewalStatus",
}
_RATES: Columns = {
    "Token": lambda row: row.get("tokenId", "(project)"),
    "Requests a minute": "requestsPerMinute",
    "Tokens a minute": "tokensPerMinute",
}
_NO_LIMIT = 4000
_ID = "5b1d2f8e-0000-4000-8000-000000000002"

project = click.option(
    "--project", metavar="ID", help="The limit of this project. Default: of the project that the token belongs to."
)
whole = click.option("--organization", "whole", is_flag=True, help="The limit of the organization itself.")
renewal = click.Choice(["Renewable", "NonRenewable"], case_sensitive=False)


@dataclass(frozen=True, slots=True)
class Place:
    """Whose limits: an organization, and a project of it or None."""

    organization: str
    project: str | None


Work = Callable[["AsyncUsageLimitsClient", Place], Awaitable["JsonObject"]]


@click.group(
    cls=Group,
    examples=[
        "portico usage-limits show",
        "portico usage-limits create --type Monthly --unit Cost --soft 80 --hard 100",
        "portico usage-limits rate --requests 600 --tokens 90000",
    ],
)
def usage_limits() -> None:
    """Set, show, change and cancel usage limits, and rates per minute.

    Without --project or --organization it is the project that the token in use belongs to. Amounts are USD when the
    unit is Cost.
    """


@usage_limits.command(
    cls=Command,
    examples=[
        "portico usage-limits create --type Monthly --unit Cost --soft 80 --hard 100",
        "portico usage-limits create --organization --alias organization --type Weekly --unit Cost --soft 40 --hard 50",
        "portico usage-limits create --type Daily --unit Requests --soft 1000 --hard 2000 --renewal NonRenewable",
    ],
)
@click.option(
    "--type", "kind", required=True, help="How long it lasts; Freemium has no end.",
    type=click.Choice(["Freemium", "Daily", "Weekly", "Monthly"], case_sensitive=False),
)  # fmt: skip
@click.option(
    "--unit", required=True, help="What is counted; an organization counts Cost.",
    type=click.Choice(["Requests", "Cost"], case_sensitive=False),
)  # fmt: skip
@click.option("--soft", required=True, type=float, metavar="N", help="Tell the operator when so much is used.")
@click.option("--hard", required=True, type=float, metavar="N", help="Refuse requests when so much is used.")
@click.option("--renewal", type=renewal, help="Begin anew at the end? Default: Renewable, but for Freemium.")
@project
@whole
def create(
    kind: str, unit: str, soft: float, hard: float, renewal: str | None, project: str | None, whole: bool
) -> None:
    """Set a limit, active at once. There is one at a time: cancel the old one first."""
    renews = renewal or (None if kind == "Freemium" else "Renewable")
    emit(
        _ask(
            lambda client, place: client.create_usage_limit(
                place.organization,
                subscription_type=kind,
                usage_unit=unit,
                soft_limit=soft,
                hard_limit=hard,
                renewal_status=renews,
                project=place.project,
            ),
            project,
            whole,
        )
    )


@usage_limits.command(
    "list",
    cls=Command,
    examples=["portico usage-limits list", "portico usage-limits list --organization --alias organization"],
)
@project
@whole
def list_(project: str | None, whole: bool) -> None:
    """List all limits there were, newest first."""
    answer = _ask(
        lambda client, place: client.list_usage_limits(place.organization, project=place.project), project, whole
    )
    emit(answer, rows=answer.get("usageLimits", []), columns=_LIMITS)


@usage_limits.command(
    cls=Command,
    examples=["portico usage-limits show", "portico usage-limits show --latest -o json | jq .remainingUsage"],
)
@click.option("--latest", is_flag=True, help="The newest one, also when it has ended.")
@project
@whole
def show(latest: bool, project: str | None, whole: bool) -> None:
    """Show the limit in force, and how much of it is used."""
    from portico.sdk.errors import NotFound

    def read(client: AsyncUsageLimitsClient, place: Place) -> Awaitable[JsonObject]:
        ask = client.get_latest_usage_limit if latest else client.get_active_usage_limit
        return ask(place.organization, project=place.project)

    try:
        answer = _ask(read, project, whole)
    except NotFound as error:
        if error.errors[:1] and error.errors[0][0] == _NO_LIMIT:
            what = "there was no usage limit yet" if latest else "no usage limit is in force"
            raise RequestFailed(what, "portico usage-limits create sets one.") from None
        raise
    emit(answer)


@usage_limits.command(
    cls=Command,
    examples=[
        f"portico usage-limits update {_ID} --hard 150",
        f"portico usage-limits update {_ID} --soft 100 --renewal NonRenewable",
    ],
)
@click.argument("limit_id", metavar="ID")
@click.option("--hard", type=float, metavar="N", help="Greater than the one before.")
@click.option("--soft", type=float, metavar="N", help="Not greater than the hard limit.")
@click.option("--renewal", type=renewal, help="Whether a new period begins at the end of this one.")
@project
@whole
def update(
    limit_id: str, hard: float | None, soft: float | None, renewal: str | None, project: str | None, whole: bool
) -> None:
    """Change a limit; one that is used up is open again with a greater hard limit."""
    if hard is None and soft is None and renewal is None:
        raise click.UsageError("say what to change: --hard, --soft or --renewal")

    async def change(client: AsyncUsageLimitsClient, place: Place) -> JsonObject:
        changed: JsonObject = {}
        if hard is not None:
            changed = await client.set_hard_limit(place.organization, limit_id, hard, project=place.project)
        if soft is not None:
            changed = await client.set_soft_limit(place.organization, limit_id, soft, project=place.project)
        if renewal is not None:
            changed = await client.set_renewal_status(place.organization, limit_id, renewal, project=place.project)
        return changed

    emit(_ask(change, project, whole))


@usage_limits.command(cls=Command, examples=[f"portico usage-limits cancel {_ID} --yes"])
@click.argument("limit_id", metavar="ID")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@project
@whole
def cancel(limit_id: str, yes: bool, project: str | None, whole: bool) -> None:
    """Cancel a limit. A project is refused everything from then on, until it has a new one."""
    if not yes:
        more = (
            "The organization has none from then on." if whole else "All requests are refused until there is a new one."
        )
        confirm(f"Cancel limit {limit_id}? {more}")
    _ask(
        lambda client, place: client.delete_usage_limit(place.organization, limit_id, project=place.project),
        project,
        whole,
    )
    note(f"limit {limit_id} cancelled")


@usage_limits.command(cls=Command, examples=["portico usage-limits rates", "portico usage-limits rates -o json"])
@project
def rates(project: str | None) -> None:
    """List what a project and its tokens may ask for in a minute."""
    answer = _ask(lambda client, place: client.list_rates(place.organization, _named(place)), project, False)
    emit(answer, rows=answer.get("rates", []), columns=_RATES)


@usage_limits.command(
    cls=Command,
    examples=[
        "portico usage-limits rate --requests 600 --tokens 90000",
        f"portico usage-limits rate --requests 10 --token {_ID}",
        "portico usage-limits rate --off",
    ],
)
@click.option("--requests", type=click.IntRange(min=1), metavar="N", help="Requests in a minute.")
@click.option("--tokens", type=click.IntRange(min=1), metavar="N", help="Tokens in a minute, of prompts and answers.")
@click.option(
    "--token", "token_id", metavar="ID", help="For this API token alone; `portico tokens list` shows the ids."
)
@click.option("--off", is_flag=True, help="Take the rate away.")
@project
def rate(requests: int | None, tokens: int | None, token_id: str | None, off: bool, project: str | None) -> None:
    """Set what a project, or one of its tokens, may ask for in a minute. It replaces what was set before."""
    if off == (requests is not None or tokens is not None):
        raise click.UsageError("say --requests, --tokens or both; or --off alone")
    emit(
        _ask(
            lambda client, place: client.set_rate(
                place.organization,
                _named(place),
                requests_per_minute=requests,
                tokens_per_minute=tokens,
                token_id=token_id,
            ),
            project,
            False,
        )
    )


def _ask(work: Work, project: str | None, whole: bool) -> JsonObject:
    """What the server answers about the place that the options and the token name."""
    from .remote import opened

    if project is not None and whole:
        raise click.UsageError("--project and --organization exclude each other")

    with opened() as remote:

        async def go() -> JsonObject:
            found: dict[str, Any] = await remote.tokens.validate_api_token()
            own = project or found.get("projectId")
            if not own and not whole:
                raise click.UsageError("the token in use belongs to no project: say --project ID or --organization")
            return await work(remote.usage_limits, Place(str(found["organizationId"]), None if whole else str(own)))

        return remote.run(go())


def _named(place: Place) -> str:
    assert place.project is not None  # `_ask` has seen to it
    return place.project
