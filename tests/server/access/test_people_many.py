"""Many people: reading them anew must not keep the event loop, and with it every stream, from its work."""

from __future__ import annotations

import pytest
from sqlalchemy import event, text

from tests.server.access.house import House

pytestmark = pytest.mark.anyio
PEOPLE = 3_000
PAGE = 500
_FILL = (
    "SET LOCAL session_replication_role = replica",
    "INSERT INTO users (user_id, email)"
    f" SELECT gen_random_uuid(), 'u' || g || '@x.yz' FROM generate_series(1, {PEOPLE}) g",
    """INSERT INTO sessions (session_id, user_id, client_id, access_hash, refresh_hash, access_expires_at,
        refresh_expires_at) SELECT gen_random_uuid(), user_id, 'c', sha256(email::bytea), sha256(('r' || email)::bytea),
        now() + interval '1 day', now() + interval '9 day' FROM users""",
    """INSERT INTO memberships (organization_id, role_id, user_id) SELECT organization_id, role_id, user_id
        FROM users, roles WHERE name IN ('Project Member', 'Organization Member')""",
)


async def test_many_people_are_read_in_slices(house: House) -> None:
    """Between two pages the loop serves others; what one page takes is the benchmark's to say."""
    async with house.tenancy.database.begin() as connection:
        for statement in _FILL:
            await connection.execute(text(statement))
    asked: list[str] = []

    def note(connection: object, cursor: object, statement: str, *more: object) -> None:
        asked.append(statement)

    people, engine = house.snapshot.people, house.tenancy.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    await people.refresh()
    await people.refresh(organizations={house.owner.organization_id})
    assert len(people._users) == len(people._sessions) == len(people._hashes) == PEOPLE
    assert len(people._grants[house.owner.organization_id]) == PEOPLE
    for table in ("users", "sessions", "memberships"):
        assert sum(f"FROM {table}" in one for one in asked) >= PEOPLE // PAGE, table
