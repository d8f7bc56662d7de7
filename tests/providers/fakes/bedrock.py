"""AWS Bedrock's Converse and ConverseStream as a fake; a signature is checked with botocore's own signer."""

from __future__ import annotations

import base64
import json
import re
from datetime import datetime
from itertools import pairwise
from typing import Any
from urllib.parse import unquote

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.providers.fakes.aws_event_stream import event, exception
from tests.providers.fakes.base import (
    RETRY_AFTER_S,
    Call,
    Counts,
    ErrorKind,
    Fake,
    Finish,
    Heard,
    Part,
    Say,
    Spoken,
    Tool,
    dumps,
    html_reply,
    json_reply,
    verbatim,
)
from tests.upstream import Asked, Reply

REGION = "eu-west-1"
_PATH = re.compile(r"/model/([^/]+)/(converse|converse-stream)")
_STOPS: dict[Finish, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "guardrail_intervened",
}
_MIMES = {"pdf": "application/pdf", "txt": "text/plain"}


class BedrockFake(Fake):
    provider = "awsbedrock"
    model = "awsbedrock/amazon.nova-lite-v1:0"
    fetches_images = False
    reasoning_model = "awsbedrock/anthropic.claude-opus-4-6"
    key = "AKIAFAKE0123456789AB:fakeSecret0123456789/+abcdefghij"
    content_type = "application/vnd.amazon.eventstream"
    request_id = "5e1b2c3d-0000-4000-8000-00000000aaaa"
    call_id = re.compile(r"[a-zA-Z0-9_-]{1,64}")
    call_ids = ("tooluse_a1B2c3D4e5F6", "tooluse_g7H8i9J0k1L2")
    alternates = True
    signs_thoughts = True
    largest_temperature = 1.0
    efforts = (("Low", "low"), ("high", "high"), ("max", "max"), ("none", ""))
    clamped_efforts = (("minimal", "low"), ("xhigh", "max"))
    unsupported = (
        ("seed", 7),
        ("logprobs", True),
        ("frequency_penalty", 0.5),
        ("presence_penalty", 0.5),
        ("logit_bias", {"50256": -100}),
    )

    def environ(self, url: str) -> dict[str, str]:
        return {**super().environ(url), f"{self.setting}_REGION": REGION}

    def headers(self) -> dict[str, str]:
        return {"x-amzn-RequestId": self.request_id}

    def told(self, counts: Counts) -> Counts:
        """Thoughts are counted as output."""
        return Counts(counts.input, counts.cached, counts.completion, 0)

    # speaking -------------------------------------------------------------------------------------------------

    def answer(self, say: Say) -> bytes:
        content: list[dict[str, Any]] = []
        if say.reasoning:
            thought = {"text": say.whole_reasoning, **({"signature": say.signature} if say.signature else {})}
            content.append({"reasoningContent": {"reasoningText": thought}})
        if say.text:
            content.append({"text": say.whole_text})
        content += [{"toolUse": {"toolUseId": c.id, "name": c.name, "input": verbatim(c)}} for c in say.calls]
        return dumps(
            {
                "metrics": {"latencyMs": 321},
                "output": {"message": {"content": content, "role": "assistant"}},
                "stopReason": _STOPS[say.finish],
                "usage": _usage(say.counts),
            }
        )

    def begin_frames(self, say: Say) -> list[bytes]:
        frames = [_event("messageStart", {"p": "abcdefghijklmnop", "role": "assistant"})]
        index = 0
        if say.reasoning:
            deltas: list[dict[str, Any]] = [{"reasoningContent": {"text": piece}} for piece in say.reasoning]
            if say.signature:
                deltas.append({"reasoningContent": {"signature": say.signature}})
            frames += [*(_delta(delta, index) for delta in deltas), _stop(index)]
            index += 1
        if say.text:
            frames += [*(_delta({"text": piece}, index) for piece in say.text), _stop(index)]
            index += 1
        return frames + _calls(say.calls, index)

    def end_frames(self, say: Say) -> list[bytes]:
        return [
            _event("messageStop", {"p": "abcd", "stopReason": _STOPS[say.finish]}),
            _event("metadata", {"metrics": {"latencyMs": 321}, "p": "abcdef", "usage": _usage(say.counts)}),
        ]

    # refusing -------------------------------------------------------------------------------------------------

    def error(self, kind: ErrorKind) -> Reply:
        if kind == "html":
            return html_reply()
        status, name, message = self._refusal(kind)
        more = {"retry_after": str(RETRY_AFTER_S)} if kind == "rate_limit" else {}
        named = f"{name}:http://internal.amazon.com/coral/com.amazon.bedrock/"
        return json_reply(
            status, {"message": message}, x_amzn_ErrorType=named, x_amzn_RequestId=self.request_id, **more
        )

    def error_frame(self, kind: ErrorKind) -> bytes:
        _, name, message = self._refusal(kind)
        return exception(name[0].lower() + name[1:], dumps({"message": message}))

    def _refusal(self, kind: ErrorKind) -> tuple[int, str, str]:
        table: dict[ErrorKind, tuple[int, str, str]] = {
            "wrong_key": (403, "UnrecognizedClientException", f"The security token is invalid. {self.leak}"),
            "forbidden": (
                403,
                "AccessDeniedException",
                "You don't have access to the model with the specified model ID.",
            ),
            "not_found": (404, "ResourceNotFoundException", "Could not resolve the foundation model."),
            "rate_limit": (429, "ThrottlingException", "Too many requests, please wait before trying again."),
            "quota": (400, "ServiceQuotaExceededException", "Your account exceeded its quota."),
            "overloaded": (503, "ServiceUnavailableException", "Bedrock is unable to process your request."),
            "too_long": (400, "ValidationException", "Input is too long for requested model."),
            "bad_request": (400, "ValidationException", f"Malformed input request {self.leak}"),
        }
        return table[kind]

    # hearing --------------------------------------------------------------------------------------------------

    def heard(self, asked: Asked) -> Heard:
        found = _PATH.fullmatch(asked.path)
        assert found is not None, asked.path
        self._check_signature(asked)
        body = asked.body
        config = body.get("inferenceConfig") or {}
        fields = body.get("additionalModelRequestFields") or {}
        thinking = fields.get("thinking") or {}
        tools = body.get("toolConfig") or {}
        form = (body.get("outputConfig") or {}).get("textFormat") or {}
        turns = tuple(_read_turn(message) for message in body["messages"])
        _check_turns(turns, tools)
        only_one = (fields.get("tool_choice") or {}).get("disable_parallel_tool_use")
        return Heard(
            model=unquote(found[1]),
            stream=found[2] == "converse-stream",
            system="\n\n".join(block["text"] for block in body.get("system") or () if "text" in block),
            turns=turns,
            tools=tuple(_read_tool(tool["toolSpec"]) for tool in tools.get("tools") or () if "toolSpec" in tool),
            tool_choice=_read_choice(tools.get("toolChoice") or {}),
            parallel=False if only_one else None,
            max_tokens=config.get("maxTokens"),
            temperature=config.get("temperature"),
            top_p=config.get("topP"),
            stop=tuple(config.get("stopSequences") or ()),
            effort=(fields.get("output_config") or {}).get("effort", ""),
            budget=thinking.get("budget_tokens"),
            thinking=None if not thinking else thinking["type"] != "disabled",
            schema=json.loads(form["structure"]["jsonSchema"]["schema"]) if form else None,
            raw=body,
        )

    def _check_signature(self, asked: Asked) -> None:
        """As Amazon does: the request is signed once more with the secret, and both must be the same."""
        access_key, secret = self.key.split(":")
        given = asked.headers["authorization"]
        signed = re.search(r"SignedHeaders=([^,]+)", given)
        region = re.search(r"Credential=[^/]+/\d{8}/([^/]+)/bedrock/aws4_request", given)
        assert signed is not None and region is not None, given
        headers = {name: asked.headers[name] for name in signed[1].split(";") if name != "x-amz-date"}
        request = AWSRequest(
            method="POST", url=f"http://{asked.headers['host']}{asked.path}", data=asked.raw_body, headers=headers
        )
        at = datetime.strptime(asked.headers["x-amz-date"], "%Y%m%dT%H%M%SZ")
        signer = botocore.auth.SigV4Auth(Credentials(access_key, secret), "bedrock", region[1])
        request.context["timestamp"] = at.strftime("%Y%m%dT%H%M%SZ")
        request.headers["X-Amz-Date"] = request.context["timestamp"]
        signature = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
        assert given.endswith(f"Signature={signature}"), "the signature does not match the request"


def _event(kind: str, value: Any) -> bytes:
    return event(kind, dumps(value))


def _delta(delta: dict[str, Any], index: int) -> bytes:
    return _event("contentBlockDelta", {"contentBlockIndex": index, "delta": delta, "p": "abcdefgh"})


def _stop(index: int) -> bytes:
    return _event("contentBlockStop", {"contentBlockIndex": index, "p": "abcdefghijk"})


def _calls(calls: tuple[Call, ...], first: int) -> list[bytes]:
    """One block after the other; a call without input has no delta."""
    frames: list[bytes] = []
    for index, call in enumerate(calls, first):
        start = {"toolUse": {"name": call.name, "toolUseId": call.id}}
        frames.append(_event("contentBlockStart", {"contentBlockIndex": index, "p": "abc", "start": start}))
        frames += [_delta({"toolUse": {"input": piece}}, index) for piece in call.arguments]
        frames.append(_stop(index))
    return frames


def _usage(counts: Counts) -> dict[str, Any]:
    return {
        "inputTokens": counts.input,
        "outputTokens": counts.completion,
        "totalTokens": counts.prompt + counts.completion,
        "cacheReadInputTokens": counts.cached,
        "cacheWriteInputTokens": 0,
    }


def _read_tool(spec: dict[str, Any]) -> Tool:
    return Tool(spec["name"], spec["inputSchema"]["json"], spec.get("description", ""), spec.get("strict"))


def _read_choice(choice: dict[str, Any]) -> str:
    if "tool" in choice:
        return str(choice["tool"]["name"])
    return "required" if "any" in choice else "auto" if "auto" in choice else ""


def _read_turn(message: dict[str, Any]) -> Spoken:
    return Spoken(
        message["role"], tuple(_read_block(block) for block in message["content"] if "cachePoint" not in block)
    )


def _read_block(block: dict[str, Any]) -> Part:
    ((kind, inner),) = block.items()
    match kind:
        case "text":
            assert inner.strip(), "Bedrock refuses blank texts"
            return Part("text", text=inner)
        case "image":
            return Part("image", mime=f"image/{inner['format']}", **_source(inner["source"]))
        case "document":
            assert re.fullmatch(r"[A-Za-z0-9\s\-()\[\]]{1,200}", inner["name"]), inner["name"]
            return Part("file", mime=_MIMES[inner["format"]], name=inner["name"], **_source(inner["source"]))
        case "toolUse":
            assert isinstance(inner["input"], dict)
            return Part("call", id=inner["toolUseId"], name=inner["name"], value=inner["input"])
        case "toolResult":
            text = "".join(part.get("text", "") for part in inner["content"])
            return Part("result", id=inner["toolUseId"], text=text)
        case "reasoningContent":
            thought = inner["reasoningText"]
            return Part("reasoning", text=thought["text"], signature=thought["signature"])
    raise ValueError(f"Converse knows no block {kind}")


def _source(source: dict[str, Any]) -> dict[str, Any]:
    if "s3Location" in source:
        return {"url": source["s3Location"]["uri"]}
    return {"data": base64.b64decode(source["bytes"], validate=True)}


def _check_turns(turns: tuple[Spoken, ...], tools: dict[str, Any]) -> None:
    """What Converse refuses: turns that do not alternate, a first one of the assistant, calls without tools."""
    roles = [turn.role for turn in turns]
    assert roles[0] == "user" and all(a != b for a, b in pairwise(roles)), roles
    parts = [part.kind for turn in turns for part in turn.parts]
    assert tools.get("tools") or not {"call", "result"} & set(parts), "toolConfig must be defined"
    for turn in turns:
        kinds = {part.kind for part in turn.parts}
        assert "file" not in kinds or "text" in kinds, "a document needs a text beside it"
