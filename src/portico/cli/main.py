"""The command `portico`: the table of its commands, and one place where an error becomes a line and an exit code."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click
from click.shell_completion import shell_complete

from portico import __version__

from .groups import Group, Lazy

COMMANDS = {
    "chat": Lazy("portico.cli.chat:chat", "Ask a model, an assistant or an agent; without a message, have a talk."),
    "assistants": Lazy("portico.cli.assistants:assistants", "Define assistants, publish revisions, ask them."),
    "rag": Lazy("portico.cli.rag:rag", "Answer from documents: fill RAG assistants, ask them, watch and measure them."),
    "parse": Lazy("portico.cli.parse:parse", "Read a file: documents, sheets, slides, mails, pictures."),
    "responses": Lazy("portico.cli.responses:responses", "Ask with pictures and PDFs, by the Responses API."),
    "embed": Lazy("portico.cli.embeddings:embed", "Turn texts into vectors."),
    "rerank": Lazy("portico.cli.rerank:rerank", "Rank documents by how well they fit a query."),
    "images": Lazy("portico.cli.images:images", "Make pictures from a text, and change pictures."),
    "audio": Lazy("portico.cli.audio:audio", "Have texts spoken, and recordings written down."),
    "videos": Lazy("portico.cli.videos:videos", "Make films: begin one, ask after it, fetch it."),
    "llm": Lazy("portico.cli.llm:llm", "Show the providers and models of the server."),
    "providers": Lazy("portico.cli.providers:providers", "Add keys, providers and models; see which are set up."),
    "aliases": Lazy("portico.cli.aliases:aliases", "Give models names of your own, with balancing and fallbacks."),
    "projects": Lazy("portico.cli.projects:projects", "Make, show, change and delete the projects of an organization."),
    "organizations": Lazy("portico.cli.organizations:organizations", "Make, show and delete organizations."),
    "members": Lazy("portico.cli.members:members", "Invite people, give them roles and take them away."),
    "roles": Lazy("portico.cli.roles:roles", "Show roles; make those that open some assistants."),
    "users": Lazy("portico.cli.users:users", "Invite people to the installation, block them, end their sessions."),
    "files": Lazy("portico.cli.files:files", "Upload, list, fetch and delete the files of a project."),
    "tokens": Lazy("portico.cli.tokens:tokens", "Make, show, block and delete API tokens."),
    "usage-limits": Lazy(
        "portico.cli.usage_limits:usage_limits", "Set and show what an organization or a project may use."
    ),
    "requests": Lazy("portico.cli.requests:requests", "Show the requests of a project, and end one that runs."),
    "analytics": Lazy("portico.cli.analytics:analytics", "Show what was used, by whom, and what it cost."),
    "guardrails": Lazy("portico.cli.guardrails:guardrails", "Show and set what a project checks of its requests."),
    "secrets": Lazy("portico.cli.secrets:secrets", "Keep values that tools of a project use by their name."),
    "feedback": Lazy("portico.cli.feedback:feedback", "Say whether an answer was good."),
    "audit": Lazy("portico.cli.audit:audit", "Show who did what, and check that nobody changed the log."),
    "cache": Lazy("portico.cli.cache:cache", "Forget cached answers of a project."),
    "status": Lazy("portico.cli.status:status", "Say whether the server answers, and which models are ready."),
    "login": Lazy("portico.cli.sign_in:login", "Keep an address and a token; sign in as a user."),
    "logout": Lazy("portico.cli.sign_in:logout", "End the session, and forget the tokens of a profile."),
    "whoami": Lazy("portico.cli.sign_in:whoami", "Say who the server takes us for."),
    "configure": Lazy("portico.cli.profiles:configure", "List, choose, rename and remove profiles that login wrote."),
    "serve": Lazy("portico.cli.serve:serve", "Start the server on this host."),
    "worker": Lazy("portico.cli.worker:worker", "Index documents on this host, beside a server or without one."),
    "models": Lazy("portico.cli.models:models", "List, pull and remove the local models of this host."),
    "completion": Lazy("portico.cli.completion:completion", "Print the completion script of a shell."),
    "version": Lazy("portico.cli.version:version", "Print the version of Portico and of what it runs on."),
    "help": Lazy("portico.cli.version:help_", "Show the help of a command."),
}

_EXAMPLES = (
    "portico serve                              # a server with local models, no key needed",
    'portico chat "Name three rivers of Chile"  # ask the best local model',
    "git diff | portico chat 'Write a commit message:' -",
    "portico llm models --type Embedding -o json",
)

_EXIT_CODES = """Exit codes:
  0    done
  1    the server refused, or the request failed
  2    wrong use: unknown command or option, bad value
  3    the server cannot be reached, or did not answer in time
  4    not configured: no address, no token, or a part that is not installed
  130  interrupted; 141 the reader of the output went away"""


@click.group(cls=Group, lazy=COMMANDS, examples=_EXAMPLES, epilog=_EXIT_CODES, invoke_without_command=True)
@click.version_option(__version__, message="portico %(version)s")
@click.pass_context
def portico(context: click.Context) -> None:
    """One door to every model, assistant and agent: the command line of Portico.

    The server is taken from --base-url or --alias, the environment (GEAI_API_KEY, GEAI_API_BASE_URL),
    ~/.geai/credentials, or the server that runs on this host, in this order.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; the result is the exit code."""
    _prepare_streams()
    code = 0
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        _write_to_nowhere()
        return 141
    except OSError as error:  # the disk behind the output is full
        _write_to_nowhere()
        return code or _refuse(error)
    return code


def _prepare_streams() -> None:
    """Streams that the caller closed (`portico ... <&-`) read and write nothing."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        # Text that the terminal's encoding cannot show is shown escaped rather than as a traceback.
        with contextlib.suppress(AttributeError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def _write_to_nowhere() -> None:
    """Python flushes at exit and would complain once more about an output that takes nothing."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run(arguments: Sequence[str] | None) -> int:
    if instruction := os.environ.get("_PORTICO_COMPLETE"):
        from . import completion_shells  # noqa: F401

        return shell_complete(portico, {}, "portico", "_PORTICO_COMPLETE", instruction)
    try:
        with portico.make_context("portico", list(sys.argv[1:] if arguments is None else arguments)) as context:
            portico.invoke(context)
        return 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except (KeyboardInterrupt, EOFError, click.Abort):
        from portico.__main__ import tell_interrupted

        return tell_interrupted()
    except BrokenPipeError:
        raise
    except Exception as error:
        return _refuse(error)


def _refuse(error: Exception) -> int:
    """One line on standard error that says what happened and what to do; an error of ours keeps its traceback."""
    from .errors import explain

    failure = explain(error)
    if failure is None:
        raise error
    click.echo(failure.line, err=True)
    return failure.exit_code
