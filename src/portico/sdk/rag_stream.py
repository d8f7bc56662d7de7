"""A streamed answer of a RAG assistant: the events of any chat, and the sources when they have come."""

from __future__ import annotations

from portico.sdk.chat_stream import AsyncChatStream, ChatStream
from portico.sdk.rag_answers import RagAnswer, RagSource, read_answer


class RagStream(ChatStream):
    """Iterate over its events, or over `text_stream()`; the sources come last, with the event `saia.rag.documents`."""

    @property
    def sources(self) -> list[RagSource]:
        """The passages the answer rests on; empty until they have come."""
        return read_answer(self.completion_so_far.raw).sources

    def get_final_answer(self) -> RagAnswer:
        """Reads what is left and gives the whole answer with its sources."""
        return read_answer(self.get_final_completion().raw)


class AsyncRagStream(AsyncChatStream):
    """The same for asyncio."""

    @property
    def sources(self) -> list[RagSource]:
        """The passages the answer rests on; empty until they have come."""
        return read_answer(self.completion_so_far.raw).sources

    async def get_final_answer(self) -> RagAnswer:
        """Reads what is left and gives the whole answer with its sources."""
        return read_answer((await self.get_final_completion()).raw)
