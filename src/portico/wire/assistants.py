"""Assistants, their revisions and their start page. The server writes these shapes, the SDK reads them.

Source: Assistant API reference; names of members are the reference's.
"""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, Struct, UnsetType, field

from portico.wire.tolerant import Shape


class Feature(Shape):
    title: str = ""
    description: str = ""


class ExamplePrompt(Shape, rename="camel"):
    title: str = ""
    description: str = ""
    prompt_text: str = ""


class WelcomeData(Shape, rename="camel"):
    """The start page of an assistant."""

    title: str = ""
    description: str = ""
    features: list[Feature] = field(default_factory=list)
    examples_prompt: list[ExamplePrompt] = field(default_factory=list)


class Authentication(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """How an API assistant opens its service. `type` is none or apiKey; `auth_type` Basic or Bearer; `api_key_secret`
    the name of a secret of the project, whose value goes into `Authorization`."""

    type: str = "none"
    auth_type: str = ""
    api_key_secret: str = ""


class RevisionSettings(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """How a revision wants its model called; None: as the model does by itself.

    `max_tokens` bounds the answer; `upload_files` lets `{file:name}` in prompts and messages stand for files.
    `open_api` is the document of an API assistant as JSON text.
    """

    temperature: float | None = None
    max_tokens: int | None = None
    top_p: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    upload_files: bool = False
    llm_output_guardrail: bool = False
    input_moderation_guardrail: bool = False
    prompt_injection_guardrail: bool = False
    open_api: str = ""
    authentication: Authentication | None = None


class Metadata(Shape):
    """One setting of a revision as text; `type` is Decimal, Integer, Boolean or String."""

    key: str = ""
    value: str = ""
    type: str = "String"


class Variable(Shape):
    """A placeholder of a prompt."""

    key: str = ""


class AssistantRevision(Shape, rename="camel"):
    """What an assistant says in one of its revisions. `timestamp` is UTC; `model_id` is the catalogue's; `open_api` and
    `authentication` are those of an API assistant."""

    revision_id: int = 0
    revision_name: str = ""
    revision_description: str = ""
    provider_name: str = ""
    model_name: str = ""
    model_id: str | UnsetType = UNSET
    prompt: str = ""
    timestamp: str = ""
    metadata: list[Metadata] = field(default_factory=list)
    variables: list[Variable] | UnsetType = UNSET
    open_api: dict[str, Any] | UnsetType = UNSET
    authentication: Authentication | UnsetType = UNSET


class Intent(Shape, rename="camel"):
    """The one intent of an assistant; its default revision is the active one."""

    assistant_intent_id: str = ""
    assistant_intent_name: str = "Default"
    assistant_intent_description: str = ""
    assistant_intent_default_revision: int = 0
    revisions: list[AssistantRevision] = field(default_factory=list)


class Assistant(Shape, rename="camel"):
    """`assistant_status` is 1 (enabled) or 2 (disabled). `intents` hold the revisions that were asked for."""

    assistant_id: str = ""
    assistant_name: str = ""
    assistant_description: str = ""
    assistant_status: int = 1
    assistant_type: str = "chat"
    intents: list[Intent] = field(default_factory=list)
    project_id: str = ""
    project_name: str = ""
    welcome_data: WelcomeData | UnsetType = UNSET

    @property
    def revisions(self) -> list[AssistantRevision]:
        return [revision for intent in self.intents for revision in intent.revisions]

    @property
    def active_revision(self) -> int:
        """The number of the active revision, 0 when the answer does not say."""
        return self.intents[0].assistant_intent_default_revision if self.intents else 0


class AssistantItem(Shape, rename="camel"):
    """An assistant in a listing; `intents` only with `detail=full`."""

    assistant_id: str = ""
    assistant_name: str = ""
    intents: list[Intent] | UnsetType = UNSET


class AssistantList(Shape, rename="camel"):
    """Answer of `GET /v1/organization/assistants`."""

    project_id: str = ""
    project_name: str = ""
    assistants: list[AssistantItem] = field(default_factory=list)


class SettingChange(Shape):
    """A member that two revisions have in different words; absent there: null."""

    key: str = ""
    before: str | None = None
    after: str | None = None


class RevisionDiff(Shape, rename="camel"):
    """Answer of `GET /v2/assistant/{id}/diff`. `prompt` is a unified diff, empty when both say the same."""

    assistant_id: str = ""
    from_revision: int = 0
    to_revision: int = 0
    changes: list[SettingChange] = field(default_factory=list)
    prompt: str = ""


class RevisionHistory(Shape, rename="camel"):
    """Answer of `GET /v2/assistant/{id}/revisions/{revisionId}/history`: what one revision has ever said."""

    assistant_id: str = ""
    revision_id: int = 0
    words: list[AssistantRevision] = field(default_factory=list)
