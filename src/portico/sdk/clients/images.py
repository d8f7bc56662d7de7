"""Images, low level.

Source: Images API reference, POST /images/generations and POST /images/edits.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict, Unpack

from portico.sdk.call import Call, JsonObject, Repeat, given, send_json
from portico.sdk.clients.base import AsyncFileClient, FileClient
from portico.sdk.errors import PorticoError

GENERATIONS, EDITS = "/images/generations", "/images/edits"


class ImageOptions(TypedDict, total=False):
    """What pictures can be asked beside model and prompt. None means "not given"; `extra_body` adds members."""

    n: int | None
    size: str | None  # 1024x1024, or auto
    quality: str | None
    aspect_ratio: str | None  # 16:9
    response_format: Literal["url", "b64_json"] | None
    output_format: str | None  # png, jpeg or webp
    background: str | None
    style: str | None
    user: str | None
    extra_body: dict[str, Any] | None


def image_call(
    path: str, model: str, prompt: str, options: ImageOptions, pictures: dict[str, Any] | None = None
) -> Call:
    """Raises PorticoError for a prompt that no server takes, before anything is sent."""
    if not prompt.strip():
        raise PorticoError("The prompt is empty.", hint="Say what the picture shall show.")
    members = {name: value for name, value in options.items() if name != "extra_body"}
    body = given({"model": model, "prompt": prompt, **(pictures or {}), **members})
    return send_json("POST", path, {**body, **(options.get("extra_body") or {})}, repeat=Repeat.WORK)


class ImagesClient(FileClient):
    def generate_image(self, model: str, prompt: str, **options: Unpack[ImageOptions]) -> JsonObject:
        """POST /images/generations: pictures made from a text."""
        return self._json(image_call(GENERATIONS, model, prompt, options))

    def edit_image(
        self,
        model: str,
        prompt: str,
        image: str | list[str],
        mask: str | None = None,
        **options: Unpack[ImageOptions],
    ) -> JsonObject:
        """POST /images/edits: pictures changed. `image` and `mask` are addresses or data URLs."""
        return self._json(image_call(EDITS, model, prompt, options, {"image": image, "mask": mask}))


class AsyncImagesClient(AsyncFileClient):
    async def generate_image(self, model: str, prompt: str, **options: Unpack[ImageOptions]) -> JsonObject:
        """POST /images/generations: pictures made from a text."""
        return await self._json(image_call(GENERATIONS, model, prompt, options))

    async def edit_image(
        self,
        model: str,
        prompt: str,
        image: str | list[str],
        mask: str | None = None,
        **options: Unpack[ImageOptions],
    ) -> JsonObject:
        """POST /images/edits: pictures changed. `image` and `mask` are addresses or data URLs."""
        return await self._json(image_call(EDITS, model, prompt, options, {"image": image, "mask": mask}))
