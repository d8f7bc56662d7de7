"""Catalog entries as values: what a provider and a model are. Read from TOML by `load.py`, found by `find.py`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

ModelType = Literal["Chat", "Embedding", "Image", "Rerank", "Audio", "Video"]
ModelStatus = Literal["active", "hidden", "deprecated"]
UnitName = Literal["", "search", "character", "second", "page"]
ThinkingMode = Literal["none", "budget", "adaptive", "adaptive_always", "level"]
Sampling = Literal["always", "when_not_thinking", "never"]


@dataclass(frozen=True, slots=True)
class Price:
    """Micro-USD per million tokens; 0 where unknown or free. Each is applied once, to a count that is in no other.

    From the catalogue every kind of token has its price: one that was not written costs what plain input or output
    costs. `image` is micro-USD per picture made; `unit` micro-USD per thousand of what `unit_of` names.
    """

    input: int = 0
    cached_input: int = 0
    output: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    audio_input: int = 0
    audio_output: int = 0
    image: int = 0
    unit: int = 0
    unit_of: UnitName = ""
    above_tokens: int = 0
    above: Price | None = None
    dearest: tuple[int, int] = field(init=False, repr=False, compare=False)
    """What one token of the prompt costs at most, whatever becomes of it, and one of the answer."""

    def __post_init__(self) -> None:
        written = max(self.cache_write_5m, self.cache_write_1h)
        prompt = max(self.input, self.cached_input, written, self.audio_input)
        object.__setattr__(self, "dearest", (prompt, max(self.output, self.audio_output)))

    def at(self, prompt_tokens: int) -> Price:
        """The price of a request with so many prompt tokens: some models cost more above `above_tokens`."""
        return self.above if self.above is not None and prompt_tokens > self.above_tokens else self


@dataclass(frozen=True, slots=True)
class Parameter:
    """One request parameter of a model, as `parameters` of the LLM API reports it."""

    supported: bool
    allowed_values: tuple[float, ...] | None = None
    range: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class Reasoning:
    """What a model accepts on thinking; the gateway clamps a request to it. Budgets count tokens.

    `effort_default` is what it does when nothing is asked; "" where that is not known. `dynamic_budget`: a budget of -1
    leaves the amount to the model. `sampling` says when temperature and top_p are accepted, `tools_with_reasoning` on
    which upstream API tools may be joined with an effort other than none. No `effort_values` and mode `none`: the
    model does not think on demand; no values and mode `adaptive`: thinking is on or off.
    """

    effort_values: tuple[str, ...] = ()
    effort_default: str = ""
    thinking_mode: ThinkingMode = "none"
    budget_min: int = 0
    budget_max: int = 0
    dynamic_budget: bool = False
    can_disable: bool = True
    sampling: Sampling = "always"
    tools_with_reasoning: Literal["chat", "responses"] = "chat"

    @property
    def on_demand(self) -> bool:
        """Whether a request has a say in it."""
        return bool(self.effort_values) or self.thinking_mode != "none"


@dataclass(frozen=True, slots=True)
class Model:
    """One model. Windows and limits count tokens (0 = unknown); `descriptions` is keyed by en, es, pt, ja.

    `api = "responses"`: the provider serves it through its Responses API only. `system_role = False`: it refuses
    system messages. `structured_output = False`: it cannot be held to a JSON schema. `path`: the GGUF file of a local
    model of one's own. `requirements`: `size_bytes`, `memory_bytes`. `fallbacks`: full names of models that answer
    when it fails.
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
    structured_output: bool = True
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
    fallbacks: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        return f"{self.provider.lower()}/{self.name}"


@dataclass(frozen=True, slots=True)
class Option:
    """A setting of a provider beside key and address: PORTICO_PROVIDER_<PROVIDER>_<NAME>; `help` is one line."""

    name: str
    default: str = ""
    help: str = ""


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider: how it is called, which adapter speaks to it, where it is reached.

    `open_names`: any model name is passed on, listed or not; `open_reasoning` is what such a model takes on thinking.
    `replacements`: retired names, or a beginning and `*`, with the model that answers for them. `needs_base_url`: each
    customer has an address of his own. `quirks`: where it leaves the protocol it speaks, fields of the adapters'
    `Quirks` by name. `key_options`: groups of options that do together what a key does.
    """

    name: str
    friendly_name: str
    descriptions: Mapping[str, str]
    adapter: str
    base_url: str = ""
    aliases: tuple[str, ...] = ()
    needs_key: bool = True
    key_options: tuple[tuple[str, ...], ...] = ()
    needs_base_url: bool = False
    open_names: bool = False
    open_reasoning: Reasoning = Reasoning()
    options: tuple[Option, ...] = ()
    quirks: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    replacements: Mapping[str, str] = field(default_factory=dict)
    models: tuple[Model, ...] = ()
    source: str = ""

    @property
    def key_setting(self) -> str:
        """Name of the environment variable that gives this provider its key."""
        return self.setting("api_key")

    @property
    def base_url_setting(self) -> str:
        return self.setting("base_url")

    def setting(self, option: str) -> str:
        """Name of the environment variable that gives this provider one of its `options`."""
        return f"PORTICO_PROVIDER_{self.name}_{option}".upper().replace("-", "_")

    def is_keyed_by(self, options: Collection[str]) -> bool:
        """Whether these options, lower case, make a key needless."""
        return any(all(name in options for name in group) for group in self.key_options)

    def missing_setting(self, keys: Collection[str], urls: Collection[str]) -> str:
        """Name of the first setting this provider still needs, or "". Lower-case names: `keys` of those that have
        a key or options that stand for one, `urls` of those that have an address."""
        name = self.name.lower().replace("-", "_")
        if self.needs_key and name not in keys:
            return self.key_setting
        if self.needs_base_url and not self.base_url and name not in urls:
            return self.base_url_setting
        return ""
