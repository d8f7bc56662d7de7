"""Assistants and their revisions, high level: typed objects."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Unpack

from portico.sdk.clients.assistants import AssistantMembers, AssistantsClient, AsyncAssistantsClient
from portico.sdk.managers.base import read, read_list
from portico.wire.assistants import (
    Assistant,
    AssistantItem,
    AssistantRevision,
    RevisionDiff,
    RevisionHistory,
)


class Assistants:
    """`client.assistants`: made, changed, published, compared. To ask one: `client.chat`, `client.assistant_requests`.

    `client.assistants.create("Translator", "Translate to {language}.").active_revision`
    """

    def __init__(self, client: AssistantsClient) -> None:
        self._client = client

    def list(self, *, project_id: str | None = None) -> Iterator[AssistantItem]:
        """By name; `project_id` is for a token of the organization."""
        yield from read_list(AssistantItem, self._client.list_assistants(project_id=project_id), "assistants")

    def get(self, assistant: str) -> Assistant:
        """By id or name, with its active revision. Raises NotFound."""
        return read(Assistant, self._client.get_assistant(assistant))

    def create(
        self,
        name: str,
        prompt: str,
        *,
        type: str = "chat",
        description: str | None = None,
        llm_settings: Mapping[str, Any] | None = None,
        welcome_data: Mapping[str, Any] | None = None,
        open_api: Mapping[str, Any] | None = None,
        authentication: Mapping[str, Any] | None = None,
    ) -> Assistant:
        """With revision 1, active. `llm_settings` and `welcome_data` have the members of the reference.

        `type="api"` needs `open_api`, an OpenAPI 3 document; `authentication` names the secret that opens it.

        Raises RequestConflict when the name is taken, BadRequest.
        """
        made = self._client.create_assistant(
            type,
            name=name,
            prompt=prompt,
            description=description,
            llm_settings=llm_settings,
            welcome_data=welcome_data,
            open_api=open_api,
            authentication=authentication,
        )
        return read(Assistant, made)

    def update(self, assistant: str, **members: Unpack[AssistantMembers]) -> Assistant:
        """What is said; see AssistantMembers. Shows the revision concerned. Raises NotFound, BadRequest."""
        return read(Assistant, self._client.update_assistant(assistant, **members))

    def publish(self, assistant: str, revision_id: int) -> Assistant:
        """Makes a revision the active one. Raises NotFound."""
        changed = self._client.update_assistant(assistant, action="publish", revision_id=revision_id)
        return read(Assistant, changed)

    def delete(self, assistant: str) -> None:
        """With its revisions. Raises NotFound."""
        self._client.delete_assistant(assistant)

    def revisions(self, assistant: str) -> Iterator[AssistantRevision]:
        """All of them, by number."""
        yield from read(Assistant, self._client.get_assistant(assistant, detail="full")).revisions

    def diff(self, assistant: str, *, before: int | None = None, after: int | None = None) -> RevisionDiff:
        """Two revisions; without numbers the active one and the newest. Raises NotFound."""
        return read(RevisionDiff, self._client.compare_revisions(assistant, before=before, after=after))

    def history(self, assistant: str, revision_id: int) -> Iterator[AssistantRevision]:
        """What one revision has ever said, oldest first. Raises NotFound."""
        yield from read(RevisionHistory, self._client.get_revision_history(assistant, revision_id)).words


class AsyncAssistants:
    """The same for asyncio."""

    def __init__(self, client: AsyncAssistantsClient) -> None:
        self._client = client

    async def list(self, *, project_id: str | None = None) -> AsyncIterator[AssistantItem]:
        """By name; `project_id` is for a token of the organization."""
        for item in read_list(AssistantItem, await self._client.list_assistants(project_id=project_id), "assistants"):
            yield item

    async def get(self, assistant: str) -> Assistant:
        """By id or name, with its active revision. Raises NotFound."""
        return read(Assistant, await self._client.get_assistant(assistant))

    async def create(
        self,
        name: str,
        prompt: str,
        *,
        type: str = "chat",
        description: str | None = None,
        llm_settings: Mapping[str, Any] | None = None,
        welcome_data: Mapping[str, Any] | None = None,
        open_api: Mapping[str, Any] | None = None,
        authentication: Mapping[str, Any] | None = None,
    ) -> Assistant:
        """With revision 1, active. `llm_settings` and `welcome_data` have the members of the reference.

        `type="api"` needs `open_api`, an OpenAPI 3 document; `authentication` names the secret that opens it.

        Raises RequestConflict when the name is taken, BadRequest.
        """
        made = await self._client.create_assistant(
            type,
            name=name,
            prompt=prompt,
            description=description,
            llm_settings=llm_settings,
            welcome_data=welcome_data,
            open_api=open_api,
            authentication=authentication,
        )
        return read(Assistant, made)

    async def update(self, assistant: str, **members: Unpack[AssistantMembers]) -> Assistant:
        """What is said; see AssistantMembers. Shows the revision concerned. Raises NotFound, BadRequest."""
        return read(Assistant, await self._client.update_assistant(assistant, **members))

    async def publish(self, assistant: str, revision_id: int) -> Assistant:
        """Makes a revision the active one. Raises NotFound."""
        changed = await self._client.update_assistant(assistant, action="publish", revision_id=revision_id)
        return read(Assistant, changed)

    async def delete(self, assistant: str) -> None:
        """With its revisions. Raises NotFound."""
        await self._client.delete_assistant(assistant)

    async def revisions(self, assistant: str) -> AsyncIterator[AssistantRevision]:
        """All of them, by number."""
        for revision in read(Assistant, await self._client.get_assistant(assistant, detail="full")).revisions:
            yield revision

    async def diff(self, assistant: str, *, before: int | None = None, after: int | None = None) -> RevisionDiff:
        """Two revisions; without numbers the active one and the newest. Raises NotFound."""
        return read(RevisionDiff, await self._client.compare_revisions(assistant, before=before, after=after))

    async def history(self, assistant: str, revision_id: int) -> AsyncIterator[AssistantRevision]:
        """What one revision has ever said, oldest first. Raises NotFound."""
        for word in read(RevisionHistory, await self._client.get_revision_history(assistant, revision_id)).words:
            yield word
