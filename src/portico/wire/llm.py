"""Answers of the LLM API (catalogue of providers and models), v2 and v3, Summary and Full, and the OpenAI-style list.

One shape for all renderings: a member that a version or a detail does not have is UNSET and stays off the wire.
"""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType, field


class Property(Struct, frozen=True):
    """A further attribute of a model; `value` is always text (`"true"`, comma-separated lists)."""

    id: str
    name: str
    type: str
    value: str


class Parameter(Struct, frozen=True, rename="camel", omit_defaults=True):
    """How a model takes one request parameter."""

    supported: bool
    allowed_values: tuple[int | float, ...] | UnsetType = UNSET
    range: tuple[int | float, ...] | UnsetType = UNSET


class FileMedia(Struct, frozen=True):
    """Files a model takes; 0 means unlimited or not enforced, here and below."""

    max_file_size_mb: int = field(default=0, name="maxFileSizeMB")
    max_files_per_prompt: int = field(default=0, name="maxFilesPerPrompt")
    max_pages_per_file: int = field(default=0, name="maxPagesPerFile")
    mime_types: tuple[str, ...] = field(default=(), name="mimeTypes")


class ImageMedia(Struct, frozen=True):
    max_image_size_mb: int = field(default=0, name="maxImageSizeMB")
    max_images_per_prompt: int = field(default=0, name="maxImagesPerPrompt")
    mime_types: tuple[str, ...] = field(default=(), name="mimeTypes")


class AudioMedia(Struct, frozen=True):
    max_audio_length_minutes: int = field(default=0, name="maxAudioLengthMinutes")
    max_files_per_prompt: int = field(default=0, name="maxFilesPerPrompt")
    mime_types: tuple[str, ...] = field(default=(), name="mimeTypes")


class VideoMedia(Struct, frozen=True):
    max_videos_per_prompt: int = field(default=0, name="maxVideosPerPrompt")
    max_length_with_audio_minutes: int = field(default=0, name="maxLengthWithAudioMinutes")
    max_length_without_audio_minutes: int = field(default=0, name="maxLengthWithoutAudioMinutes")
    mime_types: tuple[str, ...] = field(default=(), name="mimeTypes")


class MediaCapabilities(Struct, frozen=True, omit_defaults=True):
    """What a model takes beside text; a kind it does not take is absent."""

    file: FileMedia | UnsetType = UNSET
    image: ImageMedia | UnsetType = UNSET
    audio: AudioMedia | UnsetType = UNSET
    video: VideoMedia | UnsetType = UNSET


class Model(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One model. Summary has the first four members and `priority`; windows count tokens, 0 = not known."""

    id: str
    name: str
    full_name: str
    type: str
    description: str | UnsetType = UNSET
    descriptions: dict[str, str] | UnsetType = UNSET
    context_window: int | UnsetType = UNSET
    max_output_tokens: int | UnsetType = UNSET
    function_calling: bool | UnsetType = UNSET
    tool_calling: bool | UnsetType = UNSET
    streaming: bool | UnsetType = UNSET
    multimodal: bool | UnsetType = UNSET
    is_custom: bool | UnsetType = UNSET
    priority: int | UnsetType = UNSET
    parameters: dict[str, Parameter] | UnsetType = UNSET
    media_capabilities: MediaCapabilities | UnsetType = UNSET
    properties: tuple[Property, ...] | UnsetType = UNSET
    friendly_name: str | UnsetType = UNSET
    interface_type: str | UnsetType = UNSET


class Provider(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One provider; `models` is there when it was asked for. v2 has no `friendlyName`."""

    name: str
    friendly_name: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    interface_type: str | UnsetType = UNSET
    models: tuple[Model, ...] | UnsetType = UNSET


class ProviderList(Struct, frozen=True):
    providers: tuple[Provider, ...]


class ModelList(Struct, frozen=True):
    models: tuple[Model, ...]


class OpenAIModel(Struct, frozen=True):
    """One entry of `GET /v1/models`; `id` is the full name, what goes into `model` of the other APIs."""

    id: str
    owned_by: str
    object: str = "model"
    created: int = 0


class OpenAIModelList(Struct, frozen=True):
    data: tuple[OpenAIModel, ...]
    object: str = "list"
