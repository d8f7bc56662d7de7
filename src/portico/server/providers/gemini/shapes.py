"""What `generateContent` answers, as far as it is read: one shape for whole answers and for the frames of a stream."""

from __future__ import annotations

import msgspec

from portico.server.providers.gemini.finish import Usage
from portico.server.providers.gemini.grounding import Grounding

NONE = msgspec.Raw(b"")


class FunctionCall(msgspec.Struct, gc=False):
    name: str = ""
    args: msgspec.Raw = NONE
    id: str = ""


class Blob(msgspec.Struct, gc=False):
    mimeType: str = ""
    data: str = ""


class Code(msgspec.Struct, gc=False):
    code: str = ""
    language: str = ""
    output: str = ""
    outcome: str = ""


class Part(msgspec.Struct, gc=False):
    text: str | None = None
    thought: bool = False
    functionCall: FunctionCall | None = None
    thoughtSignature: str = ""
    inlineData: Blob | None = None
    executableCode: Code | None = None
    codeExecutionResult: Code | None = None


class Content(msgspec.Struct, gc=False):
    parts: list[Part] | None = None


class TokenChance(msgspec.Struct, gc=False):
    token: str = ""
    logProbability: float | str = 0.0


class TopChances(msgspec.Struct, gc=False):
    candidates: list[TokenChance] | None = None


class Chances(msgspec.Struct, gc=False):
    chosenCandidates: list[TokenChance] | None = None
    topCandidates: list[TopChances] | None = None


class Candidate(msgspec.Struct, gc=False):
    content: Content | None = None
    finishReason: str = ""
    index: int = 0
    finishMessage: str = ""
    groundingMetadata: Grounding | None = None
    logprobsResult: Chances | None = None


class Feedback(msgspec.Struct, gc=False):
    blockReason: str = ""
    blockReasonMessage: str = ""


class Answer(msgspec.Struct, gc=False):
    candidates: list[Candidate] | None = None
    usageMetadata: Usage | None = None
    modelVersion: str = ""
    responseId: str = ""
    promptFeedback: Feedback | None = None
    error: msgspec.Raw = NONE


ANSWER = msgspec.json.Decoder(Answer)
