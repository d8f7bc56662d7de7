"""Shapes of the Security API: access tokens, who somebody is, sessions; and of the installation's users."""

from __future__ import annotations

from msgspec import field

from portico.wire.tolerant import Shape


class AccessToken(Shape):
    """`expires_in` is in seconds; blanks in `scope` are written as `+`. No refresh token for client credentials."""

    access_token: str
    token_type: str = "Bearer"
    expires_in: int = 0
    refresh_token: str = ""
    scope: str = ""
    user_guid: str = ""


class UserInfo(Shape):
    """Whom an access token belongs to; `roles` are the names of all that the user holds somewhere."""

    sub: str
    guid: str
    username: str
    email: str = ""
    name: str = ""
    first_name: str = ""
    last_name: str = ""
    roles: list[str] = field(default_factory=list)


class AuthenticationType(Shape, rename="camel"):
    name: str
    type: str
    description: str = ""


class AuthenticationTypes(Shape, rename="camel"):
    authentication_types: list[AuthenticationType]


class User(Shape, rename="camel"):
    """A person of the installation. `status` is Active or Blocked; times are UTC without a zone.

    `setup_link` is shown once, in the answer that makes a user or a new link.
    """

    id: str
    email: str
    name: str = ""
    first_name: str = ""
    last_name: str = ""
    status: str = "Active"
    system_administrator: bool = False
    has_password: bool = False
    issuer: str = ""
    created_at: str = ""
    last_login_at: str = ""
    setup_link: str = ""


class UserList(Shape, rename="camel"):
    users: list[User]
    count: int = 0
    pages: int = 0


class SetupLink(Shape, rename="camel"):
    """Good for one use. `expires_at` is UTC."""

    setup_link: str
    expires_at: str


class Session(Shape, rename="camel"):
    """One sign-in of a user."""

    id: str
    client_id: str
    created_at: str
    used_at: str
    expires_at: str


class SessionList(Shape, rename="camel"):
    sessions: list[Session]
