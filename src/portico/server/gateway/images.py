"""Images: pictures made from a text, or changed from others."""

from __future__ import annotations

import time

from portico.server.access.caller import Caller
from portico.server.gateway.answers import Answer
from portico.server.gateway.metering import Meter
from portico.server.gateway.once import Verb, answer_once, as_json
from portico.server.gateway.switchboard import Switchboard
from portico.server.providers.base import Members
from portico.wire.requests import ImageRequest, Labels

PICTURE_TOKENS = 6_500
"""Tokens of the dearest picture (gpt-image-1, high, 1536x1024: 6,208), for what is reserved beforehand."""


class ImageGateway:
    """The image verb of the switchboard. One per process."""

    def __init__(self, board: Switchboard) -> None:
        self._board = board

    async def answer(self, caller: Caller, request: ImageRequest, request_id: str, labels: Labels) -> Answer:
        """`data` with one picture each, as the provider gave it: `b64_json` or `url`."""
        size = len(request.prompt) + sum(len(file.data) for file in request.images)
        verb = Verb[list[Members]](
            "image",
            "Image",
            lambda target, turn: target.adapter.write_image(request, target, turn),
            lambda target, body, _, turn: target.adapter.read_image(body, request, turn),
            _show,
            request_bytes=size,
            answers=request.n,
            most=PICTURE_TOKENS,
        )
        return await answer_once(self._board, caller, request.ref, verb, request_id, labels)


def _show(pictures: list[Members], meter: Meter) -> Answer:
    return as_json({"created": int(time.time()), "data": pictures}, meter)
