"""The password of a document is stored sealed, and opened for its own profile only."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

from portico.server.assistants.search.documents.passwords import open_password, seal_password
from portico.server.ids import OrganizationId, ProjectId
from portico.server.storage.search_profiles import ProfileKey
from portico.server.storage.secrets import InstallationKey

KEY = InstallationKey("k" * 40)
HERE = ProfileKey(OrganizationId(str(uuid4())), ProjectId(str(uuid4())), str(uuid4()))
GIVEN = {"startPage": "2", "password": "geheim ö"}


def test_what_is_stored_does_not_hold_the_password_and_gives_it_back() -> None:
    stored = seal_password(KEY, HERE, GIVEN)
    assert stored["startPage"] == "2" and "geheim" not in str(stored)
    assert open_password(KEY, HERE, stored) == GIVEN


def test_elsewhere_or_under_another_key_there_is_no_password() -> None:
    stored = seal_password(KEY, HERE, GIVEN)
    for key, place in ((KEY, replace(HERE, profile_id=str(uuid4()))), (InstallationKey("l" * 40), HERE)):
        assert open_password(key, place, stored) == {"startPage": "2"}
    assert open_password(KEY, HERE, GIVEN) == {"startPage": "2"}, "and one that is no sealed one is none"


def test_without_a_password_nothing_changes() -> None:
    assert seal_password(KEY, HERE, {"dpi": "90"}) == {"dpi": "90"} == open_password(KEY, HERE, {"dpi": "90"})
