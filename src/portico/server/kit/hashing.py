"""Keys for a purpose out of one master key, keyed hashes, and random token text."""

from __future__ import annotations

import hmac
import secrets

_SALT = b"portico key derivation 1"


def derive_key(master: bytes, purpose: str) -> bytes:
    """32 bytes for one purpose: HKDF-SHA256 (RFC 5869) with a single output block, `purpose` as its info."""
    extracted = hmac.digest(_SALT, master, "sha256")
    return hmac.digest(extracted, purpose.encode() + b"\x01", "sha256")


def keyed_hash(key: bytes, text: str) -> bytes:
    """HMAC-SHA256 of a text, 32 bytes; any str is hashed, lone surrogates too."""
    return hmac.digest(key, text.encode("utf-8", "surrogatepass"), "sha256")


def random_text(prefix: str = "") -> str:
    """A prefix and 64 URL-safe characters: 384 random bits."""
    return prefix + secrets.token_urlsafe(48)
