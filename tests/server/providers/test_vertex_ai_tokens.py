"""Access tokens of service accounts: fetched once, renewed in time, and never where an account's author wants."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.providers.fakes.vertex_ai import VertexFake, service_account
from tests.upstream import Asked, Reply, Upstream

from portico.server.errors import ProviderAuth, ProviderError, ProviderNotConfigured, ProviderOvercapacity
from portico.server.kit.clock import Clock, FixedClock
from portico.server.kit.drive import Drive, run
from portico.server.providers.access_tokens import AGAIN_S, EARLY_S, AccessTokens
from portico.server.providers.base import Credential
from portico.server.providers.transport import Transport
from portico.server.providers.vertex_ai.account import BY_ACCOUNT, TOKEN_URL, read_account, sign, token_url

FAKE = VertexFake()


@pytest.fixture
def google() -> Iterator[Upstream]:
    with Upstream() as upstream:
        upstream.script = FAKE.token
        yield upstream


def credential(google: Upstream | None = None, account: str | None = None, id: str = "environment") -> Credential:
    url = (("token_url", f"{google.root}/token"),) if google else ()
    return Credential("http://127.0.0.1:9", account or service_account(), url, id)


@asynccontextmanager
async def tokens(clock: Clock) -> AsyncIterator[AccessTokens]:
    transport = Transport(request_timeout_s=60, gap_timeout_s=60, connect_timeout_s=60)
    transport.start()
    try:
        yield AccessTokens(transport, BY_ACCOUNT, clock)
    finally:
        transport.close()


def in_loop(use: Callable[[AccessTokens], Any], clock: Clock = time.monotonic) -> Any:
    async def main() -> Any:
        async with tokens(clock) as found:
            return await use(found)

    return asyncio.run(main())


def test_a_signed_assertion_is_exchanged_once_for_all_who_ask_at_once(google: Upstream) -> None:
    async def use(found: AccessTokens) -> list[str]:
        asks = [run(found.find(credential(google))) for _ in range(20)]
        return [*await asyncio.gather(*asks), await run(found.find(credential(google)))]

    assert in_loop(use) == [FAKE.key] * 21
    assert len(google.asked) == 1


def test_two_accounts_have_a_token_each(google: Upstream) -> None:
    async def use(found: AccessTokens) -> None:
        await run(found.find(credential(google)))
        await run(found.find(credential(google, id="environment", account=service_account() + " ")))

    in_loop(use)
    assert len(google.asked) == 2


def test_one_who_leaves_does_not_take_the_exchange_away_from_the_others(google: Upstream) -> None:
    go = threading.Event()

    def late(asked: Asked) -> Reply:
        assert go.wait(60)
        return FAKE.token(asked)

    google.script = late

    async def use(found: AccessTokens) -> str:
        gone: list[BaseException | None] = []
        leaving = Drive(found.find(credential(google)), lambda _, error: gone.append(error))
        leaving.step()
        staying = asyncio.ensure_future(run(found.find(credential(google))))
        await asyncio.sleep(0)
        leaving.cancel()
        go.set()
        token = await staying
        assert [type(error) for error in gone] == [asyncio.CancelledError]
        return str(token)

    assert in_loop(use) == FAKE.key
    assert len(google.asked) == 1


def _granting(*lifetimes_s: float) -> Callable[[Asked], Reply]:
    left = list(lifetimes_s)

    def grant(_: Asked) -> Reply:
        body = {"access_token": f"ya29.{len(left)}", "expires_in": left.pop(0), "token_type": "Bearer"}
        return Reply(200, json.dumps(body).encode(), {"Content-Type": "application/json"})

    return grant


def test_a_token_near_its_end_serves_while_it_is_exchanged(google: Upstream) -> None:
    google.script = _granting(3600, 3600)
    clock = FixedClock()

    async def use(found: AccessTokens) -> list[str]:
        first = await run(found.find(credential(google)))
        clock.move(3600 - EARLY_S - 1)
        early = await run(found.find(credential(google)))
        clock.move(2)
        while_exchanged = await run(found.find(credential(google)))
        await _until(lambda: len(google.asked) == 2)
        await _until(lambda: not found._held[credential(google)].refresh)
        return [first, early, while_exchanged, await run(found.find(credential(google)))]

    assert in_loop(use, clock) == ["ya29.2", "ya29.2", "ya29.2", "ya29.1"]


async def _until(done: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)


def test_a_token_that_lives_shortly_is_used_all_the_same(google: Upstream) -> None:
    google.script = _granting(60, 60)
    clock = FixedClock()

    async def use(found: AccessTokens) -> list[str]:
        seen = [await run(found.find(credential(google)))]
        clock.move(44)
        seen.append(await run(found.find(credential(google))))
        clock.move(16)
        return [*seen, await run(found.find(credential(google)))]

    assert in_loop(use, clock) == ["ya29.2", "ya29.2", "ya29.1"]


def test_a_failed_exchange_is_not_tried_at_every_request_while_the_token_serves(google: Upstream) -> None:
    grant = _granting(3600, 3600)
    google.script = lambda asked: Reply(503, b"{}") if len(google.asked) == 2 else grant(asked)
    clock = FixedClock()

    async def use(found: AccessTokens) -> list[str]:
        seen = [await run(found.find(credential(google)))]
        clock.move(3590 - EARLY_S + 11)
        for _ in range(5):
            seen.append(await run(found.find(credential(google))))
            await _until(lambda: not found._held[credential(google)].refresh)
        assert len(google.asked) == 2
        clock.move(AGAIN_S)
        seen.append(await run(found.find(credential(google))))
        await _until(lambda: not found._held[credential(google)].refresh)
        return [*seen, await run(found.find(credential(google)))]

    assert in_loop(use, clock) == ["ya29.2"] * 7 + ["ya29.1"]


@pytest.mark.parametrize(
    ("reply", "cls"),
    [
        (Reply(400, b'{"error":"invalid_grant","error_description":"Invalid JWT Signature."}'), ProviderAuth),
        (Reply(401, b'{"error":"deleted_client"}'), ProviderAuth),
        (Reply(503, b"{}"), ProviderOvercapacity),
        (Reply(200, b"{}"), ProviderError),
        (Reply(200, b"<html>"), ProviderError),
    ],
)
def test_hc26_what_the_token_endpoint_refuses(google: Upstream, reply: Reply, cls: type[ProviderError]) -> None:
    google.script = lambda _: reply

    async def use(found: AccessTokens) -> None:
        with pytest.raises(cls):
            await run(found.find(credential(google)))
        google.script = FAKE.token
        assert await run(found.find(credential(google))) == FAKE.key, "the next one tries again"

    in_loop(use)


# where tokens are fetched -----------------------------------------------------------------------------------


def account(**members: str) -> str:
    return json.dumps({**json.loads(service_account()), **members})


@pytest.mark.parametrize(
    ("uri", "url"),
    [
        ("", TOKEN_URL),
        ("https://oauth2.googleapis.com/token", "https://oauth2.googleapis.com/token"),
        ("https://accounts.google.com/o/oauth2/token", TOKEN_URL),
        (
            "https://sts.europe-west4.rep.googleapis.com/v1/token",
            "https://sts.europe-west4.rep.googleapis.com/v1/token",
        ),
    ],
)
def test_tokens_are_had_at_google(uri: str, url: str) -> None:
    text = account(token_uri=uri)
    assert token_url(read_account(text), credential(account=text)) == url


@pytest.mark.parametrize(
    "uri",
    [
        "http://oauth2.googleapis.com/token",
        "https://evilgoogleapis.com/token",
        "https://oauth2.googleapis.com.evil.example/token",
        "https://oauth2.googleapis.com@10.0.0.1/token",
        "https://oauth2.googleapis.com:8443/token",
        "http://169.254.169.254/token",
        "file:///etc/passwd",
    ],
)
def test_an_account_cannot_send_us_elsewhere(uri: str) -> None:
    text = account(token_uri=uri)
    with pytest.raises(ProviderNotConfigured, match="token_uri"):
        token_url(read_account(text), credential(account=text))


def test_only_the_operators_own_settings_name_another_token_endpoint(google: Upstream) -> None:
    told = read_account(service_account())
    assert token_url(told, credential(google)) == f"{google.root}/token"
    assert token_url(told, credential(google, id="key-of-an-organization")) == TOKEN_URL


@pytest.mark.parametrize("key", ["", "-----BEGIN PRIVATE KEY-----\nxx\n-----END PRIVATE KEY-----\n"])
def test_a_private_key_that_is_none_says_so(key: str) -> None:
    with pytest.raises(ProviderNotConfigured, match="PEM"):
        sign(read_account(account(private_key=key)), 0)


def test_an_account_shows_no_key() -> None:
    told = read_account(service_account())
    assert "PRIVATE" in told.private_key and "PRIVATE" not in repr(told)
