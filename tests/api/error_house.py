"""A server of which every documented refusal can be had: it has a root token, an external issuer and a provider."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.api.assistant_house import OPENAI
from tests.files import FORM, form
from tests.issuer import AUDIENCE, TestIssuer
from tests.live import Answer, LiveServer
from tests.people import Person, make_administrator, make_person, organization_of, sign_in
from tests.upstream import Upstream

ROOT = "the-root-token-of-the-tests-which-is-long"
NOBODY = "5b1d2f8e-0000-4000-8000-000000000002"
PROJECT, ASSISTANT, SECRETS, FILES = "/v1/organization/project", "/v1/assistant", "/v1/secrets", "/v1/files"
ROLES, TOKENS, ADMIN = "/v2/accessControl/projects/roles", "/v2/projects/tokens", "/v2/admin/organizations"


def new_name(stem: str = "thing") -> str:
    return f"{stem} {secrets.token_hex(5)}"


@dataclass
class House:
    """Calls by a token, the project's by default. What a call needs is made anew, so that no two cases meet."""

    server: LiveServer
    issuer: TestIssuer

    def __call__(self, method: str, path: str, body: Any = None, token: str | None = "", **headers: str) -> Answer:
        return self.server.request(method, path, body, headers, token=token)

    def whole(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """By the token of the organization."""
        return self(method, path, body, self.server.token("organization"), **headers)

    def made(self, method: str, path: str, body: Any, token: str = "", **headers: str) -> Any:
        answer = self(method, path, body, token, **headers)
        assert answer.status in (200, 201), (path, answer.body)
        return answer.json()

    def new_project(self) -> tuple[str, str]:
        """Id and token."""
        made = self.made("POST", PROJECT, {"name": new_name("project")}, self.server.token("organization"))
        return made["projectId"], made["tokens"][0]["id"]

    def new_assistant(self, token: str = "", **settings: Any) -> dict[str, Any]:
        body = {"name": new_name("reader"), "prompt": "Be brief.", "llmSettings": {**OPENAI, **settings}}
        made: dict[str, Any] = self.made("POST", ASSISTANT, body, token)
        return made

    def upload(self, content: bytes, filename: str | None, token: str = "", **headers: str) -> Answer:
        return self("POST", FILES, form(content, filename), token, **FORM, **headers)

    def ask(self, assistant: str, content: str, token: str = "") -> Answer:
        body = {"model": f"saia:assistant:{assistant}", "messages": [{"role": "user", "content": content}]}
        return self("POST", "/v1/chat/completions", body, token)

    def sign_in(self) -> Person:
        """The administrator, by a session of its own."""
        return sign_in(self.server, self.administrator.email)

    def new_person(self) -> Person:
        return make_person(self.server, self.administrator, f"{secrets.token_hex(5)}@acme.example")

    @cached_property
    def administrator(self) -> Person:
        return make_administrator(self.server, "root@acme.example")

    @cached_property
    def organization(self) -> str:
        return organization_of(self.server)


def open_house(folder: Path, upstream: Upstream, issuer: TestIssuer) -> LiveServer:
    environ = {
        "PORTICO_ROOT_TOKEN": ROOT,
        "PORTICO_LOCAL_MODELS": "false",
        "PORTICO_PROVIDER_OPENAI_API_KEY": "upstream-key",
        "PORTICO_PROVIDER_OPENAI_BASE_URL": upstream.url,
        "PORTICO_OIDC_ISSUER": issuer.url,
        "PORTICO_OIDC_AUDIENCE": AUDIENCE,
        "PORTICO_BODY_LIMIT_BYTES": str(1024 * 1024),
        "PORTICO_FILES_LIMIT_BYTES": str(12 * 1024 * 1024),
        "PORTICO_DOCUMENTS_LIMIT_BYTES": str(512 * 1024),
        "PORTICO_WORKER": "off",  # what is uploaded here is not to be indexed
    }
    return LiveServer(folder, environ)
