"""What each route says of tenants. A route that no row speaks of fails the suite: say here whose its ids are.

A path parameter stands for a thing of the first tenant (GUIDS, NAMES) or for a word that is nobody's (WORDS).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from litestar import Litestar
from litestar.routes import HTTPRoute

from portico.server.edge.http import HOT, ROUTES

VERSION = re.compile(r"^/v\d+")
PARAMETER = re.compile(r"\{(\w+):\w+\}")
OURS = ("/schema",)
"""Of the framework itself: they describe the API and know no tenant."""

GUIDS = {
    "organization": "organization",
    "project": "project",
    "project_id": "project",
    "token_id": "token_id",
    "limit": "project_limit",
    "key": "key",
    "request_id": "request_id",
    "organization_id": "organization",
    "assistant": "assistant",
    "file_id": "file_id",
    "document_id": "document_id",
    "secret_id": "secret_id",
    "role": "role",
    "user": "user",
    "session": "session",
    "evaluation_id": "evaluation",
}
"""Path parameters that name a thing which exists once: nobody else may learn that it exists."""
NAMES = {"provider": "own_provider", "model": "own_model", "name": "alias", "profile": "profile"}
"""Path parameters that name a thing within its tenant: the same name may be somebody else's, too."""
WORDS = {"revision": "1", "which": "latest", "member": "hardLimit", "figure": "total-requests"}
"""Path parameters that name nothing of a tenant."""
APART = {("/usageLimits/organizations/{organization:str}/limits", "limit"): "organization_limit"}
"""Where a parameter stands for another thing than usual: by the beginning of the path without its version."""

LIMIT = {"subscriptionType": "Daily", "usageUnit": "Cost", "softLimit": 1, "hardLimit": 2, "renewalStatus": "Renewable"}
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("PUT", "token_id"): {"description": "mine now", "status": "Blocked"},
    ("POST", "limits"): LIMIT,
    ("PUT", "hardLimit"): {"hardLimit": 1000},
    ("PUT", "rates"): {"requestsPerMinute": 1},
    ("PUT", "project_id"): {"name": "mine now"},
    ("PUT", "assistant"): {"action": "savePublishNewRevision", "prompt": "Say nothing."},
    ("PUT", "secret_id"): {"secretDefinition": {"name": "QUOKKA", "secretString": "other"}},
    ("POST", "accesses"): {"secretDefinition": {"accessList": [{"accessLevel": "write", "principalType": "service"}]}},
    ("PUT", "role"): {"name": "mine now"},
    ("PUT", "user"): {"firstName": "Eve"},
    ("PUT", "profile"): {"status": 2, "description": "mine now"},
    ("POST", "profile"): {"name": "mine", "template": "quokka"},
    ("POST", "log"): {"name": "mine", "data": "now"},
    ("POST", "execute"): {"profile": "Default", "question": "What does the owner write?"},
    ("POST", "evaluations"): {"questions": [{"question": "What does the owner write?", "expected": ["quokka.txt"]}]},
    ("POST", "request_id"): {"origin": "user-feedback", "answerScore": 2},
}
"""A body that would do what the route is for, by method and the last part of the path."""
PLATFORM = {"organization": "organization", "project": "project"}
"""Queries and headers that name a tenant on routes without ids in their path."""


@dataclass(frozen=True)
class Route:
    method: str
    path: str

    @property
    def parameters(self) -> list[str]:
        return PARAMETER.findall(self.path)

    @property
    def names_a_guid(self) -> bool:
        return any(name in GUIDS for name in self.parameters)

    @property
    def body(self) -> dict[str, Any]:
        last = self.path.rpartition("/")[2]
        named = PARAMETER.fullmatch(last)
        last = named[1] if named else last
        return BODIES.get((self.method, WORDS.get(last, last)), {})

    def filled(self, things: dict[str, str]) -> str:
        """The path with the things of a tenant in it. Raises KeyError for a parameter without a row."""
        return PARAMETER.sub(lambda found: self._thing(found[1], things), self.path)

    def _thing(self, name: str, things: dict[str, str]) -> str:
        if name in WORDS:
            return WORDS[name]
        bare = VERSION.sub("", self.path)
        apart = next((thing for (start, one), thing in APART.items() if one == name and bare.startswith(start)), None)
        return things[apart or GUIDS.get(name) or NAMES[name]]


def all_routes() -> Iterator[Route]:
    """Every method and path of the application, the hot ones too."""
    for route in Litestar(ROUTES, openapi_config=None).routes:
        if isinstance(route, HTTPRoute) and not route.path.startswith(OURS):
            yield from (Route(method, route.path) for method in sorted(route.methods - {"OPTIONS", "HEAD"}))
    yield from (Route("POST", path) for path in HOT)
