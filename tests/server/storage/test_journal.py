"""The journal on its own: what was appended is found again, whoever died meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from portico.server.errors import JournalFull
from portico.server.storage.journal import Folder, Journal
from portico.server.storage.segment import HEADER_BYTES, RECORD_BYTES, Segment, SegmentDamaged
from portico.server.storage.usage import UsageLine

SMALL = 64 * 1024
CHILD = Path(__file__).with_name("appending_child.py")
decode = msgspec.msgpack.Decoder(UsageLine).decode


def make_line(number: int, **changes: object) -> UsageLine:
    line = UsageLine(
        request_id=f"request-{number}",
        organization_id="organization",
        project_id="project",
        token_id="token",
        at=1_790_000_000.25,
        operation="chat",
        provider="openai",
        model="gpt-4o",
        target="openai/gpt-4o",
        stream=False,
        status="completed",
        http_status=200,
        attempts=1,
        first_byte_ms=0.5,
        total_ms=1.5,
        finish_reason="stop",
        input_uncached=number,
    )
    return msgspec.structs.replace(line, **changes)


def read_folder(folder: Folder) -> list[UsageLine]:
    lines: list[UsageLine] = []
    for path in folder.list_segments():
        segment = Segment.open(path)
        payloads, _ = segment.read(segment.flushed, sys.maxsize)
        lines += map(decode, payloads)
        segment.close()
    return lines


class AppendingChild:
    """A process that appends without end, and flushes when it has a database; lines are numbered from 0."""

    def __init__(self, directory: Path, *database_url: str) -> None:
        command = [sys.executable, str(CHILD), str(directory), *database_url]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)
        self.pid = self._process.pid
        self.last = -1  # the last line whose append is known to have returned

    def run_until(self, number: int) -> None:
        assert self._process.stdout is not None
        while self.last < number:
            self.last = int(self._process.stdout.readline())

    def halt(self) -> None:
        """It stands still in the midst of whatever it does, and lives: until it is killed."""
        self._process.send_signal(signal.SIGSTOP)
        assert os.WIFSTOPPED(os.waitpid(self.pid, os.WUNTRACED)[1])

    def kill(self) -> None:
        assert self._process.stdout is not None
        self._process.send_signal(signal.SIGKILL)
        whole, _, _ = self._process.stdout.read().rpartition(b"\n")
        self.last = int(whole.split(b"\n")[-1] or self.last)
        self._process.stdout.close()
        self._process.wait(60)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "journal", SMALL)
    yield journal
    journal.close()


def test_lines_come_back_as_they_went_in(journal: Journal) -> None:
    lines = [make_line(n, estimated=n % 2 == 0, cost_picousd=n * 10**15) for n in range(10)]
    for line in lines:
        journal.append(line)
    assert read_folder(journal.own) == lines


def test_a_full_segment_is_followed_by_the_next(journal: Journal) -> None:
    for n in range(1_000):
        journal.append(make_line(n))
        if n % 7 == 0:
            journal.prepare()
    assert len(journal.own.list_segments()) > 2
    assert [line.input_uncached for line in read_folder(journal.own)] == list(range(1_000))


def test_overlong_text_is_cut_and_the_line_kept(journal: Journal) -> None:
    journal.append(make_line(1, model="m" * 10_000_000))
    (line,) = read_folder(journal.own)
    assert (line.model, line.request_id) == ("m" * 1_000, "request-1")


def test_older_lines_are_read_with_the_defaults_of_newer_fields(journal: Journal) -> None:
    old = msgspec.msgpack.encode(list(msgspec.structs.astuple(make_line(7)))[:17])
    assert decode(old) == make_line(7)


def test_a_torn_record_ends_the_segment_and_is_seen(tmp_path: Path) -> None:
    segment = Segment.create(tmp_path / "1.segment", SMALL)
    segment.append(b"whole")
    end = segment.used_bytes
    segment.append(b"torn record")
    segment.close()
    with (tmp_path / "1.segment").open("r+b") as file:
        file.seek(end + RECORD_BYTES + 4)
        file.write(bytes(7))
    segment = Segment.open(tmp_path / "1.segment")
    assert segment.read(HEADER_BYTES, 10) == ([b"whole"], end)
    assert segment.torn_at(end)
    segment.close()


def test_an_untouched_end_is_not_torn(tmp_path: Path) -> None:
    segment = Segment.create(tmp_path / "1.segment", SMALL)
    assert not segment.torn_at(HEADER_BYTES)
    segment.close()


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 4096])
def test_a_foreign_file_is_no_segment(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "1.segment"
    path.write_bytes(content)
    with pytest.raises(SegmentDamaged):
        Segment.open(path)


def test_a_nonsense_offset_means_from_the_start(tmp_path: Path) -> None:
    segment = Segment.create(tmp_path / "1.segment", SMALL)
    segment.flushed = 2**60
    assert segment.flushed == HEADER_BYTES
    segment.close()


def test_the_journal_is_closed_to_other_users(journal: Journal) -> None:
    assert [path.stat().st_mode & 0o077 for path in [journal.own.path, *journal.own.list_segments()]] == [0, 0]


def test_every_line_whose_append_returned_survives_kill_9(tmp_path: Path) -> None:
    child = AppendingChild(tmp_path)
    child.run_until(30_000)
    child.kill()
    journal = Journal(tmp_path, SMALL)
    (dead,) = journal.claim_dead()
    found = [line.input_uncached for line in read_folder(dead)]
    assert len(found) > child.last >= 30_000
    assert found == list(range(len(found)))
    dead.release()
    journal.close()


def test_a_living_process_keeps_its_folder_and_a_dead_one_is_claimed_once(tmp_path: Path) -> None:
    child = AppendingChild(tmp_path)
    child.run_until(0)
    one, two = Journal(tmp_path, SMALL), Journal(tmp_path, SMALL)
    assert one.claim_dead() == []
    child.kill()
    (dead,) = two.claim_dead()
    assert one.claim_dead() == []
    dead.release()
    one.close()
    two.close()


def test_an_empty_folder_goes_with_its_journal(tmp_path: Path) -> None:
    journal = Journal(tmp_path, SMALL)
    (segment,) = journal.own.list_segments()
    segment.rename(segment.with_suffix(".new"))  # as if a process had died while it made the segment
    journal.close()
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(command, stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip("mounting a small disk is not allowed here")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_a_full_disk_is_seen_early_and_loses_no_stored_line(small_disk: Path, caplog: pytest.LogCaptureFixture) -> None:
    journal = Journal(small_disk, SMALL)
    stored = 0
    with pytest.raises(JournalFull, match=r"disk of .* is full: the usage journal needs"):
        while True:
            journal.append(make_line(stored))
            stored += 1
            journal.prepare()
            if journal.full:
                break
        assert "is full" in caplog.text
        room_left = stored
        while True:
            journal.append(make_line(stored))
            stored += 1
    assert stored > room_left
    assert len(read_folder(journal.own)) == stored
    journal.own.list_segments()[0].unlink()
    journal.prepare()
    assert not journal.full
    journal.append(make_line(stored))
    journal.close()


def test_a_disk_that_is_full_at_the_start_is_said(small_disk: Path) -> None:
    with pytest.raises(JournalFull):
        Journal(small_disk, 1024 * 1024)
    assert [path.name for path in small_disk.iterdir()] == ["lock"]


def test_a_line_of_an_older_version_is_read_with_defaults() -> None:
    new = make_line(7)
    fields = msgspec.structs.astuple(new)
    old = msgspec.msgpack.encode(fields[: fields.index(new.cost_picousd, 25) + 1])
    assert len(msgspec.msgpack.decode(old)) == 26
    assert decode(old) == new


def test_the_backlog_is_what_was_written_and_not_flushed(tmp_path: Path) -> None:
    journal = Journal(tmp_path, SMALL)
    assert journal.backlog_bytes == 0
    journal.append(make_line(1))
    one = journal.backlog_bytes
    journal.append(make_line(2))
    assert 0 < one < journal.backlog_bytes < 3 * one
    segment = Segment.open(journal.current)
    segment.flushed = HEADER_BYTES + one
    segment.close()
    assert journal.backlog_bytes <= one + 1
    for number in range(1_000):
        journal.append(make_line(number))
    assert journal.backlog_bytes > SMALL
    journal.close()
