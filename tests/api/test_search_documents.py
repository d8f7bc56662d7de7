"""Documents of RAG assistants through the door: every way to send one, listing, ordering again, deleting; refusals."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from portico.server.storage.blobs.base import is_key
from tests.api.search_house import (
    NOBODY,
    ROOT,
    at,
    change,
    close_rows,
    create,
    listed,
    make_profile,
    new_name,
    refused,
    rows,
    upload,
    uploaded,
)
from tests.files import BOUNDARY, FORM, PNG, form, pdf
from tests.live import Answer, LiveServer, wait_until

PLAIN = {"Content-Type": "text/plain"}
STATES = {"Unknown": 0, "Starting": 0, "Pending": 0, "Success": 0, "Failed": 0}
NOTHING = {"documents": [], "count": 0, "states": STATES}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """One without a worker: what is sent here waits, and is seen as it came."""
    environ = {
        "PORTICO_WORKER": "off",
        "PORTICO_PROVIDER_OPENAI_API_KEY": "never-used",
        "PORTICO_PROVIDER_OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
        "PORTICO_BODY_LIMIT_BYTES": str(12 * 1024 * 1024),
    }
    with LiveServer(tmp_path_factory.mktemp("documents"), environ) as live:
        yield live


@pytest.fixture(scope="module", autouse=True)
def _database(server: LiveServer) -> Iterator[None]:
    yield
    close_rows()


@pytest.fixture(scope="module")
def profile(server: LiveServer) -> str:
    return make_profile(server)


@pytest.fixture(scope="module")
def empty(server: LiveServer) -> str:
    """Takes nothing of what these tests send."""
    return make_profile(server)


def send(server: LiveServer, name: str, body: bytes, **headers: str) -> Answer:
    return server.request("POST", at(name, "/document"), body, headers)


def again(server: LiveServer, name: str, document_id: str, body: bytes | None = None, **headers: str) -> Answer:
    return server.request("PUT", at(name, "/document"), body, {"documentId": document_id, **headers})


def got(server: LiveServer, name: str, document_id: str) -> dict[str, Any]:
    answer = server.get(at(name, f"/document/{document_id}"))
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.json()
    return found


def metadata_of(document: dict[str, Any]) -> dict[str, str]:
    return {one["key"]: one["value"] for one in document["metadata"]}


def parts(*given: tuple[str, str, bytes]) -> bytes:
    """A form of parts: name, what follows it in the header (and further headers), content."""
    made = b"".join(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + content + b"\r\n"
        for name, more, content in given
    )
    return made + f"--{BOUNDARY}--\r\n".encode()


def row(server: LiveServer, document_id: str) -> dict[str, Any]:
    (found,) = rows(server, "SELECT * FROM documents WHERE document_id = :id", id=document_id)
    return found


def bytes_of(server: LiveServer, document: dict[str, Any]) -> bytes:
    return Path(server.data_dir / "files" / document["keyName"]).read_bytes()


# sent in every way -----------------------------------------------------------------------------------------------


def test_the_documented_form(server: LiveServer, profile: str) -> None:
    said = {"metadata": {"year": 2024, "quarters": ["q1", "q2"], "final": True}, "provider": "geai", "strategy": "auto"}
    made = uploaded(server, profile, pdf("Leave"), "Annual leave.PDF", **said)
    assert UUID(made["id"]) and (made["name"], made["extension"]) == ("Annual leave", "pdf")
    assert (made["indexStatus"], made["indexDetail"]) == ("Unknown", "")
    assert made["url"].startswith("http") and made["id"] in made["url"]
    assert made["timestamp"].count(":") == 2 and made["timestamp"][-1].isdigit()
    assert isinstance(made["chunks"], str)
    assert metadata_of(made) == {"year": "2024", "quarters": '["q1","q2"]', "final": "true"}
    stored = row(server, made["id"])
    assert stored["metadata"] == said["metadata"]
    assert stored["parameters"] == {"provider": "geai", "strategy": "auto"}
    assert (stored["content_type"], stored["size_bytes"]) == ("application/pdf", len(pdf("Leave")))
    assert bytes_of(server, made) == pdf("Leave")
    found = got(server, profile, made["id"])
    assert {name: found[name] for name in ("id", "name", "metadata", "keyName", "url")} == {
        name: made[name] for name in ("id", "name", "metadata", "keyName", "url")
    }


def test_the_bytes_themselves_with_their_name_in_a_header(server: LiveServer, profile: str) -> None:
    answer = send(server, profile, b"Notes.", filename="notes.txt", **PLAIN)
    assert answer.status == 200
    made = answer.json()
    assert (made["name"], made["extension"], made["metadata"]) == ("notes", "txt", [])
    assert bytes_of(server, made) == b"Notes."


@pytest.mark.parametrize(
    ("sent", "name"), [("niño 日本.txt".encode(), "niño 日本"), ("niño.txt".encode("latin-1"), "niño")]
)
def test_a_name_in_a_header_is_utf8_or_latin1(server: LiveServer, profile: str, sent: bytes, name: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.putrequest("POST", at(profile, "/document"))
    for key, value in (("Authorization", f"Bearer {server.token()}"), ("filename", sent), ("Content-Length", "1")):
        connection.putheader(key, value)
    connection.endheaders(b"x")
    answer = connection.getresponse()
    found = json.loads(answer.read())
    connection.close()
    assert (answer.status, found["name"]) == (200, name)


@pytest.mark.parametrize(
    "declared", ["application/pdf", "text/plain", "application/octet-stream", "multipart/form-data"]
)
def test_a_form_is_known_whatever_its_content_type_says(server: LiveServer, profile: str, declared: str) -> None:
    body = form(b"Words.", "words.txt", metadata='{"type":"test"}')
    answer = send(server, profile, body, **{"Content-Type": declared})
    assert answer.status == 200, answer.body
    made = answer.json()
    assert (made["name"], metadata_of(made), bytes_of(server, made)) == ("words", {"type": "test"}, b"Words.")


def test_a_filename_header_overrides_the_name_of_the_part(server: LiveServer, profile: str) -> None:
    made = uploaded(server, profile, b"Words.", "part.txt", {"filename": "header.md"})
    assert (made["name"], made["extension"]) == ("header", "md")
    assert row(server, made["id"])["content_type"] == "text/markdown"


def test_a_part_with_the_wrong_content_type_is_known_by_its_name_and_bytes(server: LiveServer, profile: str) -> None:
    """The official client says application/pdf of everything, and sends metadata as a part of type JSON."""
    body = parts(
        ("metadata", "\r\nContent-Type: application/json", b'{"type": "test", "year": 2023}'),
        ("file", '; filename="notes.txt"\r\nContent-Type: application/pdf', b"Notes."),
    )
    answer = server.request("POST", at(profile, "/document"), body, FORM)
    assert answer.status == 200, answer.body
    assert metadata_of(answer.json()) == {"type": "test", "year": "2023"}
    assert row(server, answer.json()["id"])["content_type"] == "text/plain"
    picture = uploaded(server, profile, PNG, "scan.pdf")
    assert row(server, picture["id"])["content_type"] == "image/png"


def test_metadata_may_be_a_file_of_its_own(server: LiveServer, profile: str) -> None:
    for order in (0, 1):
        given = [("file", '; filename="a.txt"', b"Words."), ("metadata", '; filename="m.json"', b'{"k": "v"}')]
        answer = server.request("POST", at(profile, "/document"), parts(*(given[order:] + given[:order])), FORM)
        assert answer.status == 200, answer.body
        assert metadata_of(answer.json()) == {"k": "v"}


def test_values_in_quotes_lose_one_pair(server: LiveServer, profile: str) -> None:
    made = uploaded(
        server, profile, provider='"legacy"', startPage='"2"', endPage=" 5 ", metadata='"{"type":"test"}"',
        imagePrompt='""Say ""', STRATEGY="hi_res", model="openai/gpt-4o",
    )  # fmt: skip
    assert metadata_of(made) == {"type": "test"}
    assert row(server, made["id"])["parameters"] == {
        "provider": "legacy", "startPage": 2, "endPage": 5, "imagePrompt": '"Say "', "strategy": "hi_res",
        "model": "openai/gpt-4o",
    }  # fmt: skip


def test_metadata_in_the_shape_of_an_answer_is_understood(server: LiveServer, profile: str) -> None:
    said = [{"key": "year", "value": "2023"}, {"key": "n", "value": 5}]
    made = uploaded(server, profile, metadata=said)
    assert row(server, made["id"])["metadata"] == {"year": "2023", "n": 5}


def test_the_address_in_the_metadata_is_the_address_of_the_document(server: LiveServer, profile: str) -> None:
    made = uploaded(server, profile, metadata={"url": "https://intra.example/leave.pdf", "description": "Leave"})
    assert made["url"] == "https://intra.example/leave.pdf"


def test_the_same_bytes_again_are_another_document(server: LiveServer, profile: str) -> None:
    first, second = uploaded(server, profile), uploaded(server, profile)
    assert first["id"] != second["id"] and first["keyName"] != second["keyName"]
    found = {one["id"] for one in listed(server, profile)["documents"]}
    assert {first["id"], second["id"]} <= found


def test_a_document_is_ordered_to_be_indexed_with_its_row(server: LiveServer) -> None:
    name = make_profile(server)
    made = uploaded(server, name)
    stored = row(server, made["id"])
    assert (stored["revision"], stored["indexed_revision"]) == (1, 0)
    orders = rows(server, "SELECT arguments FROM jobs WHERE arguments->>'document_id' = :id", id=made["id"])
    assert len(orders) == 1
    fixed = rows(server, "SELECT embedding FROM search_profiles WHERE name = :name", name=name)[0]["embedding"]
    assert fixed == {"model": "openai/text-embedding-3-small", "dimensions": None, "inputType": ""}


def test_many_at_once_into_one_profile(server: LiveServer) -> None:
    name = make_profile(server)
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda number: uploaded(server, name, b"x%d" % number, f"{number}.txt"), range(16)))
    found = listed(server, name)
    assert found["count"] == 16 and {one["id"] for one in found["documents"]} == {one["id"] for one in made}


def test_a_document_of_many_megabytes_passes(server: LiveServer, profile: str) -> None:
    """Beyond the ceiling of other bodies: 12 MiB on this server."""
    content = b"words and " * (1_500_000)
    made = uploaded(server, profile, content, "long.txt")
    assert row(server, made["id"])["size_bytes"] == len(content)
    assert server.request("DELETE", at(profile, f"/document/{made['id']}")).status == 200


# listed and read -------------------------------------------------------------------------------------------------


def test_the_list_has_ten_and_counts_all(server: LiveServer) -> None:
    name = make_profile(server)
    made = [uploaded(server, name, b"x", f"{number}.txt")["id"] for number in range(12)]
    newest = made[::-1]
    first = listed(server, name, "")
    assert first["count"] == 12 and [one["id"] for one in first["documents"]] == newest[:10]
    assert set(first["documents"][0]) == {
        "id", "name", "extension", "url", "timestamp", "indexStatus", "indexDetail", "chunks",
    }  # fmt: skip
    assert [one["id"] for one in listed(server, name, "?skip=10&count=5")["documents"]] == newest[10:]
    assert [one["id"] for one in listed(server, name, "?count=999999")["documents"]] == newest
    assert listed(server, name, "?count=0") == {**NOTHING, "count": 12, "states": {**STATES, "Unknown": 12}}


def test_the_states_of_all_are_counted_and_one_can_be_asked_for(server: LiveServer) -> None:
    name = make_profile(server)
    made = [uploaded(server, name, b"x", f"{number}.txt")["id"] for number in range(5)]
    change = "UPDATE documents SET status = :status WHERE document_id = ANY(CAST(:ids AS uuid[])) RETURNING 1"
    for status, ids in (("Failed", made[:2]), ("Success", made[2:3])):
        rows(server, change, status=status, ids=ids)
    states = {**STATES, "Unknown": 2, "Success": 1, "Failed": 2}
    assert listed(server, name)["states"] == states
    failed = listed(server, name, "?indexstatus=failed&count=1")
    assert (failed["count"], failed["states"]) == (2, states)
    assert [(one["id"], one["indexStatus"]) for one in failed["documents"]] == [(made[1], "Failed")]
    assert listed(server, name, "?indexStatus=Pending")["documents"] == []


@pytest.mark.parametrize("query", ["skip=-1", "skip=x", "count=1.5", "count=99999999999", "indexStatus=Lost"])
def test_a_page_that_cannot_be_is_refused(server: LiveServer, profile: str, query: str) -> None:
    refused(server.get(at(profile, f"/documents?{query}")), 400, 8, query.partition("=")[0])


def test_ids_that_are_none_and_ids_of_nobody(server: LiveServer, profile: str) -> None:
    for method in ("GET", "DELETE"):
        refused(server.request(method, at(profile, "/document/not-an-id")), 400, 2022, "Invalid DocumentId")
        refused(server.request(method, at(profile, f"/document/{NOBODY}")), 404, 2021, "Document Not Found")
        refused(server.request(method, at("nobody", f"/document/{NOBODY}")), 404, 1010)
    other = make_profile(server)
    theirs = uploaded(server, other)["id"]
    refused(server.get(at(profile, f"/document/{theirs}")), 404, 2021)


# refused ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "headers", "number", "words"),
    [
        (b"words", PLAIN, 2025, "Document Name Not Provided"),
        (form(b"words", None), FORM, 2025, "Document Name Not Provided"),
        (form(b"words", "tool.exe"), FORM, 2027, "Document Extension Invalid: exe"),
        (form(b"words", "noextension"), FORM, 2027, "Document Extension Invalid"),
        (b"words", {"filename": "tool.exe"}, 2027, "Document Extension Invalid"),
        (form(b"", "empty.txt"), FORM, 2028, "Invalid File Size"),
        (b"", {"filename": "empty.txt"}, 2028, "Invalid File Size"),
        (parts(("metadata", "", b"{}")), FORM, 9, "file"),
        (parts(("file", '; filename="a.txt"', b"x"), ("other", '; filename="b.txt"', b"x")), FORM, 20, "two files"),
        (form(b"words", "a.txt")[:-10], FORM, 20, "form"),
        (form(b"words", "a.txt", metadata="{"), FORM, 2023, "metadata"),
        (form(b"words", "a.txt", metadata="5"), FORM, 2023, "metadata"),
        (form(b"words", "a.txt", metadata="[1]"), FORM, 2023, "metadata"),
        (form(b"words", "a.txt", metadata='{"a":{"b":1}}'), FORM, 2023, "metadata.a"),
        (form(b"words", "a.txt", metadata='{"a":[[1]]}'), FORM, 2023, "metadata.a"),
        (form(b"words", "a.txt", metadata='{"a":1' + "0" * 30 + "}"), FORM, 2023, "metadata.a"),
        (form(b"words", "a.txt", metadata='{"":1}'), FORM, 2023, "key"),
        (form(b"words", "a.txt", metadata=json.dumps({"a": "x" * 200_000})), FORM, 2023, "metadata"),
        (form(b"words", "a.txt", metadata="[" * 5000), FORM, 2023, "metadata"),
        (form(b"words", "a.txt", provider="nobody"), FORM, 11, "provider"),
        (form(b"words", "a.txt", startPage="first"), FORM, 11, "startPage"),
        (form(b"words", "a.txt", startPage="-1"), FORM, 11, "startPage"),
        (form(b"words", "a.txt", startPage="5", endPage="2"), FORM, 8, "endPage"),
        (form(b"words", "a.txt", strategy="best"), FORM, 11, "strategy"),
        (form(b"words", "a.txt", whisperModel="huge"), FORM, 11, "whisperModel"),
        (form(b"words", "a.txt", dpi="1e99"), FORM, 11, "dpi"),
        (form(b"words", "a.txt", imagePrompt="x" * 300_000), FORM, 20, "field of the form"),
    ],
)
def test_what_cannot_be_taken_is_refused_and_leaves_nothing(
    server: LiveServer, empty: str, body: bytes, headers: dict[str, str], number: int, words: str
) -> None:
    refused(send(server, empty, body, **headers), 400, number, words)
    assert listed(server, empty) == NOTHING
    known = {one["blob"] for table in ("documents", "files") for one in rows(server, f"SELECT blob FROM {table}")}
    assert {one.partition(".")[0] for one in blobs_of(server)} <= known
    fixed = rows(server, "SELECT embedding FROM search_profiles WHERE name = :name", name=empty)[0]["embedding"]
    assert fixed is None


def blobs_of(server: LiveServer) -> set[str]:
    """Keys of whole ones; what an upload or a worker is writing has another name."""
    root = server.data_dir / "files"
    found = (str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
    return {one for one in found if is_key(one)}


def test_a_file_in_another_field_of_the_form_is_one_too(server: LiveServer, profile: str) -> None:
    answer = server.request("POST", at(profile, "/document"), form(b"words", "a.txt", field="document"), FORM)
    assert (answer.status, answer.json()["name"]) == (200, "a")


def test_a_profile_that_is_not_there_takes_nothing(server: LiveServer) -> None:
    refused(upload(server, "nobody"), 404, 1010)
    refused(again(server, "nobody", NOBODY), 404, 1010)
    refused(server.request("PUT", at("nobody", "/documents")), 404, 1010)
    refused(server.request("DELETE", at("nobody", "/documents")), 404, 1010)


def test_odd_names_and_values_are_stored_as_what_can_be(server: LiveServer, profile: str) -> None:
    made = uploaded(server, profile, b"x", "..\\..\\secret/../na\\me.txt", metadata='{"a\\u0000b": "v\\u0000w"}')
    assert (made["name"], made["extension"]) == ("me", "txt")
    assert metadata_of(made) == {"ab": "vw"}


# ordered again ---------------------------------------------------------------------------------------------------


def test_metadata_alone_is_replaced_and_the_bytes_stay(server: LiveServer, profile: str) -> None:
    made = uploaded(server, profile, metadata={"year": 2024, "old": 1}, startPage="2")
    answer = again(server, profile, made["id"], parts(("metadata", "", b'{"year":2025}')), **FORM)
    assert answer.status == 200, answer.body
    found = answer.json()
    assert (found["id"], found["indexStatus"], metadata_of(found)) == (made["id"], "Unknown", {"year": "2025"})
    assert found["keyName"] == made["keyName"]
    stored = row(server, made["id"])
    assert (stored["revision"], stored["parameters"]) == (2, {"startPage": 2})


def test_without_a_body_everything_stays_and_an_empty_object_clears(server: LiveServer, profile: str) -> None:
    made = uploaded(server, profile, metadata={"year": 2024})
    assert metadata_of(again(server, profile, made["id"]).json()) == {"year": "2024"}
    cleared = again(server, profile, made["id"], parts(("metadata", "", b"{}")), **FORM)
    assert cleared.json()["metadata"] == []
    assert row(server, made["id"])["revision"] == 3


def test_another_file_replaces_content_and_name(server: LiveServer, profile: str) -> None:
    made = uploaded(server, profile, metadata={"year": 2024})
    found = again(server, profile, made["id"], form(b"Five days.", "new.md", endPage="3"), **FORM).json()
    assert (found["name"], found["extension"], metadata_of(found)) == ("new", "md", {"year": "2024"})
    assert bytes_of(server, found) == b"Five days." and found["keyName"] != made["keyName"]
    assert not (server.data_dir / "files" / made["keyName"]).exists()
    assert row(server, made["id"])["parameters"] == {"endPage": 3}


def test_an_order_that_cannot_be_changes_nothing(server: LiveServer, profile: str) -> None:
    made = uploaded(server, profile)
    refused(server.request("PUT", at(profile, "/document")), 400, 2022, "documentId")
    refused(again(server, profile, "x"), 400, 2022)
    refused(again(server, profile, NOBODY), 404, 2021)
    refused(again(server, profile, made["id"], form(b"x", "a.exe"), **FORM), 400, 2027)
    refused(again(server, profile, made["id"], form(b"", "a.txt"), **FORM), 400, 2028)
    refused(again(server, profile, made["id"], parts(("metadata", "", b"no")), **FORM), 400, 2023)
    refused(again(server, profile, made["id"], b"raw bytes"), 400, 2025)
    assert row(server, made["id"])["revision"] == 1 and bytes_of(server, made) == b"Four days of leave."


def test_all_are_ordered_again_and_then_another_embedding_comes_into_force(server: LiveServer) -> None:
    name = make_profile(server)
    assert server.request("PUT", at(name, "/documents")).json() == {}
    ids = [uploaded(server, name, b"x", f"{number}.txt")["id"] for number in range(3)]
    query = "SELECT embedding->>'model' AS model FROM search_profiles WHERE name = :name"
    local = {"provider": "local", "modelName": "all-minilm-l6-v2"}
    assert change(server, name, searchOptions={"embeddings": local}).status == 200
    assert rows(server, query, name=name) == [{"model": "openai/text-embedding-3-small"}]
    assert server.request("PUT", at(name, "/documents")).json() == {}
    assert {row(server, one)["revision"] for one in ids} == {2}
    assert rows(server, query, name=name) == [{"model": "local/all-minilm-l6-v2"}]


# deleted ---------------------------------------------------------------------------------------------------------


def test_one_is_deleted_with_its_bytes(server: LiveServer, profile: str) -> None:
    made, other = uploaded(server, profile), uploaded(server, profile)
    assert server.request("DELETE", at(profile, f"/document/{made['id']}")).json() == {}
    refused(server.get(at(profile, f"/document/{made['id']}")), 404, 2021)
    refused(server.request("DELETE", at(profile, f"/document/{made['id']}")), 404, 2021)
    assert not (server.data_dir / "files" / made["keyName"]).exists()
    assert got(server, profile, other["id"])["id"] == other["id"]


def test_all_are_deleted_and_the_next_one_decides_on_the_embedding_anew(server: LiveServer) -> None:
    name = make_profile(server)
    made = [uploaded(server, name) for _ in range(3)]
    local = {"provider": "local", "modelName": "all-minilm-l6-v2"}
    change(server, name, searchOptions={"embeddings": local})
    assert server.request("DELETE", at(name, "/documents")).json() == {}
    assert listed(server, name) == NOTHING
    assert not any((server.data_dir / "files" / one["keyName"]).exists() for one in made)
    assert server.request("DELETE", at(name, "/documents")).json() == {}
    uploaded(server, name)
    (found,) = rows(server, "SELECT embedding FROM search_profiles WHERE name = :name", name=name)
    assert found["embedding"]["model"] == "local/all-minilm-l6-v2"


def test_a_project_takes_its_documents_with_it(server: LiveServer) -> None:
    owner = server.token("organization")
    project = server.post("/v1/organization/project", {"name": new_name()}, token=owner).json()
    token = project["tokens"][0]["id"]
    wait_until(lambda: server.get(f"{ROOT}/profiles", token=token).status == 200, "the token is known")
    assert create(server, "One", token=token).status == 200
    answer = server.request("POST", at("One", "/document"), form(b"x", "a.txt"), FORM, token=token)
    assert answer.status == 200, answer.body
    gone = server.request("DELETE", f"/v1/organization/project/{project['projectId']}", token=owner).json()
    assert (gone["removed"]["documents"], gone["removed"]["searchProfiles"]) == (1, 2)
    left = "SELECT * FROM {} WHERE project_id = CAST(:project AS uuid)"
    for table in ("documents", "search_profiles", "jobs"):
        assert rows(server, left.format(table), project=project["projectId"]) == []


# while they come -------------------------------------------------------------------------------------------------


def test_a_profile_that_goes_while_the_bytes_come_takes_nothing(server: LiveServer) -> None:
    name = make_profile(server)
    body = form(b"x" * 200_000, "a.txt")
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.putrequest("POST", at(name, "/document"))
    connection.putheader("Authorization", f"Bearer {server.token()}")
    connection.putheader("Content-Type", FORM["Content-Type"])
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body[:100_000])
    gone = threading.Thread(target=lambda: server.request("DELETE", at(name)))
    gone.start()
    gone.join()
    connection.send(body[100_000:])
    answer = connection.getresponse()
    said = json.loads(answer.read())
    connection.close()
    assert (answer.status, said["errors"][0]["id"]) == (404, 1010)


def test_uploads_are_in_the_audit_log(server: LiveServer, profile: str) -> None:
    stem = uuid4().hex
    made = uploaded(server, profile, b"x", f"{stem}.txt")
    again(server, profile, made["id"])
    server.request("DELETE", at(profile, f"/document/{made['id']}"))
    found = server.get("/v1/audit?count=50", token=server.token("organization")).json()["entries"]
    assert sorted(one["action"] for one in found if stem in str(one)) == ["create", "delete", "update"]
