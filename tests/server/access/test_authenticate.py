"""Every way of sending a token, and every way of getting it wrong."""

from __future__ import annotations

import base64
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portico.server.access.authenticate import authenticate, read_credential
from portico.server.access.caller import Caller, Scope
from portico.server.access.snapshot import CACHE_ENTRIES, Known, Tenant, TokenSnapshot
from portico.server.errors import ForeignProject, OutOfRange, PorticoError, TokenBlocked, Unauthorized
from portico.server.ids import OrganizationId, ProjectId, TokenId
from portico.server.kit.clock import FixedClock
from portico.server.storage.database import Database
from portico.server.storage.secrets import InstallationKey
from tests.calls import count_steps
from tests.server.access.house import KEY

ACME, OTHER = OrganizationId(str(UUID(int=1))), OrganizationId(str(UUID(int=2)))
SALES, BOTS, FOREIGN = (ProjectId(str(UUID(int=number))) for number in (3, 4, 5))
PROJECT, OWNER, BLOCKED, EXPIRING = (f"geai_{letter * 64}" for letter in "POBE")
NOON = 1_800_000_000.0

Headers = list[tuple[bytes, bytes]]


class NoDatabase(Database):
    """This file needs none: nothing on the way of a request asks it."""

    def __init__(self) -> None: ...


def make_snapshot() -> tuple[TokenSnapshot, FixedClock]:
    clock = FixedClock(NOON - 60)
    key = InstallationKey(KEY)
    snapshot = TokenSnapshot(NoDatabase(), key, clock)
    known = {
        PROJECT: Known(_caller("project"), True, None),
        OWNER: Known(_caller("organization"), True, None),
        BLOCKED: Known(_caller("project"), False, None),
        EXPIRING: Known(_caller("project"), True, NOON),
    }
    projects = {SALES: "Sales", BOTS: "Bots"}
    acme = Tenant("1", {key.hash_token(text): token for text, token in known.items()}, projects)
    snapshot.put([], {ACME: acme, OTHER: Tenant("1", {}, {FOREIGN: "Foreign"})})
    return snapshot, clock


def _caller(scope: Scope) -> Caller:
    project = (SALES, "Sales") if scope == "project" else (None, None)
    return Caller(ACME, "Acme", TokenId(str(uuid4())), scope, *project)


SNAPSHOT, CLOCK = make_snapshot()


def ask(headers: Headers) -> Caller:
    return authenticate(headers, SNAPSHOT)


def basic(text: str) -> bytes:
    return b"Basic " + base64.b64encode(text.encode())


WAYS: dict[str, Headers] = {
    "bearer": [(b"authorization", b"Bearer " + PROJECT.encode())],
    "scheme in any case": [(b"authorization", b"bEARER " + PROJECT.encode())],
    "blanks around": [(b"authorization", b"  Bearer\t " + PROJECT.encode() + b"  ")],
    "bare token": [(b"authorization", PROJECT.encode())],
    "basic with an empty password": [(b"authorization", basic(f"{PROJECT}:"))],
    "saia-auth": [(b"saia-auth", PROJECT.encode())],
    "saia-auth with bearer": [(b"saia-auth", b"Bearer " + PROJECT.encode())],
    "both the same": [(b"saia-auth", PROJECT.encode()), (b"authorization", b"Bearer " + PROJECT.encode())],
    "authorization wins": [(b"saia-auth", b"geai_nonsense"), (b"authorization", b"Bearer " + PROJECT.encode())],
    "x-api-key": [(b"x-api-key", PROJECT.encode())],
    "x-api-key beside blank ones": [(b"authorization", b" "), (b"saia-auth", b""), (b"x-api-key", PROJECT.encode())],
    "authorization wins over x-api-key": [
        (b"x-api-key", b"sk-ant-nonsense"),
        (b"authorization", b"Bearer " + PROJECT.encode()),
    ],
    "saia-auth wins over x-api-key": [(b"x-api-key", b"geai_nonsense"), (b"saia-auth", PROJECT.encode())],
    "blank authorization is none": [(b"authorization", b" "), (b"saia-auth", PROJECT.encode())],
    "the same twice": [(b"authorization", PROJECT.encode()), (b"authorization", PROJECT.encode() + b" ")],
}


@pytest.mark.parametrize("headers", WAYS.values(), ids=WAYS.keys())
def test_every_documented_way_of_sending_a_token_works(headers: Headers) -> None:
    for _ in range(2):  # the second time out of the cache
        caller = ask([(b"host", b"localhost"), *headers])
        assert (caller.organization_id, caller.project_id, caller.scope) == (ACME, SALES, "project")


WRONG: dict[str, Headers] = {
    "no header": [],
    "empty": [(b"authorization", b"")],
    "scheme alone": [(b"authorization", b"Bearer")],
    "scheme and blank": [(b"authorization", b"Bearer ")],
    "unknown token": [(b"authorization", b"Bearer geai_" + b"x" * 64)],
    "unknown scheme": [(b"authorization", b"Digest " + PROJECT.encode())],
    "two words": [(b"authorization", b"Bearer Bearer " + PROJECT.encode())],
    "basic with a password": [(b"authorization", basic(f"{PROJECT}:secret"))],
    "basic without colon": [(b"authorization", basic(PROJECT))],
    "basic with an empty user": [(b"authorization", basic(f":{PROJECT}"))],
    "basic of no base64": [(b"authorization", b"Basic " + PROJECT.encode() + b"*")],
    "not ASCII": [(b"authorization", "Bearer geai_ñ".encode())],
    "wrong authorization beside a right saia-auth": [
        (b"authorization", b"Bearer nonsense"),
        (b"saia-auth", PROJECT.encode()),
    ],
    "two different authorizations": [(b"authorization", PROJECT.encode()), (b"authorization", OWNER.encode())],
    "wrong saia-auth beside a right x-api-key": [(b"saia-auth", b"geai_nonsense"), (b"x-api-key", PROJECT.encode())],
    "two different x-api-keys": [(b"x-api-key", PROJECT.encode()), (b"x-api-key", OWNER.encode())],
    "blank x-api-key": [(b"x-api-key", b" ")],
    "two different saia-auths": [(b"saia-auth", PROJECT.encode()), (b"saia-auth", OWNER.encode())],
    "token in another case": [(b"authorization", b"Bearer " + PROJECT.lower().encode())],
}


@pytest.mark.parametrize("headers", WRONG.values(), ids=WRONG.keys())
def test_everything_else_is_a_plain_401(headers: Headers) -> None:
    with pytest.raises(Unauthorized) as refusal:
        ask(headers)
    assert (refusal.value.status, refusal.value.id, refusal.value.message) == (401, 401, "Unauthorized")


def test_blocked_token_is_401_with_id_6() -> None:
    for _ in range(2):
        with pytest.raises(TokenBlocked) as refusal:
            ask([(b"authorization", BLOCKED.encode())])
        assert (refusal.value.status, refusal.value.id) == (401, 6)


def test_token_expires_while_it_is_in_the_cache() -> None:
    snapshot, clock = make_snapshot()
    headers = [(b"authorization", EXPIRING.encode())]
    assert authenticate(headers, snapshot) is authenticate(headers, snapshot)
    clock.move(60)
    with pytest.raises(Unauthorized) as refusal:
        authenticate(headers, snapshot)
    assert refusal.value.id == 401


SPELLINGS = [b"project-id", b"projectid", b"project_id", b"project--id", b"projectid-"]


@pytest.mark.parametrize("name", SPELLINGS)
def test_organization_token_acts_on_the_project_it_names(name: bytes) -> None:
    caller = ask([(b"authorization", OWNER.encode()), (name, BOTS.upper().encode())])
    assert (caller.scope, caller.project_id, caller.project_name) == ("organization", BOTS, "Bots")


@pytest.mark.parametrize("name", SPELLINGS)
@pytest.mark.parametrize("token", [PROJECT, OWNER])
@pytest.mark.parametrize("project", [FOREIGN, "none of ours", str(UUID(int=6))])
def test_foreign_project_header_is_403_with_id_2006(name: bytes, token: str, project: str) -> None:
    with pytest.raises(ForeignProject) as refusal:
        ask([(name, project.encode()), (b"authorization", token.encode())])
    assert (refusal.value.status, refusal.value.id) == (403, 2006)


@pytest.mark.parametrize("project", [SALES, BOTS, "", "  "])
def test_project_token_keeps_to_its_own_project(project: str) -> None:
    assert ask([(b"projectid", project.encode()), (b"authorization", PROJECT.encode())]).project_id == SALES


def test_two_project_headers_must_agree() -> None:
    headers = [(b"authorization", OWNER.encode()), (b"projectid", BOTS.encode())]
    assert ask([*headers, (b"project-id", BOTS.encode())]).project_id == BOTS
    with pytest.raises(OutOfRange):
        ask([*headers, (b"project-id", SALES.encode())])


def test_unknown_token_with_a_foreign_project_learns_only_that_it_was_refused() -> None:
    with pytest.raises(Unauthorized):
        ask([(b"authorization", b"nonsense"), (b"project-id", FOREIGN.encode())])


def test_cache_is_bounded_and_unknown_tokens_do_not_enter_it() -> None:
    snapshot, _ = make_snapshot()
    for number in range(CACHE_ENTRIES + 10):
        headers = [(b"authorization", b"Bearer" + b" " * number + b" " + PROJECT.encode())]
        authenticate(headers, snapshot)
        assert len(snapshot.cache) <= CACHE_ENTRIES
        if number > 20:
            break
    size = len(snapshot.cache)
    with pytest.raises(Unauthorized):
        authenticate([(b"authorization", b"geai_unknown")], snapshot)
    assert len(snapshot.cache) == size
    for number in range(CACHE_ENTRIES + 10):
        snapshot.remember(number, Known(_caller("project"), True, None))
    assert len(snapshot.cache) <= CACHE_ENTRIES


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_token_or_a_401(value: bytes) -> None:
    try:
        text = read_credential(value)
    except Unauthorized:
        return
    assert text
    assert text.isascii()


NAMES = st.sampled_from(
    [b"authorization", b"saia-auth", b"x-api-key", b"project-id", b"projectid", b"host", b"x-project-id"]
)
VALUES = st.binary(max_size=40) | st.sampled_from(
    [
        PROJECT.encode(),
        b"Bearer " + OWNER.encode(),
        BLOCKED.encode(),
        basic(f"{OWNER}:"),
        FOREIGN.encode(),
        BOTS.encode(),
        SALES.encode(),
    ]
)


@settings(deadline=None)
@given(st.lists(st.tuples(NAMES, VALUES), max_size=6))
def test_any_mixture_of_headers_is_a_caller_of_the_tenant_or_a_refusal(headers: Headers) -> None:
    results = []
    for _ in range(2):  # the cache answers as the first look did
        try:
            results.append(repr(ask(headers)))
        except PorticoError as refusal:
            assert refusal.status in (400, 401, 403)
            results.append(f"{refusal.status} {refusal.id}")
    assert results[0] == results[1]
    assert "Foreign" not in results[0]


@settings(deadline=None)
@given(st.text(max_size=80), st.sampled_from(["Bearer {}", "{}", "bearer  {}"]))
def test_no_text_but_the_token_itself_is_let_in(text: str, form: str) -> None:
    if text.strip() in (PROJECT, OWNER, EXPIRING):
        return
    with pytest.raises(PorticoError) as refusal:
        ask([(b"authorization", form.format(text).encode())])
    assert refusal.value.status == 401


def test_a_known_caller_costs_a_few_steps_for_each_header() -> None:
    headers = [(name.encode(), b"value") for name in ["host", "accept", "user-agent", "content-type", "content-length"]]
    headers.append((b"authorization", b"Bearer " + PROJECT.encode()))
    assert count_steps(lambda: ask(headers)) <= 60
