"""Keys for a purpose and keyed hashes."""

from __future__ import annotations

import re

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given, settings
from hypothesis import strategies as st

from portico.server.kit.hashing import derive_key, keyed_hash, random_text


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=200), st.text(st.characters(codec="ascii"), max_size=40))
def test_derived_key_is_hkdf_of_rfc_5869(master: bytes, purpose: str) -> None:
    known = HKDF(SHA256(), 32, b"portico key derivation 1", purpose.encode()).derive(master)
    assert derive_key(master, purpose) == known


def test_keys_of_two_purposes_have_nothing_in_common() -> None:
    assert derive_key(b"master", "a") != derive_key(b"master", "b")


@settings(deadline=None)
@given(st.text())
def test_any_text_can_be_hashed(text: str) -> None:
    assert len(keyed_hash(b"key", text)) == 32


def test_half_a_surrogate_pair_can_be_hashed() -> None:
    assert keyed_hash(b"key", "\ud800") != keyed_hash(b"key", "\ud801")


def test_random_text_has_64_url_safe_characters() -> None:
    texts = {random_text("geai_") for _ in range(100)}
    assert len(texts) == 100
    assert all(re.fullmatch(r"geai_[A-Za-z0-9_-]{64}", text) for text in texts)
