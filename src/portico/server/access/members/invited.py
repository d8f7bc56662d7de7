"""Who a user is for the other rooms: found by address, or made without a password and invited."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.storage.users import UserRow, insert_user, maybe_user_by_email


async def find_or_invite(connection: AsyncConnection, email: str, invited_by: str) -> UserRow:
    """The user with this address, made without a password when unknown.

    He gets in by a link of kind "invitation" (`access/sign_in/setup_links.py`), or by an external issuer.
    `invited_by` goes to the audit log by whoever calls this.
    """
    known = await maybe_user_by_email(connection, email)
    # Two who invite the same person at once: the second finds what the first made.
    made = known or await insert_user(connection, email) or await maybe_user_by_email(connection, email)
    assert made is not None, f"the user invited by {invited_by} was taken away in the same moment"
    return made
