"""Signing in with the vendor's SDK, unchanged: its clients and its `geai` command, with users of ours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.pygeai_host import import_pygeai, profiles, run_geai
from tests.live import CHAT, LiveServer
from tests.people import PASSWORD, Person, give_role, make_administrator, make_person, organization_of, project_of


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with LiveServer(tmp_path_factory.mktemp("auth"), {"PORTICO_SIGN_IN_BY_QUERY": "true"}) as live:
        yield live


@pytest.fixture(scope="module")
def ana(house: LiveServer) -> Person:
    root = make_administrator(house, "root@acme.example")
    person = make_person(house, root, "ana@acme.example")
    give_role(house, person, "Project Administrator")
    return person


@pytest.fixture(autouse=True)
def _vendor(house: LiveServer, tmp_path: Path) -> Iterator[None]:
    import_pygeai(tmp_path)
    with profiles(house.data_dir / "credentials"):
        yield


def auth_client(house: LiveServer, **more: Any) -> Any:
    from pygeai.auth.clients import AuthClient

    return AuthClient(api_key=house.token(), base_url=house.url, **more)


def test_an_access_token_by_query(house: LiveServer, ana: Person) -> None:
    got = auth_client(house).get_oauth2_access_token("web", ana.email, PASSWORD, "gam_user_data gam_user_roles")
    assert got["token_type"] == "Bearer" and got["user_guid"] == ana.user_id
    info = auth_client(house).get_user_profile_information(got["access_token"], project_id=project_of(house))
    assert (info["username"], info["sub"]) == (ana.email, ana.user_id)


def test_a_wrong_password_is_an_error_of_the_vendors(house: LiveServer, ana: Person) -> None:
    from pygeai.core.common.exceptions import APIResponseError

    with pytest.raises(APIResponseError, match=r"HTTP 401.*Unauthorized"):
        auth_client(house).get_oauth2_access_token("web", ana.email, "wrong")


def test_a_chat_with_an_access_token(house: LiveServer, ana: Person) -> None:
    from pygeai.chat.clients import ChatClient

    client = ChatClient(
        base_url=house.url, access_token=ana.access_token,
        project_id=project_of(house), organization_id=organization_of(house),
    )  # fmt: skip
    answer = client.chat_completion(
        model=CHAT, messages=[{"role": "user", "content": "Say hello."}], stream=False, max_tokens=4
    )
    assert answer["choices"][0]["message"]["content"]


def test_the_command_chats_with_an_access_token(house: LiveServer, ana: Person, tmp_path: Path) -> None:
    done = run_geai(
        tmp_path, "chat", "completion", "-m", CHAT, "--msg", '[{"role": "user", "content": "Hi"}]', "--max-tokens", "4",
        GEAI_OAUTH_ACCESS_TOKEN=ana.access_token, GEAI_API_BASE_URL=house.url, GEAI_PROJECT_ID=project_of(house),
        GEAI_ORGANIZATION_ID=organization_of(house),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Chat completion detail" in done.stdout


def test_the_command_signs_in_and_asks_who_it_is(house: LiveServer, ana: Person, tmp_path: Path) -> None:
    key = {"GEAI_API_KEY": house.token(), "GEAI_API_BASE_URL": house.url}
    done = run_geai(
        tmp_path, "auth", "get-access-token", "--client-id", "web", "--username", ana.email, "--password", PASSWORD,
        "--scope", "gam_user_data", **key,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "at_" in done.stdout
    told = run_geai(tmp_path, "auth", "get-user-information", "--access-token", ana.access_token, **key)
    assert told.returncode == 0, told.stderr
    assert ana.email in told.stdout
