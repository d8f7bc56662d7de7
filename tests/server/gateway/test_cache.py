"""The answer cache: which requests share an answer, what is kept, how it is replayed, and how processes share it."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.access.caller import Caller
from portico.server.catalog.entry import Model
from portico.server.gateway.cache import (
    AnswerCache,
    Entry,
    Recorder,
    as_chunks,
    as_whole,
    keeper,
    make_entry,
    read_cache_header,
)
from portico.server.ids import OrganizationId, ProjectId, TokenId
from portico.server.kit.clock import FixedClock
from portico.server.kit.drive import run
from portico.server.providers.base import Tokens
from portico.server.storage.cache import CacheRow, insert_entries
from portico.server.storage.changes import UNKNOWN, Change, Changes
from portico.server.storage.database import Database
from portico.wire.model_ref import DirectModel
from portico.wire.requests import ChatRequest
from tests.calls import count_steps

pytestmark = pytest.mark.anyio
MODEL = Model("id", "openai", "gpt-4o-mini", "Chat", {})
DAY_S = 86_400
TOKENS = Tokens(input_uncached=10, output_visible=3)
USAGE = {"prompt_tokens": 10, "completion_tokens": 3, "total_tokens": 13, "total_cost": 0.5, "prompt_cost": 0.2,
         "completion_cost": 0.3, "currency": "USD"}  # fmt: skip


def caller(organization: str | None = None, project: str | None = None) -> Caller:
    return Caller(
        OrganizationId(organization or str(uuid4())), "O", TokenId("t"), "project", ProjectId(project or str(uuid4()))
    )


def ask(body: str | dict[str, Any], **fields: Any) -> ChatRequest:
    raw = body if isinstance(body, str) else json.dumps(body)
    members = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    return ChatRequest(DirectModel("openai", "gpt-4o-mini"), members, **fields)


def answer(content: str = "Hello", **choice: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": content, "tool_calls": None, "function_call": None, "refusal": None}
    choices = [{"index": 0, "finish_reason": "stop", "message": message, **choice}]
    head = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1764000000, "model": "gpt-4o-2024-08-06"}
    return {**head, "choices": choices, "usage": USAGE, "requestId": "old"}


def made(content: str = "Hello") -> Entry:
    entry = make_entry(answer(content), TOKENS)
    assert entry is not None
    return entry


@asynccontextmanager
async def opened(
    database: Database, clock: Callable[[], float] = time.time, running: bool = True, **limits: Any
) -> AsyncIterator[AnswerCache]:
    """The cache of one process. One that is not running leaves the work of its keeper to the test."""
    settings = {"ttl_s": 7 * DAY_S, "memory_bytes": 2**20, "rows": 1_000, "entry_limit_bytes": 2**16, **limits}
    cache = AnswerCache(database, clock=clock, **settings)
    await cache.follow(frozenset((UNKNOWN,)))
    if running:
        cache.start()
    try:
        yield cache
    finally:
        await cache.close()


async def until(check: Callable[[], bool], within_s: float = 60.0) -> None:
    deadline = time.monotonic() + within_s
    while not check():
        assert time.monotonic() < deadline, "too late"
        await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The database of the tests answers in the end, however busy the machine is."""
    monkeypatch.setattr(keeper, "_FETCH_TIMEOUT_S", 60.0)


@pytest.fixture
def cache() -> AnswerCache:
    """For what needs no database: it is never asked."""
    nowhere: Any = None
    return AnswerCache(nowhere, ttl_s=60, memory_bytes=2**20, rows=10, entry_limit_bytes=2**16)


# the key ------------------------------------------------------------------------------------------------------

PLAIN = {"messages": [{"role": "user", "content": "Opposite of cold?"}], "temperature": 0, "max_tokens": 9}


@pytest.mark.parametrize(
    "same",
    [
        '{"max_tokens":9,"temperature":0,"messages":[{"role":"user","content":"Opposite of cold?"}]}',
        '{ "messages" : [ {"content":"Opposite of cold?", "role":"user"} ],\n "max_tokens":9, "temperature":0}',
        {**PLAIN, "stream": True, "stream_options": {"include_usage": True}},
        {**PLAIN, "user": "ann", "metadata": {"a": "b"}, "store": True},
        '{"messages":[{"role":"user","content":"\\u004fpposite of cold?"}],"max_tokens":9,"temperature":0}',
    ],
)
def test_hc30_requests_that_ask_the_same_share_a_key(cache: AnswerCache, same: Any) -> None:
    who = caller()
    assert cache.key_of(who, MODEL, ask(same)) == cache.key_of(who, MODEL, ask(PLAIN)) is not None


@pytest.mark.parametrize(
    "other",
    [
        {**PLAIN, "temperature": 0.5},
        {**PLAIN, "max_tokens": 10},
        {**PLAIN, "n": 2},
        {**PLAIN, "messages": [{"role": "user", "content": "Opposite of cold!"}]},
        {**PLAIN, "messages": [{"role": "system", "content": "Opposite of cold?"}]},
        {**PLAIN, "messages": [*PLAIN["messages"], *PLAIN["messages"]]},  # type: ignore[misc]
        {**PLAIN, "response_format": {"type": "json_object"}},
        {**PLAIN, "tools": [{"type": "function", "function": {"name": "f"}}]},
        {**PLAIN, "seed": 1},
    ],
)
def test_hc30_requests_that_differ_have_another_key(cache: AnswerCache, other: Any) -> None:
    who = caller()
    assert cache.key_of(who, MODEL, ask(other)) != cache.key_of(who, MODEL, ask(PLAIN))
    assert cache.key_of(who, MODEL, ask(other)) is not None


def test_hc30_no_two_tenants_models_or_settings_share_a_key(cache: AnswerCache) -> None:
    organization, project = str(uuid4()), str(uuid4())
    who, request = caller(organization, project), ask(PLAIN)
    upstream = msgspec.structs.replace(request, effort="low")
    keys = [
        cache.key_of(who, MODEL, request),
        cache.key_of(caller(organization), MODEL, request),
        cache.key_of(caller(None, project), MODEL, request),
        cache.key_of(who, Model("id", "azure", "gpt-4o-mini", "Chat", {}), request),
        cache.key_of(who, Model("id", "openai", "gpt-4o-mini", "Chat", {}, upstream_name="v2"), request),
        cache.key_of(who, MODEL, upstream),
        cache.key_of(who, MODEL, msgspec.structs.replace(request, budget=0)),
        cache.key_of(who, MODEL, request, b"rules of the project"),
        cache.embedding_key(who, MODEL, "Opposite of cold?", None, None),
        cache.embedding_key(who, MODEL, "Opposite of cold?", 256, None),
        cache.embedding_key(who, MODEL, "Opposite of cold?", None, "query"),
        cache.embedding_key(who, MODEL, "Opposite of cold", None, None),
        cache.embedding_key(who, MODEL, "Opposite of cold?", None, None, "http://127.0.0.1:9000/v1"),
    ]
    assert None not in keys
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    "live",
    [
        {**PLAIN, "web_search_options": {}},
        {**PLAIN, "search_parameters": {"mode": "on"}},
        {**PLAIN, "tools": [{"googleSearch": {}}]},
        {**PLAIN, "tools": [{"type": "web_search_20250305", "name": "web_search"}]},
        {**PLAIN, "tools": [{"type": "function", "function": {"name": "f"}}, {"type": "mcp"}]},
        {**PLAIN, "tools": "odd"},
    ],
)
def test_hc30_what_searches_the_web_has_no_key(cache: AnswerCache, live: Any) -> None:
    assert cache.key_of(caller(), MODEL, ask(live)) is None


@pytest.mark.parametrize(
    ("provider", "name"), [("openai", "gpt-4o-search-preview"), ("perplexity", "any"), ("openrouter", "x/y:online")]
)
def test_hc30_models_that_search_by_themselves_have_no_key(cache: AnswerCache, provider: str, name: str) -> None:
    assert cache.key_of(caller(), Model("id", provider, name, "Chat", {}), ask(PLAIN)) is None


def test_a_caller_without_a_project_has_no_key(cache: AnswerCache) -> None:
    nobody = Caller(OrganizationId(str(uuid4())), "O", TokenId("t"), "organization")
    assert cache.key_of(nobody, MODEL, ask(PLAIN)) is None
    assert cache.embedding_key(nobody, MODEL, "x", None, None) is None


def test_long_and_odd_requests_have_keys_too(cache: AnswerCache) -> None:
    who = caller()
    long = {**PLAIN, "messages": [{"role": "user", "content": "x" * 40_000}]}
    deep = '{"messages":[],"odd":' + "[" * 5_000 + "]" * 5_000 + "}"
    request = ChatRequest(DirectModel("a", "b"), {"odd": msgspec.Raw(deep.encode())})
    keys = [cache.key_of(who, MODEL, one) for one in (ask(long), request, ask('{"messages":[],"seed":1e999}'))]
    assert len(set(keys)) == 3 and None not in keys


def test_a_key_costs_a_few_steps_however_long_the_messages_are(cache: AnswerCache) -> None:
    who, turns = caller(), PLAIN["messages"]
    keys = [ask({**PLAIN, "messages": turns * times}) for times in (1, 100)]  # type: ignore[operator]
    short, long = (count_steps(lambda request=request: cache.key_of(who, MODEL, request)) for request in keys)
    assert short <= 54
    assert short == long


@pytest.mark.parametrize(
    ("value", "meaning"),
    [("true", True), (b"TRUE", True), (" 1 ", True), ("false", False), ("0", False), (b"False", False),
     (None, None), ("", None), ("maybe", None), (b"\xff", None)],
)  # fmt: skip
def test_the_header_is_read_with_tolerance(value: Any, meaning: bool | None) -> None:
    assert read_cache_header(value) is meaning


# the entry ----------------------------------------------------------------------------------------------------


def test_hc30_a_hit_is_the_stored_answer_free_of_cost_with_a_new_request_id() -> None:
    told = json.loads(as_whole(made(), "new-id"))
    expected = answer()
    assert told.pop("requestId") == "new-id"
    assert told["usage"] == {**USAGE, "total_cost": 0, "prompt_cost": 0, "completion_cost": 0}
    assert {**told, "usage": USAGE, "requestId": "old"} == expected


def test_members_that_are_still_raw_make_the_same_entry() -> None:
    raw = msgspec.json.decode(msgspec.json.encode(answer()), type=dict[str, msgspec.Raw])
    entry = make_entry(raw, TOKENS)
    assert entry is not None
    assert json.loads(as_whole(entry, "n")) == json.loads(as_whole(made(), "n"))
    assert (entry.finish_reason, entry.model) == ("stop", "gpt-4o-2024-08-06")


@pytest.mark.parametrize(
    "bad",
    [
        answer(finish_reason="tool_calls"),
        answer(finish_reason="content_filter"),
        answer(finish_reason=None),
        answer(message={"role": "assistant", "content": "", "tool_calls": [{"id": "a"}]}),
        {**answer(), "choices": []},
        {**answer(), "error": {"code": 500}},
        {"usage": USAGE},
    ],
)
def test_hc30_answers_that_failed_or_call_tools_are_not_kept(bad: Any) -> None:
    assert make_entry(bad, TOKENS) is None


def test_hc30_a_streamed_hit_is_text_end_and_usage() -> None:
    first, last = (json.loads(chunk) for chunk in as_chunks(made(), False, "r"))
    assert first["choices"] == [{"index": 0, "delta": {"role": "assistant", "content": "Hello"}, "finish_reason": None}]
    assert last["choices"] == [{"index": 0, "delta": {}, "finish_reason": "stop"}]
    assert {first["object"], last["object"]} == {"chat.completion.chunk"}
    assert (first["id"], first["model"], first["created"]) == ("chatcmpl-1", "gpt-4o-2024-08-06", 1764000000)
    assert "usage" not in first


def test_hc09_usage_of_a_streamed_hit_comes_last_and_only_when_asked_for() -> None:
    chunks = [json.loads(chunk) for chunk in as_chunks(made(), True, "r")]
    assert [chunk["usage"] is None for chunk in chunks] == [True, True, False]
    assert chunks[-1]["choices"] == []
    assert (chunks[-1]["usage"]["total_tokens"], chunks[-1]["usage"]["total_cost"]) == (13, 0)


def chunk(delta: dict[str, Any], finish: str | None = None, index: int = 0, **more: Any) -> bytes:
    choice = {"index": index, "delta": delta, "finish_reason": finish}
    head = {"id": "c-1", "object": "chat.completion.chunk", "created": 7, "model": "m-1"}
    return json.dumps({**head, "choices": [choice], **more}).encode()


def recorded(*chunks: bytes, limit: int = 2**16) -> Entry | None:
    recorder = Recorder(limit)
    for one in chunks:
        recorder.feed(one)
    return recorder.finish(TOKENS, USAGE)


def test_hc30_a_stream_is_kept_as_the_whole_answer_it_was() -> None:
    usage = json.dumps({"id": "c-1", "choices": [], "usage": USAGE}).encode()
    entry = recorded(
        chunk({"role": "assistant", "content": ""}),
        chunk({"reasoning_content": "hot is "}),
        chunk({"reasoning_content": "it"}),
        chunk({"content": "Ho"}),
        chunk({"content": "t \u2028é"}),
        chunk({"content": None}, "stop"),
        usage,
    )
    assert entry is not None
    told = json.loads(as_whole(entry, "r"))
    assert (told["id"], told["created"], told["model"], told["object"]) == ("c-1", 7, "m-1", "chat.completion")
    message = {"role": "assistant", "content": "Hot \u2028é", "reasoning_content": "hot is it"}
    assert told["choices"] == [{"index": 0, "message": message, "finish_reason": "stop"}]
    assert told["usage"]["completion_cost"] == 0
    chunks = as_chunks(entry, True, "r")
    assert json.loads(chunks[0])["choices"][0]["delta"] == message
    assert all(one.isascii() for one in chunks), "the vendor's reader splits lines at U+2028"


def test_several_choices_of_a_stream_stay_apart() -> None:
    entry = recorded(
        chunk({"content": "a"}),
        chunk({"content": "b"}, None, 1),
        chunk({}, "stop", 1),
        chunk({"content": "c"}, "length"),
    )
    assert entry is not None
    choices = json.loads(as_whole(entry, "r"))["choices"]
    assert [(c["index"], c["message"]["content"], c["finish_reason"]) for c in choices] == [
        (0, "ac", "length"),
        (1, "b", "stop"),
    ]
    assert len(as_chunks(entry, True, "r")) == 5


@pytest.mark.parametrize(
    "chunks",
    [
        (),
        (chunk({"content": "cut short"}),),
        (chunk({"tool_calls": [{"index": 0, "id": "a"}]}), chunk({}, "tool_calls")),
        (chunk({"tool_calls": [{"index": 0, "id": "a"}]}), chunk({}, "stop")),
        (chunk({"content": "x"}, "content_filter"),),
        (chunk({"content": "x"}), b'{"error":{"code":150}}'),
        (b'{"event":"saia.metadata.tool.started","data":{},"choices":[]}', chunk({"content": "x"}, "stop")),
        (chunk({"audio": {"data": "x"}}), chunk({}, "stop")),
        (b"no json",),
        (chunk({"content": "x" * 70_000}), chunk({}, "stop")),
    ],
)
def test_hc30_streams_that_broke_or_call_tools_are_not_kept(chunks: tuple[bytes, ...]) -> None:
    assert recorded(*chunks) is None


# memory -------------------------------------------------------------------------------------------------------


def test_memory_is_bounded_and_forgets_what_was_asked_longest_ago() -> None:
    nowhere: Any = None
    cache = AnswerCache(nowhere, ttl_s=60, memory_bytes=30_000, rows=10, entry_limit_bytes=2**16)
    keys = [bytes([number]) * 64 for number in range(4)]
    for key in keys[:3]:
        cache.store(key, Entry(b"x" * 9_000, TOKENS))
    assert cache.find(keys[0]) is not None
    cache.store(keys[3], Entry(b"x" * 9_000, TOKENS))
    assert [cache.find(key) is not None for key in keys] == [True, False, True, True]
    cache.store(keys[1], Entry(b"x" * 2**17, TOKENS))
    assert cache.find(keys[1]) is None, "larger than an entry may be"


def test_an_entry_older_than_seven_days_is_a_miss(cache: AnswerCache) -> None:
    nowhere: Any = None
    clock = FixedClock(1_000.0)
    aging = AnswerCache(nowhere, ttl_s=7 * DAY_S, memory_bytes=2**20, rows=9, entry_limit_bytes=2**16, clock=clock)
    aging.store(b"k" * 64, made())
    clock.move(7 * DAY_S - 1)
    assert aging.find(b"k" * 64) is not None
    clock.move(1)
    assert aging.find(b"k" * 64) is None


# PostgreSQL behind it -----------------------------------------------------------------------------------------


def key_for(cache: AnswerCache, who: Caller, question: str = "q") -> bytes:
    key = cache.key_of(who, MODEL, ask({"messages": [{"role": "user", "content": question}]}))
    assert key is not None
    return key


async def test_another_process_finds_the_entry_and_asks_the_database_only_then(database: Database) -> None:
    who = caller()
    async with opened(database) as one, opened(database) as two:
        key = key_for(one, who)
        assert not two.stored(key)
        one.store(key, made())
        await until(lambda: two.stored(key))
        assert two.find(key) is None
        entry = await run(two.fetch(key))
        assert entry is not None
        assert entry.tokens == TOKENS
        assert as_whole(entry, "r") == as_whole(made(), "r")
        assert two.find(key) is entry


async def test_a_new_process_knows_all_keys_and_vectors_come_back_byte_by_byte(database: Database) -> None:
    who, vector = caller(), bytes(range(256)) * 6
    async with opened(database, rows=2_000) as before:
        keys = [before.embedding_key(who, MODEL, f"text {number}", None, None) for number in range(1_200)]
        for key in keys:
            assert key is not None
            before.store(key, Entry(vector, Tokens(input_uncached=2)))
        await until(lambda: all(before.stored(key) for key in keys if key))  # its end waits only so long for its rest
    async with opened(database, rows=2_000) as after:
        await until(lambda: all(after.stored(key) for key in keys if key))
        entry = await after.fetch(keys[700] or b"")
        assert entry is not None and entry.body == vector


async def test_a_key_of_another_project_finds_nothing(database: Database) -> None:
    async with opened(database) as cache:
        ours, theirs = caller(), caller()
        cache.store(key_for(cache, ours), made())
        await until(lambda: cache.stored(key_for(cache, ours)))
        foreign = key_for(cache, theirs)[:32] + key_for(cache, ours)[32:]
        assert await cache.fetch(foreign) is None, "the tenant stands in the query as well as in the digest"


async def test_clearing_forgets_one_project_in_every_process(database: Database) -> None:
    ours, theirs = caller(), caller()
    async with opened(database) as one, opened(database) as two:
        changes = Changes(database.url)
        changes.subscribe(two.follow)
        await changes.start()
        kept, key = key_for(one, theirs), key_for(one, ours)
        for cache in (one, two):
            cache.store(key, made())
            cache.store(kept, made())
        await until(lambda: one.stored(key) and one.stored(kept))
        assert await one.clear(ours.organization_id, ours.project_id or ProjectId("")) == 1
        assert one.find(key_for(one, ours)) is None
        assert not one.stored(key_for(one, ours))
        await until(lambda: two.find(key_for(two, ours)) is None)
        assert two.find(kept) is not None
        await changes.close()
        async with opened(database) as three:
            assert key_for(three, ours) == key_for(one, ours), "a process that starts later counts from there"


async def test_news_of_other_tables_are_not_asked_after(database: Database) -> None:
    who = caller()
    async with opened(database) as cache:
        before = key_for(cache, who)
        async with database.begin() as connection:
            await connection.execute(
                text("INSERT INTO cache_epochs VALUES (:o, :p, 5)"), {"o": who.organization_id, "p": who.project_id}
            )
        await cache.follow(frozenset((Change("tokens", who.organization_id),)))
        assert key_for(cache, who) == before
        await cache.follow(frozenset((Change("cache_epochs", who.organization_id),)))
        assert key_for(cache, who) != before


async def count(database: Database) -> int:
    async with database.begin() as connection:
        return int(await connection.scalar(text("SELECT count(*) FROM cache_entries")) or 0)


async def test_the_table_is_bounded_and_the_oldest_go_first(database: Database) -> None:
    who = caller()
    async with opened(database, running=False, rows=50) as cache:
        keys = [key_for(cache, who, f"question {number}") for number in range(120)]
        for key in keys:
            cache.store(key, made())
        work = cache._keeper
        await work.write()
        await work.trim()
        await work.top_up()
        assert await count(database) == 50
        assert [cache.stored(key) for key in keys] == [False] * 70 + [True] * 50


async def test_answers_that_come_while_others_are_written_wait_for_the_next_turn(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a write under load never ends, and stores an answer or two at a time."""
    who = caller()
    async with opened(database, running=False) as cache:

        async def insert_under_load(connection: AsyncConnection, rows: Sequence[CacheRow]) -> None:
            await insert_entries(connection, rows)
            if not await count(database):
                cache.store(key_for(cache, who, "later"), made())

        monkeypatch.setattr(keeper, "insert_entries", insert_under_load)
        cache.store(key_for(cache, who, "first"), made())
        await cache._keeper.write()
        assert await count(database) == 1
        await cache._keeper.write()
        assert await count(database) == 2


async def test_expired_rows_are_deleted_and_no_longer_known(database: Database) -> None:
    clock, who = FixedClock(time.time()), caller()
    async with opened(database, clock, running=False) as cache:
        key = key_for(cache, who)
        cache.store(key, made())
        await cache._keeper.write()
        await cache._keeper.top_up()
        assert cache.stored(key)
        clock.move(7 * DAY_S + 1)
        assert not cache.stored(key)
        assert await cache.fetch(key) is None
        await cache._keeper.trim()
        assert await count(database) == 0


async def test_a_newer_answer_replaces_the_older_one(database: Database) -> None:
    who = caller()
    async with opened(database) as one, opened(database) as two:
        key = key_for(one, who)
        one.store(key, made("first"))
        await until(lambda: two.stored(key))
        one.store(key, made("second"))
        await one._keeper.write()
        entry = await two.fetch(key)
        assert entry is not None and b"second" in entry.body
        assert await count(database) == 1


async def test_a_table_emptied_by_a_crash_is_read_from_its_beginning(database: Database) -> None:
    who = caller()
    async with opened(database) as cache:
        old, new = key_for(cache, who, "old"), key_for(cache, who, "new")
        for question in range(5):
            cache.store(key_for(cache, who, f"{question}"), made())
        cache.store(old, made())
        await until(lambda: cache.stored(old))
        async with database.begin() as connection:
            await connection.execute(text("TRUNCATE cache_entries RESTART IDENTITY"))
        await until(lambda: not cache.stored(old))
        cache.store(new, made())
        await until(lambda: cache.stored(new))


async def test_a_full_queue_drops_counts_and_says_so_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(keeper, "QUEUE_ENTRIES", 3)
    nowhere: Any = None
    cache = AnswerCache(nowhere, ttl_s=60, memory_bytes=2**20, rows=10, entry_limit_bytes=2**16)
    with caplog.at_level(logging.WARNING):
        for number in range(6):
            cache.store(bytes([number]) * 64, made())
    assert cache.dropped == 3
    assert [record.name for record in caplog.records] == ["portico.cache"]
    assert cache.find(bytes([5]) * 64) is not None, "memory has it all the same"


async def test_without_its_database_the_cache_works_from_memory_and_warns_once(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    database, who = await Database.open(database_url), caller()
    async with opened(database) as cache:
        known = key_for(cache, who, "known")
        cache.store(known, made())
        await until(lambda: cache.stored(known))
        with caplog.at_level(logging.WARNING):
            async with gone(database):
                assert await cache.fetch(known) is None
                other = key_for(cache, who, "other")
                cache.store(other, made())
                await until(lambda: cache._keeper._away)
                await asyncio.sleep(1.5)
                assert cache.find(other) is not None
                assert not cache.stored(known), "not worth a trip now"
        await until(lambda: cache.stored(other) and cache.stored(known))
        said = [record for record in caplog.records if record.name == "portico.cache"]
        assert len([record for record in said if record.levelno >= logging.WARNING]) == 1
    await database.close()


@asynccontextmanager
async def gone(database: Database) -> AsyncIterator[None]:
    """No connection of this process is let in, and those it has are cut."""
    import psycopg

    url = str(database.url)
    name = url.rpartition("?")[0].rpartition("/")[2] or "postgres"
    other = url.replace(f"/{name}?", "/postgres?")
    async with await psycopg.AsyncConnection.connect(other, autocommit=True) as connection:
        await connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")  # type: ignore[arg-type]
        await connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        try:
            yield
        finally:
            await connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")  # type: ignore[arg-type]
