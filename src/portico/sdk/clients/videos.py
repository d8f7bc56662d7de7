"""Videos, low level.

Source: Videos API reference, POST /videos/generations and POST /videos/status.
"""

from __future__ import annotations

from typing import Any, TypedDict, Unpack

from portico.sdk.call import Call, JsonObject, Repeat, given, send_json
from portico.sdk.clients.base import AsyncFileClient, FileClient, read_object
from portico.sdk.errors import PorticoError

GENERATIONS, STATUS = "/videos/generations", "/videos/status"
STATUS_DEADLINE_S = 60.0


class VideoOptions(TypedDict, total=False):
    """What a film can be asked beside model and prompt. None means "not given"; `parameters` are the provider's own."""

    duration: int | None  # seconds
    image: str | None  # address or data URL: where the film begins
    parameters: dict[str, Any] | None


def video_call(model: str, prompt: str, options: VideoOptions) -> Call:
    """Raises PorticoError for a prompt that no server takes, before anything is sent."""
    if not prompt.strip():
        raise PorticoError("The prompt is empty.", hint="Say what the film shall show.")
    instance: dict[str, Any] = {"prompt": prompt}
    if image := options.get("image"):
        head, _, data = image.partition(";base64,")
        kind = head.removeprefix("data:")
        instance["image"] = {"bytesBase64Encoded": data, "mimeType": kind} if data else image
    parameters = {**(options.get("parameters") or {}), **given({"duration": options.get("duration")})}
    body = {"model": model, "instances": [instance], "parameters": parameters or None}
    return send_json("POST", GENERATIONS, given(body), repeat=Repeat.NEVER)


def status_call(model: str, operation: str) -> Call:
    """Raises PorticoError for an operation without a name."""
    if not operation:
        raise PorticoError("The name of the operation is empty.", hint="It is the `name` of what was begun.")
    call = send_json("POST", STATUS, {"model": model, "operationName": operation}, repeat=Repeat.SAFE)
    return call.with_deadline(STATUS_DEADLINE_S)


class VideosClient(FileClient):
    def generate_video(self, model: str, prompt: str, **options: Unpack[VideoOptions]) -> JsonObject:
        """POST /videos/generations: the name of the operation that has begun."""
        return self._json(video_call(model, prompt, options))

    def get_video_status(self, model: str, operation: str) -> JsonObject:
        """POST /videos/status: how far it is; one that failed is told as such, and raises nothing."""
        return read_object(self._transport.send(status_call(model, operation)), tells_of_failures=True)


class AsyncVideosClient(AsyncFileClient):
    async def generate_video(self, model: str, prompt: str, **options: Unpack[VideoOptions]) -> JsonObject:
        """POST /videos/generations: the name of the operation that has begun."""
        return await self._json(video_call(model, prompt, options))

    async def get_video_status(self, model: str, operation: str) -> JsonObject:
        """POST /videos/status: how far it is; one that failed is told as such, and raises nothing."""
        return read_object(await self._transport.send(status_call(model, operation)), tells_of_failures=True)
