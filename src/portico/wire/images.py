"""Pictures as documented.

Source: Images API reference, POST /images/generations and /images/edits.
"""

from __future__ import annotations

from msgspec import field

from portico.wire.chat import Usage
from portico.wire.media import MediaFile
from portico.wire.tolerant import Shape


class Image(MediaFile):
    """One picture; `revised_prompt` is what the model made of the prompt, where it tells."""

    revised_prompt: str = ""


class ImageList(Shape):
    """The answer to one request. `created` counts seconds since 1970."""

    created: int = 0
    data: list[Image] = field(default_factory=list)
    usage: Usage | None = None
    request_id: str = field(default="", name="requestId")
