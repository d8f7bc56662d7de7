"""The name and the attributes of a request's span: GenAI semantic conventions, and what is ours under `portico.`.

Source: opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans, read 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Mapping

from portico.server.telemetry.line import Line

Value = str | int | float | bool | list[str]

_OPERATIONS: Mapping[str, str] = {
    "chat": "chat",
    "responses": "chat",
    "embedding": "embeddings",
    "image": "generate_content",
    "speech": "generate_content",
    "video": "generate_content",
}
"""Names the conventions know; an operation that they do not know keeps its own, as they allow."""
_PROVIDERS: Mapping[str, str] = {
    "awsbedrock": "aws.bedrock",
    "azure": "azure.ai.openai",
    "azure_ai_foundry": "azure.ai.inference",
    "bedrock": "aws.bedrock",
    "gemini": "gcp.gemini",
    "mistral": "mistral_ai",
    "vertex_ai": "gcp.vertex_ai",
    "xai": "x_ai",
}


def span_name(line: Line) -> str:
    operation = _OPERATIONS.get(line.operation, line.operation)
    return f"{operation} {line.model}" if line.model else operation


def attributes_of(line: Line) -> dict[str, Value]:
    """What is empty is left out."""
    attributes: dict[str, Value] = {
        "gen_ai.operation.name": _OPERATIONS.get(line.operation, line.operation),
        "gen_ai.request.stream": line.stream,
        "http.response.status_code": line.http_status,
        "portico.request.id": line.request_id,
        "portico.organization.id": line.organization_id,
        "portico.status": line.status,
        "portico.attempts": line.attempts,
        "portico.cost_usd": line.cost_picousd / 1e12,
    }
    provider = line.provider.lower()
    texts = {
        "gen_ai.provider.name": _PROVIDERS.get(provider, provider),
        "gen_ai.request.model": line.model,
        "gen_ai.response.model": line.target,
        "gen_ai.conversation.id": line.conversation_id,
        "gen_ai.agent.name": line.assistant,
        "error.type": (line.error or str(line.http_status)) if line.status == "failed" else "",
        "portico.project.id": line.project_id,
        "portico.cache": line.cache,
    }
    attributes |= {name: text for name, text in texts.items() if text}
    if line.finish_reason:
        attributes["gen_ai.response.finish_reasons"] = [line.finish_reason]
    if line.stream and line.status == "completed":
        attributes["gen_ai.response.time_to_first_chunk"] = line.first_byte_ms / 1000
    attributes |= _usage(line)
    return attributes


def _usage(line: Line) -> dict[str, Value]:
    """`input_tokens` and `output_tokens` are whole sums here, as the conventions want them; the others are parts."""
    written = line.cache_write_5m + line.cache_write_1h
    counts = {
        "gen_ai.usage.input_tokens": line.input_uncached + line.cache_read + written + line.audio_in,
        "gen_ai.usage.output_tokens": line.output_visible + line.reasoning + line.audio,
        "gen_ai.usage.cache_read.input_tokens": line.cache_read,
        "gen_ai.usage.cache_creation.input_tokens": written,
        "gen_ai.usage.reasoning.output_tokens": line.reasoning,
    }
    usage: dict[str, Value] = {name: count for name, count in counts.items() if count}
    if line.estimated:
        usage["portico.usage.estimated"] = True
    return usage
