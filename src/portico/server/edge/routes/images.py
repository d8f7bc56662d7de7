"""POST images: pictures from a text, and from other pictures; JSON or a form."""

from __future__ import annotations

from typing import Any

from portico.server.access.caller import Caller
from portico.server.access.policy import require
from portico.server.edge.bodies import NO_PROVIDER, read_model
from portico.server.edge.exchange import Exchange
from portico.server.edge.forms import Form, read_data_url
from portico.server.edge.labels import read_labels
from portico.server.edge.routes.fields import read_fields, take, take_text, take_whole
from portico.server.errors import FieldRequired, MediaNotSupported, PatternMismatch
from portico.server.gateway.answers import Answer
from portico.server.kit.media_types import sniff_picture
from portico.server.services import Services
from portico.wire.requests import File, ImageRequest, Members

GENERATIONS = ("/images/generations", "/images", "/image", "/v1/images/generations", "/v1/images", "/v1/image")
EDITS = ("/images/edits", "/v1/images/edits")
IMAGES_LIMIT = 16


async def generate(services: Services, caller: Caller, exchange: Exchange) -> Answer:
    require(caller, "models")
    members, _ = read_fields(exchange)
    request = _read(members)
    request.members = members
    labels, _ = read_labels(exchange.headers)
    return await services.images.answer(caller, request, exchange.request_id, labels)


async def edit(services: Services, caller: Caller, exchange: Exchange) -> Answer:
    require(caller, "models")
    members, form = read_fields(exchange)
    given = _read_images(members, form)
    request = _read(members)
    if any(isinstance(one, str) and _is_address(one) for one in given):
        await services.limits.require_room(caller)
    request.images = tuple([await _fetch(services, one, f"image[{i}]") for i, one in enumerate(given)])
    masks = form.files.get("mask")
    mask: str | File = masks[0] if masks else take_text(members, "mask")
    request.mask = await _fetch(services, mask, "mask") if mask else None
    request.members = members
    labels, _ = read_labels(exchange.headers)
    return await services.images.answer(caller, request, exchange.request_id, labels)


def _read(members: Members) -> ImageRequest:
    ref = read_model(members, NO_PROVIDER)
    prompt = take_text(members, "prompt", required=True)
    camel = take_text(members, "aspectRatio")
    size = take(members, "size")
    if size is not None and not isinstance(size, str):
        raise PatternMismatch("size", "send a string like 1024x1024, or auto")
    return ImageRequest(
        ref,
        prompt,
        n=take_whole(members, "n", 1, 10) or 1,
        size=size or "",
        quality=take_text(members, "quality"),
        aspect_ratio=take_text(members, "aspect_ratio") or camel,
        response_format=take_text(members, "response_format"),
    )


def _read_images(members: Members, form: Form) -> list[str | File]:
    files: list[str | File] = [file for name in ("image", "image[]") for file in form.files.get(name, ())]
    value: Any = take(members, "image") or take(members, "images")
    texts = [value] if isinstance(value, str) else value or []
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise PatternMismatch("image", "send an address, a data URL, or an array of them")
    given = [*files, *texts]
    if not given:
        raise FieldRequired("image")
    if len(given) > IMAGES_LIMIT:
        raise PatternMismatch("image", f"at most {IMAGES_LIMIT} pictures")
    return given


async def _fetch(services: Services, given: str | File, field: str) -> File:
    """The picture itself: sent along, in a data URL, or behind an address of the open network."""
    if isinstance(given, str):
        given = await services.fetcher.fetch(given) if _is_address(given) else read_data_url(given, field)
    if not given.content_type.startswith("image/"):
        sniffed = sniff_picture(given.data)
        if not sniffed:
            raise MediaNotSupported(param=field)
        given = File(given.data, sniffed, given.name)
    return given


def _is_address(given: str) -> bool:
    return "://" in given[:16]
