"""Around every request of the slow lane: request id, guard, body ceiling, access log; and the path in one spelling."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from portico.server.edge.access_log import log_request
from portico.server.edge.allow import refuse_method
from portico.server.edge.asgi_lane import serve_hot
from portico.server.edge.dialects import dialect_of
from portico.server.edge.errors import error_headers, own_error, platform_body
from portico.server.edge.guard import Guard
from portico.server.edge.stream import Handler
from portico.server.errors import PayloadTooLarge, PorticoError
from portico.server.kit.request_ids import new_request_id
from portico.server.services import Services
from portico.server.settings import Settings

OPEN_BODY_BYTES = 64 * 1024
UPLOAD_PATH = "/v1/files"
_DOCUMENT_PATH = re.compile(r"/v1/search/profile/[^/]+/document")
UPLOAD_FORM_BYTES = 2 * 1024 * 1024
"""What a form may add to its file."""
_SLASHES = re.compile(r"/{2,}")
Asgi = Callable[[dict[str, Any], Any, Any], Any]


class Corridor:
    """The outermost ASGI application. Closed by default: without a caller only open paths are let through."""

    def __init__(
        self,
        app: Asgi,
        services: Services,
        guard: Guard,
        hot: Mapping[str, Handler],
        executions: tuple[str, ...],
        shared: frozenset[str] = frozenset(),
    ) -> None:
        """`shared` are hot paths that the application answers, too, for another method than POST."""
        self._app = app
        self._services = services
        self._guard = guard
        self._hot = hot
        self._executions = executions
        self._shared = shared

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # An empty id at the end is no id: where a listing lies there, its route may want to know.
        scope.setdefault("state", {})["open_end"] = scope["path"].endswith("/")
        path = scope["path"] = _SLASHES.sub("/", scope["path"]).rstrip("/") or "/"
        scope["raw_path"] = path.encode()
        handler = self._hot.get(path) if scope["method"] == "POST" else None
        if handler is not None:
            await serve_hot(self._services, self._guard, handler, scope, receive, send)
        else:
            await self._pass(scope, receive, send)

    async def _pass(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        answer = _Answer(send)
        path = scope["path"]
        execution = path in self._hot or f"{path}/".startswith(self._executions)
        scope.setdefault("state", {}).update(request_id=answer.request_id, execution=execution)
        started = time.perf_counter()
        try:
            if scope["path"] not in self._guard.open_paths:
                scope["state"]["caller"] = await self._guard.admit_to(path, scope["headers"])
            if scope["path"] in self._hot and scope["path"] not in self._shared:  # they take POST; none comes here
                raise refuse_method(path, "POST")
            limit = self._services.settings.body_limit_bytes
            if scope["path"] in self._guard.open_paths:  # nobody in particular needs no more room
                limit = min(limit, OPEN_BODY_BYTES)
            elif (room := _maybe_room(scope["path"], self._services.settings)) is not None:
                limit = room + UPLOAD_FORM_BYTES  # never whole in memory; the file itself is measured on its way
            await self._app(scope, _Ceiling(receive, scope, limit), answer.send)
        except Exception as failure:
            if answer.started:
                raise
            await self._refuse(own_error(failure), path if execution else "", answer)
        finally:
            if self._services.settings.access_log:
                took = time.perf_counter() - started
                log_request(scope["method"], scope["path"], answer.status, took, answer.request_id)

    async def _refuse(self, error: PorticoError, execution_path: str, answer: _Answer) -> None:
        """In the words of the execution API at this path; without one, in those of the platform."""
        status, body, more = error.status, platform_body(error), error_headers(error)
        if execution_path:
            status, body, more = dialect_of(execution_path).refuse(error, answer.request_id)
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *more]
        await answer.send({"type": "http.response.start", "status": status, "headers": headers})
        await answer.send({"type": "http.response.body", "body": body})


def _maybe_room(path: str, settings: Settings) -> int | None:
    """Bytes of a file that may be uploaded here; None where nothing is uploaded."""
    if path == UPLOAD_PATH:
        return settings.files_limit_bytes
    return settings.documents_limit_bytes if _DOCUMENT_PATH.fullmatch(path) else None


class _Answer:
    """The way out of one request: adds `X-Request-Id`, remembers the status."""

    def __init__(self, send: Any) -> None:
        self._send = send
        self.request_id = new_request_id()
        self.started = False
        self.status = 500

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.started, self.status = True, message["status"]
            message["headers"] = [*message.get("headers", ()), (b"x-request-id", self.request_id.encode())]
        await self._send(message)


class _Ceiling:
    """The way in of one request: ends it when its body grows over the limit."""

    def __init__(self, receive: Any, scope: dict[str, Any], limit_bytes: int) -> None:
        length = dict(scope["headers"]).get(b"content-length", b"")
        if length.isdigit() and int(length) > limit_bytes:
            raise PayloadTooLarge
        self._receive = receive
        self._left = limit_bytes

    async def __call__(self) -> Any:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise PayloadTooLarge
        return message
