"""`pygeai` 0.8.0 and its command `geai`, unchanged, with files: client, manager, and every command."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.pygeai_host import import_pygeai, profiles_of, run_geai
from tests.files import PNG
from tests.live import LiveServer

Command = Callable[..., str]


@pytest.fixture(scope="module", autouse=True)
def _vendor(tmp_path_factory: pytest.TempPathFactory) -> None:
    import_pygeai(tmp_path_factory.mktemp("vendor-home"))


@pytest.fixture(autouse=True)
def credentials(server: LiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with profiles_of(server, tmp_path, monkeypatch) as file:
        yield file


@pytest.fixture(scope="module")
def ids(server: LiveServer) -> tuple[str, str]:
    found = server.get("/v1/accessControl/apitoken/validate").json()
    return found["organizationId"], found["projectId"]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "boat.png"
    path.write_bytes(PNG)
    return path


def test_the_client(server: LiveServer, ids: tuple[str, str], picture: Path) -> None:
    from pygeai.core.files.clients import FileClient

    client = FileClient(server.token(), server.url)
    made = client.upload_file(str(picture), *ids, folder="pygeai", file_name="boat")
    assert made["success"] is True
    file_id = made["dataFileId"]
    data = client.get_file(*ids, file_id)
    assert (data["dataFileName"], data["dataFileExtension"], data["dataFileSize"]) == ("boat", "png", len(PNG))
    assert client.get_file_content(*ids, file_id) == PNG
    assert file_id in [one["DataFileId"] for one in client.get_file_list(*ids)["dataFiles"]]
    assert client.delete_file(*ids, file_id) == {"success": True}


def test_a_refusal_is_an_error_of_the_client(server: LiveServer, ids: tuple[str, str]) -> None:
    from pygeai.core.common.exceptions import APIResponseError
    from pygeai.core.files.clients import FileClient

    with pytest.raises(APIResponseError, match="Document Not Found"):
        FileClient(server.token(), server.url).get_file(*ids, "5b1d2f8e-0000-4000-8000-000000000002")


def test_the_manager(server: LiveServer, ids: tuple[str, str], picture: Path) -> None:
    from pygeai.core.files.managers import FileManager
    from pygeai.core.files.models import UploadFile

    manager = FileManager(server.token(), server.url, organization_id=ids[0], project_id=ids[1])
    made = manager.upload_file(UploadFile(path=str(picture), name="boat", folder="pygeai"))
    assert made.success and made.id and made.url
    data = manager.get_file_data(made.id)
    assert (data.name, data.extension, data.size) == ("boat", "png", len(PNG))
    assert manager.get_file_content(made.id) == PNG
    assert made.id in [one.id for one in manager.get_file_list().files]
    assert manager.delete_file(made.id) is not None


def test_the_manager_uploads_what_it_holds_or_fetches(server: LiveServer, ids: tuple[str, str]) -> None:
    from pygeai.core.files.managers import FileManager

    manager = FileManager(server.token(), server.url, organization_id=ids[0], project_id=ids[1])
    made = manager.upload_file_from_content("notes.txt", "niño".encode(), folder="pygeai")
    assert manager.get_file_content(made.id).decode() == "niño"
    made = manager.upload_file_from_url(f"{server.url}/health", "health.json", folder="pygeai")
    assert manager.get_file_data(made.id).name == "health"


@pytest.fixture
def geai(credentials: Path, tmp_path: Path, ids: tuple[str, str]) -> Command:
    """`geai files ...` with the server's credentials; what it prints behind its label."""

    def run(command: str, *arguments: str, label: str) -> str:
        profile = ("--credentials", str(credentials))
        whose = ("--organization", ids[0], "--project", ids[1])
        done = run_geai(tmp_path / "home", *profile, "files", command, *whose, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        assert label in done.stdout, done.stdout
        return done.stdout.partition(label)[2].strip()

    return run


def test_the_commands(geai: Command, picture: Path) -> None:
    made: Any = geai("upload-file", "--file-path", str(picture), "--folder", "geai", label="Uploaded file:")
    assert "'success': True" in made or "success=True" in made, made
    listed = geai("list-files", label="Files list:")
    file_id = listed.partition("'DataFileId': '")[2][:36] or listed.partition("id='")[2][:36]
    assert file_id in made
    assert "boat" in geai("get-file", "--file-id", file_id, label="File:")
    content = geai("get-file-content", "--file-id", file_id, label="File content:")
    assert ast.literal_eval(content) == PNG
    assert "True" in geai("delete-file", "--file-id", file_id, label="Deleted file:")
