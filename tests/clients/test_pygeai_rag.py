"""`pygeai` 0.8.0, unchanged, with RAG assistants: the client, the manager, and every command of `geai rag`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.clients.pygeai_host import Done, import_pygeai, profiles_of, run_geai, said
from tests.live import CHAT, LiveServer, wait_until

Command = Callable[..., Done]
SEARCH: dict[str, Any] = {
    "historyCount": 2,
    "llm": {"provider": "local", "modelName": CHAT.partition("/")[2], "temperature": 0, "maxTokens": 16},
    "embeddings": {"provider": "local", "modelName": "all-minilm-l6-v2", "dimensions": 384, "useProxy": True},
    "search": {
        "k": 2,
        "type": "similarity",
        "prompt": "Answer from this only: {context}\nQuestion: {question}",
        "returnSourceDocuments": True,
        "scoreThreshold": 0.0,
        "template": "{chat_history}\nRewrite: {question}",
    },
    "retriever": {"type": "vectorStore", "searchType": "similarity", "step": "documents"},
}
INDEX = {"chunks": {"chunkSize": 400, "chunkOverlap": 40}, "useParentDocument": False}
PAGE = {
    "title": "Ask HR",
    "description": "Policies and leave",
    "features": [{"title": "Leave", "description": "Days and rules"}],
    "examplesPrompt": [{"title": "Vacation", "description": "Count", "promptText": "How many days do I have?"}],
}
LEAVE = "Leave\n\nEvery employee has twenty-five days of paid leave in a year.\n"
PAY = "Pay\n\nSalaries are paid on the last working day of the month.\n"


@pytest.fixture(scope="module", autouse=True)
def _vendor(tmp_path_factory: pytest.TempPathFactory) -> None:
    import_pygeai(tmp_path_factory.mktemp("vendor-home"))


@pytest.fixture(autouse=True)
def credentials(server: LiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with profiles_of(server, tmp_path, monkeypatch) as file:
        yield file


@pytest.fixture
def client(server: LiveServer) -> Any:
    from pygeai.assistant.rag.clients import RAGAssistantClient

    return RAGAssistantClient(server.token(), server.url)


@pytest.fixture
def manager(server: LiveServer) -> Any:
    from pygeai.assistant.managers import AssistantManager

    return AssistantManager(server.token(), server.url)


@pytest.fixture
def name() -> str:
    return f"Hand book {uuid4().hex[:8]}"


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    leave, pay = tmp_path / "leave.txt", tmp_path / "pay.txt"
    leave.write_text(LEAVE)
    pay.write_text(PAY)
    return leave, pay


def wait_until_indexed(client: Any, name: str, count: int) -> None:
    def ended() -> bool:
        found = client.get_documents(name)["documents"]
        return len(found) == count and {one["indexStatus"] for one in found} <= {"Success", "Failed"}

    wait_until(ended, f"{count} documents of {name} are indexed", 120)
    assert {one["indexStatus"] for one in client.get_documents(name)["documents"]} == {"Success"}


# the client --------------------------------------------------------------------------------------------------


def test_the_client_makes_reads_changes_lists_and_deletes(client: Any, name: str) -> None:
    made = client.create_assistant(name, "HR", None, SEARCH, INDEX, PAGE)
    assert (made["name"], made["status"], made["welcomeData"]) == (name, 1, PAGE)
    assert made["searchOptions"]["search"]["k"] == 2
    assert made["indexOptions"]["chunks"] == {"chunkSize": 400, "chunkOverlap": 40}
    plain = f"{name} copy"
    client.create_assistant(plain, template=name, search_options={}, index_options={}, welcome_data={})
    found = client.get_assistant_data(plain)
    assert found["searchOptions"]["search"]["prompt"] == SEARCH["search"]["prompt"], "as its template"
    changed = client.update_assistant(plain, 1, "Better", search_options={"search": {"k": 7}})
    assert (changed["description"], changed["searchOptions"]["search"]["k"]) == ("Better", 7)
    assert changed["searchOptions"]["search"]["prompt"] == SEARCH["search"]["prompt"]
    listed = client.get_assistants_from_project()
    assert {"Default", name, plain} <= {one["name"] for one in listed["searchProfiles"]}
    for one in (name, plain):
        client.delete_assistant(one)
    left = {one["name"] for one in client.get_assistants_from_project()["searchProfiles"]}
    assert "Default" in left and not {name, plain} & left


def test_the_client_fills_a_profile_and_asks_it(
    server: LiveServer, client: Any, name: str, files: tuple[Path, Path]
) -> None:
    from pygeai.chat.clients import ChatClient

    client.create_assistant(name, "HR", search_options=SEARCH, index_options=INDEX)
    metadata = {"year": 2024, "quarters": ["q1", "q2"], "description": "Leave of all kinds"}
    made = client.upload_document(name, str(files[0]), metadata=metadata)
    assert (made["name"], made["extension"], made["indexStatus"]) == ("leave", "txt", "Unknown")
    plain = client.upload_document(name, str(files[1]), upload_type="binary", content_type="text/plain")
    assert (plain["name"], plain["extension"]) == ("pay", "txt")
    wait_until_indexed(client, name, 2)
    listed = client.get_documents(name, 1, 1)
    assert (listed["count"], len(listed["documents"])) == (2, 1)
    shown = client.retrieve_document(name, made["id"])
    assert {one["key"]: one["value"] for one in shown["metadata"]}["year"] == "2024"

    answer = client.execute_query({"profile": name, "question": "How many days of leave are there?"})
    assert answer["result"]["success"] is True and answer["id"] and answer["requestId"]
    assert "twenty-five days" in answer["documents"][0]["pageContent"]
    best = answer["documents"][0]["metadata"]
    assert (best["id"], best["name"], best["extension"], best["year"]) == (made["id"], "leave", "txt", 2024)
    only = [{"key": "extension", "operator": "$eq", "value": "txt"}, {"key": "year", "operator": "$lt", "value": 2024}]
    none = client.execute_query({"profile": name, "question": "How many days of leave?", "filters": only})
    assert not none.get("documents")

    client.update_assistant(name, 1, search_options={"retriever": {"step": "all"}})
    chat, asked = ChatClient(server.token(), server.url), [{"role": "user", "content": "How many days of leave?"}]
    whole = chat.chat_completion(f"saia:search:{name}", asked)
    assert whole["choices"][0]["message"]["content"] == whole["text"] != ""
    assert "".join(chat.chat_completion(f"saia:search:{name}", asked, stream=True)).strip()

    client.delete_document(name, made["id"])
    assert [one["id"] for one in client.get_documents(name)["documents"]] == [plain["id"]]
    client.delete_all_documents(name)
    left = client.get_documents(name)
    assert (left["documents"], left["count"]) == ([], 0)


def test_an_unknown_profile_is_answered_as_documented(client: Any) -> None:
    answer = client.execute_query({"profile": "nobody", "question": "x"})
    assert (answer["error"]["code"], answer["success"], answer["status"]) == (1101, False, "failed")


def test_the_chat_client_asks_by_the_model_name(server: LiveServer, client: Any, name: str) -> None:
    from pygeai.chat.clients import ChatClient

    client.create_assistant(name, "HR", search_options=SEARCH, index_options=INDEX)
    messages = [{"role": "user", "content": "How many days?"}]
    answer = ChatClient(server.token(), server.url).chat_completion(f"saia:search:{name}", messages)
    assert (answer["object"], answer["documents"]) == ("chat.completion", [])


def test_the_client_tells_what_is_refused(client: Any, name: str, tmp_path: Path) -> None:
    from pygeai.core.common.exceptions import APIResponseError

    client.create_assistant(name, search_options={}, index_options={}, welcome_data={})
    empty, strange = tmp_path / "empty.txt", tmp_path / "program.exe"
    empty.touch()
    strange.write_bytes(b"MZ")
    for number, call in (
        ("2020", lambda: client.create_assistant(name)),
        ("2007", lambda: client.create_assistant("")),
        ("2032", lambda: client.update_assistant(name, 3)),
        ("1010", lambda: client.get_assistant_data("nobody")),
        ("1010", lambda: client.delete_assistant("nobody")),
        ("1010", lambda: client.get_documents("nobody")),
        ("2021", lambda: client.retrieve_document(name, str(uuid4()))),
        ("2022", lambda: client.retrieve_document(name, "one")),
        ("2027", lambda: client.upload_document(name, str(strange))),
        ("2028", lambda: client.upload_document(name, str(empty))),
        ("10", lambda: client.execute_query({"profile": name, "question": ""})),
    ):
        with pytest.raises(APIResponseError, match=rf"\b{number}\b"):
            call()


# the manager -------------------------------------------------------------------------------------------------


def test_the_manager_maps_what_it_makes_fills_and_deletes(
    manager: Any, client: Any, name: str, files: tuple[Path, Path]
) -> None:
    from pygeai.assistant.rag.models import IndexOptions, RAGAssistant, SearchOptions, UploadDocument
    from pygeai.core.base.responses import EmptyResponse
    from pygeai.core.models import WelcomeData

    options = {**SEARCH, "llm": {**SEARCH["llm"], "providerName": "local"}}
    parents = {**INDEX, "useParentDocument": True,
               "childDocument": {"childK": 4, "child": {"chunkSize": 200, "chunkOverlap": 20}}}  # fmt: skip
    wanted = RAGAssistant(
        name=name, description="HR", search_options=SearchOptions.model_validate(options),
        index_options=IndexOptions.model_validate(parents), welcome_data=WelcomeData.model_validate(PAGE),
    )  # fmt: skip
    made = manager.create_assistant(wanted)
    assert (made.name, made.status, made.search_options.history_count) == (name, 1, 2)
    assert made.search_options.embeddings.dimensions == 384
    assert made.index_options.child_document.child.chunk_size == 200
    assert made.welcome_data.to_dict() == PAGE

    made.description = "Better"
    made.search_options.search.k = 3
    changed = manager.update_assistant(made)
    assert (changed.description, changed.search_options.search.k) == ("Better", 3)
    found = manager.get_assistant_data(assistant_name=name)
    assert (found.name, found.search_options.retriever.step) == (name, "documents")

    document = manager.upload_document(
        found, UploadDocument(path=str(files[0]), content_type="text/plain", metadata={"year": 2024})
    )
    binary = UploadDocument(path=str(files[1]), upload_type="binary", content_type="text/plain")
    assert manager.upload_document(found, binary).extension == "txt"
    wait_until_indexed(client, name, 2)
    listed = manager.get_document_list(name)
    assert (listed.count, {one.index_status for one in listed.documents}) == (2, {"Success"})
    shown = manager.get_document(name, document.id)
    assert int(shown.chunks) >= 1 and shown.timestamp is not None
    assert [(one.key, one.value) for one in shown.metadata] == [("year", "2024")]

    assert isinstance(manager.delete_document(name, document.id), EmptyResponse)
    assert isinstance(manager.delete_all_documents(name), EmptyResponse)
    assert manager.get_document_list(name).count == 0
    assert isinstance(manager.delete_assistant(assistant_name=name), EmptyResponse)


# the commands ------------------------------------------------------------------------------------------------


@pytest.fixture
def geai(credentials: Path, tmp_path: Path) -> Command:
    return partial(run_geai, tmp_path / "home", "--credentials", str(credentials), "rag")


def test_every_command_about_assistants(geai: Command, name: str) -> None:
    model = (
        "--provider",
        "local",
        "--model-name",
        CHAT.partition("/")[2],
        "--max-tokens",
        "20",
        "--temperature",
        "0.5",
    )
    search = ("-k", "3", "--score-threshold", "0.1", "--history-count", "2", "--retriever-type", "vectorStore")
    chunks = ("--chunk-size", "500", "--chunk-overlap", "50")
    page = ("--wd-title", "Ask HR", "--wd-description", "Leave",
            "--wd-feature", json.dumps(PAGE["features"][0]))  # fmt: skip
    made = said(geai("create-assistant", "-n", name, "-d", "HR", *model, *search, *chunks, *page), "New RAG Assistant:")
    options = made["searchOptions"]
    assert (options["historyCount"], options["llm"]["maxTokens"], options["llm"]["temperature"]) == (2, 20, 0.5)
    assert (options["search"]["k"], options["search"]["scoreThreshold"]) == (3, 0.1)
    assert made["indexOptions"]["chunks"] == {"chunkSize": 500, "chunkOverlap": 50}
    assert made["welcomeData"]["title"] == "Ask HR"
    changed = said(geai("update-assistant", "-n", name, "-d", "Better", "-k", "4"), "Updated RAG Assistant:")
    assert (changed["description"], changed["status"], changed["searchOptions"]["search"]["k"]) == ("Better", 1, 4)
    off = said(geai("update-assistant", "-n", name, "--status", "2"), "Updated RAG Assistant:")
    assert off["status"] == 2
    assert said(geai("get-assistant", "-n", name), "Assistant detail:")["description"] == "Better"
    listed = said(geai("list-assistants"), "RAG Assistants in project:")
    assert "Default" in {one["name"] for one in listed["searchProfiles"]}
    said(geai("delete-assistant", "-n", name), "Deleted assistant:")
    done = geai("get-assistant", "-n", name)
    assert done.returncode == 3 and "Search Profile Not Found" in done.stdout + done.stderr


def test_every_command_about_documents(geai: Command, client: Any, name: str, files: tuple[Path, Path]) -> None:
    client.create_assistant(name, search_options=SEARCH, index_options=INDEX)
    leave, pay = map(str, files)
    made = said(
        geai("upload-document", "-n", name, "-f", leave, "-m", '{"year": 2024}', "--ct", "text/plain"), "Uploaded:"
    )
    said(geai("up-doc", "-n", name, "-f", pay, "-t", "binary", "--ct", "text/plain"), "Uploaded:")
    listed = said(geai("list-documents", "-n", name, "--skip", "0", "--count", "5"), "Assistant's documents:")
    assert (listed["count"], {one["name"] for one in listed["documents"]}) == (2, {"leave", "pay"})
    shown = said(geai("get-document", "-n", name, "--id", made["id"]), "Document detail:")
    assert shown["metadata"] == [{"key": "year", "value": "2024"}]
    said(geai("delete-document", "-n", name, "--id", made["id"]), "Deleted document:")
    said(geai("delete-all-documents", "-n", name), "Deleted documents:")
    assert client.get_documents(name)["count"] == 0
