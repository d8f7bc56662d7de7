"""Images, high level: pictures that can be saved."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

from portico.sdk.clients.images import AsyncImagesClient, ImageOptions, ImagesClient
from portico.sdk.managers.base import read
from portico.sdk.media import ImageList, Picture, as_url, as_urls, write_file
from portico.wire.media import MediaFile


class Images:
    """`client.images`: pictures from texts, and from other pictures."""

    def __init__(self, client: ImagesClient) -> None:
        self._client = client

    def generate(self, model: str, prompt: str, **options: Unpack[ImageOptions]) -> ImageList:
        """Pictures in `data`; each has `save(path)`."""
        return read(ImageList, self._client.generate_image(model, prompt, **options))

    def edit(
        self,
        model: str,
        prompt: str,
        image: Picture | Sequence[Picture],
        *,
        mask: Picture | None = None,
        **options: Unpack[ImageOptions],
    ) -> ImageList:
        """Pictures changed. `image`: the name of a file, its bytes, an address; or several of them."""
        sent, masked = as_urls(image), None if mask is None else as_url(mask)
        return read(ImageList, self._client.edit_image(model, prompt, sent, masked, **options))

    def save(self, image: MediaFile, path: str | os.PathLike[str]) -> Path:
        """Writes a picture, also one of which only the address came."""
        return write_file(self._client.download(image), path)


class AsyncImages:
    """The same for asyncio."""

    def __init__(self, client: AsyncImagesClient) -> None:
        self._client = client

    async def generate(self, model: str, prompt: str, **options: Unpack[ImageOptions]) -> ImageList:
        """Pictures in `data`; each has `save(path)`."""
        return read(ImageList, await self._client.generate_image(model, prompt, **options))

    async def edit(
        self,
        model: str,
        prompt: str,
        image: Picture | Sequence[Picture],
        *,
        mask: Picture | None = None,
        **options: Unpack[ImageOptions],
    ) -> ImageList:
        """Pictures changed. `image`: the name of a file, its bytes, an address; or several of them."""
        sent, masked = as_urls(image), None if mask is None else as_url(mask)
        return read(ImageList, await self._client.edit_image(model, prompt, sent, masked, **options))

    async def save(self, image: MediaFile, path: str | os.PathLike[str]) -> Path:
        """Writes a picture, also one of which only the address came."""
        return write_file(await self._client.download(image), path)
