"""The credentials file: its form, its mode, and what is left alone in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from portico.server.access.host.credentials import FILE, base_url, maybe_base_url, point_to, write_credentials
from portico.server.access.organizations import NewTokens

TOKENS = NewTokens(organization="geai_o", project="geai_p")


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://[::1]:80"),
        ("::1", "http://[::1]:80"),
        ("portico.example", "http://portico.example:80"),
    ],
)
def test_address_is_one_that_can_be_called(host: str, url: str) -> None:
    assert base_url(host, 80) == url


def test_file_is_replaced_and_not_written_over(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("old")
    (tmp_path / FILE).chmod(0o644)
    with (tmp_path / FILE).open() as reader:
        written = write_credentials(tmp_path, TOKENS, "http://127.0.0.1:1")
        assert reader.read() == "old"
    assert written.path.stat().st_mode & 0o777 == 0o600
    assert "geai_p" not in repr(written)
    assert maybe_base_url(tmp_path) == "http://127.0.0.1:1"


def test_new_address_touches_nothing_else(tmp_path: Path) -> None:
    text = (
        "# mine\n[other]\nGEAI_API_BASE_URL = https://api.example\n"
        "[default]\nGEAI_API_KEY = k\ngeai_api_base_url=http://127.0.0.1:1\n"
    )
    (tmp_path / FILE).write_text(text)
    assert point_to(tmp_path, "http://127.0.0.1:2") is True
    assert (tmp_path / FILE).read_text() == text.replace("http://127.0.0.1:1", "http://127.0.0.1:2")
    assert point_to(tmp_path, "http://127.0.0.1:2") is False


def test_no_file_has_no_address(tmp_path: Path) -> None:
    assert maybe_base_url(tmp_path) is None
    assert point_to(tmp_path, "http://127.0.0.1:2") is False
    (tmp_path / FILE).write_bytes(b"\xff not INI")
    assert maybe_base_url(tmp_path) is None
