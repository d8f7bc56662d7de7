"""Bodies written by the adapter, checked against Amazon's own description of the API."""

from __future__ import annotations

import base64
import json
from functools import cache
from typing import Any

import botocore.session
import msgspec
from botocore.validate import ParamValidator

from portico.server.kit.clock import FixedClock
from portico.server.providers.base import Credential, Outgoing, Target, Traits, Turn
from portico.server.providers.bedrock import Bedrock
from portico.wire.model_ref import DirectModel
from portico.wire.requests import ChatRequest

CREDENTIAL = Credential("https://bedrock-runtime.us-east-1.amazonaws.com", "AKIDEXAMPLE:secret")
CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
OLD_CLAUDE = "anthropic.claude-3-5-sonnet-20241022-v2:0"
NOVA = "us.amazon.nova-2-lite-v1:0"
ADAPTER = Bedrock(FixedClock(1_763_640_000))


def chat(
    messages: Any = "Hi", *, stream: bool = False, effort: str = "", budget: int | None = None, **members: Any
) -> ChatRequest:
    said = [{"role": "user", "content": messages}] if isinstance(messages, str) else messages
    raw = {name: msgspec.Raw(json.dumps(value).encode()) for name, value in {"messages": said, **members}.items()}
    return ChatRequest(DirectModel("awsbedrock", "m"), raw, stream, effort=effort, budget=budget)


def target(model: str = NOVA, traits: Traits | None = None) -> Target:
    return Target("awsbedrock", model, model, ADAPTER, ADAPTER.endpoint(CREDENTIAL), CREDENTIAL, traits or Traits())


def written(request: ChatRequest, model: str = NOVA, traits: Traits | None = None) -> tuple[dict[str, Any], Turn]:
    """The body, which botocore must accept, and the turn."""
    turn = Turn(keep_usage=False, adjusted=[])
    outgoing = ADAPTER.write_chat(request, target(model, traits), turn)
    body = body_of(outgoing)
    check(body)
    return body, turn


def body_of(outgoing: Outgoing) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(outgoing.body)
    return body


def check(body: dict[str, Any]) -> None:
    """Raises AssertionError for what is not in the service model: unknown members, wrong types, bounds."""
    report = ParamValidator().validate({"modelId": "m", **_with_blobs(body)}, _shape())
    assert not report.has_errors(), report.generate_report()


@cache
def _shape() -> Any:
    return botocore.session.Session().get_service_model("bedrock-runtime").shape_for("ConverseRequest")


def _with_blobs(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_blobs(item) for item in value]
    if not isinstance(value, dict):
        return value
    blobs = ("bytes", "redactedContent")
    return {k: base64.b64decode(v) if k in blobs and isinstance(v, str) else _with_blobs(v) for k, v in value.items()}
