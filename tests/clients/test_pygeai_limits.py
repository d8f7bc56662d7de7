"""`pygeai` 0.8.0 and its command `geai`, unchanged, with usage limits: client, manager, and every command."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.pygeai_host import import_pygeai, profiles_of, run_geai
from tests.live import LiveServer

MONTHLY = {
    "subscriptionType": "Monthly",
    "usageUnit": "Cost",
    "softLimit": 10,
    "hardLimit": 20,
    "renewalStatus": "Renewable",
}
Command = Callable[..., Any]


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server of these tests' own: a limit on the shared one would bound all other tests."""
    with LiveServer(tmp_path_factory.mktemp("limits"), {"PORTICO_LOCAL_MODELS": "false"}) as live:
        yield live


@pytest.fixture(scope="module")
def ids(limited: LiveServer) -> tuple[str, str]:
    found = limited.get("/v1/accessControl/apitoken/validate").json()
    return found["organizationId"], found["projectId"]


@pytest.fixture(scope="module", autouse=True)
def _vendor(tmp_path_factory: pytest.TempPathFactory) -> None:
    import_pygeai(tmp_path_factory.mktemp("vendor-home"))


@pytest.fixture(autouse=True)
def credentials(limited: LiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with profiles_of(limited, tmp_path, monkeypatch) as file:
        yield file


@pytest.fixture
def key(limited: LiveServer) -> tuple[str, str]:
    """The organization's token and the address."""
    return limited.token("organization"), limited.url


@pytest.fixture(autouse=True)
def clean(limited: LiveServer, ids: tuple[str, str]) -> Iterator[None]:
    """No limit is in force behind a test."""
    yield
    root = f"/v2/usageLimits/organizations/{ids[0]}"
    for path in (f"{root}/projects/{ids[1]}/limits", f"{root}/limits"):
        for limit in limited.get(path, token=limited.token("organization")).json()["usageLimits"]:
            if limit["status"] in (1, 3):
                limited.request("DELETE", f"{path}/{limit['id']}", token=limited.token("organization"))


def test_the_client_for_an_organization(key: tuple[str, str], ids: tuple[str, str]) -> None:
    from pygeai.organization.limits.clients import UsageLimitClient

    client, organization = UsageLimitClient(*key), ids[0]
    made = client.set_organization_usage_limit(organization, MONTHLY)
    assert (made["status"], made["relatedEntityName"]) == (1, "Pia.Data.Organization")
    assert client.get_organization_latest_usage_limit(organization) == made
    assert made in client.get_all_usage_limits_from_organization(organization)["usageLimits"]
    assert client.set_organization_hard_limit(organization, made["id"], 25.5)["hardLimit"] == 25.5
    assert client.set_organization_soft_limit(organization, made["id"], 11)["softLimit"] == 11
    changed = client.set_organization_renewal_status(organization, made["id"], "NonRenewable")
    assert changed["renewalStatus"] == "NonRenewable"
    assert client.delete_usage_limit_from_organization(organization, made["id"])["status"] == 4


def test_the_client_for_a_project(key: tuple[str, str], ids: tuple[str, str]) -> None:
    from pygeai.organization.limits.clients import UsageLimitClient

    client = UsageLimitClient(*key)
    made = client.set_project_usage_limit(*ids, MONTHLY | {"usageUnit": "Requests"})
    assert (made["usageUnit"], made["relatedEntityName"]) == ("Requests", "Pia.Data.Project")
    assert client.get_latest_usage_limit_from_project(*ids) == made
    assert client.get_active_usage_limit_from_project(*ids) == made
    assert client.get_all_usage_limits_from_project(*ids)["usageLimits"][0] == made
    limit = made["id"]
    assert client.set_hard_limit_for_active_usage_limit_from_project(*ids, limit, 30)["hardLimit"] == 30
    assert client.set_soft_limit_for_active_usage_limit_from_project(*ids, limit, 5)["softLimit"] == 5
    assert client.set_project_renewal_status(*ids, limit, "NonRenewable")["renewalStatus"] == "NonRenewable"
    assert client.delete_usage_limit_from_project(*ids, limit)["status"] == 4


def usage_limit(**members: Any) -> Any:
    from pygeai.core.models import UsageLimit

    return UsageLimit(**members)


def test_the_manager_for_an_organization(key: tuple[str, str], ids: tuple[str, str]) -> None:
    from pygeai.organization.limits.managers import UsageLimitManager

    manager = UsageLimitManager(*key, organization_id=ids[0])
    made = manager.set_organization_usage_limit(usage_limit(**MONTHLY))
    assert (made.status, made.hard_limit, made.used_amount, made.remaining_usage) == (1, 20, 0, 20)
    assert manager.get_latest_usage_limit_from_organization() == made
    assert made in manager.get_all_usage_limits_from_organization()
    asked = usage_limit(id=made.id, hardLimit=40, softLimit=30, renewalStatus="NonRenewable")
    changed = manager.update_organization_usage_limit(asked)
    assert (changed.hard_limit, changed.soft_limit, changed.renewal_status) == (40, 30, "NonRenewable")
    assert manager.delete_usage_limit_from_organization(made.id).status == 4


def test_the_manager_for_a_project(key: tuple[str, str], ids: tuple[str, str]) -> None:
    from pygeai.organization.limits.managers import UsageLimitManager

    manager, project = UsageLimitManager(*key, organization_id=ids[0]), ids[1]
    made = manager.set_project_usage_limit(
        project, usage_limit(**MONTHLY | {"subscriptionType": "Freemium", "renewalStatus": "NonRenewable"})
    )
    assert (made.subscription_type, made.valid_until) == ("Freemium", "")
    assert manager.get_latest_usage_limit_from_project(project) == made
    assert manager.get_active_usage_limit_from_project(project) == made
    assert manager.get_all_usage_limits_from_project(project) is not None
    changed = manager.update_project_usage_limit(project, usage_limit(id=made.id, hardLimit=40, softLimit=30))
    assert (changed.hard_limit, changed.soft_limit) == (40, 30)
    assert manager.delete_usage_limit_from_project(project, changed).status == 4


def test_a_refusal_is_an_error_of_the_manager(key: tuple[str, str], ids: tuple[str, str]) -> None:
    from pygeai.core.common.exceptions import APIError, APIResponseError
    from pygeai.organization.limits.managers import UsageLimitManager

    manager = UsageLimitManager(*key, organization_id=ids[0])
    manager.set_project_usage_limit(ids[1], usage_limit(**MONTHLY))
    with pytest.raises((APIError, APIResponseError), match=r"409|active limit"):
        manager.set_project_usage_limit(ids[1], usage_limit(**MONTHLY))


@pytest.fixture
def geai(credentials: Path, tmp_path: Path) -> Command:
    """`geai usage-limit ...` with the organization's profile; what it prints behind its label, as Python wrote it."""

    def run(*arguments: str) -> list[Any]:
        profile = ("--credentials", str(credentials), "--alias", "organization")
        done = run_geai(tmp_path / "home", *profile, "usage-limit", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return [ast.literal_eval(line) for line in done.stdout.splitlines() if line.startswith("{")]

    return run


NEW = ("--subscription-type", "Weekly", "--usage-unit", "Cost", "--soft-limit", "5", "--hard-limit", "10",
       "--renewal-status", "Renewable")  # fmt: skip


def test_the_commands_for_an_organization(geai: Command, ids: tuple[str, str]) -> None:
    whose = ("--organization", ids[0])
    (made,) = geai("set-organization-limit", *whose, *NEW)
    assert (made["softLimit"], made["hardLimit"], made["status"]) == (5, 10, 1)
    assert geai("get-latest-organization-limit", *whose) == [made]
    assert made in geai("get-all-organization-limit", *whose)[0]["usageLimits"]
    changed = geai("update-organization-limit", *whose, "--limit-id", made["id"], "--hard-limit", "12",
                   "--soft-limit", "6", "--renewal-status", "NonRenewable")  # fmt: skip
    assert len(changed) == 3
    (deleted,) = geai("delete-organization-limit", *whose, "--limit-id", made["id"])
    assert (deleted["status"], deleted["hardLimit"], deleted["softLimit"]) == (4, 12, 6)


def test_the_commands_for_a_project(geai: Command, ids: tuple[str, str]) -> None:
    whose = ("--organization", ids[0], "--project", ids[1])
    (made,) = geai("set-project-limit", *whose, *NEW)
    for command in ("get-latest-project-limit", "get-active-project-limit"):
        assert geai(command, *whose) == [made]
    assert geai("get-all-project-limit", *whose)[0]["usageLimits"][0] == made
    assert geai("update-project-limit", *whose, "--limit-id", made["id"], "--hard-limit", "12")[0]["hardLimit"] == 12
    (deleted,) = geai("delete-project-limit", *whose, "--limit-id", made["id"])
    assert (deleted["id"], deleted["status"]) == (made["id"], 4)
