"""Catalog entries as values: what a provider and a model are. Read from TOML by `load.py`, found by `find.py`."""

from __future__ import annotations

from collections.abc import Mapping
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
class Model:
    """One model. Windows and limits count tokens (0 = unknown); `descriptions` is keyed by en, es, pt, ja."""

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

    @property
    def full_name(self) -> str:
        return f"{self.provider.lower()}/{self.name}"


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider: how it is called, which adapter speaks to it, where it is reached."""

    name: str
    friendly_name: str
    descriptions: Mapping[str, str]
    adapter: str
    base_url: str = ""
    aliases: tuple[str, ...] = ()
    needs_key: bool = True
    open_names: bool = False
    models: tuple[Model, ...] = ()
    source: str = ""

    @property
    def key_setting(self) -> str:
        """Name of the environment variable that gives this provider its key."""
        return f"PORTICO_PROVIDER_{self.name.upper().replace('-', '_')}_API_KEY"

    @property
    def base_url_setting(self) -> str:
        return f"PORTICO_PROVIDER_{self.name.upper().replace('-', '_')}_BASE_URL"
