"""Documented answers through the output guard: whole ones by their members, streams chunk by chunk.

Content, reasoning, refusals and arguments of tool calls are checked, each choice for itself. What repeats a text in
another form is left out of a checked answer: log probabilities, `reasoning_details`, and of the
`thinking_blocks`, which cannot be masked because they are signed, those with something to mask.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from portico.server.gateway.guardrails.calls import HeldCalls, mask_calls
from portico.server.gateway.guardrails.output import OutputGuard
from portico.server.gateway.guardrails.policy import Policy
from portico.server.kit.ascii_json import ascii_encode
from portico.server.providers.base import Members

REASONING = ("reasoning_content", "reasoning")
TEXTS = (*REASONING, "content", "refusal")
_REPEATED = "reasoning_details"
_encode = msgspec.json.Encoder().encode
_NOTHING = msgspec.Raw(b"null")


class _Choice(msgspec.Struct):
    index: int = 0
    message: dict[str, Any] = {}
    delta: dict[str, Any] = {}
    finish_reason: str | None = None


_decode_choices = msgspec.json.Decoder(list[dict[str, msgspec.Raw]]).decode
_decode_chunk = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_convert = msgspec.json.Decoder(_Choice).decode


def guard_whole(policy: Policy, members: Members) -> str:
    """Masks the texts of a whole answer in `members`; gives all of them, for `policy.check_answer`.

    Raises GuardrailBlocked.
    """
    raw = members.get("choices")
    if policy.output() is None or raw is None:
        return ""
    choices = _decode_choices(raw if isinstance(raw, msgspec.Raw) else _encode(raw))
    texts = []
    for choice in choices:
        message = msgspec.json.decode(choice.get("message", b"{}"), type=dict[str, Any])
        for name in TEXTS:
            text = message.get(name)
            if isinstance(text, str):
                message[name] = policy.mask_answer(text)
                texts.append(message[name])
        texts += mask_calls(message, policy.mask_answer)
        _drop_repeated(policy, message)
        choice["message"] = msgspec.Raw(_encode(message))
        choice.pop("logprobs", None)
    members["choices"] = msgspec.Raw(ascii_encode(choices))
    return "\n".join(texts)


def _drop_repeated(policy: Policy, said: dict[str, Any]) -> None:
    """Of a message or a delta. Raises GuardrailBlocked."""
    said.pop(_REPEATED, None)
    blocks = said.get("thinking_blocks")
    if isinstance(blocks, list):
        said["thinking_blocks"] = [block for block in blocks if _is_clean(policy, block)]
        if not said["thinking_blocks"]:
            del said["thinking_blocks"]


def _is_clean(policy: Policy, block: Any) -> bool:
    text = block.get("thinking") if isinstance(block, dict) else None
    return not isinstance(text, str) or policy.mask_answer(text) == text


def _told(members: Members, choices: Sequence[Members]) -> bytes:
    return ascii_encode({**members, "choices": choices})


class ChunkGuard:
    """One stream: JSON texts of chunks in, those that may go out now. `finish` gives the rest at the regular end.

    Where the policy buffers, nothing goes out before; `text` is then what `policy.check_answer` is asked about.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._guards: dict[tuple[int, str], OutputGuard] = {}
        self._calls = HeldCalls()
        self._head: dict[str, msgspec.Raw] = {}
        self._held: list[bytes] | None = [] if policy.buffers else None
        self._texts: list[str] = []

    @property
    def text(self) -> str:
        """All that has been let through so far, masked."""
        return "".join(self._texts)

    def feed(self, chunks: Sequence[bytes]) -> list[bytes]:
        """Raises GuardrailBlocked: the stream ends there."""
        ready = [one for chunk in chunks for one in self._check(chunk)]
        if self._held is None:
            return ready
        self._held += ready
        return []

    def finish(self) -> list[bytes]:
        """Whatever is still held back. Raises GuardrailBlocked."""
        left = {index for index, _ in self._guards} | self._calls.choices
        rest = [chunk for index in sorted(left) for chunk in self._end(index)]
        held, self._held = self._held or [], None
        return held + rest

    def _check(self, chunk: bytes) -> list[bytes]:
        members = _decode_chunk(chunk)
        raw = members.get("choices", _NOTHING)
        choices = [] if raw == _NOTHING else _decode_choices(raw)
        if not choices or "delta" not in choices[0]:
            return [chunk]  # usage, or an event of the platform
        if not self._head:
            head = {**members, "usage": _NOTHING} if "usage" in members else members
            self._head = {name: value for name, value in head.items() if name != "choices"}
        before: list[bytes] = []
        kept = []
        for choice in choices:
            read = _convert(_encode(choice))
            if read.delta.get("content") or read.delta.get("thinking_blocks"):
                # the thinking is over: its rest belongs before the answer, and before the block that signs it
                before += self._flush(read.index, REASONING)
            delta = self._pass(read)
            if read.finish_reason is not None:
                if delta:  # the rest that is flushed follows it
                    before.append(_told(members, [{**choice, "delta": delta, "finish_reason": None, "logprobs": None}]))
                    delta = {}
                before += self._end(read.index)
            if delta or read.finish_reason is not None:
                kept.append({**choice, "delta": delta, "logprobs": None})
        if kept:
            before.append(_told(members, kept))
        return before

    def _pass(self, choice: _Choice) -> dict[str, Any]:
        """The delta as far as it may go out now."""
        delta = dict(choice.delta)
        _drop_repeated(self._policy, delta)
        self._calls.take(choice.index, delta)
        for name in TEXTS:
            text = delta.get(name)
            if not isinstance(text, str):
                continue
            released = self._guard(choice.index, name).feed(text) if text else ""
            self._texts.append(released)
            if released or "role" in delta:
                delta[name] = released
            else:
                del delta[name]
        return delta

    def _flush(self, index: int, names: Sequence[str] = TEXTS) -> list[bytes]:
        chunks = []
        for name in names:
            guard = self._guards.pop((index, name), None)
            rest = guard.finish() if guard is not None else ""
            if rest:
                self._texts.append(rest)
                choice = {"index": index, "delta": {name: rest}, "finish_reason": None}
                chunks.append(_told(self._head, [choice]))
        return chunks

    def _end(self, index: int) -> list[bytes]:
        """All that is left of one choice."""
        chunks = self._flush(index)
        for delta, text in self._calls.flush(index, self._policy.mask_answer):
            if text:
                self._texts.append(f"\n{text}")
            chunks.append(_told(self._head, [{"index": index, "delta": delta, "finish_reason": None}]))
        return chunks

    def _guard(self, index: int, name: str) -> OutputGuard:
        guard = self._guards.get((index, name))
        if guard is None:
            guard = self._policy.output()
            assert guard is not None, "made for policies that check answers"
            self._guards[index, name] = guard
        return guard
