"""Users of a live server, for the tests: made by a link of the host, given roles in its database, signed in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from tests.live import LiveServer

PASSWORD = "a long enough password"


@dataclass(frozen=True)
class Person:
    """A user of the first organization, signed in."""

    email: str
    user_id: str
    access_token: str
    refresh_token: str


def host_link(server: LiveServer, *arguments: str) -> str:
    """`portico users setup-link` on the server's host; what stands behind the `#`."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("PORTICO_", "GEAI_", "SAIA_"))}
    command = [sys.executable, "-m", "portico", "users", "setup-link", "--data", str(server.data_dir), "-o", "json"]
    done = subprocess.run([*command, *arguments], env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["setupLink"]).partition("#")[2]


def make_administrator(server: LiveServer, email: str) -> Person:
    """A system administrator, by a set-up link; the first one administers the organization, too."""
    chosen = {"link": host_link(server), "email": email, "password": PASSWORD}
    answer = server.post("/setup", chosen, token=None)
    assert answer.status == 200, answer.body
    return sign_in(server, email)


def make_person(server: LiveServer, administrator: Person, email: str) -> Person:
    """Invited by an administrator; no roles yet."""
    made = server.post("/v2/users", {"email": email}, token=administrator.access_token)
    assert made.status == 201, made.body
    link = made.json()["setupLink"]
    assert server.post("/setup", {"link": link, "password": PASSWORD}, token=None).status == 200
    return sign_in(server, email)


def give_role(server: LiveServer, person: Person, role: str, *, whole: bool = False) -> None:
    """A role of the project `Default`, or of the organization, by its organization token."""
    where = "organizations" if whole else "projects"
    headers = {} if whole else {"project-id": project_of(server)}
    answer = server.post(
        f"/v2/accessControl/{where}/members", {"userEmail": person.email, "roles": [role]}, headers,
        token=server.token("organization"),
    )  # fmt: skip
    assert answer.status == 201, answer.body


def project_of(server: LiveServer) -> str:
    found: str = server.get("/v1/accessControl/apitoken/validate").json()["projectId"]
    return found


def organization_of(server: LiveServer) -> str:
    found: str = server.get("/v1/accessControl/apitoken/validate").json()["organizationId"]
    return found


def form(server: LiveServer, path: str, **fields: str) -> Any:
    """A form, as the reference's samples send it."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return server.request("POST", path, urlencode(fields), headers, token=None)


def sign_in(server: LiveServer, email: str, password: str = PASSWORD) -> Person:
    answer = form(server, "/oauth/access_token", client_id="tests", username=email, password=password)
    assert answer.status == 200, answer.body
    got = answer.json()
    return Person(email, got["user_guid"], got["access_token"], got["refresh_token"])
