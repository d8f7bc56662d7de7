"""Azure by itself: addresses for every verb, what goes out as proof, and tokens for applications of Entra ID."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from urllib.parse import parse_qs

import pytest
from tests.providers.fakes.azure import CLIENT, KEY, SCOPE, SECRET, TENANT, AzureFake
from tests.providers.translating import chat_request
from tests.upstream import Reply, Upstream

from portico.server.errors import ProviderAuth, ProviderError, ProviderNotConfigured, ProviderOvercapacity
from portico.server.kit.drive import run
from portico.server.providers.azure import Azure
from portico.server.providers.azure.entra import read_refusal, read_token, token_url, write_token_request
from portico.server.providers.base import Credential, Outgoing, Target, Traits, Turn
from portico.server.providers.openai_errors import presentable
from portico.server.providers.transport import Transport
from portico.wire.model_ref import DirectModel
from portico.wire.requests import (
    EmbeddingRequest,
    File,
    ImageRequest,
    ResponsesRequest,
    SpeechRequest,
    TranscriptionRequest,
)

RESOURCE = "https://res.openai.azure.com"
APPLICATION = (("client_id", CLIENT), ("client_secret", SECRET), ("tenant_id", TENANT))
REF = DirectModel("azure", "dep/loy ment")
VERSION = "?api-version=2024-10-21"
PLACE = "/openai/deployments/dep%2Floy%20ment"


def adapter() -> Azure:
    return Azure(Transport(request_timeout_s=60, gap_timeout_s=60, connect_timeout_s=60))


def target(base_url: str = RESOURCE, key: str = KEY, traits: Traits | None = None, **options: str) -> Target:
    azure = adapter()
    credential = Credential(base_url, key, tuple(options.items()))
    endpoint = azure.endpoint(credential)
    return Target("azure", "m", "dep/loy ment", azure, endpoint, credential, traits or Traits())


def written(aim: Target) -> dict[str, Outgoing]:
    """One request of every verb."""
    azure, turn, sound = aim.adapter, Turn(keep_usage=True), File(b"RIFF", "audio/wav", "a.wav")
    responses = ResponsesRequest(REF, {"input": b'"Hi"'})
    return {
        "/chat/completions": azure.write_chat(chat_request(), aim, turn),
        "/embeddings": azure.write_embeddings(EmbeddingRequest(REF, ["a"]), ["a"], aim),
        "/images/generations": azure.write_image(ImageRequest(REF, prompt="A hat"), aim, turn),
        "/audio/speech": azure.write_speech(SpeechRequest(REF, text="Hi", voice="alloy"), aim, turn),
        "/audio/transcriptions": azure.write_transcription(TranscriptionRequest(REF, file=sound), aim, turn),
        "/responses": azure.write_responses(responses, aim, turn),
    }


def test_every_verb_has_the_path_of_its_deployment() -> None:
    for path, outgoing in written(target()).items():
        expected = "/openai/v1/responses" if path == "/responses" else f"{PLACE}{path}{VERSION}"
        assert outgoing.path == expected


def test_the_newer_address_has_models_in_the_body() -> None:
    for path, outgoing in written(target(f"{RESOURCE}/openai/v1")).items():
        assert outgoing.path == path
        assert b"dep/loy ment" in outgoing.body


def test_another_version_is_an_option_and_stays_one_value() -> None:
    sent = target(api_version="2025-04-01-preview&x=/..")
    assert written(sent)["/embeddings"].path == f"{PLACE}/embeddings?api-version=2025-04-01-preview%26x%3D%2F.."


def test_a_model_of_the_responses_api_is_asked_there() -> None:
    aim = target(traits=Traits(api="responses"))
    assert written(aim)["/chat/completions"].path == "/openai/v1/responses"


@pytest.mark.parametrize("base_url", [RESOURCE, f"{RESOURCE}/openai"])
def test_a_key_goes_out_as_azure_wants_it(base_url: str) -> None:
    endpoint = target(base_url).endpoint
    assert endpoint is not None
    assert (endpoint.base_url, endpoint.headers) == (RESOURCE, (("api-key", KEY),))


def test_a_token_goes_before_a_key_and_an_application() -> None:
    endpoint = target(access_token="eyJ0", **dict(APPLICATION)).endpoint
    assert endpoint is not None and endpoint.headers == (("authorization", "Bearer eyJ0"),)
    assert target(**dict(APPLICATION)).endpoint is None, "found anew for each request"
    missing = target(**dict(APPLICATION[:2])).endpoint
    assert missing is not None and missing.headers == (("api-key", KEY),)


def test_findings_of_the_filter_alone_are_no_chunk() -> None:
    azure, turn = adapter(), Turn(keep_usage=True)
    first = b'{"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[]}'
    between = b'{"choices":[{"index":0,"finish_reason":null,"content_filter_results":{}}],"id":""}'
    assert azure.read_frame(first, chat_request(), turn) == ()
    assert azure.read_frame(between, chat_request(), turn) == ()
    last = b'{"choices":[{"index":0,"finish_reason":"content_filter","content_filter_results":{}}],"id":""}'
    assert len(azure.read_frame(last, chat_request(), turn)) == 1 and turn.finish_reason == "content_filter"


# applications -----------------------------------------------------------------------------------------------


def application(base_url: str = RESOURCE, id: str = "environment", **options: str) -> Credential:
    return Credential(base_url, "", tuple({**dict(APPLICATION), **options}.items()), id)


def test_an_application_asks_for_a_token() -> None:
    endpoint, outgoing = write_token_request(application())
    assert endpoint.base_url + outgoing.path == f"https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/token"
    assert outgoing.content_type == "application/x-www-form-urlencoded"
    form = {name: values[0] for name, values in parse_qs(outgoing.body.decode()).items()}
    assert form == {
        "grant_type": "client_credentials", "client_id": CLIENT, "client_secret": SECRET, "scope": SCOPE,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("host", "login", "scope"),
    [
        ("res.openai.azure.us", "login.microsoftonline.us", "https://cognitiveservices.azure.us/.default"),
        ("res.openai.azure.cn", "login.partner.microsoftonline.cn", "https://cognitiveservices.azure.cn/.default"),
        ("azure.us.example.com", "login.microsoftonline.com", SCOPE),
    ],
)
def test_sovereign_clouds_have_their_own_login(host: str, login: str, scope: str) -> None:
    endpoint, outgoing = write_token_request(application(f"https://{host}"))
    assert endpoint.base_url == f"https://{login}"
    assert parse_qs(outgoing.body.decode())["scope"] == [scope]


@pytest.mark.parametrize("tenant", ["", "../x", "a/b", "t@evil.example", "x\r\nhost: y", "a" * 300, ".", "-x?"])
def test_a_tenant_cannot_leave_its_place(tenant: str) -> None:
    with pytest.raises(ProviderNotConfigured, match="tenant_id"):
        token_url(application(tenant_id=tenant))


def test_only_the_operators_own_settings_name_another_token_endpoint() -> None:
    url = "https://login.example.com/token"
    assert token_url(application(token_url=url)) == url
    assert token_url(application(token_url=url, id="key-of-an-organization")).startswith("https://login.microsoft")


def test_seconds_may_be_a_text() -> None:
    assert read_token(b'{"access_token":"t","expires_in":"3599","token_type":"Bearer"}') == ("t", 3599.0)
    with pytest.raises(ProviderError):
        read_token(b"{}")


def test_hc26_a_refused_application_is_no_refused_caller() -> None:
    body = b'{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret.\\r\\nTrace ID: 1"}'
    error = read_refusal(401, {}, body)
    assert isinstance(error, ProviderAuth) and error.status == 502
    assert "AADSTS7000215: Invalid client secret." in error.message and "Trace" not in error.message
    assert isinstance(read_refusal(503, {}, b"<html>"), ProviderOvercapacity)
    assert isinstance(read_refusal(400, {}, b"<html>"), ProviderAuth)


@pytest.fixture
def entra() -> Iterator[Upstream]:
    with Upstream() as upstream:
        upstream.script = AzureFake().token
        yield upstream


def test_the_token_goes_with_the_request(entra: Upstream) -> None:
    credential = application(token_url=f"{entra.root}/{TENANT}/oauth2/v2.0/token")

    async def reach() -> None:
        transport = Transport(request_timeout_s=60, gap_timeout_s=60, connect_timeout_s=60)
        transport.start()
        azure = Azure(transport)
        aim = Target("azure", "m", "m", azure, azure.endpoint(credential), credential)
        try:
            entra.replies(Reply(401, b'{"error":"invalid_client"}'))
            with pytest.raises(ProviderAuth):
                await run(azure.reach(aim))
            entra.script = AzureFake().token
            for _ in range(2):
                endpoint = (await run(azure.reach(aim))).endpoint
                assert endpoint.base_url == RESOURCE
                assert endpoint.headers == (("authorization", f"Bearer {AzureFake.key}"),)
        finally:
            transport.close()

    asyncio.run(reach())
    assert len(entra.asked) == 2, "one refused, one good one that is kept"


def test_hc26_tokens_are_masked_in_messages() -> None:
    token = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJodHRwczovL2NvZ25pdGl2ZSJ9.c2lnbmF0dXJl-x_y"
    assert presentable(f"the token {token} has expired") == "the token *** has expired"
