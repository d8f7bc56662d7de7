"""A file on its way in: a multipart form, or the body itself, read piece by piece and never held whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from email.message import Message
from typing import Any

from multipart import MultipartError, MultipartSegment, PushMultipartParser

from portico.server.edge.forms import is_form
from portico.server.errors import BadInputText, FieldRequired, RequestCancelled

FIELD_LIMIT = 4096
PARTS_LIMIT = 32
SILENCE_S = 120.0
FILE = "file"


class Upload:
    """One request body. `content` gives the file's bytes; behind it, `fields` holds the other parts of the form."""

    def __init__(
        self,
        receive: Any,
        content_type: str,
        *,
        texts: Collection[str] = (),
        field_limit: int = FIELD_LIMIT,
        needs_file: bool = True,
    ) -> None:
        """`texts` are fields, in lower case, that are none of the files even when they come as one. `field_limit`
        counts bytes. Raises BadInputText for a form without a boundary."""
        self._receive = receive
        self._texts = frozenset(texts)
        self._field_limit = field_limit
        self._needs_file = needs_file
        self._parser = _parser_of(content_type) if is_form(content_type) else None
        self.fields: dict[str, str] = {}
        self.sent_name = ""
        self.content_type = "" if self._parser is not None else content_type
        self._found = self._parser is None

    @property
    def has_file(self) -> bool:
        """Whether the file has begun to come; a body that is no form is one."""
        return self._found

    def content(self) -> AsyncIterator[bytes]:
        """Ends when the whole body has been read and found good.

        Raises BadInputText for a broken form, FieldRequired when it has no file, RequestCancelled at a hang-up.
        """
        return self._body() if self._parser is None else self._form(self._parser)

    async def _form(self, parser: PushMultipartParser) -> AsyncIterator[bytes]:
        segment: MultipartSegment | None = None
        text = bytearray()
        try:
            async for data in self._body():
                for event in parser.parse(data):
                    if isinstance(event, MultipartSegment):
                        segment, text = event, bytearray()
                        self._begin(segment)
                    elif segment is not None and event is None:
                        self._end(segment, text)
                        segment = None
                    elif segment is not None and event and self._is_file(segment):
                        yield bytes(event)
                    elif event:
                        text += event
                        if len(text) > self._field_limit:
                            raise BadInputText(
                                f"Bad Input Text: a field of the form is longer than {self._field_limit} bytes"
                            )
            parser.close()
        except (MultipartError, LookupError) as error:
            raise BadInputText(f"Bad Input Text: the form cannot be read ({error})") from None
        if self._needs_file and not self._found:
            raise FieldRequired(FILE, "send the file as the part `file` of the form")

    def _begin(self, segment: MultipartSegment) -> None:
        if not self._is_file(segment):
            return
        if self._found:
            raise BadInputText("Bad Input Text: the form has two files; send one at a time")
        self._found = True
        self.sent_name, self.content_type = segment.filename or "", segment.content_type or ""

    def _end(self, segment: MultipartSegment, text: bytearray) -> None:
        if not self._is_file(segment):
            self.fields[(segment.name or "").lower()] = bytes(text).decode("utf-8", "replace")

    def _is_file(self, segment: MultipartSegment) -> bool:
        """A part with a file's name in another field is a file, too, and one too many; so is `file` without a name."""
        if (segment.name or "").lower() in self._texts:
            return False
        return segment.name == FILE or segment.filename is not None

    async def _body(self) -> AsyncIterator[bytes]:
        while True:
            try:
                async with asyncio.timeout(SILENCE_S):
                    message = await self._receive()
            except TimeoutError:
                raise BadInputText(f"Bad Input Text: nothing more of the file came for {SILENCE_S:g} s") from None
            if message["type"] == "http.disconnect":
                raise RequestCancelled
            if body := message.get("body", b""):
                yield body
            if not message.get("more_body"):
                return


def _parser_of(content_type: str) -> PushMultipartParser:
    head = Message()
    head["content-type"] = content_type
    boundary = head.get_boundary()
    if not boundary:
        raise BadInputText("Bad Input Text: the form has no boundary in its content type")
    try:
        return PushMultipartParser(
            boundary, max_header_size=16 * 1024, max_header_count=16, max_segment_count=PARTS_LIMIT
        )
    except MultipartError as error:
        raise BadInputText(f"Bad Input Text: the form cannot be read ({error})") from None
