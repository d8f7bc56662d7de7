"""Answers of RAG assistants with their sources: as `/v1/search/execute` and as the Chat API give them, read alike."""

from __future__ import annotations

from typing import Any

from msgspec import field

from portico.sdk.call import JsonObject
from portico.wire.chat import ChatCompletion, Usage
from portico.wire.search import AskResult
from portico.wire.tolerant import Shape, read_shape


class RagSource(Shape, rename="camel"):
    """A passage that an answer rests on. `score` is 0..1, 1 the nearest; some retrievers give none.

    `metadata` has what was said at the upload, and `id`, `name`, `extension`, `source`, `loc` of the document.
    """

    page_content: str = ""
    score: float | None = None
    metadata: dict[str, Any] = field(default_factory=dict)

    @property
    def document_id(self) -> str:
        return str(self.metadata.get("id") or "")

    @property
    def name(self) -> str:
        """The name of the document as a person knows it: its description, or its file name."""
        plain = ".".join(str(part) for part in (self.metadata.get("name"), self.metadata.get("extension")) if part)
        return str(self.metadata.get("description") or plain)

    @property
    def url(self) -> str:
        return str(self.metadata.get("url") or "")

    @property
    def page(self) -> int | None:
        """The page, where the document has pages."""
        number = self._loc("pageNumber")
        return number if isinstance(number, int) else None

    @property
    def lines(self) -> tuple[int, int] | None:
        """First and last line, where they are known."""
        lines = self._loc("lines")
        found = (lines.get("from"), lines.get("to")) if isinstance(lines, dict) else (None, None)
        match found:
            case (int() as first, int() as last):
                return first, last
            case _:
                return None

    @property
    def times(self) -> tuple[int, int] | None:
        """Of a passage of a recording: from which second to which it is said."""
        match (self.metadata.get("startTime"), self.metadata.get("endTime")):
            case (int() as first, int() as last):
                return first, last
            case _:
                return None

    def _loc(self, member: str) -> Any:
        loc = self.metadata.get("loc")
        return loc.get(member) if isinstance(loc, dict) else None


class RagAnswer(Shape, rename="camel"):
    """What a RAG assistant said, and where it has it from.

    `thread_id` is the conversation, when there is one. An answer without success has no text: `result` says why.
    """

    text: str = ""
    sources: list[RagSource] = field(default_factory=list, name="documents")
    result: AskResult = field(default_factory=AskResult)
    usage: Usage | None = None
    thread_id: str = ""
    request_id: str = ""

    @property
    def success(self) -> bool:
        return self.result.success


def read_answer(body: JsonObject) -> RagAnswer:
    """An answer of either endpoint. Raises ValueError when it cannot be one."""
    members = dict(body)
    if "choices" not in body:
        members.setdefault("threadId", body.get("id"))  # of `execute`, whose id is the conversation's
    elif not body.get("text"):
        members["text"] = read_shape(ChatCompletion, body).text
    answer = read_shape(RagAnswer, members)
    answer.__dict__["_raw"] = body
    return answer
