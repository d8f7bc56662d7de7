"""The grammar of `model`: `gpt-4o`, `openai/gpt-4o`, `saia:assistant:Name`, `saia:agent:Name:0:2`.

Source: Chat API reference, "Addressing". Names are kept as given; whether the thing exists is asked elsewhere.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

import msgspec

_AGENT = re.compile(r"(?P<name>.+?):(?P<version>\d{1,9})(?::(?P<revision>\d{1,9}))?", re.DOTALL)
_TYPES = ("agent", "flow", "assistant", "search")


class ModelRefError(ValueError):
    """The text is no model reference. `kind`: `type` (unknown saia type) or `pattern` (no provider/model)."""

    def __init__(self, kind: Literal["type", "pattern"]) -> None:
        super().__init__(kind)
        self.kind = kind


class DirectModel(msgspec.Struct, frozen=True, cache_hash=True):
    """`provider/name`; the name may hold `/`, `:` and `.`."""

    provider: str
    name: str


class BareModel(msgspec.Struct, frozen=True, cache_hash=True):
    """A name without provider, as the OpenAI SDK samples send it."""

    name: str


class AgentRef(msgspec.Struct, frozen=True):
    """An agent by name or UUID. `version` 0 = not known; None = the published one."""

    name: str
    version: int | None = None
    revision: int | None = None


class SaiaRef(msgspec.Struct, frozen=True):
    """A flow (bot id), an assistant (name or UUID) or a RAG assistant (name)."""

    type: Literal["flow", "assistant", "search"]
    name: str


ModelRef = DirectModel | BareModel | AgentRef | SaiaRef


@lru_cache(maxsize=4096)
def read_model_ref(text: str) -> ModelRef:
    """The reference that `text` spells. Raises ModelRefError."""
    head, colon, rest = text.partition(":")
    if colon and head.lower() == "saia":
        return _read_saia(rest)
    provider, slash, name = text.partition("/")
    if not slash:
        return BareModel(text)
    if not provider or not name:
        raise ModelRefError("pattern")
    return DirectModel(provider, name)


def _read_saia(rest: str) -> ModelRef:
    kind, colon, parameter = rest.partition(":")
    kind = kind.lower()
    if kind not in _TYPES:
        raise ModelRefError("type")
    if not colon or not parameter.strip():
        raise ModelRefError("pattern")
    if kind == "agent":
        return _read_agent(parameter)
    return SaiaRef(kind, parameter)  # type: ignore[arg-type]  # narrowed by the two tests above


def _read_agent(parameter: str) -> AgentRef:
    match = _AGENT.fullmatch(parameter)
    if match is None:
        return AgentRef(parameter)
    revision = match["revision"]
    return AgentRef(match["name"], int(match["version"]), int(revision) if revision else None)
