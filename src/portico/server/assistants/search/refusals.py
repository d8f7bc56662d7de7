"""Refusals about RAG assistants and their documents, with the ids and texts of the reference's error list."""

from __future__ import annotations

from portico.server.errors import BadRequest, MethodNotAllowed, NotFound


class ProfileNotFound(NotFound):
    """For who manages it; who asks it is told 1101."""

    id, text = 1010, "Search Profile Not Found"


class ProfileExists(BadRequest):
    id, text = 2020, "RAG Already Exists"


class DocumentIdInvalid(BadRequest):
    id, text = 2022, "Invalid DocumentId"


class DocumentGeneralError(BadRequest):
    """What was said of a document cannot be used: its metadata, or what it orders to be crawled."""

    id, text = 2023, "Document General Error"

    def __init__(self, field: str, hint: str) -> None:
        super().__init__(f"{self.text}: {field}: {hint}", param=field)


class ProfileInvalid(BadRequest):
    """A member of a profile that cannot be; the message names it."""

    id, text = 2024, "RAG Invalid"

    def __init__(self, field: str, hint: str) -> None:
        super().__init__(f"{self.text}: {field}: {hint}", param=field)


class PromptIncomplete(BadRequest):
    id, text = 2024, "Missing {context}|{question} in prompt definition"

    def __init__(self) -> None:
        super().__init__(param="searchOptions.search.prompt")


class VerbNotSupported(MethodNotAllowed):
    id, text = 2026, "Verb Not Supported"


class DocumentExtensionInvalid(BadRequest):
    id, text = 2027, "Document Extension Invalid"
