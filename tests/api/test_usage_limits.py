"""`/v2/usageLimits` through the door: every path of the reference, its rules, its refusals."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.live import Answer, LiveServer
from tests.upstream import Upstream

MONTHLY = {
    "subscriptionType": "Monthly",
    "usageUnit": "Cost",
    "softLimit": 10,
    "hardLimit": 20,
    "renewalStatus": "Renewable",
}
GUID = r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory, _upstream: Upstream) -> Iterator[LiveServer]:
    """A server of these tests' own, with two workers: a limit on the shared one would bound all other tests."""
    environ = {
        "PORTICO_PROVIDER_OPENAI_API_KEY": "upstream-key",
        "PORTICO_PROVIDER_OPENAI_BASE_URL": _upstream.url,
        "PORTICO_LOCAL_MODELS": "false",
        "PORTICO_WORKERS": "2",
    }
    with LiveServer(tmp_path_factory.mktemp("limited"), environ) as live:
        yield live


@pytest.fixture(scope="module")
def ids(limited: LiveServer) -> tuple[str, str]:
    """Organization and project of the first start."""
    found = limited.get("/v1/accessControl/apitoken/validate").json()
    return found["organizationId"], found["projectId"]


class Api:
    """The endpoints below one root, with a token."""

    def __init__(self, server: LiveServer, root: str, token: str) -> None:
        self.server, self.root, self.token = server, root, token

    def __call__(self, method: str, tail: str = "", body: Any = None, **headers: str) -> Answer:
        return self.server.request(method, f"{self.root}/limits{tail}", body, headers, token=self.token)

    def create(self, **members: Any) -> dict[str, Any]:
        answer = self("POST", body=MONTHLY | members)
        assert answer.status == 201, answer.body
        made: dict[str, Any] = answer.json()
        return made

    def cancel_all(self) -> None:
        for limit in self("GET").json()["usageLimits"]:
            if limit["status"] in (1, 3):
                assert self("DELETE", f"/{limit['id']}").status == 200


@pytest.fixture
def organization(limited: LiveServer, ids: tuple[str, str]) -> Iterator[Api]:
    api = Api(limited, f"/v2/usageLimits/organizations/{ids[0]}", limited.token("organization"))
    api.cancel_all()
    yield api
    api.cancel_all()


@pytest.fixture
def project(limited: LiveServer, ids: tuple[str, str], organization: Api) -> Iterator[Api]:
    """With the project's own token."""
    api = Api(limited, f"/v2/usageLimits/organizations/{ids[0]}/projects/{ids[1]}", limited.token())
    api.cancel_all()
    yield api
    api.cancel_all()


@pytest.fixture(params=["organization", "project"])
def either(request: pytest.FixtureRequest) -> Api:
    found: Api = request.getfixturevalue(request.param)
    return found


def refused(answer: Answer, status: int, number: int, words: str = "") -> None:
    assert answer.status == status, answer.body
    (error,) = answer.json()["errors"]
    assert error["id"] == number
    assert words in error["description"]


# the life of a limit -----------------------------------------------------------------------------------------


def test_a_new_limit_is_shown_as_documented(either: Api, ids: tuple[str, str]) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    made = either.create()
    entity = "Pia.Data.Project" if "projects" in either.root else "Pia.Data.Organization"
    assert re.fullmatch(GUID, made["id"])
    started = datetime.fromisoformat(made["validFrom"]).replace(tzinfo=UTC)
    assert before <= started <= datetime.now(UTC)
    following = (started.replace(day=1) + timedelta(days=32)).replace(day=1)
    assert made == {
        "id": made["id"],
        "relatedEntityName": entity,
        "subscriptionType": "Monthly",
        "usageUnit": "Cost",
        "softLimit": 10,
        "hardLimit": 20,
        "usedAmount": 0,
        "remainingUsage": 20,
        "renewalStatus": "Renewable",
        "status": 1,
        "validFrom": made["validFrom"],
        "validUntil": f"{following:%Y-%m-%d}T00:00:00",
    }
    assert re.fullmatch(TIME, made["validFrom"])
    assert either("GET", "/latest").json() == made
    assert either("GET", "/active").json() == made
    assert either("GET").json()["usageLimits"][0] == made


@pytest.mark.parametrize(
    ("kind", "renewal", "until"),
    [
        ("Daily", "Renewable", lambda now: now + timedelta(days=1)),
        ("Weekly", "NonRenewable", lambda now: now + timedelta(days=7 - now.weekday())),
    ],
)
def test_days_and_weeks_end_at_midnight(project: Api, kind: str, renewal: str, until: Any) -> None:
    made = project.create(subscriptionType=kind, renewalStatus=renewal)
    assert made["validUntil"] == f"{until(datetime.fromisoformat(made['validFrom'])):%Y-%m-%d}T00:00:00"
    assert made["renewalStatus"] == renewal


@pytest.mark.parametrize("members", [{"renewalStatus": None}, {"renewalStatus": "NonRenewable"}])
def test_freemium_has_no_end_and_is_never_renewed(project: Api, members: dict[str, Any]) -> None:
    made = project.create(subscriptionType="Freemium", **members)
    assert (made["validUntil"], made["renewalStatus"]) == ("", "NonRenewable")
    refused(project("PUT", f"/{made['id']}/renewalStatus", {"renewalStatus": "Renewable"}), 400, 8, "renewalStatus")


def test_without_v2_and_by_name_the_paths_mean_the_same(project: Api, ids: tuple[str, str]) -> None:
    made = project.create(usageUnit="Requests")
    short = Api(project.server, project.root.removeprefix("/v2"), project.token)
    assert short("GET", "/latest").json() == made
    named = Api(project.server, "/usageLimits/organizations/Portico/projects/Default", project.token)
    assert named("GET", "/active").json() == made
    upper = Api(project.server, f"/v2/usageLimits/organizations/{ids[0].upper()}/projects/{ids[1]}", project.token)
    assert upper("GET", "/active").json() == made


def test_a_second_limit_is_a_conflict_until_the_first_is_cancelled(either: Api) -> None:
    first = either.create()
    refused(either("POST", body=MONTHLY), 409, 409)
    cancelled = either("DELETE", f"/{first['id']}")
    assert cancelled.status == 200
    assert cancelled.json() == first | {"status": 4}
    assert either("GET", "/latest").json()["status"] == 4
    refused(either("GET", "/active"), 404, 4000, "Not Found.")
    refused(either("DELETE", f"/{first['id']}"), 409, 409)
    refused(either("PUT", f"/{first['id']}/hardLimit", {"hardLimit": 99}), 409, 409)
    second = either.create()
    assert [limit["id"] for limit in either("GET").json()["usageLimits"]][:2] == [second["id"], first["id"]]


def test_members_are_changed_one_by_one_and_answered_whole(either: Api) -> None:
    made = either.create()
    path = f"/{made['id']}"
    assert either("PUT", f"{path}/hardLimit", {"hardLimit": 30}).json() == made | {
        "hardLimit": 30,
        "remainingUsage": 30,
    }
    assert either("PUT", f"{path}/softLimit", {"softLimit": 29.5}).json()["softLimit"] == 29.5
    assert either("PUT", f"{path}/softLimit", {"softLimit": 0}).json()["softLimit"] == 0
    changed = either("PUT", f"{path}/renewalStatus", {"renewalStatus": "NonRenewable"}).json()
    assert changed == made | {"hardLimit": 30, "softLimit": 0, "remainingUsage": 30, "renewalStatus": "NonRenewable"}


@pytest.mark.parametrize("hard", [20, 19.99, 0, -1])
def test_a_new_hard_limit_is_greater_than_the_one_before(either: Api, hard: float) -> None:
    made = either.create()
    refused(either("PUT", f"/{made['id']}/hardLimit", {"hardLimit": hard}), 400, 8, "hardLimit")


def test_a_soft_limit_stays_below_the_hard_one(either: Api) -> None:
    made = either.create()
    refused(either("PUT", f"/{made['id']}/softLimit", {"softLimit": 20.01}), 400, 8, "softLimit")


def test_numbers_in_quotes_and_any_content_type_are_understood(project: Api) -> None:
    """As the reference's samples with curl, and the vendor's command line, send them."""
    text = (
        '{"subscriptionType":"Daily","usageUnit":"Cost","softLimit":"0.5","hardLimit":"1.25",'
        '"renewalStatus":"Renewable"}'
    )
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    made = project.server.request("POST", f"{project.root}/limits", text, form, token=project.token)
    assert made.status == 201, made.body
    assert (made.json()["softLimit"], made.json()["hardLimit"]) == (0.5, 1.25)
    path = f"{project.root}/limits/{made.json()['id']}/hardLimit"
    raised = project.server.request("PUT", path, b'{"hardLimit": 75}', form, token=project.token)
    assert (raised.status, raised.json()["hardLimit"]) == (200, 75)


# rules -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("members", "number", "field"),
    [
        ({"subscriptionType": None}, 9, "subscriptionType"),
        ({"usageUnit": None}, 9, "usageUnit"),
        ({"softLimit": None}, 9, "softLimit"),
        ({"hardLimit": None}, 9, "hardLimit"),
        ({"renewalStatus": None}, 9, "renewalStatus"),
        ({"subscriptionType": "Yearly"}, 8, "subscriptionType"),
        ({"usageUnit": "Tokens"}, 8, "usageUnit"),
        ({"renewalStatus": "Sometimes"}, 8, "renewalStatus"),
        ({"subscriptionType": 1}, 11, "subscriptionType"),
        ({"softLimit": 21}, 8, "softLimit"),
        ({"softLimit": -1}, 8, "softLimit"),
        ({"hardLimit": 0, "softLimit": 0}, 8, "hardLimit"),
        ({"hardLimit": -5}, 8, "hardLimit"),
        ({"hardLimit": "much"}, 11, "hardLimit"),
        ({"hardLimit": True}, 11, "hardLimit"),
        ({"hardLimit": [1]}, 11, "hardLimit"),
        ({"hardLimit": "NaN"}, 11, "hardLimit"),
        ({"hardLimit": 1e300}, 8, "hardLimit"),
        ({"subscriptionType": "Freemium"}, 8, "renewalStatus"),
        ({"usageUnit": "Requests", "softLimit": 1, "hardLimit": 1.5}, 8, "hardLimit"),
    ],
)
def test_bad_members_are_refused_by_name(project: Api, members: dict[str, Any], number: int, field: str) -> None:
    refused(project("POST", body=MONTHLY | members), 400, number, f"Field {field}")
    assert project("GET", "/active").status == 404


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"\xff"])
def test_a_body_that_is_no_object_is_refused(project: Api, body: bytes) -> None:
    refused(project("POST", body=body), 400, 20)


def test_an_organization_counts_money_only(organization: Api) -> None:
    refused(organization("POST", body=MONTHLY | {"usageUnit": "Requests"}), 400, 8, "usageUnit")


def test_projects_fit_into_their_organization(organization: Api, project: Api) -> None:
    whole = organization.create(softLimit=10, hardLimit=20)
    refused(project("POST", body=MONTHLY | {"softLimit": 5, "hardLimit": 21}), 400, 8, "hardLimit")
    refused(project("POST", body=MONTHLY | {"softLimit": 11, "hardLimit": 20}), 400, 8, "softLimit")
    part = project.create(softLimit=5, hardLimit=15)
    refused(project("PUT", f"/{part['id']}/hardLimit", {"hardLimit": 21}), 400, 8, "hardLimit")
    refused(project("PUT", f"/{part['id']}/softLimit", {"softLimit": 11}), 400, 8, "softLimit")
    refused(organization("PUT", f"/{whole['id']}/softLimit", {"softLimit": 4}), 400, 8, "softLimit")
    assert organization("DELETE", f"/{whole['id']}").status == 200
    refused(organization("POST", body=MONTHLY | {"softLimit": 4, "hardLimit": 20}), 400, 8, "softLimit")
    refused(organization("POST", body=MONTHLY | {"softLimit": 5, "hardLimit": 14}), 400, 8, "hardLimit")
    assert organization.create(softLimit=5, hardLimit=15)["status"] == 1


def test_limits_in_requests_are_not_added_to_money(organization: Api, project: Api) -> None:
    organization.create(softLimit=1, hardLimit=2)
    assert project.create(usageUnit="Requests", softLimit=900, hardLimit=1000)["hardLimit"] == 1000


# who and what ------------------------------------------------------------------------------------------------


def test_the_token_of_a_project_does_not_reach_the_organization(limited: LiveServer, organization: Api) -> None:
    made = organization.create()
    mine = Api(limited, organization.root, limited.token())
    for method, tail in (
        ("GET", ""),
        ("GET", "/latest"),
        ("GET", "/active"),
        ("POST", ""),
        ("DELETE", f"/{made['id']}"),
        ("PUT", f"/{made['id']}/hardLimit"),
        ("PUT", f"/{made['id']}/softLimit"),
        ("PUT", f"/{made['id']}/renewalStatus"),
    ):
        refused(mine(method, tail), 403, 7, "ApiToken out of scope")


def test_the_token_of_the_organization_reaches_its_projects(limited: LiveServer, project: Api) -> None:
    theirs = Api(limited, project.root, limited.token("organization"))
    made = theirs.create()
    assert project("GET", "/active").json() == made
    assert theirs("DELETE", f"/{made['id']}").json()["status"] == 4


def test_unknown_organizations_projects_and_limits(limited: LiveServer, project: Api, ids: tuple[str, str]) -> None:
    token = limited.token("organization")
    unknown, root = str(uuid4()), f"/v2/usageLimits/organizations/{ids[0]}"
    refused(Api(limited, f"/v2/usageLimits/organizations/{unknown}", token)("GET"), 404, 2004)
    refused(Api(limited, f"/v2/usageLimits/organizations/Nobody/projects/{ids[1]}", token)("GET"), 404, 2004)
    refused(Api(limited, f"{root}/projects/{unknown}", token)("GET"), 404, 2005)
    refused(Api(limited, f"{root}/projects/Nothing", token)("POST", body=MONTHLY), 404, 2005)
    for limit in (unknown, "no-guid"):
        refused(project("DELETE", f"/{limit}"), 404, 4000, "Not Found.")
        refused(project("PUT", f"/{limit}/hardLimit", {"hardLimit": 1}), 404, 4000)
    refused(project("PUT", f"/{project.create()['id']}/usedAmount", {"usedAmount": 0}), 404, 404)
    refused(project("GET", "/oldest"), 404, 404)


def test_a_limit_is_found_under_its_own_owner_only(organization: Api, project: Api) -> None:
    whole = organization.create()
    refused(project("DELETE", f"/{whole['id']}"), 404, 4000)


def test_without_a_token_nothing_is_told(limited: LiveServer, project: Api) -> None:
    answer = limited.request("GET", f"{project.root}/limits", token=None)
    assert (answer.status, answer.json()) == (401, {"errors": [{"id": 401, "description": "Unauthorized"}]})


def test_rates_are_set_and_listed(limited: LiveServer, project: Api, ids: tuple[str, str]) -> None:
    path = f"{project.root}/rates"
    shown = {"projectId": ids[1], "requestsPerMinute": 600, "tokensPerMinute": 90_000}
    answer = limited.request("PUT", path, {"requestsPerMinute": 600, "tokensPerMinute": 90_000})
    assert (answer.status, answer.json()) == (200, shown)
    assert limited.get(path).json() == {"rates": [shown]}
    refused(limited.request("PUT", path, {"requestsPerMinute": 0}), 400, 8, "requestsPerMinute")
    assert limited.request("PUT", path, {}).json() == {"projectId": ids[1]}
    assert limited.get(path.removeprefix("/v2")).json() == {"rates": []}
