"""`pygeai` 0.8.0 and its command `geai`, unchanged, with the omni-parser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.pygeai_host import import_pygeai, profiles_of, run_geai
from tests.live import LiveServer
from tests.server.retrieval import documents as made


@pytest.fixture(scope="module", autouse=True)
def _vendor(tmp_path_factory: pytest.TempPathFactory) -> None:
    import_pygeai(tmp_path_factory.mktemp("vendor-home"))


@pytest.fixture(autouse=True)
def credentials(server: LiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with profiles_of(server, tmp_path, monkeypatch) as file:
        yield file


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "report.pdf"
    path.write_bytes(made.pdf([[(f"Words of page {n}", 10, 0)] for n in range(1, 4)], "sesame"))
    return path


def test_the_manager(server: LiveServer, report: Path) -> None:
    from pygeai.core.omni.managers import OmniParserManager
    from pygeai.core.omni.models import OmniParserConfiguration

    asked = OmniParserConfiguration(
        file_path=str(report), start_page=0, end_page=2, hi_res_mode=True, structure="table", dialogue=False,
        output_format="markdown", password="sesame", cache=True,
    )  # fmt: skip
    found = OmniParserManager(server.token(), server.url).process_file(asked)
    assert (found.status, bool(found.request_id)) == ("success", True)
    assert [(part.page, part.text) for part in found.parts] == [(1, "Words of page 1"), (2, "Words of page 2")]
    assert found.usage is not None and found.usage.currency == "USD"


def test_a_refusal_is_an_error_of_the_client(server: LiveServer, report: Path) -> None:
    from pygeai.core.common.exceptions import APIResponseError
    from pygeai.core.omni.clients import OmniParserClient

    with pytest.raises(APIResponseError, match="protected by a password"):
        OmniParserClient(server.token(), server.url).process_file(str(report))


def test_the_command(credentials: Path, report: Path, tmp_path: Path) -> None:
    line = ("--credentials", str(credentials), "omni", "parse", "--input", str(report))
    done = run_geai(tmp_path, *line, "--start-page", "3", "--password", "sesame")
    assert done.returncode == 0, done.stdout + done.stderr
    answer = json.loads(done.stdout[done.stdout.index("{") :])
    assert "Words of page 3" in json.dumps(answer["parts"])
