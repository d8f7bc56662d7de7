"""E-mail addresses of people, as bodies and external issuers name them."""

from __future__ import annotations

import re

from portico.server.access.refusals import PseudoMember
from portico.server.errors import FieldRequired, PatternMismatch
from portico.server.kit.texts import storable

_ALL_MEMBERS = "all-members@"
_EMAIL = re.compile(r"[^@\s\0]{1,64}@[^@\s\0]{1,190}")


def read_email(value: object, field: str = "userEmail") -> str:
    """In lower case. Raises FieldRequired, PatternMismatch (400, id 11), PseudoMember (400, id 8)."""
    if value is None or (isinstance(value, str) and not value.strip()):
        raise FieldRequired(field)
    if not isinstance(value, str) or not _EMAIL.fullmatch(value.strip()):
        raise PatternMismatch(field, "send an e-mail address")
    email = storable(value).strip().lower()
    if email.startswith(_ALL_MEMBERS):
        raise PseudoMember(field)
    return email
