"""`/v1/files` through the door: every call, every refusal, and what happens to a file on its way."""

from __future__ import annotations

import base64
import http.client
import json
import secrets
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from tests.api.assistant_house import make_assistant, new_name, sent_to
from tests.files import BOUNDARY, FORM, PNG, docx, form, pdf
from tests.live import Answer, LiveServer, wait_until
from tests.upstream import Upstream

UNKNOWN = "5b1d2f8e-0000-4000-8000-000000000002"


def new_folder() -> str:
    return f"folder-{secrets.token_hex(4)}"


def upload(server: LiveServer, content: bytes = b"words", filename: str = "contract.txt", **headers: str) -> Answer:
    return server.request("POST", "/v1/files", form(content, filename), {**FORM, **headers})


def uploaded(server: LiveServer, content: bytes = b"words", filename: str = "contract.txt", **headers: str) -> str:
    answer = upload(server, content, filename, **{"folder": new_folder(), **headers})
    assert answer.status == 200, answer.body
    return str(answer.json()["dataFileId"])


def refused(answer: Answer) -> tuple[int, int]:
    return answer.status, answer.json()["errors"][0]["id"]


@pytest.fixture(scope="module")
def ids(server: LiveServer) -> tuple[str, str]:
    found = server.get("/v1/accessControl/apitoken/validate").json()
    return found["organizationId"], found["projectId"]


def blobs_of(server: LiveServer) -> list[Path]:
    return [path for path in (server.data_dir / "files").rglob("*") if path.is_file()]


# the five calls -------------------------------------------------------------------------------------------------


def test_the_sample_of_the_reference(server: LiveServer, ids: tuple[str, str]) -> None:
    folder = new_folder()
    names = {"organizationId": ids[0], "projectId": ids[1], "fileName": "contract", "folder": folder}
    answer = upload(server, pdf("Words"), "contract.pdf", **names)
    assert answer.status == 200
    made = answer.json()
    assert set(made) == {"dataFileId", "dataFileUrl", "success"} and made["success"] is True

    query = f"organization={ids[0]}&project={ids[1]}"
    data = server.get(f"/v1/files/{made['dataFileId']}?{query}").json()
    assert (data["dataFileName"], data["dataFileExtension"]) == ("contract", "pdf")
    assert data["dataFileSize"] == len(pdf("Words")) and data["dataFilePurpose"] == ""
    assert (data["organizationId"], data["projectId"], data["success"]) == (*ids, True)

    listed = server.get(f"/v1/files/all?{query}&folder={folder}").json()["dataFiles"]
    assert [(one["DataFileId"], one["DataFileName"], one["DataFileSize"]) for one in listed] == [
        (made["dataFileId"], "contract", len(pdf("Words")))
    ]
    assert server.request("DELETE", f"/v1/files/{made['dataFileId']}?{query}").json() == {"success": True}
    assert refused(server.request("DELETE", f"/v1/files/{made['dataFileId']}?{query}")) == (404, 2021)


def test_the_url_of_a_file_gives_its_bytes(server: LiveServer) -> None:
    url = urlsplit(upload(server, b"\0\1words", "a.bin").json()["dataFileUrl"])
    assert url.netloc == f"127.0.0.1:{server.port}"
    answer = server.get(f"{url.path}?{url.query}")
    assert answer.body == b"\0\1words"
    assert refused(server.get(f"{url.path}?{url.query}", token=None)) == (401, 401)


@pytest.mark.parametrize(
    ("content", "filename", "said"),
    [
        ("niño 日本".encode(), "a.txt", {"content": "niño 日本", "encoding": "text"}),
        (PNG, "a.png", {"content": base64.b64encode(PNG).decode(), "encoding": "base64"}),
        (b"\xff\xfe", "a.txt", {"content": "//4=", "encoding": "base64"}),
    ],
)
def test_content_is_text_or_base64(server: LiveServer, content: bytes, filename: str, said: dict[str, str]) -> None:
    file_id = uploaded(server, content, filename)
    for headers in ({}, {"Accept": "*/*"}, {"Accept": "application/json"}, {"Accept": "text/html, application/json"}):
        assert server.get(f"/v1/files/{file_id}/content", headers).json() == said


@pytest.mark.parametrize(
    "headers",
    [{"Accept": "application/octet-stream"}, {"Accept": "*/*", "User-Agent": "python-requests/2.34.2"}],
)
def test_content_is_bytes_for_who_asks(server: LiveServer, headers: dict[str, str]) -> None:
    answer = server.get(f"/v1/files/{uploaded(server, PNG, 'ä b.png')}/content", headers)
    assert (answer.status, answer.body) == (200, PNG)
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-length"] == str(len(PNG))
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"] == "attachment; filename=\"_ b.png\"; filename*=UTF-8''%C3%A4%20b.png"


@pytest.mark.parametrize(
    ("asked", "status", "body", "told"),
    [
        ("bytes=0-3", 206, b"0123", "bytes 0-3/10"),
        ("bytes=8-", 206, b"89", "bytes 8-9/10"),
        ("bytes=-3", 206, b"789", "bytes 7-9/10"),
        ("bytes=5-99", 206, b"56789", "bytes 5-9/10"),
        ("bytes=0-1,4-5", 200, b"0123456789", None),
        ("lines=1-2", 200, b"0123456789", None),
        ("bytes=10-", 416, None, "bytes */10"),
        ("bytes=4-2", 416, None, "bytes */10"),
    ],
)
def test_a_range(server: LiveServer, asked: str, status: int, body: bytes | None, told: str | None) -> None:
    file_id = uploaded(server, b"0123456789", "a.bin")
    answer = server.get(f"/v1/files/{file_id}/content", {"Range": asked})
    assert (answer.status, answer.headers.get("content-range")) == (status, told)
    assert body is None or answer.body == body


def test_the_same_name_in_the_same_folder_keeps_the_id(server: LiveServer) -> None:
    folder, before = new_folder(), len(blobs_of(server))
    first = uploaded(server, b"one", folder=folder)
    assert uploaded(server, b"two, longer", folder=folder) == first
    assert uploaded(server, b"elsewhere", folder=new_folder()) != first
    assert server.get(f"/v1/files/{first}/content").json()["content"] == "two, longer"
    assert len(blobs_of(server)) == before + 2, "the bytes of the first content are still there"


def test_uploads_of_one_name_at_once_leave_one_file(server: LiveServer) -> None:
    folder = new_folder()
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda n: uploaded(server, b"%d" % n * 1000, folder=folder), range(12)))
    assert len(set(made)) == 1
    listed = server.get(f"/v1/files/all?folder={folder}").json()["dataFiles"]
    assert [one["DataFileId"] for one in listed] == [made[0]]


def test_a_list_has_pages(server: LiveServer) -> None:
    folder = new_folder()
    made = [uploaded(server, b"x", f"{number}.txt", folder=folder) for number in range(5)]
    pages = [server.get(f"/v1/files/all?folder={folder}&count=2&skip={skip}").json()["dataFiles"] for skip in (0, 2, 4)]
    assert [one["DataFileId"] for page in pages for one in page] == made[::-1]
    assert refused(server.get("/v1/files/all?count=x")) == (400, 8)


# names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("filename", "header", "name", "extension"),
    [
        ("contract.pdf", None, "contract", "pdf"),
        ("contract.pdf", "lease", "lease", "pdf"),
        ("contract.pdf", "lease.pdf", "lease", "pdf"),
        ("contract.pdf", "minutes v1.2", "minutes v1.2", "pdf"),
        ("x", "notes.md", "notes", "md"),
        ("../../etc/passwd", None, "passwd", ""),
        ("C:\\\\temp\\\\a.txt", None, "a", "txt"),
        ("niño 日本 🙂.txt", None, "niño 日本 🙂", "txt"),
        (".env", None, ".env", ""),
        ("a.tar.gz", None, "a.tar", "gz"),
    ],
)
def test_names(server: LiveServer, filename: str, header: str | None, name: str, extension: str) -> None:
    file_id = uploaded(server, b"words", filename, **({"fileName": header} if header else {}))
    data = server.get(f"/v1/files/{file_id}").json()
    assert (data["dataFileName"], data["dataFileExtension"]) == (name, extension)


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_a_name_in_a_header_of_either_encoding(server: LiveServer, encoding: str) -> None:
    header = "niño".encode(encoding).decode("latin-1")
    data = server.get(f"/v1/files/{uploaded(server, filename='a.txt', fileName=header)}").json()
    assert data["dataFileName"] == "niño"


def test_fields_of_the_form_and_the_query_say_names_too(server: LiveServer) -> None:
    folder = new_folder()
    answer = server.request("POST", "/v1/files", form(b"x", "a.txt", fileName="niño", folder=folder), FORM)
    data = server.get(f"/v1/files/{answer.json()['dataFileId']}").json()
    assert (data["dataFileName"], data["folder"]) == ("niño", folder)
    answer = server.request("POST", f"/v1/files?fileName={quote('día.txt')}&folder={folder}", b"raw body", {})
    data = server.get(f"/v1/files/{answer.json()['dataFileId']}").json()
    assert (data["dataFileName"], data["dataFileExtension"], data["dataFileSize"]) == ("día", "txt", 8)


@pytest.mark.parametrize(
    ("filename", "content", "declared", "content_type"),
    [
        ("a.pdf", b"%PDF-1.4", "", "application/pdf"),
        ("a", b"plain words", "", "text/plain"),
        ("a", b"\0\1\2", "", "application/octet-stream"),
        ("a.md", b"# x", "application/octet-stream", "text/markdown"),
        ("a.jpg", PNG, "image/jpeg", "image/png"),
        ("a", b"\0\1", "application/x-odd", "application/x-odd"),
        ("a", b"\0\1", "text/html\r\nX-Evil: 1", "text/html"),
    ],
)
def test_the_content_type_is_found(
    server: LiveServer, filename: str, content: bytes, declared: str, content_type: str
) -> None:
    body = form(content, filename)
    if declared:
        body = body.replace(b"\r\n\r\n", f"\r\nContent-Type: {declared}\r\n\r\n".encode(), 1)
    made = server.request("POST", "/v1/files", body, {**FORM, "folder": new_folder()}).json()
    assert server.get(f"/v1/files/{made['dataFileId']}").json()["contentType"] == content_type


def test_a_file_without_a_folder_is_temporary(server: LiveServer) -> None:
    data = server.get(f"/v1/files/{upload(server).json()['dataFileId']}").json()
    assert data["folder"] == ""
    kept = time.mktime(time.strptime(data["expiresAt"], "%Y-%m-%dT%H:%M:%S"))
    made = time.mktime(time.strptime(data["updatedAt"], "%Y-%m-%dT%H:%M:%S"))
    assert abs(kept - made - 24 * 3600) <= 2
    assert "expiresAt" not in server.get(f"/v1/files/{uploaded(server)}").json()


# refusals -------------------------------------------------------------------------------------------------------


def test_2025_without_a_name(server: LiveServer) -> None:
    for filename in (None, "", "/", ".."):
        assert refused(server.request("POST", "/v1/files", form(b"x", filename), FORM)) == (400, 2025)
    assert refused(server.request("POST", "/v1/files", b"raw", {})) == (400, 2025)


def test_2028_an_empty_file(server: LiveServer) -> None:
    assert refused(upload(server, b"")) == (400, 2028)


def test_2021_an_unknown_file(server: LiveServer) -> None:
    for path in (UNKNOWN, "nope", "a%20b", f"{UNKNOWN}/content"):
        assert refused(server.get(f"/v1/files/{path}")) == (404, 2021)
    assert refused(server.request("DELETE", "/v1/files/nope")) == (404, 2021)


@pytest.mark.parametrize("folder", ["../up", "a//b", "a/./b", "back\\slash", "x" * 300])
def test_11_and_8_a_bad_folder(server: LiveServer, folder: str) -> None:
    assert refused(upload(server, folder=folder)) in ((400, 11), (400, 8))


def test_2001_and_2006_organization_or_project_of_somebody_else(server: LiveServer, ids: tuple[str, str]) -> None:
    file_id = uploaded(server)
    for path in (f"/v1/files/{file_id}", "/v1/files/all", f"/v1/files/{file_id}/content"):
        assert refused(server.get(f"{path}?organization={UNKNOWN}&project={ids[1]}")) == (400, 2001)
        assert refused(server.get(f"{path}?organization=x&project={ids[1]}")) == (400, 2001)
        assert refused(server.get(f"{path}?organization={ids[0]}&project={UNKNOWN}")) == (404, 2006)
        assert refused(server.get(f"{path}?organization={ids[0]}&project=x")) == (404, 2006)
    assert refused(upload(server, organizationId=UNKNOWN)) == (400, 2001)
    assert refused(upload(server, projectId=UNKNOWN)) == (403, 2006)


def test_a_token_of_the_organization_says_which_project(server: LiveServer, ids: tuple[str, str]) -> None:
    token, file_id = server.token("organization"), uploaded(server)
    assert refused(server.get(f"/v1/files/{file_id}", token=token)) == (400, 9)
    assert refused(server.get(f"/v1/files/{file_id}?project={UNKNOWN}", token=token)) == (404, 2006)
    for path, headers in ((f"?organization={ids[0]}&project={ids[1]}", {}), ("", {"project-id": ids[1]})):
        assert server.get(f"/v1/files/{file_id}{path}", headers, token=token).status == 200


def test_the_empty_query_of_a_client_is_absent(server: LiveServer) -> None:
    assert server.get(f"/v1/files/{uploaded(server)}?organization=&project=").status == 200


def test_what_was_done_is_in_the_audit_log(server: LiveServer) -> None:
    file_id = uploaded(server, folder=(folder := new_folder()))
    assert uploaded(server, b"again", folder=folder) == file_id
    server.request("DELETE", f"/v1/files/{file_id}")
    entries = json.dumps(server.get("/v1/audit", token=server.token("organization")).json())
    assert entries.count(file_id) == 3


# bad bodies -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "id"),
    [
        (form(b"words")[:-20], 20),
        (b"", 20),
        (b"no form at all", 20),
        (form(b"words").replace(b'name="file"; filename="contract.pdf"', b'name="other"'), 9),
        (form(b"one")[: -len(BOUNDARY) - 8] + b"\r\n" + form(b"two"), 20),
        (form(b"words").replace(b"\r\n\r\n", b"\r\nX-Long: " + b"a" * 20_000 + b"\r\n\r\n", 1), 20),
        (form(b"words").replace(b"\r\n\r\n", b"\r\nX: 1" * 30 + b"\r\n\r\n", 1), 20),
        (form(b"words", folder="x" * 5000), 20),
        (form(b"words").replace(b"form-data", b"attachment"), 20),
    ],
)
def test_a_bad_form_is_refused_and_leaves_nothing(server: LiveServer, body: bytes, id: int) -> None:
    before = blobs_of(server)
    assert refused(server.request("POST", "/v1/files", body, {**FORM, "folder": "x"})) == (400, id)
    assert blobs_of(server) == before


def test_a_form_without_a_boundary(server: LiveServer) -> None:
    assert refused(server.request("POST", "/v1/files", b"x", {"Content-Type": "multipart/form-data"})) == (400, 20)


def test_a_form_in_single_bytes_is_read(server: LiveServer) -> None:
    body = form(b"\r\n--a-boundar\r\nwords\r\n--")
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    headers = {"Authorization": f"Bearer {server.token()}", **FORM, "folder": new_folder()}
    connection.request("POST", "/v1/files", (body[i : i + 1] for i in range(len(body))), headers, encode_chunked=True)
    made = json.loads(connection.getresponse().read())
    connection.close()
    raw = server.get(f"/v1/files/{made['dataFileId']}/content?format=raw").body
    assert raw == b"\r\n--a-boundar\r\nwords\r\n--"


def test_a_client_that_leaves_in_the_middle_leaves_nothing(server: LiveServer) -> None:
    before = blobs_of(server)
    body = form(b"x" * 4_000_000)
    head = (
        f"POST /v1/files HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.token()}\r\nfolder: x\r\n"
        f"Content-Type: {FORM['Content-Type']}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(head.encode() + body[:3_000_000])
        wait_until(lambda: len(blobs_of(server)) == len(before) + 1, "the upload has begun")
    wait_until(lambda: blobs_of(server) == before, "the half of a file is gone")


# a server with small limits -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    environ = {
        "PORTICO_LOCAL_MODELS": "false",
        "PORTICO_FILES_LIMIT_BYTES": "100000",
        "PORTICO_BODY_LIMIT_BYTES": "20000",
        "PORTICO_FILES_TEMPORARY_S": "1",
        "PORTICO_PROVIDER_OPENAI_API_KEY": "never-used",
        "PORTICO_PROVIDER_OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
    }
    with LiveServer(tmp_path_factory.mktemp("small"), environ) as live:
        yield live


def test_413_a_file_over_the_limit(small: LiveServer) -> None:
    assert upload(small, b"x" * 100_000).status == 200, "the ordinary limit of bodies is none for files"
    assert refused(upload(small, b"x" * 100_001)) == (413, 413)
    assert refused(upload(small, b"x" * 1_000_000)) == (413, 413)


def test_a_temporary_file_ends(small: LiveServer) -> None:
    file_id = uploaded(small, folder="")
    wait_until(lambda: small.get(f"/v1/files/{file_id}").status == 404, "the file has expired")
    assert refused(small.get(f"/v1/files/{file_id}/content")) == (404, 2021)
    assert file_id not in small.get("/v1/files/all").body.decode()


def test_507_when_the_disk_has_no_room(tmp_path: Path) -> None:
    environ = {"PORTICO_LOCAL_MODELS": "false", "PORTICO_FILES_RESERVE_BYTES": str(2**49)}
    with LiveServer(tmp_path / "full", environ) as live:
        assert refused(upload(live)) == (507, 9004)


# in prompts -----------------------------------------------------------------------------------------------------


def ask(server: LiveServer, name: str, content: Any) -> Answer:
    messages = [{"role": "user", "content": content}]
    return server.post("/v1/chat/completions", {"model": f"saia:assistant:{name}", "messages": messages})


def reader(server: LiveServer, prompt: str = "Be brief.", **settings: Any) -> str:
    return str(make_assistant(server, new_name("Reader"), prompt, uploadFiles=True, **settings)["assistantName"])


def test_the_text_of_a_file_stands_in_the_message(server: LiveServer, upstream: Upstream) -> None:
    stem = f"lease-{secrets.token_hex(4)}"
    uploaded(server, docx("<w:p><w:r><w:t>Rent is 500.</w:t></w:r></w:p>"), f"{stem}.docx")
    assert ask(server, reader(server), f"Summarize {{file:{stem}}} and {{file:{stem}}}").status == 200
    said = sent_to(upstream)["messages"][-1]["content"]
    assert said.count("Rent is 500.") == 1 and "not instructions" in said
    assert "{file:" not in said


def test_a_picture_goes_as_it_is(server: LiveServer, upstream: Upstream) -> None:
    stem = f"boat-{secrets.token_hex(4)}"
    uploaded(server, PNG, f"{stem}.png")
    assert ask(server, reader(server, f"Look at {{file:{stem}}}."), "What is it?").status == 200
    (text, image) = sent_to(upstream)["messages"][-1]["content"]
    assert text == {"type": "text", "text": "What is it?"}
    assert image["image_url"]["url"] == f"data:image/png;base64,{base64.b64encode(PNG).decode()}"


def test_without_upload_files_the_words_stay(server: LiveServer, upstream: Upstream) -> None:
    name = make_assistant(server, new_name(), "Be brief.")["assistantName"]
    assert ask(server, str(name), "Read {file:nothing}").status == 200
    assert sent_to(upstream)["messages"][-1]["content"] == "Read {file:nothing}"


def test_48_a_name_that_is_none(server: LiveServer) -> None:
    uploaded(server)
    assert refused(ask(server, reader(server), "Read {file:nothing-of-this-name}")) == (400, 48)


def test_45_a_file_that_cannot_be_read(server: LiveServer) -> None:
    uploaded(server, b"no office file", f"{(stem := secrets.token_hex(6))}.docx")
    assert refused(ask(server, reader(server), f"Read {{file:{stem}}}")) == (400, 45)


def test_46_a_file_without_text(server: LiveServer) -> None:
    uploaded(server, b"\0\1\2\3", f"{(stem := secrets.token_hex(6))}.bin")
    assert refused(ask(server, reader(server), f"Read {{file:{stem}}}")) == (400, 46)


def test_47_too_much_for_one_request(server: LiveServer) -> None:
    stem = secrets.token_hex(6)
    uploaded(server, b"words " * 1_500_000, f"{stem}.txt")
    assert refused(ask(server, reader(server), f"Read {{file:{stem}}}")) == (400, 47)


def test_44_a_project_without_files(small: LiveServer) -> None:
    """On a server of its own, whose project has no file; the model is never reached."""
    listed = small.get("/v1/files/all").json()["dataFiles"]
    for one in listed:
        small.request("DELETE", f"/v1/files/{one['DataFileId']}")
    name = reader(small)
    for text in ("Read {file:x}", "Read {file:*}"):
        assert refused(ask(small, name, text)) == (400, 44)
