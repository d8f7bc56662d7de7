"""Guardrails around answers and streams, run as the hot lane runs them: nothing leaves before the checks have ended."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from portico.server.errors import GuardrailBlocked, ProviderUnknown
from portico.server.gateway.answers import Answer, Stream
from portico.server.gateway.guardrails import Policy, Verdict, guard_answer
from portico.server.kit.drive import Signal, run
from portico.wire.guardrails import GuardrailSettings
from tests.server.gateway.test_guardrails import chunk

pytestmark = pytest.mark.anyio
REFUSED = GuardrailBlocked("hate", 0.9)


class Told(Stream):
    """A stream of which each piece arrives in a turn of its own; an error among the pieces is raised."""

    def __init__(self, *pieces: bytes | Exception) -> None:
        self._left = list(pieces)
        self._signal = Signal(True)
        self.taken = 0
        self.closed: list[BaseException | None] = []
        self.headers = [(b"x", b"y")]
        self.cache = "MISS"

    def take(self) -> Sequence[bytes] | None:
        if not self._signal.is_set:
            return ()
        if not self._left:
            return None
        piece = self._left.pop(0)
        if isinstance(piece, Exception):
            raise piece
        self.taken += 1
        self._signal.is_set = False
        asyncio.get_running_loop().call_soon(self._signal.set)
        return [piece]

    def more(self) -> Signal:
        return self._signal

    def close(self, error: BaseException | None = None) -> None:
        self.closed.append(error)


class Checked(Policy):
    """A policy whose endpoint says about answers what the test says."""

    verdict: GuardrailBlocked | None = None
    asked: str = ""

    def check_answer(self, text: str) -> Verdict:
        self.asked = text
        return Verdict(asyncio.get_running_loop().create_task(after(self.verdict)))


def policy(**settings: Any) -> Checked:
    told = {"guardrails": ["llm-output-guardrail"], **settings}
    return Checked("p", msgspec.convert(told, GuardrailSettings), None)


async def after(refused: GuardrailBlocked | None, wait_s: float = 0.02) -> GuardrailBlocked | None:
    await asyncio.sleep(wait_s)
    return refused


def pending(refused: GuardrailBlocked | None, wait_s: float = 0.02) -> Verdict:
    return Verdict(asyncio.get_running_loop().create_task(after(refused, wait_s)))


async def read(guarded: Answer | Stream) -> list[bytes]:
    """As the edge reads a stream."""
    assert isinstance(guarded, Stream)
    found: list[bytes] = []
    error: BaseException | None = None
    try:
        while (chunks := guarded.take()) is not None:
            found += chunks
            if not chunks:
                await guarded.more()
        return found
    except BaseException as failure:
        error = failure
        raise
    finally:
        guarded.close(error)


def text(chunks: list[bytes]) -> str:
    return "".join(json.loads(one)["choices"][0]["delta"].get("content", "") for one in chunks)


PIECES = (chunk({"content": "write to ann@"}), chunk({"content": "mail.example"}), chunk({}, "stop"))
OFF = {"guardrails": []}
MODES = [{"stream": {"mode": mode}, "pii": [{"kind": "email"}]} for mode in ("buffer", "window")]


@pytest.mark.parametrize("settings", MODES)
async def test_a_stream_is_masked_after_the_input_was_checked(settings: Any) -> None:
    inner = Told(*PIECES)
    checked = policy(**settings)
    guarded = await guard_answer(checked, pending(None), inner)
    assert isinstance(guarded, Stream) and (guarded.headers, guarded.cache) == (inner.headers, "MISS")
    chunks = await asyncio.wait_for(run(read(guarded)), 60)
    assert text(chunks) == "write to [EMAIL]" == checked.asked
    assert inner.closed == [None]


async def test_no_byte_is_taken_while_the_input_is_checked_and_a_block_closes_the_stream() -> None:
    inner = Told(*PIECES)
    guarded = await guard_answer(policy(**OFF), pending(REFUSED), inner)
    with pytest.raises(GuardrailBlocked):
        await asyncio.wait_for(run(read(guarded)), 60)
    assert inner.taken == 0
    assert inner.closed == [REFUSED]


async def test_an_answer_is_judged_before_its_rest_goes_out() -> None:
    checked = policy()
    checked.verdict = REFUSED
    inner = Told(*PIECES)
    guarded = await guard_answer(checked, Verdict(), inner)
    with pytest.raises(GuardrailBlocked):
        await asyncio.wait_for(run(read(guarded)), 60)
    assert checked.asked == "write to ann@mail.example"
    assert inner.closed == [REFUSED]


async def test_without_an_output_guardrail_chunks_pass_as_they_are() -> None:
    guarded = await guard_answer(policy(**OFF), pending(None), Told(*PIECES))
    assert await asyncio.wait_for(run(read(guarded)), 60) == list(PIECES)


async def test_an_error_of_the_provider_stays_one() -> None:
    inner = Told(PIECES[0], ProviderUnknown("broken"))
    with pytest.raises(ProviderUnknown):
        await asyncio.wait_for(run(read(await guard_answer(policy(), Verdict(), inner))), 60)


async def test_a_caller_that_leaves_cancels_the_check() -> None:
    verdict = pending(None, wait_s=600)
    task = verdict.pending
    guarded = await guard_answer(policy(), verdict, Told(*PIECES))
    reading = asyncio.create_task(run(read(guarded)))
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert task is not None
    await asyncio.wait([task], timeout=60)
    assert task.cancelled()


def whole(content: str) -> Answer:
    message = {"role": "assistant", "content": content}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    return Answer(json.dumps({"id": "c", "choices": choices, "requestId": "r"}).encode(), [(b"a", b"b")], "HIT")


async def test_a_whole_answer_is_masked_and_keeps_the_rest() -> None:
    answer = await run(guard_answer(policy(**MODES[0]), pending(None), whole("ann@mail.example")))
    assert isinstance(answer, Answer)
    body = json.loads(answer.body)
    assert body["choices"][0]["message"]["content"] == "[EMAIL]"
    assert (body["id"], body["requestId"], answer.headers, answer.cache) == ("c", "r", [(b"a", b"b")], "HIT")


async def test_a_whole_answer_waits_for_both_checks() -> None:
    with pytest.raises(GuardrailBlocked):
        await run(guard_answer(policy(**OFF), pending(REFUSED), whole("x")))
    checked = policy()
    checked.verdict = REFUSED
    with pytest.raises(GuardrailBlocked):
        await run(guard_answer(checked, pending(None), whole("x")))
    untouched = whole("ann@mail.example")
    assert await run(guard_answer(policy(**OFF), Verdict(), untouched)) is untouched
