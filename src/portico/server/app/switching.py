"""What the switchboard is made of: limits, cache, guardrails, the guarded fetcher, and the journal of what was used."""

from __future__ import annotations

from portico.server.app.ground import Ground
from portico.server.errors import JournalFull, StartError
from portico.server.gateway.cache import AnswerCache
from portico.server.gateway.guardrails import Guardrails, Hosts
from portico.server.gateway.limits import Limits
from portico.server.providers.fetcher import Fetcher
from portico.server.settings import Settings
from portico.server.storage.audit import KEY_PURPOSE
from portico.server.storage.flush import UsageFlusher
from portico.server.storage.journal import Journal


async def open_journal(ground: Ground) -> Journal:
    """With the flusher that brings its lines to the database. Raises StartError."""
    try:
        journal = Journal(ground.settings.data_dir / "journal")
    except JournalFull as full:
        raise StartError(full.message) from full
    ground.stack.callback(journal.close)
    audit_key = ground.tenancy.key.for_purpose(KEY_PURPOSE)
    flusher = UsageFlusher(journal, str(ground.database.url), audit_key=audit_key)
    flusher.start()
    ground.stack.push_async_callback(flusher.close)
    return journal


def open_limits(ground: Ground) -> Limits:
    settings = ground.settings
    webhook = str(settings.limits_webhook or "")
    limits = Limits(ground.database, settings.data_dir / "leases", ground.tenancy.key, webhook=webhook)
    limits.start()
    ground.stack.push_async_callback(limits.close)
    ground.changes.subscribe(limits.follow)
    return limits


def open_cache(ground: Ground) -> AnswerCache:
    settings = ground.settings
    cache = AnswerCache(
        ground.database,
        ttl_s=settings.cache_ttl_s,
        memory_bytes=settings.cache_memory_bytes,
        rows=settings.cache_rows,
        entry_limit_bytes=settings.cache_entry_limit_bytes,
    )
    cache.start()
    ground.stack.push_async_callback(cache.close)
    ground.changes.subscribe(cache.follow)
    return cache


def open_guardrails(ground: Ground) -> Guardrails:
    """Raises StartError when PORTICO_GUARDRAIL_HOSTS cannot be read."""
    try:
        hosts = Hosts.read(ground.settings.guardrail_hosts)
    except ValueError as error:
        raise StartError(f"PORTICO_GUARDRAIL_HOSTS: {error}; write hosts and networks with commas") from None
    guardrails = Guardrails(ground.database, ground.tenancy.key, ground.transport, hosts)
    ground.changes.subscribe(guardrails.follow)
    return guardrails


def open_fetcher(settings: Settings) -> Fetcher:
    return Fetcher(
        allowed=settings.fetch_hosts, limit_bytes=settings.fetch_limit_bytes, timeout_s=settings.fetch_timeout_s
    )
