"""Pictures to unit vectors with EfficientNet-Lite0; and pictures and texts to vectors of one space (ConSE).

ConSE (arXiv 1312.5650): the ten things that a picture most likely shows, as MiniLM embeds their names, weighted by how
likely each is. So it finds what is among the 1000 things of ImageNet, and is no CLIP.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .efficientnet import FEATURES, SIDE, THINGS, build_efficientnet
from .encoder import DIMENSIONS, Encoder, Vectors, batches
from .pictures import Pixels, read_picture
from .weights import read_weights

LIKELIEST = 10
TOKENS_PER_PICTURE = 49
"""What a picture counts as: the 7 x 7 places that the network looks at."""
PROMPT = "a photo of {}"


class ImageEncoder:
    """The network, loaded. `features` may be called from several threads at once."""

    dimensions = FEATURES

    def __init__(self, weights_path: str) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # our workers are the threads
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False  # it would keep the memory of the largest batch
        options.log_severity_level = 3
        network = build_efficientnet(read_weights(Path(weights_path)))
        self._session: Any = onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])

    def embed_picture(self, url: str) -> Vectors:
        """A vector of 1280 numbers. Raises PictureRefused."""
        return _unit(self._run("features", read_picture(url, SIDE)))

    def odds(self, url: str) -> Vectors:
        """How likely it shows each of the 1000 things."""
        return self._run("odds", read_picture(url, SIDE))

    def _run(self, wanted: str, pixels: Pixels) -> Vectors:
        found: Vectors = self._session.run([wanted], {"image": pixels[None]})[0][0]
        return found


class JointEncoder:
    """Pictures and texts in the 384 numbers of MiniLM."""

    dimensions = DIMENSIONS

    def __init__(self, images: ImageEncoder, texts: Encoder, names: Sequence[str]) -> None:
        self._images, self._texts = images, texts
        rows = texts.tokenize([PROMPT.format(name) for name in names])
        self._names = np.empty((len(rows), DIMENSIONS), np.float32)
        for indexes in batches(rows):
            self._names[indexes] = texts.encode([rows[i] for i in indexes])

    def embed_picture(self, url: str) -> Vectors:
        """Raises PictureRefused."""
        odds = self._images.odds(url)
        best = odds.argsort()[-LIKELIEST:]
        return _unit(odds[best] @ self._names[best])

    def embed_text(self, text: str) -> tuple[Vectors, int]:
        """The vector, and the tokens of the text. Raises TextTooLong."""
        rows = self._texts.tokenize([PROMPT.format(text)])
        return self._texts.encode(rows)[0], len(rows[0])


def read_names(ids_path: str, words_path: str) -> list[str]:
    """The names of the things in the order of the network. ValueError for files that do not fit together."""
    lines = Path(words_path).read_text("utf-8").splitlines()
    words = dict(line.split("\t", 1) for line in lines if "\t" in line)
    names = [words.get(one, "") for one in Path(ids_path).read_text("utf-8").split()]
    if len(names) != THINGS or not all(names):
        raise ValueError("the names of the things are not complete")
    return names


def _unit(vector: Vectors) -> Vectors:
    length = float(np.linalg.norm(vector))
    return vector / length if length else vector
