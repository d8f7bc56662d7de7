"""`portico worker`: takes documents to index out of the database of an installation, on this host or on another."""

from __future__ import annotations

from typing import Any

import click

from portico.server.settings import Settings

from .errors import RequestFailed
from .groups import Command
from .serve import explain_os_error, load_settings, server_missing, setting_options

_OPTIONS = ("data_dir", "models_dir", "worker_jobs", "shutdown_grace_s", "local_models", "local_threads", "log_level")
_EPILOG = """What a worker on another host needs in its environment, the same as the servers have:
  PORTICO_DATABASE_URL             the PostgreSQL that all share
  PORTICO_SECRET_KEY               key for hashing and encryption
  PORTICO_FILES_BUCKET_URL, ...    the bucket of the files, or a data folder that all see
  PORTICO_PROVIDER_<NAME>_API_KEY  keys of providers that embed, unless they are kept in the database
Every other setting of `portico serve` is read from the environment, too."""


class WorkerCommand(Command):
    """The settings that matter to a worker as options, and the variables of the environment below them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params[:0] = setting_options(_OPTIONS)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write("\n" + _EPILOG + "\n")
        super().format_epilog(ctx, formatter)


@click.command(
    cls=WorkerCommand,
    examples=[
        "portico worker                            # beside the server of this host",
        "portico worker --worker-jobs 8",
        "PORTICO_DATABASE_URL=postgresql://... PORTICO_SECRET_KEY=... portico worker --data /var/lib/portico",
    ],
)
def worker(**values: Any) -> None:
    """Index documents on this host, until Ctrl-C or SIGTERM.

    A server brings a worker of its own (`--worker off` leaves it out); start more of them, here or on other hosts, for
    more documents at the same time. One that dies is replaced by the others within 30 seconds. It makes no tokens and
    opens no port.
    """
    settings = load_settings(**values)
    try:
        _work(settings)
    except OSError as error:
        raise RequestFailed(*explain_os_error(error, settings)) from error


def _work(settings: Settings) -> None:
    try:
        from portico.server.app.working import work
        from portico.server.errors import StartError
    except ModuleNotFoundError as error:
        raise server_missing(error) from error
    try:
        work(settings, click.echo)
    except StartError as error:
        raise RequestFailed(str(error)) from error
