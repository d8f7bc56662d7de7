"""AWS Signature Version 4 for the requests of Bedrock: a body in, the signing headers of its POST out.

Source: docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html, read 2026-11-20.
"""

from __future__ import annotations

import hashlib
from urllib.parse import quote

from portico.server.kit.clock import Clock
from portico.server.kit.sigv4 import SigningKey, amz_date
from portico.server.providers.base import Header


class Signer:
    """Signs POST requests to one host of one service with one key pair.

    `host` is the value of the Host header as it will be sent; `token` belongs to temporary keys.
    """

    def __init__(self, access_key: str, secret: str, token: str, *, region: str, service: str, host: str) -> None:
        self._key = SigningKey(access_key, secret, region=region, service=service)
        self._token = token
        self._host = host

    def sign(self, path: str, body: bytes, content_type: str, clock: Clock) -> tuple[Header, ...]:
        """Headers to send beside `host` and `content-type`. `path` is the path of the URL as it goes out, encoded.

        AWS encodes the path that it receives once more before it compares (all services but S3).
        """
        now = amz_date(clock())
        token_line = f"x-amz-security-token:{self._token}\n" if self._token else ""
        names = "content-type;host;x-amz-date" + (";x-amz-security-token" if self._token else "")
        canonical = (
            f"POST\n{quote(path, safe='/~')}\n\n"
            f"content-type:{content_type}\nhost:{self._host}\nx-amz-date:{now}\n{token_line}\n"
            f"{names}\n{hashlib.sha256(body).hexdigest()}"
        )
        headers = (("x-amz-date", now), ("authorization", self._key.authorize(canonical, names, now)))
        return (*headers, ("x-amz-security-token", self._token)) if self._token else headers
