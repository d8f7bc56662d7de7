"""The embedded models as values: in comes `manifest.toml`, out come models, their files and the parts of each file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

Kind = Literal["chat", "embedding", "image", "rerank"]
"""`image` embeds pictures. `rerank` has no process of its own: the models that it needs do its work."""


@dataclass(frozen=True, slots=True)
class Part:
    """One member of one pinned wheel: a piece of a file, or all of it."""

    project: str
    version: str
    wheel_bytes: int
    wheel_sha256: str
    member: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file of a model, `path` below the models folder. `mirrors` are URLs of the same bytes."""

    path: str
    size_bytes: int
    sha256: str
    parts: tuple[Part, ...]
    mirrors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LocalModel:
    """One model. Of several chat models that are ready the one with the highest `rank` is the best.

    `setup` models are brought while installing, the `starter` in the background of the first start.
    A user's own GGUF has one file without parts and without checksum. `needs` names the models that this one works
    with; their files are among its `files`, behind its own.
    """

    name: str
    kind: Kind
    title: str
    licence: str
    rank: int
    context_window: int
    files: tuple[ModelFile, ...]
    kv_bytes_per_token: int = 0
    setup: bool = False
    starter: bool = False
    needs: tuple[str, ...] = ()

    @property
    def size_bytes(self) -> int:
        return sum(f.size_bytes for f in self.files)

    @property
    def pullable(self) -> bool:
        return all(f.parts or f.mirrors for f in self.files)


def _read_file(raw: Mapping[str, Any]) -> ModelFile:
    parts = tuple(Part(**p) for p in raw["parts"])
    return ModelFile(raw["path"], raw["size_bytes"], raw["sha256"], parts, tuple(raw["mirrors"]))


def read_manifest(text: str) -> tuple[LocalModel, ...]:
    """Models of a manifest, in its order; a model stands behind those that it needs."""
    models: dict[str, LocalModel] = {}
    for row in tomllib.loads(text)["model"]:
        needs = tuple(row.get("needs", ()))
        files = [_read_file(file) for file in row.get("files", ())]
        files += [file for name in needs for file in models[name].files]
        models[row["name"]] = LocalModel(**{**row, "files": tuple(files), "needs": needs})
    return tuple(models.values())


@cache
def load_manifest() -> tuple[LocalModel, ...]:
    """The models that ship with the server."""
    return read_manifest(resources.files(__package__).joinpath("manifest.toml").read_text("utf-8"))
