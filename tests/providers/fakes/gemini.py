"""Google AI Studio as a fake: `generateContent`, and the rules by which it refuses a request."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

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

FINISH: dict[Finish, str] = {
    "stop": "STOP",
    "length": "MAX_TOKENS",
    "tool_calls": "STOP",
    "content_filter": "SAFETY",
}
TYPES = "type.googleapis.com/google.rpc."
OLD_SCHEMA = frozenset(
    {
        "type", "format", "title", "description", "nullable", "enum", "items", "properties", "required", "anyOf",
        "minItems", "maxItems", "minProperties", "maxProperties", "minimum", "maximum", "minLength", "maxLength",
        "pattern", "example", "default", "propertyOrdering",
    }
)  # fmt: skip
"""What the field `parameters` knows; it refuses any other keyword by name."""


class GeminiFake(Fake):
    provider = "gemini"
    model = "gemini/gemini-2.0-flash-exp"
    reasoning_model = "gemini/gemini-3.1-pro-preview"
    key = "AIzaSyFake-0123456789abcdefghijklmnopqr"
    alternates = True
    efforts = (("Low", "low"), ("high", "high"))
    clamped_efforts = (("none", "low"), ("minimal", "low"))
    unsupported = (("logit_bias", {"50256": -100}), ("parallel_tool_calls", False))
    response_id = "fake-response-1"

    # speaking -------------------------------------------------------------------------------------------------

    def answer(self, say: Say) -> bytes:
        return dumps(self._frame(list(self._parts(say, whole=True)), say.counts, FINISH[say.finish]))

    def begin_frames(self, say: Say) -> list[bytes]:
        return [self._event(self._frame([part])) for part in self._parts(say, whole=False)]

    def end_frames(self, say: Say) -> list[bytes]:
        return [self._event(self._frame([{"text": ""}], say.counts, FINISH[say.finish]))]

    def _parts(self, say: Say, *, whole: bool) -> Iterator[dict[str, Any]]:
        """Thoughts and texts in one part each, or piece by piece; calls are never cut."""
        for text in filter(None, [say.whole_reasoning] if whole else say.reasoning):
            yield {"text": text, "thought": True}
        texts = [text for text in ([say.whole_text] if whole else say.text) if text]
        for number, text in enumerate(texts, 1):
            signed = {"thoughtSignature": say.signature} if say.signature and number == len(texts) else {}
            yield {"text": text, **signed}
        for call in say.calls:
            yield self._call(call)

    def _call(self, call: Call) -> dict[str, Any]:
        function: dict[str, Any] = {"name": call.name, "args": verbatim(call)}
        if self.has_call_ids:
            function["id"] = call.id
        part: dict[str, Any] = {"functionCall": function}
        return {**part, "thoughtSignature": call.signature} if call.signature else part

    def _frame(self, parts: list[dict[str, Any]], counts: Counts | None = None, finish: str = "") -> dict[str, Any]:
        candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
        if finish:
            candidate["finishReason"] = finish
        usage = self._usage(counts) if counts else {"promptTokenCount": 8, "totalTokenCount": 8}
        return {
            "candidates": [candidate],
            "usageMetadata": usage,
            "modelVersion": "gemini-2.0-flash-001",
            "responseId": self.response_id,
        }

    def _usage(self, counts: Counts) -> dict[str, Any]:
        usage: dict[str, Any] = {
            "promptTokenCount": counts.prompt,
            "candidatesTokenCount": counts.output,
            "totalTokenCount": counts.prompt + counts.completion,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": counts.prompt}],
        }
        if counts.cached:
            usage["cachedContentTokenCount"] = counts.cached
            usage["cacheTokensDetails"] = [{"modality": "TEXT", "tokenCount": counts.cached}]
        return {**usage, "thoughtsTokenCount": counts.reasoning} if counts.reasoning else usage

    def _event(self, value: Any) -> bytes:
        return b"data: %b\r\n\r\n" % dumps(value)

    # refusing -------------------------------------------------------------------------------------------------

    def speak(self, say: Say, asked: Asked) -> Reply:
        problem = self.problem(asked)
        if problem:
            return json_reply(400, {"error": {"code": 400, "message": problem, "status": "INVALID_ARGUMENT"}})
        return super().speak(say, asked)

    def problem(self, asked: Asked) -> str:
        """Why Google would refuse the request; "" when it would not."""
        body, heard = asked.body, self.heard(asked)
        roles = [content["role"] for content in body["contents"]]
        if not roles or roles[0] != "user":
            return "Please ensure that multiturn requests start with a user turn."
        if any(a == b for a, b in pairwise(roles)):
            return "Please ensure that multiturn requests alternate between user and model."
        if any(part.get("text") == "" for content in body["contents"] for part in content["parts"]):
            return "Unable to submit request because it must have a text parameter."
        thinking = body.get("generationConfig", {}).get("thinkingConfig", {})
        if "thinkingBudget" in thinking and "thinkingLevel" in thinking:
            return "You can only set one of thinking budget and thinking level."
        return self._call_problem(heard) or next(filter(None, map(_schema_problem, _old_schemas(body))), "")

    def _call_problem(self, heard: Heard) -> str:
        for turn, following in pairwise([*heard.turns, Spoken("user")]):
            calls = [part for part in turn.parts if part.kind == "call"]
            if not calls:
                continue
            if re.match(r"gemini-[3-9]", heard.model) and not calls[0].signature:
                return f"Function call is missing a thought_signature in functionCall parts: {calls[0].name}."
            if len(calls) != len([part for part in following.parts if part.kind == "result"]):
                return "Please ensure that the number of function response parts is equal to that of the calls."
        return ""

    def error(self, kind: ErrorKind) -> Reply:
        if kind == "html":
            return html_reply()
        error = self._refusal(kind)
        return json_reply(error["code"], {"error": error})

    def error_frame(self, kind: ErrorKind) -> bytes:
        return self._event({"error": self._refusal(kind)})

    def _refusal(self, kind: ErrorKind) -> dict[str, Any]:
        minute, day = "GenerateRequestsPerMinutePerProjectPerModel", "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
        table: dict[str, tuple[int, str, str, list[Any]]] = {
            "wrong_key": (
                400,
                f"API key not valid. Please pass a valid API key. {self.leak}",
                "INVALID_ARGUMENT",
                [{"@type": f"{TYPES}ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"}],
            ),
            "forbidden": (403, "The caller does not have permission", "PERMISSION_DENIED", []),
            "not_found": (404, "models/x is not found for API version v1beta.", "NOT_FOUND", []),
            "rate_limit": (429, "Resource has been exhausted.", "RESOURCE_EXHAUSTED", _limits(minute)),
            "quota": (429, "You exceeded your current quota.", "RESOURCE_EXHAUSTED", _limits(day)),
            "overloaded": (503, "The model is overloaded. Please try again later.", "UNAVAILABLE", []),
            "too_long": (
                400,
                "The input token count (1048577) exceeds the maximum number of tokens allowed (1048576).",
                "INVALID_ARGUMENT",
                [],
            ),
            "bad_request": (400, f"Invalid value at 'contents' {self.leak}", "INVALID_ARGUMENT", []),
        }
        code, message, status, details = table[kind]
        error: dict[str, Any] = {"code": code, "message": message, "status": status}
        return {**error, "details": details} if details else error

    # hearing --------------------------------------------------------------------------------------------------

    def read_path(self, asked: Asked) -> tuple[str, str]:
        """Model and verb."""
        found = re.fullmatch(r"/v1(?:beta)?/models/([\w.@-]+):(\w+)(\?alt=sse)?", asked.path)
        assert found is not None, asked.path
        return found[1], found[2]

    def heard(self, asked: Asked) -> Heard:
        body, (model, verb) = asked.body, self.read_path(asked)
        config = body.get("generationConfig") or {}
        thinking = config.get("thinkingConfig") or {}
        schema = config.get("responseJsonSchema", config.get("responseSchema"))
        system = body.get("systemInstruction") or {"parts": []}
        return Heard(
            model=model,
            stream=verb == "streamGenerateContent",
            system="\n\n".join(part["text"] for part in system["parts"]),
            turns=tuple(_read_turn(content) for content in body["contents"]),
            tools=tuple(_read_tool(one) for tool in body.get("tools") or () for one in _declared(tool)),
            tool_choice=_read_choice((body.get("toolConfig") or {}).get("functionCallingConfig") or {}),
            max_tokens=config.get("maxOutputTokens"),
            temperature=config.get("temperature"),
            top_p=config.get("topP"),
            seed=config.get("seed"),
            stop=tuple(config.get("stopSequences") or ()),
            effort=(thinking.get("thinkingLevel") or thinking.get("thinking_level") or "").lower(),
            budget=thinking.get("thinkingBudget", thinking.get("thinking_budget")),
            schema=schema,
            json_object=schema is None and config.get("responseMimeType") == "application/json",
            raw=body,
        )


def _limits(quota: str) -> list[dict[str, Any]]:
    return [
        {"@type": f"{TYPES}QuotaFailure", "violations": [{"quotaId": quota, "quotaValue": "5"}]},
        {"@type": f"{TYPES}RetryInfo", "retryDelay": f"{RETRY_AFTER_S}s"},
    ]


def _declared(tool: dict[str, Any]) -> list[dict[str, Any]]:
    declared: list[dict[str, Any]] = tool.get("functionDeclarations") or []
    return declared


def _old_schemas(body: dict[str, Any]) -> Iterator[Any]:
    for tool in body.get("tools") or ():
        for declared in _declared(tool):
            yield declared.get("parameters")
    yield (body.get("generationConfig") or {}).get("responseSchema")


def _schema_problem(schema: Any) -> str:
    if not isinstance(schema, dict):
        return ""
    unknown = schema.keys() - OLD_SCHEMA
    if unknown:
        return f'Invalid JSON payload received. Unknown name "{min(unknown)}"'
    if schema.get("type") == "ARRAY" and "items" not in schema:
        return "parameters.properties[rows].items: missing field."
    if "enum" in schema and not all(isinstance(value, str) for value in schema["enum"]):
        return "Invalid value at 'enum' (TYPE_STRING)"
    inner = [schema.get("items"), *(schema.get("properties") or {}).values(), *(schema.get("anyOf") or ())]
    return next(filter(None, map(_schema_problem, inner)), "")


def _read_tool(declared: dict[str, Any]) -> Tool:
    schema = declared.get("parametersJsonSchema") or declared.get("parameters_json_schema")
    schema = schema or declared.get("parameters")
    return Tool(declared["name"], schema, declared.get("description", ""))


def _read_choice(config: dict[str, Any]) -> str:
    names = config.get("allowedFunctionNames")
    modes = {"AUTO": "auto", "NONE": "none", "ANY": "required"}
    return str(names[0]) if names else modes.get(config.get("mode", ""), "")


def _read_turn(content: dict[str, Any]) -> Spoken:
    role = "assistant" if content["role"] == "model" else "user"
    return Spoken(role, tuple(_read_part(part) for part in content["parts"]))


def _read_part(part: dict[str, Any]) -> Part:
    signature = part.get("thoughtSignature", "")
    if "functionCall" in part:
        call = part["functionCall"]
        return Part("call", id=call.get("id", ""), name=call["name"], value=call["args"], signature=signature)
    if "functionResponse" in part:
        told = part["functionResponse"]
        response = told["response"]
        text = response["output"] if response.keys() == {"output"} else json.dumps(response)
        return Part("result", text=text, id=told.get("id", ""), name=told["name"])
    if "inlineData" in part:
        blob = part["inlineData"]
        mime = blob.get("mimeType") or blob["mime_type"]  # as protobuf has it, Google reads both spellings
        kind = "image" if mime.startswith("image/") else "file"
        return Part(kind, mime=mime, data=_bytes(blob["data"]))
    if "fileData" in part:
        mime = part["fileData"].get("mimeType", "")
        return Part("image" if mime.startswith("image/") else "file", mime=mime, url=part["fileData"]["fileUri"])
    return Part("reasoning" if part.get("thought") else "text", text=part["text"], signature=signature)


def _bytes(text: str) -> bytes:
    """Google reads both alphabets; its SDK writes the one for addresses."""
    return base64.b64decode(text, altchars=b"-_" if {"-", "_"} & set(text) else None)
