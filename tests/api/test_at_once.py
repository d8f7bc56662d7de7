"""The same name, taken by many at once: one gets it, the others learn that they came late; nothing is there twice."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from tests.api.assistant_house import OPENAI
from tests.api.error_house import ADMIN, ASSISTANT, FILES, PROJECT, ROLES, ROOT, SECRETS, TOKENS, House, new_name
from tests.api.test_error_ids import house as house
from tests.files import FORM, form
from tests.live import Answer

MANY = 8
Make = Callable[[House, str], Answer]


def at_once(call: Callable[[int], Answer]) -> list[Answer]:
    """All of them leave together."""
    barrier = Barrier(MANY)

    def run(number: int) -> Answer:
        barrier.wait(60)
        return call(number)

    with ThreadPoolExecutor(MANY) as pool:
        return list(pool.map(run, range(MANY)))


def make_role(house: House, name: str) -> Answer:
    return house.whole("POST", ROLES, {"name": name}, **{"project-id": project_of(house)})


def project_of(house: House) -> str:
    found: str = house("GET", "/v1/accessControl/apitoken/validate").json()["projectId"]
    return found


def make_limit(house: House, name: str) -> Answer:
    """One is in force at a time, whatever its name."""
    body = {
        "subscriptionType": "Monthly", "usageUnit": "Cost", "softLimit": 10, "hardLimit": 1000,
        "renewalStatus": "Renewable",
    }  # fmt: skip
    path = f"/v2/usageLimits/organizations/{house.organization}/projects/{project_of(house)}/limits"
    return house.whole("POST", path, body)


NAMED: dict[str, tuple[int, Make]] = {
    "project": (2002, lambda house, name: house.whole("POST", PROJECT, {"name": name})),
    "assistant": (
        2030,
        lambda house, name: house("POST", ASSISTANT, {"name": name, "prompt": "p", "llmSettings": OPENAI}),
    ),
    "secret": (
        409,
        lambda house, name: house("POST", SECRETS, {"secretDefinition": {"name": name, "secretString": "s"}}),
    ),
    "role": (4002, make_role),
    "token": (4002, lambda house, name: house("POST", TOKENS, {"name": name})),
    "user": (4002, lambda house, name: house("POST", "/v2/users", {"email": email_of(name)}, ROOT)),
    "organization": (
        2003,
        lambda house, name: house("POST", ADMIN, {"name": name, "administratorUserEmail": email_of(name)}, ROOT),
    ),
    "limit": (409, make_limit),
}


def email_of(name: str) -> str:
    return name.replace(" ", ".") + "@acme.example"


@pytest.mark.parametrize("kind", NAMED)
def test_one_of_many_makes_it(house: House, kind: str) -> None:
    number, make = NAMED[kind]
    name = new_name(kind)
    answers = at_once(lambda _: make(house, name))
    made = [one for one in answers if one.status in (200, 201)]
    assert len(made) == 1, [(one.status, one.body[:200]) for one in answers]
    for one in answers:
        if one is not made[0]:
            assert (one.status, one.json()["errors"][0]["id"]) == (409, number), one.body


def test_a_file_of_one_name_is_replaced_and_stays_one(house: House) -> None:
    folder, name = new_name("folder"), new_name("file")
    headers = {**FORM, "folder": folder, "fileName": name}
    contents = [f"words of {number}" for number in range(MANY)]
    answers = at_once(lambda n: house("POST", FILES, form(contents[n].encode(), f"{name}.txt"), **headers))
    assert [one.status for one in answers] == [200] * MANY, [one.body for one in answers]
    ids = {one.json()["dataFileId"] for one in answers}
    listed = house("GET", f"{FILES}/all?folder={folder.replace(' ', '%20')}").json()["dataFiles"]
    assert [one["DataFileId"] for one in listed] == list(ids)
    content = house("GET", f"{FILES}/{ids.pop()}/content").json()["content"]
    assert content in contents and listed[0]["DataFileSize"] == len(content)


def test_revisions_made_at_once_have_numbers_of_their_own(house: House) -> None:
    path = f"{ASSISTANT}/{house.new_assistant()['assistantId']}"
    body: dict[str, Any] = {"action": "saveNewRevision", "prompt": "p"}
    answers = at_once(lambda n: house("PUT", path, {**body, "prompt": f"p{n}"}))
    assert [one.status for one in answers] == [200] * MANY, [one.body for one in answers]
    (intent,) = house("GET", f"{path}?detail=full").json()["intents"]
    assert sorted(int(one["revisionId"]) for one in intent["revisions"]) == list(range(1, MANY + 2))


def test_an_assistant_is_deleted_once(house: House) -> None:
    path = f"{ASSISTANT}/{house.new_assistant()['assistantId']}"
    statuses = sorted(one.status for one in at_once(lambda _: house("DELETE", path)))
    assert statuses == [200] + [404] * (MANY - 1)


def test_a_user_invited_by_many_is_one_member(house: House) -> None:
    email = email_of(new_name("guest"))
    body = {"userEmail": email, "roles": ["Project Member"]}
    headers = {"project-id": house.new_project()[0]}
    path = "/v2/accessControl/projects/members"
    answers = at_once(lambda _: house.whole("POST", path, body, **headers))
    assert {one.status for one in answers} <= {200, 201, 409}, [one.body for one in answers]
    members = house.whole("GET", path, None, **headers).json()["members"]
    assert [one["email"] for one in members] == [email]
