"""File formats of a model (`png`, `mp3`) to its media capabilities: per kind the MIME types and the limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

Media = Mapping[str, Mapping[str, int | tuple[str, ...]]]

# Limits of each kind, as `mediaCapabilities` of the LLM API names them; 0 = unlimited or not enforced.
LIMITS: Mapping[str, tuple[str, ...]] = {
    "file": ("maxFileSizeMB", "maxFilesPerPrompt", "maxPagesPerFile"),
    "image": ("maxImageSizeMB", "maxImagesPerPrompt"),
    "audio": ("maxAudioLengthMinutes", "maxFilesPerPrompt"),
    "video": ("maxVideosPerPrompt", "maxLengthWithAudioMinutes", "maxLengthWithoutAudioMinutes"),
}

MIME_TYPES: Mapping[str, tuple[str, str]] = {
    "txt": ("file", "text/plain"),
    "md": ("file", "text/markdown"),
    "csv": ("file", "text/csv"),
    "html": ("file", "text/html"),
    "pdf": ("file", "application/pdf"),
    "png": ("image", "image/png"),
    "jpg": ("image", "image/jpeg"),
    "jpeg": ("image", "image/jpeg"),
    "gif": ("image", "image/gif"),
    "webp": ("image", "image/webp"),
    "mp3": ("audio", "audio/mpeg"),
    "wav": ("audio", "audio/wav"),
    "ogg": ("audio", "audio/ogg"),
    "mp4": ("video", "video/mp4"),
    "webm": ("video", "video/webm"),
    "mov": ("video", "video/quicktime"),
}


def media_of(formats: Iterable[str], limits: Mapping[str, Mapping[str, int]]) -> Media:
    """Capabilities per kind, in the order of the formats. Raises ValueError naming what is not known."""
    types: dict[str, list[str]] = {}
    for name in formats:
        if name not in MIME_TYPES:
            raise ValueError(f"field formats: {name!r} is not known; write some of {', '.join(MIME_TYPES)}")
        kind, mime = MIME_TYPES[name]
        if mime not in types.setdefault(kind, []):
            types[kind].append(mime)
    _check(limits, types)
    return {
        kind: {**dict.fromkeys(LIMITS[kind], 0), **limits.get(kind, {}), "mimeTypes": tuple(types[kind])}
        for kind in LIMITS
        if kind in types
    }


def _check(limits: Mapping[str, Mapping[str, int]], types: Mapping[str, list[str]]) -> None:
    for kind, values in limits.items():
        if kind not in types:
            raise ValueError(f"field media.{kind}: the model has no format of this kind in `formats`")
        for name in values:
            if name not in LIMITS[kind]:
                raise ValueError(f"field media.{kind}.{name}: not known; write {', '.join(LIMITS[kind])}")
