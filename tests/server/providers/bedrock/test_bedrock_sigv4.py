"""Our signatures against those of Amazon's own library, and the credentials they are made from."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from portico.server.errors import ProviderNotConfigured
from portico.server.kit.clock import FixedClock
from portico.server.providers.base import Credential, Endpoint
from portico.server.providers.bedrock.keys import endpoint_of, region_of, signer_of
from portico.server.providers.bedrock.sigv4 import Signer

ACCESS, SECRET, TOKEN = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "FwoGZXIvYXdzE/token+=="
AT = datetime(2026, 11, 20, 12, 34, 56, tzinfo=UTC)
PATHS = [
    "/model/amazon.nova-lite-v1%3A0/converse",
    "/model/us.anthropic.claude-3-7-sonnet-20250219-v1%3A0/converse-stream",
    "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile%2Fabc123/converse",
    "/prefix/model/a~b_c.d-e/invoke",
]
BODIES = [b"{}", '{"messages":[{"role":"user","content":[{"text":"año 日本 😀"}]}]}'.encode(), b"x" * 300_000]


def botocore_headers(
    monkeypatch: pytest.MonkeyPatch, url: str, body: bytes, region: str, token: str | None
) -> dict[str, Any]:
    """The headers of botocore's signer at the moment `AT`."""
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda remove_tzinfo=True: AT.replace(tzinfo=None))
    request = AWSRequest(method="POST", url=url, data=body, headers={"Content-Type": "application/json"})
    botocore.auth.SigV4Auth(Credentials(ACCESS, SECRET, token), "bedrock", region).add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}


@pytest.mark.parametrize("token", ["", TOKEN], ids=["long-lived", "temporary"])
@pytest.mark.parametrize("body", BODIES, ids=["empty", "unicode", "long"])
@pytest.mark.parametrize("path", PATHS, ids=["colon", "profile", "arn", "prefix"])
@pytest.mark.parametrize(
    ("host", "region"),
    [("bedrock-runtime.eu-west-1.amazonaws.com", "eu-west-1"), ("127.0.0.1:8443", "us-east-1")],
    ids=["amazon", "port"],
)
def test_a_signature_is_the_one_of_botocore(
    monkeypatch: pytest.MonkeyPatch, host: str, region: str, path: str, body: bytes, token: str
) -> None:
    expected = botocore_headers(monkeypatch, f"https://{host}{path}", body, region, token or None)
    signer = Signer(ACCESS, SECRET, token, region=region, service="bedrock", host=host)
    ours = dict(signer.sign(path, body, "application/json", FixedClock(AT.timestamp())))
    assert ours["authorization"] == expected["authorization"]
    assert ours["x-amz-date"] == expected["x-amz-date"]
    assert ours.get("x-amz-security-token") == expected.get("x-amz-security-token")


def test_the_signing_key_changes_with_the_day(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FixedClock(AT.timestamp() - 86_400)
    signer = Signer(ACCESS, SECRET, "", region="us-east-1", service="bedrock", host="h.example")
    yesterday = dict(signer.sign("/a", b"{}", "application/json", clock))
    clock.move(86_400)
    today = dict(signer.sign("/a", b"{}", "application/json", clock))
    assert yesterday["authorization"] != today["authorization"]
    expected = botocore_headers(monkeypatch, "https://h.example/a", b"{}", "us-east-1", None)
    assert today["authorization"] == expected["authorization"]


def test_amazons_host_follows_the_region_and_others_stay() -> None:
    amazon = "https://bedrock-runtime.us-east-1.amazonaws.com"
    key = f"{ACCESS}:{SECRET}"
    moved = Credential(amazon, key, (("region", "eu-central-1"),))
    assert endpoint_of(moved) == Endpoint("https://bedrock-runtime.eu-central-1.amazonaws.com")
    assert region_of(moved) == "eu-central-1"
    private = Credential("https://vpce-1.bedrock-runtime.eu-west-3.vpce.amazonaws.com/", key)
    assert endpoint_of(private).base_url == "https://vpce-1.bedrock-runtime.eu-west-3.vpce.amazonaws.com"
    assert region_of(private) == "eu-west-3"
    assert region_of(Credential("http://127.0.0.1:1", key)) == "us-east-1"


def test_a_bedrock_api_key_goes_out_as_bearer_and_is_not_signed_with() -> None:
    credential = Credential("http://127.0.0.1:1", "ABSKQmVkcm9ja0FQSUtleQ==")
    assert endpoint_of(credential).headers == (("authorization", "Bearer ABSKQmVkcm9ja0FQSUtleQ=="),)
    assert signer_of(credential) is None


def test_a_session_token_may_hold_colons() -> None:
    signer = signer_of(Credential("http://127.0.0.1:1", "AKID:secret:tok:en"))
    assert signer is not None
    headers = dict(signer.sign("/a", b"", "application/json", FixedClock(0)))
    assert headers["x-amz-security-token"] == "tok:en"
    assert hashlib.sha256(b"secret").hexdigest() not in str(headers)


@pytest.mark.parametrize("key", ["", ":", "AKID:", ":secret", "AKID:secret:"])
def test_a_key_that_is_none_is_refused_with_the_form_it_must_have(key: str) -> None:
    with pytest.raises(ProviderNotConfigured, match="ACCESS_KEY_ID:SECRET_ACCESS_KEY"):
        endpoint_of(Credential("http://127.0.0.1:1", key))
