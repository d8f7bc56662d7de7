"""`pygeai` 0.8.0, unchanged, defining assistants: the client, the manager, and every command of `geai assistant`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.api.assistant_house import make_assistant, new_name
from tests.clients.pygeai_host import Done, import_pygeai, profiles_of, run_geai, said
from tests.live import LiveServer

Command = Callable[..., Done]
LLM = {"providerName": "openai", "modelName": "gpt-4o-mini", "temperature": 0.5, "maxTokens": 300, "uploadFiles": True}
PAGE = {
    "title": "Translator",
    "description": "Any language",
    "features": [{"title": "Fast", "description": "Very"}],
    "examplesPrompt": [{"title": "Hi", "description": "d", "promptText": "Good day"}],
}


@pytest.fixture(scope="module", autouse=True)
def _vendor(tmp_path_factory: pytest.TempPathFactory) -> None:
    import_pygeai(tmp_path_factory.mktemp("vendor-home"))


@pytest.fixture(autouse=True)
def credentials(server: LiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with profiles_of(server, tmp_path, monkeypatch) as file:
        yield file


@pytest.fixture
def client(server: LiveServer) -> Any:
    from pygeai.assistant.clients import AssistantClient

    return AssistantClient(server.token(), server.url)


@pytest.fixture
def manager(server: LiveServer) -> Any:
    from pygeai.assistant.managers import AssistantManager

    return AssistantManager(server.token(), server.url)


def revision_of(body: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = body["intents"][0]["revisions"][0]
    return found


def test_the_client_makes_reads_changes_and_deletes(client: Any) -> None:
    name = new_name()
    made = client.create_assistant("chat", name, "Be kind.", "For guests", LLM, PAGE)
    assert (made["assistantName"], made["welcomeData"]) == (name, PAGE)
    assistant = made["assistantId"]
    assert client.get_assistant_data(assistant) == client.get_assistant_data(name) == made
    changed = client.update_assistant(assistant, 1, "savePublishNewRevision", name=f"{name} 2", prompt="Be brief.")
    assert changed["assistantName"] == f"{name} 2"
    assert revision_of(changed)["prompt"] == f"{name} 2", "the client sends the name as the prompt"
    saved = client.update_assistant(assistant, 2, "save", revision_id="1", name=name, prompt="x", description="New")
    assert (revision_of(saved)["revisionId"], saved["assistantStatus"]) == (1, 2)
    assert (saved["assistantName"], saved["assistantDescription"]) == (name, "New")
    full = client.get_assistant_data(assistant, detail="full")
    assert [one["revisionId"] for one in full["intents"][0]["revisions"]] == [1, 2]
    assert full["intents"][0]["assistantIntentDefaultRevision"] == 2
    assert client.delete_assistant(assistant) == {}


def test_the_client_tells_what_is_refused(client: Any) -> None:
    from pygeai.core.common.exceptions import APIResponseError

    name = new_name()
    made = client.create_assistant("text", name, "Be kind.")
    for status, call in (
        ("409", lambda: client.create_assistant("text", name, "Be kind.")),
        ("400", lambda: client.create_assistant("poem", f"{name} 2", "Be kind.")),
        ("501", lambda: client.create_assistant("ChatWithData", f"{name} 2", "Be kind.")),
        ("400", lambda: client.update_assistant(made["assistantId"], 1, "saveNewRevision")),
        ("404", lambda: client.get_assistant_data(str(uuid4()))),
        ("404", lambda: client.delete_assistant(str(uuid4()))),
    ):
        with pytest.raises(APIResponseError, match=status):
            call()


def test_data_is_for_data_analysts(server: LiveServer, tmp_path: Path) -> None:
    from pygeai.assistant.data_analyst.clients import DataAnalystAssistantClient
    from pygeai.core.common.exceptions import APIResponseError

    made = make_assistant(server, new_name())["assistantId"]
    client = DataAnalystAssistantClient(server.token(), server.url)
    file = tmp_path / "sales.csv"
    file.write_text("a,b\n1,2\n")
    with pytest.raises(APIResponseError, match="different type than expected"):
        client.get_status(made)
    with pytest.raises(APIResponseError, match="different type than expected"):
        client.extend_dataset(made, [str(file)])


def test_the_manager_maps_what_it_makes(manager: Any) -> None:
    from pygeai.core.models import ChatAssistant, LlmSettings, TextAssistant, WelcomeData

    name = new_name()
    page, settings = WelcomeData.model_validate(PAGE), LlmSettings.model_validate(LLM)
    made = manager.create_assistant(
        ChatAssistant(name=name, prompt="Be kind.", description="d", llm_settings=settings, welcome_data=page)
    ).assistant
    assert (made.name, made.status, made.description) == (name, 1, "d")
    assert made.welcome_data.to_dict() == PAGE
    (revision,) = made.revisions
    assert (revision.revision_id, revision.prompt, revision.model_name) == (1, "Be kind.", "gpt-4o-mini")
    assert {one.key: one.value for one in revision.metadata if one.key == "maxTokens"} == {"maxTokens": "300"}
    text = manager.create_assistant(TextAssistant(name=f"{name} text", prompt="Be kind.")).assistant
    assert text.id and text.id != made.id


def test_the_manager_reads_changes_and_deletes(manager: Any) -> None:
    from pygeai.core.base.responses import EmptyResponse
    from pygeai.core.models import ChatAssistant

    name = new_name()
    made = manager.create_assistant(ChatAssistant(name=name, prompt="Be kind.")).assistant
    change = ChatAssistant(id=made.id, name=f"{name} 2", prompt="Be brief.", description="New")
    changed = manager.update_assistant(change, action="savePublishNewRevision").assistant
    assert (changed.name, changed.description, changed.revisions[0].revision_id) == (f"{name} 2", "New", 2)
    saved = manager.update_assistant(change, action="save", revision_id=2).assistant
    assert saved.revisions[0].revision_id == 2
    found = manager.get_assistant_data(assistant_id=made.id, detail="full")
    assert (found.name, found.default_revision, len(found.revisions)) == (f"{name} 2", 2, 2)
    assert found.project.name == "Default"
    assert isinstance(manager.delete_assistant(assistant_id=made.id), EmptyResponse)


def test_the_manager_raises_for_a_name_that_is_taken(manager: Any) -> None:
    from pygeai.core.common.exceptions import APIResponseError
    from pygeai.core.models import ChatAssistant

    name = new_name()
    manager.create_assistant(ChatAssistant(name=name, prompt="Be kind."))
    with pytest.raises(APIResponseError, match="Assistant name already exists"):
        manager.create_assistant(ChatAssistant(name=name, prompt="Be kind."))


def test_the_organization_lists_them(server: LiveServer) -> None:
    from pygeai.organization.managers import OrganizationManager

    made = make_assistant(server, new_name())
    listed = OrganizationManager(server.token(), server.url).get_assistant_list("full").assistants
    (mine,) = [one for one in listed if one.id == made["assistantId"]]
    assert (mine.name, mine.revisions[0].prompt) == (made["assistantName"], "Translate to {language}.")


@pytest.fixture
def geai(credentials: Path, tmp_path: Path) -> Command:
    return partial(run_geai, tmp_path / "home", "--credentials", str(credentials), "assistant")


def test_every_command(geai: Command) -> None:
    name = new_name()
    model = ["--provider", "openai", "--model-name", "gpt-4o", "--temperature", "0.5", "--max-tokens", "300"]
    page = ["--wd-title", "Hello", "--wd-description", "There"]
    made = said(
        geai("create-assistant", "-t", "chat", "-n", name, "-d", "For guests", "--prompt", "Be kind.", *model, *page),
        "New assistant detail:",
    )
    assert (revision_of(made)["modelName"], made["welcomeData"]["title"]) == ("gpt-4o", "Hello")
    least = said(geai("create-assistant", "-t", "text", "-n", f"{name} 2", "--prompt", "Hi"), "New assistant detail:")
    assert (least["assistantType"], "welcomeData" in least) == ("text", False)
    shown = said(geai("get-assistant", "--id", made["assistantId"], "-d", "full"), "Assistant detail:")
    assert shown == made
    update = ["update-assistant", "--id", made["assistantId"]]
    changed = said(
        geai(*update, "-n", name, "--prompt", "x", "--action", "savePublishNewRevision", *model),
        "Updated assistant detail:",
    )
    assert revision_of(changed)["revisionId"] == 2
    saved = said(
        geai(*update, "--revision-id", "1", "-n", name, "--prompt", "x", "--action", "save", "--status", "2"),
        "Updated assistant detail:",
    )
    assert (revision_of(saved)["revisionId"], saved["assistantStatus"]) == (1, 2)
    assert said(geai("delete-assistant", "--id", made["assistantId"]), "Deleted assistant:") == {}


def test_a_refused_command_says_why(geai: Command) -> None:
    done = geai("get-assistant", "--id", str(uuid4()))
    assert done.returncode == 3
    assert "Assistant Not Found" in done.stdout + done.stderr
    done = geai("create-assistant", "-t", "poem", "-n", "x", "--prompt", "x")
    assert done.returncode == 3
    assert "Invalid Type" in done.stdout + done.stderr
