"""Vertex AI as a fake: Gemini under a project's address, for callers with an access token that it gave them itself."""

from __future__ import annotations

import base64
import json
import re
from functools import cache
from typing import Any
from urllib.parse import parse_qs

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.providers.fakes.base import ErrorKind, dumps, json_reply
from tests.providers.fakes.gemini import TYPES, GeminiFake
from tests.upstream import Asked, Reply

PROJECT, LOCATION = "fake-project", "europe-west4"
EMAIL = "portico@fake-project.iam.gserviceaccount.com"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@cache
def private_key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


@cache
def service_account() -> str:
    """The key file of a service account, as Google's console hands it out."""
    pem = private_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return json.dumps(
        {
            "type": "service_account",
            "project_id": PROJECT,
            "private_key_id": "key-1",
            "private_key": pem,
            "client_email": EMAIL,
            "client_id": "1",
            "token_uri": "https://oauth2.googleapis.com/token",
        }
    )


class VertexFake(GeminiFake):
    provider = "vertex_ai"
    fetches_images = False
    model = "vertex_ai/gemini-2.0-flash"
    reasoning_model = "vertex_ai/gemini-3.1-pro-preview"
    key = "ya29.fake-access-token-0123456789abcdefghij"
    has_call_ids = False

    def environ(self, url: str) -> dict[str, str]:
        return {
            f"{self.setting}_API_KEY": service_account(),
            f"{self.setting}_BASE_URL": url,
            f"{self.setting}_LOCATION": LOCATION,
            f"{self.setting}_TOKEN_URL": f"{url}/token",
        }

    def read_path(self, asked: Asked) -> tuple[str, str]:
        place = rf"/v1(?:beta1)?/projects/{PROJECT}/locations/{LOCATION}/publishers/google/models/"
        found = re.fullmatch(place + r"([\w.@-]+):(\w+)(\?alt=sse)?", asked.path)
        assert found is not None, asked.path
        return found[1], found[2]

    def problem(self, asked: Asked) -> str:
        if asked.path.startswith("/v1/") and any(part.id for part in self.heard(asked).parts("call", "result")):
            return "Invalid JSON payload received. Unknown name \"id\" at 'function_call': Cannot find field."
        return super().problem(asked)

    def aside(self, asked: Asked) -> Reply | None:
        return self.token(asked) if asked.path == "/token" else None

    def token(self, asked: Asked) -> Reply:
        """An access token for a signed assertion, as https://oauth2.googleapis.com/token gives it."""
        try:
            self._check(asked)
        except (ValueError, KeyError, InvalidSignature) as error:
            return json_reply(400, {"error": "invalid_grant", "error_description": f"Invalid JWT: {error!r}"})
        return json_reply(200, {"access_token": self.key, "expires_in": 3599, "token_type": "Bearer"})

    def _check(self, asked: Asked) -> None:
        form = parse_qs(asked.raw_body.decode())
        if form["grant_type"] != [GRANT] or "x-www-form-urlencoded" not in asked.headers["content-type"]:
            raise ValueError("unsupported grant type")
        told, _, signature = form["assertion"][0].rpartition(".")
        private_key().public_key().verify(_bytes(signature), told.encode(), PKCS1v15(), SHA256())
        head, claims = (json.loads(_bytes(part)) for part in told.split("."))
        if (head["alg"], head["kid"]) != ("RS256", "key-1"):
            raise ValueError("unknown key")
        if claims["iss"] != EMAIL or claims["aud"] != "https://oauth2.googleapis.com/token":
            raise ValueError("unknown issuer or audience")
        if not 0 < claims["exp"] - claims["iat"] <= 3600 or "cloud-platform" not in claims["scope"]:
            raise ValueError("bad lifetime or scope")

    def _refusal(self, kind: ErrorKind) -> dict[str, Any]:
        if kind == "wrong_key":
            reason = {"@type": f"{TYPES}ErrorInfo", "reason": "ACCESS_TOKEN_TYPE_UNSUPPORTED"}
            message = f"Request had invalid authentication credentials. {self.leak}"
            return {"code": 401, "message": message, "status": "UNAUTHENTICATED", "details": [reason]}
        if kind == "not_found":
            model = f"projects/{PROJECT}/locations/{LOCATION}/publishers/google/models/x"
            message = f"Publisher Model `{model}` was not found or your project does not have access to it."
            return {"code": 404, "message": message, "status": "NOT_FOUND"}
        return super()._refusal(kind)

    def error(self, kind: ErrorKind) -> Reply:
        reply = super().error(kind)
        if kind != "html":  # streams refuse with a list
            assert isinstance(reply.body, bytes)
            reply.body = b"[%b]" % reply.body if kind in ("overloaded", "too_long") else reply.body
        return reply

    def predictions(self, *predictions: Any) -> Reply:
        """The answer of `predict`."""
        body = dumps({"predictions": list(predictions)})
        return Reply(200, body, {"Content-Type": "application/json"})


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
