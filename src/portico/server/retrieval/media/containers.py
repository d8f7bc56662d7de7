"""What a recording is by its own first bytes: how it is called, and which formats a decoder may take it for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from portico.server.retrieval.parsing.failure import Unreadable

FILMS = frozenset({"mkv", "mp4", "avi", "mov", "webm"})
"""Endings of files that have pictures, too."""
FORMATS = "mov,matroska,avi,mp3,aac,ogg,flac,wav"
"""The only ones a decoder tries: others are lists of further files, which it would open."""
_HEAD = 64
_MPEG_LAYERS = 0b11


@dataclass(frozen=True, slots=True)
class Container:
    """`extension` and `content_type` tell a provider what it gets; `is_sent`: providers take it as it is."""

    extension: str
    content_type: str
    is_sent: bool = True


WAV = Container("wav", "audio/wav")
_FLAC, _OGG = Container("flac", "audio/flac"), Container("ogg", "audio/ogg")
_MP3, _AAC = Container("mp3", "audio/mpeg"), Container("aac", "audio/aac", is_sent=False)
_WEBM, _MKV = Container("webm", "video/webm"), Container("mkv", "video/x-matroska", is_sent=False)
_M4A, _MP4 = Container("m4a", "audio/mp4"), Container("mp4", "video/mp4")
_MOV, _AVI = Container("mov", "video/quicktime", is_sent=False), Container("avi", "video/x-msvideo", is_sent=False)
_EBML = b"\x1a\x45\xdf\xa3"


def find_container(path: Path) -> Container:
    """Raises Unreadable for what is neither sound nor film, whatever it is called."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    found = _by_head(head)
    if found is None:
        raise Unreadable("it is no sound or film of a kind that is known" if head else "it is empty")
    return found


def is_film(name: str) -> bool:
    """By the ending of its name: a container alone does not say what is in it."""
    return name.rpartition(".")[2].lower() in FILMS


def _by_head(head: bytes) -> Container | None:
    if head[:4] in (b"RIFF", b"RF64"):
        return {b"WAVE": WAV, b"AVI ": _AVI}.get(head[8:12])
    if head[4:8] == b"ftyp":
        return {b"M4A ": _M4A, b"M4B ": _M4A, b"qt  ": _MOV}.get(head[8:12], _MP4)
    if head[4:8] in (b"moov", b"mdat", b"wide", b"free", b"skip"):
        return _MOV  # of the time before it had to say so
    if head.startswith(_EBML):
        return _WEBM if b"webm" in head else _MKV
    if head.startswith(b"ID3"):
        return _MP3
    if len(head) > 2 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        return _by_frame(head[1])
    return {b"OggS": _OGG, b"fLaC": _FLAC}.get(head[:4])


def _by_frame(second: int) -> Container:
    """Frames of MPEG audio say their layer; those of AAC have none."""
    return _MP3 if second >> 1 & _MPEG_LAYERS else _AAC
