"""Provider keys, model aliases, own providers and own models. The server writes these shapes, the SDK reads them."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import UNSET, UnsetType, field

from portico.wire.tolerant import Shape

Strategy = Literal["weighted", "least_busy"]


class ProviderKey(Shape, rename="camel"):
    """One key of a provider, without the key: `last_characters` of it at most. Times are UTC.

    `scope` is installation, organization or project; of several keys the heavier is taken more often.
    """

    id: str = ""
    provider: str = ""
    name: str = ""
    weight: int = 1
    last_characters: str = ""
    scope: str = ""
    project_id: str | UnsetType = UNSET
    base_url: str = ""
    options: dict[str, str] = field(default_factory=dict)
    blocked: bool = False
    created_at: str = ""
    changed_at: str = ""


class ProviderKeyList(Shape):
    """Answer of `GET .../providers/{provider}/keys`."""

    keys: list[ProviderKey] = field(default_factory=list)


class AliasTarget(Shape, rename="camel"):
    """A model that answers for an alias. Tier 0 shares the load by weight; the next tier is for when it fails."""

    model: str = ""
    weight: int = 1
    tier: int = 0


class ModelAlias(Shape, rename="camel"):
    """A model name of a team's own. `scope` is organization or project."""

    name: str = ""
    targets: list[AliasTarget] = field(default_factory=list)
    strategy: str = "weighted"
    scope: str = ""
    project_id: str | UnsetType = UNSET
    created_at: str = ""
    changed_at: str = ""


class ModelAliasList(Shape):
    """Answer of `GET .../aliases`."""

    aliases: list[ModelAlias] = field(default_factory=list)


class ProviderState(Shape, rename="camel"):
    """A provider as its owner finds it. `scope`: catalog, installation or organization, whose entry it is;
    `configured_by`: whose keys it is called with, "" when it has none; `missing_setting`: what it still needs."""

    name: str = ""
    friendly_name: str = ""
    adapter: str = ""
    is_custom: bool = False
    scope: str = ""
    configured_by: str = ""
    missing_setting: str = ""


class ProviderStateList(Shape):
    """Answer of `GET /v3/llm/admin/providers`."""

    providers: list[ProviderState] = field(default_factory=list)


class OwnModel(Shape, rename="camel"):
    """A model that was added while the server ran. Windows count tokens; prices are micro-USD per million tokens."""

    name: str = ""
    full_name: str = ""
    provider: str = ""
    type: str = ""
    upstream_name: str = ""
    context_window: int = 0
    max_output_tokens: int = 0
    price: dict[str, Any] = field(default_factory=dict)
    fallbacks: list[str] = field(default_factory=list)
    is_custom: bool = True


class OwnProvider(Shape, rename="camel"):
    """A provider that was added while the server ran."""

    name: str = ""
    friendly_name: str = ""
    adapter: str = "openai"
    base_url: str = ""
    needs_key: bool = True
    open_names: bool = False
    quirks: dict[str, Any] = field(default_factory=dict)
    models: list[OwnModel] = field(default_factory=list)
    is_custom: bool = True
