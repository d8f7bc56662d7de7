"""Another method than a path takes: the refusal, and what its `Allow` has to say (RFC 9110, section 15.5.6)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from litestar.routes import BaseRoute, HTTPRoute

from portico.server.assistants.search.refusals import VerbNotSupported
from portico.server.errors import MethodNotAllowed

_SEARCH = "/v1/search/"


def refuse_method(path: str, allowed: str) -> MethodNotAllowed:
    """Id 405; below `/v1/search` 2026 (RAG reference, error ids)."""
    refusal = VerbNotSupported if path.startswith(_SEARCH) else MethodNotAllowed
    return refusal(headers={"Allow": allowed})


def allowed_methods(routes: Iterable[BaseRoute], path: str) -> str:
    """The value of the header `Allow`. Looked for only when a method was refused."""
    found = (route.methods for route in routes if isinstance(route, HTTPRoute) and _pattern(route).fullmatch(path))
    return ", ".join(sorted(set().union(*found)))


def _pattern(route: HTTPRoute) -> re.Pattern[str]:
    parts = (re.escape(part) if isinstance(part, str) else _free(part.full) for part in route.path_components)
    return re.compile("/" + "/".join(parts))


def _free(definition: str) -> str:
    return ".+" if definition.endswith(":path") else "[^/]+"
