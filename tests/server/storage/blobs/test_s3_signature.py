"""Our signatures of requests to S3 are those of the vendor's own SDK, byte by byte."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from portico.server.settings import Secret
from portico.server.storage.blobs.s3_request import Bucket, S3Requests

NOW = 1_795_211_198.0


@pytest.mark.parametrize(
    ("method", "key", "query", "body", "headers"),
    [
        ("GET", "a/b c+d", {}, b"", {"range": "bytes=1-2"}),
        ("PUT", "a/b", {"partNumber": "1", "uploadId": "x/y=="}, b"content", {}),
        ("GET", "", {"list-type": "2", "prefix": "po rtico/"}, b"", {}),
        ("POST", "ñ", {"uploads": ""}, b"", {}),
    ],
)
@pytest.mark.parametrize("token", ["", "a-session"])
def test_the_signature_is_botocore_s(
    method: str, key: str, query: dict[str, str], body: bytes, headers: dict[str, str], token: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    import datetime

    import botocore.auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    bucket = Bucket("https://s3.example.com/bucket", "eu-west-1", "key", Secret("secret"), Secret(token))
    sent: dict[str, Any] = {}

    class Taken:
        def request(self, method: str, url: str) -> Taken:
            sent["url"] = url
            return self

        def headers(self, headers: dict[str, str]) -> Taken:
            sent["headers"] = headers
            return self

        def body_bytes(self, body: bytes) -> Taken:
            return self

    ours = S3Requests(bucket, clock=lambda: NOW)
    monkeypatch.setattr(ours, "_pool", Taken)
    ours._build(method, key, query, body, headers)

    moment = datetime.datetime.fromtimestamp(NOW, datetime.UTC).replace(tzinfo=None)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: moment)
    theirs = AWSRequest(method, sent["url"], headers=dict(headers), data=body)
    assert urlencode(query).count("=") <= sent["url"].count("=")
    botocore.auth.S3SigV4Auth(Credentials("key", "secret", token or None), "s3", "eu-west-1").add_auth(theirs)
    assert sent["headers"]["authorization"] == theirs.headers["Authorization"]
