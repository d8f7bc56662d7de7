"""Refusals of users: of their addresses and passwords, of links, and of the ways to sign in."""

from __future__ import annotations

import math

from portico.server.errors import Conflict, NotFound, OutOfRange, TooManyRequests, Unauthorized


class PasswordTooShort(OutOfRange):
    """400, id 8."""

    def __init__(self, shortest: int, field: str = "password") -> None:
        super().__init__(field, f"at least {shortest} characters")


class LinkNotValid(NotFound):
    text = "This link is not valid any more: it was used, it is too old, or it never was one. Ask for a new one."


class EmailTaken(Conflict):
    id = 4002

    def __init__(self, email: str) -> None:
        super().__init__(f"User '{email}' already exists [email={email}].", param="email")


class LastAdministrator(Conflict):
    text = "This is the last system administrator: make another user one first."


class UserNotFound(NotFound):
    def __init__(self, user: str) -> None:
        super().__init__(f"Not Found, User [{user}]", param="user")


class GrantNotValid(Unauthorized):
    """Wrong address or password, or a code that cannot be used: which of them is not told."""


class TooManyAttempts(TooManyRequests):
    def __init__(self, wait_s: float) -> None:
        minutes = max(1, math.ceil(wait_s / 60))
        super().__init__(
            f"Too many failed sign-ins: try again in {minutes} minute{'s' if minutes > 1 else ''}.",
            retry_after_s=wait_s,
        )


class UnsupportedGrant(OutOfRange):
    """400, id 8."""

    def __init__(self) -> None:
        super().__init__("grant_type", "send password, refresh_token, authorization_code or client_credentials")
