"""RAG assistants as they are searched and asked: defaults, models, and what the first document has fixed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from portico.server.access.caller import Caller
from portico.server.assistants.models import Models
from portico.server.assistants.search.find import ProfileModels, Profiles, names_of, write_fixed
from portico.server.assistants.search.options import read_chunks
from portico.server.assistants.search.profiles.manage import SearchProfiles
from portico.server.assistants.search.refusals import ProfileInvalid
from portico.server.catalog.load import load_catalog
from portico.server.errors import SearchProfileNotFound
from portico.server.gateway.configuration import Configuration, configured
from portico.server.gateway.routing import HealthRules, Targets
from portico.server.retrieval.profile import ChunkRules, Embedding, Llm, SearchProfile
from portico.server.storage.search_profiles import ProfileKey, maybe_profile, set_embedding
from tests.server.access.house import House

pytestmark = pytest.mark.anyio
CATALOG = load_catalog(None)
LOCAL = {"provider": "local", "modelName": "all-minilm-l6-v2"}


def open_models(**keys: str) -> ProfileModels:
    targets = Targets(CATALOG, {}, Configuration(configured(keys, {})), HealthRules())
    return ProfileModels(Models(targets, lambda _: ("local", "smollm2-135m-instruct")), targets)


@pytest.fixture
def profiles(house: House) -> Profiles:
    """Without any key."""
    return Profiles(house.tenancy.database, open_models())


async def make(house: House, profiles: Profiles, name: str = "handbook", **search: Any) -> SearchProfile:
    await SearchProfiles(house.tenancy, profiles).create(house.member, {"name": name, "searchOptions": search})
    return await profiles.find(house.member, name)


async def test_the_default_one_works_without_any_key(house: House, profiles: Profiles) -> None:
    found = await profiles.find(house.member, "Default")
    assert found.embedding == Embedding("local/all-minilm-l6-v2")
    assert found.llm == Llm("local/smollm2-135m-instruct")
    assert (found.chunks, found.history_count, found.guardrails) == (ChunkRules(), 0, frozenset())
    assert (found.search.k, found.search.type, found.retriever.type, found.retriever.prompt) == (
        5, "similarity", "vectorStore", "",
    )  # fmt: skip
    assert found.key.project_id == house.member.project_id and found.enabled


async def test_with_a_key_the_documented_embedding_is_used(house: House) -> None:
    profiles = Profiles(house.tenancy.database, open_models(openai="sk-of-the-tests"))
    assert (await profiles.find(house.member, "Default")).embedding == Embedding("openai/text-embedding-3-small")


async def test_what_is_set_wins_also_without_a_key(house: House, profiles: Profiles) -> None:
    embeddings = {"provider": "openai", "modelName": "text-embedding-3-large", "dimensions": 256, "batchSize": 7}
    llm = {"modelName": "gpt-4o", "temperature": 0.3, "maxTokens": 9, "type": "json_object", "cache": True}
    found = await make(house, profiles, embeddings=embeddings, llm=llm)
    assert found.embedding == Embedding("openai/text-embedding-3-large", 256, batch_size=7)
    assert found.llm == Llm("openai/gpt-4o", 0.3, 9, json=True, cache=True)


async def test_dimensions_of_a_model_that_was_not_chosen_do_not_bind_another(house: House, profiles: Profiles) -> None:
    assert (await make(house, profiles, embeddings={"dimensions": 1536})).embedding == Embedding(
        "local/all-minilm-l6-v2"
    )


async def test_the_first_document_fixes_what_makes_the_vectors(house: House, profiles: Profiles) -> None:
    found = await make(house, profiles, embeddings=LOCAL)
    fixed = Embedding("openai/text-embedding-3-small", 512, "passage")
    async with house.tenancy.database.begin() as connection:
        await set_embedding(connection, found.key, write_fixed(fixed))
        row = await maybe_profile(connection, found.key.organization_id, found.key.project_id, "handbook")
    assert (await profiles.find(house.member, "handbook")).embedding == fixed
    assert row is not None and profiles.models.embedding(house.member, row, as_set=True) == found.embedding


async def test_a_retriever_has_the_prompt_of_its_type(house: House, profiles: Profiles) -> None:
    metadata = {"chat": {"retriever": {"queryCount": "3", "step": "documents"}}, "filter": []}
    own = await make(house, profiles, retriever={"type": "hyde", "prompt": "Mine: {question}", "metadata": metadata})
    assert (own.retriever.prompt, own.retriever.query_count, own.retriever.step) == ("Mine: {question}", 3, "documents")
    assert own.metadata == metadata
    for number, (kind, words) in enumerate(
        (("multiQuery", "{queryCount}"), ("hyde", "{question}"), ("contextualCompression", "{context}"))
    ):
        assert words in (await make(house, profiles, str(number), retriever={"type": kind})).retriever.prompt
    ignored = await make(house, profiles, "ignored", retriever={"type": "selfQuery", "prompt": "Mine"})
    assert "NO_FILTER" in ignored.retriever.prompt


async def test_profile_metadata_tunes_the_search_where_its_members_say_nothing(
    house: House, profiles: Profiles
) -> None:
    metadata = {"chat": {"search": {"type": "mmr", "fetchK": "30", "lambda": 0.2, "returnSourceDocuments": False}}}
    found = (await make(house, profiles, search={"lambda": 0.9}, retriever={"metadata": metadata})).search
    assert (found.type, found.fetch_k, found.mmr_lambda, found.return_source_documents) == ("mmr", 30, 0.9, False)
    with pytest.raises(ProfileInvalid, match=r"metadata\.chat\.search\.fetchK"):
        await make(house, profiles, "other", retriever={"metadata": {"chat": {"search": {"fetchK": 0}}}})


async def test_it_is_found_by_its_key_and_not_by_another_project(house: House, profiles: Profiles) -> None:
    found = await profiles.find(house.member, " Default ")
    assert await profiles.maybe(house.member, found.key) == found
    nobody = ProfileKey(found.key.organization_id, found.key.project_id, "5b1d2f8e-0000-4000-8000-000000000002")
    assert await profiles.maybe(house.member, nobody) is None
    stranger: Caller = replace(house.member, project_id=nobody.profile_id)  # type: ignore[arg-type]
    for caller, name in ((stranger, "Default"), (house.owner, "Default"), (house.member, "no"), (house.member, "\0")):
        with pytest.raises(SearchProfileNotFound):
            await profiles.find(caller, name)


def test_an_overlap_that_was_not_set_fits_the_size() -> None:
    assert read_chunks({"chunks": {"chunkSize": 50}}).overlap == 10
    assert read_chunks({"chunks": {"chunkSize": 5000}}).overlap == 100


def test_names_in_a_path() -> None:
    assert names_of("a+b") == ("a+b", "a b")
    assert names_of("a b") == ("a b",)
