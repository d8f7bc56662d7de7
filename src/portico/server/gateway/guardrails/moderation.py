"""Asks an OpenAI-compatible moderation endpoint about a text: text in, the category that is to be blocked out."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from portico.server.errors import PorticoError, ProviderUnknown
from portico.server.gateway.guardrails.hosts import Hosts
from portico.server.gateway.guardrails.injection import Finding
from portico.server.kit.drive import run
from portico.server.providers.base import Endpoint, Outgoing
from portico.server.providers.http1 import Reply
from portico.server.providers.transport import Transport
from portico.server.settings import Secret
from portico.wire.guardrails import Moderation

PIECE_CHARACTERS = 20_000
MOST_PIECES = 32

_encode = msgspec.json.Encoder().encode


class _Result(msgspec.Struct):
    flagged: bool = False
    categories: dict[str, Any] = {}
    category_scores: dict[str, float | None] = {}


class _Answer(msgspec.Struct):
    results: list[_Result]


_decode = msgspec.json.Decoder(_Answer).decode


class Moderator:
    """One project's endpoint. Goes out through the transport, like everything that leaves the house."""

    def __init__(self, transport: Transport, settings: Moderation, key: Secret | None, hosts: Hosts) -> None:
        self._transport = transport
        self._settings = settings
        self._hosts = hosts
        self._endpoint = Endpoint.with_key(settings.base_url.rstrip("/"), str.__str__(key) if key else "")

    async def ask(self, text: str) -> Finding | None:
        """What is to be blocked, None for a harmless text. Raises ProviderError, HostRefused, TimeoutError.

        Runs in a task of its own (kit/drive.py).
        """
        async with asyncio.timeout(self._settings.timeout_s):
            await self._hosts.check(self._settings.base_url)  # again: names move
            return self._judge(await self._send(self._write(text)))

    def _write(self, text: str) -> Outgoing:
        pieces = [text[at : at + PIECE_CHARACTERS] for at in range(0, len(text), PIECE_CHARACTERS)][:MOST_PIECES]
        body: dict[str, Any] = {"input": pieces if len(pieces) > 1 else text}
        if self._settings.model:
            body["model"] = self._settings.model
        return Outgoing("/moderations", _encode(body), timeout_s=self._settings.timeout_s)

    async def _send(self, outgoing: Outgoing) -> bytes:
        reply = self._transport.maybe_send(self._endpoint, outgoing)
        if reply is not None:
            body = await run(self._read(reply))
            if body is not None:
                return body
        # None was idle, or the idle one had been closed by the other side before it got the question.
        body = await run(self._read(await self._transport.send(self._endpoint, outgoing)))
        if body is None:
            raise ProviderUnknown("the connection to the moderation endpoint was lost")
        return body

    async def _read(self, reply: Reply) -> bytes | None:
        """The body; None when the connection was lost before anything came over it."""
        try:
            await reply.signal
            if reply.untouched:
                return None
            reply.raise_error()
            if reply.status != 200:
                raise ProviderUnknown(f"the moderation endpoint answered with status {reply.status}")
            return reply.whole()
        finally:
            self._transport.end(reply)

    def _judge(self, body: bytes) -> Finding | None:
        try:
            results = _decode(body).results
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise ProviderUnknown("the answer of the moderation endpoint is none") from None
        if not results:
            raise ProviderUnknown("the answer of the moderation endpoint has no results")
        found = [finding for result in results for finding in self._findings(result)]
        return max(found, key=lambda finding: finding.score, default=None)

    def _findings(self, result: _Result) -> list[Finding]:
        scores = {name: score for name, score in result.category_scores.items() if score is not None}
        for name, flagged in result.categories.items():
            scores.setdefault(name, 1.0 if flagged is True else 0.0)
        limits, threshold = self._settings.categories, self._settings.threshold
        if limits:
            return [Finding(name, scores[name]) for name, limit in limits.items() if scores.get(name, -1.0) >= limit]
        if threshold is not None:
            return [Finding(name, score) for name, score in scores.items() if score >= threshold]
        if not result.flagged:
            return []
        worst = max(scores, key=scores.__getitem__, default="flagged")
        return [Finding(worst, scores.get(worst, 1.0))]


def explain(error: Exception) -> str:
    return error.message if isinstance(error, PorticoError) else f"{type(error).__name__}: {error}".rstrip(": ")
