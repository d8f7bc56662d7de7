"""Videos, high level: a film is begun, waited for, and saved."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Unpack

from portico.sdk.clients.videos import AsyncVideosClient, VideoOptions, VideosClient
from portico.sdk.errors import OperationFailed, OperationPending
from portico.sdk.managers.base import read
from portico.sdk.media import Video, write_file
from portico.wire.media import MediaFile
from portico.wire.videos import VideoOperation

Progress = Callable[[Video], None]
INTERVAL_S, PATIENCE_S = 5.0, 900.0


class Videos:
    """`client.videos`: films from texts and pictures."""

    def __init__(self, client: VideosClient) -> None:
        self._client = client

    def generate(self, model: str, prompt: str, **options: Unpack[VideoOptions]) -> VideoOperation:
        """Begins a film; its `name` is what `status` and `wait` ask for."""
        return read(VideoOperation, self._client.generate_video(model, prompt, **options))

    def status(self, model: str, operation: str) -> Video:
        """How far it is: `state` is pending, completed or failed. Raises NotFound."""
        return read(Video, self._client.get_video_status(model, operation))

    def wait(
        self,
        model: str,
        operation: str,
        *,
        interval_s: float = INTERVAL_S,
        timeout_s: float = PATIENCE_S,
        on_progress: Progress | None = None,
    ) -> Video:
        """The finished film; `on_progress` hears of every look at it. Raises OperationFailed, OperationPending."""
        watch = Watch(operation, interval_s, timeout_s, on_progress)
        while (pause_s := watch.look(video := self.status(model, operation))) is not None:
            time.sleep(pause_s)
        return video

    def save(self, video: MediaFile, path: str | os.PathLike[str]) -> Path:
        """Writes a film, also one of which only the address came."""
        return write_file(self._client.download(video), path)


class AsyncVideos:
    """The same for asyncio."""

    def __init__(self, client: AsyncVideosClient) -> None:
        self._client = client

    async def generate(self, model: str, prompt: str, **options: Unpack[VideoOptions]) -> VideoOperation:
        """Begins a film; its `name` is what `status` and `wait` ask for."""
        return read(VideoOperation, await self._client.generate_video(model, prompt, **options))

    async def status(self, model: str, operation: str) -> Video:
        """How far it is: `state` is pending, completed or failed. Raises NotFound."""
        return read(Video, await self._client.get_video_status(model, operation))

    async def wait(
        self,
        model: str,
        operation: str,
        *,
        interval_s: float = INTERVAL_S,
        timeout_s: float = PATIENCE_S,
        on_progress: Progress | None = None,
    ) -> Video:
        """The finished film; `on_progress` hears of every look at it. Raises OperationFailed, OperationPending."""
        import asyncio  # whoever calls this has it; those who do not are spared its import

        watch = Watch(operation, interval_s, timeout_s, on_progress)
        # What is waited for happens on another machine: there is nothing here that could tell of it.
        while (pause_s := watch.look(video := await self.status(model, operation))) is not None:  # noqa: ASYNC110
            await asyncio.sleep(pause_s)
        return video

    async def save(self, video: MediaFile, path: str | os.PathLike[str]) -> Path:
        """Writes a film, also one of which only the address came."""
        return write_file(await self._client.download(video), path)


class Watch:
    """One waiting, driven by either client: what a look at the film means."""

    def __init__(self, operation: str, interval_s: float, timeout_s: float, on_progress: Progress | None) -> None:
        self._operation, self._interval_s, self._timeout_s = operation, interval_s, timeout_s
        self._ends_at = time.monotonic() + timeout_s
        self._on_progress = on_progress

    def look(self, video: Video) -> float | None:
        """Seconds until the next look; None when the film is there. Raises OperationFailed, OperationPending."""
        if self._on_progress is not None:
            self._on_progress(video)
        if video.state == "completed":
            return None
        if video.state == "failed":
            why = video.error.get("message") or video.error.get("code") or "the provider gives no reason"
            raise OperationFailed(f"The film failed: {why}.")
        left_s = self._ends_at - time.monotonic()
        if left_s <= 0:
            raise OperationPending(
                f"The film is not there after {self._timeout_s:g} s.",
                hint=f"It is still being made: ask again for {self._operation}.",
            )
        return min(self._interval_s, left_s)
