"""Guardrails and cache, both levels: what is sent, and typed objects out of what comes."""

from __future__ import annotations

import asyncio

from portico import AsyncPortico, GuardrailSettings, Portico
from tests.sdk.odd_server import OddServer, reply_json

SETTINGS = {
    "guardrails": ["llm-output-guardrail"],
    "denyWords": {"input": [], "output": ["falcon"]},
    "pii": [{"kind": "email", "action": "mask", "on": ["output"]}],
    "moderation": {"baseUrl": "https://mod.example/v1", "apiKey": "***", "categories": {"hate": 0.5}},
    "injectionThreshold": 0.8,
    "failClosed": True,
    "stream": {"mode": "window", "windowCharacters": 64},
    "news": 1,
}


def test_settings_are_objects_that_keep_what_they_do_not_know(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: reply_json(SETTINGS)
    settings = client.guardrails.get(project_id="p")
    (seen,) = server.seen
    assert (seen.method, seen.path, seen.headers["project-id"]) == ("GET", "/v2/guardrails", "p")
    assert (settings.guardrails, settings.fail_closed) == (["llm-output-guardrail"], True)
    assert settings.deny_words.output == ["falcon"]
    assert settings.pii[0].on == ["output"]
    assert settings.moderation is not None and settings.moderation.categories == {"hate": 0.5}
    assert (settings.stream.mode, settings.stream.window_characters) == ("window", 64)
    assert settings.extra == {"news": 1}
    assert client.low.guardrails.get_guardrails() == SETTINGS


def test_objects_are_sent_in_the_documented_form(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: reply_json(SETTINGS)
    client.guardrails.set(GuardrailSettings(guardrails=["llm-output-guardrail"], injection_threshold=0.9))
    sent = server.seen[0].json
    assert (server.seen[0].method, sent["guardrails"], sent["injectionThreshold"]) == (
        "PUT",
        ["llm-output-guardrail"],
        0.9,
    )
    client.guardrails.set({"guardrails": []}, project_id="p")
    assert (server.seen[1].json, server.seen[1].headers["project-id"]) == ({"guardrails": []}, "p")


def test_removing_and_clearing(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: reply_json({"removed": 3})
    client.guardrails.delete()
    assert client.cache.clear(project_id="p") == 3
    assert [(seen.method, seen.path) for seen in server.seen] == [("DELETE", "/v2/guardrails"), ("DELETE", "/v2/cache")]


def test_the_same_is_awaited(server: OddServer) -> None:
    server.answer = lambda seen: reply_json({**SETTINGS, "removed": 4})

    async def go() -> int:
        async with AsyncPortico("key", server.url) as client:
            settings = await client.guardrails.get()
            assert (await client.guardrails.set(settings)).guardrails == settings.guardrails
            await client.guardrails.delete()
            return await client.cache.clear()

    assert asyncio.run(go()) == 4
