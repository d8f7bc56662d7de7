"""The last use of a token: noted in memory, written in batches, shown in listings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import NoReturn

import msgspec
import pytest
from msgspec import UNSET

from portico.server.access import tokens
from portico.server.access.tokens.uses import TokenUses
from portico.server.errors import DatabaseAway
from portico.server.ids import UserId
from tests.server.access.house import House

pytestmark = pytest.mark.anyio


async def last_used(house: House) -> object:
    listed = await tokens.list_project_tokens(house.tenancy, house.member)
    return listed.tokens[0].last_used_at


async def test_a_use_is_shown_once_it_is_written(house: House) -> None:
    uses = TokenUses(house.tenancy.database)
    assert await last_used(house) is UNSET
    uses.note(house.member)
    assert await last_used(house) is UNSET
    await uses.flush()
    shown = await last_used(house)
    assert isinstance(shown, str)
    assert datetime.now(UTC) - datetime.fromisoformat(shown).replace(tzinfo=UTC) < timedelta(seconds=30)
    found = await tokens.find_token(house.tenancy, house.owner, str(house.first.project_token))
    assert msgspec.to_builtins(found)["lastUsedAt"] == shown


async def test_it_is_written_in_the_background_and_at_the_end(house: House) -> None:
    uses = TokenUses(house.tenancy.database, flush_s=3600)
    uses.start()
    uses.note(house.member)
    await uses.close()
    assert await last_used(house) is not UNSET


async def test_a_user_has_no_token_to_note(house: House) -> None:
    uses = TokenUses(house.tenancy.database)
    uses.note(replace(house.member, user_id=UserId("5b1d2f8e-0000-4000-8000-000000000002")))
    await uses.flush()
    assert await last_used(house) is UNSET


class Away:
    """A database that does not answer."""

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[NoReturn]:
        raise DatabaseAway
        yield


async def test_what_cannot_be_written_waits(house: House, caplog: pytest.LogCaptureFixture) -> None:
    uses = TokenUses(house.tenancy.database)
    uses.note(house.member)
    database, uses._database = uses._database, Away()  # type: ignore[assignment]
    await uses.flush()
    assert "not written yet" in caplog.text
    uses._database = database
    await uses.flush()
    assert await last_used(house) is not UNSET
