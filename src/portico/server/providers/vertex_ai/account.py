"""A Google service account: its JSON to a signed assertion, and the answer to that to an access token; pure.

Source: https://developers.google.com/identity/protocols/oauth2/service-account#httprest.
"""

from __future__ import annotations

import base64
import time
from functools import lru_cache
from urllib.parse import urlencode, urlsplit

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from portico.server.errors import ProviderAuth, ProviderError, ProviderNotConfigured, ProviderUnknown
from portico.server.providers.access_tokens import Exchange
from portico.server.providers.base import Credential, Endpoint, Outgoing
from portico.server.providers.gemini.errors import read_google_error

TOKEN_URL = "https://oauth2.googleapis.com/token"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
LIFETIME_S = 3600
_TIMEOUT_S = 30.0
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_OLD_TOKEN_HOST = "accounts.google.com"  # written into accounts made before 2018; it still answers elsewhere
_OPERATOR = "environment"
"""The id of credentials that stand in the server's own settings; those of organizations have others."""
_encode = msgspec.json.Encoder().encode


class ServiceAccount(msgspec.Struct, frozen=True):
    client_email: str
    private_key: str
    private_key_id: str = ""
    project_id: str = ""
    token_uri: str = ""

    def __repr__(self) -> str:
        return f"ServiceAccount({self.client_email!r}, key=***)"


class _Token(msgspec.Struct):
    access_token: str
    expires_in: float = LIFETIME_S


@lru_cache(maxsize=256)
def read_account(text: str) -> ServiceAccount:
    """Raises ProviderNotConfigured when the JSON is not that of a service account."""
    try:
        return msgspec.json.decode(text, type=ServiceAccount)
    except msgspec.DecodeError:
        raise ProviderNotConfigured(
            "Provider Configuration Error: the key of 'vertex_ai' begins like JSON but is not the key file of a "
            "service account (client_email, private_key); set it to the whole content of that file",
            param="model",
        ) from None


def token_url(account: ServiceAccount, credential: Credential) -> str:
    """Where the token is had: the option `token_url` of the operator's own settings, else Google.

    Raises ProviderNotConfigured for an account that names any other host: a key that somebody was handed must not
    send signed assertions, and with them this server, to an address of its author's choice.
    """
    chosen = credential.option("token_url") if credential.id == _OPERATOR else ""
    if chosen:
        return chosen
    parts = urlsplit(account.token_uri or TOKEN_URL)
    host = parts.hostname or ""
    if host == _OLD_TOKEN_HOST:
        return TOKEN_URL
    if parts.scheme == "https" and (host == "googleapis.com" or host.endswith(".googleapis.com")) and not parts.port:
        return account.token_uri or TOKEN_URL
    raise ProviderNotConfigured(
        "Provider Configuration Error: the service account of 'vertex_ai' names a token_uri that is not Google's; "
        "set PORTICO_PROVIDER_VERTEX_AI_TOKEN_URL if it is meant",
        param="model",
    )


def write_token_request(account: ServiceAccount, credential: Credential, now: float) -> tuple[Endpoint, Outgoing]:
    """`now` in Unix seconds."""
    parts = urlsplit(token_url(account, credential))
    body = urlencode({"grant_type": _GRANT, "assertion": sign(account, now)}).encode()
    outgoing = Outgoing(parts.path or "/", body, timeout_s=_TIMEOUT_S, content_type="application/x-www-form-urlencoded")
    return Endpoint(f"{parts.scheme}://{parts.netloc}"), outgoing


def sign(account: ServiceAccount, now: float) -> str:
    """A JSON web token by RS256. Raises ProviderNotConfigured for a key that is none."""
    head = {"alg": "RS256", "typ": "JWT", "kid": account.private_key_id}
    audience = account.token_uri if account.token_uri.startswith("https://oauth2.") else TOKEN_URL
    issued = int(now)
    claims = {
        "iss": account.client_email,
        "scope": SCOPE,
        "aud": audience,
        "iat": issued,
        "exp": issued + LIFETIME_S,
    }
    told = f"{_base64(_encode(head))}.{_base64(_encode(claims))}"
    signature = _private_key(account.private_key).sign(told.encode(), PKCS1v15(), SHA256())
    return f"{told}.{_base64(signature)}"


@lru_cache(maxsize=256)
def _private_key(text: str) -> RSAPrivateKey:
    try:
        key = load_pem_private_key(text.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPrivateKey):
        raise ProviderNotConfigured(
            "Provider Configuration Error: the private_key in the service account of 'vertex_ai' is not an RSA key "
            "in PEM form; its line breaks are written as \\n in the file",
            param="model",
        )
    return key


def read_token(body: bytes) -> tuple[str, float]:
    """The access token, and for how many seconds it holds."""
    try:
        token = msgspec.json.decode(body, type=_Token)
    except msgspec.DecodeError:
        raise ProviderUnknown("the token endpoint's answer holds no access token") from None
    return token.access_token, token.expires_in


def read_refusal(status: int, headers: dict[bytes, bytes], body: bytes) -> ProviderError:
    """What the token endpoint refuses is a matter of the account, whatever its status says."""
    error = read_google_error(status, headers, body)
    if status in (400, 401, 403, 404):
        return ProviderAuth(f"Google refused the configured service account: {error.message}")
    return error


def _write(credential: Credential) -> tuple[Endpoint, Outgoing]:
    return write_token_request(read_account(credential.key), credential, time.time())


BY_ACCOUNT = Exchange(_write, read_token, read_refusal)
"""A service account's JSON as the key becomes an access token."""


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
