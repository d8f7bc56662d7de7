"""What the functions of this room work with, as one value: database, key, and the snapshot to keep true."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.access.refusals import NameEmpty
from portico.server.access.snapshot import TokenSnapshot
from portico.server.errors import OutOfRange, PatternMismatch, PorticoError
from portico.server.ids import OrganizationId
from portico.server.kit.hashing import random_text
from portico.server.kit.texts import storable
from portico.server.storage.database import Database
from portico.server.storage.secrets import InstallationKey

TOKEN_PREFIX = "geai_"
LONGEST_NAME = 200
LONGEST_DESCRIPTION = 200


@dataclass(frozen=True, slots=True)
class Tenancy:
    database: Database
    key: InstallationKey
    snapshot: TokenSnapshot

    @asynccontextmanager
    async def change(self, organization_id: OrganizationId) -> AsyncIterator[AsyncConnection]:
        """A transaction; after it this process knows the change at once, and the others within a second."""
        async with self.database.begin() as connection:
            yield connection
        await self.snapshot.refresh(organization_id)

    @asynccontextmanager
    async def change_grants(self, organization_id: OrganizationId) -> AsyncIterator[AsyncConnection]:
        """As `change`, where it is about who may do what: all grants of the organization are read anew."""
        async with self.change(organization_id) as connection:
            yield connection
        await self.snapshot.people.refresh(organizations=[organization_id])


@asynccontextmanager
async def refuse_duplicate(refusal: Callable[[], PorticoError]) -> AsyncIterator[None]:
    """The unique index decides and not a question asked before, which two callers could ask at once."""
    try:
        yield
    except IntegrityError as error:
        if getattr(error.orig, "sqlstate", None) != "23505":  # unique_violation
            raise
        raise refusal() from None


def new_token() -> str:
    return random_text(TOKEN_PREFIX)


def clean_name(name: str | None) -> str:
    """The name without blanks around it. Raises NameEmpty, OutOfRange."""
    clean = clean_text(name or "")
    if not clean:
        raise NameEmpty(param="name")
    if len(clean) > LONGEST_NAME:
        raise OutOfRange("name", f"at most {LONGEST_NAME} characters")
    return clean


def clean_description(description: str | None) -> str:
    """Cut to 200 characters, as the reference server does."""
    return clean_text(description or "")[:LONGEST_DESCRIPTION]


def maybe_text(body: Mapping[str, Any], name: str, longest: int, where: str = "") -> str | None:
    """A text of a body without blanks around it; None when it is absent or null. `where` is its name in a refusal.

    Raises PatternMismatch, OutOfRange.
    """
    given, field = body.get(name), where or name
    if given is None:
        return None
    if not isinstance(given, str):
        raise PatternMismatch(field, "send a text")
    clean = clean_text(given)
    if len(clean) > longest:
        raise OutOfRange(field, f"at most {longest} characters")
    return clean


def clean_text(text: str) -> str:
    """Without what PostgreSQL cannot store: NUL, and halves of surrogate pairs that JSON lets through."""
    return storable(text).strip()
