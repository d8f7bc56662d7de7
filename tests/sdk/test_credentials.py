"""Whose token goes where: the order of the sources, the file's oddities, nothing shared, nothing written."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from portico import AsyncPortico, ConfigurationError, MissingCredentials, Portico, TokenIdentity
from portico.sdk.credentials import Credentials, check_base_url, find_credentials, geai_file, read_profiles
from tests.sdk.odd_server import OddServer, reply_json

FILE = "https://file.example"
ENV = "https://env.example"


@pytest.fixture
def home(clean_house: Path) -> Path:
    return clean_house


def write_file(home: Path, text: str) -> Path:
    folder = home / ".geai"
    folder.mkdir(exist_ok=True)
    file = folder / "credentials"
    file.write_text(text, "utf-8")
    return file


def write_local(tmp_path: Path, url: str = "http://127.0.0.1:8080") -> None:
    (tmp_path / "data").mkdir()
    text = f"[default]\nGEAI_API_KEY = local-key\nGEAI_API_BASE_URL = {url}\n"
    text += f"[organization]\nGEAI_API_KEY = org-key\nGEAI_API_BASE_URL = {url}\n"
    (tmp_path / "data" / "credentials").write_text(text)


def keys(found: Credentials) -> tuple[str | None, str]:
    return found.api_key, found.base_url


def test_the_order_is_arguments_environment_file_local_server(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_local(tmp_path)
    assert keys(find_credentials()) == ("local-key", "http://127.0.0.1:8080")
    write_file(home, f"[default]\ngeai_api_key = file-key\ngeai_api_base_url = {FILE}\n")
    assert keys(find_credentials()) == ("file-key", FILE)
    monkeypatch.setenv("GEAI_API_KEY", "env-key")
    monkeypatch.setenv("GEAI_API_BASE_URL", ENV)
    assert keys(find_credentials()) == ("env-key", ENV)
    assert keys(find_credentials(api_key="k", base_url="https://arg.example/")) == ("k", "https://arg.example")


def test_the_source_is_told(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_file(home, f"[default]\ngeai_api_key = file-key\ngeai_api_base_url = {FILE}\n")
    assert find_credentials().source == "~/.geai/credentials [default]"
    monkeypatch.setenv("GEAI_API_KEY", "env-key")
    assert find_credentials().source == "environment"
    assert find_credentials(api_key="k", base_url=FILE).source == "arguments"


@pytest.mark.parametrize("prefix", ["GEAI", "PORTICO", "SAIA"])
def test_the_environment_has_three_spellings(prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{prefix}_API_KEY", "k")
    monkeypatch.setenv(f"{prefix}_API_BASE_URL", ENV)
    assert keys(find_credentials()) == ("k", ENV)


def test_a_token_stays_with_the_address_of_its_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEAI_API_BASE_URL", ENV)
    monkeypatch.setenv("PORTICO_API_KEY", "k")
    monkeypatch.setenv("PORTICO_API_BASE_URL", "http://127.0.0.1:1")
    assert keys(find_credentials()) == ("k", "http://127.0.0.1:1")


def test_every_member_is_read(home: Path) -> None:
    environ = {
        "GEAI_OAUTH_ACCESS_TOKEN": "oauth",
        "GEAI_API_KEY": "key",
        "GEAI_API_BASE_URL": ENV,
        "GEAI_PROJECT_ID": "p-1",
        "GEAI_ORGANIZATION_ID": "o-1",
        "GEAI_SSL_CERT_PATH": "ca.pem",
    }
    found = find_credentials(environ=environ)
    assert (found.project_id, found.organization_id, found.ca_file) == ("p-1", "o-1", "ca.pem")
    assert found.headers() == {"Authorization": "Bearer oauth", "project-id": "p-1", "organization-id": "o-1"}
    del environ["GEAI_OAUTH_ACCESS_TOKEN"]
    assert find_credentials(environ=environ).headers() == {"Authorization": "Bearer key"}


def test_a_key_without_a_url_is_an_error(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_local(tmp_path)
    with pytest.raises(MissingCredentials, match="base URL"):
        Portico("key")
    monkeypatch.setenv("GEAI_API_KEY", "env-key")
    with pytest.raises(MissingCredentials, match="GEAI_API_BASE_URL"):
        Portico()
    with pytest.raises(MissingCredentials, match="base URL"):
        AsyncPortico()


def test_a_key_in_code_does_not_go_to_an_address_of_the_file(home: Path) -> None:
    write_file(home, f"[default]\ngeai_api_key = file-key\ngeai_api_base_url = {FILE}\n")
    with pytest.raises(MissingCredentials):
        find_credentials(api_key="other")


def test_nothing_at_all_says_what_to_do(home: Path) -> None:
    with pytest.raises(MissingCredentials) as raised:
        Portico()
    assert "portico serve" in str(raised.value)
    assert "GEAI_API_KEY" in str(raised.value)


def test_a_token_of_a_file_goes_only_to_its_own_address(home: Path, tmp_path: Path) -> None:
    write_file(home, f"[default]\ngeai_api_key = file-key\ngeai_api_base_url = {FILE}\n")
    write_local(tmp_path)
    assert keys(find_credentials(base_url=FILE + "/")) == ("file-key", FILE)
    assert keys(find_credentials(base_url="http://127.0.0.1:8080")) == ("local-key", "http://127.0.0.1:8080")
    with pytest.raises(MissingCredentials, match="elsewhere"):
        find_credentials(base_url="https://elsewhere.example")


def test_the_environment_completes_the_default_profile(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_file(home, f"[default]\ngeai_api_base_url = {FILE}\ngeai_project_id = p-1\n")
    monkeypatch.setenv("GEAI_API_KEY", "env-key")
    assert keys(find_credentials()) == ("env-key", FILE)


def test_an_alias_keeps_the_environment_out(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_file(home, f"[default]\nGEAI_API_KEY=d\n[work]\nGEAI_API_KEY=w\nGEAI_API_BASE_URL={FILE}\n")
    monkeypatch.setenv("GEAI_API_KEY", "env-key")
    monkeypatch.setenv("GEAI_API_BASE_URL", ENV)
    assert keys(find_credentials(alias="work")) == ("w", FILE)
    assert keys(find_credentials(alias="work", api_key="mine")) == ("mine", FILE)


def test_an_alias_may_name_a_profile_of_the_local_server(tmp_path: Path) -> None:
    write_local(tmp_path)
    assert keys(find_credentials(alias="organization")) == ("org-key", "http://127.0.0.1:8080")


def test_an_unknown_alias_names_those_there_are(home: Path) -> None:
    write_file(home, "[work]\nGEAI_API_KEY=w\n")
    with pytest.raises(ConfigurationError, match="work"):
        find_credentials(alias="play")


def test_the_file_is_read_with_tolerance(home: Path) -> None:
    file = write_file(
        home,
        "\ufeff; a comment\n# another\n  geai_api_key : a%b%%(c)s  \nnonsense\n"
        f"[default]\nGEAI_API_BASE_URL='{FILE}'\n\n[ other one ]\nGeai_Api_Key = \"q=1\"\n[empty]\n",
    )
    assert read_profiles(file) == {
        "default": {"geai_api_key": "a%b%%(c)s", "geai_api_base_url": FILE},
        "other one": {"geai_api_key": "q=1"},
        "empty": {},
    }
    assert keys(find_credentials()) == ("a%b%%(c)s", FILE)


def test_the_data_folder_follows_its_setting(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "credentials").write_text(f"[default]\nGEAI_API_KEY=x\nGEAI_API_BASE_URL={FILE}\n")
    for name in ("PORTICO_DATA_DIR", "DATA"):
        assert keys(find_credentials(environ={name: str(elsewhere)})) == ("x", FILE)


def test_the_default_data_folder_is_the_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()  # the real rule, not the one of the fixture
    from portico.sdk.credentials import _default_data_dir
    from portico.server.settings import default_data_dir

    assert _default_data_dir(os.environ) == default_data_dir()


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("https://api.example/", "https://api.example"),
        ("http://h/prefix//", "http://h/prefix"),
        ("api.example", "https://api.example"),
        ("api.example:8443/p", "https://api.example:8443/p"),
        ("localhost:8080", "http://localhost:8080"),
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_addresses_are_made_fit(given: str, url: str) -> None:
    assert check_base_url(given) == url


@pytest.mark.parametrize(
    "given", ["ftp://h", "https://", "http://h?x=1", "http://h/#a", "http://h:port", "http://a b", "https://u:secret@h"]
)
def test_bad_addresses_are_refused_without_showing_a_password(given: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        check_base_url(given)
    assert "secret" not in str(raised.value)


def test_a_token_with_a_line_break_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="blanks"):
        find_credentials(api_key="abc\nX-Evil: 1", base_url=FILE)


def test_tokens_do_not_print() -> None:
    found = find_credentials(api_key="very-secret", access_token="also-secret", base_url=FILE)
    shown = f"{found!r} {found} {Portico('very-secret', FILE)!r} {vars(Portico('very-secret', FILE))!r}"
    assert "secret" not in shown
    assert "***" in shown


def test_two_clients_have_two_tokens(server: OddServer) -> None:
    server.answer = lambda seen: reply_json({"organizationId": seen.headers["authorization"]})
    with Portico("one", server.url) as first, Portico("two", server.url) as second:
        answers = [client.tokens.validate() for client in (first, second, first)]
    assert all(isinstance(answer, TokenIdentity) for answer in answers)
    assert [answer.organization_id for answer in answers] == ["Bearer one", "Bearer two", "Bearer one"]


def test_an_access_token_brings_its_project(server: OddServer) -> None:
    with Portico(None, server.url, access_token="oauth", project_id="p-1") as client:
        client.tokens.validate()
    assert server.seen[0].headers["authorization"] == "Bearer oauth"
    assert server.seen[0].headers["project-id"] == "p-1"


def test_the_status_is_asked_without_a_token(server: OddServer, client: Portico) -> None:
    client.status()
    assert "authorization" not in server.seen[0].headers


def test_nothing_is_written_even_into_a_home_that_could_be(home: Path) -> None:
    code = f"import portico; portico.Portico('k', '{FILE}'); portico.AsyncPortico('k', '{FILE}')"
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "HOME": str(home)})
    assert list(home.iterdir()) == []


def test_import_and_use_with_a_read_only_home(home: Path) -> None:
    home.chmod(stat.S_IRUSR | stat.S_IXUSR)
    code = f"import portico; print(portico.Portico('k', '{FILE}'))"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env={**os.environ, "HOME": str(home)}
    )
    assert FILE in done.stdout
    home.chmod(stat.S_IRWXU)


def test_an_unreadable_file_is_told(home: Path) -> None:
    geai_file(home).mkdir(parents=True)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        find_credentials()
