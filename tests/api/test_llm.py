"""The LLM API through the door: four calls in three spellings, languages, filters, refusals, and the OpenAI list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from tests.live import CHAT, TEXT, LiveServer

VERSIONS = ("/v3/llm", "/v2/llm", "/llm")
V3 = ("/v3/llm", "/llm")
"""The tables of the reference print the paths without a version: they count as v3."""
NOT_FOUND = {"errors": [{"id": 4000, "description": "Not Found."}]}
AMBIGUOUS = {"errors": [{"id": 4000, "description": "The model name is ambiguous."}]}
UNAUTHORIZED = {"errors": [{"id": 401, "description": "Unauthorized"}]}
FLAGS = {"functionCalling", "toolCalling", "streaming", "multimodal"}
SUMMARY = {"id", "name", "fullName", "type", "priority"}
FULL = SUMMARY | FLAGS | {
    "description", "contextWindow", "maxOutputTokens", "isCustom", "parameters", "properties",
}  # fmt: skip
TWIN_IDS = ("11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222")
TWINS = f"""
name = "acme"
friendly_name = "Acme AI"
adapter = "openai"
base_url = "http://127.0.0.1:9/v1"
needs_key = false
source = "made for a test"
[[models]]
name = "twin"
type = "Chat"
id = "{TWIN_IDS[0]}"
[[models]]
name = "twin"
type = "Chat"
id = "{TWIN_IDS[1]}"
[[models]]
name = "team/blue:v1.5"
type = "Chat"
[[models]]
name = "veiled"
type = "Chat"
status = "hidden"
"""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server whose operator added a provider: two models of one name, a name full of signs, a hidden model."""
    data = tmp_path_factory.mktemp("own")
    (data / "catalog").mkdir()
    (data / "catalog" / "acme.toml").write_text(TWINS, encoding="utf-8")
    with LiveServer(data, {"PORTICO_LOCAL_MODELS": "off"}) as live:
        yield live


def providers(server: LiveServer, query: str = "", version: str = "/v3/llm", **headers: str) -> list[dict[str, Any]]:
    answer = server.get(f"{version}/providers{query}", {k.replace("_", "-"): v for k, v in headers.items()})
    assert answer.status == 200, answer.body
    listed: list[dict[str, Any]] = answer.json()["providers"]
    return listed


def models(server: LiveServer, provider: str, query: str = "", version: str = "/v3/llm") -> list[dict[str, Any]]:
    answer = server.get(f"{version}/providers/{provider}/models{query}")
    assert answer.status == 200, answer.body
    listed: list[dict[str, Any]] = answer.json()["models"]
    return listed


def model(server: LiveServer, path: str, version: str = "/v3/llm") -> dict[str, Any]:
    answer = server.get(f"{version}/providers/{path}")
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.json()
    return found


# shapes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", V3)
def test_a_provider_of_v3_has_the_documented_members(server: LiveServer, version: str) -> None:
    listed = providers(server, version=version)
    assert all(set(p) == {"name", "friendlyName", "description", "interfaceType"} for p in listed)
    assert {p["interfaceType"] for p in listed} == {"openai"}
    assert [p["name"] for p in listed] == sorted((p["name"] for p in listed), key=str.casefold)
    one = server.get(f"{version}/providers/openai").json()
    assert one in listed, "the list and the single call tell the same"
    assert (one["name"], one["friendlyName"]) == ("openai", "OpenAI")


def test_a_provider_of_v2_has_no_friendly_name_and_is_described_by_it(server: LiveServer) -> None:
    listed = {p["name"]: p for p in providers(server, version="/v2/llm")}
    assert all(set(p) == {"name", "description", "interfaceType"} for p in listed.values())
    assert listed["awsbedrock"]["description"] == "AWS Bedrock"
    assert server.get("/v2/llm/providers/awsbedrock").json() == listed["awsbedrock"]


def test_the_versions_tell_of_the_same_models(server: LiveServer) -> None:
    by_version = [
        {p["name"]: [m["id"] for m in p["models"]] for p in providers(server, "?include=models", version)}
        for version in VERSIONS
    ]
    assert by_version[0] == by_version[1] == by_version[2]
    assert by_version[0]["openai"]


@pytest.mark.parametrize("version", V3)
def test_a_model_of_v3_has_the_documented_members(server: LiveServer, version: str) -> None:
    for found in models(server, "openai", version=version):
        assert FULL <= set(found) <= FULL | {"mediaCapabilities"}
        assert all(isinstance(found[flag], bool) for flag in FLAGS)
        assert all(isinstance(found[n], int) for n in ("contextWindow", "maxOutputTokens", "priority"))
        assert found["fullName"] == f"openai/{found['name']}"
        assert all(set(p) == {"id", "name", "type", "value"} for p in found["properties"])
        assert all(isinstance(p["value"], str) for p in found["properties"])
        assert {"SupportsToolChoice", "SupportsMultimodal"} <= {p["name"] for p in found["properties"]}


def test_a_model_of_v2_tells_its_capabilities_in_properties(server: LiveServer) -> None:
    for found in models(server, "openai", version="/v2/llm"):
        assert not (FLAGS | {"parameters", "mediaCapabilities"}) & set(found)
        said = {p["name"]: p["value"] for p in found["properties"]}
        assert {
            "SupportsStreaming", "SupportsToolCalling", "SupportsFunctionCalling", "SupportsMultimodal",
            "SupportsToolChoice",
        } <= set(said)  # fmt: skip
        assert set(said.values()) <= {"true", "false"}
    texts = model(server, "openai/models/gpt-4o-mini", "/v2/llm")["descriptions"]
    assert {"English", "Spanish", "Japanese"} <= set(texts)
    assert all(texts.values())


def test_the_example_of_the_reference_is_in_the_catalogue(server: LiveServer) -> None:
    found = model(server, "openai/models/gpt-4o-mini")
    assert (found["name"], found["fullName"], found["type"]) == ("gpt-4o-mini", "openai/gpt-4o-mini", "Chat")
    assert found["contextWindow"] == 128000
    assert all(found[flag] is True for flag in FLAGS)
    assert found["isCustom"] is False
    assert found["parameters"]["temperature"]["supported"] is True
    assert found["parameters"]["temperature"]["range"] == [0, 2]
    assert {"image/png", "image/jpeg", "image/gif"} <= set(found["mediaCapabilities"]["image"]["mimeTypes"])


def test_a_reasoning_model_allows_one_temperature(server: LiveServer) -> None:
    temperature = model(server, "openai/models/o3")["parameters"]["temperature"]
    assert temperature["allowedValues"] == [1]


def test_a_single_model_also_carries_what_the_page_prints(server: LiveServer) -> None:
    """The page prints a provider as the answer of this call; both readings are served."""
    v3, v2 = model(server, "openai/models/gpt-4o"), model(server, "openai/models/gpt-4o", "/v2/llm")
    assert (v3["friendlyName"], v3["interfaceType"]) == ("OpenAI", "openai")
    assert "friendlyName" not in v2
    assert v3["id"] == v2["id"]


def test_summaries_are_short(server: LiveServer) -> None:
    assert all(set(p) == {"name", "friendlyName"} for p in providers(server, "?detail=Summary"))
    assert server.get("/v3/llm/providers/openai?detail=summary").json().keys() == {"name", "friendlyName"}
    assert all(set(m) == SUMMARY for m in models(server, "openai", "?detail=SUMMARY"))
    assert set(model(server, "openai/models/gpt-4o?detail=Summary")) == SUMMARY
    with_models = providers(server, "?include=models&detail=Summary")
    assert all(set(m) == SUMMARY for p in with_models for m in p["models"])
    assert providers(server, "?detail=Full") == providers(server)


def test_models_stand_in_the_order_of_priority_and_name(server: LiveServer) -> None:
    order = [(m["priority"], m["name"]) for m in models(server, "openai")]
    assert order == sorted(order)


def test_our_own_models_are_listed_with_what_they_can(server: LiveServer) -> None:
    found = {m["fullName"]: m for m in models(server, "local")}
    assert found[CHAT]["type"] == "Chat" and found[CHAT]["streaming"] is True
    assert found[TEXT]["type"] == "Embedding"


def test_a_model_that_waits_for_a_setting_says_so(server: LiveServer) -> None:
    """Listed, marked, and refused with the same setting by the chat."""
    said = {p["name"]: p["value"] for p in model(server, "xai/models/grok-3")["properties"]}
    assert said["RequiresConfiguration"] == "PORTICO_PROVIDER_XAI_API_KEY"
    assert "PORTICO_PROVIDER_XAI_API_KEY" in server.chat("xai/grok-3").json()["errors"][0]["description"]
    ready = {p["name"] for p in model(server, "openai/models/gpt-4o")["properties"]}
    assert "RequiresConfiguration" not in ready


# names -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("written", ["Anthropic", "anthropic", "ANTHROPIC"])
def test_provider_names_match_in_any_case(server: LiveServer, written: str) -> None:
    assert server.get(f"/v3/llm/providers/{written}").json()["name"] == "Anthropic"
    assert {m["fullName"].partition("/")[0] for m in models(server, written)} == {"anthropic"}


@pytest.mark.parametrize(("alias", "name"), [("azureopenai", "azure"), ("bedrock", "awsbedrock")])
def test_aliases_of_providers_are_known(server: LiveServer, alias: str, name: str) -> None:
    assert server.get(f"/v3/llm/providers/{alias}").json()["name"] == name


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("written", ["amazon.nova-pro-v1:0", "amazon.nova-pro-v1%3A0", "amazon.nova-pro-v1%3a0"])
def test_a_name_with_a_colon_resolves_escaped_or_not(server: LiveServer, version: str, written: str) -> None:
    assert model(server, f"awsbedrock/models/{written}", version)["name"] == "amazon.nova-pro-v1:0"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_model_is_found_by_id_name_and_full_name(server: LiveServer, version: str) -> None:
    by_name = model(server, "openai/models/gpt-4o", version)
    assert model(server, f"openai/models/{by_name['id']}", version) == by_name
    assert model(server, f"openai/models/{by_name['id'].upper()}", version) == by_name
    assert model(server, "openai/models/openai/gpt-4o", version) == by_name
    assert model(server, "openai/models/openai%2Fgpt-4o", version) == by_name


@pytest.mark.parametrize("written", ["team/blue:v1.5", quote("team/blue:v1.5", safe="")])
def test_a_name_may_hold_slashes(own: LiveServer, written: str) -> None:
    assert model(own, f"acme/models/{written}")["name"] == "team/blue:v1.5"


def test_a_deprecated_model_is_shown_and_not_listed(server: LiveServer) -> None:
    assert model(server, "openai/models/o1-preview")["name"] == "o1-preview"
    assert "o1-preview" not in {m["name"] for m in models(server, "openai")}


def test_a_hidden_model_is_not_listed(own: LiveServer) -> None:
    assert "veiled" not in {m["name"] for m in models(own, "acme")}
    assert "acme/veiled" not in {m["id"] for m in own.get("/v1/models").json()["data"]}


# languages ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "asked"),
    [
        ("ja", ("Japanese", "ja", "japanese", "ja-JP", "日本語", "fr;q=0.9, ja;q=0.8, en;q=0.1")),
        ("es", ("Spanish", "spanish", "es", "es-AR,es;q=0.9", "en;q=0.2, es")),
        ("pt", ("Portuguese", "pt", "pt-BR")),
        ("en", ("English", "english", "en", "en-GB", "Klingon", "fr-FR", "*", ";;;", "")),
    ],
)
def test_the_same_language_however_it_is_asked_for(server: LiveServer, language: str, asked: tuple[str, ...]) -> None:
    texts = set()
    for words in asked:
        header = {"Accept-Language": words.encode().decode("latin-1")}
        provider = server.get("/v3/llm/providers/openai", header)
        found = server.get("/v3/llm/providers/openai/models/gpt-4o", header)
        assert provider.headers["content-language"] == found.headers["content-language"] == language, words
        texts.add((provider.json()["description"], found.json()["description"]))
    assert len(texts) == 1


def test_the_languages_are_not_the_same_text(server: LiveServer) -> None:
    texts = {
        server.get("/v3/llm/providers/openai/models/gpt-4o", {"Accept-Language": name}).json()["description"]
        for name in ("English", "Spanish", "Portuguese", "Japanese")
    }
    assert len(texts) == 4


def test_english_is_the_default(server: LiveServer) -> None:
    plain = server.get("/v3/llm/providers")
    assert plain.headers["content-language"] == "en"
    assert plain.json()["providers"] == providers(server, Accept_Language="english")


# filters -----------------------------------------------------------------------------------------------------


def test_models_are_included_when_asked_for(server: LiveServer) -> None:
    assert not any("models" in p for p in providers(server))
    listed = providers(server, "?include=models")
    assert all("models" in p for p in listed)
    assert {p["name"] for p in listed} == {p["name"] for p in providers(server)}, "providers without models stay"


def test_filters_without_include_are_ignored(server: LiveServer) -> None:
    assert providers(server, "?type=Embedding") == providers(server)


@pytest.mark.parametrize("kind", ["Chat", "Embedding", "Image", "Rerank"])
def test_the_type_filters(server: LiveServer, kind: str) -> None:
    listed = providers(server, f"?include=models&type={kind}")
    assert listed and all(p["models"] for p in listed), "providers that the filter leaves empty are dropped"
    assert {m["type"] for p in listed for m in p["models"]} == {kind}
    assert listed == providers(server, f"?include=models&type={kind.lower()}")
    cohere = models(server, "cohere", f"?type={kind}")
    assert {m["type"] for m in cohere} <= {kind}


@pytest.mark.parametrize("flag", sorted(FLAGS))
@pytest.mark.parametrize("value", ["true", "false", "True", "FALSE"])
def test_each_capability_filters(server: LiveServer, flag: str, value: str) -> None:
    wanted = value.lower() == "true"
    listed = providers(server, f"?include=models&{flag}={value}")
    assert {m[flag] for p in listed for m in p["models"]} == {wanted}
    kept = [m["id"] for m in models(server, "openai", f"?{flag}={value}")]
    assert kept == [m["id"] for m in models(server, "openai") if m[flag] is wanted]


def test_filters_work_on_v2_though_it_does_not_show_the_flags(server: LiveServer) -> None:
    query = "?multimodal=true&type=Chat"
    v2, v3 = models(server, "openai", query, "/v2/llm"), models(server, "openai", query)
    assert [m["id"] for m in v2] == [m["id"] for m in v3] != []


def test_filters_combine_with_and(server: LiveServer) -> None:
    query = "?include=models&type=Chat&functionCalling=true&toolCalling=true&multimodal=true&streaming=true"
    listed = [m for p in providers(server, query) for m in p["models"]]
    every = [m for p in providers(server, "?include=models") for m in p["models"]]
    kept = [m for m in every if m["type"] == "Chat" and all(m[flag] for flag in FLAGS)]
    assert [m["id"] for m in listed] == [m["id"] for m in kept] != []


def test_a_list_that_filters_empty_is_an_empty_list(server: LiveServer) -> None:
    assert models(server, "pinecone", "?type=Chat") == []
    assert providers(server, "?include=models&type=Embedding&streaming=true&toolCalling=true&multimodal=true") == []


def test_empty_values_count_as_absent(server: LiveServer) -> None:
    """The vendor's client sends unset values as empty strings."""
    assert models(server, "openai", "?type=&streaming=&detail=") == models(server, "openai")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("providers?include=everything", "include"),
        ("providers?detail=Some", "detail"),
        ("providers?include=models&type=Poem", "type"),
        ("providers?include=models&streaming=perhaps", "streaming"),
        ("providers/openai?detail=1", "detail"),
        ("providers/openai/models?toolCalling=7", "toolCalling"),
        ("providers/openai/models?functionCalling=no", "functionCalling"),
        ("providers/openai/models?multimodal=x", "multimodal"),
        ("providers/openai/models/gpt-4o?detail=x", "detail"),
    ],
)
def test_a_bad_value_is_named(server: LiveServer, version: str, path: str, name: str) -> None:
    answer = server.get(f"{version}/{path}")
    assert answer.status == 400
    assert answer.json() == {"errors": [{"id": 8, "description": f"Field {name} is out of range"}]}


# refusals ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "path",
    ["providers/nobody", "providers/nobody/models", "providers/nobody/models/x", "providers/openai/models/nothing"],
)
def test_what_does_not_exist_has_the_documented_body(server: LiveServer, version: str, path: str) -> None:
    answer = server.get(f"{version}/{path}")
    assert answer.status == 404
    assert answer.json() == NOT_FOUND


@pytest.mark.parametrize("version", VERSIONS)
def test_two_models_of_one_name_are_ambiguous_and_the_id_works(own: LiveServer, version: str) -> None:
    answer = own.get(f"{version}/providers/acme/models/twin")
    assert answer.status == 409
    assert answer.json() == AMBIGUOUS
    assert [model(own, f"acme/models/{guid}", version)["id"] for guid in TWIN_IDS] == list(TWIN_IDS)
    assert len([m for m in models(own, "acme", version=version) if m["name"] == "twin"]) == 2


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "path", ["providers", "providers/openai", "providers/openai/models", "providers/openai/models/gpt-4o"]
)
def test_every_call_asks_for_a_token(server: LiveServer, version: str, path: str) -> None:
    for header in ({}, {"Authorization": "Bearer geai_wrong"}):
        answer = server.get(f"{version}/{path}", header, token=None)
        assert answer.status == 401
        assert answer.json() == UNAUTHORIZED
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "path", ["providers", "providers/openai", "providers/openai/models", "providers/openai/models/gpt-4o"]
)
def test_both_scopes_may_read_the_catalogue(server: LiveServer, version: str, path: str) -> None:
    project = server.get(f"{version}/{path}")
    organization = server.get(f"{version}/{path}", token=server.token("organization"))
    assert project.status == organization.status == 200
    assert project.json() == organization.json()


def test_the_organization_token_is_refused_where_models_work(server: LiveServer) -> None:
    """The exception holds for the catalogue only."""
    organization = server.token("organization")
    answer = server.post("/chat", {"model": CHAT, "messages": ["hi"]}, token=organization)
    assert answer.status == 403
    assert answer.json()["errors"] == [{"id": 7, "description": "ApiToken out of scope"}]


@pytest.mark.parametrize("path", ["/v3/llm/providers", "/v2/llm/providers/openai/models"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_the_catalogue_is_read_only(server: LiveServer, path: str, method: str) -> None:
    answer = server.request(method, path)
    assert answer.status == 405
    assert answer.json() == {"errors": [{"id": 405, "description": "Method Not Allowed"}]}


@pytest.mark.parametrize("path", ["/v3/llm/providers/", "/v3//llm/providers/openai/", "//v2/llm/providers"])
def test_slashes_too_many_are_forgiven(server: LiveServer, path: str) -> None:
    assert server.get(path).status == 200


def test_a_body_and_a_content_type_on_a_get_have_no_effect(server: LiveServer) -> None:
    answer = server.request("GET", "/v3/llm/providers/openai", b"not json", {"Content-Type": "application/json"})
    assert answer.status == 200


# the OpenAI list ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/v1/models", "/models"])
def test_the_openai_list_holds_the_active_models(server: LiveServer, path: str) -> None:
    body = server.get(path).json()
    assert body["object"] == "list"
    assert all(set(m) == {"id", "object", "created", "owned_by"} for m in body["data"])
    active = {m["fullName"] for p in providers(server, "?include=models") for m in p["models"]}
    assert {m["id"] for m in body["data"]} == active
    assert {"id": "openai/gpt-4o-mini", "object": "model", "created": 0, "owned_by": "openai"} in body["data"]


@pytest.mark.parametrize("path", ["/v1/models", "/models"])
@pytest.mark.parametrize("name", ["openai/gpt-4o", "openai%2Fgpt-4o", "gpt-4o", "awsbedrock/amazon.nova-pro-v1%3A0"])
def test_one_model_of_the_openai_list(server: LiveServer, path: str, name: str) -> None:
    answer = server.get(f"{path}/{name}")
    assert answer.status == 200
    assert answer.json()["object"] == "model"


@pytest.mark.parametrize("name", ["openai/nothing", "nobody/x", "nothing", "openai/o1-preview"])
def test_an_unknown_model_of_the_openai_list_answers_in_both_envelopes(server: LiveServer, name: str) -> None:
    answer = server.get(f"/v1/models/{name}")
    assert answer.status == 404
    body = answer.json()
    text = f"Model '{name}' does not exist."
    assert body["error"] == {
        "code": "model_not_found",
        "message": text,
        "type": "invalid_request_error",
        "param": "model",
    }
    assert body["errors"] == [{"id": 4000, "description": text}]
    assert (body["success"], body["status"]) == (False, "failed")
    assert body["requestId"] == answer.headers["x-request-id"]


_ONE_MODEL = pytest.param(
    "/v1/models/openai/gpt-4o",
)


@pytest.mark.parametrize("path", ["/v1/models", "/models", _ONE_MODEL])
def test_the_openai_list_refuses_in_both_envelopes(server: LiveServer, path: str) -> None:
    answer = server.get(path, token=None)
    assert answer.status == 401
    body = answer.json()
    assert body["errors"] == [{"id": 401, "description": "Unauthorized"}]
    assert body["error"]["type"] == "authentication_error"
