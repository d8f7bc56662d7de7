"""The OpenAI SDK, Anthropic's and LangChain, unchanged, asking an assistant instead of a model."""

from __future__ import annotations

from typing import Any

import anthropic
import openai
import pytest
from langchain_core.messages import AIMessage
from langchain_openai import ChatOpenAI

from tests.api.assistant_house import FRENCH, HELLO, LOCAL, make_assistant, new_name, sent_to
from tests.clients.conftest import TIMEOUT_S
from tests.live import LiveServer
from tests.upstream import Upstream

PROMPT = {"role": "system", "content": "Translate to French."}
MORE: dict[str, Any] = {"variables": FRENCH, "revision": 1}


@pytest.fixture(scope="module")
def model(server: LiveServer) -> str:
    name = new_name()
    make_assistant(server, name)
    return f"saia:assistant:{name}"


def test_the_openai_sdk_asks(client: openai.OpenAI, upstream: Upstream, model: str) -> None:
    done = client.chat.completions.create(model=model, messages=HELLO, extra_body=MORE)  # type: ignore[arg-type]
    assert done.choices[0].message.content == "Hello there"
    assert sent_to(upstream)["messages"] == [PROMPT, *HELLO]


def test_the_openai_sdk_streams(client: openai.OpenAI, upstream: Upstream, model: str) -> None:
    with client.chat.completions.create(model=model, messages=HELLO, stream=True, extra_body=MORE) as stream:  # type: ignore[call-overload]
        said = [chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices]
    assert "".join(said) == "Hello there"
    assert sent_to(upstream)["messages"][0] == PROMPT


def test_the_openai_sdk_speaks_the_responses_api(client: openai.OpenAI, upstream: Upstream, model: str) -> None:
    done = client.responses.create(model=model, input="Hello", extra_body=MORE)
    assert done.output_text == "Hello there"
    assert sent_to(upstream)["messages"] == [PROMPT, *HELLO]


def test_an_unknown_assistant_is_the_sdks_own_error(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="Assistant Not Found"):
        client.chat.completions.create(model="saia:assistant:nobody", messages=HELLO)  # type: ignore[arg-type]


def test_anthropics_sdk_asks(server: LiveServer, upstream: Upstream, model: str) -> None:
    with anthropic.Anthropic(api_key=server.token(), base_url=server.url, max_retries=0, timeout=TIMEOUT_S) as client:
        done = client.messages.create(model=model, max_tokens=9, messages=HELLO, extra_body=MORE)  # type: ignore[arg-type]
    assert done.content[0].type == "text" and done.content[0].text == "Hello there"
    assert sent_to(upstream)["messages"][0] == PROMPT


def langchain(server: LiveServer, model: str, **more: Any) -> ChatOpenAI:
    return ChatOpenAI(
        model=model, base_url=f"{server.url}/v1", api_key=server.token(), max_retries=0, timeout=TIMEOUT_S, **more
    )


def test_langchain_asks_and_streams(server: LiveServer, upstream: Upstream, model: str) -> None:
    chain = langchain(server, model, extra_body=MORE)
    answer = chain.invoke("Hello")
    assert isinstance(answer, AIMessage) and answer.content == "Hello there"
    assert "".join(str(chunk.content) for chunk in chain.stream("Hello")) == "Hello there"
    assert [asked.body["messages"][0] for asked in upstream.asked] == [PROMPT, PROMPT]


def test_langchain_asks_a_local_model(server: LiveServer) -> None:
    name = new_name("Local")
    make_assistant(server, name, "You answer with one word.", **LOCAL)
    answer = langchain(server, f"saia:assistant:{name}").invoke("Say hello.")
    assert answer.content
