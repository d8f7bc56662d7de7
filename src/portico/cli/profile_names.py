"""Names of the profiles on this machine, for the shell's completion; read from files, with no server asked.

Apart from `suggest.py`, which asks with the options of the command and so cannot be known to `options.py`.
"""

from __future__ import annotations

from contextlib import suppress

import click


def suggest_profiles(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Those that hold something and begin as typed. Never fails: a completion must not."""
    from portico.sdk.credentials import geai_file, local_server_file, read_profiles

    names: list[str] = []
    with suppress(Exception):
        profiles = {**read_profiles(local_server_file()), **read_profiles(geai_file())}
        names = [name for name, entries in profiles.items() if entries]
    return sorted(name for name in names if name.startswith(incomplete))
