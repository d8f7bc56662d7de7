"""A new access token for one that has expired, told once and driven twice, as `exchange.py` is.

A refresh token is good for one use, and a second one ends the session. So among all processes that share a profile,
one renews while the others wait for the lock; they find the new tokens in the file and ask nobody.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import replace

from portico.sdk.call import Answer, Call
from portico.sdk.credentials import REFRESH_TOKEN, Credentials, Secret, read_profiles
from portico.sdk.errors import ApiError
from portico.sdk.exchange import Pause
from portico.sdk.failures import read_json
from portico.sdk.grants import refresh_call
from portico.sdk.profile_file import LONGEST_WAIT_S, TURN_S, Lock, change_profile

ACCESS_TOKEN = "GEAI_OAUTH_ACCESS_TOKEN"
Renewal = Generator[Call | Pause, Answer | None, Credentials]


class Renewing:
    """A renewal under way: do `step` (a call or a pause), tell how it went, until `step` is None; then `result`."""

    def __init__(self, credentials: Credentials) -> None:
        self._steps = renew(credentials)
        self.step: Call | Pause | None = None
        self.result = credentials
        self.go_on()

    def go_on(self, answer: Answer | None = None) -> None:
        try:
            self.step = self._steps.send(answer)
        except StopIteration as end:
            self.step, self.result = None, end.value

    def close(self) -> None:
        """Gives the lock back, whatever happened."""
        self._steps.close()


def renew(credentials: Credentials) -> Renewal:
    """Yields calls to send and pauses to wait; returns other credentials, without a refresh token when it was refused.

    Raises OSError when the file cannot be written.
    """
    assert credentials.place is not None, "asked by can_renew"
    file, profile = credentials.place
    lock = Lock(file)
    end = time.monotonic() + LONGEST_WAIT_S
    while not lock.try_():
        if time.monotonic() > end:
            return replace(credentials, refresh_token=None)
        yield Pause(TURN_S)
    try:
        there = _stored(credentials)
        if there.access_token != credentials.access_token or there.refresh_token is None:
            return there
        answer = yield refresh_call(there.refresh_token)
        assert answer is not None
        fresh = _read(there, answer)
        if fresh.refresh_token is not None:
            tokens = {ACCESS_TOKEN: fresh.access_token, REFRESH_TOKEN: fresh.refresh_token}
            change_profile(file, profile, {name: str(token) for name, token in tokens.items()})
        return fresh
    finally:
        lock.release()


def _stored(credentials: Credentials) -> Credentials:
    """As the file has them now; without a refresh token when the profile is gone."""
    assert credentials.place is not None
    file, profile = credentials.place
    entries = read_profiles(file).get(profile, {})
    access, refresh = entries.get(ACCESS_TOKEN.lower()), entries.get(REFRESH_TOKEN.lower())
    if not access or not refresh:
        return replace(credentials, refresh_token=None)
    return replace(credentials, access_token=Secret(access), refresh_token=Secret(refresh))


def _read(credentials: Credentials, answer: Answer) -> Credentials:
    try:
        found = read_json(answer)
        access, refresh = str(found["access_token"]), str(found["refresh_token"])
    except (ApiError, KeyError, TypeError):
        return replace(credentials, refresh_token=None)  # whoever asked gets the refusal that began this
    return replace(credentials, access_token=Secret(access), refresh_token=Secret(refresh))
