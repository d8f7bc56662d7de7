"""`pygeai` 0.8.0 and its command `geai`, unchanged, with secrets: the client, and every command."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.clients.pygeai_host import Done, import_pygeai, profiles_of, run_geai, said
from tests.live import LiveServer

Command = Callable[..., Done]


@pytest.fixture(scope="module", autouse=True)
def _vendor(tmp_path_factory: pytest.TempPathFactory) -> None:
    import_pygeai(tmp_path_factory.mktemp("vendor-home"))


@pytest.fixture(autouse=True)
def credentials(server: LiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with profiles_of(server, tmp_path, monkeypatch) as file:
        yield file


@pytest.fixture
def client(server: LiveServer) -> Any:
    from pygeai.core.secrets.clients import SecretClient

    return SecretClient(server.token(), server.url)


def test_the_client_makes_reads_lists_and_changes_secrets(client: Any) -> None:
    name = f"jira {uuid4()}"
    made = client.create_secret(name, "s3cr3t", "Jira token")
    assert (made["name"], made["description"], made["status"]) == (name, "Jira token", "active")
    assert client.get_secret(made["id"]) == made
    assert client.list_secrets(name=name) == {"secrets": [made], "count": 1}
    assert client.list_secrets(name=name[5:20]) == {"secrets": [made], "count": 1}, "a part of the name finds it, too"
    assert client.list_secrets(id=made["id"])["secrets"] == [made]
    assert made in client.list_secrets(start=0, count=1000)["secrets"]
    changed = client.update_secret(made["id"], f"{name} 2", "other")
    assert (changed["id"], changed["name"], changed["description"]) == (made["id"], f"{name} 2", "Jira token")
    assert "secretString" not in changed and "s3cr3t" not in str(client.list_secrets(count=1000))


def test_the_client_sets_and_reads_accesses(client: Any) -> None:
    secret_id = client.create_secret(f"s {uuid4()}", "x")["id"]
    accesses = [{"accessLevel": "write", "principalType": "service"}]
    assert client.set_secret_accesses(secret_id, accesses)["accessList"] == accesses
    assert client.get_secret_accesses(secret_id)["accessList"] == accesses


def test_a_refusal_is_an_error_of_the_client(client: Any) -> None:
    from pygeai.core.common.exceptions import APIResponseError

    name = f"s {uuid4()}"
    client.create_secret(name, "x")
    with pytest.raises(APIResponseError, match="409"):
        client.create_secret(name, "y")
    with pytest.raises(APIResponseError, match="404"):
        client.get_secret(str(uuid4()))


@pytest.fixture
def geai(credentials: Path, tmp_path: Path) -> Command:
    return partial(run_geai, tmp_path / "home", "--credentials", str(credentials), "secrets")


def test_every_command(geai: Command) -> None:
    name = f"s-{uuid4()}"
    made = said(geai("create-secret", "-n", name, "-ss", "s3cr3t", "-d", "Jira token"), "Create secret result:")
    assert (made["name"], made["description"]) == (name, "Jira token")
    assert said(geai("get-secret", "--sid", made["id"]), "Get secret result:") == made
    listed = said(geai("list-secrets", "--name", name, "--start", "0", "--count", "5"), "List secrets result:")
    assert listed == {"secrets": [made], "count": 1}
    changed = said(
        geai("update-secret", "--sid", made["id"], "-n", f"{name}-2", "-ss", "y", "-d", "d"), "Update secret result:"
    )
    assert (changed["name"], changed["description"]) == (f"{name}-2", "d")
