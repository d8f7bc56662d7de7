"""The options that every command takes, anywhere in the line: who asks, whom, and how the answer is shown."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import click

from .profile_names import suggest_profiles

Format = Literal["json", "yaml", "table"]

_KEY = "portico.options"


@dataclass(frozen=True, slots=True)
class Options:
    """What the global options said; None where nothing was said."""

    alias: str | None = None
    credentials: Path | None = None
    base_url: str | None = None
    output: Format | None = None
    timeout_s: float | None = None
    verbose: bool = False
    no_color: bool = False

    @property
    def color(self) -> bool:
        return not (self.no_color or os.environ.get("NO_COLOR"))

    @classmethod
    def current(cls) -> Options:
        """The options of the running command; outside of a command, the defaults."""
        context = click.get_current_context(silent=True)
        return cls.of(context) if context else cls()

    @classmethod
    def of(cls, context: click.Context) -> Options:
        return cls(**cast("dict[str, Any]", context.find_root().meta.get(_KEY, {})))


def _remember(context: click.Context, parameter: click.Parameter, value: object) -> None:
    # A command's own word wins over the same option before the command, so silence must not overwrite.
    source = context.get_parameter_source(parameter.name or "")
    if source is not click.core.ParameterSource.DEFAULT:
        context.find_root().meta.setdefault(_KEY, {})[parameter.name] = value


def global_options(*, short_output: bool = True) -> Iterator[click.Option]:
    """Fresh click options, to be added to a command or a group. Without `short_output`, -o is the command's own."""

    def option(*names: str, **more: Any) -> GlobalOption:
        return GlobalOption(names, callback=_remember, expose_value=False, **more)

    yield option(
        "--alias", "-a", metavar="NAME", shell_complete=suggest_profiles, help="Profile of the credentials file to use."
    )
    yield option("--credentials", "--creds", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path),
                 help="Credentials file to read instead of ~/.geai/credentials.")  # fmt: skip
    yield option("--base-url", metavar="URL", help="Address of the server, for example http://127.0.0.1:8080.")
    yield option("--output", *(["-o"] if short_output else []), type=click.Choice(["json", "yaml", "table"]),
                 help="Form of the answer. Default: table on a terminal, json when piped.")  # fmt: skip
    yield option("--timeout", "timeout_s", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS",
                 help="Longest wait for an answer.")  # fmt: skip
    yield option("--verbose", "-v", is_flag=True, help="Say on standard error what is sent where; never a secret.")
    yield option("--no-color", is_flag=True, help="No colors; NO_COLOR in the environment does the same.")


class GlobalOption(click.Option):
    """An option of every command; listed in the help of `portico` only, so that the others stay short."""
