"""The options that some commands share: of which project, and with which data folder.

Apart from `options.py`, which every command knows and which asks nobody.
"""

from __future__ import annotations

from pathlib import Path

import click

from .suggest import suggest_projects

project_option = click.option(
    "--project",
    "project_id",
    metavar="ID",
    shell_complete=suggest_projects,
    help="Project, when the token in use is the organization's.",
)
data_option = click.option(
    "--data",
    "data_dir",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIRECTORY",
    help="Data folder of the server; default as for `portico serve`.",
)
