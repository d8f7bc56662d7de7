"""What a search is asked for and what it finds: the words that it shares with those who have not searched yet.

They are apart from the search itself, which loads numpy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Method = Literal["auto", "words", "vectors", "fused", "reranked"]


@dataclass(frozen=True, slots=True)
class Hit:
    """One passage. `score` lies in 0..1 and never rises along a list; `vector` only where it was asked for."""

    chunk_id: int
    document_id: str
    revision: int
    text: str
    score: float
    metadata: Mapping[str, Any]
    vector: npt.NDArray[np.float32] | None = None
