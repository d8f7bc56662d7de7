"""The first start on an empty database, the starts after it, and new tokens for lost ones."""

from __future__ import annotations

import asyncio
import configparser
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from portico.server.access import organizations
from portico.server.access.host.credentials import FILE
from portico.server.access.host.first_start import first_start, reset_tokens
from portico.server.access.organizations import projects
from portico.server.errors import StartError
from portico.server.settings import Secret, Settings
from portico.server.storage.database import Database
from portico.server.storage.embedded import open_embedded
from portico.server.storage.secrets import InstallationKey
from tests.server.access.house import ADDRESS, KEY, House, open_house
from tests.server.access.test_snapshot import state, until

pytestmark = pytest.mark.anyio


def settings_of(database_url: str, data_dir: Path) -> Settings:
    return Settings(data_dir=data_dir, database_url=Secret(database_url), secret_key=KEY)


def read(data_dir: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string((data_dir / FILE).read_text())
    return parser


async def count(database: Database) -> list[int]:
    async with database.begin() as connection:
        query = "SELECT (SELECT count(*) FROM organizations), (SELECT count(*) FROM projects), count(*) FROM tokens"
        return list((await connection.execute(text(query))).one())


async def test_first_start_writes_a_file_of_its_owner_in_the_form_of_the_sdk(house: House, tmp_path: Path) -> None:
    path = tmp_path / FILE
    assert path.stat().st_mode & 0o777 == 0o600
    parser = read(tmp_path)
    assert parser.sections() == ["default", "organization"]
    assert house.snapshot.find(parser["default"]["GEAI_API_KEY"]) == house.member
    assert house.snapshot.find(parser["organization"]["GEAI_API_KEY"]) == house.owner
    assert {parser[name]["GEAI_API_BASE_URL"] for name in parser.sections()} == {ADDRESS}
    assert [entry.name for entry in tmp_path.iterdir()] == [FILE]
    assert await count(house.tenancy.database) == [1, 1, 2]


async def test_later_start_changes_nothing_but_the_address(house: House, tmp_path: Path) -> None:
    before = (tmp_path / FILE).read_text()
    database, key = house.tenancy.database, house.tenancy.key
    assert await first_start(database, key, tmp_path, ADDRESS) is None
    assert (tmp_path / FILE).read_text() == before
    assert await first_start(database, key, tmp_path, "http://127.0.0.1:9999") is None
    assert (tmp_path / FILE).read_text() == before.replace(ADDRESS, "http://127.0.0.1:9999")
    assert await count(database) == [1, 1, 2]


async def test_lost_file_is_not_made_again_by_a_start(house: House, tmp_path: Path) -> None:
    (tmp_path / FILE).unlink()
    assert await first_start(house.tenancy.database, house.tenancy.key, tmp_path, ADDRESS) is None
    assert not (tmp_path / FILE).exists()


async def test_several_processes_at_once_make_one_organization(empty_database_url: str, tmp_path: Path) -> None:
    program = (
        "import asyncio, sys, pathlib\n"
        "from portico.server.storage.database import Database\n"
        "from portico.server.storage.migrations import migrate\n"
        "from tests.server.access.house import open_house\n"
        "async def main(url, data_dir):\n"
        "    database = await Database.open(url)\n"
        "    print('ready', flush=True); sys.stdin.readline()\n"
        "    await migrate(database)\n"
        "    house = await open_house(url, data_dir)\n"
        "    print(house.credentials is not None)\n"
        "    await house.close(); await database.close()\n"
        "asyncio.run(main(sys.argv[1], pathlib.Path(sys.argv[2])))\n"
    )
    command = [sys.executable, "-c", program, empty_database_url, str(tmp_path)]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=60)[0].strip() for process in processes]
    assert sorted(answers) == ["False", "False", "True"]
    house = await open_house(empty_database_url, tmp_path)
    assert await count(house.tenancy.database) == [1, 1, 2]
    assert state(house.snapshot, read(tmp_path)["default"]["GEAI_API_KEY"]) == "project"
    await house.close()


async def test_many_at_once_in_one_process_make_one_organization(database_url: str, tmp_path: Path) -> None:
    database, key = await Database.open(database_url), InstallationKey(KEY)
    made = await asyncio.gather(*(first_start(database, key, tmp_path, ADDRESS) for _ in range(6)))
    assert sum(one is not None for one in made) == 1
    assert await count(database) == [1, 1, 2]
    await database.close()


async def test_file_that_cannot_be_written_leaves_the_database_empty(database_url: str, tmp_path: Path) -> None:
    database = await Database.open(database_url)
    with pytest.raises(OSError, match="No such file"):
        await first_start(database, InstallationKey(KEY), tmp_path / "absent", ADDRESS)
    assert await count(database) == [0, 0, 0]
    await database.close()


async def test_reset_revokes_the_lost_tokens_while_the_server_runs(
    house: House, database_url: str, tmp_path: Path
) -> None:
    lost = house.first
    made = await reset_tokens(settings_of(database_url, tmp_path))
    await until(lambda: state(house.snapshot, lost.project_token) == "refused 6")
    await until(lambda: state(house.snapshot, lost.organization_token) == "refused 6")
    assert state(house.snapshot, made.project_token) == "project"
    assert state(house.snapshot, made.organization_token) == "organization"
    parser = read(tmp_path)
    assert parser["default"]["GEAI_API_KEY"] == str(made.project_token)
    assert parser["organization"]["GEAI_API_BASE_URL"] == ADDRESS
    again = await reset_tokens(settings_of(database_url, tmp_path))
    await until(lambda: state(house.snapshot, made.project_token) == "refused 6")
    assert house.snapshot.find(again.project_token).project_name == "Default"


async def test_reset_leaves_other_tokens_alone(house: House, database_url: str, tmp_path: Path) -> None:
    acme = await organizations.create(house.tenancy, "Acme")
    sales = await projects.create(house.tenancy, house.owner, "Sales")
    await reset_tokens(settings_of(database_url, tmp_path))
    await until(lambda: state(house.snapshot, house.first.project_token) == "refused 6")
    assert state(house.snapshot, acme.tokens.organization) == "organization"
    assert state(house.snapshot, sales.tokens[0].id) == "project"


async def test_reset_without_a_file_takes_the_address_of_the_settings(
    house: House, database_url: str, tmp_path: Path
) -> None:
    (tmp_path / FILE).unlink()
    made = await reset_tokens(settings_of(database_url, tmp_path))
    assert made.base_url == "http://127.0.0.1:8080"


async def test_reset_on_an_empty_database_is_a_first_start(empty_database_url: str, tmp_path: Path) -> None:
    made = await reset_tokens(settings_of(empty_database_url, tmp_path))
    house = await open_house(empty_database_url, tmp_path)
    assert state(house.snapshot, made.project_token) == "project"
    await house.close()


async def test_reset_finds_another_project_when_the_first_one_is_deleted(
    house: House, database_url: str, tmp_path: Path
) -> None:
    owner = house.owner
    await projects.delete(house.tenancy, owner, house.member.project_id or "")
    with pytest.raises(StartError, match="no project left"):
        await reset_tokens(settings_of(database_url, tmp_path))
    assert state(house.snapshot, house.first.organization_token) == "organization"
    await projects.create(house.tenancy, owner, "Sales")
    made = await reset_tokens(settings_of(database_url, tmp_path))
    await house.snapshot.refresh()
    assert house.snapshot.find(made.project_token).project_name == "Sales"


async def test_reset_with_a_wrong_key_is_refused(house: House, database_url: str, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, database_url=Secret(database_url), secret_key=Secret("w" * 40))
    with pytest.raises(StartError, match="another installation key"):
        await reset_tokens(settings)
    assert state(house.snapshot, house.first.project_token) == "project"


async def test_reset_opens_the_embedded_database_of_the_host(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    made = await reset_tokens(settings)  # nothing runs: it is started, and stopped again
    embedded = await open_embedded(tmp_path)
    house = await open_house(embedded.url, tmp_path, key=None)
    assert state(house.snapshot, made.project_token) == "project"
    again = await reset_tokens(settings)  # while somebody else works on it
    await until(lambda: state(house.snapshot, made.project_token) == "refused 6")
    await until(lambda: state(house.snapshot, again.organization_token) == "organization")
    await house.close()
    await embedded.close()
