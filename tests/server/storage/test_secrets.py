"""The installation key, and the box for secrets."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from portico.server.errors import StartError
from portico.server.settings import Secret
from portico.server.storage.database import Database
from portico.server.storage.secrets import (
    KEY_FILE,
    InstallationKey,
    SealBroken,
    SecretBox,
    open_installation_key,
)

GIVEN = Secret("a key of thirty-two characters or more")


@pytest.mark.anyio
async def test_key_is_made_once_in_a_file_of_its_owner(database: Database, tmp_path: Path) -> None:
    first = await open_installation_key(database, tmp_path, None)
    path = tmp_path / KEY_FILE
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == [KEY_FILE]
    again = await open_installation_key(database, tmp_path, None)
    assert again.hash_token("geai_x") == first.hash_token("geai_x")


@pytest.mark.anyio
async def test_several_at_once_make_one_key(database: Database, tmp_path: Path) -> None:
    keys = await asyncio.gather(*(open_installation_key(database, tmp_path, None) for _ in range(6)))
    assert len({key.check for key in keys}) == 1


@pytest.mark.anyio
async def test_given_key_needs_no_file(database: Database, tmp_path: Path) -> None:
    await open_installation_key(database, tmp_path, GIVEN)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.anyio
async def test_key_of_the_file_may_be_given_on_another_host(database: Database, tmp_path: Path) -> None:
    first = await open_installation_key(database, tmp_path, None)
    given = Secret((tmp_path / KEY_FILE).read_text().strip())
    assert (await open_installation_key(database, tmp_path / "other", given)).check == first.check


@pytest.mark.anyio
async def test_wrong_key_is_refused(database: Database, tmp_path: Path) -> None:
    await open_installation_key(database, tmp_path, GIVEN)
    with pytest.raises(StartError, match=r"another installation key: PORTICO_SECRET_KEY holds a different one"):
        await open_installation_key(database, tmp_path, Secret("x" * 40))


@pytest.mark.anyio
async def test_missing_key_is_refused_and_none_is_made(database: Database, tmp_path: Path) -> None:
    await open_installation_key(database, tmp_path, GIVEN)
    with pytest.raises(StartError, match=r"installation\.key is missing.*PORTICO_SECRET_KEY"):
        await open_installation_key(database, tmp_path, None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.anyio
async def test_of_two_hosts_on_an_empty_database_one_is_refused_and_keeps_no_key(
    database: Database, tmp_path: Path
) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    attempts = (open_installation_key(database, folder, None) for folder in folders)
    results = await asyncio.gather(*attempts, return_exceptions=True)
    refused = [isinstance(result, StartError) for result in results]
    assert sorted(refused) == [False, True]
    assert [(folder / KEY_FILE).exists() for folder in folders] == [not one for one in refused]


@pytest.mark.anyio
async def test_short_key_is_refused(database: Database, tmp_path: Path) -> None:
    with pytest.raises(StartError, match="32 or more characters"):
        await open_installation_key(database, tmp_path, Secret("short"))
    (tmp_path / KEY_FILE).write_text("")
    with pytest.raises(StartError, match="damaged"):
        await open_installation_key(database, tmp_path, None)


@pytest.mark.anyio
async def test_key_file_open_to_others_is_closed(database: Database, tmp_path: Path) -> None:
    await open_installation_key(database, tmp_path, None)
    (tmp_path / KEY_FILE).chmod(0o644)
    await open_installation_key(database, tmp_path, None)
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600


@pytest.mark.anyio
async def test_database_holds_nothing_of_the_key(database: Database, tmp_path: Path) -> None:
    key = await open_installation_key(database, tmp_path, GIVEN)
    async with database.begin() as connection:
        kept = await connection.scalar(text("SELECT key_check FROM installation"))
    assert kept == key.check
    assert kept not in (key.token_key, GIVEN.encode())
    assert GIVEN not in repr(key)


OLD, NEW = InstallationKey("o" * 40), InstallationKey("n" * 40)


@settings(deadline=None)
@given(st.text(), st.text())
def test_sealed_secret_opens_in_its_place_only(secret: str, context: str) -> None:
    try:
        secret.encode()
        context.encode()
    except UnicodeEncodeError:
        return
    box = SecretBox([NEW], "providers")
    sealed = box.seal(Secret(secret), context)
    assert box.open(sealed, context) == secret
    assert box.seal(Secret(secret), context) != sealed
    for stranger, place in ((box, context + "x"), (SecretBox([NEW], "other"), context), (SecretBox([OLD], ""), "")):
        with pytest.raises(SealBroken):
            stranger.open(sealed, place)


@settings(deadline=None)
@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_any_changed_byte_is_noticed(position: int, flip: int) -> None:
    box = SecretBox([NEW], "providers")
    sealed = bytearray(box.seal(Secret("sk-secret"), "acme/openai"))
    sealed[position % len(sealed)] ^= flip
    with pytest.raises(SealBroken):
        box.open(bytes(sealed), "acme/openai")


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_noise_is_no_secret(noise: bytes) -> None:
    with pytest.raises(SealBroken):
        SecretBox([NEW], "providers").open(noise, "")


def test_older_key_still_opens_and_is_told_from_the_current_one() -> None:
    sealed = SecretBox([OLD], "providers").seal(Secret("sk"), "acme")
    rotated = SecretBox([NEW, OLD], "providers")
    assert rotated.open(sealed, "acme") == "sk"
    assert not rotated.is_current(sealed)
    fresh = rotated.seal(rotated.open(sealed, "acme"), "acme")
    assert rotated.is_current(fresh)
    assert SecretBox([NEW], "providers").open(fresh, "acme") == "sk"
