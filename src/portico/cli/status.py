"""`portico status`: does the server answer, how fast, whom does it take us for, and which models are there."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import click

from .errors import explain
from .groups import Command
from .output import chosen_format, emit, note, to_json

if TYPE_CHECKING:
    from .remote import Remote


@click.command(
    cls=Command,
    examples=[
        "portico status",
        "portico status -o json | jq .version",
        "portico status --monitor --interval 10     # a line every ten seconds, until Ctrl-C",
    ],
)
@click.option("--monitor", is_flag=True, help="Go on asking; one line each time.")
@click.option(
    "--interval",
    type=click.FloatRange(min=0.1),
    default=5,
    show_default=True,
    metavar="SECONDS",
    help="Pause between two questions.",
)
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="Stop after N questions.")
def status(monitor: bool, interval: float, count: int | None) -> None:
    """Say whether the server answers, which version it is, whom the token belongs to, and which local models it has.

    The exit code is 3 when it does not answer; with --monitor, when it did not answer the last time.
    """
    if not monitor:
        _look()
        return
    exit_code = 0
    asked = 0
    while count is None or asked < count:
        if asked:
            time.sleep(interval)
        asked += 1
        exit_code = _look_once()
    raise click.exceptions.Exit(exit_code)


def _look_once() -> int:
    """One line of the monitor: what the server said, or why it said nothing."""
    now = time.strftime("%H:%M:%S")
    try:
        with _opened() as remote:
            found = _ping(remote)
    except Exception as error:
        failure = explain(error)
        if failure is None:
            raise
        note(f"{now}  {failure.line}")
        return failure.exit_code
    if chosen_format() == "json":
        click.echo(to_json({"time": now, **found}, indent=None))
    else:
        click.echo(f"{now}  up  {found['milliseconds']} ms  version {found.get('version', '?')}")
    return 0


def _opened() -> AbstractContextManager[Remote]:
    from .remote import credentials_or_address, opened

    # What is asked is how it is now, so nothing is tried again.
    return opened(credentials_or_address(), max_retries=0)


def _ping(remote: Remote) -> dict[str, Any]:
    started = time.monotonic()
    answer = remote.run(remote.status.get_status())
    return {**answer, "milliseconds": round((time.monotonic() - started) * 1000, 1)}


def _look() -> None:
    """The whole picture; a token that is refused is told after it, so that the rest is seen all the same."""
    with _opened() as remote:
        credentials = remote.credentials
        found = {"server": credentials.base_url, **_ping(remote)}
        if credentials.api_key or credentials.access_token:
            try:
                found["token"] = {"source": credentials.source, **remote.run(remote.tokens.validate_api_token())}
            except Exception:
                emit(found, short=_short(found))
                raise
        emit(found, short=_short(found))


def _short(found: dict[str, Any]) -> dict[str, object]:
    """The picture as a few lines."""
    lines: dict[str, object] = {
        "Server": found["server"],
        "Version": found.get("version"),
        "Answered in": f"{found['milliseconds']} ms",
    }
    if token := found.get("token"):
        project = f"project {token['projectName']} of " if token.get("projectName") else ""
        lines["Token"] = f"{project}organization {token.get('organizationName', '?')}, from {token['source']}"
    if workers := found.get("workers"):
        lines["Workers"] = f"{workers['living']} living"
    if (queue := found.get("queue")) and queue["jobs"]:
        lines["Queue"] = f"{queue['jobs']} jobs, the oldest for {queue['oldestSeconds']:.0f} s"
    for model in found.get("localModels") or ():
        lines[f"local/{model['name']}"] = _state(model)
    return lines


def _state(model: dict[str, Any]) -> str:
    """The state of a local model, with how far its download is."""
    if model["state"] in ("pulling", "partial") and model.get("size_bytes"):
        return f"{model['state']}, {100 * model.get('done_bytes', 0) // model['size_bytes']} %"
    return f"{model['state']}: {model['error']}" if model.get("error") else str(model["state"])
