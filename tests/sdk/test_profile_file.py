"""A credentials file keeps what is not ours, and is for its owner only."""

from __future__ import annotations

import stat
from pathlib import Path

from portico.sdk.profile_file import remove_section, set_entries, write_private

FILE = """# my profiles
[default]
geai_api_key = old
geai_project_id = p1

[work]
# the office
GEAI_API_KEY = w
"""


def test_entries_of_a_section_are_replaced_whatever_their_case() -> None:
    text = set_entries(FILE, "default", {"GEAI_API_KEY": "new"})

    assert text == FILE.replace("geai_api_key = old\ngeai_project_id = p1", "geai_project_id = p1\nGEAI_API_KEY = new")


def test_a_new_section_comes_last() -> None:
    assert set_entries(FILE, "home", {"A": "1"}) == FILE + "\n[home]\nA = 1\n"


def test_the_first_section_of_an_empty_file() -> None:
    assert set_entries("", "default", {"A": "1", "B": "2"}) == "[default]\nA = 1\nB = 2\n"


def test_a_percent_sign_stays() -> None:
    assert "A = 100%\n" in set_entries("", "default", {"A": "100%"})


def test_a_removed_section_takes_its_lines_along() -> None:
    assert remove_section(FILE, "default") == "# my profiles\n[work]\n# the office\nGEAI_API_KEY = w\n"


def test_the_file_and_its_folder_are_for_the_owner_only(tmp_path: Path) -> None:
    file = tmp_path / ".geai" / "credentials"

    write_private(file, "secret")

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [p.name for p in file.parent.iterdir()] == ["credentials"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")

    write_private(tmp_path / "link", "new")

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"
