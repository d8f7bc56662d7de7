"""The models folder: what is there, what is missing, what is on its way. Files in, `ModelState` out."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .manifest import Kind, LocalModel, ModelFile, load_manifest
from .progress import is_pulling, partial_dir, pull_lock, read_progress
from .pull import PullError, is_present, sha256_of

State = Literal["ready", "pulling", "partial", "absent"]


@dataclass(frozen=True, slots=True)
class ModelState:
    """One row of `portico models list`. `error` is why the last pull failed."""

    name: str
    kind: Kind
    title: str
    licence: str
    state: State
    size_bytes: int
    done_bytes: int
    own: bool = False
    error: str = ""


def own_model(path: Path, name: str | None = None) -> LocalModel:
    """A GGUF file of the user as a model; `name` defaults to the file's name without its ending."""
    file = ModelFile(str(path), path.stat().st_size if path.exists() else 0, "", ())
    # A file the user brought outranks every starter model.
    return LocalModel(name or path.stem, "chat", path.name, "own file", 100, 0, (file,))


@dataclass(frozen=True, slots=True)
class ModelStore:
    """Models of the manifest and the user's own `*.gguf` files in one folder."""

    folder: Path
    manifest: Sequence[LocalModel]

    @classmethod
    def at(cls, folder: Path) -> ModelStore:
        return cls(folder, load_manifest())

    def list_models(self) -> list[LocalModel]:
        """Models of the manifest in its order, then own files by name."""
        known = {f.path for m in self.manifest for f in m.files}
        own = (p for p in sorted(self.folder.glob("*.gguf")) if p.name not in known)
        return [*self.manifest, *(own_model(p) for p in own)]

    def maybe_model(self, name: str) -> LocalModel | None:
        return next((m for m in self.list_models() if m.name == name), None)

    def is_ready(self, model: LocalModel) -> bool:
        return all(is_present(self.folder, f) for f in model.files)

    def paths(self, model: LocalModel) -> list[Path]:
        return [self.folder / f.path for f in model.files]

    def state(self, model: LocalModel) -> ModelState:
        own = not model.pullable
        row = (model.name, model.kind, model.title, model.licence)
        if self.is_ready(model):
            return ModelState(*row, "ready", model.size_bytes, model.size_bytes, own)
        progress = read_progress(self.folder, model.name)
        done, error = (progress.done_bytes, progress.error) if progress else (0, "")
        if is_pulling(self.folder, model.name):
            return ModelState(*row, "pulling", model.size_bytes, done, own)
        begun = partial_dir(self.folder, model.name).exists()
        return ModelState(*row, "partial" if begun else "absent", model.size_bytes, done if begun else 0, own, error)

    def verify(self, model: LocalModel) -> list[str]:
        """Sentences about files that are missing or whose content is not what was published; empty when all is well."""
        problems = []
        for file in model.files:
            path = self.folder / file.path
            if not path.is_file():
                problems.append(f"{file.path} is missing")
            elif file.sha256 and sha256_of(path) != file.sha256:
                problems.append(f"{file.path} is damaged: its checksum is wrong")
        return problems

    def remove(self, model: LocalModel) -> int:
        """Delete the files of a model and what an interrupted pull left; bytes freed. Raises PullError while pulled.

        Files of the models that it needs stay.
        """
        shared = {file.path for other in self.manifest if other.name in model.needs for file in other.files}
        with pull_lock(self.folder, model.name) as free:
            if not free:
                raise PullError(f"{model.name} is being pulled right now: stop that first")
            freed = 0
            for path in (self.folder / file.path for file in model.files if file.path not in shared):
                if path.is_file():
                    freed += path.stat().st_size
                    path.unlink()
                if path.parent != self.folder and path.parent.is_relative_to(self.folder):
                    _remove_empty(path.parent)
            partial = partial_dir(self.folder, model.name)
            freed += sum(f.stat().st_size for f in partial.rglob("*") if f.is_file())
            shutil.rmtree(partial, ignore_errors=True)
            (self.folder / ".partial" / f"{model.name}.json").unlink(missing_ok=True)
        return freed


def _remove_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
