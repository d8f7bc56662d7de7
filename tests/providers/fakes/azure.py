"""Azure OpenAI as a fake: OpenAI's chat completions at the path of a deployment, with the findings of a content filter.

It lets in whoever brings its key, or an access token that it gave to its application.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.providers.fakes.base import RETRY_AFTER_S, ErrorKind, Heard, Say, dumps, html_reply, json_reply
from tests.providers.fakes.openai import OpenAIFake
from tests.upstream import Asked, Reply

TENANT = "11111111-2222-3333-4444-555555555555"
CLIENT = "66666666-7777-8888-9999-000000000000"
SECRET = "fake~Secret-of-an-application-0123456789"
SCOPE = "https://cognitiveservices.azure.com/.default"
API_VERSION = "2024-10-21"
KEY = "fake0azure0key0123456789abcdef"
SAFE = {"filtered": False, "severity": "safe"}
FINDINGS = {"hate": SAFE, "self_harm": SAFE, "sexual": SAFE, "violence": SAFE}
PROMPT_FINDINGS = [{"prompt_index": 0, "content_filter_results": {**FINDINGS, "jailbreak": {"filtered": False}}}]
_PATH = re.compile(r"/openai/(?:deployments/(?P<name>[^/]+)|v1)(?P<verb>/.*)")


class AzureFake(OpenAIFake):
    provider = "azure"
    model = "azure/gpt-4o-mini"
    reasoning_model = "azure/gpt-5.1"
    key = "eyJ0eXAiOiJKV1Qi.fake-access-token-0123456789"
    request_id = "11112222-3333-4444-5555-666677778888"

    def environ(self, url: str) -> dict[str, str]:
        return {
            f"{self.setting}_BASE_URL": url,
            f"{self.setting}_TENANT_ID": TENANT,
            f"{self.setting}_CLIENT_ID": CLIENT,
            f"{self.setting}_CLIENT_SECRET": SECRET,
            f"{self.setting}_TOKEN_URL": f"{url}/{TENANT}/oauth2/v2.0/token",
        }

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.key, KEY, SECRET)

    def headers(self) -> dict[str, str]:
        return {"apim-request-id": self.request_id, "x-ms-region": "Sweden Central"}

    # tokens ---------------------------------------------------------------------------------------------------

    def aside(self, asked: Asked) -> Reply | None:
        return self.token(asked) if asked.path.endswith("/oauth2/v2.0/token") else None

    def token(self, asked: Asked) -> Reply:
        """An access token for the application, as https://login.microsoftonline.com gives it."""
        form = {name: values[0] for name, values in parse_qs(asked.raw_body.decode()).items()}
        if "x-www-form-urlencoded" not in asked.headers["content-type"] or form.get("grant_type") != (
            "client_credentials"
        ):
            return _no_token(400, "unsupported_grant_type", "AADSTS70003: The grant type is not supported.")
        if asked.path != f"/{TENANT}/oauth2/v2.0/token":
            return _no_token(400, "invalid_request", "AADSTS90002: Tenant not found.")
        if form.get("scope") != SCOPE:
            return _no_token(400, "invalid_scope", "AADSTS70011: The provided value for 'scope' is not valid.")
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT, SECRET):
            return _no_token(401, "invalid_client", "AADSTS7000215: Invalid client secret provided.")
        token = {"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": self.key}
        return json_reply(200, token)

    # speaking -------------------------------------------------------------------------------------------------

    def answer(self, say: Say) -> bytes:
        body = json.loads(super().answer(say))
        body["choices"][0]["content_filter_results"] = FINDINGS
        return dumps({**body, "prompt_filter_results": PROMPT_FINDINGS})

    def begin_frames(self, say: Say) -> list[bytes]:
        """First what the filter found in the prompt, in a chunk without choices; what it found in the answer last."""
        first = {"choices": [], "created": 0, "id": "", "model": "", "object": ""}
        frames = [_event({**first, "prompt_filter_results": PROMPT_FINDINGS}), *super().begin_frames(say)]
        offsets = {"check_offset": 44, "start_offset": 44, "end_offset": 198}
        between = {"index": 0, "finish_reason": None, "content_filter_results": FINDINGS}
        frames.append(_event({**first, "choices": [{**between, "content_filter_offsets": offsets}]}))
        return frames

    def speak(self, say: Say, asked: Asked) -> Reply:
        return self.refused(asked) or super().speak(say, asked)

    def refused(self, asked: Asked) -> Reply | None:
        """A request without a key or a token, at a wrong path, or without a version."""
        headers = asked.headers
        if headers.get("authorization") != f"Bearer {self.key}" and headers.get("api-key") != KEY:
            return self.error("wrong_key")
        parts = urlsplit(asked.path)
        place = _PATH.fullmatch(parts.path)
        if place is None or (place["name"] and not parse_qs(parts.query).get("api-version")):
            return json_reply(404, {"error": {"code": "404", "message": "Resource not found"}})
        return None

    # refusing -------------------------------------------------------------------------------------------------

    def error(self, kind: ErrorKind) -> Reply:
        if kind == "html":
            return html_reply()
        status, error = self._refusal(kind)
        more = {"retry_after": str(RETRY_AFTER_S)} if kind == "rate_limit" else {}
        return json_reply(status, {"error": error}, apim_request_id=self.request_id, **more)

    def filtered(self) -> Reply:
        """The filter refuses the prompt."""
        found = {
            "jailbreak": {"filtered": False, "detected": False},
            "violence": {"filtered": True, "severity": "high"},
        }
        error = {
            "message": "The response was filtered due to the prompt triggering Azure's content management policy.",
            "type": None,
            "param": "prompt",
            "code": "content_filter",
            "status": 400,
            "innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": found},
        }
        return json_reply(400, {"error": error}, apim_request_id=self.request_id)

    def _refusal(self, kind: ErrorKind) -> tuple[int, dict[str, Any]]:
        table: dict[str, tuple[int, str, str]] = {
            "wrong_key": (
                401,
                "401",
                f"Access denied due to invalid subscription key or wrong API endpoint. {self.leak}",
            ),
            "forbidden": (403, "403", "Access denied due to Virtual Network/Firewall rules."),
            "not_found": (404, "DeploymentNotFound", "The API deployment for this resource does not exist."),
            "rate_limit": (429, "429", "Requests have exceeded the token rate limit of your current pricing tier."),
        }
        if kind not in table:
            return super()._refusal(kind)
        status, code, message = table[kind]
        return status, {"code": code, "message": message}

    # hearing --------------------------------------------------------------------------------------------------

    def heard(self, asked: Asked) -> Heard:
        place = _PATH.fullmatch(urlsplit(asked.path).path)
        assert place is not None and place["verb"] == "/chat/completions", asked.path
        heard = super().heard(asked)
        return replace(heard, model=unquote(place["name"]) if place["name"] else heard.model)


def _no_token(status: int, error: str, description: str) -> Reply:
    told = f"{description} Trace ID: 0 Correlation ID: 0 Timestamp: 2026-11-20 12:00:00Z"
    return json_reply(status, {"error": error, "error_description": told, "error_codes": [70011]})


def _event(value: Any) -> bytes:
    return b"data: %b\n\n" % dumps(value)
