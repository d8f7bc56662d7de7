"""The answer cache of a project. An API of our own: `DELETE /v2/cache`."""

from __future__ import annotations

from portico.wire.tolerant import Shape


class ClearedCache(Shape):
    """Answer of `DELETE /v2/cache`: how many stored answers were forgotten."""

    removed: int = 0
