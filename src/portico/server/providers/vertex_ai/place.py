"""Where Vertex AI is reached: host, project and location of a credential to addresses; and who serves a model there."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal, NamedTuple
from urllib.parse import quote

from portico.server.errors import ProviderNotConfigured
from portico.server.providers.base import Credential
from portico.server.providers.vertex_ai.account import read_account

Dialect = Literal["google", "anthropic", "mistral", "openai"]
_REGION = re.compile(r"^https?://([a-z0-9-]+)-aiplatform\.googleapis\.com")
_VERSIONED = re.compile(r"/v\d+(?:beta\d*)?(?:/projects/.*)?$")
_MULTI_REGIONS = frozenset({"us", "eu"})
_LOCATION = re.compile(r"[a-z0-9-]{1,40}")
_PLACE = re.compile(r"projects/(?P<project>[^/]+)/(?P<rest>locations/[^/]+/publishers/[^/]+/models/[^/]+)/")
_API_VERSION = re.compile(r"v\d+(?:beta\d*)?")


class Publisher(NamedTuple):
    name: str
    dialect: Dialect


PUBLISHERS: tuple[tuple[str, Publisher], ...] = (
    ("claude-", Publisher("anthropic", "anthropic")),
    ("mistral-", Publisher("mistralai", "mistral")),
    ("ministral-", Publisher("mistralai", "mistral")),
    ("codestral", Publisher("mistralai", "mistral")),
)
"""By the beginning of a model's name. Names with a `/` go to the OpenAI-compatible endpoint, others are Google's."""
_OPEN = Publisher("", "openai")
_GOOGLE = Publisher("google", "google")


@lru_cache(maxsize=4096)
def publisher_of(model: str) -> Publisher:
    for start, publisher in PUBLISHERS:
        if model.startswith(start):
            return publisher
    return _OPEN if "/" in model else _GOOGLE


def is_account(credential: Credential) -> bool:
    """Whether the key is the JSON of a service account."""
    return credential.key.lstrip().startswith("{") and not credential.option("access_token")


def is_api_key(credential: Credential) -> bool:
    """Express mode: neither an account nor an access token, which begins with `ya29.`."""
    return (
        bool(credential.key) and not credential.option("access_token") and not credential.key.startswith(("{", "ya29."))
    )


def base_url_of(credential: Credential) -> str:
    """The address of the location where none is set."""
    if credential.base_url:
        return credential.base_url
    location = location_of(credential)
    if location == "global":
        return "https://aiplatform.googleapis.com"
    if location in _MULTI_REGIONS:
        return f"https://aiplatform.{location}.rep.googleapis.com"
    return f"https://{location}-aiplatform.googleapis.com"


def location_of(credential: Credential) -> str:
    """The option `location` or `region`; else what the host says; else global.

    Raises ProviderNotConfigured for anything else than a location's name, which becomes part of a host's.
    """
    told = credential.option("location") or credential.option("region")
    if told and not _LOCATION.fullmatch(told):
        raise ProviderNotConfigured(
            "Provider Configuration Error: the location of 'vertex_ai' is no name of a location such as europe-west4",
            param="model",
        )
    if told:
        return told
    found = _REGION.match(credential.base_url)
    return found[1] if found else "global"


@lru_cache(maxsize=1024)
def prefix_of(credential: Credential) -> str:
    """The path of the project and location behind the base URL; without a project that of express mode.

    Raises ProviderNotConfigured when a project is needed and not known.
    """
    base_url = credential.base_url
    version = "" if _VERSIONED.search(base_url) else f"/{api_version(credential)}"
    if "/projects/" in base_url:
        return ""
    project = credential.option("project") or (
        read_account(credential.key).project_id if is_account(credential) else ""
    )
    if project:
        return f"{version}/projects/{quote(project, safe=':')}/locations/{quote(location_of(credential), safe='')}"
    if is_api_key(credential):
        return version
    raise ProviderNotConfigured(
        "Provider Configuration Error: provider 'vertex_ai' needs a project; set PORTICO_PROVIDER_VERTEX_AI_PROJECT",
        param="model",
    )


def api_version(credential: Credential) -> str:
    """`v1`, or the option `api_version`: v1beta1 has ids of tool calls."""
    asked = credential.option("api_version")
    return asked if _API_VERSION.fullmatch(asked) else "v1"


def may_lie_at(operation: str, credential: Credential, model: str) -> bool:
    """False when an operation (`projects/p/locations/l/publishers/google/models/m/operations/1`) names another place.

    A project has a number, too, which nobody tells us: it may be that of any id.
    """
    named = _PLACE.search(operation)
    ours = _PLACE.search(f"{base_url_of(credential)}{model_path(credential, model, 'google')}/")
    if named is None or ours is None:
        return True
    same_kind = named["project"].isdigit() == ours["project"].isdigit()
    return (named["project"] == ours["project"] or not same_kind) and named["rest"] == ours["rest"]


@lru_cache(maxsize=4096)
def model_path(credential: Credential, model: str, publisher: str) -> str:
    """The path of a model. Its name, which a caller may have chosen, never leaves its place in it."""
    return f"{prefix_of(credential)}/publishers/{publisher}/models/{quote(model, safe='@')}"
