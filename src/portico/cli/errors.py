"""Errors to one line and an exit code: what happened, and what to do about it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import click

from .output import one_line


class CommandError(Exception):
    """A command failed; `what` happened, and the `hint` says what to do."""

    exit_code = 1

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint


class RequestFailed(CommandError):
    """The server, or this host, refused."""


class NotConfigured(CommandError):
    """No address, no token, or a part that is not installed."""

    exit_code = 4


@dataclass(frozen=True, slots=True)
class Failure:
    line: str
    exit_code: int


# The SDK's hints speak of arguments; at a command line they are options and commands.
_HINTS = {
    "MissingCredentials": "Start a server here (portico serve), run portico login, "
    "or set GEAI_API_KEY and GEAI_API_BASE_URL.",
    "HostUnreachable": "Is the server running (portico serve starts one here), and is the address right "
    "(portico configure show)?",
    "RequestTimeout": "Try again, or wait longer: --timeout SECONDS.",
    "Unauthorized": "Check the token: portico configure show says where it comes from.",
    "NotFound": "Check the name or the id.",
}

# Where the id of a refusal tells more than its class; a 409 says itself what is in the way.
_HINTS_BY_ID = {
    7: "Models and assistants need a project token, administration an organization's (--alias organization), "
    "organizations and users a system administrator (portico login --user).",
    403: "No role opens this: portico members places shows the roles you have, an administrator gives others.",
    409: "",
    1010: "portico rag list shows the RAG assistants of the project.",
    1101: "portico rag list --disabled shows the RAG assistants, those that cannot be asked, too.",
    2006: "--project takes the id of a project of this organization: portico projects list.",
    2020: "Choose another name, or change that one: portico rag update.",
    2021: "portico rag documents list NAME shows the documents and their ids.",
    2022: "portico rag documents list NAME shows the ids of the documents.",
}


def explain(error: Exception) -> Failure | None:
    """What is shown for an error; None for one that nobody foresaw, which keeps its traceback."""
    match error:
        case click.exceptions.NoArgsIsHelpError():
            # Its message is the whole help, made to be read as it stands.
            return Failure(error.format_message(), 2)
        case click.UsageError():
            path = error.ctx.command_path if error.ctx else "portico"
            return _failure(error.format_message(), f"See: {path} --help", 2)
        case click.ClickException():
            return _failure(error.format_message(), "", 1)
        case CommandError():
            return _failure(error.what, error.hint, error.exit_code)
        case UnicodeEncodeError():
            # A word of the command line, or the name of a file, with bytes that are no UTF-8.
            near = error.object[max(0, error.start - 20) : error.end + 20]
            return _failure(f"only UTF-8 text can be sent: {near!r} is none", "", 2)
        case OSError() if error.strerror:
            # A full disk, a folder of somebody else's: nothing that a traceback would explain better.
            return _failure(f"{error.filename}: {error.strerror}" if error.filename else error.strerror, "", 1)
        case _:
            return _explain_sdk(error)


def _explain_sdk(error: Exception) -> Failure | None:
    from portico.sdk.errors import ConfigurationError, PorticoError, TransportError

    match error:
        case PorticoError():
            exit_code = 4 if isinstance(error, ConfigurationError) else 3 if isinstance(error, TransportError) else 1
            return _failure(_with_request(error, error.message), _hint(error, error.hint), exit_code)
        case _:
            return None


def _hint(error: Exception, hint: str) -> str:
    if wait_s := getattr(error, "retry_after_s", None):
        return f"Try again in {math.ceil(wait_s)} s."
    name = type(error).__name__
    # A hint of the SDK that is made for this very case says more than ours for the class, unless it is about code.
    special = "hint" in vars(error) and name != "MissingCredentials"
    if not special and (ids := [number for number, _ in getattr(error, "errors", ()) if number in _HINTS_BY_ID]):
        return _HINTS_BY_ID[ids[0]]
    return hint if special else _HINTS.get(name, hint)


def _with_request(error: Exception, message: str) -> str:
    request_id = getattr(error, "request_id", None)
    return f"{message.rstrip('.')} (request {request_id})" if request_id else message


def _failure(what: str, hint: str, exit_code: int) -> Failure:
    what = one_line(what)
    end = "" if what.endswith((".", "?", "!", "?)")) else "."
    return Failure(f"error: {what}{end} {hint}".rstrip(), exit_code)
