"""Writes a network as an ONNX file: nodes and constants in, bytes out. Only what the embedded networks need.

ONNX is protobuf; the numbers of the fields stand in onnx.proto (github.com/onnx/onnx, IR version 8, read 2026-11-20).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Attribute = int | str | Sequence[int]
IR_VERSION, OPSET = 8, 17
_FLOAT, _INT_KIND, _STRING_KIND, _INTS_KIND = 1, 2, 3, 7


class Graph:
    """A network in the making. Names tie nodes together; `add` gives the name of what a node puts out."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._nodes: list[bytes] = []
        self._constants: list[bytes] = []

    def constant(self, name: str, value: npt.ArrayLike) -> str:
        array = np.asarray(value, np.float32, order="C")
        dims = b"".join(_number(1, size) for size in array.shape)
        self._constants.append(dims + _number(2, _FLOAT) + _text(8, name) + _bytes(9, array.tobytes()))
        return name

    def add(self, kind: str, inputs: Sequence[str], output: str, **attributes: Attribute) -> str:
        """A node of an ONNX operator, and its attributes by name."""
        parts = [_text(1, name) for name in inputs] + [_text(2, output), _text(3, output), _text(4, kind)]
        parts += [_bytes(5, _attribute(name, value)) for name, value in attributes.items()]
        self._nodes.append(b"".join(parts))
        return output

    def write(self, inputs: Mapping[str, Sequence[int | str]], outputs: Mapping[str, Sequence[int | str]]) -> bytes:
        """The file. Shapes of what goes in and comes out; a word stands for a size that varies."""
        graph = b"".join(_bytes(1, node) for node in self._nodes) + _text(2, self._name)
        graph += b"".join(_bytes(5, constant) for constant in self._constants)
        graph += b"".join(_bytes(11, _value(name, shape)) for name, shape in inputs.items())
        graph += b"".join(_bytes(12, _value(name, shape)) for name, shape in outputs.items())
        return _number(1, IR_VERSION) + _bytes(7, graph) + _bytes(8, _text(1, "") + _number(2, OPSET))


def _attribute(name: str, value: Attribute) -> bytes:
    match value:
        case int():
            return _text(1, name) + _number(3, value) + _number(20, _INT_KIND)
        case str():
            return _text(1, name) + _text(4, value) + _number(20, _STRING_KIND)
        case _:
            return _text(1, name) + b"".join(_number(8, one) for one in value) + _number(20, _INTS_KIND)


def _value(name: str, shape: Iterable[int | str]) -> bytes:
    sizes = [_number(1, size) if isinstance(size, int) else _text(2, size) for size in shape]
    tensor = _number(1, _FLOAT) + _bytes(2, b"".join(_bytes(1, size) for size in sizes))
    return _text(1, name) + _bytes(2, _bytes(1, tensor))


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode())
