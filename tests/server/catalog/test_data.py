"""The shipped entries: complete, sourced, and described in four languages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from portico.server.catalog.find import Catalog
from portico.server.catalog.load import load_catalog
from portico.server.providers.base import NO_QUIRKS, Quirks
from portico.server.settings import OPTIONS

# Every model that the API documentation and its later pages name, by provider.
DOCUMENTED = {
    "openai": """gpt-4o gpt-4o-mini gpt-4o-2024-11-20 gpt-4.5-preview gpt-4.1 gpt-4.1-mini gpt-4.1-nano o1 o3 o4-mini
        o3-mini o1-preview o1-mini chatgpt-4o-latest gpt-4o-search-preview gpt-4o-mini-search-preview o1-pro
        gpt-5.1 gpt-5.4 gpt-5.4-mini gpt-5.3-codex text-embedding-3-small text-embedding-3-large
        text-embedding-ada-002 text-embedding-ada-002-v2 gpt-image-1.5 gpt-image-1 gpt-image-1-mini dall-e-3 dall-e-2
        gpt-4o-mini-tts gpt-4 gpt-3.5-turbo""",
    "vertex_ai": """gemini-2.5-pro-preview-05-06 gemini-2.5-pro-exp-03-25 gemini-2.5-flash-preview-04-17
        gemini-2.0-flash gemini-2.0-flash-lite gemini-2.0-flash-001 gemini-2.0-flash-exp gemini-1.5-pro
        gemini-1.5-pro-002 gemini-2.0-flash-thinking-exp-01-21 codestral-2501 claude-3-7-sonnet-20250219
        claude-3-5-sonnet-v2-20241022 claude-3-5-sonnet-20240620 claude-3-opus-20240229 claude-3-haiku-20240307
        claude-3-sonnet-20240229 claude-3-5-haiku-20241022 meta.llama-3.1-405b-instruct-maas
        meta.llama-3.2-90b-vision-instruct-maas meta-llama-4-maverick-17b-128e-instruct-maas
        meta-llama-4-scout-17b-16e-instruct-maas gemini-2.5-pro gemini-2.5-flash gemini-3.1-pro-preview
        gemini-3.1-flash-lite-preview mistral-large-2411 text-embedding-004 text-embedding-005
        text-multilingual-embedding-002 multimodalembedding@001 imagen-3.0-generate-001 imagen-3.0-generate-002
        imagen-3.0-fast-generate-001 veo-2.0-generate-001 veo-3.0-generate-001 veo-3.0-fast-generate-001
        veo-3.0-generate-preview veo-3.0-fast-generate-preview veo-3.1-generate-preview
        veo-3.1-fast-generate-preview gemini-1.0-pro gemini-1.5-flash gemini-1.5-flash-002
        gemini-2.0-flash-lite-preview-02-05 textembedding-gecko textembedding-gecko-multilingual""",
    "azure": """gpt-4o gpt-4o-mini o1 o3-mini gpt-4 o1-mini deepseek-r1 gpt-4.1 text-embedding-3-small
        text-embedding-3-large text-embedding-ada-002 gpt-image-1 gpt-35-turbo-16k""",
    "azure_ai_foundry": "grok-3-mini",
    "anthropic": """claude-3-7-sonnet-latest claude-3-5-sonnet-20241022 claude-3-5-sonnet-20240620
        claude-3-opus-20240229 claude-3-haiku-20240307 claude-3-sonnet-20240229 claude-3-5-haiku-20241022
        claude-sonnet-4-20250514 claude-opus-4-20250514 claude-opus-4-1-20250805""",
    "awsbedrock": """anthropic.claude-3-7-sonnet anthropic.claude-3.5-sonnet-v2 anthropic.claude-3.5-sonnet
        anthropic.claude-3-haiku anthropic.claude-3-opus anthropic.claude-3-sonnet anthropic.claude-3.5-haiku
        amazon.nova-pro-v1:0 amazon.nova-lite-v1:0 amazon.nova-micro-v1:0 amazon.titan-lite-v1
        amazon.titan-express-v1 cohere.command meta.llama3-8b meta.llama3-70b meta.llama3-1-70b meta.llama3-1-405b
        meta.llama3-2-1b meta.llama3-2-3b meta.llama3-2-11b meta.llama3-2-90b us.deepseek.r1-v1:0
        amazon.titan-embed-v2 amazon.titan-embed-image-v1 cohere.embed-english cohere.embed-english-v3
        cohere.embed-multilingual cohere.rerank-v3.5 amazon.rerank-v1""",
    "gemini": """gemini-2.5-pro-exp-03-25 gemini-1.5-flash-latest gemini-2.0-flash-exp gemini-1.5-flash-8b-exp-0827
        gemini-2.0-flash-lite-preview gemini-1.5-pro-latest gemini-exp-1206 gemini-2.0-pro-exp
        gemini-1.5-flash-exp-0827 gemini-1.5-pro-exp-0801 gemini-1.5-pro-exp-0827
        gemini-2.0-flash-thinking-exp-01-21 gemini-2.0-flash-thinking-exp-1219 gemma-3-27b-it""",
    "groq": """llama-3.3-70b-versatile llama-3.2-3b-preview llama-3.2-1b-preview llama-3.1-8b-instant
        mixtral-8x7b-32768 qwen-qwq-32b meta-llama-4-scout-17b-16e-instruct meta-llama-4-maverick-17b-128e-instruct
        llama-3.2-11b-vision-preview llama-3.2-90b-vision-preview deepseek-r1-distill-llama-70b
        llama-3.1-70b-versatile""",
    "deepseek": "deepseek-chat deepseek-reasoner",
    "nvidia": """nvidia.nemotron-mini-4b-instruct meta.llama-3.1-8b-instruct meta.llama-3.1-70b-instruct
        meta.llama-3.1-405b-instruct meta.llama-3.2-3b-instruct llama-3.3-nemotron-super-49b-v1
        llama-3.1-nemotron-70b-instruct meta-llama-4-scout-17b-16e-instruct meta-llama-4-maverick-17b-128e-instruct
        meta.llama-3.2-1b-instruct llama-3.1-nemotron-ultra-253b-v1 deepseek-ai-deepseek-r1 baai.bge-m3 nv-embed-v1
        nvclip embed-qa-4 nv-embedqa-e5-v5 snowflake.arctic-embed-l nv-embedqa-mistral-7b-v2""",
    "sambanova": """Llama-4-Scout-17B-16E-Instruct DeepSeek-R1-Distill-Llama-70B Meta-Llama-3.1-8B-Instruct
        Meta-Llama-3.3-70B-Instruct DeepSeek-V3-0324 DeepSeek-R1 QwQ-32B Meta-Llama-3.1-405B-Instruct
        Meta-Llama-3.2-1B-Instruct Meta-Llama-3.2-3B-Instruct Llama-4-Maverick-17B-128E-Instruct
        Llama-3.2-11B-Vision-Instruct Llama-3.2-90B-Vision-Instruct Llama-3.1-Tulu-3-405B
        Meta-Llama-3.1-70B-Instruct Qwen2.5-72B-Instruct Qwen2.5-Coder-32B-Instruct""",
    "cerebras": "llama3.1-8b llama3.1-70b llama-3.3-70b llama-4-scout-17b-16e-instruct",
    "cohere": """command-r command-r-08-2024 command-r-plus command-r-plus-08-2024 command-r7b-12-2024
        command-a-03-2025 embed-english-v3.0 embed-multilingual-v3.0 embed-english-light-v3.0
        embed-multilingual-light-v3.0 rerank-v3.5""",
    "xai": """grok-3-beta grok-3-fast-beta grok-3-mini-beta grok-3-mini-fast-beta grok-2-1212 grok-beta
        grok-2-vision-1212 grok-vision-beta grok-3 grok-3-fast grok-3-mini grok-3-mini-fast grok-4
        grok-2-image-1212""",
    "openrouter": """auto qwen3-8b:free qwen3-14b:free qwen3-30b-a3b:free qwen3-32b:free qwen3-235b-a22b:free
        qwen3-32b qwen3-235b-a22b""",
    "pinecone": "multilingual-e5-large llama-text-embed-v2",
    "local": "smollm2-135m-instruct qwen2.5-coder-0.5b-instruct qwen2.5-coder-1.5b-instruct all-minilm-l6-v2"
    " efficientnet-lite0 image-conse minilm-cosine qwen-judge",
}
FULL_NAMES = [f"{provider}/{name}" for provider, names in DOCUMENTED.items() for name in names.split()]
FRIENDLY_NAMES = {
    "openai": "OpenAI",
    "azure": "Azure OpenAI",
    "azure_ai_foundry": "Azure AI Foundry",
    "Anthropic": "Anthropic",
    "awsbedrock": "AWS Bedrock",
    "vertex_ai": "Google VertexAI",
    "gemini": "Gemini",
    "groq": "Groq",
    "deepseek": "DeepSeek",
    "nvidia": "NVidia",
    "sambanova": "SambaNova",
    "cerebras": "Cerebras",
    "cohere": "Cohere",
    "xai": "xAI",
    "openrouter": "OpenRouter",
    "pinecone": "Pinecone",
}
NOT_STREAMED = ("o1-pro", "o3-pro", "gpt-5-pro")
# The echo provider serves tests only and stands in no documentation.
ALL = [model for provider in load_catalog(None).providers if provider.name != "echo" for model in provider.models]
JAPANESE = re.compile("[\u3040-\u30ff\u4e00-\u9fff]")


def test_every_documented_model_is_there(shipped: Catalog) -> None:
    listed = {model.full_name for model in ALL}
    assert set(FULL_NAMES) - listed == set()
    assert all(shipped.find_model(*name.split("/", 1)).full_name == name for name in FULL_NAMES)


@pytest.mark.parametrize(("name", "friendly"), FRIENDLY_NAMES.items())
def test_documented_provider_is_there_with_its_names(shipped: Catalog, name: str, friendly: str) -> None:
    provider = shipped.find_provider(name)
    assert (provider.name, provider.friendly_name) == (name, friendly)


def is_well_described(texts: Mapping[str, str]) -> bool:
    """Four texts, no two alike, whole sentences, and Japanese in its place only."""
    japanese = [language for language, text in texts.items() if JAPANESE.search(text)]
    sentences = all(len(text) > 20 and "{" not in text and text[-1] in ".。" for text in texts.values())
    return set(texts) == {"en", "es", "pt", "ja"} and len(set(texts.values())) == 4 and sentences and japanese == ["ja"]


def test_every_model_is_described_in_four_languages() -> None:
    assert [m.full_name for m in ALL if not is_well_described(m.descriptions)] == []


def test_no_two_models_of_a_provider_are_described_alike(shipped: Catalog) -> None:
    for provider in shipped.providers:
        for language in ("en", "es", "pt", "ja"):
            texts = [m.descriptions[language] for m in provider.models]
            assert len(texts) == len(set(texts)), (provider.name, language)


def test_every_provider_is_described_in_four_languages(shipped: Catalog) -> None:
    assert [p.name for p in shipped.providers if p.name != "echo" and not is_well_described(p.descriptions)] == []


def test_every_model_has_a_dated_source() -> None:
    assert [m.full_name for m in ALL if not re.search(r"20\d\d-\d\d-\d\d", m.source)] == []


def test_values_of_every_model_fit_together() -> None:
    for model in ALL:
        name = model.full_name
        assert (model.dimensions > 0) == (model.type == "Embedding"), name
        if model.context_window and model.max_output:
            assert model.max_output <= model.context_window, name
        if model.reasoning.budget_max and model.max_output:
            assert model.reasoning.budget_max <= model.max_output, name
        assert model.streaming == (model.type == "Chat" and model.name not in NOT_STREAMED), name


@pytest.mark.parametrize("tier", ["usual", "above"])
def test_hc24_prices_are_plausible(tier: str) -> None:
    """At most 200 and 700 dollars per million tokens: a slip of three digits shows here."""
    for model in ALL:
        price, name = model.price, model.full_name
        if tier == "above":
            if price.above is None:
                continue
            assert price.above_tokens >= 100_000 and price.above.input >= price.input > 0, name
            price = price.above
        assert 0 <= price.cached_input <= price.input <= 200_000_000, name
        assert price.input <= price.cache_write_5m <= 2 * price.input, name
        assert price.cache_write_5m <= price.cache_write_1h <= 2 * price.input, name
        assert price.input <= price.audio_input or not price.input, name
        assert 0 <= price.output <= price.audio_output <= 700_000_000, name
        assert bool(price.unit) == bool(price.unit_of), name
        assert not (price.unit and price.output) and 0 <= price.image <= 500_000, name


def test_current_models_of_the_large_providers_have_prices() -> None:
    """Free ones, those of one's own machine, and those whose price no public list had apart."""
    unpriced = {m.full_name for m in ALL if not (m.price.input or m.price.image or m.price.unit)}
    for provider in ("mistral", "moonshot", "zai", "perplexity", "fireworks", "together", "deepseek", "anthropic"):
        left = {name for name in unpriced if name.startswith(f"{provider}/")}
        assert left <= {"zai/glm-4.7-flash"}, provider


def test_every_provider_has_a_source_and_an_address_or_asks_for_one(shipped: Catalog) -> None:
    for provider in shipped.providers:
        assert provider.source, provider.name
        made_of_options = provider.adapter == "vertex_ai" and any(o.name == "location" for o in provider.options)
        places = provider.base_url or provider.needs_base_url or provider.adapter in ("local", "echo")
        assert places or made_of_options, provider.name


SPEAK_OPENAI = [
    *("openai", "groq", "deepseek", "nvidia", "sambanova", "cerebras", "xai", "openrouter"),
    *("together", "fireworks", "perplexity", "moonshot", "zai", "alibaba"),
]


@pytest.mark.parametrize("name", SPEAK_OPENAI)
def test_providers_that_speak_openai_use_its_adapter(shipped: Catalog, name: str) -> None:
    provider = shipped.find_provider(name)
    assert provider.adapter == "openai" and provider.base_url.startswith("https://") and provider.needs_key


@pytest.mark.parametrize(
    ("name", "adapter"),
    [
        ("Anthropic", "anthropic"),
        ("azure", "azure"),
        ("azure_ai_foundry", "azure"),
        ("awsbedrock", "bedrock"),
        ("cohere", "cohere"),
        ("gemini", "gemini"),
        ("mistral", "mistral"),
        ("ollama", "ollama"),
        ("vertex_ai", "vertex_ai"),
    ],
)
def test_providers_with_a_protocol_of_their_own_name_its_adapter(shipped: Catalog, name: str, adapter: str) -> None:
    assert shipped.find_provider(name).adapter == adapter


def test_options_of_providers_are_known_to_the_settings_and_explained(shipped: Catalog) -> None:
    found = {(p.name, o.name) for p in shipped.providers for o in p.options}
    assert ("awsbedrock", "region") in found and ("vertex_ai", "project") in found and ("azure", "api_version") in found
    for provider in shipped.providers:
        for option in provider.options:
            assert option.name.upper() in OPTIONS and option.help.endswith("."), (provider.name, option.name)
    assert shipped.find_provider("vertex_ai").setting("location") == "PORTICO_PROVIDER_VERTEX_AI_LOCATION"


def test_quirks_are_those_that_adapters_know(shipped: Catalog) -> None:
    for provider in shipped.providers:
        quirks = Quirks(**provider.quirks)  # type: ignore[arg-type]  # an unknown name would be a TypeError
        assert (quirks == NO_QUIRKS) == (not provider.quirks), provider.name
        assert provider.adapter in ("openai", "azure") or quirks == NO_QUIRKS, provider.name
    assert shipped.find_provider("deepseek").quirks["thinking_style"] == "type"
    assert shipped.find_provider("perplexity").quirks["stream_usage"] == "always"
    assert "logit_bias" in shipped.find_provider("groq").quirks["drops"]


@pytest.mark.parametrize("name", ["ollama", "vllm", "lmstudio", "llamacpp"])
def test_servers_of_ones_own_need_no_key_and_take_any_name(shipped: Catalog, name: str) -> None:
    provider = shipped.find_provider(name)
    assert provider.base_url.startswith("http://127.0.0.1:") and not provider.needs_key
    assert shipped.resolve(name, "whatever:7b").upstream_name in ("", "whatever:7b")


@pytest.mark.parametrize(
    "full_name", ["openai/o1", "openai/o3", "openai/o4-mini", "openai/o3-mini", "openai/o1-mini", "openai/o1-pro"]
)
def test_temperature_of_reasoning_models_must_be_1(shipped: Catalog, full_name: str) -> None:
    temperature = shipped.find_model(*full_name.split("/")).parameters["temperature"]
    assert temperature.supported and temperature.allowed_values == (1,)


@pytest.mark.parametrize("name", ["gpt-4o-search-preview", "gpt-4o-mini-search-preview"])
def test_search_models_take_no_temperature(shipped: Catalog, name: str) -> None:
    assert not shipped.find_model("openai", name).parameters["temperature"].supported


def test_marks_of_single_models_are_kept(shipped: Catalog) -> None:
    assert not shipped.find_model("gemini", "gemma-3-27b-it").system_role
    assert shipped.find_model("openai", "o1-pro").api == "responses"
    assert "file" in shipped.find_model("openai", "o1-pro").media
    assert shipped.find_model("openai", "o1-pro").media["file"]["mimeTypes"] == ("application/pdf",)
    assert shipped.find_model("openai", "o1").max_output == 100_000
    assert shipped.find_model("openai", "o1-mini").max_output == 65_000
    assert shipped.find_model("anthropic", "claude-3-7-sonnet-latest").max_output == 64_000
    assert shipped.find_model("awsbedrock", "us.deepseek.r1-v1:0").max_output == 32_000
    assert shipped.find_model("sambanova", "DeepSeek-R1").context_window == 16_000
    assert not shipped.find_model("anthropic", "claude-3-7-sonnet-latest").structured_output
    assert shipped.find_model("anthropic", "claude-haiku-4-5").structured_output


def test_local_models_say_what_they_need(shipped: Catalog) -> None:
    by_name = {m.name: m for m in shipped.find_provider("local").models}
    chat = sorted((m for m in by_name.values() if m.type == "Chat"), key=lambda m: m.priority)
    assert [m.name for m in chat] == [
        "qwen2.5-coder-1.5b-instruct",
        "qwen2.5-coder-0.5b-instruct",
        "smollm2-135m-instruct",
    ]
    assert by_name["all-minilm-l6-v2"].dimensions == 384
    assert all(m.requirements["size_bytes"] and m.requirements["memory_bytes"] for m in by_name.values())


def test_the_manual_lists_every_provider_with_its_settings(shipped: Catalog) -> None:
    manual = (Path(__file__).resolve().parents[3] / "docs/providers.md").read_text(encoding="utf-8")
    for provider in shipped.providers:
        if provider.name == "echo":
            continue
        row = next(line for line in manual.splitlines() if line.startswith(f"| `{provider.name.lower()}`"))
        assert all(f"`{alias}`" in row for alias in provider.aliases), provider.name
        assert (f"`{provider.key_setting}`" in row) == provider.needs_key, provider.name
        assert (f"`{provider.base_url_setting}`" in row) == provider.needs_base_url, provider.name
        for option in provider.options:
            assert f"`{provider.setting(option.name)}` |" in manual and option.help in manual, option.name
