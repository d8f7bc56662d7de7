"""Pictures as a network wants to see them: a data URL in, the middle of the picture as 3 x 224 x 224 numbers out.

What comes is hostile until shown otherwise: few formats, one picture at a time, none that unfolds beyond bounds.
"""

from __future__ import annotations

import base64
import binascii
import io
import re
import threading
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from PIL.Image import Image

Pixels = npt.NDArray[np.float32]

FORMATS = ("PNG", "JPEG", "GIF", "WEBP")
# Phones make 50 megapixels, as JPEG, of which a decoder need not unfold more than an eighth in each direction.
PIXELS_LIMIT, UNFOLDED_LIMIT = 64_000_000, 16_777_216
SHOWN = 0.875
"""How much of the shorter side the middle is: as the network was trained."""
MEAN, SCALE = 127.0, 128.0
_DATA_URL = re.compile(r"data:(image/[\w.+-]+)(?:;[\w.=+-]+)*;base64,", re.I)
_ORIENTATION = 0x0112
# EXIF's way of telling how a camera was held, to Pillow's names of what sets it right.
_TURNS = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
_one_at_a_time = threading.Lock()


class PictureRefused(ValueError):
    """A picture that cannot be read; the sentence says why."""


def is_picture(text: str) -> bool:
    return text[:11].lower() == "data:image/"


def read_picture(url: str, side: int) -> Pixels:
    """The middle of a picture, `side` pixels high and wide. Raises PictureRefused."""
    data = _read_data_url(url)
    try:
        with _one_at_a_time:
            middle = _open_middle(data, side)
    except PictureRefused:
        raise
    except Exception as error:  # decoders raise whatever their format makes them stumble over
        raise PictureRefused(f"it cannot be decoded: {_reason(error)}") from None
    return ((np.asarray(middle, np.float32) - MEAN) / SCALE).transpose(2, 0, 1)


def _read_data_url(url: str) -> bytes:
    match = _DATA_URL.match(url)
    if match is None:
        raise PictureRefused("it is no data URL with base64")
    try:
        return base64.b64decode(url[match.end() :], validate=True)
    except (binascii.Error, ValueError):
        raise PictureRefused("it is not base64") from None


def _open_middle(data: bytes, side: int) -> Image:
    from PIL import Image

    with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
        _check(picture, PIXELS_LIMIT)
        if picture.format == "JPEG":
            picture.draft("RGB", (2 * side, 2 * side))
        _check(picture, UNFOLDED_LIMIT)
        turn = _TURNS.get(picture.getexif().get(_ORIENTATION, 1))
        width, height = picture.size
        edge = max(1, int(min(width, height) * SHOWN))
        left, top = (width - edge) // 2, (height - edge) // 2
        # Only what is shown is converted: a transparent or indexed picture doubles its size by it.
        shown = picture.crop((left, top, left + edge, top + edge)).convert("RGB")
        small = shown.resize((side, side), Image.Resampling.BICUBIC)
    return small.transpose(Image.Transpose[turn]) if turn else small


def _check(picture: Image, limit: int) -> None:
    """The size that the file claims, before anything of it is unfolded."""
    width, height = picture.size
    if width * height > limit:
        raise PictureRefused(f"{width} x {height} pixels are more than {limit // 1_000_000} megapixels")


def _reason(error: Exception) -> str:
    text = str(error).partition("<")[0].strip() or type(error).__name__  # what follows names an object of Python
    return text[:200]
