"""`pygeai` 0.8.0, unchanged, asking assistants: client, managers, the `geai` command and its talk on a terminal."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.api.assistant_house import FRENCH, HELLO, change_assistant, make_assistant, new_name, sent_to
from tests.clients.pygeai_host import Done, import_pygeai, profiles_of, run_geai
from tests.live import LiveServer, wait_until
from tests.upstream import Held, Upstream, whole
from tests.usage import find_usage

Command = Callable[..., Done]
PROMPT = {"role": "system", "content": "Translate to French."}


@pytest.fixture(scope="module", autouse=True)
def _vendor(tmp_path_factory: pytest.TempPathFactory) -> None:
    import_pygeai(tmp_path_factory.mktemp("vendor-home"))


@pytest.fixture(autouse=True)
def credentials(server: LiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with profiles_of(server, tmp_path, monkeypatch) as file:
        yield file


@pytest.fixture
def key(server: LiveServer) -> tuple[str, str]:
    return server.token(), server.url


@pytest.fixture(scope="module")
def name(server: LiveServer) -> str:
    """An assistant with two revisions, of which the first is active."""
    made = new_name()
    assistant = make_assistant(server, made)
    change_assistant(server, assistant["assistantId"], action="saveNewRevision", prompt="Second.")
    return made


def assistant_of(name: str) -> Any:
    from pygeai.core.models import Assistant

    return Assistant(id="", name=name)


def messages(content: str = "Hello") -> Any:
    from pygeai.core.models import ChatMessage, ChatMessageList

    return ChatMessageList(messages=[ChatMessage(role="user", content=content)])


def variables() -> Any:
    from pygeai.core.models import ChatVariable, ChatVariableList

    return ChatVariableList(variables=[ChatVariable(key="language", value="French")])


def test_the_client_asks(key: tuple[str, str], upstream: Upstream, name: str) -> None:
    from pygeai.assistant.clients import AssistantClient

    answer = AssistantClient(*key).send_chat_request(name, HELLO, variables=FRENCH)
    assert (answer["success"], answer["text"]) == (True, "Hello there")
    assert sent_to(upstream)["messages"] == [PROMPT, *HELLO]


def test_the_manager_maps_the_answer(key: tuple[str, str], upstream: Upstream, name: str) -> None:
    from pygeai.assistant.managers import AssistantManager
    from pygeai.core.models import AssistantRevision

    manager = AssistantManager(*key)
    answer = manager.send_chat_request(assistant_of(name), messages(), variables=variables())
    assert (answer.success, answer.status, answer.text, answer.progress) == (True, "completed", "Hello there", 100)
    assert answer.provider_name == "openai"
    assert answer.provider_response.choices[0].message.content == "Hello there"
    assert answer.provider_response.usage.total_tokens == 15
    revision = AssistantRevision(revision_id=2, revision_name="2")
    assert manager.send_chat_request(assistant_of(name), messages(), revision=revision).success
    said = [asked.body["messages"][0]["content"] for asked in upstream.asked]
    assert said == ["Translate to French.", "Second."]


def test_the_manager_raises_for_a_failure_with_status_200(key: tuple[str, str], upstream: Upstream) -> None:
    from pygeai.assistant.managers import AssistantManager
    from pygeai.core.common.exceptions import APIError

    with pytest.raises(APIError, match="Assistant Not Found"):
        AssistantManager(*key).send_chat_request(assistant_of("nobody"), messages())


def test_a_request_begun_elsewhere_is_followed_and_cancelled(
    server: LiveServer, key: tuple[str, str], upstream: Upstream, name: str
) -> None:
    from pygeai.assistant.managers import AssistantManager

    manager = AssistantManager(*key)

    def begin() -> str:
        body = server.post("/v1/assistant/chat/begin", {"assistant": name, "messages": HELLO}).json()
        return str(body["requestId"])

    first = begin()
    wait_until(lambda: manager.get_request_status(first).status == "completed", "the request ends")
    status = manager.get_request_status(first)
    assert (status.success, status.text) == (True, "Hello there")
    assert status.provider_response.choices[0].message.content == "Hello there"
    with Held(whole()) as upstream.script:
        second = begin()
        wait_until(lambda: len(upstream.asked) == 2, "the provider is asked")  # later, the next test would count it
        assert manager.cancel_request(second).status == "cancelled"
        assert manager.get_request_status(second).status == "cancelled"


@pytest.mark.parametrize("streamed", [False, True])
def test_the_chat_client_asks_by_the_model(key: tuple[str, str], upstream: Upstream, name: str, streamed: bool) -> None:
    from pygeai.chat.clients import ChatClient

    answer = ChatClient(*key).chat_completion(
        model=f"saia:assistant:{name}", messages=HELLO, variables=FRENCH, stream=streamed
    )
    text = "".join(answer) if streamed else answer["choices"][0]["message"]["content"]
    assert text == "Hello there"
    assert sent_to(upstream)["messages"] == [PROMPT, *HELLO]


def test_the_chat_manager_asks_by_the_model(key: tuple[str, str], upstream: Upstream, name: str) -> None:
    from pygeai.chat.managers import ChatManager
    from pygeai.core.models import LlmSettings

    answer = ChatManager(*key).chat_completion(
        model=f"saia:assistant:{name}",
        messages=messages(),
        llm_settings=LlmSettings(temperature=0.5),
        variables=variables(),
    )
    assert answer.choices[0].message.content == "Hello there"
    sent = sent_to(upstream)
    assert (sent["messages"][0], sent["temperature"]) == (PROMPT, 0.5)


@pytest.fixture
def geai(credentials: Path, tmp_path: Path) -> Command:
    return partial(run_geai, tmp_path / "home", "--credentials", str(credentials))


def test_geai_assistant_chat(server: LiveServer, geai: Command, upstream: Upstream, name: str) -> None:
    done = geai("assistant", "chat", "-n", name, "--msg", json.dumps(HELLO), "--revision", "2")
    assert done.returncode == 0, done.stderr
    answer = ast.literal_eval(done.stdout.partition("Chat request response:")[2].strip())
    assert (answer["success"], answer["text"]) == (True, "Hello there")
    assert sent_to(upstream)["messages"][0]["content"] == "Second."
    find_usage(server, answer["requestId"])
    status = geai("assistant", "request-status", "--id", answer["requestId"])
    assert status.returncode == 0, status.stderr
    cancelled = geai("assistant", "cancel-request", "--id", answer["requestId"])
    assert "'status': 'completed'" in cancelled.stdout, cancelled.stderr


def test_geai_chat_assistant_talks(geai: Command, upstream: Upstream, name: str) -> None:
    done = geai("chat", "assistant", "-n", name, typed="Hello\nexit\n")
    assert done.returncode == 0, done.stderr
    assert "Hello there" in done.stdout, done.stdout + done.stderr
    sent = sent_to(upstream)
    assert sent["messages"] == [{"role": "system", "content": "Translate to {language}."}, *HELLO]
