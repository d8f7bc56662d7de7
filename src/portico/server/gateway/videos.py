"""Video: a film is begun, and asked after until it is there."""

from __future__ import annotations

import msgspec

from portico.server.access.caller import Caller
from portico.server.errors import ProviderRefused, RequestNotFound
from portico.server.gateway.answers import Answer
from portico.server.gateway.metering import Meter
from portico.server.gateway.once import Verb, answer_once, as_json
from portico.server.gateway.switchboard import Switchboard
from portico.server.providers.base import Members, Tokens
from portico.wire.requests import Labels, VideoRequest, VideoStatusRequest

_encode = msgspec.json.Encoder().encode
DEFAULT_DURATION_S = 8


class VideoGateway:
    """The video verb of the switchboard. One per process."""

    def __init__(self, board: Switchboard) -> None:
        self._board = board

    async def answer(self, caller: Caller, request: VideoRequest, request_id: str, labels: Labels) -> Answer:
        """202 with the provider's name of the operation, as `name` and as `id`. The seconds are billed now."""
        seconds = request.duration_s or DEFAULT_DURATION_S

        def show(operation: str, meter: Meter) -> Answer:
            assert meter.turn is not None
            meter.turn.tokens = Tokens(units=seconds)
            return as_json({"name": operation, "id": operation}, meter, status=202)

        verb = Verb[str](
            "video",
            "Video",
            lambda target, turn: target.adapter.write_video(request, target, turn),
            lambda target, body, _, turn: target.adapter.read_video(body, request, turn),
            show,
            request_bytes=len(request.prompt),
            units=seconds,
            repeatable=False,
        )
        return await answer_once(self._board, caller, request.ref, verb, request_id, labels)

    async def status(self, caller: Caller, request: VideoStatusRequest, request_id: str, labels: Labels) -> Answer:
        """`{"status": "pending" | "completed" | "failed", "url"?, "metadata"?, "error"?}`; costs nothing.

        Raises RequestNotFound (404, id 3) for an operation that the provider does not know.
        """
        verb = Verb[Members](
            "video",
            "Video",
            lambda target, _: target.adapter.write_video_status(request, target),
            lambda target, body, _, turn: target.adapter.read_video_status(body, request),
            lambda members, meter: Answer(_encode({**members, "requestId": meter.request_id})),
            fits=lambda target: target.adapter.may_have_begun(request.operation, target),
        )
        try:
            return await answer_once(self._board, caller, request.ref, verb, request_id, labels)
        except ProviderRefused as error:
            if error.status != 404:
                raise
            raise RequestNotFound(param="operationName") from error
