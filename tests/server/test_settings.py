"""Settings that cannot work are refused at the start, each with its name and what to write."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

from portico.server.settings import SettingError, Settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORTICO_KEEP_ALIVE_S", "0"),
        ("PORTICO_GAP_TIMEOUT_S", "-1"),
        ("PORTICO_CONNECT_TIMEOUT_S", "nan"),
        ("PORTICO_SHUTDOWN_GRACE_S", "inf"),
        ("PORTICO_WORKERS", "0"),
        ("PORTICO_BODY_LIMIT_BYTES", "0"),
        ("PORTICO_RETRIES", "-1"),
        ("PORTICO_LOCAL_SLOTS", "0"),
    ],
)
def test_a_number_out_of_its_range_is_named(name: str, value: str, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=f"{name}=.*: write a number from"):
        Settings.load({name: value}, data_dir=tmp_path)


def test_an_argument_is_checked_like_the_environment(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="PORTICO_WORKERS"):
        Settings.load({}, data_dir=tmp_path, workers=0)


@pytest.mark.parametrize("key", ["sk-abc\u2026", "sk abc", "sk-abc\r\nx: y"])
def test_a_provider_key_that_no_header_can_carry_is_refused_without_telling_it(key: str, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="PORTICO_PROVIDER_OPENAI_API_KEY") as refusal:
        Settings.load({"PORTICO_PROVIDER_OPENAI_API_KEY": key}, data_dir=tmp_path)
    assert "abc" not in str(refusal.value)


@pytest.mark.parametrize(
    "url",
    ["api.example.com", "ftp://h", "http://", "http://h:x", "http://[", "http://a b", "http://u:pw@h", "http://h?a=b"],
)
def test_what_is_no_address_of_a_provider_is_refused_without_telling_it(url: str, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="PORTICO_PROVIDER_OPENAI_BASE_URL is no address") as refusal:
        Settings.load({"PORTICO_PROVIDER_OPENAI_BASE_URL": url}, data_dir=tmp_path)
    assert "pw" not in str(refusal.value)


def test_the_defaults_are_within_their_own_ranges(tmp_path: Path) -> None:
    defaults = asdict(Settings.load({}, data_dir=tmp_path))
    Settings.load({}, **{name: value for name, value in defaults.items() if type(value) in (int, float)})


@pytest.mark.parametrize("address", ["collector:4318", "ftp://collector", "http://user:pw@collector:4318", "nonsense"])
def test_a_collector_without_an_address_is_refused(address: str, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="PORTICO_OTEL_ENDPOINT"):
        Settings.load({"PORTICO_OTEL_ENDPOINT": address}, data_dir=tmp_path)


def test_nothing_watches_unless_it_is_asked_for(tmp_path: Path) -> None:
    settings = Settings.load({}, data_dir=tmp_path)
    assert (settings.metrics, settings.otel_endpoint, settings.request_log) == ("off", None, "off")
    with pytest.raises(SettingError, match="PORTICO_METRICS"):
        Settings.load({"PORTICO_METRICS": "yes"}, data_dir=tmp_path)
