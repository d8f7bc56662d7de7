"""An access token that has expired is renewed once, by one of all that share the profile."""

from __future__ import annotations

import asyncio
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Lock, Thread
from urllib.parse import parse_qs

import pytest

from portico import AsyncPortico, Portico, Unauthorized
from portico.sdk.credentials import read_profiles
from tests.sdk.odd_server import DONE, OddServer, Reply, Seen, finish_chunk, frame, reply_json, reply_stream, text_chunk

EXPIRED = reply_json({"errors": [{"id": 103, "description": "Token expired, login again"}]}, 401)


class House:
    """A server with one session: access token at_N, refresh token rt_N; a refresh token is good once."""

    def __init__(self) -> None:
        self.number, self.expired, self.ended = 0, True, False
        self.refreshes: list[str] = []
        self.bodies: list[bytes] = []
        self._lock = Lock()

    def __call__(self, seen: Seen) -> Reply:
        with self._lock:
            return self._refresh(seen) if seen.path == "/oauth/access_token" else self._answer(seen)

    def _refresh(self, seen: Seen) -> Reply:
        form = {name: values[0] for name, values in parse_qs(seen.body.decode()).items()}
        assert (form["grant_type"], seen.query, seen.headers.get("authorization")) == ("refresh_token", {}, None)
        self.refreshes.append(form["refresh_token"])
        if self.ended or form["refresh_token"] != f"rt_{self.number}":
            self.ended = True
            return reply_json({"errors": [{"id": 101, "description": "Refresh token error."}]}, 401)
        self.number, self.expired = self.number + 1, False
        return reply_json({"access_token": f"at_{self.number}", "refresh_token": f"rt_{self.number}"})

    def _answer(self, seen: Seen) -> Reply:
        if self.ended or self.expired or seen.headers["authorization"] != f"Bearer at_{self.number}":
            return EXPIRED
        assert seen.headers["project-id"] == "p1"
        self.bodies.append(seen.body)
        if seen.path == "/v1/chat/completions":
            return reply_stream(frame(text_chunk("hello")), frame(finish_chunk()), DONE)
        return reply_json({"running": True, "id": "new", "name": "ci"})


@pytest.fixture
def house(server: OddServer) -> House:
    house = House()
    server.answer = house
    return house


@pytest.fixture
def file(server: OddServer, clean_house: Path) -> Iterator[Path]:
    path = clean_house / ".geai" / "credentials"
    path.parent.mkdir()
    path.write_text(
        f"# mine\n[default]\nGEAI_API_BASE_URL = {server.url}\nGEAI_OAUTH_ACCESS_TOKEN = at_0\n"
        "GEAI_PROJECT_ID = p1\nPORTICO_OAUTH_REFRESH_TOKEN = rt_0\n"
    )
    yield path


def test_an_expired_token_is_renewed_and_the_call_goes_on(house: House, file: Path) -> None:
    with Portico() as client:
        assert client.tokens.create("ci").id == "new"
        client.tokens.create("ci")

    assert house.refreshes == ["rt_0"]
    assert house.bodies[0] == house.bodies[1] != b""
    entries = read_profiles(file)["default"]
    assert (entries["geai_oauth_access_token"], entries["portico_oauth_refresh_token"]) == ("at_1", "rt_1")
    assert "# mine" in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_asyncio_renews_once_for_many_calls(house: House, file: Path) -> None:
    async def ask() -> None:
        async with AsyncPortico() as client:
            await asyncio.gather(*(client.tokens.create("ci") for _ in range(10)))

    asyncio.run(ask())

    assert (house.refreshes, len(house.bodies)) == (["rt_0"], 10)


def test_a_stream_is_opened_with_the_renewed_token(house: House, file: Path) -> None:
    with Portico() as client:
        assert client.chat.stream("m", "hi").get_final_text() == "hello"

    assert house.refreshes == ["rt_0"]


def test_threads_with_clients_of_their_own_share_one_renewal(house: House, file: Path) -> None:
    clients = [Portico() for _ in range(8)]
    threads = [Thread(target=client.tokens.create, args=("ci",)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for client in clients:
        client.close()

    assert (house.refreshes, len(house.bodies), house.ended) == (["rt_0"], 8, False)


def test_processes_share_one_renewal(house: House, file: Path) -> None:
    code = "import portico; portico.Portico().tokens.create('ci')"
    running = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(4)]

    assert [process.wait(60) for process in running] == [0] * 4
    assert (house.refreshes, len(house.bodies), house.ended) == (["rt_0"], 4, False)


@pytest.mark.parametrize("again", [1, 3])
def test_a_session_that_is_over_is_told_with_what_to_do_and_asked_for_once(
    house: House, file: Path, again: int
) -> None:
    house.ended = True
    with Portico() as client:
        for _ in range(again):
            with pytest.raises(Unauthorized, match="portico login --user"):
                client.tokens.create("ci")

    assert house.refreshes == ["rt_0"]
    assert "at_0" in file.read_text()


def test_an_api_token_is_never_renewed(house: House, file: Path, server: OddServer) -> None:
    with Portico("key", server.url) as client, pytest.raises(Unauthorized):
        client.tokens.create("ci")

    assert house.refreshes == []


def test_a_token_that_is_refused_after_its_renewal_is_an_error_and_no_loop(house: House, file: Path) -> None:
    with Portico() as client:
        client.tokens.create("ci")
        house.number = 7  # the session goes on somewhere else: neither token is known any more
        with pytest.raises(Unauthorized):
            client.tokens.create("ci")

    assert len(house.refreshes) == 2


def test_neither_token_is_shown(house: House, file: Path) -> None:
    with Portico() as client:
        shown = f"{client!r} {client.credentials!r}"

    assert "at_0" not in shown
    assert "rt_0" not in shown
