"""What is asked, and what was said before it: out of the messages, or out of a variable."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import Raw

from portico.server.assistants.search.questions.question import maybe_given_history, read_question
from portico.server.assistants.search.questions.tuning import ChunkDocument, HelperModel, Tuning, read_tuning, tune
from portico.server.errors import EmptyQuery, PatternMismatch
from portico.server.retrieval.profile import Search
from portico.server.storage.threads import Turn
from portico.wire.model_ref import SaiaRef
from portico.wire.requests import AssistantOptions, ChatRequest


def request(messages: Any, **variables: str) -> ChatRequest:
    made = ChatRequest(SaiaRef("search", "p"), {"messages": Raw(json.dumps(messages).encode())})
    made.options = AssistantOptions(variables=variables)
    return made


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def test_the_last_message_of_the_user_is_the_question_and_the_rest_is_history() -> None:
    said = {"role": "assistant", "content": "Yes?"}
    messages = [{"role": "system", "content": "Be rude."}, user("Hi"), said, user(" How many? "), said]
    assert read_question(request(messages)) == ("How many?", [Turn("user", "Hi"), Turn("assistant", "Yes?")])


@pytest.mark.parametrize(
    ("content", "question"),
    [
        ([{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "x"}}, "b"], "a\nb"),
        (" nul \0 character", "nul  character"),
    ],
)
def test_a_question_may_come_in_parts(content: Any, question: str) -> None:
    assert read_question(request([user(content)]))[0] == question


@pytest.mark.parametrize(
    "messages", [[user("")], [user(" \n\0")], [user([])], [user("x"), user("  ")], [{"role": "system", "content": "x"}]]
)
def test_a_blank_question_is_400_with_id_10(messages: Any) -> None:
    with pytest.raises(EmptyQuery) as caught:
        read_question(request(messages))
    assert (caught.value.status, caught.value.id) == (400, 10)


@pytest.mark.parametrize("doubled", [False, True])
def test_a_conversation_in_a_variable(doubled: bool) -> None:
    told = json.dumps([user("Hi"), {"role": "assistant", "content": "Yes?"}, {"role": "tool", "content": "no"}])
    told = told.replace("{", "{{").replace("}", "}}") if doubled else told
    assert maybe_given_history(request([], chat_history=told)) == [Turn("user", "Hi"), Turn("assistant", "Yes?")]
    assert maybe_given_history(request([], chat_history=" ")) == []
    assert maybe_given_history(request([])) is None


@pytest.mark.parametrize("told", ["x", "{}", "[1]", '[{"role":1}]', "[" * 5_000])
def test_a_conversation_that_cannot_be_read_is_named(told: str) -> None:
    with pytest.raises(PatternMismatch) as caught:
        maybe_given_history(request([], chat_history=told))
    assert caught.value.param == "variables.chat_history"


def test_what_the_metadata_of_a_profile_says() -> None:
    llm = {"provider": "openai", "modelName": "gpt-4o", "maxTokens": 50, "cache": True}
    search = {"compactHistory": "none", "chunkDocument": {"template": "{name}"}, "llm": llm}
    read = read_tuning({"chat": {"search": search, "retriever": {"llm": {"modelName": "small"}}}})
    assert read == Tuning(
        compacts=False,
        chunk_document=ChunkDocument("{name}", "\n\n"),
        rewriter=HelperModel("openai", "gpt-4o", 50, None, True),
        retriever=HelperModel(model_name="small"),
    )


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"chat": 1},
        {"chat": {"search": [], "retriever": None}},
        {"chat": {"search": {"llm": 1, "chunkDocument": 2}}},
    ],
)
def test_what_it_does_not_say_has_its_default(metadata: Any) -> None:
    assert read_tuning(metadata) == Tuning()


def test_the_metadata_wins_over_the_search_options() -> None:
    search = Search("p", "h", k=3)
    told = {"type": "mmr", "fetchK": 7, "lambda": 0.25, "returnSourceDocuments": False, "k": 99}
    tuned = tune(search, {"chat": {"search": told}})
    assert (tuned.type, tuned.fetch_k, tuned.mmr_lambda, tuned.return_source_documents) == ("mmr", 7, 0.25, False)
    assert tuned.k == 3, "which is no member of the metadata"


@pytest.mark.parametrize("told", [{}, {"type": "other"}, {"lambda": 5}, {"fetchK": -1}, 7])
def test_metadata_that_says_nothing_of_use_changes_nothing(told: Any) -> None:
    search = Search("p", "h")
    assert tune(search, {"chat": {"search": told}}) == search
