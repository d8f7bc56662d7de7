"""Keys, aliases, own providers and models, set through the door while the server runs; and who sees and uses them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from portico.server.storage.database import Database
from tests.api.provider_house import (
    FIRST_KEY,
    MODEL,
    SECOND_KEY,
    Admin,
    ask,
    keys_seen,
    make_organization,
    make_project,
    on_database,
    serving,
)
from tests.live import LiveServer, wait_until
from tests.upstream import COMPLETION, Upstream, chunk, sse, stream, usage_chunk, whole

NEW_MODEL = {"name": "acme-large", "type": "Chat", "contextWindow": 200_000, "toolCalling": True}


@pytest.fixture(scope="module")
def _first() -> Iterator[Upstream]:
    with Upstream() as provider:
        yield provider


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, _first: Upstream) -> Iterator[LiveServer]:
    with serving(tmp_path_factory.mktemp("providers"), _first) as live:
        yield live


@pytest.fixture
def first(_first: Upstream) -> Upstream:
    _first.reset()
    return _first


@pytest.fixture
def admin(live: LiveServer) -> Iterator[Admin]:
    """With the organization's token; what it set is gone afterwards."""
    made = Admin(live, live.token("organization"))
    yield made
    made.clear()


@pytest.fixture(scope="module")
def ids(live: LiveServer) -> dict[str, str]:
    found: dict[str, str] = live.get("/v1/accessControl/apitoken/validate").json()
    return found


def refusal(answer: Any) -> tuple[int, int, str]:
    error = answer.json()["errors"][0]
    return answer.status, error["id"], error["description"]


# keys -------------------------------------------------------------------------------------------------------------


def test_a_key_is_used_at_once_and_never_shown_again(live: LiveServer, admin: Admin, first: Upstream) -> None:
    made = admin(
        "POST", "/providers/openai/keys", {"key": FIRST_KEY, "name": "main", "weight": 2, "baseUrl": first.url}
    )
    assert made.status == 201
    shown = made.json()
    assert {name: shown[name] for name in ("name", "weight", "lastCharacters", "scope", "blocked")} == {
        "name": "main",
        "weight": 2,
        "lastCharacters": "aaaa",
        "scope": "organization",
        "blocked": False,
    }
    assert ask(live).status == 200
    assert keys_seen(first) == [FIRST_KEY]
    assert admin.list_keys() == [shown]
    answers = made.body + admin("GET", "/providers/openai/keys").body + admin("GET", "/providers").body
    assert FIRST_KEY.encode() not in answers
    assert FIRST_KEY not in live.said()


def test_options_that_do_what_a_key_does_need_no_key(admin: Admin, first: Upstream) -> None:
    application = {"tenant_id": "contoso.example", "client_id": "c-1", "client_secret": "secret-of-c-1"}
    less = {name: value for name, value in application.items() if name != "client_secret"}
    for options, status in ((less, 400), (application, 201)):
        made = admin("POST", "/providers/azure/keys", {"baseUrl": first.root, "options": options})
        assert made.status == status, made.body
    assert made.json()["options"] == less, "a secret is never shown"
    listed = {row["name"]: row for row in admin("GET", "/providers").json()["providers"]}
    assert not listed["azure"].get("missingSetting")
    assert admin("DELETE", f"/providers/azure/keys/{made.json()['id']}").status in (200, 204)


def test_keys_are_encrypted_at_rest(live: LiveServer, admin: Admin) -> None:
    admin.add_key(options={"region": "eu-west-1", "access_token": "secret-token-0000"})

    async def look(database: Database) -> bytes:
        async with database.begin() as connection:
            rows = (await connection.execute(text("SELECT * FROM provider_keys"))).all()
        assert len(rows) == 1
        return b" ".join(part if isinstance(part, bytes) else str(part).encode() for part in rows[0])

    kept = on_database(live, look)
    assert b"eu-west-1" in kept
    assert FIRST_KEY.encode() not in kept
    assert b"secret-token-0000" not in kept
    assert admin.list_keys()[0]["options"] == {"region": "eu-west-1"}


def test_a_short_key_shows_nothing_of_itself(admin: Admin) -> None:
    assert admin.add_key("short")["lastCharacters"] == ""


def test_a_key_is_rotated_weighed_blocked_and_removed(live: LiveServer, admin: Admin, first: Upstream) -> None:
    key = admin.add_key(baseUrl=first.url)
    path = f"/providers/openai/keys/{key['id']}"
    changed = admin("PUT", path, {"key": SECOND_KEY, "weight": 7, "name": "new"}).json()
    assert (changed["id"], changed["lastCharacters"], changed["weight"]) == (key["id"], "bbbb", 7)
    assert ask(live).status == 200
    assert keys_seen(first) == [SECOND_KEY]
    assert admin("PUT", path, {"blocked": True}).json()["blocked"] is True
    assert ask(live).status == 200
    assert keys_seen(first)[-1] == "sk-installation-0000", "a blocked key is as if it were not there"
    assert admin("PUT", path, {"blocked": False}).status == 200
    assert ask(live).status == 200
    assert keys_seen(first)[-1] == SECOND_KEY
    assert admin("DELETE", path).status == 200
    assert ask(live).status == 200
    assert keys_seen(first)[-1] == "sk-installation-0000"
    assert refusal(admin("DELETE", path))[:2] == (404, 4000)


@pytest.mark.parametrize(
    ("body", "status", "number", "field"),
    [
        ({}, 400, 9, "key"),
        ({"key": "two words"}, 400, 11, "key"),
        ({"key": 7}, 400, 11, "key"),
        ({"key": "k", "weight": 0}, 400, 8, "weight"),
        ({"key": "k", "weight": "heavy"}, 400, 11, "weight"),
        ({"key": "k", "weight": True}, 400, 11, "weight"),
        ({"key": "k", "name": ["a"]}, 400, 11, "name"),
        ({"key": "k", "options": {"shoe_size": "44"}}, 400, 11, "options.shoe_size"),
        ({"key": "k", "options": {"region": "x.evil.example/#"}}, 400, 11, "options.region"),
        ({"key": "k", "options": {"token_url": "http://10.0.0.1"}}, 400, 11, "options.token_url"),
        ({"key": "k", "baseUrl": "ftp://x"}, 400, 11, "baseUrl"),
        ({"key": "k", "baseUrl": "http://169.254.169.254/latest"}, 400, 8, "baseUrl"),
        ({"key": "k", "baseUrl": "http://[::ffff:10.0.0.1]/"}, 400, 8, "baseUrl"),
        ({"key": "k", "baseUrl": "http://0x7f.2/"}, 400, 8, "baseUrl"),
        ({"key": "k", "baseUrl": "http://user:pass@example.com"}, 400, 11, "baseUrl"),
        ({"key": "k", "baseUrl": "http://no-such-host.invalid"}, 400, 11, "baseUrl"),
        ({"key": "k", "host": "x"}, 400, 11, "host"),
        ({"key": "k", "projectId": 7}, 400, 11, "projectId"),
    ],
)
def test_refusals_name_the_field(admin: Admin, body: dict[str, Any], status: int, number: int, field: str) -> None:
    found = refusal(admin("POST", "/providers/openai/keys", body))
    assert found[:2] == (status, number)
    assert found[2].startswith(f"Field {field} ")
    assert admin.list_keys() == []


def test_names_of_keys_are_unique_within_a_scope(admin: Admin, ids: dict[str, str]) -> None:
    admin.add_key(name="main")
    assert refusal(admin("POST", "/providers/openai/keys", {"key": SECOND_KEY, "name": "main"}))[:2] == (409, 409)
    admin.add_key(name="main", projectId=ids["projectId"])
    admin.add_key(name="")
    admin.add_key(name="")
    assert len(admin.list_keys()) == 4


def test_keys_of_unknown_providers_and_of_the_embedded_models_are_refused(admin: Admin) -> None:
    assert refusal(admin("POST", "/providers/nobody/keys", {"key": "k"}))[:2] == (404, 4000)
    assert refusal(admin("POST", "/providers/local/keys", {"key": "k"}))[:2] == (409, 409)


def test_two_keys_of_a_scope_share_the_load_by_weight(live: LiveServer, admin: Admin, first: Upstream) -> None:
    admin.add_key(FIRST_KEY, weight=3, baseUrl=first.url)
    admin.add_key(SECOND_KEY, weight=1, baseUrl=first.url)
    assert {ask(live).status for _ in range(60)} == {200}
    seen = keys_seen(first)
    assert seen.count(FIRST_KEY) + seen.count(SECOND_KEY) == 60
    assert 30 < seen.count(FIRST_KEY) < 60


def test_the_narrowest_scope_with_keys_wins(
    live: LiveServer, admin: Admin, first: Upstream, ids: dict[str, str]
) -> None:
    def used() -> str:
        first.reset()
        assert ask(live).status == 200
        return keys_seen(first)[0]

    def configured_by(query: str = "") -> str:
        found = admin("GET", f"/providers{query}").json()["providers"]
        return next(str(one["configuredBy"]) for one in found if one["name"] == "openai")

    assert (used(), configured_by()) == ("sk-installation-0000", "installation")
    admin.add_key(FIRST_KEY, baseUrl=first.url)
    assert (used(), configured_by()) == (FIRST_KEY, "organization")
    mine = Admin(live, live.token())
    made = mine.add_key(SECOND_KEY, baseUrl=first.url)
    assert (made["scope"], made["projectId"]) == ("project", ids["projectId"])
    assert (used(), configured_by(f"?projectId={ids['projectId']}")) == (SECOND_KEY, "project")
    assert configured_by() == "organization"
    assert [key["scope"] for key in mine.list_keys()] == ["project"]
    assert sorted(key["scope"] for key in admin.list_keys()) == ["organization", "project"]


# scopes and tenants -----------------------------------------------------------------------------------------------


def test_a_project_manages_its_own_and_nobody_elses(live: LiveServer, admin: Admin, ids: dict[str, str]) -> None:
    other_id, other_token = make_project(live, ids["organizationId"], "other")
    other, mine = Admin(live, other_token), Admin(live, live.token())
    wait_until(lambda: other("GET", "/aliases").status == 200, "the new token is known")
    key, whole = mine.add_key(FIRST_KEY), admin.add_key(SECOND_KEY)
    assert other.list_keys() == []
    for hidden in (key, whole):
        assert refusal(other("PUT", f"/providers/openai/keys/{hidden['id']}", {"weight": 2}))[:2] == (404, 4000)
        assert refusal(other("DELETE", f"/providers/openai/keys/{hidden['id']}"))[:2] == (404, 4000)
    assert refusal(other("POST", "/providers/openai/keys", {"key": "k", "projectId": ids["projectId"]}))[:2] == (
        404,
        2006,
    )
    assert refusal(mine("GET", f"/aliases?projectId={other_id}"))[:2] == (404, 2006)
    assert refusal(mine("POST", "/providers", {"name": "acme", "baseUrl": "http://127.0.0.1:1"}))[:2] == (403, 7)
    assert refusal(mine("POST", "/providers/openai/models", NEW_MODEL))[:2] == (403, 7)
    assert refusal(admin("POST", "/providers/openai/keys", {"key": "k", "projectId": "nonsense"}))[:2] == (404, 2006)
    assert live.get("/v3/llm/admin/providers", token=None).status == 401


def test_another_organization_sees_and_uses_nothing(live: LiveServer, admin: Admin, first: Upstream) -> None:
    tokens = make_organization(live, "Strangers")
    strangers = Admin(live, tokens.organization)
    wait_until(lambda: strangers("GET", "/aliases").status == 200, "the new organization is known")
    key = admin.add_key(FIRST_KEY, baseUrl=first.url)
    admin.set_alias("team/fast", MODEL)
    admin.add_provider("acme", first.url, models=[NEW_MODEL])
    admin.add_key(SECOND_KEY, "acme")
    assert strangers.list_keys() == []
    assert strangers("GET", "/aliases").json() == {"aliases": []}
    assert "acme" not in {one["name"] for one in strangers("GET", "/providers").json()["providers"]}
    for method, path in (
        ("PUT", f"/providers/openai/keys/{key['id']}"),
        ("DELETE", f"/providers/openai/keys/{key['id']}"),
        ("DELETE", "/aliases/team/fast"),
        ("GET", "/providers/acme"),
        ("PUT", "/providers/acme/models/acme-large"),
        ("DELETE", "/providers/acme"),
        ("GET", "/providers/acme/keys"),
    ):
        body = ({"type": "Chat"} if "models" in path else {"weight": 2}) if method == "PUT" else None
        assert refusal(strangers(method, path, body))[:2] == (404, 4000), path
    assert ask(live, token=tokens.project).status == 200
    assert keys_seen(first) == ["sk-installation-0000"]
    assert ask(live, "team/fast", token=tokens.project).status == 404
    assert ask(live, "acme/acme-large", token=tokens.project).status == 404
    listed = {model["id"] for model in live.get("/v1/models", token=tokens.project).json()["data"]}
    assert listed.isdisjoint({"team/fast", "acme/acme-large"})
    assert live.get("/v3/llm/providers/acme", token=tokens.project).status == 404
    # the same names are free for them, and lead elsewhere
    strangers.add_provider("acme", first.url + "/theirs", models=[NEW_MODEL])
    assert ask(live, "acme/acme-large", token=tokens.project).status == 200
    assert first.asked[-1].path == "/v1/theirs/chat/completions"
    assert "authorization" not in first.asked[-1].headers
    strangers.clear()
    assert admin.list_keys("acme") != []


# own providers and models -----------------------------------------------------------------------------------------


def test_an_own_provider_works_at_once(live: LiveServer, admin: Admin, first: Upstream) -> None:
    made = admin.add_provider("acme", first.url, friendlyName="Acme AI", models=[NEW_MODEL], quirks={"drops": ["seed"]})
    assert made["models"][0] | {"fullName": "acme/acme-large", "isCustom": True} == made["models"][0]
    answer = ask(live, "acme/acme-large", seed=7)
    assert (answer.status, answer.headers["x-portico-provider"]) == (200, "acme")
    assert "seed" not in first.asked[0].body
    listed = live.get("/v3/llm/providers/acme/models").json()["models"]
    assert [(one["fullName"], one["contextWindow"], one["isCustom"]) for one in listed] == [
        ("acme/acme-large", 200_000, True)
    ]
    assert live.get("/v3/llm/providers/acme").json()["friendlyName"] == "Acme AI"
    assert live.get("/v1/models/acme/acme-large").json()["owned_by"] == "acme"
    assert admin("GET", "/providers/acme").json() == made
    changed = admin("PUT", "/providers/acme", made | {"friendlyName": "Acme"})
    assert (changed.status, changed.json()["friendlyName"]) == (200, "Acme")
    assert admin("DELETE", "/providers/acme").status == 200
    assert ask(live, "acme/acme-large").status == 404


def test_models_of_ones_own_are_added_changed_and_removed(live: LiveServer, admin: Admin, first: Upstream) -> None:
    ours = {"name": "ft-support", "type": "Chat", "upstreamName": "ft:gpt-4o-mini:acme::1", "price": {"input": 300_000}}
    made = admin("POST", "/providers/openai/models", ours)
    assert (made.status, made.json()["fullName"]) == (201, "openai/ft-support")
    assert ask(live, "openai/ft-support").status == 200
    assert first.asked[0].body["model"] == "ft:gpt-4o-mini:acme::1"
    assert refusal(admin("POST", "/providers/openai/models", ours))[:2] == (409, 409)
    assert refusal(admin("POST", "/providers/openai/models", ours | {"name": "gpt-4o"}))[:2] == (409, 409)
    path = "/providers/openai/models/ft-support"
    changed = admin("PUT", path, made.json() | {"upstreamName": "ft:2", "maxOutputTokens": 99})
    assert (changed.status, changed.json()["maxOutputTokens"]) == (200, 99)
    assert ask(live, "openai/ft-support").status == 200
    assert first.asked[-1].body["model"] == "ft:2"
    assert [one["name"] for one in admin("GET", "/providers/openai/models").json()["models"]] == ["ft-support"]
    assert admin("DELETE", path).status == 200
    assert refusal(admin("DELETE", path))[:2] == (404, 4000)


@pytest.mark.parametrize(
    ("body", "status", "number", "start"),
    [
        ({"baseUrl": "http://127.0.0.1:1"}, 400, 9, "Field name is required"),
        ({"name": "acme"}, 400, 9, "Field baseUrl is required"),
        ({"name": "a b", "baseUrl": "http://127.0.0.1:1"}, 400, 11, "Field name "),
        ({"name": "acme", "baseUrl": "http://10.0.0.1:1"}, 400, 8, "Field baseUrl "),
        ({"name": "acme", "baseUrl": "http://127.0.0.2:1"}, 400, 8, "Field baseUrl "),
        ({"name": "acme", "baseUrl": "http://127.0.0.1:1", "adapter": "local"}, 400, 11, "Field adapter "),
        ({"name": "acme", "baseUrl": "http://127.0.0.1:1", "adapter": "telex"}, 400, 11, "Field adapter "),
        ({"name": "acme", "baseUrl": "http://127.0.0.1:1", "aliases": ["openai"]}, 400, 11, "Field aliases "),
        ({"name": "acme", "baseUrl": "http://127.0.0.1:1", "needsKey": "no"}, 400, 11, "Field needsKey "),
        ({"name": "acme", "baseUrl": "http://127.0.0.1:1", "quirks": {"x": 1}}, 400, 11, "Field quirks.x "),
        ({"name": "acme", "baseUrl": "http://127.0.0.1:1", "models": [{"name": "m"}]}, 400, 11, "Field type "),
        (
            {"name": "acme", "baseUrl": "http://127.0.0.1:1", "models": [{"type": "Chat"}]},
            400,
            9,
            "Field models[0].name",
        ),
        ({"name": "OpenAI", "baseUrl": "http://127.0.0.1:1"}, 409, 409, "Conflict"),
        ({"name": "azure-ai-foundry", "baseUrl": "http://127.0.0.1:1"}, 409, 409, "Conflict"),
        ({"name": "kimi", "baseUrl": "http://127.0.0.1:1"}, 409, 409, "Conflict"),
    ],
)
def test_entries_that_cannot_be(admin: Admin, body: dict[str, Any], status: int, number: int, start: str) -> None:
    found = refusal(admin("POST", "/providers", body))
    assert found[:2] == (status, number)
    assert found[2].startswith(start), found[2]


@pytest.mark.parametrize(
    ("members", "start"),
    [
        ({"path": "/etc/passwd.gguf"}, "Field path "),
        ({"family": "gpt-4o"}, "Field family "),
        ({"upstreamName": "../../files?x"}, "Field upstreamName "),
        ({"contextWindow": -1}, "Field contextWindow "),
        ({"price": {"cacheWrite5m": "much"}}, "Field price.cacheWrite5m "),
        ({"reasoning": {"thinkingMode": "hard"}}, "Field reasoning.thinkingMode "),
        ({"fallbacks": ["no-slash"]}, "Field fallbacks"),
    ],
)
def test_models_that_cannot_be(admin: Admin, members: dict[str, Any], start: str) -> None:
    status, number, description = refusal(
        admin("POST", "/providers/openai/models", {"name": "x", "type": "Chat", **members})
    )
    assert (status, number) == (400, 11)
    assert description.startswith(start), description


def test_an_own_provider_never_gets_the_key_of_a_wider_scope(tmp_path: Any, first: Upstream) -> None:
    """The environment may hold a key of that very name; it was not meant for whatever address a tenant writes."""
    with serving(tmp_path, first, PORTICO_PROVIDER_ACME_API_KEY="sk-of-the-operator") as live:
        admin = Admin(live, live.token("organization"))
        admin.add_provider("acme", first.url, openNames=True)
        assert ask(live, "acme/any").status == 200
        assert keys_seen(first) == [""]
        admin("PUT", "/providers/acme", {"baseUrl": first.url, "openNames": True})
        answer = ask(live, "acme/any")
        assert (answer.status, answer.json()["error"]["code"]) == (400, 1001)
        assert "portico providers keys add acme" in answer.json()["error"]["message"]
        admin.add_key(FIRST_KEY, "acme")
        assert ask(live, "acme/any").status == 200
        assert keys_seen(first) == ["", FIRST_KEY]


def test_a_name_that_leads_elsewhere_by_now_is_not_called(tmp_path: Any, first: Upstream) -> None:
    """Checked when it was saved; the owner of the name may point it into our network at any time."""
    with serving(tmp_path, first, PORTICO_PROVIDER_HOSTS="") as live:
        admin = Admin(live, live.token("organization"))
        admin.add_provider("acme", "http://93.184.215.14/v1", openNames=True)
        turned = first.url.replace("127.0.0.1", "localhost")

        async def turn(database: Database) -> None:
            async with database.begin() as connection:
                await connection.execute(
                    text(
                        "UPDATE catalog_entries SET entry = entry || jsonb_build_object('base_url', CAST(:url AS text))"
                    ),
                    {"url": turned},
                )

        def refusal_of_acme() -> str:
            """The address before may be out of reach, too, which is told otherwise."""
            answer = ask(live, "acme/m")
            return str(answer.json()["error"]["message"]) if answer.status == 503 else ""

        on_database(live, turn)
        wait_until(lambda: "into a network" in refusal_of_acme(), "the new address is known, and refused")
        assert first.asked == []
        assert ask(live).status == 200, "the operator's own providers are reached as before"


@pytest.mark.parametrize("count", [-5, 10**13, 2**63, 10**30])
def test_what_an_own_provider_says_of_usage_and_prices_harms_nobody(
    live: LiveServer, admin: Admin, first: Upstream, count: int
) -> None:
    """A credit, or a number that fits no column and would hold up the usage lines of everybody."""
    model = NEW_MODEL | {"price": {"input": 2**53, "output": 1}}
    admin.add_provider("acme", first.url, models=[model])
    usage = {"prompt_tokens": count, "completion_tokens": 5, "total_tokens": count + 5}
    first.replies(whole(COMPLETION | {"usage": usage}))
    for streamed in (False, True):
        if streamed:
            first.replies(stream(sse(chunk({"content": "Hi"}, "stop"), {**usage_chunk(), "usage": usage}, "[DONE]")))
        answer = ask(live, "acme/acme-large", stream=streamed)
        assert answer.status == 200
    first.reset()
    after = ask(live)

    async def look(database: Database) -> list[Any]:
        async with database.begin() as connection:
            wanted = {"request": after.json()["requestId"]}
            assert await connection.scalar(text("SELECT count(*) FROM usage WHERE request_id = :request"), wanted) == 1
            query = text("SELECT cost_picousd, input_uncached, estimated FROM usage WHERE provider = 'acme'")
            return list((await connection.execute(query)).all())

    def flushed() -> bool:
        try:
            rows = on_database(live, look)
        except AssertionError:
            return False
        return len(rows) >= 2 and all(0 <= row[0] < 2**63 and 0 <= row[1] < 2**63 for row in rows)

    wait_until(flushed, "the usage lines are in the database, the later ones too")


def test_names_and_texts_that_no_database_keeps(admin: Admin) -> None:
    made = admin.add_provider("ac\0me", "http://127.0.0.1:1", friendlyName="A\0cme", source="\0", models=[NEW_MODEL])
    assert (made["name"], made["friendlyName"]) == ("acme", "Acme")
    for method, path in (
        ("GET", "/providers/%00"),
        ("DELETE", "/aliases/%00x"),
        ("DELETE", "/providers/acme/models/%ff"),
    ):
        assert admin(method, path).status == 404
    big = {"name": "b", "baseUrl": "http://127.0.0.1:1", "source": "x" * 70_000}
    assert refusal(admin("POST", "/providers", big))[:2] == (400, 8)
    many = {"name": "b", "baseUrl": "http://127.0.0.1:1", "models": [NEW_MODEL] * 501}
    assert refusal(admin("POST", "/providers", many))[:2] == (400, 8)
    assert refusal(admin("POST", "/providers/acme/models", {"name": "m", "type": "Chat", "priority": 10**30}))[0] == 400


def test_a_request_cannot_name_a_host(live: LiveServer, admin: Admin, first: Upstream) -> None:
    with Upstream() as elsewhere:
        for members in (
            {"base_url": elsewhere.url, "api_base": elsewhere.url, "baseUrl": elsewhere.url},
            {"provider": {"baseUrl": elsewhere.url}},
        ):
            assert ask(live, **members).status == 200
        assert ask(live, f"openai/{elsewhere.url}").status in (200, 404)
        assert ask(live, elsewhere.url).status in (400, 404)
        assert elsewhere.asked == []


# aliases ----------------------------------------------------------------------------------------------------------


def test_an_alias_is_set_used_listed_and_removed(live: LiveServer, admin: Admin, first: Upstream) -> None:
    made = admin.set_alias("team/fast", MODEL, {"model": "openai/gpt-4o", "tier": 1, "weight": 2})
    assert made["targets"] == [
        {"model": MODEL, "weight": 1, "tier": 0},
        {"model": "openai/gpt-4o", "weight": 2, "tier": 1},
    ]
    assert ask(live, "team/fast").status == 200
    assert ask(live, "Team/FAST").status == 200
    assert {asked.body["model"] for asked in first.asked} == {"gpt-4o-mini"}
    listed = live.get("/v1/models").json()["data"]
    assert listed[0] == {"id": "team/fast", "owned_by": "alias", "object": "model", "created": 0}
    assert live.get("/v1/models/team/fast").json()["id"] == "team/fast"
    assert admin("GET", "/aliases").json()["aliases"] == [made]
    admin.set_alias("team/fast", "openai/gpt-4o")
    assert ask(live, "team/fast").status == 200
    assert first.asked[-1].body["model"] == "gpt-4o"
    assert admin("DELETE", "/aliases/team/fast").status == 200
    assert ask(live, "team/fast").status == 404
    assert refusal(admin("DELETE", "/aliases/team/fast"))[:2] == (404, 4000)


def test_a_projects_alias_stands_before_the_organizations(live: LiveServer, admin: Admin, first: Upstream) -> None:
    admin.set_alias("fast", MODEL)
    mine = Admin(live, live.token())
    assert mine.set_alias("fast", "openai/gpt-4o")["scope"] == "project"
    assert ask(live, "fast").status == 200
    assert first.asked[-1].body["model"] == "gpt-4o"
    assert [one["scope"] for one in mine("GET", "/aliases").json()["aliases"]] == ["project"]
    assert mine("DELETE", "/aliases/fast").status == 200
    assert ask(live, "fast").status == 200
    assert first.asked[-1].body["model"] == "gpt-4o-mini"


def test_a_name_of_the_catalogue_can_be_given_a_fallback(live: LiveServer, admin: Admin, first: Upstream) -> None:
    admin.set_alias(MODEL, MODEL, {"model": "openai/gpt-4o", "tier": 1})
    assert ask(live).status == 200
    assert first.asked[-1].body["model"] == "gpt-4o-mini"


@pytest.mark.parametrize(
    ("name", "body", "status", "number", "start"),
    [
        ("team/fast", {}, 400, 9, "Field targets is required"),
        ("team/fast", {"targets": []}, 400, 11, "Field targets "),
        ("team/fast", {"targets": [MODEL] * 17}, 400, 11, "Field targets "),
        ("team/fast", {"targets": ["openai/"]}, 400, 11, "Field targets[0] "),
        ("team/fast", {"targets": [MODEL, "saia:assistant:x"]}, 400, 11, "Field targets[1] "),
        ("team/fast", {"targets": [MODEL, "xai/no-such"]}, 404, 4000, "Model 'xai/no-such' does not exist."),
        ("team/fast", {"targets": [{"model": MODEL, "weight": 0}]}, 400, 11, "Field targets[0].weight "),
        ("team/fast", {"targets": [{"weight": 1}]}, 400, 9, "Field targets[0].model "),
        ("team/fast", {"targets": [MODEL, "openai/text-embedding-3-small"]}, 400, 2009, "Invalid Type"),
        ("team/fast", {"targets": [MODEL], "strategy": "random"}, 400, 11, "Field strategy "),
        ("team/fast", {"targets": [MODEL], "url": "http://x"}, 400, 11, "Field url "),
        ("saia:assistant:x", {"targets": [MODEL]}, 400, 11, "Field name "),
        ("a/b/c", {"targets": [MODEL]}, 400, 11, "Field name "),
    ],
)
def test_aliases_that_cannot_be(
    admin: Admin, name: str, body: dict[str, Any], status: int, number: int, start: str
) -> None:
    found = refusal(admin("PUT", f"/aliases/{name}", body))
    assert found[:2] == (status, number), found
    assert found[2].startswith(start), found[2]
    assert admin("GET", "/aliases").json() == {"aliases": []}


def test_an_alias_never_leads_to_an_alias(admin: Admin) -> None:
    admin.set_alias("team/fast", MODEL)
    for target in ("team/fast", "team/Other"):
        found = refusal(admin("PUT", "/aliases/team/other", {"targets": [target]}))
        assert found == (
            400,
            11,
            "Field targets[0] does not match the specified pattern: an alias leads to models, not to another alias",
        )


def test_an_alias_lives_on_when_one_of_its_targets_is_gone(live: LiveServer, admin: Admin, first: Upstream) -> None:
    admin.add_provider("acme", first.url, models=[NEW_MODEL])
    admin.set_alias("team/both", "acme/acme-large", {"model": MODEL, "tier": 1})
    assert admin("DELETE", "/providers/acme").status == 200
    answer = ask(live, "team/both")
    assert (answer.status, answer.headers["x-portico-provider"]) == (200, "openai")


# every worker -----------------------------------------------------------------------------------------------------


def test_a_change_reaches_every_worker_within_a_second(tmp_path: Any, first: Upstream) -> None:
    with serving(tmp_path, first, PORTICO_WORKERS="3") as live:
        admin = Admin(live, live.token("organization"))
        admin.set_alias("team/fast", MODEL)
        admin.add_key(FIRST_KEY, baseUrl=first.url)

        def everywhere() -> bool:
            """Each request is a connection of its own, which any worker takes."""
            first.reset()
            return [ask(live, "team/fast").status for _ in range(24)] == [200] * 24 and set(keys_seen(first)) == {
                FIRST_KEY
            }

        wait_until(everywhere, "all workers know the key and the alias")
