"""Catalog entries as values: what a provider and a model are. Read from TOML by `load.py`, found by `find.py`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

ModelType = Literal["Chat", "Embedding", "Image", "Rerank", "Audio", "Video"]
ModelStatus = Literal["active", "hidden", "deprecated"]


@dataclass(frozen=True, slots=True)
class Price:
    """Micro-USD per million tokens; 0 where unknown. A price is applied once, to disjoint token counts."""

    input: int = 0
    cached_input: int = 0
    output: int = 0


@dataclass(frozen=True, slots=True)
class Parameter:
    """One request parameter of a model, as `parameters` of the LLM API reports it."""

    supported: bool
    allowed_values: tuple[float, ...] | None = None
    range: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class Reasoning:
    """What a model accepts on thinking; the gateway clamps a request to it. Budgets count tokens.

    `sampling` says when temperature and top_p are accepted, `tools_with_reasoning` on which upstream API tools may be
    joined with an effort other than none. No `effort_values` and mode `none`: the model does not think on demand.
    """

    effort_values: tuple[str, ...] = ()
    effort_default: str = ""
    thinking_mode: Literal["none", "budget", "adaptive", "adaptive_always", "level"] = "none"
    budget_min: int = 0
    budget_max: int = 0
    can_disable: bool = True
    sampling: Literal["always", "when_not_thinking", "never"] = "always"
    tools_with_reasoning: Literal["chat", "responses"] = "chat"


@dataclass(frozen=True, slots=True)
class Model:
    """One model. Windows and limits count tokens (0 = unknown); `descriptions` is keyed by en, es, pt, ja.

    `api = "responses"`: the provider serves it through its Responses API only. `system_role = False`: it refuses
    system messages. `path`: the GGUF file of a local model of one's own. `requirements`: `size_bytes`, `memory_bytes`.
    """

    id: str
    provider: str
    name: str
    type: ModelType
    descriptions: Mapping[str, str]
    context_window: int = 0
    max_output: int = 0
    priority: int = 100
    is_custom: bool = False
    status: ModelStatus = "active"
    fallback: str = ""
    streaming: bool = False
    tool_calling: bool = False
    function_calling: bool = False
    tool_choice: bool = False
    multimodal: bool = False
    dimensions: int = 0
    flexible_dimensions: bool = False
    input_types: tuple[str, ...] = ()
    upstream_name: str = ""
    price: Price = Price()
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    media: Mapping[str, Mapping[str, int | tuple[str, ...]]] = field(default_factory=dict)
    requirements: Mapping[str, int] = field(default_factory=dict)
    source: str = ""
    reasoning: Reasoning = Reasoning()
    api: Literal["chat", "responses"] = "chat"
    system_role: bool = True
    path: str = ""

    @property
    def full_name(self) -> str:
        return f"{self.provider.lower()}/{self.name}"


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider: how it is called, which adapter speaks to it, where it is reached.

    `open_names`: any model name is passed on, listed or not. `replacements`: retired names, or a beginning and `*`,
    with the model that answers for them. `needs_base_url`: each customer has an address of his own.
    """

    name: str
    friendly_name: str
    descriptions: Mapping[str, str]
    adapter: str
    base_url: str = ""
    aliases: tuple[str, ...] = ()
    needs_key: bool = True
    needs_base_url: bool = False
    open_names: bool = False
    replacements: Mapping[str, str] = field(default_factory=dict)
    models: tuple[Model, ...] = ()
    source: str = ""

    @property
    def key_setting(self) -> str:
        """Name of the environment variable that gives this provider its key."""
        return f"PORTICO_PROVIDER_{self.name.upper().replace('-', '_')}_API_KEY"

    @property
    def base_url_setting(self) -> str:
        return f"PORTICO_PROVIDER_{self.name.upper().replace('-', '_')}_BASE_URL"

    def missing_setting(self, keys: Collection[str], urls: Collection[str]) -> str:
        """Name of the first setting this provider still needs, or "". `keys` and `urls` hold lower-case names."""
        name = self.name.lower().replace("-", "_")
        if self.needs_key and name not in keys:
            return self.key_setting
        if self.needs_base_url and not self.base_url and name not in urls:
            return self.base_url_setting
        return ""
