"""The turns of a loaded model: first come first served, and gone at once when the caller is."""

from __future__ import annotations

import asyncio

from portico.server.providers.local.manifest import LocalModel, load_manifest
from portico.server.providers.local.resident import Resident


def chat_model() -> LocalModel:
    return next(model for model in load_manifest() if model.kind == "chat")


def test_turns_are_given_in_order_and_a_caller_who_left_is_passed_over() -> None:
    async def play() -> list[str]:
        resident, served = Resident(chat_model()), list[str]()

        async def ask(name: str) -> None:
            await resident.take_turn(1)
            served.append(name)

        await ask("first")
        waiting = [asyncio.create_task(ask(name)) for name in ("left", "second", "third")]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.sleep(0)
        resident.give_turn()
        await waiting[1]
        assert served == ["first", "second"], "one slot: the third waits"
        resident.give_turn()
        await waiting[2]
        resident.give_turn()
        assert resident.working == 0 and not resident.waiting
        return served

    assert asyncio.run(play()) == ["first", "second", "third"]


def test_a_turn_handed_over_just_as_its_caller_left_goes_to_the_next() -> None:
    async def play() -> int:
        resident = Resident(chat_model())
        await resident.take_turn(1)
        leaving, staying = (asyncio.create_task(resident.take_turn(1)) for _ in range(2))
        await asyncio.sleep(0)
        resident.give_turn()
        leaving.cancel()
        await asyncio.wait_for(staying, 60)
        return resident.working

    assert asyncio.run(play()) == 1
