"""Omni-parser, low level: a file to its parts.

Source: omni-parser API reference, POST /v1/omni-parser/process.
"""

from __future__ import annotations

from portico.sdk.call import Call, JsonObject, given
from portico.sdk.clients.base import AsyncLowLevelClient, LowLevelClient
from portico.sdk.uploading import Progress, Source, read_source, send_file

PATH = "/v1/omni-parser/process"


def process_call(
    source: Source,
    name: str | None,
    start_page: int | None,
    end_page: int | None,
    structure: str | None,
    output_format: str | None,
    password: str | None,
    model: str | None,
    merge: int | None,
    dialogue: bool | None,
    progress: Progress | None,
) -> Call:
    """Raises PorticoError for a source that cannot be read. A long document takes its time: no deadline."""
    told = {"startPage": start_page, "endPage": end_page, "structure": structure}
    told |= {"outputFormat": output_format, "password": password, "model": model, "merge": merge}
    told |= {"dialogue": None if dialogue is None else str(dialogue).lower()}
    fields = {key: str(value) for key, value in given(told).items()}
    return send_file(PATH, read_source(source, name), {}, fields, progress).with_deadline(None)


class OmniParserClient(LowLevelClient):
    def process_file(
        self,
        source: Source,
        *,
        name: str | None = None,
        start_page: int | None = None,
        end_page: int | None = None,
        structure: str | None = None,
        output_format: str | None = None,
        password: str | None = None,
        model: str | None = None,
        merge: int | None = None,
        dialogue: bool | None = None,
        progress: Progress | None = None,
    ) -> JsonObject:
        """POST /v1/omni-parser/process: headings, paragraphs, items and rows of a file, in order; of a sound or a film
        what is said in it."""
        return self._json(
            process_call(
                source, name, start_page, end_page, structure, output_format, password, model, merge, dialogue, progress
            )
        )


class AsyncOmniParserClient(AsyncLowLevelClient):
    async def process_file(
        self,
        source: Source,
        *,
        name: str | None = None,
        start_page: int | None = None,
        end_page: int | None = None,
        structure: str | None = None,
        output_format: str | None = None,
        password: str | None = None,
        model: str | None = None,
        merge: int | None = None,
        dialogue: bool | None = None,
        progress: Progress | None = None,
    ) -> JsonObject:
        """POST /v1/omni-parser/process: headings, paragraphs, items and rows of a file, in order; of a sound or a film
        what is said in it."""
        return await self._json(
            process_call(
                source, name, start_page, end_page, structure, output_format, password, model, merge, dialogue, progress
            )
        )
