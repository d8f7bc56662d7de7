"""The desk of RAG assistants: a question becomes a search, its passages a prompt, and the answer names its sources.

Source: Chat API reference, "RAG"; RAG reference, "Asking".
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from portico.server.access.caller import Caller
from portico.server.access.places import find_project
from portico.server.assistants.search.find import Profiles, names_of
from portico.server.assistants.search.questions.answering import (
    NOT_MET,
    Json,
    RagStream,
    Remember,
    Told,
    tell_unanswered,
    tell_whole,
)
from portico.server.assistants.search.questions.dressing import write_request
from portico.server.assistants.search.questions.helpers import Helpers
from portico.server.assistants.search.questions.history import Threads
from portico.server.assistants.search.questions.inquiry import Inquiry
from portico.server.assistants.search.questions.prompting import fill_prompt, tell_history
from portico.server.assistants.search.questions.question import maybe_given_history, read_question
from portico.server.assistants.search.questions.retrievers import WITHOUT_SCORE, Retrievers
from portico.server.assistants.search.questions.tuning import read_tuning, tune
from portico.server.errors import ProviderError, SearchProfileNotFound
from portico.server.gateway.answers import Answer, Stream
from portico.server.gateway.chat import ChatGateway
from portico.server.kit.first_use import FirstUse
from portico.server.retrieval.filters import read_filters
from portico.server.retrieval.hits import Hit
from portico.server.retrieval.profile import SearchProfile
from portico.server.storage.database import Database
from portico.server.storage.search_profiles import list_profiles
from portico.server.storage.threads import Turn
from portico.wire.requests import ChatRequest

if TYPE_CHECKING:
    from portico.server.retrieval.search import Searcher

_log = logging.getLogger("portico.search")
LONGEST_REWRITTEN = 2_000
"""Characters of a follow-up that was made a question of its own; a longer one is no question any more."""


class SearchDesk:
    """One per process."""

    def __init__(
        self, database: Database, profiles: Profiles, chat: ChatGateway, searcher: FirstUse[Searcher], threads: Threads
    ) -> None:
        self._database = database
        self._profiles = profiles
        self._chat = chat
        self._helpers = Helpers(chat)
        self._retrievers = Retrievers(database, searcher, self._helpers)
        self._threads = threads
        self._writing: set[asyncio.Task[None]] = set()
        self.without_vectors = 0
        """How many questions were answered by what their words alone have found."""

    async def answer(self, caller: Caller, name: str, request: ChatRequest, request_id: str) -> Answer | Stream:
        """The answer of the profile's model with the passages behind it, whole or begun.

        Raises SearchProfileNotFound (200, id 1101), EmptyQuery, PatternMismatch for filters and history, and what the
        gateway raises. A search without a passage asks no model. One whose embedding model is away goes by words alone,
        and the answer says so.
        """
        # In a task: the request itself is driven (kit/drive.py), and a search waits for the database.
        inquiry, hits = await asyncio.ensure_future(self._search(caller, name, request, request_id))
        if inquiry.lost is not None:
            self._note_lost(inquiry, inquiry.lost, hits)
        told = _tell(inquiry, hits)
        if not hits or inquiry.profile.retriever.step == "documents":
            return tell_unanswered(told, stream=request.stream, include_usage=request.include_usage)
        answer = await self._chat.answer(caller, write_request(inquiry, hits), request_id)
        if isinstance(answer, Stream):
            remember = self._remember_later(inquiry) if inquiry.remembers else None
            return RagStream(answer, told, include_usage=request.include_usage, remember=remember)
        whole, text = tell_whole(answer, told)
        if inquiry.remembers:
            await asyncio.ensure_future(self._remember(inquiry, text))
        return whole

    def _note_lost(self, inquiry: Inquiry, error: ProviderError, hits: Sequence[Hit]) -> None:
        """Raises the error when the words alone have found nothing: vectors might have."""
        if not hits:
            raise error
        self.without_vectors += 1
        _log.warning("request %s: it was searched by its words alone: %s", inquiry.request_id, error.message)

    async def _search(
        self, caller: Caller, name: str, request: ChatRequest, request_id: str
    ) -> tuple[Inquiry, list[Hit]]:
        profile = await self._find(caller, name)
        said, earlier = read_question(request)
        filters = (*read_filters(profile.metadata.get("filter")), *read_filters(request.options.filters))
        inquiry = Inquiry(
            caller, profile, read_tuning(profile.metadata), request, request_id, said, said,
            request.conversation_id or "",
        )  # fmt: skip
        inquiry.history = await self._find_history(inquiry, earlier)
        if inquiry.history and inquiry.remembers:  # a conversation that goes on is in no cache
            inquiry.request = msgspec.structs.replace(request, cache=False)
        if inquiry.history and inquiry.tuning.compacts:
            inquiry.question = await self._rewrite(inquiry)
        return inquiry, await self._retrievers.find(inquiry, filters)

    async def _find(self, caller: Caller, name: str) -> SearchProfile:
        """With its metadata laid over its options. Raises SearchProfileNotFound, also for a disabled one."""
        profile = await self._maybe(caller, name) or await self._find_alike(caller, name)
        if not profile.enabled:
            raise SearchProfileNotFound(param="model")
        return replace(profile, search=tune(profile.search, profile.metadata))

    async def _find_alike(self, caller: Caller, name: str) -> SearchProfile:
        """With blanks for its plus signs, or else in another case where that is only one."""
        wanted = {one.lower() for one in names_of(name)}
        async with self._database.begin() as connection:
            listed = await list_profiles(
                connection, caller.organization_id, find_project(caller), include_disabled=True
            )
        names = [one for one, _ in listed if one.lower() in wanted]
        chosen = [one for one in names if one in names_of(name)] or names
        if len(chosen) != 1:
            raise SearchProfileNotFound(param="model")
        return await self._profiles.find(caller, chosen[0])

    async def _maybe(self, caller: Caller, name: str) -> SearchProfile | None:
        try:
            return await self._profiles.find(caller, name)
        except SearchProfileNotFound:
            return None

    async def _find_history(self, inquiry: Inquiry, earlier: list[Turn]) -> Sequence[Turn]:
        """What was said before: as the caller tells it, else what is kept of the conversation, else the messages."""
        count = inquiry.profile.history_count
        given = maybe_given_history(inquiry.request)
        if given is not None:
            return given[-count:] if count else given
        if not count:
            return ()
        turns = await self._threads.read(inquiry.profile.key, inquiry.thread_id) if inquiry.thread_id else earlier
        return turns[-count:]

    async def _rewrite(self, inquiry: Inquiry) -> str:
        """The question as one that stands for itself; as it was said, when no model can tell."""
        template = inquiry.profile.search.history_prompt
        history = tell_history(inquiry.history)
        prompt = fill_prompt(template, inquiry.request.options.variables, inquiry.said, history=history)
        written = await self._helpers.ask(inquiry, inquiry.tuning.rewriter, prompt)
        return written if written and len(written) <= LONGEST_REWRITTEN else inquiry.said

    async def _remember(self, inquiry: Inquiry, text: str) -> None:
        profile = inquiry.profile
        await self._threads.add(profile.key, inquiry.thread_id, inquiry.said, text, profile.history_count)

    def _remember_later(self, inquiry: Inquiry) -> Remember:
        """For a stream, which cannot wait where it ends: it is called back instead."""

        def remember(text: str, done: Callable[[], None]) -> None:
            task = asyncio.get_running_loop().create_task(self._remember(inquiry, text))
            self._writing.add(task)  # the loop itself keeps no hold on it
            task.add_done_callback(self._writing.discard)
            task.add_done_callback(lambda _: done())

        return remember


def _tell(inquiry: Inquiry, hits: Sequence[Hit]) -> Told:
    profile = inquiry.profile
    scored = profile.retriever.type not in WITHOUT_SCORE
    return Told(
        inquiry.thread_id or inquiry.request_id,
        inquiry.request_id,
        profile.llm.model.partition("/")[2] or profile.llm.model,
        [_document(hit, scored=scored) for hit in hits] if profile.search.return_source_documents else None,
        inquiry.usage,
        "" if hits else NOT_MET,
        "" if inquiry.lost is None else inquiry.lost.message,
    )


def _document(hit: Hit, *, scored: bool) -> Json:
    """`revision`, which the reference does not have, is the document's own: each time it is indexed anew it grows."""
    score: Json = {"score": round(hit.score, 6)} if scored else {}
    return {"pageContent": hit.text, **score, "metadata": hit.metadata, "revision": hit.revision}
