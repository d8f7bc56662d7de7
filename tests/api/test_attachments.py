"""Files by address, through the door: fetched here for providers that fetch none, and never from inside (HC-25)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live import Answer, LiveServer, wait_until
from tests.providers.cases_requests import PDF, png
from tests.providers.fakes.base import Fake, Part, Say
from tests.providers.fakes.bedrock import BedrockFake
from tests.providers.fakes.gemini import GeminiFake
from tests.providers.fakes.ollama import OllamaFake
from tests.upstream import Asked, Held, Reply, Upstream

FAKES: tuple[Fake, ...] = (OllamaFake(), BedrockFake(), GeminiFake())
every = pytest.mark.parametrize("fake", FAKES, ids=[fake.provider for fake in FAKES])
LIMIT = 1_000_000


@pytest.fixture(scope="module")
def _providers() -> Iterator[Upstream]:
    with Upstream() as upstream:
        yield upstream


@pytest.fixture
def providers(_providers: Upstream) -> Upstream:
    """One upstream that is all of the providers: the path tells which one is meant."""
    _providers.reset()
    return _providers


@pytest.fixture(scope="module")
def _files() -> Iterator[Upstream]:
    with Upstream() as upstream:
        yield upstream


@pytest.fixture
def files(_files: Upstream) -> Upstream:
    """A host of files; every path is a picture."""
    _files.reset()
    _files.replies(Reply(200, png(), {"Content-Type": "application/octet-stream"}))
    return _files


def serving(folder: Path, providers: Upstream, **more: str) -> LiveServer:
    environ = {
        "PORTICO_LOCAL_MODELS": "false",
        "PORTICO_BREAKER_FAILURES": "0",
        "PORTICO_FETCH_HOSTS": "127.0.0.1",
        "PORTICO_FETCH_LIMIT_BYTES": str(LIMIT),
        **more,
    }
    for fake in FAKES:
        environ.update(fake.environ(providers.root))
    return LiveServer(folder, environ)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, _providers: Upstream) -> Iterator[LiveServer]:
    with serving(tmp_path_factory.mktemp("attachments"), _providers) as live:
        yield live


def ask(live: LiveServer, providers: Upstream, fake: Fake, *parts: dict[str, Any], **members: Any) -> Answer:
    def script(asked: Asked) -> Reply:
        return fake.aside(asked) or fake.speak(Say(("Red.",)), asked)

    providers.script = script
    model = members.pop("model", "") or fake.vision_model or fake.model
    messages = [{"role": "user", "content": [{"type": "text", "text": "What is this?"}, *parts]}]
    return live.post("/v1/chat/completions", {"model": model, "messages": messages, **members})


def picture(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def heard(providers: Upstream, fake: Fake, kind: Any = "image") -> list[Part]:
    (asked,) = [asked for asked in providers.asked if fake.aside(asked) is None]
    return fake.heard(asked).parts(kind)


@every
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_hc25_a_picture_by_address_becomes_data(
    live: LiveServer, providers: Upstream, files: Upstream, fake: Fake, stream: bool
) -> None:
    answer = ask(live, providers, fake, picture(f"{files.root}/plate.png?size=1"), stream=stream)
    assert answer.status == 200 and b"Red." in answer.body, answer.body
    (found,) = heard(providers, fake)
    assert (found.data, found.url) == (png(), "")
    assert found.mime in ("image/png", ""), "what the bytes say, not what the host said"
    (asked,) = files.asked
    assert (asked.method, asked.path) == ("GET", "/plate.png?size=1")
    assert not {"authorization", "cookie", "x-request-id"} & asked.headers.keys()


def test_hc25_a_document_by_address_becomes_data(live: LiveServer, providers: Upstream, files: Upstream) -> None:
    fake = FAKES[2]
    files.replies(Reply(200, PDF, {"Content-Type": "binary/octet-stream"}))
    part = {"type": "file", "file": {"filename": "menu.pdf", "file_data": f"{files.root}/menu"}}
    answer = ask(live, providers, fake, part, model=fake.file_model or fake.model)
    assert answer.status == 200, answer.body
    (found,) = heard(providers, fake, "file")
    assert (found.mime, found.data) == ("application/pdf", PDF)


def test_the_same_address_is_fetched_once(live: LiveServer, providers: Upstream, files: Upstream) -> None:
    parts = [picture(f"{files.root}/{name}") for name in ("a.png", "b.png", "a.png")]
    assert ask(live, providers, FAKES[2], *parts).status == 200
    assert [asked.path for asked in files.asked] == ["/a.png", "/b.png"]
    assert len(heard(providers, FAKES[2])) == 3


@every
@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1/x.png", "http://169.254.169.254/latest/meta-data/", "http://localhost:9/x.png",
        "http://0x7f.2/x.png", "http://2130706434/x.png", "http://0177.0.0.2/x.png", "http://127.2/x.png",
        "http://[::1]/x.png", "http://[::ffff:7f00:2]/x.png", "http://[2002:7f00:1::]/x.png", "http://127.0.0.2./x.png",
        "http://u:p@127.0.0.1/x.png", "file:///etc/passwd", "ftp://files.example/x.png",
    ],
)  # fmt: skip
def test_hc25_what_lies_inside_is_refused_and_no_provider_asked(
    live: LiveServer, providers: Upstream, fake: Fake, url: str
) -> None:
    answer = ask(live, providers, fake, picture(url))
    body = answer.json()
    assert (answer.status, body["errors"][0]["id"]) == (400, 45), body
    assert providers.asked == []


def test_hc25_a_redirect_inside_is_refused(live: LiveServer, providers: Upstream, files: Upstream) -> None:
    files.replies(Reply(302, b"", {"Location": "http://127.0.0.2/x.png"}))
    answer = ask(live, providers, FAKES[0], picture(f"{files.root}/x.png"))
    assert (answer.status, answer.json()["errors"][0]["id"]) == (400, 45)
    assert providers.asked == []


@pytest.mark.parametrize(
    ("reply", "number"),
    [
        (Reply(404, b"no", {}), 45),
        (Reply(200, b"", {}), 45),
        (Reply(200, b"<html>", {"Content-Type": "text/html"}), 45),
        (Reply(200, b"plain", {"Content-Type": "text/plain"}), 45),
        (Reply(200, b"x" * (LIMIT + 1), {"Content-Type": "image/png"}), 47),
        (Reply(200, png(), {"Content-Type": "image/png", "Content-Encoding": "gzip"}), 45),
        (Reply(raw=b"garbage"), 45),
    ],
    ids=["404", "empty", "html", "text", "large", "packed", "garbage"],
)
def test_what_is_no_picture_is_the_callers_error(
    live: LiveServer, providers: Upstream, files: Upstream, reply: Reply, number: int
) -> None:
    files.replies(reply)
    answer = ask(live, providers, FAKES[0], picture(f"{files.root}/x.png"))
    assert (answer.status, answer.json()["errors"][0]["id"]) == (400, number), answer.body
    assert providers.asked == []


def test_a_host_that_takes_too_long_is_the_callers_error(tmp_path: Path, providers: Upstream, files: Upstream) -> None:
    """On a server of its own: so little patience would fail other tests on a busy machine."""
    with serving(tmp_path / "data", providers, PORTICO_FETCH_TIMEOUT_S="1") as live:
        with Held(Reply(200, png(), {"Content-Type": "image/png"})) as files.script:
            answer = ask(live, providers, FAKES[0], picture(f"{files.root}/x.png"))
        assert (answer.status, answer.json()["errors"][0]["id"]) == (400, 45), answer.body
        assert providers.asked == []


def test_too_many_addresses_are_refused(live: LiveServer, providers: Upstream, files: Upstream) -> None:
    parts = [picture(f"{files.root}/{number}.png") for number in range(33)]
    answer = ask(live, providers, FAKES[2], *parts)
    assert answer.status == 400 and "at most 32" in answer.json()["error"]["message"]
    assert files.asked == [] and providers.asked == []


def test_other_requests_go_on_while_a_host_is_slow(live: LiveServer, providers: Upstream, files: Upstream) -> None:
    answers: list[Answer] = []
    url = f"{files.root}/x.png"
    asking = threading.Thread(target=lambda: answers.append(ask(live, providers, FAKES[0], picture(url))))
    with Held(Reply(200, png(), {"Content-Type": "image/png"})) as files.script:
        asking.start()
        wait_until(lambda: files.asked, "the host is asked")
        assert live.get("/v1/models").status == 200
        assert answers == []
    asking.join(60)
    assert [answer.status for answer in answers] == [200]
