"""The heart of AWS Signature Version 4, with the standard library alone: a canonical request in, its Authorization out.

Source: docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html, read 2026-11-20.
"""

from __future__ import annotations

import hashlib
import hmac
import time

_ALGORITHM = "AWS4-HMAC-SHA256"


def amz_date(seconds: float) -> str:
    """Unix seconds as the header `x-amz-date` has them."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(seconds))


class SigningKey:
    """One key pair for one service in one region; the day's signing key is made once."""

    def __init__(self, access_key: str, secret: str, *, region: str, service: str) -> None:
        self._access_key = access_key
        self._secret = secret
        self._region = region
        self._service = service
        self._day = ""
        self._day_key = b""

    def authorize(self, canonical: str, signed_headers: str, now: str) -> str:
        """The value of the header `authorization`; `now` as `amz_date` writes it, `signed_headers` with semicolons."""
        scope = f"{now[:8]}/{self._region}/{self._service}/aws4_request"
        text = f"{_ALGORITHM}\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        signature = hmac.digest(self._key_of(now[:8]), text.encode(), "sha256").hex()
        return (
            f"{_ALGORITHM} Credential={self._access_key}/{scope}, SignedHeaders={signed_headers}, Signature={signature}"
        )

    def _key_of(self, day: str) -> bytes:
        if day != self._day:
            key = f"AWS4{self._secret}".encode()
            for part in (day, self._region, self._service, "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._day, self._day_key = day, key
        return self._day_key
