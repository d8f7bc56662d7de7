"""What Converse answers and what ConverseStream sends, as far as it is read here; types only."""

from __future__ import annotations

import msgspec


class ToolUse(msgspec.Struct):
    toolUseId: str
    name: str
    input: msgspec.Raw = msgspec.Raw(b"")
    type: str = ""


class ReasoningText(msgspec.Struct):
    text: str = ""
    signature: str | None = None


class Reasoning(msgspec.Struct):
    reasoningText: ReasoningText | None = None
    redactedContent: str | None = None


class Web(msgspec.Struct):
    url: str = ""


class Location(msgspec.Struct):
    web: Web | None = None


class Citation(msgspec.Struct):
    title: str | None = None
    location: Location | None = None


class CitedText(msgspec.Struct):
    text: str = ""


class Citations(msgspec.Struct):
    content: list[CitedText] = []
    citations: list[Citation] = []


class Block(msgspec.Struct):
    text: str | None = None
    toolUse: ToolUse | None = None
    reasoningContent: Reasoning | None = None
    citationsContent: Citations | None = None


class Message(msgspec.Struct):
    content: list[Block] = []


class Output(msgspec.Struct):
    message: Message


class CacheDetail(msgspec.Struct):
    ttl: str = ""
    inputTokens: int = 0


class Usage(msgspec.Struct):
    inputTokens: int = 0
    outputTokens: int = 0
    cacheReadInputTokens: int | None = None
    cacheWriteInputTokens: int | None = None
    cacheDetails: list[CacheDetail] | None = None


class Whole(msgspec.Struct):
    output: Output
    stopReason: str
    usage: Usage | None = None


class ToolDelta(msgspec.Struct):
    input: str = ""


class ReasoningDelta(msgspec.Struct):
    text: str | None = None
    signature: str | None = None
    redactedContent: str | None = None


class Delta(msgspec.Struct):
    text: str | None = None
    toolUse: ToolDelta | None = None
    reasoningContent: ReasoningDelta | None = None
    citation: Citation | None = None


class DeltaEvent(msgspec.Struct):
    delta: Delta
    contentBlockIndex: int = 0


class Start(msgspec.Struct):
    toolUse: ToolUse | None = None


class StartEvent(msgspec.Struct):
    start: Start
    contentBlockIndex: int = 0


class StopEvent(msgspec.Struct):
    contentBlockIndex: int = 0


class MessageStop(msgspec.Struct):
    stopReason: str


class Metadata(msgspec.Struct):
    usage: Usage | None = None


WHOLE = msgspec.json.Decoder(Whole)
DELTA = msgspec.json.Decoder(DeltaEvent)
START = msgspec.json.Decoder(StartEvent)
STOP = msgspec.json.Decoder(StopEvent)
MESSAGE_STOP = msgspec.json.Decoder(MessageStop)
METADATA = msgspec.json.Decoder(Metadata)
