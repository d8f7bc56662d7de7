"""Everything up to the switchboard: catalog, local models, metering, limits. The server and the workers stand on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from portico.server.app.adapters import Adapters
from portico.server.app.configuring import open_configuration, open_provider_settings, read_catalog
from portico.server.app.ground import Ground
from portico.server.app.observing import open_request_log, open_telemetry
from portico.server.app.switching import open_cache, open_fetcher, open_guardrails, open_journal, open_limits
from portico.server.catalog.find import Catalog
from portico.server.gateway.ledger import Ledger
from portico.server.gateway.provider_settings import ProviderSettings
from portico.server.gateway.requests.log import RequestLog
from portico.server.gateway.requests.running import Running
from portico.server.gateway.routing import Executor, HealthRules, Targets
from portico.server.gateway.switchboard import Switchboard
from portico.server.providers.local.adapter import Local
from portico.server.providers.local.runtime import LocalRuntime
from portico.server.telemetry.publisher import Publisher


@dataclass(frozen=True, slots=True)
class Machinery:
    """One per process."""

    catalog: Catalog
    runtime: LocalRuntime
    running: Running
    request_log: RequestLog
    metrics: Publisher | None
    provider_settings: ProviderSettings
    board: Switchboard


async def open_machinery(ground: Ground, *, pull: bool = True) -> Machinery:
    """With `pull`, what a fresh server needs of local models is fetched in the background. Raises StartError."""
    settings, database = ground.settings, ground.database
    catalog = read_catalog(settings)
    runtime = LocalRuntime(settings, {m.name: Path(m.path) for p in catalog.providers for m in p.models if m.path})
    ground.stack.push_async_callback(runtime.close)
    await runtime.start(pull=pull)
    catalog = catalog.with_files("local", [status.name for status in runtime.status() if status.kind == "chat"])
    running, journal = Running(), await open_journal(ground)
    request_log = open_request_log(settings, database, ground.stack)
    metrics, observers = open_telemetry(settings, journal, running, request_log, ground.stack)
    adapters = Adapters({"local": Local(runtime)}, ground.transport)
    configuration = open_configuration(settings, catalog)
    provider_settings = open_provider_settings(settings, database, ground.tenancy.key, catalog, configuration, adapters)
    ground.changes.subscribe(provider_settings.follow)
    ground.transport.may_reach = provider_settings.may_reach
    board = Switchboard(
        Targets(catalog, adapters, configuration, HealthRules(settings.breaker_failures, settings.breaker_open_s)),
        Executor(
            ground.transport,
            retries=settings.retries,
            retry_budget_s=settings.retry_budget_s,
            first_byte_s=settings.first_byte_timeout_s,
        ),
        Ledger(journal, observers),
        open_limits(ground),
        open_cache(ground),
        open_fetcher(settings),
        open_guardrails(ground),
        settings.chat_cache,
        settings.strict_parameters,
    )
    return Machinery(catalog, runtime, running, request_log, metrics, provider_settings, board)
