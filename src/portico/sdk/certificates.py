"""The certificates of one's own authority: a PEM file in, its certificates out."""

from __future__ import annotations

import re
from pathlib import Path

from portico.sdk import errors


def read_certificates(file: str | None) -> list[bytes]:
    """The certificates of a PEM file one by one, as the HTTP library takes them. Raises ConfigurationError."""
    if not file:
        return []
    try:
        text = Path(file).expanduser().read_bytes()
    except OSError as error:
        raise errors.ConfigurationError(
            f"The certificate file {file} cannot be read: {error.strerror}.",
            hint="Check GEAI_SSL_CERT_PATH or ca_file.",
        ) from None
    found = re.findall(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n?", text, re.DOTALL)
    if not found:
        raise errors.ConfigurationError(f"{file} holds no certificate.", hint="It must be a PEM file.")
    return found
