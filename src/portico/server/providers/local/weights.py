"""Weights out of a `.pth` file of PyTorch's first format, without PyTorch: names to numpy arrays.

The file is a row of pickles, then the numbers. Nothing but numbers is built of it: every other class is refused.
"""

from __future__ import annotations

import collections
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
MAGIC = 0x1950A86A20F9469CFC6C
_TYPES: dict[str, type[np.generic]] = {"FloatStorage": np.float32, "LongStorage": np.int64}


class _Tensor:
    """Where a tensor lies in its storage; counted in elements."""

    def __init__(self, storage: str, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: object) -> None:
        self.storage, self.offset, self.shape, self.strides = storage, offset, shape, strides


class _Reader(pickle.Unpickler):
    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file)
        self.types: dict[str, type[np.generic]] = {}

    def find_class(self, module: str, name: str) -> Callable[..., Any] | str:
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _Tensor
        if module == "torch" and name in _TYPES:
            return name
        raise pickle.UnpicklingError(f"{module}.{name} is no part of weights")

    def persistent_load(self, pid: Any) -> str:
        """`("storage", type, key, device, count)` becomes the key."""
        _, kind, key, *_ = pid
        self.types[key] = _TYPES[kind]
        return str(key)


def read_weights(path: Path) -> dict[str, Array]:
    """Raises ValueError for a file that is none, or is cut."""
    with path.open("rb") as file:
        try:
            return _read(file)
        except (pickle.UnpicklingError, EOFError, struct.error, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{path.name} holds no weights: {error}") from error


def _read(file: IO[bytes]) -> dict[str, Array]:
    if _Reader(file).load() != MAGIC:
        raise ValueError("it is of another format")
    _Reader(file).load()  # the version of the format
    _Reader(file).load()  # the sizes of numbers on the machine that wrote it
    reader = _Reader(file)
    tensors: dict[str, _Tensor] = reader.load()
    storages: dict[str, Array] = {}
    for key in _Reader(file).load():
        (count,) = struct.unpack("<q", file.read(8))
        storages[key] = np.fromfile(file, reader.types[key], count)
    return {name: _view(storages[t.storage], t) for name, t in tensors.items()}


def _view(storage: Array, tensor: _Tensor) -> Array:
    """A copy in rows; the file keeps some tensors transposed."""
    last = tensor.offset + sum((size - 1) * step for size, step in zip(tensor.shape, tensor.strides, strict=True))
    numbers = (tensor.offset, *tensor.shape, *tensor.strides)
    if min(numbers) < 0 or (0 not in tensor.shape and last >= len(storage)):
        raise ValueError("a tensor lies outside of its numbers")
    strides = [step * storage.itemsize for step in tensor.strides]
    return np.lib.stride_tricks.as_strided(storage[tensor.offset :], tensor.shape, strides).copy()
