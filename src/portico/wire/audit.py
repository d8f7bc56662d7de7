"""The audit log: who did what, and whether the log is whole. The server writes these shapes, the SDK reads them."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType, field

from portico.wire.tolerant import Shape


class AuditActor(Shape):
    """Who did it: `kind` is token, user or system; a token and a user have an `id`."""

    kind: str = ""
    id: str = ""
    name: str = ""


class AuditEntry(Shape, rename="camel"):
    """One entry. `at` is UTC to the microsecond, without a zone; `hash` and `previous` are 64 hexadecimal digits.

    `kind` says what `target_id` names: project, token, assistant, secret and so on. `project_id` is "" for what
    concerns the whole organization, `request_id` is there for a run.
    """

    sequence: int = 0
    at: str = ""
    actor: AuditActor = field(default_factory=AuditActor)
    action: str = ""
    kind: str = ""
    target_id: str = ""
    target_name: str = ""
    project_id: str = ""
    request_id: str = ""
    details: dict[str, Any] = field(default_factory=dict)
    previous: str = ""
    hash: str = ""


class AuditPage(Shape, rename="camel"):
    """Answer of `GET /v1/audit`, newest first; with `next_cursor` there are more."""

    entries: list[AuditEntry] = field(default_factory=list)
    next_cursor: str | UnsetType = UNSET


class AuditCheck(Shape, rename="camel"):
    """Answer of `GET /v1/audit/verify`. `head` is the hash of the last good entry, `entries` how many are good.

    When the log is broken, `broken_at` is the sequence of the first entry that does not fit, and `reason` says why.
    """

    valid: bool = False
    entries: int = 0
    head: str = ""
    broken_at: int | UnsetType = UNSET
    reason: str | UnsetType = UNSET
