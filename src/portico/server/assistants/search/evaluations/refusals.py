"""Refusals about evaluations of RAG assistants; ids of 9000 and above are our own."""

from __future__ import annotations

from portico.server.errors import BadRequest, NotFound


class EvaluationNotFound(NotFound):
    id, text = 9020, "Evaluation Not Found"


class ExpectedNotFound(BadRequest):
    """A question expects a document that the assistant does not have."""

    id = 2021

    def __init__(self, member: str, document: str) -> None:
        text = f"Document Not Found: {member}: no document of this assistant has the name, id or url {document[:200]!r}"
        super().__init__(text, param=member)
