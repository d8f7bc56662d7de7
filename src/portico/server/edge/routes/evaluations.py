"""Evaluations of RAG assistants: `/v1/search/profile/{profile}/evaluations`, an extension of ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from litestar import Request, Response, delete, get, post
from litestar.params import FromPath

from portico.server.edge.routes.reading import caller_of, filters_of, json_response, read_object, services_of
from portico.server.errors import OutOfRange
from portico.wire.evaluations import Evaluation, EvaluationList

Req = Request[Any, Any, Any]
ROOT = "/v1/search/profile/{profile:str}/evaluations"
BODY_LIMIT = 32 * 1024 * 1024


@post(
    ROOT, status_code=200, summary="Measure how well questions find their documents", request_max_body_size=BODY_LIMIT
)
async def start(request: Req, profile: FromPath[str]) -> Response[Evaluation]:
    """Orders a run and returns at once: a worker asks the questions. `questions` is a list of objects with `question`
    and `expected`, ids or names of documents; `method` is auto, words, vectors, fused or reranked."""
    body = await read_object(request)
    return json_response(await services_of(request).evaluations.start(caller_of(request), profile, body))


@get(ROOT, summary="List the evaluations of a RAG assistant, newest first")
async def list_all(request: Req, profile: FromPath[str]) -> Response[EvaluationList]:
    query = filters_of(request)
    skip, count = _read_number(query, "skip", 0), _read_number(query, "count", 10)
    evaluations = services_of(request).evaluations
    return json_response(await evaluations.list_runs(caller_of(request), profile, skip=skip, count=count))


@get(f"{ROOT}/{{evaluation_id:str}}", summary="Get an evaluation: its progress, its figures, what was found")
async def get_one(request: Req, profile: FromPath[str], evaluation_id: FromPath[str]) -> Response[Evaluation]:
    """Compared with the run that `compare` names, or with the one before that asked the same questions."""
    compared_with = filters_of(request).get("compare", "")
    evaluations = services_of(request).evaluations
    return json_response(await evaluations.find(caller_of(request), profile, evaluation_id, compared_with))


@delete(f"{ROOT}/{{evaluation_id:str}}", status_code=200, summary="Delete an evaluation")
async def delete_one(request: Req, profile: FromPath[str], evaluation_id: FromPath[str]) -> Response[dict[str, Any]]:
    await services_of(request).evaluations.delete(caller_of(request), profile, evaluation_id)
    return json_response({})


def _read_number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise OutOfRange(name, "send a whole number from 0 on")
    return int(text)


ROUTES = (start, list_all, get_one, delete_one)
