"""POST videos: a film is begun; GET or POST its status."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import msgspec
from litestar import Request, Response, get

from portico.server.access.caller import Caller
from portico.server.access.policy import require
from portico.server.edge.bodies import NO_PROVIDER, read_members, read_model
from portico.server.edge.exchange import Exchange
from portico.server.edge.forms import read_data_url
from portico.server.edge.labels import read_labels
from portico.server.edge.routes.fields import take, take_text, take_whole
from portico.server.edge.routes.reading import caller_of, query_of, services_of
from portico.server.errors import FieldRequired, PatternMismatch
from portico.server.gateway.answers import Answer
from portico.server.kit.drive import run
from portico.server.services import Services
from portico.wire.requests import File, Members, VideoRequest, VideoStatusRequest

GENERATIONS = ("/videos/generations", "/v1/videos/generations", "/L/videos/generations")
STATUS = ("/videos/status", "/v1/videos/status")
LONGEST_S = 3_600


async def generate(services: Services, caller: Caller, exchange: Exchange) -> Answer:
    require(caller, "models")
    members = read_members(exchange.body)
    request = await _read(services, caller, members)
    labels, _ = read_labels(exchange.headers)
    return await services.videos.answer(caller, request, exchange.request_id, labels)


async def _read(services: Services, caller: Caller, members: Members) -> VideoRequest:
    """Both documented forms: `instances` and `parameters`, or the flat one of the vendor's SDK."""
    ref = read_model(members, NO_PROVIDER)
    instances, parameters = take(members, "instances"), take(members, "parameters")
    flat: dict[str, Any] = {"prompt": take(members, "prompt"), "image": take(members, "image")}
    seconds = take_whole(members, "duration", 1, LONGEST_S)
    if instances is not None:
        if not isinstance(instances, list) or not instances or not isinstance(instances[0], dict):
            raise PatternMismatch("instances", "send an array with one object: prompt, and an image if you like")
        flat = instances[0]
    if isinstance(parameters, dict):
        inner = {k: msgspec.Raw(msgspec.json.encode(v)) for k, v in parameters.items()}
        for name in ("duration", "durationSeconds"):
            seconds = take_whole(inner, name, 1, LONGEST_S) or seconds
        members.update(inner)
    prompt = flat.get("prompt")
    if not isinstance(prompt, str) or not prompt.strip():
        raise FieldRequired("prompt")
    image = await _image(services, caller, flat.get("image"))
    return VideoRequest(ref, prompt, seconds or 0, image, members)


async def _image(services: Services, caller: Caller, given: Any) -> File | None:
    if given is None or given == "":
        return None
    if isinstance(given, dict) and isinstance(given.get("bytesBase64Encoded"), str):
        file = read_data_url(given["bytesBase64Encoded"], "image")
        return File(file.data, str(given.get("mimeType") or "image/png"))
    if not isinstance(given, str):
        raise PatternMismatch("image", "send an address or a data URL")
    if "://" not in given[:16]:
        return read_data_url(given, "image")
    await services.limits.require_room(caller)
    return await services.fetcher.fetch(given)


def status(services: Services, caller: Caller, exchange: Exchange) -> Awaitable[Answer]:
    require(caller, "models")
    request = _read_status(read_members(exchange.body))
    labels, _ = read_labels(exchange.headers)
    return services.videos.status(caller, request, exchange.request_id, labels)


def _read_status(members: Members) -> VideoStatusRequest:
    ref = read_model(members, NO_PROVIDER)
    operation = take_text(members, "operationName") or take_text(members, "id") or take_text(members, "name")
    if not operation:
        raise FieldRequired("operationName")
    return VideoStatusRequest(ref, operation)


@get(list(STATUS), summary="How far a video is")
async def get_status(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The documented method; parameters in the query, or in a JSON body when there is one."""
    caller = caller_of(request)
    require(caller, "models")
    body = await request.body()
    members = read_members(body) if body.strip() else {}
    members.update({k: msgspec.Raw(msgspec.json.encode(v)) for k, v in query_of(request).items()})
    labels, _ = read_labels(request.scope["headers"])
    asked = _read_status(members)
    work = services_of(request).videos.status(caller, asked, request.scope["state"]["request_id"], labels)
    answer = await run(work)
    headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in answer.headers}
    return Response(answer.body, headers=headers, media_type="application/json")


ROUTES = (get_status,)
