"""A picture file (png, jpg, gif, tiff, bmp, webp) to the words in it."""

from __future__ import annotations

import warnings
from pathlib import Path

from portico.server.retrieval.blocks import ParseOptions
from portico.server.retrieval.parsing.failure import Unreadable
from portico.server.retrieval.parsing.ocr import Scans
from portico.server.retrieval.parsing.pages import wanted
from portico.server.retrieval.parsing.pile import Pile

_PIXELS_LIMIT = 50_000_000
_FRAMES_LIMIT = 1000


def read_picture(path: Path, pile: Pile, options: ParseOptions, scans: Scans) -> None:
    """Each page of a TIFF is a page; of a moving picture only the first is read. Raises Unreadable."""
    if not scans.is_there:
        raise Unreadable("reading pictures is not installed: pip install 'portico[ocr]'")
    import numpy as np
    from PIL import Image, UnidentifiedImageError

    Image.MAX_IMAGE_PIXELS = _PIXELS_LIMIT
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as picture:
                frames = min(getattr(picture, "n_frames", 1), _FRAMES_LIMIT) if picture.format == "TIFF" else 1
                for number in wanted(frames, options):
                    picture.seek(number - 1)
                    pile.turn(number)
                    if scans.may_read(number):
                        scans.read(np.asarray(picture.convert("RGB"))[:, :, ::-1], pile)
                pile.pages = frames
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Unreadable(f"it has more than {_PIXELS_LIMIT // 1_000_000} million pixels") from None
    except UnidentifiedImageError:
        raise Unreadable("it is no picture of a kind that is known") from None
    except (OSError, SyntaxError, ValueError):
        raise Unreadable("it is a damaged picture") from None
