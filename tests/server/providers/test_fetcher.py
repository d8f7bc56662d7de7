"""Files from addresses that callers name: what is fetched, and what never is."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from portico.server.errors import ContentUnreadable, FileTooLarge, PorticoError
from portico.server.kit.drive import Drive, run
from portico.server.providers.fetcher import REDIRECTS, Fetcher
from portico.wire.requests import File

pytestmark = pytest.mark.anyio
LIMIT = 100_000
PNG = b"\x89PNG\r\n\x1a\n...."
Answer = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]


def answer(body: bytes = PNG, status: str = "200 OK", **headers: str) -> bytes:
    """An HTTP answer; underscores in header names become hyphens."""
    told = {"content-type": "image/png", "content-length": str(len(body)), **headers}
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in told.items())
    return f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + body


def moved(url: str, status: int = 302) -> bytes:
    return answer(b"", f"{status} Moved", location=url)


@dataclass
class Host:
    """Answers by path; `asked` holds the heads of the requests, `reader` what the last client sends behind its own."""

    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    reader: asyncio.StreamReader | None = None
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.asked.append(head)
            found = self.answers.get(head.split()[1], answer())
            if isinstance(found, bytes):
                writer.write(found)
                await writer.drain()
            else:
                await found(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    def url(self, path: str = "/a.png", name: str = "127.0.0.1") -> str:
        return f"http://{name}:{self.port}{path}"


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """Python's own loop, whose looking up of names can be replaced; the door is tested on the other one."""
    return "asyncio", {"use_uvloop": False}


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    made = Host()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()
    await server.wait_closed()


Names = dict[str, list[str]]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> tuple[Names, list[str]]:
    """Names of our own, and every name that was looked up."""
    known: Names = {}
    seen: list[str] = []
    real = socket.getaddrinfo

    def look_up(name: str, port: int, *rest: Any, **more: Any) -> Any:
        seen.append(name)
        if name not in known:
            return real(name, port, *rest, **more)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in known[name]]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return known, seen


def fetcher(allowed: str = "127.0.0.1", *, limit_bytes: int = LIMIT, timeout_s: float = 60.0) -> Fetcher:
    return Fetcher(allowed=allowed, limit_bytes=limit_bytes, timeout_s=timeout_s)


async def refused(fetching: Fetcher, url: str, cls: type[PorticoError] = ContentUnreadable) -> str:
    with pytest.raises(cls) as raised:
        await fetching.fetch(url)
    assert raised.value.status == 400 and raised.value.id == (45 if cls is ContentUnreadable else 47)
    return raised.value.message


# what is fetched ------------------------------------------------------------------------------------------------


async def test_hc25_a_file_with_its_type_and_name(host: Host) -> None:
    host.answers["/a/b.png?x=1"] = answer(content_type="Image/PNG; charset=x")
    assert await fetcher().fetch(host.url("/a/b.png?x=1#part")) == File(PNG, "image/png", "b.png")
    (head,) = host.asked
    assert head.startswith("GET /a/b.png?x=1 HTTP/1.1\r\n")
    sent = {line.partition(":")[0] for line in head.splitlines()[1:] if line}
    assert sent == {"host", "accept", "accept-encoding", "user-agent", "connection"}, "nothing of the caller's"
    assert f"host: 127.0.0.1:{host.port}\r\n" in head and "accept-encoding: identity\r\n" in head


async def test_a_body_in_chunks_and_one_that_ends_with_the_connection(host: Host) -> None:
    chunks = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nabcd\r\n2\r\nef\r\n0\r\n\r\n"
    host.answers = {"/chunks": chunks, "/end": b"HTTP/1.1 200 OK\r\n\r\nabcdef"}
    for path in host.answers:
        assert await fetcher().fetch(host.url(path)) == File(b"abcdef", "application/octet-stream", path[1:])


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed(host: Host, status: int) -> None:
    host.answers["/old"] = moved("/new/b.png", status)
    assert (await fetcher().fetch(host.url("/old"))).name == "b.png"


async def test_a_fetch_may_be_driven(host: Host) -> None:
    assert (await run(fetcher().fetch(host.url()))).data == PNG


async def test_hc16_a_caller_who_leaves_ends_the_fetch(host: Host) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def stall(_: asyncio.StreamWriter) -> None:
        begun.set()
        assert host.reader is not None and await host.reader.read() == b""
        ended.set()

    host.answers["/a.png"] = stall
    gone: list[BaseException | None] = []
    drive = Drive(fetcher().fetch(host.url()), lambda _, error: gone.append(error))
    drive.step()
    await asyncio.wait_for(begun.wait(), 60)
    drive.cancel()
    await asyncio.wait_for(ended.wait(), 60)
    assert [type(error) for error in gone] == [asyncio.CancelledError]


async def test_the_name_is_looked_up_once_and_the_connection_goes_to_what_was_checked(
    host: Host, names: tuple[Names, list[str]]
) -> None:
    known, seen = names
    known["files.example"] = ["127.0.0.1"]
    file = await fetcher("files.example").fetch(host.url(name="files.example"))
    assert file.data == PNG and seen == ["files.example"]
    assert f"host: files.example:{host.port}\r\n" in host.asked[0]


async def test_the_next_address_is_taken_when_the_first_does_not_answer(
    host: Host, names: tuple[Names, list[str]]
) -> None:
    names[0]["files.example"] = ["127.0.0.2", "127.0.0.1"]  # nobody listens at the first
    assert (await fetcher("127.0.0.0/8").fetch(host.url(name="files.example"))).data == PNG


# what lies behind this server -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.0.0.1.", "0",
        "10.0.0.1", "169.254.169.254", "100.64.0.1", "192.168.1.1", "[::1]", "[::]", "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::1]", "[2001:0:4136:e378:8000:63bf:3fff:fdd2]",
        "[fe80::1]", "[fd00::1]", "[fe80::1%25lo]",
    ],
)  # fmt: skip
async def test_no_form_of_a_private_address_is_called(host: Host, name: str) -> None:
    message = await refused(fetcher(""), host.url(name=name))
    assert host.asked == [] and name not in message


async def test_a_name_with_one_private_address_is_refused_whole(host: Host, names: tuple[Names, list[str]]) -> None:
    names[0]["mixed.example"] = ["8.8.8.8", "127.0.0.1"]
    names[0]["inner.example"] = ["127.0.0.1"]
    for name in ("mixed.example", "inner.example"):
        assert "does not fetch from" in await refused(fetcher(""), host.url(name=name))
    assert host.asked == []


@pytest.mark.parametrize(
    "path", ["http://10.0.0.1/x", "http://localhost:{port}/x", "//[::1]:{port}/x", "http://0x7f.1/x"]
)
async def test_a_redirect_does_not_lead_inside(host: Host, path: str, names: tuple[Names, list[str]]) -> None:
    names[0]["files.example"] = ["127.0.0.1"]
    host.answers["/old"] = moved(path.format(port=host.port))
    await refused(fetcher("files.example"), host.url("/old", name="files.example"))
    assert len(host.asked) == 1


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd", "ftp://a.example/x", "gopher://a.example/x", "data:image/png;base64,AA==", "", "x", "http://",
        "http:///x", "http://user@a.example/x", "http://user:word@a.example/x", "http://@a.example/x",
        "http://:word@a.example/x", "http://a.example\\@127.0.0.1/x", "http://bücher.example/x", "http://①②⑦.0.0.1/",
        "http://a.example:99999/x", "http://a.example:x/", "http://[::1/x", "http://a.example/b c", "//a.example/x",
    ],
)  # fmt: skip
async def test_other_addresses_are_refused_before_any_name_is_looked_up(
    url: str, names: tuple[Names, list[str]]
) -> None:
    await refused(fetcher(), url)
    assert names[1] == []


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/x", "http://u:p@127.0.0.1/x"])
async def test_a_redirect_to_another_scheme_is_refused(host: Host, url: str) -> None:
    host.answers["/old"] = moved(url)
    await refused(fetcher(), host.url("/old"))


@pytest.mark.parametrize("path", ["/a\r\nx: y", "/a\n", "/a\tb"])
async def test_an_address_begins_no_header(host: Host, path: str) -> None:
    """Line breaks and tabs are no part of an address: browsers leave them out, and so does the reader."""
    with suppress(ContentUnreadable):
        await fetcher().fetch(host.url(path))
    assert not any("x: y" in head.splitlines() for head in host.asked)
    assert all(head.count("\r\n\r\n") == 1 and "\t" not in head for head in host.asked)


async def test_xn_names_are_looked_up(names: tuple[Names, list[str]], host: Host) -> None:
    names[0]["xn--bcher-kva.example"] = ["127.0.0.1"]
    assert (await fetcher().fetch(host.url(name="xn--bcher-kva.example"))).data == PNG


# bounds ---------------------------------------------------------------------------------------------------------


async def test_a_file_beyond_the_limit_is_refused_by_its_announced_size(host: Host) -> None:
    async def announce(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (LIMIT + 1))
        assert host.reader is not None
        await host.reader.read()  # until the reader of our answer leaves

    host.answers["/a.png"] = announce
    await refused(fetcher(), host.url(), FileTooLarge)


async def test_a_file_beyond_the_limit_is_refused_while_it_comes(host: Host) -> None:
    sent = 0

    async def pour(writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 50_000)
            await writer.drain()
            sent += 50_000

    host.answers["/a.png"] = pour
    await refused(fetcher(), host.url(), FileTooLarge)
    assert sent < 50_000_000, "the connection is closed"


async def test_a_file_of_the_limit_is_fetched(host: Host) -> None:
    host.answers["/a.png"] = answer(b"x" * LIMIT)
    assert len((await fetcher().fetch(host.url())).data) == LIMIT


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "x-gzip", "deflate", "br", "identity, gzip"])
async def test_packed_bodies_are_refused(host: Host, coding: str) -> None:
    """A body of a few bytes may unpack to more than there is room for; none was asked for."""
    host.answers["/a.png"] = answer(gzip.compress(bytes(50_000_000)), content_encoding=coding)
    await refused(fetcher(limit_bytes=10**9), host.url())


async def test_a_body_that_says_it_is_not_packed_is_fetched(host: Host) -> None:
    host.answers["/a.png"] = answer(content_encoding="identity")
    assert (await fetcher().fetch(host.url())).data == PNG


@pytest.mark.parametrize("slow", ["head", "body", "drops"])
async def test_a_slow_host_is_left_in_time(host: Host, slow: str) -> None:
    async def stall(writer: asyncio.StreamWriter) -> None:
        if slow != "head":
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        assert host.reader is not None
        for _ in range(999):  # one less than it would take
            if slow == "drops":
                writer.write(b"x")
                await writer.drain()
                with suppress(TimeoutError):
                    await asyncio.wait_for(host.reader.read(), 0.01)
                    return
        await host.reader.read()  # until it is left

    host.answers["/a.png"] = stall
    assert "within 0.3 s" in await refused(fetcher(timeout_s=0.3), host.url())


async def test_redirects_come_to_an_end(host: Host) -> None:
    host.answers["/a.png"] = moved("/a.png")
    assert "on and on" in await refused(fetcher(), host.url())
    assert len(host.asked) == REDIRECTS + 1
    host.answers["/a.png"] = answer(b"", "302 Found")
    await refused(fetcher(), host.url())


@pytest.mark.parametrize("status", ["204 No Content", "206 Partial Content", "401 No", "404 No", "500 No", "304 Same"])
async def test_other_statuses_are_no_files(host: Host, status: str) -> None:
    host.answers["/a.png"] = answer(b"" if status[0] != "5" else b"<html>", status)
    assert status[:3] in await refused(fetcher(), host.url())


@pytest.mark.parametrize(
    "said",
    [
        answer(b""), b"", b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\nabc", b"HTTP/1.1 200 OK\r\nx: " + b"x" * 100_000,
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ],
)  # fmt: skip
async def test_broken_answers_are_no_files(host: Host, said: bytes) -> None:
    host.answers["/a.png"] = said
    await refused(fetcher(), host.url())


async def test_a_host_that_is_not_there(names: tuple[Names, list[str]]) -> None:
    names[0]["files.example"] = ["127.0.0.1"]
    assert "cannot be reached" in await refused(fetcher(), "http://files.example:1/x")
    assert "not known" in await refused(fetcher(), "http://nobody.invalid/x")
    assert "not known" in await refused(fetcher(), f"http://{'a' * 64}.example/x")


@pytest.mark.parametrize(
    ("base_url", "trusted"),
    [
        ("https://api.openai.com/v1", True),
        ("http://8.8.8.8/v1", True),
        ("http://127.0.0.1:8000/v1", False),
        ("http://10.0.0.5/v1", False),
        ("http://[::1]/v1", False),
        ("http://localhost:11434", False),
        ("http://vllm:8000/v1", False),
        ("http://gpu.internal/v1", False),
        ("http://allowed.lan/v1", True),
        ("http://192.168.7.7/v1", True),
        ("", True),
    ],
)
def test_hc25_only_what_lies_outside_is_given_addresses_to_fetch(base_url: str, trusted: bool) -> None:
    """A model server in the operator's network would read its neighbours for a caller."""
    assert Fetcher(allowed="allowed.lan,192.168.7.0/24").trusts(base_url) is trusted
