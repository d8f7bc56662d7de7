"""Omni-parser, high level: typed results."""

from __future__ import annotations

from typing import Literal

from portico.sdk.clients.omni_parser import AsyncOmniParserClient, OmniParserClient
from portico.sdk.managers.base import read
from portico.sdk.uploading import Progress, Source
from portico.wire.omni_parser import ParsedFile

Format = Literal["plainText", "html", "markdown"]


class OmniParser:
    """`client.omni_parser`: what stands in a file. `client.omni_parser.process("report.pdf", start_page=4).text`"""

    def __init__(self, client: OmniParserClient) -> None:
        self._client = client

    def process(
        self,
        source: Source,
        *,
        name: str | None = None,
        start_page: int | None = None,
        end_page: int | None = None,
        as_rows: bool = False,
        output_format: Format | None = None,
        password: str | None = None,
        model: str | None = None,
        merge: int | None = None,
        dialogue: bool | None = None,
        on_progress: Progress | None = None,
    ) -> ParsedFile:
        """A path, bytes (then with a `name`) or a file opened for reading bytes. `as_rows`: each row of a sheet with
        the names of its columns. Of sounds and films: the `model` that transcribes, how many of its segments `merge` to
        one part (0: all), whether `dialogue` is wanted. Raises BadRequest for a broken file, and ApiError for one
        without text."""
        answer = self._client.process_file(
            source, name=name, start_page=start_page, end_page=end_page, structure="table" if as_rows else None,
            output_format=output_format, password=password, model=model, merge=merge,
            dialogue=dialogue, progress=on_progress,
        )  # fmt: skip
        return read(ParsedFile, answer)


class AsyncOmniParser:
    """The same for asyncio."""

    def __init__(self, client: AsyncOmniParserClient) -> None:
        self._client = client

    async def process(
        self,
        source: Source,
        *,
        name: str | None = None,
        start_page: int | None = None,
        end_page: int | None = None,
        as_rows: bool = False,
        output_format: Format | None = None,
        password: str | None = None,
        model: str | None = None,
        merge: int | None = None,
        dialogue: bool | None = None,
        on_progress: Progress | None = None,
    ) -> ParsedFile:
        """A path, bytes (then with a `name`) or a file opened for reading bytes. `as_rows`: each row of a sheet with
        the names of its columns. Of sounds and films: the `model` that transcribes, how many of its segments `merge` to
        one part (0: all), whether `dialogue` is wanted. Raises BadRequest for a broken file, and ApiError for one
        without text."""
        answer = await self._client.process_file(
            source, name=name, start_page=start_page, end_page=end_page, structure="table" if as_rows else None,
            output_format=output_format, password=password, model=model, merge=merge,
            dialogue=dialogue, progress=on_progress,
        )  # fmt: skip
        return read(ParsedFile, answer)
