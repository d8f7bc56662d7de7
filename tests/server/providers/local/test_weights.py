"""Weights out of a .pth file, and a network written as ONNX: nothing but numbers is built, and ONNX Runtime agrees."""

from __future__ import annotations

import collections
import io
import os
import pickle
import struct
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import onnxruntime
import pytest

from portico.server.providers.local.onnx_file import Graph
from portico.server.providers.local.weights import MAGIC, read_weights


class Named:
    """Pickles as a class or function of a module that need not exist."""

    def __init__(self, module: str, name: str) -> None:
        self.__module__, self.__qualname__, self.__name__ = module, name, name


class Writer(pickle._Pickler):
    """Writes what PyTorch wrote: storages by their id, tensors by the function that makes them."""

    dispatch: ClassVar[dict[Any, Any]] = dict(pickle._Pickler.dispatch)

    def persistent_id(self, value: Any) -> Any:
        return value if isinstance(value, tuple) and value[:1] == ("storage",) else None

    def save_named(self, value: Named) -> None:
        self.write(f"c{value.__module__}\n{value.__name__}\n".encode())

    dispatch[Named] = save_named


class Tensor:
    def __init__(self, key: str, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> None:
        self.arguments = (key, offset, shape, strides)


def pth(tensors: dict[str, tuple[int, tuple[int, ...], tuple[int, ...]]], numbers: list[float]) -> bytes:
    """A file of PyTorch's first format with one storage."""
    out = io.BytesIO()
    for value in (MAGIC, 1001, {"little_endian": True}):
        pickle.dump(value, out, 2)
    storage = ("storage", Named("torch", "FloatStorage"), "7", "cpu", len(numbers), None)
    writer = Writer(out, 2)
    writer.write(b"\x80\x02")
    writer.write(b"}(")
    for name, (offset, shape, strides) in tensors.items():
        writer.save(name)
        writer.save(Named("torch._utils", "_rebuild_tensor_v2"))
        writer.save((storage, offset, shape, strides, False, collections.OrderedDict()))
        writer.write(b"R")
    writer.write(b"u.")
    pickle.dump(["7"], out, 2)
    out.write(struct.pack("<q", len(numbers)) + np.asarray(numbers, np.float32).tobytes())
    return out.getvalue()


def test_tensors_are_read_in_rows_also_when_they_lie_transposed(tmp_path: Path) -> None:
    file = tmp_path / "w.pth"
    file.write_bytes(pth({"a": (0, (2, 3), (3, 1)), "b": (0, (3, 2), (1, 3)), "c": (5, (), ())}, list(range(6))))
    found = read_weights(file)
    assert found["a"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert found["b"].tolist() == [[0, 3], [1, 4], [2, 5]]
    assert found["c"].shape == () and found["c"] == 5


@pytest.mark.parametrize("place", [(0, (7,), (1,)), (6, (1,), (1,)), (0, (2, 2), (9, 1)), (-1, (2,), (1,))])
def test_a_tensor_outside_of_its_numbers_is_refused(tmp_path: Path, place: Any) -> None:
    file = tmp_path / "w.pth"
    file.write_bytes(pth({"a": place}, list(range(6))))
    with pytest.raises(ValueError, match="outside"):
        read_weights(file)


class Evil:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.path}",)


def test_a_file_that_brings_code_is_refused_and_nothing_runs(tmp_path: Path) -> None:
    file, mark = tmp_path / "w.pth", tmp_path / "ran"
    file.write_bytes(b"".join(pickle.dumps(v, 2) for v in (MAGIC, 1001, {}, Evil(mark))))
    with pytest.raises(ValueError, match="system is no part of weights"):
        read_weights(file)
    assert not mark.exists()


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", pickle.dumps(1), pickle.dumps(MAGIC)])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "w.pth"
    file.write_bytes(data)
    with pytest.raises(ValueError, match=r"w\.pth|format"):
        read_weights(file)


def test_a_written_network_computes_what_numpy_computes() -> None:
    rng = np.random.default_rng(1)
    weight, bias = rng.normal(size=(5, 300)).astype(np.float32), rng.normal(size=5).astype(np.float32)
    graph = Graph("small")
    graph.add("Gemm", ["x", graph.constant("w", weight), graph.constant("b", bias)], "scores", transB=1)
    graph.add("Softmax", ["scores"], "odds", axis=1)
    file = graph.write({"x": ("n", 300)}, {"odds": ("n", 5)})
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    x = rng.normal(size=(3, 300)).astype(np.float32)
    scores = x @ weight.T + bias
    expected = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    assert np.allclose(session.run(["odds"], {"x": x})[0], expected, atol=1e-5)
