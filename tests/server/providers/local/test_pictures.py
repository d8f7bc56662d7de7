"""Pictures to numbers: every usual kind is read, and what is hostile is refused with a sentence, in bounded memory."""

from __future__ import annotations

import resource
from typing import Any

import numpy as np
import pytest
from pictures_made import as_url, bomb, draw
from PIL import Image

from portico.server.providers.local.pictures import PictureRefused, is_picture, read_picture

SIDE = 224


@pytest.mark.parametrize(
    ("mode", "form"),
    [("RGB", "PNG"), ("RGBA", "PNG"), ("P", "PNG"), ("L", "PNG"), ("1", "PNG"), ("RGB", "JPEG"), ("CMYK", "JPEG"),
     ("L", "JPEG"), ("P", "GIF"), ("RGB", "WEBP"), ("RGBA", "WEBP")],
)  # fmt: skip
def test_every_usual_kind_of_picture_is_read(mode: str, form: str) -> None:
    plain = read_picture(as_url(draw("balls")), SIDE)
    found = read_picture(as_url(draw("balls").convert(mode), form), SIDE)
    assert found.shape == (3, SIDE, SIDE) and found.dtype == np.float32
    assert abs(found).max() <= 1.0
    if mode not in ("L", "1"):
        assert abs(found - plain).mean() < (0.15 if mode == "P" else 0.05)  # few colours, mixed of dots


@pytest.mark.parametrize("size", [(1, 1), (1, 4000), (4000, 1), (223, 225)])
def test_odd_shapes_are_read(size: tuple[int, int]) -> None:
    assert read_picture(as_url(Image.new("RGB", size, "red")), SIDE).shape == (3, SIDE, SIDE)


def test_a_photo_is_set_upright_as_its_camera_says() -> None:
    upright = draw("stripes", (300, 300))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera lay on its side
    turned = as_url(upright.transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif, quality=95)
    assert abs(read_picture(turned, SIDE) - read_picture(as_url(upright), SIDE)).mean() < 0.02


def test_a_photo_of_a_phone_is_read_in_little_memory() -> None:
    photo = as_url(Image.new("RGB", (8_000, 6_000), "green"), "JPEG")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    read_picture(photo, SIDE)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000  # KiB; whole it would be 144 MB


HOSTILE: dict[str, tuple[bytes, str]] = {
    "garbage": (b"garbage" * 100, "cannot identify image file"),
    "nothing but a head": (b"\x89PNG\r\n\x1a\n", "cannot"),
    "a bomb": (bomb(60_000, 60_000), "exceeds limit"),
    "a smaller bomb": (bomb(10_000, 8_000), "10000 x 8000 pixels are more than 64 megapixels"),
    "the smallest bomb": (bomb(6_000, 6_000), "6000 x 6000 pixels are more than 16 megapixels"),
    "a picture cut short": (bomb(1_000, 1_000), "cannot be decoded"),
    "vectors": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "cannot identify image file"),
    "a page": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "cannot identify image file"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_picture_is_refused_with_a_reason(name: str) -> None:
    data, reason = HOSTILE[name]
    with pytest.raises(PictureRefused, match=reason):
        read_picture(as_url(data), SIDE)


def test_a_jpeg_cut_short_is_refused() -> None:
    head, _, data = as_url(draw("balls", (640, 480)), "JPEG").partition(",")
    with pytest.raises(PictureRefused, match="truncated"):
        read_picture(f"{head},{data[: len(data) // 8 * 4]}", SIDE)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("data:image/png;base64,###", "not base64"),
        ("data:image/png,abc", "no data URL with base64"),
        ("data:image/", "no data URL with base64"),
        ("data:image/png;base64,", "cannot identify"),
    ],
)
def test_a_bad_data_url_is_refused(url: str, reason: str) -> None:
    with pytest.raises(PictureRefused, match=reason):
        read_picture(url, SIDE)


def test_reasons_name_nothing_of_the_inside() -> None:
    with pytest.raises(PictureRefused) as refused:
        read_picture(as_url(b"garbage"), SIDE)
    assert "BytesIO" not in str(refused.value) and "0x" not in str(refused.value)


@pytest.mark.parametrize(("text", "yes"), [("data:image/png;base64,", True), ("DATA:IMAGE/x", True), ("a cat", False)])
def test_pictures_are_told_from_texts(text: str, yes: Any) -> None:
    assert is_picture(text) is yes
