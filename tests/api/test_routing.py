"""Keys, aliases and fallbacks at work: who is asked, in which order, and what the answer says of it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from portico.server.storage.database import Database
from tests.api.provider_house import FIRST_KEY, MODEL, SECOND_KEY, Admin, ask, keys_seen, on_database, serving
from tests.live import Answer, LiveServer, wait_until
from tests.upstream import Asked, Held, Reply, Upstream, answer_well, chunk, sse, stream, whole

LARGE = {"name": "large", "type": "Chat"}
REFUSED = whole({"error": {"message": "Incorrect API key provided"}}, 401)
FAILED = whole({"error": {"message": "overloaded"}}, 500)


@pytest.fixture(scope="module")
def _upstreams() -> Iterator[tuple[Upstream, Upstream]]:
    with Upstream() as first, Upstream() as second:
        yield first, second


@pytest.fixture
def first(_upstreams: tuple[Upstream, Upstream]) -> Upstream:
    _upstreams[0].reset()
    return _upstreams[0]


@pytest.fixture
def second(_upstreams: tuple[Upstream, Upstream]) -> Upstream:
    _upstreams[1].reset()
    return _upstreams[1]


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, _upstreams: tuple[Upstream, Upstream]) -> Iterator[LiveServer]:
    with serving(tmp_path_factory.mktemp("routing"), _upstreams[0]) as live:
        yield live


@pytest.fixture
def admin(live: LiveServer) -> Iterator[Admin]:
    """With the organization's token; what it set is gone afterwards."""
    made = Admin(live, live.token("organization"))
    yield made
    made.clear()


def told(answer: Answer) -> tuple[int, str, str]:
    """Status, who answered, and after how many tries."""
    return answer.status, answer.headers.get("x-portico-provider", ""), answer.headers.get("x-portico-attempts", "")


def refuse(key: str, reply: Reply) -> Any:
    """A provider that answers one of the keys so."""

    def script(asked: Asked) -> Reply:
        return reply if asked.headers["authorization"] == f"Bearer {key}" else answer_well(asked)

    return script


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("reply", [REFUSED, whole({"error": {"message": "slow down"}}, 429, **{"Retry-After": "300"})])
def test_another_key_is_tried_at_once_and_goes_first_from_then_on(
    live: LiveServer, admin: Admin, first: Upstream, reply: Reply, streamed: bool
) -> None:
    admin.add_key(FIRST_KEY, weight=1000, baseUrl=first.url)
    admin.add_key(SECOND_KEY, weight=1, baseUrl=first.url)
    first.script = refuse(FIRST_KEY, reply)
    tries = 0
    while keys_seen(first)[-2:] != [FIRST_KEY, SECOND_KEY]:  # one in a thousand begins with the other one
        first.reset()
        first.script = refuse(FIRST_KEY, reply)
        answer = ask(live, stream=streamed)  # waits for 100 s, not for the five minutes that the key was told
        tries += 1
        assert tries < 5
    assert told(answer) == (200, "openai", "2")
    for _ in range(5):
        assert told(ask(live, stream=streamed)) == (200, "openai", "1")
    assert keys_seen(first)[2:] == [SECOND_KEY] * 5


def test_when_all_keys_are_limited_the_shortest_wait_is_told(live: LiveServer, admin: Admin, first: Upstream) -> None:
    admin.add_key(FIRST_KEY, baseUrl=first.url)
    admin.add_key(SECOND_KEY, baseUrl=first.url)

    def script(asked: Asked) -> Reply:
        wait = "40" if FIRST_KEY in asked.headers["authorization"] else "20"
        return whole({"error": {"message": "slow down"}}, 429, **{"Retry-After": wait})

    first.script = script
    answer = ask(live)
    assert (answer.status, answer.json()["error"]["code"], answer.headers["retry-after"]) == (429, 151, "20")
    assert sorted(keys_seen(first)) == [FIRST_KEY, SECOND_KEY]


@pytest.mark.parametrize("streamed", [False, True])
def test_a_fallback_answers_when_the_first_tier_fails(
    live: LiveServer, admin: Admin, first: Upstream, second: Upstream, streamed: bool
) -> None:
    admin.add_provider("acme", second.url, models=[LARGE])
    admin.set_alias("team/safe", MODEL, {"model": "acme/large", "tier": 1})
    assert told(ask(live, "team/safe", stream=streamed)) == (200, "openai", "1")
    first.replies(FAILED)
    answer = ask(live, "team/safe", stream=streamed)
    assert told(answer) == (200, "acme", "2")
    assert [asked.body["model"] for asked in second.asked] == ["large"]
    assert b"Hello" in answer.body


def test_an_error_inside_a_stream_that_has_not_begun_falls_back_too(
    live: LiveServer, admin: Admin, first: Upstream, second: Upstream
) -> None:
    admin.add_provider("acme", second.url, models=[LARGE])
    admin.set_alias("team/safe", MODEL, {"model": "acme/large", "tier": 1})
    first.replies(stream(sse({"error": {"message": "overloaded", "code": 503}})))
    assert told(ask(live, "team/safe", stream=True)) == (200, "acme", "2")


def test_after_the_first_output_nobody_else_is_asked(
    live: LiveServer, admin: Admin, first: Upstream, second: Upstream
) -> None:
    admin.add_provider("acme", second.url, models=[LARGE])
    admin.set_alias("team/safe", MODEL, {"model": "acme/large", "tier": 1})
    first.replies(stream(sse(chunk({"content": "Hel"})), cut=True))
    answer = ask(live, "team/safe", stream=True)
    assert (told(answer), second.asked) == ((200, "openai", "1"), [])
    assert "[DONE]" not in answer.events()
    assert b'"error"' in answer.body


def test_the_answer_of_a_fallback_is_not_kept_as_one_of_the_model_that_failed(
    live: LiveServer, admin: Admin, first: Upstream, second: Upstream
) -> None:
    admin.add_provider("acme", second.url, models=[LARGE])
    admin.set_alias("team/safe", MODEL, {"model": "acme/large", "tier": 1})
    cached = {"X-Saia-Cache-Enabled": "true"}
    for streamed in (False, True):
        messages = [{"role": "user", "content": f"Of whom, streamed {streamed}?"}]
        body = {"model": "team/safe", "messages": messages, "stream": streamed}
        first.replies(FAILED)
        assert live.post("/v1/chat/completions", body, cached).headers["x-portico-provider"] == "acme"
        first.reset()
        direct = live.post("/v1/chat/completions", body | {"model": MODEL, "stream": False}, cached)
        assert (direct.status, direct.headers["x-saia-cache"], len(first.asked)) == (200, "MISS", 1)
        assert live.post("/v1/chat/completions", body, cached).headers["x-saia-cache"] == "HIT"


def test_targets_of_a_tier_share_the_load(live: LiveServer, admin: Admin, first: Upstream, second: Upstream) -> None:
    admin.add_provider("acme", second.url, models=[LARGE])
    admin.set_alias("team/both", {"model": MODEL, "weight": 3}, {"model": "acme/large", "weight": 1})
    counted = Counter(told(ask(live, "team/both"))[1] for _ in range(60))
    assert 30 < counted["openai"] < 60
    assert counted["openai"] + counted["acme"] == 60


def test_least_busy_evens_out_what_is_under_way(
    live: LiveServer, admin: Admin, first: Upstream, second: Upstream
) -> None:
    admin.add_provider("acme", second.url, models=[LARGE])
    admin.set_alias("team/even", MODEL, "acme/large", strategy="least_busy")
    together = threading.Barrier(8)

    def answer_last(_: Asked) -> Reply:
        together.wait(60)  # nobody has an answer before all have asked
        return whole()

    first.script = second.script = answer_last
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: ask(live, "team/even"), range(8)))
    assert {answer.status for answer in answers} == {200}
    assert (len(first.asked), len(second.asked)) == (4, 4)


def test_a_request_under_way_is_not_touched_by_a_change(
    live: LiveServer, admin: Admin, first: Upstream, second: Upstream
) -> None:
    key = admin.add_key(FIRST_KEY, baseUrl=second.url)
    pieces = [sse(chunk({"content": f"{n} "})) for n in range(10)]
    changed = threading.Event()

    def halting() -> Iterator[bytes]:
        yield pieces[0]
        assert changed.wait(60)
        yield from (*pieces[1:], sse(chunk({}, "stop"), "[DONE]"))

    second.replies(stream(halting()))
    with ThreadPoolExecutor(1) as pool:
        answering = pool.submit(ask, live, stream=True)
        try:
            wait_until(lambda: len(second.asked) == 1, "the stream has begun")
            assert admin("DELETE", f"/providers/openai/keys/{key['id']}").status == 200
            assert told(ask(live)) == (200, "openai", "1")
        finally:
            changed.set()
        answer = answering.result(60)
    assert answer.events()[-1] == "[DONE]"
    assert all(f'"{n} "' in answer.body.decode() for n in range(10))
    assert len(first.asked) == 1


def test_a_damaged_key_is_logged_by_its_id_and_left_out(
    live: LiveServer, admin: Admin, first: Upstream, second: Upstream
) -> None:
    broken, whole_one = admin.add_key(FIRST_KEY, baseUrl=first.url), admin.add_key(SECOND_KEY, baseUrl=second.url)

    async def damage(database: Database) -> None:
        async with database.begin() as connection:
            # as if the row of another key had been copied over it
            await connection.execute(
                text(
                    "UPDATE provider_keys SET sealed = (SELECT sealed FROM provider_keys WHERE key_id = CAST(:other AS"
                    " uuid)) WHERE key_id = CAST(:key AS uuid)"
                ),
                {"key": broken["id"], "other": whole_one["id"]},
            )

    on_database(live, damage)
    said = f"key {broken['id']} of provider openai cannot be opened"
    wait_until(lambda: any(said in line for line in live.log), "the log names the key")
    assert {ask(live).status for _ in range(10)} == {200}
    assert set(keys_seen(first, second)) == {SECOND_KEY}
    assert admin("PUT", f"/providers/openai/keys/{broken['id']}", {"key": FIRST_KEY}).status == 200
    wait_until(lambda: ask(live).status == 200 and FIRST_KEY in keys_seen(first), "a rotation mends it")


def test_a_target_that_keeps_silent_is_left_for_another_one(tmp_path: Path, first: Upstream, second: Upstream) -> None:
    """It takes the connection and the request, and its head does not come."""
    with serving(tmp_path, first, PORTICO_FIRST_BYTE_TIMEOUT_S="0.3", PORTICO_RETRY_BUDGET_S="0.2") as live:
        admin = Admin(live, live.token("organization"))
        admin.add_provider("acme", second.url, models=[LARGE])
        admin.set_alias("team/safe", MODEL, {"model": "acme/large", "tier": 1})
        with Held(whole()) as first.script:
            for streamed in (False, True):
                answer = ask(live, "team/safe", stream=streamed)
                assert told(answer) == (200, "acme", "2")
                assert b"Hello" in answer.body
            wait_until(lambda: len(first.asked) == 2, "it was asked both times")


def test_the_circuit_opens_after_failures(tmp_path: Path, first: Upstream) -> None:
    environ = {"PORTICO_BREAKER_FAILURES": "3", "PORTICO_BREAKER_OPEN_S": "600", "PORTICO_RETRIES": "0"}
    with serving(tmp_path, first, **environ) as live:
        admin = Admin(live, live.token("organization"))
        first.replies(FAILED)
        assert [ask(live).status for _ in range(3)] == [502] * 3
        admin.set_alias("team/other", "openai/gpt-4o")  # a change of the configuration forgets nothing of the targets
        answer = ask(live)
        assert (answer.status, answer.json()["error"]["code"], len(first.asked)) == (503, 153, 3)
        assert int(answer.headers["retry-after"]) >= 1
        assert ask(live, "team/other").status == 502, "another model of the provider has a circuit of its own"


def test_the_circuit_closes_again(tmp_path: Path, first: Upstream) -> None:
    environ = {"PORTICO_BREAKER_FAILURES": "3", "PORTICO_BREAKER_OPEN_S": "1", "PORTICO_RETRIES": "0"}
    with serving(tmp_path, first, **environ) as live:
        first.replies(FAILED)
        wait_until(lambda: ask(live).status == 503, "the circuit is open")
        first.reset()
        wait_until(lambda: ask(live).status == 200, "one request finds out that it is back")
        assert [ask(live).status for _ in range(5)] == [200] * 5
        assert len(first.asked) == 6


ALIASES = """
[[aliases]]
name = "house/fast"
targets = ["openai/gpt-4o-mini", { model = "acme/large", tier = 1 }]
"""
ACME = """
name = "acme"
base_url = "{url}"
needs_key = false
models = [{{ name = "large", type = "Chat" }}]
"""
FALLBACKS = """
name = "openai"
models = [{ name = "gpt-4o", fallbacks = ["xai/grok-4", "acme/large"] }]
"""


def test_the_operators_files_declare_aliases_and_fallbacks(tmp_path: Path, first: Upstream, second: Upstream) -> None:
    catalog = tmp_path / "catalog"
    catalog.mkdir()
    (catalog / "acme.toml").write_text(ACME.format(url=second.url))
    (catalog / "aliases.toml").write_text(ALIASES)
    (catalog / "fallbacks.toml").write_text(FALLBACKS)
    with serving(tmp_path / "data", first, PORTICO_CATALOG_DIR=str(catalog)) as live:
        assert live.get("/v1/models").json()["data"][0]["id"] == "house/fast"
        assert told(ask(live, "house/fast")) == (200, "openai", "1")
        assert told(ask(live, "openai/gpt-4o")) == (200, "openai", "1")
        first.replies(FAILED)
        assert told(ask(live, "house/fast")) == (200, "acme", "2")
        assert told(ask(live, "openai/gpt-4o")) == (200, "acme", "2"), "xai is not set up, and left out"
        assert told(ask(live, "openai/gpt-4o-mini"))[0] == 502
