"""Refusals of access tokens and refresh tokens, with the ids and texts of the reference's error list."""

from __future__ import annotations

from portico.server.errors import Unauthorized


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
