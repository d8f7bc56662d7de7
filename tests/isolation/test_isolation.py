"""No route gives one tenant what is another's: every route of the application is walked with a stranger's tokens."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from portico.server.edge.guard import OPEN_PATHS
from tests.isolation.rules import GUIDS, NAMES, PLATFORM, WORDS, Route, all_routes
from tests.isolation.tenants import SECRET, UUID, WHO, Tenant, Who, furnish, make_tenant
from tests.live import Answer, LiveServer

ROUTES = sorted(set(all_routes()), key=lambda route: (route.path, route.method))
BY_PATH = [f"{route.method} {route.path}" for route in ROUTES]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    environ = {"PORTICO_PROVIDER_HOSTS": "127.0.0.1"}  # the owner's provider lies there; nobody listens
    with LiveServer(tmp_path_factory.mktemp("isolation"), environ) as live:
        yield live


@pytest.fixture(scope="module")
def owner(house: LiveServer) -> Tenant:
    tenant = make_tenant(house, "Owner")
    furnish(tenant)
    return tenant


@pytest.fixture(scope="module")
def belongings(owner: Tenant) -> dict[str, bytes]:
    """What the owner has before anybody tries."""
    return snapshot(owner)


@pytest.fixture(scope="module")
def stranger(house: LiveServer) -> Tenant:
    return make_tenant(house, "Stranger")


def test_every_route_has_a_rule() -> None:
    """A path parameter that no table knows is an id whose owner nobody has thought of."""
    known = GUIDS.keys() | NAMES.keys() | WORDS.keys()
    unknown = {name: route.path for route in ROUTES for name in route.parameters if name not in known}
    assert not unknown, "say in tests/isolation/rules.py whose these are"
    assert len(ROUTES) > 100


@pytest.mark.parametrize("route", ROUTES, ids=BY_PATH)
def test_a_stranger_gets_nothing(owner: Tenant, stranger: Tenant, belongings: dict[str, bytes], route: Route) -> None:
    path = route.filled(owner.things)
    for who in WHO:
        answer = stranger.ask(route.method, path, route.body or None, who)
        if route.names_a_guid:  # 405 is said of a path, whatever stands in it
            assert answer.status in (403, 404, 405), (who, answer.status, answer.body)
        assert_nothing_told(answer, owner, path)
    assert_nothing_lost(route, owner, belongings)


@pytest.mark.parametrize("route", [r for r in ROUTES if not r.parameters], ids=lambda r: f"{r.method} {r.path}")
def test_a_header_or_a_query_opens_nothing(
    owner: Tenant, stranger: Tenant, belongings: dict[str, bytes], route: Route
) -> None:
    asked = "&".join(f"{name}={owner.things[thing]}" for name, thing in PLATFORM.items())
    headers = {"ProjectId": owner.things["project"], "OrganizationId": owner.things["organization"]}
    for who in WHO:
        by_header = stranger.ask(route.method, route.path, route.body or None, who, **headers)
        by_query = stranger.ask(route.method, f"{route.path}?{asked}", route.body or None, who)
        assert_nothing_told(by_header, owner, "")
        assert_nothing_told(by_query, owner, asked)
    assert_nothing_lost(route, owner, belongings)


@pytest.mark.parametrize("route", ROUTES, ids=BY_PATH)
def test_nobody_gets_nothing(owner: Tenant, house: LiveServer, route: Route) -> None:
    """Without a credential: 401 before anything else, or a page that is open to all and tells of no tenant."""
    answer = house.request(route.method, route.filled(owner.things), route.body or None, token=None)
    assert answer.status == 401 or route.path in OPEN_PATHS, (answer.status, answer.body)
    assert_nothing_told(answer, owner, route.filled(owner.things))


def assert_nothing_told(answer: Answer, owner: Tenant, asked: str) -> None:
    """Neither what the owner wrote, nor an id of the owner's that the stranger has not sent itself."""
    assert answer.status < 500 or answer.status == 501, (answer.status, answer.body)
    told = answer.body.decode("utf-8", "replace") + repr(answer.headers)
    assert SECRET not in told, told
    assert not (owner.identifiers - set(UUID.findall(asked))) & set(UUID.findall(told)), told


def assert_nothing_lost(route: Route, owner: Tenant, belongings: dict[str, bytes]) -> None:
    if route.method != "GET":
        assert snapshot(owner) == belongings


LISTS: tuple[tuple[str, Who], ...] = (
    ("/v1/organization/projects", "organization"),
    ("/v2/projects/tokens", "project"),
    ("/v3/llm/admin/providers", "organization"),
    ("/v3/llm/admin/aliases", "project"),
    ("/v2/guardrails", "project"),
    ("/v1/organization/assistants?detail=full", "project"),
    ("/v1/files/all", "project"),
    ("/v1/secrets", "project"),
    ("/v1/search/profiles", "project"),
    ("/v1/search/profile/quokka", "project"),
    ("/v1/search/profile/quokka/documents", "project"),
    ("/v2/accessControl/projects/members", "project"),
    ("/v2/accessControl/projects/roles", "project"),
)
_WHEN = re.compile(rb',"((lastUsedAt|indexStatus|indexDetail|chunks)":"[^"]*"|states":\{[^}]*\})')
"""What changes by itself."""


def snapshot(tenant: Tenant) -> dict[str, bytes]:
    """What the owner has. It does not change while a stranger tries."""
    answers = {path: tenant.ask("GET", path, who=who) for path, who in LISTS}
    assert all(answer.status == 200 for answer in answers.values()), answers
    return {path: _WHEN.sub(b"", answer.body) for path, answer in answers.items()}
