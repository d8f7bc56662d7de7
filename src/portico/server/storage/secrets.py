"""The installation key: found or made once, proved against the database; and the box that keeps secrets encrypted."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from sqlalchemy import text

from portico.server.errors import StartError
from portico.server.kit.hashing import derive_key, keyed_hash
from portico.server.settings import Secret
from portico.server.storage.database import Database

KEY_FILE = "installation.key"
_SHORTEST_KEY = 32
_KEY_ID_BYTES = 8
_NONCE_BYTES = 12
_FORMAT = b"\x01"


class InstallationKey:
    """One master key, of which only keys for a purpose are used."""

    __slots__ = ("_master", "check", "token_key")

    def __init__(self, master: Secret | str) -> None:
        self._master = master.encode()
        self.token_key = self.for_purpose("tokens")
        # Kept in the database: proves a key without telling anything about it.
        self.check = self.for_purpose("check value")

    def for_purpose(self, purpose: str) -> bytes:
        return derive_key(self._master, purpose)

    def hash_token(self, token: str) -> bytes:
        return keyed_hash(self.token_key, token)


class SecretBox:
    """AES-256-GCM. What is sealed can only be opened with the same context, so a row copied to another tenant is noise.

    Layout: format byte, key id (8), nonce (12), ciphertext with tag. The first key seals; older ones still open.
    """

    def __init__(self, keys: Sequence[InstallationKey], purpose: str) -> None:
        derived = [key.for_purpose(f"secrets: {purpose}") for key in keys]
        self._keys = {derive_key(key, "key id")[:_KEY_ID_BYTES]: key for key in derived}
        self._current = next(iter(self._keys))

    def seal(self, secret: Secret, context: str) -> bytes:
        """`context` names the place of the secret, tenant included, e.g. `organization/provider`."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = os.urandom(_NONCE_BYTES)
        head = _FORMAT + self._current
        sealed = AESGCM(self._keys[self._current]).encrypt(nonce, secret.encode(), head + context.encode())
        return head + nonce + sealed

    def open(self, sealed: bytes, context: str) -> Secret:
        """Raises SealBroken when the key is unknown, the context another one, or a bit has changed."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        head, rest = sealed[: 1 + _KEY_ID_BYTES], sealed[1 + _KEY_ID_BYTES :]
        key = self._keys.get(head[1:])
        if head[:1] != _FORMAT or key is None:
            raise SealBroken("sealed with a key that this server does not have")
        try:
            plain = AESGCM(key).decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], head + context.encode())
        except (InvalidTag, ValueError):
            raise SealBroken("changed, or moved from another place") from None
        return Secret(plain.decode())

    def is_current(self, sealed: bytes) -> bool:
        """False: open it and seal it again, to get rid of the older key."""
        return sealed[1 : 1 + _KEY_ID_BYTES] == self._current


class SealBroken(ValueError):
    """A sealed secret cannot be opened."""


async def open_installation_key(database: Database, data_dir: Path, given: Secret | None) -> InstallationKey:
    """The key of this installation: `given`, else the file, else a new one, when the database has none yet.

    Raises StartError when the database was set up with another key, or has one and none is here.
    """
    if given is not None and len(given) < _SHORTEST_KEY:
        raise StartError(f"PORTICO_SECRET_KEY is too short: write {_SHORTEST_KEY} or more characters")
    path = data_dir / KEY_FILE
    # Asked before the file: a process starting beside this one makes the file first and the value second.
    is_set_up = await _maybe_check_value(database) is not None
    master = given or _maybe_read(path)
    made = master is None
    if master is None:
        if is_set_up:
            raise StartError(_explain(path, f"{path} is missing"))
        master = _make(path)
    key = InstallationKey(master)
    if await _settle_check_value(database, key.check) != key.check:
        if made:  # another host was first; its key is the one to use, and ours would only be in the way
            path.unlink(missing_ok=True)
        source = "PORTICO_SECRET_KEY" if given else str(path)
        raise StartError(_explain(path, f"{source} holds a different one"))
    return key


async def _maybe_check_value(database: Database) -> bytes | None:
    async with database.begin() as connection:
        found: bytes | None = await connection.scalar(text("SELECT key_check FROM installation"))
    return found


async def _settle_check_value(database: Database, check: bytes) -> bytes | None:
    """The check value of the database; ours, when it had none."""
    found = await _maybe_check_value(database)
    if found is not None:
        return found
    async with database.begin() as connection:
        await connection.execute(
            text("INSERT INTO installation (key_check) VALUES (:key_check) ON CONFLICT DO NOTHING"),
            {"key_check": check},
        )
    return await _maybe_check_value(database)


def _explain(path: Path, what: str) -> str:
    return (
        f"The database was set up with another installation key: {what}. Set PORTICO_SECRET_KEY to the key of the "
        f"first start (on the host of the first start it stands in its data folder, file {path.name}), or use an empty "
        "database."
    )


def _maybe_read(path: Path) -> Secret | None:
    try:
        found = path.read_text().strip()
    except FileNotFoundError:
        return None
    if len(found) < _SHORTEST_KEY:
        raise StartError(f"{path} is damaged: it must hold the installation key; restore it from a backup")
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)
    return Secret(found)


def _make(path: Path) -> Secret:
    """A new key in a file of its owner. Of several processes that come at once, one makes it and all read the same."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48) + "\n")
            file.flush()
            os.fsync(file.fileno())
        # A link appears with its whole content, and fails when another process was first.
        with suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink()
    found = _maybe_read(path)
    assert found is not None, "just written"
    return found
