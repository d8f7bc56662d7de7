"""Refusals of access tokens and refresh tokens, with the ids and texts of the reference's error list."""

from __future__ import annotations

import math

from portico.server.errors import Conflict, NotFound, OutOfRange, TooManyRequests, Unauthorized


class SessionFinished(Unauthorized):
    """The user signed out."""

    id, text = 21, "Session finished, login again."


class RefreshRefused(Unauthorized):
    """Unknown, expired, or used before; the last one ends the session."""

    id, text = 101, "Refresh token error."


class TokenRevoked(Unauthorized):
    """Somebody else ended the session: an administrator, a new password, a refresh token used twice."""

    id, text = 102, "Token revoked, login again."


class TokenExpired(Unauthorized):
    id, text = 103, "Token expired, login again"


class TokenMissing(Unauthorized):
    id, text = 112, "Access token not found, login again."


class CredentialUnknown(Unauthorized):
    """Nobody's token. Told as TokenMissing where only access tokens are taken."""


class TokenNotValid(Unauthorized):
    id, text = 114, "Access token not valid, login again."


class SessionRefused(Unauthorized):
    """The session is good, its user is blocked."""

    id, text = 122, "Session token error, login again."


class Unverified(Unauthorized):
    """Unknown here, but it may be a token of an external issuer: `Guard.verify` finds out."""

    def __init__(self, token: str) -> None:
        super().__init__()
        self.token = token


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
