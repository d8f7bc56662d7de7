"""RAG assistants by the SDK, both levels, sync and async: what is sent, what is waited for, what becomes of answers."""

from __future__ import annotations

import asyncio
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from portico import AsyncPortico, BadRequest, NotFound, OperationFailed, OperationPending, PlatformEvent, Portico
from portico.sdk.errors import PorticoError
from tests.sdk.odd_server import DONE, OddServer, Seen, finish_chunk, frame, reply_json, reply_stream, text_chunk

NAME = "HR hand/book+"
PROFILE = {
    "name": NAME, "description": "Leave", "status": 1,
    "searchOptions": {"historyCount": 4, "llm": {"provider": "openai", "modelName": "gpt-4o-mini", "temperature": 0.1},
                      "search": {"k": 5, "lambda": 0.5, "scoreThreshold": 0.2}, "retriever": {"type": "multiQuery"}},
    "indexOptions": {"chunks": {"chunkSize": 900, "chunkOverlap": 90}, "useParentDocument": False},
    "news": 1,
}  # fmt: skip
SOURCE = {
    "pageContent": "Each employee has 20 days.", "score": 0.91,
    "metadata": {"id": "d-1", "name": "leave", "extension": "pdf", "year": 2024, "url": "https://x/leave.pdf",
                 "loc": {"lines": {"from": 1, "to": 10}, "pageNumber": 3}},
}  # fmt: skip
USAGE = {"prompt_tokens": 885, "completion_tokens": 73, "total_tokens": 958, "total_cost": 0.0001758, "currency": "USD"}
TOLD = {"requestId": "r-1", "text": "Twenty days.", "documents": [SOURCE], "result": {"success": True, "messages": []}}
EXECUTED = {"id": "conv-1", **TOLD, "usage": USAGE}
COMPLETED = {
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o-mini", "threadId": "conv-1",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Twenty days."}}],
    "usage": USAGE, **TOLD,
}  # fmt: skip
NOBODY = {
    "error": {"code": 1101, "message": "Search Index Profile Name not found"},
    "status": "failed", "success": False, "text": "",
}  # fmt: skip
NOTHING = {
    "id": "c",
    "requestId": "r",
    "result": {"success": False, "messages": ["Score threshold not met"]},
    "text": "",
}


def document(number: int, status: str = "Success", **more: Any) -> dict[str, Any]:
    return {
        "id": f"d-{number}", "name": f"leave{number}", "extension": "pdf", "url": "",
        "timestamp": "2026-05-13T11:11:44", "indexStatus": status, "indexDetail": "", **more,
    }  # fmt: skip


def answer(seen: Seen) -> Any:
    if seen.path == "/v1/search/profiles":
        return reply_json(
            {"projectId": "p", "searchProfiles": [{"name": "Default"}, {"name": NAME, "description": "x"}]}
        )
    if seen.path == "/v1/search/execute":
        return reply_json(EXECUTED)
    if seen.path == "/v1/chat/completions":
        return reply_json(COMPLETED)
    if seen.method == "DELETE" or seen.path.endswith("/log"):
        return reply_json({})
    if seen.path.endswith("/documents"):
        return reply_json({"documents": [document(1)], "count": 1} if seen.method == "GET" else {})
    if "/document" in seen.path:
        return reply_json(document(1, "Unknown" if seen.method == "POST" else "Success"))
    return reply_json(PROFILE)


@pytest.fixture(autouse=True)
def short_looks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Waiting that does not keep a test waiting; that it waits stays."""
    monkeypatch.setattr("portico.sdk.rag_progress.FIRST_PAUSE_S", 0.001)
    return iter(())


# profiles ----------------------------------------------------------------------------------------------------


def test_profiles_are_made_changed_read_and_deleted(server: OddServer, client: Portico) -> None:
    server.answer = answer
    assert [one.name for one in client.rag.list(include_disabled=True)] == ["Default", NAME]
    made = client.rag.create(NAME, description="Leave", search_options={"historyCount": 4}, welcome_data=None)
    assert (made.name, made.status, made.extra) == (NAME, 1, {"news": 1})
    options = made.search_options
    assert (options.history_count, options.llm.model_name, options.search.score_threshold) == (4, "gpt-4o-mini", 0.2)
    assert made.index_options.chunks.chunk_size == 900
    client.rag.update(NAME, status=2, search_options={"search": {"k": 3}})
    assert client.rag.get(NAME).description == "Leave"
    client.rag.delete(NAME)
    one = f"/v1/search/profile/{NAME}"
    assert [(seen.method, seen.path) for seen in server.seen] == [
        ("GET", "/v1/search/profiles"), ("POST", "/v1/search/profile"), ("PUT", one), ("GET", one), ("DELETE", one),
    ]  # fmt: skip
    assert server.seen[0].headers["include-all"] == "true"
    assert server.seen[1].json == {"name": NAME, "description": "Leave", "searchOptions": {"historyCount": 4}}
    assert server.seen[2].json == {"status": 2, "searchOptions": {"search": {"k": 3}}}


@pytest.mark.parametrize("name", ["", " ", ".", ".."])
def test_a_name_that_cannot_stand_in_an_address_is_not_sent(server: OddServer, client: Portico, name: str) -> None:
    for call in (client.rag.get, client.rag.create, client.rag.delete):
        with pytest.raises(PorticoError, match="name"):
            call(name)
    assert server.seen == []


def test_what_changes_something_is_not_sent_twice(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: reply_json({"errors": [{"id": 503, "description": "later"}]}, 503)
    for call in (
        lambda: client.rag.create("T"),
        lambda: client.rag.update("T", status=1),
        lambda: client.rag.delete("T"),
        lambda: client.rag.upload("T", b"x", name="x.txt"),
        lambda: client.rag.reindex_all("T"),
    ):
        server.seen.clear()
        with pytest.raises(PorticoError):
            call()
        assert len(server.seen) == 1


# documents ---------------------------------------------------------------------------------------------------


def parts(seen: Seen) -> dict[str, tuple[str, bytes]]:
    """The parts of a form: name to file name and content."""
    boundary = seen.headers["content-type"].partition("boundary=")[2].encode()
    found = {}
    for piece in seen.body.split(b"--" + boundary)[1:-1]:
        head, _, content = piece.partition(b"\r\n\r\n")
        name = re.search(rb'name="([^"]*)"', head)
        file = re.search(rb'filename="([^"]*)"', head)
        assert name is not None
        found[name[1].decode()] = (file[1].decode() if file else "", content.removesuffix(b"\r\n"))
    return found


def test_a_document_goes_up_as_a_form(server: OddServer, client: Portico, tmp_path: Path) -> None:
    server.answer = answer
    path = tmp_path / "niño 日本.pdf"
    path.write_bytes(bytes(range(256)) * 4096)
    told: list[tuple[int, int | None]] = []
    made = client.rag.upload(
        NAME, path, metadata={"year": 2024, "quarters": ["q1"]}, ingestion={"startPage": 2, "logoProcess": True},
        progress=lambda done, size: told.append((done, size)),
    )  # fmt: skip
    assert (made.id, made.index_status) == ("d-1", "Unknown")
    (seen,) = server.seen
    assert (seen.method, seen.path) == ("POST", f"/v1/search/profile/{NAME}/document")
    sent = parts(seen)
    assert sent["file"] == ("niño 日本.pdf", path.read_bytes())
    assert sent["metadata"] == ("", b'{"year":2024,"quarters":["q1"]}')
    assert (sent["startPage"][1], sent["logoProcess"][1]) == (b"2", b"true")
    assert told[-1] == (path.stat().st_size,) * 2 and len(told) > 2, "piece by piece"


def test_bytes_open_files_and_binary_uploads(server: OddServer, client: Portico) -> None:
    server.answer = answer
    client.rag.upload(NAME, b"words", name="notes.txt")
    client.rag.upload(NAME, io.BytesIO(b"words"), name="notes.txt")
    client.rag.upload(NAME, b"words", name="notes.txt", binary=True)
    client.rag.upload(NAME, b"words", name="notes", binary=True, content_type="text/x-odd")
    assert [parts(seen)["file"] for seen in server.seen[:2]] == [("notes.txt", b"words")] * 2
    plain = server.seen[2]
    assert (plain.body, plain.headers["filename"], plain.headers["content-type"]) == (
        b"words",
        "notes.txt",
        "text/plain",
    )
    assert server.seen[3].headers["content-type"] == "text/x-odd"


@pytest.mark.parametrize(
    ("source", "options", "said"),
    [
        (b"x", {}, "no name"),
        ("nothing-here.txt", {}, "cannot be read"),
        (b"x", {"name": "x.txt", "binary": True, "metadata": {"a": 1}}, "no place for metadata"),
        (b"x", {"name": "ñ.txt", "binary": True}, "No header can hold"),
    ],
)
def test_what_cannot_be_sent_is_said(
    server: OddServer, client: Portico, source: Any, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(PorticoError, match=said):
        client.rag.upload(NAME, source, **options)
    assert server.seen == []


def test_reindexing_with_new_content_new_metadata_or_nothing(server: OddServer, client: Portico) -> None:
    server.answer = answer
    client.rag.reindex(NAME, "d-1")
    client.rag.reindex(NAME, "d-1", metadata={})
    client.rag.reindex(NAME, "d-1", b"new", name="leave.txt", metadata={"year": 2025})
    client.rag.reindex_all(NAME)
    first, second, third, last = server.seen
    assert {(seen.method, seen.headers["documentid"]) for seen in (first, second, third)} == {("PUT", "d-1")}
    assert (first.body, parts(second)) == (b"", {"metadata": ("", b"{}")})
    assert parts(third) == {"metadata": ("", b'{"year":2025}'), "file": ("leave.txt", b"new")}
    assert (last.method, last.path) == ("PUT", f"/v1/search/profile/{NAME}/documents")


def test_documents_are_listed_page_by_page(server: OddServer, client: Portico, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portico.sdk.managers.rag.PAGE", 2)

    def pages(seen: Seen) -> Any:
        skip, count = int(seen.query["skip"]), int(seen.query["count"])
        return reply_json({"documents": [document(n) for n in range(skip, min(skip + count, 5))], "count": 5})

    server.answer = pages
    assert [one.id for one in client.rag.documents(NAME)] == [f"d-{n}" for n in range(5)]
    assert len(server.seen) == 3
    assert [one.id for one in client.rag.documents(NAME, limit=1)] == ["d-0"]


def test_the_rest_of_the_documents(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: (
        reply_json(document(1, metadata=[{"key": "year", "value": "2024"}])) if seen.method == "GET" else answer(seen)
    )
    found = client.rag.document(NAME, "d-1")
    assert [(one.key, one.value) for one in found.metadata or ()] == [("year", "2024")]
    client.rag.delete_document(NAME, "d-1")
    client.rag.delete_documents(NAME)
    client.rag.log(NAME, "run 1", "3 files", level=2)
    assert [(seen.method, seen.path.rpartition("/")[2]) for seen in server.seen[1:]] == [
        ("DELETE", "d-1"), ("DELETE", "documents"), ("POST", "log"),
    ]  # fmt: skip
    assert server.seen[-1].json == {"step": "ALL", "level": 2, "name": "run 1", "data": "3 files"}
    with pytest.raises(PorticoError, match="document's id is empty"):
        client.rag.document(NAME, " ")


class Life:
    """A server whose documents get one step further at every look at them. `counts`: it counts their states."""

    def __init__(self, *ends: str, counts: bool = True) -> None:
        self.counts = counts
        self.steps = [["Unknown", "Starting", "Pending", end] for end in ends]
        self.looks: Counter[str] = Counter()
        self.gone: set[int] = set()

    def __call__(self, seen: Seen) -> Any:
        if seen.method == "POST":
            return reply_json(document(0, "Unknown"))
        if seen.path.endswith("/documents"):
            return reply_json(self.list(seen.query))
        number = int(seen.path.rpartition("-")[2])
        if number in self.gone:
            return reply_json({"errors": [{"id": 2021, "description": "Document Not Found"}]}, 404)
        return reply_json(self.look(number))

    def list(self, query: Mapping[str, str]) -> dict[str, Any]:
        there = [n for n in range(len(self.steps)) if n not in self.gone]
        if not self.counts:
            listed = [] if query["count"] == "0" else [self.look(n) for n in there]
            return {"documents": listed, "count": len(there)}
        if "indexStatus" in query:
            failed = (n for n in there if self.steps[n] == ["Failed"])
            listed = [document(n, "Failed", indexDetail="Invalid content") for n in failed]
            return {"documents": listed, "count": len(listed), "states": {}}
        listed = [self.look(n) for n in there]
        states = Counter(one["indexStatus"] for one in listed)
        return {"documents": [] if query["count"] == "0" else listed, "count": len(there), "states": states}

    def look(self, number: int) -> dict[str, Any]:
        self.looks[str(number)] += 1
        status = self.steps[number].pop(0) if len(self.steps[number]) > 1 else self.steps[number][0]
        return document(number, status, indexDetail="Invalid content" if status == "Failed" else "")


def test_waiting_tells_of_every_look_and_gives_the_board(server: OddServer, client: Portico) -> None:
    server.answer = Life("Success", "Failed", "Success")
    told: list[dict[str, int]] = []
    board = client.rag.wait_until_indexed(NAME, on_progress=lambda seen: told.append(dict(seen.counts)))
    assert [counts["Unknown"] for counts in told] == [3, 0, 0, 0] and len(told) == 4
    assert dict(board.counts) == {"Unknown": 0, "Starting": 0, "Pending": 0, "Success": 2, "Failed": 1}
    assert [(one.id, one.index_detail) for one in board.failed] == [("d-1", "Invalid content")]


def test_a_server_that_counts_is_asked_for_the_failed_alone(server: OddServer, client: Portico) -> None:
    """However many documents there are: one number of each state, and those that a user can do something about."""
    states = {"Unknown": 70_000, "Starting": 1, "Pending": 2, "Success": 29_995, "Failed": 2}
    failed = [document(n, "Failed", indexDetail="Invalid content") for n in range(2)]
    server.answer = lambda seen: reply_json(
        {"documents": failed if "indexStatus" in seen.query else [], "count": 2, "states": states}
    )
    board = client.rag.board(NAME)
    assert (board.total, board.ended, dict(board.counts)) == (100_000, 29_997, states)
    assert [one.id for one in board.failed] == ["d-0", "d-1"]
    assert [(seen.query["count"], seen.query.get("indexStatus")) for seen in server.seen] == [
        ("0", None), ("1000", "Failed"),
    ]  # fmt: skip


def test_the_failed_are_read_again_when_there_are_others_and_in_the_end(server: OddServer, client: Portico) -> None:
    server.answer = life = Life("Failed", "Success")
    life.steps[1] = ["Unknown"] * 6 + ["Success"]
    board = client.rag.wait_until_indexed(NAME)
    asked = ["F" if "indexStatus" in seen.query else "." for seen in server.seen]
    assert "".join(asked) == "....F...F"
    assert [one.id for one in board.failed] == ["d-0"] and board.total == 2


def test_a_server_that_does_not_count_is_read_as_a_whole(server: OddServer, client: Portico) -> None:
    server.answer = Life("Success", "Failed", counts=False)
    board = client.rag.wait_until_indexed(NAME)
    assert (board.total, [one.id for one in board.failed]) == (2, ["d-1"])
    assert [seen.query["count"] for seen in server.seen] == ["0", *["1000"] * 4]


def test_waiting_for_some_looks_at_no_others_and_at_each_until_it_ends(server: OddServer, client: Portico) -> None:
    server.answer = life = Life("Success", "Success", "Failed")
    board = client.rag.wait_until_indexed(NAME, ["d-0", "d-2"])
    assert (board.ended, life.looks) == (2, Counter({"0": 4, "2": 4}))


def test_many_are_looked_at_as_a_list(server: OddServer, client: Portico, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portico.sdk.rag_progress.FEW", 1)
    server.answer = life = Life("Success", "Success", "Success")
    life.gone.add(1)
    board = client.rag.wait_until_indexed(NAME, ["d-0", "d-1"])
    assert [one.id for one in board.documents] == ["d-0"]
    assert server.seen[0].path.endswith("/documents")


def test_the_list_is_read_no_further_than_to_the_last_that_is_waited_for(
    server: OddServer, client: Portico, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portico.sdk.rag_progress.FEW", 0)
    monkeypatch.setattr("portico.sdk.managers.rag.PAGE", 2)
    server.answer = lambda seen: reply_json(
        {"documents": [document(int(seen.query["skip"]) + n) for n in range(2)], "count": 100}
    )
    board = client.rag.wait_until_indexed(NAME, ["d-2", "d-1"])
    assert ({one.id for one in board.documents}, len(server.seen)) == ({"d-1", "d-2"}, 2)


def test_a_document_that_was_deleted_is_not_waited_for(server: OddServer, client: Portico) -> None:
    server.answer = life = Life("Success", "Success")
    life.gone.add(1)
    assert [one.id for one in client.rag.wait_until_indexed(NAME, ["d-0", "d-1"]).documents] == ["d-0"]


def test_an_upload_that_is_waited_for_ends_searchable_or_with_the_reason(server: OddServer, client: Portico) -> None:
    server.answer = Life("Success")
    assert client.rag.upload_and_wait(NAME, b"x", name="x.pdf").index_status == "Success"
    server.answer = Life("Failed")
    with pytest.raises(OperationFailed, match=r"leave0\.pdf cannot be searched: Invalid content"):
        client.rag.upload_and_wait(NAME, b"x", name="x.pdf")
    server.answer = Life("Pending")
    with pytest.raises(OperationPending, match="1 of 1 documents are not indexed"):
        client.rag.upload_and_wait(NAME, b"x", name="x.pdf", timeout_s=0)


def test_a_folder_goes_up_several_at_once_and_one_refusal_stops_nothing(
    server: OddServer, client: Portico, tmp_path: Path
) -> None:
    def refuses_odd(seen: Seen) -> Any:
        name = parts(seen)["file"][0]
        if name == "b.exe":
            return reply_json({"errors": [{"id": 2027, "description": "Document Extension Invalid"}]}, 400)
        return reply_json(document(int(name[0] == "a")))

    server.answer = refuses_odd
    (tmp_path / "in" / "below").mkdir(parents=True)
    for name in ("a.txt", "b.exe", "below/c.txt", ".hidden", "below/.d.txt"):
        (tmp_path / "in" / name).write_text(name)
    heard: list[str] = []
    sizes: list[tuple[str, int, int | None]] = []
    done = client.rag.upload_folder(
        NAME, tmp_path / "in", concurrency=3, metadata={"a": 1}, on_upload=lambda one: heard.append(one.path.name),
        on_bytes=lambda path, done, size: sizes.append((path.name, done, size)),
    )  # fmt: skip
    assert [one.path.name for one in done] == ["a.txt", "b.exe", "c.txt"] and sorted(heard) == sorted(
        one.path.name for one in done
    )
    assert [one.document is None for one in done] == [False, True, False]
    assert sorted(sizes) == [("a.txt", 5, 5), ("b.exe", 5, 5), ("c.txt", 11, 11)]
    assert isinstance(done[1].error, BadRequest) and "Document Extension Invalid" in done[1].error.message
    assert [one.path.name for one in client.rag.upload_folder(NAME, tmp_path / "in", pattern="*.txt")] == [
        "a.txt", "c.txt",
    ]  # fmt: skip
    with pytest.raises(PorticoError, match="no folder"):
        client.rag.upload_folder(NAME, tmp_path / "nothing")


# questions ---------------------------------------------------------------------------------------------------


def test_a_question_by_either_endpoint_gives_the_same_answer(server: OddServer, client: Portico) -> None:
    server.answer = answer
    filters = [{"key": "year", "operator": "$gte", "value": 2023}]
    first = client.rag.query("handbook", "How many?", id="conv-1", filters=filters, variables={"tone": "brief"})
    second = client.rag.ask("handbook", "How many?", thread_id="conv-1", filters=filters, variables={"tone": "brief"})
    for found in (first, second):
        assert (found.text, found.thread_id, found.request_id, found.success) == ("Twenty days.", "conv-1", "r-1", True)
        assert found.usage is not None and found.usage.total_cost == 0.0001758
        (source,) = found.sources
        assert (source.document_id, source.name, source.score, source.page) == ("d-1", "leave.pdf", 0.91, 3)
        assert (source.lines, source.url, source.metadata["year"]) == ((1, 10), "https://x/leave.pdf", 2024)
    asked, chatted = server.seen
    told = [{"key": "tone", "value": "brief"}]
    assert asked.json == {
        "profile": "handbook", "question": "How many?", "id": "conv-1", "variables": told, "filters": filters,
    }  # fmt: skip
    assert (chatted.json["model"], chatted.json["threadId"]) == ("saia:search:handbook", "conv-1")
    assert (chatted.json["variables"], chatted.json["filters"]) == (told, filters)


def test_an_unknown_profile_is_not_found_although_the_status_is_200(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: reply_json(NOBODY)
    for call in (
        lambda: client.rag.query("nobody", "x"),
        lambda: client.rag.ask("nobody", "x"),
        lambda: client.rag.stream("nobody", "x").get_final_answer(),
    ):
        with pytest.raises(NotFound, match="Search Index Profile Name not found") as caught:
            call()
        assert caught.value.errors == [(1101, "Search Index Profile Name not found")]


def test_nothing_over_the_threshold_is_an_answer_without_success(server: OddServer, client: Portico) -> None:
    choices = [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": ""}}]
    server.answer = lambda seen: reply_json(NOTHING | ({} if "execute" in seen.path else {"choices": choices}))
    for found in (client.rag.query("handbook", "x"), client.rag.ask("handbook", "x")):
        assert (found.success, found.result.messages, found.text) == (False, ["Score threshold not met"], "")
        assert found.sources == []


EVENT = {"choices": [], "event": "saia.rag.documents", "data": {**TOLD, "text": "", "usage": USAGE}}


def streamed(*before: Any) -> Any:
    return lambda seen: reply_stream(*(frame(one) for one in (*before, finish_chunk(), EVENT)), DONE)


def test_a_streamed_answer_brings_its_sources_at_the_end(server: OddServer, client: Portico) -> None:
    server.answer = streamed(text_chunk("Twenty ", threadId="conv-1"), text_chunk("days."))
    with client.rag.stream("handbook", "How many?", thread_id="conv-1") as stream:
        assert stream.sources == []
        assert "".join(stream.text_stream()) == "Twenty days."
        assert [source.name for source in stream.sources] == ["leave.pdf"]
        found = stream.get_final_answer()
    assert (found.text, found.thread_id, found.success) == ("Twenty days.", "conv-1", True)
    assert found.usage is not None and found.usage.completion_tokens == 73


def test_the_event_comes_through_a_plain_chat_stream_too(server: OddServer, client: Portico) -> None:
    server.answer = streamed(text_chunk("Twenty days."))
    events = list(client.chat.stream("saia:search:handbook", "How many?"))
    (event,) = [one for one in events if isinstance(one, PlatformEvent)]
    assert (event.name, event.data["documents"]) == ("saia.rag.documents", [SOURCE])


def test_odd_sources_do_not_break_a_reader(server: OddServer, client: Portico) -> None:
    odd = [
        {"pageContent": None, "score": "high", "metadata": None},
        {"metadata": {"loc": {"lines": "1", "pageNumber": "x"}}},
    ]
    server.answer = lambda seen: reply_json({**EXECUTED, "documents": odd, "result": None, "usage": None})
    found = client.rag.query("handbook", "x")
    assert [(one.name, one.page, one.lines, one.score) for one in found.sources] == [("", None, None, None)] * 2
    assert found.success and found.usage is None


# asyncio -----------------------------------------------------------------------------------------------------


def test_the_asynchronous_ones_do_the_same(server: OddServer, client: Portico, tmp_path: Path) -> None:
    server.answer = answer
    (tmp_path / "a.txt").write_text("a")

    async def go() -> list[Any]:
        async with AsyncPortico("key-1", server.url) as remote:
            rag = remote.rag
            said: list[Any] = [[one.name async for one in rag.list()], (await rag.get(NAME)).name]
            said += [(await rag.create("T")).name, (await rag.update("T", status=1)).name]
            said += [[one.id async for one in rag.documents("T")], (await rag.document("T", "d-1")).id]
            said += [(await rag.upload("T", b"x", name="x.txt")).id]
            said += [(await rag.upload_and_wait("T", b"x", name="x.txt")).index_status]
            said += [[one.path.name for one in await rag.upload_folder("T", tmp_path)]]
            said += [(await rag.board("T")).ended, (await rag.wait_until_indexed("T")).ended]
            said += [(await rag.reindex("T", "d-1")).id, await rag.reindex_all("T")]
            said += [await rag.delete_document("T", "d-1"), await rag.delete_documents("T"), await rag.delete("T")]
            said += [(await rag.query("T", "x")).text, (await rag.ask("T", "x")).text, await rag.log("T", "n", "d")]
            async with await rag.stream("T", "x") as stream:
                said += [(await stream.get_final_answer()).text, len(stream.sources)]
            return said

    theirs = asyncio.run(go())
    asked = [(seen.method, seen.path, seen.query) for seen in server.seen]
    server.seen.clear()
    rag = client.rag
    ours: list[Any] = [[one.name for one in rag.list()], rag.get(NAME).name]
    ours += [rag.create("T").name, rag.update("T", status=1).name]
    ours += [[one.id for one in rag.documents("T")], rag.document("T", "d-1").id]
    ours += [rag.upload("T", b"x", name="x.txt").id, rag.upload_and_wait("T", b"x", name="x.txt").index_status]
    ours += [[one.path.name for one in rag.upload_folder("T", tmp_path)]]
    ours += [rag.board("T").ended, rag.wait_until_indexed("T").ended, rag.reindex("T", "d-1").id]
    calls = (rag.reindex_all, lambda n: rag.delete_document(n, "d-1"), rag.delete_documents, rag.delete)
    ours += [call("T") for call in calls]  # type: ignore[func-returns-value, operator]
    ours += [rag.query("T", "x").text, rag.ask("T", "x").text, rag.log("T", "n", "d")]  # type: ignore[func-returns-value]
    with rag.stream("T", "x") as stream:
        ours += [stream.get_final_answer().text, len(stream.sources)]
    assert theirs == ours
    assert asked == [(seen.method, seen.path, seen.query) for seen in server.seen]
