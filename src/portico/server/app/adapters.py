"""Which class speaks which protocol: the catalogue's `adapter` to an Adapter, loaded when a provider first needs it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module

from portico.server.providers.base import Adapter
from portico.server.providers.transport import Transport

CLASSES: Mapping[str, str] = {
    "openai": "openai:OpenAI",
    "anthropic": "anthropic:Anthropic",
    "azure": "azure:Azure",
    "bedrock": "bedrock:Bedrock",
    "cohere": "cohere:Cohere",
    "gemini": "gemini:Gemini",
    "mistral": "mistral:Mistral",
    "ollama": "ollama:Ollama",
    "vertex_ai": "vertex_ai:VertexAI",
}
"""Module under `portico.server.providers`, and the class in it."""
WITH_TRANSPORT = frozenset({"azure", "vertex_ai"})
"""Those that fetch access tokens: their class takes the transport."""


class Adapters(Mapping[str, Adapter]):
    """One adapter per protocol and process. `made` are those that need more than their class, such as the local one."""

    def __init__(self, made: Mapping[str, Adapter], transport: Transport) -> None:
        self._made = dict(made)
        self._transport = transport

    def __getitem__(self, name: str) -> Adapter:
        adapter = self._made.get(name)
        if adapter is None:
            module, _, cls = CLASSES[name].partition(":")
            needed = (self._transport,) if name in WITH_TRANSPORT else ()
            adapter = self._made[name] = getattr(import_module(f"portico.server.providers.{module}"), cls)(*needed)
        return adapter

    def __iter__(self) -> Iterator[str]:
        return iter({*CLASSES, *self._made})

    def __len__(self) -> int:
        return len({*CLASSES, *self._made})
