"""`portico serve`: settings from the environment and the options, then the server of this host.

The options are made from the settings themselves, so that each has one name, one default and one line of help.
"""

from __future__ import annotations

import errno
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import Field, fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import click

from portico.server.settings import Secret, SettingError, Settings

from .errors import NotConfigured, RequestFailed
from .groups import Command

_OTHER_NAMES = {"data_dir": "--data"}
_UNITS = {"_s": "SECONDS", "_bytes": "BYTES"}
# Their values must not stand in a command line, where every user of the machine can read them.
_ENVIRONMENT_ONLY = ("provider_keys", "provider_urls", "provider_options")

_EPILOG = """Secrets come from the environment only, since every user of a machine can read a command line:
  PORTICO_DATABASE_URL             a PostgreSQL of your own instead of the embedded one
  PORTICO_SECRET_KEY               key for hashing and encryption, the same on all hosts of a database
  PORTICO_PROVIDER_<NAME>_API_KEY  key of a provider, PORTICO_PROVIDER_<NAME>_BASE_URL its address
Every option can be given as PORTICO_<NAME>, too, and PORT and DATA work."""


class ServeCommand(Command):
    """The server's settings as options, and the variables of the environment below them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params[:0] = setting_options()

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write("\n" + _EPILOG + "\n")
        super().format_epilog(ctx, formatter)


def setting_options(names: Collection[str] | None = None) -> Iterator[click.Option]:
    """One option per setting that is no secret, of all or of those named.

    They are without default, so that the environment speaks when they do not.
    """
    hints = get_type_hints(Settings)
    for setting in fields(Settings):
        kinds = [k for k in (get_args(hints[setting.name]) or (hints[setting.name],)) if k is not type(None)]
        if setting.name in _ENVIRONMENT_ONLY or Secret in kinds or (names is not None and setting.name not in names):
            continue
        yield _option(setting, hints[setting.name], kinds[0])


def _option(setting: Field[Any], hint: Any, kind: Any) -> click.Option:
    name, metavar = setting.name, None
    for unit, word in _UNITS.items():
        if name.endswith(unit):
            name, metavar = name.removesuffix(unit), word
    long = "--" + name.replace("_", "-")
    names = [setting.name, *([_OTHER_NAMES[setting.name]] if setting.name in _OTHER_NAMES else []), long]
    default = _default(setting)
    text = setting.metadata["help"] + (f"  [{default}]" if default else "")
    if kind is bool:
        return click.Option([setting.name, f"{long}/--no-{long[2:]}"], default=None, help=text)
    choice = click.Choice(get_args(hint)) if get_origin(hint) is Literal else None
    path = click.Path(file_okay=False, path_type=Path) if kind is Path else None
    return click.Option(names, type=choice or path or kind, metavar=metavar, default=None, help=text)


def _default(setting: Field[Any]) -> str:
    """The default as it is shown, or nothing where it has no short form."""
    match setting.default:
        case bool() as switch:
            return "on" if switch else "off"
        case float() as number:
            return f"{number:.15g}"
        case int() | str() as value:
            return str(value)
        case _:
            return ""


@click.command(
    cls=ServeCommand,
    examples=[
        "portico serve",
        "portico serve --port 9000 --data ~/portico",
        "portico serve --no-starter                # do not pull the starter model",
        "PORTICO_PROVIDER_OPENAI_API_KEY=... portico serve --workers 2",
    ],
)
@click.option("--no-starter", is_flag=True, help="Do not pull the starter chat model; as --starter-pull off.")
def serve(no_starter: bool, **values: Any) -> None:
    """Start the server on this host: one process, an embedded database and local models, until Ctrl-C.

    The first start makes an organization, a project and a token for each; where they are is printed.
    """
    if no_starter:
        values["starter_pull"] = "off"
    settings = load_settings(**values)
    try:
        code = _serve(settings)
    except OSError as error:
        raise RequestFailed(*explain_os_error(error, settings)) from error
    if code:
        raise click.exceptions.Exit(code)


def load_settings(**values: object) -> Settings:
    """The settings of this host's server; a bad value is a usage error."""
    try:
        return Settings.load(None, **values)
    except SettingError as error:
        raise click.UsageError(str(error)) from None


def find_installation(data_dir: Path | None) -> Settings:
    """The settings of a server that has been started here. Raises RequestFailed where none ever was: a mistyped folder
    would be given a database of its own, and all be said to be well in it."""
    settings = load_settings(data_dir=data_dir)
    if settings.database_url is None and not (settings.data_dir / "postgres").exists():
        raise RequestFailed(
            f"no server was started with the data folder {settings.data_dir}",
            "Name its folder with --data, or set PORTICO_DATABASE_URL as the server has it.",
        )
    return settings


def _serve(settings: Settings) -> int:
    try:
        from portico.server.app import serve as start
        from portico.server.errors import StartError
    except ModuleNotFoundError as error:
        raise server_missing(error) from error
    try:
        return start(settings, click.echo)
    except StartError as error:
        raise RequestFailed(str(error)) from error


@contextmanager
def acting_on_host(settings: Settings) -> Iterator[None]:
    """For the server's own code, imported within: its refusals, and those of the system, are told as a command's.

    Raises RequestFailed, and NotConfigured where the server is not installed.
    """
    try:
        from portico.server.errors import PorticoError, StartError

        try:
            yield
        except (StartError, PorticoError) as error:
            raise RequestFailed(str(error)) from error
    except ModuleNotFoundError as error:
        raise server_missing(error) from error
    except OSError as error:
        raise RequestFailed(*explain_os_error(error, settings)) from error


def server_missing(error: ModuleNotFoundError) -> NotConfigured:
    return NotConfigured(
        f"the server is not installed here ({error.name} is missing)", "Install it: pip install 'portico[server]'"
    )


def explain_os_error(error: OSError, settings: Settings) -> tuple[str, str]:
    """An error of the operating system at start, as what happened and what to do."""
    match error.errno:
        case errno.EADDRINUSE:
            return f"port {settings.port} of {settings.host} is taken", "Choose another one: portico serve --port 8081"
        case errno.EADDRNOTAVAIL:
            return f"this host has no address {settings.host}", "Use --host 127.0.0.1, or 0.0.0.0 for all addresses"
        case errno.EACCES | errno.EPERM:
            what = error.filename or f"port {settings.port}"
            return f"no permission for {what}", "Use a data folder of your own (--data) and a port above 1023"
        case errno.ENOSPC | errno.EDQUOT:
            return f"the disk of {settings.data_dir} is full", "Make room, or choose another folder with --data"
        case errno.EEXIST | errno.ENOTDIR:
            return f"{error.filename} cannot be a folder: there is a file", "Choose another folder with --data"
        case _:
            where = f" ({error.filename})" if error.filename else ""
            return f"cannot start: {error.strerror or error}{where}", ""
