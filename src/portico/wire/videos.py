"""Films as documented: one is begun, and asked after until it is there.

Source: Videos API reference, POST /videos/generations and GET or POST /videos/status.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import field

from portico.wire.chat import Usage
from portico.wire.media import MediaFile
from portico.wire.tolerant import Shape

VideoState = Literal["pending", "completed", "failed"]


class VideoOperation(Shape):
    """A film that was begun; `name` and `id` are the same."""

    name: str = ""
    id: str = ""
    usage: Usage | None = None
    request_id: str = field(default="", name="requestId")


class Video(MediaFile):
    """How far a film is. `error` has `code` and `message` when it failed."""

    status: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)
    error: dict[str, Any] = field(default_factory=dict)
    request_id: str = field(default="", name="requestId")

    @property
    def state(self) -> VideoState:
        """A film with a file is complete, whatever its status says."""
        if self.url or self.b64_json:
            return "completed"
        return "failed" if self.status == "failed" or self.error else "pending"
