"""`pygeai` 0.8.0, unchanged, against a live server: clients and managers of chat, catalogue, embeddings and tokens."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.pygeai_host import import_pygeai, profiles_of
from tests.live import CHAT, TEXT, LiveServer
from tests.upstream import COMPLETION, Upstream, chunk, sse, stream, usage_chunk, whole

MODEL = "openai/gpt-4o-mini"
ASK = [{"role": "user", "content": "Say hello."}]
PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string", "enum": ["Lima", "Quito"]}},
    "required": ["city"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module", autouse=True)
def _vendor(tmp_path_factory: pytest.TempPathFactory) -> None:
    import_pygeai(tmp_path_factory.mktemp("vendor-home"))


@pytest.fixture(autouse=True)
def credentials(server: LiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with profiles_of(server, tmp_path, monkeypatch) as file:
        yield file


@pytest.fixture
def key(server: LiveServer) -> tuple[str, str]:
    """Token and address, as the constructors of clients and managers take them."""
    return server.token(), server.url


def settings(**members: Any) -> Any:
    from pygeai.core.models import LlmSettings

    return LlmSettings(**members)


def messages(*contents: str) -> Any:
    from pygeai.core.models import ChatMessage, ChatMessageList

    return ChatMessageList(messages=[ChatMessage(role="user", content=content) for content in contents])


# chat --------------------------------------------------------------------------------------------------------


def test_the_client_gets_an_answer(key: tuple[str, str]) -> None:
    from pygeai.chat.clients import ChatClient

    answer = ChatClient(*key).chat_completion(model=CHAT, messages=ASK, max_tokens=4, thread_id="visitor42")
    assert answer["choices"][0]["message"]["content"]
    assert answer["model"] == "smollm2-135m-instruct"
    assert "error" not in answer and "errors" not in answer


def test_the_client_streams_pieces_of_text(key: tuple[str, str]) -> None:
    from pygeai.chat.clients import ChatClient

    pieces = list(ChatClient(*key).chat_completion(model=CHAT, messages=ASK, max_tokens=6, stream=True))
    assert "".join(pieces)


def test_streamed_text_of_any_script_arrives_as_it_was(key: tuple[str, str], upstream: Upstream) -> None:
    """The SDK splits lines at U+2028 and its like, and falls back to Latin-1 without a charset."""
    from pygeai.chat.clients import ChatClient

    text = "niño 日本語 \u2028 \u2029 \x85 \x0b \x0c \x1c \x1e 🙂"
    events = sse(
        chunk({"role": "assistant", "content": None}), chunk({"content": text}), chunk({}, "stop"), usage_chunk()
    )
    upstream.replies(stream(events + b"data: [DONE]\n\n"))
    options = {"include_usage": True}
    pieces = list(ChatClient(*key).chat_completion(model=MODEL, messages=ASK, stream=True, stream_options=options))
    assert None not in pieces
    assert "".join(pieces) == text


def test_raw_text_of_a_provider_is_escaped_on_its_way(key: tuple[str, str], upstream: Upstream) -> None:
    """The same with a provider that writes its JSON unescaped."""
    from pygeai.chat.clients import ChatClient

    text = "niño 日本語 \u2028 \u2029 \x85 🙂"
    raw = "".join(
        f"data: {json.dumps(event, ensure_ascii=False)}\n\n" for event in (chunk({"content": text}), chunk({}, "stop"))
    )
    upstream.replies(stream((raw + "data: [DONE]\n\n").encode()))
    assert "".join(ChatClient(*key).chat_completion(model=MODEL, messages=ASK, stream=True)) == text


def test_every_argument_of_the_client_reaches_the_provider(key: tuple[str, str], upstream: Upstream) -> None:
    from pygeai.chat.clients import ChatClient

    passed: dict[str, Any] = {
        "temperature": 0.5,
        "frequency_penalty": 0.1,
        "presence_penalty": 0.2,
        "top_p": 0.9,
        "stop": ["END"],
        "logprobs": True,
        "top_logprobs": 2,
        "seed": 7,
        "user": "ana",
        "response_format": {"type": "json_object"},
    }
    ChatClient(*key).chat_completion(
        model=MODEL,
        messages=ASK,
        max_tokens=9,
        store=True,
        metadata={"run": "1"},
        variables=[{"key": "language", "value": "French"}],
        **passed,
    )
    sent = upstream.asked[0].body
    assert {name: sent[name] for name in passed} == passed
    assert sent["max_completion_tokens"] == 9
    assert not {"variables", "store", "metadata"} & sent.keys()


def test_the_parameters_of_the_chat_sessions_are_accepted(key: tuple[str, str], upstream: Upstream) -> None:
    from pygeai.chat.clients import ChatClient
    from pygeai.chat.settings import LLM_SETTINGS

    ChatClient(*key).chat_completion(model=MODEL, messages=ASK, **LLM_SETTINGS)
    sent = upstream.asked[0].body
    assert (sent["temperature"], sent["max_completion_tokens"]) == (0.6, 800)
    assert (sent["frequency_penalty"], sent["presence_penalty"]) == (0.1, 0.2)


def test_the_chat_sessions_reach_the_server_and_tell_what_it_said() -> None:
    from pygeai.chat.session import AgentChatSession, AssistantChatSession, FlowChatSession, SearchChatSession
    from pygeai.core.common.exceptions import InvalidAPIResponseException

    for session in (AgentChatSession, FlowChatSession, AssistantChatSession):
        with pytest.raises(InvalidAPIResponseException, match="Assistant Not Found"):
            session("nobody").get_answer(ASK)
    # This refusal has HTTP 200, so the session looks for an answer in it and finds none.
    with pytest.raises(InvalidAPIResponseException, match="choices"):
        SearchChatSession("nobody").get_answer(ASK)


def test_the_manager_maps_an_answer(key: tuple[str, str]) -> None:
    from pygeai.chat.managers import ChatManager

    answer = ChatManager(*key).chat_completion(CHAT, messages("Say hello."), settings(max_tokens=4, temperature=0.0))
    assert answer.choices[0].message is not None and answer.choices[0].message.content
    assert answer.model == "smollm2-135m-instruct"
    assert answer.usage.currency == "USD"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0


def test_the_manager_maps_a_providers_answer_with_its_details(key: tuple[str, str], upstream: Upstream) -> None:
    from pygeai.chat.managers import ChatManager

    answer = ChatManager(*key).chat_completion(MODEL, messages("x"), settings(max_tokens=4))
    assert answer.usage.prompt_tokens_details is not None
    assert answer.usage.prompt_tokens_details.cached_tokens == 4
    assert answer.usage.total_cost > 0


@pytest.mark.parametrize("choice", ["required", "named"])
def test_the_manager_sends_flat_tools_and_a_wrapped_choice(key: tuple[str, str], choice: str) -> None:
    from pygeai.chat.managers import ChatManager
    from pygeai.core.models import ChatTool, ChatToolList, ToolChoice, ToolChoiceFunction, ToolChoiceObject

    tools = ChatToolList(tools=[ChatTool(name="get_weather", description="Weather", parameters=PARAMETERS)])
    named = ToolChoiceObject(function=ToolChoiceFunction(name="get_weather"))
    answer = ChatManager(*key).chat_completion(
        CHAT,
        messages("Weather in Lima?"),
        settings(max_tokens=200),
        tools=tools,
        tool_choice=ToolChoice(tool_choice=named if choice == "named" else "required"),
    )
    message = answer.choices[0].message
    assert message is not None and message.content == ""
    first = message.tool_calls[0]
    assert first["function"]["name"] == "get_weather"
    if answer.choices[0].finish_reason == "tool_calls":
        assert json.loads(first["function"]["arguments"])["city"] in ("Lima", "Quito")


def test_the_manager_maps_a_tool_call_without_text(key: tuple[str, str], upstream: Upstream) -> None:
    from pygeai.chat.managers import ChatManager

    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    upstream.replies(
        whole({**COMPLETION, "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]})
    )
    answer = ChatManager(*key).chat_completion(MODEL, messages("x"), settings())
    got = answer.choices[0].message
    assert got is not None and got.content == "" and got.tool_calls == [call]


# refusals ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("token", "status", "description"),
    [("geai_wrong", 401, "Unauthorized"), ("organization", 403, "ApiToken out of scope")],
)
def test_a_refused_token_is_told_with_our_description(
    server: LiveServer, token: str, status: int, description: str
) -> None:
    from pygeai.chat.clients import ChatClient
    from pygeai.core.common.exceptions import APIResponseError

    client = ChatClient(server.token(token) if token == "organization" else token, server.url)
    with pytest.raises(APIResponseError) as refused:
        client.chat_completion(model=CHAT, messages=ASK)
    assert f"(HTTP {status})" in str(refused.value)
    assert description in str(refused.value)


def test_an_unknown_model_is_told_with_our_description(key: tuple[str, str]) -> None:
    from pygeai.chat.managers import ChatManager
    from pygeai.core.common.exceptions import APIResponseError

    with pytest.raises(APIResponseError, match=r"Model 'local/no-such-model' does not exist\."):
        ChatManager(*key).chat_completion("local/no-such-model", messages("x"), settings())


def test_a_refused_stream_is_an_exception(key: tuple[str, str]) -> None:
    from pygeai.chat.clients import ChatClient
    from pygeai.core.common.exceptions import GlobException

    with pytest.raises(GlobException, match="404"):
        list(ChatClient(*key).chat_completion(model="local/no-such-model", messages=ASK, stream=True))


def test_the_sdks_error_reader_maps_our_bodies(server: LiveServer) -> None:
    """Errors reference, acceptance check 4; the body of both envelopes and of the platform's alone."""
    from pygeai.core.handlers import ErrorHandler

    both = server.chat("local/no-such-model").json()
    platform = server.get("/v3/llm/providers/nobody").json()
    for body, number in ((both, 4000), (platform, 4000)):
        assert ErrorHandler.has_errors(body)
        [error] = ErrorHandler.extract_error(body).errors
        assert error.id == number and error.description
    missing = server.chat("saia:search:nobody")
    assert missing.status == 200 and ErrorHandler.has_errors(missing.json())
    assert ErrorHandler.extract_error(missing.json()).id == 1101


# embeddings --------------------------------------------------------------------------------------------------


def test_the_client_embeds(key: tuple[str, str]) -> None:
    from pygeai.core.embeddings.clients import EmbeddingsClient

    answer = EmbeddingsClient(*key).generate_embeddings(["a red chair", "a blue chair"], TEXT, cache=True)
    assert [item["index"] for item in answer["data"]] == [0, 1]
    assert answer["model"] == "all-minilm-l6-v2"


@pytest.mark.parametrize("encoding", [None, "float", "base64"])
def test_the_manager_embeds(key: tuple[str, str], encoding: str | None) -> None:
    from pygeai.core.embeddings.managers import EmbeddingsManager
    from pygeai.core.embeddings.models import EmbeddingConfiguration

    answer = EmbeddingsManager(*key).generate_embeddings(
        EmbeddingConfiguration(
            inputs=["a red chair"],
            model=TEXT,
            encoding_format=encoding,
            input_type="search_query",
            user="ana",
            timeout=60,
        )
    )
    [item] = answer.data
    if encoding == "base64":
        assert isinstance(item.embedding, str) and len(item.embedding) == 2048
    else:
        assert math.isclose(sum(x * x for x in item.embedding), 1.0, abs_tol=1e-3)
    assert answer.usage.prompt_tokens > 0 and answer.usage.currency == "USD"


def test_an_embedding_of_a_chat_model_is_refused_with_our_description(key: tuple[str, str]) -> None:
    from pygeai.core.common.exceptions import APIResponseError
    from pygeai.core.embeddings.clients import EmbeddingsClient

    with pytest.raises(APIResponseError, match="Invalid Type"):
        EmbeddingsClient(*key).generate_embeddings(["x"], CHAT)


# catalogue ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("section", ["default", "organization"])
def test_the_four_calls_of_the_catalogue(server: LiveServer, section: str) -> None:
    from pygeai.core.llm.clients import LlmClient

    client = LlmClient(server.token(section), server.url)
    providers = client.get_provider_list()["providers"]
    assert {"openai", "local", "Anthropic"} <= {provider["name"] for provider in providers}
    assert not any("models" in provider or "friendlyName" in provider for provider in providers), "this is version 2"
    assert client.get_provider_data("openai")["name"] == "openai"
    models = client.get_provider_models("local")["models"]
    assert {"smollm2-135m-instruct", "all-minilm-l6-v2"} <= {model["name"] for model in models}
    model = client.get_model_data("openai", "gpt-4o-mini")
    assert model["fullName"] == "openai/gpt-4o-mini"
    assert client.get_model_data("openai", model["id"]) == model


def test_an_unknown_provider_is_told_as_documented(key: tuple[str, str]) -> None:
    from pygeai.core.common.exceptions import APIResponseError
    from pygeai.core.llm.clients import LlmClient

    with pytest.raises(APIResponseError, match=r"\(HTTP 404\).*Not Found\."):
        LlmClient(*key).get_provider_data("nobody")


# tokens and status -------------------------------------------------------------------------------------------


def test_the_token_check_tells_organization_and_project(server: LiveServer) -> None:
    from pygeai.admin.clients import AdminClient

    project = AdminClient(server.token(), server.url).validate_api_token()
    organization = AdminClient(server.token("organization"), server.url).validate_api_token()
    assert project["organizationId"] == organization["organizationId"]
    assert project["projectId"] and project["organizationName"] and project["scope"] == "Pia.Data.Project"
    assert organization["scope"] == "Pia.Data.Organization"
    assert not organization.get("projectId")


def test_a_project_token_lives_and_dies(server: LiveServer) -> None:
    from pygeai.admin.clients import AdminClient
    from pygeai.auth.clients import AuthClient
    from pygeai.core.common.exceptions import APIResponseError
    from pygeai.core.llm.clients import LlmClient

    project = AdminClient(server.token(), server.url).validate_api_token()["projectId"]
    client = AuthClient(server.token("organization"), server.url)
    made = client.create_project_api_token(project, "made by pygeai", "d" * 250)
    assert {"description", "id", "name", "scope", "status", "timestamp"} <= made.keys()
    assert (made["name"], made["status"], made["description"]) == ("made by pygeai", "Active", "d" * 200)
    assert LlmClient(made["id"], server.url).get_provider_list()["providers"], "the id is the usable token"

    assert client.get_project_api_token(made["id"])["name"] == "made by pygeai"
    assert client.update_project_api_token(made["id"], status="blocked")["status"] == "Blocked"
    with pytest.raises(APIResponseError, match="ApiToken not found or blocked"):
        LlmClient(made["id"], server.url).get_provider_list()
    changed = client.update_project_api_token(made["id"], description="again", status="active")
    assert (changed["status"], changed["description"]) == ("Active", "again")

    assert isinstance(client.delete_project_api_token(made["id"]), dict)
    with pytest.raises(APIResponseError, match="Not Found"):
        client.delete_project_api_token(made["id"])
    with pytest.raises(APIResponseError, match="Method Not Allowed"):
        client.delete_project_api_token("")


def test_a_second_token_of_the_same_name_is_refused(server: LiveServer) -> None:
    from pygeai.admin.clients import AdminClient
    from pygeai.auth.clients import AuthClient
    from pygeai.core.common.exceptions import APIResponseError

    project = AdminClient(server.token(), server.url).validate_api_token()["projectId"]
    client = AuthClient(server.token(), server.url)
    made = client.create_project_api_token(project, "twice")
    try:
        with pytest.raises(APIResponseError, match=r"\(HTTP 409\).*already exists"):
            client.create_project_api_token(project, "twice")
    finally:
        client.delete_project_api_token(made["id"])


def test_the_status_is_told(key: tuple[str, str]) -> None:
    from pygeai.health.clients import HealthClient

    status = HealthClient(*key).check_api_status()
    assert status["running"] is True
    assert status["version"] and status["timestamp"]


# profiles ----------------------------------------------------------------------------------------------------


def test_the_servers_own_file_is_a_profile_file(server: LiveServer) -> None:
    from pygeai.admin.clients import AdminClient
    from pygeai.chat.managers import ChatManager

    assert AdminClient().validate_api_token()["scope"] == "Pia.Data.Project"
    assert AdminClient(alias="organization").validate_api_token()["scope"] == "Pia.Data.Organization"
    answer = ChatManager(alias="default").chat_completion(CHAT, messages("x"), settings(max_tokens=2))
    assert answer.choices


def test_the_environment_counts_for_the_default_profile(server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> None:
    from pygeai.admin.clients import AdminClient

    monkeypatch.setenv("GEAI_API_KEY", server.token("organization"))
    monkeypatch.setenv("GEAI_API_BASE_URL", server.url + "/")
    assert AdminClient().validate_api_token()["scope"] == "Pia.Data.Organization"


def test_reading_the_file_keeps_our_tokens_in_it(server: LiveServer, credentials: Path) -> None:
    from pygeai.admin.clients import AdminClient

    AdminClient(alias="organization").validate_api_token()
    assert server.token() in credentials.read_text() and server.token("organization") in credentials.read_text()
