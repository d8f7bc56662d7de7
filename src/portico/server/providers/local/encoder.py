"""Texts to unit vectors with all-MiniLM-L6-v2 (int8 ONNX): token ids in, float32 rows out, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int32]

DIMENSIONS = 384
# The model has positions for 512 tokens. It was trained on 256: what lies behind weighs, but was never practised.
MAX_TOKENS = 512
# Short texts gain from company (twice the speed at 8), long ones lose by it: cache misses. Measured on 2 cores.
BATCH_TOKENS = 512
BATCH_ROWS = 16
TOKENIZE_AT_ONCE = 256
# Of a text that is cut: a token has few characters, and one that has more than 100 is unknown to the model.
CUT_CHARACTERS = 100 * MAX_TOKENS


class TextTooLong(ValueError):
    """One input has more tokens than the model has positions."""

    def __init__(self, index: int, tokens: int) -> None:
        self.index, self.tokens = index, tokens
        super().__init__(f"input {index} has {tokens} tokens, the model takes {MAX_TOKENS}: split the text")


class Encoder:
    """Model and tokenizer, loaded. Both methods may be called from several threads at once."""

    def __init__(self, model_path: str, tokenizer_path: str) -> None:
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # our workers are the threads: no barrier inside a batch
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False  # give memory back between batches
        options.log_severity_level = 3
        self._session: Any = onnxruntime.InferenceSession(model_path, options, providers=["CPUExecutionProvider"])
        self._tokenizer = Tokenizer.from_file(tokenizer_path)
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    def tokenize(self, texts: Sequence[str]) -> list[Ids]:
        """Token ids of each text, with the two marks around it. Raises TextTooLong before any vector is made."""
        rows: list[Ids] = []
        for start in range(0, len(texts), TOKENIZE_AT_ONCE):
            for ids in self._tokenize_some(texts[start : start + TOKENIZE_AT_ONCE]):
                if len(ids) > MAX_TOKENS:
                    raise TextTooLong(len(rows), len(ids))
                rows.append(ids)
        return rows

    def tokenize_cut(self, texts: Sequence[str]) -> tuple[list[Ids], int]:
        """The same without what the model has no room for, and how many texts were cut."""
        rows: list[Ids] = []
        cut = 0
        for start in range(0, len(texts), TOKENIZE_AT_ONCE):
            some = texts[start : start + TOKENIZE_AT_ONCE]
            for text, ids in zip(some, self._tokenize_some([text[:CUT_CHARACTERS] for text in some]), strict=True):
                cut += len(ids) > MAX_TOKENS or len(text) > CUT_CHARACTERS
                rows.append(ids if len(ids) <= MAX_TOKENS else np.append(ids[: MAX_TOKENS - 1], ids[-1]))
        return rows, cut

    def _tokenize_some(self, texts: Sequence[str]) -> list[Ids]:
        return [np.asarray(encoding.ids, np.int32) for encoding in self._tokenizer.encode_batch(list(texts))]

    def encode(self, rows: Sequence[Ids]) -> Vectors:
        """One unit vector per row: the mean of its token vectors. Meant for one batch of `batches`."""
        longest = max(len(r) for r in rows)
        ids = np.zeros((len(rows), longest), np.int64)
        mask = np.zeros_like(ids)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = row
            mask[i, : len(row)] = 1
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        hidden = self._session.run(None, feed)[0]
        mean = np.einsum("rtd,rt->rd", hidden, mask.astype(np.float32)) / mask.sum(1, keepdims=True)
        unit: Vectors = (mean / np.linalg.norm(mean, axis=1, keepdims=True)).astype(np.float32)
        return unit


def batches(rows: Sequence[Ids]) -> Iterator[list[int]]:
    """Indexes of rows that go together: alike in length, few enough to stay in the processor's caches."""
    batch: list[int] = []
    for i in sorted(range(len(rows)), key=lambda i: len(rows[i])):
        if batch and (len(batch) == BATCH_ROWS or (len(batch) + 1) * len(rows[i]) > BATCH_TOKENS):
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch
