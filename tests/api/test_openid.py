"""A server that trusts an external issuer: its tokens as credentials on both lanes, seen for the first time there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.issuer import AUDIENCE, TestIssuer
from tests.live import CHAT, LiveServer
from tests.people import project_of

HELLO = {"model": CHAT, "messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 4}


@pytest.fixture(scope="module")
def issuer() -> Iterator[TestIssuer]:
    made = TestIssuer()
    yield made
    made.close()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, issuer: TestIssuer) -> Iterator[LiveServer]:
    environ = {
        "PORTICO_OIDC_ISSUER": issuer.url,
        "PORTICO_OIDC_AUDIENCE": AUDIENCE,
        "PORTICO_OIDC_ROLES": "devs=Portico/Default/Project Member",
    }
    with LiveServer(tmp_path_factory.mktemp("openid"), environ) as live:
        yield live


def test_the_hot_lane_verifies_at_first_sight(house: LiveServer, issuer: TestIssuer) -> None:
    headers, token = {"project-id": project_of(house)}, issuer.sign(groups=["devs"], jti="hot")
    for _ in range(2):
        answer = house.post("/v1/chat/completions", HELLO, headers, token=token)
        assert answer.status == 200, answer.body
    assert issuer.asked == 1


def test_so_does_the_slow_lane(house: LiveServer, issuer: TestIssuer) -> None:
    headers, token = {"ProjectId": project_of(house)}, issuer.sign("ES256", groups=["devs"], jti="slow")
    assert house.get("/v3/llm/providers", headers, token=token).status == 200
    assert house.get("/v2/users/me", token=token).json()["email"] == "ida@corp.example"


def test_userinfo_takes_it_too(house: LiveServer, issuer: TestIssuer) -> None:
    token = issuer.sign("Ed25519", groups=["devs"], jti="info")
    assert house.get("/openid/userinfo", token=token).json()["username"] == "ida@corp.example"


def test_a_large_body_waits_for_the_verification(house: LiveServer, issuer: TestIssuer) -> None:
    body = {"model": "local/all-minilm-l6-v2", "input": ["word " * 20] * 800}
    headers, token = {"project-id": project_of(house)}, issuer.sign(groups=["devs"], jti="large")
    assert house.post("/v1/embeddings", body, headers, token=token).status == 200


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v3/llm/providers"])
def test_114_for_a_token_that_does_not_hold(house: LiveServer, issuer: TestIssuer, path: str) -> None:
    method = "POST" if "chat" in path else "GET"
    refused = house.request(method, path, HELLO if method == "POST" else None, token=issuer.sign(aud="another"))
    assert (refused.status, refused.json()["errors"][0]["id"]) == (401, 114)
    strange = house.request(
        method, path, HELLO if method == "POST" else None, token=issuer.sign(iss="https://x.example")
    )
    assert (strange.status, strange.json()["errors"][0]["id"]) == (401, 401)
