"""Raw samples to figures: medians, ratios, and what a gateway adds to the direct call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

Samples = Sequence[Mapping[str, Any]]
Results = Mapping[str, Any]
DIRECT = "mock, direct"
SMALL_NOISE = 0.05


def foreign(results: Results) -> float:
    """What others used of the two cores, median over the runs."""
    parts = ("throughput", "one_connection", "frames", "streams", "translation")
    runs = [run["foreign"] for part in parts for run in results.get(part, []) if "foreign" in run]
    return median(runs) if runs else 0.0


def unique(samples: Samples, key: str) -> list[Any]:
    return list(dict.fromkeys(sample[key] for sample in samples))


def middle(
    samples: Samples, target: str, value: str | Callable[[Mapping[str, Any]], float], **only: object
) -> float | None:
    """The median of a value over the runs of a target; None where there was none."""
    chosen = [s for s in samples if s["target"] == target and all(s.get(key) == wanted for key, wanted in only.items())]
    found = [float(s[value] if isinstance(value, str) else value(s)) for s in chosen if "failed_with" not in s]
    return median(found) if found else None


def ratio(value: float | None, base: float | None) -> float | None:
    return value / base if value is not None and base else None


def added(
    samples: Samples, target: str, value: str | Callable[[Mapping[str, Any]], float], **only: object
) -> float | None:
    """What comes on top of the direct call."""
    own, plain = middle(samples, target, value, **only), middle(samples, DIRECT, value, **only)
    return None if own is None or plain is None else own - plain


def at(member: str, percentile: str) -> Callable[[Mapping[str, Any]], float]:
    """A percentile out of a sample of streams, in milliseconds."""
    return lambda sample: float(sample[member][percentile])


def peer(samples: Samples, name: str) -> str:
    """The target whose name begins so."""
    return next((target for target in unique(samples, "target") if target.startswith(name)), "")
