"""What may be asked of the reading of a recording.

Source: ingestion provider reference, parameters `model`, `dialogue`, `merge`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from portico.server.errors import PatternMismatch


class MediaOptions(msgspec.Struct, frozen=True):
    """`model` is provider/name; it counts when it is one for sound. Of films `dialogue` may say that what is spoken is
    not wanted. `merge` is how many segments make one part: 0 all, None as they make paragraphs."""

    model: str = ""
    dialogue: bool = True
    merge: int | None = None

    @classmethod
    def read(cls, parameters: Mapping[str, Any]) -> MediaOptions:
        """Of parameters that were read before. Raises PatternMismatch."""
        merge = parameters.get("merge")
        if merge is not None and not isinstance(merge, int):
            raise PatternMismatch("merge", "send a whole number; 0 is all")
        return cls(
            model=str(parameters.get("model") or ""), dialogue=bool(parameters.get("dialogue", True)), merge=merge
        )
