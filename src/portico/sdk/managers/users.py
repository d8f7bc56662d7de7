"""Users of the installation, high level: typed objects. For system administrators, but for what is one's own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

from portico.sdk.clients.users import AsyncUsersClient, UsersClient
from portico.sdk.managers.base import read, read_list
from portico.sdk.paging import Page, Place, paged, paged_async
from portico.wire.auth import Session, SetupLink, User

if TYPE_CHECKING:
    from portico.sdk.call import JsonObject


class Users:
    """`client.users`: the people of the installation; for system administrators. A user is named by id or address."""

    def __init__(self, client: UsersClient) -> None:
        self._client = client

    def list(self, text: str | None = None, *, limit: int | None = None) -> Iterator[User]:
        """All by address, or at most `limit`; `text` is looked for in the addresses."""
        return paged(
            lambda place: _page(self._client.list_users(text, page=place.number, size=place.size)), limit=limit
        )

    def get(self, user: str) -> User:
        """Raises NotFound."""
        return read(User, self._client.get_user(user))

    def invite(
        self,
        email: str,
        *,
        first_name: str | None = None,
        last_name: str | None = None,
        system_administrator: bool = False,
    ) -> User:
        """A new user; `setup_link` is shown this once: hand it over. Raises RequestConflict."""
        made = self._client.create_user(
            email, first_name=first_name, last_name=last_name, system_administrator=system_administrator
        )
        return read(User, made)

    def update(
        self,
        user: str,
        *,
        status: str | None = None,
        system_administrator: bool | None = None,
        first_name: str | None = None,
        last_name: str | None = None,
    ) -> User:
        """What is None stays. `status` is Active or Blocked; who is blocked is signed out. Raises NotFound."""
        changed = self._client.update_user(
            user,
            status=status,
            system_administrator=system_administrator,
            first_name=first_name,
            last_name=last_name,
        )
        return read(User, changed)

    def create_setup_link(self, user: str) -> SetupLink:
        """A way to choose a password, once. Raises NotFound."""
        return read(SetupLink, self._client.create_setup_link(user))

    def sessions(self, user: str = "me") -> Iterator[Session]:
        """The sessions of a user that live; your own by default."""
        yield from read_list(Session, self._client.list_sessions(user), "sessions")

    def end_sessions(self, user: str = "me", session_id: str | None = None) -> int:
        """One session or all; how many lived."""
        return int(self._client.end_sessions(user, session_id)["ended"])


class AsyncUsers:
    """The same for asyncio."""

    def __init__(self, client: AsyncUsersClient) -> None:
        self._client = client

    def list(self, text: str | None = None, *, limit: int | None = None) -> AsyncIterator[User]:
        """All by address, or at most `limit`; `text` is looked for in the addresses."""

        async def fetch(place: Place) -> Page[User]:
            return _page(await self._client.list_users(text, page=place.number, size=place.size))

        return paged_async(fetch, limit=limit)

    async def get(self, user: str) -> User:
        """Raises NotFound."""
        return read(User, await self._client.get_user(user))

    async def invite(
        self,
        email: str,
        *,
        first_name: str | None = None,
        last_name: str | None = None,
        system_administrator: bool = False,
    ) -> User:
        """A new user; `setup_link` is shown this once: hand it over. Raises RequestConflict."""
        made = await self._client.create_user(
            email, first_name=first_name, last_name=last_name, system_administrator=system_administrator
        )
        return read(User, made)

    async def update(
        self,
        user: str,
        *,
        status: str | None = None,
        system_administrator: bool | None = None,
        first_name: str | None = None,
        last_name: str | None = None,
    ) -> User:
        """What is None stays. `status` is Active or Blocked; who is blocked is signed out. Raises NotFound."""
        changed = await self._client.update_user(
            user,
            status=status,
            system_administrator=system_administrator,
            first_name=first_name,
            last_name=last_name,
        )
        return read(User, changed)

    async def create_setup_link(self, user: str) -> SetupLink:
        """A way to choose a password, once. Raises NotFound."""
        return read(SetupLink, await self._client.create_setup_link(user))

    async def sessions(self, user: str = "me") -> AsyncIterator[Session]:
        """The sessions of a user that live; your own by default."""
        for session in read_list(Session, await self._client.list_sessions(user), "sessions"):
            yield session

    async def end_sessions(self, user: str = "me", session_id: str | None = None) -> int:
        """One session or all; how many lived."""
        return int((await self._client.end_sessions(user, session_id))["ended"])


def _page(answer: JsonObject) -> Page[User]:
    return Page(read_list(User, answer, "users"), total=int(answer.get("count") or 0))
