"""The set-up: which index is asked, what is accepted from it, and what a user is told when it cannot go on."""

from __future__ import annotations

import base64
import hashlib
import importlib
import platform
import re
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
CONTENT = b"a wheel"


@pytest.fixture(autouse=True)
def scripts_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))


@pytest.fixture
def package_index() -> ModuleType:
    return importlib.import_module("package_index")


@pytest.fixture
def bootstrap() -> ModuleType:
    return importlib.import_module("bootstrap")


class Shop(ThreadingHTTPServer):
    """A package index with one wheel for this machine; remembers who asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Counter)
        self.asked: list[str | None] = []
        system = "macosx_11_0" if sys.platform == "darwin" else "manylinux_2_17"
        if sys.platform != "darwin" and platform.libc_ver()[0] != "glibc":
            system = "musllinux_1_1"
        self.wheel = f"uv-1.0-py3-none-{system}_{platform.machine().lower()}.whl"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/simple"


class Counter(BaseHTTPRequestHandler):
    server: Shop

    def do_GET(self) -> None:
        self.server.asked.append(self.headers["Authorization"])
        page = f'<a href="../../files/{self.server.wheel}#sha256=0">{self.server.wheel}</a>'.encode()
        body = CONTENT if self.path.startswith("/files/") else page
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing on standard error."""


@pytest.fixture
def shop() -> Iterator[Shop]:
    with Shop() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def pin(package_index: ModuleType, content: bytes = CONTENT) -> Any:
    return package_index.Pin("uv", "1.0", (hashlib.sha256(content).hexdigest(),))


def test_the_installer_is_pinned_in_the_lock(package_index: ModuleType) -> None:
    found = package_index.read_pin(ROOT / "requirements.lock", "uv")
    assert found.version.count(".") == 2
    assert len(found.sums) > 5
    assert package_index.read_pin(ROOT / "requirements-dev.lock", "uv") == found


def test_a_wheel_of_this_machine_is_fetched(package_index: ModuleType, shop: Shop, tmp_path: Path) -> None:
    index = package_index.read_index({"PIP_INDEX_URL": shop.url, "PIP_CONFIG_FILE": "/dev/null"})
    wheel = package_index.fetch_wheel(pin(package_index), index, tmp_path)
    assert wheel.name == shop.wheel
    assert wheel.read_bytes() == CONTENT


def test_a_wheel_with_another_sum_is_refused(package_index: ModuleType, shop: Shop, tmp_path: Path) -> None:
    index = package_index.read_index({"PIP_INDEX_URL": shop.url, "PIP_CONFIG_FILE": "/dev/null"})
    with pytest.raises(package_index.FetchError, match="not one of the lock file's"):
        package_index.fetch_wheel(pin(package_index, b"other"), index, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_credentials_of_the_index_are_sent_and_never_shown(
    package_index: ModuleType, shop: Shop, tmp_path: Path
) -> None:
    url = shop.url.replace("//", "//ana:s%40cret@")
    index = package_index.read_index({"PIP_INDEX_URL": url, "PIP_CONFIG_FILE": "/dev/null"})
    package_index.fetch_wheel(pin(package_index), index, tmp_path)
    assert shop.asked == ["Basic " + base64.b64encode(b"ana:s@cret").decode()] * 2
    assert "s%40cret" not in package_index.redact(f"{url} failed", index)


def test_pip_s_files_are_read_and_its_variables_win(package_index: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "pip.conf"
    file.write_text("[global]\nindex-url = http://files.example/simple/\nfind-links = /not/there\n")
    env = {"PIP_CONFIG_FILE": str(file), "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    index = package_index.read_index(env)
    assert index.url == "http://files.example/simple"
    assert index.links == ()
    other = package_index.read_index({**env, "PIP_INDEX_URL": "http://variable.example/simple"})
    assert other.url == "http://variable.example/simple"


def test_uv_is_told_what_pip_knows_and_keeps_what_the_user_said(package_index: ModuleType) -> None:
    index = package_index.read_index({"PIP_INDEX_URL": "http://a.example/simple", "PIP_CONFIG_FILE": "/dev/null"})
    assert package_index.uv_variables(index, {})["UV_DEFAULT_INDEX"] == "http://a.example/simple"
    assert "UV_DEFAULT_INDEX" not in package_index.uv_variables(index, {"UV_DEFAULT_INDEX": "http://b.example"})


@pytest.mark.parametrize("version", [(3, 8, 18, "final", 0), (3, 15, 0, "final", 0)])
def test_another_python_is_told_which_one_is_needed(
    bootstrap: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    version: tuple[int, int, int, str, int],
) -> None:
    monkeypatch.setattr(sys, "version_info", version)
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: None)
    with pytest.raises(SystemExit) as stop:
        bootstrap.main(["--no-models"])
    assert stop.value.code == 1
    assert "a Python of 3.11 to 3.14 is needed" in capsys.readouterr().err


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_the_lock_is_made_for_the_pythons_that_the_set_up_takes(bootstrap: ModuleType, lock: str) -> None:
    """A Python outside would find a lock file of which every line is for others."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    pins = [Requirement(line) for line in re.findall(r"^(\S+ ;.*) \\$", text, re.M)]
    (major, first), (_, end) = bootstrap.OLDEST, bootstrap.BELOW

    def held(minor: int) -> set[str]:
        python = {"python_full_version": f"{major}.{minor}.0", "platform_python_implementation": "CPython"}
        return {pin.name for pin in pins if pin.marker and pin.marker.evaluate({**python, "sys_platform": "linux"})}

    assert {"msgspec", "onnxruntime", "uv"} <= held(first)
    assert held(end - 1) == held(first)
    assert held(end) == set()


def test_a_full_disk_is_told_before_anything_is_done(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    move(bootstrap, monkeypatch, tmp_path)
    monkeypatch.setattr(bootstrap.shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    assert bootstrap.main(["--no-models"]) == 1
    assert "needs 2.0 GB of disk" in capsys.readouterr().err
    assert not (tmp_path / ".venv").exists()


def test_a_changed_lock_asks_for_a_new_set_up(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    move(bootstrap, monkeypatch, tmp_path)
    python = tmp_path / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    bootstrap._write(bootstrap.STAMP, f'{{"run": "{bootstrap._wanted(False)}", "dev": ""}}')
    assert bootstrap._is_ready(False)
    assert not bootstrap._is_ready(True)
    bootstrap.LOCK.write_text("other")
    assert not bootstrap._is_ready(False)


def move(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    """Lets the set-up work in an empty clone."""
    for name in ("requirements.lock", "requirements-dev.lock", "pyproject.toml"):
        (root / name).write_text(name)
    venv = root / ".venv"
    places = {
        "ROOT": root,
        "VENV": venv,
        "PYTHON": venv / "bin/python",
        "STAMP": venv / ".portico-setup.json",
        "UNFINISHED": venv / ".portico-unfinished",
        "LOCK": root / "requirements.lock",
        "DEV_LOCK": root / "requirements-dev.lock",
    }
    for name, place in places.items():
        monkeypatch.setattr(bootstrap, name, place)
