"""RAG assistants through the door: made, listed, read, changed, deleted; every refusal by its id."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.search_house import (
    ROOT,
    at,
    change,
    close_rows,
    create,
    make_profile,
    new_name,
    refused,
    rows,
    uploaded,
)
from tests.live import Answer, LiveServer, wait_until

PAGE = {
    "title": "Ask HR",
    "description": "Policies and leave",
    "features": [{"title": "Leave", "description": "Days and rules"}],
    "examplesPrompt": [{"title": "Vacation", "description": "Count", "promptText": "How many days do I have?"}],
}
SAMPLE: dict[str, Any] = {
    "description": "HR handbook questions",
    "searchOptions": {
        "historyCount": 4,
        "llm": {
            "provider": "openai", "modelName": "gpt-4o-mini", "temperature": 0.1, "maxTokens": 1500,
            "guardrails": ["prompt-injection-guardrail"],
        },
        "search": {"k": 5, "scoreThreshold": 0.2},
        "retriever": {"type": "multiQuery"},
    },
    "indexOptions": {"chunks": {"chunkSize": 1000, "chunkOverlap": 100}},
    "welcomeData": PAGE,
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _database(server: LiveServer) -> Iterator[None]:
    yield
    close_rows()


def shown(answer: Answer) -> dict[str, Any]:
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.json()
    return found


def got(server: LiveServer, name: str) -> dict[str, Any]:
    return shown(server.get(at(name)))


def options(server: LiveServer, **search: Any) -> dict[str, Any]:
    """The search options of a new profile that says this of them."""
    found: dict[str, Any] = shown(create(server, new_name(), searchOptions=search))["searchOptions"]
    return found


def names(server: LiveServer, **headers: str) -> list[str]:
    return [one["name"] for one in server.get(f"{ROOT}/profiles", headers).json()["searchProfiles"]]


# made and read ---------------------------------------------------------------------------------------------------


def test_the_documented_sample(server: LiveServer) -> None:
    name = new_name()
    made = shown(create(server, name, **SAMPLE))
    assert made == got(server, name)
    assert (made["name"], made["description"], made["status"]) == (name, "HR handbook questions", 1)
    assert made["welcomeData"] == PAGE
    search = made["searchOptions"]
    assert search["historyCount"] == 4
    assert search["llm"].items() >= SAMPLE["searchOptions"]["llm"].items()
    assert (search["search"]["k"], search["search"]["scoreThreshold"]) == (5, 0.2)
    assert search["retriever"]["type"] == "multiQuery"
    assert made["indexOptions"]["chunks"] == {"chunkSize": 1000, "chunkOverlap": 100}


def test_a_profile_of_a_name_alone_has_every_default(server: LiveServer) -> None:
    made = shown(create(server, new_name()))
    search = made["searchOptions"]
    assert search["embeddings"] == {
        "provider": "openai", "modelName": "text-embedding-3-small", "dimensions": 1536, "useProxy": True,
        "cache": False, "mode": "", "type": "", "batchSize": 100,
    }  # fmt: skip
    assert search["llm"]["modelName"] and search["llm"]["provider"]
    llm = ("temperature", "maxTokens", "topP", "n", "frequencyPenalty", "presencePenalty", "stream", "cache", "type")
    assert [search["llm"][one] for one in llm] == [0, 1000, 1, 1, 0, 0, False, False, ""]
    rules = ("k", "type", "fetchK", "lambda", "returnSourceDocuments", "scoreThreshold")
    assert [search["search"][one] for one in rules] == [5, "similarity", 20, 0.5, True, 0]
    assert all(one in search["search"]["prompt"] for one in ("<context>", "{context}", "{question}"))
    assert all(one in search["search"]["template"] for one in ("{chat_history}", "{question}"))
    assert (search["historyCount"], search["retriever"]["type"], search["retriever"]["step"]) == (
        0,
        "vectorStore",
        "all",
    )
    assert made["indexOptions"] == {"chunks": {"chunkSize": 1000, "chunkOverlap": 100}, "useParentDocument": False}
    assert (made["status"], made["description"]) == (1, "")


def test_what_the_official_command_line_and_models_send_is_understood(server: LiveServer) -> None:
    """Snake case, numbers in quotes, nulls, empty objects, members of assistants, and members that nobody knows."""
    name = new_name()
    body: dict[str, Any] = {
        "description": None,
        "template": None,
        "status": True,
        "searchOptions": {
            "history_count": "3",
            "llm": {"providerName": "openai", "modelName": "gpt-4o-mini", "temperature": "0.5", "maxTokens": "200",
                    "n": None, "inputModerationGuardrail": True, "llmOutputGuardrail": False, "surprise": {"a": [1]}},
            "search": {"k": "7", "returnSourceDocuments": "false", "scoreThreshold": "0.5"},
            "retriever": {"type": "vectorstore", "searchType": "similarity", "step": "all", "prompt": ""},
            "chain": {"type": "mine"},
            "ingestion": {"provider": "geai"},
            "vectorStore": {"name": "theirs"},
            "rerank": None,
        },
        "indexOptions": {"chunks": {"chunkSize": "500"}, "useParentDocument": False, "childDocument": {}},
        "welcomeData": {},
    }  # fmt: skip
    search = shown(create(server, name, **body))["searchOptions"]
    assert (search["historyCount"], search["search"]["k"], search["search"]["returnSourceDocuments"]) == (3, 7, False)
    assert search["llm"].items() >= {"temperature": 0.5, "maxTokens": 200, "n": 1, "surprise": {"a": [1]}}.items()
    assert search["llm"]["guardrails"] == ["input-moderation-guardrail"]
    assert search["chain"] == {"type": "mine"} and search["vectorStore"] == {"name": "theirs"}
    assert search["ingestion"] == {"provider": "geai", "geaiOptions": {}, "llamaParseOptions": {}}
    assert search["retriever"]["type"] == "vectorStore"
    assert got(server, name)["indexOptions"]["chunks"] == {"chunkSize": 500, "chunkOverlap": 100}


def test_parent_documents_show_their_children(server: LiveServer) -> None:
    child = {"childK": 12, "child": {"chunkSize": 200, "chunkOverlap": 20, "contentProcessing": "clean"}}
    name = make_profile(server, indexOptions={"useParentDocument": True, "childDocument": child})
    assert got(server, name)["indexOptions"]["childDocument"] == child
    bare = make_profile(server, indexOptions={"useParentDocument": True})
    assert set(got(server, bare)["indexOptions"]["childDocument"]) == {"childK", "child"}


def test_profile_metadata_may_come_as_a_text(server: LiveServer) -> None:
    metadata = {"filter": [{"key": "year", "operator": "$gte", "value": 2023}], "chat": {"search": {"fetchK": 3}}}
    as_text = '{"filter":[{"key":"year","operator":"$gte","value":2023}],"chat":{"search":{"fetchK":3}}}'
    assert options(server, retriever={"metadata": as_text})["retriever"]["metadata"] == metadata
    assert options(server, retriever={"metadata": metadata})["retriever"]["metadata"] == metadata


def test_a_template_gives_everything_but_name_and_description(server: LiveServer) -> None:
    base = make_profile(server, **SAMPLE)
    made = shown(create(server, new_name(), template=base, searchOptions={"search": {"k": 9}}))
    assert (made["description"], made["welcomeData"]) == ("", PAGE)
    expected = got(server, base)["searchOptions"]
    expected["search"]["k"] = 9
    assert made["searchOptions"] == expected
    refused(create(server, new_name(), template="no such thing"), 400, 2024, "template")


def test_an_answer_can_be_sent_back_as_a_new_profile(server: LiveServer) -> None:
    first = got(server, make_profile(server, **SAMPLE))
    again = shown(server.post(f"{ROOT}/profile", {**first, "name": new_name()}))
    assert again | {"name": ""} == first | {"name": ""}


def test_a_key_of_an_own_endpoint_is_kept_sealed_and_never_shown(server: LiveServer) -> None:
    key = "sk-wombat-0123456789"
    llm = {"provider": "openai", "modelName": "gpt-4o-mini", "apiKey": key, "endpoint": "https://llm.example/v1"}
    name = new_name()
    made = create(server, name, searchOptions={"llm": llm, "embeddings": {"apiKey": key}})
    assert made.status == 200 and key.encode() not in made.body + server.get(at(name)).body
    assert made.json()["searchOptions"]["llm"]["endpoint"] == "https://llm.example/v1"
    (stored,) = rows(server, "SELECT * FROM search_profiles WHERE name = :name", name=name)
    assert stored["sealed"] and key not in repr(stored)
    assert change(server, name, searchOptions={"search": {"k": 2}}).status == 200
    assert sealed(server, name) == stored["sealed"]
    assert change(server, name, searchOptions={"llm": {"apiKey": ""}, "embeddings": {"apiKey": ""}}).status == 200
    assert sealed(server, name) is None


def sealed(server: LiveServer, name: str) -> Any:
    return rows(server, "SELECT sealed FROM search_profiles WHERE name = :name", name=name)[0]["sealed"]


@pytest.mark.parametrize("spelling", ["{0}%20{1}", "{0}+{1}"])
def test_blanks_of_a_name_may_come_as_plus_signs(server: LiveServer, spelling: str) -> None:
    first, second = new_name("leave"), new_name("rules")
    make_profile(server, f"{first} {second}")
    path = f"{ROOT}/profile/{spelling.format(first, second)}"
    assert shown(server.get(path))["name"] == f"{first} {second}"
    listed = server.get(f"{path}/documents").json()
    assert (listed["documents"], listed["count"]) == ([], 0)
    assert server.request("DELETE", path).json() == {}
    refused(server.get(path), 404, 1010, "Search Profile Not Found")


def test_a_plus_sign_in_a_name_comes_first(server: LiveServer) -> None:
    stem = new_name()
    make_profile(server, f"{stem} c")
    make_profile(server, f"{stem}+c", description="literal")
    assert shown(server.get(f"{ROOT}/profile/{stem}+c"))["description"] == "literal"
    assert shown(server.get(f"{ROOT}/profile/{stem}%20c"))["description"] == ""


def test_a_name_may_hold_blanks_and_plus_signs(server: LiveServer) -> None:
    """The vendor's SDK writes a blank as `+` and a plus sign as `%2B`."""
    stem = new_name()
    make_profile(server, f"{stem} b+c")
    for spelling in (f"{stem}+b%2Bc", f"{stem}%20b+c", f"{stem}+b+c"):
        assert shown(server.get(f"{ROOT}/profile/{spelling}"))["name"] == f"{stem} b+c"


# listed ----------------------------------------------------------------------------------------------------------


def test_every_project_has_a_default_one(server: LiveServer) -> None:
    found = shown(server.get(f"{ROOT}/profiles"))
    assert (found["projectActive"], found["projectStatus"], found["projectName"]) == (True, 0, "Default")
    assert {"name": "Default", "description": ""} in found["searchProfiles"]
    owner = server.token("organization")
    made = shown(server.post("/v1/organization/project", {"name": new_name()}, token=owner))
    assert made["searchProfiles"] == [{"name": "Default", "description": ""}]
    token = made["tokens"][0]["id"]
    wait_until(lambda: server.get(f"{ROOT}/profiles", token=token).status == 200, "the token is known")
    own = shown(server.get(f"{ROOT}/profiles", token=token))
    assert (own["projectId"], own["searchProfiles"]) == (made["projectId"], made["searchProfiles"])
    create(server, "Second", token=token, description="of two")
    both = [{"name": "Default", "description": ""}, {"name": "Second", "description": "of two"}]
    path = f"/v1/organization/project/{made['projectId']}"
    assert shown(server.get(path, token=owner))["searchProfiles"] == both
    removed = shown(server.request("DELETE", path, token=owner))["removed"]
    assert removed["searchProfiles"] == 2


def test_a_disabled_one_is_listed_for_who_wants_all(server: LiveServer) -> None:
    name = make_profile(server)
    assert name in names(server)
    assert shown(change(server, name, status=2))["status"] == 2
    assert name not in names(server)
    assert name in names(server, **{"include-all": "true"})
    assert name not in names(server, **{"include-all": "false"})


# changed ---------------------------------------------------------------------------------------------------------


def test_a_change_is_joined_leaf_by_leaf_and_leaves_name_and_index_alone(server: LiveServer) -> None:
    name = make_profile(server, **SAMPLE)
    before = got(server, name)
    body: dict[str, Any] = {
        "name": "another",
        "status": 1,
        "searchOptions": {"search": {"k": 3}, "llm": {"temperature": 0.9}},
        "indexOptions": {"chunks": {"chunkSize": 50}},
        "welcomeData": PAGE,
    }
    after = shown(server.request("PUT", at(name), body))
    before["searchOptions"]["search"]["k"], before["searchOptions"]["llm"]["temperature"] = 3, 0.9
    assert after == before == got(server, name)


def test_a_change_without_a_start_page_erases_it_and_with_one_replaces_it(server: LiveServer) -> None:
    name = make_profile(server, **SAMPLE)
    replaced = shown(change(server, name, welcomeData={"title": "Other"}))["welcomeData"]
    assert replaced == {"title": "Other", "description": "", "features": [], "examplesPrompt": []}
    erased = shown(change(server, name, description="d"))["welcomeData"]
    assert erased["title"] == "" and erased["features"] == []


def test_another_model_of_the_same_provider_needs_no_provider(server: LiveServer) -> None:
    name = make_profile(server, **SAMPLE)
    after = shown(change(server, name, searchOptions={"llm": {"modelName": "gpt-4o"}}))["searchOptions"]["llm"]
    assert (after["provider"], after["modelName"], after["temperature"]) == ("openai", "gpt-4o", 0.1)
    local = {"provider": "local", "modelName": "all-minilm-l6-v2"}
    found = shown(change(server, name, searchOptions={"embeddings": local}))["searchOptions"]["embeddings"]
    assert (found["provider"], found["modelName"], found["dimensions"]) == ("local", "all-minilm-l6-v2", 384)


def test_the_prompt_of_a_retriever_goes_with_its_type(server: LiveServer) -> None:
    name = make_profile(server, searchOptions={"retriever": {"type": "hyde", "prompt": "Write: {question}"}})
    assert got(server, name)["searchOptions"]["retriever"]["prompt"] == "Write: {question}"
    after = shown(change(server, name, searchOptions={"retriever": {"type": "multiQuery"}}))
    assert after["searchOptions"]["retriever"]["prompt"] == ""


def test_an_empty_prompt_brings_the_default_back(server: LiveServer) -> None:
    name = make_profile(server, searchOptions={"search": {"prompt": "{context} {question}"}})
    after = shown(change(server, name, searchOptions={"search": {"prompt": ""}}))
    assert "<context>" in after["searchOptions"]["search"]["prompt"]


# refused ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("members", "number", "words"),
    [
        ({"name": ""}, 2007, "Name is Empty"),
        ({"name": " \0 "}, 2007, "Name is Empty"),
        ({"name": 5}, 2024, "name"),
        ({"name": "a/b"}, 2024, "name"),
        ({"name": ".."}, 2024, "name"),
        ({"name": "x" * 201}, 2024, "name"),
        ({"name": "Default"}, 2020, "RAG Already Exists"),
        ({"status": 3}, 2032, "The status value is unexpected"),
        ({"status": "on"}, 2032, "status"),
        ({"description": 1}, 2024, "description"),
        ({"searchOptions": []}, 2024, "searchOptions"),
        ({"searchOptions": "x"}, 2024, "searchOptions"),
        ({"searchOptions": {"historyCount": -1}}, 2024, "searchOptions.historyCount"),
        ({"searchOptions": {"llm": 5}}, 2024, "searchOptions.llm"),
        ({"searchOptions": {"llm": {"maxTokens": -1}}}, 2024, "searchOptions.llm.maxTokens"),
        ({"searchOptions": {"llm": {"maxTokens": 0}}}, 2024, "searchOptions.llm.maxTokens"),
        ({"searchOptions": {"llm": {"frequencyPenalty": 2.5}}}, 2024, "searchOptions.llm.frequencyPenalty"),
        ({"searchOptions": {"llm": {"presencePenalty": "-3"}}}, 2024, "searchOptions.llm.presencePenalty"),
        ({"searchOptions": {"llm": {"temperature": True}}}, 2024, "searchOptions.llm.temperature"),
        ({"searchOptions": {"llm": {"type": "yaml"}}}, 2024, "searchOptions.llm.type"),
        ({"searchOptions": {"llm": {"guardrails": ["none"]}}}, 2024, "searchOptions.llm.guardrails"),
        ({"searchOptions": {"llm": {"cache": "maybe"}}}, 2024, "searchOptions.llm.cache"),
        ({"searchOptions": {"llm": {"provider": "openai", "modelName": "text-embedding-3-small"}}}, 2016, "AIModel Id"),
        ({"searchOptions": {"llm": {"provider": "local", "modelName": "nobody"}}}, 2016, "AIModel Id For local nobody"),
        ({"searchOptions": {"llm": {"provider": "nobody", "modelName": "x"}}}, 2016, "AIModel Id For nobody x"),
        ({"searchOptions": {"llm": {"provider": "nobody"}}}, 2016, "AIModel Id For nobody"),
        ({"searchOptions": {"embeddings": {"provider": "nobody"}}}, 2016, "AIModel Id For nobody"),
        ({"searchOptions": {"embeddings": {"provider": "local", "modelName": "no"}}}, 2016, "AIModel Id For local no"),
        ({"searchOptions": {"embeddings": {"provider": "local", "modelName": "all-minilm-l6-v2", "dimensions": 5}}},
         2024, "searchOptions.embeddings.dimensions"),
        ({"searchOptions": {"embeddings": {"dimensions": 10**400}}}, 2024, "searchOptions.embeddings.dimensions"),
        ({"searchOptions": {"search": {"k": 0}}}, 2024, "searchOptions.search.k"),
        ({"searchOptions": {"search": {"k": "many"}}}, 2024, "searchOptions.search.k"),
        ({"searchOptions": {"search": {"k": 1.5}}}, 2024, "searchOptions.search.k"),
        ({"searchOptions": {"search": {"type": "best"}}}, 2024, "searchOptions.search.type"),
        ({"searchOptions": {"search": {"lambda": 2}}}, 2024, "searchOptions.search.lambda"),
        ({"searchOptions": {"search": {"scoreThreshold": -0.1}}}, 2024, "searchOptions.search.scoreThreshold"),
        ({"searchOptions": {"search": {"prompt": "Only {question}"}}},
         2024, "Missing {context}|{question} in prompt definition"),
        ({"searchOptions": {"search": {"prompt": ["x"]}}}, 2024, "searchOptions.search.prompt"),
        ({"searchOptions": {"retriever": {"type": "oracle"}}}, 2024, "searchOptions.retriever.type"),
        ({"searchOptions": {"retriever": {"step": "some"}}}, 2024, "searchOptions.retriever.step"),
        ({"searchOptions": {"retriever": {"metadata": "{"}}}, 2024, "searchOptions.retriever.metadata"),
        ({"searchOptions": {"retriever": {"metadata": [1]}}}, 2024, "searchOptions.retriever.metadata"),
        ({"searchOptions": {"retriever": {"metadata": {"filter": [{"key": "a"}]}}}}, 9, "filter.0.value"),
        ({"searchOptions": {"retriever": {"metadata": {"chat": {"search": {"llm": {"guardrails": ["all"]}}}}}}},
         2024, "searchOptions.retriever.metadata.chat.search.llm.guardrails"),
        ({"searchOptions": {"unknown": 10**400}}, 2024, "searchOptions.unknown"),
        ({"searchOptions": {"unknown": "x" * 600_000}}, 2024, "searchOptions"),
        ({"indexOptions": {"chunks": {"chunkSize": 100, "chunkOverlap": 100}}}, 2024, "chunkOverlap"),
        ({"indexOptions": {"chunks": {"chunkSize": -5}}}, 2024, "indexOptions.chunks.chunkSize"),
        ({"indexOptions": {"useParentDocument": "perhaps"}}, 2024, "indexOptions.useParentDocument"),
        ({"indexOptions": {"childDocument": {"childK": 0}}}, 2024, "indexOptions.childDocument.childK"),
        ({"indexOptions": {"childDocument": {"child": {"contentProcessing": "dirty"}}}}, 2024, "contentProcessing"),
        ({"welcomeData": {"title": 5}}, 11, "welcomeData"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_by_name(
    server: LiveServer, members: dict[str, Any], number: int, words: str
) -> None:
    before = names(server)
    refused(server.post(f"{ROOT}/profile", {"name": new_name(), **members}), 400, number, words)
    assert names(server) == before
    if not {"name", "indexOptions"} & members.keys():
        refused(server.request("PUT", at("Default"), members), 400, number, words)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_profile_that_is_not_there_is_1010(server: LiveServer, method: str) -> None:
    body: dict[str, Any] | None = {} if method == "PUT" else None
    for name in ("nobody", "nobody+here", "nobody\0", "nöbødy", "x" * 5000):
        refused(server.request(method, at(name), body), 404, 1010, "Search Profile Not Found")


def test_only_who_may_manage_assistants_may_manage_these(server: LiveServer) -> None:
    for method, path in (("GET", f"{ROOT}/profiles"), ("GET", at("Default")), ("DELETE", at("Default", "/documents"))):
        refused(server.request(method, path, token=server.token("organization")), 403, 7)
        refused(server.request(method, path, token=None), 401, 401)


def test_another_verb_is_not_supported(server: LiveServer) -> None:
    answer = server.request("PATCH", at("Default"), {})
    refused(answer, 405, 2026, "Verb Not Supported")
    assert set(answer.headers["allow"].split(", ")) >= {"GET", "PUT", "DELETE"}


# deleted, logged, remembered -------------------------------------------------------------------------------------


def test_a_deleted_one_is_gone_with_its_documents_and_the_name_is_free(server: LiveServer) -> None:
    name = make_profile(server)
    document = uploaded(server, name)
    assert server.request("DELETE", at(name)).json() == {}
    refused(server.get(at(name, f"/document/{document['id']}")), 404, 1010)
    refused(server.request("DELETE", at(name)), 404, 1010)
    assert make_profile(server, name) == name
    assert server.get(at(name, "/documents")).json()["count"] == 0
    assert not (server.data_dir / "files" / document["keyName"]).exists()


def test_remarks_of_the_ingestion_tool_are_kept(server: LiveServer) -> None:
    name = make_profile(server)
    entry = {"step": "ALL", "level": 0, "name": "run 7", "data": "long text \0."}
    assert server.post(at(name, "/log"), entry).json() == {}
    assert server.post(at(name, "/log"), {}).json() == {}
    query = (
        "SELECT step, level, l.name, data FROM search_logs l JOIN search_profiles p USING (profile_id)"
        " WHERE p.name = :name ORDER BY entry"
    )
    told = [tuple(one.values()) for one in rows(server, query, name=name)]
    assert told == [("ALL", 0, "run 7", "long text ."), ("", 0, "", "")]
    refused(server.post(at(name, "/log"), {"level": "high"}), 400, 2024, "level")
    refused(server.post(at("nobody", "/log"), entry), 404, 1010)


def test_the_audit_log_tells_who_made_changed_and_deleted_it(server: LiveServer) -> None:
    name = make_profile(server)
    change(server, name, description="d")
    server.request("DELETE", at(name))
    found = server.get("/v1/audit?count=200", token=server.token("organization")).json()
    told = [one["action"] for one in found["entries"] if name in str(one)]
    assert sorted(told) == ["create", "delete", "update"]
