"""Passwords of protected documents: sealed where they are kept, beside the other parameters of the reading."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from portico.server.settings import Secret
from portico.server.storage.search_profiles import ProfileKey
from portico.server.storage.secrets import InstallationKey, SecretBox

PASSWORD = "password"
_PURPOSE = "passwords of documents"
Parameters = Mapping[str, Any]


def seal_password(key: InstallationKey, place: ProfileKey, parameters: Parameters) -> Parameters:
    """The parameters as they are stored."""
    if not parameters.get(PASSWORD):
        return parameters
    sealed = SecretBox([key], _PURPOSE).seal(Secret(str(parameters[PASSWORD])), _context(place))
    return {**parameters, PASSWORD: base64.b64encode(sealed).decode()}


def open_password(key: InstallationKey, place: ProfileKey, parameters: Parameters) -> Parameters:
    """The parameters as they were given; without the password when it was sealed under a key that is lost."""
    if not parameters.get(PASSWORD):
        return parameters
    others = {name: value for name, value in parameters.items() if name != PASSWORD}
    try:
        sealed = base64.b64decode(str(parameters[PASSWORD]), validate=True)
        return {**others, PASSWORD: SecretBox([key], _PURPOSE).open(sealed, _context(place)).encode().decode()}
    except ValueError:  # no base64, or SealBroken
        return others


def _context(place: ProfileKey) -> str:
    return f"{place.organization_id}/{place.project_id}/{place.profile_id}"
