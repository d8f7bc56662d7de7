"""`portico completion`: the script that makes a shell complete commands, options and their values."""

from __future__ import annotations

from typing import Literal

import click

from .groups import Command

Shell = Literal["bash", "zsh", "fish"]

_INSTALL = {
    "bash": "portico completion bash > ~/.local/share/bash-completion/completions/portico",
    "zsh": 'portico completion zsh > "${fpath[1]}/_portico"',
    "fish": "portico completion fish > ~/.config/fish/completions/portico.fish",
}


@click.command(
    cls=Command,
    examples=[
        'eval "$(portico completion bash)"        # this shell only; zsh alike',
        "portico completion fish | source         # this shell only",
        *_INSTALL.values(),
    ],
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: Shell) -> None:
    """Print the completion script of a shell (bash 4.4 or later, zsh, fish)."""
    from click.shell_completion import get_completion_class

    from . import completion_shells  # noqa: F401
    from .main import portico

    kind = get_completion_class(shell)
    # The class's own source() asks the installed bash for its version, which need not be the shell that reads this.
    click.echo(kind.source_template % kind(portico, {}, "portico", "_PORTICO_COMPLETE").source_vars())
    # At the end: zsh wants `#compdef` in the first line.
    click.echo(f"# To keep it: {_INSTALL[shell]}")
