"""Assistants on a real database: what is in memory, what other processes see, what was ever said."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.access.caller import Caller
from portico.server.assistants import definitions as module
from portico.server.assistants.definitions import Definitions
from portico.server.assistants.listing import list_items
from portico.server.assistants.manage import Assistants
from portico.server.assistants.models import Models, Named
from portico.server.errors import PorticoError
from portico.server.storage.assistants import list_assistants
from portico.server.storage.changes import Change
from tests.server.access.house import House

pytestmark = pytest.mark.anyio
SEEN_WITHIN_S = 60.0


class AnyModel:
    """Takes every name; a stand-in for the catalogue, which has tests of its own."""

    def find(self, caller: Caller, provider: str | None, model: str | None, base: Named | None = None) -> Named:
        before = base or ("openai", "gpt-4o-mini")
        return provider or before[0], model or before[1]


@pytest.fixture
async def assistants(house: House) -> Assistants:
    found = Definitions(house.tenancy.database)
    await found.refresh()
    return Assistants(house.tenancy, found, cast(Models, AnyModel()))


async def make(assistants: Assistants, caller: Caller, name: str = "Translator", **more: Any) -> str:
    made = await assistants.create(caller, {"name": name, "prompt": "Translate to {language}.", **more})
    return made.assistant_id


async def refusal(awaited: Any) -> tuple[int, int]:
    with pytest.raises(PorticoError) as caught:
        await awaited
    return caught.value.status, caught.value.id


def not_found(assistants: Assistants, caller: Caller, name: str) -> tuple[int, int]:
    with pytest.raises(PorticoError) as caught:
        assistants.definitions.find(caller, name)
    return caught.value.status, caught.value.id


# in memory ---------------------------------------------------------------------------------------------------


async def test_an_assistant_is_found_at_once_by_name_by_id_and_in_any_case(
    house: House, assistants: Assistants
) -> None:
    made = await make(assistants, house.member, "vertex_ai/gemini-2.0 -Test File Upload")
    await house.tenancy.database.close()  # from here on there is nothing but memory
    for name in (
        made,
        made.upper(),
        "vertex_ai/gemini-2.0 -Test File Upload",
        "VERTEX_AI/gemini-2.0 -test file upload",
    ):
        found = assistants.definitions.find(house.member, name)
        assert (found.assistant_id, found.type, found.enabled) == (made, "chat", True)
    assert found.active.prompt == "Translate to {language}."
    assert found.active.settings.temperature == 0.1
    assert (await assistants.definitions.find_revision(found, None, None)) is found.active


async def test_two_names_that_differ_in_case_only_are_told_apart(house: House, assistants: Assistants) -> None:
    first, second = await make(assistants, house.member, "Bot"), await make(assistants, house.member, "bot")
    assert assistants.definitions.find(house.member, "Bot").assistant_id == first
    assert assistants.definitions.find(house.member, "bot").assistant_id == second
    assert not_found(assistants, house.member, "BOT") == (404, 1)


async def test_a_name_that_is_the_id_of_another_does_not_hide_it(house: House, assistants: Assistants) -> None:
    first = await make(assistants, house.member)
    await make(assistants, house.member, first)
    assert assistants.definitions.find(house.member, first).name == "Translator"


async def test_who_has_no_project_another_project_or_a_disabled_assistant_finds_none(
    house: House, assistants: Assistants
) -> None:
    made = await make(assistants, house.member)
    stranger = replace(house.member, project_id=str(uuid4()))
    assert not_found(assistants, stranger, made) == (404, 1)
    assert not_found(assistants, house.owner, made) == (404, 1)
    assert not_found(assistants, house.member, "") == (404, 1)
    await assistants.change(house.member, made, {"status": 2})
    assert not_found(assistants, house.member, made) == (404, 1)
    await assistants.change(house.member, made, {"status": "1"})
    assert assistants.definitions.find(house.member, made).enabled


async def test_what_is_deleted_is_forgotten(house: House, assistants: Assistants) -> None:
    made = await make(assistants, house.member)
    await assistants.delete(house.member, "Translator")
    assert not_found(assistants, house.member, made) == (404, 1)
    assert await refusal(assistants.find(house.member, made)) == (404, 1)
    assert await refusal(assistants.delete(house.member, made)) == (404, 1)
    again = await make(assistants, house.member)
    assert again != made, "the name is free again"


async def test_news_of_other_tables_are_not_looked_at(house: House, assistants: Assistants) -> None:
    await make(assistants, house.member)
    held = assistants.definitions.find(house.member, "Translator")
    async with house.tenancy.database.begin() as connection:
        await connection.execute(text("UPDATE assistants SET name = 'Other', changes = changes + 1"))
    await assistants.definitions.follow(frozenset({Change("tokens", house.member.organization_id)}))
    assert assistants.definitions.find(house.member, "Translator") is held
    await assistants.definitions.follow(frozenset({Change("assistants", house.member.organization_id)}))
    assert assistants.definitions.find(house.member, "Other").assistant_id == held.assistant_id
    assert not_found(assistants, house.member, "Translator") == (404, 1)


async def test_other_revisions_are_read_once(
    house: House, assistants: Assistants, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await make(assistants, house.member)
    await assistants.change(house.member, made, {"prompt": "Second.", "revisionName": "shy"})
    found = assistants.definitions.find(house.member, made)
    asked: list[object] = []
    real = module.maybe_revision

    async def counted(*arguments: Any, **named: Any) -> Any:
        asked.append(named)
        return await real(*arguments, **named)

    monkeypatch.setattr(module, "maybe_revision", counted)
    for _ in range(3):
        assert (await assistants.definitions.find_revision(found, 2, None)).prompt == "Second."
        assert (await assistants.definitions.find_revision(found, None, "shy")).revision_id == 2
    assert len(asked) == 2
    await assistants.change(house.member, made, {"action": "save", "revisionId": 2, "prompt": "Second, better."})
    assert (await assistants.definitions.find_revision(found, 2, None)).prompt == "Second, better."
    monkeypatch.setattr(module, "REVISIONS_KEPT", 1)
    assert (await assistants.definitions.find_revision(found, None, "shy")).prompt == "Second, better."
    assert await refusal(assistants.definitions.find_revision(found, 7, None)) == (404, 2014)
    assert await refusal(assistants.definitions.find_revision(found, None, "nobody")) == (404, 2014)


# revisions ---------------------------------------------------------------------------------------------------


async def test_a_draft_is_not_run_before_it_is_published(house: House, assistants: Assistants) -> None:
    made = await make(assistants, house.member)
    draft = await assistants.change(house.member, made, {"prompt": "Draft."})
    assert (draft.active_revision, draft.revisions[0].revision_id) == (1, 2)
    assert assistants.definitions.find(house.member, made).active.revision_id == 1
    await assistants.change(house.member, made, {"action": "publish", "revisionId": 2})
    assert assistants.definitions.find(house.member, made).active.prompt == "Draft."
    await assistants.change(house.member, made, {"action": "publish", "revisionId": 1})
    assert assistants.definitions.find(house.member, made).active.revision_id == 1, "an older one again"


async def test_save_keeps_what_a_revision_said_before(house: House, assistants: Assistants) -> None:
    made = await make(assistants, house.member)
    for prompt in ("Two.", "Three."):
        saved = await assistants.change(house.member, made, {"action": "save", "prompt": prompt})
        assert [one.revision_id for one in saved.revisions] == [1]
    assert assistants.definitions.find(house.member, made).active.prompt == "Three."
    words = (await assistants.history(house.member, made, 1)).words
    assert [word.prompt for word in words] == ["Translate to {language}.", "Two.", "Three."]
    async with house.tenancy.database.begin() as connection:
        rows = await connection.execute(text("SELECT serial, created_by FROM assistant_revisions ORDER BY serial"))
        assert [tuple(row) for row in rows] == [(serial, house.member.token_name) for serial in (1, 2, 3)]
    shown = await assistants.find(house.member, made, full=True)
    assert [one.prompt for one in shown.revisions] == ["Three."]
    assert await refusal(assistants.history(house.member, made, 2)) == (404, 2014)


async def test_a_revision_is_given_a_name_without_another_prompt(house: House, assistants: Assistants) -> None:
    made = await make(assistants, house.member)
    saved = await assistants.change(
        house.member, made, {"action": "save", "revisionName": "kind", "revisionDescription": "for guests"}
    )
    (revision,) = saved.revisions
    assert (revision.revision_name, revision.revision_description) == ("kind", "for guests")
    assert revision.prompt == "Translate to {language}."


async def test_what_is_not_said_is_inherited(house: House, assistants: Assistants) -> None:
    settings = {"providerName": "anthropic", "modelName": "m", "temperature": 0.7, "maxTokens": "300"}
    made = await make(assistants, house.member, llmSettings=settings)
    await assistants.change(house.member, made, {"prompt": "B.", "llmSettings": {"temperature": 0, "topP": 0.5}})
    await assistants.change(house.member, made, {"prompt": "C.", "revisionId": 2, "llmSettings": {"maxTokens": 5}})
    found = assistants.definitions.find(house.member, made)
    second = await assistants.definitions.find_revision(found, 2, None)
    third = await assistants.definitions.find_revision(found, 3, None)
    assert (second.provider, second.model) == ("anthropic", "m")
    assert (second.settings.temperature, second.settings.max_tokens, second.settings.top_p) == (0.0, 300, 0.5)
    assert (third.settings.temperature, third.settings.max_tokens, third.settings.top_p) == (0.0, 5, 0.5)


async def test_concurrent_changes_lose_nothing(house: House, assistants: Assistants) -> None:
    made = await make(assistants, house.member)
    prompts = [f"Say {number}." for number in range(12)]
    await asyncio.gather(*(assistants.change(house.member, made, {"prompt": prompt}) for prompt in prompts))
    shown = await assistants.find(house.member, made, full=True)
    assert [one.revision_id for one in shown.revisions] == list(range(1, 14))
    assert sorted(one.prompt for one in shown.revisions[1:]) == sorted(prompts)


async def test_of_two_makers_of_one_name_one_is_refused(house: House, assistants: Assistants) -> None:
    tries = await asyncio.gather(*(make(assistants, house.member, "Twin") for _ in range(5)), return_exceptions=True)
    assert sorted(type(one).__name__ for one in tries) == ["AssistantNameTaken"] * 4 + ["str"]


async def test_a_refused_change_leaves_nothing_behind(house: House, assistants: Assistants) -> None:
    await make(assistants, house.member, "Taken")
    made = await make(assistants, house.member)
    assert await refusal(assistants.change(house.member, made, {"name": "Taken", "prompt": "New."})) == (409, 2030)
    shown = await assistants.find(house.member, made, full=True)
    assert (shown.assistant_name, [one.revision_id for one in shown.revisions]) == ("Translator", [1])


async def test_the_audit_log_names_what_was_done(house: House, assistants: Assistants) -> None:
    made = await make(assistants, house.member)
    await assistants.change(house.member, made, {"prompt": "A secret prompt."})
    await assistants.change(house.member, made, {"action": "publish", "revisionId": 2})
    await assistants.delete(house.member, made)
    async with house.tenancy.database.begin() as connection:
        query = "SELECT action, target_name, details FROM audit WHERE kind = 'assistant' ORDER BY sequence"
        rows = [tuple(row) for row in await connection.execute(text(query))]
    assert [row[0] for row in rows] == ["create", "update", "publish", "delete"]
    assert {row[1] for row in rows} == {"Translator"}
    assert "secret prompt" not in str(rows)


# other processes, and many ------------------------------------------------------------------------------------


class Second:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def prompt(self, name: str) -> str:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(f"{name}\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()

    def says(self, name: str, prompt: str) -> bool:
        """Within a second on a machine that has one; without a notice never (house.py)."""
        deadline = time.monotonic() + SEEN_WITHIN_S
        while (found := self.prompt(name)) != prompt:
            if time.monotonic() > deadline:
                raise AssertionError(f"still {found!r} after {SEEN_WITHIN_S:g} s")
        return True


@pytest.fixture
def second(house: House, tmp_path: Path) -> Iterator[Second]:
    arguments = [str(house.tenancy.database.url), str(tmp_path), house.first.project_token]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.server.assistants.second_process", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield Second(process)
        process.kill()


async def test_another_process_knows_every_change_within_a_second(
    house: House, assistants: Assistants, second: Second
) -> None:
    assert second.prompt("Translator") == "refused 1"
    made = await make(assistants, house.member)
    assert second.says("Translator", "Translate to {language}.")
    await assistants.change(house.member, made, {"action": "savePublishNewRevision", "prompt": "Second."})
    assert second.says(made, "Second.")
    await assistants.change(house.member, made, {"action": "publish", "revisionId": 1})
    assert second.says("Translator", "Translate to {language}.")
    await assistants.change(house.member, made, {"action": "save", "prompt": "First, better."})
    assert second.says("Translator", "First, better.")
    await assistants.change(house.member, made, {"name": "Interpreter"})
    assert second.says("Interpreter", "First, better.")
    assert second.prompt("Translator") == "refused 1"
    await assistants.delete(house.member, made)
    assert second.says("Interpreter", "refused 1")


async def test_a_thousand_assistants(house: House, assistants: Assistants, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await make(assistants, house.member, "Bot 0000")
    async with house.tenancy.database.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO assistants (organization_id, project_id, assistant_id, type, name, intent_id,"
                " last_revision, last_serial) SELECT organization_id, project_id, gen_random_uuid(), type,"
                " 'Bot ' || lpad(n::text, 4, '0'), gen_random_uuid(), 3, 3 FROM assistants, generate_series(1, 999) n"
            )
        )
        await connection.execute(
            text(
                "INSERT INTO assistant_revisions (organization_id, project_id, assistant_id, revision_id, serial, name,"
                " prompt, provider, model, settings) SELECT a.organization_id, a.project_id, a.assistant_id, n, n, n,"
                " repeat('Be kind. ', 300), 'openai', 'gpt-4o-mini', '{}' FROM assistants a, generate_series(1, 3) n"
                " WHERE a.assistant_id <> CAST(:first AS uuid)"
            ),
            {"first": first},
        )
    await assistants.definitions.refresh(house.member.organization_id)
    assert assistants.definitions.find(house.member, "bot 0999").active.revision_id == 1
    read: list[int] = []

    async def noting(connection: AsyncConnection, place: Any, changed: list[str]) -> Any:
        read.append(len(changed))
        return await list_assistants(connection, place, changed)

    monkeypatch.setattr(module, "list_assistants", noting)
    await assistants.definitions.refresh()
    assert read == [], "nothing has changed: no row is read"
    held = assistants.definitions.find(house.member, "Bot 0998")
    await assistants.change(house.member, "Bot 0999", {"action": "savePublishNewRevision", "prompt": "Be brief."})
    assert read == [1], "one has changed: one is read"
    assert assistants.definitions.find(house.member, "Bot 0999").active.prompt == "Be brief."
    assert assistants.definitions.find(house.member, "Bot 0998") is held
    asked: list[str] = []
    event.listen(
        house.tenancy.database.engine.sync_engine,
        "before_cursor_execute",
        lambda connection, cursor, statement, *_: asked.append(statement),
    )
    listed = await list_items(house.tenancy, house.member, {"detail": "full"}, lambda provider, model: None)
    assert len(asked) < 10, "however many there are"
    assert [one.assistant_name for one in listed.assistants[:2]] == ["Bot 0000", "Bot 0001"]
    assert len(listed.assistants) == 1000
    assert all(isinstance(one.intents, list) and one.intents[0].revisions for one in listed.assistants)
