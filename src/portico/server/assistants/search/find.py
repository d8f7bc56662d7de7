"""RAG assistants by name or by key, as they are searched and asked: with the models that they have now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from portico.server.access.caller import Caller
from portico.server.access.tenancy import clean_text
from portico.server.assistants.models import Models, Named
from portico.server.assistants.refusals import ProviderTypeNotFound, UnknownModel
from portico.server.assistants.search.defaults import FIRST_EMBEDDING, LOCAL_EMBEDDING
from portico.server.assistants.search.options import pick, read_profile, section_of
from portico.server.assistants.search.reading import Json
from portico.server.assistants.search.refusals import ProfileInvalid
from portico.server.catalog.entry import Model
from portico.server.errors import AmbiguousModelName, ModelNotFound, NotFound, SearchProfileNotFound
from portico.server.gateway.routing import Targets
from portico.server.retrieval.profile import Embedding, SearchProfile
from portico.server.storage import search_profiles as rows
from portico.server.storage.database import Database
from portico.server.storage.search_profiles import ProfileKey, ProfileRow


@dataclass(frozen=True, slots=True)
class ProfileModels:
    """Which models a profile has. `chat` knows the one of a profile that names none."""

    chat: Models
    targets: Targets

    def find_chat(self, caller: Caller, given: Json, base: Json) -> Json:
        """`provider` and `modelName` as they are stored, {} when neither is given. Raises UnknownModel (2016) with the
        member, also for a provider that nobody knows: the RAG reference has no id of its own for it."""
        provider, model = given.get("provider"), given.get("modelName")
        if provider is None and model is None:
            return {}
        known: Named | None = (base.get("provider", ""), base["modelName"]) if "modelName" in base else None
        try:
            found = self.chat.find(caller, provider, model, known)
        except UnknownModel as error:
            error.param = "searchOptions.llm.modelName"
            raise
        except ProviderTypeNotFound:
            raise _unknown(provider, model, "llm.provider") from None
        return {"provider": found[0], "modelName": found[1]}

    def chat_model(self, caller: Caller, row: ProfileRow) -> str:
        """provider/name, or an alias."""
        told = section_of(section_of(row.options, "searchOptions"), "llm")
        provider, name = (
            (told.get("provider", ""), told["modelName"])
            if told.get("modelName")
            else self.chat.find(caller, None, None)
        )
        return f"{provider}/{name}" if provider else name

    def find_embedding(self, caller: Caller, given: Json, base: Json) -> Json:
        """The same for embeddings. Raises UnknownModel (2016); ProfileInvalid for dimensions that it does not give."""
        told = {**pick(base, _NAMED), **pick(given, _NAMED)}
        if "provider" in given and "modelName" not in given and given["provider"] != base.get("provider"):
            told.pop("modelName", None)
        asked = {**base, **given}.get("dimensions")
        if not told:
            return {}
        model = self._find(caller, told.get("provider"), told.get("modelName"))
        if asked and model.dimensions and not model.flexible_dimensions and asked != model.dimensions:
            raise ProfileInvalid(
                "searchOptions.embeddings.dimensions", f"{model.full_name} gives {model.dimensions} numbers, no others"
            )
        return {"provider": model.provider, "modelName": model.name}

    def embedding(self, caller: Caller, row: ProfileRow, *, as_set: bool = False) -> Embedding:
        """What makes the vectors: of the first document, when there is one, else (and `as_set`) as it is set."""
        told = section_of(section_of(row.options, "searchOptions"), "embeddings")
        more = pick(told, {"batchSize": "batch_size", "cache": "cache"})
        fixed = None if as_set else row.embedding
        if fixed is not None:
            return Embedding(**pick(fixed, _FIXED), **more)
        model = f"{told['provider']}/{told['modelName']}" if told.get("modelName") else self._fall_back(caller)
        dimensions = told.get("dimensions")
        found = self.maybe_model(caller, model)
        if found is not None and not found.flexible_dimensions:
            dimensions = None
        return Embedding(model, dimensions, told.get("type", ""), **more)

    def maybe_model(self, caller: Caller, full_name: str) -> Model | None:
        """An embedding model of the catalogue; None when it is gone from there."""
        provider, _, name = full_name.partition("/")
        try:
            return self.targets.catalog_of(caller).resolve(provider, name, "Embedding")
        except (ModelNotFound, AmbiguousModelName):
            return None

    def _fall_back(self, caller: Caller) -> str:
        provider = FIRST_EMBEDDING.partition("/")[0]
        return LOCAL_EMBEDDING if provider in self.targets.missing_of(caller) else FIRST_EMBEDDING

    def _find(self, caller: Caller, provider: str | None, name: str | None) -> Model:
        catalog = self.targets.catalog_of(caller)
        if provider is None and name is not None and "/" in name:
            provider, _, name = name.partition("/")
        try:
            shelf = catalog.find_provider(provider or FIRST_EMBEDDING.partition("/")[0])
            listed = (one.name for one in shelf.models if one.type == "Embedding" and one.status == "active")
            wanted = name or next(listed, "")
            prefix = f"{shelf.name}/".lower()
            if wanted.lower().startswith(prefix):
                wanted = wanted[len(prefix) :]
            model = catalog.resolve(shelf.name, wanted, "Embedding")
        except (NotFound, AmbiguousModelName):
            raise _unknown(provider, name) from None
        if model.type != "Embedding":
            raise _unknown(provider, name)
        return model


_NAMED = {"provider": "provider", "modelName": "modelName"}
_FIXED = {"model": "model", "dimensions": "dimensions", "inputType": "input_type"}


def write_fixed(embedding: Embedding) -> Json:
    """What decides about vectors, as it is stored with the first document."""
    return {name: getattr(embedding, ours) for name, ours in _FIXED.items()}


def _unknown(provider: str | None, name: str | None, member: str = "embeddings.modelName") -> UnknownModel:
    error = UnknownModel(provider or "", name or "")
    error.param = f"searchOptions.{member}"
    return error


@dataclass(frozen=True, slots=True)
class Profiles:
    """One per process."""

    database: Database
    models: ProfileModels

    async def find(self, caller: Caller, name: str) -> SearchProfile:
        """Of the caller's project, also a disabled one. Raises SearchProfileNotFound (200, id 1101)."""
        wanted = clean_text(name)
        if caller.project_id is None or not wanted:
            raise SearchProfileNotFound
        async with self.database.begin() as connection:
            row = await rows.maybe_profile(connection, caller.organization_id, caller.project_id, wanted)
        if row is None:
            raise SearchProfileNotFound
        return self.read(caller, row)

    async def maybe(self, caller: Caller, key: ProfileKey) -> SearchProfile | None:
        """None when it is gone."""
        async with self.database.begin() as connection:
            row = await rows.maybe_profile_of(connection, key)
        return None if row is None else self.read(caller, row)

    def read(self, caller: Caller, row: ProfileRow) -> SearchProfile:
        return read_profile(row, self.models.embedding(caller, row), self.models.chat_model(caller, row))


async def find_profile(profiles: Profiles, caller: Caller, name: str) -> SearchProfile:
    """As `Profiles.find`."""
    return await profiles.find(caller, name)


def names_of(given: Any) -> tuple[str, ...]:
    """What a name in a path may mean: as it stands, then with blanks for its plus signs."""
    literal = clean_text(str(given))
    return tuple(dict.fromkeys((literal, clean_text(literal.replace("+", " ")))))
