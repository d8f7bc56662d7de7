"""Two tenants of one live server: the first owns one thing of every kind, the second is curious."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import text

from portico.server.access import organizations
from portico.server.access.sign_in.passwords import Passwords
from portico.server.access.snapshot import TokenSnapshot
from portico.server.access.tenancy import Tenancy
from portico.server.settings import Settings
from portico.server.storage.opening import open_database
from portico.server.storage.secrets import open_installation_key
from tests.live import Answer, LiveServer, wait_until

SECRET = "wombat"
"""Stands in whatever the first tenant has written: descriptions, prompts, contents, values."""
Who = Literal["project", "organization", "person"]
"""By which credential: the token of the project, that of the organization, or the sign-in of a person who administers
the project."""
WHO: tuple[Who, ...] = ("project", "organization", "person")
UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


@dataclass
class Tenant:
    """`things` are ids and names that a path or a query may hold, by what they are."""

    server: LiveServer
    tokens: dict[Who, str]
    things: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, body: Any = None, who: Who = "project", **headers: str) -> Answer:
        """Who has no project by the credential says which one is meant; a header given wins."""
        more = {} if who == "project" else {"ProjectId": self.things["project"]}
        return self.server.request(method, path, body, {**more, **headers}, token=self.tokens[who])

    def make(self, path: str, body: Any, who: Who = "project", method: str = "POST", **headers: str) -> Any:
        answer = self.ask(method, path, body, who, **headers)
        assert answer.status in (200, 201), (method, path, answer.status, answer.body)
        return answer.json()

    @property
    def identifiers(self) -> set[str]:
        """The GUIDs of this tenant: nobody else may be shown one."""
        return {value for value in self.things.values() if UUID.fullmatch(value)}


def make_tenant(server: LiveServer, name: str) -> Tenant:
    """A new organization in the database of the server, which hears of it by itself."""
    made = asyncio.run(_make(server, name))
    tenant = Tenant(server, {"organization": made.tokens.organization, "project": made.tokens.project})
    wait_until(lambda: tenant.ask("GET", VALIDATE).status == 200, f"the server knows {name}")
    known = tenant.ask("GET", VALIDATE).json()
    tenant.things = {"organization": known["organizationId"], "project": known["projectId"]}
    tenant.things["user"], tenant.tokens["person"] = _person(tenant, f"ana@{name.lower()}.example")
    return tenant


def _person(tenant: Tenant, email: str) -> tuple[str, str]:
    """Somebody who administers the project: id, and the access token of a sign-in."""
    invited = {"userEmail": email, "roles": ["Project Administrator"]}
    tenant.make("/v2/accessControl/projects/members", invited, "organization")
    listed = tenant.ask("GET", "/v2/accessControl/projects/members").json()["members"]
    asyncio.run(_give_password(tenant.server, email))
    form = f"client_id=tests&username={email}&password={PASSWORD}"
    as_form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = tenant.server.request("POST", "/oauth/access_token", form, as_form, token=None)
    assert answer.status == 200, answer.body
    return next(one["userId"] for one in listed if one["email"] == email), str(answer.json()["access_token"])


async def _give_password(server: LiveServer, email: str) -> None:
    """As the page of an invitation does it."""
    async with open_database(Settings.load({}, data_dir=server.data_dir)) as database, database.begin() as connection:
        hashed = await Passwords(8).hash(PASSWORD)
        update = text("UPDATE users SET password_hash = :hashed WHERE email = :email")
        await connection.execute(update, {"hashed": hashed, "email": email})


async def _make(server: LiveServer, name: str) -> organizations.NewOrganization:
    settings = Settings.load({}, data_dir=server.data_dir)
    async with open_database(settings) as database:
        key = await open_installation_key(database, settings.data_dir, None)
        return await organizations.create(Tenancy(database, key, TokenSnapshot(database, key)), name)


PASSWORD = "four wombats dig deep"
VALIDATE = "/v1/accessControl/apitoken/validate"
LIMIT = {
    "subscriptionType": "Monthly",
    "usageUnit": "Cost",
    "softLimit": 80,
    "hardLimit": 100,
    "renewalStatus": "Renewable",
}
OWN_PROVIDER = {
    "name": "quokka-ai",
    "friendlyName": "Quokka",
    "adapter": "openai",
    "baseUrl": f"http://127.0.0.1:9/{SECRET}",
}


def furnish(tenant: Tenant) -> None:
    """One thing of every kind, through the API."""
    for name, make in FURNITURE.items():
        tenant.things[name] = make(tenant)


def _token(tenant: Tenant) -> str:
    return str(tenant.make("/v2/projects/tokens", {"name": "quokka", "description": SECRET})["apiTokenId"])


def _limit(tenant: Tenant, owner: str) -> str:
    return str(tenant.make(f"/v2/usageLimits/{owner}/limits", LIMIT, who="organization")["id"])


def _organization_limit(tenant: Tenant) -> str:
    return _limit(tenant, f"organizations/{tenant.things['organization']}")


def _project_limit(tenant: Tenant) -> str:
    return _limit(tenant, f"organizations/{tenant.things['organization']}/projects/{tenant.things['project']}")


def _provider(tenant: Tenant) -> str:
    tenant.make("/v3/llm/admin/providers", OWN_PROVIDER, who="organization")
    return OWN_PROVIDER["name"]


def _model(tenant: Tenant) -> str:
    path = f"/v3/llm/admin/providers/{OWN_PROVIDER['name']}/models"
    tenant.make(
        path,
        {"name": "quokka-large", "type": "Chat", "contextWindow": 1000, "upstreamName": SECRET},
        who="organization",
    )
    return "quokka-large"


def _key(tenant: Tenant) -> str:
    made = tenant.make("/v3/llm/admin/providers/openai/keys", {"name": SECRET, "key": "sk-quokka-of-the-tests"})
    return str(made["id"])


def _alias(tenant: Tenant) -> str:
    body = {"targets": [{"model": f"{OWN_PROVIDER['name']}/quokka-large"}]}
    tenant.make("/v3/llm/admin/aliases/quokka/fast", body, method="PUT")
    return "quokka/fast"


def _request(tenant: Tenant) -> str:
    message = {"role": "user", "content": f"The {SECRET} asks."}
    body = {"model": "local/smollm2-135m-instruct", "messages": [message], "max_tokens": 4}
    return str(tenant.make("/v1/chat/completions", body)["requestId"])


def _guardrails(tenant: Tenant) -> str:
    body = {"guardrails": ["llm-output-guardrail"], "denyWords": {"input": [], "output": [SECRET]}}
    tenant.make("/v2/guardrails", body, method="PUT")
    return "set"


def _assistant(tenant: Tenant) -> str:
    body = {"name": "quokka", "description": SECRET, "prompt": f"Say {SECRET}.", "llmSettings": {"modelName": "gpt-4o"}}
    return str(tenant.make("/v1/assistant", body)["assistantId"])


def _file(tenant: Tenant) -> str:
    part = b'--b\r\nContent-Disposition: form-data; name="file"; filename="quokka.txt"\r\n\r\n%b\r\n--b--\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=b", "folder": "quokka", "fileName": "quokka.txt"}
    return str(tenant.make("/v1/files", part % SECRET.encode(), **headers)["dataFileId"])


def _secret(tenant: Tenant) -> str:
    body = {"secretDefinition": {"name": "QUOKKA", "secretString": "hidden", "description": SECRET}}
    return str(tenant.make("/v1/secrets", body)["id"])


def _role(tenant: Tenant) -> str:
    body = {"name": f"Reader of the {SECRET}", "assistants": [tenant.things["assistant"]]}
    return str(tenant.make("/v2/accessControl/projects/roles", body, "person")["id"])


def _feedback(tenant: Tenant) -> str:
    body = {"origin": "user-feedback", "answerScore": 1, "comments": SECRET}
    tenant.make(f"/v1/feedback/request/{tenant.things['request_id']}", body)
    return "given"


def _session(tenant: Tenant) -> str:
    """Sessions are the system administrator's to see; no tenant has one to show."""
    return "5b1d2f8e-0000-4000-8000-000000000009"


def _profile(tenant: Tenant) -> str:
    local = {"provider": "local", "modelName": "all-minilm-l6-v2"}
    prompt = {"prompt": f"The {SECRET} says: {{context}} {{question}}"}
    body = {"name": "quokka", "description": SECRET, "searchOptions": {"embeddings": local, "search": prompt}}
    return str(tenant.make("/v1/search/profile", body)["name"])


def _document(tenant: Tenant) -> str:
    part = b'--b\r\nContent-Disposition: form-data; name="%b"%b\r\n\r\n%b\r\n'
    form = part % (b"file", b'; filename="quokka.txt"', f"The {SECRET} digs.".encode())
    form += part % (b"metadata", b"", f'{{"author": "{SECRET}"}}'.encode()) + b"--b--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    return str(tenant.make("/v1/search/profile/quokka/document", form, **headers)["id"])


def _evaluation(tenant: Tenant) -> str:
    """Of a document that says the secret, asked by a question that says it."""
    assistant = f"/v1/search/profile/{tenant.things.get('profile', 'Default')}"
    headers = {"Content-Type": "text/plain", "filename": "wombats.txt"}
    document = tenant.make(f"{assistant}/document", f"All about the {SECRET}.".encode(), **headers)
    body = {"questions": [{"question": f"Who is the {SECRET}?", "expected": [document["id"]]}], "name": SECRET}
    return str(tenant.make(f"{assistant}/evaluations", body)["id"])


FURNITURE: dict[str, Callable[[Tenant], str]] = {
    "token_id": _token,
    "organization_limit": _organization_limit,
    "project_limit": _project_limit,
    "own_provider": _provider,
    "own_model": _model,
    "key": _key,
    "alias": _alias,
    "request_id": _request,
    "feedback": _feedback,
    "assistant": _assistant,
    "file_id": _file,
    "secret_id": _secret,
    "role": _role,
    "session": _session,
    "guardrails": _guardrails,
    "profile": _profile,
    "document_id": _document,
    "evaluation": _evaluation,
}
