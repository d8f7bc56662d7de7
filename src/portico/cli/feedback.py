"""`portico feedback`: whether an answer was good."""

from __future__ import annotations

import click

from .groups import Command, Group
from .inputs import read_message
from .output import note

_ID = "5b1d2f8e-0000-4000-8000-000000000001"
request_id = click.argument("request_id", metavar="ID")
comments = click.argument("comments", metavar="[COMMENT]...", nargs=-1)


@click.group(
    cls=Group,
    examples=[f"portico feedback good {_ID}", f"portico feedback bad {_ID} the date is wrong"],
)
def feedback() -> None:
    """Say whether an answer was good.

    ID is what the answer has as `requestId`, and its header X-Request-Id. A second word replaces the first.
    """


@feedback.command(cls=Command, examples=[f"portico feedback good {_ID}"])
@request_id
@comments
def good(request_id: str, comments: tuple[str, ...]) -> None:
    """The answer was good."""
    _send(request_id, 1, comments)


@feedback.command(cls=Command, examples=[f"portico feedback bad {_ID} the date is wrong"])
@request_id
@comments
def bad(request_id: str, comments: tuple[str, ...]) -> None:
    """The answer was bad."""
    _send(request_id, 2, comments)


def _send(request_id: str, score: int, comments: tuple[str, ...]) -> None:
    from .remote import opened

    told = read_message(comments) or None
    with opened() as remote:
        remote.run(remote.feedback.send_feedback(request_id, score, comments=told))
    note(f"feedback for {request_id} kept")
