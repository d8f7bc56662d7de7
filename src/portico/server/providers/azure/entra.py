"""Microsoft Entra ID: an application's secret to an access token for Azure OpenAI; pure.

Options of the credential: `tenant_id`, `client_id`, `client_secret`. Sources: Microsoft identity platform, OAuth 2.0
client credentials flow; Azure OpenAI in sovereign clouds; read 2026-11-20.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

import msgspec

from portico.server.errors import ProviderAuth, ProviderError, ProviderNotConfigured, ProviderUnknown
from portico.server.providers.access_tokens import Exchange
from portico.server.providers.base import Credential, Endpoint, Outgoing
from portico.server.providers.openai_errors import error_of, presentable

OPTIONS = ("tenant_id", "client_id", "client_secret")
LIFETIME_S = 3600.0
_TIMEOUT_S = 30.0
_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}")  # a GUID, or a domain
_OPERATOR = "environment"
"""The id of credentials that stand in the server's own settings; those of organizations have others."""


class Cloud(NamedTuple):
    """Where one of Microsoft's clouds logs applications in, and for what a token is asked there."""

    login: str
    scope: str


PUBLIC = Cloud("https://login.microsoftonline.com", "https://cognitiveservices.azure.com/.default")
SOVEREIGN = {
    ".azure.us": Cloud("https://login.microsoftonline.us", "https://cognitiveservices.azure.us/.default"),
    ".azure.cn": Cloud("https://login.partner.microsoftonline.cn", "https://cognitiveservices.azure.cn/.default"),
}
"""By the end of the resource's host name."""


class _Token(msgspec.Struct):
    access_token: str
    expires_in: float = LIFETIME_S


class _Refusal(msgspec.Struct):
    error: str = ""
    error_description: str = ""


def is_application(credential: Credential) -> bool:
    """Whether all that an application needs is there."""
    return all(credential.option(name) for name in OPTIONS)


def token_url(credential: Credential) -> str:
    """The login service of the cloud that the resource lies in; the option `token_url` of the operator's own settings
    goes before. Raises ProviderNotConfigured for a tenant that is none: it becomes part of a path."""
    chosen = credential.option("token_url") if credential.id == _OPERATOR else ""
    if chosen:
        return chosen
    tenant = credential.option("tenant_id")
    if not _TENANT.fullmatch(tenant):
        raise ProviderNotConfigured(
            "Provider Configuration Error: the tenant_id of Azure is neither a GUID nor a domain", param="model"
        )
    return f"{_cloud_of(credential).login}/{tenant}/oauth2/v2.0/token"


def write_token_request(credential: Credential) -> tuple[Endpoint, Outgoing]:
    parts = urlsplit(token_url(credential))
    form = {
        "grant_type": "client_credentials",
        "client_id": credential.option("client_id"),
        "client_secret": credential.option("client_secret"),
        "scope": _cloud_of(credential).scope,
    }
    outgoing = Outgoing(
        parts.path or "/",
        urlencode(form).encode(),
        timeout_s=_TIMEOUT_S,
        content_type="application/x-www-form-urlencoded",
    )
    return Endpoint(f"{parts.scheme}://{parts.netloc}"), outgoing


def read_token(body: bytes) -> tuple[str, float]:
    """The access token, and for how many seconds it holds."""
    try:
        token = msgspec.json.decode(body, type=_Token, strict=False)  # older endpoints write the seconds as a text
    except msgspec.DecodeError:
        raise ProviderUnknown("the token endpoint's answer holds no access token") from None
    return token.access_token, token.expires_in


def read_refusal(status: int, headers: dict[bytes, bytes], body: bytes) -> ProviderError:
    """What the login service refuses is a matter of the application; its codes (AADSTS...) say what to change."""
    try:
        told = msgspec.json.decode(body, type=_Refusal)
    except msgspec.DecodeError:
        told = _Refusal()
    if status in (400, 401, 403, 404):
        why = presentable(told.error_description.partition("\n")[0].strip() or told.error or str(status))
        return ProviderAuth(f"Entra ID refused the configured application: {why}")
    return error_of(status, headers, msgspec.Raw(b"{}"))


def _cloud_of(credential: Credential) -> Cloud:
    host = urlsplit(credential.base_url).hostname or ""
    return next((cloud for end, cloud in SOVEREIGN.items() if host.endswith(end)), PUBLIC)


BY_APPLICATION = Exchange(write_token_request, read_token, read_refusal)
