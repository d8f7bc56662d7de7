"""Pictures for the tests of image embeddings, drawn on the spot, and files that only claim to be some."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from typing import Any

from PIL import Image, ImageDraw


def draw(kind: str, size: tuple[int, int] = (320, 240)) -> Image.Image:
    """A small scene: balls, stripes or a grid."""
    picture = Image.new("RGB", size, (240, 240, 230))
    pen = ImageDraw.Draw(picture)
    width, height = size
    for i in range(6):
        match kind:
            case "balls":
                box = (20 + 47 * i, 40 + 25 * (i % 3), 70 + 47 * i, 90 + 25 * (i % 3))
                pen.ellipse(box, fill=(220, 90 + 20 * i, 20))
            case "stripes":
                pen.rectangle((0, i * height // 6, width, (2 * i + 1) * height // 12), fill=(20, 40, 160))
            case _:
                pen.line((i * width // 6, 0, i * width // 6, height), fill=(0, 0, 0), width=5)
                pen.line((0, i * height // 6, width, i * height // 6), fill=(0, 0, 0), width=5)
    return picture


def as_url(picture: Image.Image | bytes, form: str = "PNG", **options: Any) -> str:
    """A picture, or bytes that claim to be one, as a data URL."""
    if isinstance(picture, Image.Image):
        file = io.BytesIO()
        picture.save(file, form, **options)
        picture = file.getvalue()
    return f"data:image/{form.lower()};base64,{base64.b64encode(picture).decode()}"


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims so many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(1_000_000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
