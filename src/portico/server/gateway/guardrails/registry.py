"""The guardrails of all projects in memory, asked at every request; and reading, setting and removing them.

Filled and kept fresh by `follow`, a subscriber of `Changes`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence

import msgspec

from portico.server.access import audit
from portico.server.access.caller import Caller
from portico.server.access.places import find_project
from portico.server.access.policy import require
from portico.server.errors import FieldRequired, NotFound, OutOfRange, PatternMismatch
from portico.server.gateway.guardrails.hosts import Hosts
from portico.server.gateway.guardrails.moderation import Moderator
from portico.server.gateway.guardrails.policy import Policy
from portico.server.ids import OrganizationId, ProjectId
from portico.server.providers.transport import Transport
from portico.server.settings import Secret
from portico.server.storage.changes import UNKNOWN, Change
from portico.server.storage.database import Database
from portico.server.storage.guardrails import (
    GuardrailRow,
    delete_guardrails,
    list_guardrails,
    maybe_guardrails,
    upsert_guardrails,
)
from portico.server.storage.secrets import InstallationKey, SealBroken, SecretBox
from portico.wire.guardrails import Guardrail, GuardrailSettings

_log = logging.getLogger("portico.guardrails")
_TABLE = "guardrails"
_SHOWN_KEY = "***"
MOST_WORDS, LONGEST_WORD = 1_000, 100


class Guardrails:
    """One per process."""

    def __init__(self, database: Database, key: InstallationKey, transport: Transport, hosts: Hosts) -> None:
        self._database = database
        self.key = key
        self._box = SecretBox([key], "guardrails")
        self._transport = transport
        self._hosts = hosts
        self._policies: dict[ProjectId, Policy] = {}
        self._rows: dict[ProjectId, GuardrailRow] = {}
        self._widened: dict[tuple[ProjectId, frozenset[Guardrail]], Policy] = {}
        self._lock = asyncio.Lock()

    def of(self, caller: Caller) -> Policy | None:
        """What is on for the caller's project; None for nothing."""
        return self._policies.get(caller.project_id) if caller.project_id is not None else None

    def with_more(self, caller: Caller, guardrails: frozenset[Guardrail]) -> Policy | None:
        """What is on for the project, and these guardrails of an assistant by the project's other settings."""
        project_id = caller.project_id
        if not guardrails or project_id is None:
            return self.of(caller)
        place = (project_id, guardrails)
        policy = self._widened.get(place)
        if policy is None:
            row = self._rows.get(project_id) or GuardrailRow(caller.organization_id, project_id, "{}", None)
            policy = self._widened[place] = self._read(row, guardrails)
        return policy

    async def follow(self, changes: frozenset[Change]) -> None:
        """Subscriber of `Changes`."""
        if UNKNOWN in changes:
            await self._refresh()
        elif named := {one.organization_id for one in changes if one.organization_id and one.table == _TABLE}:
            await self._refresh(*named)

    async def find(self, caller: Caller) -> GuardrailSettings:
        """The settings of the caller's project, all off where nothing was set. The key is shown as `***`."""
        require(caller, "project_tokens")  # who may make tokens of a project may say what they are checked for
        async with self._database.begin() as connection:
            row = await maybe_guardrails(connection, caller.organization_id, find_project(caller))
        return GuardrailSettings() if row is None else _show(row)

    async def replace(self, caller: Caller, settings: GuardrailSettings) -> GuardrailSettings:
        """Sets them as a whole. A key that is absent, or `***`, stays, but only for the same address.

        Raises OutOfRange, PatternMismatch, FieldRequired; HostRefused for an endpoint that this server does not call.
        """
        require(caller, "project_tokens")
        project_id = find_project(caller)
        check_settings(settings)
        if settings.moderation is not None:
            await self._hosts.check(settings.moderation.base_url)
        async with self._database.begin() as connection:
            before = await maybe_guardrails(connection, caller.organization_id, project_id, lock=True)
            row = self._write(caller.organization_id, project_id, settings, before)
            await upsert_guardrails(connection, row)
            details = {"guardrails": settings.guardrails, "denyWords": bool(settings.deny_words.input)}
            await audit.record(
                connection, self, caller, "update", "guardrails", project_id, project_id=project_id, details=details
            )
        await self._refresh(caller.organization_id)
        return _show(row)

    async def remove(self, caller: Caller) -> None:
        """Switches everything off. Raises NotFound when nothing was set."""
        require(caller, "project_tokens")
        project_id = find_project(caller)
        async with self._database.begin() as connection:
            if not await delete_guardrails(connection, caller.organization_id, project_id):
                raise NotFound
            await audit.record(connection, self, caller, "delete", "guardrails", project_id, project_id=project_id)
        await self._refresh(caller.organization_id)

    def _write(
        self,
        organization_id: OrganizationId,
        project_id: ProjectId,
        settings: GuardrailSettings,
        before: GuardrailRow | None,
    ) -> GuardrailRow:
        sealed = None
        if settings.moderation is not None:
            given = settings.moderation.api_key
            if given is msgspec.UNSET or given == _SHOWN_KEY:
                sealed = _kept_key(settings, before)
            elif given:
                sealed = self._box.seal(Secret(given), f"{organization_id}/{project_id}")
            settings.moderation.api_key = msgspec.UNSET
        told = msgspec.json.encode(settings).decode()
        return GuardrailRow(organization_id, project_id, told, sealed)

    async def _refresh(self, *organization_ids: OrganizationId) -> None:
        async with self._lock:  # one after the other: an older answer must not overwrite a newer one
            async with self._database.begin() as connection:
                rows = await list_guardrails(connection, organization_ids)
            self._put_all(rows, organization_ids)

    def _put_all(self, rows: Sequence[GuardrailRow], organization_ids: Sequence[OrganizationId]) -> None:
        self._widened.clear()
        named = {row.project_id for row in rows}
        for project_id, old in list(self._rows.items()):
            if project_id not in named and (not organization_ids or old.organization_id in organization_ids):
                del self._rows[project_id]
                self._policies.pop(project_id, None)
        for row in rows:
            if self._rows.get(row.project_id) != row:
                self._put(row)

    def _put(self, row: GuardrailRow) -> None:
        self._rows[row.project_id] = row
        policy = self._read(row)
        if policy.is_on:
            self._policies[row.project_id] = policy
        else:
            self._policies.pop(row.project_id, None)

    def _read(self, row: GuardrailRow, more: Iterable[Guardrail] = ()) -> Policy:
        settings = msgspec.json.decode(row.settings, type=GuardrailSettings)
        settings.guardrails = sorted({*settings.guardrails, *more})
        moderator, key = None, None
        if settings.moderation is not None:
            try:
                if row.sealed_key is not None:
                    key = self._box.open(row.sealed_key, f"{row.organization_id}/{row.project_id}")
            except SealBroken as error:  # without its key the endpoint refuses, and `fail_closed` says what then
                _log.error("project %s: the key of the moderation endpoint is lost: %s", row.project_id, error)
            moderator = Moderator(self._transport, settings.moderation, key, self._hosts)
        return Policy(row.project_id, settings, moderator)


def _show(row: GuardrailRow) -> GuardrailSettings:
    settings = msgspec.json.decode(row.settings, type=GuardrailSettings)
    if settings.moderation is not None and row.sealed_key is not None:
        settings.moderation.api_key = _SHOWN_KEY
    return settings


def _kept_key(settings: GuardrailSettings, before: GuardrailRow | None) -> bytes | None:
    """The key that was there, unless the address is another one: a key is not to be sent to a stranger."""
    if before is None or settings.moderation is None:
        return None
    old = msgspec.json.decode(before.settings, type=GuardrailSettings).moderation
    return before.sealed_key if old is not None and old.base_url == settings.moderation.base_url else None


def check_settings(settings: GuardrailSettings) -> None:
    """What the types cannot hold. Raises OutOfRange, PatternMismatch, FieldRequired, with the member's name."""
    _check_share(settings.injection_threshold, "injectionThreshold")
    for side, words in (("input", settings.deny_words.input), ("output", settings.deny_words.output)):
        if len(words) > MOST_WORDS or any(not 0 < len(word.strip()) <= LONGEST_WORD for word in words):
            raise OutOfRange(f"denyWords.{side}", f"at most {MOST_WORDS} words of 1 to {LONGEST_WORD} characters")
    if not 1 <= settings.stream.window_characters <= 10_000:
        raise OutOfRange("stream.windowCharacters", "1 to 10000")
    moderation = settings.moderation
    if moderation is None:
        return
    if not moderation.base_url:
        raise FieldRequired("moderation.baseUrl")
    if not 0 < moderation.timeout_s <= 60:
        raise OutOfRange("moderation.timeoutS", "up to 60 seconds")
    for name, threshold in moderation.categories.items():
        _check_share(threshold, f"moderation.categories.{name}")
    if moderation.threshold is not None:
        _check_share(moderation.threshold, "moderation.threshold")
    if "output" in moderation.on and settings.stream.mode == "window":
        raise OutOfRange("stream.mode", "an endpoint that checks answers needs them whole: use buffer")
    key = moderation.api_key
    if isinstance(key, str) and not all("!" <= character <= "~" for character in key):
        raise PatternMismatch("moderation.apiKey", "it has characters that no key has")


def _check_share(value: float, field: str) -> None:
    if not 0 < value <= 1:
        raise OutOfRange(field, "above 0, at most 1")
