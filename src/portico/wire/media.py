"""What the answers with pictures, speech and film have in common: the file itself in base64, or where it lies."""

from __future__ import annotations

from base64 import b64decode

from portico.wire.tolerant import Shape


class MediaFile(Shape):
    """A file that was made: `b64_json`, or `url` when the provider keeps it for a while."""

    url: str = ""
    b64_json: str = ""

    def content(self) -> bytes | None:
        """The file; None when it must be fetched from `url`. Raises ValueError for what is no base64."""
        if self.b64_json:
            return b64decode(self.b64_json, validate=True)
        head, comma, data = self.url.partition(",")
        inline = bool(comma) and head.startswith("data:") and head.endswith(";base64")
        return b64decode(data, validate=True) if inline else None
