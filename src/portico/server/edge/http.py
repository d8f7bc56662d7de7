"""Builds the application of the slow lane: Litestar with the tables of `routes/`, behind the corridor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import msgspec
from litestar import Litestar, Request, Response
from litestar.datastructures import State
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException
from litestar.openapi.config import OpenAPIConfig

from portico import __version__
from portico.server.edge.allow import allowed_methods, refuse_method
from portico.server.edge.dialects.messages import COUNT_PATHS
from portico.server.edge.dialects.messages import PATHS as MESSAGES
from portico.server.edge.dialects.responses import PATHS as RESPONSES
from portico.server.edge.errors import error_headers, execution_body, own_error, platform_body
from portico.server.edge.guard import Guard
from portico.server.edge.middleware import Corridor
from portico.server.edge.routes import (
    access_control,
    analytics,
    anthropic_messages,
    assistant_requests,
    assistants,
    audio,
    audit,
    auth,
    cache,
    chat,
    embeddings,
    evaluations,
    feedback,
    files,
    guardrails,
    images,
    llm,
    metrics,
    omni_parser,
    organizations,
    plugins,
    projects,
    providers,
    requests,
    rerank,
    responses,
    search,
    search_execute,
    secrets,
    setup,
    status,
    tokens,
    usage_limits,
    users,
    videos,
    visibility,
)
from portico.server.edge.routes.openapi.schema import WholeDocument
from portico.server.edge.stream import Handler
from portico.server.errors import BadEndpoint, BadInputText, PorticoError
from portico.server.services import Services

if TYPE_CHECKING:
    from litestar.plugins import PluginProtocol

HOT: Mapping[str, Handler] = {
    **dict.fromkeys(chat.PATHS, chat.chat_completions),
    **dict.fromkeys(embeddings.PATHS, embeddings.embeddings),
    **dict.fromkeys(rerank.PATHS, rerank.rerank),
    **dict.fromkeys(images.GENERATIONS, images.generate),
    **dict.fromkeys(images.EDITS, images.edit),
    **dict.fromkeys(audio.SPEECH, audio.speech),
    **dict.fromkeys(audio.TRANSCRIPTIONS, audio.transcriptions),
    **dict.fromkeys(videos.GENERATIONS, videos.generate),
    **dict.fromkeys(videos.STATUS, videos.status),
    **assistant_requests.HANDLERS,
    **dict.fromkeys(search_execute.PATHS, search_execute.execute),
    **dict.fromkeys(RESPONSES, responses.create_response),
    **dict.fromkeys(MESSAGES, anthropic_messages.create_message),
    **dict.fromkeys(COUNT_PATHS, anthropic_messages.count_message_tokens),
}
"""The hot paths of both lanes."""
ROUTES = (
    *llm.ROUTES,
    *providers.ROUTES,
    *tokens.ROUTES,
    *auth.ROUTES,
    *users.ROUTES,
    *setup.ROUTES,
    *projects.ROUTES,
    *plugins.ROUTES,
    *organizations.ROUTES,
    *access_control.ROUTES,
    *visibility.ROUTES,
    *usage_limits.ROUTES,
    *requests.ROUTES,
    *assistants.ROUTES,
    *search.ROUTES,
    *omni_parser.ROUTES,
    *evaluations.ROUTES,
    *analytics.ROUTES,
    *status.ROUTES,
    *metrics.ROUTES,
    *videos.ROUTES,
    *guardrails.ROUTES,
    *cache.ROUTES,
    *files.ROUTES,
    *secrets.ROUTES,
    *feedback.ROUTES,
    *audit.ROUTES,
)
"""What the framework serves: all other paths."""
EXECUTIONS = ("/v1/models/", "/models/", "/v1/responses/", "/responses/")
"""OpenAI-like paths of the slow lane: their errors have the superset body, as the hot paths' have."""


class _Application(Litestar):
    """Of what the framework adds by itself only what is for msgspec, of which all our shapes are: wherever somebody has
    pydantic and attrs installed it would load them, too (9 MB). Its method has a private name; under another one all
    goes on as before, but for the memory."""

    @staticmethod
    def _get_default_plugins(plugins: list[PluginProtocol]) -> list[PluginProtocol]:
        from litestar.plugins.core import MsgspecDIPlugin  # here: as private as the method

        return [*plugins, MsgspecDIPlugin()]


def build_application(services: Services, guard: Guard) -> Corridor:
    app = _Application(
        ROUTES,
        state=State({"services": services}),
        exception_handlers={MethodNotAllowedException: _answer_method, Exception: _answer_error},
        openapi_config=OpenAPIConfig(
            title="Portico", version=__version__, path="/schema", render_plugins=[WholeDocument()]
        ),
        logging_config=None,
        debug=False,
    )
    return Corridor(cast(Any, app), services, guard, HOT, EXECUTIONS, frozenset(videos.STATUS))


def _answer_method(request: Request[Any, Any, Any], failure: MethodNotAllowedException) -> Response[bytes]:
    path = request.scope["path"]
    return _answer_error(request, refuse_method(path, allowed_methods(request.app.routes, path)))


def _answer_error(request: Request[Any, Any, Any], failure: Exception) -> Response[bytes]:
    error = _translate(failure)
    state = request.scope["state"]
    body = execution_body(error, state["request_id"]) if state["execution"] else platform_body(error)
    headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in error_headers(error)}
    return Response(body, status_code=error.status, headers=headers, media_type="application/json")


def _translate(failure: Exception) -> PorticoError:
    """The framework's refusals in our words; a 500 keeps its reason for the log."""
    if isinstance(failure, NotFoundException):
        return BadEndpoint()
    if isinstance(failure, HTTPException) and failure.status_code < 500:
        return BadInputText(f"Bad Input Text: {failure.detail}")
    if isinstance(failure, msgspec.DecodeError | UnicodeDecodeError | RecursionError):
        return BadInputText()
    return own_error(failure)
