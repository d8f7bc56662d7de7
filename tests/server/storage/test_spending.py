"""What a process has spent, in a mapped file: read back by another process when its own is gone."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from portico.server.storage import spending
from portico.server.storage.spending import SpendingFile, SpendingFull, claim_dead
from tests.live import ROOT

WORKER = str(uuid4())
DYING = """
import os, signal, sys
from pathlib import Path
from portico.server.storage.spending import SpendingFile
file = SpendingFile.create(Path(sys.argv[1]), sys.argv[2])
slot = file.take_slot(sys.argv[3])
for total in range(100_001):
    file.words[slot] = total
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_totals_of_a_killed_process_are_found(tmp_path: Path) -> None:
    account = str(uuid4())
    done = subprocess.run([sys.executable, "-c", DYING, str(tmp_path), WORKER, account], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    (dead,) = claim_dead(tmp_path)
    assert (dead.worker_id, dead.read()) == (WORKER, {account: 100_000})
    dead.close(delete=True)
    assert list(tmp_path.iterdir()) == []


def test_the_file_of_a_living_process_is_left_alone(tmp_path: Path) -> None:
    file = SpendingFile.create(tmp_path, WORKER)
    assert list(claim_dead(tmp_path)) == []
    file.close(delete=False)
    (dead,) = claim_dead(tmp_path)
    assert dead.read() == {}
    dead.close(delete=True)


def test_slots_are_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spending, "SLOTS", 2)
    file = SpendingFile.create(tmp_path, WORKER)
    first, second = file.take_slot(str(uuid4())), file.take_slot(kept := str(uuid4()))
    file.words[first], file.words[second] = 5, 2**64 - 1
    with pytest.raises(SpendingFull):
        file.take_slot(str(uuid4()))
    file.free_slot(first)
    assert file.take_slot(again := str(uuid4())) == first
    assert file.read() == {kept: 2**64 - 1, again: 0}
    file.close(delete=True)


def test_a_file_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "odd.spending").write_bytes(b"something else")
    assert list(claim_dead(tmp_path)) == []
    assert (tmp_path / "odd.spending").exists()


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    file = SpendingFile.create(tmp_path / "leases", WORKER)
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "leases").stat().st_mode & 0o777 == 0o700
    file.close(delete=True)
