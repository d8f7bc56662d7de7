"""A server in trouble: clients that leave or dawdle, crowds, kill -9, stop signals, bad starts, a dead database."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from portico.server.errors import StartError
from tests.api.raw import ASKED, Wire, check_refused, request, stands_still
from tests.live import CHAT, MODELS, LiveServer, processes_naming, wait_until
from tests.upstream import Held, Upstream, chunk, sse, stream, whole
from tests.usage import find_usage, list_usage

STREAM = {**ASKED, "stream": True}
SLOTS = 4
"""Requests that a local chat model works on at once unless told otherwise."""
LONG = {"model": CHAT, "messages": [{"role": "user", "content": "Count to one thousand."}], "max_tokens": 3000}
# Another user, who may read whatever the interpreter lies in, and write nothing of ours.
AS_NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=+dac_read_search",
             "--ambient-caps=+dac_read_search"]  # fmt: skip
needs_root = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("setpriv") is None, reason="needs root and setpriv to become another user"
)


@pytest.fixture
def own(tmp_path: Path, _upstream: Upstream) -> Iterator[LiveServer]:
    """A server that the test may kill; behind it the scripted provider."""
    _upstream.reset()
    server = LiveServer(tmp_path / "data", environ_for(_upstream))
    yield server
    server.kill()
    wait_until(lambda: not processes_naming(str(server.data_dir)), "nothing of the server is left")
    _upstream.reset()


def environ_for(upstream: Upstream, **more: str) -> dict[str, str]:
    return {
        "PORTICO_PROVIDER_OPENAI_API_KEY": "upstream-key",
        "PORTICO_PROVIDER_OPENAI_BASE_URL": upstream.url,
        **more,
    }


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


def endless(gap: bytes = b"x" * 10) -> Iterator[bytes]:
    """A stream that does not end by itself."""
    while True:
        yield sse(chunk({"content": gap.decode()}))


# clients that leave or dawdle ----------------------------------------------------------------------------------


@pytest.mark.parametrize("streamed", [True, False])
def test_hc16_hanging_up_frees_the_slots_of_a_local_model(server: LiveServer, streamed: bool) -> None:
    """More long answers than there are slots; all their callers leave; the next one is served at once."""
    server.chat()
    wires = [Wire(server) for _ in range(8)]
    for wire in wires:
        wire.send(request(server, {**LONG, "stream": streamed}))
    wait_until(lambda: active_of(server) > SLOTS, "all slots are taken, and others wait")
    for wire in wires:
        wire.socket.close()
    wait_until(lambda: active_of(server) == 0, "all callers are off the books")
    assert server.chat().status == 200
    wait_until(lambda: slots_in_use(server) == 0, "no slot of the child works any more")


def active_of(server: LiveServer) -> int:
    rows = server.get("/v1/system/status").json()["localModels"]
    return int(next(row["active"] for row in rows if row["name"] == CHAT.partition("/")[2]))


def slots_in_use(server: LiveServer) -> int:
    """Asks the child itself, with the key from its environment."""
    for pid in processes_naming(str(server.data_dir)):
        try:
            environ = dict(
                line.split(b"=", 1) for line in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0") if b"=" in line
            )
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        if b"llama_child" not in command:
            continue
        orders = json.loads(next(v for k, v in environ.items() if k.startswith(b"PORTICO") and b'"key"' in v))
        return count_busy(listening_port(pid), orders["key"])
    raise AssertionError("no llama child")


def listening_port(pid: int) -> int:
    inodes = set()
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            inodes.add(str(fd.readlink()))
    for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
            return int(fields[1].partition(":")[2], 16)
    raise AssertionError("the child listens nowhere")


def count_busy(port: int, key: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/slots", headers={"Authorization": f"Bearer {key}"})
    slots = json.loads(connection.getresponse().read())
    connection.close()
    return sum(slot["is_processing"] for slot in slots)


def test_hc16_a_slow_reader_holds_the_provider_back(server: LiveServer, upstream: Upstream) -> None:
    """200 MB wait at the provider; the server keeps a few buffers of it and goes on serving others."""
    assert server.process is not None
    sent, frame = 0, sse(chunk({"content": "x" * 65_000}))

    def flood() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(200 * 1024 * 1024 // len(frame)):
            sent += len(frame)
            yield frame
        yield sse(chunk({}, "stop"), "[DONE]")

    upstream.script = lambda _: stream(flood())
    before = resident_bytes(server.process.pid)
    with Wire(server) as wire:
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        wire.send(request(server, STREAM))
        wire.socket.recv(1024)
        wait_until(lambda: stands_still(lambda: sent), "the provider is held back")
        assert sent < 30 * 1024 * 1024, "the rest are the buffers of two TCP connections"
        assert resident_bytes(server.process.pid) - before < 30 * 1024 * 1024
        upstream.script = lambda _: whole()
        assert server.chat("openai/gpt-4o-mini").status == 200
    wait_until(lambda: upstream.hang_ups == 1, "the provider saw the reader leave")
    assert sent < 30 * 1024 * 1024, "it was held back all the time"


def test_a_flood_that_is_read_arrives_whole(server: LiveServer, upstream: Upstream) -> None:
    assert server.process is not None
    pieces = [sse(chunk({"content": "x" * 65_000}))] * 800
    upstream.script = lambda _: stream([*pieces, sse(chunk({}, "stop"), "[DONE]")])
    before = resident_bytes(server.process.pid)
    events = server.chat("openai/gpt-4o-mini", stream=True).events()
    assert len(events) == 802 and events[-1] == "[DONE]"
    assert resident_bytes(server.process.pid) - before < 30 * 1024 * 1024


# crowds --------------------------------------------------------------------------------------------------------


def test_two_hundred_streams_at_once_all_end_well(server: LiveServer, upstream: Upstream) -> None:
    pieces = [sse(chunk({"content": f"{i} "})) for i in range(20)]
    upstream.script = lambda _: stream([*pieces, sse(chunk({}, "stop"), "[DONE]")], gap_s=0.02)
    wires = [Wire(server) for _ in range(200)]
    for wire in wires:
        wire.send(request(server, STREAM))
    for wire in wires:
        events = wire.answer().events()
        wire.socket.close()
        assert len(events) == 22 and events[-1] == "[DONE]"
        said = "".join(json.loads(event)["choices"][0]["delta"].get("content", "") for event in events[:-1])
        assert said == "".join(f"{i} " for i in range(20))


def test_a_full_local_queue_is_503_with_retry_after(own: LiveServer) -> None:
    own.environ |= {"PORTICO_LOCAL_SLOTS": "1", "PORTICO_LOCAL_QUEUE": "1"}
    own.start()
    assert own.chat().status == 200
    wires = [Wire(own) for _ in range(2)]
    for wire in wires:
        wire.send(request(own, {**LONG, "stream": True}))
    wait_until(lambda: active_of(own) == 2, "a slot and a place in the queue are taken")
    refused = own.chat()
    check_refused(refused, 503, 153)
    assert int(refused.headers["retry-after"]) > 0
    for wire in wires:
        wire.socket.close()
    wait_until(lambda: own.chat().status == 200, "there is room again")
    assert own.stop() == 0


# kill -9 and the usage lines -----------------------------------------------------------------------------------


def test_kill_9_under_load_loses_and_doubles_no_usage_line(own: LiveServer, _upstream: Upstream) -> None:
    own.start()
    answered: list[str] = []
    tokens = own.token()

    def post() -> None:
        body, kinds = dict(ASKED), 0
        try:
            with Wire(own) as wire:
                while True:
                    kinds += 1
                    wire.send(request(own, {**body, "stream": kinds % 3 == 0}, token=tokens))
                    answer = wire.answer()
                    assert answer.status == 200
                    answered.append(answer.headers["x-request-id"])
        except OSError:
            return  # the server is dead

    threads = [threading.Thread(target=post) for _ in range(8)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(answered) > 400, "some load")
    own.kill()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    own.start()
    assert own.chat("openai/gpt-4o-mini").status == 200
    wait_until(lambda: set(answered) <= {line["request_id"] for line in list_usage(own)}, "all lines are there")
    ids = [line["request_id"] for line in list_usage(own)]
    assert len(ids) == len(set(ids)), "none twice"
    assert len(ids) <= len(answered) + len(threads) + 1, "none of requests nobody sent"
    assert own.stop() == 0


# stop signals --------------------------------------------------------------------------------------------------


def test_sigterm_lets_open_streams_end(own: LiveServer, _upstream: Upstream) -> None:
    own.environ["PORTICO_SHUTDOWN_GRACE_S"] = "60"  # for a machine that stands still; two seconds are needed
    own.start()
    pieces = [sse(chunk({"content": f"{i} "})) for i in range(20)]
    _upstream.script = lambda _: stream([*pieces, sse(chunk({}, "stop"), "[DONE]")], gap_s=0.1)
    with Wire(own) as wire, Wire(own) as idle:
        idle.send(request(own, method="GET", path="/v1/models"))
        assert idle.answer().status == 200
        wire.send(request(own, STREAM))
        wait_until(lambda: _upstream.asked, "the stream has begun")
        assert own.process is not None
        own.process.send_signal(signal.SIGTERM)
        answer = wire.answer()
        assert answer.events()[-1] == "[DONE]"
        assert idle.is_closed()
    assert own.stop() == 0


def test_a_stream_beyond_the_grace_ends_with_an_error_event_and_its_line(own: LiveServer, _upstream: Upstream) -> None:
    own.environ["PORTICO_SHUTDOWN_GRACE_S"] = "1"
    own.start()
    held = Held(whole())
    _upstream.script = lambda asked: stream(endless(), gap_s=0.1) if asked.body.get("stream") else held(asked)
    with held, Wire(own) as wire, Wire(own) as plain:
        wire.send(request(own, STREAM))
        plain.send(request(own, ASKED))
        wait_until(lambda: len(_upstream.asked) == 2, "both have begun")
        code = own.stop()
        answer = wire.answer()
        late = plain.answer()
    assert code == 0
    said = "".join(own.log)
    assert "2 open connections are told that the server stops" in said
    assert " ERROR " not in said and "Cancel " not in said
    assert "[DONE]" not in answer.events()
    assert json.loads(answer.events()[-1])["error"]["message"].startswith("The server is stopping")
    check_refused(late, 503)
    own.start()
    line = find_usage(own, answer.headers["x-request-id"])
    assert (line["status"], line["estimated"]) == ("failed", True)
    assert own.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_process_group_leaves_nothing_running(own: LiveServer, number: int) -> None:
    """Ctrl-C reaches the children, too."""
    own.start()
    assert own.chat().status == 200
    assert own.process is not None
    assert len(processes_naming(str(own.data_dir))) > 2
    os.killpg(own.process.pid, number)
    assert own.process.wait(60) == 0
    wait_until(lambda: not processes_naming(str(own.data_dir)), "nothing is left")
    assert own.stop() == 0  # reads what was said last, too
    assert "Traceback" not in "".join(own.log)


def test_a_second_ctrl_c_does_not_wait_for_streams(own: LiveServer, _upstream: Upstream) -> None:
    own.environ["PORTICO_SHUTDOWN_GRACE_S"] = "600"
    own.start()
    _upstream.script = lambda _: stream(endless(), gap_s=0.1)
    with Wire(own) as wire:
        wire.send(request(own, STREAM))
        wait_until(lambda: _upstream.asked, "the stream has begun")
        assert own.process is not None
        own.process.send_signal(signal.SIGINT)
        wait_until(lambda: refuses(own), "it has heard the first one")
        own.process.send_signal(signal.SIGINT)
        assert own.process.wait(60) == 0
        assert "The server is stopping" in wire.answer().events()[-1]


def refuses(server: LiveServer) -> bool:
    """Whether it takes no connections any more."""
    try:
        socket.create_connection(("127.0.0.1", server.port)).close()
    except OSError:
        return True
    return False


def test_kill_9_leaves_nothing_running_and_the_second_start_works(own: LiveServer) -> None:
    own.start()
    assert own.chat().status == 200
    own.kill()
    wait_until(lambda: not processes_naming(str(own.data_dir)), "the children are gone")
    started = time.monotonic()
    own.start()
    assert own.get("/v1/models").status == 200
    catalogue_s = time.monotonic() - started
    assert own.chat().status == 200
    print(
        f"\nstart after kill -9: {catalogue_s:.2f} s to the first answer, {time.monotonic() - started:.2f} s to a chat"
    )
    assert own.stop() == 0
    started = time.monotonic()
    own.start()
    assert own.get("/v1/models").status == 200
    catalogue_s = time.monotonic() - started
    assert own.chat().status == 200
    print(f"second start: {catalogue_s:.2f} s to the first answer, {time.monotonic() - started:.2f} s to a chat")


@pytest.mark.parametrize("sign", [".", "postgres/postgres.lock", "postgres/**/postmaster.pid"])
def test_ctrl_c_while_it_starts_leaves_nothing_running(tmp_path: Path, sign: str) -> None:
    """As soon as this lies in the data folder."""
    data = tmp_path / "data"
    process = begin(data)
    wait_until(lambda: any(data.glob(sign)) if sign != "." else data.exists(), "it has come so far")
    os.killpg(process.pid, signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert "Traceback" not in said, said
    wait_until(lambda: not processes_naming(str(data)), "nothing is left")


# starts that cannot succeed --------------------------------------------------------------------------------------


def begin(
    data: Path, *, nobody: bool = False, port: int = 0, environ: dict[str, str] | None = None
) -> subprocess.Popen[str]:
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("PORTICO_", "GEAI_", "SAIA_", "PORT", "DATA"))}
    env = {
        **keep, "PORTICO_DATA_DIR": str(data), "PORTICO_PORT": str(port), "PORTICO_STARTER_PULL": "off",
        "PORTICO_MODELS_DIR": str(MODELS), "PYTHONDONTWRITEBYTECODE": "1", **(environ or {}),
    }  # fmt: skip
    command = [*(AS_NOBODY if nobody else []), sys.executable, "-m", "portico", "serve"]
    return subprocess.Popen(
        command, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )


def refusal(process: subprocess.Popen[str], code: int = 1) -> str:
    """What a start that fails says: a clear line or two, no trace."""
    said, _ = process.communicate(timeout=60)
    assert process.returncode == code, said
    assert "Traceback" not in said, said
    lines = [line for line in said.splitlines() if line.strip()]
    assert 1 <= len(lines) <= 3, said
    return said


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"port {port}" in refusal(begin(tmp_path / "data", port=port))
    assert not (tmp_path / "data").exists()


def test_a_file_where_the_data_folder_should_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("mine")
    assert str(tmp_path / "data") in refusal(begin(tmp_path / "data"))
    assert (tmp_path / "data").read_text() == "mine"


def test_a_data_folder_below_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    assert str(tmp_path / "file") in refusal(begin(tmp_path / "file" / "data"))


@needs_root
def test_a_data_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(0o755)
    said = refusal(begin(data, nobody=True, environ={"HOME": str(tmp_path)}))
    assert str(data) in said
    assert "belongs to" in said or "no permission" in said
    assert not list(data.iterdir())


@needs_root
def test_a_data_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    said = refusal(begin(tmp_path / "data", nobody=True, environ={"HOME": str(tmp_path)}))
    assert str(tmp_path / "data") in said and "permission" in said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORTICO_PORT", "many"),
        ("PORTICO_PORT", "70000"),
        ("PORTICO_PORT", "-1"),
        ("PORTICO_SECRET_KEY", "short"),
        ("PORTICO_DATABASE_URL", "mysql://x@localhost/y"),
        ("PORTICO_DATABASE_URL", "postgresql://x:secretword@127.0.0.1:1/y"),
        ("PORTICO_HOST", "203.0.113.7"),
        ("PORTICO_LOCAL_MODELS", "perhaps"),
        ("PORTICO_LOG_LEVEL", "loud"),
    ],
)
def test_a_setting_that_cannot_be_used_is_one_clear_line(tmp_path: Path, name: str, value: str) -> None:
    process = begin(tmp_path / "data", environ={name: value})
    said, _ = process.communicate(timeout=60)
    assert process.returncode in (1, 2), said
    assert "Traceback" not in said and "secretword" not in said, said
    assert len([line for line in said.splitlines() if line.strip()]) <= 4, said
    wait_until(lambda: not processes_naming(str(tmp_path / "data")), "nothing is left")


def test_another_secret_key_is_refused_and_the_first_one_still_works(own: LiveServer) -> None:
    own.environ["PORTICO_SECRET_KEY"] = "first-key-" * 4
    own.start()
    token = own.token()
    assert own.stop() == 0
    said = refusal(begin(own.data_dir, environ={"PORTICO_SECRET_KEY": "other-key-" * 4}))
    assert "PORTICO_SECRET_KEY" in said and "key-" not in said
    own.start()
    assert own.request("GET", "/v1/models", token=token).status == 200
    assert own.stop() == 0


# PostgreSQL dies under the server --------------------------------------------------------------------------------


def test_known_tokens_are_answered_while_postgresql_is_down(own: LiveServer, _upstream: Upstream) -> None:
    own.start()
    assert own.chat("openai/gpt-4o-mini").status == 200
    file = next(own.data_dir.glob("postgres/**/postmaster.pid"))
    postmaster = int(file.read_text().split()[0])
    assert b"postgres" in Path(f"/proc/{postmaster}/cmdline").read_bytes()
    os.kill(postmaster, signal.SIGKILL)
    answered = [own.chat("openai/gpt-4o-mini") for _ in range(20)]
    assert {answer.status for answer in answered} == {200}
    wait_until(lambda: alive_again(own, postmaster), "the supervisor started PostgreSQL again")
    for answer in answered[::5]:
        wait_for_line(own, answer.headers["x-request-id"])
    assert own.request("GET", "/v1/models", token="geai_unknown").status == 401
    assert own.stop() == 0


def alive_again(server: LiveServer, former: int) -> bool:
    try:
        file = next(server.data_dir.glob("postgres/**/postmaster.pid"))
        lines = file.read_text().split("\n")
    except (StopIteration, FileNotFoundError):  # taken away, not yet written again
        return False
    return len(lines) > 7 and lines[7].startswith("ready") and int(lines[0]) != former


def wait_for_line(server: LiveServer, request_id: str) -> None:
    def there() -> bool:
        try:
            return request_id in {line["request_id"] for line in list_usage(server)}
        except (psycopg.OperationalError, StartError):
            return False

    wait_until(there, "the usage line arrived afterwards")


def test_a_stopped_server_leaves_a_tidy_private_data_folder(own: LiveServer) -> None:
    own.start()
    assert own.get("/health", token=None).status == 200
    assert own.stop() == 0
    wait_until(lambda: not processes_naming(str(own.data_dir)), "nothing is left")
    assert not [path for path in own.data_dir.rglob("*") if path.is_socket() or path.name.endswith(".tmp")]
    assert own.data_dir.stat().st_mode & 0o777 == 0o700
