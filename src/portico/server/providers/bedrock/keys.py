"""A credential for Bedrock: where it leads, and what signs its requests. Two kinds: a key pair, or an API key."""

from __future__ import annotations

import re

from portico.server.errors import ProviderNotConfigured
from portico.server.providers.base import Credential, Endpoint
from portico.server.providers.bedrock.sigv4 import Signer
from portico.server.providers.origin import Origin

_HOST = re.compile(r"(://bedrock-runtime(?:-fips)?\.)([a-z0-9-]+)(\.amazonaws\.com(?:\.cn)?)")
_REGION_IN_HOST = re.compile(r"bedrock-runtime(?:-fips)?\.([a-z0-9-]+)\.")
_USUAL_REGION = "us-east-1"
_SERVICE = "bedrock"


def endpoint_of(credential: Credential) -> Endpoint:
    """Amazon's own host follows the option `region`; any other base URL stays as it is.

    Raises ProviderNotConfigured for a key that can be none.
    """
    base_url = credential.base_url.removesuffix("/")
    region = credential.option("region")
    if region:
        base_url = _HOST.sub(rf"\g<1>{region}\g<3>", base_url)
    _check(credential.key)
    return Endpoint(base_url) if ":" in credential.key else Endpoint.with_key(base_url, credential.key)


def signer_of(credential: Credential) -> Signer | None:
    """None for an API key, which goes out as `Authorization: Bearer` and needs no signature."""
    _check(credential.key)
    if ":" not in credential.key:
        return None
    access_key, secret, *token = credential.key.split(":", 2)
    origin = Origin.of(endpoint_of(credential).base_url)
    return Signer(
        access_key,
        secret,
        token[0] if token else "",
        region=region_of(credential),
        service=_SERVICE,
        host=origin.host_header,
    )


def region_of(credential: Credential) -> str:
    found = _REGION_IN_HOST.search(credential.base_url)
    return credential.option("region") or (found[1] if found else _USUAL_REGION)


def _check(key: str) -> None:
    parts = key.split(":", 2)
    if not key or (len(parts) > 1 and not all(parts)):
        raise ProviderNotConfigured(
            "Provider Configuration Error: the key of AWS Bedrock is ACCESS_KEY_ID:SECRET_ACCESS_KEY, "
            "with :SESSION_TOKEN behind it for temporary keys, or a Bedrock API key",
            param="model",
        )
