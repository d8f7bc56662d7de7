"""The command `portico`: the table of its commands, and one place where an error becomes a line and an exit code."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence

import click
from click.shell_completion import shell_complete

from portico import __version__

from .groups import Group, Lazy

COMMANDS = {
    "chat": Lazy("portico.cli.chat:chat", "Ask a model, an assistant or an agent; without a message, have a talk."),
    "embed": Lazy("portico.cli.embeddings:embed", "Turn texts into vectors."),
    "llm": Lazy("portico.cli.llm:llm", "Show the providers and models of the server."),
    "tokens": Lazy("portico.cli.tokens:tokens", "Make, show, block and delete API tokens."),
    "status": Lazy("portico.cli.status:status", "Say whether the server answers, and which models are ready."),
    "login": Lazy("portico.cli.profiles:login", "Keep an address and a token in the credentials file."),
    "configure": Lazy("portico.cli.profiles:configure", "List, check and remove the profiles of the credentials file."),
    "serve": Lazy("portico.cli.serve:serve", "Start the server on this host."),
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
    """Run one command line; the result is the exit code. Entry point of the script `portico`."""
    for stream in (sys.stdout, sys.stderr):
        # Text that the terminal's encoding cannot show is shown escaped rather than as a traceback.
        with contextlib.suppress(AttributeError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes at exit and would complain once more; let it write to nowhere.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return code


def _run(arguments: Sequence[str] | None) -> int:
    if instruction := os.environ.get("_PORTICO_COMPLETE"):
        return shell_complete(portico, {}, "portico", "_PORTICO_COMPLETE", instruction)
    try:
        with portico.make_context("portico", list(sys.argv[1:] if arguments is None else arguments)) as context:
            portico.invoke(context)
        return 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except (KeyboardInterrupt, EOFError, click.Abort):
        # On a terminal the cursor stands behind ^C, or behind half an answer.
        click.echo("\ninterrupted" if sys.stderr.isatty() else "interrupted", err=True)
        return 130
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
