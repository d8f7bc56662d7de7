"""The room of the files: where their bytes lie, what is done with them, and the housekeeping."""

from __future__ import annotations

from portico.server.app.ground import Ground
from portico.server.assistants.files.manage import FileRules, FileStore
from portico.server.assistants.files.references import Files
from portico.server.assistants.files.sweep import FileSweep
from portico.server.gateway.routing import Targets
from portico.server.retrieval.parse import READER_IDLE_S, Bounds, Parser
from portico.server.storage.blobs import open_blobs


def open_files(ground: Ground) -> FileStore:
    """With its sweep. Raises StartError."""
    settings = ground.settings
    blobs = open_blobs(settings)
    ground.stack.push_async_callback(blobs.close)
    rules = FileRules(settings.files_limit_bytes, settings.files_temporary_s, settings.files_reserve_bytes)
    store = FileStore(ground.tenancy, blobs, rules)
    sweep = FileSweep(store)
    sweep.start()
    ground.stack.push_async_callback(sweep.close)
    return store


def open_file_references(ground: Ground, store: FileStore, targets: Targets) -> Files:
    settings = ground.settings
    bounds = Bounds(settings.files_text_timeout_s, settings.files_text_memory_bytes)
    parser = Parser(bounds, idle_s=READER_IDLE_S)
    ground.stack.push_async_callback(parser.close)
    return Files(store, targets, parser)
