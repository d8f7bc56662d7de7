"""What `app/` built, by name; both doors receive it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from portico.server.access.tenancy import Tenancy
from portico.server.assistants.desk import Desk
from portico.server.catalog.find import Catalog
from portico.server.gateway.embeddings import EmbeddingGateway
from portico.server.gateway.routing import Targets
from portico.server.settings import Settings
from portico.server.storage.database import Database


@dataclass(frozen=True, slots=True)
class Services:
    settings: Settings
    database: Database
    tenancy: Tenancy
    catalog: Catalog
    targets: Targets
    desk: Desk
    embeddings: EmbeddingGateway
    local_status: Callable[[], list[dict[str, object]]]
