"""How well the questions of a set find their documents, low level. An extension of ours.

Source: docs/retrieval-quality.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from portico.sdk.call import Call, JsonObject, Repeat, get, given, path_segment, send_json
from portico.sdk.clients.base import AsyncLowLevelClient, LowLevelClient
from portico.sdk.errors import PorticoError

Questions = Sequence[Mapping[str, Any]]
"""Each with `question`, and `expected`: a list of ids, names or urls of documents."""


def start_call(profile: str, questions: Questions, method: str | None, k: int | None, name: str | None) -> Call:
    body = given({"questions": [dict(one) for one in questions], "method": method, "k": k, "name": name})
    return send_json("POST", _path(profile), body, repeat=Repeat.NEVER)


def list_call(profile: str, skip: int | None, count: int | None) -> Call:
    return get(_path(profile), {"skip": skip, "count": count})


def get_call(profile: str, evaluation_id: str, compare: str | None) -> Call:
    return get(_one(profile, evaluation_id), {"compare": compare})


def delete_call(profile: str, evaluation_id: str) -> Call:
    return Call("DELETE", _one(profile, evaluation_id), repeat=Repeat.NEVER)


def _path(profile: str) -> str:
    if not profile.strip():
        raise PorticoError("The name of the RAG assistant is empty.", hint="`portico rag list` shows the names.")
    return f"/v1/search/profile/{path_segment(profile)}/evaluations"


def _one(profile: str, evaluation_id: str) -> str:
    if not evaluation_id.strip():
        raise PorticoError("The evaluation's id is empty.", hint="`portico rag evaluate NAME --list` shows the ids.")
    return f"{_path(profile)}/{path_segment(evaluation_id)}"


class EvaluationsClient(LowLevelClient):
    def start_evaluation(
        self,
        profile: str,
        questions: Questions,
        *,
        method: str | None = None,
        k: int | None = None,
        name: str | None = None,
    ) -> JsonObject:
        """POST /v1/search/profile/{name}/evaluations: orders a run and returns at once."""
        return self._json(start_call(profile, questions, method, k, name))

    def list_evaluations(self, profile: str, *, skip: int | None = None, count: int | None = None) -> JsonObject:
        """GET /v1/search/profile/{name}/evaluations: `evaluations`, newest first, and `count`; 10 by default."""
        return self._json(list_call(profile, skip, count))

    def get_evaluation(self, profile: str, evaluation_id: str, *, compare: str | None = None) -> JsonObject:
        """GET /v1/search/profile/{name}/evaluations/{id}: with `answers`, and `compared` with another run."""
        return self._json(get_call(profile, evaluation_id, compare))

    def delete_evaluation(self, profile: str, evaluation_id: str) -> JsonObject:
        """DELETE /v1/search/profile/{name}/evaluations/{id}."""
        return self._json(delete_call(profile, evaluation_id))


class AsyncEvaluationsClient(AsyncLowLevelClient):
    """The same for asyncio."""

    async def start_evaluation(
        self,
        profile: str,
        questions: Questions,
        *,
        method: str | None = None,
        k: int | None = None,
        name: str | None = None,
    ) -> JsonObject:
        """POST /v1/search/profile/{name}/evaluations: orders a run and returns at once."""
        return await self._json(start_call(profile, questions, method, k, name))

    async def list_evaluations(self, profile: str, *, skip: int | None = None, count: int | None = None) -> JsonObject:
        """GET /v1/search/profile/{name}/evaluations: `evaluations`, newest first, and `count`; 10 by default."""
        return await self._json(list_call(profile, skip, count))

    async def get_evaluation(self, profile: str, evaluation_id: str, *, compare: str | None = None) -> JsonObject:
        """GET /v1/search/profile/{name}/evaluations/{id}: with `answers`, and `compared` with another run."""
        return await self._json(get_call(profile, evaluation_id, compare))

    async def delete_evaluation(self, profile: str, evaluation_id: str) -> JsonObject:
        """DELETE /v1/search/profile/{name}/evaluations/{id}."""
        return await self._json(delete_call(profile, evaluation_id))
