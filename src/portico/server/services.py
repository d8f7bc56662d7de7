"""What `app/` built, by name; both doors receive it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from portico.server.access.sign_in import SignIn
from portico.server.access.sign_in.openid import OpenId
from portico.server.access.tenancy import Tenancy
from portico.server.assistants.definitions import Definitions
from portico.server.assistants.desk import Desk
from portico.server.assistants.files.manage import FileStore
from portico.server.assistants.manage import Assistants
from portico.server.assistants.omni_parser import OmniParser
from portico.server.assistants.requests import AssistantRequests
from portico.server.assistants.search.documents.manage import Documents
from portico.server.assistants.search.evaluations.manage import Evaluations
from portico.server.assistants.search.profiles.manage import SearchProfiles
from portico.server.catalog.find import Catalog
from portico.server.gateway.audio import AudioGateway
from portico.server.gateway.cache import AnswerCache
from portico.server.gateway.embeddings import EmbeddingGateway
from portico.server.gateway.guardrails import Guardrails
from portico.server.gateway.images import ImageGateway
from portico.server.gateway.limits import Limits
from portico.server.gateway.provider_settings import ProviderSettings
from portico.server.gateway.requests.history import Requests
from portico.server.gateway.requests.log import RequestLog
from portico.server.gateway.requests.running import Running
from portico.server.gateway.rerank import RerankGateway
from portico.server.gateway.responses import ResponsesGateway
from portico.server.gateway.routing import Targets
from portico.server.gateway.videos import VideoGateway
from portico.server.providers.fetcher import Fetcher
from portico.server.settings import Settings
from portico.server.storage.database import Database
from portico.server.storage.work_status import WorkStatus
from portico.server.telemetry.publisher import Publisher


@dataclass(frozen=True, slots=True)
class Services:
    settings: Settings
    database: Database
    tenancy: Tenancy
    sign_in: SignIn
    oidc: OpenId
    catalog: Catalog
    targets: Targets
    provider_settings: ProviderSettings
    definitions: Definitions
    assistants: Assistants
    desk: Desk
    assistant_requests: AssistantRequests
    files: FileStore
    search_profiles: SearchProfiles
    documents: Documents
    omni_parser: OmniParser
    evaluations: Evaluations
    embeddings: EmbeddingGateway
    responses: ResponsesGateway
    rerank: RerankGateway
    images: ImageGateway
    audio: AudioGateway
    videos: VideoGateway
    cache: AnswerCache
    guardrails: Guardrails
    fetcher: Fetcher
    limits: Limits
    running: Running
    requests: Requests
    request_log: RequestLog
    metrics: Publisher | None
    work_status: WorkStatus
    local_status: Callable[[], list[dict[str, object]]]
