"""`pygeai` 0.8.0 and its command `geai`, unchanged, with feedback: client, manager and command."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.clients.pygeai_host import import_pygeai, profiles_of, run_geai
from tests.live import LiveServer
from tests.upstream import Upstream
from tests.usage import find_usage


@pytest.fixture(scope="module", autouse=True)
def _vendor(tmp_path_factory: pytest.TempPathFactory) -> None:
    import_pygeai(tmp_path_factory.mktemp("vendor-home"))


@pytest.fixture(autouse=True)
def credentials(server: LiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with profiles_of(server, tmp_path, monkeypatch) as file:
        yield file


@pytest.fixture
def request_id(server: LiveServer, upstream: Upstream) -> str:
    """Of a request that is on record."""
    request_id = str(server.chat("openai/gpt-4o-mini").headers["x-request-id"])
    find_usage(server, request_id)
    return request_id


def told(server: LiveServer, request_id: str) -> tuple[str | None, str | None]:
    find_usage(server, request_id)
    items = server.get("/v1/organization/request/export?count=50").json()["items"]
    (item,) = [item for item in items if item["requestId"] == request_id]
    return item["feedback"], item["feedbackComments"]


def test_the_client(server: LiveServer, request_id: str) -> None:
    from pygeai.core.feedback.clients import FeedbackClient

    client = FeedbackClient(server.token(), server.url)
    assert client.send_feedback(request_id) == {}
    assert told(server, request_id) == ("good", None)
    assert client.send_feedback(request_id, answer_score=2, comments="wrong date") == {}
    assert told(server, request_id) == ("bad", "wrong date")


def test_the_manager(server: LiveServer, request_id: str) -> None:
    from pygeai.assistant.managers import AssistantManager
    from pygeai.core.feedback.models import FeedbackRequest

    asked = FeedbackRequest(request_id=request_id, origin="user-feedback", answer_score=2, comments="wrong")
    done: Any = AssistantManager(server.token(), server.url).send_feedback(asked)
    assert type(done).__name__ == "EmptyResponse"
    assert told(server, request_id) == ("bad", "wrong")


def test_an_unknown_request_is_an_error(server: LiveServer) -> None:
    from pygeai.core.common.exceptions import APIResponseError
    from pygeai.core.feedback.clients import FeedbackClient

    with pytest.raises(APIResponseError, match="Request Not Found"):
        FeedbackClient(server.token(), server.url).send_feedback(str(uuid4()))


def test_the_command(server: LiveServer, request_id: str, credentials: Path, tmp_path: Path) -> None:
    line = ("--credentials", str(credentials), "feedback", "send", "--rid", request_id, "--score", "2")
    done = run_geai(tmp_path / "home", *line, "--origin", "user-feedback", "--comments", "not so")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Feedback detail:" in done.stdout and "{}" in done.stdout
    assert told(server, request_id) == ("bad", "not so")
