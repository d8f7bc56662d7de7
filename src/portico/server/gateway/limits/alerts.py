"""Tells that a soft limit is reached: a warning in the log, and a webhook where one is set. Once per period."""

from __future__ import annotations

import asyncio
import logging
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

import msgspec

from portico.server.errors import StartError

TIMEOUT_S = 5.0
_log = logging.getLogger("portico.limits")


class Alerts:
    """`soft_reached` may be called from anywhere in the loop. The webhook's address comes from the operator only."""

    def __init__(self, webhook: str = "") -> None:
        if webhook and not webhook.startswith(("http://", "https://")):
            raise StartError("PORTICO_LIMITS_WEBHOOK: write an address that begins with https:// or http://")
        self._webhook = webhook
        self._tasks: set[asyncio.Task[None]] = set()

    def soft_reached(self, news: Mapping[str, Any]) -> None:
        """`news` is what the webhook gets as JSON, with `event` in it."""
        _log.warning("the soft limit of %s is reached: %s", news.get("relatedEntityName", "?"), _text(news))
        if self._webhook:
            task = asyncio.get_running_loop().create_task(self._post({"event": "softLimitReached", **news}))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Waits for what is being sent: not longer than a webhook may take."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=TIMEOUT_S)

    async def _post(self, news: Mapping[str, Any]) -> None:
        try:
            await asyncio.to_thread(_send, self._webhook, msgspec.json.encode(news))
        except (OSError, ValueError, urllib.error.URLError) as error:
            _log.warning("the limits webhook was not reached: %s", error)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """The news goes where the operator said, and nowhere else."""


def _send(url: str, body: bytes) -> None:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"}, method="POST")
    opener = urllib.request.build_opener(_NoRedirects, urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=TIMEOUT_S) as answer:
        answer.read(1)


def _text(news: Mapping[str, Any]) -> str:
    return msgspec.json.encode(news).decode()
