"""EfficientNet-Lite0 as an ONNX network: trained weights in, bytes out. Pictures of 224 x 224 become features and odds.

Source: arXiv 1905.11946, and the "lite" variant (no squeeze, ReLU6, stem and head unscaled) of TensorFlow's TPU models.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .onnx_file import Graph
from .weights import Array

SIDE, FEATURES, THINGS = 224, 1280, 1000
STAGES = ((1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1))
"""Blocks of each stage, and the stride of its first one."""
EPSILON = 1e-3


class _Network:
    """The graph, the weights, and the one thing that is built again and again: a convolution."""

    def __init__(self, weights: Mapping[str, Array]) -> None:
        self.weights, self.graph = weights, Graph("efficientnet_lite0")
        self.graph.constant("zero", 0.0)
        self.graph.constant("six", 6.0)

    def convolve(
        self, source: str, conv: str, norm: str, name: str, *, stride: int = 1, groups: int = 1, bounded: bool = True
    ) -> str:
        """A convolution with its batch normalisation folded in, and ReLU6 behind it when `bounded`."""
        weight = self.weights[f"{conv}.weight"]
        gamma, beta, mean, variance = (
            self.weights[f"{norm}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")
        )
        scale = gamma / np.sqrt(variance + EPSILON)
        inputs = [
            source,
            self.graph.constant(f"{name}.weight", weight * scale[:, None, None, None]),
            self.graph.constant(f"{name}.bias", beta - mean * scale),
        ]
        out = self.graph.add(
            "Conv", inputs, name,
            kernel_shape=weight.shape[2:], strides=(stride, stride), group=groups, auto_pad="SAME_UPPER",
        )  # fmt: skip
        return self.graph.add("Clip", [out, "zero", "six"], f"{name}.6") if bounded else out

    def block(self, source: str, number: int, stride: int) -> str:
        """An inverted residual: widen, look around, narrow; and the way past it where the shape stays."""
        at = f"_blocks.{number}"
        expand = self.weights.get(f"{at}._expand_conv.weight")
        wide = self.weights[f"{at}._depthwise_conv.weight"].shape[0]
        channels = wide if expand is None else expand.shape[1]
        inner = source
        if expand is not None:
            inner = self.convolve(inner, f"{at}._expand_conv", f"{at}._bn0", f"expand{number}")
        inner = self.convolve(
            inner, f"{at}._depthwise_conv", f"{at}._bn1", f"depth{number}", stride=stride, groups=wide
        )
        inner = self.convolve(inner, f"{at}._project_conv", f"{at}._bn2", f"project{number}", bounded=False)
        if stride == 1 and channels == self.weights[f"{at}._project_conv.weight"].shape[0]:
            return self.graph.add("Add", [inner, source], f"sum{number}")
        return inner


def build_efficientnet(weights: Mapping[str, Array]) -> bytes:
    """Input `image` (n, 3, 224, 224); outputs `features` (n, 1280) and `odds` (n, 1000). KeyError: other weights."""
    network = _Network(weights)
    graph = network.graph
    here, number = network.convolve("image", "_conv_stem", "_bn0", "stem", stride=2), 0
    for blocks, stride in STAGES:
        for first in range(blocks):
            here = network.block(here, number, 1 if first else stride)
            number += 1
    here = network.convolve(here, "_conv_head", "_bn1", "head")
    graph.add("GlobalAveragePool", [here], "pooled")
    graph.add("Flatten", ["pooled"], "features")
    fc = [graph.constant("fc.weight", weights["_fc.weight"]), graph.constant("fc.bias", weights["_fc.bias"])]
    graph.add("Gemm", ["features", *fc], "scores", transB=1)
    graph.add("Softmax", ["scores"], "odds", axis=1)
    return graph.write({"image": ("n", 3, SIDE, SIDE)}, {"features": ("n", FEATURES), "odds": ("n", THINGS)})
