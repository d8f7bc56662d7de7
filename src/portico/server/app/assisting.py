"""The room of the assistants: their definitions in memory, the desk, and requests that are asked about later."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from portico.server.access.caller import Caller
from portico.server.access.secrets import open_secret
from portico.server.app.files import open_file_references
from portico.server.app.ground import Ground
from portico.server.assistants.api.desk import ApiDesk
from portico.server.assistants.api.members import KIND
from portico.server.assistants.definitions import Definitions
from portico.server.assistants.desk import Desk, ProfileDesk
from portico.server.assistants.files.manage import FileStore
from portico.server.assistants.manage import Assistants
from portico.server.assistants.models import FIRST_PROVIDER, Models, Named
from portico.server.assistants.prompt import PromptDesk
from portico.server.assistants.requests import AssistantRequests
from portico.server.catalog.find import Catalog
from portico.server.errors import StartError
from portico.server.gateway.chat import ChatGateway
from portico.server.gateway.requests.history import Requests
from portico.server.gateway.requests.running import Running
from portico.server.gateway.switchboard import Switchboard
from portico.server.providers.local.runtime import LocalRuntime
from portico.wire.model_ref import DirectModel, read_model_ref

FIRST_MODEL = "openai/gpt-4o-mini"
"""Of an assistant that names no model, on an installation with a key for it."""


def open_definitions(ground: Ground) -> Definitions:
    definitions = Definitions(ground.database)
    ground.changes.subscribe(definitions.follow)
    return definitions


def open_desk(
    ground: Ground,
    chat: ChatGateway,
    definitions: Definitions,
    files: FileStore,
    board: Switchboard,
    search: ProfileDesk,
) -> Desk:
    """Where all chat requests go. API assistants call their services as files are fetched."""
    references = open_file_references(ground, files, board.targets)
    prompt = PromptDesk(chat, definitions, references)
    api = ApiDesk(chat, prompt, board.fetcher, partial(open_secret, ground.tenancy))
    return Desk(chat, definitions, references, {KIND: api}, search)


def open_models(ground: Ground, board: Switchboard, local_chat_models: Callable[[], Sequence[str]]) -> Models:
    """What assistants ask that name no model. `local_chat_models` are those that are ready, the best first.

    Raises StartError for a setting without a model.
    """
    targets = board.targets
    chosen = ground.settings.assistant_model
    if chosen and not isinstance(read_model_ref(chosen), DirectModel):
        raise StartError("PORTICO_ASSISTANT_MODEL: write provider/model, such as openai/gpt-4o-mini")

    def fall_back(caller: Caller) -> Named:
        ready = [f"local/{name}" for name in local_chat_models()]
        usable = chosen or (ready[0] if ready and FIRST_PROVIDER in targets.missing_of(caller) else FIRST_MODEL)
        provider, _, model = usable.partition("/")
        return provider, model

    return Models(targets, fall_back)


def open_assistants(ground: Ground, definitions: Definitions, board: Switchboard, models: Models) -> Assistants:
    return Assistants(ground.tenancy, definitions, models, board.fetcher.trusts)


def list_ready_models(catalog: Catalog, runtime: LocalRuntime) -> list[str]:
    """Local chat models that answer at once, the best first."""
    ready = {status.name for status in runtime.status() if status.state in ("ready", "loaded")}
    models = sorted(catalog.find_provider("local").models, key=lambda model: (model.priority, model.name))
    return [model.name for model in models if model.type == "Chat" and model.name in ready]


def open_assistant_requests(ground: Ground, desk: Desk, running: Running, requests: Requests) -> AssistantRequests:
    begun = AssistantRequests(ground.tenancy, desk, running, requests, days=ground.settings.assistant_request_days)
    begun.start()
    ground.stack.push_async_callback(begun.close)
    return begun
