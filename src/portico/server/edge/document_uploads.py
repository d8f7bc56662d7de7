"""A document on its way in: a form, also one that is declared as something else, or the bytes themselves.

Source: RAG reference, "POST document": samples send forms with the content type of the file.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

from portico.server.edge.forms import is_form
from portico.server.edge.uploads import SILENCE_S, Upload
from portico.server.errors import BadInputText

FIELD_LIMIT = 256 * 1024
"""Bytes of metadata, or of a prompt."""
_FORM = re.compile(rb"\s*--([\x20-\x7e]{1,70})\r\ncontent-disposition:\s*form-data", re.IGNORECASE)
_LOOK = 256
"""Bytes that tell a form."""


async def open_upload(receive: Any, content_type: str, *, needs_file: bool = True) -> Upload:
    """Looks at the first bytes. Raises BadInputText."""
    if not is_form(content_type) or "boundary" not in content_type.lower():
        peeked = await _peek(receive)
        receive = peeked
        form = _FORM.match(peeked.head)
        if form is not None:
            content_type = f'multipart/form-data; boundary="{form[1].decode("ascii")}"'
    return Upload(receive, content_type, texts=("metadata",), field_limit=FIELD_LIMIT, needs_file=needs_file)


class _Replay:
    """Gives the messages that were looked at, and then those that follow."""

    def __init__(self, receive: Any) -> None:
        self._receive = receive
        self._seen: list[Any] = []
        self.head = b""

    async def look(self) -> None:
        while len(self.head) < _LOOK:
            message = await self._receive()
            self._seen.append(message)
            self.head += message.get("body", b"")[:_LOOK]
            if message["type"] != "http.request" or not message.get("more_body"):
                return

    async def __call__(self) -> Any:
        return self._seen.pop(0) if self._seen else await self._receive()


async def _peek(receive: Any) -> _Replay:
    replay = _Replay(receive)
    try:
        async with asyncio.timeout(SILENCE_S):
            await replay.look()
    except TimeoutError:
        raise BadInputText(f"Bad Input Text: nothing more of the file came for {SILENCE_S:g} s") from None
    return replay
