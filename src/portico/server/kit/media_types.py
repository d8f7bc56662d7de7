"""What a file is, by its first bytes; a name or a header may say anything."""

from __future__ import annotations


def sniff_picture(data: bytes) -> str:
    """The media type of a picture; "" for what is none of the usual kinds."""
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return "image/png"
    if data[:3] == b"\xff\xd8\xff":
        return "image/jpeg"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return "image/gif" if data[:6] in (b"GIF87a", b"GIF89a") else ""


def sniff(data: bytes) -> str:
    """The media type of a picture or a PDF; "" for anything else."""
    return "application/pdf" if data[:5] == b"%PDF-" else sniff_picture(data)
