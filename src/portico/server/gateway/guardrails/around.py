"""Puts the guardrails of a project around an answer that has come, or a stream that has begun.

Nothing leaves before the checks of the input have ended; a block cancels the provider and is an error of our tree.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from portico.server.gateway.answers import Answer, Stream
from portico.server.gateway.guardrails.answers import ChunkGuard, guard_whole
from portico.server.gateway.guardrails.policy import Policy, Verdict
from portico.server.kit.drive import Signal

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


async def guard_answer(policy: Policy, verdict: Verdict, answer: Answer | Stream) -> Answer | Stream:
    """The same answer, checked and masked; `verdict` is what `policy.check_input` gave for its request.

    Raises GuardrailBlocked; out of a stream, its `take` does. May be driven (kit/drive.py).
    """
    if isinstance(answer, Stream):
        return GuardedStream(policy, verdict, answer)
    await verdict.settle()
    if policy.output() is None:
        return answer
    members = dict(_decode(answer.body))
    await policy.check_answer(guard_whole(policy, members)).settle()
    return msgspec.structs.replace(answer, body=_encode(members))


class GuardedStream(Stream):
    """A stream behind the guardrails. Not read while a check is running: its provider waits at the transport."""

    def __init__(self, policy: Policy, verdict: Verdict, inner: Stream) -> None:
        self._policy = policy
        self._inner = inner
        self._guard = ChunkGuard(policy) if policy.output() is not None else None
        self._verdict = verdict
        self._checked: Signal | None = None
        self._rest: list[bytes] | None = None  # what is left when the inner stream has ended
        self.headers, self.cache = inner.headers, inner.cache
        self._wait_for(verdict)

    def take(self) -> Sequence[bytes] | None:
        if self._checked is not None:
            if not self._checked.is_set:
                return ()
            self._checked = None
            self._verdict.raise_refusal()
        if self._rest is not None:
            rest, self._rest = self._rest, []
            return rest or None
        chunks = self._inner.take()
        if self._guard is None:
            return chunks
        return self._guard.feed(chunks) if chunks is not None else self._end(self._guard)

    def more(self) -> Signal:
        if self._checked is not None:
            return self._checked
        return _READY if self._rest is not None else self._inner.more()

    def close(self, error: BaseException | None = None) -> None:
        self._verdict.close()
        self._inner.close(error)

    def _end(self, guard: ChunkGuard) -> Sequence[bytes] | None:
        self._rest = guard.finish()
        self._wait_for(self._policy.check_answer(guard.text))
        return () if self._rest or self._checked is not None else None

    def _wait_for(self, verdict: Verdict) -> None:
        self._verdict = verdict
        if verdict.pending is not None:
            checked = self._checked = Signal()
            verdict.pending.add_done_callback(lambda _: _set(checked))


_READY = Signal(True)


def _set(signal: Signal) -> None:
    """In a turn of its own: the stream goes on within `set`, and an error of it is not one of the check."""
    asyncio.get_running_loop().call_soon(signal.set)
