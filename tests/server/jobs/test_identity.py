"""The name of a worker: the same after a restart, another one beside it, another one in another data folder."""

from __future__ import annotations

from pathlib import Path

from portico.server.jobs.identity import take_identity


def test_a_worker_has_its_name_again_after_a_restart(tmp_path: Path) -> None:
    with take_identity(tmp_path / "run") as first:
        pass
    with take_identity(tmp_path / "run") as again:
        assert again == first


def test_two_workers_of_a_data_folder_have_two_names(tmp_path: Path) -> None:
    with take_identity(tmp_path / "run") as first:
        with take_identity(tmp_path / "run") as second:
            assert second != first
        with take_identity(tmp_path / "run") as third:
            assert third == second


def test_two_data_folders_have_different_names(tmp_path: Path) -> None:
    with take_identity(tmp_path / "a") as first, take_identity(tmp_path / "b") as second:
        assert first != second


def test_a_name_that_was_destroyed_is_made_anew(tmp_path: Path) -> None:
    with take_identity(tmp_path / "run") as first:
        pass
    (tmp_path / "run" / "worker1.id").write_bytes(b"\xff\x00 nonsense")
    with take_identity(tmp_path / "run") as second:
        assert second != first
    with take_identity(tmp_path / "run") as third:
        assert third == second
