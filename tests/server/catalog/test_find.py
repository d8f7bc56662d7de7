from __future__ import annotations

import pytest

from portico.server.catalog.find import Catalog
from portico.server.errors import AmbiguousModelName, InvalidModelName, ModelNotFound, NotFound
from tests.calls import count_steps
from tests.server.catalog.conftest import Loader, acme_of

TWINS = """
    name = "acme"
    base_url = "http://127.0.0.1:9000/v1"
    [[models]]
    name = "twin"
    type = "Chat"
    id = "11111111-1111-4111-8111-11111111111A"
    [[models]]
    name = "twin"
    type = "Chat"
    id = "22222222-2222-4222-8222-222222222222"
"""


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("openai", "openai"),
        ("OpenAI", "openai"),
        ("anthropic", "Anthropic"),
        ("Anthropic", "Anthropic"),
        ("azureopenai", "azure"),
        ("bedrock", "awsbedrock"),
        ("google", "vertex_ai"),
        ("GoogleVertexAI", "vertex_ai"),
    ],
)
def test_provider_is_found_in_any_case_and_by_alias(shipped: Catalog, asked: str, name: str) -> None:
    assert shipped.find_provider(asked).name == name


def test_unknown_provider_is_404(shipped: Catalog) -> None:
    with pytest.raises(NotFound) as caught:
        shipped.find_provider("nobody")
    assert (caught.value.status, caught.value.id, caught.value.message) == (404, 4000, "Not Found.")


@pytest.mark.parametrize("asked", ["gpt-4o", "openai/gpt-4o", "OpenAI/gpt-4o"])
def test_model_is_found_by_name_and_full_name(shipped: Catalog, asked: str) -> None:
    assert shipped.find_model("OPENAI", asked).full_name == "openai/gpt-4o"


def test_model_is_found_by_guid_in_any_case(shipped: Catalog) -> None:
    model = shipped.find_model("openai", "gpt-4o")
    assert shipped.find_model("openai", model.id) is model
    assert shipped.find_model("openai", model.id.upper()) is model
    assert shipped.resolve("openai", model.id) is model


@pytest.mark.parametrize("asked", ["amazon.nova-pro-v1:0", "us.deepseek.r1-v1:0", "awsbedrock/amazon.nova-pro-v1:0"])
def test_names_with_colons_and_dots_are_found(shipped: Catalog, asked: str) -> None:
    assert shipped.find_model("awsbedrock", asked).provider == "awsbedrock"


@pytest.mark.parametrize("asked", ["nope", "", "GPT-4O", "azure/gpt-4o", "gpt-4o/"])
def test_other_model_names_are_404(shipped: Catalog, asked: str) -> None:
    with pytest.raises(NotFound) as caught:
        shipped.find_model("openai", asked)
    assert (caught.value.id, caught.value.message) == (4000, "Not Found.")


def test_deprecated_model_is_found_as_itself(shipped: Catalog) -> None:
    model = shipped.find_model("openai", "o1-preview")
    assert (model.name, model.status, model.fallback) == ("o1-preview", "deprecated", "o3")
    assert shipped.find_model("groq", "llama-3.1-70b-versatile").status == "deprecated"


def test_ambiguous_name_is_409_and_the_guid_works(load_own: Loader) -> None:
    catalog = load_own(acme=TWINS)
    for ask in (catalog.find_model, catalog.resolve):
        with pytest.raises(AmbiguousModelName) as caught:
            ask("acme", "twin")
        assert (caught.value.status, caught.value.id) == (409, 4000)
        assert caught.value.message == "The model name is ambiguous."
        assert ask("acme", "22222222-2222-4222-8222-222222222222").name == "twin"
        assert ask("acme", "11111111-1111-4111-8111-11111111111a").name == "twin"
    with pytest.raises(InvalidModelName):
        catalog.resolve_bare("twin")


# Deprecated models and replacements of the API documentation.
@pytest.mark.parametrize(
    ("asked", "served"),
    [
        ("openai/gpt-3.5-turbo", "gpt-4o-mini"),
        ("openai/gpt-3.5-turbo-0125", "gpt-4o-mini"),
        ("openai/gpt-4", "gpt-4o"),
        ("openai/gpt-4-0613", "gpt-4o"),
        ("openai/gpt-4-turbo-2024-04-09", "gpt-4o"),
        ("openai/o1-preview", "o3"),
        ("openai/o1-mini", "o4-mini"),
        ("openai/text-embedding-ada-002-v2", "text-embedding-ada-002"),
        ("vertex_ai/gemini-1.0-pro", "gemini-2.0-flash"),
        ("vertex_ai/gemini-1.5-flash", "gemini-2.0-flash-lite"),
        ("vertex_ai/gemini-1.5-flash-002", "gemini-2.0-flash-lite"),
        ("vertex_ai/gemini-2.0-flash-lite-preview-02-05", "gemini-2.0-flash-lite"),
        ("vertex_ai/textembedding-gecko", "text-embedding-005"),
        ("vertex_ai/textembedding-gecko-multilingual", "text-multilingual-embedding-002"),
        ("vertex_ai/claude-3-sonnet-20240229", "claude-3-5-sonnet-v2-20241022"),
        ("anthropic/claude-3-sonnet-20240229", "claude-3-5-sonnet-20241022"),
        ("awsbedrock/anthropic.claude-3-sonnet", "anthropic.claude-3.5-sonnet-v2"),
        ("azure/gpt-4", "gpt-4o"),
        ("sambanova/Llama-3.1-Tulu-3-405B", "DeepSeek-V3-0324"),
        ("sambanova/Meta-Llama-3.1-70B-Instruct", "Llama-4-Scout-17B-16E-Instruct"),
        ("sambanova/Qwen2.5-72B-Instruct", "QwQ-32B"),
        ("sambanova/Qwen2.5-Coder-32B-Instruct", "QwQ-32B"),
    ],
)
def test_deprecated_model_is_served_by_its_replacement(shipped: Catalog, asked: str, served: str) -> None:
    provider, name = asked.split("/", 1)
    model = shipped.resolve(provider, name)
    assert (model.name, model.status) == (served, "active")


@pytest.mark.parametrize(
    "asked",
    [
        "groq/llama-3.1-70b-versatile",
        "azure/gpt-35-turbo-16k",
        "sambanova/Llama-3.2-11B-Vision-Instruct",
        "sambanova/Llama-3.2-90B-Vision-Instruct",
        "Groq/nope",
        "nobody/nothing",
        "openai/",
    ],
)
def test_model_that_nobody_serves_is_refused_with_its_name(shipped: Catalog, asked: str) -> None:
    provider, name = asked.split("/", 1)
    with pytest.raises(ModelNotFound) as caught:
        shipped.resolve(provider, name)
    assert caught.value.message == f"Model '{asked}' does not exist."


@pytest.mark.parametrize("name", ["gpt-4o", "gpt-4.1", "gpt-4.5-preview", "gpt-4o-mini", "chatgpt-4o-latest"])
def test_family_patterns_leave_newer_families_alone(shipped: Catalog, name: str) -> None:
    assert shipped.resolve("openai", name).name == name


def test_any_other_openai_name_is_passed_on(shipped: Catalog) -> None:
    model = shipped.resolve("OpenAI", "gpt-9-experimental")
    assert (model.full_name, model.type, model.function_calling) == ("openai/gpt-9-experimental", "Chat", True)
    assert shipped.resolve("openai", "gpt-9-experimental") is model
    embedding = shipped.resolve("openai", "text-embedding-9", "Embedding")
    assert (embedding.type, embedding.flexible_dimensions) == ("Embedding", True)
    with pytest.raises(NotFound):
        shipped.find_model("openai", "gpt-9-experimental")


def test_memory_of_open_names_is_bounded(shipped: Catalog) -> None:
    for number in range(3000):
        shipped.resolve("ollama", f"model-{number}")
    assert len(shipped._shelves["ollama"].unlisted) <= 1024


def test_hidden_model_is_served_though_not_listed(load_own: Loader) -> None:
    catalog = load_own(
        acme=TWINS.replace('"twin"', '"single"', 1).replace('type = "Chat"', 'type = "Chat"\nstatus = "hidden"', 1)
    )
    assert catalog.resolve("acme", "single").status == "hidden"


def test_bare_name_prefers_openai(shipped: Catalog) -> None:
    assert shipped.resolve_bare("gpt-4o-mini").provider == "openai"
    assert shipped.resolve_bare("qwen2.5-coder-1.5b-instruct").provider == "local"
    assert shipped.resolve_bare("deepseek-chat").full_name == "deepseek/deepseek-chat"


@pytest.mark.parametrize("name", ["nope", "", "gpt-4", "claude-3-opus-20240229", "llama-3.3-70b-versatile "])
def test_bare_name_of_no_or_several_active_models_is_refused(shipped: Catalog, name: str) -> None:
    with pytest.raises(InvalidModelName) as caught:
        shipped.resolve_bare(name)
    assert caught.value.message == "Invalid 'model' name. Must follow pattern {provider}/{modelName}"


@pytest.mark.parametrize("name", ["m-1", "m-new"])
def test_look_up_takes_a_few_steps_however_many_models_there_are(name: str) -> None:
    few, many = acme_of(3), acme_of(300)
    steps = count_steps(lambda: few.resolve("acme", name))
    assert steps <= 27
    assert count_steps(lambda: many.resolve("acme", name)) == steps


@pytest.mark.parametrize("name", ["gpt-4o", "gpt-9-experimental"])
def test_look_up_takes_a_few_steps_in_the_shipped_catalogue(shipped: Catalog, name: str) -> None:
    assert count_steps(lambda: shipped.resolve("openai", name)) <= 36
